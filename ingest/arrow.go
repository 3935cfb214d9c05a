package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"
)

// Arrow reads records from an Arrow IPC file, also known as Feather version 2, or
// stream, a column for each field. Farm and kind are those of CSV; columns may be nil.
func Arrow(farm, kind string, columns Columns) Source {
	return columnSource{farm: farm, kind: kind, columns: columns, file: readArrow}
}

// arrowBatches are the batches of an Arrow file or stream.
type arrowBatches interface {
	Schema() *arrow.Schema
	Read() (arrow.RecordBatch, error)
}

func readArrow(ctx context.Context, in File, plan func([]string) ([]int, error), convert func(*batch), yield func(*batch) error) error {
	var file arrowBatches
	var fields []int
	err := guarded("Arrow", func() (err error) {
		if file, err = openArrow(in); err != nil {
			return damagedFile("Arrow", err)
		}
		var names []string
		for _, f := range file.Schema().Fields() {
			names = append(names, f.Name)
		}
		fields, err = plan(names)
		return err
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan *batch, 1)
	group.Go(func() error {
		defer close(batches)
		return guarded("Arrow", func() error {
			texts := make([]textBuilder, fieldCount+1)
			for {
				b, err := nextArrow(file, fields, texts)
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
				convert(b)
				select {
				case batches <- b:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		})
	})
	group.Go(func() error {
		for b := range batches {
			if err := yield(b); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

func openArrow(in File) (arrowBatches, error) {
	options := []ipc.Option{ipc.WithAllocator(boundedAllocator{memory.NewGoAllocator()}), ipc.WithBodySizeLimit(maxAllocation),
		ipc.WithMetadataSizeLimit(maxPage)}
	head := make([]byte, 6)
	if _, err := in.ReadAt(head, 0); err != nil {
		return nil, err
	}
	if string(head) == "ARROW1" {
		return ipc.NewFileReader(in, options...)
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return ipc.NewReader(in, options...)
}

// boundedAllocator panics, which guarded makes an error, where a damaged file claims
// that it needs more than a file of records ever does.
type boundedAllocator struct{ memory.Allocator }

// Allocate implements memory.Allocator.
func (b boundedAllocator) Allocate(size int) []byte {
	if size > maxAllocation {
		panic(fmt.Sprintf("a buffer of %d bytes", size))
	}
	return b.Allocator.Allocate(size)
}

// Reallocate implements memory.Allocator.
func (b boundedAllocator) Reallocate(size int, from []byte) []byte {
	if size > maxAllocation {
		panic(fmt.Sprintf("a buffer of %d bytes", size))
	}
	return b.Allocator.Reallocate(size, from)
}

func nextArrow(file arrowBatches, fields []int, texts []textBuilder) (*batch, error) {
	from, err := file.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case err != nil:
		return nil, damagedFile("Arrow", err)
	}
	b := &batch{rows: int(from.NumRows())}
	for i, field := range fields {
		if field < 0 {
			continue
		}
		texts[field].begin()
		if field == recordID {
			if b.columns[field] = arrowIDs(from.Column(i)); b.columns[field] != nil {
				continue
			}
		}
		if b.columns[field], err = arrowVector(from.Column(i), &texts[field]); err != nil {
			return nil, typeFault(columnField(field), err.Error())
		}
	}
	return b, nil
}

// arrowIDs copies a column of texts of which hardly any comes twice; nil where it has
// another type.
func arrowIDs(column arrow.Array) *vector {
	var of func(int) string
	switch c := column.(type) {
	case *array.String:
		of = c.Value
	case *array.LargeString:
		of = c.Value
	case *array.StringView:
		of = c.Value
	default:
		return nil
	}
	ids := newIDBuilder(column.Len())
	for i := range column.Len() {
		if column.IsValid(i) {
			ids.add(i, bytesOf(of(i)))
		}
	}
	return ids.vector(column.Len())
}

// bytesOf are the bytes of a text, which must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) } //nolint:gosec // read alone

// arrowVector copies a column of a batch.
func arrowVector(column arrow.Array, texts *textBuilder) (*vector, error) {
	v := &vector{kind: ofNumbers}
	switch c := column.(type) {
	case *array.String:
		return v.textsOf(column, texts, c.Value), nil
	case *array.LargeString:
		return v.textsOf(column, texts, c.Value), nil
	case *array.StringView:
		return v.textsOf(column, texts, c.Value), nil
	case *array.Decimal128:
		v.digits = int(c.DataType().(*arrow.Decimal128Type).Scale)
		if v.numbersOf(column, func(i int) (int64, bool) {
			n := c.Value(i)
			low := int64(n.LowBits()) //nolint:gosec // checked on the next line
			return low, n.HighBits() == low>>63
		}) {
			return v, nil
		}
		v.digits = 0
		return v.textsOf(column, texts, func(i int) string { return c.ValueStr(i) }), nil
	case *array.Timestamp:
		v.kind, v.digits = ofInstants, 3*int(c.DataType().(*arrow.TimestampType).Unit)
		v.numbersOf(column, func(i int) (int64, bool) { return int64(c.Value(i)), true })
		return v, nil
	case *array.Float64:
		return v.floatsOf(column, c.Value), nil
	case *array.Float32:
		return v.floatsOf(column, func(i int) float64 { return float64(c.Value(i)) }), nil
	case *array.Dictionary:
		values, err := arrowVector(c.Dictionary(), texts)
		if err != nil || values.kind != ofTexts {
			return nil, errors.New("must hold texts or numbers, with a dictionary of texts or none")
		}
		v.kind, v.texts, v.generation, v.codes = ofTexts, values.texts, values.generation, make([]uint32, c.Len())
		for i := range v.codes {
			if c.IsValid(i) {
				v.codes[i] = values.codes[c.GetValueIndex(i)]
			}
		}
		return v, nil
	}
	number, ok := wholeNumbers(column)
	if !ok {
		return nil, fmt.Errorf("has the type %s; it must hold texts, numbers or timestamps", column.DataType())
	}
	if !v.numbersOf(column, number) {
		return nil, errors.New("has a number that is too large")
	}
	return v, nil
}

// wholeNumbers gives the values of a column of integers, and whether they fit.
func wholeNumbers(column arrow.Array) (func(int) (int64, bool), bool) {
	switch c := column.(type) {
	case *array.Int8:
		return func(i int) (int64, bool) { return int64(c.Value(i)), true }, true
	case *array.Int16:
		return func(i int) (int64, bool) { return int64(c.Value(i)), true }, true
	case *array.Int32:
		return func(i int) (int64, bool) { return int64(c.Value(i)), true }, true
	case *array.Int64:
		return func(i int) (int64, bool) { return c.Value(i), true }, true
	case *array.Uint8:
		return func(i int) (int64, bool) { return int64(c.Value(i)), true }, true
	case *array.Uint16:
		return func(i int) (int64, bool) { return int64(c.Value(i)), true }, true
	case *array.Uint32:
		return func(i int) (int64, bool) { return int64(c.Value(i)), true }, true
	case *array.Uint64:
		return func(i int) (int64, bool) { return int64(c.Value(i)), c.Value(i) < 1<<63 }, true //nolint:gosec // checked
	}
	return nil, false
}

func (v *vector) nullsOf(column arrow.Array) {
	if column.NullN() == 0 {
		return
	}
	v.null = make([]bool, column.Len())
	for i := range v.null {
		v.null[i] = column.IsNull(i)
	}
}

func (v *vector) numbersOf(column arrow.Array, of func(int) (int64, bool)) (fits bool) {
	v.nullsOf(column)
	v.numbers = make([]int64, column.Len())
	for i := range v.numbers {
		if column.IsNull(i) {
			continue
		}
		if v.numbers[i], fits = of(i); !fits {
			return false
		}
	}
	return true
}

func (v *vector) floatsOf(column arrow.Array, of func(int) float64) *vector {
	v.nullsOf(column)
	v.kind, v.floats = ofFloats, make([]float64, column.Len())
	for i := range v.floats {
		v.floats[i] = of(i)
	}
	return v
}

func (v *vector) textsOf(column arrow.Array, texts *textBuilder, of func(int) string) *vector {
	v.kind, v.codes = ofTexts, make([]uint32, column.Len())
	for i := range v.codes {
		if column.IsValid(i) {
			v.codes[i] = texts.code(bytesOf(of(i)))
		}
	}
	v.texts, v.generation = texts.texts, texts.generation
	return v
}
