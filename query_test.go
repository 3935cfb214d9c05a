package farmtally_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
)

func goodQuery() farmtally.Query {
	return farmtally.Query{
		FarmID: farmtally.FarmPrefix + hex32, QueueIDs: []farmtally.QueueID{farmtally.QueuePrefix + hex32}, Start: 0, End: 1,
		Period: farmtally.WholeRange, GroupBy: []farmtally.Dimension{farmtally.ByUser}, Statistics: []farmtally.Statistic{farmtally.StatSum},
	}
}

func queueIDs(n int) (ids []farmtally.QueueID) {
	for i := range n {
		ids = append(ids, farmtally.QueueID(fmt.Sprintf("%s%032x", farmtally.QueuePrefix, i)))
	}
	return ids
}

func fleetIDs(n int) (ids []farmtally.FleetID) {
	for i := range n {
		ids = append(ids, farmtally.FleetID(fmt.Sprintf("%s%032x", farmtally.FleetPrefix, i)))
	}
	return ids
}

// Every rule on requests that a query can break by itself.
func TestQueryValidate(t *testing.T) {
	type query = farmtally.Query
	for _, c := range []struct {
		name   string
		change func(*query)
		fields string
	}{
		{"as it is", func(*query) {}, ""},
		{"farmId required", func(q *query) { q.FarmID = "" }, "farmId"},
		{"farmId malformed", func(q *query) { q.FarmID = "farm-1" }, "farmId"},
		{"neither queueIds nor fleetIds", func(q *query) { q.QueueIDs = nil }, "resourceIds"},
		{"empty lists", func(q *query) { q.QueueIDs, q.FleetIDs = []farmtally.QueueID{}, []farmtally.FleetID{} }, "resourceIds"},
		{"both queueIds and fleetIds", func(q *query) { q.FleetIDs = fleetIDs(1) }, "resourceIds"},
		{"ten queueIds", func(q *query) { q.QueueIDs = queueIDs(10) }, ""},
		{"eleven queueIds", func(q *query) { q.QueueIDs = queueIDs(11) }, "resourceIds.queueIds"},
		{"ten fleetIds", func(q *query) { q.QueueIDs, q.FleetIDs = nil, fleetIDs(10) }, ""},
		{"eleven fleetIds", func(q *query) { q.QueueIDs, q.FleetIDs = nil, fleetIDs(11) }, "resourceIds.fleetIds"},
		{"a queueId twice", func(q *query) { q.QueueIDs = append(queueIDs(2), queueIDs(1)...) }, "resourceIds.queueIds"},
		{"a fleetId twice", func(q *query) { q.QueueIDs, q.FleetIDs = nil, append(fleetIDs(1), fleetIDs(1)...) }, "resourceIds.fleetIds"},
		{"a queueId malformed", func(q *query) { q.QueueIDs = append(queueIDs(1), "queue-x") }, "resourceIds.queueIds[1]"},
		{"a queueId empty", func(q *query) { q.QueueIDs = append(queueIDs(1), "") }, "resourceIds.queueIds[1]"},
		{"a fleetId among queueIds", func(q *query) { q.QueueIDs[0] = farmtally.FleetPrefix + hex32 }, "resourceIds.queueIds[0]"},
		{"a fleetId malformed", func(q *query) { q.QueueIDs, q.FleetIDs = nil, append(fleetIDs(1), "fleet-x") }, "resourceIds.fleetIds[1]"},
		{"startTime at endTime", func(q *query) { q.Start = q.End }, "endTime"},
		{"startTime after endTime", func(q *query) { q.Start = q.End + 1 }, "endTime"},
		{"a range of any length", func(q *query) { q.Start, q.End = at("0001-01-01T00:00:00Z"), at("9999-12-31T23:59:59Z") }, ""},
		{"groupBy of none", func(q *query) { q.GroupBy = nil }, "groupBy"},
		{"groupBy of two", func(q *query) { q.GroupBy = []farmtally.Dimension{farmtally.ByJob, farmtally.ByUser} }, ""},
		{"groupBy of three", func(q *query) {
			q.GroupBy = []farmtally.Dimension{farmtally.ByJob, farmtally.ByUser, farmtally.ByQueue}
		}, "groupBy"},
		{"groupBy of one twice", func(q *query) { q.GroupBy = []farmtally.Dimension{farmtally.ByJob, farmtally.ByJob} }, "groupBy"},
		{"statistics of none", func(q *query) { q.Statistics = nil }, "statistics"},
		{"statistics of four", func(q *query) {
			q.Statistics = []farmtally.Statistic{farmtally.StatAvg, farmtally.StatMax, farmtally.StatMin, farmtally.StatSum}
		}, ""},
		{"statistics of one twice", func(q *query) { q.Statistics = []farmtally.Statistic{farmtally.StatSum, farmtally.StatSum} }, "statistics"},
		{"statistics of five", func(q *query) { q.Statistics = []farmtally.Statistic{1, 2, 3, 4, 5} }, "statistics"},
		{"all at once", func(q *query) { *q = query{QueueIDs: append(queueIDs(11), "x")} }, "farmId,resourceIds.queueIds,resourceIds.queueIds[11],endTime,groupBy,statistics"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := goodQuery()
			c.change(&q)
			if got := fieldNames(q.Validate()); got != c.fields {
				t.Errorf("fields %q, want %q: %v", got, c.fields, q.Validate())
			}
		})
	}
}

func TestQueryValidateSaysWhatIsAllowed(t *testing.T) {
	q := farmtally.Query{FarmID: "farm-" + hex32, QueueIDs: append(queueIDs(10), "q"), GroupBy: []farmtally.Dimension{1, 1}}
	var got []string
	for _, f := range q.Validate() {
		got = append(got, f.Name+" "+f.Message)
	}
	want := []string{
		"resourceIds.queueIds has 11 values; 1 to 10 are allowed",
		`resourceIds.queueIds[10] must be "queue-" and 32 lower-case hexadecimal digits`,
		"endTime must be after startTime",
		"groupBy has a value more than once",
		"statistics has 0 values; 1 to 4 are allowed",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestQuerySelects(t *testing.T) {
	queues, fleets := queueIDs(3), fleetIDs(3)
	byQueue, byFleet := farmtally.Query{QueueIDs: queues[:2]}, farmtally.Query{FleetIDs: fleets[:2]}
	for _, c := range []struct {
		name             string
		record           farmtally.Record
		byQueue, byFleet bool
	}{
		{"its queue", farmtally.Record{QueueID: queues[1]}, true, false},
		{"its fleet", farmtally.Record{FleetID: fleets[0]}, false, true},
		{"both", farmtally.Record{QueueID: queues[0], FleetID: fleets[1]}, true, true},
		{"other ones", farmtally.Record{QueueID: queues[2], FleetID: fleets[2]}, false, false},
		{"other queue, its fleet", farmtally.Record{QueueID: queues[2], FleetID: fleets[1]}, false, true},
		{"neither", farmtally.Record{}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := byQueue.Selects(&c.record); got != c.byQueue {
				t.Errorf("by queue: %v", got)
			}
			if got := byFleet.Selects(&c.record); got != c.byFleet {
				t.Errorf("by fleet: %v", got)
			}
		})
	}
}
