package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/farmtally/farmtally"
)

// compactLock is held by the process that merges segments.
const compactLock = "compact.lock"

// deleteRows bounds the rows of dropped that one transaction removes, so that no
// push waits long for it.
const deleteRows = 5000

// LockCompaction makes the caller the only one who merges the folder's segments until
// the lock is released. It fails with Unavailable where another does.
func (c *Catalog) LockCompaction() (*Lock, error) {
	lock, err := lockFile(filepath.Join(c.dir, compactLock), fmt.Sprintf("process %d", os.Getpid()))
	if e, ok := errors.AsType[*farmtally.Error](err); ok {
		return nil, &farmtally.Error{
			Kind: e.Kind, Message: fmt.Sprintf("the data folder %s is being compacted already: %s", c.dir, e.Message),
			Hint: "wait until that has ended",
		}
	}
	return lock, err
}

// SegmentView reads a farm's segments and dropped rows as they are now, without its
// hot records.
func (c *Catalog) SegmentView(ctx context.Context, farm farmtally.FarmID) (v View, err error) {
	err = c.Read(ctx, func(t *Tx) (err error) {
		if v.Segments, err = t.Segments(ctx, farm); err != nil {
			return err
		}
		v.Dropped, err = readDropped(ctx, t.tx, ofFarm, farm)
		return err
	})
	return v, err
}

// RemoveSegment makes a segment known no more, and reports whether it was known. Its
// file and what was dropped from it are for Discard.
func (t *Tx) RemoveSegment(ctx context.Context, id int64) (bool, error) {
	result, err := t.tx.ExecContext(ctx, "DELETE FROM segments WHERE segment_id = ?", id)
	if err != nil {
		return false, fmt.Errorf("remove segment: %w", explain(ctx, err))
	}
	delete(t.catalog.listed, id)
	n, err := result.RowsAffected()
	return n == 1, err
}

// Discard removes the files of segments that are known no more; programs that have
// mapped them keep what they see. It leaves those that are known.
func (c *Catalog) Discard(ctx context.Context, segments []SegmentInfo) error {
	for i := range segments {
		if err := c.removeStray(ctx, []string{segments[i].File}); err != nil {
			return err
		}
	}
	return c.forgetDropped(ctx)
}

// forgetDropped removes what is left of dropped rows whose segments are gone, few at a
// time, and lists one segment's at a time.
func (c *Catalog) forgetDropped(ctx context.Context) error {
	var gone []int64
	err := query(ctx, c.reader, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		gone = append(gone, id)
		return err
	}, "SELECT segment_id FROM dropped UNION SELECT segment_id FROM drop_lists EXCEPT SELECT segment_id FROM segments")
	if err != nil {
		return err
	}
	for len(gone) > 0 {
		err := c.update(ctx, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, `DELETE FROM dropped WHERE segment_id = ?1
				AND row <= (SELECT max(row) FROM (SELECT row FROM dropped WHERE segment_id = ?1 ORDER BY row LIMIT ?2))`, gone[0], deleteRows)
			if err != nil {
				return fmt.Errorf("forget dropped rows: %w", err)
			}
			if n, err := result.RowsAffected(); err != nil || n == deleteRows {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM drop_lists WHERE segment_id = ?", gone[0]); err != nil {
				return fmt.Errorf("forget dropped rows: %w", err)
			}
			gone = gone[1:]
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// isGone reports whether an error of opening a segment means that it has been merged
// into others since its info was read.
func (c *Catalog) isGone(ctx context.Context, info *SegmentInfo, err error) bool {
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	var known int
	err = c.reader.QueryRowContext(ctx, "SELECT count(*) FROM segments WHERE segment_id = ?", info.ID).Scan(&known)
	return err == nil && known == 0
}
