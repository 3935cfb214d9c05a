package farmtally_test

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

const hex32 = "0123456789abcdef0123456789abcdef"

// goodRecord breaks no rule: an hour of compute, in a queue, priced by nobody.
func goodRecord() farmtally.Record {
	return farmtally.Record{
		RecordID: "session-1", FarmID: farmtally.FarmPrefix + hex32, QueueID: farmtally.QueuePrefix + hex32,
		UsageType: farmtally.Compute, StartedAt: 1000, EndedAt: 3_601_000, Workers: farmtally.One,
	}
}

// fieldNames lists the names of fields, in their order, with commas.
func fieldNames(fields []farmtally.Field) string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return strings.Join(names, ",")
}

// Every rule of the table of usage records: the change to a good record, and the
// fields that then break a rule.
func TestRecordValidate(t *testing.T) {
	type record = farmtally.Record
	long := func(n int) string { return strings.Repeat("é", n) }
	for _, c := range []struct {
		name   string
		change func(*record)
		fields string
	}{
		{"as it is", func(*record) {}, ""},
		{"recordId required", func(r *record) { r.RecordID = "" }, "recordId"},
		{"recordId of 128 characters", func(r *record) { r.RecordID = long(128) }, ""},
		{"recordId of 129 characters", func(r *record) { r.RecordID = long(129) }, "recordId"},
		{"recordId of invalid UTF-8", func(r *record) { r.RecordID = "a\xff" }, "recordId"},
		{"farmId required", func(r *record) { r.FarmID = "" }, "farmId"},
		{"farmId by name", func(r *record) { r.FarmID = "east" }, "farmId"},
		{"farmId in upper case", func(r *record) { r.FarmID = farmtally.FarmID(farmtally.FarmPrefix + strings.ToUpper(hex32)) }, "farmId"},
		{"queueId of another kind", func(r *record) { r.QueueID = farmtally.FleetPrefix + hex32 }, "queueId"},
		{"fleetId alone", func(r *record) { r.QueueID, r.FleetID = "", farmtally.FleetPrefix+hex32 }, ""},
		{"fleetId malformed", func(r *record) { r.FleetID = "fleet-1" }, "fleetId"},
		{"queueId and fleetId", func(r *record) { r.FleetID = farmtally.FleetPrefix + hex32 }, ""},
		{"neither queueId nor fleetId", func(r *record) { r.QueueID = "" }, "queueId"},
		{"jobId", func(r *record) { r.JobID = farmtally.JobPrefix + hex32 }, ""},
		{"jobId malformed", func(r *record) { r.JobID = "job-x" }, "jobId"},
		{"jobName of 128 characters", func(r *record) { r.JobName = long(128) }, ""},
		{"jobName of 129 characters", func(r *record) { r.JobName = long(129) }, "jobName"},
		{"userId of 256 characters", func(r *record) { r.UserID = long(256) }, ""},
		{"userId of 257 characters", func(r *record) { r.UserID = long(257) }, "userId"},
		{"usageType required", func(r *record) { r.UsageType = 0 }, "usageType"},
		{"usageType unknown", func(r *record) { r.UsageType = farmtally.PersistentVolume + 1 }, "usageType"},
		{"usageType PERSISTENT_VOLUME", func(r *record) { r.UsageType = farmtally.PersistentVolume }, ""},
		{"instanceType of 100 characters", func(r *record) { r.InstanceType = long(100) }, ""},
		{"instanceType of 101 characters", func(r *record) { r.InstanceType = long(101) }, "instanceType"},
		{"licenseProduct of LICENSE", func(r *record) { r.UsageType, r.LicenseProduct = farmtally.License, long(100) }, ""},
		{"licenseProduct required for LICENSE", func(r *record) { r.UsageType = farmtally.License }, "licenseProduct"},
		{"licenseProduct of 101 characters", func(r *record) { r.UsageType, r.LicenseProduct = farmtally.License, long(101) }, "licenseProduct"},
		{"licenseProduct refused for COMPUTE", func(r *record) { r.LicenseProduct = "nuke" }, "licenseProduct"},
		{"licenseProduct refused for PERSISTENT_VOLUME", func(r *record) { r.UsageType, r.LicenseProduct = farmtally.PersistentVolume, "nuke" }, "licenseProduct"},
		{"startedAt at the first instant of 1970", func(r *record) { r.StartedAt = 0 }, ""},
		{"startedAt before 1970", func(r *record) { r.StartedAt = -1 }, "startedAt"},
		{"startedAt after 9999", func(r *record) { r.StartedAt, r.Running = at("9999-12-31T23:59:59.999Z")+1, true }, "startedAt"},
		{"endedAt at startedAt", func(r *record) { r.EndedAt = r.StartedAt }, ""},
		{"endedAt before startedAt", func(r *record) { r.EndedAt = r.StartedAt - 1 }, "endedAt"},
		{"endedAt in the last millisecond of 9999", func(r *record) { r.EndedAt = at("9999-12-31T23:59:59.999Z") }, ""},
		{"endedAt after 9999", func(r *record) { r.EndedAt = at("9999-12-31T23:59:59.999Z") + 1 }, "endedAt"},
		{"endedAt absent while running", func(r *record) { r.Running, r.EndedAt = true, 0 }, ""},
		{"runtimeInSeconds of none", func(r *record) { r.HasRuntime = true }, ""},
		{"runtimeInSeconds of the wall time", func(r *record) { r.RuntimeMillis, r.HasRuntime = 3_600_000, true }, ""},
		{"runtimeInSeconds of more than the wall time", func(r *record) { r.RuntimeMillis, r.HasRuntime = 3_600_001, true }, "runtimeInSeconds"},
		{"runtimeInSeconds negative", func(r *record) { r.RuntimeMillis, r.HasRuntime = -1, true }, "runtimeInSeconds"},
		{"runtimeInSeconds negative while running", func(r *record) { r.Running, r.RuntimeMillis, r.HasRuntime = true, -1, true }, "runtimeInSeconds"},
		{"runtimeInSeconds of any size while running", func(r *record) { r.Running, r.RuntimeMillis, r.HasRuntime = true, 1<<62, true }, ""},
		{"costInUsd of nothing", func(r *record) { r.HasCost = true }, ""},
		{"costInUsd negative", func(r *record) { r.Cost, r.HasCost = -1, true }, "costInUsd"},
		{"workers negative", func(r *record) { r.Workers = -1 }, "workers"},
		{"cpus negative", func(r *record) { r.CPUs = -1 }, "cpus"},
		{"gpus negative", func(r *record) { r.GPUs = -1 }, "gpus"},
		{"memoryInGiB negative", func(r *record) { r.MemoryInGiB = -1 }, "memoryInGiB"},
		{"workers of a billion", func(r *record) { r.Workers = 1e9 * farmtally.One }, ""},
		{"workers of more than a billion", func(r *record) { r.Workers = 1e9*farmtally.One + 1 }, "workers"},
		{"names of 100 characters", func(r *record) { r.FarmName, r.QueueName, r.FleetName = long(100), long(100), long(100) }, ""},
		{"names of 101 characters", func(r *record) { r.FarmName, r.QueueName, r.FleetName = long(101), long(101), long(101) }, "farmName,queueName,fleetName"},
		{"all at once", func(r *record) { *r = record{StartedAt: -1, EndedAt: -2, CPUs: -1} }, "recordId,farmId,queueId,usageType,startedAt,endedAt,cpus"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := goodRecord()
			c.change(&r)
			fields := r.Validate()
			if got := fieldNames(fields); got != c.fields {
				t.Errorf("fields %q, want %q: %v", got, c.fields, fields)
			}
			for _, f := range fields {
				if f.Message == "" {
					t.Errorf("no message for %s", f.Name)
				}
			}
		})
	}
}

