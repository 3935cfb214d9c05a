package backendtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// defect is one thing that a backend gets wrong. What is nil is right.
type defect struct {
	outcome func(farmtally.Outcome) farmtally.Outcome      // what accepting a record says
	version func(n int, r *farmtally.Record) bool          // what Aggregate sees of the n-th version accepted; false is nothing
	record  func(*farmtally.Query, *farmtally.Record) bool // what Aggregate sees of a record; false is nothing
	query   func(*farmtally.Query)                         // what Aggregate takes the query for
	rows    func([]farmtally.Row) []farmtally.Row          // what becomes of its rows
	seen    func(*farmtally.Seen)                          // what becomes of its counts
	listed  func(*farmtally.Record) bool                   // what Records gives; false is nothing
}

const hourly, daily, weekly, monthly = farmtally.Hourly, farmtally.Daily, farmtally.Weekly, farmtally.Monthly

// defects are mistakes that backends make, by name.
var defects = map[string]defect{
	"calls a replaced record new": {outcome: func(o farmtally.Outcome) farmtally.Outcome {
		if o == farmtally.Replaced {
			return farmtally.New
		}
		return o
	}},
	"counts a replaced record twice": {version: func(n int, r *farmtally.Record) bool {
		r.RecordID += fmt.Sprint("#", n)
		return true
	}},
	"keeps the first version of a record": {version: func(n int, _ *farmtally.Record) bool { return n == 0 }},

	"forgets running records":        {record: func(_ *farmtally.Query, r *farmtally.Record) bool { return !r.Running }},
	"forgets records of zero length": {record: func(_ *farmtally.Query, r *farmtally.Record) bool { return r.Running || r.StartedAt < r.EndedAt }},
	"forgets records without queue":  {record: func(_ *farmtally.Query, r *farmtally.Record) bool { return r.QueueID != "" }},
	"forgets what began before":      {record: func(q *farmtally.Query, r *farmtally.Record) bool { return r.StartedAt >= q.Start }},
	"sees zero length at the end":    {record: includeZeroLengthAtEnd},
	"sees what touches the start":    {record: includeTouchingStart},
	"loses a nano-dollar on long ones": {record: func(_ *farmtally.Query, r *farmtally.Record) bool {
		if !r.Running && r.EndedAt-r.StartedAt > narrowest && r.Cost > 0 {
			r.Cost--
		}
		return true
	}},
	"puts an end on a boundary into the next bucket": {record: func(_ *farmtally.Query, r *farmtally.Record) bool {
		if !r.Running && r.EndedAt > r.StartedAt && onSlot(r.EndedAt) {
			r.EndedAt++
		}
		return true
	}},
	"puts a start on a boundary into the bucket before": {record: func(_ *farmtally.Query, r *farmtally.Record) bool {
		if r.EndedAt > r.StartedAt && onSlot(r.StartedAt) {
			r.StartedAt--
		}
		return true
	}},
	"takes the wall time for the runtime": {record: func(_ *farmtally.Query, r *farmtally.Record) bool {
		if !r.Running {
			r.RuntimeMillis = int64(r.EndedAt - r.StartedAt)
		}
		return true
	}},
	"does not cap a running record's runtime": {record: func(q *farmtally.Query, r *farmtally.Record) bool {
		if r.Running && r.HasRuntime && q.AsOf > r.StartedAt {
			r.Running, r.EndedAt = false, q.AsOf
			r.Cost, r.HasCost = r.At(q.AsOf).Cost, true
			r.RuntimeMillis++
		}
		return true
	}},
	"prices nothing that runs": {record: func(_ *farmtally.Query, r *farmtally.Record) bool {
		if r.Running {
			r.Rate.USDPerHour = 0
		}
		return true
	}},

	"takes one queue of several":              {query: func(q *farmtally.Query) { q.QueueIDs = q.QueueIDs[:min(1, len(q.QueueIDs))] }},
	"rounds half-hour zones":                  {query: func(q *farmtally.Query) { q.Zone -= q.Zone % 60 }},
	"turns zones round":                       {query: func(q *farmtally.Query) { q.Zone = -q.Zone }},
	"begins weeks on Sunday":                  {query: shiftZone(weekly, 24*60)},
	"begins months a day late":                {query: shiftZone(monthly, -24*60)},
	"begins days at noon":                     {query: shiftZone(daily, 12*60)},
	"begins hours half an hour late":          {query: shiftZone(hourly, 30)},
	"ends running records a millisecond late": {query: func(q *farmtally.Query) { q.AsOf++ }},
	"knows no week": {query: func(q *farmtally.Query) {
		if q.Period == weekly {
			q.Period = daily
		}
	}},

	"drops the last row":          {rows: func(rows []farmtally.Row) []farmtally.Row { return rows[:max(0, len(rows)-1)] }},
	"drops the first row":         {rows: func(rows []farmtally.Row) []farmtally.Row { return rows[min(1, len(rows)):] }},
	"gives a row twice":           {rows: func(rows []farmtally.Row) []farmtally.Row { return append(rows, rows[:min(1, len(rows))]...) }},
	"gives the rows backwards":    {rows: func(rows []farmtally.Row) []farmtally.Row { slices.Reverse(rows); return rows }},
	"puts the absent value first": {rows: absentFirst},
	"loses the absent group": {rows: func(rows []farmtally.Row) []farmtally.Row {
		return slices.DeleteFunc(rows, func(r farmtally.Row) bool { return r.Group[0] == "" })
	}},
	"swaps the dimensions":          {rows: eachRow(func(r *farmtally.Row) { r.Group[0], r.Group[1] = r.Group[1], r.Group[0] })},
	"begins with a minimum of zero": {rows: eachRow(func(r *farmtally.Row) { r.Cost.Min, r.Runtime.Min = 0, 0 })},
	"takes the sum for the maximum": {rows: eachRow(func(r *farmtally.Row) { r.Runtime.Max = int64(r.Runtime.Sum.Lo) })},
	"counts to one":                 {rows: eachRow(func(r *farmtally.Row) { r.Count = 1 })},
	"sums in 64 bits":               {rows: eachRow(func(r *farmtally.Row) { r.Cost.Sum.Hi = 0 })},
	"sums in floating point":        {rows: eachRow(func(r *farmtally.Row) { r.Cost.Sum.Lo = uint64(float64(r.Cost.Sum.Lo>>1)) << 1 })},
	"forgets the job's name":        {rows: eachRow(func(r *farmtally.Row) { r.JobName = "" })},
	"prints buckets unclipped":      {rows: eachRow(func(r *farmtally.Row) { r.End -= r.End % hourMillis })},

	"counts no unpriced record": {seen: func(s *farmtally.Seen) { s.Unpriced = 0 }},
	"counts no running record":  {seen: func(s *farmtally.Seen) { s.Running = 0 }},
	"counts one record too few": {seen: func(s *farmtally.Seen) { s.Records = max(0, s.Records-1) }},

	"lists no running record":    {listed: func(r *farmtally.Record) bool { return !r.Running }},
	"lists records without user": {listed: func(r *farmtally.Record) bool { r.UserID = ""; return true }},
}

