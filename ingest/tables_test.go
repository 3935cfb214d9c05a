package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"
	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/rates"
)

// observed is an import that keeps what memory does, the names that count at the end,
// and how many records came in tables.
type observed struct {
	memory
	names  map[string]string
	tabled int
}

func (o *observed) Add(ctx context.Context, r *farmtally.Record) error {
	if o.names == nil {
		o.names = map[string]string{}
	}
	for id, name := range map[string]string{
		string(r.FarmID): r.FarmName, string(r.QueueID): r.QueueName, string(r.FleetID): r.FleetName, string(r.JobID): r.JobName,
	} {
		if key := string(r.FarmID) + " " + id; id != "" && (name != "" || o.names[key] == "") {
			o.names[key] = name
		}
	}
	bare := *r
	bare.FarmName, bare.QueueName, bare.FleetName, bare.JobName = "", "", "", ""
	return o.memory.Add(ctx, &bare)
}

func (o *observed) AddTable(ctx context.Context, t *farmtally.Table) error {
	o.tabled += t.Len()
	for i := range t.Len() {
		var r farmtally.Record
		t.Record(i, &r)
		if faults := r.Validate(); len(faults) > 0 {
			return fmt.Errorf("record %+v: %v", r, faults)
		}
		if err := o.Add(ctx, &r); err != nil {
			return err
		}
	}
	return nil
}

// outcome is all that a load gives, for comparing: its summary, rejections, records and
// names.
func (o *observed) outcome(source ingest.Source, files []string, card *rates.Card) string {
	var rejected []ingest.Rejection
	summary, err := ingest.Load(context.Background(), ingest.LoadConfig{
		Files: files, Source: source, Begin: begins(o), Reject: func(r ingest.Rejection) { rejected = append(rejected, r) },
		Prices: ingest.Prices{
			Card: func(context.Context, farmtally.FarmID, string) (*rates.Card, error) { return card, nil },
			FleetNames: func(context.Context, farmtally.FarmID) (map[farmtally.FleetID]string, error) {
				return map[farmtally.FleetID]string{knownFleet: "known"}, nil
			},
		},
	})
	all := fmt.Sprintf("%+v, %v\n%v\n", summary, err, rejected)
	records := o.records()
	slices.SortStableFunc(records, func(a, b farmtally.Record) int { return cmpFarm(&a, &b) })
	for i := range records {
		if !records[i].Running {
			records[i].Rate = farmtally.Rate{ID: records[i].Rate.ID}
		}
		all += fmt.Sprintf("%+v\n", records[i])
	}
	for _, id := range slices.Sorted(maps.Keys(o.names)) {
		all += fmt.Sprintln(id, o.names[id])
	}
	return all
}

func cmpFarm(a, b *farmtally.Record) int {
	switch {
	case a.FarmID < b.FarmID:
		return -1
	case a.FarmID > b.FarmID:
		return 1
	}
	return 0
}

var knownFleet = farmtally.FleetID(farmtally.HashID(farmtally.FleetPrefix, "test", "", "0"))

const tablesCard = `
[[rate]]
id = "any"
usageType = "COMPUTE"
usdPerHour = "0.5"
per = "cpu"
[[rate]]
id = "any later"
usageType = "COMPUTE"
usdPerHour = "0.75"
validFrom = 2024-03-01T00:00:00Z
[[rate]]
id = "fast"
usageType = "COMPUTE"
instanceType = "m1"
usdPerHour = "9000000"
validFrom = 2024-02-27T00:00:00Z
validUntil = 2024-03-03T00:00:00Z
[[rate]]
id = "known"
usageType = "COMPUTE"
fleet = "known"
usdPerHour = "3"
[[rate]]
id = "named"
usageType = "PERSISTENT_VOLUME"
fleet = "beside"
usdPerHour = "4"
validUntil = 2024-03-01T12:00:00Z
[[rate]]
id = "seat"
usageType = "LICENSE"
licenseProduct = "product1"
per = "seat"
usdPerHour = "1000000000"
`