func TestRecordValidateSaysWhatIsAllowed(t *testing.T) {
	r := goodRecord()
	r.FarmID, r.QueueID, r.UserID, r.StartedAt, r.EndedAt = "x", "", strings.Repeat("u", 300), at("2026-01-02T00:00:00Z"), at("2026-01-01T00:00:00.5Z")
	want := []farmtally.Field{
		{Name: "farmId", Message: `must be "farm-" and 32 lower-case hexadecimal digits`},
		{Name: "queueId", Message: "a record needs a queueId or a fleetId, for nothing could select it without"},
		{Name: "userId", Message: "has 300 characters; at most 256 are allowed"},
		{Name: "endedAt", Message: "2026-01-01T00:00:00.5Z is before startedAt, 2026-01-02T00:00:00Z"},
	}
	if got := r.Validate(); !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
	r = goodRecord()
	r.RuntimeMillis, r.HasRuntime = 3_600_500, true
	if got := r.Validate(); len(got) != 1 || got[0].Message != "3600.5 is more than the wall time, 3600 seconds" {
		t.Errorf("%q", got)
	}
}

// perHour is a rate of 1 dollar per worker-hour.
var perHour = farmtally.Rate{ID: "r1", USDPerHour: 1e9, Per: farmtally.PerWorker}

