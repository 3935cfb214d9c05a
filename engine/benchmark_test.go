package engine_test

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/storage"
)

// benchmarkQuery is one of the questions that are measured.
type benchmarkQuery struct {
	name    string
	fleets  bool // ten fleets, else ten queues
	groupBy []farmtally.Dimension
	period  farmtally.Period
	zone    string
	days    int
}

var benchmarkQueries = []benchmarkQuery{
	{"Q1", false, []farmtally.Dimension{farmtally.ByQueue}, farmtally.Daily, "UTC+00:00", 365},
	{"Q2", true, []farmtally.Dimension{farmtally.ByUser, farmtally.ByUsageType}, farmtally.Monthly, "UTC+00:00", 365},
	{"Q3", false, []farmtally.Dimension{farmtally.ByJob}, farmtally.Hourly, "UTC+00:00", 31},
	{"Q4", true, []farmtally.Dimension{farmtally.ByInstanceType, farmtally.ByUsageType}, farmtally.Weekly, "UTC+05:30", 365},
	{"Q5", true, []farmtally.Dimension{farmtally.ByUser}, farmtally.Hourly, "UTC+00:00", 365},
}

// query makes the question to a year of the synthetic farm.
func (q *benchmarkQuery) query(b *testing.B, c *storage.Catalog, farm farmtally.FarmID) *farmtally.Query {
	b.Helper()
	zone, err := farmtally.ParseTimezone(q.zone)
	if err != nil {
		b.Fatal(err)
	}
	start := farmtally.InstantOf(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
	made := &farmtally.Query{
		FarmID: farm, Start: start, End: start + farmtally.Instant(q.days)*24*3_600_000, Zone: zone, Period: q.period, GroupBy: q.groupBy,
		Statistics: []farmtally.Statistic{farmtally.StatSum, farmtally.StatMin, farmtally.StatMax, farmtally.StatAvg},
		AsOf:       start + 366*24*3_600_000,
	}
	queues, err := c.Queues(b.Context(), farm)
	if err != nil {
		b.Fatal(err)
	}
	fleets, err := c.Fleets(b.Context(), farm)
	if err != nil {
		b.Fatal(err)
	}
	for i := range farmtally.MaxResources {
		if q.fleets {
			made.FleetIDs = append(made.FleetIDs, fleets[i].ID)
		} else {
			made.QueueIDs = append(made.QueueIDs, queues[i].ID)
		}
	}
	return made
}

// synthetic makes a synthetic year, unless the folder has one already, and gives its farm.
func synthetic(b *testing.B, catalog *storage.Catalog, e *engine.Engine, records int64) (farm farmtally.FarmID) {
	b.Helper()
	ctx := b.Context()
	if farms, err := catalog.Farms(ctx); err == nil && len(farms) > 0 {
		return farms[0].ID
	}
	load, err := e.Import(ctx)
	if err != nil {
		b.Fatal(err)
	}
	for r := range (ingest.Synthetic{Records: records, Seed: 1}).Each() {
		if farm = r.FarmID; load.Add(ctx, r) != nil {
			b.Fatal(err)
		}
	}
	if _, err := load.Commit(ctx); err != nil {
		b.Fatal(err)
	}
	return farm
}

// BenchmarkQueries asks a synthetic year of FARMTALLY_BENCH_RECORDS records (a million),
// in segments of an eighth of them but at most a million, what it cost. The year is kept in
// FARMTALLY_BENCH_DIR, if that is set.
func BenchmarkQueries(b *testing.B) {
	records, err := strconv.ParseInt(os.Getenv("FARMTALLY_BENCH_RECORDS"), 10, 64)
	if err != nil {
		records = 1_000_000
	}
	ctx := context.Background()
	dir := os.Getenv("FARMTALLY_BENCH_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	catalog, err := storage.Open(ctx, storage.Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer catalog.Close() //nolint:errcheck // a benchmark's
	segment := min(int(records/8)+1, storage.SegmentRecords)
	e := engine.Open(engine.Config{Catalog: catalog, SegmentRecords: segment})
	defer e.Close() //nolint:errcheck // a benchmark's
	uncached := engine.Open(engine.Config{Catalog: catalog, CacheBytes: -1})
	defer uncached.Close() //nolint:errcheck // a benchmark's
	farm := synthetic(b, catalog, e, records)
	for i := range benchmarkQueries {
		q := benchmarkQueries[i].query(b, catalog, farm)
		b.Run(benchmarkQueries[i].name, func(b *testing.B) { benchmarkQuestion(b, uncached, q, records) })
		b.Run(benchmarkQueries[i].name+"/cached", func(b *testing.B) { benchmarkQuestion(b, e, q, records) })
	}
}

func benchmarkQuestion(b *testing.B, e *engine.Engine, q *farmtally.Query, records int64) {
	b.Helper()
	rows := ask(b, e, q) // which reads the checksums
	before := cpuTime(b)
	for b.Loop() {
		ask(b, e, q)
	}
	b.ReportMetric(float64(rows), "rows")
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N)/float64(records), "cpu-ns/record")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
}

// ask asks a question and counts the rows of its answer.
func ask(b *testing.B, e *engine.Engine, q *farmtally.Query) (rows int) {
	b.Helper()
	s, err := e.Snapshot(b.Context(), q.FarmID)
	try(b, err)
	_, err = s.Aggregate(b.Context(), q, farmtally.Limits{}, nil, func(*farmtally.Row) error { rows++; return nil })
	try(b, err)
	try(b, s.Close())
	return rows
}

// cpuTime is what the process has used of all cores, which other work disturbs less
// than the time on the clock.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
