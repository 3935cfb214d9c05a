package server_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/server"
)

func exportPath(farm farmtally.FarmID, id, form string) string {
	return "/v1/farms/" + string(farm) + "/aggregations/" + id + "/export?format=" + form
}

// exported is a file's rows: each cell by the name of its column, "" where it is null.
type exported struct {
	names []string
	rows  []map[string]string
}

// sum adds a column of decimals up.
func (x exported) sum(t tb, column string) *big.Rat {
	t.Helper()
	total := new(big.Rat)
	for _, row := range x.rows {
		v, ok := new(big.Rat).SetString(row[column])
		if !ok {
			t.Fatalf("%s is %q", column, row[column])
		}
		total.Add(total, v)
	}
	return total
}

type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

// export downloads an aggregation and reads it.
func (f *fixture) export(t tb, id, form string) exported {
	t.Helper()
	a := f.ask(http.MethodGet, exportPath(farmA, id, form), "")
	if a.status != http.StatusOK {
		t.Fatalf("%s: %d %s", form, a.status, a.body)
	}
	x, err := readExport(form, a.body)
	if err != nil {
		t.Fatalf("%s: %v in %q", form, err, a.body)
	}
	return x
}

func readExport(form, body string) (x exported, err error) {
	switch form {
	case "csv":
		text, ok := strings.CutPrefix(body, "\ufeff")
		if head, _, _ := strings.Cut(text, "\n"); !ok || !strings.HasSuffix(head, "\r") {
			return x, fmt.Errorf("no byte order mark, or line ends of Unix")
		}
		lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			return x, err
		}
		for _, name := range lines[0] {
			measure, statistic, ok := strings.Cut(name, ".")
			if ok {
				name = measure + strings.ToUpper(statistic[:1]) + statistic[1:]
			}
			x.names = append(x.names, name)
		}
		for _, line := range lines[1:] {
			row := map[string]string{}
			for i, cell := range line {
				row[x.names[i]] = cell
			}
			x.rows = append(x.rows, row)
		}
		return x, nil
	case "json", "ndjson":
		return readJSON(form, body)
	}
	read := map[string]func([]byte) (*backendtest.Table, error){"parquet": backendtest.ReadParquet, "arrow": backendtest.ReadArrow}
	table, err := read[form]([]byte(body))
	if err != nil {
		return x, err
	}
	x.names = table.Names
	for _, cells := range table.Rows {
		row := map[string]string{}
		for name, cell := range cells {
			switch v := cell.(type) {
			case nil:
			case *big.Rat:
				row[name] = v.RatString()
			case int64:
				if row[name] = fmt.Sprint(v); strings.HasSuffix(name, "Time") {
					row[name] = farmtally.Instant(v).String()
				}
			default:
				row[name] = fmt.Sprint(v)
			}
		}
		x.rows = append(x.rows, row)
	}
	return x, nil
}

func readJSON(form, body string) (x exported, err error) {
	if form == "ndjson" {
		body = `{"statistics":[` + strings.ReplaceAll(strings.TrimSuffix(body, "\n"), "\n", ",") + `]}`
	}
	var document struct{ Statistics []map[string]any }
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&document); err != nil {
		return x, err
	}
	for _, members := range document.Statistics {
		row := map[string]string{}
		for name, v := range members {
			switch v := v.(type) {
			case map[string]any:
				for statistic, n := range v {
					row[name+strings.ToUpper(statistic[:1])+statistic[1:]] = fmt.Sprint(n)
				}
			default:
				row[name] = fmt.Sprint(v)
			}
		}
		x.rows = append(x.rows, row)
	}
	return x, nil
}

