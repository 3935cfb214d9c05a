package engine

import (
	"context"
	"maps"
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

	base    []source // the segments there were when the import came to the farm
	version int64    // the last batch of hot records then
	baseHot map[identity]farmtally.Record

	pending []source                      // the segments that the import has written
	hot     map[identity]farmtally.Record // records that it brings to no segment: running ones
	gone    []farmtally.Record            // hot records there were, that it replaces
	kept    []farmtally.Record            // hot records there were, that it brings unchanged
}

// source is a segment and those of its rows that are not live.
type source struct {
	segment *storage.Segment
	dropped map[int]bool // before or by the import
	mine    []int        // by the import
	kept    []uint64     // a bit for each row that the import brings unchanged
}

func (s *source) keep(row int) {
	if s.kept == nil {
		s.kept = make([]uint64, s.segment.Len()/64+1)
	}
	s.kept[row/64] |= 1 << (row % 64)
}

func (s *source) keeps(row int) bool { return s.kept != nil && s.kept[row/64]&(1<<(row%64)) != 0 }

// find gives the live row of the identity, or −1.
func (s *source) find(k identity) (int, error) {
	row, err := s.segment.Find(k.start, k.id)
	if err != nil || row < 0 || s.dropped[row] {
		return -1, err
	}
	return row, nil
}

func (s *source) drop(row int) {
	if s.dropped == nil {
		s.dropped = map[int]bool{}
	}
	s.dropped[row] = true
	s.mine = append(s.mine, row)
}

func (l *load) openFarm(ctx context.Context, farm farmtally.FarmID) (*farmLoad, error) {
	view, parts, err := l.engine.pin(ctx, farm)
	if err != nil {
		return nil, err
	}
	f := &farmLoad{
		engine: l.engine, farm: farm, version: view.Version, chunk: &chunk{},
		baseHot: map[identity]farmtally.Record{}, hot: map[identity]farmtally.Record{},
	}
	for r := range view.Hot.All() {
		f.baseHot[identityOf(r)] = *r
	}
	for _, p := range parts {
		from := source{segment: p.segment, dropped: map[int]bool{}}
		for _, row := range p.dropped {
			from.dropped[int(row)] = true
		}
		f.base = append(f.base, from)
	}
	return f, nil
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
		return live{
			r, true, func() { delete(f.baseHot, k); f.gone = append(f.gone, r) }, func() { f.kept = append(f.kept, r) },
		}, nil
	}
	s, row := seek.find(c, at)
	if s == nil {
		return live{}, nil
	}
	if err := s.segment.VerifyAll(); err != nil {
		return live{}, err
	}
	l := live{found: true, remove: func() { s.drop(row) }, keep: func() { s.keep(row) }}
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
		f.pending = append(f.pending, source{segment: s})
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

// commit makes the farm's part of the import visible. What other processes made
// visible since the import came to the farm gives way: the import is accepted
// later.
func (f *farmLoad) commit(ctx context.Context, tx *storage.Tx) error {
	now, err := tx.Segments(ctx, f.farm)
	if err != nil {
		return err
	}
	if err := f.bringBack(ctx, tx, now); err != nil {
		return err
	}
	if err := f.giveWay(ctx, tx, now); err != nil {
		return err
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
		if err := dropAll(ctx, tx, id, p.mine); err != nil {
			return err
		}
	}
	return nil
}

// bringBack finds the records that were there when the import brought the same, and
// that another process has replaced since: the import, accepted later, brings them
// itself.
func (f *farmLoad) bringBack(ctx context.Context, tx *storage.Tx, now []storage.SegmentInfo) error {
	for i := range f.kept {
		r := &f.kept[i]
		if _, still := f.baseHot[identityOf(r)]; !still {
			continue // the import has replaced it itself
		}
		there, found, err := tx.FindHot(ctx, r)
		if err != nil {
			return err
		}
		if !found || !there.SameAs(r) {
			f.hot[identityOf(r)] = *r
		}
	}
	for i := range f.base {
		s := &f.base[i]
		if s.kept == nil {
			continue
		}
		lost, err := f.lostRows(ctx, tx, s, now)
		if err != nil {
			return err
		}
		for _, row := range lost {
			var r farmtally.Record
			s.segment.Record(row, &r)
			f.hot[identityOf(&r)] = r
		}
	}
	return nil
}

