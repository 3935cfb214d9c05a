package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/ingest"
)

// demoHistoryStart begins the months before demoStart, of which the demo has records
// from a cloud beside the farm's own.
var demoHistoryStart = time.Date(2025, time.August, 1, 0, 0, 0, 0, time.UTC)

// demoMachine is what a cloud lends, and what it takes for an hour.
type demoMachine struct {
	fleet string
	name  string
	hour  farmtally.Money
}

var demoMachines = []demoMachine{
	{"cloud-spot", "c6i.8xlarge", 490_000_000},
	{"cloud-spot", "c6i.16xlarge", 980_000_000},
	{"cloud-spot", "g5.4xlarge", 650_000_000},
	{"cloud-ondemand", "c6i.16xlarge", 2_720_000_000},
}

// The demo's one big mistake: a shot was sent to the most expensive machines, whole.
const (
	demoSpikeFrames  = 140
	demoSpikeUser    = "farid"
	demoSpikeShot    = "sq03_sh0170_volumes_fullres"
	demoSpikeMachine = 3
)

var demoSpikeAt = time.Date(2025, time.November, 14, 18, 40, 0, 0, time.UTC)

// demoHistory makes up the months before the demo's.
type demoHistory struct {
	random *rand.Rand
	w      *bufio.Writer
	line   []byte
	jobs   int
	number int64
	err    error
}

// writeDemoHistory writes the months as NDJSON, the same every time, and gives the number
// of records. None reaches into the demo's month.
func writeDemoHistory(w io.Writer) (records int64, err error) {
	h := &demoHistory{random: rand.New(rand.NewPCG(2025, 8)), w: bufio.NewWriter(w)} //nolint:gosec // made-up data, no secret
	for day := demoHistoryStart; day.Before(demoStart); day = day.AddDate(0, 0, 1) {
		h.day(day)
	}
	if h.err == nil {
		h.err = h.w.Flush()
	}
	return h.number, h.err
}

// arrays is how busy a day is: little in the summer, most before a delivery at the end of
// November, and hardly at all at its weekends and at the turn of the year.
func (h *demoHistory) arrays(day time.Time) int {
	weeks := demoSpikeAt.Sub(day).Hours() / 24 / 7
	busy := 3 + 7*math.Exp(-weeks*weeks/20)
	switch {
	case day.Month() == time.December && day.Day() > 22:
		busy = 0.3
	case day.Weekday() == time.Saturday || day.Weekday() == time.Sunday:
		busy *= 0.25
	}
	return int(busy + h.random.Float64())
}

func (h *demoHistory) day(day time.Time) {
	morning := day.Add(9 * time.Hour)
	for range h.arrays(day) {
		p := &demoPartitions[h.random.IntN(len(demoPartitions))]
		user := demoUsers[min(h.random.IntN(len(demoUsers)), h.random.IntN(len(demoUsers)))]
		shot := fmt.Sprintf("sq%02d0_sh%03d0_%s", 1+h.random.IntN(6), 1+h.random.IntN(40), p.task)
		at := morning.Add(time.Duration(h.random.IntN(9*3600)) * time.Second)
		var machine *demoMachine
		if h.random.IntN(3) == 0 {
			machine = &demoMachines[h.random.IntN(3)]
		}
		h.array(p, machine, user, shot, at, 1+h.random.IntN(p.frames), p.median)
	}
	if day.Equal(demoSpikeAt.Truncate(24 * time.Hour)) {
		const frame = 100 * time.Minute
		h.array(&demoPartitions[0], &demoMachines[demoSpikeMachine], demoSpikeUser, demoSpikeShot, demoSpikeAt, demoSpikeFrames, frame)
	}
	for _, fleet := range []string{"cloud-spot", "cloud-ondemand"} {
		h.write(&farmtally.Record{
			FleetID: farmtally.FleetID(fleet), UsageType: farmtally.PersistentVolume, InstanceType: "gp3",
			StartedAt: farmtally.InstantOf(day), EndedAt: farmtally.InstantOf(day.AddDate(0, 0, 1)),
			Cost: 1_150_000_000, HasCost: true,
		})
	}
}

// array makes one job array: its frames run some at a time from the submission on.
func (h *demoHistory) array(p *demoPartition, machine *demoMachine, user, shot string, at time.Time, frames int, median time.Duration) {
	const atOnce = 12
	free := make([]time.Time, atOnce)
	for i := range free {
		free[i] = at.Add(time.Duration(2+h.random.IntN(90)) * time.Second)
	}
	h.jobs++
	job := farmtally.JobID(farmtally.HashID(farmtally.JobPrefix, ingest.SlurmKind, demoFarm, "2025-"+strconv.Itoa(h.jobs)))
	for frame := range frames {
		node := frame % atOnce
		took := time.Duration(float64(median) * math.Exp(0.5*h.random.NormFloat64())).Truncate(time.Second)
		end := free[node].Add(took + time.Second)
		if end.After(demoStart) {
			return
		}
		r := farmtally.Record{
			QueueID: farmtally.QueueID(p.name), FleetID: demoFarm, JobID: job, JobName: shot, UserID: user, UsageType: farmtally.Compute,
			StartedAt: farmtally.InstantOf(free[node]), EndedAt: farmtally.InstantOf(end),
		}
		if machine == nil {
			r.CPUs = farmtally.Quantity(p.cpus) * farmtally.One
		} else {
			r.FleetID, r.InstanceType, r.HasCost = farmtally.FleetID(machine.fleet), machine.name, true
			r.Cost = farmtally.Money(farmtally.Cum(int64(machine.hour), took.Milliseconds()+1000, int64(time.Hour/time.Millisecond)))
		}
		h.write(&r)
		if p.license != "" {
			r.UsageType, r.LicenseProduct, r.InstanceType, r.CPUs, r.HasCost, r.Cost = farmtally.License, p.license, "", 0, false, 0
			h.write(&r)
		}
		free[node] = end.Add(3 * time.Second)
	}
}

// write writes a record, whose farm, queue and fleet are told by name.
func (h *demoHistory) write(r *farmtally.Record) {
	if h.err != nil {
		return
	}
	h.number++
	r.RecordID, r.FarmID, r.Workers = "2025-"+strconv.FormatInt(h.number, 10), demoFarm, farmtally.One
	h.line = append(export.AppendRecordJSON(h.line[:0], r), '\n')
	_, h.err = h.w.Write(h.line)
}
