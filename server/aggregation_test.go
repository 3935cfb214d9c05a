package server_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server"
)

// gatedFixture makes a fixture whose aggregations wait at the gate.
func gatedFixture(t *testing.T, change func(*server.Config)) (*fixture, *gated) {
	t.Helper()
	var g *gated
	f := newFixture(t, func(c *server.Config) {
		g = newGated(c.Backend)
		c.Backend = g
		if change != nil {
			change(c)
		}
	})
	return f, g
}

// TestStatusInProgress: an empty list, and how far it is.
func TestStatusInProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, g := gatedFixture(t, nil)
		id := f.begin(nil)
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) {
			t.Errorf("aggregation id %q", id)
		}
		synctest.Wait()
		if a := f.get(id, ""); a.body != `{"statistics":[],"status":"IN_PROGRESS","statusMessage":"1 of 4 records"}` {
			t.Error(a.body)
		}
		close(g.gate)
		synctest.Wait()
		if a := f.get(id, ""); a.member(t, "status") != "COMPLETED" {
			t.Error(a.body)
		}
	})
}

// TestStatusCompleted: the message says what the figures don't.
func TestStatusCompleted(t *testing.T) {
	unpriced := record(4, func(r *farmtally.Record) { r.HasCost = false })
	running := record(5, func(r *farmtally.Record) { r.Running = true })
	both := record(6, func(r *farmtally.Record) { r.Running, r.HasCost = true, false })
	for name, c := range map[string]struct {
		add  []farmtally.Record
		want string
	}{
		"neither":  {nil, ""},
		"unpriced": {[]farmtally.Record{unpriced}, "1 of 4 records matched no rate and count as 0 USD"},
		"running":  {[]farmtally.Record{running}, "1 of 4 records were still running and count up to 2026-01-31T08:00:00Z"},
		"both": {
			[]farmtally.Record{unpriced, running, both},
			"2 of 6 records matched no rate and count as 0 USD; 2 of 6 records were still running and count up to 2026-01-31T08:00:00Z",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.add(c.add...)
			a := f.finished(f.begin(nil))
			if a.member(t, "status") != "COMPLETED" || a.member(t, "statusMessage") != c.want {
				t.Errorf("got %s, want the message %q", a.body, c.want)
			}
			if _, there := a.decode(t)["statusMessage"]; there != (c.want != "") {
				t.Errorf("got %s", a.body)
			}
		})
	}
}

func TestStatusFailed(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*server.Config)
		gate func(*gated, *memory)
		says string
	}{
		"too many rows":    {func(c *server.Config) { c.RowLimit = 2 }, nil, "more than 2 rows. Reduce the time frame, reduce the number of queues or fleets, or increase the period length."},
		"a broken engine":  {nil, func(g *gated, _ *memory) { g.fails = errors.New("checksum of /secret/path") }, "log"},
		"a panic":          {nil, func(g *gated, _ *memory) { g.panics = true }, "log"},
		"a full disk":      {nil, func(_ *gated, m *memory) { m.breakDown("Append", errors.New("no space on /secret/path")) }, "log"},
		"no commit":        {nil, func(_ *gated, m *memory) { m.breakDown("Commit", errors.New("no space on /secret/path")) }, "log"},
		"no result at all": {nil, func(_ *gated, m *memory) { m.breakDown("CreateResult", errors.New("no space on /secret/path")) }, "log"},
	} {
		t.Run(name, func(t *testing.T) {
			f, g := gatedFixture(t, c.set)
			if c.gate != nil {
				c.gate(g, f.memory)
			}
			close(g.gate)
			a := f.finished(f.begin(nil))
			if a.member(t, "status") != "FAILED" || !strings.Contains(a.member(t, "statusMessage"), c.says) {
				t.Errorf("got %s", a.body)
			}
			if strings.Contains(a.body, "secret") || !strings.Contains(a.body, `"statistics":[]`) {
				t.Errorf("got %s", a.body)
			}
			if c.says == "log" && !strings.Contains(f.log.String(), "/secret/path") {
				t.Errorf("the log lacks the cause: %s", f.log)
			}
			if len(f.memory.results) != 0 && name != "no commit" {
				t.Error("a result is left")
			}
		})
	}
}

func TestStatusTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := gatedFixture(t, func(c *server.Config) { c.Clock = nil })
		id := f.begin(nil)
		time.Sleep(10*time.Minute - 1)
		synctest.Wait()
		if a := f.get(id, ""); a.member(t, "status") != "IN_PROGRESS" {
			t.Error(a.body)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		a := f.get(id, "")
		if a.body != `{"statistics":[],"status":"TIMEOUT","statusMessage":"The aggregation ran longer than 10m0s. `+
			`Reduce the time frame, reduce the number of queues or fleets, or increase the period length."}` {
			t.Error(a.body)
		}
	})
}

// TestThrottled: one aggregation per farm, and another as soon as it has ended.
func TestThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, g := gatedFixture(t, nil)
		f.begin(nil)
		a := f.ask(http.MethodPost, statisticsPath(farmA), startBody(nil))
		if a.status != http.StatusTooManyRequests || a.header.Get("x-amzn-ErrorType") != "ThrottlingException" ||
			a.header.Get("Retry-After") != "1" || a.member(t, "serviceCode") != "deadline" || a.member(t, "quotaCode") == "" {
			t.Errorf("got %d %v %s", a.status, a.header, a.body)
		}
		for _, want := range []string{"2", "3", "4", "5", "1"} {
			if a := f.ask(http.MethodPost, statisticsPath(farmA), startBody(nil)); a.header.Get("Retry-After") != want {
				t.Errorf("one more in the row is told to wait for %s s, want %s", a.header.Get("Retry-After"), want)
			}
		}
		if a := f.ask(http.MethodPost, statisticsPath(farmB), startBody(queues(string(queueB)))); a.status != http.StatusOK {
			t.Errorf("another farm: %d %s", a.status, a.body)
		}
		close(g.gate)
		synctest.Wait()
		f.begin(nil)
		synctest.Wait()
	})
}

func TestThrottledAtThree(t *testing.T) {
	f, g := gatedFixture(t, func(c *server.Config) { c.RunningPerFarm = 3 })
	for range 3 {
		f.begin(nil)
	}
	if a := f.ask(http.MethodPost, statisticsPath(farmA), startBody(nil)); a.status != http.StatusTooManyRequests {
		t.Errorf("got %d %s", a.status, a.body)
	}
	close(g.gate)
}

// TestLife: an hour after its Start an aggregation is gone, and its rows too.
func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *server.Config) { c.Clock = nil })
		id := f.begin(nil)
		time.Sleep(time.Hour - time.Millisecond)
		if a := f.get(id, ""); a.status != http.StatusOK {
			t.Errorf("within the hour: %d %s", a.status, a.body)
		}
		time.Sleep(time.Millisecond)
		a := f.get(id, "")
		if a.status != http.StatusNotFound || a.member(t, "resourceType") != "sessions-statistics-aggregation" || a.member(t, "resourceId") != id {
			t.Errorf("after the hour: %d %s", a.status, a.body)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(f.memory.aggregations) != 0 || len(f.memory.results) != 0 {
			t.Errorf("left: %v %v", f.memory.aggregations, f.memory.results)
		}
	})
}

// TestTokenLife: a token is good for 24 hours. Aggregations die before, so that a
// list shows it.
func TestTokenLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *server.Config) { c.Clock = nil })
		target := "/2023-10-12/farms?maxResults=1&nextToken=" + url.QueryEscape(f.ask(http.MethodGet, "/2023-10-12/farms?maxResults=1", "").member(t, "nextToken"))
		time.Sleep(24*time.Hour - time.Second)
		if a := f.ask(http.MethodGet, target, ""); a.status != http.StatusOK {
			t.Errorf("within the day: %d %s", a.status, a.body)
		}
		time.Sleep(time.Second)
		checkInvalid(t, f.ask(http.MethodGet, target, ""), "FIELD_VALIDATION_FAILED", field{"nextToken", "expired"})
	})
}

// TestSnapshotBeforeAnswer: what comes after Start's answer is not seen, however
// late the aggregation runs.
func TestSnapshotBeforeAnswer(t *testing.T) {
	f, g := gatedFixture(t, nil)
	id := f.begin(nil)
	f.add(record(4, nil))
	close(g.gate)
	before := f.finished(id)
	after := f.finished(f.begin(nil))
	if strings.Count(before.body, `"count"`) != 6 || strings.Count(after.body, `"count"`) != 8 {
		t.Errorf("got %s and then %s", before.body, after.body)
	}
}

