package storage

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"

	"github.com/farmtally/farmtally"
)

// View is a farm's records at one moment: what the catalog said in one
// transaction.
type View struct {
	Segments []SegmentInfo      // by first start
	Dropped  map[int64][]uint32 // rows that were replaced, ascending, by segment
	Hot      Hot
	Version  int64 // the latest batch of hot records; 0 for none
}

// View reads a farm's records as they are now.
func (c *Catalog) View(ctx context.Context, farm farmtally.FarmID) (v View, err error) {
	err = c.Read(ctx, func(t *Tx) (err error) {
		if v.Segments, err = t.Segments(ctx, farm); err != nil {
			return err
		}
		if v.Dropped, err = readDropped(ctx, t.tx, ofFarm, farm); err != nil {
			return err
		}
		v.Hot, v.Version, err = c.readHot(ctx, t.tx, farm)
		return err
	})
	return v, err
}

// Tx is a transaction that writes records. Nothing of it is visible before it
// commits, and all of it is durable then.
type Tx struct {
	catalog  *Catalog
	tx       *sql.Tx
	fresh    map[farmtally.FarmID]bool // farms whose hot records in memory are those of the catalog
	wrote    map[farmtally.FarmID]bool // those of them that have a new batch
	last     *hotFarm                  // of lastFarm
	lastFarm farmtally.FarmID
	raised   int32 // to this format version; 0: not
	named    []namedJobs
	made     int64 // batches and segments
	dropping dropping
	drops    []DroppedRows  // once they were written
	lists    map[int64]bool // segments whose lists in memory are those of the catalog
	then     func()
}

// Then has do done once the transaction has committed, before the next one begins.
func (t *Tx) Then(do func()) { t.then = do }

// Read runs do in one transaction that only reads, at one moment, and waits for nobody. It
// may ask for Segments, DroppedRows, HotSince and LastSegment: the rest uses what is in memory
// for those who write.
func (c *Catalog) Read(ctx context.Context, do func(*Tx) error) error {
	tx, err := c.reader.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin reading: %w", explain(ctx, err))
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	return do(&Tx{catalog: c, tx: tx})
}

// Write runs do in one transaction; an error of do leaves nothing of it.
func (c *Catalog) Write(ctx context.Context, do func(*Tx) error) error {
	return c.alone(ctx, func(t *Tx) error {
		err := c.update(ctx, func(tx *sql.Tx) error {
			t.tx = tx
			if err := do(t); err != nil {
				return err
			}
			if err := t.writeDropped(ctx); err != nil {
				return err
			}
			return t.writeHot(ctx)
		})
		if err == nil {
			t.committed()
		}
		return err
	})
}

// alone runs do while nobody else of this process uses what is in memory of hot records.
// After an error what do has touched of it is read again.
func (c *Catalog) alone(ctx context.Context, do func(*Tx) error) error {
	select {
	case c.writing <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("begin transaction: %w", ctx.Err())
	}
	defer func() { <-c.writing }()
	t := &Tx{catalog: c, fresh: map[farmtally.FarmID]bool{}, wrote: map[farmtally.FarmID]bool{}, lists: map[int64]bool{}}
	err := do(t)
	if err != nil {
		for farm := range t.fresh {
			delete(c.hot, farm)
		}
	}
	return err
}

// committed does what is to be done when the transaction has committed.
func (t *Tx) committed() {
	c := t.catalog
	if t.raised > 0 {
		c.formatVersion.Store(t.raised)
	}
	c.made += t.made
	for w := range c.watches {
		w.rows = append(w.rows, t.drops...)
	}
	for i := range t.named {
		c.jobs.wrote(&t.named[i])
	}
	for farm := range t.wrote {
		c.views.wrote(farm, c.hot[farm])
	}
	if t.then != nil {
		t.then()
	}
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

// LastSegment gives the greatest id of a segment, 0 where there is none.
func (t *Tx) LastSegment(ctx context.Context) (id int64, err error) {
	err = t.tx.QueryRowContext(ctx, lastSegment).Scan(&id)
	return id, explain(ctx, err)
}

// LastSegment gives the greatest id of a segment, 0 where there is none.
func (c *Catalog) LastSegment(ctx context.Context) (id int64, err error) {
	err = c.reader.QueryRowContext(ctx, lastSegment).Scan(&id)
	return id, explain(ctx, err)
}

const lastSegment = "SELECT coalesce(max(segment_id), 0) FROM segments"

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
	t.made++
	return result.LastInsertId()
}
