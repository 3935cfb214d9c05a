package engine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
)

// Aggregate implements farmtally.Snapshot: it scans each segment, or takes what a scan
// for an equal query found, and merges these answers in the order of the rows. A row is
// emitted as soon as no segment that is still to come can have a part in it.
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
	renames  *string // what the catalog had counted when the first job was named; nil before
}

func (a *aggregation) run(ctx context.Context, emit func(*farmtally.Row) error) error {
	m := &merger{aggregation: a, emit: emit}
	if err := a.scanHot(ctx, m); err != nil {
		return err
	}
	scans := a.scans()
	find := func(ctx context.Context, i int) (*kernel.Partial, error) { return a.scan(ctx, &scans[i]) }
	var parts []*kernel.Partial
	err := inOrder(ctx, a.snapshot.engine.cfg.Workers, len(scans), find, func(i int, found *kernel.Partial) error {
		s := &scans[i]
		if parts = append(parts, found); len(parts) < s.of {
			return nil
		}
		answer, err := a.answer(s, parts)
		parts = nil
		if err == nil {
			err = a.take(ctx, m, answer, s.segment.records())
		}
		if err != nil || i+1 == len(scans) {
			return err
		}
		next := max(a.query.Start, scans[i+1].segment.segment.Info.First)
		return m.flush(ctx, farmtally.BucketOf(a.query.Period, a.query.Zone, next))
	})
	if err != nil {
		return err
	}
	return m.flush(ctx, math.MaxInt64)
}

// segmentScan is one of several parts of the scan of a segment, or what an earlier one
// found.
type segmentScan struct {
	segment  *part
	part, of int
	known    *answer
}

// scans gives what is to be scanned, by the segments' first start. Where fewer segments
// than would keep all workers busy are to be scanned, each of them is cut into parts.
func (a *aggregation) scans() (scans []segmentScan) {
	e, unknown := a.snapshot.engine, 0
	meeting := a.meeting()
	known := make([]*answer, len(meeting))
	for i, p := range meeting {
		if known[i] = e.cache.get(a.shapes.key(p), p.dropped); known[i] == nil {
			unknown++
		}
	}
	for i, p := range meeting {
		of := 1
		if known[i] == nil && unknown < 2*e.cfg.Workers {
			of = int(min(int64(e.cfg.Workers), 1+p.records()/partRecords))
		}
		for n := range of {
			scans = append(scans, segmentScan{p, n, of, known[i]})
		}
	}
	return scans
}

// partRecords is how many records are worth a worker of their own.
const partRecords = 1 << 15

// meeting gives the segments that can meet the range, by first start.
func (a *aggregation) meeting() (meeting []*part) {
	for i := range a.snapshot.segments {
		p := &a.snapshot.segments[i]
		if info := &p.segment.Info; info.First < a.query.End && info.End >= a.query.Start {
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

// scan looks at the records of a part of a segment, nil where nothing is left for it.
func (a *aggregation) scan(ctx context.Context, s *segmentScan) (*kernel.Partial, error) {
	if s.known != nil {
		return nil, nil
	}
	in, err := segmentInput(a.query, s.segment)
	if err != nil {
		return nil, err
	}
	whole, some := in.scan(a.query)
	if !some {
		return nil, nil
	}
	whole.Zones = a.snapshot.engine.zonesOf(in)
	parts := whole.Parts(s.of)
	if s.part >= len(parts) {
		return nil, nil
	}
	return a.runScan(ctx, parts[s.part])
}

// answer makes the answer of a segment out of those of its parts, and keeps it.
func (a *aggregation) answer(s *segmentScan, parts []*kernel.Partial) (*answer, error) {
	if s.known != nil {
		return s.known, nil
	}
	parts = slices.DeleteFunc(parts, func(p *kernel.Partial) bool { return p == nil })
	found := &answer{Partial: &kernel.Partial{}}
	if len(parts) > 0 {
		groups, err := segmentGroups(a.query, s.segment)
		if err != nil {
			return nil, err
		}
		found = newAnswer(kernel.Join(parts), groups)
	}
	a.snapshot.engine.cache.put(a.shapes.key(s.segment), s.segment.dropped, s.segment.records(), found)
	return found, nil
}

// scanHot takes the answers of the hot records.
func (a *aggregation) scanHot(ctx context.Context, m *merger) error {
	if len(a.snapshot.hot) == 0 {
		return nil
	}
	h := a.snapshot.engine.hotSetOf(a.snapshot.farm, a.snapshot.hot)
	for _, r := range h.running {
		if a.query.Selects(r) && r.At(a.query.AsOf).Meets(a.query.Start, a.query.End) {
			a.seen.Running++
		}
	}
	for _, layOut := range []func(*farmtally.Query) (*input, *kernel.Zones){h.endedInput, h.runningInput} {
		in, zones := layOut(a.query)
		found := &answer{Partial: &kernel.Partial{}}
		if scan, some := in.scan(a.query); some {
			scan.Zones = zones
			partial, err := a.runScan(ctx, scan)
			if err != nil {
				return err
			}
			found = newAnswer(partial, in.group)
		}
		if err := a.take(ctx, m, found, int64(len(in.starts))); err != nil {
			return err
		}
	}
	return nil
}

// runScan runs a scan that ends with the context, or where rows are too many.
func (a *aggregation) runScan(ctx context.Context, s *kernel.Scan) (*kernel.Partial, error) {
	s.Check = func(entries int) error {
		if a.limits.Rows > 0 && int64(entries) > a.limits.Rows {
			return a.tooManyRows()
		}
		return ctx.Err()
	}
	return s.Run()
}

func (a *aggregation) tooManyRows() error {
	e := farmtally.Errorf(farmtally.TooLarge, "the result has more than %d rows", a.limits.Rows)
	e.Hint = "reduce the time frame, reduce the number of queues or fleets, or increase the period length"
	return e
}