// drawFile draws records of one to three farms, some of them at fault, running, twice,
// or with other names, and writes them to a file.
func drawFile(t *rapid.T, dir, form string) string {
	farms := rapid.IntRange(1, 3).Draw(t, "farms")
	faults := rapid.SampledFrom([]int{0, 0, 12, 40}).Draw(t, "one of so many at fault")
	var records []farmtally.Record
	for range rapid.IntRange(0, 100).Draw(t, "records") {
		r := backendtest.Records(backendtest.Farm(rapid.IntRange(1, farms).Draw(t, "farm"))).Draw(t, "record")
		r.Running = r.Running && faults > 0
		r.QueueName = rapid.SampledFrom([]string{"", "", "one", "two"}).Draw(t, "queueName")
		r.FleetName = rapid.SampledFrom([]string{"", "", "known", "beside"}).Draw(t, "fleetName")
		if r.QueueID == "" {
			r.QueueName = ""
		}
		if rapid.IntRange(0, 9).Draw(t, "by name") == 0 {
			r.JobID = "job by name"
		}
		if faults > 0 && rapid.IntRange(0, faults).Draw(t, "fault") == 0 {
			spoil(t, &r)
		}
		if faults > 0 && rapid.IntRange(0, faults).Draw(t, "too long") == 0 {
			r.RuntimeMillis, r.HasRuntime = int64(r.EndedAt-r.StartedAt)+1, true
		}
		records = append(records, r)
		if rapid.IntRange(0, 9).Draw(t, "again") == 0 {
			again := records[rapid.IntRange(0, len(records)-1).Draw(t, "of")]
			again.UserID += "2"
			records = append(records, again)
		}
	}
	path := filepath.Join(dir, "records")
	if err := os.WriteFile(path, columnFile(t, form, records), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is read a column at a time is what is read row by row, in every respect.
func TestTablesAreReadAsRowsAre(t *testing.T) {
	backendtest.Checks(t, 100)
	card, err := rates.Parse("card", []byte(tablesCard))
	if err != nil {
		t.Fatal(err)
	}
	for form, source := range columnSources {
		t.Run(form, func(t *testing.T) {
			dir, tabled, checks := t.TempDir(), 0, 0
			rapid.Check(t, func(t *rapid.T) {
				path := drawFile(t, dir, form)
				var fast, slow observed
				least := rapid.SampledFrom([]int{1, 2, 10}).Draw(t, "least")
				got := fast.outcome(ingest.Tables(source, least), []string{path, path}, card)
				want := slow.outcome(ingest.ByTexts(source), []string{path, path}, card)
				if got != want {
					t.Fatalf("as tables\n%s\nas rows\n%s", got, want)
				}
				tabled, checks = tabled+fast.tabled, checks+1
			})
			if 2*tabled < checks { // of four draws three have none in tables, and the fourth many
				t.Errorf("only %d records came in tables", tabled)
			}
		})
	}
}

// A floating-point number is its shortest decimal, whichever way it is read.
func TestShortDecimalIsTheShortest(t *testing.T) {
	backendtest.Checks(t, 100)
	known := 0
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.OneOf(
			rapid.Float64(), rapid.Float64Range(0, 1e7),
			rapid.Map(rapid.Int64Range(0, 1e16), func(n int64) float64 { return float64(n) / 1e9 }),
			rapid.Map(rapid.Int64Range(0, 1e9), func(n int64) float64 { return float64(n) / 1e3 }),
			rapid.Map(rapid.Int64Range(0, 1e9), func(n int64) float64 { return float64(n) * 0.1 }),
			rapid.SampledFrom([]float64{0, 0.1, 0.3, 0.1 + 0.2, 1e6, 999_999.999999999, -1, 1 << 53, math.Inf(1), math.NaN(), math.Copysign(0, -1)}),
		).Draw(t, "number")
		text := strconv.FormatFloat(f, 'g', -1, 64)
		if n, ok := ingest.ShortDecimal(f, 9); ok {
			known++
			if want, err := farmtally.ParseMoney(text); err != nil || int64(want) != n {
				t.Fatalf("%s is %d, want %d, %v", text, n, want, err)
			}
		}
		if n, ok := ingest.ShortDecimal(f, 3); ok {
			if want, err := farmtally.ParseRuntime(text); err != nil || want != n {
				t.Fatalf("%s is %d, want %d, %v", text, n, want, err)
			}
		}
	})
	if known < 10 {
		t.Errorf("only %d numbers were decimals", known)
	}
}

