package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/ingest"
)

func full() farmtally.Record {
	return farmtally.Record{
		RecordID: `a "quoted", one`, FarmID: "farm-00000000000000000000000000000001", FarmName: "studio\n",
		QueueID: "queue-00000000000000000000000000000002", QueueName: "größe",
		FleetID: "fleet-00000000000000000000000000000003", FleetName: "f",
		JobID: "job-00000000000000000000000000000004", JobName: `back\slash`, UserID: "=1+1",
		UsageType: farmtally.License, InstanceType: "c5.4xlarge", LicenseProduct: "arnold",
		StartedAt: 1_735_689_600_001, EndedAt: 1_735_689_660_000, RuntimeMillis: 59_500, HasRuntime: true,
		Cost: 14_900_000, HasCost: true, Workers: farmtally.One, CPUs: farmtally.One / 2,
		GPUs: 2 * farmtally.One, MemoryInGiB: 64 * farmtally.One,
	}
}

var fullValues = map[string]string{
	"recordId": `a "quoted", one`, "farmId": "farm-00000000000000000000000000000001", "farmName": "studio\n",
	"queueId": "queue-00000000000000000000000000000002", "queueName": "größe",
	"fleetId": "fleet-00000000000000000000000000000003", "fleetName": "f",
	"jobId": "job-00000000000000000000000000000004", "jobName": `back\slash`, "userId": "=1+1",
	"usageType": "LICENSE", "instanceType": "c5.4xlarge", "licenseProduct": "arnold",
	"startedAt": "2025-01-01T00:00:00.001Z", "endedAt": "2025-01-01T00:01:00Z",
	"runtimeInSeconds": "59.5", "costInUsd": "0.0149", "workers": "1", "cpus": "0.5", "gpus": "2", "memoryInGiB": "64",
}

func TestRecordJSONHoldsEveryMember(t *testing.T) {
	r := full()
	line := export.AppendRecordJSON(nil, &r)
	if strings.ContainsRune(string(line), '\n') {
		t.Errorf("the record takes more than one line: %s", line)
	}
	var got map[string]any
	d := json.NewDecoder(strings.NewReader(string(line)))
	d.UseNumber()
	if err := d.Decode(&got); err != nil {
		t.Fatalf("decode %s: %v", line, err)
	}
	for name, want := range fullValues {
		have := got[name]
		if n, ok := have.(json.Number); ok {
			have = n.String()
		}
		if have != want {
			t.Errorf("%s is %q, want %q", name, have, want)
		}
	}
	if len(got) != len(fullValues) {
		t.Errorf("%d members, want %d: %s", len(got), len(fullValues), line)
	}
}

