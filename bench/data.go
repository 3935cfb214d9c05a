package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/ingest"
)

// What a data folder needs at most for a record, in bytes: the Parquet file, farmtally's
// records, and what the parts make meanwhile; and the peers' tables, of which ClickHouse
// holds its own twice while it merges.
const (
	ourBytes  = 120
	peerBytes = 300
)

// data is what a folder holds, as its file data.json says. A piece is there once it is
// whole.
type data struct {
	Records int64              `json:"records"`
	Seed    uint64             `json:"seed"`
	Seconds map[string]float64 `json:"seconds"` // that each piece took to make
}

// piece is a part of the data, in an entry of the folder.
type piece struct {
	name, entry string
	make        func(ctx context.Context) error
}

const stamp = "data.json"

func (b *bench) parquetFile() string { return filepath.Join(b.dir, "year.parquet") }
func (b *bench) ourFolder() string   { return filepath.Join(b.dir, "farmtally") }

// pieces are those that the run needs.
func (b *bench) pieces() []piece {
	list := []piece{
		{"generate", "year.parquet", func(ctx context.Context) error {
			return writeParquet(ctx, b.parquetFile(), ingest.Synthetic{Records: b.records, Seed: seed}.Each())
		}},
		{"load farmtally", "farmtally", func(ctx context.Context) error {
			_, err := b.farmtally(ctx, "import", "parquet", "--data", b.ourFolder(), b.parquetFile())
			return err
		}},
	}
	if !b.peers {
		return list
	}
	return append(list,
		piece{"load DuckDB", "duckdb.db", func(ctx context.Context) (err error) {
			d, err := openDuck(b.dir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, d.close()) }()
			return d.load(ctx, b.parquetFile())
		}},
		piece{"load ClickHouse", "clickhouse", func(ctx context.Context) (err error) {
			c, err := openClick(ctx, b.dir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, c.close()) }()
			return c.load(ctx, b.parquetFile())
		}})
}

// prepare makes the pieces that the folder lacks.
func (b *bench) prepare(ctx context.Context) error {
	if err := b.readStamp(); err != nil {
		return err
	}
	looked := false
	for _, p := range b.pieces() {
		if _, there := b.data.Seconds[p.name]; there {
			continue
		}
		if !looked {
			if err := b.room(); err != nil {
				return err
			}
			looked = true
		}
		if err := os.RemoveAll(filepath.Join(b.dir, p.entry)); err != nil {
			return fmt.Errorf("remove what an earlier run left: %w", err)
		}
		begun := time.Now()
		if err := p.make(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		b.data.Seconds[p.name] = time.Since(begun).Seconds()
		note("%s: %.1f s", p.name, b.data.Seconds[p.name])
		if err := b.writeStamp(); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) readStamp() error {
	b.data = data{b.records, seed, map[string]float64{}}
	text, err := os.ReadFile(filepath.Join(b.dir, stamp))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var known data
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		return fmt.Errorf("look at data: %w", err)
	}
	if known.Records != b.records || known.Seed != seed || known.Seconds == nil {
		return fmt.Errorf("%s holds %d records of seed %d: name another folder with --keep", b.dir, known.Records, known.Seed)
	}
	b.data = known
	return nil
}

func (b *bench) writeStamp() error {
	text, err := json.Marshal(b.data)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.dir, stamp), text, 0o600)
}

// room fails where the disk has no room for the data.
func (b *bench) room() error {
	var s unix.Statfs_t
	if err := unix.Statfs(b.dir, &s); err != nil {
		return fmt.Errorf("look at disk: %w", err)
	}
	if s.Type == unix.TMPFS_MAGIC {
		note("%s is in memory, where writes and fsync cost nothing: name a folder of a disk with --keep, or in TMPDIR", b.dir)
	}
	each := int64(ourBytes)
	if b.peers {
		each += peerBytes
	}
	need, free := b.records*each, int64(s.Bavail)*s.Bsize //nolint:gosec // no disk has 2^63 blocks
	if need > free {
		return fmt.Errorf("%s has %d MiB free, and %d records need up to %d MiB: name another folder with --keep", b.dir, free>>20, b.records, need>>20)
	}
	return nil
}

// writeParquet writes records to a file. They are made while others are written.
func writeParquet(ctx context.Context, path string, records iter.Seq[*farmtally.Record]) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w, err := export.NewRecordWriter(f, export.RecordConfig{Form: "parquet"})
	if err != nil {
		return err
	}
	for batch := range ahead(ctx, records) {
		for i := range batch {
			if err := w.Write(&batch[i]); err != nil {
				return err
			}
		}
	}
	return errors.Join(ctx.Err(), w.Close())
}

// ahead makes records in a goroutine of its own, until ctx ends.
func ahead(ctx context.Context, records iter.Seq[*farmtally.Record]) <-chan []farmtally.Record {
	const size = 4096
	batches := make(chan []farmtally.Record, 4)
	go func() {
		defer close(batches)
		batch := make([]farmtally.Record, 0, size)
		send := func() bool {
			select {
			case batches <- batch:
				batch = make([]farmtally.Record, 0, size)
				return true
			case <-ctx.Done():
				return false
			}
		}
		for r := range records {
			batch = append(batch, *r)
			if len(batch) == size && !send() {
				return
			}
		}
		send()
	}()
	return batches
}

// folderBytes is the size of all files of a folder.
func folderBytes(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}

// copyFolder copies a data folder of farmtally that nobody has open. Segment files never
// change, so that the copy shares them.
func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, path[len(from):])
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o750)
		case filepath.Ext(path) == ".arrow":
			return os.Link(path, target) //nolint:gosec // in the user's own folders
		default:
			return copyFile(path, target)
		}
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy file: %w", err)
	}
	defer in.Close() //nolint:errcheck // it is only read
	out, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("copy file: %w", err)
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
