package server_test

import (
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/internal/backendtest"
)

// TestExportOfPartsIsThatOfTheWhole: a file of several aggregations is, to the byte, that
// of one about all their queues or fleets, for random farms, questions and parts.
func TestExportOfPartsIsThatOfTheWhole(t *testing.T) {
	backendtest.Checks(t, 200) // one in eleven has rows of one group in several parts
	merged := 0
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t, nil)
		f.add(rapid.SliceOfN(backendtest.Records(farmA), 20, 60).Draw(rt, "records")...)
		q := backendtest.Queries(farmA).Draw(rt, "query")
		if rapid.Bool().Draw(rt, "alike") { // else few parts have rows of one group
			q.Period, q.GroupBy = farmtally.WholeRange, []farmtally.Dimension{farmtally.ByUsageType}
		}
		whole, rows := f.answer(rt, &q)
		var ids []string
		of := 0
		for _, part := range cutQuery(rt, &q) {
			id, rows := f.answer(rt, &part)
			ids = append(ids, id)
			of += len(rows)
		}
		if of > len(rows) {
			merged++
		}
		for _, form := range export.StatisticsForms {
			want := f.ask(http.MethodGet, exportPath(farmA, whole, form), "").body
			have := f.ask(http.MethodGet, exportPath(farmA, ids[0], form)+with(ids[1:]), "").body
			if form == "json" { // which ends with the ids
				want, _, _ = strings.Cut(want, `"status"`)
				have, _, _ = strings.Cut(have, `"status"`)
			}
			if have != want {
				rt.Fatalf("%s: the whole is\n%s\nand %d parts give\n%s", form, want, len(ids), have)
			}
		}
	})
	if merged == 0 {
		t.Error("no parts had rows of the same bucket and group")
	}
}

func with(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return "&with=" + strings.Join(ids, ",")
}

// cutQuery cuts a query into some of its queues or fleets each.
func cutQuery(rt *rapid.T, q *farmtally.Query) (parts []farmtally.Query) {
	queues, fleets := q.QueueIDs, q.FleetIDs
	for len(queues)+len(fleets) > 0 {
		n := rapid.IntRange(1, len(queues)+len(fleets)).Draw(rt, "part")
		part := *q
		if len(queues) > 0 {
			part.QueueIDs, queues = queues[:n], queues[n:]
		} else {
			part.FleetIDs, fleets = fleets[:n], fleets[n:]
		}
		parts = append(parts, part)
	}
	return parts
}

// TestExportOfManyRowsInParts: rows are read some at a time, which no file shows.
func TestExportOfManyRowsInParts(t *testing.T) {
	f := newFixture(t, nil)
	for i := range 60 { // each some hundred rows, by the minute of their users
		f.add(record(0, func(r *farmtally.Record) {
			r.RecordID, r.QueueID, r.UserID = strings.Repeat("r", i+1), queueA, strings.Repeat("u", i+1)
			r.EndedAt = r.StartedAt + 24*60*60*1000
		}), record(0, func(r *farmtally.Record) {
			r.RecordID, r.QueueID, r.UserID = strings.Repeat("s", i+1), queueA2, strings.Repeat("u", i+2)
			r.EndedAt = r.StartedAt + 24*60*60*1000
		}))
	}
	ask := func(queues ...farmtally.QueueID) string {
		id := f.begin(map[string]any{"resourceIds": map[string]any{"queueIds": queues}})
		f.finished(id)
		return id
	}
	whole, one, two := ask(queueA, queueA2), ask(queueA), ask(queueA2)
	want := f.ask(http.MethodGet, exportPath(farmA, whole, "csv"), "").body
	if n := strings.Count(want, "\n"); n < 1400 {
		t.Fatalf("%d lines are not many", n)
	}
	if have := f.ask(http.MethodGet, exportPath(farmA, two, "csv")+with([]string{one}), "").body; have != want {
		t.Error("the parts are not the whole")
	}
}

// TestExportOfPartsRefused: what would not add up to one answer is refused.
func TestExportOfPartsRefused(t *testing.T) {
	f := newFixture(t, nil)
	ask := func(members map[string]any) string {
		id := f.begin(members)
		f.finished(id)
		return id
	}
	other := func(members map[string]any) string {
		members["resourceIds"] = map[string]any{"queueIds": []string{string(queueA2)}}
		return ask(members)
	}
	explored := func(value string) string {
		s := f.explore(t, map[string]any{
			"resourceIds": map[string]any{"queueIds": []string{string(queueA2)}},
			"keep":        []map[string]string{{"dimension": "USER_ID", "value": value}},
		})
		return f.ended(t, s.AggregationID).AggregationID
	}
	id := ask(nil)
	const form, twice = "must be aggregations that ask the same", "must have each queue or fleet once, and has queue-000000000000000000000000000000a1 twice"
	for name, c := range map[string]struct {
		with   string
		status int
		says   string
	}{
		"no id":             {"x", 400, "with must be ids of aggregations, 32 lower-case hexadecimal digits each"},
		"an empty one":      {"", 400, "with must be ids of aggregations"},
		"too many":          {strings.Repeat(id+",", 99) + id, 400, "with must have at most 99 ids"},
		"unknown":           {strings.Repeat("0", 32), 404, "sessions-statistics-aggregation"},
		"itself":            {id, 400, twice},
		"the same queue":    {ask(nil), 400, twice},
		"another grouping":  {other(map[string]any{"groupBy": []string{"JOB_ID"}}), 400, form},
		"another period":    {other(map[string]any{"period": "DAILY"}), 400, form},
		"another zone":      {other(map[string]any{"timezone": "UTC+01:00"}), 400, form},
		"another range":     {other(map[string]any{"endTime": "2026-01-31T12:00:00Z"}), 400, form},
		"another start":     {other(map[string]any{"startTime": "2026-01-31T01:00:00Z"}), 400, form},
		"another statistic": {other(map[string]any{"statistics": []string{"SUM"}}), 400, form},
		"some of its rows":  {explored("alice"), 400, form},
		"what adds up":      {other(map[string]any{}), 200, "aggregationStartTime"},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.ask(http.MethodGet, exportPath(farmA, id, "csv")+"&with="+c.with, "")
			if a.status != c.status || !strings.Contains(a.body, c.says) {
				t.Errorf("got %d %s, want %d %s", a.status, a.body, c.status, c.says)
			}
		})
	}
}