func TestRecordJSONLeavesAbsentMembersOut(t *testing.T) {
	r := farmtally.Record{
		RecordID: "r", FarmID: "farm-00000000000000000000000000000001", QueueID: "queue-00000000000000000000000000000002",
		UsageType: farmtally.Compute, Running: true, EndedAt: 5, Workers: farmtally.One,
		Cost: 7, HasCost: true, Rate: farmtally.Rate{ID: "a row of the card"},
	}
	const want = `{"recordId":"r","farmId":"farm-00000000000000000000000000000001",` +
		`"queueId":"queue-00000000000000000000000000000002","usageType":"COMPUTE","startedAt":"1970-01-01T00:00:00Z","workers":1}`
	if got := string(export.AppendRecordJSON(nil, &r)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// written is a file of one record.
func written(t interface {
	Helper()
	Fatal(...any)
}, c export.RecordConfig, r *farmtally.Record) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := export.NewRecordWriter(&file, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(r), w.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// shut is a file that knows whether it was closed.
type shut struct {
	bytes.Buffer
	closed bool
}

func (s *shut) Close() error {
	s.closed = true
	return nil
}

// TestTargetsStayOpen: what a file is written to is the caller's to close, in every form.
func TestTargetsStayOpen(t *testing.T) {
	check := func(kind, form string, write func(*shut) error) {
		var file shut
		if err := write(&file); err != nil || file.Len() == 0 || file.closed {
			t.Errorf("%s as %s: %v, %d bytes, closed %t", kind, form, err, file.Len(), file.closed)
		}
	}
	r := full()
	for _, form := range export.RecordForms {
		check("records", form, func(file *shut) error {
			w, err := export.NewRecordWriter(file, export.RecordConfig{Form: form})
			if err != nil {
				return err
			}
			return errors.Join(w.Write(&r), w.Close())
		})
	}
	for _, form := range export.StatisticsForms {
		check("statistics", form, func(file *shut) error {
			w, err := export.NewStatisticsWriter(file, export.StatisticsConfig{Form: form, GroupBy: []farmtally.Dimension{farmtally.ByUser}})
			if err != nil {
				return err
			}
			return errors.Join(w.Write(&export.StatisticsRow{Count: 1}), w.Close(export.StatisticsEnd{}))
		})
	}
	for _, form := range export.FocusForms {
		check("charges", form, func(file *shut) error {
			w, err := export.NewFocusWriter(file, export.FocusConfig{Form: form, Version: "1.2", Grain: farmtally.Daily, Farm: farmtally.Farm{ID: r.FarmID}, End: r.EndedAt})
			if err != nil {
				return err
			}
			return errors.Join(w.Write(&r), w.Close())
		})
	}
}

func TestUnknownFormsAreRefused(t *testing.T) {
	if _, err := export.NewRecordWriter(&bytes.Buffer{}, export.RecordConfig{Form: "xlsx"}); err == nil || !strings.Contains(err.Error(), `no form "xlsx"; those there are: ndjson, csv, parquet, arrow`) {
		t.Errorf("records: %v", err)
	}
	if _, err := export.NewStatisticsWriter(&bytes.Buffer{}, export.StatisticsConfig{Form: "xlsx"}); err == nil || !strings.Contains(err.Error(), `no form "xlsx"; those there are: csv, json,`) {
		t.Errorf("statistics: %v", err)
	}
}

func TestRecordCSVHoldsEveryMember(t *testing.T) {
	r := full()
	text := written(t, export.RecordConfig{Form: "csv"}, &r)
	lines, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(lines) != 2 {
		t.Fatalf("%d lines, %v: %s", len(lines), err, text)
	}
	for i, name := range lines[0] {
		want := fullValues[name]
		if name == "userId" {
			want = "'" + want // no formula
		}
		if lines[1][i] != want {
			t.Errorf("%s is %q, want %q", name, lines[1][i], want)
		}
	}
}

// TestRecordCSVHoldsNoFormulas: whatever a text is, no cell begins as a formula does, and
// an import gives the text back.
func TestRecordCSVHoldsNoFormulas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := full()
		r.LicenseProduct = rapid.StringMatching(`'{0,2}[=+@＝x-]?[a-z"', =]{0,4}[a-z]`).Draw(t, "text")
		line := written(t, export.RecordConfig{Form: "csv"}, &r)
		rows, err := csv.NewReader(bytes.NewReader(line)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if cell := rows[1][slices.Index(rows[0], "licenseProduct")]; strings.ContainsAny(cell[:1], "=+-@") || strings.HasPrefix(cell, "＝") {
			t.Fatalf("%q becomes %q", r.LicenseProduct, cell)
		}
		back := ""
		if err := (ingest.CSV{}).Read(t.Context(), bytes.NewReader(line), func(row *ingest.Row) error {
			if len(row.Faults) > 0 {
				return fmt.Errorf("%v", row.Faults)
			}
			back = row.Records[0].LicenseProduct
			return nil
		}); err != nil || back != r.LicenseProduct {
			t.Fatalf("%q comes back as %q, %v", r.LicenseProduct, back, err)
		}
	})
}

func BenchmarkAppendRecordJSON(b *testing.B) {
	var line []byte
	for r := range (ingest.Synthetic{Records: int64(b.N), Seed: 1}).Each() {
		line = export.AppendRecordJSON(line[:0], r)
	}
	b.SetBytes(int64(len(line)))
}
