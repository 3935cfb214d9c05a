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

// Figures are what the folder has of a farm.
type Figures struct {
	FarmID       farmtally.FarmID
	Records      int64 // that count
	Unpriced     int64 // of them, how many no rate matched; replaced ones count until they are compacted
	Segments     int64
	SegmentBytes int64
	Newest       farmtally.Instant // the latest start or end of a record; 0 without records
}

// Figures gives what the folder has of each farm, without reading segments.
func (c *Catalog) Figures(ctx context.Context) ([]Figures, error) {
	farms, err := c.Farms(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Figures, len(farms))
	for i, f := range farms {
		if all[i], err = c.figures(ctx, f.ID); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (c *Catalog) figures(ctx context.Context, farm farmtally.FarmID) (f Figures, err error) {
	f.FarmID = farm
	tx, err := c.reader.BeginTx(ctx, nil)
	if err != nil {
		return f, fmt.Errorf("begin reading: %w", explain(ctx, err))
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	err = query(ctx, tx, func(rows *sql.Rows) error {
		return rows.Scan(&f.Segments, &f.SegmentBytes, &f.Records, &f.Unpriced, &f.Newest)
	}, `SELECT count(*), coalesce(sum(bytes), 0), coalesce(sum(records), 0), coalesce(sum(unpriced), 0), coalesce(max(last_end), 0)
FROM segments WHERE farm_id = ?`, farm)
	if err != nil {
		return f, err
	}
	dropped, err := readDropped(ctx, tx, ofFarm, farm)
	if err != nil {
		return f, err
	}
	for _, rows := range dropped {
		f.Records -= int64(len(rows))
	}
	hot, _, err := c.readHot(ctx, tx, farm)
	for r := range hot.All() {
		if r.Rate.ID == farmtally.Unpriced {
			f.Unpriced++
		}
		f.Newest = max(f.Newest, r.StartedAt)
		if !r.Running {
			f.Newest = max(f.Newest, r.EndedAt)
		}
	}
	f.Records += int64(hot.Len())
	return f, err
}

// Sizes gives the bytes on the disk of the catalog, with its log, and of the results of
// aggregations.
func (c *Catalog) Sizes() (catalog, results int64, err error) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		n, err := sizeOf(filepath.Join(c.dir, catalogFile+suffix))
		if err != nil {
			return 0, 0, err
		}
		catalog += n
	}
	entries, err := os.ReadDir(filepath.Join(c.dir, resultFolder))
	if err != nil {
		return 0, 0, fmt.Errorf("list results: %w", err)
	}
	for _, e := range entries {
		n, err := sizeOf(filepath.Join(c.dir, resultFolder, e.Name()))
		if err != nil {
			return 0, 0, err
		}
		results += n
	}
	return catalog, results, nil
}

// sizeOf is a file's size, 0 where there is none.
func sizeOf(path string) (int64, error) {
	stat, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("stat file: %w", err)
	}
	return stat.Size(), nil
}
