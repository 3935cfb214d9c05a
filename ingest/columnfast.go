package ingest

import (
	"math"
	"unicode/utf8"

	"github.com/farmtally/farmtally"
)

// fastColumns makes the records of rows of which every value is plainly right, without
// making texts of numbers, and looks at each distinct text once. It leaves all other
// rows, with their faults, to schema.columns, which gives the same records.
type fastColumns struct {
	schema   *schema
	known    [fieldCount + 1]knownTexts
	farm     farm
	farmText string
}

// knownTexts are what the texts of a column come to, by code.
type knownTexts struct {
	generation int64
	texts      []knownText
}

type knownText struct {
	state    int8   // 0: not looked at yet; 1: right; −1: not plainly right
	id, name string // of an id's column; of others id is the text
	kind     farmtally.UsageType
}

// fastLimits are the most characters of texts, as Record.Validate has them.
var fastLimits = map[int]int{
	farmName: 100, queueName: 100, fleetName: 100, jobName: 128, userID: 256, instanceType: 100, licenseProduct: 100,
}

var idPrefixes = map[int]string{
	queueID: farmtally.QueuePrefix, fleetID: farmtally.FleetPrefix, jobID: farmtally.JobPrefix,
}

// record puts the record of a row into r, and reports whether it could.
func (f *fastColumns) record(b *batch, i int, r *farmtally.Record) bool {
	*r = farmtally.Record{}
	if !f.setFarm(b, i) {
		return false
	}
	ok := true
	text := func(field int) *knownText {
		t := f.text(field, b.columns[field], i)
		ok = ok && t.state > 0
		return t
	}
	if v := b.columns[recordID]; v == nil || v.kind != ofTexts {
		return false
	}
	r.RecordID = b.columns[recordID].text(i)
	r.FarmID, r.FarmName = f.farm.id, or(text(farmName).id, f.farm.name)
	queue, fleet, job := text(queueID), text(fleetID), text(jobID)
	r.QueueID, r.QueueName = farmtally.QueueID(queue.id), or(text(queueName).id, queue.name)
	r.FleetID, r.FleetName = farmtally.FleetID(fleet.id), or(text(fleetName).id, fleet.name)
	r.JobID, r.JobName = farmtally.JobID(job.id), or(text(jobName).id, job.name)
	r.UserID, r.InstanceType, r.LicenseProduct = text(userID).id, text(instanceType).id, text(licenseProduct).id
	r.UsageType = text(usageType).kind
	priced := text(fieldCount).id != ""
	return ok && times(b, i, r) && amounts(b, i, r, priced) && plain(r)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// setFarm finds the farm of the row. Another one than that of the row before makes the
// ids of names others.
func (f *fastColumns) setFarm(b *batch, i int) bool {
	s := f.schema.defaultFarm
	if v := b.columns[farmID]; v != nil {
		if v.kind != ofTexts || v.ids != nil {
			return false
		}
		if given := v.text(i); given != "" {
			s = given
		}
	}
	if s == "" {
		return false
	}
	if s == f.farmText {
		return true
	}
	if !f.begin(s) {
		return false
	}
	for field := range idPrefixes {
		f.known[field] = knownTexts{}
	}
	return true
}

// begin makes the farm the one of the rows that follow.
func (f *fastColumns) begin(s string) bool {
	made, err := f.schema.farm(s)
	if err != nil || !utf8.ValidString(s) || utf8.RuneCountInString(made.name) > 100 {
		return false
	}
	f.farm, f.farmText = made, s
	return true
}

var (
	absentText = knownText{state: 1}
	oddText    = knownText{state: -1}
)

func (f *fastColumns) text(field int, v *vector, row int) *knownText {
	if v == nil {
		return &absentText
	}
	if v.kind != ofTexts {
		return &oddText
	}
	code := v.codes[row]
	k := &f.known[field]
	if k.generation != v.generation {
		*k = knownTexts{generation: v.generation}
	}
	if int(code) >= len(k.texts) {
		k.texts = append(k.texts, make([]knownText, len(v.texts)-len(k.texts))...)
	}
	t := &k.texts[code]
	if t.state == 0 {
		*t = f.look(field, v.texts[code])
	}
	return t
}

// look says what a text of a field comes to.
func (f *fastColumns) look(field int, s string) knownText {
	if !utf8.ValidString(s) {
		return oddText
	}
	t := knownText{state: 1, id: s}
	if prefix, isID := idPrefixes[field]; isID && s != "" {
		id, name, err := f.schema.resolve(prefix, f.farm.scope, s)
		if field == jobID {
			name = label(name)
		}
		if err != nil || utf8.RuneCountInString(name) > 100 {
			return oddText
		}
		return knownText{state: 1, id: id, name: name}
	}
	if most, limited := fastLimits[field]; limited && utf8.RuneCountInString(s) > most {
		return oddText
	}
	if field == usageType {
		var err error
		if t.kind, err = farmtally.ParseUsageType(s); err != nil {
			return oddText
		}
	}
	return t
}

// times fills in the instants and the runtime.
func times(b *batch, i int, r *farmtally.Record) bool {
	start, hasStart, ok := b.columns[startedAt].scaled(i, ofInstants, 3, true)
	end, hasEnd, endOK := b.columns[endedAt].scaled(i, ofInstants, 3, true)
	runtime, hasRuntime, runtimeOK := b.columns[runtimeInSeconds].scaled(i, ofNumbers, 3, true)
	if !ok || !hasStart || !endOK || !runtimeOK {
		return false
	}
	r.StartedAt, r.EndedAt, r.Running = farmtally.Instant(start), farmtally.Instant(end), !hasEnd
	r.RuntimeMillis, r.HasRuntime = runtime, hasRuntime
	return true
}

// amounts fills in the cost, unless a rate gave it, and the quantities.
func amounts(b *batch, i int, r *farmtally.Record, priced bool) bool {
	for _, a := range [...]struct {
		field int
		to    *farmtally.Quantity
	}{{workers, &r.Workers}, {cpus, &r.CPUs}, {gpus, &r.GPUs}, {memoryInGiB, &r.MemoryInGiB}} {
		n, present, ok := b.columns[a.field].scaled(i, ofNumbers, 9, false)
		if !ok || n > 1_000_000_000*int64(farmtally.One) {
			return false
		}
		*a.to = farmtally.Quantity(n)
		if !present && a.field == workers {
			r.Workers = farmtally.One
		}
	}
	if priced {
		return true
	}
	n, present, ok := b.columns[costInUSD].scaled(i, ofNumbers, 9, false)
	r.Cost, r.HasCost = farmtally.Money(n), present
	return ok
}

var powersOfTen = [...]int64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// scaled gives the row's number as a count of 10^-digits. It can't where the number is
// negative, too large, finer than that (unless it may be cut off) or of another kind.
func (v *vector) scaled(row int, kind vectorKind, digits int, cut bool) (n int64, present, ok bool) {
	switch {
	case v == nil, v.kind == kind && v.null != nil && v.null[row]:
		return 0, false, true
	case v.kind != kind || v.digits < 0 || v.digits > 9:
		return 0, false, false
	}
	n = v.numbers[row]
	switch by := digits - v.digits; {
	case n < 0:
		return 0, false, false
	case by >= 0:
		ok = n <= math.MaxInt64/powersOfTen[by]
		return n * powersOfTen[by], true, ok
	case cut:
		return n / powersOfTen[-by], true, true
	}
	return 0, false, false
}

const lastInstant = 253_402_300_799_999 // the end of the year 9999

// plain reports whether the record keeps the rules between its fields, and those of its
// record id, whose values are not looked at once for all.
func plain(r *farmtally.Record) bool {
	wall := int64(r.EndedAt - r.StartedAt)
	switch {
	case r.RecordID == "", len(r.RecordID) > 128, !utf8.ValidString(r.RecordID):
	case r.QueueID == "" && r.FleetID == "", (r.UsageType == farmtally.License) != (r.LicenseProduct != ""):
	case r.StartedAt > lastInstant, !r.Running && (r.EndedAt > lastInstant || wall < 0 || r.HasRuntime && r.RuntimeMillis > wall):
	default:
		return true
	}
	return false
}
