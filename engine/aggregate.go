package engine

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
)

// Aggregate implements farmtally.Snapshot: it scans each segment into cells of its
// own, and merges these in the order of the rows.
func (s *snapshot) Aggregate(ctx context.Context, q *farmtally.Query, limits farmtally.Limits,
	progress farmtally.Progress, emit func(*farmtally.Row) error,
) (farmtally.Seen, error) {
	a := &aggregation{snapshot: s, query: q, limits: limits, progress: progress}
	if err := a.open(ctx); err != nil {
		return farmtally.Seen{}, fmt.Errorf("open columns: %w", err)
	}
	partials, err := a.scan(ctx)
	if err != nil {
		return farmtally.Seen{}, fmt.Errorf("scan records: %w", err)
	}
	return a.seen, a.emit(ctx, partials, emit)
}

// aggregation is one query being answered.
type aggregation struct {
	snapshot *snapshot
	query    *farmtally.Query
	limits   farmtally.Limits
	inputs   []*input
	rankings [farmtally.MaxGroupBy]ranking
	buckets  kernel.Buckets
	first    int64 // the number of bucket 0
	some     bool  // whether any record can be in the range

	mu       sync.Mutex // guards what follows
	progress farmtally.Progress
	done     int64
	seen     farmtally.Seen
}

// open opens the columns of the segments that can meet the range, and lays out the
// buckets and the groups of the answer.
func (a *aggregation) open(ctx context.Context) error {
	var meeting []*part
	for i := range a.snapshot.segments {
		p := &a.snapshot.segments[i]
		if info := &p.segment.Info; info.First < a.query.End && info.End >= a.query.Start {
			meeting = append(meeting, p)
		} else {
			a.advance(info.Records - int64(len(p.dropped)))
		}
	}
	a.inputs = make([]*input, len(meeting))
	err := a.parallel(ctx, len(meeting), func(i int) (err error) {
		a.inputs[i], err = segmentInput(a.query, meeting[i])
		return err
	})
	if err != nil {
		return err
	}
	if len(a.snapshot.hot) > 0 {
		a.inputs = append(a.inputs, hotInput(a.query, a.snapshot.hot))
		a.countRunning()
	}
	for group := range a.query.GroupBy {
		a.rankings[group] = rank(a.inputs, group)
	}
	a.buckets, a.first, a.some, err = buckets(a.query, a.inputs)
	return err
}

func (a *aggregation) countRunning() {
	for i := range a.snapshot.hot {
		r := &a.snapshot.hot[i]
		if r.Running && a.query.Selects(r) && r.At(a.query.AsOf).Meets(a.query.Start, a.query.End) {
			a.seen.Running++
		}
	}
}

// parallel runs do for 0 to n−1 on the engine's workers. A panic of do, as damaged
// data may cause, becomes an error.
func (a *aggregation) parallel(ctx context.Context, n int, do func(i int) error) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(a.snapshot.engine.cfg.Workers)
	for i := range n {
		if groupCtx.Err() != nil {
			break
		}
		group.Go(func() (err error) {
			debug.SetPanicOnFault(true) // a map of a file that was cut off faults
			defer func() {
				if p := recover(); p != nil {
					err = &farmtally.Error{Kind: farmtally.Corrupt, Message: "a segment file cannot be scanned",
						Err: fmt.Errorf("panic: %v", p), Hint: "run farmtally check"}
				}
			}()
			return do(i)
		})
	}
	return cmp.Or(group.Wait(), ctx.Err())
}

// entry is a row of one input: its bucket, the ranks of its group, and its cell.
type entry struct {
	bucket uint32
	ranks  [farmtally.MaxGroupBy]uint32
	cell   kernel.Cell
}

func (e *entry) compare(o *entry) int {
	return cmp.Or(cmp.Compare(e.bucket, o.bucket), cmp.Compare(e.ranks[0], o.ranks[0]), cmp.Compare(e.ranks[1], o.ranks[1]))
}

// scan gives each input's entries, in the order of rows.
func (a *aggregation) scan(ctx context.Context) ([][]entry, error) {
	partials := make([][]entry, len(a.inputs))
	if !a.some {
		return partials, nil
	}
	err := a.parallel(ctx, len(a.inputs), func(i int) (err error) {
		partials[i], err = a.scanInput(ctx, a.inputs[i])
		return err
	})
	return partials, err
}

