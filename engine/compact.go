package engine

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// Compaction is what compacting has done so far.
type Compaction struct {
	Read    int   // segments that were merged
	Written int   // segments that took their place
	Records int64 // records that were written
}

// Compact merges the farm's segments until they are few, nearly disjoint in time and
// hold few replaced rows. It tells progress, which may be nil, after every segment
// that it has written. Other users go on meanwhile. Damaged segments are left as they
// are and logged. It fails with Unavailable where another process compacts the folder,
// or has merged the same segments.
func (e *Engine) Compact(ctx context.Context, farm farmtally.FarmID, progress func(Compaction)) (done Compaction, err error) {
	lock, err := e.catalog.LockCompaction()
	if err != nil {
		return done, err
	}
	defer lock.Release(false)
	c := compactor{engine: e, farm: farm, log: e.cfg.Logger, progress: progress, damaged: map[int64]bool{}}
	err = c.run(ctx)
	return c.done, err
}

// RunCompaction compacts every farm, now and whenever an import or a seal of this
// engine, or a look at intervals of every, shows something to do, until ctx ends. It
// makes way for others: it works half of the time while anyone else does.
func (e *Engine) RunCompaction(ctx context.Context, every time.Duration, log *slog.Logger) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	damaged := map[int64]bool{}
	for {
		if err := e.compactAll(ctx, log, damaged); err != nil && ctx.Err() == nil && farmtally.KindOf(err) != farmtally.Unavailable {
			log.ErrorContext(ctx, "compact segments", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-e.wake:
		}
	}
}

func (e *Engine) wakeCompaction() {
	select {
	case e.wake <- struct{}{}:
	default: // it is awake
	}
}

func (e *Engine) compactAll(ctx context.Context, log *slog.Logger, damaged map[int64]bool) error {
	lock, err := e.catalog.LockCompaction()
	if err != nil {
		return err
	}
	defer lock.Release(false)
	farms, err := e.catalog.Farms(ctx)
	if err != nil {
		return err
	}
	for _, farm := range farms {
		c := compactor{engine: e, farm: farm.ID, log: log, damaged: damaged, background: true}
		began := time.Now()
		if err := c.run(ctx); err != nil {
			return err
		}
		if c.done.Read > 0 {
			log.InfoContext(ctx, "compacted segments", "farm_id", farm.ID, "segments_read", c.done.Read,
				"segments_written", c.done.Written, "records", c.done.Records, "duration", time.Since(began))
		}
	}
	return nil
}

// compactor compacts one farm.
type compactor struct {
	engine     *Engine
	farm       farmtally.FarmID
	log        *slog.Logger
	progress   func(Compaction)
	damaged    map[int64]bool // segments that cannot be merged
	background bool
	outdated   int // merges, one after the other, that were given up for what was replaced meanwhile
	done       Compaction
}

func (c *compactor) run(ctx context.Context) error {
	for {
		more, err := c.step(ctx)
		if err != nil {
			return fmt.Errorf("compact segments: %w", err)
		}
		if !more {
			return nil
		}
	}
}

// step does one merge, and reports whether there may be more to do.
func (c *compactor) step(ctx context.Context) (more bool, err error) {
	defer c.engine.use()()
	watch, err := c.engine.catalog.WatchDrops(ctx)
	if err != nil {
		return false, err
	}
	defer watch.End()
	view, err := c.engine.catalog.SegmentView(ctx, c.farm)
	if err != nil {
		return false, err
	}
	c.engine.retire(c.farm, view.Segments)
	var candidates []candidate
	for _, info := range view.Segments {
		if !c.damaged[info.ID] {
			candidates = append(candidates, candidate{info, info.Records - int64(len(view.Dropped[info.ID]))})
		}
	}
	chosen := choose(candidates, int64(c.engine.cfg.SegmentRecords))
	if len(chosen) == 0 {
		return false, nil
	}
	m := merge{compactor: c, watch: watch}
	for i := range chosen {
		info := chosen[i].SegmentInfo
		s, err := c.open(info)
		if farmtally.KindOf(err) == farmtally.Corrupt {
			c.damaged[info.ID] = true
			c.log.ErrorContext(ctx, "leave damaged segment out of compaction", "file", info.File, "error", err)
			return true, nil
		}
		if err != nil {
			return false, err
		}
		m.sources = append(m.sources, segmentPart(s, view.Dropped[info.ID]))
		m.live += chosen[i].live
	}
	before := c.done
	err = m.do(ctx)
	if errors.Is(err, errOutdated) {
		c.done = before
		c.outdated++
		return true, nil
	}
	c.outdated = 0
	return true, err
}

func (c *compactor) open(info storage.SegmentInfo) (*storage.Segment, error) {
	s, err := c.engine.segment(info)
	if err != nil {
		return nil, err
	}
	return s, s.VerifyAll()
}

// merge makes new segments of old ones.
type merge struct {
	*compactor
	watch   *storage.DropWatch // of what is dropped since the sources were read
	sources []part
	live    int64
	batch   *storage.Batch
	builder storage.Builder
	seen    int64 // the latest user when the merge last made way
	made    []*storage.Segment
	left    []*storage.Segment // those of made that are still the merge's to close
}

