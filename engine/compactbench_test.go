package engine_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/storage"
)

// BenchmarkCompact merges segments of 100,000 records in the background, while others
// append a record and take a snapshot every few milliseconds, and says what both took; and
// what they took, in turn, beside other work of as much writing and as much of a processor
// that has nothing to do with the engine: what is more than that is the engine's.
func BenchmarkCompact(b *testing.B) {
	const parts, records = 8, 100_000
	ctx := context.Background()
	alone, merging := latencies{takesSnapshots: true}, latencies{takesSnapshots: true}
	for b.Loop() {
		b.StopTimer()
		catalog, err := storage.Open(ctx, storage.Config{Dir: b.TempDir()})
		try(b, err)
		e := engine.Open(engine.Config{Catalog: catalog})
		farm := importParts(b, e, parts, records)
		alone.beside(b, e, farm, func() { otherWork(b, catalog, parts*records*cpuPerRecord) })
		merging.beside(b, e, farm, func() {
			b.StartTimer()
			compactInBackground(e)
			b.StopTimer()
		})
		if segments, err := catalog.AllSegments(ctx); err != nil || len(segments) != 1 {
			b.Fatalf("%d segments, error %v", len(segments), err)
		}
		try(b, e.Close())
		try(b, catalog.Close())
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(parts*records), "ns/record")
	merging.report(b, "")
	alone.report(b, "control-")
}

// importParts makes segments of the same times, of so many records each.
func importParts(b *testing.B, e *engine.Engine, parts int, records int64) (farm farmtally.FarmID) {
	ctx := b.Context()
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
	return farm
}

// compactInBackground runs the compaction of a server until there is nothing to do.
func compactInBackground(e *engine.Engine) {
	ctx, stop := context.WithCancel(context.Background())
	e.RunCompaction(ctx, time.Hour, slog.New(stopper{slog.DiscardHandler, stop}))
}

// stopper is a log in which nothing more is to be written.
type stopper struct {
	slog.Handler
	stop func()
}

func (s stopper) Enabled(context.Context, slog.Level) bool { return true }

func (s stopper) Handle(context.Context, slog.Record) error {
	s.stop()
	return nil
}

// cpuPerRecord is what merging takes of a processor, in nanoseconds.
const cpuPerRecord = 400

// otherWork writes as many bytes as the segments have to a file, synced now and then, and
// uses so much of a processor meanwhile, in nanoseconds.
func otherWork(b *testing.B, catalog *storage.Catalog, cpu int64) {
	const piece, each = 64 << 10, 64 // as a merge writes, and syncs
	segments, err := catalog.AllSegments(b.Context())
	try(b, err)
	pieces := int64(0)
	for i := range segments {
		pieces += segments[i].Bytes / piece
	}
	f, err := os.Create(filepath.Join(b.TempDir(), "other"))
	try(b, err)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	bytes, until := make([]byte, piece), threadTime(b)
	for i := range pieces {
		for until += cpu / pieces; threadTime(b) < until; {
			bytes[i%piece]++
		}
		_, err := f.Write(bytes)
		try(b, err)
		if i%each == each-1 {
			try(b, f.Sync())
		}
	}
	try(b, f.Sync())
	try(b, f.Close())
}

// threadTime is what the thread has used of a processor, in nanoseconds.
func threadTime(b *testing.B) int64 {
	var t unix.Timespec
	try(b, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t))
	return t.Nano()
}

// latencies are how long appends of one record and snapshots took, if any are taken.
type latencies struct {
	takesSnapshots     bool
	appends, snapshots []time.Duration
}

// beside appends and takes snapshots while do runs.
func (l *latencies) beside(b *testing.B, e *engine.Engine, farm farmtally.FarmID, do func()) {
	ctx := context.WithoutCancel(b.Context())
	background, stop := context.WithCancel(ctx)
	var others sync.WaitGroup
	others.Go(func() {
		l.appends = append(l.appends, repeatedly(background, b, func(i int) error { return appendOne(ctx, e, farm, i) })...)
	})
	if l.takesSnapshots {
		others.Go(func() { l.snapshots = append(l.snapshots, snapshots(background, b, e, farm)...) })
	}
	do()
	stop()
	others.Wait()
}

func snapshots(ctx context.Context, b *testing.B, e *engine.Engine, farm farmtally.FarmID) []time.Duration {
	return repeatedly(ctx, b, func(int) error {
		s, err := e.Snapshot(context.WithoutCancel(ctx), farm)
		if err == nil {
			err = s.Close()
		}
		return err
	})
}

func (l *latencies) report(b *testing.B, beside string) {
	for what, times := range map[string][]time.Duration{"append": l.appends, "snapshot": l.snapshots} {
		if len(times) == 0 {
			continue
		}
		slices.Sort(times)
		for _, p := range []int{50, 99} {
			b.ReportMetric(float64(times[len(times)*p/100].Microseconds())/1000, fmt.Sprintf("%s%s-p%d-ms", beside, what, p))
		}
		b.ReportMetric(float64(times[len(times)-1].Microseconds())/1000, beside+what+"-max-ms")
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
// it wait, while others append a record every few milliseconds, and says what that took, and
// what it took beside other work, as BenchmarkCompact does.
func BenchmarkSeal(b *testing.B) {
	const records = 400_000
	ctx := context.Background()
	var alone, sealing latencies
	for b.Loop() {
		b.StopTimer()
		catalog, err := storage.Open(ctx, storage.Config{Dir: b.TempDir()})
		try(b, err)
		e := engine.Open(engine.Config{Catalog: catalog, SealRecords: -1})
		fill := func(seed uint64) (farm farmtally.FarmID) {
			var batch []farmtally.Record
			for r := range (ingest.Synthetic{Records: records, Seed: seed}).Each() {
				farm, batch = r.FarmID, append(batch, *r)
				if len(batch) == 1000 {
					_, err := e.Append(ctx, batch)
					try(b, err)
					batch = batch[:0]
				}
			}
			return farm
		}
		farm := fill(1)
		_, err = e.Seal(ctx, farm) // so that there is a segment of as many bytes
		try(b, err)
		alone.beside(b, e, farm, func() { otherWork(b, catalog, records*cpuPerSealed) })
		fill(2)
		sealing.beside(b, e, farm, func() {
			b.StartTimer()
			n, err := e.Seal(ctx, farm)
			b.StopTimer()
			if try(b, err); n < records {
				b.Fatalf("%d records were sealed", n)
			}
		})
		try(b, e.Close())
		try(b, catalog.Close())
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
	sealing.report(b, "")
	alone.report(b, "control-")
}

// cpuPerSealed is what sealing takes of a processor, in nanoseconds.
const cpuPerSealed = 500
