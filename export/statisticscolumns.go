package export

import (
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/farmtally/farmtally"
)

// The types of the columns of amounts. They add up exactly in every program that reads
// decimals.
var (
	dollarType = &arrow.Decimal128Type{Precision: 38, Scale: dollarDigits}
	secondType = &arrow.Decimal128Type{Precision: 38, Scale: secondDigits}
)

// statisticsColumns writes Parquet or Arrow.
type statisticsColumns struct {
	out *columns
	c   StatisticsConfig
}

func newStatisticsColumns(w io.Writer, c StatisticsConfig) (*statisticsColumns, error) {
	fields := []arrow.Field{{Name: "aggregationStartTime", Type: instantType}, {Name: "aggregationEndTime", Type: instantType}}
	for _, d := range c.GroupBy {
		for _, name := range members[d] {
			if name != "" {
				fields = append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.String, Nullable: true})
			}
		}
	}
	fields = append(fields, arrow.Field{Name: "count", Type: arrow.PrimitiveTypes.Int64})
	for _, m := range (&StatisticsRow{}).measures() {
		for _, v := range c.Statistics {
			f := arrow.Field{Name: columnOf(m.name, statisticWords[v]), Type: dollarType, Nullable: true}
			switch {
			case v == farmtally.StatAvg:
				f.Type = arrow.PrimitiveTypes.Float64
			case m.name == runtimeName:
				f.Type = secondType
			}
			fields = append(fields, f)
		}
	}
	out, err := newColumns(w, arrow.NewSchema(fields, nil), columnsConfig{form: c.Form})
	return &statisticsColumns{out: out, c: c}, err
}

// columnOf is a name without a point, which many programs take for a path: costInUsdSum.
func columnOf(measure, statistic string) string {
	return measure + strings.ToUpper(statistic[:1]) + statistic[1:]
}

// Write implements StatisticsWriter.
func (s *statisticsColumns) Write(r *StatisticsRow) error {
	to := s.out.cells()
	to.instant(r.Start)
	to.instant(r.End)
	for i, d := range s.c.GroupBy {
		to.text(r.Group[i])
		if members[d][1] != "" {
			to.text(r.Names[i])
		}
	}
	to.count(r.Count)
	for _, m := range r.measures() {
		for _, v := range s.c.Statistics {
			switch {
			case !m.of.Has(v):
				to.null()
			case v == farmtally.StatAvg:
				to.double(m.of.avg)
			default:
				to.decimal(m.of.amount(v))
			}
		}
	}
	return s.out.row()
}

// Close implements StatisticsWriter.
func (s *statisticsColumns) Close(StatisticsEnd) error { return s.out.Close() }
