package storage

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// hotModel is two catalogs on one folder, as two processes would have it, and what they
// must say.
type hotModel struct {
	c       [2]*Catalog
	hot     map[hotKey]farmtally.Record
	seal    *openSeal
	version int
}

// openSeal is a seal whose segments are being written.
type openSeal struct {
	catalog int
	through int64
	ended   []*farmtally.Record
}

func (m *hotModel) draw(t *rapid.T) []farmtally.Record {
	ids := rapid.SliceOfN(rapid.IntRange(0, 30), 0, 12).Draw(t, "ids")
	records := make([]farmtally.Record, len(ids))
	for i, id := range ids {
		m.version++
		records[i] = ended(fmt.Sprint(id), farmtally.Instant(id%4))
		records[i].Cost, records[i].Running = farmtally.Money(m.version), rapid.Bool().Draw(t, "running")
	}
	return records
}

// Any order of putting, deleting and sealing, by two processes on one folder, of which
// either may fail in the middle or start anew, gives the latest version of each record.
func TestHotModel(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		m := &hotModel{hot: map[hotKey]farmtally.Record{}}
		for i := range m.c {
			m.c[i] = open(t, dir)
			defer m.c[i].Close() //nolint:errcheck // it closes again
		}
		either := func(t *rapid.T) int { return rapid.IntRange(0, 1).Draw(t, "catalog") }
		rt.Repeat(map[string]func(*rapid.T){
			"put":    func(t *rapid.T) { m.put(t, either(t), m.draw(t)) },
			"single": func(t *rapid.T) { m.single(t, either(t)) },
			"delete": func(t *rapid.T) {
				records := m.draw(t)
				must(rt, m.c[either(t)].Write(ctx, func(tx *Tx) error { return tx.DeleteHot(ctx, farmA, records) }))
				for i := range records {
					delete(m.hot, hotKeyOf(&records[i]))
				}
			},
			"fail": func(t *rapid.T) {
				err := m.c[either(t)].Write(ctx, func(tx *Tx) error {
					must(rt, tx.PutHot(ctx, m.draw(t)))
					return context.Canceled
				})
				if err == nil {
					t.Fatal("no error")
				}
			},
			"begin seal": func(t *rapid.T) {
				m.seal = &openSeal{catalog: either(t)}
				var err error
				m.seal.through, m.seal.ended, err = m.c[m.seal.catalog].ReadEnded(ctx, farmA)
				must(rt, err)
			},
			"end seal": func(t *rapid.T) { m.endSeal(t) },
			"":         func(t *rapid.T) { m.check(t) },
		})
	})
}

