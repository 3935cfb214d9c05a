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
	ended   *Ended
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
				m.seal.ended, err = m.c[m.seal.catalog].ReadEnded(ctx, farmA)
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
	replaced, done := map[int]bool{}, false
	must(t, m.c[s.catalog].Write(ctx, func(tx *Tx) (err error) {
		clear(replaced)
		done, err = tx.RemoveHot(ctx, s.ended, func(i int) error {
			replaced[i] = true
			return nil
		})
		return err
	}))
	for i := range s.ended.Len() {
		var r farmtally.Record
		s.ended.Record(i, &r)
		is, there := m.hot[hotKeyOf(&r)]
		if still := !replaced[i]; done && still != (there && is == r) {
			t.Fatalf("%+v moved: %t, and the hot one is %+v", r, still, is)
		} else if done && still {
			delete(m.hot, hotKeyOf(&r))
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
		if err != nil || !slices.Equal(view.Hot.sorted(), want) {
			t.Fatalf("catalog %d: view %+v, want %+v, error %v", i, view.Hot.sorted(), want, err)
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
	if view, err := c.View(ctx, farmA); err != nil || view.Hot.Len() != 10 || batches >= foldBatches {
		t.Errorf("%d records in %d batches, error %v", view.Hot.Len(), batches, err)
	}
}

// batchOf makes a batch as a transaction would.
func batchOf(gone []hotKey, records []farmtally.Record) *hotBatch {
	b := newHotBatch(gone)
	for i := range records {
		b.add(&records[i])
	}
	b.first, b.last, b.writer = 3, 7, nil
	return b
}

// recordsOf gives all records of a batch.
func recordsOf(b *hotBatch) []farmtally.Record {
	records := make([]farmtally.Record, len(b.rows))
	for row := range records {
		b.record(farmA, row, &records[row])
	}
	return records
}

func drawHot(t *rapid.T) (gone []hotKey, records []farmtally.Record) {
	for range rapid.IntRange(0, 3).Draw(t, "gone") {
		gone = append(gone, hotKey{farmtally.Instant(anyInt().Draw(t, "start")), anyText().Draw(t, "id")})
	}
	for range rapid.IntRange(0, 5).Draw(t, "records") {
		r := drawAny[farmtally.Record](t)
		if len(records) > 0 && rapid.Bool().Draw(t, "alike") {
			other := &records[0]
			r.QueueID, r.UserID, r.JobID = other.QueueID, other.UserID, other.JobID
			r.UsageType, r.InstanceType, r.LicenseProduct, r.Rate = other.UsageType, other.InstanceType, other.LicenseProduct, other.Rate
			r.Workers, r.CPUs, r.GPUs, r.MemoryInGiB = other.Workers, other.CPUs, other.GPUs, other.MemoryInGiB
		}
		r.FarmID, r.FarmName, r.QueueName, r.FleetName, r.JobName = farmA, "", "", "", ""
		records = append(records, r)
	}
	return gone, records
}

// sameBatch demands that a batch holds these, and finds each record's identity.
func sameBatch(t interface{ Fatalf(string, ...any) }, b *hotBatch, gone []hotKey, records []farmtally.Record) {
	if got := recordsOf(b); !slices.Equal(b.gone, gone) || !slices.Equal(got, records) || b.first != 3 || b.last != 7 {
		t.Fatalf("got %+v without %+v, want %+v without %+v", got, b.gone, records, gone)
	}
	for row := range records {
		if b.key(row) != hotKeyOf(&records[row]) || b.running(row) != records[row].Running {
			t.Fatalf("row %d is %+v, running %t", row, b.key(row), b.running(row))
		}
	}
}

// A batch comes back as it was written; of its bytes none may be missing, nor be too many.
func TestBatchRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gone, records := drawHot(t)
		written := batchOf(gone, records)
		sameBatch(t, written, gone, records)
		body := written.body
		got, err := decodeHot(farmA, 3, 7, body)
		if err != nil {
			t.Fatal(err)
		}
		sameBatch(t, got, gone, records)
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

// Batches of format version 1 are read.
func TestBatchOfVersion1(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gone, records := drawHot(t)
		var body []byte
		for _, k := range gone {
			body = appendGone(body, k)
		}
		for i := range records {
			body = appendRecord(body, &records[i])
		}
		got, err := decodeHot(farmA, 3, 7, body)
		if err != nil {
			t.Fatal(err)
		}
		sameBatch(t, got, gone, records)
	})
}

// FuzzDecodeHot: any bytes are an error of kind Corrupt, or a batch that comes back.
func FuzzDecodeHot(f *testing.F) {
	f.Add(batchOf([]hotKey{{1, "a"}}, []farmtally.Record{goldenRecord(), goldenRecord()}).body)
	f.Add(encodeRecord(&[]farmtally.Record{goldenRecord()}[0]))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := decodeHot(farmA, 3, 7, body)
		if err != nil {
			wantKind(t, err, farmtally.Corrupt)
			return
		}
		records := recordsOf(b)
		again, err := decodeHot(farmA, 3, 7, batchOf(b.gone, records).body)
		if err != nil {
			t.Fatal(err)
		}
		sameBatch(t, again, b.gone, records)
	})
}

// The index finds what a map finds, whatever was added and removed, also where many
// identities have one hash.
func TestHotIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x hotIndex
		held := map[hotPlace]uint64{}
		for row := range uint32(rapid.IntRange(0, 3000).Draw(t, "operations")) {
			if hash, p := uint64(row%97)<<3|1, (hotPlace{1, row}); row%5 < 3 {
				x.add(hash, p)
				held[p] = hash
			} else {
				for p, hash := range held {
					x.remove(hash, p)
					delete(held, p)
					break
				}
			}
		}
		for p, hash := range held {
			if slot, ok := x.find(hash, func(q hotPlace) bool { return q == p }); !ok || slot.place != p {
				t.Fatalf("%v is not found", p)
			}
		}
		if _, ok := x.find(3, func(hotPlace) bool { return true }); ok || x.used != len(held) {
			t.Fatalf("%d are used, and %d held", x.used, len(held))
		}
	})
}
