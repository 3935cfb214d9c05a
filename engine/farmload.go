package engine

import (
	"context"
	"maps"
	mathbits "math/bits"
	"slices"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// identity is a record's identity within its farm.
type identity struct {
	start farmtally.Instant
	id    string
}

func identityOf(r *farmtally.Record) identity { return identity{r.StartedAt, r.RecordID} }

// farmLoad is what an import brings to one farm. Of each identity at most one
// record is live: in base, in baseHot, in pending or in hot.
type farmLoad struct {
	engine *Engine
	farm   farmtally.FarmID
	chunk  *chunk

	base    []source // the segments there were when the import last looked
	version int64    // the last batch of hot records then
	baseHot map[identity]farmtally.Record
	keptHot map[identity]farmtally.Record // those that the import brings unchanged

	pending []source                      // the segments that the import has written
	hot     map[identity]farmtally.Record // records that it brings to no segment: running ones
	gone    []farmtally.Record            // hot records there were, that it replaces
}

// source is a segment and those of its rows that are not live.
type source struct {
	segment *storage.Segment
	pending bool // whether it is one that the import has written
	dropped bits // before or by the import
	mine    bits // by the import
	kept    bits // which the import brings unchanged
}

func (s *source) drop(row int) {
	s.dropped.set(row)
	s.mine.set(row)
	s.kept.clear(row)
}

// ours reports whether the import brings a row: as its own, or unchanged.
func (s *source) ours(row int) bool {
	if s.pending {
		return !s.dropped.has(row)
	}
	return s.kept.has(row)
}

// bits are rows, a bit for each.
type bits []uint64

func (b *bits) set(row int) {
	if n := row/64 + 1; n > len(*b) {
		*b = append(*b, make([]uint64, n-len(*b))...)
	}
	(*b)[row/64] |= 1 << (row % 64)
}

func (b bits) clear(row int) {
	if row/64 < len(b) {
		b[row/64] &^= 1 << (row % 64)
	}
}

func (b bits) has(row int) bool { return row/64 < len(b) && b[row/64]&(1<<(row%64)) != 0 }

// rows gives the rows, ascending.
func (b bits) rows() []uint32 {
	n := 0
	for _, word := range b {
		n += mathbits.OnesCount64(word)
	}
	rows := make([]uint32, 0, n)
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			rows = append(rows, uint32(i*64+mathbits.TrailingZeros64(word))) //nolint:gosec // a row's number
		}
	}
	return rows
}

func (l *load) openFarm(ctx context.Context, farm farmtally.FarmID) (*farmLoad, error) {
	view, parts, err := l.engine.pin(ctx, farm)
	if err != nil {
		return nil, err
	}
	f := &farmLoad{
		engine: l.engine, farm: farm, version: view.Version, chunk: &chunk{},
		baseHot: map[identity]farmtally.Record{}, keptHot: map[identity]farmtally.Record{}, hot: map[identity]farmtally.Record{},
	}
	for r := range view.Hot.All() {
		f.baseHot[identityOf(r)] = *r
	}
	for _, p := range parts {
		f.base = append(f.base, newSource(p.segment, p.dropped))
	}
	return f, nil
}

func newSource(segment *storage.Segment, dropped []uint32) source {
	s := source{segment: segment}
	for _, row := range dropped {
		s.dropped.set(int(row))
	}
	return s
}

// live is the live record of an identity, how to make it live no more, and how to
// note that the import brings the same.
type live struct {
	record farmtally.Record
	found  bool
	remove func()
	keep   func()
}

// find gives the live record of an identity; those that are asked for ascend.
func (f *farmLoad) find(c *chunk, at int32, seek *seeker) (live, error) {
	k := identity{c.builder.Start(int(at)), string(c.builder.ID(int(at)))}
	if r, ok := f.hot[k]; ok {
		return live{r, true, func() { delete(f.hot, k) }, func() {}}, nil
	}
	if r, ok := f.baseHot[k]; ok {
		remove := func() {
			delete(f.baseHot, k)
			delete(f.keptHot, k)
			f.gone = append(f.gone, r)
		}
		return live{r, true, remove, func() { f.keptHot[k] = r }}, nil
	}
	s, row := seek.find(c, at)
	if s == nil {
		return live{}, nil
	}
	if err := s.segment.VerifyAll(); err != nil {
		return live{}, err
	}
	l := live{found: true, remove: func() { s.drop(row) }, keep: func() { s.kept.set(row) }}
	s.segment.Record(row, &l.record)
	return l, nil
}

