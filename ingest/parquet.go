package ingest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/big"
	"runtime"
	"slices"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	pq "github.com/apache/arrow-go/v18/parquet/schema"
	"golang.org/x/sync/errgroup"

	"github.com/farmtally/farmtally"
)

// Parquet reads records from a Parquet file, a column for each field. Farm and kind are
// those of CSV; columns may be nil.
func Parquet(farm, kind string, columns Columns) Source {
	return columnSource{farm: farm, kind: kind, columns: columns, file: readParquet}
}

// batchRows is how many rows are decoded at once. A batch takes about 10 MB.
const batchRows = 1 << 16

// maxPage bounds an unpacked page.
const maxPage = 128 << 20

// maxDecoders bounds the row groups that are decoded at once, or wait to be read: of each
// three batches are in memory at most.
const maxDecoders = 4

func readParquet(ctx context.Context, in File, plan func([]string) ([]int, error), convert func(*batch), yield func(*batch) error) error {
	var p parquetFile
	if err := guarded("Parquet", func() error { return p.open(in, plan) }); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	decoders := make(chan *parquetDecoder, min(maxDecoders, runtime.GOMAXPROCS(0)+1))
	for range cap(decoders) {
		decoders <- p.decoder(convert)
	}
	groups := make(chan *parquetDecoder, cap(decoders))
	group.Go(func() error {
		defer close(groups)
		for g := range p.file.NumRowGroups() {
			var d *parquetDecoder
			select {
			case d = <-decoders:
			case <-ctx.Done():
				return ctx.Err()
			}
			d.batches = make(chan *batch, 1)
			to := d.batches
			group.Go(func() error {
				defer close(to)
				return guarded("Parquet", func() error { return d.read(ctx, g, to) })
			})
			groups <- d
		}
		return nil
	})
	group.Go(func() error {
		for d := range groups {
			for b := range d.batches {
				if err := yield(b); err != nil {
					return err
				}
			}
			decoders <- d
		}
		return nil
	})
	return group.Wait()
}

// parquetFile is a file and the columns of it that have a field.
type parquetFile struct {
	file    *file.Reader
	columns []parquetColumn
}

// parquetDecoder decodes a row group at a time.
type parquetDecoder struct {
	file    *file.Reader
	columns []parquetColumn
	convert func(*batch)
	batches chan *batch // of the row group that it decodes
}

func (p *parquetFile) decoder(convert func(*batch)) *parquetDecoder {
	return &parquetDecoder{file: p.file, columns: slices.Clone(p.columns), convert: convert}
}

// parquetColumn decodes one column, one batch after the other.
type parquetColumn struct {
	at, field int
	of        *pq.Column
	chunk     file.ColumnChunkReader
	texts     textBuilder
	levels    []int16
	nullable  bool // some row of the batch is null
	bytes     []parquet.ByteArray
	fixed     []parquet.FixedLenByteArray
	narrow    []int32
	wide      []int64
	singles   []float32
	doubles   []float64
	stamps    []parquet.Int96
}

func (p *parquetFile) open(in File, plan func([]string) ([]int, error)) error {
	tail := make([]byte, 4)
	if _, err := in.Seek(-4, 2); err == nil {
		_, _ = in.Read(tail)
	}
	if bytes.Equal(tail, []byte("PARE")) {
		return farmtally.Errorf(farmtally.Invalid, "is an encrypted Parquet file; write it without encryption")
	}
	props := parquet.NewReaderProperties(nil)
	props.BufferedStreamEnabled = true
	props.MaxUncompressedPageSize, props.MaxCompressedPageSize = maxPage, maxPage
	var err error
	if p.file, err = file.NewParquetReader(in, file.WithReadProps(props)); err != nil {
		return damagedFile("Parquet", err)
	}
	sc := p.file.MetaData().Schema
	names := make([]string, sc.NumColumns())
	for i := range names {
		names[i] = sc.Column(i).Path()
	}
	fields, err := plan(names)
	if err != nil {
		return err
	}
	for i, field := range fields {
		if field < 0 {
			continue
		}
		column := sc.Column(i)
		if column.MaxRepetitionLevel() > 0 || column.MaxDefinitionLevel() > 1 || column.PhysicalType() == parquet.Types.Boolean {
			return typeFault(names[i], "must hold a text or a number in each row")
		}
		p.columns = append(p.columns, parquetColumn{at: i, field: field, of: column})
	}
	return nil
}

