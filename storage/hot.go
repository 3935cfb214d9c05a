package storage

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"github.com/farmtally/farmtally"
)

// hotKey is a record's identity within its farm.
type hotKey struct {
	start farmtally.Instant
	id    string
}

func hotKeyOf(r *farmtally.Record) hotKey { return hotKey{r.StartedAt, r.RecordID} }

// hotBatch is a batch of hot records; it never changes.
type hotBatch struct {
	first, last int64 // the ids of the batches that it holds
	gone        []hotKey
	records     []farmtally.Record // after gone; each of another identity
}

func (b *hotBatch) len() int { return len(b.gone) + len(b.records) }

// encode gives the batch's body.
func (b *hotBatch) encode() []byte {
	body := make([]byte, 0, 64*len(b.gone)+256*len(b.records))
	for _, k := range b.gone {
		body = appendGone(body, k)
	}
	for i := range b.records {
		body = appendRecord(body, &b.records[i])
	}
	return body
}

// decodeHot is the inverse of encode.
func decodeHot(farm farmtally.FarmID, first, last int64, body []byte) (*hotBatch, error) {
	b := &hotBatch{first: first, last: last}
	d := decoder{b: body, known: map[string]string{}}
	for len(d.b) > 0 {
		switch d.byte() {
		case goneForm:
			b.gone = append(b.gone, hotKey{farmtally.Instant(d.int()), d.text()})
		case recordForm:
			r := farmtally.Record{FarmID: farm}
			d.record(&r)
			b.records = append(b.records, r)
		default:
			d.fail()
		}
	}
	return b, d.end()
}

// hotFarm is a farm's hot records by their identity. It is written, and read, in
// transactions that write alone.
type hotFarm struct {
	batches []*hotBatch // ascending
	at      map[hotKey]hotPlace
	ended   int   // of the records
	sealing int64 // a seal reads the batches up to this one, which are not to be folded with later ones
}

// hotPlace is the record that counts and the batch that has it.
type hotPlace struct {
	batch  int64
	record *farmtally.Record
}

func (f *hotFarm) forget(k hotKey) {
	if p, ok := f.at[k]; ok {
		if !p.record.Running {
			f.ended--
		}
		delete(f.at, k)
	}
}

// take adds a batch, which may hold some of the last ones.
func (f *hotFarm) take(b *hotBatch) {
	for n := len(f.batches); n > 0 && f.batches[n-1].first >= b.first; n-- {
		f.batches = f.batches[:n-1]
	}
	f.batches = append(f.batches, b)
	for _, k := range b.gone {
		f.forget(k)
	}
	for i := range b.records {
		r := &b.records[i]
		k := hotKeyOf(r)
		if p, ok := f.at[k]; !ok || p.record.Running {
			f.ended++
		}
		if r.Running {
			f.ended--
		}
		f.at[k] = hotPlace{b.last, r}
	}
}

// remove removes the batches before the first.
func (f *hotFarm) remove(first int64) {
	for len(f.batches) > 0 && f.batches[0].last < first {
		for i := range f.batches[0].records {
			k := hotKeyOf(&f.batches[0].records[i])
			if f.at[k].batch == f.batches[0].last {
				f.forget(k)
			}
		}
		f.batches = f.batches[1:]
	}
}

func (f *hotFarm) last() int64 {
	if len(f.batches) == 0 {
		return 0
	}
	return f.batches[len(f.batches)-1].last
}

// hot gives the farm's hot records as they are in the transaction.
func (t *Tx) hot(ctx context.Context, farm farmtally.FarmID) (*hotFarm, error) {
	f := t.catalog.hot[farm]
	if t.fresh[farm] {
		return f, ctx.Err()
	}
	if f == nil {
		f = &hotFarm{at: map[hotKey]hotPlace{}}
		t.catalog.hot[farm] = f
	}
	t.fresh[farm] = true
	first := int64(math.MaxInt64)
	err := query(ctx, t.tx, func(rows *sql.Rows) error { return rows.Scan(&first) },
		"SELECT first_id FROM hot WHERE farm_id = ? ORDER BY batch_id LIMIT 1", farm)
	if err != nil {
		return nil, err
	}
	f.remove(first)
	if first == math.MaxInt64 {
		return f, nil
	}
	return f, readBatches(ctx, t.tx, farm, f.last(), f.take)
}

// readBatches reads the farm's batches after the id, in their order.
func readBatches(ctx context.Context, tx *sql.Tx, farm farmtally.FarmID, after int64, take func(*hotBatch)) error {
	return query(ctx, tx, func(rows *sql.Rows) error {
		var first, last int64
		var body sql.RawBytes
		if err := rows.Scan(&first, &last, &body); err != nil {
			return err
		}
		b, err := decodeHot(farm, first, last, body)
		if err == nil {
			take(b)
		}
		return err
	}, "SELECT first_id, batch_id, body FROM hot WHERE farm_id = ? AND batch_id > ? ORDER BY batch_id", farm, after)
}