// TestExportsEqualTheAPI: for 100 random farms and queries, each form's rows are those
// that the API's pages give, number by number, and its sums are those of the engine.
func TestExportsEqualTheAPI(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t, nil)
		farm := f.memory.farms[farmA]
		farm.CostScale = farmtally.CostScale(rapid.SampledFrom([]int64{1e9, 1_150_000_000, 333_333_333, 100e9, 0}).Draw(rt, "scale"))
		f.memory.farms[farmA] = farm
		records := rapid.SliceOfN(backendtest.Records(farmA), 1, 30).Draw(rt, "records")
		for i := range records {
			if rapid.IntRange(0, 9).Draw(rt, "formula") == 0 {
				records[i].UserID = `=1+"1",` + "\n＋x"
			}
		}
		f.add(records...)
		q := backendtest.Queries(farmA).Draw(rt, "query")
		q.Statistics = []farmtally.Statistic{farmtally.StatMax, farmtally.StatAvg, farmtally.StatSum, farmtally.StatMin}
		id, pages := f.answer(rt, &q)
		exact := f.memory.results[id]
		sum := farmtally.Sum{}
		for _, row := range exact {
			sum.AddSum(row.Cost.Sum)
		}
		want := new(big.Rat).SetFrac(new(big.Int).Mul(sum.Big(), big.NewInt(int64(farm.CostScale))), big.NewInt(1e18))
		for _, form := range export.StatisticsForms {
			x := f.export(rt, id, form)
			if len(x.rows) != len(pages) || len(pages) != len(exact) {
				rt.Fatalf("%s: %d rows, the API gives %d and the engine %d", form, len(x.rows), len(pages), len(exact))
			}
			if have := x.sum(rt, "costInUsdSum"); have.Cmp(want) != 0 {
				rt.Fatalf("%s: the costs' sum is %s, want %s", form, have.FloatString(18), want.FloatString(18))
			}
			for i := range pages {
				sameRow(rt, form, &q, x.rows[i], pages[i])
			}
		}
	})
}

// sameRow compares a row with the API's: each number must be nearest to the same double.
func sameRow(t tb, form string, q *farmtally.Query, have map[string]string, want map[string]any) {
	t.Helper()
	for _, d := range q.GroupBy {
		name := map[farmtally.Dimension]string{
			farmtally.ByQueue: "queueId", farmtally.ByFleet: "fleetId", farmtally.ByJob: "jobId", farmtally.ByUser: "userId",
			farmtally.ByUsageType: "usageType", farmtally.ByInstanceType: "instanceType", farmtally.ByLicenseProduct: "licenseProduct",
		}[d]
		text, _ := want[name].(string)
		if form == "csv" && strings.HasPrefix(text, "=") {
			text = "'" + text
		}
		if have[name] != text {
			t.Fatalf("%s: %s is %q, want %q", form, name, have[name], text)
		}
	}
	for _, name := range []string{"aggregationStartTime", "aggregationEndTime"} {
		if have[name] != want[name] {
			t.Fatalf("%s: %s is %q, want %q", form, name, have[name], want[name])
		}
	}
	if have["count"] != fmt.Sprint(want["count"]) {
		t.Fatalf("%s: count is %s, want %v", form, have["count"], want["count"])
	}
	for _, measure := range []string{"costInUsd", "runtimeInSeconds"} {
		for statistic, v := range want[measure].(map[string]any) {
			column := measure + strings.ToUpper(statistic[:1]) + statistic[1:]
			r, ok := new(big.Rat).SetString(have[column])
			if !ok {
				t.Fatalf("%s: %s is %q", form, column, have[column])
			}
			if f, _ := r.Float64(); f != v {
				t.Fatalf("%s: %s is %s, the API says %v", form, column, have[column], v)
			}
		}
	}
}

