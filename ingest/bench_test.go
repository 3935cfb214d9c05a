package ingest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/ingest"
)

// BenchmarkRead reads 10,000 rows of jobs of 20 tasks each.
func BenchmarkRead(b *testing.B) {
	const rows = 10_000
	var objects, log, table strings.Builder
	table.WriteString("recordId,farmId,queueId,fleetId,jobId,userId,usageType,instanceType,startedAt,endedAt,runtimeInSeconds,workers,cpus,memoryInGiB\n")
	for i := range rows {
		q, u, minute := i%40, i%300, i%60
		fmt.Fprintf(&objects, `{"recordId":"job-%d/%d","farmId":"farm","queueId":"queue %d","fleetId":"fleet","jobId":"%d","userId":"user%d",`+
			`"usageType":"COMPUTE","instanceType":"c7i.large","startedAt":"2026-01-01T00:%02d:00Z","endedAt":"2026-01-01T01:%02d:30.5Z",`+
			`"runtimeInSeconds":3600.25,"workers":1,"cpus":8,"memoryInGiB":16}`+"\n", i/20, i, q, i/20, u, minute, minute)
		fmt.Fprintf(&table, "job-%d/%d,farm,queue %d,fleet,%d,user%d,COMPUTE,c7i.large,2026-01-01T00:%02d:00Z,2026-01-01T01:%02d:30.5Z,3600.25,1,8,16\n",
			i/20, i, q, i/20, u, minute, minute)
		fmt.Fprintf(&log, "%d_%d|%d|cluster|queue%d|normal|acct|group|700|user%d|5001|2026-01-01T00:00:00|2026-01-01T00:00:00|2026-01-01T00:%02d:00|"+
			"2026-01-01T01:%02d:30|01:00:30|0:0|COMPLETED|1|16|16|4000Mn|cpu=16|billing=16,cpu=16,gres/gpu=2,mem=62.50G,node=1|1-00:00:00|n01|comp\n",
			i/20, i, i, q, u, minute, minute)
	}
	for _, c := range []struct {
		name   string
		source ingest.Source
		text   string
	}{{"ndjson", ingest.NDJSON{}, objects.String()}, {"csv", ingest.CSV{}, table.String()}, {"sacct", ingest.Sacct{}, log.String()}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				records := 0
				err := c.source.Read(context.Background(), strings.NewReader(c.text), func(row *ingest.Row) error {
					records += len(row.Records)
					return nil
				})
				if err != nil || records != rows {
					b.Fatalf("%d records, %v", records, err)
				}
			}
			b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "records/s")
		})
	}
}
