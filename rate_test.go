package farmtally_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

func TestRateCostEqualsBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.OneOf(amounts(), rapid.Int64Range(0, 1e11)).Draw(t, "rate")
		quantity := rapid.OneOf(amounts(), rapid.Int64Range(0, 1e12)).Draw(t, "quantity")
		millis := rapid.OneOf(amounts(), rapid.Int64Range(0, 1e10)).Draw(t, "millis")
		want := new(big.Int).Mul(big.NewInt(rate), big.NewInt(quantity))
		want.Mul(want, big.NewInt(millis)).Quo(want, big.NewInt(1e9*3_600_000))
		got, err := farmtally.Rate{USDPerHour: farmtally.Money(rate)}.Cost(farmtally.Quantity(quantity), millis)
		if large := want.Cmp(largest) > 0; large != (err != nil) || !large && want.Cmp(big.NewInt(int64(got))) != 0 {
			t.Fatalf("%d × %d × %d = %d, %v; want %s", rate, quantity, millis, got, err, want)
		}
	})
}

func TestRateCost(t *testing.T) {
	for _, c := range []struct {
		name     string
		rate     farmtally.Money
		quantity farmtally.Quantity
		millis   int64
		want     farmtally.Money
		err      string
	}{
		{"an hour of one", 1e9, farmtally.One, 3_600_000, 1e9, ""},
		{"half an hour of four", 15e8, 4 * farmtally.One, 1_800_000, 3e9, ""},
		{"half a worker", 1e9, farmtally.One / 2, 3_600_000, 5e8, ""},
		{"nothing", 0, farmtally.One, 3_600_000, 0, ""},
		{"of nothing", 1e9, 0, 3_600_000, 0, ""},
		{"for no time", 1e9, farmtally.One, 0, 0, ""},
		{"rounds down", 1, farmtally.One, 3_599_999, 0, ""},
		{"AWS's example", 1e9, farmtally.One, 53_773, 14_936_944, ""},
		{"the largest", maxInt64, farmtally.One, 3_600_000, maxInt64, ""},
		{"one too many", maxInt64, farmtally.One, 3_600_001, 0, "rate × quantity × runtime is more than 9.2 billion dollars"},
		{"all the largest", maxInt64, maxInt64, maxInt64, 0, "rate × quantity × runtime is more than 9.2 billion dollars"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := (farmtally.Rate{USDPerHour: c.rate}).Cost(c.quantity, c.millis); got != c.want || message(err) != c.err {
				t.Errorf("%d, %v; want %d, %q", got, err, c.want, c.err)
			}
		})
	}
}

func TestQuantityOfUnit(t *testing.T) {
	r := farmtally.Record{Workers: 1, CPUs: 2, GPUs: 3, MemoryInGiB: 4}
	for unit, want := range map[farmtally.Unit]farmtally.Quantity{
		farmtally.PerWorker: 1, farmtally.PerCPU: 2, farmtally.PerGPU: 3, farmtally.PerGiB: 4, farmtally.PerSeat: 1,
	} {
		if got := r.Quantity(unit); got != want {
			t.Errorf("quantity per %s is %d, want %d", unit, got, want)
		}
	}
}
