package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server"
)

// scrape reads the metrics as Prometheus does.
func (f *fixture) scrape() string {
	f.t.Helper()
	a := f.ask(http.MethodGet, "/metrics", "")
	if a.status != http.StatusOK {
		f.t.Fatalf("scrape: %d %s", a.status, a.body)
	}
	return a.body
}

// sample gives the value of a sample, by its name and labels as they are printed.
func sample(t *testing.T, metrics, name string) float64 {
	t.Helper()
	for line := range strings.Lines(metrics) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("there is no %s in\n%s", name, metrics)
	return 0
}

func someFigures(context.Context) ([]server.Figures, error) {
	return []server.Figures{
		{CatalogBytes: 4096, ResultBytes: 100},
		{FarmID: farmA, Records: 3, Unpriced: 1, Segments: 2, SegmentBytes: 1000, Newest: instant(midnight.Add(7 * time.Hour))},
		{FarmID: farmB},
	}, nil
}

// TestMetrics: the numbers are those of what has happened, and what there is.
func TestMetrics(t *testing.T) {
	f := newFixture(t, func(c *server.Config) { c.Figures, c.Version = someFigures, "v9" })
	f.finished(f.begin(nil))
	f.ask(http.MethodGet, "/2023-10-12/farms", "")
	f.ask(http.MethodGet, "/2023-10-12/farms/"+string(noFarm), "")
	f.ask(http.MethodGet, "/nowhere", "")
	m := f.scrape()
	for sample(t, m, "farmtally_aggregations_running") > 0 { // a moment after it is completed
		m = f.scrape()
	}
	aurora := `{farm="aurora",farm_id="` + string(farmA) + `"}`
	for name, want := range map[string]float64{
		`farmtally_http_requests_total{code="200",operation="StartSessionsStatisticsAggregation"}`: 1,
		`farmtally_http_requests_total{code="200",operation="ListFarms"}`:                          1,
		`farmtally_http_requests_total{code="404",operation="GetFarm"}`:                            1,
		`farmtally_http_requests_total{code="400",operation="unknown"}`:                            1,
		`farmtally_http_request_duration_seconds_count{operation="ListFarms"}`:                     1,
		`farmtally_aggregations_total{asked_by="api",status="COMPLETED"}`:                          1,
		`farmtally_aggregation_duration_seconds_count{asked_by="api",status="COMPLETED"}`:          1,
		`farmtally_records` + aurora:                                                             3,
		`farmtally_unpriced_records` + aurora:                                                    1,
		`farmtally_segments` + aurora:                                                            2,
		`farmtally_newest_record_lag_seconds` + aurora:                                           3600,
		`farmtally_newest_record_timestamp_seconds` + aurora:                                     float64(midnight.Add(7 * time.Hour).Unix()),
		`farmtally_storage_bytes{farm="aurora",farm_id="` + string(farmA) + `",kind="segments"}`: 1000,
		`farmtally_storage_bytes{farm="",farm_id="",kind="catalog"}`:                             4096,
		`farmtally_storage_bytes{farm="",farm_id="",kind="results"}`:                             100,
	} {
		if have := sample(t, m, name); have != want {
			t.Errorf("%s is %v, want %v", name, have, want)
		}
	}
	for _, name := range []string{`farmtally_build_info{goversion="go`, "go_goroutines", "process_cpu_seconds_total", "process_resident_memory_bytes"} {
		if !strings.Contains(m, "\n"+name) {
			t.Errorf("there is no %s", name)
		}
	}
	if !strings.Contains(m, `version="v9"} 1`) {
		t.Error("the version is not told")
	}
	if strings.Contains(m, `newest_record_lag_seconds{farm="`+string(farmB)) {
		t.Error("a farm without records has a newest one")
	}
}

// TestMetricsOfTheExplorer: its questions are told apart from the API's, and those that
// somebody cancelled from those that failed.
func TestMetricsOfTheExplorer(t *testing.T) {
	var g *gated
	f := newFixture(t, func(c *server.Config) { g = newGated(c.Backend); c.Backend, c.RowLimit = g, 2 })
	cancelled := f.explore(t, nil).AggregationID
	waits := f.explore(t, map[string]any{"groupBy": []string{"JOB_ID"}}).AggregationID
	if n := sample(t, f.scrape(), "farmtally_aggregations_running"); n != 2 {
		t.Errorf("%v are under way", n)
	}
	for _, id := range []string{waits, cancelled} { // the first of which never ran
		f.ask(http.MethodDelete, explorePath("/"+id), "")
		f.ended(t, id)
	}
	close(g.gate)
	if s := f.ended(t, f.explore(t, nil).AggregationID); s.Reason != "TOO_LARGE" || !strings.Contains(s.StatusMessage, "more than 2 rows") {
		t.Errorf("got %+v", s)
	}
	f.ended(t, f.explore(t, map[string]any{"period": nil, "groupBy": []string{"QUEUE_ID"}}).AggregationID)
	m := f.scrape()
	for _, status := range []string{"COMPLETED", "FAILED", "CANCELLED"} {
		for _, name := range []string{"farmtally_aggregations_total", "farmtally_aggregation_duration_seconds_count"} {
			if n := sample(t, m, name+`{asked_by="explorer",status="`+status+`"}`); n != 1 {
				t.Errorf("%v of %s are %s", n, name, status)
			}
		}
	}
	if n := sample(t, m, `farmtally_http_requests_total{code="200",operation="ExploreStart"}`); n != 4 {
		t.Errorf("%v questions", n)
	}
	if strings.Contains(m, `asked_by="api"`) || sample(t, m, "farmtally_aggregations_running") != 0 {
		t.Errorf("nobody asked the API, and nothing runs:\n%s", m)
	}
}

