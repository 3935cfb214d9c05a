package engine

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
	"github.com/farmtally/farmtally/storage"
)

// Stock is what there is of a farm's records, in all and by queue and fleet. The id ""
// is that of the records that have none.
type Stock struct {
	Farm   Holding
	Queues map[farmtally.QueueID]Holding
	Fleets map[farmtally.FleetID]Holding
}

// Holding sums records up. First and Last mean nothing without records.
type Holding struct {
	Records  int64
	Running  int64             // of them, how many have not ended
	Unpriced int64             // of them, how many no rate matched
	First    farmtally.Instant // the earliest start
	Last     farmtally.Instant // the latest end; that of a running record is its start
}

// Add adds a record.
func (h *Holding) Add(r *farmtally.Record) {
	one := Holding{Records: 1, First: r.StartedAt, Last: r.EndedAt}
	if r.Running {
		one.Running, one.Last = 1, r.StartedAt
	}
	if r.Rate.ID == farmtally.Unpriced {
		one.Unpriced = 1
	}
	h.merge(&one)
}

func (h *Holding) merge(o *Holding) {
	switch {
	case o.Records == 0:
		return
	case h.Records == 0:
		h.First, h.Last = o.First, o.Last
	}
	h.Records += o.Records
	h.Running += o.Running
	h.Unpriced += o.Unpriced
	h.First, h.Last = min(h.First, o.First), max(h.Last, o.Last)
}

// Stock sums up the farm's records as they are now. Of segments it counts codes alone;
// the times are read of those segments alone that can have a first or a last one.
func (e *Engine) Stock(ctx context.Context, farm farmtally.FarmID, progress farmtally.Progress) (*Stock, error) {
	s, err := e.snapshot(ctx, farm)
	if err != nil {
		return nil, err
	}
	defer s.end()
	t := stocktaking{snapshot: s, queues: map[string]*held{}, fleets: map[string]*held{}, progress: progress}
	if err := t.run(ctx); err != nil {
		return nil, fmt.Errorf("count records: %w", err)
	}
	return t.stock(), nil
}

// stocktaking is a Stock under way.
type stocktaking struct {
	snapshot       *snapshot
	counted        []*partStock
	queues, fleets map[string]*held
	progress       farmtally.Progress
}

// held is the holding of a queue or a fleet, and what is known of its times: some record
// of its starts at firstBound or before, and some record ends at lastBound or after.
type held struct {
	Holding
	firstBound, lastBound farmtally.Instant
}

// partStock is what a segment has of each queue and of each fleet.
type partStock struct {
	part           *part
	queues, fleets codeStock
}

// codeStock is what a segment has by the codes of a column.
type codeStock struct {
	coded
	records, unpriced []int64
	first, last       []int64 // of segments whose times were read
}

// run counts the codes of each segment, and then reads times where it must.
func (t *stocktaking) run(ctx context.Context) error {
	s, done := t.snapshot, int64(0)
	workers := s.engine.cfg.Workers
	err := inOrder(ctx, workers, len(s.segments),
		func(_ context.Context, i int) (*partStock, error) { return countPart(&s.segments[i]) },
		func(_ int, p *partStock) error {
			t.takeCounts(&p.queues, p.part, t.queues)
			t.takeCounts(&p.fleets, p.part, t.fleets)
			t.counted = append(t.counted, p)
			if done += p.part.records(); t.progress != nil {
				t.progress(done, s.records)
			}
			return nil
		})
	if err != nil {
		return err
	}
	return inOrder(ctx, workers, len(t.counted),
		func(_ context.Context, i int) (struct{}, error) { return struct{}{}, t.readTimes(t.counted[i]) },
		func(i int, _ struct{}) error {
			t.counted[i].queues.takeTimes(t.queues)
			t.counted[i].fleets.takeTimes(t.fleets)
			return nil
		})
}

// countPart counts the codes of a segment's rows that count.
func countPart(p *part) (*partStock, error) {
	s := &partStock{part: p}
	var rate *coded
	if p.segment.Info.Unpriced > 0 {
		codes, err := segmentCodes(p.segment, storage.ColRate)
		if err != nil {
			return nil, err
		}
		rate = &codes
	}
	for column, to := range map[storage.Column]*codeStock{storage.ColQueue: &s.queues, storage.ColFleet: &s.fleets} {
		codes, err := segmentCodes(p.segment, column)
		if err != nil {
			return nil, err
		}
		to.count(p, codes, rate)
	}
	return s, nil
}