// stepRows is how many rows are scanned between looks at the context.
const stepRows = 1 << 16

func (a *aggregation) scanInput(ctx context.Context, in *input) ([]entry, error) {
	total := int64(len(in.starts))
	if in.part != nil {
		total -= int64(len(in.part.dropped))
	}
	marks, some := wanted(a.query, in.resource.texts)
	if !some {
		a.advance(total)
		return nil, nil
	}
	s := &kernel.Scan{
		Starts: in.starts, Wall: in.wall, Runtime: in.runtime, Cost: in.cost,
		Resource: in.resource.codes, Wanted: marks, Buckets: a.buckets, Places: 1,
	}
	s.Rate, s.Unpriced = in.unpricedCode()
	var ranks [farmtally.MaxGroupBy][]uint32
	for group := range in.group {
		s.Group[group] = in.group[group].codes
		s.Ranks[group], ranks[group] = a.rankings[group].local(in.group[group].texts)
		s.Places *= uint64(len(s.Ranks[group]))
	}
	from, to := s.Window(in.maxWall)
	if from == to {
		a.advance(total)
		return nil, nil
	}
	table, first := a.table(in, s, from, to)
	s.First = first
	if err := a.scanRows(ctx, in, s, from, to, table); err != nil {
		return nil, err
	}
	a.advance(total)
	return entries(table, s, ranks), nil
}

// table makes the cells for the rows [from, to) of an input, and gives the bucket of
// the first.
func (a *aggregation) table(in *input, s *kernel.Scan, from, to int) (*kernel.Table, uint32) {
	bounds := a.buckets.Bounds
	start := max(bounds[0], in.starts[from])
	end := min(bounds[len(bounds)-1], int64(in.end)+1)
	first := a.bucketOf(start)
	count := uint64(a.bucketOf(max(start, end-1))-first) + 1
	return kernel.NewTable(count*s.Places, (to-from)/2), first
}

func (a *aggregation) bucketOf(t int64) uint32 {
	number := farmtally.BucketOf(a.query.Period, a.query.Zone, farmtally.Instant(t))
	return uint32(number - a.first) //nolint:gosec // below maxBuckets
}

func (a *aggregation) scanRows(ctx context.Context, in *input, s *kernel.Scan, from, to int, table *kernel.Table) error {
	var seen kernel.Seen
	for ; from < to; from += stepRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		end := min(from+stepRows, to)
		if in.part == nil {
			seen.Add(s.Run(from, end, table))
		} else {
			in.part.runs(from, end, func(from, to int) { seen.Add(s.Run(from, to, table)) })
		}
		if a.limits.Rows > 0 && int64(table.Used()) > a.limits.Rows {
			return a.tooManyRows()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen.Records += seen.Records
	a.seen.Unpriced += seen.Unpriced
	return nil
}

func (a *aggregation) advance(records int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done += records
	if a.progress != nil {
		a.progress(a.done, a.snapshot.records)
	}
}

// entries gives the table's cells in the order of rows.
func entries(t *kernel.Table, s *kernel.Scan, ranks [farmtally.MaxGroupBy][]uint32) []entry {
	list := make([]entry, 0, t.Used())
	second := uint64(max(1, len(s.Ranks[1])))
	t.Each(func(number uint64, c *kernel.Cell) {
		place := number % s.Places
		e := entry{bucket: s.First + uint32(number/s.Places), cell: *c} //nolint:gosec // below maxBuckets
		e.ranks[0] = ranks[0][place/second]
		if s.Group[1] != nil {
			e.ranks[1] = ranks[1][place%second]
		}
		list = append(list, e)
	})
	if !t.Sorted() {
		slices.SortFunc(list, func(a, b entry) int { return a.compare(&b) })
	}
	return list
}

func (a *aggregation) tooManyRows() error {
	return tooLarge("the result has more than %d rows", a.limits.Rows)
}

func tooLarge(format string, args ...any) error {
	e := farmtally.Errorf(farmtally.TooLarge, format, args...)
	e.Hint = "reduce the time frame, reduce the number of queues or fleets, or increase the period length"
	return e
}
