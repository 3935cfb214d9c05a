package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/ingest"
)

// bytesPerRecord is what the data folder needs at most for a record: the Parquet file
// and three tables, of which ClickHouse holds its own twice while it merges.
const bytesPerRecord = 500

// stamp is the file that a folder gets once all of its data is there.
const stamp = "complete"

func stampText(records int64) string { return fmt.Sprintf("%d records, seed %d\n", records, seed) }

// roomFor fails where the disk has no room for the data.
func roomFor(dir string, records int64) error {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fmt.Errorf("look at disk: %w", err)
	}
	need, free := records*bytesPerRecord, int64(s.Bavail)*s.Bsize //nolint:gosec // no disk has 2^63 blocks
	if need > free {
		return fmt.Errorf("%s has %d MiB free, and %d records need up to %d MiB: name another folder with --keep", dir, free>>20, records, need>>20)
	}
	return nil
}

// sides are those that are measured, farmtally first.
type side interface {
	name() string
	statements(q *farmtally.Query) []statement
	time(ctx context.Context, q *question, text string) (time.Duration, error)
	rows(ctx context.Context, q *question, text string) ([]string, error)
	close() error
}

// prepare makes the data in the folder, unless it is there, and opens all sides.
func prepare(ctx context.Context, dir string, records int64) (sides []side, err error) {
	known, err := os.ReadFile(filepath.Join(dir, stamp))
	loaded := err == nil
	switch {
	case loaded && string(known) != stampText(records):
		return nil, fmt.Errorf("%s holds %s, not %s: name another folder", dir, known, stampText(records))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("look at data: %w", err)
	}
	o, err := openOurs(ctx, filepath.Join(dir, "farmtally"))
	if err != nil {
		return nil, err
	}
	sides = append(sides, o)
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(sides))
			sides = nil
		}
	}()
	d, err := openDuck(dir)
	if err != nil {
		return sides, err
	}
	sides = append(sides, d)
	c, err := openClick(ctx, dir)
	if err != nil {
		return sides, err
	}
	sides = append(sides, c)
	if loaded {
		return sides, nil
	}
	if err := roomFor(dir, records); err != nil {
		return sides, err
	}
	parquet := filepath.Join(dir, "year.parquet")
	steps := []step{
		{"generate, and load farmtally", func() error { return generate(ctx, o, parquet, records) }},
		{"load DuckDB", func() error { return d.load(ctx, parquet) }},
		{"load ClickHouse", func() error { return c.load(ctx, parquet) }},
	}
	for _, s := range steps {
		begun := time.Now()
		if err := s.do(); err != nil {
			return sides, err
		}
		note("%s: %.1f s", s.name, time.Since(begun).Seconds())
	}
	return sides, os.WriteFile(filepath.Join(dir, stamp), []byte(stampText(records)), 0o600)
}

type step struct {
	name string
	do   func() error
}

func closeAll(sides []side) (err error) {
	for _, s := range sides {
		err = errors.Join(err, s.close())
	}
	return err
}

// generate writes the records to a Parquet file and imports them into farmtally.
func generate(ctx context.Context, o *ours, path string, records int64) (err error) {
	f, err := os.Create(path) //nolint:gosec // in the user's folder
	if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w, err := export.NewParquetWriter(struct{ io.Writer }{f})
	if err != nil {
		return err
	}
	load, err := o.engine.Import(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, load.Abort()) }()
	for r := range (ingest.Synthetic{Records: records, Seed: seed}).Each() {
		if err := errors.Join(ctx.Err(), w.Write(r), load.Add(ctx, r)); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err = load.Commit(ctx)
	return err
}