// Numbers of other types than an export's, nulls among them, are read the same way as
// tables: record ids that are whole numbers, and floating point.
func TestTablesOfOtherTypes(t *testing.T) {
	backendtest.Checks(t, 100)
	number := func(name string, kind arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: kind, Nullable: true}
	}
	text := func(name string) arrow.Field { return number(name, arrow.BinaryTypes.String) }
	schema := arrow.NewSchema([]arrow.Field{
		number("recordId", arrow.PrimitiveTypes.Int64), text("queueId"), text("usageType"),
		number("startedAt", arrow.FixedWidthTypes.Timestamp_us), number("endedAt", arrow.FixedWidthTypes.Timestamp_us),
		number("runtimeInSeconds", arrow.PrimitiveTypes.Float64), number("costInUsd", arrow.PrimitiveTypes.Float64),
		number("workers", arrow.PrimitiveTypes.Float32), number("cpus", arrow.PrimitiveTypes.Int32),
	}, nil)
	tabled, checks, path := 0, 0, filepath.Join(t.TempDir(), "numbers.arrow")
	rapid.Check(t, func(t *rapid.T) {
		b := array.NewRecordBuilder(arrowmemory.DefaultAllocator, schema)
		for range rapid.IntRange(1, 40).Draw(t, "rows") {
			start := 1_709_251_200_000_000 + rapid.Int64Range(0, 1e12).Draw(t, "start")
			number := func(name string) float64 {
				return rapid.OneOf(rapid.Map(rapid.Int64Range(0, 5000), func(n int64) float64 { return float64(n) / 1e3 }),
					rapid.Float64Range(0, 10), rapid.SampledFrom([]float64{-1, 1e20, math.NaN(), 0.1 + 0.2})).Draw(t, name)
			}
			values := []func(){
				func() { b.Field(0).(*array.Int64Builder).Append(rapid.Int64Range(-2, 1e6).Draw(t, "id")) },
				func() {
					b.Field(1).(*array.StringBuilder).Append(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "queue"))
				},
				func() { b.Field(2).(*array.StringBuilder).Append("COMPUTE") },
				func() { b.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(start)) },
				func() { b.Field(4).(*array.TimestampBuilder).Append(arrow.Timestamp(start + 6_000_000)) },
				func() { b.Field(5).(*array.Float64Builder).Append(number("runtime")) },
				func() { b.Field(6).(*array.Float64Builder).Append(number("cost")) },
				func() { b.Field(7).(*array.Float32Builder).Append(float32(number("workers"))) },
				func() { b.Field(8).(*array.Int32Builder).Append(rapid.Int32Range(-1, 100).Draw(t, "cpus")) },
			}
			for column, add := range values {
				if rapid.IntRange(0, 40).Draw(t, "null") == 40 || column > 4 && rapid.IntRange(0, 3).Draw(t, "null number") == 3 {
					b.Field(column).AppendNull()
				} else {
					add()
				}
			}
		}
		var out bytes.Buffer
		w, err := ipc.NewFileWriter(&out, ipc.WithSchema(schema))
		if err == nil {
			err = errors.Join(w.Write(b.NewRecordBatch()), w.Close(), os.WriteFile(path, out.Bytes(), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
		var fast, slow observed
		source := ingest.Arrow("farm", "", nil)
		got := fast.outcome(ingest.Tables(source, 1), []string{path}, nil)
		want := slow.outcome(ingest.ByTexts(source), []string{path}, nil)
		if got != want {
			t.Fatalf("as tables\n%s\nas rows\n%s", got, want)
		}
		tabled, checks = tabled+fast.tabled, checks+1
	})
	if 3*tabled < checks {
		t.Errorf("only %d records came in tables", tabled)
	}
}

// Files of several row groups, each with several batches, keep their order and their
// numbers.
func TestTablesOfManyRows(t *testing.T) {
	const records = 300_000
	for form, source := range columnSources {
		t.Run(form, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "records")
			out, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			w, err := export.NewRecordWriter(out, export.RecordConfig{Form: form})
			n, wrong := 0, []int{0, 1, 65_535, 65_536, 131_071, 131_072, 131_073, 200_000, 299_999}
			for r := range (ingest.Synthetic{Records: records, Seed: 7}).Each() {
				bad := *r
				if slices.Contains(wrong, n) {
					bad.EndedAt = bad.StartedAt - 1
				}
				if err == nil {
					err = w.Write(&bad)
				}
				n++
			}
			if err == nil {
				err = w.Close()
			}
			if err == nil {
				err = out.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			var o counting
			var at []int
			summary, err := ingest.Load(t.Context(), ingest.LoadConfig{
				Files: []string{path}, Source: source, Begin: begins(&o),
				Reject: func(r ingest.Rejection) { at = append(at, int(r.Line)-1) },
			})
			if err != nil || summary.Read != records || summary.Records != int64(records-len(wrong)) || !slices.Equal(at, wrong) {
				t.Fatalf("%+v, %v, faults at %v", summary, err, at)
			}
			if !o.ascending || o.tabled < records*9/10 {
				t.Errorf("ascending %v, %d in tables", o.ascending, o.tabled)
			}
		})
	}
}

// counting looks at the order in which records come.
type counting struct {
	memory
	last      farmtally.Instant
	ascending bool
	tabled    int
}

func (c *counting) Add(_ context.Context, r *farmtally.Record) error {
	c.ascending = (c.ascending || c.last == 0) && r.StartedAt >= c.last
	c.last = r.StartedAt
	return nil
}

func (c *counting) AddTable(ctx context.Context, t *farmtally.Table) error {
	c.tabled += t.Len()
	for i := range t.Len() {
		if err := c.Add(ctx, &farmtally.Record{StartedAt: farmtally.Instant(t.StartedAt[i])}); err != nil {
			return err
		}
	}
	return nil
}
