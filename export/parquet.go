package export

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// writeParquet makes the file a Parquet file: its texts have dictionaries, save those of
// the columns that are plain, and it is packed with zstd. (The package pqarrow, which
// would do the same, brings gRPC.)
func (c *columns) writeParquet(w io.Writer, from *arrow.Schema, config columnsConfig) error {
	root, err := parquetSchema(from)
	if err != nil {
		return err
	}
	options := []parquet.WriterProperty{parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(1),
		parquet.WithVersion(parquet.V2_LATEST), parquet.WithDataPageVersion(parquet.DataPageV1)}
	plain := config.plain
	for _, f := range from.Fields() {
		if !repeats(f) {
			plain = append(plain, f.Name)
		}
	}
	for _, name := range plain {
		options = append(options, parquet.WithDictionaryFor(name, false))
	}
	about := metadata.NewKeyValueMetadata()
	for i := 0; i+1 < len(config.about); i += 2 {
		if err := about.Append(config.about[i], config.about[i+1]); err != nil {
			return fmt.Errorf("describe parquet file: %w", err)
		}
	}
	open := struct{ io.Writer }{w} // the library would close what can be closed
	out, err := file.NewParquetWriterWithError(open, root, file.WithWriterProps(parquet.NewWriterProperties(options...)), file.WithWriteMetadata(about))
	if err != nil {
		return fmt.Errorf("begin parquet file: %w", err)
	}
	c.flush = func(batch arrow.RecordBatch) error { return writeRowGroup(out, batch) }
	c.end = func() error {
		if err := out.Close(); err != nil {
			return fmt.Errorf("end parquet file: %w", err)
		}
		return nil
	}
	return nil
}

// repeats reports whether a column is worth a dictionary: one of texts or of
// quantities, and not of times or amounts.
func repeats(f arrow.Field) bool {
	switch f.Name {
	case runtimeName, costName:
		return false
	}
	return f.Type == arrow.BinaryTypes.String || f.Type == arrow.DataType(nanoType)
}

func parquetSchema(from *arrow.Schema) (*schema.GroupNode, error) {
	var nodes schema.FieldList
	for _, f := range from.Fields() {
		repetition := parquet.Repetitions.Required
		if f.Nullable {
			repetition = parquet.Repetitions.Optional
		}
		node, err := parquetNode(f, repetition)
		if err != nil {
			return nil, fmt.Errorf("describe column %s: %w", f.Name, err)
		}
		nodes = append(nodes, node)
	}
	return schema.NewGroupNode("record", parquet.Repetitions.Required, nodes, -1)
}

func parquetNode(f arrow.Field, repetition parquet.Repetition) (schema.Node, error) {
	switch t := f.Type.(type) {
	case *arrow.TimestampType:
		return schema.NewPrimitiveNodeLogical(f.Name, repetition, schema.NewTimestampLogicalType(true, schema.TimeUnitMillis),
			parquet.Types.Int64, 0, -1)
	case *arrow.Decimal128Type:
		physical, length := parquet.Types.Int64, 0
		if t.Precision > narrowDigits {
			physical, length = parquet.Types.FixedLenByteArray, decimalBytes(t)
		}
		return schema.NewPrimitiveNodeLogical(f.Name, repetition, schema.NewDecimalLogicalType(t.Precision, t.Scale), physical, length, -1)
	case *arrow.Int64Type:
		return schema.NewPrimitiveNode(f.Name, repetition, parquet.Types.Int64, -1, -1)
	case *arrow.Float64Type:
		return schema.NewPrimitiveNode(f.Name, repetition, parquet.Types.Double, -1, -1)
	default:
		return schema.NewPrimitiveNodeLogical(f.Name, repetition, schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1)
	}
}

// narrowDigits is the most digits of a decimal that is kept in 64 bits.
const narrowDigits = 18

// decimalBytes is the length of a decimal that is kept in bytes: those that its digits
// need at least, as Parquet asks.
func decimalBytes(t *arrow.Decimal128Type) int {
	const wide = 19 // digits that 9 bytes hold
	if t.Precision <= wide {
		return 9
	}
	return 16
}

func writeRowGroup(out *file.Writer, batch arrow.RecordBatch) error {
	group, err := out.AppendRowGroupChecked()
	if err != nil {
		return fmt.Errorf("begin row group: %w", err)
	}
	for i, column := range batch.Columns() {
		if err := writeColumn(group, column); err != nil {
			return fmt.Errorf("write column %s: %w", batch.ColumnName(i), err)
		}
	}
	if err := group.Close(); err != nil {
		return fmt.Errorf("end row group: %w", err)
	}
	return nil
}

func writeColumn(group file.SerialRowGroupWriter, column arrow.Array) error {
	chunk, err := group.NextColumn()
	if err != nil {
		return err
	}
	var levels []int16 // 1 where there is a value
	if chunk.Descr().MaxDefinitionLevel() > 0 {
		levels = make([]int16, column.Len())
		for i := range levels {
			if column.IsValid(i) {
				levels[i] = 1
			}
		}
	}
	switch to := chunk.(type) {
	case *file.ByteArrayColumnChunkWriter:
		_, err = to.WriteBatch(present(column.(*array.String), func(c *array.String, i int) parquet.ByteArray {
			return parquet.ByteArray(c.Value(i))
		}), levels, nil)
	case *file.Int64ColumnChunkWriter:
		_, err = to.WriteBatch(presentNumbers(column), levels, nil)
	case *file.Float64ColumnChunkWriter:
		_, err = to.WriteBatch(present(column.(*array.Float64), (*array.Float64).Value), levels, nil)
	case *file.FixedLenByteArrayColumnChunkWriter:
		_, err = to.WriteBatch(bigEndian(column.(*array.Decimal128), to.Descr().TypeLength()), levels, nil)
	default:
		err = fmt.Errorf("has the type %s", chunk.Type())
	}
	if err != nil {
		return err
	}
	return chunk.Close()
}

// present gives the values of a column that are there.
func present[A arrow.Array, T any](column A, value func(A, int) T) []T {
	out := make([]T, 0, column.Len())
	for i := range column.Len() {
		if column.IsValid(i) {
			out = append(out, value(column, i))
		}
	}
	return out
}

func presentNumbers(column arrow.Array) []int64 {
	switch c := column.(type) {
	case *array.Timestamp:
		return present(c, func(c *array.Timestamp, i int) int64 { return int64(c.Value(i)) })
	case *array.Int64:
		return present(c, (*array.Int64).Value)
	default:
		return present(c.(*array.Decimal128), func(c *array.Decimal128, i int) int64 {
			return int64(c.Value(i).LowBits()) //nolint:gosec // made of an int64
		})
	}
}

// bigEndian gives the decimals, none of them negative, as Parquet's, so many bytes long.
func bigEndian(column *array.Decimal128, length int) []parquet.FixedLenByteArray {
	all := make([]byte, 0, 16*column.Len())
	return present(column, func(c *array.Decimal128, i int) parquet.FixedLenByteArray {
		v := c.Value(i)
		all = binary.BigEndian.AppendUint64(all, uint64(v.HighBits())) //nolint:gosec // never negative
		all = binary.BigEndian.AppendUint64(all, v.LowBits())
		return parquet.FixedLenByteArray(all[len(all)-length:])
	})
}
