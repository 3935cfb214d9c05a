package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/storage"
)

// compacted is an engine whose records are compacted before each snapshot.
type compacted struct{ *engine.Engine }

func (c compacted) Snapshot(ctx context.Context, farm farmtally.FarmID) (farmtally.Snapshot, error) {
	for {
		_, err := c.Compact(ctx, farm, nil)
		switch {
		case farmtally.KindOf(err) == farmtally.Unavailable && err != nil:
			time.Sleep(time.Millisecond)
		case err != nil:
			return nil, err
		default:
			return c.Engine.Snapshot(ctx, farm)
		}
	}
}

func TestSuiteCompacted(t *testing.T) { backendtest.Run(t, compacted{open(t, t.TempDir())}) }

// imported imports the records in parts of n, each a segment or several.
func imported(t *testing.T, e *engine.Engine, records []farmtally.Record, n int) {
	t.Helper()
	for len(records) > 0 {
		load, err := e.Import(context.Background())
		try(t, err)
		n = min(n, len(records))
		for i := range records[:n] {
			try(t, load.Add(context.Background(), &records[i]))
		}
		_, err = load.Commit(context.Background())
		try(t, err)
		records = records[n:]
	}
}

func segmentFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "segments", "*"))
	try(t, err)
	return files
}

// Two engines on one folder append, import, seal, ask and compact at once, and one
// compacts in the background. No record is lost or doubled.
func TestCompactMeanwhile(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	engines := [2]*engine.Engine{open(t, dir), open(t, dir)}
	farm := backendtest.NewFarm()
	records := backendtest.Example(farm, 120)
	background, stop := context.WithCancel(ctx)
	var running, writing sync.WaitGroup
	running.Go(func() { engines[0].RunCompaction(background, time.Millisecond, slog.New(slog.DiscardHandler)) })
	failures := make(chan error, 1000)
	for _, e := range engines {
		running.Go(func() {
			for background.Err() == nil {
				if _, err := e.Compact(ctx, farm, nil); err != nil && farmtally.KindOf(err) != farmtally.Unavailable {
					failures <- err
				}
				failures <- countOnce(ctx, e, farm)
			}
		})
	}
	go func() {
		for i, e := range engines {
			writing.Go(func() {
				for round := range 6 {
					for from := 0; from < len(records); from += 20 {
						batch := append([]farmtally.Record(nil), records[from:from+20]...)
						for j := range batch {
							batch[j].Cost = farmtally.Money(round*1000 + i)
						}
						if (from/20+round+i)%2 == 0 {
							_, err := e.Append(ctx, batch)
							failures <- err
							continue
						}
						failures <- importAll(ctx, e, batch)
					}
				}
			})
		}
		writing.Wait()
		stop()
		running.Wait()
		close(failures)
	}()
	for err := range failures {
		if err != nil {
			t.Error(err)
		}
	}
	for _, e := range engines {
		try(t, countOnce(ctx, e, farm))
		held := 0
		s, err := e.Snapshot(ctx, farm)
		try(t, err)
		try(t, s.Records(ctx, func(*farmtally.Record) error { held++; return nil }))
		try(t, s.Close())
		if held != len(records) {
			t.Errorf("%d records, want %d", held, len(records))
		}
		damage, err := e.Check(ctx, nil)
		if err != nil || len(damage) > 0 {
			t.Errorf("damage %v, error %v", damage, err)
		}
	}
}

// countOnce fails where a snapshot has a record twice.
func countOnce(ctx context.Context, e *engine.Engine, farm farmtally.FarmID) error {
	s, err := e.Snapshot(ctx, farm)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // it only reads
	seen := map[string]bool{}
	return s.Records(ctx, func(r *farmtally.Record) error {
		key := fmt.Sprint(r.StartedAt, " ", r.RecordID)
		if seen[key] {
			return fmt.Errorf("record %s is there twice", key)
		}
		seen[key] = true
		return nil
	})
}

func importAll(ctx context.Context, e *engine.Engine, records []farmtally.Record) error {
	load, err := e.Import(ctx)
	if err != nil {
		return err
	}
	for i := range records {
		if err := load.Add(ctx, &records[i]); err != nil {
			return errors.Join(err, load.Abort())
		}
	}
	_, err = load.Commit(ctx)
	return errors.Join(err, load.Abort())
}

