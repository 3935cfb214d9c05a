package storage

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/farmtally/farmtally"
)

// heldBatch is a batch of a farm and which of its records count no more.
type heldBatch struct {
	*hotBatch
	dead []uint64 // a bit for each record
	live int      // records that count
}

func (b *heldBatch) isDead(row int) bool {
	return row/64 < len(b.dead) && b.dead[row/64]&(1<<(row%64)) != 0
}

func (b *heldBatch) kill(row int) {
	for len(b.dead) <= row/64 {
		b.dead = append(b.dead, 0)
	}
	b.dead[row/64] |= 1 << (row % 64)
	b.live--
}

// hotFarm is a farm's hot records by their identity. It is written, and read, in
// transactions that write alone.
type hotFarm struct {
	batches []*heldBatch // ascending; the last may be unwritten
	removed uint32       // batches that were there before the first
	index   hotIndex     // of the records that count
	ended   int          // of these
	entries int          // of all batches
	sealing int64        // a seal reads the batches up to this one, which are not to be folded with later ones
}

func (f *hotFarm) batch(p hotPlace) *heldBatch { return f.batches[p.batch-f.removed] }

// find gives the slot of the record of the identity that counts.
func (f *hotFarm) find(k hotKey, hash uint64) (*hotSlot, bool) {
	return f.index.find(hash, func(p hotPlace) bool { return f.batch(p).key(int(p.row)) == k })
}

// forget makes a record count no more; the index still has it.
func (f *hotFarm) forget(p hotPlace) {
	b := f.batch(p)
	if !b.running(int(p.row)) {
		f.ended--
	}
	b.kill(int(p.row))
}

// forgetKey makes the record of the identity count no more, if there is one.
func (f *hotFarm) forgetKey(k hotKey) (there bool) {
	hash := k.hash()
	slot, there := f.find(k, hash)
	if there {
		p := slot.place
		f.forget(p)
		f.index.remove(hash, p)
	}
	return there
}

// count makes a row of the last batch the record of its identity.
func (f *hotFarm) count(k hotKey, hash uint64, row int) {
	b := f.batches[len(f.batches)-1]
	p := hotPlace{f.removed + uint32(len(f.batches)-1), uint32(row)} //nolint:gosec // indices
	if slot, there := f.find(k, hash); there {
		f.forget(slot.place)
		slot.place = p
	} else {
		f.index.add(hash, p)
	}
	if !b.running(row) {
		f.ended++
	}
	b.live++
}

// take adds a batch, which may hold some of the last ones.
func (f *hotFarm) take(b *hotBatch) {
	for n := len(f.batches); n > 0 && f.batches[n-1].first >= b.first; n-- {
		f.drop(n - 1)
		f.batches = f.batches[:n-1]
	}
	f.batches = append(f.batches, &heldBatch{hotBatch: b})
	f.entries += b.len()
	for _, k := range b.gone {
		f.forgetKey(k)
	}
	for row := range b.rows {
		k := b.key(row)
		f.count(k, k.hash(), row)
	}
}

// drop takes the records of a batch out of the index.
func (f *hotFarm) drop(at int) {
	b := f.batches[at]
	f.uncount(b)
	for row := range b.rows {
		if !b.isDead(row) {
			f.index.remove(b.key(row).hash(), hotPlace{f.removed + uint32(at), uint32(row)}) //nolint:gosec // indices
		}
	}
}

func (f *hotFarm) uncount(b *heldBatch) {
	f.entries -= b.len()
	for row := range b.rows {
		if !b.running(row) && !b.isDead(row) {
			f.ended--
		}
	}
}

// remove removes the batches before the first. Where they have most of the records, the
// index is made anew of those that are left.
func (f *hotFarm) remove(first int64) {
	n, live := 0, 0
	for ; n < len(f.batches) && f.batches[n].last < first; n++ {
		live += f.batches[n].live
	}
	anew := 2*live > f.index.used
	for at, b := range f.batches[:n] {
		if anew {
			f.uncount(b)
		} else {
			f.drop(at)
		}
	}
	f.batches = f.batches[n:]
	f.removed += uint32(n)
	if !anew {
		return
	}
	f.index = hotIndex{}
	for at, b := range f.batches {
		for row := range b.rows {
			if !b.isDead(row) {
				f.index.add(b.key(row).hash(), hotPlace{f.removed + uint32(at), uint32(row)})
			}
		}
	}
}

func (f *hotFarm) last() int64 {
	if len(f.batches) == 0 {
		return 0
	}
	return f.batches[len(f.batches)-1].last
}

// open gives the batch of the transaction, which is the last one until it is written.
func (f *hotFarm) open() *heldBatch {
	if f.last() != unwritten {
		f.batches = append(f.batches, &heldBatch{hotBatch: newHotBatch(nil)})
	}
	return f.batches[len(f.batches)-1]
}

