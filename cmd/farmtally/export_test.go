package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/ingest"
)

// exported is what the data's folder exports.
func exported(t *testing.T, data string, args ...string) string {
	t.Helper()
	return do(t, append([]string{"export", "records", "--data", data}, args...)...)
}

// TestExportedRecordsComeBack exports a farm in each form and imports it into another
// folder, which then exports the same.
func TestExportedRecordsComeBack(t *testing.T) {
	data := importStudio(t)
	want := exported(t, data)
	if n := strings.Count(want, "\n"); n != 7 {
		t.Fatalf("%d lines of 7 records:\n%s", n, want)
	}
	for _, form := range export.RecordForms {
		t.Run(form, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usage."+form)
			if text := exported(t, data, "--format", form, "--output", path); !strings.HasPrefix(text, "wrote 7 records of farm studio to ") {
				t.Errorf("export prints %q", text)
			}
			if form == "ndjson" || form == "csv" {
				file, err := os.ReadFile(path)
				text := string(file)
				if form == "csv" { // Excel wants a byte order mark and RFC 4180 its line ends
					text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
					if len(text) == len(file) {
						t.Error("the file is not for a spreadsheet")
					}
				}
				if err != nil || exported(t, data, "--format", form) != text {
					t.Errorf("standard output has other bytes than the file, or %v", err)
				}
			}
			other := filepath.Join(t.TempDir(), "other")
			for _, outcome := range []string{"new", "unchanged"} {
				var s ingest.Summary
				doJSON(t, &s, "import", form, "--data", other, "--output", "json", path)
				if s.Read != 7 || s.Rejected != 0 || outcome == "new" && s.New != 7 || outcome == "unchanged" && s.Unchanged != 7 {
					t.Errorf("the import of %s records: %+v", outcome, s)
				}
			}
			if got := exported(t, other); got != want {
				t.Errorf("what came back is\n%swant\n%s", got, want)
			}
			do(t, "check", "--data", other)
		})
	}
}

// TestExportedRange exports the records that meet a range, and none of an empty one.
func TestExportedRange(t *testing.T) {
	data := importStudio(t)
	for _, c := range []struct {
		from, to string
		records  int
	}{
		{"2025-11-24T15:00:00Z", "2025-11-24T15:00:01Z", 2}, // s6, and the volume of the whole day
		{"2025-11-24", "2025-11-25", 7},
		{"2024-01-01", "2024-02-01", 0},
	} {
		if got := exported(t, data, "--from", c.from, "--to", c.to); strings.Count(got, "\n") != c.records {
			t.Errorf("%s to %s has\n%s, want %d records", c.from, c.to, got, c.records)
		}
	}
	for _, form := range export.RecordForms {
		path := filepath.Join(t.TempDir(), "none")
		exported(t, data, "--to", "2024-01-01", "--format", form, "--output", path)
		var s ingest.Summary
		doJSON(t, &s, "import", form, "--data", filepath.Join(t.TempDir(), "other"), "--output", "json", path)
		if s.Read != 0 || s.Rejected != 0 {
			t.Errorf("an empty %s file: %+v", form, s)
		}
	}
}

func TestExportMistakes(t *testing.T) {
	data := importStudio(t)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--farm", "stduio"}, exitFailed, "studio"},
		{[]string{"--format", "xlsx"}, exitMisuse, "parquet"},
		{[]string{"--from", "2026-01-01", "--to", "2025-01-01"}, exitMisuse, "--from must be before --to"},
		{[]string{"--from", "yesterdya"}, exitMisuse, "--from"},
		{[]string{"--output", filepath.Join(t.TempDir(), "no", "such", "folder")}, exitFailed, "folder"},
	} {
		got := invocation{}.run(t, append([]string{"export", "records", "--data", data}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.stderr, c.says) {
			t.Errorf("%v: exit %d, %s, want %d and %q", c.args, got.code, got.stderr, c.code, c.says)
		}
	}
}

// TestImportMapsColumns imports a Parquet file as if its columns were another
// program's: what one column says is taken for another field.
func TestImportMapsColumns(t *testing.T) {
	data := importStudio(t)
	path := filepath.Join(t.TempDir(), "usage.parquet")
	exported(t, data, "--format", "parquet", "--output", path)
	other := filepath.Join(t.TempDir(), "other")
	var s ingest.Summary
	doJSON(t, &s, "import", "parquet", "--data", other, "--output", "json", "--columns", "userId=jobName,jobId=userId", path)
	if s.New != 7 || s.Rejected != 0 {
		t.Fatalf("the import: %+v", s)
	}
	if got := exported(t, other); !strings.Contains(got, `"userId":"sq010 beauty"`) {
		t.Errorf("userId is not what jobName was:\n%s", got)
	}
	for columns, says := range map[string]string{
		"colour=jobName": "colour", "userId=noSuchColumn": "noSuchColumn", "userId": "userId", "startedAt=startedAt:parsec": "parsec",
	} {
		got := invocation{}.run(t, "import", "parquet", "--data", other, "--columns", columns, path)
		if got.code == exitDone || !strings.Contains(got.stderr, says) {
			t.Errorf("--columns %s: exit %d, %s", columns, got.code, got.stderr)
		}
	}
}
