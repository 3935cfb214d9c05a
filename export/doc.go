// Package export writes files: records in the forms that ingest reads, so that what goes
// out can come in again; charges in FOCUS; and the rows of answers. Amounts are exact
// decimals in every form, and no text in CSV is a formula.
package export