func (c *codeStock) count(p *part, codes coded, rate *coded) {
	n := codes.texts.Len()
	c.coded, c.records, c.unpriced = codes, make([]int64, n), make([]int64, n)
	p.runs(func(from, to int) { kernel.Count(c.records, codes.codes, from, to) })
	if rate == nil {
		return
	}
	if code, found := rate.find(farmtally.Unpriced); found {
		p.runs(func(from, to int) {
			kernel.CountOf(c.unpriced, codes.codes, rate.codes, uint32(code), from, to) //nolint:gosec // an index
		})
	}
}

// takeCounts adds a segment's counts, and what its catalog entry says of the times.
func (t *stocktaking) takeCounts(c *codeStock, p *part, to map[string]*held) {
	info := &p.segment.Info
	for code, n := range c.records {
		if n == 0 {
			continue
		}
		text := c.texts.Value(code)
		h := to[text]
		if h == nil {
			h = &held{firstBound: info.Last, lastBound: info.First}
			h.First, h.Last = math.MaxInt64, math.MinInt64
			to[strings.Clone(text)] = h // the segment's own ends with the snapshot
		}
		h.Records += n
		h.Unpriced += c.unpriced[code]
		h.firstBound, h.lastBound = min(h.firstBound, info.Last), max(h.lastBound, info.First)
	}
}

// needs reports whether the segment may have the first start, or the last end, of some
// queue or fleet.
func (c *codeStock) needs(info *storage.SegmentInfo, of map[string]*held) (first, last bool) {
	for code, n := range c.records {
		if n > 0 {
			h := of[c.texts.Value(code)]
			first = first || info.First <= h.firstBound
			last = last || info.End >= h.lastBound
		}
	}
	return first, last
}

// readTimes finds the first starts and the last ends of a segment, if it must.
func (t *stocktaking) readTimes(p *partStock) error {
	segment := p.part.segment
	for _, c := range []struct {
		*codeStock
		of map[string]*held
	}{{&p.queues, t.queues}, {&p.fleets, t.fleets}} {
		first, last := c.needs(&segment.Info, c.of)
		if !first && !last {
			continue
		}
		starts, err := segment.Starts()
		if err != nil {
			return err
		}
		if first {
			c.first = slices.Repeat([]int64{math.MaxInt64}, len(c.records))
			p.part.runs(func(from, to int) { kernel.Earliest(c.first, c.codes, starts, from, to) })
		}
		if last {
			walls, err := segment.Numbers(storage.ColWall)
			if err != nil {
				return err
			}
			wall := unsigned(walls)
			c.last = slices.Repeat([]int64{math.MinInt64}, len(c.records))
			p.part.runs(func(from, to int) { kernel.Latest(c.last, c.codes, starts, wall, from, to) })
		}
	}
	return nil
}

func (c *codeStock) takeTimes(to map[string]*held) {
	for code, first := range c.first {
		if h := to[c.texts.Value(code)]; h != nil {
			h.First = min(h.First, farmtally.Instant(first))
		}
	}
	for code, last := range c.last {
		if h := to[c.texts.Value(code)]; h != nil {
			h.Last = max(h.Last, farmtally.Instant(last))
		}
	}
}

// stock puts together what was found, and adds the hot records.
func (t *stocktaking) stock() *Stock {
	s := &Stock{Queues: map[farmtally.QueueID]Holding{}, Fleets: map[farmtally.FleetID]Holding{}}
	for id, h := range t.queues {
		s.Queues[farmtally.QueueID(id)] = h.Holding
	}
	for id, h := range t.fleets {
		s.Fleets[farmtally.FleetID(id)] = h.Holding
	}
	for r := range t.snapshot.hot.All() {
		queue, fleet := s.Queues[r.QueueID], s.Fleets[r.FleetID]
		queue.Add(r)
		fleet.Add(r)
		s.Queues[r.QueueID], s.Fleets[r.FleetID] = queue, fleet
	}
	for _, h := range s.Queues {
		s.Farm.merge(&h)
	}
	return s
}
