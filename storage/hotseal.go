package storage

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/farmtally/farmtally"
)

// Ended are a farm's hot records that have ended, by start and id, for a seal. They stay
// as they are.
type Ended struct {
	*HotRows
	through int64 // the last batch that was read
}

// Any reports whether there is anything to seal: records, or batches that have none.
func (e *Ended) Any() bool { return e.through != 0 }

// ReadEnded gives the farm's hot records that have ended, for RemoveHot.
func (c *Catalog) ReadEnded(ctx context.Context, farm farmtally.FarmID) (*Ended, error) {
	e := &Ended{HotRows: newHotRows(farm, false)}
	err := c.Write(ctx, func(tx *Tx) error {
		f, err := tx.hot(ctx, farm)
		if err != nil {
			return err
		}
		e.through = f.last()
		f.sealing = e.through
		e.rows = make([]hotRow, 0, f.ended)
		for at, b := range f.batches {
			e.batches = append(e.batches, b.hotBatch)
			for row := range b.rows {
				if !b.isDead(row) && !b.running(row) {
					e.rows = append(e.rows, hotRow{0, uint32(at), uint32(row)})
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range e.rows {
		e.rows[i].start = e.key(e.rows[i]).start
	}
	slices.SortFunc(e.rows, e.compare)
	return e, nil
}

// RemoveHot ends the sealing of the farm's hot records that ReadEnded gave: their batches
// count no more, and what of them still runs is written anew. It calls replaced for each of the
// records that is not the one of its identity any more. It reports whether it did
// anything: it does not where another process has folded the batches with later ones.
func (t *Tx) RemoveHot(ctx context.Context, e *Ended, replaced func(i int) error) (bool, error) {
	f, err := t.hot(ctx, e.Info.FarmID)
	if err != nil {
		return false, err
	}
	var folded int
	err = t.tx.QueryRowContext(ctx, "SELECT count(*) FROM hot WHERE farm_id = ? AND batch_id > ? AND first_id <= ?", e.Info.FarmID, e.through, e.through).Scan(&folded)
	if err != nil || folded > 0 {
		return false, explain(ctx, err)
	}
	if err := f.replacedSince(e, replaced); err != nil {
		return false, err
	}
	var running []farmtally.Record
	for _, b := range f.batches {
		if b.last > e.through {
			break
		}
		for row := range b.rows {
			if !b.isDead(row) && b.running(row) {
				var r farmtally.Record
				b.record(e.Info.FarmID, row, &r)
				running = append(running, r)
			}
		}
	}
	if err := t.seal(ctx, e.Info.FarmID, e.through); err != nil {
		return false, err
	}
	f.remove(e.through + 1)
	f.sealing, t.wrote[e.Info.FarmID] = 0, true
	return true, t.PutHot(ctx, running)
}

// seal notes that a farm's batches up to the one of the id count no more. They stay where
// they are for now: to delete them takes SQLite a microsecond for each of their pages.
func (t *Tx) seal(ctx context.Context, farm farmtally.FarmID, through int64) error {
	_, err := t.tx.ExecContext(ctx, `INSERT INTO sealed VALUES (?, ?)
		ON CONFLICT DO UPDATE SET batch_id = max(batch_id, excluded.batch_id)`, farm, through)
	if err != nil {
		return fmt.Errorf("seal hot records: %w", explain(ctx, err))
	}
	return t.raiseFormat(ctx, listVersion)
}

// deleteBatches bounds the batches that one transaction deletes.
const deleteBatches = 16

// DeleteSealed deletes the farm's batches of hot records that count no more, few at a time,
// so that no push waits long for it.
func (c *Catalog) DeleteSealed(ctx context.Context, farm farmtally.FarmID) error {
	for more := true; more; {
		err := c.update(ctx, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, `DELETE FROM hot WHERE batch_id IN (SELECT batch_id FROM hot WHERE farm_id = ?1
				AND batch_id <= (SELECT s.batch_id FROM sealed AS s WHERE s.farm_id = ?1) ORDER BY batch_id LIMIT ?2)`, farm, deleteBatches)
			if err != nil {
				return fmt.Errorf("delete hot records: %w", err)
			}
			n, err := result.RowsAffected()
			more = n == deleteBatches
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// replacedSince calls replaced for the records that count no more. The farm has their
// batches still, or another process has removed them, or folded some into one.
func (f *hotFarm) replacedSince(e *Ended, replaced func(i int) error) error {
	now := make([]*heldBatch, len(e.batches))
	for i, b := range e.batches {
		at, there := slices.BinarySearchFunc(f.batches, b.last, func(h *heldBatch, last int64) int { return cmp.Compare(h.last, last) })
		if there && f.batches[at].first == b.first && f.batches[at].len() == b.len() {
			now[i] = f.batches[at]
		}
	}
	for i, row := range e.rows {
		var still bool
		if b := now[row.batch]; b != nil {
			still = !b.isDead(int(row.row))
		} else {
			k := e.key(row)
			slot, there := f.find(k, k.hash())
			still = there && f.batch(slot.place).last <= e.through
		}
		if !still {
			if err := replaced(i); err != nil {
				return err
			}
		}
	}
	return nil
}
