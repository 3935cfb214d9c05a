package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
)

// measureBytes looks at what the data folder takes, and at how long its import took.
func (b *bench) measureBytes(context.Context) error {
	total, err := folderBytes(b.ourFolder())
	b.results.BytesEach = float64(total) / float64(b.records)
	b.results.ImportSeconds = b.data.Seconds["load farmtally"]
	return err
}

// openingResult is how long it takes from opening a folder to a snapshot: with the
// folder's files in the system's cache, and without them.
type openingResult struct {
	Warm times `json:"warm"`
	Cold times `json:"cold"`
}

// measureOpening opens the folder in processes of their own, while no other has it.
func (b *bench) measureOpening(ctx context.Context) error {
	var r openingResult
	for range max(b.rounds, 5) {
		if err := uncache(b.ourFolder()); err != nil {
			return err
		}
		for _, to := range []*times{&r.Cold, &r.Warm} {
			seconds, err := b.childNumber(ctx, "open", b.ourFolder())
			if err != nil {
				return err
			}
			*to = append(*to, seconds)
		}
	}
	b.results.Opening = &r
	return nil
}

// uncache has the system forget the contents of a folder's files.
func uncache(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path) //nolint:gosec // in the user's folder
		if err != nil {
			return fmt.Errorf("drop file from cache: %w", err)
		}
		defer f.Close() //nolint:errcheck // it is only read
		if err := errors.Join(unix.Fsync(int(f.Fd())), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)); err != nil {
			return fmt.Errorf("drop %s from cache: %w", path, err)
		}
		return nil
	})
}

// childOpen prints the seconds from opening the folder to a snapshot.
func childOpen(ctx context.Context, dir string) error {
	begun := time.Now()
	us, err := openOurs(ctx, dir)
	if err != nil {
		return err
	}
	s, err := us.engine.Snapshot(ctx, farm())
	if err != nil {
		return errors.Join(err, us.close())
	}
	fmt.Println(time.Since(begun).Seconds())
	return errors.Join(s.Close(), us.close())
}

// memoryResult is the most memory beside mapped files that a process holds which answers
// a question twice.
type memoryResult struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

func (b *bench) measureMemory(ctx context.Context) error {
	for i := range b.asked {
		n, err := b.childNumber(ctx, "memory", b.ourFolder(), b.asked[i].name)
		if err != nil {
			return err
		}
		b.results.Memory = append(b.results.Memory, memoryResult{b.asked[i].name, int64(n)})
	}
	return nil
}

// growthResult is a question's times on fewer and on all records.
type growthResult struct {
	Name  string `json:"name"`
	Fewer times  `json:"fewer"` // on Records / fewer
	All   times  `json:"all"`
}

// fewer is how many times fewer records growth is measured against.
const fewer = 10

// perRecord gives the nanoseconds for a record, on fewer and on all.
func (g *growthResult) perRecord(records int64) (few, all float64) {
	return g.Fewer.median() * 1e9 / float64(records/fewer), g.All.median() * 1e9 / float64(records)
}

// measureGrowth asks a data set of a tenth of the records, and the whole one, in turn.
func (b *bench) measureGrowth(ctx context.Context) error {
	if b.records < fewer {
		return errors.New("growth needs more records")
	}
	return b.scratch("fewer", func(dir string) (err error) {
		file, folder := filepath.Join(dir, "year.parquet"), filepath.Join(dir, "farmtally")
		if err := writeParquet(ctx, file, (ingest.Synthetic{Records: b.records / fewer, Seed: seed}).Each()); err != nil {
			return err
		}
		if _, err := b.farmtally(ctx, "import", "parquet", "--data", folder, file); err != nil {
			return err
		}
		few, err := openOurs(ctx, folder)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, few.close()) }()
		all, err := openOurs(ctx, b.ourFolder())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, all.close()) }()
		for i := range b.asked {
			g := growthResult{Name: b.asked[i].name}
			for range b.rounds {
				for o, to := range map[*ours]*times{few: &g.Fewer, all: &g.All} {
					t, err := o.time(ctx, &b.asked[i], "")
					if err != nil {
						return err
					}
					to.add(t)
				}
			}
			b.results.Growth = append(b.results.Growth, g)
		}
		return nil
	})
}

// importInto adds records to a side's engine, in one import.
func (o *ours) importInto(ctx context.Context, records []farmtally.Record) (err error) {
	load, err := o.engine.Import(ctx)
	if err != nil {
		return fmt.Errorf("begin import: %w", err)
	}
	defer func() { err = errors.Join(err, load.Abort()) }()
	for i := range records {
		if err := load.Add(ctx, &records[i]); err != nil {
			return fmt.Errorf("import record: %w", err)
		}
	}
	_, err = load.Commit(ctx)
	return err
}
