package export

import (
	"fmt"
	"io"
	"strconv"

	"github.com/farmtally/farmtally"
)

// StatisticsForms are the forms that the rows of an answer are written in.
var StatisticsForms = []string{"csv", "json", "ndjson", "parquet", "arrow"}

// Binary reports whether a form is no text, and not for a terminal.
func Binary(form string) bool { return form == "parquet" || form == "arrow" }

// StatisticsRow is one row of an answer, with the names that belong to its ids.
type StatisticsRow struct {
	Start, End farmtally.Instant
	Group      [farmtally.MaxGroupBy]string // in the order of the query's dimensions; "" is absent
	Names      [farmtally.MaxGroupBy]string // of the values of Group; "" is none
	Count      int64
	Cost       Measure // dollars
	Runtime    Measure // seconds
}

// Measure holds the statistics of one measure that were asked for: exact decimals, and
// the average as the double that the API gives.
type Measure struct {
	has           uint8 // bits of the statistics present
	sum, min, max amount
	avg           float64
}

func (m *Measure) set(of farmtally.Statistic) { m.has |= 1 << of }

// Has reports whether the statistic is there.
func (m *Measure) Has(of farmtally.Statistic) bool { return m.has&(1<<of) != 0 }

// amount is a statistic that is no average.
func (m *Measure) amount(of farmtally.Statistic) amount {
	switch of {
	case farmtally.StatMin:
		return m.min
	case farmtally.StatMax:
		return m.max
	default:
		return m.sum
	}
}

// SetRow fills the row from one of the engine's, exactly: with the costs times the
// farm's scale. Names but the job's are left as they are.
func (r *StatisticsRow) SetRow(q *farmtally.Query, scale farmtally.CostScale, row *farmtally.Row) error {
	r.Start, r.End, r.Group, r.Count = row.Start, row.End, row.Group, row.Count
	for i, d := range q.GroupBy {
		if d == farmtally.ByJob {
			r.Names[i] = row.JobName
		}
	}
	if err := r.Cost.fill(q.Statistics, &row.Cost, row.Count, costUnit(scale)); err != nil {
		return err
	}
	return r.Runtime.fill(q.Statistics, &row.Runtime, row.Count, runtimeUnit)
}

// unitOf says how the engine's integers become a measure's.
type unitOf struct {
	scale  farmtally.Scale
	factor farmtally.CostScale // of doubles
	exact  int64               // of decimals
}

func costUnit(scale farmtally.CostScale) unitOf {
	return unitOf{farmtally.NanosPerDollar, scale, int64(scale)}
}

var runtimeUnit = unitOf{farmtally.MillisPerSecond, farmtally.DefaultCostScale, 1}

