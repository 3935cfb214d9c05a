package storage

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/farmtally/farmtally"
)

// View is a farm's records at one moment: what the catalog said in one
// transaction.
type View struct {
	Segments []SegmentInfo      // by first start
	Dropped  map[int64][]uint32 // rows that were replaced, ascending, by segment
	Hot      []farmtally.Record // in the order of start and id
	Version  int64              // the latest version given to a hot record of any farm
}

// View reads a farm's records as they are now.
func (c *Catalog) View(ctx context.Context, farm farmtally.FarmID) (v View, err error) {
	tx, err := c.reader.BeginTx(ctx, nil)
	if err != nil {
		return v, fmt.Errorf("begin reading: %w", explain(ctx, err))
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	t := &Tx{catalog: c, tx: tx}
	if v.Segments, err = t.Segments(ctx, farm); err != nil {
		return v, err
	}
	v.Dropped = map[int64][]uint32{}
	err = query(ctx, tx, func(rows *sql.Rows) error {
		var segment int64
		var row uint32
		err := rows.Scan(&segment, &row)
		v.Dropped[segment] = append(v.Dropped[segment], row)
		return err
	}, `SELECT segment_id, row FROM segments JOIN dropped USING (segment_id) WHERE farm_id = ? ORDER BY segment_id, row`, farm)
	if err != nil {
		return v, err
	}
	if v.Version, err = t.HotVersion(ctx); err != nil {
		return v, err
	}
	v.Hot, err = t.Hot(ctx, farm, 0)
	return v, err
}

// Tx is a transaction that writes records. Nothing of it is visible before it
// commits, and all of it is durable then.
type Tx struct {
	catalog *Catalog
	tx      *sql.Tx
}

// Write runs do in one transaction; an error of do leaves nothing of it.
func (c *Catalog) Write(ctx context.Context, do func(*Tx) error) error {
	return c.update(ctx, func(tx *sql.Tx) error { return do(&Tx{catalog: c, tx: tx}) })
}

// Segments gives a farm's segments by first start.
func (t *Tx) Segments(ctx context.Context, farm farmtally.FarmID) ([]SegmentInfo, error) {
	var segments []SegmentInfo
	err := query(ctx, t.tx, func(rows *sql.Rows) error {
		s, err := scanSegment(rows)
		segments = append(segments, s)
		return err
	}, "SELECT "+segmentColumns+" FROM segments WHERE farm_id = ? ORDER BY first_start, segment_id", farm)
	return segments, err
}

// AllSegments gives the segments of every farm, by id.
func (c *Catalog) AllSegments(ctx context.Context) ([]SegmentInfo, error) {
	var segments []SegmentInfo
	err := query(ctx, c.reader, func(rows *sql.Rows) error {
		s, err := scanSegment(rows)
		segments = append(segments, s)
		return err
	}, "SELECT "+segmentColumns+" FROM segments ORDER BY segment_id")
	return segments, err
}

const segmentColumns = `segment_id, farm_id, file, bytes, records, first_start, last_start, last_end, max_wall, unpriced, checksums`

func scanSegment(rows *sql.Rows) (s SegmentInfo, err error) {
	var sums []byte
	err = rows.Scan(&s.ID, &s.FarmID, &s.File, &s.Bytes, &s.Records, &s.First, &s.Last, &s.End, &s.MaxWall, &s.Unpriced, &sums)
	for ; len(sums) >= 4; sums = sums[4:] {
		s.Checksums = append(s.Checksums, binary.BigEndian.Uint32(sums))
	}
	return s, err
}

// AddSegment makes a segment known and gives its id. Its file must be durable.
func (t *Tx) AddSegment(ctx context.Context, s *SegmentInfo) (id int64, err error) {
	var sums []byte
	for _, sum := range s.Checksums {
		sums = binary.BigEndian.AppendUint32(sums, sum)
	}
	result, err := t.tx.ExecContext(ctx, "INSERT INTO segments VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		s.FarmID, s.File, s.Bytes, s.Records, s.First, s.Last, s.End, s.MaxWall, s.Unpriced, sums)
	if err != nil {
		return 0, fmt.Errorf("write segment: %w", explain(ctx, err))
	}
	return result.LastInsertId()
}

// Drop marks a segment's row as replaced.
func (t *Tx) Drop(ctx context.Context, segment int64, row int) error {
	_, err := t.tx.ExecContext(ctx, "INSERT INTO dropped VALUES (?, ?) ON CONFLICT DO NOTHING", segment, row)
	if err != nil {
		return fmt.Errorf("drop row: %w", explain(ctx, err))
	}
	return nil
}

// Dropped reports whether a segment's row was replaced.
func (t *Tx) Dropped(ctx context.Context, segment int64, row int) (bool, error) {
	var n int
	err := t.tx.QueryRowContext(ctx, "SELECT count(*) FROM dropped WHERE segment_id = ? AND row = ?", segment, row).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read dropped row: %w", explain(ctx, err))
	}
	return n > 0, nil
}

// DroppedRows gives the segment's rows that were replaced, ascending.
func (t *Tx) DroppedRows(ctx context.Context, segment int64) ([]uint32, error) {
	var dropped []uint32
	err := query(ctx, t.tx, func(rows *sql.Rows) error {
		var row uint32
		err := rows.Scan(&row)
		dropped = append(dropped, row)
		return err
	}, "SELECT row FROM dropped WHERE segment_id = ? ORDER BY row", segment)
	return dropped, err
}

// HotVersion is the latest version given to a hot record.
func (t *Tx) HotVersion(ctx context.Context) (version int64, err error) {
	err = t.tx.QueryRowContext(ctx, "SELECT latest FROM hot_version").Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("read hot records: %w", explain(ctx, err))
	}
	return version, nil
}

