package kernel

import "github.com/farmtally/farmtally"

// carried is a record that goes on behind the end of the bucket under way.
type carried struct {
	start, end                int64
	place                     uint64
	cost, runtime             int64
	costBefore, runtimeBefore int64 // what of them earlier buckets have, or lies before the range
}

// split takes the rows that end later than end out of the picked ones.
func (w *sweep) split(picked []uint16, from int, end int64) []uint16 {
	w.Wall.numbers(w.runtime[:], picked, from)
	starts := w.Starts[from:]
	inside, crossing := picked[:0], w.crossing[:0]
	for k, i := range picked {
		if starts[i]+int64(w.runtime[k]) > end { //nolint:gosec // a record's end
			crossing = append(crossing, i)
		} else {
			inside = append(inside, i)
		}
	}
	w.take(crossing, from)
	return inside
}

// take puts rows among the carried.
func (w *sweep) take(crossing []uint16, from int) {
	w.locate(crossing, from)
	for k, i := range crossing {
		row := from + int(i)
		start := w.Starts[row]
		w.carried = append(w.carried, carried{
			start: start, end: start + int64(w.Wall.at(row)), place: w.places[k], //nolint:gosec // below 2^63
			cost: int64(w.Cost.at(row)), runtime: int64(w.Runtime.at(row)), //nolint:gosec // below 2^63
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
			w.Wall.numbers(w.runtime[:], picked, from)
			crossing := w.crossing[:0]
			for k, i := range picked {
				if w.Starts[from+int(i)]+int64(w.runtime[k]) > w.Start { //nolint:gosec // a record's end
					crossing = append(crossing, i)
				}
			}
			w.note(crossing, from)
			w.take(crossing, from)
		}
		from += n
	}
	for i := range w.carried {
		c := &w.carried[i]
		c.costBefore = farmtally.Cum(c.cost, w.Start-c.start, c.end-c.start)
		c.runtimeBefore = farmtally.Cum(c.runtime, w.Start-c.start, c.end-c.start)
	}
}

// carry adds the slices of the carried records up to end, and lets go of those that
// have ended by then.
func (w *sweep) carry(end int64) {
	left := w.carried[:0]
	k := 0
	for i := range w.carried {
		c := w.carried[i]
		cost, runtime := c.cost, c.runtime
		if c.end > end {
			cost = farmtally.Cum(c.cost, end-c.start, c.end-c.start)
			runtime = farmtally.Cum(c.runtime, end-c.start, c.end-c.start)
		}
		w.places[k], w.cost[k], w.runtime[k] = c.place, uint64(cost-c.costBefore), uint64(runtime-c.runtimeBefore) //nolint:gosec // slices are not negative
		if k++; k == w.cells.chunk {
			w.cells.add(w.places[:k], w.cost[:], w.runtime[:])
			k = 0
		}
		if c.end > end {
			c.costBefore, c.runtimeBefore = cost, runtime
			left = append(left, c)
		}
	}
	w.cells.add(w.places[:k], w.cost[:], w.runtime[:])
	w.carried = left
}
