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
	hot      *storage.HotWriter
	segments map[farmtally.FarmID][]storage.SegmentInfo
}

// putAll puts the records in their order and tells what became of each.
func (e *Engine) putAll(ctx context.Context, tx *storage.Tx, records []farmtally.Record, outcomes []farmtally.Outcome) error {
	hot, err := tx.WriteHot(ctx)
	if err != nil {
		return err
	}
	p := putter{e, tx, hot, map[farmtally.FarmID][]storage.SegmentInfo{}}
	for i := range records {
		if outcomes[i], err = p.put(ctx, &records[i]); err != nil {
			return err
		}
	}
	return hot.Close(ctx)
}

// put makes the record the one of its identity. That is in a segment, or hot, or
// nowhere.
func (p *putter) put(ctx context.Context, r *farmtally.Record) (farmtally.Outcome, error) {
	at, old, stored, err := p.findStored(ctx, r)
	if err != nil {
		return 0, err
	}
	if stored {
		if old.SameAs(r) {
			return farmtally.Unchanged, nil
		}
		if err := p.tx.Drop(ctx, at.segment.Info.ID, at.row); err != nil {
			return 0, err
		}
	}
	inserted, err := p.hot.Insert(ctx, r)
	switch {
	case err != nil:
		return 0, err
	case inserted && stored:
		return farmtally.Replaced, nil
	case inserted:
		return farmtally.New, nil
	}
	old, _, err = p.hot.Find(ctx, r)
	if err != nil {
		return 0, err
	}
	if old.SameAs(r) {
		return farmtally.Unchanged, nil
	}
	return farmtally.Replaced, p.hot.Replace(ctx, r)
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
