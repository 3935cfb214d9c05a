package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// rowsOf are n good rows with the numbers from first on.
func rowsOf(first, n int) string {
	var b strings.Builder
	for i := first; i < first+n; i++ {
		fmt.Fprintf(&b, `{"recordId":"r%d","queueId":"q","usageType":"COMPUTE","costInUsd":%d,"startedAt":"2026-01-01T00:00:00Z","endedAt":"2026-01-01T01:00:00Z"}`+"\n", i, i)
	}
	return b.String()
}

// pushed runs push with JSON output and gives its summary.
func pushed(t *testing.T, want int, i invocation, args ...string) (s pushSummary, stderr string) {
	t.Helper()
	got := i.run(t, append([]string{"push", "--output", "json"}, args...)...)
	if got.code != want {
		t.Fatalf("push exits with %d:\n%s%s", got.code, got.stdout, got.stderr)
	}
	if err := json.Unmarshal([]byte(got.stdout), &s); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	return s, got.stderr
}

// newFolder is an empty data folder with a key for the environment.
func newFolder(t *testing.T) (data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	standardAWS(t, newKey(t, data))
	return data
}

// TestPushIsAnImport: what is pushed is what an import stores, under the same ids, and
// pushing it again changes nothing.
func TestPushIsAnImport(t *testing.T) {
	data := newFolder(t)
	server := serve(t, data)
	path := writeFile(t, "studio.ndjson", strings.TrimSpace(studio)+"\n")
	imported := importStudio(t)
	s, stderr := pushed(t, exitDone, invocation{}, "--endpoint", server.url, "--farm", "studio", "--batch", "2", path)
	if s.New != s.Read || s.Read < 6 || s.Batches != (s.Read+1)/2 {
		t.Errorf("got %+v, %s", s, stderr)
	}
	if s, _ = pushed(t, exitDone, invocation{stdin: rowsOf(0, 1)}, "--endpoint", server.url, "--farm", "studio", "-", path); s.New != 1 || s.Unchanged != s.Read-1 {
		t.Errorf("pushed again: %+v", s)
	}
	var a, b listing
	doJSON(t, &a, "ls", "--data", imported, "--output", "json")
	doJSON(t, &b, "ls", "--data", data, "--output", "json")
	if a.Farms[0].FarmID != b.Farms[0].FarmID || b.Farms[0].FarmName != "studio" || a.Farms[0].Records+1 != b.Farms[0].Records {
		t.Errorf("imported are %+v, pushed %+v", a, b)
	}
	_, ofA := ids(t, imported)
	_, ofB := ids(t, data)
	for name, id := range ofA {
		if ofB[name] != id {
			t.Errorf("%s is %s when imported, %s when pushed", name, id, ofB[name])
		}
	}
}

// TestPushRejections: bad rows are named by their lines in the file, and stop nothing.
func TestPushRejections(t *testing.T) {
	data := newFolder(t)
	server := serve(t, data, "--no-auth")
	text := rowsOf(0, 3) + "{}\n\n" + strings.Repeat("x", 1<<20+10) + "\n" + rowsOf(3, 1) + `{"recordId":"x","farmId":"other"}` + "\n" + strings.TrimSuffix(rowsOf(4, 1), "\n")
	s, stderr := pushed(t, exitFailed, invocation{stdin: text}, "--endpoint", server.url, "--farm", "studio", "--batch", "3", "-")
	if s.Read != 9 || s.New != 5 || s.Rejected != 3 || s.Skipped["blank line"] != 1 {
		t.Errorf("got %+v", s)
	}
	for _, want := range []string{"-:4: recordId: ", "-:6: line: is longer than 1 MiB", "-:8: ", "3 rows rejected; the others are stored"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in\n%s", want, stderr)
		}
	}
	got := invocation{stdin: rowsOf(0, 2)}.run(t, "push", "--endpoint", server.url, "--farm", "studio", "-")
	if got.code != exitDone || !strings.Contains(got.stdout, "unchanged  2  records") {
		t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

func TestPushMisuse(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"-"}, "--farm is needed"},
		{[]string{"--farm", "farm-0123456789abcdef0", "-"}, "neither a name nor"},
		{[]string{"--farm", "studio", "--batch", "10001", "-"}, "from 1 to 10000"},
		{[]string{"--farm", "studio", "--batch", "0", "-"}, "from 1 to 10000"},
		{[]string{"--farm", "studio"}, "needs files"},
	} {
		if got := (invocation{}).run(t, append([]string{"push"}, c.args...)...); got.code != exitMisuse || !strings.Contains(got.stderr, c.says) {
			t.Errorf("%v: exit %d, %s", c.args, got.code, got.stderr)
		}
	}
	if got := (invocation{}).run(t, "push", "--farm", "studio", "nofile"); got.code != exitFailed || !strings.Contains(got.stderr, "there is no file nofile") {
		t.Errorf("exit %d, %s", got.code, got.stderr)
	}
	standardAWS(t, createdKey{AccessKeyID: "FTA", SecretAccessKey: "s"})
	got := invocation{stdin: rowsOf(0, 1)}.run(t, "push", "--farm", "studio", "--endpoint", "http://127.0.0.1:1", "--retry-for", "0s", "-")
	if got.code != exitFailed || !strings.Contains(got.stderr, "no server answers at http://127.0.0.1:1") || !strings.Contains(got.stderr, "no row is known to be stored") {
		t.Errorf("exit %d, %s", got.code, got.stderr)
	}
}

