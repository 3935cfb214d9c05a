package ingest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/farmtally/farmtally"
)

// job makes the records of the job on the line under way.
func (s *sacctLog) job() {
	id := s.cell(colJobID)
	if id == "" {
		id = s.cell(colJobIDRaw)
	}
	switch {
	case id == "":
		s.row.fault(columnNames[colJobID], "is required")
		return
	case isStep(id):
		s.row.Skip = JobStep
		return
	case isNotYet(s.cell(colStart)) || strings.EqualFold(s.cell(colNodeList), "None assigned"):
		s.row.Skip = NoNode
		return
	}
	r := farmtally.Record{RecordID: strings.Clone(id), UsageType: farmtally.Compute}
	s.places(&r, wholeJob(id))
	s.times(&r)
	s.allocation(&r)
	if len(s.row.Faults) > 0 {
		return
	}
	s.row.add(&r)
	for _, l := range s.allocated.licenses {
		license := r
		license.RecordID = id + "/license/" + l.product
		license.UsageType, license.LicenseProduct = farmtally.License, s.text(l.product)
		license.Workers, license.CPUs, license.GPUs, license.MemoryInGiB = l.seats, 0, 0, 0
		s.row.add(&license)
	}
}

// places fills in the farm, the queue, the fleet, the job and the user.
func (s *sacctLog) places(r *farmtally.Record, job string) {
	cluster := s.cell(colCluster)
	name := s.source.Farm
	if name == "" {
		name = cluster
	}
	f, err := s.farm(name)
	switch {
	case err != nil:
		s.row.fault(columnNames[colCluster], "%s", err)
	case name == "":
		s.row.fault(columnNames[colCluster], "is empty, and no farm was named for the whole log")
	}
	r.FarmID, r.FarmName = f.id, f.name

	fleet := s.source.Fleet
	if fleet == "" {
		fleet = cluster
	}
	if fleet == "" {
		fleet = f.scope
	}
	partition := s.cell(colPartition)
	queueID, queueName, err := s.resolve(farmtally.QueuePrefix, f.scope, partition)
	if err != nil {
		s.row.fault(columnNames[colPartition], "%s", err)
	}
	fleetID, fleetName, err := s.resolve(farmtally.FleetPrefix, f.scope, fleet)
	if err != nil {
		s.row.fault("Fleet", "%s", err)
	}
	r.QueueID, r.QueueName = farmtally.QueueID(queueID), queueName
	r.FleetID, r.FleetName = farmtally.FleetID(fleetID), fleetName

	r.JobID = farmtally.JobID(s.hash(farmtally.JobPrefix, f.scope, job))
	if r.JobName = s.text(label(s.cell(colJobName))); r.JobName == "" {
		r.JobName = s.text(job)
	}
	if r.UserID = s.text(s.cell(colUser)); r.UserID == "" {
		r.UserID = s.text(s.cell(colUID))
	}
}

// times fills in the start, the end and the runtime.
func (s *sacctLog) times(r *farmtally.Record) {
	var end, laterEnd farmtally.Instant
	r.StartedAt, _ = s.instant(colStart)
	if text := s.cell(colEnd); text == "" || isNotYet(text) {
		r.Running = true
		return
	}
	end, laterEnd = s.instant(colEnd)
	elapsed, err := int64(0), error(nil)
	if text := s.cell(colElapsed); text != "" {
		elapsed, err = parseElapsed(text)
		r.RuntimeMillis, r.HasRuntime = elapsed, true
	}
	if err != nil {
		s.row.fault(columnNames[colElapsed], "%s", err)
	}
	if end-r.StartedAt < farmtally.Instant(elapsed) {
		end = laterEnd
	}
	if r.EndedAt = end; len(s.row.Faults) > 0 {
		return
	}
	switch wall := int64(end - r.StartedAt); {
	case wall < 0:
		s.row.fault(columnNames[colEnd], "%s is before the start, %s", quoted(s.cell(colEnd)), quoted(s.cell(colStart)))
	case elapsed > wall:
		s.row.fault(columnNames[colElapsed], "%s is more than the %s from start to end; is %s the log's time zone?",
			quoted(s.cell(colElapsed)), time.Duration(wall)*time.Millisecond, s.source.Location)
	}
}

// sacctTime is how sacct prints an instant, in local time.
const sacctTime = "2006-01-02T15:04:05"

// instant reads a local time, which is two instants in the hour that comes twice when
// summer time ends, and twice the same one otherwise.
func (s *sacctLog) instant(column int) (first, second farmtally.Instant) {
	text := s.cell(column)
	clock, err := time.Parse(sacctTime, text)
	if err != nil {
		s.row.fault(columnNames[column], "must be a time such as 2026-01-31T08:00:00; %s is none", quoted(text))
		return 0, 0
	}
	a, b := atLocalTime(clock, s.source.Location)
	return farmtally.InstantOf(a), farmtally.InstantOf(b)
}

// atLocalTime gives the instants at which clocks at the location show what clock does
// in UTC. Where they skip that time it gives the one at which a clock that nobody
// changed would show it.
func atLocalTime(clock time.Time, at *time.Location) (first, second time.Time) {
	if at == time.UTC {
		return clock, clock
	}
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(at).Zone()
		return time.Duration(seconds) * time.Second
	}
	const day = 24 * time.Hour
	old, changed := offset(clock.Add(-day)), offset(clock.Add(day))
	first, second = clock.Add(-old), clock.Add(-changed)
	switch {
	case offset(second) != changed:
		return first, first
	case offset(first) != old:
		return second, second
	}
	return first, second
}

// parseElapsed reads [days-]hours:minutes:seconds[.fraction] or minutes:seconds as
// milliseconds.
func parseElapsed(s string) (int64, error) {
	days, clock, hasDays := strings.Cut(s, "-")
	if !hasDays {
		days, clock = "0", s
	}
	parts := strings.Split(clock, ":")
	if len(parts) == 2 && !hasDays {
		parts = []string{"0", parts[0], parts[1]}
	}
	if len(parts) == 3 {
		d, dayErr := strconv.ParseUint(days, 10, 31)
		h, hourErr := strconv.ParseUint(parts[0], 10, 31)
		m, minuteErr := strconv.ParseUint(parts[1], 10, 31)
		millis, secondErr := farmtally.ParseRuntime(parts[2])
		if errors.Join(dayErr, hourErr, minuteErr, secondErr) == nil && m < 60 && millis < 60_000 {
			return int64((d*24+h)*60+m)*60_000 + millis, nil
		}
	}
	return 0, fmt.Errorf("must be [days-]hours:minutes:seconds; %s is none", quoted(s))
}
