package ingest

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/farmtally/farmtally"
)

// Synthetic is a made-up farm's year, for measuring: a source like the others, whose
// records come from a seed in place of a log. The same fields give the same records,
// on every machine.
//
// Starts are spread over 2025 (UTC) with jitter, in order; durations are log-normal
// with a median of 16 minutes, up to 5 days; 40 queues, 12 fleets, 300 users, 30
// instance types, 8 licensed products on 15 % of the records; a job has about 200
// records in one queue, of one user, and lives for hours where the records are dense
// enough (from about a million a year). Every record brings its own cost.
type Synthetic struct {
	Records int64
	Seed    uint64
}

const (
	syntheticQueues = 40
	syntheticFleets = 12
	syntheticUsers  = 300

	syntheticYearStart = 1_735_689_600_000 // 2025-01-01T00:00:00Z
	syntheticYear      = 365 * 24 * 3_600_000

	medianMillis  = 16 * 60_000
	spread        = 1.2 // the standard deviation of the duration's logarithm
	longestMillis = 5 * 24 * 3_600_000

	recordsPerJob = 200
	jobHours      = 4
	licensedShare = 0.15
)

// syntheticProducts are the licensed products, with dollars for a seat and hour.
var syntheticProducts = []struct {
	name string
	rate farmtally.Money
}{
	{"arnold", 660_000_000}, {"houdini-engine", 540_000_000}, {"karma", 300_000_000},
	{"mantra", 280_000_000}, {"maya", 1_200_000_000}, {"nuke-render", 900_000_000},
	{"redshift", 420_000_000}, {"v-ray", 350_000_000},
}

// syntheticType is an instance type. Sizes of one family cost in proportion.
type syntheticType struct {
	name      string
	cpus      farmtally.Quantity
	memoryGiB farmtally.Quantity
	gpus      farmtally.Quantity
	rate      farmtally.Money // for one worker and hour
}

// syntheticTypes makes ten families of three sizes.
func syntheticTypes() []syntheticType {
	families := []struct {
		name         string
		gibPerCPU    farmtally.Quantity
		cpusPerGPU   farmtally.Quantity
		nanosPerCPUh farmtally.Money
	}{
		{"c5", 2, 0, 42_500_000}, {"c6i", 2, 0, 42_500_001}, {"c7a", 2, 0, 51_300_000},
		{"m5", 4, 0, 48_000_000}, {"m6a", 4, 0, 43_200_000}, {"m7i", 4, 0, 50_400_000},
		{"r6i", 8, 0, 63_000_000}, {"r7a", 8, 0, 76_100_000},
		{"g4dn", 4, 16, 131_500_000}, {"g5", 4, 16, 251_500_000},
	}
	sizes := []struct {
		name string
		cpus farmtally.Quantity
	}{{"4xlarge", 16}, {"8xlarge", 32}, {"16xlarge", 64}}
	var types []syntheticType
	for _, f := range families {
		for _, s := range sizes {
			t := syntheticType{
				name: f.name + "." + s.name, cpus: s.cpus * farmtally.One,
				memoryGiB: s.cpus * f.gibPerCPU * farmtally.One,
				rate:      f.nanosPerCPUh * farmtally.Money(s.cpus),
			}
			if f.cpusPerGPU > 0 {
				t.gpus = s.cpus / f.cpusPerGPU * farmtally.One
			}
			types = append(types, t)
		}
	}
	return types
}

// syntheticJob is a job under way.
type syntheticJob struct {
	id    farmtally.JobID
	name  string
	queue int
	user  string
	left  int // records to come
}

// synthesis is the making of one data set.
type synthesis struct {
	random *rand.Rand
	farm   farmtally.FarmID
	queues []named[farmtally.QueueID]
	fleets []named[farmtally.FleetID]
	users  []string
	types  []syntheticType
	open   []syntheticJob
	jobs   int
}

type named[ID ~string] struct {
	id   ID
	name string
}

const (
	syntheticSource = "synthetic"
	syntheticFarm   = "synthetic"
)

// Each gives the records in the order of their starts. The record is the caller's
// until it asks for the next.
func (s Synthetic) Each() iter.Seq[*farmtally.Record] {
	return func(yield func(*farmtally.Record) bool) {
		g := s.begin()
		var r farmtally.Record
		for i := range s.Records {
			g.fill(&r, i, s.startOf(i, g.random.Float64()))
			if !yield(&r) {
				return
			}
		}
	}
}

