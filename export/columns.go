package export

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/farmtally/farmtally"
)

// groupRows is how many rows are written at once: a row group of Parquet, a batch of
// Arrow. It bounds a writer's memory.
const groupRows = 1 << 17

// instantType is the type of columns of times.
var instantType = &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}

// columnsConfig says how a file of columns is written.
type columnsConfig struct {
	form  string   // "parquet" or "arrow"
	plain []string // columns whose texts hardly repeat: without dictionaries in Parquet
	pack  bool     // pack Arrow with zstd, which not every reader unpacks; Parquet always is
	about []string // keys and values of Parquet's metadata, in turn
}

// columns writes rows to a file of columns, in groups. It is for one goroutine.
type columns struct {
	builder *array.RecordBuilder
	n       int
	flush   func(arrow.RecordBatch) error
	end     func() error
}

func newColumns(w io.Writer, schema *arrow.Schema, c columnsConfig) (*columns, error) {
	out := &columns{builder: array.NewRecordBuilder(memory.DefaultAllocator, schema)}
	if c.form == "parquet" {
		return out, out.writeParquet(w, schema, c)
	}
	return out, out.writeArrow(w, schema, c.pack)
}

// writeArrow makes the file an Arrow IPC file, also known as Feather version 2.
func (c *columns) writeArrow(w io.Writer, schema *arrow.Schema, pack bool) error {
	options := []ipc.Option{ipc.WithSchema(schema)}
	if pack {
		options = append(options, ipc.WithZstd())
	}
	file, err := ipc.NewFileWriter(w, options...)
	if err != nil {
		return fmt.Errorf("begin arrow file: %w", err)
	}
	c.flush = func(batch arrow.RecordBatch) error {
		if err := file.Write(batch); err != nil {
			return fmt.Errorf("write arrow file: %w", err)
		}
		return nil
	}
	c.end = func() error {
		if err := file.Close(); err != nil {
			return fmt.Errorf("end arrow file: %w", err)
		}
		return nil
	}
	return nil
}

// row ends a row, all of whose cells are filled.
func (c *columns) row() error {
	if c.n++; c.n < groupRows {
		return nil
	}
	return c.group()
}

func (c *columns) group() error {
	c.n = 0
	batch := c.builder.NewRecordBatch()
	defer batch.Release()
	return c.flush(batch)
}

// Close ends the file; what it was written to stays open.
func (c *columns) Close() error {
	if c.n > 0 {
		if err := c.group(); err != nil {
			return err
		}
	}
	c.builder.Release()
	return c.end()
}

// cells begins a row.
func (c *columns) cells() cells { return cells{builder: c.builder} }

// cells fills the cells of one row, in the order of the columns.
type cells struct {
	builder *array.RecordBuilder
	at      int
}

// next is the column of the next cell.
func (c *cells) next() array.Builder {
	c.at++
	return c.builder.Field(c.at - 1)
}

// text fills a cell; "" is absent where the column may be.
func (c *cells) text(s string) {
	nullable := c.builder.Schema().Field(c.at).Nullable
	to := c.next().(*array.StringBuilder) //nolint:forcetypeassert // the schema says so
	if s == "" && nullable {
		to.AppendNull()
		return
	}
	to.Append(s)
}

func (c *cells) instant(t farmtally.Instant) {
	c.next().(*array.TimestampBuilder).Append(arrow.Timestamp(t)) //nolint:forcetypeassert // the schema says so
}

func (c *cells) count(n int64) {
	c.next().(*array.Int64Builder).Append(n) //nolint:forcetypeassert // the schema says so
}

// decimal fills a cell with a count of the column's smallest unit.
func (c *cells) decimal(v decimal128.Num) {
	c.next().(*array.Decimal128Builder).Append(v) //nolint:forcetypeassert // the schema says so
}

func (c *cells) integer(v int64, present bool) {
	if !present {
		c.null()
		return
	}
	c.decimal(decimal128.FromI64(v))
}

func (c *cells) double(v float64) {
	c.next().(*array.Float64Builder).Append(v) //nolint:forcetypeassert // the schema says so
}

func (c *cells) null() { c.next().AppendNull() }
