// Package kernel is the inner loop of an aggregation over one segment: it filters
// records by their queue or fleet and by time, slices them over buckets, and adds
// the slices up by bucket and group, all over plain slices of integers.
//
// A [Scan] names the columns and the question. Its Run sweeps over the rows in the
// order of their starts: the rows that start in one bucket lie together, so that one
// bucket is summed up at a time, in cells for its groups alone, whatever the number
// of buckets; a record that crosses the bucket's end is carried to the next. Run
// gives a [Partial], in the order of an answer's rows. [Scan.Plain] is the readable
// twin of Run: one record and one bucket at a time, into a map, and the two are
// tested to give the same.
//
// [Count], [Earliest] and [Latest] look at whole columns, to tell what is stored.
//
// Two loops, Unsigned.pick and addRows, take most of a scan's time: vector_amd64.s has them
// for AVX2. The loops in Go do the same, on other processors and for columns of rare widths.
package kernel
