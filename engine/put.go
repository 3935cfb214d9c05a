package engine

import (
	"context"
	"math"
	"slices"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// putter makes records those of their identities, in one transaction.
type putter struct {
	engine      *Engine
	tx          *storage.Tx
	first, last farmtally.Instant // the starts of the records
	segments    map[farmtally.FarmID][]lookup
}

// putAll puts the records in their order and tells what became of each.
func (e *Engine) putAll(ctx context.Context, tx *storage.Tx, records []farmtally.Record, outcomes []farmtally.Outcome) (err error) {
	p := putter{engine: e, tx: tx, first: math.MaxInt64, last: math.MinInt64, segments: map[farmtally.FarmID][]lookup{}}
	for i := range records {
		p.first, p.last = min(p.first, records[i].StartedAt), max(p.last, records[i].StartedAt)
	}
	replace := p.replace
	for i := range records {
		if outcomes[i], err = tx.Take(ctx, &records[i], replace); err != nil {
			return err
		}
	}
	return nil
}

// replace tells what a record is to those in segments, and drops the one of its identity
// if it is another version.
func (p *putter) replace(ctx context.Context, r *farmtally.Record) (farmtally.Outcome, error) {
	at, stored, found, err := p.findStored(ctx, r)
	if err != nil || !found {
		return farmtally.New, err
	}
	if stored.SameAs(r) {
		return farmtally.Unchanged, nil
	}
	return farmtally.Replaced, p.tx.Drop(ctx, at.segment.Info.ID, at.row)
}

// place is a row of a segment.
type place struct {
	segment *storage.Segment
	row     int
}

// lookup looks for identities in a segment. Those that come one after the other are
// near to each other as a rule.
type lookup struct {
	info    storage.SegmentInfo
	segment *storage.Segment // nil until it is needed
	starts  []int64
	at      int // where the last one was looked for
}

func (l *lookup) open(e *Engine) (err error) {
	if l.segment != nil {
		return nil
	}
	if l.segment, err = e.segment(l.info); err != nil {
		return err
	}
	l.starts, err = l.segment.Starts()
	return err
}

// starting reports whether a record of the segment starts at the instant.
func (l *lookup) starting(start int64) bool {
	from, to, step := l.at, l.at, 1
	for from > 0 && l.starts[from-1] >= start {
		to, from, step = from, max(from-step, 0), 2*step
	}
	for to < len(l.starts) && l.starts[to] < start {
		from, to, step = to+1, min(to+step, len(l.starts)), 2*step
	}
	at, found := slices.BinarySearch(l.starts[from:to], start)
	l.at = from + at
	return found || l.at < len(l.starts) && l.starts[l.at] == start
}

// lookups gives the farm's segments that may have records of the putter's starts.
func (p *putter) lookups(ctx context.Context, farm farmtally.FarmID) ([]lookup, error) {
	if known, ok := p.segments[farm]; ok {
		return known, nil
	}
	infos, err := p.tx.Segments(ctx, farm)
	if err != nil {
		return nil, err
	}
	var lookups []lookup
	for i := range infos {
		if p.first <= infos[i].Last && p.last >= infos[i].First {
			lookups = append(lookups, lookup{info: infos[i]})
		}
	}
	p.segments[farm] = lookups
	return lookups, nil
}

// findStored gives the record of the identity that a segment holds, if one does.
func (p *putter) findStored(ctx context.Context, r *farmtally.Record) (at place, old farmtally.Record, found bool, err error) {
	lookups, err := p.lookups(ctx, r.FarmID)
	if err != nil {
		return at, old, false, err
	}
	for i := range lookups {
		l := &lookups[i]
		if r.StartedAt < l.info.First || r.StartedAt > l.info.Last {
			continue
		}
		if err := l.open(p.engine); err != nil {
			return at, old, false, err
		}
		if !l.starting(int64(r.StartedAt)) {
			continue
		}
		row, err := l.segment.Find(r.StartedAt, r.RecordID)
		if err != nil {
			return at, old, false, err
		}
		if row < 0 {
			continue
		}
		if dropped, err := p.tx.Dropped(ctx, l.info.ID, row); err != nil || dropped {
			if err != nil {
				return at, old, false, err
			}
			continue
		}
		if err := l.segment.VerifyAll(); err != nil {
			return at, old, false, err
		}
		l.segment.Record(row, &old)
		return place{l.segment, row}, old, true, nil
	}
	return at, old, false, nil
}
