package export

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// TestQuantitiesGiveTheirCosts: at any price that a charge may show, the quantity times
// the price is the cost to half a nano-dollar, and a runtime's quantity is exact but for
// its last decimal.
func TestQuantitiesGiveTheirCosts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		price := rapid.OneOf(rapid.Int64Range(1, 1000), rapid.Int64Range(1, int64(dearest)-1), rapid.Int64Range(int64(dearest)-1000, int64(dearest)-1)).Draw(t, "price")
		cost := rapid.Int64Range(0, math.MaxInt64).Draw(t, "cost")
		off := new(big.Int).Mul(ratioOf(farmtally.Money(cost), farmtally.Money(price)).BigInt(), big.NewInt(price))
		off.Sub(off, new(big.Int).Mul(big.NewInt(cost), big.NewInt(1e15))).Abs(off)
		if off.Cmp(big.NewInt(1e15/2)) > 0 {
			t.Fatalf("%d at %d is off by %s of 10^15", cost, price, off)
		}
		quantity, millis := rapid.Int64Range(0, 1e18).Draw(t, "quantity"), rapid.Int64Range(0, 1<<48).Draw(t, "millis")
		want := new(big.Int).Mul(big.NewInt(quantity), big.NewInt(millis))
		want.Mul(want, big.NewInt(1e15)).Quo(want, new(big.Int).Mul(big.NewInt(1e9), big.NewInt(3_600_000)))
		if have := unitHours(farmtally.Quantity(quantity), millis).BigInt(); have.Cmp(want) != 0 {
			t.Fatalf("%d for %d ms is %s, want %s", quantity, millis, have, want)
		}
	})
}

// TestAmountsAsText: a decimal's text is the decimal, without zeros behind it, and the
// nearest double to it is that of which it was made.
func TestAmountsAsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sum := farmtally.Sum{Hi: rapid.Uint64Range(0, 1<<25).Draw(t, "hi"), Lo: rapid.Uint64().Draw(t, "lo")}
		factor := rapid.SampledFrom([]int64{1, 1e9, 1_150_000_000, 333_333_333, 100e9}).Draw(t, "factor")
		a, err := times(sum, factor)
		if err != nil {
			t.Fatal(err)
		}
		text := string(appendAmount(nil, a, dollarDigits))
		have, ok := new(big.Rat).SetString(text)
		want := new(big.Rat).SetFrac(new(big.Int).Mul(sum.Big(), big.NewInt(factor)), big.NewInt(1e18))
		if !ok || have.Cmp(want) != 0 {
			t.Fatalf("%v × %d is %s, want %s", sum, factor, text, want.FloatString(18))
		}
		if text != "0" && (text[len(text)-1] == '.' || len(text) > 1 && text[0] == '0' && text[1] != '.') {
			t.Fatalf("%s is no way to write a number", text)
		}
		f, _ := want.Float64()
		back, err := double(f, dollarDigits)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := rat(back).Float64()
		if again != f && f > 1e-9 {
			t.Fatalf("%v becomes %s, which is %v", f, appendAmount(nil, back, dollarDigits), again)
		}
	})
	if _, err := times(farmtally.Sum{Hi: 1 << 62}, 100e9); farmtally.KindOf(err) != farmtally.TooLarge {
		t.Errorf("an amount beyond every column gives %v", err)
	}
	for _, f := range []float64{-1, math.NaN(), math.Inf(1), 1e30} {
		if _, err := double(f, dollarDigits); err == nil {
			t.Errorf("%v is taken for an amount", f)
		}
	}
}

func rat(a amount) *big.Rat { return new(big.Rat).SetFrac(a.BigInt(), big.NewInt(1e18)) }
