package farmtally

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// UsageType says what kind of resource a record used.
type UsageType int

// The usage types of AWS's model.
const (
	Compute UsageType = iota + 1
	License
	PersistentVolume
)

// Record is one metered use of one resource by one session: the compute of a
// session, one licensed product of a session, or one persistent volume.
//
// RecordID, FarmID and StartedAt are its identity: a record with the identity of an
// earlier one replaces it. An empty string is an absent value.
type Record struct {
	RecordID       string // 1–128 characters
	FarmID         FarmID
	QueueID        QueueID
	FleetID        FleetID
	JobID          JobID
	UserID         string // up to 256 characters
	UsageType      UsageType
	InstanceType   string // up to 100 characters
	LicenseProduct string // 1–100 characters for License, "" otherwise
	StartedAt      Instant
	EndedAt        Instant // meaningless while Running
	Running        bool

	RuntimeMillis int64 // meaningless without HasRuntime
	HasRuntime    bool  // false: the whole wall time counts as running
	Cost          Money // meaningless without HasCost
	HasCost       bool  // the source named the cost, or a rate priced it
	Rate          Rate  // what priced the record; zero where the source named the cost

	Workers, CPUs, GPUs, MemoryInGiB Quantity

	// Names are shown to people. They belong to the ids beside them, the latest one
	// accepted counts, and they are no part of the record itself.
	FarmName, QueueName, FleetName, JobName string
}

// Limits of the text fields, in characters.
const (
	maxRecordID       = 128
	maxUserID         = 256
	maxInstanceType   = 100
	maxLicenseProduct = 100
	maxJobName        = 128
	maxName           = 100
)

// Validate checks every rule of a record by itself and gives all the fields that
// break one.
func (r *Record) Validate() []Field {
	var v violations
	v.text("recordId", r.RecordID, 1, maxRecordID)
	v.id("farmId", FarmPrefix, string(r.FarmID), true)
	v.id("queueId", QueuePrefix, string(r.QueueID), false)
	v.id("fleetId", FleetPrefix, string(r.FleetID), false)
	v.id("jobId", JobPrefix, string(r.JobID), false)
	if r.QueueID == "" && r.FleetID == "" {
		v.add("queueId", "a record needs a queueId or a fleetId, for nothing could select it without")
	}
	v.text("jobName", r.JobName, 0, maxJobName)
	v.text("userId", r.UserID, 0, maxUserID)
	v.text("instanceType", r.InstanceType, 0, maxInstanceType)
	v.text("farmName", r.FarmName, 0, maxName)
	v.text("queueName", r.QueueName, 0, maxName)
	v.text("fleetName", r.FleetName, 0, maxName)
	if r.UsageType < Compute || r.UsageType > PersistentVolume {
		v.add("usageType", "must be COMPUTE, LICENSE or PERSISTENT_VOLUME")
	}
	if r.UsageType == License {
		v.text("licenseProduct", r.LicenseProduct, 1, maxLicenseProduct)
	} else if r.LicenseProduct != "" {
		v.add("licenseProduct", "is allowed with usageType LICENSE alone")
	}
	r.validateTimes(&v)
	if r.Cost < 0 {
		v.add("costInUsd", "must be 0 or more")
	}
	for _, q := range []struct {
		name  string
		value Quantity
	}{{"workers", r.Workers}, {"cpus", r.CPUs}, {"gpus", r.GPUs}, {"memoryInGiB", r.MemoryInGiB}} {
		if q.value < 0 || q.value > maxQuantity {
			v.add(q.name, "must be from 0 to a billion")
		}
	}
	return v
}

