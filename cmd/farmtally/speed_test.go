package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signedClient asks a server with requests signed by AWS's signer, and reads no more of
// the answers than their pages need.
type signedClient struct {
	http   http.Client
	signer *v4.Signer
	key    aws.Credentials
	url    string
}

func newSignedClient(key createdKey, url string) *signedClient {
	return &signedClient{
		signer: v4.NewSigner(), url: url,
		key: aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey},
	}
}

// send sends one request and gives the answer's body.
func (c *signedClient) send(ctx context.Context, method, target, body string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.url+target, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(body))
	if err := c.signer.SignHTTP(ctx, c.key, r, hex.EncodeToString(sum[:]), "deadline", "eu-west-1", time.Now()); err != nil {
		return "", err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close() //nolint:errcheck // it is only read
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s %s", method, target, answer.Status, text)
	}
	return string(text), err
}

// TestPagesPerSecond reads a large answer to its end from another process, page by
// page, and says how fast. Each page is full, and for the last ones the server reads no more
// of its files than for the first.
func TestPagesPerSecond(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	data := filepath.Join(t.TempDir(), "data")
	do(t, "generate", "--data", data, "--records", "200000", "--seed", "1")
	key := newKey(t, data)
	farm, of := ids(t, data)
	var fleets []string
	for name, id := range of {
		if strings.HasPrefix(name, "fleet-") && len(fleets) < 10 {
			fleets = append(fleets, id)
		}
	}
	server := serve(t, data)
	c := newSignedClient(key, server.url)
	path := "/2023-10-12/farms/" + farm + "/sessions-statistics-aggregation"
	start, _ := json.Marshal(map[string]any{
		"resourceIds": map[string]any{"fleetIds": fleets}, "period": "HOURLY", "startTime": "2025-01-01T00:00:00Z", "endTime": "2026-01-01T00:00:00Z",
		"groupBy": []string{"USER_ID", "INSTANCE_TYPE"}, "statistics": []string{"SUM", "MIN", "MAX", "AVG"},
	})
	text, err := c.send(t.Context(), http.MethodPost, path, string(start))
	if err != nil {
		t.Fatal(err)
	}
	_, id, _ := strings.Cut(strings.TrimSuffix(text, `"}`), `"aggregationId":"`)
	for text, err = c.send(t.Context(), http.MethodGet, path+"?aggregationId="+id, ""); err == nil && strings.Contains(text, "IN_PROGRESS"); {
		time.Sleep(50 * time.Millisecond)
		text, err = c.send(t.Context(), http.MethodGet, path+"?aggregationId="+id, "")
	}
	get := func(token string) string {
		text, err := c.send(t.Context(), http.MethodGet, path+"?aggregationId="+id+"&nextToken="+url.QueryEscape(token), "")
		if err != nil {
			t.Error(err)
		}
		return text
	}
	tokens := []string{""}
	for at := 0; at < len(tokens); at++ {
		text := get(tokens[at])
		if _, rest, more := strings.Cut(text, `"nextToken":"`); more {
			tokens = append(tokens, strings.TrimSuffix(rest, `"}`))
			if n := strings.Count(text, `"count":`); n != 100 {
				t.Fatalf("page %d has %d rows", at, n)
			}
		}
	}
	if len(tokens) < 500 {
		t.Errorf("%d pages", len(tokens))
	}
	quarter := len(tokens) / 4
	first, readFirst := server.whilePaging(tokens[:quarter], get)
	last, readLast := server.whilePaging(tokens[len(tokens)-1-quarter:len(tokens)-1], get)
	t.Logf("%d pages; one of the first quarter takes %s, one of the last %s", len(tokens), first, last)
	if ratio := float64(readLast) / float64(readFirst); readFirst > 0 && ratio > lastPageAtMost {
		t.Errorf("for the first pages the server reads %d bytes, for the last %d, %.2f times as many, at most %.1f is right",
			readFirst, readLast, ratio, lastPageAtMost)
	}

	const clients, rounds = 4, 8
	used, known := server.cpu()
	began := time.Now()
	var group sync.WaitGroup
	for n := range clients {
		group.Go(func() {
			for at := n; at < rounds*len(tokens); at += clients {
				get(tokens[at%len(tokens)])
			}
		})
	}
	group.Wait()
	t.Logf("%d at once: %.0f a second", clients, float64(rounds*len(tokens))/time.Since(began).Seconds())
	if now, _ := server.cpu(); known {
		t.Logf("%s of the server's CPU a page", (now-used)/time.Duration(rounds*len(tokens)))
	}
}