// answer runs a query over the API and gives its id and all its rows.
func (f *fixture) answer(t tb, q *farmtally.Query) (id string, rows []map[string]any) {
	t.Helper()
	f.know(q)
	resources := map[string]any{"queueIds": q.QueueIDs}
	if len(q.FleetIDs) > 0 {
		resources = map[string]any{"fleetIds": q.FleetIDs}
	}
	members := map[string]any{
		"resourceIds": resources, "startTime": q.Start.String(), "endTime": q.End.String(), "timezone": q.Zone.String(),
		"groupBy": fieldNames(q.GroupBy), "statistics": fieldNames(q.Statistics), "period": nil,
	}
	if q.Period != farmtally.WholeRange {
		members["period"] = q.Period.String()
	}
	id = f.begin(members)
	a := f.finished(id)
	for {
		var page struct {
			Status     string
			Statistics []map[string]any
			NextToken  string
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil || page.Status != "COMPLETED" {
			t.Fatalf("%v in %s", err, a.body)
		}
		rows = append(rows, page.Statistics...)
		if page.NextToken == "" {
			return id, rows
		}
		a = f.get(id, "&nextToken="+page.NextToken)
	}
}

// know makes the query's queues and fleets exist.
func (f *fixture) know(q *farmtally.Query) {
	f.memory.mu.Lock()
	defer f.memory.mu.Unlock()
	for _, id := range q.QueueIDs {
		f.memory.queues = append(f.memory.queues, farmtally.Queue{FarmID: q.FarmID, ID: id, Name: "queue"})
	}
	for _, id := range q.FleetIDs {
		f.memory.fleets = append(f.memory.fleets, farmtally.Fleet{FarmID: q.FarmID, ID: id, Name: "fleet"})
	}
}

func fieldNames[T fmt.Stringer](list []T) (names []string) {
	for _, v := range list {
		names = append(names, v.String())
	}
	return names
}

// TestExportNames: ids have their names beside them, in every form.
func TestExportNames(t *testing.T) {
	f := newFixture(t, nil)
	label := farmtally.Label{FarmID: farmA, Dimension: farmtally.ByUser, Value: "alice", Text: "Alice"}
	if err := f.memory.SetLabel(t.Context(), label); err != nil {
		t.Fatal(err)
	}
	users := f.begin(map[string]any{"groupBy": []string{"USER_ID"}, "period": nil})
	f.finished(users)
	if x := f.export(t, users, "json"); x.rows[0]["userId"] != "alice" || x.rows[0]["userName"] != "Alice" {
		t.Errorf("a user's label is not there: %v", x.rows)
	}
	id := f.begin(map[string]any{"groupBy": []string{"QUEUE_ID", "JOB_ID"}, "period": nil})
	f.finished(id)
	for _, form := range export.StatisticsForms {
		x := f.export(t, id, form)
		if len(x.rows) != 2 || x.rows[0]["queueName"] != "film <1> & “two”" || x.rows[0]["jobName"] != `shot "7"` || x.rows[1]["jobName"] != "" {
			t.Errorf("%s: %v", form, x.rows)
		}
	}
}

// TestExportHeaders: a browser keeps the file under a name that says what it is.
func TestExportHeaders(t *testing.T) {
	f := newFixture(t, nil)
	farm := f.memory.farms[farmA]
	farm.Name = "größe / \"1\""
	f.memory.farms[farmA] = farm
	id := f.begin(nil)
	f.finished(id)
	for form, mediaType := range map[string]string{
		"csv": "text/csv", "json": "application/json", "parquet": "application/vnd.apache.parquet", "arrow": "application/vnd.apache.arrow.file",
	} {
		h := f.ask(http.MethodGet, exportPath(farmA, id, form), "").header
		_, parameters, err := mime.ParseMediaType(h.Get("Content-Disposition"))
		if want := "farmtally größe - -1- 2026-01-31 to 2026-01-31." + form; err != nil || parameters["filename"] != want {
			t.Errorf("%s: %v, %q, want %q", form, err, parameters["filename"], want)
		}
		if have, _, _ := mime.ParseMediaType(h.Get("Content-Type")); have != mediaType {
			t.Errorf("%s is of type %s", form, have)
		}
	}
}

// TestExportRefused: what has no rows to give is refused as every operation refuses.
func TestExportRefused(t *testing.T) {
	f := newFixture(t, nil)
	id := f.begin(nil)
	f.finished(id)
	running := strings.Repeat("5", 32)
	keep(running, farmtally.InProgress, "")(f)
	for name, c := range map[string]struct {
		path   string
		status int
		says   string
	}{
		"no form":        {exportPath(farmA, id, ""), 400, "format must be one of csv, json, ndjson, parquet, arrow"},
		"unknown form":   {exportPath(farmA, id, "xlsx"), 400, "format must be one of"},
		"no id":          {exportPath(farmA, "x", "csv"), 400, "aggregationId must be 32 lower-case hexadecimal digits"},
		"unknown":        {exportPath(farmA, strings.Repeat("0", 32), "csv"), 404, "sessions-statistics-aggregation"},
		"another farm's": {exportPath(farmB, id, "csv"), 404, "sessions-statistics-aggregation"},
		"no farm":        {exportPath(noFarm, id, "csv"), 404, "farm"},
		"running":        {exportPath(farmA, running, "csv"), 400, "The aggregation is IN_PROGRESS"},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.ask(http.MethodGet, c.path, "")
			if a.status != c.status || !strings.Contains(a.body, c.says) || a.header.Get("Content-Disposition") != "" {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, c.status, c.says)
			}
		})
	}
	signed := newFixture(t, func(c *server.Config) { c.NoAuth = false })
	if a := signed.ask(http.MethodGet, exportPath(farmA, id, "csv"), ""); a.status != http.StatusForbidden {
		t.Errorf("unsigned: %d %s", a.status, a.body)
	}
}

