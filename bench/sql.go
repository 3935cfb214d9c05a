package main

import (
	"fmt"
	"strings"

	"github.com/farmtally/farmtally"
)

// dialect is what two engines spell differently.
type dialect struct {
	divide   string // of two integers, rounding down for positive ones
	numbers  string // a row for each integer from the first to the second
	list     string // the element of a list of integers, from 1
	integer  string // a constant of 64 bits
	key      string // a bucket's number, as it is grouped by
	wide     string // a column that is stored in fewer bits, as a number of 64
	id       string // a constant id of the kind of resource
	met      []form // how the records that the range meets are named, which are read twice
	months   func(local string) string
	settings []form // what follows a statement
}

// smallReads is the name of a setting.
const smallReads = "small reads"

// form is a way to write something, with its name.
type form struct{ name, text string }

// The texts have their operands as %[1]s and %[2]s.
var (
	duckSQL = dialect{
		divide:  "(%[1]s) // %[2]s",
		numbers: "unnest(range(%[1]s, %[2]s + 1))",
		list:    "([%[2]s])[%[1]s]",
		integer: "%d",
		key:     "%s",
		wide:    "%[1]s",
		// A bare text would have every record's enumeration made a text.
		id:  "'%s'::%ss",
		met: []form{{"materialized", "met AS MATERIALIZED"}, {"not materialized", "met AS NOT MATERIALIZED"}},
		months: func(t string) string {
			return fmt.Sprintf("(year(make_timestamp((%[1]s) * 1000)) * 12 + month(make_timestamp((%[1]s) * 1000)) - 1)", t)
		},
		settings: []form{{}},
	}
	clickSQL = dialect{
		divide:  "intDiv(%[1]s, %[2]s)",
		numbers: "toInt64(arrayJoin(range(toUInt32(%[1]s), toUInt32(%[2]s + 1))))",
		list:    "toInt64(arrayElement([%[2]s], %[1]s))",
		integer: "toInt64(%d)",
		key:     "toInt32(%s)",
		wide:    "toInt64(%[1]s) AS %[1]s",
		id:      "'%s'",
		met:     []form{{"", "met AS"}},
		months: func(t string) string {
			return fmt.Sprintf("(toRelativeMonthNum(toDateTime(intDiv(%s, 1000), 'UTC')) - 1)", t)
		},
		settings: []form{
			{"", fmt.Sprintf("\nSETTINGS max_threads = %d", threads)},
			{smallReads, fmt.Sprintf("\nSETTINGS max_threads = %d, merge_tree_min_rows_for_concurrent_read = 65536, merge_tree_min_bytes_for_concurrent_read = 1048576", threads)},
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
	months := []struct {
		name   string
		number func(string) string
	}{{}}
	if q.Period == farmtally.Monthly {
		months[0].name, months[0].number = "months by date functions", d.months
		months = append(months, struct {
			name   string
			number func(string) string
		}{"months by a list of days", d.monthList(q)})
	}
	for _, m := range months {
		w := writer{dialect: d, query: q, month: m.number}
		texts := []form{{"one pass", w.onePass()}}
		for _, met := range d.met {
			texts = append(texts, form{joined("two passes", met.name), w.twoPasses(met.text)})
		}
		for _, text := range texts {
			for _, s := range d.settings {
				list = append(list, statement{joined(text.name, m.name, s.name), text.text + s.text})
			}
		}
	}
	return list
}

// joined are the names that are not empty.
func joined(names ...string) string {
	text := names[0]
	for _, name := range names[1:] {
		if name != "" {
			text += ", " + name
		}
	}
	return text
}

// monthList numbers months by a constant list, with one number for each local day.
func (d *dialect) monthList(q *farmtally.Query) func(string) string {
	zone := farmtally.Instant(q.Zone) * 60_000
	from, to := (q.Start-longest+zone)/dayMillis, (q.End+zone)/dayMillis
	var numbers []string
	for day := from; day <= to; day++ {
		numbers = append(numbers, fmt.Sprint(farmtally.BucketOf(farmtally.Monthly, 0, day*dayMillis)))
	}
	table := strings.Join(numbers, ", ")
	return func(t string) string {
		return fmt.Sprintf(d.list, fmt.Sprintf(d.divide, t, fmt.Sprint(int64(dayMillis)))+fmt.Sprintf(" - %d", from-1), table)
	}
}

// writer writes one formulation.
type writer struct {
	*dialect
	query *farmtally.Query
	month func(string) string
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
		return fmt.Sprintf(w.integer, 0)
	case farmtally.Monthly:
		return w.month(local)
	default:
		return fmt.Sprintf(w.divide, local, fmt.Sprint(w.length()))
	}
}

// boundary is the first instant of the bucket that many behind the named one.
func (w *writer) boundary(bucket string, behind int64) string {
	q := w.query
	if q.Period != farmtally.Monthly {
		return fmt.Sprintf("(%s + %d) * %d - %d", bucket, behind, w.length(), w.shift())
	}
	from := farmtally.BucketOf(q.Period, q.Zone, q.Start-longest)
	var starts []string
	for n := from; n <= farmtally.BucketOf(q.Period, q.Zone, q.End)+1; n++ {
		starts = append(starts, fmt.Sprint(int64(farmtally.BucketStart(q.Period, q.Zone, n))))
	}
	return fmt.Sprintf(w.list, fmt.Sprintf("%s - %d", bucket, from-1-behind), strings.Join(starts, ", "))
}

// longest is the most milliseconds of a record: it lets the engines skip by start.
const longest = 5 * dayMillis

func (w *writer) groups() string {
	var groups []string
	for _, d := range w.query.GroupBy {
		groups = append(groups, columnOf[d])
	}
	return strings.Join(groups, ", ")
}

func (w *writer) lower() string { return fmt.Sprintf(w.integer, int64(w.query.Start)) }
func (w *writer) upper() string { return fmt.Sprintf(w.integer, int64(w.query.End)) }

// records selects what the range meets, with further columns.
func (w *writer) records(more string) string {
	q := w.query
	var ids []string
	resource := "queue"
	for _, id := range q.QueueIDs {
		ids = append(ids, w.constant(string(id), resource))
	}
	for _, id := range q.FleetIDs {
		resource = "fleet"
		ids = append(ids, w.constant(string(id), resource))
	}
	return fmt.Sprintf(`SELECT %s, start, %s, cost, %s,
    %s
  FROM usage
  WHERE %s IN (%s)
    AND start < %s AND start >= %d
    AND (start + wall > %s OR wall = 0 AND start >= %s)`,
		w.groups(), fmt.Sprintf(w.wide, "wall"), fmt.Sprintf(w.wide, "runtime"), more,
		resource, strings.Join(ids, ", "), w.upper(), int64(q.Start)-longest, w.lower(), w.lower())
}

func (w *writer) constant(id, resource string) string {
	if !strings.Contains(w.id, "%ss") {
		return fmt.Sprintf(w.id, id)
	}
	return fmt.Sprintf(w.id, id, resource)
}

// offsets are the places, within a record, at which its slice in bucket b begins and ends.
func (w *writer) offsets() string {
	low, high := "greatest(start, "+w.lower(), "least(start + wall, "+w.upper()
	if w.query.Period != farmtally.WholeRange {
		low += ", " + w.boundary("b", 0)
		high += ", " + w.boundary("b", 1)
	}
	return fmt.Sprintf("%s) - start AS x0, %s) - start AS x1", low, high)
}

// slice is a record's amount from x0 to x1.
func (w *writer) slice(amount string) string {
	cum := func(at string) string {
		return fmt.Sprintf("%s * %s + %s", fmt.Sprintf(w.divide, amount, "wall"), at,
			fmt.Sprintf(w.divide, fmt.Sprintf("(%s %% wall) * %s", amount, at), "wall"))
	}
	return fmt.Sprintf("%s - (%s)", cum("x1"), cum("x0"))
}

const statistics = `count(*) AS n,
  sum(cost_part) AS cost_sum, min(cost_part) AS cost_min, max(cost_part) AS cost_max,
  sum(runtime_part) AS runtime_sum, min(runtime_part) AS runtime_min, max(runtime_part) AS runtime_max`

// last is the last millisecond of a record within the range; of one without length, its
// instant.
func (w *writer) last() string {
	return "least(start + wall, " + w.upper() + ") - CASE WHEN wall > 0 THEN 1 ELSE 0 END"
}

func (w *writer) first() string { return "greatest(start, " + w.lower() + ")" }

// onePass makes a row for each bucket of each record.
func (w *writer) onePass() string {
	g := w.groups()
	part := func(amount string) string {
		return fmt.Sprintf("CASE WHEN x1 - x0 = wall THEN %s ELSE %s END", amount, w.slice(amount))
	}
	return fmt.Sprintf(`WITH met AS (
  %s
), cut AS (
  SELECT *, %s AS b FROM met
), cut_at AS (
  SELECT *, %s FROM cut
), samples AS (
  SELECT %s AS b, %[5]s,
    %s AS cost_part,
    %s AS runtime_part
  FROM cut_at
)
SELECT b, %[5]s, %[8]s
FROM samples
GROUP BY b, %[5]s`,
		w.records(w.bucket(w.first())+" AS b0,\n    "+w.bucket("("+w.last()+")")+" AS b1"),
		fmt.Sprintf(w.numbers, "b0", "b1"), w.offsets(), fmt.Sprintf(w.key, "b"), g, part("cost"), part("runtime"), statistics)
}

// twoPasses takes the records inside one bucket as they are, and then those that cross a
// boundary, whose first and last buckets it numbers for them alone.
func (w *writer) twoPasses(met string) string {
	g := w.groups()
	inside := "start >= " + w.lower() + " AND start + wall <= " + w.upper()
	if w.query.Period != farmtally.WholeRange {
		inside += " AND start + wall <= " + w.boundary("b0", 1)
	}
	return fmt.Sprintf(`WITH %s (
  %s
), cut AS (
  SELECT *, %s AS b
  FROM met WHERE NOT (%[4]s)
), cut_at AS (
  SELECT *, %[5]s FROM cut
), samples AS (
  SELECT %[6]s AS b, %[7]s, cost AS cost_part, runtime AS runtime_part
  FROM met WHERE %[4]s
  UNION ALL
  SELECT %[8]s, %[7]s,
    %[9]s,
    %[10]s
  FROM cut_at
)
SELECT b, %[7]s, %[11]s
FROM samples
GROUP BY b, %[7]s`,
		met, w.records(w.bucket("start")+" AS b0"),
		fmt.Sprintf(w.numbers, w.bucket(w.first()), w.bucket("("+w.last()+")")), inside, w.offsets(),
		fmt.Sprintf(w.key, "b0"), g, fmt.Sprintf(w.key, "b"), w.slice("cost"), w.slice("runtime"), statistics)
}
