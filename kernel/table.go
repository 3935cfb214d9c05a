package kernel

import (
	"math/bits"

	"github.com/farmtally/farmtally"
)

// Cell is the statistics of one bucket and group: cost in nano-dollars, runtime in
// milliseconds.
type Cell struct {
	Count         int64
	Cost, Runtime farmtally.Stat
}

func (c *Cell) add(cost, runtime int64) {
	if c.Count == 0 {
		c.Cost.Min, c.Cost.Max, c.Runtime.Min, c.Runtime.Max = cost, cost, runtime, runtime
	} else {
		c.Cost.Min, c.Cost.Max = min(c.Cost.Min, cost), max(c.Cost.Max, cost)
		c.Runtime.Min, c.Runtime.Max = min(c.Runtime.Min, runtime), max(c.Runtime.Max, runtime)
	}
	c.Count++
	c.Cost.Sum.Add(cost)
	c.Runtime.Sum.Add(runtime)
}

// Merge adds the samples of another cell, which has some.
func (c *Cell) Merge(o *Cell) {
	if c.Count == 0 {
		*c = *o
		return
	}
	c.Count += o.Count
	mergeStat(&c.Cost, &o.Cost)
	mergeStat(&c.Runtime, &o.Runtime)
}

func mergeStat(s, o *farmtally.Stat) {
	s.Sum.AddSum(o.Sum)
	s.Min, s.Max = min(s.Min, o.Min), max(s.Max, o.Max)
}

// Table holds cells by number: an array of all of them where most will be used,
// else a hash table of those that are.
type Table struct {
	cells []Cell
	keys  []uint64 // of a hash table: the cell's number, by cell
	index []int32  // of a hash table: 1 + the cell, by hash; 0 is free
	shift int      // of a hash table: 64 − log2 of the index's length
	used  int
}

// NewTable makes a table for the numbers below size, of which about expected will
// be used.
func NewTable(size uint64, expected int) *Table {
	if size <= uint64(max(expected, 1<<12)) {
		return &Table{cells: make([]Cell, size)}
	}
	t := &Table{}
	t.rehash(12)
	return t
}

// Used is the number of cells that have samples.
func (t *Table) Used() int { return t.used }

// at gives the cell of the number, which stays where it is until the next call.
func (t *Table) at(number uint64) *Cell {
	if t.index == nil {
		c := &t.cells[number]
		if c.Count == 0 {
			t.used++
		}
		return c
	}
	mask := uint64(len(t.index) - 1) //nolint:gosec // a length
	for slot := t.hash(number); ; slot = (slot + 1) & mask {
		switch at := t.index[slot]; {
		case at == 0:
			return t.insert(slot, number)
		case t.keys[at-1] == number:
			return &t.cells[at-1]
		}
	}
}

// fibonacci is 2^64 divided by the golden ratio.
const fibonacci = 0x9E3779B97F4A7C15

func (t *Table) hash(number uint64) uint64 { return number * fibonacci >> t.shift }

func (t *Table) insert(slot, number uint64) *Cell {
	if t.used >= len(t.index)/2 {
		t.rehash(bits.Len(uint(len(t.index)))) // twice the length
		return t.at(number)
	}
	t.used++
	t.cells = append(t.cells, Cell{})
	t.keys = append(t.keys, number)
	t.index[slot] = int32(t.used) //nolint:gosec // no table comes near 2^31 cells
	return &t.cells[t.used-1]
}

func (t *Table) rehash(log2 int) {
	t.index = make([]int32, 1<<log2)
	t.shift = 64 - log2
	for i, number := range t.keys {
		slot := t.hash(number)
		for t.index[slot] != 0 {
			slot = (slot + 1) & uint64(len(t.index)-1) //nolint:gosec // a length
		}
		t.index[slot] = int32(i + 1)
	}
}

// Each calls yield for every cell that has samples, in no order where the table is
// a hash table, else by number.
func (t *Table) Each(yield func(number uint64, c *Cell)) {
	for i := range t.cells {
		switch {
		case t.index != nil:
			yield(t.keys[i], &t.cells[i])
		case t.cells[i].Count > 0:
			yield(uint64(i), &t.cells[i])
		}
	}
}

// Sorted reports whether Each goes by number.
func (t *Table) Sorted() bool { return t.index == nil }
