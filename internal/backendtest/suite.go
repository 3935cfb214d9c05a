package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// farms numbers the farms of all tests, so that each has one of its own.
var farms atomic.Int64

// NewFarm gives a farm that no other test uses.
func NewFarm() farmtally.FarmID { return Farm(int(farms.Add(1))) }

// tb is what the tests here need of testing.T and of rapid.T.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Run proves a backend equal to the Reference and to the properties that the
// semantics promise. The backend may hold records of other farms.
func Run(t *testing.T, backend farmtally.Backend) {
	for name, test := range map[string]func(*testing.T, farmtally.Backend){
		"EqualsReference": testEqualsReference, "PeriodsAddUp": testPeriodsAddUp, "CutsAddUp": testCutsAddUp,
		"OrderOfArrival": testOrderOfArrival, "SendingTwice": testSendingTwice, "SnapshotIsolation": testSnapshotIsolation,
		"AbortLeavesNothing": testAbort, "RowLimit": testRowLimit, "EmitError": testEmitError, "Cancelled": testCancelled,
		"InvalidRecord": testInvalidRecord, "RowsOrdered": testRowsOrdered, "EmptyFarm": testEmptyFarm,
		"HugeSums": testHugeSums, "Progress": testProgress, "Tables": testTables,
	} {
		t.Run(name, func(t *testing.T) { test(t, backend) })
	}
}

// Load draws batches of records and brings each to both backends in the same way:
// as an import or appended, and with equal outcomes.
func Load(t *rapid.T, farm farmtally.FarmID, got, want farmtally.Backend) {
	for i := range rapid.IntRange(1, 4).Draw(t, "batches") {
		records := rapid.SliceOfN(Records(farm), 0, 24).Draw(t, fmt.Sprint("batch", i))
		if rapid.IntRange(0, 7).Draw(t, "dear") == 0 { // sums beyond 64 bits
			for i := range records {
				records[i].Cost, records[i].HasCost, records[i].Rate = 1<<63-1, true, farmtally.Rate{}
			}
		}
		if rapid.Bool().Draw(t, "import") {
			same(t, "counts", importAll(t, got, records), importAll(t, want, records))
		} else {
			same(t, "outcomes", appendAll(t, got, records), appendAll(t, want, records))
		}
	}
}

func importAll(t tb, b farmtally.Backend, records []farmtally.Record) farmtally.Counts {
	t.Helper()
	ctx := context.Background()
	load, err := b.Import(ctx)
	check(t, err)
	defer load.Abort() //nolint:errcheck // after Commit it does nothing
	for i := range records {
		check(t, load.Add(ctx, &records[i]))
	}
	counts, err := load.Commit(ctx)
	check(t, err)
	return counts
}

// importTables imports records as tables as far as they can be: those that have ended.
func importTables(t tb, b farmtally.Backend, records []farmtally.Record) farmtally.Counts {
	t.Helper()
	ctx := context.Background()
	load, err := b.Import(ctx)
	check(t, err)
	defer load.Abort() //nolint:errcheck // after Commit it does nothing
	check(t, AddTables(ctx, load, records))
	counts, err := load.Commit(ctx)
	check(t, err)
	return counts
}

func appendAll(t tb, b farmtally.Backend, records []farmtally.Record) string {
	t.Helper()
	outcomes, err := b.Append(context.Background(), records)
	check(t, err)
	return fmt.Sprint(outcomes)
}

// Answer is the rows and counts of a query.
type Answer struct {
	Rows []farmtally.Row
	Seen farmtally.Seen
}

// Ask answers a query over the farm's records as they are now.
func Ask(t tb, b farmtally.Backend, q *farmtally.Query) (a Answer) {
	t.Helper()
	s, err := b.Snapshot(context.Background(), q.FarmID)
	check(t, err)
	defer s.Close() //nolint:errcheck // it only reads
	return askSnapshot(t, s, q)
}

