package storage

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/farmtally/farmtally"
)

// HotWriter writes hot records one by one, in the transaction that it is of. Close
// must be called before that ends, if nothing has failed.
type HotWriter struct {
	tx      *Tx
	version int64
	insert  *sql.Stmt
	update  *sql.Stmt
	find    *sql.Stmt
	buffer  []byte
}

// WriteHot begins to write hot records.
func (t *Tx) WriteHot(ctx context.Context) (w *HotWriter, err error) {
	w = &HotWriter{tx: t}
	if w.version, err = t.HotVersion(ctx); err != nil {
		return nil, err
	}
	for _, s := range []struct {
		statement **sql.Stmt
		text      string
	}{
		{&w.insert, "INSERT INTO hot (version, running, record, farm_id, started_at, record_id) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"},
		{&w.update, "UPDATE hot SET version = ?, running = ?, record = ? WHERE farm_id = ? AND started_at = ? AND record_id = ?"},
		{&w.find, "SELECT record FROM hot WHERE farm_id = ? AND started_at = ? AND record_id = ?"},
	} {
		if *s.statement, err = t.tx.PrepareContext(ctx, s.text); err != nil { //nolint:sqlclosecheck // the transaction closes it
			return nil, fmt.Errorf("write hot records: %w", explain(ctx, err))
		}
	}
	return w, nil
}

// Insert writes an accepted record, unless there is a hot one of its identity, and
// reports whether it did.
func (w *HotWriter) Insert(ctx context.Context, r *farmtally.Record) (bool, error) {
	return w.exec(ctx, w.insert, r)
}

// Replace writes an accepted record in place of the hot one of its identity.
func (w *HotWriter) Replace(ctx context.Context, r *farmtally.Record) error {
	_, err := w.exec(ctx, w.update, r)
	return err
}

func (w *HotWriter) exec(ctx context.Context, statement *sql.Stmt, r *farmtally.Record) (bool, error) {
	w.buffer = appendRecord(w.buffer[:0], r)
	result, err := statement.ExecContext(ctx, w.version+1, r.Running, w.buffer, string(r.FarmID), int64(r.StartedAt), r.RecordID)
	if err != nil {
		return false, fmt.Errorf("write hot record: %w", explain(ctx, err))
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("write hot record: %w", explain(ctx, err))
	}
	w.version += n
	return n > 0, nil
}

// Find gives the hot record of the identity, if there is one.
func (w *HotWriter) Find(ctx context.Context, r *farmtally.Record) (found farmtally.Record, ok bool, err error) {
	return scanHot(ctx, w.find.QueryRowContext(ctx, r.FarmID, r.StartedAt, r.RecordID), r.FarmID)
}

// Close keeps the latest version.
func (w *HotWriter) Close(ctx context.Context) error {
	if _, err := w.tx.tx.ExecContext(ctx, "UPDATE hot_version SET latest = ?", w.version); err != nil {
		return fmt.Errorf("write hot records: %w", explain(ctx, err))
	}
	for _, s := range []*sql.Stmt{w.insert, w.update, w.find} {
		if err := s.Close(); err != nil {
			return fmt.Errorf("write hot records: %w", explain(ctx, err))
		}
	}
	return nil
}

// DeleteEnded removes the farm's hot records that have ended and are not later than
// the version, if they are n: only then are they those that were read at that version,
// for every later write of one has a later version. It reports whether it did.
func (t *Tx) DeleteEnded(ctx context.Context, farm farmtally.FarmID, version int64, n int) (bool, error) {
	// The plus keeps SQLite from the index of versions, through which it would look up
	// row after row.
	const ended = " FROM hot WHERE farm_id = ? AND NOT running AND +version <= ?"
	var there int
	if err := t.tx.QueryRowContext(ctx, "SELECT count(*)"+ended, farm, version).Scan(&there); err != nil {
		return false, fmt.Errorf("count hot records: %w", explain(ctx, err))
	}
	if there != n {
		return false, nil
	}
	if _, err := t.tx.ExecContext(ctx, "DELETE"+ended, farm, version); err != nil {
		return false, fmt.Errorf("delete hot records: %w", explain(ctx, err))
	}
	return true, nil
}
