package backendtest

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// The drawn records lie around a leap day, where a month and a week begin within
// days of each other.
var epoch = mustInstant("2024-02-26T00:00:00Z") // a Monday

const (
	slotMillis = 30 * 60 * 1000
	hourMillis = 2 * slotMillis
	dayMillis  = 24 * hourMillis
	spanSlots  = 14 * 48 // the starts span two weeks

	// narrowest is the length, about 35 days, from which slicing takes 128 bits.
	narrowest = 3_037_000_499
)

func mustInstant(s string) farmtally.Instant {
	t, err := farmtally.ParseInstant(s)
	if err != nil {
		panic(err)
	}
	return t
}

// Farm gives the id of a test's own farm.
func Farm(number int) farmtally.FarmID {
	return farmtally.FarmID(fmt.Sprintf("%s%032x", farmtally.FarmPrefix, number))
}

// Few queues and fleets make records meet in groups.
func queueID(n int) farmtally.QueueID {
	return farmtally.QueueID(farmtally.HashID(farmtally.QueuePrefix, "test", "", fmt.Sprint(n)))
}

func fleetID(n int) farmtally.FleetID {
	return farmtally.FleetID(farmtally.HashID(farmtally.FleetPrefix, "test", "", fmt.Sprint(n)))
}

const drawnResources = 3 // queues, and as many fleets

// common is an instant at which many records start and many ranges begin or end.
var common = epoch + 4*dayMillis // a Friday, and the first of a month

// instants draws instants, often on a boundary or a millisecond beside one.
func instants() *rapid.Generator[farmtally.Instant] {
	return rapid.Custom(func(t *rapid.T) farmtally.Instant {
		at := epoch + farmtally.Instant(rapid.IntRange(0, spanSlots).Draw(t, "slot")*slotMillis)
		if rapid.IntRange(0, 7).Draw(t, "common") == 0 {
			at = common
		}
		switch rapid.IntRange(0, 3).Draw(t, "near") {
		case 0:
			return at
		case 1:
			return at + farmtally.Instant(rapid.SampledFrom([]int{-1, 1}).Draw(t, "beside"))
		default:
			return at + farmtally.Instant(rapid.IntRange(0, slotMillis-1).Draw(t, "inside"))
		}
	})
}

// lengths draws lengths of records in milliseconds.
func lengths() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.SampledFrom([]int64{0, 1, slotMillis, hourMillis, dayMillis, 7 * dayMillis, narrowest - 1, narrowest, narrowest + 1}),
		rapid.Int64Range(0, 3*hourMillis), rapid.Int64Range(0, 3*dayMillis), rapid.Int64Range(narrowest, 90*dayMillis),
	)
}

// money draws costs, small, everyday and near the bound of Money.
func money() *rapid.Generator[farmtally.Money] {
	return rapid.Custom(func(t *rapid.T) farmtally.Money {
		return farmtally.Money(rapid.OneOf(rapid.SampledFrom([]int64{0, 1, 1_000_000_000, 1<<63 - 1}),
			rapid.Int64Range(0, 1<<36), rapid.Int64Range(0, 1<<62)).Draw(t, "nano"))
	})
}

// texts draws names of a dimension: absent, one of a few, or one of many.
func texts(prefix string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return ""
		case 1:
			return prefix + rapid.StringN(0, 6, 24).Draw(t, "text")
		default:
			return fmt.Sprint(prefix, rapid.IntRange(0, 5).Draw(t, "number"))
		}
	})
}

// Records draws a valid record of the farm. Its identity is one of a few where it
// is to replace another.
func Records(farm farmtally.FarmID) *rapid.Generator[farmtally.Record] {
	return rapid.Custom(func(t *rapid.T) farmtally.Record {
		r := farmtally.Record{
			FarmID: farm, UsageType: rapid.SampledFrom([]farmtally.UsageType{
				farmtally.Compute, farmtally.License, farmtally.PersistentVolume}).Draw(t, "usageType"),
			UserID: texts("user").Draw(t, "user"), InstanceType: texts("m").Draw(t, "instanceType"),
			Workers: farmtally.Quantity(rapid.Int64Range(0, 1<<34).Draw(t, "workers")), CPUs: 8 * farmtally.One,
			GPUs: farmtally.One / 2, MemoryInGiB: 3 * farmtally.One,
		}
		drawIdentity(t, &r)
		drawResources(t, &r)
		drawTimes(t, &r)
		drawCost(t, &r)
		return r
	})
}

