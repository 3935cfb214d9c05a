package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSQLDocumentIsTheHarnesss sees that the document shows the statements in use.
func TestSQLDocumentIsTheHarnesss(t *testing.T) {
	const file = "../docs/performance-sql.md"
	text, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(text, sqlDocument()) {
		t.Errorf("%s is not what the harness asks (%v): in bench/, 'go run . --sql ../%s' writes it", file, err, file[3:])
	}
}

// TestDocumentHasItsMarks sees that a run of half an hour finds where to write its tables.
func TestDocumentHasItsMarks(t *testing.T) {
	text, err := os.ReadFile("../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "performance.md")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"measured", "sizes"} {
		if err := replaceBetween(file, part, []byte("tables of "+part+"\n")); err != nil {
			t.Error(err)
		}
	}
	written, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(written, []byte("tables of measured")) || !bytes.Contains(written, []byte("tables of sizes")) {
		t.Errorf("the tables are not there (%v)", err)
	}
	if !bytes.Contains(text, []byte("\n### Goals that were not reached\n")) {
		t.Error("the marks of goals that were not reached lead nowhere")
	}
}

func TestSameFindsEachDifference(t *testing.T) {
	rows := []string{"a\t1", "b\t2"}
	for _, other := range [][]string{{"a\t1"}, {"a\t1", "b\t3"}, {"a\t1", "b\t2", "c\t3"}, nil} {
		if same(rows, other, "a peer") == nil {
			t.Errorf("%q are taken for %q", other, rows)
		}
	}
	if err := same(rows, slices.Clone(rows), "a peer"); err != nil {
		t.Error(err)
	}
}

func TestTimes(t *testing.T) {
	var list times
	if list.median() != 0 {
		t.Error("no times have a median")
	}
	for _, ms := range []int{5, 1, 4, 2, 3} {
		list.add(time.Duration(ms) * time.Millisecond)
	}
	if list.median() != 0.003 || list.at(0) != 0.001 || list.at(1) != 0.005 || list.at(0.99) != 0.005 {
		t.Errorf("median %v, least %v, most %v, p99 %v", list.median(), list.at(0), list.at(1), list.at(0.99))
	}
}

// sample are the results of a run of which every goal is reached, or none.
func sample(records int64, reached bool) *results {
	slow := 1.0
	if !reached {
		slow = 1000
	}
	sides := []sideResult{{Name: "farmtally", Seconds: times{0.01 * slow}}, {Name: "DuckDB", Seconds: times{5}}, {Name: "ClickHouse", Seconds: times{2}}}
	r := &results{
		Records: records, BytesEach: 50 * slow, Opening: &openingResult{times{0.1 * slow}, times{0.2 * slow}},
		Parquet: &parquetResult{times{1 * slow}, times{2}}, Push: &pushResult{Records: 1_000_000, Seconds: times{slow}, ServerCPU: times{1}},
		Single: &singleResult{times{0, 1, 0.005 * slow, 2}, times{0, 1, 0.004, 2}},
		Pages:  &pagesResult{Pages: 10, Requests: 10_000, Seconds: times{slow}, ServerCPU: times{1}, First: times{1, 1, 1, 1}, Last: times{1, 1 * slow, 1, 1}},
	}
	for _, name := range []string{"Q1", "Q2", "Q3", "Q4", "Q5"} {
		r.Questions = append(r.Questions, questionResult{name, 1, sides, times{0.005}, 1})
		r.Again = append(r.Again, againResult{name, 1, times{1}, sides})
		r.Memory = append(r.Memory, memoryResult{name, int64(slow) << 20})
		r.Growth = append(r.Growth, growthResult{name, times{0.1}, times{slow}})
	}
	return r
}

func TestGoalsAreJudged(t *testing.T) {
	for _, test := range []struct {
		reached bool
		outcome string
	}{{true, "reached"}, {false, "**[not reached](#goals-that-were-not-reached)**"}} {
		r := sample(openRecords, test.reached)
		goals := r.goals(&history{Runs: []*results{r}})
		if len(goals) != 12 {
			t.Errorf("%d goals", len(goals))
		}
		for _, g := range goals {
			if g.outcome() != test.outcome {
				t.Errorf("%s: %s, %+v", g.what, g.outcome(), g.reached)
			}
		}
	}
	empty := &results{Records: 10}
	for _, g := range empty.goals(&history{}) {
		if g.outcome() != "not measured" {
			t.Errorf("%s: %s", g.what, g.outcome())
		}
	}
}

