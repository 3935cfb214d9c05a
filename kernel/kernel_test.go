package kernel_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
)

// Lengths in milliseconds.
const (
	minute = 60 * 1000
	hour   = 60 * minute
	day    = 24 * hour
	base   = 1_700_000_000_000 / hour * hour
)

var periods = []farmtally.Period{farmtally.WholeRange, farmtally.Hourly, farmtally.Daily, farmtally.Weekly, farmtally.Monthly}

// shape says what a random scan is like.
type shape struct {
	rows, span int64 // the rows start within span milliseconds
	groups     [2]int
	most       int64 // of a cost
}

// randomScan draws a scan whose records often touch and cross boundaries.
func randomScan(r *rand.Rand, h shape) *kernel.Scan {
	s := &kernel.Scan{
		Wanted: []uint8{1, 0, 1}, Unpriced: 1,
		Period: periods[r.IntN(len(periods))], Zone: farmtally.Offset(30 * (r.IntN(39) - 19)),
		Start: base + pick(r, r.Int64N(3*hour), hour, -hour),
	}
	s.End = s.Start + 1 + pick(r, r.Int64N(h.span), hour, 2*h.span)
	var wall, runtime, cost []uint64
	var resource, rate []uint8
	group0 := make(kernel.Unsigned[uint16], h.rows)
	group1 := make(kernel.Unsigned[uint32], h.rows)
	for range h.rows {
		s.Starts = append(s.Starts, base+pick(r, r.Int64N(h.span)/hour*hour, r.Int64N(h.span), 0))
	}
	slices.Sort(s.Starts)
	for i := range h.rows {
		w := pick(r, 0, r.Int64N(90*minute), r.Int64N(6)*30*minute, r.Int64N(30*hour), pick(r, hour, 40*day))
		wall = append(wall, uint64(w))
		runtime = append(runtime, uint64(pick(r, 0, w, r.Int64N(w+1))))
		cost = append(cost, uint64(pick(r, 0, min(h.most, r.Int64N(1<<20)), h.most, r.Int64N(h.most))))
		resource = append(resource, uint8(r.IntN(3)))
		rate = append(rate, uint8(r.IntN(2)))
		group0[i], group1[i] = uint16(r.IntN(h.groups[0])), uint32(r.IntN(max(1, h.groups[1])))
		if r.IntN(50) == 0 {
			s.Dropped = append(s.Dropped, uint32(i))
		}
	}
	s.Wall, s.Runtime, s.Cost = narrowest(wall), narrowest(runtime), narrowest(cost)
	s.Resource, s.Group[0] = kernel.Unsigned[uint8](resource), group0
	s.Places[0] = permutation(r, h.groups[0])
	if h.groups[1] > 0 {
		s.Group[1], s.Places[1] = group1, permutation(r, h.groups[1])
	}
	if r.IntN(2) == 0 {
		s.Rate = kernel.Unsigned[uint8](rate)
	}
	s.Zones = kernel.NewZones(s.Starts, s.Wall, s.Runtime, s.Cost, int64(slices.Max(append(wall, 0))))
	return s
}

func narrowest(values []uint64) kernel.Column {
	if slices.Max(append(values, 0)) >= 1<<32 {
		return kernel.Unsigned[uint64](values)
	}
	column := make(kernel.Unsigned[uint32], len(values))
	for i, v := range values {
		column[i] = uint32(v)
	}
	return column
}

func permutation(r *rand.Rand, n int) (p []uint32) {
	for _, i := range r.Perm(n) {
		p = append(p, uint32(i))
	}
	return p
}

func pick(r *rand.Rand, choices ...int64) int64 { return choices[r.IntN(len(choices))] }

// cell gives the statistics of an entry.
func cell(p *kernel.Partial, entry int) (c kernel.Cell) {
	c.Count = p.Entries[entry].Widen(p.HighOf(entry), &c.Cost, &c.Runtime)
	return c
}

