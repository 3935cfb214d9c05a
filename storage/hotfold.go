package storage

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/farmtally/farmtally"
)

// The last foldBatches batches become one as soon as each has at most foldRecords: else
// records that are pushed one by one would each keep a batch, and a running one that is
// sent again and again would keep all its versions.
const (
	foldBatches = 32
	foldRecords = 256
)

// fold makes the farm's last batches one, if they are small.
func (t *Tx) fold(ctx context.Context, farm farmtally.FarmID, f *hotFarm) error {
	if len(f.batches) < foldBatches {
		return nil
	}
	batches := f.batches[len(f.batches)-foldBatches:]
	for _, b := range batches {
		if b.len() > foldRecords || b.last <= f.sealing {
			return nil
		}
	}
	if same, err := t.same(ctx, farm, batches); err != nil || !same {
		return err
	}
	b := f.folded(farm, batches)
	_, err := t.tx.ExecContext(ctx, "DELETE FROM hot WHERE farm_id = ? AND batch_id >= ? AND batch_id < ?", farm, b.first, b.last)
	if err != nil {
		return fmt.Errorf("fold hot records: %w", explain(ctx, err))
	}
	_, err = t.tx.ExecContext(ctx, "UPDATE hot SET first_id = ?, body = ? WHERE batch_id = ?", b.first, b.body, b.last)
	if err != nil {
		return fmt.Errorf("fold hot records: %w", explain(ctx, err))
	}
	f.take(b)
	return nil
}

// folded is what counts of the batches, and which identities there are no more.
func (f *hotFarm) folded(farm farmtally.FarmID, batches []*heldBatch) *hotBatch {
	gone := map[hotKey]bool{}
	out := newHotBatch(nil)
	for _, b := range batches {
		for _, k := range b.gone {
			if _, back := f.find(k, k.hash()); !back && !gone[k] {
				gone[k] = true
				out.remove(k)
			}
		}
	}
	var r farmtally.Record
	for _, b := range batches {
		for row := range b.rows {
			if !b.isDead(row) {
				b.record(farm, row, &r)
				out.add(&r)
			}
		}
	}
	out.first, out.last, out.writer = batches[0].first, batches[len(batches)-1].last, nil
	return out
}

// same reports whether the catalog has the last batches as they are in memory, where
// those that another process has folded may be apart still.
func (t *Tx) same(ctx context.Context, farm farmtally.FarmID, batches []*heldBatch) (bool, error) {
	i, same := 0, true
	err := query(ctx, t.tx, func(rows *sql.Rows) error {
		var first, last int64
		err := rows.Scan(&first, &last)
		same = same && i < len(batches) && batches[i].first == first && batches[i].last == last
		i++
		return err
	}, "SELECT first_id, batch_id FROM hot WHERE farm_id = ? AND batch_id >= ? ORDER BY batch_id", farm, batches[0].first)
	return same && i == len(batches), err
}
