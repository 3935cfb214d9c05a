// Package farmtally says what a render farm's sessions used and what they cost,
// to the nano-dollar.
//
// It is the domain of the product: usage [Record]s go in, a [Query] asks, and
// [Row]s come out. The package does no I/O and reads no clock. Time is kept in
// whole milliseconds ([Instant]) and money in whole nano-dollars ([Money]), both
// integers from the door to the last sum; floating point appears only when a
// number is printed.
//
// The arithmetic that decides what every number means is here, and only here:
// [BucketOf] cuts time at local boundaries, [Cum] and [Use.Slice] divide a record
// among the buckets that it meets, [Stat] adds the slices up. A [Backend] stores
// records and answers queries; every backend gives the same rows. The embedded one is
// package engine, on a data folder of package storage.
package farmtally
