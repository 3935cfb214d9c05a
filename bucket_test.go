package farmtally_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

var boundedPeriods = []farmtally.Period{farmtally.Hourly, farmtally.Daily, farmtally.Weekly, farmtally.Monthly}

func zones() *rapid.Generator[farmtally.Offset] {
	return rapid.Map(rapid.IntRange(-39, 39), func(n int) farmtally.Offset { return farmtally.Offset(n * 30) })
}

// calendarBucket is the reference: the bounds of the bucket of an instant by the
// calendar of the standard library.
func calendarBucket(p farmtally.Period, zone farmtally.Offset, t farmtally.Instant) (start, end farmtally.Instant) {
	local := t.Time().In(time.FixedZone("", int(zone)*60))
	year, month, day := local.Date()
	midnight := func(year int, month time.Month, day int) farmtally.Instant {
		return farmtally.InstantOf(time.Date(year, month, day, 0, 0, 0, 0, local.Location()))
	}
	switch p {
	case farmtally.Hourly:
		hour := time.Date(year, month, day, local.Hour(), 0, 0, 0, local.Location())
		return farmtally.InstantOf(hour), farmtally.InstantOf(hour.Add(time.Hour))
	case farmtally.Daily:
		return midnight(year, month, day), midnight(year, month, day+1)
	case farmtally.Weekly:
		monday := day - (int(local.Weekday())+6)%7
		return midnight(year, month, monday), midnight(year, month, monday+7)
	default:
		return midnight(year, month, 1), midnight(year, month+1, 1)
	}
}

// wallClock draws instants near what calendars get wrong: local midnights, Mondays,
// firsts, leap days, ends of years and of centuries, and 1970.
func wallClock(zone farmtally.Offset) *rapid.Generator[farmtally.Instant] {
	return rapid.Custom(func(t *rapid.T) farmtally.Instant {
		year := rapid.OneOf(rapid.IntRange(1970, 2200), rapid.SampledFrom([]int{1, 1900, 1969, 1970, 2000, 2024, 2100, 9999})).Draw(t, "year")
		month := rapid.IntRange(1, 12).Draw(t, "month")
		day := rapid.OneOf(rapid.IntRange(1, 31), rapid.SampledFrom([]int{1, 28, 29, 30})).Draw(t, "day")
		date := time.Date(year, time.Month(month), day, rapid.SampledFrom([]int{0, 0, 12, 23}).Draw(t, "hour"), 0, 0, 0, time.FixedZone("", int(zone)*60))
		beside := rapid.OneOf(rapid.SampledFrom([]int64{0, -1, 1}), rapid.Int64Range(0, 3_600_000)).Draw(t, "beside")
		return farmtally.InstantOf(date) + farmtally.Instant(beside)
	})
}

func TestBucketsEqualTheCalendar(t *testing.T) {
	for _, p := range boundedPeriods {
		t.Run(p.String(), rapid.MakeCheck(func(t *rapid.T) {
			zone := zones().Draw(t, "zone")
			at := wallClock(zone).Draw(t, "at")
			n := farmtally.BucketOf(p, zone, at)
			start, end := farmtally.BucketStart(p, zone, n), farmtally.BucketStart(p, zone, n+1)
			if start > at || at >= end {
				t.Fatalf("%s is outside of its bucket, %s to %s", at, start, end)
			}
			if wantStart, wantEnd := calendarBucket(p, zone, at); start != wantStart || end != wantEnd {
				t.Fatalf("%s in %s: %s to %s, want %s to %s", at, zone, start, end, wantStart, wantEnd)
			}
			if farmtally.BucketOf(p, zone, start) != n || farmtally.BucketOf(p, zone, start-1) != n-1 || farmtally.BucketOf(p, zone, end) != n+1 {
				t.Fatalf("bucket %d from %s to %s overlaps its neighbours", n, start, end)
			}
		}))
	}
}