// hot gives the farm's hot records as they are in the transaction.
func (t *Tx) hot(ctx context.Context, farm farmtally.FarmID) (*hotFarm, error) {
	if t.last != nil && t.lastFarm == farm {
		return t.last, ctx.Err()
	}
	f, err := t.freshHot(ctx, farm)
	if err == nil {
		t.last, t.lastFarm = f, farm
	}
	return f, err
}

func (t *Tx) freshHot(ctx context.Context, farm farmtally.FarmID) (*hotFarm, error) {
	f := t.catalog.hot[farm]
	if t.fresh[farm] {
		return f, ctx.Err()
	}
	if f == nil {
		f = &hotFarm{}
		t.catalog.hot[farm] = f
	}
	t.fresh[farm] = true
	first := int64(math.MaxInt64)
	err := query(ctx, t.tx, func(rows *sql.Rows) error { return rows.Scan(&first) },
		"SELECT first_id FROM hot WHERE "+unsealed+" ORDER BY batch_id LIMIT 1", farm)
	if err != nil {
		return nil, err
	}
	f.remove(first)
	if first == math.MaxInt64 {
		return f, nil
	}
	return f, readBatches(ctx, t.tx, farm, f.last(), f.take)
}

// unsealed are a farm's batches, of ?1, that count.
const unsealed = "farm_id = ?1 AND batch_id > coalesce((SELECT s.batch_id FROM sealed AS s WHERE s.farm_id = ?1), 0)"

// readBatches reads the farm's batches after the id, in their order.
func readBatches(ctx context.Context, tx *sql.Tx, farm farmtally.FarmID, after int64, take func(*hotBatch)) error {
	return query(ctx, tx, func(rows *sql.Rows) error {
		var first, last int64
		var body []byte
		if err := rows.Scan(&first, &last, &body); err != nil {
			return err
		}
		b, err := decodeHot(farm, first, last, body)
		if err == nil {
			take(b)
		}
		return err
	}, "SELECT first_id, batch_id, body FROM hot WHERE "+unsealed+" AND batch_id > ?2 ORDER BY batch_id", farm, after)
}

// Hot gives a farm's hot records of the batches after the one of the id, by start and id.
func (t *Tx) Hot(ctx context.Context, farm farmtally.FarmID, after int64) ([]farmtally.Record, error) {
	f, err := t.hot(ctx, farm)
	if err != nil {
		return nil, err
	}
	return f.records(farm, after), nil
}

// records gives the records of the batches after the one of the id, by start and id.
func (f *hotFarm) records(farm farmtally.FarmID, after int64) (records []farmtally.Record) {
	for _, b := range f.batches {
		if b.last <= after {
			continue
		}
		for row := range b.rows {
			if !b.isDead(row) {
				var r farmtally.Record
				b.record(farm, row, &r)
				records = append(records, r)
			}
		}
	}
	slices.SortFunc(records, compareRecords)
	return records
}

// HotSince gives those hot records of a farm, by start and id, that batches have which were
// written after the one of the id, and the id of the last of these, or the same one. It reads
// them out of the catalog, and knows nothing of what the transaction itself has put.
func (t *Tx) HotSince(ctx context.Context, farm farmtally.FarmID, after int64) (records []farmtally.Record, last int64, err error) {
	var f hotFarm
	if err := readBatches(ctx, t.tx, farm, after, f.take); err != nil {
		return nil, 0, err
	}
	return f.records(farm, after), max(after, f.last()), nil
}

// HotBytesSince gives the size of those batches.
func (t *Tx) HotBytesSince(ctx context.Context, farm farmtally.FarmID, after int64) (bytes int64, err error) {
	err = t.tx.QueryRowContext(ctx, "SELECT coalesce(sum(length(body)), 0) FROM hot WHERE "+unsealed+" AND batch_id > ?2", farm, after).Scan(&bytes)
	if err != nil {
		return 0, fmt.Errorf("read size of hot records: %w", explain(ctx, err))
	}
	return bytes, nil
}

// WarmHot brings what is in memory of the farm's hot records up to date, so that the next
// transaction need not: it takes long where this process has not read them yet.
func (c *Catalog) WarmHot(ctx context.Context, farm farmtally.FarmID) error {
	return c.alone(ctx, func(t *Tx) error {
		return c.Read(ctx, func(reading *Tx) error {
			t.tx = reading.tx
			_, err := t.hot(ctx, farm)
			return err
		})
	})
}

// FindHot gives the hot record of the identity, if there is one.
func (t *Tx) FindHot(ctx context.Context, r *farmtally.Record) (found *farmtally.Record, ok bool, err error) {
	f, err := t.hot(ctx, r.FarmID)
	if err != nil {
		return nil, false, err
	}
	k := hotKeyOf(r)
	slot, ok := f.find(k, k.hash())
	if !ok {
		return nil, false, nil
	}
	found = &farmtally.Record{}
	f.batch(slot.place).record(r.FarmID, int(slot.place.row), found)
	return found, true, nil
}

