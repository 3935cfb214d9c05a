package storage

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/farmtally/farmtally"
)

// The names of a batch's files: <batch>-<number>.arrow, and <batch>.lock, which the
// process that writes them holds until the catalog knows them.
const (
	segmentSuffix = ".arrow"
	lockSuffix    = ".lock"
)

// Batch is a set of segment files that are being written to become visible
// together. It is for one goroutine.
type Batch struct {
	catalog *Catalog
	id      string
	lock    *Lock
	files   int
}

// BeginBatch makes a batch. Its files outlive the process only if the catalog has
// come to know them.
func (c *Catalog) BeginBatch() (*Batch, error) {
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails
	b := &Batch{catalog: c, id: hex.EncodeToString(random)}
	var err error
	b.lock, err = lockFile(c.SegmentPath(b.id+lockSuffix), fmt.Sprintf("process %d", os.Getpid()))
	return b, err
}

// Write writes the builder's rows in the given order to the batch's next file and
// opens it as a segment, which the catalog does not know yet.
func (b *Batch) Write(farm farmtally.FarmID, builder *Builder, order []int32) (*Segment, error) {
	b.files++
	return b.catalog.writeSegment(farm, fmt.Sprintf("%s-%04d%s", b.id, b.files, segmentSuffix), builder, order)
}

// Close ends the batch: files that the catalog does not know are removed.
func (b *Batch) Close(ctx context.Context) error {
	err := b.catalog.removeStray(ctx, b.id)
	b.lock.Release(true)
	return err
}

// removeStray removes the files of a batch that the catalog does not know. The
// caller holds the batch's lock, so that none can become known meanwhile.
func (c *Catalog) removeStray(ctx context.Context, batch string) error {
	known := map[string]bool{}
	err := query(ctx, c.reader, func(rows *sql.Rows) error {
		var file string
		err := rows.Scan(&file)
		known[file] = true
		return err
	}, "SELECT file FROM segments WHERE file >= ? AND file < ?", batch+"-", batch+".")
	if err != nil {
		return err
	}
	files, err := filepath.Glob(c.SegmentPath(batch + "-*" + segmentSuffix))
	if err != nil {
		return fmt.Errorf("list segments: %w", err)
	}
	for _, path := range files {
		if known[filepath.Base(path)] {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove stray segment: %w", err)
		}
	}
	return nil
}

// Sweep removes what crashed processes left: segment files that the catalog does
// not know and that no running process is writing, and results of aggregations
// that are gone. It gives the number of files removed.
func (c *Catalog) Sweep(ctx context.Context) (removed int, err error) {
	before, err := c.countFiles()
	if err != nil {
		return 0, err
	}
	batches, err := c.batches()
	if err != nil {
		return 0, err
	}
	for batch := range batches {
		lock, err := lockFile(c.SegmentPath(batch+lockSuffix), "a sweep")
		if farmtally.KindOf(err) == farmtally.Unavailable {
			continue
		}
		if err != nil {
			return 0, err
		}
		err = c.removeStray(ctx, batch)
		lock.Release(true)
		if err != nil {
			return 0, err
		}
	}
	if err := c.sweepResults(ctx); err != nil {
		return 0, err
	}
	after, err := c.countFiles()
	return before - after, err
}

// batches gives the batches that have a lock file or a segment the catalog does not
// know.
func (c *Catalog) batches() (map[string]bool, error) {
	entries, err := os.ReadDir(filepath.Join(c.dir, segmentFolder))
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	known := map[string]bool{}
	err = query(context.Background(), c.reader, func(rows *sql.Rows) error {
		var file string
		err := rows.Scan(&file)
		known[file] = true
		return err
	}, "SELECT file FROM segments")
	batches := map[string]bool{}
	for _, e := range entries {
		batch, _, ok := strings.Cut(strings.TrimSuffix(e.Name(), lockSuffix), "-")
		if (ok || strings.HasSuffix(e.Name(), lockSuffix)) && !known[e.Name()] {
			batches[batch] = true
		}
	}
	return batches, err
}

func (c *Catalog) sweepResults(ctx context.Context) error {
	entries, err := os.ReadDir(filepath.Join(c.dir, resultFolder))
	if err != nil {
		return fmt.Errorf("list results: %w", err)
	}
	for _, e := range entries {
		id := strings.TrimSuffix(strings.TrimSuffix(e.Name(), rowsSuffix), indexSuffix)
		var n int
		err := c.reader.QueryRowContext(ctx, "SELECT count(*) FROM aggregations WHERE aggregation_id = ?", id).Scan(&n)
		if err != nil {
			return fmt.Errorf("read aggregations: %w", err)
		}
		if n > 0 {
			continue
		}
		if err := c.RemoveResult(id); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) countFiles() (int, error) {
	n := 0
	for _, folder := range []string{segmentFolder, resultFolder} {
		entries, err := os.ReadDir(filepath.Join(c.dir, folder))
		if err != nil {
			return 0, fmt.Errorf("list %s: %w", folder, err)
		}
		n += len(entries)
	}
	return n, nil
}
