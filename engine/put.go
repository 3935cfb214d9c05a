package engine

import (
	"context"
	"sort"

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
	p := putter{engine: e, tx: tx, segments: map[farmtally.FarmID][]lookup{}}
	p.first, p.last = spanOf(records)
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
	at      int   // where the last one was looked for
	damage  error // of the record ids
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

// before reports whether a row comes before the identity. The record ids are looked at,
// and verified, where starts are equal alone.
func (l *lookup) before(row int, k identity) bool {
	if start := l.starts[row]; start != int64(k.start) {
		return start < int64(k.start)
	}
	if err := l.segment.Verify(storage.ColRecordID); err != nil {
		l.damage = err
		return false
	}
	return l.segment.RecordID(row) < k.id
}

// find gives the row of the identity, or −1. It looks near the last one first.
func (l *lookup) find(k identity) (int, error) {
	from, to, step := l.at, l.at, 1
	for from > 0 && !l.before(from-1, k) {
		to, from, step = from-1, max(from-step, 0), 2*step
	}
	for to < len(l.starts) && l.before(to, k) {
		from, to, step = to+1, min(to+step, len(l.starts)), 2*step
	}
	l.at = from + sort.Search(to-from, func(i int) bool { return !l.before(from+i, k) })
	there := l.at < len(l.starts) && l.starts[l.at] == int64(k.start)
	if there && l.damage == nil {
		there = l.segment.RecordID(l.at) == k.id
	}
	if l.damage != nil || !there {
		return -1, l.damage
	}
	return l.at, nil
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
		row, err := l.find(identityOf(r))
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
