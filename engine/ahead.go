package engine

import (
	"context"
	"errors"
	"math"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// A push looks for its records in segments. Those that this process has not read yet it opens
// and verifies before its transaction, for which others wait; and once more where there are
// other segments by then.

// aheadTries bounds the transactions that are given up because other segments have come: each
// opens those of the one before.
const aheadTries = 3

// errSegmentsCame says that there are segments that were not looked at.
var errSegmentsCame = errors.New("segments were written meanwhile")

// farmSegments are a farm's segments as of the folder's last one.
type farmSegments struct {
	last  int64
	infos []storage.SegmentInfo
}

// readAhead reads what the transaction will of segments for the records, and gives the id of
// the last segment that it knows of. An error is left to the transaction: it may not need
// what is damaged, nor what is gone.
func (e *Engine) readAhead(ctx context.Context, records []farmtally.Record) (last int64, err error) {
	defer e.use()()
	if last, err = e.catalog.LastSegment(ctx); err != nil {
		return 0, err
	}
	for len(records) > 0 {
		n := 1
		for n < len(records) && records[n].FarmID == records[0].FarmID {
			n++
		}
		infos, err := e.farmSegments(ctx, records[0].FarmID, last)
		if err != nil {
			return 0, err
		}
		first, latest := spanOf(records[:n])
		for _, info := range infos {
			if first <= info.Last && latest >= info.First {
				e.readAheadOf(info, records[:n])
			}
		}
		records = records[n:]
	}
	return last, nil
}

// spanOf gives the first and the last start.
func spanOf(records []farmtally.Record) (first, last farmtally.Instant) {
	first, last = math.MaxInt64, math.MinInt64
	for i := range records {
		first, last = min(first, records[i].StartedAt), max(last, records[i].StartedAt)
	}
	return first, last
}

// farmSegments gives the farm's segments, which are read where there is a later one.
func (e *Engine) farmSegments(ctx context.Context, farm farmtally.FarmID, last int64) ([]storage.SegmentInfo, error) {
	e.mu.Lock()
	known := e.ahead[farm]
	e.mu.Unlock()
	if known.last == last {
		return known.infos, nil
	}
	err := e.catalog.Read(ctx, func(tx *storage.Tx) (err error) {
		known.infos, err = tx.Segments(ctx, farm)
		return err
	})
	if err == nil {
		e.mu.Lock()
		e.ahead[farm] = farmSegments{last, known.infos}
		e.mu.Unlock()
	}
	return known.infos, err
}

// readAheadOf verifies a segment in which a record may be.
func (e *Engine) readAheadOf(info storage.SegmentInfo, records []farmtally.Record) {
	if s := e.openSegment(info.ID, nil); s != nil && s.Verified() {
		return
	}
	for i := range records {
		if start := records[i].StartedAt; start >= info.First && start <= info.Last {
			if s, err := e.segment(info); err == nil {
				_ = s.VerifyAll() // whoever needs it next gets the same error
			}
			return
		}
	}
}