func TestRecordAt(t *testing.T) {
	type record = farmtally.Record
	for _, c := range []struct {
		name   string
		change func(*record)
		asOf   farmtally.Instant
		want   farmtally.Use
	}{
		{"ended, whatever the instant", func(*record) {}, 2000, farmtally.Use{Start: 1000, End: 3_601_000, RuntimeMillis: 3_600_000}},
		{"ended, its own runtime", func(r *record) { r.RuntimeMillis, r.HasRuntime = 5, true }, 0, farmtally.Use{Start: 1000, End: 3_601_000, RuntimeMillis: 5}},
		{"ended, its own cost", func(r *record) { r.Cost, r.HasCost, r.Rate = 7, true, perHour }, 0, farmtally.Use{Start: 1000, End: 3_601_000, RuntimeMillis: 3_600_000, Cost: 7}},
		{"ended, priced", func(r *record) { r.Rate = perHour }, 0, farmtally.Use{Start: 1000, End: 3_601_000, RuntimeMillis: 3_600_000, Cost: 1e9}},
		{"running, as of a later instant", func(r *record) { r.Running = true }, 2000, farmtally.Use{Start: 1000, End: 2000, RuntimeMillis: 1000}},
		{"running, its endedAt means nothing", func(r *record) { r.Running, r.EndedAt = true, -5 }, 2000, farmtally.Use{Start: 1000, End: 2000, RuntimeMillis: 1000}},
		{"running, as of its start", func(r *record) { r.Running = true }, 1000, farmtally.Use{Start: 1000, End: 1000}},
		{"running, as of an instant before its start", func(r *record) { r.Running = true }, 500, farmtally.Use{Start: 1000, End: 1000}},
		{"running, its runtime below the wall time", func(r *record) { r.Running, r.RuntimeMillis, r.HasRuntime = true, 300, true }, 2000, farmtally.Use{Start: 1000, End: 2000, RuntimeMillis: 300}},
		{"running, its runtime capped", func(r *record) { r.Running, r.RuntimeMillis, r.HasRuntime = true, 1001, true }, 2000, farmtally.Use{Start: 1000, End: 2000, RuntimeMillis: 1000}},
		{"running, its own cost", func(r *record) { r.Running, r.Cost, r.HasCost, r.Rate = true, 7, true, perHour }, 2000, farmtally.Use{Start: 1000, End: 2000, RuntimeMillis: 1000, Cost: 7}},
		{"running, its own cost before its start", func(r *record) { r.Running, r.Cost, r.HasCost = true, 7, true }, 0, farmtally.Use{Start: 1000, End: 1000, Cost: 7}},
		{"running, priced at the instant", func(r *record) { r.Running, r.Rate = true, perHour }, 1_801_000, farmtally.Use{Start: 1000, End: 1_801_000, RuntimeMillis: 1_800_000, Cost: 5e8}},
		{"running, priced by its capped runtime", func(r *record) { r.Running, r.Rate, r.RuntimeMillis, r.HasRuntime = true, perHour, 3600, true }, 1_801_000, farmtally.Use{Start: 1000, End: 1_801_000, RuntimeMillis: 3600, Cost: 1e6}},
		{"running, unpriced", func(r *record) {
			r.Running, r.Rate = true, farmtally.Rate{ID: farmtally.Unpriced, Per: farmtally.PerWorker}
		}, 2000, farmtally.Use{Start: 1000, End: 2000, RuntimeMillis: 1000}},
		{"running, priced beyond Money", func(r *record) { r.Running, r.Rate = true, farmtally.Rate{ID: "r1", USDPerHour: maxInt64} }, 1e9, farmtally.Use{Start: 1000, End: 1e9, RuntimeMillis: 1e9 - 1000, Cost: maxInt64}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := goodRecord()
			c.change(&r)
			if got := r.At(c.asOf); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestRecordAccept(t *testing.T) {
	type record = farmtally.Record
	unpriced := farmtally.Rate{ID: farmtally.Unpriced, Per: farmtally.PerWorker}
	for _, c := range []struct {
		name         string
		change, want func(*record)
	}{
		{"ended, unpriced", func(*record) {},
			func(r *record) { r.RuntimeMillis, r.HasRuntime, r.HasCost, r.Rate = 3_600_000, true, true, unpriced }},
		{"ended, priced", func(r *record) { r.Rate = perHour },
			func(r *record) { r.RuntimeMillis, r.HasRuntime, r.Cost, r.HasCost = 3_600_000, true, 1e9, true }},
		{"ended, priced by its runtime", func(r *record) { r.Rate, r.RuntimeMillis, r.HasRuntime = perHour, 1_800_000, true },
			func(r *record) { r.Cost, r.HasCost = 5e8, true }},
		{"ended, its own cost", func(r *record) { r.Cost, r.HasCost = 7, true },
			func(r *record) { r.RuntimeMillis, r.HasRuntime = 3_600_000, true }},
		{"running, unpriced", func(r *record) { r.Running = true }, func(r *record) { r.Rate = unpriced }},
		{"running, priced", func(r *record) { r.Running, r.Rate = true, perHour }, func(*record) {}},
		{"running, its own cost", func(r *record) { r.Running, r.Cost, r.HasCost = true, 7, true }, func(*record) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := goodRecord()
			c.change(&r)
			want := r
			c.want(&want)
			for range 2 { // accepting again changes nothing
				if err := r.Accept(); err != nil || r != want {
					t.Fatalf("%+v, %v; want %+v", r, err, want)
				}
			}
		})
	}
}

func TestRecordAcceptRefusesACostBeyondMoney(t *testing.T) {
	r := goodRecord()
	r.Rate, r.EndedAt = farmtally.Rate{ID: "r1", USDPerHour: maxInt64}, r.EndedAt+1
	if err := r.Accept(); err == nil || !strings.Contains(err.Error(), "9.2 billion dollars") {
		t.Errorf("%v", err)
	}
}

// What an accepted record comes to at its end is what it came to before.
func TestAcceptKeepsTheUse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := goodRecord()
		r.EndedAt = r.StartedAt + farmtally.Instant(rapid.Int64Range(0, 1e10).Draw(t, "length"))
		r.Running = rapid.Bool().Draw(t, "running")
		if r.HasRuntime = rapid.Bool().Draw(t, "hasRuntime"); r.HasRuntime {
			r.RuntimeMillis = rapid.Int64Range(0, int64(r.EndedAt-r.StartedAt)).Draw(t, "runtime")
		}
		if rapid.Bool().Draw(t, "priced") {
			r.Rate = perHour
		}
		if r.HasCost = rapid.Bool().Draw(t, "hasCost"); r.HasCost {
			r.Cost = farmtally.Money(amounts().Draw(t, "cost"))
		}
		asOf := farmtally.Instant(rapid.Int64Range(0, 1e10).Draw(t, "asOf"))
		want := r.At(asOf)
		if err := r.Accept(); err != nil || r.At(asOf) != want {
			t.Fatalf("%+v, %v; want %+v", r.At(asOf), err, want)
		}
	})
}

