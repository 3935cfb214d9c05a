package kernel

import "github.com/farmtally/farmtally"

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
// sees to it that no more samples are added than fit. It fills a cache line.
type narrow struct {
	count, cost, runtime                     uint64
	costMin, costMax, runtimeMin, runtimeMax uint64
	_                                        uint64
}

var empty = narrow{costMin: ^uint64(0), runtimeMin: ^uint64(0)}

func (n *narrow) add(cost, runtime uint64) {
	n.count++
	n.cost += cost
	n.runtime += runtime
	n.costMin, n.costMax = min(n.costMin, cost), max(n.costMax, cost)
	n.runtimeMin, n.runtimeMax = min(n.runtimeMin, runtime), max(n.runtimeMax, runtime)
}

// addOften is add for cells that many samples are added to: few of them are the least or
// the most so far, so that a branch is foretold and spares four stores.
func (n *narrow) addOften(cost, runtime uint64) {
	n.count++
	n.cost += cost
	n.runtime += runtime
	if cost < n.costMin || cost > n.costMax || runtime < n.runtimeMin || runtime > n.runtimeMax {
		n.costMin, n.costMax = min(n.costMin, cost), max(n.costMax, cost)
		n.runtimeMin, n.runtimeMax = min(n.runtimeMin, runtime), max(n.runtimeMax, runtime)
	}
}

// cell widens a narrow cell that has samples. Samples are records' slices, and so
// below 2^63.
func (n *narrow) cell() Cell {
	return Cell{
		Count:   int64(n.count), //nolint:gosec // no segment has 2^63 samples
		Cost:    stat(n.cost, n.costMin, n.costMax),
		Runtime: stat(n.runtime, n.runtimeMin, n.runtimeMax),
	}
}

func stat(sum, least, most uint64) farmtally.Stat {
	return farmtally.Stat{Sum: farmtally.Sum{Lo: sum}, Min: int64(least), Max: int64(most)} //nolint:gosec // below 2^63
}
