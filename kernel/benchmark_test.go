package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/farmtally/farmtally"
)

// blockSizes are around the edges of a block.
var blockSizes = []int{1, BlockRows / 2, BlockRows - 1, BlockRows}

// benchRows are the columns that the kernels are measured on.
type benchRows struct {
	resource Unsigned[uint8]
	group    Unsigned[uint16]
	wall     Unsigned[uint32]
	runtime  Unsigned[uint32]
	cost     Unsigned[uint64]
	starts   []int64
	wanted   []uint8
	table    []uint64
	picked   []uint16 // every row
}

func newBenchRows(n int) *benchRows {
	r := rand.New(rand.NewPCG(1, 2))
	b := &benchRows{wanted: make([]uint8, 40)}
	for i := range b.wanted {
		b.wanted[i] = uint8(i % 4 / 3)
	}
	places := make([]uint32, 300)
	for i := range places {
		places[i] = uint32(i)
	}
	b.table = premultiplied(places, 1)
	for i := range n {
		b.resource = append(b.resource, uint8(r.IntN(40)))
		b.group = append(b.group, uint16(r.IntN(300)))
		b.wall = append(b.wall, uint32(r.IntN(7_200_000)))
		b.runtime = append(b.runtime, b.wall[i]-b.wall[i]/8) // most of it
		b.cost = append(b.cost, uint64(r.Int64N(20_000_000_000)))
		b.starts = append(b.starts, int64(i)*1500+r.Int64N(1500)) // a busy farm's
		b.picked = append(b.picked, uint16(i%BlockRows))
	}
	return b
}

// beside measures a kernel over n rows of some bytes each, and the plain loop that it
// stands for.
func beside(b *testing.B, n, bytesPerRow int, kernel, plain func()) {
	b.Helper()
	for name, run := range map[string]func(){"kernel": kernel, "plain": plain} {
		b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
			b.SetBytes(int64(n * bytesPerRow))
			for b.Loop() {
				run()
			}
		})
	}
}

// BenchmarkPick looks for the rows of 10 of 40 queues.
func BenchmarkPick(b *testing.B) {
	for _, n := range blockSizes {
		r := newBenchRows(n)
		var picked [BlockRows]uint16
		var wanted chosen
		wanted.choose(r.wanted)
		beside(b, n, 1, func() { r.resource.pick(&picked, 0, n, &wanted) }, func() {
			k := 0
			for i := range n {
				if r.wanted[r.resource[i]] == 1 {
					picked[k] = uint16(i)
					k++
				}
			}
		})
	}
}

// BenchmarkPlace looks up the places of rows.
func BenchmarkPlace(b *testing.B) {
	for _, n := range blockSizes {
		r := newBenchRows(n)
		places := make([]uint64, n)
		beside(b, n, 2, func() { r.group.place(places, r.picked, 0, r.table) }, func() {
			for i := range n {
				places[i] = r.table[r.group.at(i)]
			}
		})
	}
}

// BenchmarkPlaceBoth looks up the places of rows of two groups.
func BenchmarkPlaceBoth(b *testing.B) {
	for _, n := range blockSizes {
		r := newBenchRows(n)
		places := make([]uint64, n)
		beside(b, n, 3, func() { r.group.placeBoth(places, r.picked, 0, r.table, r.resource, r.table) }, func() {
			for i := range n {
				places[i] = r.table[r.group.at(i)] + r.table[r.resource.at(i)]
			}
		})
	}
}

// BenchmarkZones finds the latest end of each zone.
func BenchmarkZones(b *testing.B) {
	for _, n := range []int{ZoneRows - 1, ZoneRows, ZoneRows + 1, 100 * ZoneRows} {
		r := newBenchRows(n)
		ends := make([]int64, (n+ZoneRows-1)/ZoneRows)
		beside(b, n, 12, func() { r.wall.ends(ends, r.starts) }, func() {
			for i, start := range r.starts {
				ends[i/ZoneRows] = max(ends[i/ZoneRows], start+int64(r.wall.at(i)))
			}
		})
	}
}

// BenchmarkSplit tells the rows that cross an hour's end from the others.
func BenchmarkSplit(b *testing.B) {
	for _, n := range blockSizes {
		r := newBenchRows(n)
		picked := make([]uint16, n)
		var over [BlockRows]uint16
		end := r.starts[n-1] + 1_800_000
		ends := NewZones(r.starts, r.wall, r.runtime, r.cost, 1<<40).Ends
		beside(b, n, 12, func() {
			copy(picked, r.picked)
			r.wall.split(picked, &over, r.starts, ends, 0, end)
		}, func() {
			copy(picked, r.picked)
			left, moved := 0, 0
			for i := range n {
				if r.starts[i]+int64(r.wall[i]) > end {
					over[moved] = picked[i]
					moved++
				} else {
					picked[left] = picked[i]
					left++
				}
			}
		})
	}
}

