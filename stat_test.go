package farmtally_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// bigSum is the reference of a Sum.
func bigSum(s farmtally.Sum) *big.Int {
	b := new(big.Int).SetUint64(s.Hi)
	return b.Add(b.Lsh(b, 64), new(big.Int).SetUint64(s.Lo))
}

func sums() *rapid.Generator[farmtally.Sum] {
	words := rapid.OneOf(rapid.SampledFrom([]uint64{0, 1, 1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<63 - 1, 1<<64 - 1}), rapid.Uint64())
	return rapid.Custom(func(t *rapid.T) farmtally.Sum {
		s := farmtally.Sum{Lo: words.Draw(t, "lo")}
		if rapid.IntRange(0, 2).Draw(t, "wide") == 0 {
			s.Hi = rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64Max(1<<62)).Draw(t, "hi")
		}
		return s
	})
}

func TestSumsEqualBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, v := sums().Draw(t, "a"), amounts().Draw(t, "v")
		b := rapid.OneOf(rapid.Just(a), rapid.Just(farmtally.Sum{Hi: a.Hi, Lo: ^a.Lo}), sums()).Draw(t, "b")
		bigA, bigB := bigSum(a), bigSum(b)
		if a.Big().Cmp(bigA) != 0 {
			t.Fatalf("%v is %s", a, a.Big())
		}
		if got, want := a.Cmp(b), bigA.Cmp(bigB); got != want || b.Cmp(a) != -want || (a == b) != (want == 0) {
			t.Fatalf("%v and %v compare as %d, want %d", a, b, got, want)
		}
		sum := a
		sum.AddSum(b)
		sum.Add(v)
		if want := new(big.Int).Add(bigA.Add(bigA, bigB), big.NewInt(v)); sum.Big().Cmp(want) != 0 {
			t.Fatalf("%v + %v + %d = %s, want %s", a, b, v, sum.Big(), want)
		}
	})
}

func TestSumsPrintExactly(t *testing.T) {
	for _, c := range []struct {
		sum              farmtally.Sum
		dollars, seconds string
	}{
		{farmtally.Sum{}, "0", "0"},
		{farmtally.Sum{Lo: 1}, "0.000000001", "0.001"},
		{farmtally.Sum{Lo: 1_500_000_000}, "1.5", "1500000"},
		{farmtally.Sum{Lo: 1<<64 - 1}, "18446744073.709551615", "18446744073709551.615"},
		{farmtally.Sum{Hi: 1}, "18446744073.709551616", "18446744073709551.616"},
		{farmtally.Sum{Hi: 1<<64 - 1, Lo: 1<<64 - 1}, "340282366920938463463374607431.768211455", "340282366920938463463374607431768211.455"},
	} {
		if c.sum.Dollars() != c.dollars || c.sum.Seconds() != c.seconds {
			t.Errorf("%v is %s dollars, %s seconds", c.sum, c.sum.Dollars(), c.sum.Seconds())
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := sums().Draw(t, "sum")
		dollars, _ := new(big.Rat).SetString(s.Dollars())
		if want := new(big.Rat).SetFrac(bigSum(s), big.NewInt(1e9)); dollars.Cmp(want) != 0 {
			t.Fatalf("%v prints %s", s, s.Dollars())
		}
	})
}

func TestStatValueIsTheNearestDouble(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := farmtally.Stat{Sum: sums().Draw(t, "sum"), Min: amounts().Draw(t, "min"), Max: amounts().Draw(t, "max")}
		count := rapid.OneOf(rapid.Int64Range(1, 1000), rapid.Int64Min(1), rapid.SampledFrom([]int64{1, 3, 7, 1 << 24, maxInt64})).Draw(t, "count")
		scale := rapid.SampledFrom([]farmtally.Scale{farmtally.NanosPerDollar, farmtally.MillisPerSecond}).Draw(t, "scale")
		factor := farmtally.CostScale(rapid.OneOf(rapid.Just(int64(1e9)), rapid.SampledFrom([]int64{0, 1, 5e8, 1e11}), rapid.Int64Range(0, 1e11)).Draw(t, "factor"))
		exact := map[farmtally.Statistic]*big.Rat{
			farmtally.StatSum: new(big.Rat).SetInt(bigSum(s.Sum)),
			farmtally.StatMin: new(big.Rat).SetInt64(s.Min),
			farmtally.StatMax: new(big.Rat).SetInt64(s.Max),
			farmtally.StatAvg: new(big.Rat).SetFrac(bigSum(s.Sum), big.NewInt(count)),
		}
		for of, want := range exact {
			want.Mul(want, big.NewRat(int64(factor), 1e9)).Quo(want, new(big.Rat).SetInt64(int64(scale)))
			nearest, _ := want.Float64()
			if got := s.Value(of, count, scale, factor); got != nearest {
				t.Fatalf("%s of %+v, count %d, scale %d, factor %s: %v, want %v", of, s, count, scale, factor, got, nearest)
			}
		}
	})
}

func TestStatValueByHand(t *testing.T) {
	const dollars, seconds = farmtally.NanosPerDollar, farmtally.MillisPerSecond
	stat := func(sum farmtally.Sum) farmtally.Stat { return farmtally.Stat{Sum: sum, Min: 1, Max: maxInt64} }
	for _, c := range []struct {
		name   string
		stat   farmtally.Stat
		of     farmtally.Statistic
		count  int64
		scale  farmtally.Scale
		factor farmtally.CostScale
		want   float64
	}{
		{"AWS's example", stat(farmtally.Sum{Lo: 53_773}), farmtally.StatSum, 1, seconds, farmtally.DefaultCostScale, 53.773},
		{"least", stat(farmtally.Sum{}), farmtally.StatMin, 1, dollars, farmtally.DefaultCostScale, 1e-9},
		{"most", stat(farmtally.Sum{}), farmtally.StatMax, 1, dollars, farmtally.DefaultCostScale, 9223372036.854775807},
		{"a third", stat(farmtally.Sum{Lo: 1e9}), farmtally.StatAvg, 3, dollars, farmtally.DefaultCostScale, 1.0 / 3},
		{"doubled", stat(farmtally.Sum{Lo: 15e8}), farmtally.StatSum, 1, dollars, 2 * farmtally.DefaultCostScale, 3},
		{"scaled to nothing", stat(farmtally.Sum{Lo: 15e8}), farmtally.StatSum, 1, dollars, 0, 0},
		{"above 2^53", stat(farmtally.Sum{Lo: 1<<53 + 1}), farmtally.StatSum, 1, seconds, farmtally.DefaultCostScale, 9007199254740.993},
		{"above 2^64", stat(farmtally.Sum{Hi: 1}), farmtally.StatSum, 1, dollars, farmtally.DefaultCostScale, 18446744073.709551616},
		{"many samples", stat(farmtally.Sum{Hi: 1}), farmtally.StatAvg, maxInt64, dollars, farmtally.DefaultCostScale, math.Ldexp(1, 64) / math.Ldexp(1, 63) / 1e9},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.stat.Value(c.of, c.count, c.scale, c.factor); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
