package kernel

import (
	"math"

	"github.com/farmtally/farmtally"
)

// Cell is the statistics of one bucket and group as Plain keeps them: cost in nano-dollars,
// runtime in milliseconds.
type Cell struct {
	Count         int64
	Cost, Runtime farmtally.Stat
}

// Merge adds the samples of another cell, which has some.
func (c *Cell) Merge(o *Cell) {
	if c.Count == 0 {
		*c = *o
		return
	}
	c.Count += o.Count
	c.Cost.Merge(&o.Cost)
	c.Runtime.Merge(&o.Runtime)
}

// Entry is a cell and its group, in a cache line, while a bucket is summed up and in an
// answer: of its sums it has the low 64 bits. Its order is the one that vector_amd64.s
// knows, which adds nothing to the places.
type Entry struct {
	cost, runtime, count    uint64
	Places                  [2]uint32
	costMin, runtimeMin     int64
	costUnmax, runtimeUnmax int64 // the complements of the most, which are the least of the complements
}

// High is what an entry's sums have beyond 64 bits.
type High struct{ Cost, Runtime uint64 }

// empty is an entry without samples.
func empty(places [2]uint32) Entry {
	const most = math.MaxInt64
	return Entry{Places: places, costMin: most, runtimeMin: most, costUnmax: most, runtimeUnmax: most}
}

func (e *Entry) add(cost, runtime uint64) {
	e.count++
	e.cost += cost
	e.runtime += runtime
	e.costMin, e.costUnmax = min(e.costMin, int64(cost)), min(e.costUnmax, ^int64(cost))                   //nolint:gosec // below 2^63
	e.runtimeMin, e.runtimeUnmax = min(e.runtimeMin, int64(runtime)), min(e.runtimeUnmax, ^int64(runtime)) //nolint:gosec // below 2^63
}

// Widen gives the statistics of an entry, whose sums have these bits beyond 64, and how
// many samples they are of, which are slices of records.
func (e *Entry) Widen(high High, cost, runtime *farmtally.Stat) (count int64) {
	// Field by field: a processor waits for what is written in parts and read as a whole.
	cost.Sum.Hi, cost.Sum.Lo, cost.Min, cost.Max = high.Cost, e.cost, e.costMin, ^e.costUnmax
	runtime.Sum.Hi, runtime.Sum.Lo, runtime.Min, runtime.Max = high.Runtime, e.runtime, e.runtimeMin, ^e.runtimeUnmax
	return int64(e.count) //nolint:gosec // no segment has 2^63 samples
}

// wide are sums that an entry's would not hold.
type wide struct{ cost, runtime farmtally.Sum }

// move moves an entry's sums to the wide ones.
func (w *wide) move(e *Entry) {
	w.cost.AddSum(farmtally.Sum{Lo: e.cost})
	w.runtime.AddSum(farmtally.Sum{Lo: e.runtime})
	e.cost, e.runtime = 0, 0
}

// low gives an entry the low bits of the wide sums, and tells the high ones.
func (w *wide) low(e *Entry) High {
	e.cost, e.runtime = w.cost.Lo, w.runtime.Lo
	return High{w.cost.Hi, w.runtime.Hi}
}

// upTo adds zeros, so that there are n.
func upTo(n int, highs []High) []High {
	return append(highs, make([]High, n-len(highs))...)
}
