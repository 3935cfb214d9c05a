package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/server"
	"github.com/farmtally/farmtally/storage"
)

// BenchmarkGet is a signed page of 100 rows, without a network.
func BenchmarkGet(b *testing.B) {
	f := signedFixture(b)
	const id = "55555555555555555555555555555555"
	keep(id, farmtally.Completed, "")(f)
	a := f.memory.aggregations[id]
	rows := make([]farmtally.Row, 1000)
	for i := range rows {
		rows[i] = f.memory.results[id][0]
		rows[i].Group[0] = fmt.Sprintf("job-%032x", i)
		rows[i].AddSample(farmtally.Money(i)*1_000_003, int64(i)*777)
	}
	a.Rows = int64(len(rows))
	f.memory.aggregations[id], f.memory.results[id] = a, rows
	h := f.good()
	h.method, h.body, h.query = http.MethodGet, "", "aggregationId="+id
	r := h.request()
	b.ReportAllocs()
	for b.Loop() {
		if a := f.send(r); a.status != http.StatusOK {
			b.Fatal(a.body)
		}
	}
}

// BenchmarkPush is batches of 1,000 rows of NDJSON, signed, into the engine on the disk,
// without a network. Its CPU time has the signing of the requests in it.
func BenchmarkPush(b *testing.B) {
	ctx := context.Background()
	catalog, err := storage.Open(ctx, storage.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer catalog.Close() //nolint:errcheck // a benchmark's
	e := engine.Open(engine.Config{Catalog: catalog})
	defer e.Close() //nolint:errcheck // a benchmark's
	f := newFixture(b, func(c *server.Config) { c.NoAuth, c.Backend = false, e })
	h := f.good()
	h.path = pushPath(farmA)
	const rows = 1000
	var text strings.Builder
	for i := range rows {
		text.WriteString(line(i, map[string]any{"recordId": "session-ROUNDED-" + fmt.Sprintf("%06d", i)}))
	}
	round := 0
	for b.Loop() {
		round++
		h.body = strings.ReplaceAll(text.String(), "ROUNDED", fmt.Sprintf("%07d", round))
		if a := f.send(h.request()); a.status != http.StatusOK {
			b.Fatal(a.body)
		}
	}
	b.ReportMetric(float64(round*rows)/b.Elapsed().Seconds(), "records/s")
}
