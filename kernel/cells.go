package kernel

import (
	"cmp"
	"math/bits"
	"slices"
)

// cells are the cells of one bucket, by place. Where there are few places each has its
// cell; where there are many, a place gets one when it is met.
type cells struct {
	list  []narrow
	wide  []Cell // what was added before the narrow sums were full; nil where they never were
	room  uint64 // how many samples still fit
	most  uint64 // room of empty cells
	chunk int    // how many samples are added at once, at most

	hashed bool
	index  []uint32 // of met places: 1 + the cell, by hash; 0 is free
	shift  int      // 64 − log2 of the index's length
	met    []met    // by cell
}

// met is a place that has a cell, and its slot of the index.
type met struct {
	place      uint64
	slot, cell uint32
}

// densePlaces is how many places have a cell each: with more of them, emptying and
// looking through the cells of each bucket would take longer than hashing.
const densePlaces = 2048

// begin makes cells for the places below size, where no sample exceeds most.
func (c *cells) begin(size, most uint64) {
	c.most = ^uint64(0) / most
	c.chunk = int(min(BlockRows, c.most))
	c.room = c.most
	if size <= densePlaces {
		c.list = make([]narrow, size)
		for i := range c.list {
			c.list[i] = empty
		}
		return
	}
	c.hashed = true
	c.rehash(10)
}

// at gives the cells in which the samples of the places, no more than a chunk, are
// to be added, and replaces the places by the cells' numbers.
func (c *cells) at(places []uint64) []narrow {
	if uint64(len(places)) > c.room {
		c.widen()
	}
	c.room -= uint64(len(places))
	if c.hashed {
		c.meet(places)
	}
	return c.list
}

// meet replaces places by the numbers of their cells.
func (c *cells) meet(places []uint64) {
	if most := len(c.met) + len(places); 2*most > len(c.index) {
		c.rehash(bits.Len(uint(2*most - 1)))
	}
	for k, place := range places {
		slot := c.find(place)
		if c.index[slot] == 0 {
			c.list = append(c.list, empty)
			c.met = append(c.met, met{place: place, cell: uint32(len(c.met))}) //nolint:gosec // a segment has fewer rows
			c.put(slot, len(c.met)-1)
		}
		places[k] = uint64(c.index[slot] - 1)
	}
}

// fibonacci is 2^64 divided by the golden ratio.
const fibonacci = 0x9E3779B97F4A7C15

// find gives the place's slot of the index, or the free one where it belongs.
func (c *cells) find(place uint64) int {
	mask := len(c.index) - 1
	for slot := int(place * fibonacci >> c.shift); ; slot = (slot + 1) & mask { //nolint:gosec // below the index's length
		if at := c.index[slot&mask]; at == 0 || c.met[at-1].place == place {
			return slot
		}
	}
}

func (c *cells) put(slot, cell int) {
	c.index[slot] = uint32(cell + 1) //nolint:gosec // a segment has fewer rows
	c.met[cell].slot = uint32(slot)  //nolint:gosec // an index
}

func (c *cells) rehash(log2 int) {
	c.index = make([]uint32, 1<<log2)
	c.shift = 64 - log2
	for cell := range c.met {
		c.put(c.find(c.met[cell].place), cell)
	}
}

// widen moves the sums to wide cells, so that there is room again.
func (c *cells) widen() {
	c.wide = append(c.wide, make([]Cell, len(c.list)-len(c.wide))...)
	for i := range c.list {
		if c.list[i].count > 0 {
			narrowed := c.list[i].cell()
			c.wide[i].Merge(&narrowed)
			c.list[i] = empty
		}
	}
	c.room = c.most
}

// take appends the cells that have samples, by place, and empties them.
func (c *cells) take(entries []Entry, seconds uint64) []Entry {
	if c.wide != nil {
		c.widen()
	}
	if most := len(c.list); cap(entries)-len(entries) < most {
		entries = slices.Grow(entries, most+len(entries)) // twice as many: append would copy oftener
	}
	if c.hashed {
		entries = c.takeMet(entries, seconds)
	} else {
		entries = c.takeDense(entries, uint32(seconds)) //nolint:gosec // no more than densePlaces
	}
	c.room, c.wide = c.most, nil
	return entries
}

// takeDense is take for cells of their own. There is room for all of them.
func (c *cells) takeDense(entries []Entry, seconds uint32) []Entry {
	n := len(entries)
	entries = entries[:n+len(c.list)]
	first, second := uint32(0), uint32(0)
	for i := range c.list {
		cell := &c.list[i]
		if cell.count > 0 || c.wide != nil && c.wide[i].Count > 0 {
			e := &entries[n]
			e.Places[0], e.Places[1] = first, second
			e.Cell = c.cell(i)
			*cell = empty
			n++
		}
		if second++; second == seconds {
			first, second = first+1, 0
		}
	}
	return entries[:n]
}

func (c *cells) cell(i int) Cell {
	if c.wide != nil {
		return c.wide[i]
	}
	return c.list[i].cell()
}

// takeMet is take for hashed cells, which it forgets.
func (c *cells) takeMet(entries []Entry, seconds uint64) []Entry {
	for i := range c.met {
		c.index[c.met[i].slot] = 0
	}
	slices.SortFunc(c.met, func(a, b met) int { return cmp.Compare(a.place, b.place) })
	for i := range c.met {
		m := &c.met[i]
		places := [2]uint32{uint32(m.place / seconds), uint32(m.place % seconds)} //nolint:gosec // places of one dimension
		entries = append(entries, Entry{Places: places, Cell: c.cell(int(m.cell))})
	}
	c.met, c.list = c.met[:0], c.list[:0]
	return entries
}