func includeZeroLengthAtEnd(q *farmtally.Query, r *farmtally.Record) bool {
	if !r.Running && r.StartedAt == r.EndedAt && r.StartedAt == q.End {
		r.StartedAt, r.EndedAt = r.StartedAt-1, r.EndedAt-1
	}
	return true
}

func includeTouchingStart(q *farmtally.Query, r *farmtally.Record) bool {
	if !r.Running && r.StartedAt < r.EndedAt && r.EndedAt == q.Start {
		r.EndedAt++
	}
	return true
}

// shiftZone moves the boundaries of one period.
func shiftZone(p farmtally.Period, by farmtally.Offset) func(*farmtally.Query) {
	return func(q *farmtally.Query) {
		if q.Period == p {
			q.Zone += by
		}
	}
}

func eachRow(change func(*farmtally.Row)) func([]farmtally.Row) []farmtally.Row {
	return func(rows []farmtally.Row) []farmtally.Row {
		for i := range rows {
			change(&rows[i])
		}
		return rows
	}
}

func absentFirst(rows []farmtally.Row) []farmtally.Row {
	slices.SortStableFunc(rows, func(a, b farmtally.Row) int {
		if a.Start != b.Start {
			return int(a.Start - b.Start)
		}
		return strings.Compare(a.Group[0], b.Group[0])
	})
	return rows
}

// broken is the Reference with a defect.
type broken struct {
	*Reference
	defect
	versions map[farmtally.FarmID][]farmtally.Record // all that were accepted, in their order
}

func (b *broken) Append(ctx context.Context, records []farmtally.Record) ([]farmtally.Outcome, error) {
	outcomes, err := b.Reference.Append(ctx, records)
	for i, r := range records {
		if err == nil && r.Accept() == nil {
			b.versions[r.FarmID] = append(b.versions[r.FarmID], r)
		}
		if b.outcome != nil {
			outcomes[i] = b.outcome(outcomes[i])
		}
	}
	return outcomes, err
}