// fresh reports whether no record of the row's identity is live, so that it is new.
func (f *farmLoad) fresh(c *chunk, at int32, seek *seeker) bool {
	if _, running := c.running[at]; running {
		return false
	}
	if len(f.hot)+len(f.baseHot) > 0 {
		k := identity{c.builder.Start(int(at)), string(c.builder.ID(int(at)))}
		_, mine := f.hot[k]
		_, base := f.baseHot[k]
		if mine || base {
			return false
		}
	}
	s, _ := seek.find(c, at)
	return s == nil
}

// flush settles collected records with those that are live already, and writes the
// ended ones to a segment.
func (f *farmLoad) flush(batch *storage.Batch, c *chunk, counts *farmtally.Counts) error {
	order := c.builder.Order()
	seek, err := f.seeker(c, order)
	if err != nil {
		return err
	}
	keep := order[:0]
	for i := 0; i < len(order); {
		n := i + 1
		for n < len(order) && c.builder.Same(order[i], order[n]) {
			n++
		}
		last, write := order[i], true
		if n == i+1 && f.fresh(c, last, seek) {
			counts.New++
		} else if last, write, err = f.settle(c, order[i:n], seek, counts); err != nil {
			return err
		}
		if write {
			keep = append(keep, last)
		}
		i = n
	}
	if len(keep) > 0 {
		s, err := batch.Write(f.farm, &c.builder, keep)
		if err != nil {
			return err
		}
		f.pending = append(f.pending, source{segment: s, pending: true})
	}
	c.reset()
	return nil
}

// settle takes the versions of one record in the order in which they came. It
// reports whether the last is to be written to the segment.
func (f *farmLoad) settle(c *chunk, versions []int32, seek *seeker, counts *farmtally.Counts) (last int32, write bool, err error) {
	before, err := f.find(c, versions[0], seek)
	if err != nil {
		return 0, false, err
	}
	var r farmtally.Record
	previous, found := before.record, before.found
	for _, at := range versions {
		c.record(at, &r)
		r.FarmID = f.farm
		switch {
		case !found:
			counts.Add(farmtally.New)
		case previous.SameAs(&r):
			counts.Add(farmtally.Unchanged)
		default:
			counts.Add(farmtally.Replaced)
		}
		previous, found = r, true
	}
	if before.found && before.record.SameAs(&r) {
		before.keep()
		return 0, false, nil
	}
	if before.found {
		before.remove()
	}
	if r.Running {
		f.hot[identityOf(&r)] = r
		return 0, false, nil
	}
	return versions[len(versions)-1], true, nil
}

// commit makes the farm's part of the import visible, when it has caught up.
func (f *farmLoad) commit(ctx context.Context, tx *storage.Tx) error {
	for i := range f.base {
		if err := tx.DropRows(ctx, storage.DroppedRows{Segment: f.base[i].segment.Info.ID, Rows: f.base[i].mine.rows()}); err != nil {
			return err
		}
	}
	if err := tx.DeleteHot(ctx, f.farm, f.gone); err != nil {
		return err
	}
	if err := tx.PutHot(ctx, slices.Collect(maps.Values(f.hot))); err != nil {
		return err
	}
	for i := range f.pending {
		p := &f.pending[i]
		id, err := tx.AddSegment(ctx, &p.segment.Info)
		if err != nil {
			return err
		}
		if err := tx.DropRows(ctx, storage.DroppedRows{Segment: id, Rows: p.mine.rows()}); err != nil {
			return err
		}
	}
	return nil
}

// chunk collects records of one farm: ended ones as numbers, running ones whole.
type chunk struct {
	builder storage.Builder
	running map[int32]farmtally.Record // by the number of their row in builder
}

func (c *chunk) len() int { return c.builder.Len() }

func (c *chunk) add(r *farmtally.Record) {
	if r.Running {
		if c.running == nil {
			c.running = map[int32]farmtally.Record{}
		}
		c.running[int32(c.builder.Len())] = *r //nolint:gosec // at most a segment's records
	}
	c.builder.Add(r)
}

func (c *chunk) record(at int32, r *farmtally.Record) {
	if running, ok := c.running[at]; ok {
		*r = running
		return
	}
	c.builder.Record(int(at), r)
}

func (c *chunk) reset() {
	c.builder.Reset()
	c.running = nil
}
