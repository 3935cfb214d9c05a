package storage

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Copier copies rows of segments to a builder, column by column, without making records
// of them. Each value of a dictionary is looked up once for each segment and builder.
type Copier struct {
	builder *Builder
	sources []copySource
}

// copySource is a segment's columns and, for each value of its dictionaries, the code
// that the builder has for it.
type copySource struct {
	starts              []int64
	wall, runtime, cost any // []uint32 or []uint64
	ids                 *array.String
	texts               [ColRate - ColQueue + 1]copyColumn[string]
	sizes               [ColMemory - ColWorkers + 1]copyColumn[int64]
}

type copyColumn[T comparable] struct {
	codes any // []uint8, []uint16 or []uint32
	value func(code int) T
	mine  []uint32 // the builder's codes
}

// unknownCode is that of a value that the builder has not got yet.
const unknownCode = math.MaxUint32

// NewCopier makes a copier from the segments, which it verifies, to a builder. It is of no
// use once the builder has been Reset.
func NewCopier(b *Builder, segments []*Segment) (*Copier, error) {
	c := &Copier{builder: b, sources: make([]copySource, len(segments))}
	for i, s := range segments {
		if err := c.sources[i].open(s); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *copySource) open(s *Segment) (err error) {
	if c.starts, err = s.Starts(); err != nil {
		return err
	}
	for column, to := range map[Column]*any{ColWall: &c.wall, ColRuntime: &c.runtime, ColCost: &c.cost} {
		if *to, err = s.Numbers(column); err != nil {
			return err
		}
	}
	if err := s.Verify(ColRecordID); err != nil {
		return err
	}
	ids, ok := s.arrays[ColRecordID].(*array.String)
	if c.ids = ids; !ok {
		return s.typeError(ColRecordID)
	}
	for column := ColQueue; column <= ColRate; column++ {
		codes, texts, err := s.Codes(column)
		if err != nil {
			return err
		}
		c.texts[column-ColQueue] = newCopyColumn(codes, texts.Len(), texts.Value)
	}
	for column := ColWorkers; column <= ColMemory; column++ {
		codes, sizes, err := s.sizes(column)
		if err != nil {
			return err
		}
		c.sizes[column-ColWorkers] = newCopyColumn(codes, sizes.Len(), sizes.Value)
	}
	return nil
}

// sizes gives a quantity column's codes, and the quantities that they stand for.
func (s *Segment) sizes(c Column) (codes any, values *array.Int64, err error) {
	if err := s.Verify(c); err != nil {
		return nil, nil, err
	}
	column, ok := s.arrays[c].(*array.Dictionary)
	if !ok {
		return nil, nil, s.typeError(c)
	}
	quantities, ok := column.Dictionary().(*array.Int64)
	if !ok {
		return nil, nil, s.typeError(c)
	}
	codes, err = s.unsigned(c, column.Indices())
	return codes, quantities, err
}

func newCopyColumn[T comparable](codes any, values int, value func(int) T) copyColumn[T] {
	c := copyColumn[T]{codes, value, make([]uint32, values)}
	for i := range c.mine {
		c.mine[i] = unknownCode
	}
	return c
}

// Copy copies the rows [from, to) of the segment of the number, in which each code must
// be one of a value, or as many of them as the builder has room for, and gives their
// number.
func (c *Copier) Copy(segment, from, to int) (rows int, err error) {
	s, b := &c.sources[segment], c.builder
	to = min(to, from+SegmentRecords-b.Len())
	offsets := s.ids.ValueOffsets()
	for to > from && int64(len(b.ids))+int64(offsets[to]-offsets[from]) > maxIDBytes+maxIDText {
		to--
	}
	if to <= from {
		return 0, nil
	}
	b.prepare(to - from)
	b.starts = append(b.starts, s.starts[from:to]...)
	b.walls = copyNumbers(b.walls, s.wall, from, to)
	b.runtimes = copyNumbers(b.runtimes, s.runtime, from, to)
	b.costs = copyNumbers(b.costs, s.cost, from, to)
	shift := int64(len(b.ids)) - int64(offsets[from])
	b.ids = append(b.ids, s.ids.ValueBytes()[offsets[from]-offsets[0]:offsets[to]-offsets[0]]...)
	for _, end := range offsets[from+1 : to+1] {
		b.idEnds = append(b.idEnds, uint32(int64(end)+shift)) //nolint:gosec // bounded by maxIDBytes
	}
	good := true
	for i := range s.texts {
		good = s.texts[i].copyTo(&b.texts[i], from, to) && good
	}
	for i := range s.sizes {
		good = s.sizes[i].copyTo(&b.sizes[i], from, to) && good
	}
	if !good {
		return 0, damaged(fmt.Errorf("a row between %d and %d has a code of no value", from, to))
	}
	return to - from, nil
}

func copyNumbers(to []int64, column any, from, until int) []int64 {
	switch values := column.(type) {
	case []uint32:
		for _, v := range values[from:until] {
			to = append(to, int64(v))
		}
	case []uint64:
		for _, v := range values[from:until] {
			to = append(to, int64(min(v, math.MaxInt64)))
		}
	}
	return to
}

func (c *copyColumn[T]) copyTo(to *codedColumn[T], from, until int) bool {
	to.grow(len(to.codes) + until - from)
	switch codes := c.codes.(type) {
	case []uint8:
		return copyCodes(to, codes[from:until], c.mine, c.value)
	case []uint16:
		return copyCodes(to, codes[from:until], c.mine, c.value)
	case []uint32:
		return copyCodes(to, codes[from:until], c.mine, c.value)
	}
	return false
}

func copyCodes[C arrow.UintType, T comparable](to *codedColumn[T], codes []C, mine []uint32, value func(int) T) bool {
	for _, code := range codes {
		if uint64(code) >= uint64(len(mine)) {
			return false
		}
		m := mine[code]
		if m == unknownCode {
			m = to.code(value(int(code)))
			mine[code] = m
		}
		to.codes = append(to.codes, m)
	}
	return true
}
