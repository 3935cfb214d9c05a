package engine_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/storage"
)

var newFormat = flag.Bool("new-format", false, "write the data folder of the current format version into testdata")

// formatQueries are asked of the folder of every format version.
func formatQueries() []farmtally.Query {
	q := backendtest.ExampleQuery(backendtest.Farm(1 << 20))
	q.AsOf = q.Start + 40*60*60*1000
	var queries []farmtally.Query
	for _, period := range []farmtally.Period{farmtally.WholeRange, farmtally.Daily, farmtally.Monthly} {
		for _, d := range []farmtally.Dimension{farmtally.ByLicenseProduct, farmtally.ByJob} {
			next := q
			next.Period, next.GroupBy = period, []farmtally.Dimension{farmtally.ByUsageType, d}
			queries = append(queries, next)
		}
	}
	return queries
}

// Every folder that any version of the program has written is read, with the
// answers that it had.
func TestEveryFormatVersion(t *testing.T) {
	if *newFormat {
		writeFormat(t)
	}
	folders, err := filepath.Glob("testdata/format-*")
	if err != nil || len(folders) != storage.FormatVersion {
		t.Fatalf("%d folders for %d versions, error %v", len(folders), storage.FormatVersion, err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(folder, "answers.json"))
			if err != nil {
				t.Fatal(err)
			}
			if got := formatAnswers(t, dir); got != string(want) {
				t.Errorf("answers differ:\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// formatAnswers prints the answers to formatQueries, all records and the result.
func formatAnswers(t *testing.T, dir string) string {
	t.Helper()
	ctx := context.Background()
	catalog, err := storage.Open(ctx, storage.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close() //nolint:errcheck // a copy
	e := engine.Open(engine.Config{Catalog: catalog})
	defer e.Close() //nolint:errcheck // a copy
	var all struct {
		Answers []backendtest.Answer
		Records []string
		Result  []farmtally.Row
	}
	for _, q := range formatQueries() {
		all.Answers = append(all.Answers, backendtest.Ask(t, e, &q))
	}
	s, err := e.Snapshot(ctx, backendtest.Farm(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // it only reads
	if err := s.Records(ctx, func(r *farmtally.Record) error {
		all.Records = append(all.Records, fmt.Sprintf("%+v", *r))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	result, err := catalog.OpenResult(resultID)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close() //nolint:errcheck // it is only read
	if err := result.Read(0, 100, func(r *farmtally.Row) error {
		all.Result = append(all.Result, *r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

const resultID = "0123456789abcdef0123456789abcdef"

// writeFormat makes the folder: segments with rows that were replaced one by one and many at
// once, hot and running records beside some that were sealed, names, and a result.
func writeFormat(t *testing.T) {
	t.Helper()
	ctx, dir := context.Background(), fmt.Sprintf("testdata/format-%d", storage.FormatVersion)
	try(t, os.RemoveAll(dir))
	catalog, err := storage.Open(ctx, storage.Config{Dir: dir})
	try(t, err)
	e := engine.Open(engine.Config{Catalog: catalog, SegmentRecords: 12})
	records := backendtest.Example(backendtest.Farm(1<<20), 30)
	for i := range records {
		r := &records[i]
		r.JobID = farmtally.JobID(farmtally.HashID(farmtally.JobPrefix, "test", "", fmt.Sprint(i%3)))
		r.JobName, r.Workers, r.MemoryInGiB = fmt.Sprint("job ", i%3), farmtally.One, farmtally.Quantity(i)*farmtally.One/2
		switch i % 5 {
		case 1:
			r.UsageType, r.LicenseProduct = farmtally.License, "nuke"
		case 2:
			r.HasCost, r.Rate = false, farmtally.Rate{ID: "worker-hour", USDPerHour: 123_456_789, Per: farmtally.PerWorker}
		case 3:
			r.HasCost = false
		case 4:
			r.EndedAt += 50 * 24 * 60 * 60 * 1000
		}
	}
	try(t, importAll(ctx, e, records[:24]))
	for i := range records[:9] {
		records[i].Workers += farmtally.One
	}
	try(t, importAll(ctx, e, records[:9]))
	_, err = e.Append(ctx, records[24:26])
	try(t, err)
	_, err = e.Seal(ctx, backendtest.Farm(1<<20))
	try(t, err)
	records[3].UserID = "another"
	records[28].Running, records[28].HasCost = true, false
	_, err = e.Append(ctx, append(records[26:], records[3]))
	try(t, err)
	result, err := catalog.CreateResult(resultID)
	try(t, err)
	q := formatQueries()[0]
	answer := backendtest.Ask(t, e, &q)
	for i := range answer.Rows {
		try(t, result.Append(&answer.Rows[i]))
	}
	try(t, result.Commit())
	try(t, e.Close())
	try(t, catalog.Close())
	try(t, os.WriteFile(filepath.Join(dir, "answers.json"), []byte(formatAnswers(t, dir)), 0o600))
}

// A folder of the first version is written to: what it has and what comes are there, and
// the folder says that programs of that version cannot read it.
func TestOldFormatIsRaised(t *testing.T) {
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), "data")
	try(t, os.CopyFS(dir, os.DirFS("testdata/format-1")))
	held := func(write bool) (n int) {
		catalog, err := storage.Open(ctx, storage.Config{Dir: dir})
		try(t, err)
		defer catalog.Close() //nolint:errcheck // a copy
		e := engine.Open(engine.Config{Catalog: catalog})
		defer e.Close() //nolint:errcheck // a copy
		farm := backendtest.Farm(1 << 20)
		if write {
			r := backendtest.Example(farm, 31)[30]
			r.RecordID = "new"
			outcomes, err := e.Append(ctx, []farmtally.Record{r})
			try(t, err)
			if outcomes[0] != farmtally.New {
				t.Errorf("the record is %v", outcomes[0])
			}
			_, err = e.Seal(ctx, farm)
			try(t, err)
			_, err = e.Append(ctx, []farmtally.Record{r})
			try(t, err)
		}
		s, err := e.Snapshot(ctx, farm)
		try(t, err)
		defer s.Close() //nolint:errcheck // it only reads
		try(t, s.Records(ctx, func(*farmtally.Record) error { n++; return nil }))
		return n
	}
	before := held(false)
	if got := held(true); got != before+1 {
		t.Errorf("%d records, and %d before one was pushed", got, before)
	}
	if got := held(false); got != before+1 {
		t.Errorf("%d records after opening again, and %d before one was pushed", got, before)
	}
	catalog, err := sql.Open("sqlite", filepath.Join(dir, "catalog.db"))
	try(t, err)
	defer catalog.Close() //nolint:errcheck // it is only read
	var version string
	try(t, catalog.QueryRowContext(ctx, "SELECT CAST(value AS TEXT) FROM meta WHERE key = 'format'").Scan(&version))
	if version != "3" {
		t.Errorf("the folder has version %s", version)
	}
}
