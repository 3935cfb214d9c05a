package backendtest

import (
	"fmt"
	"testing"

	"github.com/farmtally/farmtally"
)

// drawn is how many records, and as many queries, the tests here look at.
const drawn = 5000

// census counts what draws contain.
type census map[string]int

func (c census) count(name string, is bool) {
	if is {
		c[name]++
	} else {
		c[name] += 0
	}
}

// few is how many of each kind a census must hold.
const few = 10

func (c census) check(t *testing.T) {
	t.Helper()
	for name, n := range c {
		if n < few {
			t.Errorf("only %d draws: %s", n, name)
		}
	}
	if testing.Verbose() {
		t.Log(c)
	}
}

func drawRecords() (records []farmtally.Record) {
	g := Records(Farm(1))
	for seed := range drawn {
		records = append(records, g.Example(seed))
	}
	return records
}

func drawQueries() (queries []farmtally.Query) {
	g := Queries(Farm(1))
	for seed := range drawn {
		queries = append(queries, g.Example(seed))
	}
	return queries
}

func onSlot(t farmtally.Instant) bool { return (t-epoch)%slotMillis == 0 }

func TestDrawnRecords(t *testing.T) {
	c, texts, starts, identities := census{}, map[string]bool{}, map[farmtally.Instant]string{}, map[string]farmtally.Record{}
	for _, r := range drawRecords() {
		if fields := r.Validate(); len(fields) > 0 {
			t.Fatalf("%+v breaks a rule: %v", r, fields)
		}
		length := r.EndedAt - r.StartedAt
		c.count("running", r.Running)
		c.count("zero length", !r.Running && length == 0)
		c.count("one millisecond", !r.Running && length == 1)
		c.count("shorter than the bound of 64 bits by one", !r.Running && length == narrowest-1)
		c.count("at the bound of 64 bits", !r.Running && length == narrowest)
		c.count("longer than 35 days", !r.Running && length > narrowest)
		c.count("start on a boundary", onSlot(r.StartedAt))
		c.count("start a millisecond before a boundary", onSlot(r.StartedAt+1))
		c.count("start a millisecond after a boundary", onSlot(r.StartedAt-1))
		c.count("start and end on boundaries", !r.Running && length > 0 && onSlot(r.StartedAt) && onSlot(r.EndedAt))
		c.count("a runtime below the wall time", !r.Running && r.HasRuntime && r.RuntimeMillis < int64(length))
		c.count("no runtime of its own", !r.HasRuntime)
		c.count("its own cost", r.HasCost)
		c.count("the largest cost", r.Cost == 1<<63-1)
		c.count("running, its own cost", r.Running && r.HasCost)
		c.count("running, priced", r.Running && r.Rate.ID != "")
		c.count("running, unpriced", r.Running && !r.HasCost && r.Rate.ID == "")
		c.count("ended, unpriced", !r.Running && !r.HasCost && r.Rate.ID == "")
		for u := farmtally.PerWorker; u <= farmtally.PerSeat; u++ {
			c.count(fmt.Sprint("priced per ", u), r.Rate.ID != "" && r.Rate.Per == u)
		}
		for u := farmtally.Compute; u <= farmtally.PersistentVolume; u++ {
			c.count(u.String(), r.UsageType == u)
		}
		for _, d := range dimensions {
			c.count(fmt.Sprint("with ", d), r.Value(d) != "")
			if d != farmtally.ByUsageType { // it is required
				c.count(fmt.Sprint("without ", d), r.Value(d) == "")
			}
		}
		id, equal := starts[r.StartedAt]
		c.count("equal starts of two identities", equal && id != r.RecordID)
		starts[r.StartedAt] = r.RecordID
		key := fmt.Sprint(r.RecordID, r.StartedAt)
		old, replaces := identities[key]
		c.count("replaced identity", replaces && !old.SameAs(&r))
		c.count("replaced by another queue's", replaces && old.QueueID != r.QueueID)
		c.count("ended in place of running", replaces && old.Running && !r.Running)
		identities[key] = r
		texts[r.UserID], texts[r.InstanceType] = true, true
	}
	c.check(t)
	if len(texts) <= 1000 {
		t.Errorf("%d distinct strings", len(texts))
	}
}

