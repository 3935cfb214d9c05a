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
	files   []string
	pace    int64
}

// BeQuiet makes the batch sync what it writes little by little, so that others need not
// wait long for the disk.
func (b *Batch) BeQuiet() { b.pace = gentlePace }

// beginTries bounds the ids that BeginBatch tries.
const beginTries = 10

// BeginBatch makes a batch. Its files outlive the process only if the catalog has
// come to know them.
func (c *Catalog) BeginBatch() (*Batch, error) {
	return c.beginBatch(func() string {
		random := make([]byte, 8)
		_, _ = rand.Read(random) // never fails
		return hex.EncodeToString(random)
	})
}

// beginBatch tries ids until it holds the lock of one: a sweep may hold for a moment
// a lock file that has just come into being.
func (c *Catalog) beginBatch(newID func() string) (b *Batch, err error) {
	for range beginTries {
		b = &Batch{catalog: c, id: newID()}
		b.lock, err = lockFile(c.SegmentPath(b.id+lockSuffix), fmt.Sprintf("process %d", os.Getpid()))
		if err == nil {
			return b, nil
		}
		if farmtally.KindOf(err) != farmtally.Unavailable {
			break
		}
	}
	return nil, fmt.Errorf("lock batch: %w", err)
}

// Write writes the builder's rows in the given order to the batch's next file and
// opens it as a segment, which the catalog does not know yet.
func (b *Batch) Write(farm farmtally.FarmID, builder *Builder, order []int32) (*Segment, error) {
	name := fmt.Sprintf("%s-%04d%s", b.id, len(b.files)+1, segmentSuffix)
	b.files = append(b.files, name)
	return b.catalog.writeSegment(farm, name, builder, order, b.pace)
}

// Close ends the batch: files that the catalog does not know are removed.
func (b *Batch) Close(ctx context.Context) error {
	err := b.catalog.removeStray(ctx, b.files)
	b.lock.Release(true)
	return err
}

// removeStray removes those of a batch's files that the catalog does not know. The
// caller holds the batch's lock, so that none can become known meanwhile.
func (c *Catalog) removeStray(ctx context.Context, files []string) error {
	for _, file := range files {
		var known int
		err := c.reader.QueryRowContext(ctx, "SELECT count(*) FROM segments WHERE file = ?", file).Scan(&known)
		if err != nil {
			return fmt.Errorf("look up segment: %w", explain(ctx, err))
		}
		if known > 0 {
			continue
		}
		if err := c.settle(ctx); err != nil {
			return fmt.Errorf("settle a failed commit: %w", err)
		}
		if err := os.Remove(c.SegmentPath(file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
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
	batches, err := c.batches(ctx)
	if err != nil {
		return 0, err
	}
	for batch, files := range batches {
		lock, err := lockFile(c.SegmentPath(batch+lockSuffix), "a sweep")
		if farmtally.KindOf(err) == farmtally.Unavailable {
			continue
		}
		if err != nil {
			return 0, err
		}
		err = c.removeStray(ctx, files)
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

// batches gives the batches that are under way or were left, and those of their
// files that the catalog does not know.
func (c *Catalog) batches(ctx context.Context) (map[string][]string, error) {
	entries, err := os.ReadDir(filepath.Join(c.dir, segmentFolder))
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	known := map[string]bool{}
	err = query(ctx, c.reader, func(rows *sql.Rows) error {
		var file string
		err := rows.Scan(&file)
		known[file] = true
		return err
	}, "SELECT file FROM segments")
	batches := map[string][]string{}
	for _, e := range entries {
		name := e.Name()
		if batch, ok := strings.CutSuffix(name, lockSuffix); ok {
			batches[batch] = append(batches[batch], []string{}...)
		} else if batch, _, ok := strings.Cut(name, "-"); ok && strings.HasSuffix(name, segmentSuffix) && !known[name] {
			batches[batch] = append(batches[batch], name)
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
			return fmt.Errorf("read aggregations: %w", explain(ctx, err))
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
