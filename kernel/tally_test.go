package kernel_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/farmtally/farmtally/kernel"
)

// codesOf makes a column of random codes below n, of any width that holds them.
func codesOf(r *rand.Rand, rows, n int) (kernel.Column, []int) {
	codes := make([]int, rows)
	for i := range codes {
		codes[i] = r.IntN(n)
	}
	switch widths := 1 + r.IntN(2); {
	case n <= math.MaxUint8+1 && widths == 1:
		return narrowed[uint8](codes), codes
	case n <= math.MaxUint16+1 && widths == 1:
		return narrowed[uint16](codes), codes
	default:
		return narrowed[uint32](codes), codes
	}
}

func narrowed[T uint8 | uint16 | uint32](codes []int) kernel.Unsigned[T] {
	c := make(kernel.Unsigned[T], len(codes))
	for i, code := range codes {
		c[i] = T(code)
	}
	return c
}

// TestTallies: counts and times by code are those of a plain loop.
func TestTallies(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		rows, n := 1+r.IntN(int(pick(r, 20, 3*kernel.BlockRows, 10_000))), 1+r.IntN(int(pick(r, 5, 256, 257, 70_000)))
		column, codes := codesOf(r, rows, n)
		others, otherCodes := codesOf(r, rows, 3)
		starts, walls := make([]int64, rows), make([]uint64, rows)
		for i := range starts {
			starts[i], walls[i] = r.Int64N(1000), uint64(r.Int64N(pick(r, 5, 1<<40)))
		}
		from := r.IntN(rows)
		to := from + r.IntN(rows-from+1)
		other := r.IntN(4)
		want := [4][]int64{make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)}
		var have [4][]int64
		for k := range want {
			for code := range n {
				want[k][code] = r.Int64N(1 << 20) // they are added to
			}
			have[k] = slices.Clone(want[k])
		}
		for i := from; i < to; i++ {
			code := codes[i]
			want[0][code]++
			if otherCodes[i] == other {
				want[1][code]++
			}
			want[2][code] = min(want[2][code], starts[i])
			want[3][code] = max(want[3][code], starts[i]+int64(walls[i]))
		}
		kernel.Count(have[0], column, from, to)
		kernel.CountOf(have[1], column, others, uint32(other), from, to)
		kernel.Earliest(have[2], column, starts, from, to)
		kernel.Latest(have[3], column, starts, narrowest(walls), from, to)
		for k, name := range []string{"Count", "CountOf", "Earliest", "Latest"} {
			if !slices.Equal(have[k], want[k]) {
				t.Fatalf("%s of rows %d to %d of %d, %d codes", name, from, to, rows, n)
			}
		}
	}
}