// TestOpeningIsJudgedByTheGoalsSize sees that a quick opening of fewer records says
// nothing, and that a run of more does, whenever it was.
func TestOpeningIsJudgedByTheGoalsSize(t *testing.T) {
	few := sample(1000, true)
	g := few.openingGoal(&history{})
	if g.outcome() != "not measured at this size" {
		t.Errorf("of 1,000 records: %s", g.outcome())
	}
	many := sample(2*openRecords, true)
	many.Machine.Date = "2026-01-02 03:04"
	if g = few.openingGoal(&history{Runs: []*results{few, many}}); g.outcome() != "reached" || !strings.Contains(g.reached[0].text, "2026-01-02") {
		t.Errorf("of 200,000,000 records: %s, %+v", g.outcome(), g.reached)
	}
	exact := sample(openRecords, true)
	exact.Machine.Date = many.Machine.Date
	if g = few.openingGoal(&history{Runs: []*results{few, exact, many}}); !strings.Contains(g.reached[0].text, "100,000,000") {
		t.Errorf("of the goal's size, and more: %+v", g.reached)
	}
}

// TestTheDocumentShowsAWholeRun sees that its tables are those of the most records of which
// everything was measured.
func TestTheDocumentShowsAWholeRun(t *testing.T) {
	few, some, many := sample(1000, true), sample(2000, false), sample(3000, true)
	many.Parquet = nil
	if got := (&history{Runs: []*results{few, some, many}}).whole(); got != some {
		t.Errorf("shows %+v", got)
	}
	if got := (&history{Runs: []*results{many}}).whole(); got != nil {
		t.Errorf("shows %+v", got)
	}
}

// TestRunsAreRemembered sees that what a later run measured takes its place, and that
// nothing else is lost.
func TestRunsAreRemembered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	first := sample(1000, true)
	later := &results{Records: 1000, BytesEach: 7}
	larger := &results{Records: 2000, BytesEach: 8}
	for _, r := range []*results{larger, first, later} {
		if _, err := r.remember(file); err != nil {
			t.Fatal(err)
		}
	}
	h, err := larger.remember(file)
	if err != nil || len(h.Runs) != 2 {
		t.Fatalf("%+v, %v", h, err)
	}
	if r := h.Runs[0]; r.Records != 1000 || r.BytesEach != 7 || len(r.Questions) != 5 || r.Questions[2].Sides[1].Seconds.median() != 5 {
		t.Errorf("of 1,000 records: %+v", r)
	}
}

func TestSenderFilesAreReadAsWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "requests")
	requests := [][]byte{[]byte("one"), []byte("two"), {}, []byte("four"), []byte("five")}
	var got [][]byte
	for n := range senders {
		if err := writeRequests(file, requests, n); err != nil {
			t.Fatal(err)
		}
		list, err := readRequests(file)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, list...)
	}
	if want := "one,,five,two,four"; string(bytes.Join(got, []byte(","))) != want {
		t.Errorf("%q", got)
	}
}

// TestNewRecordsGoOn sees that the new records begin where the year ends, in order, and
// are of no record's identity that there is.
func TestNewRecordsGoOn(t *testing.T) {
	next, stop := newRecords(100_000)
	defer stop()
	at := yearEnd
	for range newImports {
		list := next()
		if len(list) != 1000 {
			t.Errorf("%d new records", len(list))
		}
		for i := range list {
			if list[i].StartedAt < at || !strings.HasPrefix(list[i].RecordID, "next-") || len(list[i].Validate()) > 0 {
				t.Fatalf("%+v", list[i])
			}
			at = list[i].StartedAt
		}
	}
	if at >= newEnd || at < newEnd-dayMillis {
		t.Errorf("the last new record begins at %s, and the range ends at %s", at, newEnd)
	}
}
