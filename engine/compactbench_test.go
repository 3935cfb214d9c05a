package engine_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/storage"
)

// BenchmarkCompact merges segments of 100,000 records, while others append a record and
// take a snapshot every few milliseconds, and says what both took.
func BenchmarkCompact(b *testing.B) {
	const parts, records = 8, 100_000
	ctx := context.Background()
	var appends, snapshots []time.Duration
	merged := int64(0)
	for b.Loop() {
		b.StopTimer()
		catalog, err := storage.Open(ctx, storage.Config{Dir: b.TempDir()})
		try(b, err)
		e := engine.Open(engine.Config{Catalog: catalog})
		var farm farmtally.FarmID
		for part := range parts {
			load, err := e.Import(ctx)
			try(b, err)
			n := 0
			for r := range (ingest.Synthetic{Records: records, Seed: uint64(part)}).Each() {
				r.RecordID = fmt.Sprintf("part-%d-session-%032x", part, n)
				farm, n = r.FarmID, n+1
				try(b, load.Add(ctx, r))
			}
			_, err = load.Commit(ctx)
			try(b, err)
		}
		background, stop := context.WithCancel(ctx)
		var others sync.WaitGroup
		others.Go(func() {
			appends = append(appends, repeatedly(background, b, func(i int) error { return appendOne(ctx, e, farm, i) })...)
		})
		others.Go(func() {
			snapshots = append(snapshots, repeatedly(background, b, func(int) error {
				s, err := e.Snapshot(ctx, farm)
				if err == nil {
					err = s.Close()
				}
				return err
			})...)
		})
		b.StartTimer()
		done, err := e.Compact(ctx, farm, nil)
		b.StopTimer()
		stop()
		others.Wait()
		try(b, err)
		merged += done.Records
		try(b, e.Close())
		try(b, catalog.Close())
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(merged), "ns/record")
	for what, times := range map[string][]time.Duration{"append": appends, "snapshot": snapshots} {
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, what+"-p99-ms")
		b.ReportMetric(float64(times[len(times)-1].Microseconds())/1000, what+"-max-ms")
	}
}

// repeatedly does something every few milliseconds and says how long it took each time.
func repeatedly(ctx context.Context, b *testing.B, do func(i int) error) (times []time.Duration) {
	ticker := time.NewTicker(4 * time.Millisecond)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return times
		case <-ticker.C:
		}
		began := time.Now()
		if err := do(i); err != nil {
			b.Error(err)
		}
		times = append(times, time.Since(began))
	}
}

func appendOne(ctx context.Context, e *engine.Engine, farm farmtally.FarmID, i int) error {
	_, err := e.Append(ctx, []farmtally.Record{{
		RecordID: fmt.Sprint("one", i), FarmID: farm, QueueID: farmtally.QueueID(farmtally.HashID(farmtally.QueuePrefix, "test", "", "q")),
		UsageType: farmtally.Compute, StartedAt: 1_750_000_000_000 + farmtally.Instant(i), EndedAt: 1_750_000_100_000 + farmtally.Instant(i),
		HasCost: true, Workers: farmtally.One,
	}})
	return err
}

// BenchmarkSnapshotHot takes a snapshot of many hot records, where nothing has changed
// since the last one, and where one record has come.
func BenchmarkSnapshotHot(b *testing.B) {
	ctx := context.Background()
	catalog, err := storage.Open(ctx, storage.Config{Dir: b.TempDir()})
	try(b, err)
	defer catalog.Close() //nolint:errcheck // a benchmark's
	e := engine.Open(engine.Config{Catalog: catalog, SealRecords: -1})
	defer e.Close() //nolint:errcheck // a benchmark's
	var farm farmtally.FarmID
	var batch []farmtally.Record
	for r := range (ingest.Synthetic{Records: 100_000, Seed: 1}).Each() {
		farm, batch = r.FarmID, append(batch, *r)
		if len(batch) == 1000 {
			_, err := e.Append(ctx, batch)
			try(b, err)
			batch = batch[:0]
		}
	}
	for _, more := range []bool{false, true} {
		b.Run(fmt.Sprintf("changed=%t", more), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if more {
					b.StopTimer()
					try(b, appendOne(ctx, e, farm, i))
					b.StartTimer()
				}
				s, err := e.Snapshot(ctx, farm)
				try(b, err)
				try(b, s.Close())
			}
		})
	}
}

// BenchmarkSeal seals 400,000 records, as many as a farm may have before those who push to
// it wait, while others append a record every few milliseconds, and says what that took.
func BenchmarkSeal(b *testing.B) {
	const records = 400_000
	ctx := context.Background()
	var appends []time.Duration
	for b.Loop() {
		b.StopTimer()
		catalog, err := storage.Open(ctx, storage.Config{Dir: b.TempDir()})
		try(b, err)
		e := engine.Open(engine.Config{Catalog: catalog, SealRecords: -1})
		var farm farmtally.FarmID
		var batch []farmtally.Record
		for r := range (ingest.Synthetic{Records: records, Seed: 1}).Each() {
			farm, batch = r.FarmID, append(batch, *r)
			if len(batch) == 1000 {
				_, err := e.Append(ctx, batch)
				try(b, err)
				batch = batch[:0]
			}
		}
		background, stop := context.WithCancel(ctx)
		var others sync.WaitGroup
		others.Go(func() {
			appends = append(appends, repeatedly(background, b, func(i int) error { return appendOne(ctx, e, farm, i) })...)
		})
		b.StartTimer()
		n, err := e.Seal(ctx, farm)
		b.StopTimer()
		stop()
		others.Wait()
		if try(b, err); n < records {
			b.Fatalf("%d records were sealed", n)
		}
		try(b, e.Close())
		try(b, catalog.Close())
		b.StartTimer()
	}
	slices.Sort(appends)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
	b.ReportMetric(float64(appends[len(appends)/2].Microseconds())/1000, "append-p50-ms")
	b.ReportMetric(float64(appends[len(appends)*99/100].Microseconds())/1000, "append-p99-ms")
	b.ReportMetric(float64(appends[len(appends)-1].Microseconds())/1000, "append-max-ms")
}
