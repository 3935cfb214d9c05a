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
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// nanoBytes is the length of a decimal of 19 digits.
const nanoBytes = 9

// NewParquetWriter writes a Parquet file in row groups, its texts with dictionaries,
// packed with zstd. (The package pqarrow, which would do the same, brings gRPC.)
func NewParquetWriter(w io.Writer) (RecordWriter, error) {
	root, err := parquetSchema()
	if err != nil {
		return nil, err
	}
	props := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(1),
		parquet.WithDictionaryFor("recordId", false), parquet.WithDictionaryFor("startedAt", false),
		parquet.WithDictionaryFor("endedAt", false), parquet.WithDictionaryFor("runtimeInSeconds", false),
		parquet.WithDictionaryFor("costInUsd", false), parquet.WithVersion(parquet.V2_LATEST),
		parquet.WithDataPageVersion(parquet.DataPageV1))
	out, err := file.NewParquetWriterWithError(w, root, file.WithWriterProps(props))
	if err != nil {
		return nil, fmt.Errorf("begin parquet file: %w", err)
	}
	return &groups{columns: newColumnBuilder(), flush: func(b columnBuilder) error {
		batch := b.NewRecordBatch()
		defer batch.Release()
		return writeRowGroup(out, batch)
	}, end: func() error {
		if err := out.Close(); err != nil {
			return fmt.Errorf("end parquet file: %w", err)
		}
		return nil
	}}, nil
}

func parquetSchema() (*schema.GroupNode, error) {
	var nodes schema.FieldList
	for _, f := range columnSchema.Fields() {
		repetition := parquet.Repetitions.Required
		if f.Nullable {
			repetition = parquet.Repetitions.Optional
		}
		kind, physical, length := schema.LogicalType(schema.StringLogicalType{}), parquet.Types.ByteArray, 0
		switch f.Type {
		case instantType:
			kind, physical = schema.NewTimestampLogicalType(true, schema.TimeUnitMillis), parquet.Types.Int64
		case runtimeType:
			kind, physical = schema.NewDecimalLogicalType(runtimeType.Precision, runtimeType.Scale), parquet.Types.Int64
		case nanoType:
			kind = schema.NewDecimalLogicalType(nanoType.Precision, nanoType.Scale)
			physical, length = parquet.Types.FixedLenByteArray, nanoBytes
		}
		node, err := schema.NewPrimitiveNodeLogical(f.Name, repetition, kind, physical, length, -1)
		if err != nil {
			return nil, fmt.Errorf("describe column %s: %w", f.Name, err)
		}
		nodes = append(nodes, node)
	}
	return schema.NewGroupNode("record", parquet.Repetitions.Required, nodes, -1)
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
		_, err = to.WriteBatch(presentTexts(column.(*array.String)), levels, nil)
	case *file.Int64ColumnChunkWriter:
		_, err = to.WriteBatch(presentNumbers(column), levels, nil)
	case *file.FixedLenByteArrayColumnChunkWriter:
		_, err = to.WriteBatch(bigEndian(presentNumbers(column)), levels, nil)
	default:
		err = fmt.Errorf("has the type %s", chunk.Type())
	}
	if err != nil {
		return err
	}
	return chunk.Close()
}

func presentTexts(column *array.String) []parquet.ByteArray {
	out := make([]parquet.ByteArray, 0, column.Len())
	for i := range column.Len() {
		if column.IsValid(i) {
			out = append(out, parquet.ByteArray(column.Value(i)))
		}
	}
	return out
}

func presentNumbers(column arrow.Array) []int64 {
	out := make([]int64, 0, column.Len())
	for i := range column.Len() {
		switch c := column.(type) {
		case *array.Timestamp:
			if c.IsValid(i) {
				out = append(out, int64(c.Value(i)))
			}
		case *array.Decimal128:
			if c.IsValid(i) {
				out = append(out, int64(c.Value(i).LowBits())) //nolint:gosec // made of an int64
			}
		}
	}
	return out
}

// bigEndian gives the numbers, none of them negative, as Parquet's decimals.
func bigEndian(values []int64) []parquet.FixedLenByteArray {
	all := make([]byte, nanoBytes*len(values))
	out := make([]parquet.FixedLenByteArray, len(values))
	for i, v := range values {
		out[i] = all[i*nanoBytes : (i+1)*nanoBytes]
		binary.BigEndian.PutUint64(out[i][nanoBytes-8:], uint64(v)) //nolint:gosec // never negative
	}
	return out
}

var _ RecordWriter = (*groups)(nil)
