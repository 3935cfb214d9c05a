package storage

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sort"
	"sync"

	"github.com/farmtally/farmtally"
)

// hotViews keeps each farm's hot records as they were read last, and the batches that
// this process has written, which need not be read. A list of batches never means other
// records than it did.
type hotViews struct {
	mu      sync.Mutex
	farms   map[farmtally.FarmID]hotView
	written map[farmtally.FarmID][]*hotBatch // ascending
}

type hotView struct {
	ids     [][2]int64         // of the batches, first and last
	records []farmtally.Record // by start and id
}

func (v *hotViews) get(farm farmtally.FarmID) (hotView, []*hotBatch) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.farms[farm], v.written[farm]
}

// put keeps a view, if it is not older than the one that is there.
func (v *hotViews) put(farm farmtally.FarmID, view hotView, last int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.farms == nil {
		v.farms = map[farmtally.FarmID]hotView{}
	}
	if old := v.farms[farm]; len(old.ids) == 0 || old.ids[len(old.ids)-1][1] <= last {
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

// readHot gives the farm's hot records, by start and id, and the id of the last batch.
// What was read or written before is not read again.
func (c *Catalog) readHot(ctx context.Context, tx *sql.Tx, farm farmtally.FarmID) ([]farmtally.Record, int64, error) {
	var ids [][2]int64
	err := query(ctx, tx, func(rows *sql.Rows) error {
		var id [2]int64
		err := rows.Scan(&id[0], &id[1])
		ids = append(ids, id)
		return err
	}, "SELECT first_id, batch_id FROM hot WHERE farm_id = ? ORDER BY batch_id", farm)
	if err != nil || len(ids) == 0 {
		return nil, 0, err
	}
	last := ids[len(ids)-1][1]
	view, written := c.views.get(farm)
	if slices.Equal(view.ids, ids) {
		return view.records, last, nil
	}
	older, known := view.records, len(view.ids)
	if known > len(ids) || !slices.Equal(view.ids, ids[:known]) {
		older, known = nil, 0
	}
	newer, err := batchesOf(ctx, tx, farm, ids[known:], written)
	if err != nil {
		return nil, 0, err
	}
	view = hotView{ids, merged(farm, older, newer)}
	c.views.put(farm, view, last)
	return view.records, last, nil
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

// newRow is a row of a batch, or −1 and an identity that the batch takes away.
type newRow struct {
	key        hotKey
	batch, row int
}

// merged gives the records, by start and id, as the newer batches leave them.
func merged(farm farmtally.FarmID, older []farmtally.Record, newer []*hotBatch) []farmtally.Record {
	var rows []newRow
	for at, b := range newer {
		for _, k := range b.gone {
			rows = append(rows, newRow{k, at, -1})
		}
		for row := range b.rows {
			rows = append(rows, newRow{b.key(row), at, row})
		}
	}
	slices.SortFunc(rows, func(a, b newRow) int {
		return cmp.Or(compareKeys(a.key, b.key), cmp.Compare(b.batch, a.batch), cmp.Compare(b.row, a.row))
	})
	out := make([]farmtally.Record, 0, len(older)+len(rows))
	for i := range rows {
		row := &rows[i]
		if i > 0 && rows[i-1].key == row.key {
			continue // a later batch has it too
		}
		n := sort.Search(len(older), func(i int) bool { return compareKeys(hotKeyOf(&older[i]), row.key) >= 0 })
		out, older = append(out, older[:n]...), older[n:]
		if len(older) > 0 && hotKeyOf(&older[0]) == row.key {
			older = older[1:]
		}
		if row.row >= 0 {
			out = append(out, farmtally.Record{})
			newer[row.batch].record(farm, row.row, &out[len(out)-1])
		}
	}
	return append(out, older...)
}

func compareKeys(a, b hotKey) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.id, b.id))
}

func compareRecords(a, b farmtally.Record) int { return compareKeys(hotKeyOf(&a), hotKeyOf(&b)) }
