package engine_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/storage"
)

// open opens an engine on the folder, with segments so small that a few records
// fill several.
func open(t *testing.T, dir string) *engine.Engine {
	t.Helper()
	catalog, err := storage.Open(context.Background(), storage.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	e := engine.Open(engine.Config{Catalog: catalog, SegmentRecords: 7, SealRecords: 5, Workers: 3, PieceRecords: 2})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if err := catalog.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestSuite(t *testing.T) { backendtest.Run(t, open(t, t.TempDir())) }

// Ten thousand random data sets and their queries, without a difference from the
// reference.
func TestTenThousand(t *testing.T) {
	checks := 10_000
	if testing.Short() {
		checks = 100
	}
	backendtest.Checks(t, checks)
	e := open(t, t.TempDir())
	rapid.Check(t, func(t *rapid.T) { backendtest.Compare(t, e) })
}