func (s Synthetic) begin() *synthesis {
	g := &synthesis{
		random: rand.New(rand.NewPCG(s.Seed, 0)), //nolint:gosec // made-up data, no secret
		farm:   farmtally.FarmID(farmtally.HashID(farmtally.FarmPrefix, syntheticSource, syntheticFarm, syntheticFarm)),
		types:  syntheticTypes(),
	}
	for i := range syntheticQueues {
		name := fmt.Sprintf("queue-%02d", i+1)
		g.queues = append(g.queues, named[farmtally.QueueID]{
			farmtally.QueueID(farmtally.HashID(farmtally.QueuePrefix, syntheticSource, syntheticFarm, name)), name})
	}
	for i := range syntheticFleets {
		name := fmt.Sprintf("fleet-%02d", i+1)
		g.fleets = append(g.fleets, named[farmtally.FleetID]{
			farmtally.FleetID(farmtally.HashID(farmtally.FleetPrefix, syntheticSource, syntheticFarm, name)), name})
	}
	for i := range syntheticUsers {
		g.users = append(g.users, fmt.Sprintf("user-%03d", i+1))
	}
	for range s.concurrentJobs() {
		g.open = append(g.open, g.newJob())
	}
	return g
}

// concurrentJobs is how many jobs must share the farm for one to last jobHours.
func (s Synthetic) concurrentJobs() int64 {
	perHour := s.Records / (syntheticYear / 3_600_000)
	return min(max(perHour*jobHours/recordsPerJob, 1), 100_000)
}

// startOf puts the i-th start at a random point of its own n-th part of the year, so
// that starts come in order.
func (s Synthetic) startOf(i int64, at float64) farmtally.Instant {
	from := farmtally.Cum(syntheticYear, i, s.Records)
	to := farmtally.Cum(syntheticYear, i+1, s.Records)
	return farmtally.Instant(syntheticYearStart + from + int64(at*float64(to-from)))
}

func (g *synthesis) newJob() syntheticJob {
	g.jobs++
	name := "job-" + strconv.Itoa(g.jobs)
	return syntheticJob{
		id:    farmtally.JobID(farmtally.HashID(farmtally.JobPrefix, syntheticSource, syntheticFarm, name)),
		name:  name,
		queue: g.random.IntN(syntheticQueues),
		user:  g.users[g.random.IntN(syntheticUsers)],
		left:  recordsPerJob/2 + g.random.IntN(recordsPerJob+1),
	}
}

// fill makes r the i-th record.
func (g *synthesis) fill(r *farmtally.Record, i int64, start farmtally.Instant) {
	slot := g.random.IntN(len(g.open))
	job := &g.open[slot]
	// A queue sends its work to two fleets, and a fleet has instances of five types.
	fleet := (job.queue + g.random.IntN(2)*5) % syntheticFleets
	kind := &g.types[(fleet*3+g.random.IntN(5))%len(g.types)]
	length := g.duration()
	*r = farmtally.Record{
		RecordID: strconv.FormatInt(i, 36),
		FarmID:   g.farm, FarmName: syntheticFarm,
		QueueID: g.queues[job.queue].id, QueueName: g.queues[job.queue].name,
		FleetID: g.fleets[fleet].id, FleetName: g.fleets[fleet].name,
		JobID: job.id, JobName: job.name, UserID: job.user,
		UsageType: farmtally.Compute, InstanceType: kind.name,
		StartedAt: start, EndedAt: start + farmtally.Instant(length),
		// Some of a session's time goes by without a task.
		RuntimeMillis: length - int64(g.random.Float64()*0.1*float64(length)), HasRuntime: true,
		HasCost: true, Workers: farmtally.One,
		CPUs: kind.cpus, GPUs: kind.gpus, MemoryInGiB: kind.memoryGiB,
	}
	rate := farmtally.Rate{USDPerHour: kind.rate, Per: farmtally.PerWorker}
	if g.random.Float64() < licensedShare {
		product := &syntheticProducts[g.random.IntN(len(syntheticProducts))]
		r.UsageType, r.LicenseProduct = farmtally.License, product.name
		r.CPUs, r.GPUs, r.MemoryInGiB = 0, 0, 0
		rate = farmtally.Rate{USDPerHour: product.rate, Per: farmtally.PerSeat}
	}
	r.Cost, _ = rate.Cost(r.Workers, r.RuntimeMillis) // 5 days of these rates are far from the bound
	if job.left--; job.left == 0 {
		g.open[slot] = g.newJob()
	}
}

func (g *synthesis) duration() int64 {
	d := math.Exp(math.Log(medianMillis) + spread*g.random.NormFloat64())
	return int64(min(d, longestMillis))
}
