package farmtally

import "fmt"

// Dimension is what rows are grouped by.
type Dimension int

// The dimensions of AWS's model.
const (
	ByQueue Dimension = iota + 1
	ByFleet
	ByJob
	ByUser
	ByUsageType
	ByInstanceType
	ByLicenseProduct
)

// The bounds of AWS's model on a query's lists.
const (
	MaxGroupBy    = 2
	MaxResources  = 10
	MaxStatistics = 4
)

// Query asks for statistics of one farm. It is what AWS's
// StartSessionsStatisticsAggregation asks, and the instant as of which it is
// answered.
type Query struct {
	FarmID     FarmID
	QueueIDs   []QueueID // these or FleetIDs, 1–10, no duplicates
	FleetIDs   []FleetID
	Start, End Instant // the range [Start, End)
	Zone       Offset
	Period     Period
	GroupBy    []Dimension // 1–2, no duplicates
	Statistics []Statistic // 1–4, no duplicates
	AsOf       Instant     // where running records end
}

// Validate checks every rule that a query can break by itself and gives all the
// members that break one, named as in AWS's request.
func (q *Query) Validate() []Field {
	var v violations
	v.id("farmId", FarmPrefix, string(q.FarmID), true)
	if (len(q.QueueIDs) == 0) == (len(q.FleetIDs) == 0) {
		v.add("resourceIds", "must have exactly one of queueIds and fleetIds, with 1 to 10 ids")
	}
	validateList(&v, "resourceIds.queueIds", q.QueueIDs, 0, MaxResources)
	for i, id := range q.QueueIDs {
		v.id(fmt.Sprintf("resourceIds.queueIds[%d]", i), QueuePrefix, string(id), true)
	}
	validateList(&v, "resourceIds.fleetIds", q.FleetIDs, 0, MaxResources)
	for i, id := range q.FleetIDs {
		v.id(fmt.Sprintf("resourceIds.fleetIds[%d]", i), FleetPrefix, string(id), true)
	}
	if q.Start >= q.End {
		v.add("endTime", "must be after startTime")
	}
	validateList(&v, "groupBy", q.GroupBy, 1, MaxGroupBy)
	validateList(&v, "statistics", q.Statistics, 1, MaxStatistics)
	return v
}

func validateList[T comparable](v *violations, name string, list []T, least, most int) {
	if len(list) < least || len(list) > most {
		v.add(name, fmt.Sprintf("has %d values; %d to %d are allowed", len(list), max(least, 1), most))
	}
	seen := make(map[T]bool, len(list))
	for _, x := range list {
		if seen[x] {
			v.add(name, "has a value more than once")
			return
		}
		seen[x] = true
	}
}

// Selects reports whether the record's queue or fleet is among the query's.
func (q *Query) Selects(r *Record) bool {
	for _, id := range q.QueueIDs {
		if id == r.QueueID {
			return true
		}
	}
	for _, id := range q.FleetIDs {
		if id == r.FleetID {
			return true
		}
	}
	return false
}

// Bounds gives the bounds of a bucket clipped to the query's range.
func (q *Query) Bounds(bucket int64) (start, end Instant) {
	if q.Period == WholeRange {
		return q.Start, q.End
	}
	return max(q.Start, BucketStart(q.Period, q.Zone, bucket)),
		min(q.End, BucketStart(q.Period, q.Zone, bucket+1))
}

// Value is the record's value of the dimension, "" where it has none.
func (r *Record) Value(d Dimension) string {
	switch d {
	case ByQueue:
		return string(r.QueueID)
	case ByFleet:
		return string(r.FleetID)
	case ByJob:
		return string(r.JobID)
	case ByUser:
		return r.UserID
	case ByUsageType:
		return r.UsageType.String()
	case ByInstanceType:
		return r.InstanceType
	case ByLicenseProduct:
		return r.LicenseProduct
	default:
		panic(fmt.Sprintf("farmtally: no dimension %d", int(d)))
	}
}
