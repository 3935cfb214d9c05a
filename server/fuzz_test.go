package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farmtally/farmtally/server"
)

// responseMembers has a member of each response that is always there.
var responseMembers = []string{"aggregationId", "status", "farms", "queues", "fleets", "displayName", "meteredProducts", "faults"}

// checkModelled checks that an answer is one of AWS's model: JSON, with a status
// and a name that belong together, and never a 500.
func checkModelled(t *testing.T, request string, a answer) {
	t.Helper()
	want := map[string]int{
		"": http.StatusOK, "ValidationException": http.StatusBadRequest, "ResourceNotFoundException": http.StatusNotFound,
		"ThrottlingException": http.StatusTooManyRequests, "MissingAuthenticationTokenException": http.StatusForbidden,
		"IncompleteSignatureException": http.StatusForbidden, "InvalidSignatureException": http.StatusForbidden,
		"UnrecognizedClientException": http.StatusForbidden, "AccessDeniedException": http.StatusForbidden,
	}
	name := a.header.Get("x-amzn-ErrorType")
	status, known := want[name]
	if !known || status != a.status || !json.Valid([]byte(a.body)) || a.header.Get("x-amzn-RequestId") == "" || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%q\ngot %d %s %s", request, a.status, name, a.body)
	}
	if name == "" && !slices.ContainsFunc(responseMembers, func(m string) bool { return a.decode(t)[m] != nil }) {
		t.Fatalf("%q\ngot %s, a response of no operation", request, a.body)
	}
	if name == "ResourceNotFoundException" && (a.member(t, "resourceId") == "" || a.member(t, "resourceType") == "") {
		t.Fatalf("%q\ngot %s", request, a.body)
	}
	if name == "ValidationException" && a.member(t, "reason") == "" || name != "" && a.member(t, "message") == "" {
		t.Fatalf("%q\ngot %s", request, a.body)
	}
}

// askRaw sends the bytes of a request, if net/http takes them for one.
func (f *fixture) askRaw(raw string) (answer, bool) {
	f.t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		return answer{}, false
	}
	r.RemoteAddr = "192.0.2.1:1"
	return f.send(r), true
}

// mutator makes requests that are nearly good.
type mutator struct {
	*rand.Rand
	id, token string
}

func pick[T any](m mutator, list ...T) T { return list[m.IntN(len(list))] }

// spoil changes a few bytes of a text, now and then.
func (m mutator) spoil(s string) string {
	b := []byte(s)
	for m.IntN(3) == 0 && len(b) > 0 {
		at := m.IntN(len(b))
		switch m.IntN(4) {
		case 0:
			b[at] ^= 1 << m.IntN(8)
		case 1:
			b = slices.Delete(b, at, at+1)
		case 2:
			b = slices.Insert(b, at, []byte(pick(m, "\x00", "%", "%2F", "/", "\"", "{", "[", "null", "é", "\xff", "9", ".", "&", ";", "+"))...)
		case 3:
			b = append(b[:at:at], b[at/2:]...)
		}
	}
	return string(b)
}

func (m mutator) value() any {
	return pick[any](m, nil, true, 7, -1e300, "", "x", "SUM", "USER_ID", "2026-01-31T00:00:00Z", string(queueA), string(queueB),
		[]any{}, []any{nil}, []string{"SUM", "SUM"}, []string{"JOB_ID", "USER_ID"}, []any{1, "x"}, map[string]any{},
		map[string]any{"queueIds": []string{string(queueA)}}, map[string]any{"fleetIds": []any{string(fleetA), 3}})
}

func (m mutator) body() string {
	members := map[string]any{}
	for m.IntN(2) == 0 {
		members[pick(m, "resourceIds", "startTime", "endTime", "timezone", "period", "groupBy", "statistics", "x")] = m.value()
	}
	switch m.IntN(6) {
	case 0, 1, 2:
		return startBody(members)
	case 3:
		return m.spoil(lines(1 + m.IntN(3)))
	}
	return m.spoil(startBody(members))
}

// packed is the body with a header that names its form, now and then: packed well, badly,
// or not at all.
func (m mutator) packed(body string) (packed, header string) {
	switch m.IntN(20) {
	case 0:
		return m.spoil(gzipped(body)), "Content-Encoding: gzip\r\n"
	case 1:
		return m.spoil(zstded(body)), "Content-Encoding: zstd\r\n"
	case 2:
		return body, "Content-Encoding: " + m.spoil(pick(m, "gzip", "zstd", "br", "identity", "gzip, gzip")) + "\r\n"
	case 3:
		return body, "Content-Type: " + m.spoil(pick(m, "text/xml", "application/x-amz-json-1.1", "multipart/form-data")) + "\r\nAccept: */*\r\n"
	}
	return body, ""
}

