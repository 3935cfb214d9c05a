package farmtally_test

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// narrowest is the length in milliseconds up to which slicing stays in 64 bits.
const narrowest = 3_037_000_499

const maxInt64 = 1<<63 - 1

// amounts draws what is spread over a record.
func amounts() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.SampledFrom([]int64{0, 1, 2, narrowest, maxInt64 - 1, maxInt64}), rapid.Int64Min(0), rapid.Int64Range(0, 1e12))
}

// wallTimes draws lengths of records, on both sides of the bound between the paths.
func wallTimes() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.SampledFrom([]int64{1, 2, 3, 3_600_000, narrowest - 1, narrowest, narrowest + 1, 253_402_300_799_999, maxInt64}),
		rapid.Int64Range(1, 1e9), rapid.Int64Range(narrowest-1000, narrowest+1000), rapid.Int64Min(1))
}

func bigCum(v, x, d int64) *big.Int {
	product := new(big.Int).Mul(big.NewInt(v), big.NewInt(x))
	return product.Quo(product, big.NewInt(d))
}

func TestCumEqualsBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, d := amounts().Draw(t, "v"), wallTimes().Draw(t, "d")
		x := rapid.OneOf(rapid.SampledFrom([]int64{0, 1, d / 2, d - 1, d}), rapid.Int64Range(0, d)).Draw(t, "x")
		if got, want := farmtally.Cum(v, x, d), bigCum(v, x, d); want.Cmp(big.NewInt(got)) != 0 {
			t.Fatalf("Cum(%d, %d, %d) = %d, want %s", v, x, d, got, want)
		}
	})
}

func TestCumAtTheBounds(t *testing.T) {
	for _, v := range []int64{0, 1, 2, narrowest - 1, narrowest, narrowest + 1, maxInt64 - 1, maxInt64} {
		for _, d := range []int64{1, 2, narrowest - 2, narrowest - 1, narrowest, narrowest + 1, maxInt64} {
			for _, x := range []int64{0, 1, d / 2, d - 1, d} {
				if got, want := farmtally.Cum(v, x, d), bigCum(v, x, d); want.Cmp(big.NewInt(got)) != 0 {
					t.Errorf("Cum(%d, %d, %d) = %d, want %s", v, x, d, got, want)
				}
			}
		}
	}
}

// uses draws uses of every length, none included.
func uses() *rapid.Generator[farmtally.Use] {
	return rapid.Custom(func(t *rapid.T) farmtally.Use {
		length := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 100), wallTimes()).Draw(t, "length")
		start := rapid.Int64Range(0, min(1000, maxInt64-length)).Draw(t, "start")
		return farmtally.Use{
			Start: farmtally.Instant(start), End: farmtally.Instant(start + length),
			Cost: farmtally.Money(amounts().Draw(t, "cost")), RuntimeMillis: amounts().Draw(t, "runtime"),
		}
	})
}

func TestSlicesOfAnyCutAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := uses().Draw(t, "use")
		first := u.Start - farmtally.Instant(rapid.Int64Range(0, int64(u.Start)).Draw(t, "before"))
		last := u.End + farmtally.Instant(rapid.Int64Range(1, max(1, min(1000, maxInt64-int64(u.End)))).Draw(t, "after"))
		if last < u.End {
			last = u.End // there is no instant after
		}
		cuts := []farmtally.Instant{first, last}
		for _, c := range rapid.SliceOfN(rapid.Int64Range(int64(first), int64(last)), 0, 8).Draw(t, "cuts") {
			cuts = append(cuts, farmtally.Instant(c))
		}
		if rapid.Bool().Draw(t, "touching") {
			cuts = append(cuts, u.Start, u.End)
		}
		slices.Sort(cuts)
		cuts = slices.Compact(cuts)
		var cost farmtally.Money
		var runtime int64
		for i, from := range cuts[:len(cuts)-1] {
			to := cuts[i+1]
			if !u.Meets(from, to) {
				continue
			}
			c, r := u.Slice(from, to)
			if c < 0 || r < 0 {
				t.Fatalf("slice of %+v over [%d, %d) is %d and %d", u, from, to, c, r)
			}
			cost, runtime = cost+c, runtime+r
		}
		if cost != u.Cost || runtime != u.RuntimeMillis {
			t.Fatalf("slices of %+v add up to %d and %d", u, cost, runtime)
		}
	})
}

func TestSliceByHand(t *testing.T) {
	u := farmtally.Use{Start: 100, End: 107, Cost: 10, RuntimeMillis: 3}
	for _, c := range []struct {
		start, end farmtally.Instant
		cost       farmtally.Money
		runtime    int64
	}{
		{100, 107, 10, 3}, {0, 1000, 10, 3}, {0, 101, 1, 0}, {101, 102, 1, 0}, {102, 103, 2, 1}, {103, 104, 1, 0},
		{104, 105, 2, 1}, {105, 106, 1, 0}, {106, 107, 2, 1}, {106, 1000, 2, 1}, {100, 106, 8, 2},
	} {
		if cost, runtime := u.Slice(c.start, c.end); cost != c.cost || runtime != c.runtime {
			t.Errorf("slice over [%d, %d): %d and %d, want %d and %d", c.start, c.end, cost, runtime, c.cost, c.runtime)
		}
	}
}

func TestUseMeets(t *testing.T) {
	for _, c := range []struct {
		name       string
		start, end farmtally.Instant
		want       bool
	}{
		{"whole inside", 12, 15, true}, {"the range itself", 10, 20, true}, {"around the range", 0, 30, true},
		{"crosses the start", 5, 11, true}, {"crosses the end", 19, 25, true},
		{"touches the start", 5, 10, false}, {"touches the end", 20, 25, false},
		{"before", 0, 5, false}, {"after", 25, 30, false},
		{"zero length at the start", 10, 10, true}, {"zero length inside", 15, 15, true},
		{"zero length at the end", 20, 20, false}, {"zero length just inside the end", 19, 19, true},
		{"zero length just before", 9, 9, false},
		{"one millisecond before the start", 9, 10, false}, {"first millisecond", 10, 11, true}, {"last millisecond", 19, 20, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (farmtally.Use{Start: c.start, End: c.end}).Meets(10, 20); got != c.want {
				t.Errorf("[%d, %d) meets [10, 20): %v", c.start, c.end, got)
			}
		})
	}
}

// A use meets exactly one of adjacent ranges at each of its milliseconds: the
// zero-length one belongs to the range that begins at its instant.
func TestZeroLengthBelongsToOneBucket(t *testing.T) {
	u := farmtally.Use{Start: 10, End: 10, Cost: 7}
	if u.Meets(0, 10) || !u.Meets(10, 20) {
		t.Error("a use of zero length on a boundary belongs to the bucket that starts there")
	}
	if cost, _ := u.Slice(10, 20); cost != 7 {
		t.Errorf("its cost there is %d", cost)
	}
}
