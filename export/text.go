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
	return newLineWriter(w, form == "csv", false)
}

// NewSpreadsheetWriter writes records as CSV that opens right in Excel: with a byte order
// mark, and with the line ends of RFC 4180.
func NewSpreadsheetWriter(w io.Writer) (RecordWriter, error) { return newLineWriter(w, true, true) }

func newLineWriter(w io.Writer, csv, spreadsheet bool) (RecordWriter, error) {
	lines := &lineWriter{out: bufio.NewWriterSize(w, 1<<20), csv: csv, spreadsheet: spreadsheet}
	if spreadsheet {
		lines.line = append(lines.line, byteOrderMark...)
	}
	if csv {
		lines.line = lines.ended(AppendRecordCSVHeader(lines.line))
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
	// spreadsheet is for lines that end as RFC 4180 asks.
	spreadsheet bool
}

// ended gives a line that ends as on Unix its right end.
func (w *lineWriter) ended(line []byte) []byte {
	if w.spreadsheet {
		return append(line[:len(line)-1], "\r\n"...)
	}
	return line
}

// Write implements RecordWriter.
func (w *lineWriter) Write(r *farmtally.Record) error {
	if w.csv {
		w.line = w.ended(AppendRecordCSV(w.line[:0], r))
	} else {
		w.line = append(AppendRecordJSON(w.line[:0], r), '\n')
	}
	_, err := w.out.Write(w.line)
	return err
}

// Close implements RecordWriter.
func (w *lineWriter) Close() error { return w.out.Flush() }
