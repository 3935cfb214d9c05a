// Package backendtest proves backends alike: the naive reference that defines what
// a right answer is, generators of records and queries, and the one suite that
// every backend passes. It is used by tests alone.
package backendtest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/farmtally/farmtally"
)

// Reference is a Backend that keeps records in a map and answers every query by
// walking all of them, bucket by bucket. It is meant to be seen to be right.
type Reference struct {
	mu    sync.Mutex
	farms map[farmtally.FarmID]farm
}

// farm is what the Reference holds of one farm. A copy of it is a Snapshot.
type farm struct {
	records  map[identity]farmtally.Record
	jobNames map[farmtally.JobID]string
}

type identity struct {
	start farmtally.Instant
	id    string
}

// NewReference makes an empty Reference.
func NewReference() *Reference { return &Reference{farms: map[farmtally.FarmID]farm{}} }

// Append implements farmtally.Backend.
func (b *Reference) Append(ctx context.Context, records []farmtally.Record) (outcomes []farmtally.Outcome, err error) {
	accepted := slices.Clone(records)
	for i := range accepted {
		if fields := accepted[i].Validate(); len(fields) > 0 {
			return nil, &farmtally.Error{Kind: farmtally.Invalid, Message: "the record breaks a rule", Fields: fields}
		}
		if err := cmp.Or(accepted[i].Accept(), ctx.Err()); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range accepted {
		outcomes = append(outcomes, b.put(r))
	}
	return outcomes, nil
}

func (b *Reference) put(r farmtally.Record) farmtally.Outcome {
	f, known := b.farms[r.FarmID]
	if !known {
		f = farm{map[identity]farmtally.Record{}, map[farmtally.JobID]string{}}
		b.farms[r.FarmID] = f
	}
	if r.JobID != "" && r.JobName != "" {
		f.jobNames[r.JobID] = r.JobName
	}
	key := identity{r.StartedAt, r.RecordID}
	old, replaces := f.records[key]
	f.records[key] = r
	switch {
	case !replaces:
		return farmtally.New
	case old.SameAs(&r):
		return farmtally.Unchanged
	default:
		return farmtally.Replaced
	}
}

// Import implements farmtally.Backend: it keeps the records, and Commit appends them.
func (b *Reference) Import(context.Context) (farmtally.Import, error) {
	return &load{backend: b}, nil
}

type load struct {
	backend *Reference
	records []farmtally.Record
}

func (l *load) Add(_ context.Context, r *farmtally.Record) error {
	l.records = append(l.records, *r)
	return nil
}

func (l *load) AddTable(_ context.Context, t *farmtally.Table) error {
	for i := range t.Len() {
		var r farmtally.Record
		t.Record(i, &r)
		l.records = append(l.records, r)
	}
	return nil
}

func (l *load) Commit(ctx context.Context) (counts farmtally.Counts, err error) {
	outcomes, err := l.backend.Append(ctx, l.records)
	for _, o := range outcomes {
		counts.Add(o)
	}
	return counts, err
}

func (l *load) Abort() error { return nil }

// Snapshot implements farmtally.Backend.
func (b *Reference) Snapshot(_ context.Context, id farmtally.FarmID) (farmtally.Snapshot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return farm{maps.Clone(b.farms[id].records), maps.Clone(b.farms[id].jobNames)}, nil
}

// Close implements farmtally.Backend.
func (b *Reference) Close() error { return nil }

// Close implements farmtally.Snapshot.
func (f farm) Close() error { return nil }

// Records implements farmtally.Snapshot.
func (f farm) Records(_ context.Context, yield func(*farmtally.Record) error) error {
	inOrder := slices.SortedFunc(maps.Keys(f.records), func(a, b identity) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.id, b.id))
	})
	for _, key := range inOrder {
		r := f.records[key]
		if err := yield(&r); err != nil {
			return err
		}
	}
	return nil
}

// Aggregate puts each record's slice of each bucket into that bucket's row.
func (f farm) Aggregate(ctx context.Context, q *farmtally.Query, limits farmtally.Limits,
	progress farmtally.Progress, emit func(*farmtally.Row) error,
) (seen farmtally.Seen, err error) {
	rows := map[rowKey]*farmtally.Row{}
	for _, r := range f.records {
		use := r.At(q.AsOf)
		if !q.Selects(&r) || !use.Meets(q.Start, q.End) {
			continue
		}
		seen.Records++
		if r.Rate.ID == farmtally.Unpriced {
			seen.Unpriced++
		}
		if r.Running {
			seen.Running++
		}
		f.slice(q, &r, use, rows)
		if limits.Rows > 0 && int64(len(rows)) > limits.Rows {
			return seen, farmtally.Errorf(farmtally.TooLarge, "more than %d rows", limits.Rows)
		}
	}
	if progress != nil {
		progress(int64(len(f.records)), int64(len(f.records)))
	}
	return seen, emitSorted(ctx, rows, emit)
}

type rowKey struct {
	start farmtally.Instant
	group [farmtally.MaxGroupBy]string
}

func (f farm) slice(q *farmtally.Query, r *farmtally.Record, use farmtally.Use, rows map[rowKey]*farmtally.Row) {
	var group [farmtally.MaxGroupBy]string
	jobName := ""
	for i, d := range q.GroupBy {
		group[i] = r.Value(d)
		if d == farmtally.ByJob {
			jobName = f.jobNames[r.JobID]
		}
	}
	for start := max(use.Start, q.Start); ; {
		bucketStart, bucketEnd := q.Bounds(farmtally.BucketOf(q.Period, q.Zone, start))
		key := rowKey{bucketStart, group}
		if rows[key] == nil {
			rows[key] = &farmtally.Row{Start: bucketStart, End: bucketEnd, Group: group, JobName: jobName}
		}
		rows[key].AddSample(use.Slice(bucketStart, bucketEnd))
		if start = bucketEnd; start >= use.End || start >= q.End {
			return
		}
	}
}

func emitSorted(ctx context.Context, rows map[rowKey]*farmtally.Row, emit func(*farmtally.Row) error) error {
	for _, row := range slices.SortedFunc(maps.Values(rows), (*farmtally.Row).Compare) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := emit(row); err != nil {
			return err
		}
	}
	return nil
}
