package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server"
)

func explorePath(more string) string {
	return "/v1/explorer/farms/" + string(farmA) + "/sessions-statistics-aggregation" + more
}

// exploreState is what the explorer is told of an aggregation.
type exploreState struct {
	AggregationID, Status, StatusMessage, Reason string
	Ahead                                        int
	Rows, Records, Unpriced, Running             int64
}

func (f *fixture) explore(t *testing.T, change map[string]any) exploreState {
	t.Helper()
	return exploreStateOf(t, f.ask(http.MethodPost, explorePath(""), startBody(change)))
}

func exploreStateOf(t *testing.T, a answer) (s exploreState) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &s); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return s
}

// ended waits until an aggregation of the explorer has ended.
func (f *fixture) ended(t *testing.T, id string) exploreState {
	t.Helper()
	for {
		s := exploreStateOf(t, f.ask(http.MethodGet, explorePath("/"+id+"?waitMillis=10000"), ""))
		if s.Status != "IN_PROGRESS" {
			return s
		}
	}
}

// TestExploreGivesTheAPIsRows: the explorer's rows are the API's, to the byte.
func TestExploreGivesTheAPIsRows(t *testing.T) {
	f := newFixture(t, nil)
	id := f.begin(nil)
	f.finished(id)
	want := f.get(id, "")
	s := exploreStateOf(t, f.ask(http.MethodPost, explorePath("?waitMillis=10000"), startBody(nil)))
	if s.Status != "COMPLETED" || s.Records == 0 {
		t.Fatalf("got %+v", s)
	}
	got := f.ask(http.MethodGet, explorePath("?aggregationId="+s.AggregationID), "")
	if got.body != want.body {
		t.Errorf("got  %s\nwant %s", got.body, want.body)
	}
	if a := f.get(s.AggregationID, ""); a.body != want.body {
		t.Errorf("the API gives %s", a.body)
	}
}

