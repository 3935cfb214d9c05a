package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/rates"
	"github.com/farmtally/farmtally/server"
)

func pushPath(farm farmtally.FarmID) string { return "/v1/farms/" + string(farm) + "/usage" }

// line is one good row; members given replace its own or, where nil, are left out.
func line(number int, members map[string]any) string {
	row := map[string]any{
		"recordId": fmt.Sprintf("p%d", number), "queueId": string(queueA), "usageType": "COMPUTE", "userId": "carol",
		"startedAt": "2026-01-31T01:00:00Z", "endedAt": "2026-01-31T02:00:00Z", "costInUsd": "0.25",
	}
	for name, value := range members {
		if row[name] = value; value == nil {
			delete(row, name)
		}
	}
	text, err := json.Marshal(row)
	if err != nil {
		panic(err)
	}
	return string(text) + "\n"
}

func lines(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(i, nil))
	}
	return b.String()
}

// push sends a batch to farm A and reads what became of it.
func (f *fixture) push(body string) (r server.PushResult) {
	f.t.Helper()
	a := f.ask(http.MethodPost, pushPath(farmA), body)
	if a.status != http.StatusOK {
		f.t.Fatalf("push: %d %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &r); err != nil {
		f.t.Fatal(err)
	}
	return r
}

// records are all records of farm A by their ids.
func (f *fixture) records() map[string]farmtally.Record {
	f.t.Helper()
	s, err := f.backend.Snapshot(context.Background(), farmA)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	all := map[string]farmtally.Record{}
	if err := s.Records(context.Background(), func(r *farmtally.Record) error {
		if _, twice := all[r.RecordID]; twice {
			f.t.Errorf("the record %s is there twice", r.RecordID)
		}
		all[r.RecordID] = *r
		return nil
	}); err != nil {
		f.t.Fatal(err)
	}
	return all
}

// TestPush: the good rows of a batch are stored, the others named, and sending it
// again changes nothing.
func TestPush(t *testing.T) {
	f := newFixture(t, nil)
	body := line(1, nil) +
		line(2, map[string]any{"endedAt": "2026-01-31T00:59:59Z", "cpus": "many"}) +
		"\n" +
		line(3, map[string]any{"endedAt": nil}) +
		"nonsense\n" +
		line(4, map[string]any{"costInUsd": nil}) +
		"\x00\xff\n" +
		line(1, map[string]any{"userId": "dave"}) +
		strings.TrimSuffix(line(5, map[string]any{"farmId": string(farmB)}), "\n")
	got := f.push(body)
	faults := got.Faults
	got.Faults = nil
	want := server.PushResult{
		Read: 9, Records: 4, Counts: farmtally.Counts{New: 3, Replaced: 1}, Skipped: 1, Rejected: 4, Unpriced: 1, Running: 1,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	var named []string
	for _, x := range faults {
		named = append(named, fmt.Sprint(x.Line, " ", x.Field))
		if x.Reason == "" {
			t.Errorf("no reason in %+v", x)
		}
	}
	if text := strings.Join(named, ", "); text != "2 cpus, 2 endedAt, 5 line, 7 line, 9 farmId" {
		t.Errorf("the faults are %s", text)
	}
	all := f.records()
	if len(all) != 6 || all["p1"].UserID != "dave" || !all["p3"].Running || all["p4"].Rate.ID != farmtally.Unpriced {
		t.Errorf("stored are %+v", all)
	}
	again := f.push(strings.TrimPrefix(body, line(1, nil)))
	if again.Counts != (farmtally.Counts{Unchanged: 3}) {
		t.Errorf("sent again: %+v", again)
	}
	// The running record goes on, and ends.
	f.push(line(3, map[string]any{"endedAt": nil, "runtimeInSeconds": 60}))
	f.push(line(3, nil))
	if all = f.records(); len(all) != 6 || all["p3"].Running || all["p3"].EndedAt != instant(midnight.Add(2*3600e9)) {
		t.Errorf("stored are %+v", all)
	}
}

// TestPushNames: names become the ids that an import makes of them.
func TestPushNames(t *testing.T) {
	f := newFixture(t, nil)
	farm := farmtally.FarmID(farmtally.HashID(farmtally.FarmPrefix, "slurm", "cluster", "cluster"))
	body := line(1, map[string]any{"queueId": "gpu"})
	a := f.ask(http.MethodPost, pushPath(farm)+"?farmName=cluster&kind=slurm", body+line(2, map[string]any{"queueId": "gpu", "farmId": "cluster"}))
	if a.status != http.StatusOK || strings.Contains(a.body, `"line"`) {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	s, err := f.backend.Snapshot(t.Context(), farm)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	want := farmtally.QueueID(farmtally.HashID(farmtally.QueuePrefix, "slurm", "cluster", "gpu"))
	n := 0
	if err := s.Records(t.Context(), func(r *farmtally.Record) error {
		if n++; r.QueueID != want {
			t.Errorf("the queue is %s, want %s", r.QueueID, want)
		}
		return nil
	}); err != nil || n != 2 {
		t.Errorf("%d records, %v", n, err)
	}
	checkInvalid(t, f.ask(http.MethodPost, pushPath(farm)+"?farmName=cluster", body), "FIELD_VALIDATION_FAILED", field{"farmName", "farm-"})
	checkInvalid(t, f.ask(http.MethodPost, pushPath("farm-x"), body), "FIELD_VALIDATION_FAILED", field{"farmId", "32"})
	checkInvalid(t, f.ask(http.MethodGet, pushPath(farm), ""), "UNKNOWN_OPERATION")
}

// TestPushPriced: a card that is set counts from the next batch on.
func TestPushPriced(t *testing.T) {
	var card *rates.Card
	f := newFixture(t, func(c *server.Config) {
		c.Prices = ingest.Prices{Card: func(context.Context, farmtally.FarmID, string) (*rates.Card, error) { return card, nil }}
	})
	unpriced := map[string]any{"costInUsd": nil}
	if got := f.push(line(1, unpriced)); got.Unpriced != 1 {
		t.Errorf("got %+v", got)
	}
	var err error
	card, err = rates.Parse("card", []byte("[[rate]]\nid = \"w\"\nusageType = \"COMPUTE\"\nusdPerHour = \"2\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.push(line(2, unpriced)); got.Unpriced != 0 || f.records()["p2"].Cost != 2*farmtally.Money(farmtally.NanosPerDollar) {
		t.Errorf("got %+v, %+v", got, f.records()["p2"])
	}
	huge := map[string]any{"costInUsd": nil, "workers": 1e9, "endedAt": "9999-01-01T00:00:00Z"}
	if got := f.push(line(3, huge)); got.Rejected != 1 || got.Faults[0].Field != "costInUsd" {
		t.Errorf("got %+v", got)
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

// zstdWriter is one for all, for it takes long to make.
var zstdWriter = sync.OnceValues(func() (*zstd.Encoder, error) { return zstd.NewWriter(nil) })

func zstded(text string) string {
	w, err := zstdWriter()
	if err != nil {
		panic(err)
	}
	return string(w.EncodeAll([]byte(text), nil))
}

// TestPushPacked: packed batches are unpacked, up to a bound, and damaged ones refused
// whole.
func TestPushPacked(t *testing.T) {
	good, bomb := lines(3), strings.Repeat(" ", server.MaxPushUnpacked)+"\n"
	for name, c := range map[string]struct {
		encoding, body string
		refused        string // the reason, or ""
	}{
		"plain":               {"", good, ""},
		"identity":            {"identity", good, ""},
		"gzip":                {"gzip", gzipped(good), ""},
		"two members of gzip": {"GZIP", gzipped(good[:10]) + gzipped(good[10:]), ""},
		"zstd":                {"zstd", zstded(good), ""},
		"two frames of zstd":  {"zstd", zstded(good[:10]) + zstded(good[10:]), ""},
		"gzip that is none":   {"gzip", good, "CANNOT_PARSE"},
		"zstd that is none":   {"zstd", good, "CANNOT_PARSE"},
		"gzip cut off":        {"gzip", gzipped(good)[:60], "CANNOT_PARSE"},
		"zstd cut off":        {"zstd", zstded(good)[:60], "CANNOT_PARSE"},
		"no bytes of gzip":    {"gzip", "", "CANNOT_PARSE"},
		"a bomb of gzip":      {"gzip", gzipped(bomb), "OTHER"},
		"a bomb of zstd":      {"zstd", zstded(bomb), "OTHER"},
		"another encoding":    {"br", good, "OTHER"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, pushPath(farmA), strings.NewReader(c.body))
			r.Header.Set("Content-Encoding", c.encoding)
			a := f.send(r)
			if c.refused != "" {
				checkInvalid(t, a, c.refused)
			} else if a.status != http.StatusOK || a.decode(t)["accepted"] != 3.0 {
				t.Errorf("got %d %s", a.status, a.body)
			}
			if want := map[bool]int{true: 3, false: 6}[c.refused != ""]; len(f.records()) != want {
				t.Errorf("%d records are stored", len(f.records()))
			}
		})
	}
}

// TestPushBounds: what is too much is refused whole.
func TestPushBounds(t *testing.T) {
	f := newFixture(t, nil)
	if got := f.push(strings.Repeat("\n", server.MaxPushRows)); got.Skipped != server.MaxPushRows {
		t.Errorf("got %+v", got)
	}
	checkInvalid(t, f.ask(http.MethodPost, pushPath(farmA), line(1, nil)+strings.Repeat("\n", server.MaxPushRows)), "OTHER")
	checkInvalid(t, f.ask(http.MethodPost, pushPath(farmA), line(1, nil)+strings.Repeat(" ", server.MaxPushBytes)), "OTHER")
	if got := f.push(line(1, nil) + "{" + strings.Repeat(`"x":1,`, 100_000) + `"y":2}`); got.Rejected != 1 || len(got.Faults) != 10 || got.New != 1 {
		t.Errorf("got %+v", got.Counts)
	}
	if got := f.push(line(2, nil) + strings.Repeat("x", 1<<20+1)); got.Rejected != 1 || got.New != 1 {
		t.Errorf("got %+v", got)
	}
	if got := f.push(""); got.Read != 0 || got.Faults == nil {
		t.Errorf("got %+v", got)
	}
}

// TestPushRoles: who pushes need not read, and who reads may not push.
func TestPushRoles(t *testing.T) {
	for role, may := range map[farmtally.Role]bool{farmtally.Owner: true, farmtally.Manager: false, farmtally.Writer: true} {
		f := signedFixture(t)
		h := handSigned{key: f.keyWith(farmtally.Grant{FarmID: farmA, Role: role}), at: f.clock(), method: http.MethodPost, body: line(1, nil)}
		for farm, good := range map[farmtally.FarmID]bool{farmA: may, farmB: false, noFarm: false} {
			h.path = pushPath(farm)
			a := f.send(h.request())
			if denied := a.header.Get("x-amzn-ErrorType") == "AccessDeniedException"; denied == good || good != (a.status == http.StatusOK) {
				t.Errorf("%s pushes to %s: %d %s", role, farm, a.status, a.body)
			}
		}
	}
	f := signedFixture(t)
	h := handSigned{key: goodKey, at: f.clock(), method: http.MethodPost, path: pushPath(farmA), body: gzipped(lines(2)), headers: map[string]string{"content-encoding": "gzip"}}
	if a := f.send(h.request()); a.status != http.StatusOK || a.decode(t)["accepted"] != 2.0 {
		t.Errorf("a packed body, signed as sent: %d %s", a.status, a.body)
	}
	h.hash = hexSum(lines(2))
	if a := f.send(h.request()); a.header.Get("x-amzn-ErrorType") != "InvalidSignatureException" {
		t.Errorf("a packed body, signed as unpacked: %d %s", a.status, a.body)
	}
}

// failing is a backend that stores nothing.
type failing struct{ farmtally.Backend }

func (failing) Append(context.Context, []farmtally.Record) ([]farmtally.Outcome, error) {
	return nil, errors.New("no space at /secret/path")
}

// TestPushNotStored: what is not durable is not acknowledged.
func TestPushNotStored(t *testing.T) {
	f := newFixture(t, func(c *server.Config) { c.Backend = failing{c.Backend} })
	checkInternal(t, f, f.ask(http.MethodPost, pushPath(farmA), line(1, nil)))
	f = newFixture(t, func(c *server.Config) {
		c.Prices = ingest.Prices{Card: func(context.Context, farmtally.FarmID, string) (*rates.Card, error) {
			return nil, errors.New("/secret/card")
		}}
	})
	checkInternal(t, f, f.ask(http.MethodPost, pushPath(farmA), line(1, nil)))
	if len(f.records()) != 3 {
		t.Error("the batch is stored")
	}
}
