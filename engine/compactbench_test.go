package engine_test

import (
	"context"
	"fmt"
	"iter"
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

// hotBench is a farm of hot records, which come in batches of 1,000.
type hotBench struct {
	catalog *storage.Catalog
	engine  *engine.Engine
	farm    farmtally.FarmID
	next    func() (*farmtally.Record, bool)
}

// openHot makes a farm of 100,000 hot records.
func openHot(b *testing.B) *hotBench {
	b.Helper()
	catalog, err := storage.Open(b.Context(), storage.Config{Dir: b.TempDir()})
	try(b, err)
	h := &hotBench{catalog: catalog, engine: engine.Open(engine.Config{Catalog: catalog, SealRecords: -1})}
	next, stop := iter.Pull((ingest.Synthetic{Records: 1_000_000, Seed: 1}).Each())
	h.next = next
	b.Cleanup(func() {
		stop()
		try(b, h.engine.Close())
		try(b, catalog.Close())
	})
	for range 100 {
		h.push(b)
	}
	return h
}

func (h *hotBench) push(b *testing.B) {
	b.Helper()
	batch := make([]farmtally.Record, 1000)
	for i := range batch {
		r, _ := h.next()
		h.farm, batch[i] = r.FarmID, *r
	}
	_, err := h.engine.Append(b.Context(), batch)
	try(b, err)
}

// BenchmarkSnapshotHot takes a snapshot of many hot records, where nothing has changed
// since the last one, and where one record has come.
func BenchmarkSnapshotHot(b *testing.B) {
	h := openHot(b)
	for _, more := range []bool{false, true} {
		b.Run(fmt.Sprintf("changed=%t", more), func(b *testing.B) {
			var cpu time.Duration
			for i := 0; b.Loop(); i++ {
				if more {
					try(b, appendOne(b.Context(), h.engine, h.farm, i))
				}
				before := cpuTime(b)
				s, err := h.engine.Snapshot(b.Context(), h.farm)
				try(b, err)
				try(b, s.Close())
				cpu += cpuTime(b) - before
			}
			b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "cpu-µs")
		})
	}
}

// BenchmarkAskHot asks many hot records a question after each batch, as a page does that
// is looked at while a farm works.
func BenchmarkAskHot(b *testing.B) {
	for i := range benchmarkQueries {
		b.Run(benchmarkQueries[i].name, func(b *testing.B) {
			h := openHot(b)
			q := benchmarkQueries[i].query(b, h.catalog, h.farm)
			ask(b, h.engine, q)
			var cpu, most time.Duration
			for b.Loop() {
				h.push(b)
				before := cpuTime(b)
				ask(b, h.engine, q)
				took := cpuTime(b) - before
				cpu, most = cpu+took, max(most, took)
			}
			b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "cpu-µs")
			b.ReportMetric(float64(most.Microseconds()), "most-cpu-µs")
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
