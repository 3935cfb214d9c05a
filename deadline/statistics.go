package deadline

import (
	"strconv"
	"time"
)

// StatSet says which of the four statistics are present.
type StatSet uint8

// The members of Stats.
const (
	HasMin StatSet = 1 << iota
	HasMax
	HasAvg
	HasSum
)

// Stats is AWS's Stats; Has says which of its members are there.
type Stats struct {
	Has                StatSet
	Min, Max, Avg, Sum float64
}

// Statistics is one row of a response, AWS's Statistics. An empty string is an
// absent member.
type Statistics struct {
	QueueID, FleetID, JobID, JobName                string
	UserID, UsageType, LicenseProduct, InstanceType string

	Count            int64
	CostInUsd        Stats
	RuntimeInSeconds Stats

	AggregationStartTime, AggregationEndTime time.Time
}

// appendValues appends the row as JSON, its members in the order of AWS's model, up to the
// times of its bucket.
func (s *Statistics) appendValues(b []byte) []byte {
	b = append(b, '{')
	for _, m := range [...]struct{ name, value string }{
		{`"queueId":`, s.QueueID},
		{`"fleetId":`, s.FleetID},
		{`"jobId":`, s.JobID},
		{`"jobName":`, s.JobName},
		{`"userId":`, s.UserID},
		{`"usageType":`, s.UsageType},
		{`"licenseProduct":`, s.LicenseProduct},
		{`"instanceType":`, s.InstanceType},
	} {
		if m.value != "" {
			b = append(b, m.name...)
			b = AppendString(b, m.value)
			b = append(b, ',')
		}
	}
	b = append(b, `"count":`...)
	b = strconv.AppendInt(b, s.Count, 10)
	b = append(b, `,"costInUsd":`...)
	b = s.CostInUsd.append(b)
	b = append(b, `,"runtimeInSeconds":`...)
	return s.RuntimeInSeconds.append(b)
}

// appendTimes appends the times of the row's bucket, which are its last members.
func (s *Statistics) appendTimes(b []byte) []byte {
	b = append(b, `,"aggregationStartTime":`...)
	b = AppendTime(b, s.AggregationStartTime)
	b = append(b, `,"aggregationEndTime":`...)
	return AppendTime(b, s.AggregationEndTime)
}

func (s *Stats) append(b []byte) []byte {
	open := len(b)
	for _, m := range [...]struct {
		has   StatSet
		name  string
		value float64
	}{
		{HasMin, `,"min":`, s.Min},
		{HasMax, `,"max":`, s.Max},
		{HasAvg, `,"avg":`, s.Avg},
		{HasSum, `,"sum":`, s.Sum},
	} {
		if s.Has&m.has != 0 {
			b = append(b, m.name...)
			b = AppendDouble(b, m.value)
		}
	}
	if len(b) == open {
		return append(b, "{}"...)
	}
	b[open] = '{'
	return append(b, '}')
}

// Page writes a GetSessionsStatisticsAggregationResponse row by row.
type Page struct {
	body []byte
	rows int

	// The bucket of the last row, and its times in JSON: rows that follow one another
	// are mostly of one bucket.
	start, end time.Time
	times      []byte
	room       [timesRoom]byte // of times
}

// timesRoom is what two times with their names take, to the nanosecond.
const timesRoom = 120

// NewPage begins a response in the memory of buffer, whose content is dropped.
func NewPage(buffer []byte) *Page {
	return &Page{body: append(buffer[:0], `{"statistics":[`...)}
}

// Add appends a row.
func (p *Page) Add(row *Statistics) {
	if p.rows > 0 {
		p.body = append(p.body, ',')
	}
	p.body = row.appendValues(p.body)
	if p.rows == 0 || p.start != row.AggregationStartTime || p.end != row.AggregationEndTime {
		p.start, p.end = row.AggregationStartTime, row.AggregationEndTime
		p.times = row.appendTimes(p.room[:0])
	}
	p.body = append(append(p.body, p.times...), '}')
	p.rows++
}

// Finish ends the response and gives its body. A message or a token that is "" is
// absent.
func (p *Page) Finish(status, statusMessage, nextToken string) []byte {
	p.body = append(p.body, `],"status":`...)
	p.body = AppendString(p.body, status)
	p.body = appendMember(p.body, "statusMessage", statusMessage)
	p.body = appendMember(p.body, "nextToken", nextToken)
	p.body = append(p.body, '}')
	return p.body
}
