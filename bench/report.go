package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// report is what a run has found.
type report struct {
	options  *options
	dir      string
	measured []*measured
}

// goals are, by question, how many times faster than the faster peer it is to be, and
// how many times the roofline it may take at most (0: no goal).
var goals = map[string][2]float64{"Q1": {10, 3}, "Q2": {10, 3}, "Q3": {5, 0}, "Q4": {10, 3}, "Q5": {5, 0}}

const (
	mostMemory = 300 << 20
	mostBytes  = 64
)

// write prints the tables, and puts them into the file that the flags name.
func (r *report) write() error {
	var b bytes.Buffer
	r.machine(&b)
	if err := r.times(&b); err != nil {
		return err
	}
	if _, err := os.Stdout.Write(b.Bytes()); err != nil || r.options.out == "" {
		return err
	}
	return replaceBetween(r.options.out, b.Bytes())
}

func (r *report) machine(b *bytes.Buffer) {
	var u unix.Utsname
	kernel := ""
	if unix.Uname(&u) == nil {
		kernel = unix.ByteSliceToString(u.Release[:])
	}
	commit, _ := exec.Command("git", "describe", "--always", "--dirty").Output() //nolint:noctx // a moment
	fmt.Fprintf(b, "%d records, %d rounds, %s; %s, %d cores, %d threads each; Linux %s; %s; DuckDB %s, ClickHouse of chdb 3.4.0; commit %s.\n\n",
		r.options.records, r.options.rounds, time.Now().UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), threads,
		kernel, runtime.Version(), version("github.com/duckdb/duckdb-go/v2"), bytes.TrimSpace(commit))
}

func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	_, name, _ := strings.Cut(string(data), "model name\t: ")
	name, _, _ = strings.Cut(name, "\n")
	return name
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == module {
			return m.Version
		}
	}
	return "unknown"
}

func (r *report) times(b *bytes.Buffer) error {
	fmt.Fprintln(b, "| | rows | farmtally, s | DuckDB, s | ClickHouse, s | × the faster peer | goal | roofline, s | × roofline | goal | MiB beside the maps | goal |")
	fmt.Fprintln(b, "|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, m := range r.measured {
		us, peer := m.sides[0].median(), min(m.sides[1].median(), m.sides[2].median())
		goal := goals[m.question.name]
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %.1f | %s | %s | %.1f | %s | %d | %s |\n", m.question.name, m.rows,
			spread(&m.sides[0]), spread(&m.sides[1]), spread(&m.sides[2]),
			ratio(peer, us), r.judge("≥ %.0f", goal[0], ratio(peer, us) >= goal[0]),
			spread(&m.roofline), ratio(us, m.roofline.median()), r.judge("≤ %.0f", goal[1], ratio(us, m.roofline.median()) <= goal[1]),
			m.memory>>20, r.judge("≤ %.0f", mostMemory>>20, m.memory <= mostMemory))
	}
	bytesEach, err := r.bytesEach()
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "\nA time is the median; in brackets, the least and the most. The formulations that were fastest:\n\n")
	for _, m := range r.measured {
		fmt.Fprintf(b, "- %s: DuckDB %s; ClickHouse %s\n", m.question.name, m.sides[1].form, m.sides[2].form)
	}
	fmt.Fprintf(b, "\n| what | reached | goal |\n|---|---|---|\n| bytes on disk for a record, ids included | %.1f | %s |\n",
		bytesEach, r.judge("≤ %.0f", mostBytes, bytesEach <= mostBytes))
	return nil
}

// judge says what the goal is and whether it was reached.
func (r *report) judge(format string, goal float64, reached bool) string {
	switch text := fmt.Sprintf(format, goal); {
	case goal == 0:
		return ""
	case r.options.check:
		return text
	case reached:
		return text + " ✓"
	default:
		return text + " **not reached**"
	}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

func spread(t *timed) string {
	least, most := t.times[0], t.times[0]
	for _, d := range t.times {
		least, most = min(least, d), max(most, d)
	}
	return fmt.Sprintf("%.4f (%.4f–%.4f)", t.median().Seconds(), least.Seconds(), most.Seconds())
}

// bytesEach is the size of farmtally's data folder for each record.
func (r *report) bytesEach() (float64, error) {
	total := int64(0)
	err := filepath.WalkDir(filepath.Join(r.dir, "farmtally"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return float64(total) / float64(r.options.records), err
}

// The markers of the file's generated part.
const (
	beginMark = "<!-- measured: written by make bench -->"
	endMark   = "<!-- /measured -->"
)

// replaceBetween puts text between the markers of a file.
func replaceBetween(file string, text []byte) error {
	data, err := os.ReadFile(file) //nolint:gosec // the user names it
	if err != nil {
		return fmt.Errorf("read document: %w", err)
	}
	head, rest, begun := bytes.Cut(data, []byte(beginMark))
	_, tail, ended := bytes.Cut(rest, []byte(endMark))
	if !begun || !ended {
		return fmt.Errorf("%s lacks the marks %s and %s", file, beginMark, endMark)
	}
	whole := bytes.Join([][]byte{head, []byte(beginMark + "\n\n"), text, []byte("\n" + endMark), tail}, nil)
	return os.WriteFile(file, whole, 0o644) //nolint:gosec // a document, for anyone to read
}
