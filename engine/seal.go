package engine

import (
	"context"
	"fmt"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// sealFull seals the farms of just appended records that have enough ended hot
// ones. The records are stored whether that succeeds or not.
func (e *Engine) sealFull(ctx context.Context, appended []farmtally.Record) {
	if e.cfg.SealRecords < 0 || !e.sealing.TryLock() {
		return
	}
	defer e.sealing.Unlock()
	brought := map[farmtally.FarmID]int64{}
	for i := range appended {
		brought[appended[i].FarmID]++
	}
	for farm, n := range brought {
		if err := e.sealIfFull(ctx, farm, n); err != nil {
			e.cfg.Logger.ErrorContext(ctx, "seal hot records", "farm_id", farm, "error", err)
		}
	}
}

// sealIfFull keeps an upper bound of the farm's ended hot records, so that they are
// counted only when there may be enough.
func (e *Engine) sealIfFull(ctx context.Context, farm farmtally.FarmID, brought int64) error {
	bound, known := e.ended[farm]
	if bound += brought; !known || bound >= int64(e.cfg.SealRecords) {
		count, err := e.catalog.CountEnded(ctx, farm)
		if err != nil {
			return err
		}
		bound = count
	}
	if bound >= int64(e.cfg.SealRecords) {
		if _, err := e.Seal(ctx, farm); err != nil {
			return err
		}
		bound = 0
	}
	e.ended[farm] = bound
	return nil
}

// Seal moves the farm's hot records that have ended to a segment, and gives their
// number. A record that is replaced meanwhile stays as it was replaced.
func (e *Engine) Seal(ctx context.Context, farm farmtally.FarmID) (records int, err error) {
	defer e.use()()
	version, ended, err := e.catalog.EndedHot(ctx, farm, e.cfg.SegmentRecords)
	if err != nil || len(ended) == 0 {
		return 0, err
	}
	batch, err := e.catalog.BeginBatch()
	if err != nil {
		return 0, fmt.Errorf("seal records: %w", err)
	}
	defer func() {
		if closeErr := batch.Close(context.WithoutCancel(ctx)); err == nil && closeErr != nil {
			err = fmt.Errorf("seal records: %w", closeErr)
		}
	}()
	var builder storage.Builder
	for i := range ended {
		builder.Add(&ended[i].Record)
	}
	order := builder.Order()
	segment, err := batch.Write(farm, &builder, order)
	if err != nil {
		return 0, fmt.Errorf("seal records: %w", err)
	}
	defer segment.Close() //nolint:errcheck // it was only read
	err = e.catalog.Write(ctx, func(tx *storage.Tx) error {
		id, err := tx.AddSegment(ctx, &segment.Info)
		if err != nil {
			return err
		}
		if whole, err := tx.DeleteEnded(ctx, farm, version, len(order)); err != nil || whole {
			records = len(order)
			return err
		}
		for row, at := range order {
			moved, err := tx.DeleteHotVersion(ctx, &ended[at])
			if err != nil {
				return err
			}
			if moved {
				records++
			} else if err := tx.Drop(ctx, id, row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("seal records: %w", err)
	}
	e.wakeCompaction()
	return records, nil
}
