package export

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/farmtally/farmtally"
)

// RecordWriter writes records to a file of columns. It is for one goroutine.
type RecordWriter interface {
	// Write takes a record, of which it keeps nothing.
	Write(r *farmtally.Record) error
	// Close ends the file, which has no meaning without; what it was written to stays open.
	Close() error
}

// groups cuts records into groups and hands each on as columns.
type groups struct {
	columns columnBuilder
	n       int
	flush   func(columnBuilder) error
	end     func() error
}

// Write implements RecordWriter.
func (g *groups) Write(r *farmtally.Record) error {
	g.columns.add(r)
	if g.n++; g.n < groupRecords {
		return nil
	}
	g.n = 0
	return g.flush(g.columns)
}

// Close implements RecordWriter.
func (g *groups) Close() error {
	if g.n > 0 {
		if err := g.flush(g.columns); err != nil {
			return err
		}
	}
	g.columns.Release()
	return g.end()
}

// NewArrowWriter writes an Arrow IPC file, also known as Feather version 2, packed with
// zstd.
func NewArrowWriter(w io.Writer) (RecordWriter, error) {
	file, err := ipc.NewFileWriter(w, ipc.WithSchema(columnSchema), ipc.WithZstd())
	if err != nil {
		return nil, fmt.Errorf("begin arrow file: %w", err)
	}
	return &groups{columns: newColumnBuilder(), flush: func(b columnBuilder) error {
		batch := b.NewRecordBatch()
		defer batch.Release()
		if err := file.Write(batch); err != nil {
			return fmt.Errorf("write arrow file: %w", err)
		}
		return nil
	}, end: func() error {
		if err := file.Close(); err != nil {
			return fmt.Errorf("end arrow file: %w", err)
		}
		return nil
	}}, nil
}