// check fails where Run does not give what Plain gives, in order.
func check(t *testing.T, s *kernel.Scan) *kernel.Partial {
	t.Helper()
	want, seen := s.Plain()
	got, err := s.Run()
	if err != nil {
		t.Fatal(err)
	}
	if got.Seen != seen {
		t.Fatalf("seen %v, want %v", got.Seen, seen)
	}
	if len(got.Entries) != len(want) {
		t.Fatalf("%d entries, want %d", len(got.Entries), len(want))
	}
	at := 0
	for i, run := range got.Runs {
		if i > 0 && got.Runs[i-1].Bucket >= run.Bucket || run.End <= at {
			t.Fatalf("run %d is %v, the one before %v", i, run, got.Runs[max(i-1, 0)])
		}
		for first := at; at < run.End; at++ {
			e := got.Entries[at]
			if at > first && slices.Compare(got.Entries[at-1].Places[:], e.Places[:]) >= 0 {
				t.Fatalf("entry %d has the places %v, the one before %v", at, e.Places, got.Entries[at-1].Places)
			}
			if w := want[kernel.Key{Bucket: run.Bucket, Places: e.Places}]; w != cell(got, at) {
				t.Fatalf("bucket %d places %v: %+v, want %+v", run.Bucket, e.Places, cell(got, at), w)
			}
		}
	}
	if at != len(got.Entries) {
		t.Fatalf("the runs have %d entries of %d", at, len(got.Entries))
	}
	return got
}

// Run gives what Plain gives, at sizes around every block's edge, with cells for each
// place and with hashed ones, and with sums beyond 64 bits.
func TestRunEqualsPlain(t *testing.T) {
	const b = kernel.BlockRows
	for _, rows := range []int64{0, 1, 2, b - 1, b, b + 1, 2*b - 1, 2 * b, 2*b + 1, 3000} {
		for seed := range uint64(60) {
			r := rand.New(rand.NewPCG(seed, uint64(rows)))
			h := shape{
				rows: rows, span: pick(r, 3*hour, 3*day, 70*day), most: pick(r, 1<<20, 1<<40, 1<<56, 1<<63-1),
				groups: [2]int{int(pick(r, 1, 3, 300, 5000)), int(pick(r, 0, 0, 2, 7, 900))},
			}
			s := randomScan(r, h)
			check(t, s)
			kernel.Looped(func() { check(t, s) })
		}
	}
}

// The pieces of a scan give what the scan gives.
func TestPieces(t *testing.T) {
	several := 0
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 7))
		s := randomScan(r, shape{pick(r, 0, 1, 700, 3000), pick(r, 3*hour, 3*day, 70*day), [2]int{int(pick(r, 3, 5000)), 0}, pick(r, 1<<40, 1<<63-1)})
		want, err := s.Run()
		if err != nil {
			t.Fatal(err)
		}
		pieces := s.Pieces(1 + r.IntN(8))
		found := make([]*kernel.Partial, len(pieces))
		for i, piece := range pieces {
			if found[i], err = piece.Run(); err != nil {
				t.Fatal(err)
			}
		}
		if len(pieces) > 2 {
			several++
		}
		got := kernel.Join(found)
		if got.Seen != want.Seen || !slices.Equal(got.Runs, want.Runs) || !slices.Equal(got.Entries, want.Entries) || !slices.Equal(got.High, want.High) {
			t.Fatalf("seed %d: %d pieces give another answer than the whole", seed, len(pieces))
		}
	}
	if several < 50 {
		t.Errorf("only %d scans have more than two pieces", several)
	}
}

// The draws have what the test is about.
func TestDraws(t *testing.T) {
	crossing, before, zero, dropped, unpriced, beyond := 0, 0, 0, 0, int64(0), 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := randomScan(r, shape{700, 3 * day, [2]int{3, 2}, 1<<63 - 1})
		got := check(t, s)
		dropped += len(s.Dropped)
		unpriced += got.Seen.Unpriced
		for i := range got.Entries {
			if cell(got, i).Cost.Sum.Hi > 0 {
				beyond++
			}
		}
		for row, start := range s.Starts {
			end := start + int64(s.Wall.(kernel.Unsigned[uint32])[row])
			switch {
			case end == start:
				zero++
			case start < s.Start && end > s.Start:
				before++
			case s.Period == farmtally.Hourly && start/hour != (end-1)/hour:
				crossing++
			}
		}
	}
	for what, n := range map[string]int{"crossing": crossing, "before": before, "zero": zero, "dropped": dropped, "unpriced": int(unpriced), "beyond 64 bits": beyond} {
		if n < 100 {
			t.Errorf("only %d draws are %s", n, what)
		}
	}
}

// Check is told of the entries, and its error ends the scan.
func TestCheckEnds(t *testing.T) {
	s := randomScan(rand.New(rand.NewPCG(1, 2)), shape{3000, 70 * day, [2]int{300, 0}, 1 << 20})
	s.Period, s.Start, s.End = farmtally.Hourly, base, base+70*day
	enough := errors.New("enough")
	most := 0
	s.Check = func(entries int) error {
		if most = entries; entries > 500 {
			return enough
		}
		return nil
	}
	if _, err := s.Run(); !errors.Is(err, enough) || most > 1500 {
		t.Fatalf("error %v at %d entries", err, most)
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
