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

// snapshot is a farm's records at one moment: segments, which never change, with
// the rows that were replaced by then, and the hot records themselves.
type snapshot struct {
	engine   *Engine
	farm     farmtally.FarmID
	segments []part
	hot      []farmtally.Record
	records  int64
	end      func()
}

// part is a segment and its rows that count.
type part struct {
	segment *storage.Segment
	dropped []uint32 // ascending
}

// records counts the rows that count.
func (p *part) records() int64 { return p.segment.Info.Records - int64(len(p.dropped)) }

// runs calls yield for each run of consecutive rows of which none was dropped.
func (p *part) runs(yield func(from, to int)) {
	from := 0
	for _, dropped := range p.dropped {
		if row := int(dropped); from < row {
			yield(from, row)
		}
		from = int(dropped) + 1
	}
	if from < p.segment.Len() {
		yield(from, p.segment.Len())
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
	s := &snapshot{engine: e, farm: farm, hot: view.Hot, segments: parts, records: int64(len(view.Hot)), end: sync.OnceFunc(end)}
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

// Records implements farmtally.Snapshot. It merges the segments and the hot records
// by start and id; the texts of a record are good until yield returns.
func (s *snapshot) Records(ctx context.Context, yield func(*farmtally.Record) error) error {
	all := readers{{hot: s.hot}}
	for i := range s.segments {
		if err := s.segments[i].segment.VerifyAll(); err != nil {
			return err
		}
		r := &reader{segment: s.segments[i].segment}
		s.segments[i].runs(func(from, to int) { r.runs = append(r.runs, [2]int{from, to}) })
		all = append(all, r)
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

// reader reads the records of one segment, or hot ones, in order.
type reader struct {
	hot     []farmtally.Record
	segment *storage.Segment
	runs    [][2]int
	record  farmtally.Record
}

func (r *reader) next() bool {
	switch {
	case len(r.hot) > 0:
		r.record, r.hot = r.hot[0], r.hot[1:]
	case len(r.runs) > 0:
		run := &r.runs[0]
		r.segment.Record(run[0], &r.record)
		if run[0]++; run[0] == run[1] {
			r.runs = r.runs[1:]
		}
	default:
		return false
	}
	return true
}
