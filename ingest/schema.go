package ingest

import (
	"github.com/farmtally/farmtally"
)

// DefaultKind is the kind of source that names in NDJSON and CSV records are hashed
// with.
const DefaultKind = "farmtally"

// The fields of the record schema, in the order of the semantics page, and the names
// that may stand beside ids.
const (
	recordID = iota
	farmID
	farmName
	queueID
	queueName
	fleetID
	fleetName
	jobID
	jobName
	userID
	usageType
	instanceType
	licenseProduct
	startedAt
	endedAt
	runtimeInSeconds
	costInUSD
	workers
	cpus
	gpus
	memoryInGiB
	fieldCount
)

// fieldNames are the names of the fields, as they stand in NDJSON and CSV.
var fieldNames = []string{"recordId", "farmId", "farmName", "queueId", "queueName", "fleetId", "fleetName", "jobId",
	"jobName", "userId", "usageType", "instanceType", "licenseProduct", "startedAt", "endedAt", "runtimeInSeconds",
	"costInUsd", "workers", "cpus", "gpus", "memoryInGiB"}

var fieldsByName = func() map[string]int {
	m := make(map[string]int, fieldCount)
	for i, name := range fieldNames {
		m[name] = i
	}
	return m
}()

// isDecimal reports whether a field is a decimal number, which NDJSON may give as a
// JSON number or as a string.
func isDecimal(field int) bool { return field >= runtimeInSeconds }

// unknownField says of a member or a column that the schema has none of that name.
func unknownField(what, name string) string {
	if near := farmtally.Closest(name, fieldNames); near != "" {
		return "is no " + what + " of a usage record; did you mean " + near + "?"
	}
	return "is no " + what + " of a usage record"
}

// values are the texts of a record's fields; "" is an absent one.
type values [fieldCount]string

// schema makes records of values.
type schema struct {
	names
	defaultFarm string
	fast        fastReader
}

func newSchema(farm, kind string) schema {
	if kind == "" {
		kind = DefaultKind
	}
	return schema{names: newNames(kind), defaultFarm: farm}
}

// record adds to the row the record that the values say, or their faults.
func (s *schema) record(row *Row, v *values) {
	r := farmtally.Record{
		RecordID:       s.own(v[recordID]),
		UserID:         s.text(v[userID]),
		InstanceType:   s.text(v[instanceType]),
		LicenseProduct: s.text(v[licenseProduct]),
	}
	s.places(row, v, &r)
	usage(row, v, &r)
	row.add(&r)
}

// places fills in the farm, the queue, the fleet and the job.
func (s *schema) places(row *Row, v *values, r *farmtally.Record) {
	value := v[farmID]
	if value == "" {
		value = s.defaultFarm
	}
	if value == "" {
		row.fault("farmId", "is required, for no farm was named for the whole file")
	}
	f, err := s.farm(value)
	if err != nil {
		row.fault("farmId", "%s", err)
	}
	r.FarmID = f.id
	r.FarmName = s.named(v[farmName], f.name)

	resolve := func(field int, prefix string) (id, name string) {
		id, name, err := s.resolve(prefix, f.scope, v[field])
		if err != nil {
			row.fault(fieldNames[field], "%s", err)
		}
		return id, name
	}
	queue, name := resolve(queueID, farmtally.QueuePrefix)
	r.QueueID, r.QueueName = farmtally.QueueID(queue), s.named(v[queueName], name)
	fleet, name := resolve(fleetID, farmtally.FleetPrefix)
	r.FleetID, r.FleetName = farmtally.FleetID(fleet), s.named(v[fleetName], name)
	job, name := resolve(jobID, farmtally.JobPrefix)
	r.JobID, r.JobName = farmtally.JobID(job), s.named(v[jobName], label(name))
}

// named is the name given beside an id, or else the name that the id was made of.
func (s *schema) named(beside, name string) string {
	if beside != "" {
		return s.text(beside)
	}
	return name
}

// usage fills in what was used, when, and at what cost.
func usage(row *Row, v *values, r *farmtally.Record) {
	r.UsageType = parse(row, v, usageType, farmtally.ParseUsageType)
	r.StartedAt = parse(row, v, startedAt, farmtally.ParseInstant)
	for _, required := range [...]int{usageType, startedAt} {
		if v[required] == "" {
			row.fault(fieldNames[required], "is required")
		}
	}
	r.EndedAt = parse(row, v, endedAt, farmtally.ParseInstant)
	r.Running = v[endedAt] == ""
	r.RuntimeMillis = parse(row, v, runtimeInSeconds, farmtally.ParseRuntime)
	r.HasRuntime = v[runtimeInSeconds] != ""
	r.Cost = parse(row, v, costInUSD, farmtally.ParseMoney)
	r.HasCost = v[costInUSD] != ""
	r.Workers = parse(row, v, workers, farmtally.ParseQuantity)
	if v[workers] == "" {
		r.Workers = farmtally.One
	}
	r.CPUs = parse(row, v, cpus, farmtally.ParseQuantity)
	r.GPUs = parse(row, v, gpus, farmtally.ParseQuantity)
	r.MemoryInGiB = parse(row, v, memoryInGiB, farmtally.ParseQuantity)
}

// parse reads a field, and gives zero where it is absent or at fault.
func parse[T any](row *Row, v *values, field int, read func(string) (T, error)) T {
	var zero T
	if v[field] == "" {
		return zero
	}
	value, err := read(v[field])
	if err == nil {
		return value
	}
	if field == usageType {
		row.fault(fieldNames[field], "%s; %s is none", err, quoted(v[field]))
	} else {
		row.fault(fieldNames[field], "%s is %s", quoted(v[field]), err)
	}
	return zero
}