// lostRows gives the rows of a segment that the import brings unchanged and that
// are live no more.
func (f *farmLoad) lostRows(ctx context.Context, tx *storage.Tx, s *source, now []storage.SegmentInfo) ([]int, error) {
	var lost []int
	if !slices.ContainsFunc(now, func(info storage.SegmentInfo) bool { return info.ID == s.segment.Info.ID }) {
		return f.lostOfGone(ctx, tx, s)
	}
	dropped, err := tx.DroppedRows(ctx, s.segment.Info.ID)
	if err != nil {
		return nil, err
	}
	for _, row := range dropped {
		if s.keeps(int(row)) && !s.dropped[int(row)] {
			lost = append(lost, int(row))
		}
	}
	return lost, nil
}

// lostOfGone is lostRows of a segment that was compacted away: its rows are in segments
// that have come since, or live no more.
func (f *farmLoad) lostOfGone(ctx context.Context, tx *storage.Tx, s *source) ([]int, error) {
	p := putter{engine: f.engine, tx: tx, first: s.segment.Info.First, last: s.segment.Info.Last, segments: map[farmtally.FarmID][]lookup{}}
	var lost []int
	for row := range s.segment.Len() {
		if !s.keeps(row) || s.dropped[row] {
			continue
		}
		var r farmtally.Record
		s.segment.Record(row, &r)
		_, there, found, err := p.findStored(ctx, &r)
		if err != nil {
			return nil, err
		}
		if !found || !there.SameAs(&r) {
			lost = append(lost, row)
		}
	}
	return lost, nil
}

func dropAll(ctx context.Context, tx *storage.Tx, segment int64, rows []int) error {
	for _, row := range rows {
		if err := tx.Drop(ctx, segment, row); err != nil {
			return err
		}
	}
	return nil
}

// giveWay drops what the import replaces, in the segments that it knew and in
// those that have come since.
func (f *farmLoad) giveWay(ctx context.Context, tx *storage.Tx, now []storage.SegmentInfo) error {
	for _, info := range now {
		var err error
		known := slices.IndexFunc(f.base, func(s source) bool { return s.segment.Info.ID == info.ID })
		if known >= 0 {
			err = dropAll(ctx, tx, info.ID, f.base[known].mine)
		} else {
			err = f.dropFrom(ctx, tx, info)
		}
		if err != nil {
			return err
		}
	}
	newer, err := tx.Hot(ctx, f.farm, f.version)
	if err != nil {
		return err
	}
	for i := range newer {
		mine, err := f.brings(identityOf(&newer[i]))
		if err != nil {
			return err
		}
		if mine {
			f.gone = append(f.gone, newer[i])
		}
	}
	return nil
}

// dropFrom drops the rows of a segment that the import brings too.
func (f *farmLoad) dropFrom(ctx context.Context, tx *storage.Tx, info storage.SegmentInfo) error {
	s, err := f.engine.segment(info)
	if err != nil {
		return err
	}
	if err := s.VerifyAll(); err != nil {
		return err
	}
	starts, err := s.Starts()
	if err != nil {
		return err
	}
	for row, start := range starts {
		mine, err := f.brings(identity{farmtally.Instant(start), s.RecordID(row)})
		if err != nil {
			return err
		}
		if mine {
			if err := tx.Drop(ctx, info.ID, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// brings reports whether the import has a live record of the identity.
func (f *farmLoad) brings(k identity) (bool, error) {
	if _, ok := f.hot[k]; ok {
		return true, nil
	}
	for i := range f.pending {
		if row, err := f.pending[i].find(k); err != nil || row >= 0 {
			return row >= 0, err
		}
	}
	return false, nil
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
