package engine

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// snapshot is a farm's records at one moment: segments, and parts of the hot records, which
// never change, with the rows that were replaced by then.
type snapshot struct {
	engine   *Engine
	farm     farmtally.FarmID
	segments []part
	hot      storage.Hot
	records  int64
	end      func()
}

// part is a segment, or some of the hot records that have ended, and its rows that count.
type part struct {
	info    *storage.SegmentInfo
	segment *storage.Segment // nil for hot records
	hot     *hotPart
	dropped []uint32 // ascending
}

func segmentPart(s *storage.Segment, dropped []uint32) part {
	return part{info: &s.Info, segment: s, dropped: dropped}
}

// records counts the rows that count.
func (p *part) records() int64 { return p.info.Records - int64(len(p.dropped)) }

// runs calls yield for each run of consecutive rows of which none was dropped.
func (p *part) runs(yield func(from, to int)) {
	from := 0
	for _, dropped := range p.dropped {
		if row := int(dropped); from < row {
			yield(from, row)
		}
		from = int(dropped) + 1
	}
	if n := int(p.info.Records); from < n {
		yield(from, n)
	}
}

// Snapshot implements farmtally.Backend.
func (e *Engine) Snapshot(ctx context.Context, farm farmtally.FarmID) (farmtally.Snapshot, error) {
	s, err := e.snapshot(ctx, farm)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (e *Engine) snapshot(ctx context.Context, farm farmtally.FarmID) (*snapshot, error) {
	end := e.use()
	view, parts, err := e.pin(ctx, farm)
	if err != nil {
		end()
		return nil, fmt.Errorf("pin records: %w", err)
	}
	s := &snapshot{engine: e, farm: farm, segments: parts, hot: view.Hot, records: int64(view.Hot.Len()), end: sync.OnceFunc(end)}
	for i := range parts {
		s.records += parts[i].records()
	}
	return s, nil
}

// Close implements farmtally.Snapshot.
func (s *snapshot) Close() error {
	s.end()
	return nil
}

// Records implements farmtally.Snapshot. It merges them by start and id; the
// texts of a record are good until yield returns.
func (s *snapshot) Records(ctx context.Context, yield func(*farmtally.Record) error) error {
	all := make(readers, 0, len(s.segments)+len(s.hot))
	for i := range s.segments {
		p := &s.segments[i]
		if err := p.segment.VerifyAll(); err != nil {
			return err
		}
		all = append(all, p.reader(p.segment))
	}
	for i := range s.hot {
		p := part{info: &s.hot[i].Info, dropped: s.hot[i].Dropped}
		all = append(all, p.reader(s.hot[i]))
	}
	all = slices.DeleteFunc(all, func(r *reader) bool { return !r.next() })
	heap.Init(&all)
	for n := 0; len(all) > 0; n++ {
		if n%(1<<16) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := yield(&all[0].record); err != nil {
			return err
		}
		if all[0].next() {
			heap.Fix(&all, 0)
		} else {
			heap.Pop(&all)
		}
	}
	return nil
}

// readers is a heap by each reader's record.
type readers []*reader

func (r readers) Len() int { return len(r) }
func (r readers) Less(i, j int) bool {
	a, b := &r[i].record, &r[j].record
	return cmp.Or(cmp.Compare(a.StartedAt, b.StartedAt), cmp.Compare(a.RecordID, b.RecordID)) < 0
}
func (r readers) Swap(i, j int) { r[i], r[j] = r[j], r[i] }
func (r *readers) Push(x any)   { *r = append(*r, x.(*reader)) }
func (r *readers) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}

// rows are those of a part.
type rows interface {
	Record(row int, r *farmtally.Record)
}

// reader reads the records of one part in order.
type reader struct {
	rows   rows
	runs   [][2]int
	record farmtally.Record
}

// reader reads the rows of the part that count.
func (p *part) reader(all rows) *reader {
	r := &reader{rows: all}
	p.runs(func(from, to int) { r.runs = append(r.runs, [2]int{from, to}) })
	return r
}

func (r *reader) next() bool {
	if len(r.runs) == 0 {
		return false
	}
	run := &r.runs[0]
	r.rows.Record(run[0], &r.record)
	if run[0]++; run[0] == run[1] {
		r.runs = r.runs[1:]
	}
	return true
}