// BenchmarkAdd adds rows to the cells of 300 users.
func BenchmarkAdd(b *testing.B) {
	for _, n := range blockSizes {
		r := newBenchRows(n)
		places := make([]uint64, n)
		r.group.place(places, r.picked, 0, r.table)
		list := make([]Entry, 300)
		plain := make([]Cell, 300)
		beside(b, n, 12, func() { r.cost.add(list, places, r.picked, r.runtime, 0) }, func() {
			for i := range n {
				plain[places[i]].add(int64(r.cost[i]), int64(r.runtime[i]))
			}
		})
	}
}

// BenchmarkMeet finds the cells of places, of which there are many, beside a map.
func BenchmarkMeet(b *testing.B) {
	for _, n := range blockSizes {
		r := newBenchRows(n)
		places := make([]uint64, n)
		var c cells
		c.begin(1<<40, 1, 1<<40)
		known := map[uint64]int{}
		look := func() {
			for i := range places {
				places[i] = uint64(r.group[i]) << 20
			}
		}
		beside(b, n, 8, func() {
			look()
			c.meet(places)
		}, func() {
			look()
			for i, place := range places {
				cell, met := known[place]
				if !met {
					cell = len(known)
					known[place] = cell
				}
				places[i] = uint64(cell)
			}
		})
	}
}

// BenchmarkCarry slices records over the end of an hour.
func BenchmarkCarry(b *testing.B) {
	for _, n := range blockSizes {
		r := newBenchRows(n)
		w := newSweep(r.scan(farmtally.Hourly))
		const half, hour = 1_800_000, 3_600_000
		w.take(slices.DeleteFunc(slices.Clone(r.picked), func(i uint16) bool {
			return r.starts[i]+int64(r.wall[i]) <= half
		}), 0, half)
		all := slices.Clone(w.carried)
		cells := make([]Cell, 300)
		beside(b, n, 24, func() {
			w.carried = append(w.carried[:0], all...)
			w.carry(hour)
		}, func() {
			for i := range all {
				c := &all[i]
				use := farmtally.Use{Start: farmtally.Instant(c.start), End: farmtally.Instant(c.end), Cost: farmtally.Money(c.cost), RuntimeMillis: int64(c.runtime)}
				cost, runtime := use.Slice(half, hour)
				cells[c.place].add(int64(cost), runtime)
			}
		})
	}
}

// scan asks for all of the rows, by user.
func (r *benchRows) scan(period farmtally.Period) *Scan {
	s := &Scan{
		Starts: r.starts, Wall: r.wall, Runtime: r.runtime, Cost: r.cost, Resource: r.resource, Wanted: r.wanted,
		Group: [2]Column{r.group}, Places: [2][]uint32{make([]uint32, 300)},
		Start: 0, End: 1 << 40, Period: period,
	}
	for i := range s.Places[0] {
		s.Places[0][i] = uint32(i)
	}
	s.Zones = NewZones(s.Starts, s.Wall, s.Runtime, s.Cost, int64(slices.Max(r.wall)))
	return s
}

// BenchmarkCount counts the rows of each queue.
func BenchmarkCount(b *testing.B) {
	for _, n := range []int{1, BlockRows, 1<<12 - 1, 1 << 12, 100_000} {
		r := newBenchRows(n)
		counts := make([]int64, 40)
		beside(b, n, 1, func() { Count(counts, r.resource, 0, n) }, func() {
			for i := range n {
				counts[r.resource[i]]++
			}
		})
	}
}

// BenchmarkLatest finds the last end of each queue.
func BenchmarkLatest(b *testing.B) {
	for _, n := range []int{BlockRows - 1, BlockRows, BlockRows + 1, 100_000} {
		r := newBenchRows(n)
		latest := make([]int64, 40)
		beside(b, n, 13, func() { Latest(latest, r.resource, r.starts, r.wall, 0, n) }, func() {
			for i := range n {
				latest[r.resource[i]] = max(latest[r.resource[i]], r.starts[i]+int64(r.wall.at(i)))
			}
		})
	}
}

// BenchmarkRun asks by user, hourly and daily, beside Plain.
func BenchmarkRun(b *testing.B) {
	for _, period := range []struct {
		name string
		farmtally.Period
	}{{"hourly", farmtally.Hourly}, {"daily", farmtally.Daily}} {
		b.Run(period.name, func(b *testing.B) {
			for _, n := range []int{BlockRows - 1, BlockRows, BlockRows + 1, 100_000} {
				s := newBenchRows(n).scan(period.Period)
				beside(b, n, 8+4+4+8+1+2, func() {
					if _, err := s.Run(); err != nil {
						b.Fatal(err)
					}
				}, func() { s.Plain() })
			}
		})
	}
}
