package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"

	"github.com/farmtally/farmtally"
)

// statsPrinter prints the rows of an answer as they come.
type statsPrinter interface {
	row(*types.Statistics) error
	end(answer) error
}

func newStatsPrinter(output string, w io.Writer, q *inquiry, s *scope) statsPrinter {
	switch output {
	case "csv":
		return &statsCSV{w: csv.NewWriter(w), q: q, s: s}
	case "json":
		p := &statsJSON{w: w, s: s, nextKey: "NextToken"}
		if q.noPaginate {
			p.nextKey = "nextToken"
		}
		return p
	case "ndjson":
		return &statsLines{w: json.NewEncoder(w), s: s}
	default:
		return newStatsTable(w, q, s)
	}
}

// statsRow is a row in JSON: AWS's members, and the names that farmtally knows.
type statsRow struct {
	AggregationStartTime string     `json:"aggregationStartTime,omitempty"`
	AggregationEndTime   string     `json:"aggregationEndTime,omitempty"`
	QueueID              *string    `json:"queueId,omitempty"`
	QueueName            string     `json:"queueName,omitempty"`
	FleetID              *string    `json:"fleetId,omitempty"`
	FleetName            string     `json:"fleetName,omitempty"`
	JobID                *string    `json:"jobId,omitempty"`
	JobName              *string    `json:"jobName,omitempty"`
	UserID               *string    `json:"userId,omitempty"`
	UsageType            string     `json:"usageType,omitempty"`
	InstanceType         *string    `json:"instanceType,omitempty"`
	LicenseProduct       *string    `json:"licenseProduct,omitempty"`
	Count                *int32     `json:"count"`
	CostInUSD            rowMeasure `json:"costInUsd"`
	RuntimeInSeconds     rowMeasure `json:"runtimeInSeconds"`
}

// rowMeasure holds a measure's statistics, those that were asked for.
type rowMeasure struct {
	Sum *float64 `json:"sum,omitempty"`
	Avg *float64 `json:"avg,omitempty"`
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
}

func (s *scope) jsonRow(r *types.Statistics) statsRow {
	return statsRow{
		AggregationStartTime: instantText(r.AggregationStartTime), AggregationEndTime: instantText(r.AggregationEndTime),
		QueueID: r.QueueId, QueueName: s.names[aws.ToString(r.QueueId)],
		FleetID: r.FleetId, FleetName: s.names[aws.ToString(r.FleetId)],
		JobID: r.JobId, JobName: r.JobName, UserID: r.UserId, UsageType: string(r.UsageType),
		InstanceType: r.InstanceType, LicenseProduct: r.LicenseProduct, Count: r.Count,
		CostInUSD: rowMeasureOf(r.CostInUsd), RuntimeInSeconds: rowMeasureOf(r.RuntimeInSeconds),
	}
}

func rowMeasureOf(s *types.Stats) rowMeasure {
	if s == nil {
		return rowMeasure{}
	}
	return rowMeasure{s.Sum, s.Avg, s.Min, s.Max}
}

func instantText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return farmtally.InstantOf(*t).String()
}

// statsLines prints NDJSON.
type statsLines struct {
	w *json.Encoder
	s *scope
}

func (p *statsLines) row(r *types.Statistics) error { return p.w.Encode(p.s.jsonRow(r)) }
func (p *statsLines) end(answer) error              { return nil }

// statsJSON prints one document, row by row, so that no answer is too long for it.
type statsJSON struct {
	w    io.Writer
	s    *scope
	rows int
	// nextKey is the member that the token to go on with has: as in the AWS CLI's
	// output, NextToken for a resume token and nextToken for the service's own.
	nextKey string
}

func (p *statsJSON) row(r *types.Statistics) error {
	head := ",\n    "
	if p.rows == 0 {
		head = "{\n  \"statistics\": [\n    "
	}
	p.rows++
	text, err := json.Marshal(p.s.jsonRow(r))
	if err != nil {
		return fmt.Errorf("encode row: %w", err)
	}
	_, err = fmt.Fprintf(p.w, "%s%s", head, text)
	return err
}

func (p *statsJSON) end(a answer) error {
	tail := "\n  ],\n"
	if p.rows == 0 {
		tail = "{\n  \"statistics\": [],\n"
	}
	message := []byte("null")
	if a.message != "" {
		message, _ = json.Marshal(a.message) // a string always encodes
	}
	next := ""
	if a.next != "" {
		next = fmt.Sprintf(",\n  %q: %q", p.nextKey, a.next)
	}
	_, err := fmt.Fprintf(p.w, "%s  \"status\": %q,\n  \"statusMessage\": %s,\n  \"farmId\": %q,\n  \"aggregationId\": %q%s\n}\n",
		tail, a.status, message, p.s.farm.id, a.id, next)
	return err
}

// statsCSV prints CSV, with ids and names.
type statsCSV struct {
	w      *csv.Writer
	q      *inquiry
	s      *scope
	headed bool
}

// csvColumns are the columns of a dimension.
var csvColumns = map[farmtally.Dimension][]string{
	farmtally.ByQueue: {"queueId", "queueName"}, farmtally.ByFleet: {"fleetId", "fleetName"},
	farmtally.ByJob: {"jobId", "jobName"}, farmtally.ByUser: {"userId"}, farmtally.ByUsageType: {"usageType"},
	farmtally.ByInstanceType: {"instanceType"}, farmtally.ByLicenseProduct: {"licenseProduct"},
}

func (p *statsCSV) head() error {
	p.headed = true
	cells := []string{"aggregationStartTime", "aggregationEndTime"}
	for _, d := range p.q.groupBy {
		cells = append(cells, csvColumns[d]...)
	}
	cells = append(cells, "count")
	for _, measure := range []string{"costInUsd", "runtimeInSeconds"} {
		for _, v := range p.q.statistics {
			cells = append(cells, measure+"."+statWord(v))
		}
	}
	return p.w.Write(cells)
}

func (p *statsCSV) row(r *types.Statistics) error {
	if !p.headed {
		if err := p.head(); err != nil {
			return err
		}
	}
	cells := []string{instantText(r.AggregationStartTime), instantText(r.AggregationEndTime)}
	for _, d := range p.q.groupBy {
		id, name := p.s.value(d, r)
		cells = append(cells, id)
		if len(csvColumns[d]) > 1 {
			cells = append(cells, name)
		}
	}
	cells = append(cells, strconv.FormatInt(int64(aws.ToInt32(r.Count)), 10))
	for _, measure := range []*types.Stats{r.CostInUsd, r.RuntimeInSeconds} {
		for _, v := range p.q.statistics {
			text := ""
			if f := statOf(measure, v); f != nil {
				text = strconv.FormatFloat(*f, 'f', -1, 64)
			}
			cells = append(cells, text)
		}
	}
	return p.w.Write(cells)
}

func (p *statsCSV) end(answer) error {
	if !p.headed {
		if err := p.head(); err != nil {
			return err
		}
	}
	p.w.Flush()
	return p.w.Error()
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
func statWord(v farmtally.Statistic) string {
	return map[farmtally.Statistic]string{
		farmtally.StatSum: "sum", farmtally.StatAvg: "avg", farmtally.StatMin: "min", farmtally.StatMax: "max",
	}[v]
}

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
