package engine

import (
	"context"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// putter makes records those of their identities, in one transaction.
type putter struct {
	engine   *Engine
	tx       *storage.Tx
	put      []farmtally.Record // to be written
	latest   map[recordKey]int  // of their identities, the last in put
	segments map[farmtally.FarmID][]storage.SegmentInfo
}

// recordKey is a record's identity.
type recordKey struct {
	farm farmtally.FarmID
	identity
}

// putAll puts the records in their order and tells what became of each.
func (e *Engine) putAll(ctx context.Context, tx *storage.Tx, records []farmtally.Record, outcomes []farmtally.Outcome) error {
	p := putter{engine: e, tx: tx, put: make([]farmtally.Record, 0, len(records)), latest: make(map[recordKey]int, len(records)), segments: map[farmtally.FarmID][]storage.SegmentInfo{}}
	for i := range records {
		var err error
		if outcomes[i], err = p.take(ctx, &records[i]); err != nil {
			return err
		}
	}
	return tx.PutHot(ctx, p.put)
}

// take makes the record the one of its identity. That is among those to be put, or hot,
// or in a segment, or nowhere.
func (p *putter) take(ctx context.Context, r *farmtally.Record) (farmtally.Outcome, error) {
	outcome, err := p.outcome(ctx, r)
	if err == nil && outcome != farmtally.Unchanged {
		p.latest[recordKey{r.FarmID, identityOf(r)}] = len(p.put)
		p.put = append(p.put, *r)
	}
	return outcome, err
}

func (p *putter) outcome(ctx context.Context, r *farmtally.Record) (farmtally.Outcome, error) {
	if at, ok := p.latest[recordKey{r.FarmID, identityOf(r)}]; ok {
		return compare(&p.put[at], r), nil
	}
	old, found, err := p.tx.FindHot(ctx, r)
	if err != nil {
		return 0, err
	}
	if found {
		return compare(old, r), nil
	}
	at, stored, found, err := p.findStored(ctx, r)
	if err != nil || !found {
		return farmtally.New, err
	}
	if stored.SameAs(r) {
		return farmtally.Unchanged, nil
	}
	return farmtally.Replaced, p.tx.Drop(ctx, at.segment.Info.ID, at.row)
}

func compare(old, r *farmtally.Record) farmtally.Outcome {
	if old.SameAs(r) {
		return farmtally.Unchanged
	}
	return farmtally.Replaced
}

// place is a row of a segment.
type place struct {
	segment *storage.Segment
	row     int
}

// findStored gives the record of the identity that a segment holds, if one does.
func (p *putter) findStored(ctx context.Context, r *farmtally.Record) (at place, old farmtally.Record, found bool, err error) {
	infos, known := p.segments[r.FarmID]
	if !known {
		if infos, err = p.tx.Segments(ctx, r.FarmID); err != nil {
			return at, old, false, err
		}
		p.segments[r.FarmID] = infos
	}
	for i := range infos {
		info := &infos[i]
		if r.StartedAt < info.First || r.StartedAt > info.Last {
			continue
		}
		s, err := p.engine.segment(*info)
		if err != nil {
			return at, old, false, err
		}
		row, err := s.Find(r.StartedAt, r.RecordID)
		if err != nil {
			return at, old, false, err
		}
		if row < 0 {
			continue
		}
		if dropped, err := p.tx.Dropped(ctx, info.ID, row); err != nil || dropped {
			if err != nil {
				return at, old, false, err
			}
			continue
		}
		if err := s.VerifyAll(); err != nil {
			return at, old, false, err
		}
		s.Record(row, &old)
		return place{s, row}, old, true, nil
	}
	return at, old, false, nil
}