// shortResult is a result of which only the first rows can be read.
type shortResult struct{ row farmtally.Row }

func (r *shortResult) Rows() int64  { return 10_000 }
func (r *shortResult) Close() error { return nil }
func (r *shortResult) Read(from int64, n int, yield func(*farmtally.Row) error) error {
	for i := range n {
		if from+int64(i) == 9000 {
			return farmtally.Errorf(farmtally.Corrupt, "a checksum is wrong")
		}
		if err := yield(&r.row); err != nil {
			return err
		}
	}
	return nil
}

// heldResult is a result whose rows are given when it is let go.
type heldResult struct {
	shortResult
	reading chan struct{}
	letGo   chan struct{}
}

func (r *heldResult) Rows() int64 { return 1 }
func (r *heldResult) Read(_ int64, _ int, yield func(*farmtally.Row) error) error {
	r.reading <- struct{}{}
	<-r.letGo
	return yield(&r.row)
}

// keepRows keeps a completed aggregation that says it has so many rows, and gives one of them.
func (f *fixture) keepRows(id string, rows int64) farmtally.Row {
	keep(id, farmtally.Completed, "")(f)
	f.memory.mu.Lock()
	defer f.memory.mu.Unlock()
	a := f.memory.aggregations[id]
	a.Rows = rows
	f.memory.aggregations[id] = a
	return f.memory.results[id][0]
}

// TestExportsAtOnce: four files are written at once. A fifth waits for its turn, and is
// put off when that does not come.
func TestExportsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := strings.Repeat("5", 32)
		held := &heldResult{reading: make(chan struct{}, 8), letGo: make(chan struct{})}
		f := newFixture(t, func(c *server.Config) {
			c.OpenResult = func(string) (server.ResultReader, error) { return held, nil }
		})
		held.row = f.keepRows(id, held.Rows())
		var all sync.WaitGroup
		ask := func() {
			all.Go(func() {
				if a := f.ask(http.MethodGet, exportPath(farmA, id, "csv"), ""); a.status != http.StatusOK {
					t.Errorf("one of those whose turn comes: %d %s", a.status, a.body)
				}
			})
		}
		for range 4 {
			ask()
		}
		synctest.Wait()
		began := time.Now()
		if a := f.ask(http.MethodGet, exportPath(farmA, id, "csv"), ""); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" ||
			!strings.Contains(a.body, "concurrent-exports") || time.Since(began) != 20*time.Second {
			t.Errorf("after %s: %d %s", time.Since(began), a.status, a.body)
		}
		ask()
		synctest.Wait()
		if n := len(held.reading); n != 4 {
			t.Errorf("%d files are written at once", n)
		}
		close(held.letGo)
		all.Wait()
	})
}

// TestExportCut: a file whose rows can't be read to their end is cut off, so that no
// client takes it for whole.
func TestExportCut(t *testing.T) {
	id := strings.Repeat("5", 32)
	short := &shortResult{}
	f := newFixture(t, func(c *server.Config) {
		c.OpenResult = func(string) (server.ResultReader, error) { return short, nil }
	})
	short.row = f.keepRows(id, short.Rows())
	web := httptest.NewServer(f.handler)
	defer web.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, web.URL+exportPath(farmA, id, "csv"), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it was cut off
	if body, err := io.ReadAll(answer.Body); err == nil || answer.StatusCode != http.StatusOK || len(body) == 0 {
		t.Errorf("status %d, %d bytes and %v: the file must have no end", answer.StatusCode, len(body), err)
	}
	if !strings.Contains(f.log.String(), "a checksum is wrong") {
		t.Error("the log does not say why")
	}
}