func must(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func (m *hotModel) put(t *rapid.T, catalog int, records []farmtally.Record) {
	ctx := context.Background()
	must(t, m.c[catalog].Write(ctx, func(tx *Tx) error { return tx.PutHot(ctx, records) }))
	for _, r := range records {
		m.hot[hotKeyOf(&r)] = r
	}
}

// single writes records one by one, so that batches are folded.
func (m *hotModel) single(t *rapid.T, catalog int) {
	for range 3 {
		for _, r := range m.draw(t) {
			m.put(t, catalog, []farmtally.Record{r})
		}
	}
}

func (m *hotModel) endSeal(t *rapid.T) {
	s, ctx := m.seal, context.Background()
	if s == nil {
		t.Skip("no seal is under way")
	}
	m.seal = nil
	moved := map[int]bool{}
	must(t, m.c[s.catalog].Write(ctx, func(tx *Tx) error {
		_, err := tx.RemoveHot(ctx, farmA, s.through, s.ended, func(i int, still bool) error {
			moved[i] = still
			return nil
		})
		return err
	}))
	for i, r := range s.ended {
		is, there := m.hot[hotKeyOf(r)]
		if still, told := moved[i]; told && still != (there && is == *r) {
			t.Fatalf("%+v moved: %t, and the hot one is %+v", *r, still, is)
		} else if still {
			delete(m.hot, hotKeyOf(r))
		}
	}
}

func (m *hotModel) check(t *rapid.T) {
	ctx := context.Background()
	var want []farmtally.Record
	ended := 0
	for _, r := range m.hot {
		want = append(want, r)
		if !r.Running {
			ended++
		}
	}
	slices.SortFunc(want, compareRecords)
	for i, c := range m.c {
		view, err := c.View(ctx, farmA)
		if err != nil || !slices.Equal(view.Hot, want) {
			t.Fatalf("catalog %d: view %+v, want %+v, error %v", i, view.Hot, want, err)
		}
	}
	if !rapid.Bool().Draw(t, "ask the writers") {
		return
	}
	for i, c := range m.c {
		must(t, c.Write(ctx, func(tx *Tx) error {
			hot, err := tx.Hot(ctx, farmA, 0)
			n, stale, countErr := tx.CountHot(ctx, farmA)
			if err != nil || !slices.Equal(hot, want) || countErr != nil || n != ended || stale < 0 {
				t.Fatalf("catalog %d: hot %+v, want %+v, %d ended, %d stale, errors %v, %v", i, hot, want, n, stale, err, countErr)
			}
			return nil
		}))
	}
}

// Records that are sent again and again one by one, and never end, do not pile up.
func TestFold(t *testing.T) {
	ctx := context.Background()
	c := open(t, t.TempDir())
	for i := range 4 * foldBatches {
		r := ended(fmt.Sprint(i%10), 1)
		r.Running, r.Cost = true, farmtally.Money(i)
		try(t, c.Write(ctx, func(tx *Tx) error { return tx.PutHot(ctx, []farmtally.Record{r}) }))
	}
	var batches int
	try(t, c.reader.QueryRowContext(ctx, "SELECT count(*) FROM hot").Scan(&batches))
	if view, err := c.View(ctx, farmA); err != nil || len(view.Hot) != 10 || batches >= foldBatches {
		t.Errorf("%d records in %d batches, error %v", len(view.Hot), batches, err)
	}
}

// A batch comes back as it was written; of its bytes none may be missing, nor be too many.
func TestBatchRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &hotBatch{first: 3, last: 7}
		for range rapid.IntRange(0, 3).Draw(t, "gone") {
			want.gone = append(want.gone, hotKey{farmtally.Instant(anyInt().Draw(t, "start")), anyText().Draw(t, "id")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "records") {
			r := drawAny[farmtally.Record](t)
			r.FarmID, r.FarmName, r.QueueName, r.FleetName, r.JobName = farmA, "", "", "", ""
			want.records = append(want.records, r)
		}
		body := want.encode()
		got, err := decodeHot(farmA, 3, 7, body)
		if err != nil || !slices.Equal(got.gone, want.gone) || !slices.Equal(got.records, want.records) || got.last != 7 {
			t.Fatalf("got %+v, want %+v, error %v", got, want, err)
		}
		if len(body) > 0 {
			if again, err := decodeHot(farmA, 3, 7, body[:len(body)-1]); err == nil && again.len() == got.len() {
				t.Fatal("a byte is missing, and it is not noticed")
			}
		}
		if _, err := decodeHot(farmA, 3, 7, append(body, math.MaxUint8)); err == nil {
			t.Fatal("a byte is too many, and it is not noticed")
		}
	})
}

// FuzzDecodeHot: any bytes are an error of kind Corrupt, or a batch that comes back.
func FuzzDecodeHot(f *testing.F) {
	f.Add((&hotBatch{gone: []hotKey{{1, "a"}}, records: []farmtally.Record{goldenRecord()}}).encode())
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := decodeHot(farmA, 1, 1, body)
		if err != nil {
			wantKind(t, err, farmtally.Corrupt)
			return
		}
		again, err := decodeHot(farmA, 1, 1, b.encode())
		if err != nil || !slices.Equal(again.gone, b.gone) || !slices.Equal(again.records, b.records) {
			t.Fatalf("%+v came back as %+v, error %v", b, again, err)
		}
	})
}
