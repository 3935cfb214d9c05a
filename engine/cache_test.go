package engine_test

import (
	"context"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/storage"
)

// The engine that keeps answers, one that keeps none, and the reference give the same
// rows to 10,000 queries, of which many are asked again after records were appended,
// replaced, imported, sealed and compacted, and the folder opened anew.
func TestCachedAnswers(t *testing.T) {
	rounds, checks, hits := 25, 0, int64(0)
	if testing.Short() {
		rounds = 3
	}
	rapid.Check(t, func(t *rapid.T) {
		c := openCached(t)
		defer c.remove(t)
		pool := rapid.SliceOfN(backendtest.Queries(c.farm), 6, 6).Draw(t, "pool")
		for range rounds {
			c.change(t)
			for i := range 4 {
				q := rapid.OneOf(rapid.SampledFrom(pool), rapid.SampledFrom(pool), backendtest.Queries(c.farm)).Draw(t, "query")
				want := backendtest.Ask(t, c.reference, &q)
				backendtest.Same(t, backendtest.Ask(t, c.warm, &q), want)
				backendtest.Same(t, backendtest.Ask(t, c.cold, &q), want)
				if i == 0 {
					backendtest.Same(t, backendtest.Ask(t, c.warm, &q), want)
				}
			}
		}
		if n := c.cold.CacheHits(); n > 0 {
			t.Fatalf("the engine that keeps nothing had %d answers", n)
		}
		hits += c.warm.CacheHits()
		checks++
	})
	if hits < int64(checks*rounds/10) {
		t.Errorf("only %d answers of segments came out of the cache", hits)
	}
	t.Logf("%d queries, %d answers of segments out of the cache", 4*checks*rounds, hits)
}

// cached is a folder in two engines.
type cached struct {
	dir        string
	farm       farmtally.FarmID
	catalog    *storage.Catalog
	warm, cold *engine.Engine
	reference  *backendtest.Reference
}

func openCached(t *rapid.T) *cached {
	dir, err := os.MkdirTemp("", "farmtally-cache-")
	must(t, err)
	c := &cached{dir: dir, farm: backendtest.NewFarm(), reference: backendtest.NewReference()}
	c.open(t)
	return c
}

func (c *cached) open(t *rapid.T) {
	var err error
	c.catalog, err = storage.Open(context.Background(), storage.Config{Dir: c.dir})
	must(t, err)
	c.warm = engine.Open(engine.Config{Catalog: c.catalog, SegmentRecords: 6, SealRecords: -1, Workers: 3, PieceRecords: 2})
	c.cold = engine.Open(engine.Config{Catalog: c.catalog, SegmentRecords: 6, SealRecords: -1, CacheBytes: -1, Workers: 3, PieceRecords: 2})
}

func (c *cached) close(t *rapid.T) {
	must(t, c.warm.Close())
	must(t, c.cold.Close())
	must(t, c.catalog.Close())
}

func (c *cached) remove(t *rapid.T) {
	c.close(t)
	must(t, os.RemoveAll(c.dir))
}

// change does one thing to the records or to where they lie.
func (c *cached) change(t *rapid.T) {
	ctx := context.Background()
	records := rapid.SliceOfN(backendtest.Records(c.farm), 0, 12).Draw(t, "records")
	switch rapid.IntRange(0, 9).Draw(t, "change") {
	case 0, 1, 2:
		_, err := c.warm.Append(ctx, records)
		must(t, err)
		_, err = c.reference.Append(ctx, records)
		must(t, err)
	case 3, 4, 5:
		must(t, importAll(ctx, c.cold, records))
		_, err := c.reference.Append(ctx, records)
		must(t, err)
	case 6, 7:
		_, err := c.warm.Seal(ctx, c.farm)
		must(t, err)
	case 8:
		_, err := c.cold.Compact(ctx, c.farm, nil)
		must(t, err)
	default:
		c.close(t)
		c.open(t)
	}
}

