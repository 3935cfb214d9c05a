package server_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/farmtally/farmtally"
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