// TestAsOf: a running record ends when Start was accepted, not when it is run.
func TestAsOf(t *testing.T) {
	f, g := gatedFixture(t, nil)
	f.add(record(7, func(r *farmtally.Record) { r.Running, r.UserID = true, "runner" }))
	id := f.begin(nil)
	f.advance(30 * time.Minute)
	close(g.gate)
	if a := f.finished(id); !strings.Contains(a.body, `"runner","count":1,"costInUsd":{"min":1.5,"max":1.5,"avg":1.5,"sum":1.5},"runtimeInSeconds":{"min":3600,`) {
		t.Error(a.body)
	}
}

// TestCostScale: the farm's factor at Start multiplies costs, of all pages.
func TestCostScale(t *testing.T) {
	f := newFixture(t, nil)
	scale := func(s farmtally.CostScale) {
		farm := f.memory.farms[farmA]
		farm.CostScale = s
		f.memory.farms[farmA] = farm
	}
	query := map[string]any{"period": nil, "groupBy": []string{"QUEUE_ID"}, "statistics": []string{"SUM"}}
	for _, c := range []struct {
		scale farmtally.CostScale
		want  string
	}{{farmtally.DefaultCostScale, "4.5"}, {0, "0"}, {100 * farmtally.DefaultCostScale, "450"}, {333_333_333, "1.4999999985"}} {
		scale(c.scale)
		id := f.begin(query)
		f.finished(id)
		scale(7)
		a := f.get(id, "")
		if !strings.Contains(a.body, `"costInUsd":{"sum":`+c.want+`},"runtimeInSeconds":{"sum":16200}`) {
			t.Errorf("%s: %s", c.scale, a.body)
		}
	}
}

// TestPages: any page size gives the same rows, and the last page has no token.
func TestPages(t *testing.T) {
	f := newFixture(t, nil)
	id := f.begin(map[string]any{"groupBy": []string{"USER_ID", "USAGE_TYPE"}})
	all := rowsOf(f.finished(id))
	if len(all) != 6 {
		t.Fatalf("got %d rows", len(all))
	}
	for size := 1; size <= 7; size++ {
		var rows []string
		pages, token := 0, ""
		for pages == 0 || token != "" {
			a := f.get(id, fmt.Sprintf("&maxResults=%d&nextToken=%s", size, url.QueryEscape(token)))
			if n := len(rowsOf(a)); n > size || n == 0 {
				t.Fatalf("page of %d rows: %s", n, a.body)
			}
			rows = append(rows, rowsOf(a)...)
			token = a.member(t, "nextToken")
			pages++
		}
		if want := (6 + size - 1) / size; pages != want || strings.Join(rows, "\n") != strings.Join(all, "\n") {
			t.Errorf("pages of %d: %d pages with %d rows", size, pages, len(rows))
		}
	}
}

// rowsOf cuts the rows out of a page.
func rowsOf(a answer) []string {
	list, _, _ := strings.Cut(strings.TrimPrefix(a.body, `{"statistics":[`), `],"status"`)
	if list == "" {
		return nil
	}
	return strings.Split(list[1:len(list)-1], "},{")
}

func TestEmptyAnswer(t *testing.T) {
	f := newFixture(t, nil)
	if a := f.finished(f.begin(queues(string(queueA2)))); a.body != `{"statistics":[],"status":"COMPLETED"}` {
		t.Error(a.body)
	}
}

// TestDamagedResult: the answer is an error, never other rows.
func TestDamagedResult(t *testing.T) {
	for name, damage := range map[string]func(*memory, string){
		"gone":    func(m *memory, id string) { delete(m.results, id) },
		"shorter": func(m *memory, id string) { m.results[id] = m.results[id][:3] },
		"broken":  func(m *memory, _ string) { m.breakDown("OpenResult", errors.New("checksum of /secret/path")) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			id := f.begin(nil)
			f.finished(id)
			damage(f.memory, id)
			f.start(nil) // a server that has not opened it yet
			checkInternal(t, f, f.get(id, ""))
		})
	}
}