// cpu is the CPU time that the process has used, where the system says so.
func (p *process) cpu() (used time.Duration, known bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	const userField, tick = 11, time.Second / 100 // counted from behind the name
	for _, field := range strings.Fields(rest)[userField : userField+2] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, false
		}
		used += time.Duration(ticks) * tick
	}
	return used, true
}

// whilePaging gets pages, and gives the median of the times that one takes, and how many
// bytes the server has read meanwhile, 0 where the system does not say so.
func (p *process) whilePaging(tokens []string, get func(token string) string) (each time.Duration, read int64) {
	var times []time.Duration
	before := p.bytesRead()
	for _, token := range tokens {
		began := time.Now()
		get(token)
		times = append(times, time.Since(began))
	}
	return median(times), p.bytesRead() - before
}

// bytesRead is how much the process has read of files and connections, in the system's
// cache or not, or 0 where the system does not say so.
func (p *process) bytesRead() (n int64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.Process.Pid)) // not everywhere
	_, _ = fmt.Sscanf(string(text), "rchar: %d", &n)
	return n
}

// lastPageAtMost is how many times as much may be read for a last page as for a first one.
const lastPageAtMost = 1.2

func median(times []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(times))[len(times)/2]
}

// TestPushesPerSecond has a client process push a file, in batches of 1,000, to a server
// process that stores each batch durably before it answers, and says how fast. All rows
// are there afterwards, of which most are sealed.
func TestPushesPerSecond(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	const rows = 500_000
	data, file := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "year.ndjson")
	do(t, "generate", "--records", strconv.Itoa(rows), "--seed", "1", "--out", file)
	standardAWS(t, newKey(t, data))
	server := serve(t, data)
	client := command(t, "push", "--endpoint", server.url, "--farm", "farm-5bb55f880a50f35c1cadaa7696081da1", file)
	used, known := server.cpu()
	began := time.Now()
	if out, err := client.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := time.Since(began)
	t.Logf("%d rows in %s: %.0f a second", rows, took, rows/took.Seconds())
	if now, _ := server.cpu(); known {
		state := client.ProcessState
		t.Logf("%s of the server's CPU a row, %s of the client's", (now-used)/rows, (state.UserTime()+state.SystemTime())/rows)
	}
	waitFor(t, func() bool { return sealed(t, data) >= rows/2 }) // it goes on after the last push
	server.stop(t)
	var l listing
	doJSON(t, &l, "ls", "--data", data, "--output", "json")
	if len(l.Farms) != 1 || l.Farms[0].Records != rows {
		t.Errorf("stored are %+v", l)
	}
}

// TestOneRecordPushed pushes records one by one, signed, to a server process that makes
// each durable, and says how long that takes beside what the disk itself takes to write
// and sync as much.
func TestOneRecordPushed(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	const records = 500
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	key := newKey(t, data)
	server := serve(t, data)
	c := newSignedClient(key, server.url)
	probe, err := os.Create(filepath.Join(dir, "probe"))
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close() //nolint:errcheck // the folder goes
	var pushes, syncs []time.Duration
	for i := range records {
		began := time.Now()
		text, err := c.send(t.Context(), http.MethodPost, "/v1/farms/farm-5bb55f880a50f35c1cadaa7696081da1/usage", rowsOf(i, 1))
		if err != nil || !strings.Contains(text, `"accepted":1`) {
			t.Fatalf("%s, %v", text, err)
		}
		pushes = append(pushes, time.Since(began))
		began = time.Now()
		_, err = probe.Write(make([]byte, 8<<10))
		if err = errors.Join(err, probe.Sync()); err != nil {
			t.Fatal(err)
		}
		syncs = append(syncs, time.Since(began))
		time.Sleep(2 * time.Millisecond) // as if the next one came by itself
	}
	for what, times := range map[string][]time.Duration{"pushed": pushes, "written and synced by the disk": syncs} {
		slices.Sort(times)
		t.Logf("one record %s: p50 %s, p99 %s, at most %s", what, times[records/2], times[records*99/100], times[records-1])
	}
}