func TestDrawnQueries(t *testing.T) {
	c := census{}
	for _, q := range drawQueries() {
		if fields := q.Validate(); len(fields) > 0 {
			t.Fatalf("%+v breaks a rule: %v", q, fields)
		}
		for p := farmtally.WholeRange; p <= farmtally.Monthly; p++ {
			c.count(fmt.Sprintf("period %q", p), q.Period == p)
		}
		for _, d := range dimensions {
			c.count(fmt.Sprint("first by ", d), q.GroupBy[0] == d)
			c.count(fmt.Sprint("second by ", d), len(q.GroupBy) > 1 && q.GroupBy[1] == d)
		}
		c.count("one dimension", len(q.GroupBy) == 1)
		c.count("queues", len(q.QueueIDs) > 0)
		c.count("fleets", len(q.FleetIDs) > 0)
		c.count("several resources", len(q.QueueIDs)+len(q.FleetIDs) > 1)
		c.count("UTC", q.Zone == 0)
		c.count("half hours east", q.Zone > 0 && q.Zone%60 != 0)
		c.count("half hours west", q.Zone < 0 && q.Zone%60 != 0)
		c.count("more than half a day east", q.Zone > 12*60)
		c.count("more than half a day west", q.Zone < -12*60)
		c.count("range of one millisecond", q.End == q.Start+1)
		c.count("range on boundaries", onSlot(q.Start) && onSlot(q.End))
		c.count("range from within a slot", !onSlot(q.Start))
		c.count("range of months", q.End-q.Start > 31*dayMillis)
		c.count("as of before the range", q.AsOf < q.Start)
		c.count("as of inside the range", q.Start <= q.AsOf && q.AsOf < q.End)
		c.count("as of after the range", q.AsOf >= q.End)
	}
	c.check(t)
}

// How drawn records and drawn queries meet: each query ten of the records, which is
// less than Compare shows it.
func TestDrawnMeetings(t *testing.T) {
	c, queries, records := census{}, drawQueries(), drawRecords()
	for i := range 10 * drawn {
		q, r := &queries[i/10], &records[i%drawn]
		use := r.At(q.AsOf)
		length, meets := use.End-use.Start, use.Meets(q.Start, q.End)
		c.count("selected and met", meets && q.Selects(r))
		c.count("not selected", !q.Selects(r))
		c.count("crosses the range's start", meets && use.Start < q.Start && use.End > q.Start)
		c.count("crosses the range's end", meets && use.Start < q.End && use.End > q.End)
		c.count("around the range", use.Start < q.Start && use.End > q.End)
		c.count("touches the range's start", length > 0 && use.End == q.Start)
		c.count("touches the range's end", length > 0 && use.Start == q.End)
		c.count("starts with the range", length > 0 && use.Start == q.Start)
		c.count("ends with the range", length > 0 && use.End == q.End)
		c.count("zero length at the range's start", length == 0 && use.Start == q.Start)
		c.count("zero length at the range's end", length == 0 && use.Start == q.End)
		c.count("running, started after asOf", r.Running && r.StartedAt > q.AsOf)
		c.count("running, met", r.Running && meets)
		c.count("running, its runtime capped", r.Running && r.HasRuntime && use.RuntimeMillis < r.RuntimeMillis)
		if !meets || q.Period == farmtally.WholeRange {
			continue
		}
		first, last := farmtally.BucketOf(q.Period, q.Zone, use.Start), farmtally.BucketOf(q.Period, q.Zone, max(use.Start, use.End-1))
		inside := use.Start >= q.Start && use.End < q.End
		c.count("crosses a boundary", inside && last > first)
		c.count("crosses many boundaries", inside && last > first+2)
		c.count("longer than 35 days, crosses a boundary", length > narrowest && last > first)
		c.count("starts on a boundary", inside && length > 0 && farmtally.BucketStart(q.Period, q.Zone, first) == use.Start)
		c.count("touches a boundary at its end", inside && length > 0 && farmtally.BucketStart(q.Period, q.Zone, last+1) == use.End)
		c.count("is one bucket", inside && first == last && length > 0 && farmtally.BucketStart(q.Period, q.Zone, first) == use.Start &&
			farmtally.BucketStart(q.Period, q.Zone, last+1) == use.End)
		c.count("zero length on a boundary", length == 0 && inside && farmtally.BucketStart(q.Period, q.Zone, first) == use.Start)
	}
	c.check(t)
}
