package main

import (
	"fmt"
	"strings"

	"github.com/farmtally/farmtally"
)

// dialect is what two engines spell differently.
type dialect struct {
	divide  string // of two integers, rounding down for positive ones
	numbers string // a row for each integer from the first to the second
	months  []form
	list    string   // the element of a list of integers, from 1
	integer string   // a constant of 64 bits
	met     []string // how the records that the range meets are named, which are read twice
}

// form is a way to number an instant's month as farmtally.BucketOf does.
type form struct {
	name  string
	month func(local string) string
}

// The texts have their operands as %[1]s and %[2]s.
var (
	duckSQL = dialect{
		divide:  "(%[1]s) // %[2]s",
		numbers: "unnest(range(%[1]s, %[2]s + 1))",
		list:    "([%[2]s])[%[1]s]",
		integer: "%d",
		met:     []string{"met AS MATERIALIZED", "met AS NOT MATERIALIZED"},
		months: []form{
			{"date parts", func(t string) string {
				return fmt.Sprintf("(year(make_timestamp((%[1]s) * 1000)) * 12 + month(make_timestamp((%[1]s) * 1000)) - 1)", t)
			}},
		},
	}
	clickSQL = dialect{
		divide:  "intDiv(%[1]s, %[2]s)",
		numbers: "toInt64(arrayJoin(range(toUInt32(%[1]s), toUInt32(%[2]s + 1))))",
		list:    "toInt64(arrayElement([%[2]s], %[1]s))",
		integer: "toInt64(%d)",
		met:     []string{"met AS"},
		months: []form{
			{"date parts", func(t string) string {
				return fmt.Sprintf("(toRelativeMonthNum(toDateTime(intDiv(%s, 1000), 'UTC')) - 1)", t)
			}},
		},
	}
)

// columnOf is the tables' column of a dimension.
var columnOf = map[farmtally.Dimension]string{
	farmtally.ByQueue: "queue", farmtally.ByFleet: "fleet", farmtally.ByJob: "job", farmtally.ByUser: "user_id",
	farmtally.ByUsageType: "usage_type", farmtally.ByInstanceType: "instance_type", farmtally.ByLicenseProduct: "product",
}

// statement is one formulation of a question.
type statement struct{ name, sql string }

// statements gives the formulations of a question that the harness tries.
func (d *dialect) statements(q *farmtally.Query) (list []statement) {
	months := []form{{"", nil}}
	if q.Period == farmtally.Monthly {
		months = append(d.months, d.monthTable(q))
	}
	for _, m := range months {
		for _, met := range d.met {
			w := writer{d, q, m.month, met}
			for _, s := range []statement{{"one grouping", w.oneGrouping()}, {"two groupings", w.twoGroupings()}} {
				if len(d.met) > 1 {
					s.name += ", " + strings.ToLower(strings.TrimPrefix(met, "met AS "))
				}
				if m.name != "" {
					s.name += ", months by " + m.name
				}
				list = append(list, s)
			}
		}
	}
	return list
}

// monthTable numbers months by a constant list, with one number for each local day.
func (d *dialect) monthTable(q *farmtally.Query) form {
	zone := farmtally.Instant(q.Zone) * 60_000
	from, to := (q.Start+zone)/dayMillis, (q.End+zone)/dayMillis
	var numbers []string
	for day := from; day <= to; day++ {
		numbers = append(numbers, fmt.Sprint(farmtally.BucketOf(farmtally.Monthly, 0, day*dayMillis)))
	}
	table := strings.Join(numbers, ", ")
	return form{"a list of days", func(t string) string {
		return fmt.Sprintf(d.list, fmt.Sprintf(d.divide, t, fmt.Sprint(int64(dayMillis)))+fmt.Sprintf(" - %d", from-1), table)
	}}
}

// writer writes one formulation.
type writer struct {
	*dialect
	query *farmtally.Query
	month func(string) string
	met   string
}

const weekShift = 3 * dayMillis // takes 1970-01-01, a Thursday, to a Monday

func (w *writer) length() int64 {
	return map[farmtally.Period]int64{farmtally.Hourly: dayMillis / 24, farmtally.Daily: dayMillis, farmtally.Weekly: 7 * dayMillis}[w.query.Period]
}

// shift takes an instant to the local time whose quotient numbers its bucket.
func (w *writer) shift() int64 {
	shift := int64(w.query.Zone) * 60_000
	if w.query.Period == farmtally.Weekly {
		shift += weekShift
	}
	return shift
}

// bucket numbers the bucket of an instant.
func (w *writer) bucket(t string) string {
	local := fmt.Sprintf("%s + %d", t, w.shift())
	switch w.query.Period {
	case farmtally.WholeRange:
		return "0"
	case farmtally.Monthly:
		return w.month(local)
	default:
		return fmt.Sprintf(w.divide, local, fmt.Sprint(w.length()))
	}
}

