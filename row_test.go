package farmtally_test

import (
	"cmp"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

func TestCompareGroup(t *testing.T) {
	inOrder := []string{"\x00", "A", "Z", "a", "aa", "b", "z", "é", "漢", "\xff", ""}
	for i, a := range inOrder {
		for j, b := range inOrder {
			if got, want := farmtally.CompareGroup(a, b), cmp.Compare(i, j); got != want {
				t.Errorf("CompareGroup(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func rows() *rapid.Generator[farmtally.Row] {
	value := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "b", "ab"}), rapid.String())
	return rapid.Custom(func(t *rapid.T) farmtally.Row {
		return farmtally.Row{Start: farmtally.Instant(rapid.Int64Range(-2, 2).Draw(t, "start")),
			Group: [2]string{value.Draw(t, "first"), value.Draw(t, "second")}}
	})
}

func TestRowCompareIsATotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, c := rows().Draw(t, "a"), rows().Draw(t, "c")
		b := rapid.OneOf(rapid.Just(a), rows()).Draw(t, "b")
		if a.Compare(&b) != -b.Compare(&a) {
			t.Fatal("not antisymmetric")
		}
		if (a.Compare(&b) == 0) != (a.Start == b.Start && a.Group == b.Group) {
			t.Fatal("equal is not the same")
		}
		if a.Compare(&b) <= 0 && b.Compare(&c) <= 0 && a.Compare(&c) > 0 {
			t.Fatal("not transitive")
		}
	})
}

func TestRowsInOrder(t *testing.T) {
	inOrder := []farmtally.Row{
		{Start: 1, Group: [2]string{"a", "b"}}, {Start: 1, Group: [2]string{"a", ""}}, {Start: 1, Group: [2]string{"b", "a"}},
		{Start: 1, Group: [2]string{"", "a"}}, {Start: 1}, {Start: 2, Group: [2]string{"a", "a"}}, {Start: 3},
	}
	rapid.Check(t, func(t *rapid.T) {
		shuffled := rapid.Permutation(inOrder).Draw(t, "shuffled")
		slices.SortFunc(shuffled, func(a, b farmtally.Row) int { return a.Compare(&b) })
		if !slices.Equal(shuffled, inOrder) {
			t.Fatalf("%v", shuffled)
		}
	})
}

func TestAddSample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		costs := rapid.SliceOfN(amounts(), 1, 20).Draw(t, "costs")
		var row farmtally.Row
		cost, runtime := new(big.Int), new(big.Int)
		runtimes := make([]int64, len(costs))
		for i, c := range costs {
			runtimes[i] = amounts().Draw(t, "runtime")
			row.AddSample(farmtally.Money(c), runtimes[i])
			cost.Add(cost, big.NewInt(c))
			runtime.Add(runtime, big.NewInt(runtimes[i]))
		}
		if row.Count != int64(len(costs)) || row.Cost.Sum.Big().Cmp(cost) != 0 || row.Runtime.Sum.Big().Cmp(runtime) != 0 {
			t.Fatalf("count %d, cost %v, runtime %v", row.Count, row.Cost.Sum, row.Runtime.Sum)
		}
		if row.Cost.Min != slices.Min(costs) || row.Cost.Max != slices.Max(costs) ||
			row.Runtime.Min != slices.Min(runtimes) || row.Runtime.Max != slices.Max(runtimes) {
			t.Fatalf("%+v and %+v of %v and %v", row.Cost, row.Runtime, costs, runtimes)
		}
	})
}
