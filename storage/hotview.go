package storage

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"

	"github.com/farmtally/farmtally"
)

// hotViews keeps each farm's hot records as they were read last, and the batches that
// this process has written, which need not be read.
type hotViews struct {
	mu      sync.Mutex
	farms   map[farmtally.FarmID]hotView
	written map[farmtally.FarmID][]*hotBatch // ascending
}

// hotView is a farm's hot records. They depend on the first and the last batch alone: to
// fold those between changes none of them.
type hotView struct {
	first, last int64        // the first batch's first id, and the last one's last
	parts       [2][]HotPart // of records that have ended, and of running ones; the oldest first
}

func (v *hotViews) get(farm farmtally.FarmID) (hotView, []*hotBatch) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.farms[farm], v.written[farm]
}

// put keeps a view, if the one that is there is older.
func (v *hotViews) put(farm farmtally.FarmID, view hotView) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.farms == nil {
		v.farms = map[farmtally.FarmID]hotView{}
	}
	if old := v.farms[farm]; old.first < view.first || old.last < view.last {
		v.farms[farm] = view
	}
}

// wrote keeps the batches of a farm as a transaction has left them.
func (v *hotViews) wrote(farm farmtally.FarmID, f *hotFarm) {
	batches := make([]*hotBatch, len(f.batches))
	for i, b := range f.batches {
		batches[i] = b.hotBatch
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.written == nil {
		v.written = map[farmtally.FarmID][]*hotBatch{}
	}
	v.written[farm] = batches
}

// readHot gives the farm's hot records and the id of the last batch. What was read or
// written before is not read again.
func (c *Catalog) readHot(ctx context.Context, tx *sql.Tx, farm farmtally.FarmID) (Hot, int64, error) {
	var ids [][2]int64
	err := query(ctx, tx, func(rows *sql.Rows) error {
		var id [2]int64
		err := rows.Scan(&id[0], &id[1])
		ids = append(ids, id)
		return err
	}, "SELECT first_id, batch_id FROM hot WHERE "+unsealed+" ORDER BY batch_id", farm)
	if err != nil || len(ids) == 0 {
		return nil, 0, err
	}
	first, last := ids[0][0], ids[len(ids)-1][1]
	view, written := c.views.get(farm)
	if view.first > first || view.last > last {
		view = hotView{} // another snapshot, of a later moment, was quicker
	}
	if view.first != first || view.last != last {
		ids = slices.DeleteFunc(ids, func(id [2]int64) bool { return id[1] <= view.last })
		newer, err := batchesOf(ctx, tx, farm, ids, written)
		if err != nil {
			return nil, 0, err
		}
		view = view.with(farm, first, newer)
		c.views.put(farm, view)
	}
	return slices.Concat(view.parts[0], view.parts[1]), last, nil
}

// batchesOf gives the farm's last batches, which have these ids. Those that are among the
// ones that were written are not read.
func batchesOf(ctx context.Context, tx *sql.Tx, farm farmtally.FarmID, ids [][2]int64, written []*hotBatch) ([]*hotBatch, error) {
	batches := make([]*hotBatch, 0, len(ids))
	for _, id := range ids {
		at, found := slices.BinarySearchFunc(written, id[1], func(b *hotBatch, last int64) int { return cmp.Compare(b.last, last) })
		if !found || written[at].first != id[0] {
			break
		}
		batches = append(batches, written[at])
	}
	if len(batches) == len(ids) {
		return batches, nil
	}
	after := ids[len(batches)][0] - 1
	err := readBatches(ctx, tx, farm, after, func(b *hotBatch) { batches = append(batches, b) })
	return batches, err
}

// with gives the records as they are after newer batches, of those that begin with the
// first. A newer batch may have older ones folded into it.
func (v hotView) with(farm farmtally.FarmID, first int64, newer []*hotBatch) hotView {
	for kind, parts := range v.parts {
		v.parts[kind] = slices.Clone(parts)
		for i, p := range parts {
			v.parts[kind][i] = p.since(first)
		}
		v.parts[kind] = settle(v.parts[kind])
	}
	for _, b := range newer {
		keys := slices.Clone(b.gone)
		for row := range b.rows {
			keys = append(keys, b.key(row))
		}
		slices.SortFunc(keys, compareKeys)
		keys = slices.Compact(keys) // a transaction may have removed a record and put it again
		for kind := range v.parts {
			for i, p := range v.parts[kind] {
				v.parts[kind][i] = p.without(keys)
			}
			v.parts[kind] = settle(append(v.parts[kind], HotPart{HotRows: rowsOf(farm, b, kind == 1)}))
		}
		v.last = b.last
	}
	v.first = first
	return v
}

func compareKeys(a, b hotKey) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.id, b.id))
}

func compareRecords(a, b farmtally.Record) int { return compareKeys(hotKeyOf(&a), hotKeyOf(&b)) }