// TestMetricsKeepTheConventions: Prometheus's own linter has nothing to say.
func TestMetricsKeepTheConventions(t *testing.T) {
	f := newFixture(t, func(c *server.Config) { c.Figures = someFigures })
	f.finished(f.begin(nil))
	problems, err := promlint.New(strings.NewReader(f.scrape())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// snapshotCounter counts the snapshots that a backend makes.
type snapshotCounter struct {
	farmtally.Backend
	snapshots atomic.Int64
}

func (c *snapshotCounter) Snapshot(ctx context.Context, farm farmtally.FarmID) (farmtally.Snapshot, error) {
	c.snapshots.Add(1)
	return c.Backend.Snapshot(ctx, farm)
}

// TestMetricsOfTheMonth: the month's costs are those of the API, scaled; twenty queues
// are told apart and the others added up; and the records are looked at once a minute.
func TestMetricsOfTheMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var backend snapshotCounter
		f := newFixture(t, func(c *server.Config) {
			backend.Backend = c.Backend
			c.Backend = &backend
		})
		farm := f.memory.farms[farmA]
		farm.CostScale = farmtally.DefaultCostScale * 2
		f.memory.farms[farmA] = farm
		f.memory.queues = nil
		for i := range 25 {
			id := farmtally.QueueID(fmt.Sprintf("queue-%032x", i))
			f.memory.queues = append(f.memory.queues, farmtally.Queue{FarmID: farmA, ID: id, Name: fmt.Sprint("q", i)})
			f.add(record(100+i, func(r *farmtally.Record) {
				r.StartedAt, r.EndedAt = instant(midnight), instant(midnight)+1000
				r.QueueID = id
				r.Cost = farmtally.Money(i) * 1e9
			}))
		}
		f.add(record(1, func(r *farmtally.Record) { r.RecordID, r.QueueID, r.Cost = "none", "", 7e9 }),
			record(98, func(r *farmtally.Record) { // last month's, but for an hour of 25
				r.QueueID = f.memory.queues[24].ID
				r.StartedAt, r.EndedAt = instant(midnight.AddDate(0, 0, -31)), instant(midnight.AddDate(0, 0, -30).Add(time.Hour))
				r.Cost = 25e9
			}))
		m := f.scrape()
		of := func(id, name string) string {
			return fmt.Sprintf(`farmtally_current_month_cost_usd{farm="aurora",farm_id="%s",queue="%s",queue_id="%s"}`, farmA, name, id)
		}
		for name, want := range map[string]float64{
			of(fmt.Sprintf("queue-%032x", 24), "q24"): 2 * (24 + 1),
			of(fmt.Sprintf("queue-%032x", 5), "q5"):   10,
			of("other", "other"):                      2 * (0 + 1 + 2 + 3 + 4),
			of("", "none"):                            14,
		} {
			if have := sample(t, m, name); have != want {
				t.Errorf("%s is %v, want %v", name, have, want)
			}
		}
		if n := strings.Count(m, "\nfarmtally_current_month_cost_usd{"); n != 22 { // twenty, the others, and none
			t.Errorf("%d queues are told apart", n)
		}
		before := backend.snapshots.Load()
		f.advance(59 * time.Second)
		f.scrape()
		if n := backend.snapshots.Load(); n != before {
			t.Errorf("%d snapshots within a minute", n-before)
		}
		f.advance(2 * time.Second)
		f.scrape()
		if n := backend.snapshots.Load(); n != before+2 {
			t.Errorf("%d snapshots of two farms after a minute", n-before)
		}
		if a := f.ask(http.MethodPost, statisticsPath(farmA), startBody(map[string]any{"resourceIds": map[string]any{"queueIds": []string{string(f.memory.queues[0].ID)}}})); a.status != http.StatusOK {
			t.Errorf("the metrics take an aggregation's place: %d %s", a.status, a.body)
		}
	})
}

// TestMetricsAreForThoseWhoMay: with keys, nobody reads what farms cost without the
// token or a key for every farm.
func TestMetricsAreForThoseWhoMay(t *testing.T) {
	token := strings.Repeat("t0ken", 8)
	for name, c := range map[string]struct {
		token, header string
		grants        []farmtally.Grant // of the key that signs; nil does not sign
		status        int
	}{
		"nothing":          {status: 403},
		"token":            {token: token, header: "Bearer " + token, status: 200},
		"wrong token":      {token: token, header: "Bearer " + token + "x", status: 403},
		"no token is set":  {header: "Bearer ", status: 403},
		"another scheme":   {token: token, header: "Basic " + token, status: 403},
		"key of all farms": {grants: []farmtally.Grant{{Role: farmtally.Manager}}, status: 200},
		"key of one farm":  {grants: []farmtally.Grant{{FarmID: farmA, Role: farmtally.Owner}}, status: 403},
		"key that pushes":  {grants: []farmtally.Grant{{Role: farmtally.Writer}}, status: 403},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c2 *server.Config) { c2.NoAuth, c2.MetricsToken, c2.Figures = false, c.token, someFigures })
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
			if c.grants != nil {
				key := goodKey
				key.Grants = c.grants
				f.memory.keys[key.ID] = key
				signed := handSigned{key: key, method: http.MethodGet, path: "/metrics", at: f.clock()}
				r = signed.request()
			}
			if c.header != "" {
				r.Header.Set("Authorization", c.header)
			}
			a := f.send(r)
			if a.status != c.status || c.status != http.StatusOK && strings.Contains(a.body, "farmtally_") {
				t.Errorf("got %d %s, want %d", a.status, a.body, c.status)
			}
		})
	}
}
