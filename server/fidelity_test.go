package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"

	"github.com/farmtally/farmtally"
)

// TestMembersOfEachClient: how clients say that a member is not there, all of which
// mean the same, and how they say what is wrong, all of which is named.
func TestMembersOfEachClient(t *testing.T) {
	f := newFixture(t, nil)
	const good = `"resourceIds":{"queueIds":["` + string(queueA) + `"]},"startTime":"2026-01-31T00:00:00Z","endTime":"2026-02-01T00:00:00Z",` +
		`"groupBy":["USER_ID"],"statistics":["SUM"]`
	f.finished(f.begin(nil))
	want := ""
	for name, body := range map[string]string{
		"boto3 leaves it out":                 `{` + good + `}`,
		"JavaScript sends null":               `{` + good + `,"timezone":null,"period":null}`,
		"a union's other member is null":      `{` + strings.Replace(good, `"queueIds"`, `"fleetIds":null,"queueIds"`, 1) + `}`,
		"a union with a type beside":          `{` + strings.Replace(good, `"queueIds"`, `"__type":"x","queueIds"`, 1) + `}`,
		"members of a later model":            `{` + good + `,"colour":"blue","shades":[{"a":[1,2,{}]}],"clientToken":"7"}`,
		"the path's member in the body":       `{` + good + `,"farmId":"` + string(farmA) + `"}`,
		"spaces, line ends and another order": "\r\n {\"statistics\" : [ \"SUM\" ] ,\n" + strings.Replace(good, `,"statistics":["SUM"]`, "", 1) + "}\t\n",
		"escaped letters":                     `{` + strings.Replace(good, `"USER_ID"`, `"USER\u005fID"`, 1) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			a := f.ask(http.MethodPost, statisticsPath(farmA), body)
			if a.status != http.StatusOK {
				t.Fatalf("got %d %s", a.status, a.body)
			}
			got := f.finished(a.member(t, "aggregationId")).body
			if want == "" {
				want = got
			}
			if got != want || strings.Count(got, `"count"`) != 3 {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	const parse, rule = "CANNOT_PARSE", "FIELD_VALIDATION_FAILED"
	for name, c := range map[string]struct {
		old, new, reason string
		field            field
	}{
		"an empty string":          {`"startTime":"2026-01-31T00:00:00Z"`, `"startTime":""`, rule, field{"startTime", "RFC 3339"}},
		"an empty timezone":        {`"groupBy"`, `"timezone":"","groupBy"`, rule, field{"timezone", "UTC"}},
		"an empty period":          {`"groupBy"`, `"period":"","groupBy"`, rule, field{"period", "HOURLY"}},
		"an empty list":            {`["USER_ID"]`, `[]`, rule, field{"groupBy", "1"}},
		"a list of null":           {`["USER_ID"]`, `[null]`, parse, field{"groupBy[0]", "string"}},
		"null for what must be":    {`["USER_ID"]`, `null`, rule, field{"groupBy", "required"}},
		"a word for a list":        {`["USER_ID"]`, `"USER_ID"`, parse, field{"groupBy", "list"}},
		"seconds since 1970":       {`"2026-01-31T00:00:00Z"`, `1769817600`, parse, field{"startTime", "string"}},
		"a union of nothing":       {`{"queueIds":["` + string(queueA) + `"]}`, `{}`, rule, field{"resourceIds", "exactly one"}},
		"a union of nulls":         {`{"queueIds":["` + string(queueA) + `"]}`, `{"queueIds":null,"fleetIds":null}`, rule, field{"resourceIds", "exactly one"}},
		"a union of a later model": {`{"queueIds":["` + string(queueA) + `"]}`, `{"limitIds":["x"]}`, rule, field{"resourceIds", "exactly one"}},
		"an enum in lower case":    {`"SUM"`, `"sum"`, rule, field{"statistics[0]", "SUM"}},
		"an enum of a later model": {`"SUM"`, `"MEDIAN"`, rule, field{"statistics[0]", "SUM"}},
	} {
		t.Run(name, func(t *testing.T) {
			body := "{" + strings.Replace(good, c.old, c.new, 1) + "}"
			checkInvalid(t, f.ask(http.MethodPost, statisticsPath(farmA), body), c.reason, c.field)
		})
	}
}

// TestFractions: the fraction of a second may have any length, and what is finer than
// a millisecond is cut off.
func TestFractions(t *testing.T) {
	f := newFixture(t, nil)
	begin := func(fraction, zone string) string {
		return f.finished(f.begin(map[string]any{
			"startTime": "2026-01-31T01:00:00" + fraction + zone, "period": nil, "endTime": "2026-01-31T02:00:00" + fraction + zone,
		})).body
	}
	for _, c := range []struct{ fraction, start string }{
		{"", "2026-01-31T01:00:00Z"}, {".0", "2026-01-31T01:00:00Z"}, {".5", "2026-01-31T01:00:00.5Z"}, {".123", "2026-01-31T01:00:00.123Z"},
		{".123456", "2026-01-31T01:00:00.123Z"}, {".123999999", "2026-01-31T01:00:00.123Z"}, {"." + strings.Repeat("9", 40), "2026-01-31T01:00:00.999Z"},
	} {
		for _, zone := range []string{"Z", "+00:00", "-00:00"} {
			if got := begin(c.fraction, zone); !strings.Contains(got, `"aggregationStartTime":"`+c.start+`"`) {
				t.Errorf("a start at %s%s: %s", c.fraction, zone, got)
			}
		}
	}
}

// TestQueryParameters: the first of a repeated parameter counts, unknown ones don't,
// and an empty token is none.
func TestQueryParameters(t *testing.T) {
	f := newFixture(t, nil)
	id := f.begin(nil)
	want := f.finished(id).body
	first := f.get(id, "&maxResults=2")
	token := first.member(t, "nextToken")
	for query, want := range map[string]string{
		"&nextToken=":                    want,
		"&nextToken":                     want,
		"&nextToken=&nextToken=nonsense": want,
		"&colour=blue&x-id=GetSessionsStatistics&=&&": want,
		"&aggregationId=" + strings.Repeat("f", 32):   want,
		"&maxResults=100&maxResults=0":                want,
		"&MAXRESULTS=0&NextToken=nonsense":            want,
		"&maxResults=%31%30%30":                       want,
		"&maxResults=3&nextToken=" + token:            f.get(id, "&maxResults=3&nextToken="+token).body,
		"&nextToken=" + token + "&maxResults=3":       f.get(id, "&maxResults=3&nextToken="+token).body,
		"&maxResults=3&nextToken=%76" + token[1:]:     f.get(id, "&maxResults=3&nextToken="+token).body,
	} {
		if got := f.get(id, query); got.status != http.StatusOK || tokenless(got.body) != tokenless(want) {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
	for query, bad := range map[string]field{
		"&maxResults=":           {"maxResults", "1 to 100"},
		"&maxResults=%2B5":       {"maxResults", "1 to 100"},
		"&maxResults=1e1":        {"maxResults", "1 to 100"},
		"&maxResults=5.0":        {"maxResults", "1 to 100"},
		"&nextToken=%20" + token: {"nextToken", "nextToken"},
	} {
		checkInvalid(t, f.get(id, query), "FIELD_VALIDATION_FAILED", bad)
	}
	for _, query := range []string{"&a=%zz", "&a;b"} {
		checkInvalid(t, f.get(id, query), "OTHER")
	}
}

// tokenless cuts off the token of a page, which differs each second.
func tokenless(body string) string {
	head, _, _ := strings.Cut(body, `,"nextToken"`)
	return head
}

// TestPaths: segments are decoded one by one, and an empty one is a segment.
func TestPaths(t *testing.T) {
	f := newFixture(t, nil)
	for path, want := range map[string]int{
		"/2023-10-12/farms/" + string(farmA):                         http.StatusOK,
		"/2023-10-12/%66%61rms/farm%2D" + string(farmA)[5:]:          http.StatusOK,
		"/2023%2D10%2D12/farms/" + string(farmA) + "/queues":         http.StatusOK,
		"/2023-10-12/farms/" + string(farmA) + "%2Fqueues":           http.StatusBadRequest,
		"/2023-10-12/farms/" + string(farmA) + "%00":                 http.StatusBadRequest,
		"/2023-10-12//farms":                                         http.StatusBadRequest,
		"//2023-10-12/farms":                                         http.StatusBadRequest,
		"/2023-10-12/farms//queues":                                  http.StatusBadRequest,
		"/2023-10-12/farms/" + string(farmA) + "/queues/":            http.StatusBadRequest,
		"/2023-10-12/./farms":                                        http.StatusBadRequest,
		"/2023-10-12/FARMS":                                          http.StatusBadRequest,
		"/2023-10-12/farms/FARM-" + strings.Repeat("0", 32):          http.StatusBadRequest,
		"/2023-10-12/farms/" + string(noFarm):                        http.StatusNotFound,
		"/2023-10-12/farms/" + string(farmA) + "/queues/../../farms": http.StatusBadRequest,
	} {
		if a := f.ask(http.MethodGet, path, ""); a.status != want {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// TestHosts: the answer is the same under any name, for clients make their own of the
// endpoint's.
func TestHosts(t *testing.T) {
	f := newFixture(t, nil)
	want := f.ask(http.MethodGet, "/2023-10-12/farms", "").body
	for _, host := range []string{
		"management.localhost:8787", "management.127.0.0.1:8787", "[::1]:8787", "[fe80::1%25eth0]:80", "farm.example", "MANAGEMENT.Farm.Example:1",
		"management.deadline.us-west-2.amazonaws.com",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/2023-10-12/farms", nil)
		r.Host = host
		if a := f.send(r); a.body != want {
			t.Errorf("%s: %d %s", host, a.status, a.body)
		}
	}
}

// TestContentTypes: the body is JSON whatever it is called, and so is the answer.
func TestContentTypes(t *testing.T) {
	f := newFixture(t, nil)
	for _, c := range [][2]string{
		{"Content-Type", "application/json"}, {"Content-Type", "application/json; charset=utf-8"}, {"Content-Type", "text/plain"},
		{"Content-Type", "application/x-www-form-urlencoded"}, {"Content-Type", "nonsense"}, {"Content-Type", ""},
		{"Accept", "text/html"}, {"Accept", "application/cbor"}, {"Accept-Encoding", "gzip"}, {"Content-Encoding", "aws-chunked"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, statisticsPath(farmA), strings.NewReader(startBody(nil)))
		r.Header.Set(c[0], c[1])
		a := f.send(r)
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" || a.header.Get("Content-Encoding") != "" {
			t.Errorf("%v: %d %v %s", c, a.status, a.header, a.body)
			continue
		}
		f.finished(a.member(t, "aggregationId"))
	}
}

// TestKeepAlive: a connection serves one request after the other, whatever the answers
// are, and bodies that nobody wanted.
func TestKeepAlive(t *testing.T) {
	f := newFixture(t, nil)
	web := httptest.NewServer(f.handler)
	defer web.Close()
	connections := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if !c.Reused {
			connections++
		}
	}})
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodGet, "/healthz", "", 200},
		{http.MethodPost, statisticsPath(farmA), startBody(nil), 200},
		{http.MethodPost, statisticsPath(farmA), "nonsense", 400},
		{http.MethodPost, pushPath(farmA), lines(100), 200},
		{http.MethodDelete, statisticsPath(farmA), "a body", 400},
		{http.MethodHead, "/2023-10-12/farms", "", 400},
		{http.MethodOptions, "/2023-10-12/farms", "", 400},
		{http.MethodHead, "/healthz", "", 200},
		{http.MethodGet, "/2023-10-12/farms", "a body", 200},
		{http.MethodGet, "/2023-10-12/farms/" + string(noFarm), "", 404},
		{http.MethodGet, "/healthz", "a body", 200},
		{http.MethodGet, "/2023-10-12/farms", "", 200},
	} {
		r, err := http.NewRequestWithContext(ctx, c.method, web.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := web.Client().Do(r)
		if err != nil {
			t.Fatalf("%s %s: %v", c.method, c.path, err)
		}
		text, err := io.ReadAll(answer.Body)
		if err = errors.Join(err, answer.Body.Close()); err != nil || answer.StatusCode != c.status || (c.method == http.MethodHead) != (len(text) == 0) {
			t.Errorf("%s %s: %d %s %v", c.method, c.path, answer.StatusCode, text, err)
		}
	}
	if connections != 1 {
		t.Errorf("%d connections", connections)
	}
}

// TestRetriesWhileOneRuns: with their default retries AWS's clients outlast a short
// aggregation, and without them they see the exception.
func TestRetriesWhileOneRuns(t *testing.T) {
	for mode, retryer := range map[string]func() aws.Retryer{
		"standard": func() aws.Retryer { return retry.NewStandard() },
		"adaptive": func() aws.Retryer { return retry.NewAdaptiveMode() },
	} {
		t.Run(mode, func(t *testing.T) {
			f, g := gatedFixture(t, realTime)
			c := f.client(goodKey)
			if _, err := c.StartSessionsStatisticsAggregation(t.Context(), startInput()); err != nil {
				t.Fatal(err)
			}
			_, err := c.StartSessionsStatisticsAggregation(t.Context(), startInput())
			if _, ok := errors.AsType[*types.ThrottlingException](err); !ok {
				t.Fatalf("without retries: %v", err)
			}
			attempts := 0
			ctx := httptrace.WithClientTrace(context.WithoutCancel(t.Context()), &httptrace.ClientTrace{
				GotFirstResponseByte: func() {
					if attempts++; attempts == 1 {
						close(g.gate) // the first aggregation may end once another was refused
					}
				},
			})
			out, err := c.StartSessionsStatisticsAggregation(ctx, startInput(), func(o *deadline.Options) { o.Retryer, o.RetryMaxAttempts = retryer(), 10 })
			if err != nil || attempts < 2 {
				t.Fatalf("%d attempts, %v", attempts, err)
			}
			if a := f.server; a == nil || aws.ToString(out.AggregationId) == "" {
				t.Error("no aggregation")
			}
		})
	}
}

// TestPushedBytes: a push of random bytes is answered by the model, and stores whole
// rows alone.
func TestPushedBytes(t *testing.T) {
	f := newFixture(t, nil)
	for i, body := range [][]byte{{0}, {0xFF, 0xFE, '{', 0}, []byte("\x1f\x8b\x08"), bytes.Repeat([]byte{'\r'}, 100), []byte("PAR1"), []byte("\xEF\xBB\xBF" + line(1, nil))} {
		a := f.ask(http.MethodPost, pushPath(farmA), string(body))
		checkModelled(t, fmt.Sprint(i), a)
	}
	if all := f.records(); len(all) != 4 || all["p1"].RecordID != "p1" || all["p1"].UsageType != farmtally.Compute {
		t.Errorf("stored are %v", all)
	}
}