func (b *broken) Import(context.Context) (farmtally.Import, error) {
	return &brokenLoad{backend: b}, nil
}

type brokenLoad struct {
	load
	backend *broken
}

func (l *brokenLoad) Commit(ctx context.Context) (counts farmtally.Counts, err error) {
	outcomes, err := l.backend.Append(ctx, l.records)
	for _, o := range outcomes {
		counts.Add(o)
	}
	return counts, err
}

func (b *broken) Snapshot(ctx context.Context, id farmtally.FarmID) (farmtally.Snapshot, error) {
	s, err := b.Reference.Snapshot(ctx, id)
	if err != nil || b.version == nil {
		return brokenSnapshot{s.(farm), b.defect, s.(farm).records}, err
	}
	records, count := map[identity]farmtally.Record{}, map[identity]int{}
	for _, r := range b.versions[id] {
		key := identity{r.StartedAt, r.RecordID}
		if b.version(count[key], &r) {
			records[identity{r.StartedAt, r.RecordID}] = r
		}
		count[key]++
	}
	return brokenSnapshot{s.(farm), b.defect, records}, nil
}

type brokenSnapshot struct {
	farm
	defect
	aggregated map[identity]farmtally.Record
}

func (s brokenSnapshot) Records(ctx context.Context, yield func(*farmtally.Record) error) error {
	return s.farm.Records(ctx, func(r *farmtally.Record) error {
		if s.listed != nil && !s.listed(r) {
			return nil
		}
		return yield(r)
	})
}

func (s brokenSnapshot) Aggregate(ctx context.Context, q *farmtally.Query, limits farmtally.Limits,
	progress farmtally.Progress, emit func(*farmtally.Row) error,
) (farmtally.Seen, error) {
	asked, f := *q, farm{map[identity]farmtally.Record{}, s.jobNames}
	for key, r := range s.aggregated {
		if s.record == nil || s.record(q, &r) {
			f.records[key] = r
		}
	}
	if s.query != nil {
		s.query(&asked)
	}
	var rows []farmtally.Row
	seen, err := f.Aggregate(ctx, &asked, limits, progress, func(r *farmtally.Row) error {
		rows = append(rows, *r)
		return nil
	})
	if s.rows != nil {
		rows = s.rows(rows)
	}
	if s.seen != nil {
		s.seen(&seen)
	}
	for i := range rows {
		if err == nil {
			err = emit(&rows[i])
		}
	}
	return seen, err
}

// recorder takes a property's failure down, in place of failing the test.
type recorder struct {
	rapid.TB
	failure string
}

func (r *recorder) Errorf(format string, args ...any) { r.failure += fmt.Sprintf(format, args...) }
func (r *recorder) Failed() bool                      { return r.failure != "" }
func (r *recorder) FailNow()                          {}
func (r *recorder) Logf(string, ...any)               {}

// compareQuietly runs Compare until it fails, and gives the failure.
func compareQuietly(t *testing.T, b farmtally.Backend) string {
	t.Helper()
	r := &recorder{TB: t}
	rapid.Check(r, func(t *rapid.T) { Compare(t, b) })
	return r.failure
}

func TestCompareCatchesDefects(t *testing.T) {
	Checks(t, 5000)
	Rapid(t, "rapid.seed", "1")
	Rapid(t, "rapid.shrinktime", "0s")
	Rapid(t, "rapid.nofailfile", "true")
	for name, d := range defects {
		t.Run(name, func(t *testing.T) {
			failure := compareQuietly(t, &broken{NewReference(), d, map[farmtally.FarmID][]farmtally.Record{}})
			if !strings.HasPrefix(failure, "[rapid] failed after") {
				t.Errorf("not caught: %q", failure)
			}
			t.Logf("%.60s", failure)
		})
	}
}

// The wrapping alone is no defect.
func TestComparePassesWithoutDefect(t *testing.T) {
	for name, d := range map[string]defect{
		"as it is":          {},
		"by its versions":   {version: func(int, *farmtally.Record) bool { return true }},
		"by empty closures": {record: func(*farmtally.Query, *farmtally.Record) bool { return true }, rows: eachRow(func(*farmtally.Row) {}), query: shiftZone(0, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			if failure := compareQuietly(t, &broken{NewReference(), d, map[farmtally.FarmID][]farmtally.Record{}}); failure != "" {
				t.Error(failure)
			}
		})
	}
}
