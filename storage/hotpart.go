package storage

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"sync/atomic"

	"github.com/farmtally/farmtally"
)

// Hot are a farm's hot records at one moment, in parts of which the larger stay the same
// while records come.
type Hot []HotPart

// Len is the number of records.
func (h Hot) Len() (n int) {
	for i := range h {
		n += h[i].Live()
	}
	return n
}

// All gives the records, part after part. Each is good until the next.
func (h Hot) All() iter.Seq[*farmtally.Record] {
	return func(yield func(*farmtally.Record) bool) {
		for i := range h {
			for r := range h[i].All() {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// HotPart is some of a farm's hot records at one moment.
type HotPart struct {
	*HotRows
	Dropped []uint32 // rows that count no more, ascending
}

// HotRows are hot records, by start and id, of which either all have ended or all run.
// They never change.
type HotRows struct {
	// Info describes them as it would a segment: their number, First, Last, and End, before
	// which those that have ended did. The ID is below 0, and no others in the process have it.
	Info    SegmentInfo
	Running bool
	batches []*hotBatch
	rows    []hotRow
}

// hotRow is a record of a batch.
type hotRow struct {
	start      farmtally.Instant
	batch, row uint32
}

var hotRowsMade atomic.Int64

func newHotRows(farm farmtally.FarmID, running bool) *HotRows {
	return &HotRows{Info: SegmentInfo{ID: -hotRowsMade.Add(1), FarmID: farm}, Running: running}
}

// Len is the number of rows.
func (h *HotRows) Len() int { return len(h.rows) }

// Record puts a row into r, whose texts stay good.
func (h *HotRows) Record(i int, r *farmtally.Record) {
	row := &h.rows[i]
	h.batches[row.batch].record(h.Info.FarmID, int(row.row), r)
}

func (h *HotRows) key(row hotRow) hotKey { return h.batches[row.batch].key(int(row.row)) }

func (h *HotRows) compare(a, b hotRow) int {
	if a.start != b.start {
		return cmp.Compare(a.start, b.start)
	}
	return cmp.Compare(h.key(a).id, h.key(b).id)
}

// rowsOf gives the rows of a batch that have ended, or those that run.
func rowsOf(farm farmtally.FarmID, b *hotBatch, running bool) *HotRows {
	h := newHotRows(farm, running)
	h.batches = []*hotBatch{b}
	var r farmtally.Record
	for row := range b.rows {
		if b.running(row) != running {
			continue
		}
		b.record(farm, row, &r)
		h.rows = append(h.rows, hotRow{r.StartedAt, 0, uint32(row)})
		h.Info.End = max(h.Info.End, r.EndedAt)
	}
	slices.SortFunc(h.rows, h.compare)
	return h.close()
}

// close notes what the rows tell of themselves.
func (h *HotRows) close() *HotRows {
	h.Info.Records = int64(len(h.rows))
	if n := len(h.rows); n > 0 {
		h.Info.First, h.Info.Last = h.rows[0].start, h.rows[n-1].start
	}
	return h
}

// Live is the number of records that count.
func (p *HotPart) Live() int { return len(p.rows) - len(p.Dropped) }

// liveRows gives the numbers of the rows that count.
func (p *HotPart) liveRows() iter.Seq[int] {
	return func(yield func(int) bool) {
		dropped := p.Dropped
		for i := range p.rows {
			if len(dropped) > 0 && int(dropped[0]) == i {
				dropped = dropped[1:]
			} else if !yield(i) {
				return
			}
		}
	}
}

// All gives the records that count, by start and id. Each is good until the next.
func (p *HotPart) All() iter.Seq[*farmtally.Record] {
	return func(yield func(*farmtally.Record) bool) {
		var r farmtally.Record
		for i := range p.liveRows() {
			if p.Record(i, &r); !yield(&r) {
				return
			}
		}
	}
}

// without drops the rows of the identities, which ascend.
func (p HotPart) without(keys []hotKey) HotPart {
	var dropped []uint32
	for _, k := range keys {
		at, found := sort.Find(len(p.rows), func(i int) int {
			if start := p.rows[i].start; start != k.start {
				return cmp.Compare(k.start, start)
			}
			return cmp.Compare(k.id, p.key(p.rows[i]).id)
		})
		if found {
			dropped = append(dropped, uint32(at)) //nolint:gosec // a row's number
		}
	}
	if len(dropped) > 0 {
		p.Dropped = mergeSorted(p.Dropped, dropped, cmp.Compare)
	}
	return p
}

// since gives the part without the rows of batches before the first.
func (p HotPart) since(first int64) HotPart {
	if !slices.ContainsFunc(p.batches, func(b *hotBatch) bool { return b.last < first }) {
		return p
	}
	var dropped []uint32
	for i, row := range p.rows {
		if p.batches[row.batch].last < first {
			dropped = append(dropped, uint32(i))
		}
	}
	if len(dropped) > 0 {
		p.Dropped = mergeSorted(p.Dropped, dropped, cmp.Compare)
	}
	return p
}

// settle makes one part of the last ones, from the first on that has fewer records than
// those after it together, or more rows dropped than not. So the parts are few, for each
// has as many records as all after it, and what is copied is at least doubled or halved.
func settle(parts []HotPart) []HotPart {
	parts = slices.DeleteFunc(parts, func(p HotPart) bool { return p.Live() == 0 })
	from, later := len(parts), 0
	for i := len(parts) - 1; i >= 0; i-- {
		live := parts[i].Live()
		if live < later || live < len(parts[i].Dropped) {
			from = i
		}
		later += live
	}
	if from == len(parts) {
		return parts
	}
	return append(parts[:from], join(parts[from:]))
}

// join makes one part of several of a farm and a kind.
func join(parts []HotPart) HotPart {
	h := newHotRows(parts[0].Info.FarmID, parts[0].Running)
	for i := len(parts) - 1; i >= 0; i-- { // the small ones first
		h.Info.End = max(h.Info.End, parts[i].Info.End)
		h.rows = mergeSorted(h.take(&parts[i]), h.rows, h.compare)
	}
	return HotPart{HotRows: h.close()}
}

// take gives the rows of a part that count, and keeps their batches.
func (h *HotRows) take(p *HotPart) []hotRow {
	rows := make([]hotRow, 0, p.Live())
	numbers := make([]uint32, len(p.batches)) // of those among h's, and one
	for i := range p.liveRows() {
		row := p.rows[i]
		number := &numbers[row.batch]
		if *number == 0 {
			h.batches = append(h.batches, p.batches[row.batch])
			*number = uint32(len(h.batches)) //nolint:gosec // an index
		}
		row.batch = *number - 1
		rows = append(rows, row)
	}
	return rows
}

// mergeSorted gives what two ascending lists have, once where both have it.
func mergeSorted[T any](a, b []T, compare func(a, b T) int) []T {
	out := make([]T, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		c := compare(a[0], b[0])
		if c <= 0 {
			out, a = append(out, a[0]), a[1:]
		} else {
			out = append(out, b[0])
		}
		if c >= 0 {
			b = b[1:]
		}
	}
	return append(append(out, a...), b...)
}
