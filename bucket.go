package farmtally

import "time"

// Period is the length of a bucket.
type Period int

// The periods of AWS's model. WholeRange is AWS's absent period: the range is one
// bucket.
const (
	WholeRange Period = iota + 1
	Hourly
	Daily
	Weekly
	Monthly
)

// BucketOf numbers the bucket that holds the instant t. Numbers grow with time by
// one from each bucket to the next; they mean nothing else. Boundaries are those of
// local time at the offset: full hours, midnights, Mondays at midnight (ISO 8601),
// firsts of the month at midnight.
func BucketOf(p Period, zone Offset, t Instant) int64 {
	local := int64(t) + int64(zone)*millisPerMinute
	switch p {
	case Hourly:
		return floorDiv(local, millisPerHour)
	case Daily:
		return floorDiv(local, millisPerDay)
	case Weekly:
		return floorDiv(local+mondayShift, 7*millisPerDay)
	case Monthly:
		date := time.UnixMilli(local).UTC()
		return int64(date.Year())*12 + int64(date.Month()) - 1
	default:
		return 0
	}
}

// mondayShift takes 1970-01-01, a Thursday, to the Monday three days earlier.
const mondayShift = 3 * millisPerDay

// BucketStart is the first instant of a bucket, and so the end of the one before.
// It must not be called for WholeRange, whose one bucket is the query's range.
func BucketStart(p Period, zone Offset, number int64) Instant {
	var local int64
	switch p {
	case Hourly:
		local = number * millisPerHour
	case Daily:
		local = number * millisPerDay
	case Weekly:
		local = number*7*millisPerDay - mondayShift
	case Monthly:
		year, month := floorDiv(number, 12), number-12*floorDiv(number, 12)
		local = time.Date(int(year), time.Month(month+1), 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	default:
		panic("farmtally: BucketStart of a period without boundaries")
	}
	return Instant(local - int64(zone)*millisPerMinute)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
