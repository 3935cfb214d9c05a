// Package ingest turns what schedulers and people write into usage records: the
// accounting log of Slurm, and farmtally's own record schema as NDJSON and CSV.
//
// A [Source] knows one format and gives a [Row] for each row of a stream: its valid
// records, or why it has none. [Load] reads files through a Source, prices the
// records, hands them to an import of a backend and counts what became of every row.
// docs/formats.md describes the formats for users.
package ingest

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/farmtally/farmtally"
)

// Source reads one format. It is safe for concurrent use.
type Source interface {
	// Read calls yield for every row of the stream, in order. It ends with the error
	// of yield or of r, with ctx's, or, where the stream as a whole can't be of the
	// format, with a *farmtally.Error of Kind Invalid. A faulty row is no error.
	Read(ctx context.Context, r io.Reader, yield func(*Row) error) error
}

// Row is a row of a stream. Exactly one of Records, Skip and Faults says something.
// It is the Source's own: its slices are used again after yield has returned.
type Row struct {
	Line    int64              // where the row begins, from 1
	Records []farmtally.Record // valid ones; they may be kept, one by one
	Skip    Skip               // why the row is passed over
	Faults  []farmtally.Field  // why the row is rejected
}

// Skip is a reason for which a row that is no fault has no records.
type Skip string

// The reasons for which rows are skipped.
const (
	BlankLine      Skip = "blank line"
	RepeatedHeader Skip = "repeated header"
	JobStep        Skip = "job step"
	NoNode         Skip = "never got a node"
)

func (r *Row) begin(line int64) {
	r.Line, r.Records, r.Skip, r.Faults = line, r.Records[:0], "", r.Faults[:0]
}

func (r *Row) fault(field, format string, args ...any) {
	r.Faults = append(r.Faults, farmtally.Field{Name: field, Message: fmt.Sprintf(format, args...)})
}

// add takes a record, or its faults. A field that is at fault already is not named
// again.
func (r *Row) add(record *farmtally.Record) {
	for _, f := range record.Validate() {
		if !r.faulty(f.Name) && (f.Name != "licenseProduct" || !r.faulty("usageType")) {
			r.Faults = append(r.Faults, f)
		}
	}
	if len(r.Faults) > 0 {
		r.Records = r.Records[:0]
		return
	}
	r.Records = append(r.Records, *record)
}

func (r *Row) faulty(field string) bool {
	return slices.ContainsFunc(r.Faults, func(f farmtally.Field) bool { return f.Name == field })
}

// wholeLine stands for the field where a line as a whole is at fault.
const wholeLine = "line"

// quoted shows a value in a message, shortened.
func quoted(s string) string {
	const most = 60
	if len(s) > most {
		return fmt.Sprintf("%.*q…", most, s)
	}
	return fmt.Sprintf("%q", s)
}