func TestExploreKeepsRows(t *testing.T) {
	f := newFixture(t, nil)
	keep := func(value string) exploreState {
		s := f.explore(t, map[string]any{"groupBy": []string{"USER_ID", "USAGE_TYPE"}, "keep": []map[string]string{{"dimension": "USER_ID", "value": value}}})
		return f.ended(t, s.AggregationID)
	}
	all := f.ended(t, f.explore(t, map[string]any{"groupBy": []string{"USER_ID", "USAGE_TYPE"}}).AggregationID)
	alice, bob, nobody := keep("alice"), keep("bob"), keep("")
	if alice.Rows == 0 || bob.Rows == 0 || nobody.Rows == 0 || alice.Rows+bob.Rows+nobody.Rows != all.Rows {
		t.Errorf("%d + %d + %d rows of %d", alice.Rows, bob.Rows, nobody.Rows, all.Rows)
	}
	a := f.ask(http.MethodPost, explorePath(""), startBody(map[string]any{"keep": []map[string]string{{"dimension": "FLEET_ID", "value": "x"}}}))
	if a.status != http.StatusBadRequest {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// TestExploreWaitsAndCoalesces: of two questions the second waits, a third that asks the
// same is the second, and the API runs beside them.
func TestExploreWaitsAndCoalesces(t *testing.T) {
	var g *gated
	f := newFixture(t, func(c *server.Config) { g = newGated(c.Backend); c.Backend = g })
	first := f.explore(t, nil)
	second := f.explore(t, map[string]any{"groupBy": []string{"JOB_ID"}})
	third := f.explore(t, map[string]any{"groupBy": []string{"JOB_ID"}})
	if first.Ahead != 0 || second.Ahead != 1 || second.AggregationID == first.AggregationID || third.AggregationID != second.AggregationID {
		t.Errorf("got %+v, %+v, %+v", first, second, third)
	}
	if a := f.ask(http.MethodPost, statisticsPath(farmA), startBody(nil)); a.status != http.StatusOK {
		t.Errorf("the API's Start: %d %s", a.status, a.body)
	}
	if a := f.ask(http.MethodPost, statisticsPath(farmA), startBody(nil)); a.status != http.StatusTooManyRequests {
		t.Errorf("the API's second Start: %d %s", a.status, a.body)
	}
	// One of the two who ask leaves; the other gets its answer.
	f.ask(http.MethodDelete, explorePath("/"+second.AggregationID), "")
	close(g.gate)
	for _, s := range []exploreState{first, second} {
		if got := f.ended(t, s.AggregationID); got.Status != "COMPLETED" {
			t.Errorf("got %+v", got)
		}
	}
}

func TestExploreCancel(t *testing.T) {
	var g *gated
	f := newFixture(t, func(c *server.Config) { g = newGated(c.Backend); c.Backend = g })
	runs, waits := f.explore(t, nil), f.explore(t, map[string]any{"groupBy": []string{"JOB_ID"}})
	for _, s := range []exploreState{waits, runs} {
		f.ask(http.MethodDelete, explorePath("/"+s.AggregationID), "")
		if got := f.ended(t, s.AggregationID); got.Status != "FAILED" || got.Reason != "CANCELLED" {
			t.Errorf("got %+v", got)
		}
	}
	close(g.gate)
	if got := f.ended(t, f.explore(t, nil).AggregationID); got.Status != "COMPLETED" {
		t.Errorf("the next one: %+v", got)
	}
}

// TestExploreAbandoned: who asks no more has gone.
func TestExploreAbandoned(t *testing.T) {
	var g *gated
	f := newFixture(t, func(c *server.Config) { g = newGated(c.Backend); c.Backend = g })
	left := f.explore(t, nil)
	f.advance(2 * time.Minute)
	f.server.Sweep(t.Context())
	if got := f.ended(t, left.AggregationID); got.Reason != "CANCELLED" {
		t.Errorf("got %+v", got)
	}
}

func TestExploreFails(t *testing.T) {
	for _, c := range []struct {
		fails  error
		reason string
	}{
		{farmtally.Errorf(farmtally.TooLarge, "too many"), "TOO_LARGE"},
		{fmt.Errorf("a broken disk at /secret/path"), "BROKEN"},
	} {
		f := newFixture(t, func(cfg *server.Config) {
			g := newGated(cfg.Backend)
			g.fails = c.fails
			close(g.gate)
			cfg.Backend = g
		})
		s := f.ended(t, f.explore(t, nil).AggregationID)
		if s.Status != "FAILED" || s.Reason != c.reason {
			t.Errorf("%v: %+v", c.fails, s)
		}
	}
}

// TestExploreIsForReaders: another farm's key gets nothing, and no farm's aggregation is
// found under another.
func TestExploreIsForReaders(t *testing.T) {
	f := signedFixture(t)
	key := farmtally.AccessKey{ID: "FTOTHER", Secret: "s", Grants: []farmtally.Grant{{FarmID: farmB, Role: farmtally.Owner}}}
	f.memory.keys[key.ID] = key
	owner, other := &tab{f: f}, &tab{f: f}
	owner.signIn(t, goodKey)
	other.signIn(t, key)
	s := exploreStateOf(t, owner.send(http.MethodPost, explorePath("?waitMillis=10000"), startBody(nil)))
	for _, path := range []string{"/" + s.AggregationID, "?aggregationId=" + s.AggregationID} {
		if a := other.send(http.MethodGet, explorePath(path), ""); a.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := other.send(http.MethodDelete, explorePath("/"+s.AggregationID), ""); a.status != http.StatusForbidden {
		t.Errorf("cancel: %d %s", a.status, a.body)
	}
	across := "/v1/explorer/farms/" + string(farmB) + "/sessions-statistics-aggregation/" + s.AggregationID
	if a := other.send(http.MethodGet, across, ""); a.status != http.StatusNotFound {
		t.Errorf("under another farm: %d %s", a.status, a.body)
	}
}