func (r *Record) validateTimes(v *violations) {
	if r.StartedAt < 0 || r.StartedAt > maxInstant {
		v.add("startedAt", "must be in the years 1970 to 9999")
	}
	if r.HasRuntime && r.RuntimeMillis < 0 {
		v.add("runtimeInSeconds", "must be 0 or more")
	}
	if r.Running {
		return
	}
	switch {
	case r.EndedAt > maxInstant:
		v.add("endedAt", "must be in the years 1970 to 9999")
	case r.EndedAt < r.StartedAt:
		v.add("endedAt", fmt.Sprintf("%s is before startedAt, %s", r.EndedAt, r.StartedAt))
	case r.HasRuntime && r.RuntimeMillis > int64(r.EndedAt-r.StartedAt):
		v.add("runtimeInSeconds", fmt.Sprintf("%s is more than the wall time, %s seconds",
			FormatRuntime(r.RuntimeMillis), FormatRuntime(int64(r.EndedAt-r.StartedAt))))
	}
}

// At is what the record comes to for an aggregation as of the instant: a running
// record ends there, or where it started if that is later, and is priced there. A cost
// beyond Money is the largest Money; only a running record can have one.
func (r *Record) At(asOf Instant) Use {
	u, err := r.use(asOf)
	if err != nil {
		u.Cost = math.MaxInt64
	}
	return u
}

// use is At, and fails where the rate gives a cost beyond Money.
func (r *Record) use(asOf Instant) (u Use, err error) {
	u = Use{Start: r.StartedAt, End: r.EndedAt, Cost: r.Cost}
	if r.Running {
		u.End = max(asOf, r.StartedAt)
	}
	u.RuntimeMillis = int64(u.End - u.Start)
	if r.HasRuntime {
		u.RuntimeMillis = min(r.RuntimeMillis, u.RuntimeMillis)
	}
	if !r.HasCost {
		u.Cost, err = r.Rate.Cost(r.Quantity(r.Rate.Per), u.RuntimeMillis)
	}
	return u, err
}

// Accept makes a valid record ready to be stored: one that has neither a cost nor
// a rate becomes Unpriced, and one that has ended gets its runtime and its cost
// fixed. It fails where a rate gives a cost beyond Money.
func (r *Record) Accept() error {
	if !r.HasCost && r.Rate.ID == "" {
		r.Rate = Rate{ID: Unpriced, Per: PerWorker}
	}
	if r.Running {
		return nil
	}
	u, err := r.use(r.EndedAt)
	if err != nil {
		return err
	}
	r.RuntimeMillis, r.HasRuntime = u.RuntimeMillis, true
	r.Cost, r.HasCost = u.Cost, true
	return nil
}

// SameAs reports whether two accepted records of one identity say the same, so that
// sending the one after the other changes nothing. Names do not count.
func (r *Record) SameAs(o *Record) bool {
	a, b := *r, *o
	for _, x := range []*Record{&a, &b} {
		x.FarmName, x.QueueName, x.FleetName, x.JobName = "", "", "", ""
		if x.Running {
			x.EndedAt = 0
		} else {
			x.Rate = Rate{ID: x.Rate.ID}
		}
		if !x.HasRuntime {
			x.RuntimeMillis = 0
		}
		if !x.HasCost {
			x.Cost = 0
		}
	}
	return a == b
}

// violations collects the fields that break a rule.
type violations []Field

func (v *violations) add(name, message string) { *v = append(*v, Field{name, message}) }

func (v *violations) text(name, s string, least, most int) {
	if least <= len(s) && len(s) <= most && utf8.ValidString(s) {
		return // for a character has a byte at least
	}
	switch n := utf8.RuneCountInString(s); {
	case !utf8.ValidString(s):
		v.add(name, "must be valid UTF-8")
	case n < least:
		v.add(name, "is required")
	case n > most:
		v.add(name, fmt.Sprintf("has %d characters; at most %d are allowed", n, most))
	}
}

func (v *violations) id(name, prefix, s string, required bool) {
	switch {
	case s == "" && required:
		v.add(name, "is required")
	case s != "" && !IsID(prefix, s):
		v.add(name, fmt.Sprintf("must be %q and 32 lower-case hexadecimal digits", prefix))
	}
}
