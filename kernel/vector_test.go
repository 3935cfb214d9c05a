package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// looped runs without the functions of vector_amd64.s.
func looped(run func()) {
	defer func(before bool) { vector = before }(vector)
	vector = false
	run()
}

// Rows are picked alike by the loop and by the vector, of any number of codes, wanted ones
// and others.
func TestPickVector(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range BlockRows + 1 {
		codes := 1 + r.IntN(256)
		marks := make([]uint8, codes)
		for i := range marks {
			if r.IntN(codes) <= n%codes {
				marks[i] = 1
			}
		}
		column := make(Unsigned[uint8], 3+n)
		for i := range column {
			column[i] = uint8(r.IntN(codes))
		}
		var wanted chosen
		wanted.choose(marks)
		var got, want [BlockRows]uint16
		k := column.pick(&got, 3, n, &wanted)
		looped(func() {
			if m := column.pick(&want, 3, n, &wanted); !slices.Equal(got[:k], want[:m]) {
				t.Fatalf("%d rows of %d codes, marks %v: picked %v, want %v", n, codes, marks, got[:k], want[:m])
			}
		})
	}
}

// Rows are added alike by the loop and by the vector, whatever the widths.
func TestAddVector(t *testing.T) {
	addAlike[uint64, uint32](t)
	addAlike[uint32, uint32](t)
	addAlike[uint64, uint64](t)
	addAlike[uint16, uint8](t)
}

func addAlike[C, R integer](t *testing.T) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	for n := range BlockRows + 1 {
		rows := n + r.IntN(BlockRows-n+1)
		cost, runtime := make([]C, rows), make([]R, rows)
		for i := range rows {
			cost[i], runtime[i] = C(r.Uint64()>>1>>r.IntN(63)), R(r.Uint64()>>1>>r.IntN(63))
		}
		picked := make([]uint16, n)
		places := make([]uint64, n)
		for k, i := range r.Perm(rows)[:n] {
			picked[k], places[k] = uint16(i), r.Uint64N(1+uint64(n/3))
		}
		slices.Sort(picked)
		got, want := slices.Repeat([]Entry{empty([2]uint32{5, 7})}, 200), slices.Repeat([]Entry{empty([2]uint32{5, 7})}, 200)
		addRows(got, places, picked, cost, runtime)
		looped(func() { addRows(want, places, picked, cost, runtime) })
		if !slices.Equal(got, want) {
			t.Fatalf("%T, %T, %d of %d rows: the vector gives other cells than the loop", cost, runtime, n, rows)
		}
	}
}
