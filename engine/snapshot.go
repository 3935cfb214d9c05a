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

// snapshot is a farm's records at one moment: parts, which never change, with the rows
// that were replaced by then.
type snapshot struct {
	engine  *Engine
	farm    farmtally.FarmID
	parts   []part // by first start
	running storage.Hot
	records int64
	end     func()
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

// runs calls yield for each run of consecutive rows within [from, to) of which
// none was dropped.
func (p *part) runs(from, to int, yield func(from, to int)) {
	i, _ := slices.BinarySearch(p.dropped, uint32(from)) //nolint:gosec // a row's number
	for ; i < len(p.dropped) && int(p.dropped[i]) < to; i++ {
		if row := int(p.dropped[i]); from < row {
			yield(from, row)
		}
		from = int(p.dropped[i]) + 1
	}
	if from < to {
		yield(from, to)
	}
}

// Snapshot implements farmtally.Backend.
func (e *Engine) Snapshot(ctx context.Context, farm farmtally.FarmID) (farmtally.Snapshot, error) {
	end := e.use()
	view, parts, err := e.pin(ctx, farm)
	if err != nil {
		end()
		return nil, fmt.Errorf("pin records: %w", err)
	}
	s := &snapshot{engine: e, farm: farm, end: sync.OnceFunc(end)}
	s.parts, s.running = e.hotParts(farm, view.Hot)
	s.parts = append(parts, s.parts...)
	slices.SortStableFunc(s.parts, func(a, b part) int { return cmp.Compare(a.info.First, b.info.First) })
	s.records = int64(s.running.Len())
	for i := range s.parts {
		s.records += s.parts[i].records()
	}
	return s, nil
}

// Close implements farmtally.Snapshot.
func (s *snapshot) Close() error {
	s.end()
	return nil
}

// Records implements farmtally.Snapshot. It merges the parts by start and id; the texts of a record are good until yield returns.
func (s *snapshot) Records(ctx context.Context, yield func(*farmtally.Record) error) error {
	all := make(readers, 0, len(s.parts)+len(s.running))
	for i := range s.parts {
		p := &s.parts[i]
		if p.segment == nil {
			all = append(all, p.reader(p.hot))
			continue
		}
		if err := p.segment.VerifyAll(); err != nil {
			return err
		}
		all = append(all, p.reader(p.segment))
	}
	for i := range s.running {
		p := part{info: &s.running[i].Info, dropped: s.running[i].Dropped}
		all = append(all, p.reader(s.running[i]))
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
	p.runs(0, int(p.info.Records), func(from, to int) { r.runs = append(r.runs, [2]int{from, to}) })
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
