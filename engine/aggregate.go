package engine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
	"github.com/farmtally/farmtally/storage"
)

// Aggregate implements farmtally.Snapshot: it scans each part, or takes what a scan
// for an equal query found, and merges these answers in the order of the rows. A row is
// emitted as soon as no part that is still to come can have a part in it.
func (s *snapshot) Aggregate(ctx context.Context, q *farmtally.Query, limits farmtally.Limits,
	progress farmtally.Progress, emit func(*farmtally.Row) error,
) (farmtally.Seen, error) {
	a := &aggregation{snapshot: s, query: q, shapes: shapesOf(q), limits: limits, progress: progress}
	if err := a.run(ctx, emit); err != nil {
		return farmtally.Seen{}, fmt.Errorf("aggregate records: %w", err)
	}
	return a.seen, nil
}

// aggregation is one query being answered. Only its scans are for several goroutines.
type aggregation struct {
	snapshot *snapshot
	query    *farmtally.Query
	shapes   shapes
	limits   farmtally.Limits
	seen     farmtally.Seen
	progress farmtally.Progress
	done     int64
}

func (a *aggregation) run(ctx context.Context, emit func(*farmtally.Row) error) error {
	m := &merger{aggregation: a, emit: emit}
	ended, running := a.snapshot.engine.hotParts(a.snapshot.farm, a.snapshot.hot)
	if err := a.scanRunning(ctx, m, running); err != nil {
		return err
	}
	meeting := a.meeting(slices.Concat(a.snapshot.segments, ended))
	find := func(ctx context.Context, i int) (*answer, error) { return a.scanPart(ctx, meeting[i]) }
	err := inOrder(ctx, a.snapshot.engine.cfg.Workers, len(meeting), find, func(i int, found *answer) error {
		if err := a.take(ctx, m, found, meeting[i].records()); err != nil {
			return err
		}
		if i+1 == len(meeting) {
			return nil
		}
		next := max(a.query.Start, meeting[i+1].info.First)
		return m.flush(ctx, farmtally.BucketOf(a.query.Period, a.query.Zone, next))
	})
	if err != nil {
		return err
	}
	return m.flush(ctx, math.MaxInt64)
}

// meeting gives the parts that can meet the range, by first start.
func (a *aggregation) meeting(parts []part) (meeting []*part) {
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.info.First, b.info.First) })
	for i := range parts {
		p := &parts[i]
		if p.info.First < a.query.End && p.info.End >= a.query.Start {
			meeting = append(meeting, p)
		} else {
			a.advance(p.records())
		}
	}
	return meeting
}

// take takes the answer of so many records among those to be merged.
func (a *aggregation) take(ctx context.Context, m *merger, found *answer, records int64) error {
	a.seen.Records += found.Seen.Records
	a.seen.Unpriced += found.Seen.Unpriced
	a.advance(records)
	return m.take(ctx, found)
}

func (a *aggregation) advance(records int64) {
	a.done += records
	if a.progress != nil {
		a.progress(a.done, a.snapshot.records)
	}
}

// scanPart looks into the cache, and else at the records.
func (a *aggregation) scanPart(ctx context.Context, p *part) (*answer, error) {
	e, key := a.snapshot.engine, a.shapes.key(p)
	if known := e.cache.get(key, p.dropped); known != nil {
		return known, nil
	}
	in, err := p.input(a.query)
	if err != nil {
		return nil, err
	}
	found, err := a.scanInput(ctx, in, func() *kernel.Zones { return e.zonesOf(in) })
	if err == nil {
		e.cache.put(key, p.dropped, p.records(), found)
	}
	return found, err
}

// scanRunning takes the answers of the records that run, as they are at the query's AsOf.
func (a *aggregation) scanRunning(ctx context.Context, m *merger, running storage.Hot) error {
	for i := range running {
		p := &running[i]
		selected := func(yield func(*farmtally.Record) bool) {
			for r := range p.All() {
				if !a.query.Selects(r) || !r.At(a.query.AsOf).Meets(a.query.Start, a.query.End) {
					continue
				}
				if a.seen.Running++; !yield(r) {
					return
				}
			}
		}
		laidOut := layOut(selected, p.Live(), a.query.AsOf, dimensionsOf(a.query))
		in := laidOut.filtered()
		found, err := a.scanInput(ctx, in, in.zones)
		if err != nil {
			return err
		}
		if err := a.take(ctx, m, found, int64(p.Live())); err != nil {
			return err
		}
	}
	return nil
}

func (a *aggregation) scanInput(ctx context.Context, in *input, zones func() *kernel.Zones) (*answer, error) {
	s, some := in.scan(a.query)
	if !some {
		return &answer{Partial: &kernel.Partial{}}, nil
	}
	s.Zones = zones()
	s.Check = func(entries int) error {
		if a.limits.Rows > 0 && int64(entries) > a.limits.Rows {
			return a.tooManyRows()
		}
		return ctx.Err()
	}
	partial, err := s.Run()
	if err != nil {
		return nil, err
	}
	return newAnswer(partial, in.group), nil
}

func (a *aggregation) tooManyRows() error {
	e := farmtally.Errorf(farmtally.TooLarge, "the result has more than %d rows", a.limits.Rows)
	e.Hint = "reduce the time frame, reduce the number of queues or fleets, or increase the period length"
	return e
}
