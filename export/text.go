package export

import (
	"bufio"
	"fmt"
	"io"

	"github.com/farmtally/farmtally"
)

// NewRecordWriter writes records in one of the forms of RecordForms.
func NewRecordWriter(form string, w io.Writer) (RecordWriter, error) {
	switch form {
	case "parquet":
		return NewParquetWriter(w)
	case "arrow":
		return NewArrowWriter(w)
	}
	lines := &lineWriter{out: bufio.NewWriterSize(w, 1<<20), csv: form == "csv"}
	if lines.csv {
		lines.line = AppendRecordCSVHeader(nil)
	}
	if _, err := lines.out.Write(lines.line); err != nil {
		return nil, fmt.Errorf("write header: %w", err)
	}
	return lines, nil
}

// RecordForms are the forms that records are written in.
var RecordForms = []string{"ndjson", "csv", "parquet", "arrow"}

// lineWriter writes NDJSON or CSV.
type lineWriter struct {
	out  *bufio.Writer
	line []byte
	csv  bool
}

// Write implements RecordWriter.
func (w *lineWriter) Write(r *farmtally.Record) error {
	if w.csv {
		w.line = AppendRecordCSV(w.line[:0], r)
	} else {
		w.line = append(AppendRecordJSON(w.line[:0], r), '\n')
	}
	_, err := w.out.Write(w.line)
	return err
}

// Close implements RecordWriter.
func (w *lineWriter) Close() error { return w.out.Flush() }
