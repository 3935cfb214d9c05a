package engine

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
)

// Aggregate implements farmtally.Snapshot: it scans each segment, or takes what a scan
// for an equal query found, and merges these partial answers in the order of the rows.
func (s *snapshot) Aggregate(ctx context.Context, q *farmtally.Query, limits farmtally.Limits,
	progress farmtally.Progress, emit func(*farmtally.Row) error,
) (farmtally.Seen, error) {
	a := &aggregation{snapshot: s, query: q, shapes: shapesOf(q), limits: limits, progress: progress}
	answers, err := a.scan(ctx)
	if err != nil {
		return farmtally.Seen{}, fmt.Errorf("scan records: %w", err)
	}
	m := &merger{aggregation: a, answers: answers}
	return a.seen, m.emit(ctx, emit)
}

// aggregation is one query being answered.
type aggregation struct {
	snapshot *snapshot
	query    *farmtally.Query
	shapes   shapes
	limits   farmtally.Limits
	seen     farmtally.Seen

	mu       sync.Mutex // guards what follows
	progress farmtally.Progress
	done     int64
}

// scan gives what the segments that can meet the range, and the hot records, have.
func (a *aggregation) scan(ctx context.Context) ([]*answer, error) {
	var meeting []*part
	for i := range a.snapshot.segments {
		p := &a.snapshot.segments[i]
		if info := &p.segment.Info; info.First < a.query.End && info.End >= a.query.Start {
			meeting = append(meeting, p)
		} else {
			a.advance(p.records())
		}
	}
	all := make([]*answer, len(meeting), len(meeting)+1)
	err := a.parallel(ctx, len(meeting), func(i int) (err error) {
		all[i], err = a.scanSegment(ctx, meeting[i])
		a.advance(meeting[i].records())
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(a.snapshot.hot) > 0 {
		hot, err := a.scanHot(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, hot)
	}
	for i := range all {
		a.seen.Records += all[i].Seen.Records
		a.seen.Unpriced += all[i].Seen.Unpriced
	}
	return all, nil
}

// parallel runs do for 0 to n−1 on the engine's workers. A panic of do, as damaged
// data may cause, becomes an error.
func (a *aggregation) parallel(ctx context.Context, n int, do func(i int) error) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(a.snapshot.engine.cfg.Workers)
	for i := range n {
		if groupCtx.Err() != nil {
			break
		}
		group.Go(func() (err error) {
			debug.SetPanicOnFault(true) // a map of a file that was cut off faults
			defer func() {
				if p := recover(); p != nil {
					err = &farmtally.Error{Kind: farmtally.Corrupt, Message: "a segment file cannot be scanned",
						Err: fmt.Errorf("panic: %v", p), Hint: "run farmtally check"}
				}
			}()
			return do(i)
		})
	}
	return cmp.Or(group.Wait(), ctx.Err())
}

// scanSegment looks into the cache, and else at the records.
func (a *aggregation) scanSegment(ctx context.Context, p *part) (*answer, error) {
	e, key := a.snapshot.engine, a.shapes.key(p)
	if known := e.cache.get(key, p.dropped); known != nil {
		return known, nil
	}
	in, err := segmentInput(a.query, p)
	if err != nil {
		return nil, err
	}
	found, err := a.scanInput(ctx, in, func() *kernel.Zones { return e.zonesOf(in) })
	if err == nil {
		e.cache.put(key, p.dropped, found)
	}
	return found, err
}

func (a *aggregation) scanHot(ctx context.Context) (*answer, error) {
	for i := range a.snapshot.hot {
		r := &a.snapshot.hot[i]
		if r.Running && a.query.Selects(r) && r.At(a.query.AsOf).Meets(a.query.Start, a.query.End) {
			a.seen.Running++
		}
	}
	in := hotInput(a.query, a.snapshot.hot)
	found, err := a.scanInput(ctx, in, in.zones)
	a.advance(int64(len(a.snapshot.hot)))
	return found, err
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

func (a *aggregation) advance(records int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done += records
	if a.progress != nil {
		a.progress(a.done, a.snapshot.records)
	}
}

func (a *aggregation) tooManyRows() error {
	e := farmtally.Errorf(farmtally.TooLarge, "the result has more than %d rows", a.limits.Rows)
	e.Hint = "reduce the time frame, reduce the number of queues or fleets, or increase the period length"
	return e
}
