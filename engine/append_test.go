package engine_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/storage"
)

// BenchmarkAppend is batches of new records, durable, with sealing as it comes.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			ctx := context.Background()
			catalog, err := storage.Open(ctx, storage.Config{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer catalog.Close() //nolint:errcheck // a benchmark's
			e := engine.Open(engine.Config{Catalog: catalog})
			defer e.Close() //nolint:errcheck // a benchmark's
			batch := backendtest.Example(backendtest.Farm(1), size)
			n := 0
			for b.Loop() {
				for i := range batch {
					r := &batch[i]
					n++
					r.RecordID = fmt.Sprintf("session-%08d", n)
					r.StartedAt = farmtally.Instant(1_800_000_000_000 + int64(n)*997%86_400_000)
					r.EndedAt = r.StartedAt + 1_000_000
				}
				if _, err := e.Append(ctx, batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
