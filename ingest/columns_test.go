package ingest_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/internal/backendtest"
)

var columnSources = map[string]ingest.Source{
	"parquet": ingest.Parquet("", "", nil), "arrow": ingest.Arrow("", "", nil),
}

func columnFile(t interface {
	Helper()
	Fatal(...any)
}, form string, records []farmtally.Record) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := export.NewRecordWriter(&out, export.RecordConfig{Form: form})
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if err := w.Write(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// imported is what an export gives back: a record without what a rate card said of it.
func imported(r farmtally.Record) farmtally.Record {
	if r.Rate.ID != "" {
		r.Cost, r.HasCost = 0, false
	}
	r.Rate = farmtally.Rate{}
	return r
}

func TestColumnsGiveBackWhatWasExported(t *testing.T) {
	for form, source := range columnSources {
		t.Run(form, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				records := rapid.SliceOfN(backendtest.Records(backendtest.Farm(1)), 0, 50).Draw(t, "records")
				file := columnFile(t, form, records)
				rows, err := read(source, bytes.NewReader(file))
				if err != nil || len(rows) != len(records) {
					t.Fatalf("%d rows of %d: %v", len(rows), len(records), err)
				}
				for i := range rows {
					want := imported(records[i])
					if len(rows[i].Records) != 1 || !rows[i].Records[0].SameAs(&want) || rows[i].Records[0].JobName != want.JobName {
						t.Fatalf("row %+v, want %+v", rows[i], want)
					}
				}
				slow, err := read(ingest.ByTexts(source), bytes.NewReader(file))
				if err != nil || !reflect.DeepEqual(slow, rows) {
					t.Fatalf("by texts %+v, else %+v: %v", slow, rows, err)
				}
			})
		})
	}
}

// Rows that break rules get the same faults, and odd ones the same records, either way.
func TestColumnsAreReadAsTheirTextsAre(t *testing.T) {
	for form, source := range columnSources {
		t.Run(form, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				records := rapid.SliceOfN(backendtest.Records(backendtest.Farm(1)), 1, 20).Draw(t, "records")
				for i := range records {
					spoil(t, &records[i])
				}
				file := columnFile(t, form, records)
				fast, fastErr := read(source, bytes.NewReader(file))
				slow, slowErr := read(ingest.ByTexts(source), bytes.NewReader(file))
				if fmt.Sprint(fastErr) != fmt.Sprint(slowErr) || !reflect.DeepEqual(slow, fast) {
					t.Fatalf("by texts %+v, %v; else %+v, %v", slow, slowErr, fast, fastErr)
				}
			})
		})
	}
}

func spoil(t *rapid.T, r *farmtally.Record) {
	text := rapid.SampledFrom([]string{"", "x", "comp", "queue-0123456789abcdef", "a\x00b", string(bytes.Repeat([]byte("é"), 101)),
		string(bytes.Repeat([]byte("w"), 300))}).Draw(t, "text")
	number := rapid.SampledFrom([]int64{-1, 0, 1, 1e18, 1e18 + 1, 1<<63 - 1}).Draw(t, "number")
	switch rapid.IntRange(0, 15).Draw(t, "spoilt") {
	case 0:
		r.RecordID = text
	case 1:
		r.QueueID = farmtally.QueueID(text)
	case 2:
		r.FarmID = farmtally.FarmID(text)
	case 3:
		r.JobID, r.JobName = farmtally.JobID(text), ""
	case 4:
		r.UserID = text
	case 5:
		r.LicenseProduct = text
	case 6:
		r.Workers = farmtally.Quantity(number)
	case 7:
		r.Cost, r.HasCost = farmtally.Money(number), true
	case 8:
		r.StartedAt = farmtally.Instant(number)
	case 9:
		r.RuntimeMillis, r.HasRuntime = number, true
	case 10:
		r.EndedAt = farmtally.Instant(number)
	case 11:
		r.QueueName = text
	case 12:
		r.QueueID, r.FleetID = "", ""
	}
}

func FuzzColumns(f *testing.F) {
	for form := range columnSources {
		made := slices.Collect(func(yield func(farmtally.Record) bool) {
			for r := range (ingest.Synthetic{Records: 20, Seed: 1}).Each() {
				if !yield(*r) {
					return
				}
			}
		})
		file := columnFile(f, form, made)
		f.Add(file)
		f.Add(file[:len(file)/2])
		file = slices.Clone(file)
		file[len(file)-60] ^= 0xFF
		f.Add(file)
	}
	f.Add([]byte{})
	f.Add([]byte("PAR1 PARE"))
	f.Fuzz(func(t *testing.T, file []byte) {
		for form, source := range columnSources {
			rows, err := read(source, bytes.NewReader(file))
			if err != nil && farmtally.KindOf(err) != farmtally.Invalid {
				t.Fatalf("%s: %v", form, err)
			}
			for i := range rows {
				for j := range rows[i].Records {
					if faults := rows[i].Records[j].Validate(); len(faults) > 0 {
						t.Fatalf("%s: record %+v: %v", form, rows[i].Records[j], faults)
					}
				}
			}
		}
	})
}

func TestColumnsAreMapped(t *testing.T) {
	for _, bad := range []string{"x", "recordID=a", "startedAt=a:min", "cpus=a,cpus=b", "cpus="} {
		if _, err := ingest.ParseColumns(bad); farmtally.KindOf(err) != farmtally.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
	columns, err := ingest.ParseColumns("startedAt=begin:x:ms,costInUsd=cost")
	if err != nil || columns["startedAt"] != (ingest.ColumnRef{Name: "begin:x", Digits: 3, Unit: true}) || columns["costInUsd"].Name != "cost" {
		t.Errorf("%v, %v", columns, err)
	}
}
