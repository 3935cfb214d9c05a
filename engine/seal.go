package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// backlog is how many times as many ended hot records as a seal takes a farm may have
// before those who append to it wait for the seal.
const backlog = 4

// level is how full the hot part of a farm is: records that have ended, and versions
// that are replaced already.
type level struct{ ended, stale int }

// sealer seals in the background, one farm at a time.
type sealer struct {
	mu      sync.Mutex
	pending map[farmtally.FarmID]chan struct{} // closed when the farm was sealed
	full    map[farmtally.FarmID]chan struct{} // those of pending that are to be waited for
	running sync.WaitGroup
	turn    sync.Mutex // held while sealing
	ctx     context.Context
	stop    context.CancelFunc
}

func (s *sealer) begin() {
	s.pending, s.full = map[farmtally.FarmID]chan struct{}{}, map[farmtally.FarmID]chan struct{}{}
	s.ctx, s.stop = context.WithCancel(context.Background())
}

func (s *sealer) end() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.running.Wait()
}

// wait waits while one of the records' farms is too full.
func (s *sealer) wait(ctx context.Context, records []farmtally.Record) error {
	var last farmtally.FarmID
	for i := range records {
		if records[i].FarmID == last {
			continue
		}
		last = records[i].FarmID
		s.mu.Lock()
		sealed := s.full[last]
		s.mu.Unlock()
		if sealed == nil {
			continue
		}
		select {
		case <-sealed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// filled begins to seal the farms that are full, if that is not under way.
func (e *Engine) filled(levels map[farmtally.FarmID]level) {
	if e.cfg.SealRecords < 0 {
		return
	}
	s := &e.sealer
	s.mu.Lock()
	defer s.mu.Unlock()
	for farm, l := range levels {
		sealed, underway := s.pending[farm]
		if most := max(l.ended, l.stale); most < e.cfg.SealRecords || s.ctx.Err() != nil {
			continue
		} else if underway && most >= backlog*e.cfg.SealRecords {
			s.full[farm] = sealed
		}
		if underway {
			continue
		}
		sealed = make(chan struct{})
		s.pending[farm] = sealed
		s.running.Go(func() {
			_, err := e.Seal(s.ctx, farm)
			if err != nil && !errors.Is(err, context.Canceled) {
				e.cfg.Logger.Error("seal hot records", "farm_id", farm, "error", err)
			}
			s.mu.Lock()
			delete(s.pending, farm)
			delete(s.full, farm)
			s.mu.Unlock()
			close(sealed)
		})
	}
}

// Seal moves the farm's hot records that have ended to segments, and gives their
// number. A record that is replaced meanwhile stays as it was replaced. The catalog is
// held to read the records and for the transaction that ends it, and not while the
// segments are written.
func (e *Engine) Seal(ctx context.Context, farm farmtally.FarmID) (records int, err error) {
	e.sealer.turn.Lock()
	defer e.sealer.turn.Unlock()
	defer e.use()()
	ended, err := e.catalog.ReadEnded(ctx, farm)
	if err != nil || !ended.Any() {
		return 0, err
	}
	batch, err := e.catalog.BeginBatch()
	if err != nil {
		return 0, fmt.Errorf("seal records: %w", err)
	}
	batch.BeQuiet()
	defer func() {
		if closeErr := batch.Close(context.WithoutCancel(ctx)); err == nil && closeErr != nil {
			err = fmt.Errorf("seal records: %w", closeErr)
		}
	}()
	segments, err := e.writeEnded(ctx, batch, farm, ended)
	left := segments
	defer func() {
		for _, s := range left {
			_ = s.Close() // it was only read
		}
	}()
	if err != nil {
		return 0, fmt.Errorf("seal records: %w", err)
	}
	err = e.catalog.Write(ctx, func(tx *storage.Tx) error {
		var ids []int64
		ids, records, err = e.moveEnded(ctx, tx, ended, segments)
		tx.Then(func() { left = e.adopt(segments, ids) })
		return err
	})
	if errors.Is(err, errFolded) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("seal records: %w", err)
	}
	e.wakeCompaction()
	if err := e.catalog.DeleteSealed(ctx, farm); err != nil {
		return records, fmt.Errorf("seal records: %w", err)
	}
	return records, nil
}

// writeEnded writes the records, which are in the order of segments, to segments.
func (e *Engine) writeEnded(ctx context.Context, batch *storage.Batch, farm farmtally.FarmID, ended *storage.Ended,
) (segments []*storage.Segment, err error) {
	var builder storage.Builder
	var r farmtally.Record
	for i := range ended.Len() {
		if i%mergeRows == 0 && ctx.Err() != nil {
			return segments, ctx.Err()
		}
		ended.Record(i, &r)
		builder.Add(&r)
		if builder.Len() < e.cfg.SegmentRecords && i < ended.Len()-1 {
			continue
		}
		s, err := batch.Write(farm, &builder, builder.Order())
		if err != nil {
			return segments, err
		}
		segments = append(segments, s)
		builder.Reset()
	}
	return segments, nil
}

// errFolded says that another process has folded the batches that were sealed.
var errFolded = errors.New("the hot records were folded by another process")

// moveEnded makes the segments known in place of the batches. Of records that were
// replaced since they were read the segments' rows are dropped. It gives the segments' ids.
func (e *Engine) moveEnded(ctx context.Context, tx *storage.Tx, ended *storage.Ended, segments []*storage.Segment,
) (ids []int64, records int, err error) {
	ids = make([]int64, len(segments))
	for i, s := range segments {
		if ids[i], err = tx.AddSegment(ctx, &s.Info); err != nil {
			return nil, 0, err
		}
	}
	records = ended.Len()
	done, err := tx.RemoveHot(ctx, ended, func(i int) error {
		records--
		return tx.Drop(ctx, ids[i/e.cfg.SegmentRecords], i%e.cfg.SegmentRecords)
	})
	if err == nil && !done {
		err = errFolded
	}
	return ids, records, err
}
