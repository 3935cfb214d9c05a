package storage

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"

	"github.com/farmtally/farmtally"
)

// hotViews keeps each farm's hot records as they were read last. A list of batches
// never means other records than it did.
type hotViews struct {
	mu    sync.Mutex
	farms map[farmtally.FarmID]hotView
}

type hotView struct {
	ids     [][2]int64 // of the batches, first and last
	records []farmtally.Record
	rows    []hotRow
}

// hotRow is an identity and its record, nil where there is none any more.
type hotRow struct {
	key    hotKey
	batch  int64
	record *farmtally.Record
}

func (v *hotViews) get(farm farmtally.FarmID) hotView {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.farms[farm]
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

// readHot gives the farm's hot records, by start and id, and the id of the last batch.
// What was read before is not read again.
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
	view := c.views.get(farm)
	if slices.Equal(view.ids, ids) {
		return view.records, last, nil
	}
	known := len(view.ids) > 0 && len(view.ids) < len(ids) && slices.Equal(view.ids, ids[:len(view.ids)])
	rows, after := view.rows, int64(0)
	if known {
		after = view.ids[len(view.ids)-1][1]
	} else {
		rows = nil
	}
	var newer []hotRow
	err = readBatches(ctx, tx, farm, after, func(b *hotBatch) {
		for _, k := range b.gone {
			newer = append(newer, hotRow{key: k, batch: b.last})
		}
		for i := range b.records {
			newer = append(newer, hotRow{hotKeyOf(&b.records[i]), b.last, &b.records[i]})
		}
	})
	if err != nil {
		return nil, 0, err
	}
	view = hotView{ids: ids, rows: merged(rows, newer)}
	for _, row := range view.rows {
		if row.record != nil {
			view.records = append(view.records, *row.record)
		}
	}
	c.views.put(farm, view, last)
	return view.records, last, nil
}

// merged gives of each identity the row of the latest batch, by start and id. The older
// rows are in that order, each of another identity.
func merged(older, newer []hotRow) []hotRow {
	slices.SortFunc(newer, func(a, b hotRow) int {
		return cmp.Or(compareKeys(a.key, b.key), cmp.Compare(b.batch, a.batch))
	})
	out := make([]hotRow, 0, len(older)+len(newer))
	for _, row := range newer {
		if n := len(out); n > 0 && out[n-1].key == row.key {
			continue
		}
		for len(older) > 0 && compareKeys(older[0].key, row.key) < 0 {
			out, older = append(out, older[0]), older[1:]
		}
		if len(older) > 0 && older[0].key == row.key {
			older = older[1:]
		}
		out = append(out, row)
	}
	return append(out, older...)
}

func compareKeys(a, b hotKey) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.id, b.id))
}

func compareRecords(a, b farmtally.Record) int { return compareKeys(hotKeyOf(&a), hotKeyOf(&b)) }

// ReadEnded gives the farm's hot records that have ended, by start and id, and the last
// batch that was read, for RemoveHot. The records stay as they are.
func (c *Catalog) ReadEnded(ctx context.Context, farm farmtally.FarmID) (through int64, ended []*farmtally.Record, err error) {
	err = c.Write(ctx, func(tx *Tx) error {
		f, err := tx.hot(ctx, farm)
		if err != nil {
			return err
		}
		through = f.last()
		f.sealing = through
		ended = make([]*farmtally.Record, 0, f.ended)
		for _, p := range f.at {
			if !p.record.Running {
				ended = append(ended, p.record)
			}
		}
		return nil
	})
	slices.SortFunc(ended, func(a, b *farmtally.Record) int { return compareKeys(hotKeyOf(a), hotKeyOf(b)) })
	return through, ended, err
}
