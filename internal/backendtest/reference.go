// Package backendtest proves backends alike: the naive reference that defines what
// a right answer is, generators of records and queries, and the one suite that
// every backend passes. It is used by tests alone.
package backendtest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/farmtally/farmtally"
)

// Reference is a Backend that keeps records in a map and answers every query by
// walking all of them, bucket by bucket. It is meant to be seen to be right.
type Reference struct {
	mu      sync.Mutex
	records map[identity]farmtally.Record
	jobs    map[jobKey]string
}

type identity struct {
	farm  farmtally.FarmID
	id    string
	start farmtally.Instant
}

type jobKey struct {
	farm farmtally.FarmID
	job  farmtally.JobID
}

// NewReference makes an empty Reference.
func NewReference() *Reference {
	return &Reference{records: map[identity]farmtally.Record{}, jobs: map[jobKey]string{}}
}

// Append implements farmtally.Backend.
func (b *Reference) Append(_ context.Context, records []farmtally.Record) ([]farmtally.Outcome, error) {
	accepted := slices.Clone(records)
	for i := range accepted {
		if err := accepted[i].Accept(); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var outcomes []farmtally.Outcome
	for i := range accepted {
		outcomes = append(outcomes, b.put(accepted[i]))
	}
	return outcomes, nil
}

func (b *Reference) put(r farmtally.Record) farmtally.Outcome {
	if r.JobID != "" && r.JobName != "" {
		b.jobs[jobKey{r.FarmID, r.JobID}] = r.JobName
	}
	key := identity{r.FarmID, r.RecordID, r.StartedAt}
	old, ok := b.records[key]
	b.records[key] = r
	switch {
	case !ok:
		return farmtally.New
	case old.SameAs(&r):
		return farmtally.Unchanged
	default:
		return farmtally.Replaced
	}
}

// Import implements farmtally.Backend.
func (b *Reference) Import(context.Context) (farmtally.Import, error) {
	return &referenceImport{backend: b}, nil
}

type referenceImport struct {
	backend *Reference
	records []farmtally.Record
}

func (i *referenceImport) Add(_ context.Context, r *farmtally.Record) error {
	i.records = append(i.records, *r)
	return nil
}

func (i *referenceImport) Commit(ctx context.Context) (farmtally.Counts, error) {
	var counts farmtally.Counts
	outcomes, err := i.backend.Append(ctx, i.records)
	for _, o := range outcomes {
		counts.Add(o)
	}
	return counts, err
}

func (i *referenceImport) Abort() error {
	i.records = nil
	return nil
}

// Snapshot implements farmtally.Backend.
func (b *Reference) Snapshot(_ context.Context, farm farmtally.FarmID) (farmtally.Snapshot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &referenceSnapshot{jobs: map[string]string{}}
	for _, r := range b.records {
		if r.FarmID == farm {
			s.records = append(s.records, r)
		}
	}
	slices.SortFunc(s.records, func(a, b farmtally.Record) int {
		return cmp.Or(cmp.Compare(a.StartedAt, b.StartedAt), cmp.Compare(a.RecordID, b.RecordID))
	})
	for key, name := range b.jobs {
		if key.farm == farm {
			s.jobs[string(key.job)] = name
		}
	}
	return s, nil
}

// Close implements farmtally.Backend.
func (b *Reference) Close() error { return nil }

type referenceSnapshot struct {
	records []farmtally.Record
	jobs    map[string]string
}

func (s *referenceSnapshot) Close() error { return nil }

func (s *referenceSnapshot) Records(_ context.Context, yield func(*farmtally.Record) error) error {
	for i := range s.records {
		if err := yield(&s.records[i]); err != nil {
			return err
		}
	}
	return nil
}

// Aggregate puts each record's slice of each bucket into that bucket's row.
func (s *referenceSnapshot) Aggregate(ctx context.Context, q *farmtally.Query, limits farmtally.Limits,
	progress farmtally.Progress, emit func(*farmtally.Row) error,
) (seen farmtally.Seen, err error) {
	rows := map[rowKey]*farmtally.Row{}
	for i := range s.records {
		r := &s.records[i]
		use := r.At(q.AsOf)
		if !q.Selects(r) || !use.Meets(q.Start, q.End) {
			continue
		}
		seen.Records++
		if r.Rate.ID == farmtally.Unpriced {
			seen.Unpriced++
		}
		if r.Running {
			seen.Running++
		}
		s.slice(q, r, use, rows)
		if limits.Rows > 0 && int64(len(rows)) > limits.Rows {
			return seen, farmtally.Errorf(farmtally.TooLarge, "more than %d rows", limits.Rows)
		}
	}
	if progress != nil {
		progress(int64(len(s.records)), int64(len(s.records)))
	}
	return seen, emitSorted(ctx, rows, emit)
}

type rowKey struct {
	start farmtally.Instant
	group [farmtally.MaxGroupBy]string
}

func (s *referenceSnapshot) slice(q *farmtally.Query, r *farmtally.Record, use farmtally.Use, rows map[rowKey]*farmtally.Row) {
	var group [farmtally.MaxGroupBy]string
	jobName := ""
	for i, d := range q.GroupBy {
		group[i] = r.Value(d)
		if d == farmtally.ByJob {
			jobName = s.jobs[group[i]]
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
	sorted := make([]*farmtally.Row, 0, len(rows))
	for _, row := range rows {
		sorted = append(sorted, row)
	}
	slices.SortFunc(sorted, (*farmtally.Row).Compare)
	for _, row := range sorted {
		if err := cmp.Or(ctx.Err(), emit(row)); err != nil {
			return err
		}
	}
	return nil
}
