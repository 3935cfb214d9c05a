package server_test

import (
	"context"

	"github.com/farmtally/farmtally"
)

// gated is a backend whose aggregations wait, a quarter of the way, until the gate
// is open or their time is up.
type gated struct {
	farmtally.Backend
	gate     chan struct{}
	fails    error // what an aggregation ends with behind the gate
	panics   bool
	snapshot error // what Snapshot fails with
}

func newGated(b farmtally.Backend) *gated { return &gated{Backend: b, gate: make(chan struct{})} }

func (g *gated) Snapshot(ctx context.Context, farm farmtally.FarmID) (farmtally.Snapshot, error) {
	if g.snapshot != nil {
		return nil, g.snapshot
	}
	s, err := g.Backend.Snapshot(ctx, farm)
	return &gatedSnapshot{s, g}, err
}

type gatedSnapshot struct {
	farmtally.Snapshot
	g *gated
}

func (s *gatedSnapshot) Aggregate(ctx context.Context, q *farmtally.Query, limits farmtally.Limits,
	progress farmtally.Progress, emit func(*farmtally.Row) error,
) (farmtally.Seen, error) {
	if progress != nil {
		progress(1, 4)
	}
	select {
	case <-s.g.gate:
	case <-ctx.Done():
		return farmtally.Seen{}, ctx.Err()
	}
	if s.g.panics {
		panic("a broken kernel at /secret/path")
	}
	if s.g.fails != nil {
		return farmtally.Seen{}, s.g.fails
	}
	return s.Snapshot.Aggregate(ctx, q, limits, progress, emit)
}
