// Package storage keeps a farm's records on disk: one SQLite catalog for all that
// changes, and immutable segment files in the Arrow IPC format for all that is big.
//
// The folder of the data holds
//
//	catalog.db      the catalog (SQLite, write-ahead log, synchronous=FULL)
//	segments/       one Arrow file of up to SegmentRecords records each
//	results/        the rows of finished aggregations, for an hour each
//	serve.lock      held by the server of the folder while it runs
//
// A segment exists when the catalog says so: its file is written and synced first,
// and one transaction makes it visible. A file that the catalog does not know is
// what a crash left; [Catalog.Sweep] removes it. The catalog knows a checksum of
// every column of every segment, which is verified when the column is first read.
package storage