// do writes the new segments and puts them into the place of the old ones.
func (m *merge) do(ctx context.Context) (err error) {
	if m.batch, err = m.engine.catalog.BeginBatch(); err != nil {
		return err
	}
	m.batch.BeQuiet()
	defer func() {
		for _, s := range m.left {
			err = errors.Join(err, s.Close())
		}
		err = errors.Join(err, m.batch.Close(context.WithoutCancel(ctx)))
	}()
	if err := m.write(ctx); err != nil {
		return err
	}
	if err := m.engine.catalog.Write(ctx, func(tx *storage.Tx) error { return m.replace(ctx, tx) }); err != nil {
		return err
	}
	m.done.Read += len(m.sources)
	m.done.Written += len(m.made)
	old := make([]storage.SegmentInfo, len(m.sources))
	for i := range m.sources {
		old[i] = m.sources[i].segment.Info
	}
	return m.engine.catalog.Discard(context.WithoutCancel(ctx), old)
}

// size is how many records each new segment has: as few segments as hold all, of one
// size, and not more than there were.
func (m *merge) size() int {
	target := int64(m.engine.cfg.SegmentRecords)
	parts := min(int64(len(m.sources)), (m.live+target-1)/target)
	return int((m.live + parts - 1) / max(parts, 1))
}

// write merges the rows that count by start and id.
func (m *merge) write(ctx context.Context) error {
	all, segments := make(rowHeap, 0, len(m.sources)), make([]*storage.Segment, len(m.sources))
	for i := range m.sources {
		c, err := newRowCursor(&m.sources[i], i)
		if err != nil {
			return err
		}
		if segments[i] = c.segment; len(c.runs) > 0 {
			all = append(all, c)
		}
	}
	heap.Init(&all)
	size := m.size()
	m.builder.Grow(size, size*idBytes)
	copier, err := storage.NewCopier(&m.builder, segments)
	for n := 0; err == nil && len(all) > 0; {
		c := all[0]
		from := c.runs[0][0]
		to := c.before(all.second(), min(size-m.builder.Len(), mergeRows-n))
		copied, err := copier.Copy(c.source, from, to)
		if err != nil {
			return err
		}
		if n += copied; n >= mergeRows {
			if n = 0; m.makeWay(ctx) != nil {
				return ctx.Err()
			}
		}
		if c.skip(copied) {
			heap.Fix(&all, 0)
		} else {
			heap.Pop(&all)
		}
		if copied == 0 || m.builder.Len() >= size || m.builder.Full() {
			if err := m.flush(); err != nil {
				return err
			}
			if copier, err = storage.NewCopier(&m.builder, segments); err != nil {
				return err
			}
		}
	}
	if err != nil {
		return err
	}
	return m.flush()
}

// idBytes is what most record ids have at most.
const idBytes = 40

// mergeRows are merged in about 10 ms.
const mergeRows = 8192

