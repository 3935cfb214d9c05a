package kernel

import "github.com/farmtally/farmtally"

// carried is a record that goes on behind the end of the bucket under way.
type carried struct {
	start, end, length        int64
	cost, runtime             int64
	costBefore, runtimeBefore int64 // what of them earlier buckets have, or lies before the range
	place                     uint64
}

// split takes the rows that end later than end out of the picked ones.
func (w *sweep) split(picked []uint16, from int, end int64) []uint16 {
	left, crossing := w.Wall.split(picked, &w.crossing, w.Starts, from, end)
	w.take(w.crossing[:crossing], from)
	return picked[:left]
}

// take puts rows among the carried.
func (w *sweep) take(crossing []uint16, from int) {
	w.locate(crossing, from)
	w.Wall.numbers(w.wall[:], crossing, from)
	w.Cost.numbers(w.cost[:], crossing, from)
	w.Runtime.numbers(w.runtime[:], crossing, from)
	starts := w.Starts[from:]
	for k, i := range crossing {
		w.carried = append(w.carried, carried{
			start: starts[i], end: starts[i] + w.wall[k], length: w.wall[k],
			cost: w.cost[k], runtime: w.runtime[k], place: w.places[k],
		})
	}
}

// before takes those of the rows [from, to), which start before the range, that go on
// inside it.
func (w *sweep) before(from, to int) {
	for from < to {
		block := from / BlockRows
		n := min((block+1)*BlockRows, to) - from
		if w.Zones.Ends[block] > w.Start {
			picked := w.pick(from, n)
			_, crossing := w.Wall.split(picked, &w.crossing, w.Starts, from, w.Start)
			w.note(w.crossing[:crossing], from)
			w.take(w.crossing[:crossing], from)
		}
		from += n
	}
	for i := range w.carried {
		c := &w.carried[i]
		c.costBefore = farmtally.Cum(c.cost, w.Start-c.start, c.length)
		c.runtimeBefore = farmtally.Cum(c.runtime, w.Start-c.start, c.length)
	}
}

// carry adds the slices of the carried records up to end, and lets go of those that
// have ended by then. Which have is hard to foretell: there is no branch.
func (w *sweep) carry(end int64) {
	left := 0
	for from := 0; from < len(w.carried); from += w.cells.chunk {
		some := w.carried[from:min(from+w.cells.chunk, len(w.carried))]
		for k := range some {
			c := &some[k]
			x := min(end, c.end) - c.start
			cost, runtime := farmtally.Cum(c.cost, x, c.length), farmtally.Cum(c.runtime, x, c.length)
			w.places[k], w.cost[k], w.runtime[k] = c.place, cost-c.costBefore, runtime-c.runtimeBefore
			c.costBefore, c.runtimeBefore = cost, runtime
			w.carried[left] = *c
			left += int(uint64(end-c.end) >> 63) //nolint:gosec // 1 where it goes on
		}
		list := w.cells.at(w.places[:len(some)])
		for k := range some {
			list[w.places[k]].add(uint64(w.cost[k]), uint64(w.runtime[k])) //nolint:gosec // slices are not negative
		}
	}
	w.carried = w.carried[:left]
}
