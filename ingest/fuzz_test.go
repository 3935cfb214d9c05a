package ingest_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
)

// checkSource reads any bytes at all: every row must be a number of valid records, a
// skip or a number of faults, and lines must grow.
func checkSource(t *testing.T, source ingest.Source, text []byte) []ingest.Row {
	rows, err := read(source, bytes.NewReader(text))
	if err != nil && farmtally.KindOf(err) != farmtally.Invalid {
		t.Fatalf("error %v", err)
	}
	var line int64
	for i := range rows {
		row := &rows[i]
		says := 0
		for _, yes := range []bool{len(row.Records) > 0, row.Skip != "", len(row.Faults) > 0} {
			if yes {
				says++
			}
		}
		if says != 1 || row.Line <= line {
			t.Fatalf("row %+v after line %d", row, line)
		}
		line = row.Line
		for j := range row.Records {
			if faults := row.Records[j].Validate(); len(faults) > 0 {
				t.Fatalf("record %+v: %v", row.Records[j], faults)
			}
		}
		for _, f := range row.Faults {
			if f.Name == "" || f.Message == "" || len(f.Name)+len(f.Message) > 2000 || bytes.ContainsAny([]byte(f.Name+f.Message), "\n\x00") {
				t.Fatalf("fault %q", f)
			}
		}
	}
	if lines := int64(bytes.Count(text, []byte("\n"))) + 1; line > lines {
		t.Fatalf("a row on line %d of %d", line, lines)
	}
	return rows
}

func FuzzNDJSON(f *testing.F) {
	example, err := os.ReadFile("../examples/usage.ndjson")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(example) {
		f.Add(line)
	}
	f.Add([]byte(`{"recordId":"\u00e9\"\\","cpus":"1e1","gpus":null,"x":{"a":[1,"}"]},"recordId":[[]]}`))
	f.Fuzz(func(t *testing.T, text []byte) { checkSource(t, ingest.NDJSON{Farm: "f"}, text) })
}

func FuzzCSV(f *testing.F) {
	example, err := os.ReadFile("../examples/usage.csv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add([]byte("recordId,usageType,startedAt,queueId,jobName\n\"a\n\nb\",COMPUTE,2026-01-01T00:00:00Z,q,\"\"\"x\"\n\"open,\nb,"))
	f.Fuzz(func(t *testing.T, text []byte) {
		rows := checkSource(t, ingest.CSV{Farm: "f"}, text)
		if len(rows) > 0 && utf8.Valid(text) && bytes.IndexByte(text, 0) < 0 {
			compareWithStandardLibrary(t, rows, text)
		}
	})
}

// compareWithStandardLibrary reads the record ids of a well-formed file once more.
func compareWithStandardLibrary(t *testing.T, rows []ingest.Row, text []byte) {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))))
	all, err := in.ReadAll()
	if err != nil {
		return
	}
	column := slices.Index(all[0], "recordId")
	i := 1
	for _, row := range rows {
		if row.Skip == ingest.BlankLine {
			continue
		}
		for _, r := range row.Records {
			if r.RecordID != all[i][column] {
				t.Fatalf("line %d has record id %q, want %q", row.Line, r.RecordID, all[i][column])
			}
		}
		i++
	}
	// A line of nothing but spaces is a blank line here, and a row there.
	if i > len(all) {
		t.Fatalf("%d rows, the standard library found %d", i-1, len(all)-1)
	}
}