// checkInternal checks that an answer is an InternalServerErrorException that tells
// no internals but where to look.
func checkInternal(t *testing.T, f *fixture, a answer) {
	t.Helper()
	if a.status != http.StatusInternalServerError || a.header.Get("x-amzn-ErrorType") != "InternalServerErrorException" || a.header.Get("Retry-After") != "1" {
		t.Errorf("got %d %v %s", a.status, a.header, a.body)
	}
	id := a.header.Get("x-amzn-RequestId")
	if strings.Contains(a.body, "secret") || !strings.Contains(a.body, id) || !strings.Contains(f.log.String(), "request_id="+id) {
		t.Errorf("got %s; the log is %s", a.body, f.log)
	}
}

func TestBrokenCatalog(t *testing.T) {
	for method, ask := range map[string]func(*fixture) answer{
		"Farm":             func(f *fixture) answer { return f.ask(http.MethodPost, statisticsPath(farmA), startBody(nil)) },
		"Queues":           func(f *fixture) answer { return f.ask(http.MethodPost, statisticsPath(farmA), startBody(nil)) },
		"BeginAggregation": func(f *fixture) answer { return f.ask(http.MethodPost, statisticsPath(farmA), startBody(nil)) },
		"Aggregation":      func(f *fixture) answer { return f.get(strings.Repeat("0", 32), "") },
		"Farms":            func(f *fixture) answer { return f.ask(http.MethodGet, "/2023-10-12/farms", "") },
		"Fleets": func(f *fixture) answer {
			return f.ask(http.MethodGet, "/2023-10-12/farms/"+string(farmA)+"/fleets", "")
		},
	} {
		t.Run(method, func(t *testing.T) {
			f := newFixture(t, nil)
			f.memory.breakDown(method, errors.New("no /secret/path"))
			checkInternal(t, f, ask(f))
		})
	}
	t.Run("a panic", func(t *testing.T) {
		f := newFixture(t, nil)
		f.memory.breakDown("Farms", errPanic)
		checkInternal(t, f, f.ask(http.MethodGet, "/2023-10-12/farms", ""))
	})
	t.Run("Key", func(t *testing.T) {
		f := signedFixture(t)
		f.memory.breakDown("Key", errors.New("no /secret/path"))
		checkInternal(t, f, f.send(f.good().request()))
	})
}

// TestBrokenSnapshot: a Start that can't pin the records fails, and holds no other up.
func TestBrokenSnapshot(t *testing.T) {
	f, g := gatedFixture(t, nil)
	close(g.gate)
	g.snapshot = errors.New("no /secret/path")
	checkInternal(t, f, f.ask(http.MethodPost, statisticsPath(farmA), startBody(nil)))
	g.snapshot = nil
	f.finished(f.begin(nil))
}

// TestFinishRetried: an end that could not be kept is kept later.
func TestFinishRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *server.Config) { c.Clock = nil })
		f.memory.breakDown("FinishAggregation", errors.New("no space"))
		id := f.begin(nil)
		time.Sleep(10 * time.Second)
		if a := f.get(id, ""); a.member(t, "status") != "IN_PROGRESS" {
			t.Error(a.body)
		}
		f.memory.breakDown("FinishAggregation", nil)
		time.Sleep(10 * time.Second)
		if a := f.get(id, ""); a.member(t, "status") != "COMPLETED" {
			t.Error(a.body)
		}
	})
}

// TestConcurrentStarts: of many at once one is accepted, on each farm, and all
// others are throttled.
func TestConcurrentStarts(t *testing.T) {
	f, g := gatedFixture(t, nil)
	const clients = 32
	statuses := make(chan int, 2*clients)
	for range clients {
		go func() { statuses <- f.ask(http.MethodPost, statisticsPath(farmA), startBody(nil)).status }()
		go func() {
			statuses <- f.ask(http.MethodPost, statisticsPath(farmB), startBody(queues(string(queueB)))).status
		}()
	}
	seen := map[int]int{}
	for range 2 * clients {
		seen[<-statuses]++
	}
	if seen[http.StatusOK] != 2 || seen[http.StatusTooManyRequests] != 2*clients-2 {
		t.Errorf("got %v", seen)
	}
	close(g.gate)
}

// TestConcurrentPages: pages read at once do not share memory.
func TestConcurrentPages(t *testing.T) {
	f := newFixture(t, nil)
	id := f.begin(nil)
	want := map[string]string{}
	f.finished(id)
	for n := 1; n <= 6; n++ {
		query := fmt.Sprintf("&maxResults=%d", n)
		want[query] = f.get(id, query).body
	}
	var group sync.WaitGroup
	for query, body := range want {
		for range 4 {
			group.Go(func() {
				for range 50 {
					if a := f.ask(http.MethodGet, statisticsPath(farmA)+"?aggregationId="+id+query, ""); a.body != body {
						t.Errorf("got %s, want %s", a.body, body)
						return
					}
				}
			})
		}
	}
	group.Wait()
}

