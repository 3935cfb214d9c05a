package backendtest

import (
	"bytes"
	"fmt"
	"math/big"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// Table is a file of columns, read to its end. A cell is nil, a string, a float64, an
// int64 (a time: its milliseconds since 1970) or a decimal as a *big.Rat.
type Table struct {
	Names    []string
	Nullable map[string]bool
	Types    map[string]string // "string", "double", "int64", "timestamp", "decimal(38,18)"
	Rows     []map[string]any
	About    map[string]string // Parquet's own metadata
}

func (t *Table) column(name, kind string, nullable bool) {
	if t.Nullable == nil {
		t.Nullable, t.Types = map[string]bool{}, map[string]string{}
	}
	t.Names = append(t.Names, name)
	t.Nullable[name], t.Types[name] = nullable, kind
}

// grow makes room for rows behind those that there are, and gives the first's place.
func (t *Table) grow(n int) int {
	from := len(t.Rows)
	for range n {
		t.Rows = append(t.Rows, map[string]any{})
	}
	return from
}

// ReadArrow reads an Arrow IPC file.
func ReadArrow(content []byte) (*Table, error) {
	r, err := ipc.NewFileReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // it only reads
	t := &Table{}
	for _, f := range r.Schema().Fields() {
		kind := f.Type.Name()
		switch d := f.Type.(type) {
		case *arrow.Decimal128Type:
			kind = fmt.Sprintf("decimal(%d,%d)", d.Precision, d.Scale)
		case *arrow.StringType:
			kind = "string"
		}
		t.column(f.Name, kind, f.Nullable)
	}
	for i := range r.NumRecords() {
		batch, err := r.RecordBatchAt(i)
		if err != nil {
			return nil, err
		}
		from := t.grow(int(batch.NumRows()))
		for j, c := range batch.Columns() {
			for k := range c.Len() {
				t.Rows[from+k][batch.ColumnName(j)] = arrowCell(c, k)
			}
		}
	}
	return t, nil
}

func arrowCell(c arrow.Array, i int) any {
	if c.IsNull(i) {
		return nil
	}
	switch c := c.(type) {
	case *array.String:
		return c.Value(i)
	case *array.Float64:
		return c.Value(i)
	case *array.Int64:
		return c.Value(i)
	case *array.Timestamp:
		return int64(c.Value(i))
	case *array.Decimal128:
		return rat(c.Value(i).BigInt(), c.DataType().(*arrow.Decimal128Type).Scale) //nolint:forcetypeassert // of its array
	default:
		return fmt.Sprintf("a %s", c.DataType())
	}
}

func rat(unscaled *big.Int, scale int32) *big.Rat {
	return new(big.Rat).SetFrac(unscaled, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
}

// ReadParquet reads a Parquet file of flat columns.
func ReadParquet(content []byte) (*Table, error) {
	r, err := file.NewParquetReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // it only reads
	t, s := &Table{About: map[string]string{}}, r.MetaData().Schema
	for _, kv := range r.MetaData().KeyValueMetadata() {
		t.About[kv.Key] = kv.GetValue()
	}
	for i := range s.NumColumns() {
		c := s.Column(i)
		t.column(c.Name(), parquetKind(c), c.MaxDefinitionLevel() > 0)
	}
	for g := range r.NumRowGroups() {
		group := r.RowGroup(g)
		from := t.grow(int(group.NumRows()))
		for i := range s.NumColumns() {
			chunk, err := group.Column(i)
			if err != nil {
				return nil, err
			}
			cells, err := parquetCells(chunk, s.Column(i), int(group.NumRows()))
			if err != nil {
				return nil, err
			}
			for k, v := range cells {
				t.Rows[from+k][s.Column(i).Name()] = v
			}
		}
	}
	return t, nil
}

func parquetKind(c *schema.Column) string {
	switch l := c.LogicalType().(type) {
	case schema.StringLogicalType:
		return "string"
	case schema.TimestampLogicalType:
		return "timestamp"
	case schema.DecimalLogicalType:
		return fmt.Sprintf("decimal(%d,%d)", l.Precision(), l.Scale())
	}
	switch c.PhysicalType() {
	case parquet.Types.Double:
		return "double"
	case parquet.Types.Int64:
		return "int64"
	default:
		return c.PhysicalType().String()
	}
}

// parquetCells reads a column of a row group.
func parquetCells(chunk file.ColumnChunkReader, c *schema.Column, n int) ([]any, error) {
	levels := make([]int16, n)
	var values []any
	var err error
	switch r := chunk.(type) {
	case *file.ByteArrayColumnChunkReader:
		values, err = readAll(n, levels, r.ReadBatch, func(v parquet.ByteArray) any { return string(v) })
	case *file.Float64ColumnChunkReader:
		values, err = readAll(n, levels, r.ReadBatch, func(v float64) any { return v })
	case *file.Int64ColumnChunkReader:
		values, err = readAll(n, levels, r.ReadBatch, func(v int64) any {
			if d, ok := c.LogicalType().(schema.DecimalLogicalType); ok {
				return rat(big.NewInt(v), d.Scale())
			}
			return v
		})
	case *file.FixedLenByteArrayColumnChunkReader:
		d, _ := c.LogicalType().(schema.DecimalLogicalType)
		values, err = readAll(n, levels, r.ReadBatch, func(v parquet.FixedLenByteArray) any {
			return rat(new(big.Int).SetBytes(v), d.Scale())
		})
	default:
		err = fmt.Errorf("column %s is %T", c.Name(), chunk)
	}
	if err != nil {
		return nil, err
	}
	out := make([]any, n)
	for i, at := 0, 0; i < n; i++ {
		if levels[i] == c.MaxDefinitionLevel() {
			out[i] = values[at]
			at++
		}
	}
	return out, nil
}

func readAll[T any](n int, levels []int16, read func(int64, []T, []int16, []int16) (int64, int, error), cell func(T) any) ([]any, error) {
	var out []any
	buffer := make([]T, n)
	for done := 0; done < n; {
		total, got, err := read(int64(n-done), buffer, levels[done:], nil)
		if err != nil || total == 0 {
			return nil, fmt.Errorf("read %d of %d values: %w", done, n, err)
		}
		for _, v := range buffer[:got] {
			out = append(out, cell(v))
		}
		done += int(total)
	}
	return out, nil
}
