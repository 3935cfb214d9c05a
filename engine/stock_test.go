package engine_test

import (
	"context"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/storage"
)

// plainStock looks at every record.
func plainStock(t *rapid.T, e *engine.Engine, farm farmtally.FarmID) *engine.Stock {
	s := &engine.Stock{Queues: map[farmtally.QueueID]engine.Holding{}, Fleets: map[farmtally.FleetID]engine.Holding{}}
	snapshot, err := e.Snapshot(context.Background(), farm)
	must(t, err)
	defer snapshot.Close() //nolint:errcheck // it only reads
	must(t, snapshot.Records(context.Background(), func(r *farmtally.Record) error {
		queue, fleet := s.Queues[r.QueueID], s.Fleets[r.FleetID]
		s.Farm.Add(r)
		queue.Add(r)
		fleet.Add(r)
		s.Queues[r.QueueID], s.Fleets[r.FleetID] = queue, fleet
		return nil
	}))
	return s
}

// kinds counts of what the records of a test were.
type kinds struct{ replaced, running, unpriced, queueless, fleetless, segments int }

func (k *kinds) note(s *engine.Stock, replaced bool, segments int) {
	add := func(n *int, is bool) {
		if is {
			*n++
		}
	}
	add(&k.replaced, replaced && segments > 0)
	add(&k.running, s.Farm.Running > 0)
	add(&k.unpriced, s.Farm.Unpriced > 0)
	add(&k.queueless, s.Queues[""].Records > 0)
	add(&k.fleetless, s.Fleets[""].Records > 0)
	add(&k.segments, segments > 2)
}

// TestStock: what is counted by codes, with the times of few segments, is what the records
// say one by one.
func TestStock(t *testing.T) {
	catalog, err := storage.Open(t.Context(), storage.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close() //nolint:errcheck // of a test
	e := engine.Open(engine.Config{Catalog: catalog, SegmentRecords: 7, SealRecords: 5})
	defer e.Close() //nolint:errcheck // of a test
	var seen kinds
	backendtest.Checks(t, 100)
	rapid.Check(t, func(t *rapid.T) {
		farm := backendtest.NewFarm()
		reference := backendtest.NewReference()
		backendtest.Load(t, farm, e, reference)
		backendtest.Load(t, farm, e, reference)
		have, err := e.Stock(context.Background(), farm, nil)
		must(t, err)
		want := plainStock(t, e, farm)
		if have.Farm != want.Farm || !maps.Equal(have.Queues, want.Queues) || !maps.Equal(have.Fleets, want.Fleets) {
			t.Fatalf("have %+v\nwant %+v", have, want)
		}
		view, err := catalog.View(context.Background(), farm)
		must(t, err)
		seen.note(want, len(view.Dropped) > 0, len(view.Segments))
	})
	if seen.replaced == 0 || seen.running == 0 || seen.unpriced == 0 || seen.queueless == 0 || seen.fleetless == 0 || seen.segments == 0 {
		t.Errorf("the records had too little of some kind: %+v", seen)
	}
}

// TestStockOfSegmentsInTurn: of segments that follow one another in time, with queues that
// come and go, the first and the last times are found.
func TestStockOfSegmentsInTurn(t *testing.T) {
	catalog, err := storage.Open(t.Context(), storage.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close() //nolint:errcheck // of a test
	e := engine.Open(engine.Config{Catalog: catalog, SegmentRecords: 10, SealRecords: -1})
	defer e.Close() //nolint:errcheck // of a test
	rapid.Check(t, func(t *rapid.T) {
		farm := backendtest.NewFarm()
		load, err := e.Import(context.Background())
		must(t, err)
		defer load.Abort() //nolint:errcheck // after Commit it does nothing
		at := farmtally.Instant(1_000_000)
		for range rapid.IntRange(0, 80).Draw(t, "records") {
			at += farmtally.Instant(rapid.IntRange(0, 2).Draw(t, "later"))
			r := backendtest.Records(farm).Draw(t, "record")
			r.StartedAt, r.EndedAt, r.Running = at, at+farmtally.Instant(rapid.IntRange(0, 30).Draw(t, "wall")), false
			r.RuntimeMillis, r.HasRuntime = 0, false
			must(t, load.Add(context.Background(), &r))
		}
		_, err = load.Commit(context.Background())
		must(t, err)
		told, total := int64(0), int64(0)
		have, err := e.Stock(context.Background(), farm, func(done, of int64) { told, total = done, of })
		must(t, err)
		want := plainStock(t, e, farm)
		if have.Farm != want.Farm || !maps.Equal(have.Queues, want.Queues) || !maps.Equal(have.Fleets, want.Fleets) {
			t.Fatalf("have %+v\nwant %+v", have, want)
		}
		if told != want.Farm.Records || total != told {
			t.Fatalf("told of %d of %d records", told, total)
		}
	})
}