// TestForeignTokens: a token of another aggregation, farm, operation or filter is
// refused, and so is a changed one.
func TestForeignTokens(t *testing.T) {
	f := newFixture(t, nil)
	one := f.begin(nil)
	f.finished(one)
	two := f.begin(nil)
	f.finished(two)
	token := f.get(one, "&maxResults=1").member(t, "nextToken")
	farms := f.ask(http.MethodGet, "/2023-10-12/farms?maxResults=1", "").member(t, "nextToken")
	queues := "/2023-10-12/farms/" + string(farmA) + "/queues?maxResults=1"
	ofQueues := f.ask(http.MethodGet, queues, "").member(t, "nextToken")
	if token == "" || farms == "" || ofQueues == "" {
		t.Fatal("a page has no token")
	}
	for name, target := range map[string]string{
		"another aggregation": statisticsPath(farmA) + "?aggregationId=" + two + "&nextToken=" + token,
		"another farm":        statisticsPath(farmB) + "?aggregationId=" + one + "&nextToken=" + token,
		"another operation":   statisticsPath(farmA) + "?aggregationId=" + one + "&nextToken=" + farms,
		"another filter":      queues + "&status=IDLE&nextToken=" + ofQueues,
		"changed":             statisticsPath(farmA) + "?aggregationId=" + one + "&nextToken=" + token + "A",
		"without its prefix":  statisticsPath(farmA) + "?aggregationId=" + one + "&nextToken=" + token[3:],
		"a number":            statisticsPath(farmA) + "?aggregationId=" + one + "&nextToken=2",
	} {
		t.Run(name, func(t *testing.T) {
			checkInvalid(t, f.ask(http.MethodGet, target, ""), "FIELD_VALIDATION_FAILED", field{"nextToken", "previous page"})
		})
	}
	if a := f.ask(http.MethodGet, queues+"&nextToken="+ofQueues, ""); a.status != http.StatusOK || strings.Contains(a.body, "nextToken") {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// TestEveryDimension: a row has the member of its dimension and, with JOB_ID, the
// job's name; a record that lacks the dimension is in the row without it.
func TestEveryDimension(t *testing.T) {
	want := map[farmtally.Dimension]string{
		farmtally.ByQueue:          `"queueId":"` + string(queueA) + `","count":3|"queueId":"` + string(queueA2) + `","count":1`,
		farmtally.ByFleet:          `"fleetId":"` + string(fleetA) + `","count":3|"count":1`,
		farmtally.ByJob:            `"jobId":"` + string(jobA) + `","jobName":"shot \"7\"","count":1|"count":3`,
		farmtally.ByUser:           `"userId":"alice","count":2|"userId":"bob","count":1|"count":1`,
		farmtally.ByUsageType:      `"usageType":"COMPUTE","count":2|"usageType":"LICENSE","count":1|"usageType":"PERSISTENT_VOLUME","count":1`,
		farmtally.ByInstanceType:   `"instanceType":"c5.4xlarge","count":1|"count":3`,
		farmtally.ByLicenseProduct: `"licenseProduct":"arnold","count":1|"count":3`,
	}
	f := newFixture(t, nil)
	f.add(record(4, func(r *farmtally.Record) { r.UsageType, r.QueueID, r.FleetID = farmtally.PersistentVolume, queueA2, "" }))
	for d := farmtally.ByQueue; d <= farmtally.ByLicenseProduct; d++ {
		a := f.finished(f.begin(map[string]any{
			"groupBy": []string{d.String()}, "period": nil, "statistics": []string{"SUM"},
			"resourceIds": map[string]any{"queueIds": []string{string(queueA), string(queueA2)}},
		}))
		var have []string
		for _, row := range rowsOf(a) {
			members, _, _ := strings.Cut(row, `,"costInUsd"`)
			have = append(have, members)
		}
		if strings.Join(have, "|") != want[d] {
			t.Errorf("%s: got %s, want %s", d, strings.Join(have, "|"), want[d])
		}
	}
}