// The cache stays within its bounds, and forgets segments that were compacted away.
func TestCacheIsBounded(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	catalog, err := storage.Open(ctx, storage.Config{Dir: dir})
	try(t, err)
	defer func() { try(t, catalog.Close()) }()
	e := engine.Open(engine.Config{Catalog: catalog, SegmentRecords: 100, CacheBytes: 20_000})
	defer func() { try(t, e.Close()) }()
	farm := backendtest.NewFarm()
	for batch := range slices.Chunk(backendtest.Example(farm, 200), 20) {
		try(t, importAll(ctx, e, batch))
	}
	for period := farmtally.WholeRange; period <= farmtally.Monthly; period++ {
		for _, d := range []farmtally.Dimension{farmtally.ByUser, farmtally.ByJob, farmtally.ByQueue} {
			q := backendtest.ExampleQuery(farm)
			q.Period, q.GroupBy = period, []farmtally.Dimension{d}
			backendtest.Ask(t, e, &q)
		}
	}
	if now, most := e.CacheBytes(); now > most || now < most/2 {
		t.Errorf("%d bytes are kept, where %d may be", now, most)
	}
	before := e.CachedSegments()
	_, err = e.Compact(ctx, farm, nil)
	try(t, err)
	s, err := e.Snapshot(ctx, farm)
	try(t, err)
	try(t, s.Close())
	view, err := catalog.View(ctx, farm)
	try(t, err)
	e.AwaitUnmapping()
	kept := e.CachedSegments()
	for _, s := range view.Segments {
		delete(kept, s.ID)
		delete(before, s.ID)
	}
	if len(before) == 0 {
		t.Error("no segment that had answers was compacted away")
	}
	if len(kept) > 0 {
		t.Errorf("answers of %v are kept, which are no segments any more", kept)
	}
}

// What was found in hot records is kept while a few more come, until some of them are
// replaced, and forgotten when they are sealed.
func TestHotAnswersAreKept(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	catalog, err := storage.Open(ctx, storage.Config{Dir: dir})
	try(t, err)
	defer func() { try(t, catalog.Close()) }()
	e := engine.Open(engine.Config{Catalog: catalog, SealRecords: -1})
	defer func() { try(t, e.Close()) }()
	farm, reference := backendtest.NewFarm(), backendtest.NewReference()
	q := backendtest.ExampleQuery(farm)
	records := slices.DeleteFunc(backendtest.Example(farm, 200), func(r farmtally.Record) bool { return r.Running })
	replaced := records[0]
	replaced.Cost++
	for i, step := range []struct {
		records []farmtally.Record
		hits    int64
	}{{records[5:], 0}, {records[:5], 1}, {nil, 2}, {[]farmtally.Record{replaced}, 1}} {
		for _, b := range []farmtally.Backend{e, reference} {
			_, err := b.Append(ctx, step.records)
			try(t, err)
		}
		before := e.CacheHits()
		backendtest.Same(t, backendtest.Ask(t, e, &q), backendtest.Ask(t, reference, &q))
		if hits := e.CacheHits() - before; hits != step.hits {
			t.Errorf("step %d: %d answers were kept, want %d", i, hits, step.hits)
		}
	}
	_, err = e.Seal(ctx, farm)
	try(t, err)
	backendtest.Same(t, backendtest.Ask(t, e, &q), backendtest.Ask(t, reference, &q))
	for part := range e.CachedSegments() {
		if part < 0 {
			t.Errorf("the answer of part %d is kept, which is sealed", part)
		}
	}
}

// One question with many rows does not push out those with few.
func TestCacheKeepsWhatSparesMost(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	catalog, err := storage.Open(ctx, storage.Config{Dir: dir})
	try(t, err)
	defer func() { try(t, catalog.Close()) }()
	e := engine.Open(engine.Config{Catalog: catalog, SegmentRecords: 20, CacheBytes: 30_000})
	defer func() { try(t, e.Close()) }()
	farm := backendtest.NewFarm()
	try(t, importAll(ctx, e, backendtest.Example(farm, 400)))
	few, many := backendtest.ExampleQuery(farm), backendtest.ExampleQuery(farm)
	few.Period, few.GroupBy = farmtally.WholeRange, []farmtally.Dimension{farmtally.ByUsageType}
	many.Period, many.GroupBy = farmtally.Hourly, []farmtally.Dimension{farmtally.ByJob, farmtally.ByUser}
	hits := func(q *farmtally.Query) int64 {
		before := e.CacheHits()
		backendtest.Ask(t, e, q)
		return e.CacheHits() - before
	}
	hits(&few)
	all := hits(&few)
	if all < 10 {
		t.Fatalf("only %d segments' answers were kept", all)
	}
	hits(&many)
	if n := hits(&many); n > all/2 {
		t.Fatalf("%d of the large answers fit: the test is about those that do not", n)
	}
	if n := hits(&few); n != all {
		t.Errorf("%d of %d answers are left", n, all)
	}
}