// Hot gives a farm's hot records of the batches after the one of the id, by start and id.
func (t *Tx) Hot(ctx context.Context, farm farmtally.FarmID, after int64) ([]farmtally.Record, error) {
	f, err := t.hot(ctx, farm)
	if err != nil {
		return nil, err
	}
	var records []farmtally.Record
	for _, b := range f.batches {
		if b.last <= after {
			continue
		}
		for i := range b.records {
			if f.at[hotKeyOf(&b.records[i])].batch == b.last {
				records = append(records, b.records[i])
			}
		}
	}
	slices.SortFunc(records, compareRecords)
	return records, nil
}

// FindHot gives the hot record of the identity, which stays as it is, if there is one.
func (t *Tx) FindHot(ctx context.Context, r *farmtally.Record) (found *farmtally.Record, ok bool, err error) {
	f, err := t.hot(ctx, r.FarmID)
	if err != nil {
		return nil, false, err
	}
	p, ok := f.at[hotKeyOf(r)]
	return p.record, ok, nil
}

// CountHot gives the number of the farm's hot records that have ended, and of versions
// of records that still take room in its batches although later ones count.
func (t *Tx) CountHot(ctx context.Context, farm farmtally.FarmID) (ended, stale int, err error) {
	f, err := t.hot(ctx, farm)
	if err != nil {
		return 0, 0, err
	}
	stale = -len(f.at)
	for _, b := range f.batches {
		stale += b.len()
	}
	return f.ended, stale, nil
}

// PutHot writes accepted records, each in place of the hot one of its identity; of two
// of one identity the later counts.
func (t *Tx) PutHot(ctx context.Context, records []farmtally.Record) error {
	farms := map[farmtally.FarmID]*hotBatch{}
	type identity struct {
		farm farmtally.FarmID
		hotKey
	}
	seen := make(map[identity]struct{}, len(records))
	for i := len(records) - 1; i >= 0; i-- {
		r := records[i]
		b := farms[r.FarmID]
		if b == nil {
			b = &hotBatch{records: make([]farmtally.Record, 0, i+1)}
			farms[r.FarmID] = b
		}
		k := identity{r.FarmID, hotKeyOf(&r)}
		if _, later := seen[k]; later {
			continue
		}
		seen[k] = struct{}{}
		r.FarmName, r.QueueName, r.FleetName, r.JobName = "", "", "", ""
		b.records = append(b.records, r)
	}
	for farm, b := range farms {
		if err := t.write(ctx, farm, b); err != nil {
			return err
		}
	}
	return nil
}

// DeleteHot removes the farm's hot records of the identities of those given.
func (t *Tx) DeleteHot(ctx context.Context, farm farmtally.FarmID, records []farmtally.Record) error {
	f, err := t.hot(ctx, farm)
	if err != nil {
		return err
	}
	b := &hotBatch{}
	for i := range records {
		if k := hotKeyOf(&records[i]); f.at[k].record != nil {
			b.gone = append(b.gone, k)
		}
	}
	if len(b.gone) == 0 {
		return nil
	}
	return t.write(ctx, farm, b)
}

// write writes a new batch.
func (t *Tx) write(ctx context.Context, farm farmtally.FarmID, b *hotBatch) error {
	f, err := t.hot(ctx, farm)
	if err != nil {
		return err
	}
	result, err := t.tx.ExecContext(ctx, `INSERT INTO hot VALUES (NULL,
		(SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'hot'), ?, ?)`, farm, b.encode())
	if err != nil {
		return fmt.Errorf("write hot records: %w", explain(ctx, err))
	}
	if b.last, err = result.LastInsertId(); err != nil {
		return fmt.Errorf("write hot records: %w", explain(ctx, err))
	}
	b.first = b.last
	f.take(b)
	return t.fold(ctx, farm, f)
}

// RemoveHot ends the sealing of the farm's hot records up to the batch of the id, as
// ReadEnded gave it: those batches go, and what of them still runs is written anew. It
// calls moved for each of the ended records and says whether it was still the one of
// its identity. It reports whether it did anything: it does not where another process
// has folded the batches with later ones.
func (t *Tx) RemoveHot(ctx context.Context, farm farmtally.FarmID, through int64, ended []*farmtally.Record,
	moved func(i int, still bool) error,
) (bool, error) {
	f, err := t.hot(ctx, farm)
	if err != nil {
		return false, err
	}
	var folded int
	err = t.tx.QueryRowContext(ctx, "SELECT count(*) FROM hot WHERE farm_id = ? AND batch_id > ? AND first_id <= ?", farm, through, through).Scan(&folded)
	if err != nil || folded > 0 {
		return false, explain(ctx, err)
	}
	for i := range ended {
		p, ok := f.at[hotKeyOf(ended[i])]
		if err := moved(i, ok && p.batch <= through); err != nil {
			return false, err
		}
	}
	var running []farmtally.Record
	for _, p := range f.at {
		if p.batch <= through && p.record.Running {
			running = append(running, *p.record)
		}
	}
	if _, err := t.tx.ExecContext(ctx, "DELETE FROM hot WHERE farm_id = ? AND batch_id <= ?", farm, through); err != nil {
		return false, fmt.Errorf("delete hot records: %w", explain(ctx, err))
	}
	f.remove(through + 1)
	f.sealing = 0
	return true, t.PutHot(ctx, running)
}