// boundary is the first instant of bucket b, or of the one that many behind.
func (w *writer) boundary(behind int64) string {
	q := w.query
	if q.Period != farmtally.Monthly {
		return fmt.Sprintf("(b + %d) * %d - %d", behind, w.length(), w.shift())
	}
	from := farmtally.BucketOf(q.Period, q.Zone, q.Start)
	var starts []string
	for n := from; n <= farmtally.BucketOf(q.Period, q.Zone, q.End)+1; n++ {
		starts = append(starts, fmt.Sprint(int64(farmtally.BucketStart(q.Period, q.Zone, n))))
	}
	return fmt.Sprintf(w.list, fmt.Sprintf("b - %d", from-1-behind), strings.Join(starts, ", "))
}

// longest is the most milliseconds of a record: it lets the engines skip by start.
const longest = 5 * dayMillis

// common are the parts of a statement that all formulations share: what the range
// meets, and the slices of what crosses a boundary or the range's end.
func (w *writer) common() string {
	q := w.query
	var groups, ids []string
	for _, d := range q.GroupBy {
		groups = append(groups, columnOf[d])
	}
	resource := "queue"
	for _, id := range q.QueueIDs {
		ids = append(ids, "'"+string(id)+"'")
	}
	for _, id := range q.FleetIDs {
		resource = "fleet"
		ids = append(ids, "'"+string(id)+"'")
	}
	group := strings.Join(groups, ", ")
	lower, upper := fmt.Sprintf(w.integer, int64(q.Start)), fmt.Sprintf(w.integer, int64(q.End))
	from, to := "greatest(start, "+lower+")", "least(start + wall, "+upper+")"
	low, high := from, to
	if q.Period != farmtally.WholeRange {
		low = "greatest(start, " + lower + ", " + w.boundary(0) + ")"
		high = "least(start + wall, " + upper + ", " + w.boundary(1) + ")"
	}
	cum := func(amount, at string) string {
		return fmt.Sprintf("%s * %s + %s", fmt.Sprintf(w.divide, amount, "wall"), at,
			fmt.Sprintf(w.divide, fmt.Sprintf("(%s %% wall) * %s", amount, at), "wall"))
	}
	return fmt.Sprintf(`%s (
  SELECT %s, start, wall, cost, runtime,
    %s AS b0,
    %s AS b1,
    start >= %s AND start + wall <= %s AS inside
  FROM usage
  WHERE %s IN (%s)
    AND start < %s AND start >= %d
    AND (start + wall > %s OR wall = 0 AND start >= %s)
), cut AS (
  SELECT *, %s AS b FROM met WHERE b0 <> b1 OR NOT inside
), cut_at AS (
  SELECT *, %s - start AS x0, %s - start AS x1 FROM cut
), slices AS (
  SELECT b, %s,
    %s - (%s) AS cost_part,
    %s - (%s) AS runtime_part
  FROM cut_at
)`, w.met, group, w.bucket(from), w.bucket("("+to+" - CASE WHEN wall > 0 THEN 1 ELSE 0 END)"), lower, upper,
		resource, strings.Join(ids, ", "), upper, int64(q.Start)-longest, lower, lower,
		fmt.Sprintf(w.numbers, "b0", "b1"), low, high, group,
		cum("cost", "x1"), cum("cost", "x0"), cum("runtime", "x1"), cum("runtime", "x0"))
}

func (w *writer) groups() string {
	var groups []string
	for _, d := range w.query.GroupBy {
		groups = append(groups, columnOf[d])
	}
	return strings.Join(groups, ", ")
}

const statistics = `count(*) AS n,
  sum(cost_part) AS cost_sum, min(cost_part) AS cost_min, max(cost_part) AS cost_max,
  sum(runtime_part) AS runtime_sum, min(runtime_part) AS runtime_min, max(runtime_part) AS runtime_max`

const whole = "SELECT b0 AS b, %s, cost AS cost_part, runtime AS runtime_part FROM met WHERE b0 = b1 AND inside"

// oneGrouping groups whole records and slices together.
func (w *writer) oneGrouping() string {
	g := w.groups()
	return fmt.Sprintf("WITH %s\nSELECT b, %s, %s\nFROM (\n  %s\n  UNION ALL SELECT * FROM slices\n) AS samples\nGROUP BY b, %s",
		w.common(), g, statistics, fmt.Sprintf(whole, g), g)
}

// twoGroupings groups whole records and slices apart, and adds up the two.
func (w *writer) twoGroupings() string {
	g := w.groups()
	return fmt.Sprintf(`WITH %s, parts AS (
  SELECT b, %[2]s, %[3]s FROM (%[4]s) AS wholes GROUP BY b, %[2]s
  UNION ALL
  SELECT b, %[2]s, %[3]s FROM slices GROUP BY b, %[2]s
)
SELECT b, %[2]s, sum(n), sum(cost_sum), min(cost_min), max(cost_max), sum(runtime_sum), min(runtime_min), max(runtime_max)
FROM parts GROUP BY b, %[2]s`, w.common(), g, statistics, fmt.Sprintf(whole, g))
}
