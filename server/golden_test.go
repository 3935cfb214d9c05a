package server_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server"
)

var update = flag.Bool("update", false, "write the golden exchanges anew")

// exchange sends the bytes of one request over a connection and gives the bytes of
// the answer. What differs each time stands as a name in braces.
func (f *fixture) exchange(request string) string {
	f.t.Helper()
	web := httptest.NewServer(f.handler)
	defer web.Close()
	c, err := new(net.Dialer).DialContext(f.t.Context(), "tcp", web.Listener.Addr().String())
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	head, body, _ := strings.Cut(request, "\n\n")
	head = strings.ReplaceAll(head, "\n", "\r\n")
	if _, err := fmt.Fprintf(c, "%s\r\nHost: management.localhost:8787\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		head, len(body), body); err != nil {
		f.t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(answer)
}

// varying are the parts of an answer that differ each time.
var varying = []struct {
	pattern *regexp.Regexp
	name    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`), "{requestId}"},
	{regexp.MustCompile(`\r\nDate: [^\r]*`), "\r\nDate: {date}"},
	{regexp.MustCompile(`("aggregationId":")[0-9a-f]{32}`), "${1}{aggregationId}"},
	{regexp.MustCompile(`("nextToken":")v1\.[\w-]+`), "${1}{nextToken}"},
}

// TestExchanges compares whole answers, byte for byte, with testdata/exchanges. In
// the files lines end as on Unix, and the body ends with a line end that is not
// sent.
func TestExchanges(t *testing.T) {
	stats := statisticsPath(farmA)
	aggregation := strings.Repeat("5", 32)
	for name, c := range map[string]struct {
		request string
		set     func(*server.Config)
		prepare func(*fixture)
	}{
		"start":             {request: "POST " + stats + " HTTP/1.1\nContent-Type: application/json\n\n" + startBody(nil)},
		"get-in-progress":   {request: "GET " + stats + "?aggregationId=" + aggregation + " HTTP/1.1", prepare: keep(aggregation, farmtally.InProgress, "")},
		"get-failed":        {request: "GET " + stats + "?aggregationId=" + aggregation + " HTTP/1.1", prepare: keep(aggregation, farmtally.Failed, "Too many rows.")},
		"get-timeout":       {request: "GET " + stats + "?aggregationId=" + aggregation + " HTTP/1.1", prepare: keep(aggregation, farmtally.TimedOut, "Too long.")},
		"get-first-page":    {request: "GET " + stats + "?aggregationId=" + aggregation + "&maxResults=1 HTTP/1.1", prepare: keep(aggregation, farmtally.Completed, "1 of 7 records matched no rate and count as 0 USD")},
		"get-only-page":     {request: "GET " + stats + "?nextToken=&aggregationId=" + aggregation + " HTTP/1.1", prepare: keep(aggregation, farmtally.Completed, "")},
		"list-farms":        {request: "GET /2023-10-12/farms HTTP/1.1"},
		"list-farms-page":   {request: "GET /2023-10-12/farms?maxResults=1 HTTP/1.1"},
		"list-queues":       {request: "GET /2023-10-12/farms/" + string(farmA) + "/queues HTTP/1.1"},
		"list-queues-none":  {request: "GET /2023-10-12/farms/" + string(farmA) + "/queues?status=SCHEDULING HTTP/1.1"},
		"list-fleets":       {request: "GET /2023-10-12/farms/" + string(farmA) + "/fleets?displayName=racks HTTP/1.1"},
		"get-farm":          {request: "GET /2023-10-12/farms/" + string(farmA) + " HTTP/1.1"},
		"get-queue":         {request: "GET /2023-10-12/farms/" + string(farmA) + "/queues/" + string(queueA) + " HTTP/1.1"},
		"get-queue-none":    {request: "GET /2023-10-12/farms/" + string(farmA) + "/queues/" + string(queueB) + " HTTP/1.1"},
		"get-fleet":         {request: "GET /2023-10-12/farms/" + string(farmA) + "/fleets/" + string(fleetA) + " HTTP/1.1"},
		"list-products":     {request: "GET /2023-10-12/metered-products?maxResults=5 HTTP/1.1"},
		"not-served":        {request: "POST /2023-10-12/farms HTTP/1.1\n\n{}"},
		"validation":        {request: "POST " + stats + " HTTP/1.1\n\n" + startBody(map[string]any{"timezone": "UTC+8", "groupBy": nil})},
		"cannot-parse":      {request: "POST " + stats + " HTTP/1.1\n\na=b"},
		"unknown-operation": {request: "DELETE " + stats + " HTTP/1.1"},
		"not-found":         {request: "GET " + stats + "?aggregationId=" + aggregation + " HTTP/1.1"},
		"throttling": {
			request: "POST " + stats + " HTTP/1.1\n\n" + startBody(nil),
			prepare: keep(aggregation, farmtally.InProgress, ""),
		},
		"internal": {
			request: "GET /2023-10-12/farms HTTP/1.1",
			prepare: func(f *fixture) { f.memory.breakDown("Farms", errors.New("disk on fire")) },
		},
		"access-denied": {
			request: "GET /2023-10-12/farms HTTP/1.1",
			prepare: func(f *fixture) {
				f.memory.breakDown("Farms", farmtally.Errorf(farmtally.Denied, "The access key may not read farms."))
			},
		},
		"unsigned": {request: "GET /2023-10-12/farms HTTP/1.1", set: func(c *server.Config) { c.NoAuth = false }},
		"health":   {request: "GET /healthz HTTP/1.1", set: func(c *server.Config) { c.NoAuth = false }},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, c.set)
			if c.prepare != nil {
				c.prepare(f)
			}
			answer := f.exchange(c.request)
			for _, v := range varying {
				answer = v.pattern.ReplaceAllString(answer, v.name)
			}
			compareGolden(t, name, c.request+"\n\n----\n\n"+strings.ReplaceAll(answer, "\r\n", "\n")+"\n")
		})
	}
}