// A damaged segment stays as it is and is logged; the others are merged.
func TestCompactDamaged(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	catalog, err := storage.Open(ctx, storage.Config{Dir: dir})
	try(t, err)
	defer catalog.Close() //nolint:errcheck // the folder is thrown away
	var log bytes.Buffer
	farm := backendtest.NewFarm()
	first := engine.Open(engine.Config{Catalog: catalog})
	imported(t, first, backendtest.Example(farm, 50), 10)
	try(t, first.Close())
	e := engine.Open(engine.Config{Catalog: catalog, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	defer e.Close() //nolint:errcheck // the folder is thrown away
	files := segmentFiles(t, dir)
	content, err := os.ReadFile(files[2])
	try(t, err)
	copy(content[len(content)/2:], strings.Repeat("X", 64))
	try(t, os.WriteFile(files[2], content, 0o600))
	done, err := e.Compact(ctx, farm, nil)
	if err != nil || done.Read != 4 || done.Written != 1 || done.Records != 40 {
		t.Fatalf("done %+v, error %v", done, err)
	}
	left := segmentFiles(t, dir)
	if len(left) != 2 || !strings.Contains(strings.Join(left, " "), files[2]) {
		t.Errorf("files %v", left)
	}
	if !strings.Contains(log.String(), "damaged") || !strings.Contains(log.String(), filepath.Base(files[2])) {
		t.Errorf("log %s", log.String())
	}
}

// A compaction that is stopped leaves everything as it was.
func TestCompactStopped(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir)
	farm := backendtest.NewFarm()
	imported(t, e, backendtest.Example(farm, 40), 3)
	before := fmt.Sprint(segmentFiles(t, dir))
	ctx, cancel := context.WithCancel(context.Background())
	_, err := e.Compact(ctx, farm, func(engine.Compaction) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if after := fmt.Sprint(segmentFiles(t, dir)); after != before {
		t.Errorf("files %s, before %s", after, before)
	}
	try(t, countOnce(context.Background(), e, farm))
}

// A merge whose records are replaced while it is under way is given up where they are more
// than its transaction may take, but not for ever; and they are as they were replaced.
func TestCompactOutdated(t *testing.T) {
	const parts, records = 4, 6000
	for _, c := range []struct {
		name         string
		share, times int // each time one of so many records is replaced
		merges, read int
	}{{"few", 24, 1, 1, 4}, {"many", 4, 1, 2, 4}, {"many again and again", 4, 3, 4, 5}} { // the last one's third counts, and then has too many dropped rows
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			catalog, err := storage.Open(ctx, storage.Config{Dir: t.TempDir()})
			try(t, err)
			defer func() { try(t, catalog.Close()) }()
			e := engine.Open(engine.Config{Catalog: catalog, SealRecords: -1})
			defer func() { try(t, e.Close()) }()
			all := plainRecords(parts * records)
			imported(t, e, all, records)
			merges := 0
			done, err := e.Compact(ctx, all[0].FarmID, func(engine.Compaction) {
				if merges++; merges > c.times {
					return
				}
				var batch []farmtally.Record
				for i := merges; i < len(all); i += c.share {
					all[i].Cost = 1
					batch = append(batch, all[i])
				}
				_, err := e.Append(ctx, batch)
				try(t, err)
			})
			if err != nil || merges != c.merges || done.Read != c.read || done.Written != c.read-parts+1 {
				t.Errorf("%d merges, of which the last did %+v, error %v", merges, done, err)
			}
			s, err := e.Snapshot(ctx, all[0].FarmID)
			try(t, err)
			costs := map[farmtally.Money]int{}
			try(t, s.Records(ctx, func(r *farmtally.Record) error { costs[r.Cost]++; return nil }))
			try(t, s.Close())
			if replaced := c.times * len(all) / c.share; costs[1] != replaced || costs[0] != len(all)-replaced {
				t.Errorf("records by cost: %v", costs)
			}
		})
	}
}

// plainRecords are records of one farm that have ended and cost nothing.
func plainRecords(n int) []farmtally.Record {
	farm := backendtest.NewFarm()
	records := make([]farmtally.Record, n)
	for i := range records {
		records[i] = farmtally.Record{
			RecordID: fmt.Sprint("plain", i), FarmID: farm, QueueID: farmtally.QueueID(farmtally.HashID(farmtally.QueuePrefix, "test", "", "q")),
			UsageType: farmtally.Compute, StartedAt: 1_750_000_000_000 + farmtally.Instant(i), EndedAt: 1_750_000_100_000 + farmtally.Instant(i),
			HasCost: true, Workers: farmtally.One,
		}
	}
	return records
}
