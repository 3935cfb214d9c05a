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

// nextRequest stands between two requests that one connection carries.
const nextRequest = "\n\n&&\n\n"

// exchange sends the bytes of requests over one connection and gives the bytes of the
// answers. A request that names no host asks for AWS's name of the fixture's.
func (f *fixture) exchange(requests string) string {
	f.t.Helper()
	web := httptest.NewServer(f.handler)
	defer web.Close()
	c, err := new(net.Dialer).DialContext(f.t.Context(), "tcp", web.Listener.Addr().String())
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	list := strings.Split(requests, nextRequest)
	for i, request := range list {
		head, body, _ := strings.Cut(request, "\n\n")
		if !strings.Contains(head, "\nHost: ") {
			head += "\nHost: " + goldenHost
		}
		if i == len(list)-1 {
			head += "\nConnection: close"
		}
		if _, err := fmt.Fprintf(c, "%s\r\nContent-Length: %d\r\n\r\n%s", strings.ReplaceAll(head, "\n", "\r\n"), len(body), body); err != nil {
			f.t.Fatal(err)
		}
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(answer)
}

// goldenHost is the host of requests that name none.
const goldenHost = "management.localhost:8787"

// signedText is the text of a request that the key signed at the fixtures' eight o'clock.
func signedText(key farmtally.AccessKey, change func(*handSigned)) string {
	h := handSigned{key: key, method: http.MethodGet, path: "/2023-10-12/farms", host: goldenHost, at: midnight.Add(8 * time.Hour)}
	if change != nil {
		change(&h)
	}
	r := h.request()
	return fmt.Sprintf("%s %s HTTP/1.1\nX-Amz-Date: %s\nAuthorization: %s", h.method, h.path, r.Header.Get("X-Amz-Date"), r.Header.Get("Authorization"))
}

// signatures makes a server want them.
func signatures(c *server.Config) { c.NoAuth = false }

// writerKey may push to farmB, and nothing else.
var writerKey = farmtally.AccessKey{ID: "FTCCCCCCCCCCCCCCCCCC", Secret: "a third secret", Grants: []farmtally.Grant{{FarmID: farmB, Role: farmtally.Writer}}}

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
		"start-nulls":       {request: "POST " + stats + " HTTP/1.1\n\n" + strings.Replace(startBody(nil), "{", `{"timezone":null,"colour":"blue",`, 1)},
		"start-null-list":   {request: "POST " + stats + " HTTP/1.1\n\n" + strings.Replace(startBody(nil), `["USER_ID"]`, `[null]`, 1)},
		"get-repeated":      {request: "GET " + stats + "?aggregationId=" + aggregation + "&aggregationId=x&nextToken=&colour=blue HTTP/1.1", prepare: keep(aggregation, farmtally.Completed, "")},
		"no-farm-id":        {request: "GET /2023-10-12/farms//queues HTTP/1.1"},
		"slash-in-farm-id":  {request: "GET /2023-10-12/farms/farm%2Fx/queues HTTP/1.1"},
		"options":           {request: "OPTIONS " + stats + " HTTP/1.1"},
		"head":              {request: "HEAD /2023-10-12/farms HTTP/1.1"},
		"push":              {request: "POST " + pushPath(farmA) + " HTTP/1.1\n\n" + line(1, nil) + line(2, map[string]any{"endedAt": nil, "costInUsd": nil}) + line(3, map[string]any{"queueId": nil})},
		"push-unpacked":     {request: "POST " + pushPath(farmA) + " HTTP/1.1\nContent-Encoding: br\n\n" + line(1, nil)},
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
		"get-validation":     {request: "GET " + stats + "?aggregationId=x&maxResults=0&nextToken=x HTTP/1.1"},
		"get-farm-none":      {request: "GET /2023-10-12/farms/" + string(noFarm) + " HTTP/1.1"},
		"get-fleet-none":     {request: "GET /2023-10-12/farms/" + string(farmA) + "/fleets/fleet-" + strings.Repeat("0", 32) + " HTTP/1.1"},
		"host-ipv6":          {request: "GET /2023-10-12/farms?maxResults=1 HTTP/1.1\nHost: [::1]:8787"},
		"path-escaped":       {request: "GET /2023-10-12/%66arms/farm%2D" + string(farmA)[5:] + " HTTP/1.1"},
		"path-doubled-slash": {request: "GET //2023-10-12//farms HTTP/1.1"},
		"wrong-content-type": {request: "POST " + stats + " HTTP/1.1\nContent-Type: text/xml\nAccept: text/html\n\n" + startBody(nil)},
		"start-fractions": {request: "POST " + stats + " HTTP/1.1\n\n" + startBody(map[string]any{
			"startTime": "2026-01-31T00:00:00.1234567890123Z", "endTime": "2026-01-31T02:00:00.5+01:00",
		})},
		"keep-alive": {request: strings.Join([]string{
			"GET /2023-10-12/farms/" + string(farmA) + " HTTP/1.1", "DELETE " + stats + " HTTP/1.1\n\na body",
			"HEAD /healthz HTTP/1.1", "GET /healthz HTTP/1.1",
		}, nextRequest)},
		"unsigned":             {request: "GET /2023-10-12/farms HTTP/1.1", set: signatures},
		"signed":               {request: signedText(goodKey, nil), set: signatures},
		"signature-incomplete": {request: "GET /2023-10-12/farms HTTP/1.1\nAuthorization: Bearer x", set: signatures},
		"signature-wrong":      {request: signedText(farmtally.AccessKey{ID: goodKey.ID, Secret: "guess"}, nil), set: signatures},
		"signature-expired":    {request: signedText(goodKey, func(h *handSigned) { h.at = h.at.Add(-time.Hour) }), set: signatures},
		"key-unknown":          {request: signedText(farmtally.AccessKey{ID: "FTDDDDDDDDDDDDDDDDDD"}, nil), set: signatures},
		"key-revoked":          {request: signedText(revokedKey, nil), set: signatures},
		"key-without-role": {
			request: signedText(writerKey, func(h *handSigned) { h.path += "/" + string(farmB) }), set: signatures,
			prepare: func(f *fixture) { f.memory.keys[writerKey.ID] = writerKey },
		},
		"health": {request: "GET /healthz HTTP/1.1", set: signatures},
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