// keep puts an aggregation with two rows into the memory.
func keep(id string, status farmtally.Status, message string) func(*fixture) {
	return func(f *fixture) {
		a := farmtally.Aggregation{
			ID: id, Status: status, Message: message, CostScale: farmtally.DefaultCostScale,
			Query: farmtally.Query{
				FarmID: farmA, AsOf: farmtally.InstantOf(f.clock()),
				GroupBy:    []farmtally.Dimension{farmtally.ByJob, farmtally.ByUser},
				Statistics: []farmtally.Statistic{farmtally.StatSum, farmtally.StatMin, farmtally.StatMax, farmtally.StatAvg},
			},
		}
		first := farmtally.Row{
			Start: instant(midnight), End: instant(midnight.Add(time.Hour)), Group: [2]string{string(jobA), "josé \"x\""}, JobName: "shot\t7",
		}
		first.AddSample(1, 53_773)
		first.AddSample(2, 1)
		second := farmtally.Row{Start: instant(midnight.Add(-time.Millisecond)), End: instant(midnight.Add(time.Hour))}
		second.AddSample(9_007_199_254_740_993, 1_000)
		a.Rows = 2
		f.memory.aggregations[id] = a
		f.memory.results[id] = []farmtally.Row{first, second}
	}
}

func compareGolden(t *testing.T, name, have string) {
	t.Helper()
	path := filepath.Join("testdata", "exchanges", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(have), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(have)) {
		t.Errorf("got\n%s\nwant\n%s", have, want)
	}
}

// TestRequestIDs: every answer has one, and no two have the same.
func TestRequestIDs(t *testing.T) {
	f := newFixture(t, nil)
	seen := map[string]bool{}
	for _, path := range []string{"/", "/healthz", "/2023-10-12/farms", statisticsPath(farmA), statisticsPath(noFarm)} {
		id := f.ask(http.MethodGet, path, "").header.Get("x-amzn-RequestId")
		if !varying[0].pattern.MatchString(id) || seen[id] {
			t.Errorf("%s: request id %q", path, id)
		}
		seen[id] = true
	}
}
