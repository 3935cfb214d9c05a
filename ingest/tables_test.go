package ingest_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

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
		Files: files, Source: source, Import: o, Reject: func(r ingest.Rejection) { rejected = append(rejected, r) },
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
	card, err := rates.Parse("card", []byte(tablesCard))
	if err != nil {
		t.Fatal(err)
	}
	for form, source := range columnSources {
		t.Run(form, func(t *testing.T) {
			dir, tabled := t.TempDir(), 0
			rapid.Check(t, func(t *rapid.T) {
				path := drawFile(t, dir, form)
				var fast, slow observed
				least := rapid.SampledFrom([]int{1, 2, 10}).Draw(t, "least")
				got := fast.outcome(ingest.Tables(source, least), []string{path, path}, card)
				want := slow.outcome(ingest.ByTexts(source), []string{path, path}, card)
				if got != want {
					t.Fatalf("as tables\n%s\nas rows\n%s", got, want)
				}
				tabled += fast.tabled
			})
			if tabled < 1000 {
				t.Errorf("only %d records came in tables", tabled)
			}
		})
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
			w, err := export.NewRecordWriter(form, struct{ io.Writer }{out}) // the writer of Parquet closes a file
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
				Files: []string{path}, Source: source, Import: &o,
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
