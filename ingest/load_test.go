package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/rates"
)

// memory is a backend's import that keeps records in a map by their identity.
type memory struct {
	stored, adding map[identity]farmtally.Record
	addErr         error
	begun, aborted bool
}

type identity struct {
	farm  farmtally.FarmID
	id    string
	start farmtally.Instant
}

func (m *memory) Add(_ context.Context, r *farmtally.Record) error {
	if m.addErr != nil {
		return m.addErr
	}
	accepted := *r
	if err := accepted.Accept(); err != nil {
		return err
	}
	if m.adding == nil {
		m.adding = map[identity]farmtally.Record{}
	}
	m.adding[identity{r.FarmID, r.RecordID, r.StartedAt}] = accepted
	return nil
}

// begins makes it what a load adds to.
func begins(to farmtally.Import) func(context.Context) (farmtally.Import, error) {
	return func(context.Context) (farmtally.Import, error) {
		if m, ok := to.(*memory); ok {
			m.begun = true
		}
		return to, nil
	}
}

func (m *memory) AddTable(ctx context.Context, t *farmtally.Table) error {
	for i := range t.Len() {
		var r farmtally.Record
		t.Record(i, &r)
		if err := m.Add(ctx, &r); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Commit(ctx context.Context) (farmtally.Counts, error) {
	var counts farmtally.Counts
	if m.stored == nil {
		m.stored = map[identity]farmtally.Record{}
	}
	for id, r := range m.adding {
		old, ok := m.stored[id]
		switch {
		case !ok:
			counts.Add(farmtally.New)
		case old.SameAs(&r):
			counts.Add(farmtally.Unchanged)
		default:
			counts.Add(farmtally.Replaced)
		}
		m.stored[id] = r
	}
	m.adding = nil
	return counts, ctx.Err()
}

func (m *memory) Abort() error {
	m.adding, m.aborted = nil, true
	return nil
}

// records are those stored, by start and id.
func (m *memory) records() []farmtally.Record {
	return slices.SortedFunc(maps.Values(m.stored), func(a, b farmtally.Record) int {
		if a.StartedAt != b.StartedAt {
			return int(a.StartedAt - b.StartedAt)
		}
		return strings.Compare(a.RecordID, b.RecordID)
	})
}

// load runs Load over a text and gives what was rejected.
func load(t *testing.T, source ingest.Source, text string, to *memory, card *rates.Card) (ingest.Summary, []string, error) {
	t.Helper()
	var rejected []string
	summary, err := ingest.Load(t.Context(), ingest.LoadConfig{
		Files: []string{"-"}, Stdin: strings.NewReader(text), Source: source, Begin: begins(to),
		Prices: ingest.Prices{Card: func(context.Context, farmtally.FarmID, string) (*rates.Card, error) { return card, nil }},
		Reject: func(r ingest.Rejection) {
			rejected = append(rejected, strings.TrimPrefix(r.String(), "-:"))
		},
	})
	return summary, rejected, err
}

// read gives a source's rows, with slices of their own.
func read(source ingest.Source, in io.Reader) ([]ingest.Row, error) {
	var rows []ingest.Row
	err := source.Read(context.Background(), in, func(r *ingest.Row) error {
		kept := *r
		kept.Records, kept.Faults = slices.Clone(r.Records), slices.Clone(r.Faults)
		rows = append(rows, kept)
		return nil
	})
	return rows, err
}

var errBroken = errors.New("broken")

// files writes files into a folder of the test's, and gives their names.
func files(t *testing.T, texts ...string) []string {
	t.Helper()
	folder := t.TempDir()
	var names []string
	for i, text := range texts {
		name := filepath.Join(folder, fmt.Sprintf("%d.ndjson", i))
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLoadCountsEveryRow(t *testing.T) {
	log, err := os.ReadFile("testdata/nimbus.log")
	if err != nil {
		t.Fatal(err)
	}
	card, err := rates.Parse("card.toml", []byte("[[rate]]\nid=\"cpu\"\nusageType=\"COMPUTE\"\nusdPerHour=\"1\"\nper=\"cpu\""))
	if err != nil {
		t.Fatal(err)
	}
	to := &memory{}
	got, rejected, err := load(t, ingest.Sacct{}, string(log), to, card)
	if err != nil || len(rejected) != 3 || !strings.HasPrefix(rejected[0], "10: End: ") {
		t.Fatalf("%v, rejected %v", err, rejected)
	}
	document, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"read":13,"records":7,"accepted":7,"replaced":0,"unchanged":0,` +
		`"skipped":{"blank line":1,"job step":2,"never got a node":2},"rejected":3,"unpriced":2,"running":1,` +
		`"unpricedKinds":[{"usageType":"LICENSE","licenseProduct":"houdini","records":1},{"usageType":"LICENSE","licenseProduct":"karma","records":1}],` +
		`"first":"2026-03-01T06:00:10Z","last":"2026-03-02T00:40:30Z"}`
	if string(document) != want {
		t.Errorf("got  %s\nwant %s", document, want)
	}
	var cost, millis int64
	for _, r := range to.records() {
		cost += int64(r.Cost)
		if r.UsageType == farmtally.Compute && !r.Running {
			millis += r.RuntimeMillis
		}
	}
	// 2.5 h × 16, 0.841666… h × 32 and 0.75 h × 8 cpus at 1 USD, each rounded down.
	if cost != 40_000_000_000+26_933_333_333+6_000_000_000 || millis != 9_000_000+3_030_000+2_700_000 {
		t.Errorf("cost %s, runtime %d ms", farmtally.Money(cost), millis)
	}

	again, _, err := load(t, ingest.Sacct{}, string(log), to, card)
	if err != nil || again.Counts != (farmtally.Counts{Unchanged: 7}) {
		t.Errorf("loaded again: %+v, %v", again, err)
	}
}

func TestLoadReadsManyFiles(t *testing.T) {
	record := func(id string) string { return strings.Replace(ndjson(""), `"r"`, `"`+id+`"`, 1) + "\n" }
	names := files(t, record("a")+record("b"), zipped(t, record("b")+"x\n"), "", strings.TrimSuffix(record("c"), "\n"))
	names = append(names, "-")
	to := &memory{}
	var cards, told int
	var last ingest.Progress
	var rejected []string
	summary, err := ingest.Load(t.Context(), ingest.LoadConfig{
		Files: names, Stdin: strings.NewReader(record("d")), Source: ingest.NDJSON{}, Begin: begins(to),
		Prices: ingest.Prices{Card: func(_ context.Context, id farmtally.FarmID, name string) (*rates.Card, error) {
			if cards++; name != "f" || id != farmtally.FarmID(farmtally.HashID("farm-", "farmtally", "f", "f")) {
				t.Errorf("asked for the card of %s, %q", id, name)
			}
			return nil, nil
		}},
		Progress: func(p ingest.Progress) { told, last = told+1, p },
		Reject:   func(r ingest.Rejection) { rejected = append(rejected, r.String()) },
	})
	if err != nil || summary.Read != 6 || summary.New != 4 || summary.Unpriced != 5 || cards != 1 {
		t.Errorf("%+v, %d cards, %v", summary, cards, err)
	}
	if len(rejected) != 1 || !strings.HasPrefix(rejected[0], names[1]+":2: line: is not a JSON object") {
		t.Errorf("rejected %v", rejected)
	}
	if told != 5 || last.Rows != 6 || last.Total != 0 || last.Bytes == 0 {
		t.Errorf("told %d times, at last %+v", told, last)
	}
}

func TestLoadTellsOfProgress(t *testing.T) {
	text := strings.Repeat(ndjson("")+"\n", 10_000)
	var told []ingest.Progress
	_, err := ingest.Load(t.Context(), ingest.LoadConfig{Files: files(t, text, text), Source: ingest.NDJSON{}, Begin: begins(&memory{}),
		Progress: func(p ingest.Progress) { told = append(told, p) }})
	if err != nil || len(told) != 6 {
		t.Fatalf("%d times, %v", len(told), err)
	}
	total := int64(2 * len(text))
	for i, p := range told {
		if p.Total != total || p.Bytes > total || i > 0 && (p.Rows <= told[i-1].Rows && p.Bytes <= told[i-1].Bytes) {
			t.Errorf("%d: %+v after %+v", i, p, told[max(0, i-1)])
		}
	}
	if last := told[len(told)-1]; last.Bytes != total || last.Rows != 20_000 {
		t.Errorf("at last %+v", last)
	}
}

func TestLoadOfAFileThatCannotBeStoresNothing(t *testing.T) {
	good := ndjson("") + "\n"
	packed := zipped(t, strings.Repeat(good, 1000))
	for _, c := range []struct{ name, bytes, want string }{
		{"a binary file", "\x7fELF\x02\x00\x00", "is a binary file, not a text in UTF-8"},
		{"UTF-16", "\xFF\xFE{\x00\"\x00", "is a text in UTF-16, not a text in UTF-8"},
		{"zstd", "\x28\xB5\x2F\xFD\x04\x00", "is compressed with zstd, not a text in UTF-8; unpack it first"},
		{"gzip that was cut off", packed[:len(packed)/2], "ends in the midst of its gzip data"},
		{"gzip that was cut off at once", packed[:2], "ends in the midst of its gzip data"},
		{"gzip with a changed byte", packed[:len(packed)-6] + "x" + packed[len(packed)-5:], "holds damaged gzip data"},
		{"gzip that is none", "\x1f\x8b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "holds damaged gzip data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			names := files(t, good, c.bytes)
			to := &memory{}
			_, err := ingest.Load(t.Context(), ingest.LoadConfig{Files: names, Source: ingest.NDJSON{}, Begin: begins(to)})
			if farmtally.KindOf(err) != farmtally.Invalid || !strings.Contains(err.Error(), names[1]+" "+c.want) {
				t.Errorf("error %v", err)
			}
			if !to.aborted || len(to.stored)+len(to.adding) > 0 {
				t.Error("something is left behind")
			}
		})
	}
}

func TestLoadOfFilesThatAreNotThere(t *testing.T) {
	names := files(t, ndjson(""))
	folder := filepath.Dir(names[0])
	for file, want := range map[string]string{
		filepath.Join(folder, "none"): "there is no file " + filepath.Join(folder, "none"),
		folder:                        folder + " is a folder, not a file",
		"-":                           "standard input is closed",
	} {
		to := &memory{}
		_, err := ingest.Load(t.Context(), ingest.LoadConfig{Files: append(names, file), Source: ingest.NDJSON{}, Begin: begins(to)})
		if farmtally.KindOf(err) != farmtally.Invalid || !strings.Contains(err.Error(), want) || to.begun {
			t.Errorf("%s: %v, begun: %t", file, err, to.begun)
		}
	}
}

func TestLoadEndsWithTheErrorsOfOthers(t *testing.T) {
	run := func(ctx context.Context, to *memory, cardErr error, stdin io.Reader) error {
		_, err := ingest.Load(ctx, ingest.LoadConfig{Files: []string{"-"}, Stdin: stdin, Source: ingest.NDJSON{}, Begin: begins(to),
			Prices: ingest.Prices{Card: func(context.Context, farmtally.FarmID, string) (*rates.Card, error) { return nil, cardErr }}})
		return err
	}
	for name, c := range map[string]struct {
		to      *memory
		cardErr error
		in      io.Reader
	}{
		"of the import": {&memory{addErr: errBroken}, nil, strings.NewReader(ndjson(""))},
		"of the card":   {&memory{}, errBroken, strings.NewReader(ndjson(""))},
		"of the stream": {&memory{}, nil, io.MultiReader(strings.NewReader(ndjson("")+"\n"), iotest.ErrReader(errBroken))},
		"of its begin":  {&memory{}, nil, iotest.ErrReader(errBroken)},
	} {
		if err := run(t.Context(), c.to, c.cardErr, c.in); !errors.Is(err, errBroken) || c.to.begun != c.to.aborted {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLoadBeginsWithARecord: where no file has one, nothing is begun, and an error of the
// beginning is the load's.
func TestLoadBeginsWithARecord(t *testing.T) {
	begun := 0
	for text, want := range map[string]int{"": 0, "\n{}\n": 0, ndjson("") + "\n" + ndjson("") + "\n": 1} {
		begun = 0
		_, err := ingest.Load(t.Context(), ingest.LoadConfig{Files: files(t, text), Source: ingest.NDJSON{},
			Begin: func(context.Context) (farmtally.Import, error) { begun++; return nil, errBroken }})
		if begun != want || errors.Is(err, errBroken) != (want > 0) {
			t.Errorf("%q: begun %d times, %v", text, begun, err)
		}
	}
}

func TestLoadStopsWhenCancelled(t *testing.T) {
	for name, stdin := range map[string]func(cancel func()) io.Reader{
		"while it waits": func(cancel func()) io.Reader {
			in, _ := io.Pipe()
			time.AfterFunc(time.Millisecond, cancel)
			return in
		},
		"while it reads": func(cancel func()) io.Reader {
			return io.MultiReader(strings.NewReader(strings.Repeat(ndjson("")+"\n", 1000)), cancelling{cancel})
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		to := &memory{}
		_, err := ingest.Load(ctx, ingest.LoadConfig{Files: []string{"-"}, Stdin: stdin(cancel), Source: ingest.NDJSON{}, Begin: begins(to)})
		if !errors.Is(err, context.Canceled) || to.begun != to.aborted || len(to.stored) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// cancelling is an endless stream of records that cancels what reads it.
type cancelling struct{ cancel func() }

func (c cancelling) Read(p []byte) (int, error) {
	c.cancel()
	return copy(p, ndjson("")+"\n"), nil
}

func TestLoadRejectsACostThatIsTooLarge(t *testing.T) {
	card, err := rates.Parse("card.toml", []byte("[[rate]]\nid=\"dear\"\nusageType=\"COMPUTE\"\nusdPerHour=\"9000000000\""))
	if err != nil {
		t.Fatal(err)
	}
	to := &memory{}
	text := ndjson(`,"endedAt":"2026-01-01T02:00:00Z"`) + "\n" + strings.Replace(ndjson(`,"endedAt":"2026-01-01T01:00:00Z"`), `"r"`, `"s"`, 1)
	summary, rejected, err := load(t, ingest.NDJSON{}, text, to, card)
	if err != nil || summary.Rejected != 1 || summary.New != 1 || len(rejected) != 1 ||
		rejected[0] != `1: costInUsd: can't be priced with the rate "dear": rate × quantity × runtime is more than 9.2 billion dollars` {
		t.Errorf("%+v, %v, %v", summary, rejected, err)
	}
}

// TestLinesAreBounded reads a line of 256 MiB, which must not be kept.
func TestLinesAreBounded(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	endless := io.LimitReader(spaces{}, 256<<20)
	rows, err := read(ingest.NDJSON{Farm: "f"}, io.MultiReader(endless, strings.NewReader("\n"+ndjson(""))))
	runtime.ReadMemStats(&after)
	if err != nil || len(rows) != 2 || len(rows[0].Faults) != 1 || len(rows[1].Records) != 1 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 16<<20 {
		t.Errorf("took %d MiB", taken>>20)
	}
}

// spaces is an endless line.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// What no rate matches is told by kind, the most frequent first.
func TestLoadTellsWhatHasNoPrice(t *testing.T) {
	var rows strings.Builder
	for i := range 700 {
		kind := `"usageType":"COMPUTE","instanceType":"m5"`
		if i%7 == 0 {
			kind = `"usageType":"LICENSE","licenseProduct":"nuke"`
		}
		fmt.Fprintf(&rows, `{"recordId":"%d","farmId":"f","queueId":"q",%s,"startedAt":"2026-01-05T08:00:00Z","endedAt":"2026-01-05T09:00:00Z"}`+"\n", i, kind)
	}
	rows.WriteString(`{"recordId":"r","farmId":"f","queueId":"q","usageType":"COMPUTE","startedAt":"2026-01-05T08:00:00Z"}` + "\n")
	got, _, err := load(t, ingest.NDJSON{}, rows.String(), &memory{}, nil)
	want := []ingest.Unpriced{
		{UsageType: "COMPUTE", InstanceType: "m5", Records: 600},
		{UsageType: "LICENSE", LicenseProduct: "nuke", Records: 100},
		{UsageType: "COMPUTE", Records: 1},
	}
	if err != nil || got.Unpriced != 701 || !slices.Equal(got.UnpricedKinds, want) {
		t.Errorf("%d of %+v, %v", got.Unpriced, got.UnpricedKinds, err)
	}
}