// makeWay lets others work.
func (m *merge) makeWay(ctx context.Context) error {
	if !m.background || !m.engine.busy(&m.seen) {
		runtime.Gosched()
		return ctx.Err()
	}
	timer := time.NewTimer(10 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (m *merge) flush() error {
	if m.builder.Len() == 0 {
		return nil
	}
	s, err := m.batch.Write(m.farm, &m.builder, m.builder.Order())
	if err != nil {
		return err
	}
	m.made, m.left = append(m.made, s), append(m.left, s)
	m.done.Records += int64(m.builder.Len())
	m.builder.Reset()
	runtime.GC() // the columns just written would add to those of the next segment
	if m.progress != nil {
		m.progress(m.done)
	}
	return nil
}

// replace makes the new segments known and the old ones not, and drops from the new
// ones what was dropped from the old ones since they were read.
func (m *merge) replace(ctx context.Context, tx *storage.Tx) error {
	ids := make([]int64, len(m.made))
	for i, s := range m.made {
		var err error
		if ids[i], err = tx.AddSegment(ctx, &s.Info); err != nil {
			return err
		}
	}
	tx.Then(func() { m.left = m.engine.adopt(m.made, ids) })
	if err := m.carryOver(ctx, tx, ids); err != nil {
		return err
	}
	for i := range m.sources {
		known, err := tx.RemoveSegment(ctx, m.sources[i].segment.Info.ID)
		if err != nil {
			return err
		}
		if !known {
			return farmtally.Errorf(farmtally.Unavailable, "another process has merged the same segments")
		}
	}
	return nil
}

// carryMost bounds the dropped rows that the transaction of a merge looks at: whoever pushes
// waits for it. Where there are more, the merge is given up and made anew, twice at most:
// else nothing would ever be merged while others replace records without end.
const (
	carryMost    = 5000
	outdatedMost = 2
)

// errOutdated says that a merge was given up.
var errOutdated = errors.New("too many of the merged records were replaced meanwhile")

// carryOver drops from the new segments what was dropped from the old ones since they were
// read.
func (m *merge) carryOver(ctx context.Context, tx *storage.Tx, ids []int64) error {
	rows, known, err := tx.DroppedSince(ctx, m.watch)
	if err != nil {
		return err
	}
	later, n := m.later(rows)
	if m.outdated < outdatedMost && (n > carryMost || !known && m.dropped() > carryMost) {
		return errOutdated
	}
	if !known {
		if rows, err = m.allDropped(ctx, tx); err != nil {
			return err
		}
		later, _ = m.later(rows)
	}
	for _, d := range later {
		source := m.source(d.Segment)
		starts, err := source.segment.Starts()
		if err != nil {
			return err
		}
		for _, row := range d.Rows {
			if err := m.dropNew(ctx, tx, ids, farmtally.Instant(starts[row]), source.segment.RecordID(int(row))); err != nil {
				return err
			}
		}
	}
	return nil
}

// later gives those of the rows that are of the old segments and were not dropped when
// these were read, and their number.
func (m *merge) later(all []storage.DroppedRows) (later []storage.DroppedRows, n int) {
	for _, d := range all {
		source := m.source(d.Segment)
		if source == nil {
			continue
		}
		rows := slices.DeleteFunc(slices.Clone(d.Rows), func(row uint32) bool {
			_, before := slices.BinarySearch(source.dropped, row)
			return before
		})
		later, n = append(later, storage.DroppedRows{Segment: d.Segment, Rows: rows}), n+len(rows)
	}
	return later, n
}

func (m *merge) source(segment int64) *part {
	i := slices.IndexFunc(m.sources, func(p part) bool { return p.segment.Info.ID == segment })
	if i < 0 {
		return nil
	}
	return &m.sources[i]
}

// dropped counts the rows that were dropped when the old segments were read.
func (m *merge) dropped() (n int) {
	for i := range m.sources {
		n += len(m.sources[i].dropped)
	}
	return n
}

// allDropped reads all dropped rows of the old segments.
func (m *merge) allDropped(ctx context.Context, tx *storage.Tx) (rows []storage.DroppedRows, err error) {
	for i := range m.sources {
		d := storage.DroppedRows{Segment: m.sources[i].segment.Info.ID}
		if d.Rows, err = tx.DroppedRows(ctx, d.Segment); err != nil {
			return nil, err
		}
		rows = append(rows, d)
	}
	return rows, nil
}

func (m *merge) dropNew(ctx context.Context, tx *storage.Tx, ids []int64, start farmtally.Instant, id string) error {
	for i, s := range m.made {
		row, err := s.Find(start, id)
		if err != nil {
			return err
		}
		if row >= 0 {
			return tx.Drop(ctx, ids[i], row)
		}
	}
	return farmtally.Errorf(farmtally.Internal, "record %s is in no merged segment", id)
}

// rowCursor goes through the rows of a segment that count.
type rowCursor struct {
	segment *storage.Segment
	source  int // the segment's number among those merged
	starts  []int64
	runs    [][2]int
}

func newRowCursor(p *part, source int) (*rowCursor, error) {
	starts, err := p.segment.Starts()
	c := &rowCursor{segment: p.segment, source: source, starts: starts}
	p.runs(func(from, to int) { c.runs = append(c.runs, [2]int{from, to}) })
	return c, err
}

// skip goes on behind rows of the first run.
func (c *rowCursor) skip(rows int) (more bool) {
	run := &c.runs[0]
	if run[0] += rows; run[0] == run[1] {
		c.runs = c.runs[1:]
	}
	return len(c.runs) > 0
}

// before gives the end of those rows of the first run that come before the other's first
// row, most of them at most. The first always does.
func (c *rowCursor) before(other *rowCursor, most int) (to int) {
	from, end := c.runs[0][0], c.runs[0][1]
	end = min(end, from+most)
	if other == nil {
		return end
	}
	row := other.runs[0][0]
	start := other.starts[row]
	for to = from + 1; to < end && c.starts[to] < start; {
		to++
	}
	for to < end && c.starts[to] == start && c.segment.RecordID(to) < other.segment.RecordID(row) {
		to++
	}
	return to
}

// second gives the cursor that comes after the first, or nil.
func (c rowHeap) second() *rowCursor {
	switch {
	case len(c) < 2:
		return nil
	case len(c) == 2 || c.Less(1, 2):
		return c[1]
	}
	return c[2]
}

// rowHeap is a heap by start and record id.
type rowHeap []*rowCursor

func (c rowHeap) Len() int { return len(c) }
func (c rowHeap) Less(i, j int) bool {
	a, b := c[i].runs[0][0], c[j].runs[0][0]
	if x, y := c[i].starts[a], c[j].starts[b]; x != y {
		return x < y
	}
	return c[i].segment.RecordID(a) < c[j].segment.RecordID(b)
}
func (c rowHeap) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *rowHeap) Push(x any)   { *c = append(*c, x.(*rowCursor)) }
func (c *rowHeap) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}