// CountHot gives the number of the farm's hot records that have ended, and of versions
// of records that still take room in its batches although later ones count.
func (t *Tx) CountHot(ctx context.Context, farm farmtally.FarmID) (ended, stale int, err error) {
	f, err := t.hot(ctx, farm)
	if err != nil {
		return 0, 0, err
	}
	return f.ended, f.entries - f.index.used, nil
}

// Take makes an accepted record the one of its identity and tells what became of it.
// Where no hot record has the identity, stored tells what it is to those in segments.
func (t *Tx) Take(ctx context.Context, r *farmtally.Record, stored func(context.Context, *farmtally.Record) (farmtally.Outcome, error)) (farmtally.Outcome, error) {
	f, err := t.hot(ctx, r.FarmID)
	if err != nil {
		return 0, err
	}
	k := hotKeyOf(r)
	hash := k.hash()
	outcome := farmtally.Replaced
	if slot, hot := f.find(k, hash); hot {
		var old farmtally.Record
		f.batch(slot.place).record(r.FarmID, int(slot.place.row), &old)
		if old.SameAs(r) {
			return farmtally.Unchanged, nil
		}
	} else if outcome, err = stored(ctx, r); err != nil || outcome == farmtally.Unchanged {
		return outcome, err
	}
	f.put(k, hash, r)
	return outcome, nil
}

// PutHot writes accepted records, each in place of the hot one of its identity; of two
// of one identity the later counts.
func (t *Tx) PutHot(ctx context.Context, records []farmtally.Record) error {
	for i := range records {
		r := &records[i]
		f, err := t.hot(ctx, r.FarmID)
		if err != nil {
			return err
		}
		k := hotKeyOf(r)
		f.put(k, k.hash(), r)
	}
	return nil
}

// put adds a record to the open batch.
func (f *hotFarm) put(k hotKey, hash uint64, r *farmtally.Record) {
	b := f.open()
	b.add(r)
	f.entries++
	f.count(k, hash, len(b.rows)-1)
}

// DeleteHot removes the farm's hot records of the identities of those given.
func (t *Tx) DeleteHot(ctx context.Context, farm farmtally.FarmID, records []farmtally.Record) error {
	f, err := t.hot(ctx, farm)
	if err != nil {
		return err
	}
	for i := range records {
		if k := hotKeyOf(&records[i]); f.forgetKey(k) {
			f.open().remove(k)
			f.entries++
		}
	}
	return nil
}

// writeHot writes the open batches. It is the last of a transaction.
func (t *Tx) writeHot(ctx context.Context) error {
	for farm := range t.fresh {
		f := t.catalog.hot[farm]
		if f.last() != unwritten {
			continue
		}
		b := f.batches[len(f.batches)-1]
		if b.live < len(b.rows) {
			b = f.compact(b)
		}
		result, err := t.tx.ExecContext(ctx, `INSERT INTO hot VALUES (NULL,
			(SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'hot'), ?, ?)`, farm, b.body)
		if err != nil {
			return fmt.Errorf("write hot records: %w", explain(ctx, err))
		}
		if b.last, err = result.LastInsertId(); err != nil {
			return fmt.Errorf("write hot records: %w", explain(ctx, err))
		}
		t.made++
		b.first, b.writer, t.wrote[farm] = b.last, nil, true
		if err := t.fold(ctx, farm, f); err != nil {
			return err
		}
		if err := t.raiseFormat(ctx, hotVersion); err != nil {
			return err
		}
	}
	return nil
}

// compact makes the open batch anew of those of its records that count, for in a
// batch an identity is there once.
func (f *hotFarm) compact(b *heldBatch) *heldBatch {
	f.drop(len(f.batches) - 1)
	again := newHotBatch(b.gone)
	var r farmtally.Record
	for row := range b.rows {
		if !b.isDead(row) {
			b.record("", row, &r)
			again.add(&r)
		}
	}
	compacted := &heldBatch{hotBatch: again}
	f.batches[len(f.batches)-1] = compacted
	f.entries += again.len()
	for row := range again.rows {
		k := again.key(row)
		f.count(k, k.hash(), row)
	}
	return compacted
}

// The format versions that brought something that earlier programs cannot read.
const (
	hotVersion  = 2 // batches of hot records in their present form
	listVersion = 3 // drop_lists, sealed
)

// raiseFormat notes that the catalog has something that programs of earlier versions cannot
// read.
func (t *Tx) raiseFormat(ctx context.Context, version int32) error {
	if t.catalog.formatVersion.Load() >= version || t.raised >= version {
		return nil
	}
	_, err := t.tx.ExecContext(ctx, "UPDATE meta SET value = ? WHERE key = 'format' AND CAST(CAST(value AS TEXT) AS INTEGER) < ?",
		[]byte(strconv.Itoa(int(version))), version)
	if err != nil {
		return fmt.Errorf("write format version: %w", explain(ctx, err))
	}
	t.raised = version
	return nil
}