// Every boundary from 1970 to 2200 begins the next bucket, east and west, on whole and half hours.
func TestEveryBoundary(t *testing.T) {
	if testing.Short() {
		t.Skip("walks 2.7 million boundaries")
	}
	last := at("2200-01-01T00:00:00Z")
	for _, p := range boundedPeriods[1:] {
		for zone := farmtally.Offset(-1170); zone <= 1170; zone += 90 {
			start, next := calendarBucket(p, zone, 0)
			n := farmtally.BucketOf(p, zone, start)
			for ; start < last; start, next = calendarBucket(p, zone, next) {
				if got := farmtally.BucketStart(p, zone, n); got != start {
					t.Fatalf("%s bucket %d in %s starts at %s, want %s", p, n, zone, got, start)
				}
				if farmtally.BucketOf(p, zone, start) != n || farmtally.BucketOf(p, zone, next-1) != n {
					t.Fatalf("%s bucket %d in %s does not hold %s to %s", p, n, zone, start, next)
				}
				n++
			}
		}
	}
}

func TestBucketsByHand(t *testing.T) {
	for _, c := range []struct {
		period         farmtally.Period
		zone           farmtally.Offset
		at, start, end string
	}{
		{farmtally.Hourly, 0, "2025-11-24T22:00:53.773Z", "2025-11-24T22:00:00Z", "2025-11-24T23:00:00Z"},
		{farmtally.Hourly, 330, "2025-11-24T22:00:00Z", "2025-11-24T21:30:00Z", "2025-11-24T22:30:00Z"},
		{farmtally.Daily, -480, "2025-11-24T07:59:59.999Z", "2025-11-23T08:00:00Z", "2025-11-24T08:00:00Z"},
		{farmtally.Weekly, 0, "2024-03-03T23:59:59.999Z", "2024-02-26T00:00:00Z", "2024-03-04T00:00:00Z"},
		{farmtally.Weekly, 0, "1970-01-01T00:00:00Z", "1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z"},
		{farmtally.Weekly, 330, "2024-02-25T18:30:00Z", "2024-02-25T18:30:00Z", "2024-03-03T18:30:00Z"},
		{farmtally.Monthly, 0, "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
		{farmtally.Monthly, -720, "2100-03-01T11:59:59.999Z", "2100-02-01T12:00:00Z", "2100-03-01T12:00:00Z"},
		{farmtally.Monthly, 1170, "1999-12-31T04:30:00Z", "1999-12-31T04:30:00Z", "2000-01-31T04:30:00Z"},
	} {
		n := farmtally.BucketOf(c.period, c.zone, at(c.at))
		start, end := farmtally.BucketStart(c.period, c.zone, n), farmtally.BucketStart(c.period, c.zone, n+1)
		if start.String() != c.start || end.String() != c.end {
			t.Errorf("%s of %s in %s: %s to %s, want %s to %s", c.period, c.at, c.zone, start, end, c.start, c.end)
		}
	}
}

func TestWholeRangeIsOneBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := zones().Draw(t, "zone")
		a, b := wallClock(zone).Draw(t, "a"), wallClock(zone).Draw(t, "b")
		if farmtally.BucketOf(farmtally.WholeRange, zone, a) != farmtally.BucketOf(farmtally.WholeRange, zone, b) {
			t.Fatal("two buckets")
		}
		q := farmtally.Query{Start: a, End: b, Zone: zone, Period: farmtally.WholeRange}
		if start, end := q.Bounds(farmtally.BucketOf(q.Period, zone, a)); start != a || end != b {
			t.Fatalf("bounds %s to %s", start, end)
		}
	})
}

// The buckets of a range, clipped to it, cover it without gaps.
func TestBoundsCoverTheRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := zones().Draw(t, "zone")
		q := farmtally.Query{Start: wallClock(zone).Draw(t, "start"), Zone: zone, Period: rapid.SampledFrom(boundedPeriods).Draw(t, "period")}
		q.End = q.Start + farmtally.Instant(rapid.Int64Range(1, 40*24*3_600_000).Draw(t, "length"))
		first, last := farmtally.BucketOf(q.Period, zone, q.Start), farmtally.BucketOf(q.Period, zone, q.End-1)
		reached := q.Start
		for n := first; n <= last; n++ {
			start, end := q.Bounds(n)
			if start != reached || end <= start {
				t.Fatalf("bucket %d is %s to %s after %s", n, start, end, reached)
			}
			reached = end
		}
		if reached != q.End {
			t.Fatalf("covered up to %s of %s", reached, q.End)
		}
	})
}

func TestBucketStartOfWholeRangePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	farmtally.BucketStart(farmtally.WholeRange, 0, 0)
}