// Hot gives a farm's hot records that were written after the version.
func (t *Tx) Hot(ctx context.Context, farm farmtally.FarmID, after int64) ([]farmtally.Record, error) {
	var records []farmtally.Record
	err := query(ctx, t.tx, func(rows *sql.Rows) error {
		var blob []byte
		if err := rows.Scan(&blob); err != nil {
			return err
		}
		r, err := decodeRecord(blob)
		r.FarmID = farm
		records = append(records, r)
		return err
	}, "SELECT record FROM hot WHERE farm_id = ? AND version > ? ORDER BY started_at, record_id", farm, after)
	return records, err
}

// FindHot gives the hot record of the identity, if there is one.
func (t *Tx) FindHot(ctx context.Context, r *farmtally.Record) (found farmtally.Record, ok bool, err error) {
	return scanHot(ctx, t.tx.QueryRowContext(ctx, "SELECT record FROM hot WHERE farm_id = ? AND started_at = ? AND record_id = ?",
		r.FarmID, r.StartedAt, r.RecordID), r.FarmID)
}

// scanHot reads a hot record of the farm, if the row has one.
func scanHot(ctx context.Context, row *sql.Row, farm farmtally.FarmID) (found farmtally.Record, ok bool, err error) {
	var blob []byte
	err = row.Scan(&blob)
	if errors.Is(err, sql.ErrNoRows) {
		return found, false, nil
	}
	if err != nil {
		return found, false, fmt.Errorf("read hot record: %w", explain(ctx, err))
	}
	found, err = decodeRecord(blob)
	found.FarmID = farm
	return found, err == nil, err
}

// PutHot writes accepted records, each in place of the hot one of its identity.
func (t *Tx) PutHot(ctx context.Context, records []farmtally.Record) error {
	if len(records) == 0 {
		return nil
	}
	version, err := t.HotVersion(ctx)
	if err != nil {
		return err
	}
	statement, err := t.tx.PrepareContext(ctx, `INSERT INTO hot VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET version = excluded.version, running = excluded.running, record = excluded.record`)
	if err != nil {
		return fmt.Errorf("write hot records: %w", explain(ctx, err))
	}
	defer statement.Close() //nolint:errcheck // the transaction's end counts
	for i := range records {
		r := &records[i]
		version++
		if _, err := statement.ExecContext(ctx, r.FarmID, r.StartedAt, r.RecordID, version, r.Running, encodeRecord(r)); err != nil {
			return fmt.Errorf("write hot records: %w", explain(ctx, err))
		}
	}
	if _, err := t.tx.ExecContext(ctx, "UPDATE hot_version SET latest = ?", version); err != nil {
		return fmt.Errorf("write hot records: %w", explain(ctx, err))
	}
	return nil
}

// DeleteHot removes the hot record of the identity, if there is one.
func (t *Tx) DeleteHot(ctx context.Context, r *farmtally.Record) error {
	_, err := t.tx.ExecContext(ctx, "DELETE FROM hot WHERE farm_id = ? AND started_at = ? AND record_id = ?",
		r.FarmID, r.StartedAt, r.RecordID)
	if err != nil {
		return fmt.Errorf("delete hot record: %w", explain(ctx, err))
	}
	return nil
}

// CountEnded gives the number of the farm's hot records that have ended.
func (c *Catalog) CountEnded(ctx context.Context, farm farmtally.FarmID) (n int64, err error) {
	err = c.reader.QueryRowContext(ctx, "SELECT count(*) FROM hot WHERE farm_id = ? AND NOT running", farm).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count hot records: %w", explain(ctx, err))
	}
	return n, nil
}

// HotRecord is a hot record and the version of its writing.
type HotRecord struct {
	farmtally.Record
	Version int64
}

// EndedHot gives at most limit of the farm's hot records that have ended, those of
// the earliest start first, and the version at which they were read.
func (c *Catalog) EndedHot(ctx context.Context, farm farmtally.FarmID, limit int) (version int64, records []HotRecord, err error) {
	tx, err := c.reader.BeginTx(ctx, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("begin reading: %w", explain(ctx, err))
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	var ended int
	err = tx.QueryRowContext(ctx, "SELECT latest, (SELECT count(*) FROM hot WHERE farm_id = ? AND NOT running) FROM hot_version", farm).
		Scan(&version, &ended)
	if err != nil {
		return 0, nil, fmt.Errorf("count hot records: %w", explain(ctx, err))
	}
	records = make([]HotRecord, 0, min(ended, limit))
	err = query(ctx, tx, func(rows *sql.Rows) error {
		var h HotRecord
		var blob []byte
		err := rows.Scan(&h.Version, &blob)
		if err != nil {
			return err
		}
		h.Record, err = decodeRecord(blob)
		h.FarmID = farm
		records = append(records, h)
		return err
	}, "SELECT version, record FROM hot WHERE farm_id = ? AND NOT running ORDER BY started_at, record_id LIMIT ?", farm, limit)
	return version, records, err
}

// DeleteHotVersion removes the hot record if it is still of the version, and
// reports whether it was.
func (t *Tx) DeleteHotVersion(ctx context.Context, h *HotRecord) (bool, error) {
	result, err := t.tx.ExecContext(ctx, "DELETE FROM hot WHERE farm_id = ? AND started_at = ? AND record_id = ? AND version = ?",
		h.FarmID, h.StartedAt, h.RecordID, h.Version)
	if err != nil {
		return false, fmt.Errorf("delete hot record: %w", explain(ctx, err))
	}
	n, err := result.RowsAffected()
	return n == 1, err
}