func (m *Measure) fill(of []farmtally.Statistic, s *farmtally.Stat, count int64, u unitOf) (err error) {
	m.has = 0
	for _, v := range of {
		m.set(v)
		switch v {
		case farmtally.StatAvg:
			m.avg = s.Value(v, count, u.scale, u.factor)
		case farmtally.StatMin:
			m.min, err = times(farmtally.Sum{Lo: uint64(s.Min)}, u.exact) //nolint:gosec // never negative
		case farmtally.StatMax:
			m.max, err = times(farmtally.Sum{Lo: uint64(s.Max)}, u.exact) //nolint:gosec // never negative
		default:
			m.sum, err = times(s.Sum, u.exact)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Doubles are the statistics of a measure as the API gives them; nil is absent.
type Doubles struct{ Sum, Avg, Min, Max *float64 }

// SetDoubles fills the row's measures from the API's doubles, each of which becomes the
// decimal that it stands for.
func (r *StatisticsRow) SetDoubles(cost, runtime Doubles) error {
	if err := r.Cost.fillDoubles(cost, dollarDigits); err != nil {
		return fmt.Errorf("read cost: %w", err)
	}
	if err := r.Runtime.fillDoubles(runtime, secondDigits); err != nil {
		return fmt.Errorf("read runtime: %w", err)
	}
	return nil
}

func (m *Measure) fillDoubles(d Doubles, digits int) (err error) {
	m.has = 0
	if d.Avg != nil {
		m.set(farmtally.StatAvg)
		m.avg = *d.Avg
	}
	for _, x := range [...]struct {
		of   farmtally.Statistic
		from *float64
		to   *amount
	}{{farmtally.StatSum, d.Sum, &m.sum}, {farmtally.StatMin, d.Min, &m.min}, {farmtally.StatMax, d.Max, &m.max}} {
		if x.from == nil {
			continue
		}
		m.set(x.of)
		if *x.to, err = double(*x.from, digits); err != nil {
			return err
		}
	}
	return nil
}

// append appends a statistic as text, nothing where it is absent.
func (m *Measure) append(b []byte, of farmtally.Statistic, digits int) []byte {
	switch {
	case !m.Has(of):
		return b
	case of == farmtally.StatAvg:
		return strconv.AppendFloat(b, m.avg, 'f', -1, 64)
	default:
		return appendAmount(b, m.amount(of), digits)
	}
}

// StatisticsWriter writes the rows of one answer. It is for one goroutine.
type StatisticsWriter interface {
	// Write takes a row, of which it keeps nothing.
	Write(*StatisticsRow) error
	// Close ends the document, which has no meaning without; what it was written to
	// stays open.
	Close(StatisticsEnd) error
}

// StatisticsEnd is what a JSON document says behind its rows; other forms have no place
// for it.
type StatisticsEnd struct {
	Status, Message       string // "" is no message
	FarmID, AggregationID string
	NextKey, Next         string // a member and the token to go on with; "" is none
}

// StatisticsConfig says how an answer is written.
type StatisticsConfig struct {
	Form       string // one of StatisticsForms
	GroupBy    []farmtally.Dimension
	Statistics []farmtally.Statistic
	// Spreadsheet makes CSV open right in Excel: with a byte order mark, without which it
	// takes UTF-8 for something else, and with the line ends of RFC 4180.
	Spreadsheet bool
}

// NewStatisticsWriter writes rows in the form that the config names.
func NewStatisticsWriter(w io.Writer, c StatisticsConfig) (StatisticsWriter, error) {
	switch c.Form {
	case "csv":
		return newStatisticsCSV(w, c)
	case "json":
		return &statisticsJSON{w: w, c: c}, nil
	case "ndjson":
		return &statisticsLines{w: w, c: c}, nil
	case "parquet", "arrow":
		return newStatisticsColumns(w, c)
	default:
		return nil, noForm(c.Form, StatisticsForms)
	}
}

// measures are a row's two, in the order in which they are written.
func (r *StatisticsRow) measures() [2]struct {
	of     *Measure
	name   string
	digits int
} {
	return [2]struct {
		of     *Measure
		name   string
		digits int
	}{{&r.Cost, costName, dollarDigits}, {&r.Runtime, runtimeName, secondDigits}}
}

// The names of the measures.
const (
	costName    = "costInUsd"
	runtimeName = "runtimeInSeconds"
)

// members are the names of a dimension's value and, where it can have one, of its name.
var members = map[farmtally.Dimension][2]string{
	farmtally.ByQueue: {"queueId", "queueName"}, farmtally.ByFleet: {"fleetId", "fleetName"},
	farmtally.ByJob: {"jobId", "jobName"}, farmtally.ByUser: {"userId", "userName"},
	farmtally.ByUsageType: {"usageType"}, farmtally.ByInstanceType: {"instanceType", "instanceTypeName"},
	farmtally.ByLicenseProduct: {"licenseProduct"},
}

// statisticWords are the API's names of the statistics.
var statisticWords = map[farmtally.Statistic]string{
	farmtally.StatSum: "sum", farmtally.StatAvg: "avg", farmtally.StatMin: "min", farmtally.StatMax: "max",
}
