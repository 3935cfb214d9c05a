package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"

	"github.com/farmtally/farmtally"
)

// statsTable prints a table for people: names in place of ids, local times, hours,
// and a line of totals.
type statsTable struct {
	w      io.Writer
	q      *inquiry
	s      *scope
	table  table
	totals []total // cost and runtime, for each statistic
	count  int64
}

// total is a statistic over all rows.
type total struct {
	of      farmtally.Statistic
	seconds bool // runtime, not dollars
	value   float64
	weight  float64 // samples, for the average
	some    bool
}

func newStatsTable(w io.Writer, q *inquiry, s *scope) *statsTable {
	t := &statsTable{w: w, q: q, s: s}
	columns := []column{{title: strings.ToUpper(periodTitle(q.period))}}
	for _, d := range q.groupBy {
		columns = append(columns, column{title: strings.ToUpper(dimensionWord(d))})
	}
	columns = append(columns, column{"SAMPLES", true})
	for _, seconds := range []bool{false, true} {
		for _, v := range q.statistics {
			t.totals = append(t.totals, total{of: v, seconds: seconds})
			columns = append(columns, column{measureTitle(v, seconds), true})
		}
	}
	t.table.columns = columns
	return t
}

func periodTitle(p farmtally.Period) string {
	return map[farmtally.Period]string{
		farmtally.WholeRange: "from", farmtally.Hourly: "hour", farmtally.Daily: "day",
		farmtally.Weekly: "week of", farmtally.Monthly: "month",
	}[p]
}

func measureTitle(v farmtally.Statistic, seconds bool) string {
	title := "COST USD"
	if seconds {
		title = "HOURS"
	}
	if v == farmtally.StatSum {
		return title
	}
	return strings.ToUpper(statWord(v)) + " " + title
}

func (t *statsTable) row(r *types.Statistics) error {
	cells := []string{t.bucket(r.AggregationStartTime)}
	for _, d := range t.q.groupBy {
		value, name := t.s.value(d, r)
		if name != "" {
			value = name
		}
		cells = append(cells, value)
	}
	count := int64(aws.ToInt32(r.Count))
	t.count += count
	cells = append(cells, thousands(strconv.FormatInt(count, 10)))
	for i := range t.totals {
		m := &t.totals[i]
		measure := r.CostInUsd
		if m.seconds {
			measure = r.RuntimeInSeconds
		}
		text := absent
		if v := statOf(measure, m.of); v != nil {
			m.add(*v, float64(count))
			text = m.text(*v)
		}
		cells = append(cells, text)
	}
	t.table.add(cells...)
	return nil
}

// bucket prints the start of a row's bucket in the inquiry's zone.
func (t *statsTable) bucket(start *time.Time) string {
	if start == nil {
		return absent
	}
	local := start.In(time.FixedZone("", int(t.q.timezone)*60))
	switch {
	case local.Second() != 0 || local.Nanosecond() != 0:
		return local.Format("2006-01-02 15:04:05")
	case t.q.period == farmtally.Hourly || local.Hour() != 0 || local.Minute() != 0:
		return local.Format("2006-01-02 15:04")
	default:
		return local.Format(time.DateOnly)
	}
}

func (m *total) add(v, samples float64) {
	switch {
	case m.of == farmtally.StatSum:
		m.value += v
	case m.of == farmtally.StatAvg:
		m.value += v * samples
		m.weight += samples
	case !m.some || m.of == farmtally.StatMin && v < m.value || m.of == farmtally.StatMax && v > m.value:
		m.value = v
	}
	m.some = true
}

// text prints dollars, or seconds as hours, to the ten-thousandth.
func (m *total) text(v float64) string {
	const secondsPerHour = 3600
	if m.seconds {
		v /= secondsPerHour
	}
	return thousands(strconv.FormatFloat(v, 'f', 4, 64))
}

func (t *statsTable) end(a answer) error {
	if len(t.table.rows) == 0 {
		_, err := fmt.Fprintf(t.w, "nothing was used from %s to %s\n", t.q.start, t.q.end)
		return err
	}
	slices.SortStableFunc(t.table.rows, func(a, b []string) int {
		return slices.CompareFunc(a[:1+len(t.q.groupBy)], b[:1+len(t.q.groupBy)], farmtally.CompareGroup)
	})
	for _, row := range t.table.rows {
		for i := range t.q.groupBy {
			row[1+i] = orAbsent(row[1+i])
		}
	}
	t.table.footer = []string{"total"}
	if a.next != "" || t.q.paging.StartingToken != "" {
		t.table.footer = []string{"these rows"} // a part of the answer has no total
	}
	for range t.q.groupBy {
		t.table.footer = append(t.table.footer, "")
	}
	t.table.footer = append(t.table.footer, thousands(strconv.FormatInt(t.count, 10)))
	for i := range t.totals {
		m := &t.totals[i]
		v := m.value
		if m.of == farmtally.StatAvg && m.weight > 0 {
			v /= m.weight
		}
		t.table.footer = append(t.table.footer, m.text(v))
	}
	return t.table.print(t.w)
}

// value gives a row's value of a dimension, and its name where it has one.
func (s *scope) value(d farmtally.Dimension, r *types.Statistics) (value, name string) {
	switch d {
	case farmtally.ByQueue:
		id := aws.ToString(r.QueueId)
		return id, s.names[id]
	case farmtally.ByFleet:
		id := aws.ToString(r.FleetId)
		return id, s.names[id]
	case farmtally.ByJob:
		return aws.ToString(r.JobId), aws.ToString(r.JobName)
	case farmtally.ByUser:
		return aws.ToString(r.UserId), ""
	case farmtally.ByUsageType:
		return string(r.UsageType), ""
	case farmtally.ByInstanceType:
		return aws.ToString(r.InstanceType), ""
	default:
		return aws.ToString(r.LicenseProduct), ""
	}
}

// statWord is the wire's name of a statistic: "sum".
func statWord(v farmtally.Statistic) string { return strings.ToLower(v.String()) }

// statOf gives one statistic of a measure, nil where the row has none.
func statOf(s *types.Stats, v farmtally.Statistic) *float64 {
	if s == nil {
		return nil
	}
	switch v {
	case farmtally.StatSum:
		return s.Sum
	case farmtally.StatAvg:
		return s.Avg
	case farmtally.StatMin:
		return s.Min
	default:
		return s.Max
	}
}
