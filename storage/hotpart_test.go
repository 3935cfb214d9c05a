package storage

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/internal/backendtest"
)

// partsModel is the batches that a catalog would have, and the view of them that is kept.
type partsModel struct {
	batches []*hotBatch // those of the catalog
	last    int64       // the id of the last batch ever
	version int
	view    hotView
	pinned  []pinnedView
}

// pinnedView is a view that a query under way has, and what it must go on to say.
type pinnedView struct {
	view hotView
	want []farmtally.Record
}

// replay gives the records that the batches leave, and the identities that they took away.
func replay(batches []*hotBatch) (records map[hotKey]farmtally.Record, gone map[hotKey]bool) {
	records, gone = map[hotKey]farmtally.Record{}, map[hotKey]bool{}
	for _, b := range batches {
		for _, k := range b.gone {
			delete(records, k)
			gone[k] = true
		}
		for _, r := range recordsOf(b) {
			delete(gone, hotKeyOf(&r))
			records[hotKeyOf(&r)] = r
		}
	}
	return records, gone
}

// add adds a batch.
func (m *partsModel) add(gone []hotKey, records []farmtally.Record) {
	m.last++
	b := batchOf(gone, records)
	b.first, b.last = m.last, m.last
	m.batches = append(m.batches, b)
}

// draw adds a batch of new records, replaced ones, some of which have ended since, and some
// that are taken away, perhaps to come back.
func (m *partsModel) draw(t *rapid.T) {
	key := rapid.Map(rapid.IntRange(0, 200), func(id int) hotKey { return hotKey{farmtally.Instant(id % 7), fmt.Sprint(id)} })
	var records []farmtally.Record
	for _, k := range rapid.SliceOfNDistinct(key, 0, 20, rapid.ID).Draw(t, "records") {
		m.version++
		r := ended(k.id, k.start)
		r.Cost, r.Running = farmtally.Money(m.version), rapid.IntRange(0, 2).Draw(t, "running") == 0
		records = append(records, r)
	}
	m.add(rapid.SliceOfN(key, 0, 5).Draw(t, "gone"), records)
}

// fold makes one batch of the last ones, before anyone has seen the last of them.
func (m *partsModel) fold(t *rapid.T) {
	m.draw(t)
	at := rapid.IntRange(0, len(m.batches)-1).Draw(t, "fold")
	records, gone := replay(m.batches[at:])
	b := batchOf(slices.Collect(maps.Keys(gone)), slices.Collect(maps.Values(records)))
	b.first, b.last = m.batches[at].first, m.last
	m.batches = append(m.batches[:at], b)
}

// seal removes the first batches, and writes anew what of them still runs.
func (m *partsModel) seal(t *rapid.T) {
	n := rapid.IntRange(0, len(m.batches)).Draw(t, "sealed")
	before, _ := replay(m.batches)
	m.batches = m.batches[n:]
	after, _ := replay(m.batches)
	var running []farmtally.Record
	for k, r := range before {
		if _, there := after[k]; r.Running && !there {
			running = append(running, r)
		}
	}
	m.add(nil, running)
}

// look takes the batches into the view that have come.
func (m *partsModel) look(t *rapid.T) {
	if len(m.batches) == 0 {
		return
	}
	newer := slices.DeleteFunc(slices.Clone(m.batches), func(b *hotBatch) bool { return b.last <= m.view.last })
	m.view = m.view.with(farmA, m.batches[0].first, newer)
	if m.view.first != m.batches[0].first || m.view.last != m.last {
		t.Fatalf("the view is of batches %d to %d, want %d to %d", m.view.first, m.view.last, m.batches[0].first, m.last)
	}
	records, _ := replay(m.batches)
	want := slices.SortedFunc(maps.Values(records), compareRecords)
	m.pinned = append(m.pinned, pinnedView{m.view, want})
}

// The parts hold what plain maps do after the same batches, those of views that were taken
// before stay as they were, and there are few.
func TestHotParts(t *testing.T) {
	most := 0
	backendtest.Checks(t, 200) // of ten, one has as many parts as are wanted
	rapid.Check(t, func(t *rapid.T) {
		var m partsModel
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				m.seal(t)
			case 1:
				m.fold(t)
			default:
				m.draw(t)
			}
			if rapid.IntRange(0, 3).Draw(t, "look") > 0 {
				m.look(t)
			}
		}
		for _, p := range m.pinned {
			checkParts(t, p)
			most = max(most, len(p.view.parts[0]))
		}
	})
	if most < 4 {
		t.Errorf("there were at most %d parts", most)
	}
}

func checkParts(t *rapid.T, p pinnedView) {
	if got := slices.Concat(p.view.parts[0], p.view.parts[1]); !slices.Equal(Hot(got).sorted(), p.want) || Hot(got).Len() != len(p.want) {
		t.Fatalf("got %+v, want %+v", Hot(got).sorted(), p.want)
	}
	for kind, parts := range p.view.parts {
		later := 0
		for _, part := range slices.Backward(parts) {
			if part.Live() < max(1, later, len(part.Dropped)) {
				t.Fatalf("a part has %d records, %d dropped, and those after it %d", part.Live(), len(part.Dropped), later)
			}
			later += part.Live()
			all := []farmtally.Record{}
			for r := range part.All() {
				all = append(all, *r)
				if r.Running != (kind == 1) || !r.Running && (r.StartedAt < part.Info.First || r.StartedAt > part.Info.Last || r.EndedAt > part.Info.End) {
					t.Fatalf("%+v is in a part of %+v", r, part.Info)
				}
			}
			if !slices.IsSortedFunc(all, compareRecords) {
				t.Fatalf("%+v are not in order", all)
			}
		}
	}
}
