package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/farmtally/farmtally"
)

// question is a query with its name in the tables.
type question struct {
	name string
	farmtally.Query
}

const (
	yearStart  = farmtally.Instant(1_735_689_600_000) // 2025-01-01T00:00:00Z
	dayMillis  = 24 * 3_600_000
	yearEnd    = yearStart + 365*dayMillis
	resources  = 10
	halfHour   = 30 * 60_000
	indiaZone  = farmtally.Offset(5*60 + 30)
	queueCount = 40
	fleetCount = 12
	userCount  = 300
)

var allStatistics = []farmtally.Statistic{farmtally.StatSum, farmtally.StatMin, farmtally.StatMax, farmtally.StatAvg}

// synthetic gives an id of the made-up farm.
func synthetic(prefix, name string) string {
	return farmtally.HashID(prefix, "synthetic", "synthetic", name)
}

func farm() farmtally.FarmID {
	return farmtally.FarmID(synthetic(farmtally.FarmPrefix, "synthetic"))
}

func queue(i int) farmtally.QueueID {
	return farmtally.QueueID(synthetic(farmtally.QueuePrefix, fmt.Sprintf("queue-%02d", i+1)))
}

func fleet(i int) farmtally.FleetID {
	return farmtally.FleetID(synthetic(farmtally.FleetPrefix, fmt.Sprintf("fleet-%02d", i+1)))
}

func users() (names []string) {
	for i := range userCount {
		names = append(names, fmt.Sprintf("user-%03d", i+1))
	}
	return names
}

func first[ID any](n int, id func(int) ID) (ids []ID) {
	for i := range n {
		ids = append(ids, id(i))
	}
	return ids
}

// questions are Q1 to Q5 of the performance page.
func questions() []question {
	year := func(name string, q farmtally.Query) question {
		q.FarmID, q.Statistics, q.Start, q.AsOf = farm(), allStatistics, yearStart, yearEnd
		if q.End == 0 {
			q.End = yearEnd
		}
		return question{name, q}
	}
	queues, fleets := first(resources, queue), first(resources, fleet)
	return []question{
		year("Q1", farmtally.Query{QueueIDs: queues, Period: farmtally.Daily, GroupBy: []farmtally.Dimension{farmtally.ByQueue}}),
		year("Q2", farmtally.Query{FleetIDs: fleets, Period: farmtally.Monthly,
			GroupBy: []farmtally.Dimension{farmtally.ByUser, farmtally.ByUsageType}}),
		year("Q3", farmtally.Query{QueueIDs: queues, Period: farmtally.Hourly, GroupBy: []farmtally.Dimension{farmtally.ByJob},
			End: yearStart + 31*dayMillis}),
		year("Q4", farmtally.Query{FleetIDs: fleets, Period: farmtally.Weekly, Zone: indiaZone,
			GroupBy: []farmtally.Dimension{farmtally.ByInstanceType, farmtally.ByUsageType}}),
		year("Q5", farmtally.Query{FleetIDs: fleets, Period: farmtally.Hourly, GroupBy: []farmtally.Dimension{farmtally.ByUser}}),
	}
}

// randomQuestions are n further ones, the same for the same seed: every period, whole
// ranges and ones that cut records, half-hour zones, one or two dimensions.
func randomQuestions(n int, seed uint64) (list []question) {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // made-up questions, no secret
	for i := range n {
		q := farmtally.Query{FarmID: farm(), Statistics: allStatistics, AsOf: yearEnd}
		if random.IntN(2) == 0 {
			for _, i := range random.Perm(queueCount)[:1+random.IntN(resources)] {
				q.QueueIDs = append(q.QueueIDs, queue(i))
			}
		} else {
			for _, i := range random.Perm(fleetCount)[:1+random.IntN(resources)] {
				q.FleetIDs = append(q.FleetIDs, fleet(i))
			}
		}
		q.Period = farmtally.Period(1 + random.IntN(5))
		q.Zone = farmtally.Offset((random.IntN(57) - 28) * 30)
		for _, d := range random.Perm(7)[:1+random.IntN(farmtally.MaxGroupBy)] {
			q.GroupBy = append(q.GroupBy, farmtally.Dimension(d+1))
		}
		days := []int{1, 7, 31, 120}[random.IntN(4)]
		q.Start = yearStart - 2*dayMillis + farmtally.Instant(random.Int64N(365*dayMillis))
		q.End = q.Start + farmtally.Instant(1+random.Int64N(int64(days)*dayMillis))
		if random.IntN(2) == 0 { // on half hours, as most questions are
			q.Start -= q.Start % halfHour
			q.End += halfHour - q.End%halfHour
		}
		list = append(list, question{fmt.Sprintf("random %d", i+1), q})
	}
	return list
}