func askSnapshot(t tb, s farmtally.Snapshot, q *farmtally.Query) (a Answer) {
	t.Helper()
	if fields := q.Validate(); len(fields) > 0 {
		t.Fatalf("query breaks a rule: %v", fields)
	}
	var err error
	a.Seen, err = s.Aggregate(context.Background(), q, farmtally.Limits{}, nil, func(r *farmtally.Row) error {
		a.Rows = append(a.Rows, *r)
		return nil
	})
	check(t, err)
	return a
}

// Same fails unless two answers are equal to the last unit.
func Same(t tb, got, want Answer) {
	t.Helper()
	if got.Seen != want.Seen {
		t.Fatalf("seen %+v, want %+v", got.Seen, want.Seen)
	}
	for i := range max(len(got.Rows), len(want.Rows)) {
		if i >= len(got.Rows) || i >= len(want.Rows) || got.Rows[i] != want.Rows[i] {
			t.Fatalf("row %d of %d and %d:\n got %+v\nwant %+v", i, len(got.Rows), len(want.Rows), at(got.Rows, i), at(want.Rows, i))
		}
	}
}

func at(rows []farmtally.Row, i int) any {
	if i < len(rows) {
		return rows[i]
	}
	return "none"
}

func same[T comparable](t tb, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func check(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// Compare draws records and queries, and compares the backend with the Reference.
func Compare(t *rapid.T, backend farmtally.Backend) {
	farm, reference := NewFarm(), NewReference()
	Load(t, farm, backend, reference)
	for i := range rapid.IntRange(1, 3).Draw(t, "queries") {
		q := Queries(farm).Draw(t, fmt.Sprint("query", i))
		Same(t, Ask(t, backend, &q), Ask(t, reference, &q))
	}
	same(t, "records", recordsOf(t, backend, farm), recordsOf(t, reference, farm))
}

// recordsOf prints all records of a farm, names apart.
func recordsOf(t tb, b farmtally.Backend, farm farmtally.FarmID) (all string) {
	t.Helper()
	s, err := b.Snapshot(context.Background(), farm)
	check(t, err)
	defer s.Close() //nolint:errcheck // it only reads
	check(t, s.Records(context.Background(), func(r *farmtally.Record) error {
		c := *r
		c.FarmName, c.QueueName, c.FleetName, c.JobName = "", "", "", ""
		if !c.Running {
			c.Rate = farmtally.Rate{ID: c.Rate.ID}
		} else {
			c.EndedAt = 0
		}
		all += fmt.Sprintf("%+v\n", c)
		return nil
	}))
	return all
}

func testEqualsReference(t *testing.T, b farmtally.Backend) {
	rapid.Check(t, func(t *rapid.T) { Compare(t, b) })
}

// total adds up all rows of an answer.
func total(rows []farmtally.Row) (cost, runtime farmtally.Sum) {
	for i := range rows {
		cost.AddSum(rows[i].Cost.Sum)
		runtime.AddSum(rows[i].Runtime.Sum)
	}
	return cost, runtime
}

// Sums over any period equal the sum without one.
func testPeriodsAddUp(t *testing.T, b farmtally.Backend) {
	rapid.Check(t, func(t *rapid.T) {
		farm := NewFarm()
		importAll(t, b, rapid.SliceOfN(Records(farm), 0, 40).Draw(t, "records"))
		q := Queries(farm).Draw(t, "query")
		cost, runtime := total(Ask(t, b, &q).Rows)
		q.Period = farmtally.WholeRange
		wholeCost, wholeRuntime := total(Ask(t, b, &q).Rows)
		same(t, "cost", cost, wholeCost)
		same(t, "runtime", runtime, wholeRuntime)
	})
}

// The answers over the parts of a cut range add up to the answer over the whole.
func testCutsAddUp(t *testing.T, b farmtally.Backend) {
	rapid.Check(t, func(t *rapid.T) {
		farm := NewFarm()
		importAll(t, b, rapid.SliceOfN(Records(farm), 0, 40).Draw(t, "records"))
		q := Queries(farm).Draw(t, "query")
		wantCost, wantRuntime := total(Ask(t, b, &q).Rows)
		cuts := []farmtally.Instant{q.Start, q.End}
		for range rapid.IntRange(0, 4).Draw(t, "cuts") {
			cuts = append(cuts, q.Start+farmtally.Instant(rapid.Int64Range(0, int64(q.End-q.Start)).Draw(t, "cut")))
		}
		slices.Sort(cuts)
		var cost, runtime farmtally.Sum
		for i, from := range cuts[:len(cuts)-1] {
			if part := q; from < cuts[i+1] {
				part.Start, part.End = from, cuts[i+1]
				c, r := total(Ask(t, b, &part).Rows)
				cost.AddSum(c)
				runtime.AddSum(r)
			}
		}
		same(t, "cost", cost, wantCost)
		same(t, "runtime", runtime, wantRuntime)
	})
}

// The order in which records of different identities arrive changes nothing.
func testOrderOfArrival(t *testing.T, b farmtally.Backend) {
	rapid.Check(t, func(t *rapid.T) {
		farm := NewFarm()
		records := rapid.SliceOfNDistinct(Records(farm), 0, 24, func(r farmtally.Record) string {
			return fmt.Sprint(r.RecordID, r.StartedAt)
		}).Draw(t, "records")
		for i := range records {
			records[i].JobName = ""
		}
		shuffled := rapid.Permutation(records).Draw(t, "shuffled")
		other := NewFarm()
		for i := range shuffled {
			shuffled[i].FarmID = other
		}
		importAll(t, b, records)
		cut := rapid.IntRange(0, len(shuffled)).Draw(t, "cut")
		appendAll(t, b, shuffled[:cut])
		importAll(t, b, shuffled[cut:])
		q := Queries(farm).Draw(t, "query")
		want := Ask(t, b, &q)
		q.FarmID = other
		Same(t, Ask(t, b, &q), want)
	})
}

// Sending everything again, in either way, changes nothing and says so.
func testSendingTwice(t *testing.T, b farmtally.Backend) {
	rapid.Check(t, func(t *rapid.T) {
		farm := NewFarm()
		records := rapid.SliceOfNDistinct(Records(farm), 1, 24, func(r farmtally.Record) string {
			return fmt.Sprint(r.RecordID, r.StartedAt)
		}).Draw(t, "records")
		same(t, "first", importAll(t, b, records).New, int64(len(records)))
		q := Queries(farm).Draw(t, "query")
		want := Ask(t, b, &q)
		same(t, "again", importAll(t, b, records), farmtally.Counts{Unchanged: int64(len(records))})
		outcomes, err := b.Append(context.Background(), records)
		check(t, err)
		for _, o := range outcomes {
			same(t, "outcome", o, farmtally.Unchanged)
		}
		Same(t, Ask(t, b, &q), want)
	})
}

// A snapshot sees what was acknowledged before it, and nothing that came after.
func testSnapshotIsolation(t *testing.T, b farmtally.Backend) {
	rapid.Check(t, func(t *rapid.T) {
		farm, reference := NewFarm(), NewReference()
		Load(t, farm, b, reference)
		s, err := b.Snapshot(context.Background(), farm)
		check(t, err)
		defer s.Close() //nolint:errcheck // it only reads
		q := Queries(farm).Draw(t, "query")
		want := Ask(t, reference, &q)
		for i := range want.Rows {
			want.Rows[i].JobName = ""
		}
		Load(t, farm, b, NewReferenceOf(t, reference, farm))
		got := askSnapshot(t, s, &q)
		for i := range got.Rows {
			got.Rows[i].JobName = "" // names are labels: the latest is shown
		}
		Same(t, got, want)
	})
}

// NewReferenceOf copies a farm's records into a new Reference.
func NewReferenceOf(t tb, from *Reference, farm farmtally.FarmID) *Reference {
	t.Helper()
	to := NewReference()
	s, err := from.Snapshot(context.Background(), farm)
	check(t, err)
	check(t, s.Records(context.Background(), func(r *farmtally.Record) error {
		to.put(*r)
		return nil
	}))
	return to
}

// An aborted import leaves nothing behind.
// What is imported as tables is what is imported record by record.
func testTables(t *testing.T, b farmtally.Backend) {
	rapid.Check(t, func(t *rapid.T) {
		farms := [2]farmtally.FarmID{NewFarm(), NewFarm()}
		for range 3 {
			records := rapid.SliceOfN(Records(farms[0]), 0, 40).Draw(t, "records")
			if len(records) > 0 && rapid.Bool().Draw(t, "again") {
				records = append(records, rapid.Permutation(records).Draw(t, "order")...)
			}
			var counts [2]farmtally.Counts
			for i, load := range [2]func(tb, farmtally.Backend, []farmtally.Record) farmtally.Counts{importAll, importTables} {
				for j := range records {
					records[j].FarmID = farms[i]
				}
				counts[i] = load(t, b, records)
			}
			if counts[0] != counts[1] {
				t.Fatalf("as tables %+v, one by one %+v", counts[1], counts[0])
			}
		}
		of := func(farm farmtally.FarmID) string {
			return strings.ReplaceAll(recordsOf(t, b, farm), string(farm), "")
		}
		if one, tables := of(farms[0]), of(farms[1]); one != tables {
			t.Fatalf("as tables %s, one by one %s", tables, one)
		}
	})
}

func testAbort(t *testing.T, b farmtally.Backend) {
	ctx, farm := context.Background(), NewFarm()
	records := Example(farm, 50)
	load, err := b.Import(ctx)
	check(t, err)
	defer load.Abort() //nolint:errcheck // a second call does nothing
	for i := range records {
		check(t, load.Add(ctx, &records[i]))
	}
	check(t, load.Abort())
	same(t, "records", recordsOf(t, b, farm), "")
}

// Example gives n records of an hour each, one an hour, of one queue.
func Example(farm farmtally.FarmID, n int) []farmtally.Record {
	var records []farmtally.Record
	for i := range n {
		start := epoch + farmtally.Instant(i*hourMillis)
		records = append(records, farmtally.Record{
			RecordID: fmt.Sprint("r", i), FarmID: farm, QueueID: queueID(0), UserID: fmt.Sprint("user", i),
			UsageType: farmtally.Compute, StartedAt: start, EndedAt: start + hourMillis, Cost: 1_000_000_000, HasCost: true,
		})
	}
	return records
}

// ExampleQuery asks for the example's records, one row each.
func ExampleQuery(farm farmtally.FarmID) farmtally.Query {
	return farmtally.Query{
		FarmID: farm, QueueIDs: []farmtally.QueueID{queueID(0)}, Start: epoch, End: epoch + 365*dayMillis, Period: farmtally.Hourly,
		GroupBy: []farmtally.Dimension{farmtally.ByUser}, Statistics: []farmtally.Statistic{farmtally.StatSum}, AsOf: epoch,
	}
}

func ignore(*farmtally.Row) error { return nil }

// One row more than the limit is TooLarge; as many as the limit are not.
func testRowLimit(t *testing.T, b farmtally.Backend) {
	farm := NewFarm()
	importAll(t, b, Example(farm, 50))
	s, err := b.Snapshot(context.Background(), farm)
	check(t, err)
	defer s.Close() //nolint:errcheck // it only reads
	q := ExampleQuery(farm)
	_, err = s.Aggregate(context.Background(), &q, farmtally.Limits{Rows: 50}, nil, ignore)
	check(t, err)
	_, err = s.Aggregate(context.Background(), &q, farmtally.Limits{Rows: 49}, nil, ignore)
	same(t, "kind", farmtally.KindOf(err), farmtally.TooLarge)
}

// An error of emit ends the aggregation and comes back.
func testEmitError(t *testing.T, b farmtally.Backend) {
	farm := NewFarm()
	importAll(t, b, Example(farm, 10))
	s, err := b.Snapshot(context.Background(), farm)
	check(t, err)
	defer s.Close() //nolint:errcheck // it only reads
	q, enough, rows := ExampleQuery(farm), errors.New("enough"), 0
	_, err = s.Aggregate(context.Background(), &q, farmtally.Limits{}, nil, func(*farmtally.Row) error {
		rows++
		return enough
	})
	if !errors.Is(err, enough) || rows != 1 {
		t.Fatalf("%d rows, error %v", rows, err)
	}
}

// A cancelled context ends an aggregation and an import with its error.
func testCancelled(t *testing.T, b farmtally.Backend) {
	farm := NewFarm()
	importAll(t, b, Example(farm, 10))
	s, err := b.Snapshot(context.Background(), farm)
	check(t, err)
	defer s.Close() //nolint:errcheck // it only reads
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	q := ExampleQuery(farm)
	if _, err := s.Aggregate(ctx, &q, farmtally.Limits{}, nil, ignore); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if _, err := b.Append(ctx, Example(farm, 11)); !errors.Is(err, context.Canceled) {
		t.Fatalf("append: error %v", err)
	}
}

// A record that breaks a rule is refused, and nothing of its batch is stored.
func testInvalidRecord(t *testing.T, b farmtally.Backend) {
	farm := NewFarm()
	records := Example(farm, 3)
	records[2].EndedAt = records[2].StartedAt - 1
	_, err := b.Append(context.Background(), records)
	same(t, "kind", farmtally.KindOf(err), farmtally.Invalid)
	same(t, "records", recordsOf(t, b, farm), "")
}

// Rows come in their total order, the absent value last.
func testRowsOrdered(t *testing.T, b farmtally.Backend) {
	farm := NewFarm()
	records := Example(farm, 40)
	for i := range records {
		records[i].StartedAt, records[i].EndedAt = epoch, epoch+hourMillis
		if i%7 == 0 {
			records[i].UserID = ""
		}
	}
	importAll(t, b, records[:20])
	appendAll(t, b, records[20:])
	q := ExampleQuery(farm)
	rows := Ask(t, b, &q).Rows
	for i := 1; i < len(rows); i++ {
		if rows[i-1].Compare(&rows[i]) >= 0 {
			t.Fatalf("row %d %v is not before %v", i, rows[i-1].Group, rows[i].Group)
		}
	}
	same(t, "last", rows[len(rows)-1].Group[0], "")
	same(t, "count of the last", rows[len(rows)-1].Count, 6)
}

// A farm that nobody knows has no records and no rows.
func testEmptyFarm(t *testing.T, b farmtally.Backend) {
	q := ExampleQuery(NewFarm())
	Same(t, Ask(t, b, &q), Answer{})
}

// Sums beyond 64 bits are exact.
func testHugeSums(t *testing.T, b farmtally.Backend) {
	farm := NewFarm()
	records := Example(farm, 5)
	for i := range records {
		records[i].Cost = 1<<63 - 1
	}
	importAll(t, b, records)
	q := ExampleQuery(farm)
	q.Period, q.GroupBy = farmtally.WholeRange, []farmtally.Dimension{farmtally.ByUsageType}
	rows := Ask(t, b, &q).Rows
	same(t, "sum", rows[0].Cost.Sum.Dollars(), "46116860184.273879035")
}

// Progress grows to the number of the snapshot's records.
func testProgress(t *testing.T, b farmtally.Backend) {
	farm := NewFarm()
	importAll(t, b, Example(farm, 60))
	s, err := b.Snapshot(context.Background(), farm)
	check(t, err)
	defer s.Close() //nolint:errcheck // it only reads
	q, last := ExampleQuery(farm), int64(0)
	_, err = s.Aggregate(context.Background(), &q, farmtally.Limits{}, func(done, total int64) {
		if done < last || done > total || total != 60 {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}, ignore)
	check(t, err)
	same(t, "done", last, 60)
}
