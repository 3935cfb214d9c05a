package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/storage"
)

// Many callers append at once while farms are sealed again and again behind them, and some
// give up: each gets its own outcomes, what was acknowledged is there once, and what was
// given up is there whole or not at all.
func TestConcurrentAppends(t *testing.T) {
	const callers, rounds, size = 8, 30, 20
	ctx := context.Background()
	catalog, err := storage.Open(ctx, storage.Config{Dir: t.TempDir()})
	try(t, err)
	defer catalog.Close() //nolint:errcheck // a test's
	e := engine.Open(engine.Config{Catalog: catalog, SealRecords: 100, SegmentRecords: 64})
	farm := backendtest.Farm(1)
	held := make([]map[int]bool, callers) // the rounds of each caller, true where acknowledged
	var wg sync.WaitGroup
	for c := range callers {
		held[c] = map[int]bool{}
		wg.Go(func() {
			for round := range rounds {
				batch := backendtest.Example(farm, size)
				for i := range batch {
					batch[i].RecordID = fmt.Sprintf("%d/%d/%d", c, round, i)
				}
				ctx, cancel := context.WithCancel(ctx)
				if round%5 == 4 {
					go cancel()
				}
				outcomes, err := e.Append(ctx, batch)
				cancel()
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("append: %v", err)
				}
				held[c][round] = err == nil
				for _, o := range outcomes {
					if o != farmtally.New {
						t.Errorf("outcome %v", o)
					}
				}
			}
		})
	}
	wg.Wait()
	try(t, e.Close())
	e = engine.Open(engine.Config{Catalog: catalog})
	defer e.Close() //nolint:errcheck // a test's
	s, err := e.Snapshot(ctx, farm)
	try(t, err)
	defer s.Close() //nolint:errcheck // it only reads
	rows := map[string]int{}
	try(t, s.Records(ctx, func(r *farmtally.Record) error {
		var c, round, i int
		if _, err := fmt.Sscanf(r.RecordID, "%d/%d/%d", &c, &round, &i); err != nil {
			return err
		}
		rows[fmt.Sprint(c, "/", round)]++
		return nil
	}))
	for c := range callers {
		for round, acknowledged := range held[c] {
			if n := rows[fmt.Sprint(c, "/", round)]; n != size && (acknowledged || n != 0) {
				t.Errorf("caller %d, round %d, acknowledged %t: %d records", c, round, acknowledged, n)
			}
		}
	}
	segments, err := catalog.AllSegments(ctx)
	if err != nil || len(segments) == 0 {
		t.Errorf("%d segments, error %v", len(segments), err)
	}
}

// A call with a record that breaks a rule fails alone, whoever appends at the same time.
func TestAppendsFailApart(t *testing.T) {
	ctx := context.Background()
	catalog, err := storage.Open(ctx, storage.Config{Dir: t.TempDir()})
	try(t, err)
	defer catalog.Close() //nolint:errcheck // a test's
	e := engine.Open(engine.Config{Catalog: catalog})
	defer e.Close() //nolint:errcheck // a test's
	var wg sync.WaitGroup
	for c := range 16 {
		wg.Go(func() {
			batch := backendtest.Example(backendtest.Farm(c), 3)
			if c%2 == 1 {
				batch[2].EndedAt = batch[2].StartedAt - 1
			}
			if _, err := e.Append(ctx, batch); (err != nil) != (c%2 == 1) {
				t.Errorf("caller %d: error %v", c, err)
			}
		})
	}
	wg.Wait()
}
