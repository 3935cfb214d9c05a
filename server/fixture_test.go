package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/server"
)

// The small farm that the tests ask about.
const (
	farmA   = farmtally.FarmID("farm-0000000000000000000000000000000a")
	farmB   = farmtally.FarmID("farm-0000000000000000000000000000000b")
	queueA  = farmtally.QueueID("queue-000000000000000000000000000000a1")
	queueA2 = farmtally.QueueID("queue-000000000000000000000000000000a2")
	queueB  = farmtally.QueueID("queue-000000000000000000000000000000b1")
	fleetA  = farmtally.FleetID("fleet-000000000000000000000000000000a1")
	jobA    = farmtally.JobID("job-000000000000000000000000000000a1")
	noFarm  = farmtally.FarmID("farm-ffffffffffffffffffffffffffffffff")
)

var midnight = time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)

// fixture is a server over the small farm.
type fixture struct {
	t       testing.TB
	memory  *memory
	backend farmtally.Backend
	server  *server.Server
	handler http.Handler
	log     *logBuffer

	mu  sync.Mutex
	now time.Time
}

// logBuffer keeps what was logged.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newFixture makes a server that answers unsigned requests at eight in the morning,
// unless change says otherwise.
func newFixture(t testing.TB, change func(*server.Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, memory: newMemory(), log: &logBuffer{}, now: midnight.Add(8 * time.Hour)}
	f.fill()
	f.start(change)
	return f
}

// start makes a server over the fixture's memory, in place of one that is closed.
func (f *fixture) start(change func(*server.Config)) {
	f.t.Helper()
	config := server.Config{
		Backend: f.backend, Catalog: f.memory,
		CreateResult: f.memory.create, OpenResult: f.memory.open, RemoveResult: f.memory.remove,
		Logger: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Clock:  f.clock, NoAuth: true,
	}
	if change != nil {
		change(&config)
	}
	s, err := server.New(config)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { f.close(s) })
	f.server, f.handler = s, s.Handler()
}

func (f *fixture) close(s *server.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		f.t.Error(err)
	}
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// fill makes two farms; the first has records of every kind.
func (f *fixture) fill() {
	m := f.memory
	m.farms[farmA] = farmtally.Farm{ID: farmA, Name: "aurora", CostScale: farmtally.DefaultCostScale, CreatedAt: instant(midnight)}
	m.farms[farmB] = farmtally.Farm{ID: farmB, CostScale: farmtally.DefaultCostScale, CreatedAt: instant(midnight.Add(1500 * time.Millisecond))}
	m.queues = []farmtally.Queue{
		{FarmID: farmA, ID: queueA2, CreatedAt: instant(midnight)},
		{FarmID: farmA, ID: queueA, Name: "film <1> & “two”", CreatedAt: instant(midnight)},
		{FarmID: farmB, ID: queueB, Name: "other", CreatedAt: instant(midnight)},
	}
	m.fleets = []farmtally.Fleet{{FarmID: farmA, ID: fleetA, Name: "racks", CreatedAt: instant(midnight)}}
	m.keys[goodKey.ID], m.keys[revokedKey.ID] = goodKey, revokedKey
	f.backend = backendtest.NewReference()
	f.add(record(1, func(r *farmtally.Record) { r.JobID, r.JobName, r.InstanceType = jobA, "shot \"7\"", "c5.4xlarge" }),
		record(2, func(r *farmtally.Record) { r.UserID = "bob" }),
		record(3, func(r *farmtally.Record) {
			r.UsageType, r.LicenseProduct, r.UserID = farmtally.License, "arnold", ""
		}))
}

// record makes a record of queue and fleet A: one hour from its number on, 90
// minutes long, for one and a half dollars.
func record(number int, change func(*farmtally.Record)) farmtally.Record {
	start := midnight.Add(time.Duration(number) * time.Hour)
	r := farmtally.Record{
		RecordID: fmt.Sprintf("r%d", number), FarmID: farmA, QueueID: queueA, FleetID: fleetA, UserID: "alice",
		UsageType: farmtally.Compute, StartedAt: instant(start), EndedAt: instant(start.Add(90 * time.Minute)),
		Cost: 1_500_000_000, HasCost: true, Workers: farmtally.One,
	}
	if change != nil {
		change(&r)
	}
	return r
}

func (f *fixture) add(records ...farmtally.Record) {
	f.t.Helper()
	for i := range records {
		if bad := records[i].Validate(); len(bad) > 0 {
			f.t.Fatal(bad)
		}
	}
	if _, err := f.backend.Append(context.Background(), records); err != nil {
		f.t.Fatal(err)
	}
}

func instant(t time.Time) farmtally.Instant { return farmtally.InstantOf(t) }

// answer is a response, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// member gives a string member of the body.
func (a answer) member(t testing.TB, name string) string {
	t.Helper()
	s, _ := a.decode(t)[name].(string)
	return s
}

func (a answer) decode(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return m
}

// ask sends one request to the handler.
func (f *fixture) ask(method, target, body string) answer {
	r := httptest.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	r.Host = "localhost:8787"
	return f.send(r)
}

func (f *fixture) send(r *http.Request) answer {
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// statisticsPath is the path of both operations on a farm.
func statisticsPath(farm farmtally.FarmID) string {
	return "/2023-10-12/farms/" + string(farm) + "/sessions-statistics-aggregation"
}

// startBody is a good Start of the whole day by user and hour, all four statistics.
// Members given replace its own; one that is nil is left out.
func startBody(members map[string]any) string {
	body := map[string]any{
		"resourceIds": map[string]any{"queueIds": []string{string(queueA)}},
		"startTime":   "2026-01-31T00:00:00Z", "endTime": "2026-02-01T00:00:00Z",
		"groupBy": []string{"USER_ID"}, "statistics": []string{"SUM", "MIN", "MAX", "AVG"}, "period": "HOURLY",
	}
	for name, value := range members {
		if body[name] = value; value == nil {
			delete(body, name)
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// begin starts a good aggregation of farm A and gives its id.
func (f *fixture) begin(members map[string]any) string {
	f.t.Helper()
	a := f.ask(http.MethodPost, statisticsPath(farmA), startBody(members))
	if a.status != http.StatusOK {
		f.t.Fatalf("start: %d %s", a.status, a.body)
	}
	return a.member(f.t, "aggregationId")
}

// get asks for a page of an aggregation of farm A; query begins with & or is "".
func (f *fixture) get(id, query string) answer {
	f.t.Helper()
	return f.ask(http.MethodGet, statisticsPath(farmA)+"?aggregationId="+id+query, "")
}

// finished polls an aggregation until it ends.
func (f *fixture) finished(id string) answer {
	f.t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Millisecond) {
		if a := f.get(id, ""); a.member(f.t, "status") != "IN_PROGRESS" {
			return a
		}
		if time.Now().After(deadline) {
			f.t.Fatal("the aggregation does not end")
		}
	}
}
