package storage

import (
	"context"
	"fmt"
	"testing"

	"github.com/farmtally/farmtally"
)

func TestLabels(t *testing.T) {
	ctx, c := context.Background(), open(t, t.TempDir())
	check := func(want string) {
		t.Helper()
		labels, err := c.Labels(ctx, farmA)
		try(t, err)
		if got := fmt.Sprint(labels); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	check("[]")
	set := func(farm farmtally.FarmID, d farmtally.Dimension, value, text string) {
		t.Helper()
		try(t, c.SetLabel(ctx, farmtally.Label{FarmID: farm, Dimension: d, Value: value, Text: text}))
	}
	set(farmA, farmtally.ByUser, "u", "Ada")
	set(farmA, farmtally.ByInstanceType, "u", "the old one")
	set("farm-ffffffffffffffffffffffffffffffff", farmtally.ByUser, "u", "of another farm")
	set(farmA, farmtally.ByUser, "u", "Ada L.")
	check(fmt.Sprintf("[{%s INSTANCE_TYPE u the old one} {%s USER_ID u Ada L.}]", farmA, farmA))
	set(farmA, farmtally.ByUser, "u", "")
	set(farmA, farmtally.ByUser, "nobody", "")
	check(fmt.Sprintf("[{%s INSTANCE_TYPE u the old one}]", farmA))
}

func TestExtent(t *testing.T) {
	ctx, c := context.Background(), open(t, t.TempDir())
	x, err := c.Extent(ctx, farmA)
	try(t, err)
	if !x.Empty() {
		t.Errorf("an empty farm's extent is %+v", x)
	}
	check := func(want farmtally.Extent) {
		t.Helper()
		x, err := c.Extent(ctx, farmA)
		try(t, err)
		if x.Empty() || x.First != want.First || x.Last != want.Last || x.Running != want.Running {
			t.Errorf("got %+v, want %+v", x, want)
		}
	}
	running := ended("runs", 90_000)
	running.Running, running.EndedAt = true, 0
	try(t, c.Write(ctx, func(tx *Tx) error { return tx.PutHot(ctx, []farmtally.Record{running}) }))
	check(farmtally.Extent{First: 90_000, Last: 90_000, Running: 1})
	if err := writeRecords(t, c, []farmtally.Record{ended("a", 5000), ended("b", 7000)}).Close(); err != nil {
		t.Error(err)
	}
	check(farmtally.Extent{First: 5000, Last: 90_000, Running: 1})
}
