package storage

import (
	"math"
	"unsafe"
)

// codedColumn is a column of values that repeat: their codes, in the order of their
// first appearance, which recent finds without a hash for those that were there lately.
type codedColumn[T comparable] struct {
	codes  []uint32
	values []T
	known  map[T]uint32
	recent [recentSlots]uint32
}

const recentSlots = 1 << 10

// textSlot picks the slot by where the text is: a source that gives a text again gives
// the same bytes again. A text at a place where there was another is compared.
func textSlot(s string) uint {
	at := uint(uintptr(unsafe.Pointer(unsafe.StringData(s)))) //nolint:gosec // a number, never a pointer again
	return (at ^ at>>10 ^ at>>20) % recentSlots
}

// numberSlot picks the slot by the number's bits: quantities are multiples of a billion.
func numberSlot(v int64) uint {
	return uint(uint64(v)*0x9E3779B97F4A7C15>>40) % recentSlots //nolint:gosec // only its bits matter
}

func (c *codedColumn[T]) add(v T, slot func(T) uint) {
	recent := &c.recent[slot(v)]
	if code := *recent; int(code) < len(c.values) && c.values[code] == v {
		c.codes = append(c.codes, code)
		return
	}
	*recent = c.code(v)
	c.codes = append(c.codes, *recent)
}

func (c *codedColumn[T]) addMany(v T, n int) {
	code := c.code(v)
	for range n {
		c.codes = append(c.codes, code)
	}
}

func (c *codedColumn[T]) code(v T) uint32 {
	code, ok := c.known[v]
	if !ok {
		if c.known == nil {
			c.known = map[T]uint32{}
		}
		code = uint32(len(c.values)) //nolint:gosec // at most SegmentRecords
		c.known[v] = code
		c.values = append(c.values, v)
	}
	return code
}

func (c *codedColumn[T]) at(row int) T { return c.values[c.codes[row]] }

func (c *codedColumn[T]) grow(n int) { c.codes = grown(c.codes, n) }

// grown gives the slice with room for n values in all. Unlike slices.Grow it lets others
// run while new memory is cleared: make clears large memory in pieces, append at once,
// and until it has, no collection of garbage begins and whoever wants one waits.
func grown[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s
	}
	return append(make([]T, 0, max(n, cap(s)+cap(s)/4)), s...)
}

// reset forgets all, and lets go of the values, which may be large.
func (c *codedColumn[T]) reset() { c.codes, c.values, c.known = c.codes[:0], nil, nil }

// addCodes adds a column of codes for values, which get codes of their own at their first
// row.
func (c *codedColumn[T]) addCodes(codes []uint32, values []T) {
	const unknown = math.MaxUint32
	mine := make([]uint32, len(values))
	for i := range mine {
		mine[i] = unknown
	}
	c.grow(len(c.codes) + len(codes))
	for _, code := range codes {
		m := mine[code]
		if m == unknown {
			m = c.code(values[code])
			mine[code] = m
		}
		c.codes = append(c.codes, m)
	}
}
