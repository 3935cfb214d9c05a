package kernel

import (
	"cmp"
	"math/bits"
	"slices"
)

// cells are the cells of one bucket, by place. Where there are few places each has its
// cell; where there are many, a place gets one when it is met.
type cells struct {
	list  []Entry
	wide  []wide // by cell, the sums that were full; nil where none was since the cells were emptied
	high  []High // of the entries under way, where there are wide sums
	room  uint64 // how many samples still fit
	most  uint64 // room of empty cells
	chunk int    // how many samples are added at once, at most

	seconds uint64 // how many places of the second group one of the first has

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

// begin makes cells for as many places of two groups, where no sample exceeds most.
func (c *cells) begin(firsts, seconds, most uint64) {
	c.seconds = seconds
	c.most = ^uint64(0) / most
	c.chunk = int(min(BlockRows, c.most))
	c.room = c.most
	if firsts*seconds <= densePlaces {
		c.list = make([]Entry, firsts*seconds)
		for i := range c.list {
			c.list[i] = empty(c.places(uint64(i)))
		}
		return
	}
	c.hashed = true
	c.rehash(10)
}

// places are those of both groups.
func (c *cells) places(place uint64) [2]uint32 {
	return [2]uint32{uint32(place / c.seconds), uint32(place % c.seconds)} //nolint:gosec // places of one group
}

// at gives the cells in which the samples of the places, no more than a chunk, are
// to be added, and replaces the places by the cells' numbers.
func (c *cells) at(places []uint64) []Entry {
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
			c.list = append(c.list, empty(c.places(place)))
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

// widen moves the sums to the wide ones, so that there is room again.
func (c *cells) widen() {
	c.wide = append(c.wide, make([]wide, len(c.list)-len(c.wide))...)
	for i := range c.list {
		c.wide[i].move(&c.list[i])
	}
	c.room = c.most
}

// take appends the cells that have samples to the entries, by place, and empties them.
func (c *cells) take(p *Partial) {
	if c.wide != nil {
		c.widen()
	}
	before := len(p.Entries)
	if most := len(c.list); cap(p.Entries)-before < most {
		p.Entries = slices.Grow(p.Entries, most+before) // twice as many: append would copy oftener
	}
	if c.hashed {
		p.Entries = c.takeMet(p.Entries)
	} else {
		p.Entries = c.takeDense(p.Entries)
	}
	if c.wide != nil || p.High != nil {
		p.High = upTo(len(p.Entries), append(upTo(before, p.High), c.high...))
	}
	c.room, c.wide, c.high = c.most, nil, c.high[:0]
}

// takeDense is take for cells of their own. There is room for all of them.
func (c *cells) takeDense(entries []Entry) []Entry {
	n := len(entries)
	entries = entries[:n+len(c.list)]
	for i := range c.list {
		if cell := &c.list[i]; cell.count > 0 {
			c.lower(i)
			entries[n] = *cell
			*cell = empty(cell.Places)
			n++
		}
	}
	return entries[:n]
}

// takeMet is take for hashed cells, which it forgets.
func (c *cells) takeMet(entries []Entry) []Entry {
	for i := range c.met {
		c.index[c.met[i].slot] = 0
	}
	slices.SortFunc(c.met, func(a, b met) int { return cmp.Compare(a.place, b.place) })
	for i := range c.met {
		cell := int(c.met[i].cell)
		c.lower(cell)
		entries = append(entries, c.list[cell])
	}
	c.met, c.list = c.met[:0], c.list[:0]
	return entries
}

// lower gives a cell the low bits of its wide sums, if it has such.
func (c *cells) lower(cell int) {
	if c.wide != nil {
		c.high = append(c.high, c.wide[cell].low(&c.list[cell]))
	}
}