func (d *parquetDecoder) read(ctx context.Context, g int, to chan<- *batch) error {
	group := d.file.RowGroup(g)
	for i := range d.columns {
		var err error
		if d.columns[i].chunk, err = group.Column(d.columns[i].at); err != nil {
			return damagedFile("Parquet", err)
		}
	}
	for left := group.NumRows(); left > 0; left -= batchRows {
		b := &batch{rows: int(min(left, batchRows)), of: d.file.NumRows()}
		for i := range d.columns {
			v, err := d.columns[i].next(b.rows)
			if err != nil {
				return err
			}
			b.columns[d.columns[i].field] = v
		}
		d.convert(b)
		select {
		case to <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// next decodes the column's next rows.
func (c *parquetColumn) next(rows int) (*vector, error) {
	c.levels = slices.Grow(c.levels[:0], rows)[:rows]
	c.nullable = false
	v := &vector{kind: ofNumbers, digits: c.decimals()}
	var err error
	switch chunk := c.chunk.(type) {
	case *file.ByteArrayColumnChunkReader:
		if _, decimal := c.of.LogicalType().(pq.DecimalLogicalType); c.field == recordID && !decimal {
			v, err = c.byteIDs(rows, chunk)
		} else {
			err = c.byteTexts(v, rows, chunk)
		}
	case *file.FixedLenByteArrayColumnChunkReader:
		err = c.fixedNumbers(v, rows, chunk)
	case *file.Int32ColumnChunkReader:
		err = fill(c, v, rows, &c.narrow, chunk.ReadBatchInPage, func(n int32) int64 { return int64(n) })
	case *file.Int64ColumnChunkReader:
		err = fill(c, v, rows, &c.wide, chunk.ReadBatchInPage, func(n int64) int64 { return n })
	case *file.Int96ColumnChunkReader:
		v.kind, v.digits = ofInstants, 9
		err = fill(c, v, rows, &c.stamps, chunk.ReadBatchInPage, func(n parquet.Int96) int64 { return n.ToTime().UnixNano() })
	case *file.Float32ColumnChunkReader:
		err = fillFloats(c, v, rows, &c.singles, chunk.ReadBatchInPage)
	case *file.Float64ColumnChunkReader:
		err = fillFloats(c, v, rows, &c.doubles, chunk.ReadBatchInPage)
	}
	if err != nil {
		return nil, damagedFile("Parquet", err)
	}
	if t, ok := c.of.LogicalType().(pq.TimestampLogicalType); ok {
		v.kind = ofInstants
		v.digits = map[pq.TimeUnitType]int{pq.TimeUnitMillis: 3, pq.TimeUnitMicros: 6, pq.TimeUnitNanos: 9}[t.TimeUnit()]
	}
	return v, nil
}

func (c *parquetColumn) decimals() int {
	if t, ok := c.of.LogicalType().(pq.DecimalLogicalType); ok {
		return int(t.Scale())
	}
	return 0
}

var errShort = errors.New("a column has fewer rows than its row group")

// blockRows are decoded at once: what stays in the processor's caches.
const blockRows = 1 << 11

// decode reads the column's next rows, a block or a page's at a time, and gives take the values that
// are there, which are its own until it returns. It fills in the column's levels.
func decode[T any](c *parquetColumn, rows int, values *[]T,
	read func(int64, []T, []int16, []int16) (int64, int, error), take func(from, to int, values []T),
) error {
	if *values == nil {
		*values = make([]T, blockRows)
	}
	for done := 0; done < rows; {
		n, present, err := read(int64(min(rows-done, blockRows)), *values, c.levels[done:], nil)
		switch {
		case err != nil:
			return err
		case n == 0:
			return errShort
		case c.of.MaxDefinitionLevel() > 0 && int64(present) < n:
			c.nullable = true
		case c.of.MaxDefinitionLevel() == 0:
			for i := range n {
				c.levels[done+int(i)] = 1
			}
		}
		take(done, done+int(n), (*values)[:present])
		done += int(n)
	}
	return nil
}

// each calls set for each of the values with the row that it is of.
func each[T any](levels []int16, from, to int, values []T, set func(row int, value T)) {
	if to-from == len(values) {
		for i, value := range values {
			set(from+i, value)
		}
		return
	}
	for row := from; len(values) > 0 && row < to; row++ {
		if levels[row] > 0 {
			set(row, values[0])
			values = values[1:]
		}
	}
}

func (c *parquetColumn) nulls(v *vector) {
	if !c.nullable {
		return
	}
	v.null = make([]bool, len(c.levels))
	for i, level := range c.levels {
		v.null[i] = level == 0
	}
}

func fill[T any](c *parquetColumn, v *vector, rows int, values *[]T,
	read func(int64, []T, []int16, []int16) (int64, int, error), number func(T) int64,
) error {
	v.numbers = make([]int64, rows)
	err := decode(c, rows, values, read, func(from, to int, values []T) {
		each(c.levels, from, to, values, func(row int, value T) { v.numbers[row] = number(value) })
	})
	c.nulls(v)
	return err
}

func fillFloats[T float32 | float64](c *parquetColumn, v *vector, rows int, values *[]T,
	read func(int64, []T, []int16, []int16) (int64, int, error),
) error {
	v.kind, v.floats = ofFloats, make([]float64, rows)
	err := decode(c, rows, values, read, func(from, to int, values []T) {
		each(c.levels, from, to, values, func(row int, value T) { v.floats[row] = float64(value) })
	})
	c.nulls(v)
	return err
}

func (c *parquetColumn) byteTexts(v *vector, rows int, chunk *file.ByteArrayColumnChunkReader) error {
	_, decimal := c.of.LogicalType().(pq.DecimalLogicalType)
	v.kind, v.codes = ofTexts, make([]uint32, rows)
	c.texts.begin()
	err := decode(c, rows, &c.bytes, chunk.ReadBatchInPage, func(from, to int, values []parquet.ByteArray) {
		each(c.levels, from, to, values, func(row int, value parquet.ByteArray) {
			if decimal {
				value = bigText(value, v.digits)
			}
			v.codes[row] = c.texts.code(value)
		})
	})
	v.texts, v.generation = c.texts.texts, c.texts.generation
	return err
}

func (c *parquetColumn) byteIDs(rows int, chunk *file.ByteArrayColumnChunkReader) (*vector, error) {
	ids := newIDBuilder(rows)
	err := decode(c, rows, &c.bytes, chunk.ReadBatchInPage, func(from, to int, values []parquet.ByteArray) {
		each(c.levels, from, to, values, func(row int, value parquet.ByteArray) { ids.add(row, value) })
	})
	return ids.vector(rows), err
}

// fixedNumbers decodes decimals.
func (c *parquetColumn) fixedNumbers(v *vector, rows int, chunk *file.FixedLenByteArrayColumnChunkReader) error {
	if _, decimal := c.of.LogicalType().(pq.DecimalLogicalType); !decimal {
		return errors.New("bytes of a fixed length that are no decimals")
	}
	v.numbers = make([]int64, rows)
	narrow := true
	err := decode(c, rows, &c.fixed, chunk.ReadBatchInPage, func(from, to int, values []parquet.FixedLenByteArray) {
		each(c.levels, from, to, values, func(row int, value parquet.FixedLenByteArray) {
			n, fits := bigEndianNumber(value)
			v.numbers[row] = n
			narrow = narrow && fits
		})
	})
	c.nulls(v)
	if !narrow && err == nil {
		err = errors.New("a decimal has more than 64 bits")
	}
	return err
}

// bigEndianNumber reads a decimal's bytes in two's complement.
func bigEndianNumber(b []byte) (n int64, fits bool) {
	if len(b) == 9 && (b[0] == 0 && b[1] < 0x80) {
		return int64(binary.BigEndian.Uint64(b[1:])), true //nolint:gosec // below 2^63
	}
	if len(b) == 0 {
		return 0, true
	}
	if b[0] >= 0x80 {
		n = -1
	}
	sign := byte(n)
	for i, c := range b {
		if len(b)-i > 8 && c != sign {
			return 0, false
		}
		n = n<<8 | int64(c)
	}
	return n, len(b) <= 8 || (n < 0) == (sign != 0)
}

// bigText prints a decimal's bytes.
func bigText(b []byte, digits int) []byte {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return []byte(n.String() + "e-" + decimalText(int64(digits), 0))
}
