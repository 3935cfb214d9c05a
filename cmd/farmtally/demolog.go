package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// demoFarm is the cluster of the demo's log.
const demoFarm = "aurora"

// demoStart and demoEnd bound the demo's month.
var (
	demoStart = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	demoEnd   = demoStart.AddDate(0, 1, 0)
)

// demoPartition is a partition and the kind of work that it gets.
type demoPartition struct {
	name    string
	nodes   string // the prefix of its hosts' names
	cpus    int
	gib     int
	gpus    int
	license string
	frames  int           // of an array, at the most
	median  time.Duration // of a frame
	task    string        // for job names
}

var demoPartitions = []demoPartition{
	{"render", "rn", 16, 64, 0, "arnold", 90, 22 * time.Minute, "beauty"},
	{"lookdev", "gn", 8, 48, 1, "redshift", 24, 9 * time.Minute, "turntable"},
	{"sim", "sn", 32, 256, 0, "", 6, 140 * time.Minute, "pyro"},
	{"comp", "rn", 8, 32, 0, "nuke", 40, 4 * time.Minute, "comp"},
}

var demoUsers = []string{"amira", "bjorn", "chen", "dora", "emeka", "farid", "hana", "ines"}

// demoScale makes the month this many arrays a weekday.
const demoArraysPerDay = 6

// demoLog is a small render farm's accounting log under way.
type demoLog struct {
	w      io.Writer
	random *rand.Rand
	job    int
	lines  int
	err    error
}

const demoHeader = "JobID|JobIDRaw|Cluster|Partition|Account|User|Submit|Start|End|State|ExitCode|NNodes|NCPUS|AllocTRES|NodeList|JobName"

// writeDemoLog writes the month as sacct --parsable2 prints it, the same every time,
// and gives the number of lines.
func writeDemoLog(w io.Writer) (lines int, err error) {
	l := &demoLog{w: w, random: rand.New(rand.NewPCG(2026, 1)), job: 48_210} //nolint:gosec // made-up data, no secret
	l.line(demoHeader)
	for day := demoStart; day.Before(demoEnd); day = day.AddDate(0, 0, 1) {
		arrays := demoArraysPerDay
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday || day.Equal(demoStart) {
			arrays = 1
		}
		for range arrays {
			morning := day.Add(9 * time.Hour)
			l.array(morning.Add(time.Duration(l.random.IntN(9*3600)) * time.Second))
		}
	}
	return l.lines, l.err
}

func (l *demoLog) line(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format+"\n", args...)
		l.lines++
	}
}

// array writes one job array: its frames run some at a time from the submission on.
// One in twenty is cancelled before it gets a node.
func (l *demoLog) array(submit time.Time) {
	p := &demoPartitions[l.random.IntN(len(demoPartitions))]
	user := demoUsers[min(l.random.IntN(len(demoUsers)), l.random.IntN(len(demoUsers)))]
	shot := fmt.Sprintf("sq%02d0_sh%03d0_%s", 1+l.random.IntN(6), 1+l.random.IntN(40), p.task)
	frames := 1 + l.random.IntN(p.frames)
	l.job++
	array := l.job
	if l.random.IntN(20) == 0 {
		l.line("%d_[1-%d]|%d|%s|%s|film|%s|%s|None|%s|CANCELLED by 1000|0:0|1|%d||None assigned|%s",
			array, frames, array, demoFarm, p.name, user, stamp(submit), stamp(submit.Add(time.Hour)), p.cpus, shot)
		return
	}
	const atOnce = 12
	free := make([]time.Time, atOnce) // when each of the nodes is free
	for i := range free {
		free[i] = submit.Add(time.Duration(2+l.random.IntN(90)) * time.Second)
	}
	for frame := 1; frame <= frames; frame++ {
		node := frame % atOnce
		l.job++
		free[node] = l.frame(p, array, frame, user, shot, submit, free[node])
	}
}

// frame writes one frame and its batch step, and gives when its node is free again.
func (l *demoLog) frame(p *demoPartition, array, frame int, user, shot string, submit, start time.Time) time.Time {
	took := time.Duration(float64(p.median) * math.Exp(0.5*l.random.NormFloat64())).Truncate(time.Second)
	end := start.Add(took + time.Second)
	state, exit := "COMPLETED", "0:0"
	if l.random.IntN(60) == 0 {
		state, exit = "FAILED", "211:0"
	}
	tres := fmt.Sprintf("billing=%d,cpu=%d,mem=%dG,node=1", p.cpus, p.cpus, p.gib)
	if p.gpus > 0 {
		tres += fmt.Sprintf(",gres/gpu=%d", p.gpus)
	}
	batch := tres
	if p.license != "" {
		tres += ",license/" + p.license + "=1"
	}
	host := fmt.Sprintf("%s%03d", p.nodes, 1+l.random.IntN(40))
	common := strings.Join([]string{stamp(submit), stamp(start), stamp(end), state, exit, "1", fmt.Sprint(p.cpus)}, "|")
	l.line("%d_%d|%d|%s|%s|film|%s|%s|%s|%s|%s", array, frame, l.job, demoFarm, p.name, user, common, tres, host, shot)
	l.line("%d_%d.batch|%d.batch|%s||film||%s|%s|%s|batch", array, frame, l.job, demoFarm, common, batch, host)
	return end.Add(3 * time.Second)
}

// stamp prints a time as sacct does.
func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05") }