func drawIdentity(t *rapid.T, r *farmtally.Record) {
	r.StartedAt = instants().Draw(t, "start")
	r.RecordID = fmt.Sprint("r", rapid.IntRange(0, 1<<20).Draw(t, "id"))
	if rapid.IntRange(0, 4).Draw(t, "common") == 0 {
		r.StartedAt = common
		r.RecordID = fmt.Sprint("common", rapid.IntRange(0, 3).Draw(t, "id"))
	}
}

func drawResources(t *rapid.T, r *farmtally.Record) {
	which := rapid.IntRange(1, 3).Draw(t, "resources")
	if which&1 != 0 {
		r.QueueID = queueID(rapid.IntRange(0, drawnResources-1).Draw(t, "queue"))
	}
	if which&2 != 0 {
		r.FleetID = fleetID(rapid.IntRange(0, drawnResources-1).Draw(t, "fleet"))
	}
	if job := rapid.IntRange(-1, 6).Draw(t, "job"); job >= 0 {
		r.JobID = farmtally.JobID(farmtally.HashID(farmtally.JobPrefix, "test", "", fmt.Sprint(job)))
		r.JobName = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "jobName")
	}
	if r.UsageType == farmtally.License {
		r.LicenseProduct = fmt.Sprint("product", rapid.IntRange(0, 3).Draw(t, "product"))
	}
}

func drawTimes(t *rapid.T, r *farmtally.Record) {
	length := lengths().Draw(t, "length")
	if until := int64(common - r.StartedAt); until > 0 && rapid.IntRange(0, 7).Draw(t, "until common") == 0 {
		length = until
	}
	if r.Running = rapid.IntRange(0, 9).Draw(t, "running") == 0; !r.Running {
		r.EndedAt = r.StartedAt + farmtally.Instant(length)
	}
	if r.HasRuntime = rapid.Bool().Draw(t, "hasRuntime"); r.HasRuntime {
		r.RuntimeMillis = rapid.Int64Range(0, length).Draw(t, "runtime")
	}
}

func drawCost(t *rapid.T, r *farmtally.Record) {
	switch rapid.IntRange(0, 3).Draw(t, "pricing") {
	case 0:
	case 1:
		r.Rate = farmtally.Rate{
			ID:         fmt.Sprint("rate", rapid.IntRange(0, 2).Draw(t, "rate")),
			USDPerHour: farmtally.Money(rapid.Int64Range(0, 1<<33).Draw(t, "usdPerHour")),
			Per: rapid.SampledFrom([]farmtally.Unit{farmtally.PerWorker, farmtally.PerCPU, farmtally.PerGPU,
				farmtally.PerGiB, farmtally.PerSeat}).Draw(t, "per"),
		}
	default:
		r.Cost, r.HasCost = money().Draw(t, "cost"), true
	}
}

var dimensions = []farmtally.Dimension{
	farmtally.ByQueue, farmtally.ByFleet, farmtally.ByJob, farmtally.ByUser, farmtally.ByUsageType,
	farmtally.ByInstanceType, farmtally.ByLicenseProduct,
}

// Queries draws a valid query to the farm, as of an instant among the records.
func Queries(farm farmtally.FarmID) *rapid.Generator[farmtally.Query] {
	return rapid.Custom(func(t *rapid.T) farmtally.Query {
		q := farmtally.Query{
			FarmID: farm, AsOf: instants().Draw(t, "asOf"), Statistics: []farmtally.Statistic{farmtally.StatSum},
			Period: rapid.SampledFrom([]farmtally.Period{farmtally.WholeRange, farmtally.Hourly, farmtally.Daily,
				farmtally.Weekly, farmtally.Monthly}).Draw(t, "period"),
			Zone:    farmtally.Offset(rapid.IntRange(-39, 39).Draw(t, "zone") * 30),
			GroupBy: rapid.SliceOfNDistinct(rapid.SampledFrom(dimensions), 1, 2, rapid.ID[farmtally.Dimension]).Draw(t, "groupBy"),
		}
		some := rapid.SliceOfNDistinct(rapid.IntRange(0, drawnResources), 1, 3, rapid.ID[int]).Draw(t, "resources")
		fleets := rapid.Bool().Draw(t, "fleets")
		for _, n := range some {
			if fleets {
				q.FleetIDs = append(q.FleetIDs, fleetID(n))
			} else {
				q.QueueIDs = append(q.QueueIDs, queueID(n))
			}
		}
		q.Start = instants().Draw(t, "from")
		q.End = q.Start + farmtally.Instant(max(1, lengths().Draw(t, "range")))
		if to := instants().Draw(t, "to"); to > q.Start && rapid.Bool().Draw(t, "between") {
			q.End = to
		}
		return q
	})
}
