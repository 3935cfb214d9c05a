// Package export writes records in the forms that ingest reads, so that what goes
// out can come in again: our own NDJSON and CSV, in the field names of a record.
package export