// TestPushDenied: a key that only reads may not push, and is told what to do.
func TestPushDenied(t *testing.T) {
	data := importStudio(t)
	server := serve(t, data)
	var reader, writer createdKey
	doJSON(t, &reader, "keys", "create", "--data", data, "--name", "r", "--grant", "studio=MANAGER", "--output", "json")
	doJSON(t, &writer, "keys", "create", "--data", data, "--name", "w", "--grant", "studio=WRITER", "--output", "json")
	push := func(farm string) outcome {
		return invocation{stdin: rowsOf(0, 1)}.run(t, "push", "--endpoint", server.url, "--farm", farm, "-")
	}
	standardAWS(t, reader)
	if got := push("studio"); got.code != exitFailed || !strings.Contains(got.stderr, "=WRITER") {
		t.Errorf("exit %d, %s", got.code, got.stderr)
	}
	standardAWS(t, writer)
	if got := push("studio"); got.code != exitDone {
		t.Errorf("exit %d, %s", got.code, got.stderr)
	}
	if got := push("elsewhere"); got.code != exitFailed || !strings.Contains(got.stderr, "may not push") {
		t.Errorf("exit %d, %s", got.code, got.stderr)
	}
}

// proxied puts do before the server; it reports whether it has answered itself.
func proxied(t *testing.T, to string, do func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !do(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(web.Close)
	return web.URL
}

// TestPushRetries: answers that say "later", and none at all, are no end; nor is an
// answer that is lost after the batch was stored.
func TestPushRetries(t *testing.T) {
	data := newFolder(t)
	server := serve(t, data)
	var asked atomic.Int64
	proxy := proxied(t, server.url, func(w http.ResponseWriter, r *http.Request) bool {
		switch asked.Add(1) {
		case 2:
			w.WriteHeader(http.StatusTooManyRequests)
		case 3:
			w.WriteHeader(http.StatusBadGateway)
		case 4:
			panic(http.ErrAbortHandler) // the connection breaks
		case 5:
			lost, err := http.NewRequestWithContext(r.Context(), r.Method, server.url+r.URL.String(), r.Body)
			if err != nil {
				t.Error(err)
				return false
			}
			lost.Header, lost.Host, lost.ContentLength = r.Header, r.Host, r.ContentLength
			answer, err := http.DefaultClient.Do(lost)
			if err != nil || answer.StatusCode != http.StatusOK {
				t.Errorf("%v %v", answer, err)
			}
			if err == nil {
				_ = answer.Body.Close()
			}
			panic(http.ErrAbortHandler)
		default:
			return false
		}
		return true
	})
	s, stderr := pushed(t, exitDone, invocation{stdin: rowsOf(0, 9)}, "--endpoint", proxy, "--farm", "studio", "--batch", "3", "--at-once", "1", "-")
	if s.Retries != 4 || s.New != 6 || s.Unchanged != 3 || s.Batches != 3 {
		t.Errorf("got %+v", s)
	}
	if strings.Count(stderr, "trying again for 5m0s") != 1 {
		t.Errorf("stderr is %s", stderr)
	}
}

// TestPushGivesUp: where the server stays away, what is stored is said.
func TestPushGivesUp(t *testing.T) {
	data := newFolder(t)
	server := serve(t, data)
	var asked atomic.Int64
	proxy := proxied(t, server.url, func(w http.ResponseWriter, _ *http.Request) bool {
		if asked.Add(1) == 1 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	got := invocation{stdin: rowsOf(0, 5)}.run(t, "push", "--endpoint", proxy, "--farm", "studio", "--batch", "2", "--at-once", "1", "--retry-for", "300ms", "-")
	if got.code != exitFailed || !strings.Contains(got.stderr, "503") ||
		!strings.Contains(got.stderr, "all good rows up to line 2 of standard input are stored; 2 rows from line 3 of standard input on may be stored too") {
		t.Errorf("exit %d, %s%s", got.code, got.stdout, got.stderr)
	}
}

// TestPushFollows: a row that comes alone is sent about a second later, and an interrupt
// says what is stored, and what may be.
func TestPushFollows(t *testing.T) {
	data := newFolder(t)
	server := serve(t, data)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	from, to := io.Pipe()
	defer to.Close() //nolint:errcheck // a pipe
	var asked atomic.Int64
	begun := time.Now()
	proxy := proxied(t, server.url, func(_ http.ResponseWriter, r *http.Request) bool {
		if asked.Add(1) == 1 {
			if took := time.Since(begun); took < flushAfter {
				t.Errorf("the row is sent after %s", took)
			}
			go func() { _, _ = io.WriteString(to, rowsOf(1, 1)) }()
			return false
		}
		// The answer to the first has been read, for one batch at once is on its way. This one
		// gets none.
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the client is gone
		interrupt()
		<-r.Context().Done()
		return true
	})
	go func() { _, _ = io.WriteString(to, rowsOf(0, 1)) }()
	var stdout, stderr strings.Builder
	p := &program{
		args: []string{"push", "--endpoint", proxy, "--farm", "studio", "--at-once", "1", "-"}, stdin: from, stdout: &stdout, stderr: &stderr,
		env: func(string) (string, bool) { return "", false }, now: time.Now,
	}
	const want = "interrupted; all good rows up to line 1 of standard input are stored; 1 row from line 2 of standard input on may be stored too."
	if code := p.run(ctx); code != exitFailed || !strings.Contains(stderr.String(), want) {
		t.Errorf("exit %d, %s%s", code, stdout.String(), stderr.String())
	}
	var l listing
	doJSON(t, &l, "ls", "--data", data, "--output", "json")
	if len(l.Farms) != 1 || l.Farms[0].Records != 1 {
		t.Errorf("stored are %+v", l)
	}
}

// Batches that have a record id in common are not on their way at once.
func TestFlightsMeet(t *testing.T) {
	flightOf := func(text string) *flight {
		f := &flight{batch: []byte(text)}
		f.findIDs()
		return f
	}
	for _, c := range []struct {
		a, b string
		meet bool
	}{
		{rowsOf(0, 5), rowsOf(5, 5), false},
		{rowsOf(0, 5), rowsOf(4, 5), true},
		{rowsOf(9, 5), rowsOf(4, 6), true},
		{rowsOf(0, 1), `{ "recordId" : "r1" }`, false},
		{rowsOf(0, 1), `{"userId":"a","recordId"` + "\t:\t" + `"r0"}`, true},
		{rowsOf(0, 1), `{"recordId":"r\u0030"}`, true},
		{rowsOf(0, 1), `{"\u0072ecordId":"r0"}`, true},
		{rowsOf(0, 1), `{"userId":"recordId","recordId":"r0"}`, true},
		{rowsOf(0, 1), `{"userId":"\"recordId\":\"r7\"","recordId":"r0"}`, true},
		{rowsOf(0, 1), `{"userId":"\"recordId\":\"r7\"","recordId":"r1"}`, false},
		{rowsOf(0, 1), "\n \r\n", false},
		{rowsOf(0, 1), "x\n", true},
	} {
		a, b := flightOf(c.a), flightOf(c.b)
		if a.meets(b) != c.meet || b.meets(a) != c.meet {
			t.Errorf("%q and %q: %t", c.a, c.b, !c.meet)
		}
	}
}

// With many batches on their way, of each record the version of the last line is stored,
// and every row is counted.
func TestPushInOrder(t *testing.T) {
	data := newFolder(t)
	server := serve(t, data)
	var text strings.Builder
	const ring, rows = 50, 2000
	for i := range rows {
		fmt.Fprintf(&text, `{"recordId":"r%d","queueId":"q","usageType":"COMPUTE","costInUsd":%d,"startedAt":"2026-01-01T00:00:00Z","endedAt":"2026-01-01T01:00:00Z"}`+"\n", (i*7)%ring, i)
	}
	s, stderr := pushed(t, exitDone, invocation{stdin: text.String()}, "--endpoint", server.url, "--farm", "studio", "--batch", "10", "--at-once", "16", "-")
	if s.Read != rows || s.New != ring || s.Replaced != rows-ring || s.Batches != rows/10 {
		t.Errorf("got %+v, %s", s, stderr)
	}
	for id, cost := range heldCosts(t, data) {
		if cost < rows-ring {
			t.Errorf("record %s is that of line %d", id, cost+1)
		}
	}
}

// TestPythonPushes: a program that has nothing of farmtally's, examples/push.py, sends
// records that botocore signs. They are those of an import, and sent again they are known.
func TestPythonPushes(t *testing.T) {
	data := importStudio(t)
	key := newKey(t, data)
	server := serve(t, data)
	path := writeFile(t, "more.ndjson", strings.TrimSpace(studio)+"\n"+strings.Replace(good, `"good"`, `"new"`, 1)+"{}\n")
	push := func() (stdout, stderr string) {
		cmd := exec.CommandContext(t.Context(), python(t), "../../examples/push.py", "studio", path)
		cmd.Env = append(clientEnv(t, key), "AWS_ENDPOINT_URL_DEADLINE="+server.url)
		var out, faults strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &faults
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, faults.String())
		}
		return out.String(), faults.String()
	}
	for _, want := range []string{"1 new, 7 known, 1 rejected\n", "0 new, 8 known, 1 rejected\n"} {
		if stdout, stderr := push(); stdout != want || !strings.Contains(stderr, "more.ndjson:9: ") {
			t.Errorf("got %s%s, want %s", stdout, stderr, want)
		}
	}
	if n := storedCount(t, data); n != 8 {
		t.Errorf("%d records are stored, want 8", n)
	}
}
