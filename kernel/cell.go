package kernel

import (
	"math"

	"github.com/farmtally/farmtally"
)

// Cell is the statistics of one bucket and group: cost in nano-dollars, runtime in
// milliseconds.
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

// narrow is a cell while a bucket is summed up: its sums have 64 bits, and the sweep
// sees to it that no more samples are added than fit. It fills a cache line, in the
// order that vector_amd64.s knows.
type narrow struct {
	cost, runtime, count    uint64
	_                       uint64
	costMin, runtimeMin     int64
	costUnmax, runtimeUnmax int64 // the complements of the most, which are the least of the complements
}

var empty = narrow{costMin: math.MaxInt64, runtimeMin: math.MaxInt64, costUnmax: math.MaxInt64, runtimeUnmax: math.MaxInt64}

func (n *narrow) add(cost, runtime uint64) {
	n.count++
	n.cost += cost
	n.runtime += runtime
	n.costMin, n.costUnmax = min(n.costMin, int64(cost)), min(n.costUnmax, ^int64(cost))                   //nolint:gosec // below 2^63
	n.runtimeMin, n.runtimeUnmax = min(n.runtimeMin, int64(runtime)), min(n.runtimeUnmax, ^int64(runtime)) //nolint:gosec // below 2^63
}

// cell widens a narrow cell that has samples. Samples are records' slices, and so
// below 2^63.
func (n *narrow) cell() Cell {
	return Cell{
		Count:   int64(n.count), //nolint:gosec // no segment has 2^63 samples
		Cost:    farmtally.Stat{Sum: farmtally.Sum{Lo: n.cost}, Min: n.costMin, Max: ^n.costUnmax},
		Runtime: farmtally.Stat{Sum: farmtally.Sum{Lo: n.runtime}, Min: n.runtimeMin, Max: ^n.runtimeUnmax},
	}
}
