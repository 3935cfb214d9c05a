// Package kernel is the inner loop of an aggregation over one segment: it filters
// records by their queue or fleet and by time, slices them over buckets, and adds
// the slices up by bucket and group, all over plain slices of integers.
//
// A [Scan] names the columns and the question; [Scan.Run] answers it with a [Partial], in
// the order of an answer's rows. [Scan.Plain] gives the same answer, one record and one
// bucket at a time, into a map. It is what Run means: read it first. Tests hold Run to it on
// random scans.
//
// # Words
//
// A code is the number that a column has in place of a text. A place is the number of a
// value among those that the segment has of a dimension, in the order of an answer's rows;
// of two dimensions a row's place is first · seconds + second, where seconds is how many the
// second has, so that what ascends by place is in that order. A cell holds the statistics of
// one bucket and place: an [Entry], whose sums have 64 bits, and apart from it what they have
// beyond ([High]). A zone is [ZoneRows] rows of which the latest end is known, a block
// [BlockRows] rows that are worked on at once. Picked rows are a list of row numbers,
// ascending, each counted from the block's first row.
//
// # How Run goes
//
// Rows are sorted by their starts, so that those which start in one bucket lie together. Run
// takes one bucket after the other, and has cells for the groups of that one alone, however
// many buckets there are. A record that crosses a bucket's end is carried to the next:
//
//	bucket    0        1        2
//	     |        |        |        |
//	row 0|  ====  |        |        |   added whole
//	row 1|      ==|===     |        |   crosses: its slice of 0 is added, then it is carried
//	row 2|        |  ===   |        |   added whole
//	row 3|        |     ===|========|=  crosses, and is carried as long as it goes on
//
// Of bucket 1 a sweep (scan.go) does this:
//
//	carry     adds row 1's slice, and lets go of it, for it ends here
//	rows      goes over rows 2 and 3, a block at a time:
//	  pick      the rows whose queue or fleet is wanted, and that are not dropped
//	  note      counts them as seen
//	  split     takes row 3, which ends later, out of the picked, and adds its slice; a block
//	            none of whose zones ends later is not looked at
//	  add       locates the places of the others, and adds each row to its cell
//	finish    takes the cells that have samples into the Partial, and empties them
//
// Records that start before the range are carried into it (before, in carry.go), with what
// they had accrued until then. A slice is what has accrued at its end less what had at its
// beginning ([farmtally.Cum]), so that the slices of a record add up to it exactly.
//
// # Files
//
//	plain.go            Plain: what Run means
//	scan.go             Scan, its answer, and the sweep
//	carry.go            records that cross a bucket's end
//	cells.go, cell.go   the cells of a bucket: one for each place or, of many places, by hash
//	column.go           the loops over columns, whatever their width
//	vector_amd64.go, .s two of those loops, Unsigned.pick and addRows, for AVX2: they take
//	                    most of a scan's time. The loops in Go do the same, for other
//	                    processors and rare widths, and tests run both
//	pieces.go           a scan in pieces that run side by side
//	tally.go            Count, CountOf, Earliest, Latest: counts and times of whole columns by
//	                    code, for what a catalog tells of a segment
package kernel