func (m mutator) request() string {
	target := pick(m, statisticsPath(farmA), statisticsPath(farmA), statisticsPath(farmB), statisticsPath(noFarm), "/2023-10-12/farms",
		"/2023-10-12/farms/"+string(farmA)+"/queues", "/2023-10-12/farms/"+string(farmA)+"/fleets", "/healthz", "/",
		"/2023-10-12/farms/"+string(farmA), "/2023-10-12/farms/"+string(farmA)+"/queues/"+string(queueA), "/2023-10-12/metered-products",
		"/2023-10-12/farms/"+string(farmA)+"/fleets/"+string(fleetA), "/2023-10-12/farms/"+string(farmB)+"/jobs", pushPath(farmB), pushPath(farmB))
	query := pick(m, "", "?aggregationId="+m.id, "?aggregationId="+m.id+"&maxResults=1&nextToken="+m.token,
		"?maxResults=1", "?status=IDLE&displayName=x&principalId=y", "?nextToken="+m.token)
	body, header := m.packed(m.body())
	header += fmt.Sprintf("Host: %s\r\nContent-Length: %d\r\n", pick(m, "management.x:1", "[::1]:8787", "x"), len(body))
	if m.IntN(4) == 0 {
		header += m.spoil("X-Amz-Date: 20260131T080000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=FTAAAAAAAAAAAAAAAAAA/20260131/r/deadline/aws4_request, SignedHeaders=host;x-amz-date, Signature=00") + "\r\n"
	}
	return pick(m, "GET", "POST", "GET", "POST", "PUT", "HEAD", "OPTIONS") + " " + m.spoil(target+query) + " HTTP/1.1\r\n" + header + "\r\n" + body
}

// TestRandomRequests: 100,000 requests, nearly good, get answers of AWS's model, and
// every kind of answer is among them.
func TestRandomRequests(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	f := newFixture(t, nil)
	signed := signedFixture(t)
	m := mutator{Rand: rand.New(rand.NewPCG(seed, 1)), id: f.begin(nil)}
	f.finished(m.id)
	m.token = f.get(m.id, "&maxResults=1").member(t, "nextToken")
	seen := map[string]int{}
	total := 100_000
	if testing.Short() {
		total /= 10
	}
	for asked := 0; asked < total; {
		request := m.request()
		for _, to := range []*fixture{f, signed} {
			if a, ok := to.askRaw(request); ok && !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
				asked++
				checkModelled(t, request, a)
				seen[a.header.Get("x-amzn-ErrorType")]++
			}
		}
	}
	if len(seen) < 6 {
		t.Errorf("saw %v only", seen)
	}
	t.Logf("saw %v", seen)
}

// FuzzStart: no body gets another answer than those of AWS's model.
func FuzzStart(f *testing.F) {
	f.Add(startBody(nil))
	f.Add(startBody(map[string]any{"period": nil, "timezone": "UTC-11:30", "colour": "blue"}))
	f.Add(`{"resourceIds":{"fleetIds":["` + string(fleetA) + `"],"queueIds":null},"startTime":"0001-01-01T00:00:00Z","endTime":"9999-12-31T23:59:59.9z"}`)
	f.Add(`[]`)
	x := newFixture(f, func(c *server.Config) { c.RunningPerFarm = 1 << 20 })
	f.Fuzz(func(t *testing.T, body string) {
		checkModelled(t, body, x.ask(http.MethodPost, statisticsPath(farmA), body))
	})
}

// FuzzAuthorization: no Authorization header panics, and none but a good one opens.
func FuzzAuthorization(f *testing.F) {
	x := signedFixture(f)
	f.Add(x.good().request().Header.Get("Authorization"))
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request,SignedHeaders=host;x-amz-date;content-length;,Signature=x")
	f.Fuzz(func(t *testing.T, header string) {
		h := x.good()
		r := h.request()
		_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		r.Header["Authorization"] = []string{header}
		a := x.send(r)
		checkModelled(t, header, a)
		if a.status != http.StatusForbidden && !strings.Contains(header, signature) {
			t.Errorf("%q is accepted", header)
		}
	})
}
