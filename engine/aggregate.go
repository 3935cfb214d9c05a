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
	renames  *string // what the catalog had counted when the first job was named; nil before
}

func (a *aggregation) run(ctx context.Context, emit func(*farmtally.Row) error) error {
	m := &merger{aggregation: a, emit: emit, byJob: slices.Index(a.query.GroupBy, farmtally.ByJob)}
	ended, running := a.snapshot.engine.hotParts(a.snapshot.farm, a.snapshot.hot)
	if err := a.scanRunning(ctx, m, running); err != nil {
		return err
	}
	scans := a.scans(a.meeting(slices.Concat(a.snapshot.segments, ended)))
	find := func(ctx context.Context, i int) (found, error) { return a.find(ctx, &scans[i]) }
	var pieces []found
	err := inOrder(ctx, a.snapshot.engine.cfg.Workers, len(scans), find, func(i int, f found) error {
		s := &scans[i]
		if pieces = append(pieces, f); len(pieces) < s.of {
			return nil
		}
		answer, err := a.answer(s, pieces)
		pieces = nil
		if err == nil {
			err = a.take(ctx, m, answer, s.part.records())
		}
		if err != nil || i+1 == len(scans) {
			return err
		}
		next := max(a.query.Start, scans[i+1].part.info.First)
		return m.flush(ctx, farmtally.BucketOf(a.query.Period, a.query.Zone, next))
	})
	if err != nil {
		return err
	}
	return m.flush(ctx, math.MaxInt64)
}

// partScan is one of several pieces of the scan of a part.
type partScan struct {
	part      *part
	piece, of int
}

// found is what a piece gave, nil where nothing was left for it, or what the cache had.
type found struct {
	piece *kernel.Partial
	known *answer
}

// scans gives what is to be scanned, by the parts' first start. Where fewer parts than
// would keep all workers busy are to be scanned, each of them is cut into pieces.
func (a *aggregation) scans(meeting []*part) (scans []partScan) {
	cfg, unknown := &a.snapshot.engine.cfg, map[*part]bool{}
	for _, p := range meeting {
		if !a.known(p) {
			unknown[p] = true
		}
	}
	for _, p := range meeting {
		of := 1
		if len(unknown) < 2*cfg.Workers && unknown[p] {
			of = int(min(int64(cfg.Workers), 1+p.records()/cfg.PieceRecords))
		}
		for n := range of {
			scans = append(scans, partScan{p, n, of})
		}
	}
	return scans
}

// known reports whether the cache has the answer of a part. It may not any more when it is
// asked for: to hold all answers until then would take as much memory again.
func (a *aggregation) known(p *part) bool {
	return a.snapshot.engine.cache.has(a.shapes.key(p), p.dropped)
}

// DefaultPieceRecords is how many records are worth a worker of their own.
const DefaultPieceRecords = 1 << 15

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

// find looks into the cache, and else at the records of a piece of a part.
func (a *aggregation) find(ctx context.Context, s *partScan) (f found, err error) {
	e := a.snapshot.engine
	if f.known = e.cache.get(a.shapes.key(s.part), s.part.dropped); f.known != nil {
		return f, nil
	}
	in, err := s.part.input(a.query)
	if err != nil {
		return f, err
	}
	whole, some := in.scan(a.query)
	if !some {
		return f, nil
	}
	whole.Zones = e.zonesOf(in)
	if pieces := whole.Pieces(s.of); s.piece < len(pieces) {
		f.piece, err = a.runScan(ctx, pieces[s.piece])
	}
	return f, err
}

// answer makes the answer of a part out of those of its pieces, and keeps it.
func (a *aggregation) answer(s *partScan, all []found) (*answer, error) {
	var pieces []*kernel.Partial
	for _, f := range all {
		if f.known != nil {
			return f.known, nil
		}
		if f.piece != nil {
			pieces = append(pieces, f.piece)
		}
	}
	made := &answer{Partial: &kernel.Partial{}}
	if len(pieces) > 0 {
		groups, err := s.part.groups(a.query)
		if err != nil {
			return nil, err
		}
		made = newAnswer(kernel.Join(pieces), groups)
	}
	a.snapshot.engine.cache.put(a.shapes.key(s.part), s.part.dropped, s.part.records(), made)
	return made, nil
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
		found := &answer{Partial: &kernel.Partial{}}
		if scan, some := in.scan(a.query); some {
			scan.Zones = in.zones()
			partial, err := a.runScan(ctx, scan)
			if err != nil {
				return err
			}
			found = newAnswer(partial, in.group)
		}
		if err := a.take(ctx, m, found, int64(p.Live())); err != nil {
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
