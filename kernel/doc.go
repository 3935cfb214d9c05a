// Package kernel is the inner loop of an aggregation over one segment: it filters
// records by their queue or fleet and by time, slices them over buckets, and adds
// the slices up by bucket and group, all over plain slices of integers.
//
// A [Scan] names the columns and the question, a [Table] holds the cells. [Plain]
// is the readable twin of [Scan.Run]: one record at a time, and the two are tested
// to give the same cells.
package kernel
