package kernel

import (
	"slices"

	"github.com/farmtally/farmtally"
)

// carried is a record that goes on behind the end of the bucket under way.
type carried struct {
	start, end                int64  // milliseconds since 1970
	cost, runtime             uint64 // of the whole record: nano-dollars, milliseconds
	costBefore, runtimeBefore uint64 // what of them earlier buckets have, or lies before the range
	place                     uint64 // of its group
}

// split takes the rows that end later than end out of the picked ones, and adds what they
// have up to there.
func (w *sweep) split(picked []uint16, from int, end int64) []uint16 {
	left, crossing := w.Wall.split(picked, &w.crossing, w.Starts, w.Zones.Ends, from, end)
	for rest := w.crossing[:crossing]; len(rest) > 0; {
		some := rest[:min(len(rest), w.cells.chunk)]
		w.take(some, from, end)
		w.addSlices(len(some))
		rest = rest[len(some):]
	}
	return picked[:left]
}

// take puts rows among the carried, and what they have up to t into w.cost and w.runtime.
func (w *sweep) take(crossing []uint16, from int, t int64) {
	w.locate(crossing, from)
	w.Wall.numbers(w.wall[:], crossing, from)
	w.Cost.numbers(w.cost[:], crossing, from)
	w.Runtime.numbers(w.runtime[:], crossing, from)
	starts, known := w.Starts[from:], len(w.carried)
	w.carried = slices.Grow(w.carried, len(crossing))[:known+len(crossing)]
	taken := w.carried[known:]
	for k, i := range crossing {
		c := &taken[k]
		c.start, c.end, c.place = starts[i], starts[i]+int64(w.wall[k]), w.places[k] //nolint:gosec // below 2^63
		c.cost, c.runtime = w.cost[k], w.runtime[k]
		c.costBefore, c.runtimeBefore = c.until(t)
		w.cost[k], w.runtime[k] = c.costBefore, c.runtimeBefore
	}
}

// addSlices adds the first n of w.cost and w.runtime to the cells of w.places.
func (w *sweep) addSlices(n int) {
	addRows(w.cells.at(w.places[:n]), w.places[:n], everyRow[:n], w.cost[:n], w.runtime[:n])
}

// before takes those of the rows [from, to), which start before the range, that go on
// inside it.
func (w *sweep) before(from, to int) {
	for from < to {
		n := min(from/BlockRows*BlockRows+BlockRows, to) - from
		if w.Zones.latest(from, n) > w.Start {
			picked := w.pick(from, n)
			_, crossing := w.Wall.split(picked, &w.crossing, w.Starts, w.Zones.Ends, from, w.Start)
			if !w.Later {
				w.note(w.crossing[:crossing], from)
			}
			w.take(w.crossing[:crossing], from, w.Start)
		}
		from += n
	}
}

// until gives what of the cost and the runtime has accrued at t, before the record's end.
func (c *carried) until(t int64) (cost, runtime uint64) {
	x, d := t-c.start, c.end-c.start
	return uint64(farmtally.Cum(int64(c.cost), x, d)), uint64(farmtally.Cum(int64(c.runtime), x, d)) //nolint:gosec // below 2^63
}

// carry adds the slices of the carried records up to end, before others are taken, and lets
// go of those that have ended by then.
func (w *sweep) carry(end int64) {
	left := w.carried[:0]
	for from := 0; from < len(w.carried); from += w.cells.chunk {
		some := w.carried[from:min(from+w.cells.chunk, len(w.carried))]
		ended, going := w.partEnded(some, end)
		k := 0
		for _, i := range ended {
			c := &some[i]
			w.places[k], w.cost[k], w.runtime[k] = c.place, c.cost-c.costBefore, c.runtime-c.runtimeBefore
			k++
		}
		for _, i := range going {
			c := some[i]
			cost, runtime := c.until(end)
			w.places[k], w.cost[k], w.runtime[k] = c.place, cost-c.costBefore, runtime-c.runtimeBefore
			k++
			c.costBefore, c.runtimeBefore = cost, runtime
			left = append(left, c)
		}
		w.addSlices(k)
	}
	w.carried = left
}

// partEnded tells which records have ended by end. Which have is hard to foretell: there
// is no branch.
func (w *sweep) partEnded(some []carried, end int64) (ended, going []uint16) {
	e, g := 0, 0
	for i := range some {
		w.picked[e&(BlockRows-1)], w.crossing[g&(BlockRows-1)] = uint16(i), uint16(i)
		goesOn := int(uint64(end-some[i].end) >> 63) //nolint:gosec // the sign
		e += 1 - goesOn
		g += goesOn
	}
	return w.picked[:e], w.crossing[:g]
}

// everyRow picks all rows of a block.
var everyRow = func() (every [BlockRows]uint16) {
	for i := range every {
		every[i] = uint16(i)
	}
	return every
}()
