package engine_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/storage"
)

// TestFigures: what the catalog says of a farm without reading its segments is what its
// records say.
func TestFigures(t *testing.T) {
	catalog, err := storage.Open(t.Context(), storage.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close() //nolint:errcheck // of a test
	e := engine.Open(engine.Config{Catalog: catalog, SegmentRecords: 7, SealRecords: 5})
	defer e.Close() //nolint:errcheck // of a test
	rapid.Check(t, func(t *rapid.T) {
		farm := backendtest.NewFarm()
		backendtest.Load(t, farm, e, backendtest.NewReference())
		all, err := catalog.Figures(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var have storage.Figures
		for _, f := range all {
			if f.FarmID == farm {
				have = f
			}
		}
		var want storage.Figures
		unpriced := int64(0)
		snapshot, err := e.Snapshot(context.Background(), farm)
		if err != nil {
			t.Fatal(err)
		}
		defer snapshot.Close() //nolint:errcheck // it only reads
		var newest farmtally.Instant
		if err := snapshot.Records(context.Background(), func(r *farmtally.Record) error {
			want.Records++
			if newest = max(newest, r.StartedAt); !r.Running {
				newest = max(newest, r.EndedAt)
			}
			if r.Rate.ID == farmtally.Unpriced {
				unpriced++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		// Replaced records of segments are still in their figures.
		if have.Records != want.Records || have.Newest < newest || have.Unpriced < unpriced || (have.Segments == 0) != (have.SegmentBytes == 0) {
			t.Fatalf("have %+v, want %d records, %d unpriced, the newest of %s", have, want.Records, unpriced, newest)
		}
	})
	catalogBytes, results, err := catalog.Sizes()
	if err != nil || catalogBytes == 0 || results != 0 {
		t.Errorf("%d bytes of catalog, %d of results, %v", catalogBytes, results, err)
	}
}