// Each field of a record tells two apart, save the names.
func TestSameAs(t *testing.T) {
	names := "FarmName,QueueName,FleetName,JobName"
	for _, running := range []bool{false, true} {
		base := goodRecord()
		base.Running = running
		if err := base.Accept(); err != nil {
			t.Fatal(err)
		}
		for i := range reflect.TypeFor[farmtally.Record]().NumField() {
			changed := base
			name := reflect.TypeFor[farmtally.Record]().Field(i).Name
			switch field := reflect.ValueOf(&changed).Elem().Field(i); field.Kind() {
			case reflect.String:
				field.SetString("other")
			case reflect.Bool:
				field.SetBool(!field.Bool())
			case reflect.Struct:
				changed.Rate.ID = "other"
			default:
				field.SetInt(field.Int() + 1)
			}
			want := strings.Contains(names, name) ||
				running && (name == "EndedAt" || name == "RuntimeMillis" || name == "Cost") // what means nothing there
			if got := base.SameAs(&changed); got != want || changed.SameAs(&base) != want {
				t.Errorf("with another %s, running %v: the same %v", name, running, got)
			}
		}
	}
}

func TestSameAsOfRates(t *testing.T) {
	a, b := goodRecord(), goodRecord()
	a.Rate, b.Rate = perHour, farmtally.Rate{ID: perHour.ID, USDPerHour: 2e9}
	a.Cost, a.HasCost, b.Cost, b.HasCost = 5, true, 5, true
	if !a.SameAs(&b) {
		t.Error("the cost of an ended record is fixed: its rate is told by the id alone")
	}
	a.Running, b.Running = true, true
	if a.SameAs(&b) {
		t.Error("the rate of a running record prices it anew each time")
	}
}

func TestRecordValue(t *testing.T) {
	r := goodRecord()
	r.FleetID, r.JobID, r.UserID, r.InstanceType = farmtally.FleetPrefix+hex32, farmtally.JobPrefix+hex32, "ann", "c5.large"
	r.UsageType, r.LicenseProduct = farmtally.License, "nuke"
	for d, want := range map[farmtally.Dimension]string{
		farmtally.ByQueue: "queue-" + hex32, farmtally.ByFleet: "fleet-" + hex32, farmtally.ByJob: "job-" + hex32, farmtally.ByUser: "ann",
		farmtally.ByUsageType: "LICENSE", farmtally.ByInstanceType: "c5.large", farmtally.ByLicenseProduct: "nuke",
	} {
		if got := r.Value(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func TestRecordValueOfNoDimensionPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	r := goodRecord()
	r.Value(0)
}
