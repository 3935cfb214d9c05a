package engine_test

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/storage"
)

// importedRecords is how many records the benchmarks of imports bring.
func importedRecords() int64 {
	if records, err := strconv.ParseInt(os.Getenv("FARMTALLY_BENCH_RECORDS"), 10, 64); err == nil {
		return records
	}
	return 1_000_000
}

// BenchmarkImport brings records that replace as many, as another process would, while a
// server's engine appends a record and takes a snapshot every few milliseconds, and says what
// these took, and what they took beside other work, as BenchmarkCompact does.
func BenchmarkImport(b *testing.B) {
	records := importedRecords()
	alone, importing := latencies{takesSnapshots: true}, latencies{takesSnapshots: true}
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		server, another := openBench(b, dir), openBench(b, dir)
		farm := synthetic(b, server.catalog, server.engine, records)
		alone.beside(b, server.engine, farm, func() { otherWork(b, server.catalog, records*cpuPerImported) })
		importing.beside(b, server.engine, farm, func() {
			b.StartTimer()
			again(b, another.engine, records)
			b.StopTimer()
		})
		server.close(b)
		another.close(b)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
	importing.report(b, "")
	alone.report(b, "control-")
}

// BenchmarkCommit says what of a processor it takes to commit an import whose records
// replace as many, and then, of another process, a snapshot, and a push of a thousand records
// that replace some of what the import brought.
func BenchmarkCommit(b *testing.B) {
	records := importedRecords()
	var commit, first, snapshot time.Duration
	for b.Loop() {
		dir := b.TempDir()
		server, another := openBench(b, dir), openBench(b, dir)
		farm := synthetic(b, server.catalog, server.engine, records)
		commit += again(b, another.engine, records)
		snapshot += took(b, func() {
			s, err := server.engine.Snapshot(b.Context(), farm)
			try(b, err)
			try(b, s.Close())
		})
		first += replaceSome(b, server.engine, records, 1000)
		server.close(b)
		another.close(b)
	}
	for what, took := range map[string]time.Duration{"commit": commit, "first-push": first, "next-snapshot": snapshot} {
		b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), what+"-cpu-ms")
	}
}

// took is what doing something took of a processor.
func took(b *testing.B, do func()) time.Duration {
	b.Helper()
	runtime.GC()
	before := cpuTime(b)
	do()
	return cpuTime(b) - before
}

// cpuPerImported is what importing takes of a processor, in nanoseconds.
const cpuPerImported = 1000

// benched is an engine with its catalog.
type benched struct {
	catalog *storage.Catalog
	engine  *engine.Engine
}

func openBench(b *testing.B, dir string) benched {
	b.Helper()
	catalog, err := storage.Open(b.Context(), storage.Config{Dir: dir})
	try(b, err)
	return benched{catalog, engine.Open(engine.Config{Catalog: catalog, SealRecords: -1})}
}

func (e benched) close(b *testing.B) {
	b.Helper()
	try(b, e.engine.Close())
	try(b, e.catalog.Close())
}

// again imports the records of a synthetic year with another cost, and gives what the
// commit took of a processor.
func again(b *testing.B, e *engine.Engine, records int64) time.Duration {
	b.Helper()
	load, err := e.Import(b.Context())
	try(b, err)
	for r := range (ingest.Synthetic{Records: records, Seed: 1}).Each() {
		r.HasCost, r.Cost = true, r.Cost+1
		try(b, load.Add(b.Context(), r))
	}
	return took(b, func() {
		_, err = load.Commit(context.WithoutCancel(b.Context()))
		try(b, err)
	})
}

// replaceSome appends the first records of a synthetic year with another cost, and gives
// what that took of a processor.
func replaceSome(b *testing.B, e *engine.Engine, records int64, n int) time.Duration {
	b.Helper()
	var batch []farmtally.Record
	for r := range (ingest.Synthetic{Records: records, Seed: 1}).Each() {
		if len(batch) == n {
			break
		}
		r.HasCost, r.Cost = true, r.Cost+7
		batch = append(batch, *r)
	}
	return took(b, func() {
		outcomes, err := e.Append(b.Context(), batch)
		try(b, err)
		if slices.ContainsFunc(outcomes, func(o farmtally.Outcome) bool { return o != farmtally.Replaced }) {
			b.Fatal("a record was not replaced")
		}
	})
}
