package engine_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/storage"
)

// model drives two engines on one folder, as two processes would, and the reference
// beside them.
type model struct {
	dir       string
	farm      farmtally.FarmID
	catalogs  [2]*storage.Catalog
	engines   [2]*engine.Engine
	reference *backendtest.Reference
	loads     []openLoad
	pins      []pinned
}

// pinned is a snapshot that stays open while other things happen, and what it held.
type pinned struct {
	snapshot farmtally.Snapshot
	engine   int
	query    farmtally.Query
	answer   backendtest.Answer
}

// nameless takes away the names of jobs, which are the latest ones also in an old snapshot.
func nameless(rows []farmtally.Row) {
	for i := range rows {
		rows[i].JobName = ""
	}
}

// pin opens a snapshot, to be asked again later.
func (m *model) pin(t *rapid.T) {
	p := pinned{engine: m.either(t), query: backendtest.Queries(m.farm).Draw(t, "query")}
	p.answer = backendtest.Ask(t, m.reference, &p.query)
	var err error
	p.snapshot, err = m.engines[p.engine].Snapshot(context.Background(), m.farm)
	must(t, err)
	m.pins = append(m.pins, p)
}

// unpin asks the snapshots of an engine, which know of nothing that came since they
// were opened, and closes them.
func (m *model) unpin(t *rapid.T, engine int) {
	for _, p := range m.pins {
		if p.engine != engine {
			continue
		}
		var got backendtest.Answer
		var err error
		got.Seen, err = p.snapshot.Aggregate(context.Background(), &p.query, farmtally.Limits{}, nil, func(r *farmtally.Row) error {
			got.Rows = append(got.Rows, *r)
			return nil
		})
		must(t, err)
		nameless(got.Rows)
		nameless(p.answer.Rows)
		backendtest.Same(t, got, p.answer)
		must(t, p.snapshot.Close())
	}
	m.pins = slices.DeleteFunc(m.pins, func(p pinned) bool { return p.engine == engine })
}

// openLoad is an import under way; the reference takes its records at its commit.
type openLoad struct {
	load    farmtally.Import
	engine  int
	records []farmtally.Record
}

func (m *model) open(t *rapid.T, i int) {
	var err error
	if m.catalogs[i], err = storage.Open(context.Background(), storage.Config{Dir: m.dir}); err != nil {
		t.Fatal(err)
	}
	m.engines[i] = engine.Open(engine.Config{Catalog: m.catalogs[i], SegmentRecords: 5, SealRecords: -1})
}

func (m *model) close(t *rapid.T, i int) {
	if err := m.engines[i].Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.catalogs[i].Close(); err != nil {
		t.Fatal(err)
	}
}

func must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (m *model) either(t *rapid.T) int { return rapid.IntRange(0, 1).Draw(t, "engine") }

func (m *model) records(t *rapid.T) []farmtally.Record {
	return rapid.SliceOfN(backendtest.Records(m.farm), 0, 12).Draw(t, "records")
}

func (m *model) actions() map[string]func(*rapid.T) {
	ctx := context.Background()
	return map[string]func(*rapid.T){
		"append": func(t *rapid.T) {
			records := m.records(t)
			got, err := m.engines[m.either(t)].Append(ctx, records)
			must(t, err)
			want, err := m.reference.Append(ctx, records)
			must(t, err)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("outcomes %v, want %v", got, want)
			}
		},
		"beginImport": func(t *rapid.T) {
			l := openLoad{engine: m.either(t)}
			var err error
			l.load, err = m.engines[l.engine].Import(ctx)
			must(t, err)
			m.loads = append(m.loads, l)
		},
		"addToImport": func(t *rapid.T) {
			if len(m.loads) == 0 {
				t.Skip("no import is under way")
			}
			l := &m.loads[rapid.IntRange(0, len(m.loads)-1).Draw(t, "import")]
			records := m.records(t)
			l.records = append(l.records, records...)
			if rapid.Bool().Draw(t, "tables") {
				must(t, backendtest.AddTables(ctx, l.load, records))
				return
			}
			for _, r := range records {
				must(t, l.load.Add(ctx, &r))
			}
		},
		"endImport": func(t *rapid.T) {
			if len(m.loads) == 0 {
				t.Skip("no import is under way")
			}
			at := rapid.IntRange(0, len(m.loads)-1).Draw(t, "import")
			l := m.loads[at]
			m.loads = append(m.loads[:at], m.loads[at+1:]...)
			if rapid.IntRange(0, 3).Draw(t, "abort") == 0 {
				must(t, l.load.Abort())
				return
			}
			meanwhile := rapid.SliceOfN(rapid.SampledFrom([]string{"append", "seal", "compact", "endImport"}), 0, 3).Draw(t, "meanwhile")
			m.engines[l.engine].WhenPrepared(rapid.Int64Range(0, 10).Draw(t, "behind"), func() {
				for _, action := range meanwhile {
					if action != "endImport" || len(m.loads) > 0 {
						m.actions()[action](t)
					}
				}
			})
			_, err := l.load.Commit(ctx)
			must(t, err)
			_, err = m.reference.Append(ctx, l.records)
			must(t, err)
		},
		"seal": func(t *rapid.T) {
			_, err := m.engines[m.either(t)].Seal(ctx, m.farm)
			must(t, err)
		},
		"compact": func(t *rapid.T) {
			_, err := m.engines[m.either(t)].Compact(ctx, m.farm, nil)
			must(t, err)
		},
		"pin": func(t *rapid.T) { m.pin(t) },
		"reopen": func(t *rapid.T) {
			i := m.either(t)
			m.unpin(t, i)
			for at := len(m.loads) - 1; at >= 0; at-- {
				if l := m.loads[at]; l.engine == i {
					must(t, l.load.Abort())
					m.loads = append(m.loads[:at], m.loads[at+1:]...)
				}
			}
			m.close(t, i)
			m.open(t, i)
		},
		"sweep": func(t *rapid.T) {
			_, err := m.catalogs[m.either(t)].Sweep(ctx)
			must(t, err)
		},
		"check": func(t *rapid.T) {
			damage, err := m.engines[m.either(t)].Check(ctx, nil)
			must(t, err)
			if len(damage) > 0 {
				t.Fatalf("damage %v", damage)
			}
		},
		"": func(t *rapid.T) {
			q := backendtest.Queries(m.farm).Draw(t, "query")
			want := backendtest.Ask(t, m.reference, &q)
			for _, e := range m.engines {
				backendtest.Same(t, backendtest.Ask(t, e, &q), want)
			}
		},
	}
}

// Any order of appending, importing (several at once), sealing, compacting, sweeping
// and reopening, on two engines on one folder, gives the reference's answers.
func TestModel(t *testing.T) {
	rapid.Check(t, checkModel)
}

// FuzzModel is TestModel under the fuzzer.
func FuzzModel(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkModel)) }

func checkModel(t *rapid.T) {
	dir, err := os.MkdirTemp("", "farmtally-model-")
	must(t, err)
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	m := &model{dir: dir, farm: backendtest.NewFarm(), reference: backendtest.NewReference()}
	for i := range m.engines {
		m.open(t, i)
	}
	defer func() {
		for _, l := range m.loads {
			must(t, l.load.Abort())
		}
		for i := range m.engines {
			m.unpin(t, i)
			m.close(t, i)
		}
	}()
	t.Repeat(m.actions())
}
