package export

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/farmtally/farmtally"
)

// RecordForms are the forms that records are written in.
var RecordForms = []string{"ndjson", "csv", "parquet", "arrow"}

// RecordWriter writes records to a file. It is for one goroutine.
type RecordWriter interface {
	// Write takes a record, of which it keeps nothing.
	Write(r *farmtally.Record) error
	// Close ends the file, which has no meaning without; what it was written to stays open.
	Close() error
}

// RecordConfig says how records are written.
type RecordConfig struct {
	Form string // one of RecordForms; Parquet and Arrow are packed with zstd
	// Spreadsheet makes CSV open right in Excel, as that of StatisticsConfig does.
	Spreadsheet bool
}

// NewRecordWriter writes records in the form that the config names. CSV has the columns of
// the members of NDJSON; Parquet and Arrow have rateId too, and costs that a rate card gave.
func NewRecordWriter(w io.Writer, c RecordConfig) (RecordWriter, error) {
	lines := &lineWriter{out: bufio.NewWriterSize(w, bufferBytes)}
	switch c.Form {
	case "parquet", "arrow":
		return newRecordColumns(w, c.Form)
	case "ndjson":
		lines.append, lines.end = AppendRecordJSON, "\n"
		return lines, nil
	case "csv":
		lines.append = appendRecordCSV
		lines.line, lines.end = csvForm(c.Spreadsheet)
		lines.line = append(lines.line, strings.Join(recordNames, ",")...)
		return lines, lines.flush()
	default:
		return nil, noForm(c.Form, RecordForms)
	}
}

// noForm is the error for a form that is none of those there are.
func noForm(form string, forms []string) error {
	return fmt.Errorf("there is no form %q; those there are: %s", form, strings.Join(forms, ", "))
}

// lineWriter writes NDJSON or CSV.
type lineWriter struct {
	out    *bufio.Writer
	append func([]byte, *farmtally.Record) []byte
	line   []byte
	end    string // of each line
}

// Write implements RecordWriter.
func (w *lineWriter) Write(r *farmtally.Record) error {
	w.line = w.append(w.line[:0], r)
	return w.flush()
}

// flush writes the line.
func (w *lineWriter) flush() error {
	w.line = append(w.line, w.end...)
	_, err := w.out.Write(w.line)
	return err
}

// Close implements RecordWriter.
func (w *lineWriter) Close() error { return w.out.Flush() }
