package kernel_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
)

// hour and its kin are lengths in milliseconds.
const (
	minute = 60 * 1000
	hour   = 60 * minute
	base   = 1_700_000_000_000 / hour * hour
)

// randomScan draws n rows over about two days, with many on boundaries.
func randomScan(r *rand.Rand, n int) *kernel.Scan {
	s := &kernel.Scan{
		Wanted: []bool{true, false, true}, Ranks: [2][]uint32{{2, 0, 1}, {1, 0}}, Places: 6, Unpriced: 1,
	}
	var wall, runtime, cost []uint64
	var resource, rate []uint8
	var group0 []uint16
	var group1 []uint32
	for range n {
		s.Starts = append(s.Starts, base+pick(r, r.Int64N(48)*hour, r.Int64N(48*hour), 0))
	}
	slices.Sort(s.Starts)
	for range n {
		w := pick(r, 0, r.Int64N(90*minute), r.Int64N(6)*30*minute, r.Int64N(30*hour), 40*24*hour)
		wall = append(wall, uint64(w))
		runtime = append(runtime, uint64(pick(r, 0, w, r.Int64N(w+1))))
		cost = append(cost, uint64(pick(r, 0, r.Int64N(1<<20), r.Int64N(1<<62))))
		resource = append(resource, uint8(r.IntN(3)))
		group0 = append(group0, uint16(r.IntN(3)))
		group1 = append(group1, uint32(r.IntN(2)))
		rate = append(rate, uint8(r.IntN(2)))
	}
	s.Wall, s.Runtime, s.Cost = kernel.Unsigned[uint64](wall), kernel.Unsigned[uint64](runtime), kernel.Unsigned[uint64](cost)
	s.Resource, s.Rate = kernel.Unsigned[uint8](resource), kernel.Unsigned[uint8](rate)
	s.Group = [2]kernel.Column{kernel.Unsigned[uint16](group0), kernel.Unsigned[uint32](group1)}
	bounds := []int64{base + r.Int64N(3*hour)}
	for at := int64(base + 3*hour); at < base+40*hour; at += pick(r, hour, 30*minute, 7*hour) {
		bounds = append(bounds, at)
	}
	s.Buckets = kernel.NewBuckets(append(bounds, bounds[len(bounds)-1]+1+r.Int64N(hour)))
	return s
}

func pick(r *rand.Rand, choices ...int64) int64 { return choices[r.IntN(len(choices))] }

// Run gives the cells of Plain at sizes around every block edge, in an array and in
// a hash table.
func TestRunEqualsPlain(t *testing.T) {
	for _, n := range []int{0, 1, 2, 511, 512, 513, 1023, 1024, 1025, 3000} {
		for seed := range uint64(20) {
			r := rand.New(rand.NewPCG(seed, uint64(n)))
			s := randomScan(r, n)
			size := uint64(len(s.Buckets.Bounds)-1) * s.Places
			for _, table := range []*kernel.Table{kernel.NewTable(size, int(size)), kernel.NewTable(1<<60, 0)} {
				from := r.IntN(n + 1)
				to := from + r.IntN(n-from+1)
				want, wantSeen := s.Plain(from, to)
				if got := s.Run(from, to, table); got != wantSeen {
					t.Fatalf("n %d seed %d: seen %v, want %v", n, seed, got, wantSeen)
				}
				if table.Used() != len(want) {
					t.Fatalf("n %d seed %d: %d cells, want %d", n, seed, table.Used(), len(want))
				}
				table.Each(func(number uint64, c *kernel.Cell) {
					if *c != want[number] {
						t.Fatalf("n %d seed %d cell %d: %v, want %v", n, seed, number, *c, want[number])
					}
				})
			}
		}
	}
}

// Window never leaves out a row that meets the range.
func TestWindow(t *testing.T) {
	for seed := range uint64(50) {
		s := randomScan(rand.New(rand.NewPCG(seed, 0)), 700)
		from, to := s.Window(40 * 24 * hour)
		_, all := s.Plain(0, 700)
		if _, some := s.Plain(from, to); some != all {
			t.Fatalf("seed %d: window [%d, %d) has %v, all have %v", seed, from, to, some, all)
		}
	}
}

// The hash table keeps every cell while it grows.
func TestTableGrows(t *testing.T) {
	n := 20_000
	s := &kernel.Scan{
		Wanted: []bool{true}, Ranks: [2][]uint32{make([]uint32, n)}, Places: uint64(n),
		Wall: make(kernel.Unsigned[uint8], n), Runtime: make(kernel.Unsigned[uint8], n), Cost: make(kernel.Unsigned[uint8], n),
		Resource: make(kernel.Unsigned[uint8], n), Starts: make([]int64, n),
		Buckets: kernel.NewBuckets([]int64{0, hour}),
	}
	codes := make(kernel.Unsigned[uint32], n)
	for i := range n {
		codes[i], s.Ranks[0][i] = uint32(i), uint32(n-1-i)
	}
	s.Group[0] = codes
	table := kernel.NewTable(1<<60, 0)
	s.Run(0, n, table)
	seen := map[uint64]bool{}
	table.Each(func(number uint64, c *kernel.Cell) { seen[number] = c.Count == 1 })
	if len(seen) != n || table.Used() != n || table.Sorted() {
		t.Fatalf("%d cells, used %d, sorted %v", len(seen), table.Used(), table.Sorted())
	}
}

func TestMerge(t *testing.T) {
	var a, b, all kernel.Cell
	row := func(c *kernel.Cell, values ...int64) {
		var r farmtally.Row
		for _, v := range values {
			r.AddSample(farmtally.Money(v), 2*v)
		}
		*c = kernel.Cell{Count: r.Count, Cost: r.Cost, Runtime: r.Runtime}
	}
	row(&a, 5, 9)
	row(&b, 3, 7)
	row(&all, 5, 9, 3, 7)
	var merged kernel.Cell
	merged.Merge(&a)
	merged.Merge(&b)
	if merged != all {
		t.Fatalf("%v, want %v", merged, all)
	}
}
