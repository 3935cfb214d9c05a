package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// times are some measurements of one thing, in seconds.
type times []float64

func (t *times) add(d time.Duration) { *t = append(*t, d.Seconds()) }

// at gives the value below which a share of the measurements lies; 0 of none.
func (t times) at(share float64) float64 {
	if len(t) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

func (t times) median() float64 { return t.at(0.5) }

// brief keeps what the tables need: a thousand numbers would be of no use in a document.
func (t times) brief() times { return times{t.at(0), t.at(0.5), t.at(0.99), t.at(1)} }

// The places of brief times.
const (
	_ = iota // the least
	medianOf
	p99Of
	mostOf
)

// results are what one run has found. A part that was not measured is absent.
type results struct {
	Records int64   `json:"records"`
	Rounds  int     `json:"rounds"`
	Machine machine `json:"machine"`

	ImportSeconds float64          `json:"importSeconds,omitempty"` // of all records, from Parquet
	BytesEach     float64          `json:"bytesEach,omitempty"`
	Opening       *openingResult   `json:"opening,omitempty"`
	Questions     []questionResult `json:"questions,omitempty"`
	Memory        []memoryResult   `json:"memory,omitempty"`
	Growth        []growthResult   `json:"growth,omitempty"`
	Again         []againResult    `json:"again,omitempty"`
	Parquet       *parquetResult   `json:"parquet,omitempty"`
	Push          *pushResult      `json:"push,omitempty"`
	Single        *singleResult    `json:"single,omitempty"`
	Pages         *pagesResult     `json:"pages,omitempty"`
}

// machine is what a run ran on.
type machine struct {
	Date       string `json:"date"`
	Commit     string `json:"commit"`
	Processor  string `json:"processor"`
	Cores      int    `json:"cores"`
	GiB        int64  `json:"gib"` // of memory
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	DuckDB     string `json:"duckdb,omitempty"`
	ClickHouse string `json:"clickhouse,omitempty"`
	Load       string `json:"load"` // the load averages at the run's start
}

type questionResult struct {
	Name          string       `json:"name"`
	Rows          int          `json:"rows"`
	Sides         []sideResult `json:"sides"` // farmtally first
	Roofline      times        `json:"roofline"`
	RooflineBytes int64        `json:"rooflineBytes"`
}

type sideResult struct {
	Name    string `json:"name"`
	Form    string `json:"form,omitempty"` // the formulation that was fastest
	Seconds times  `json:"seconds"`
}

// fasterPeer is the median of the faster of the sides after the first; 0 without peers.
func fasterPeer(sides []sideResult) (best float64) {
	for _, s := range sides[1:] {
		if t := s.Seconds.median(); best == 0 || t < best {
			best = t
		}
	}
	return best
}

func newResults(o *options) *results {
	r := &results{Records: o.records, Rounds: o.rounds, Machine: machine{
		Date: time.Now().UTC().Format("2006-01-02 15:04"), Processor: processor(), Cores: runtime.NumCPU(), Go: runtime.Version(),
		Load: firstFields("/proc/loadavg", 3),
	}}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		r.Machine.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) == nil {
		r.Machine.GiB = int64(s.Totalram*uint64(s.Unit)) >> 30 //nolint:gosec // no machine has 2^63 bytes
	}
	commit, _ := exec.Command("git", "describe", "--always", "--dirty").Output() //nolint:noctx // a moment
	r.Machine.Commit = string(bytes.TrimSpace(commit))
	return r
}

func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	_, name, _ := strings.Cut(string(data), "model name\t: ")
	name, _, _ = strings.Cut(name, "\n")
	return cmp.Or(name, runtime.GOARCH)
}

func firstFields(file string, n int) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	fields := strings.Fields(string(data))
	return strings.Join(fields[:min(n, len(fields))], " ")
}

// history is the results of the latest runs, one for each number of records.
type history struct {
	Runs []*results `json:"runs"`
}

// whole gives the run of the most records among those that have measured everything, beside
// the peers. Its goals are also judged by what runs of more records have measured.
func (h *history) whole() (most *results) {
	for _, r := range h.Runs {
		if !slices.ContainsFunc(r.goals(&history{Runs: []*results{r}}), func(g goal) bool { return g.outcome() == "not measured" }) {
			most = r
		}
	}
	return most
}

// overlay gives the results with those of a later run in the place of what it measured.
func (r *results) overlay(later *results) (*results, error) {
	members := map[string]json.RawMessage{}
	for _, each := range []*results{r, later} {
		text, err := json.Marshal(each)
		if err == nil {
			err = json.Unmarshal(text, &members)
		}
		if err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	var merged results
	return &merged, json.Unmarshal(text, &merged)
}

// remember puts the run's results into the file: what was measured takes the place of
// what was known of as many records, and the rest of that stays.
func (r *results) remember(file string) (*history, error) {
	var h history
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &h)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("read results %s: %w", file, err)
	}
	at := slices.IndexFunc(h.Runs, func(o *results) bool { return o.Records == r.Records })
	if at < 0 {
		h.Runs = append(h.Runs, &results{})
		at = len(h.Runs) - 1
	}
	if h.Runs[at], err = h.Runs[at].overlay(r); err != nil {
		return nil, err
	}
	slices.SortFunc(h.Runs, func(a, b *results) int { return cmp.Compare(a.Records, b.Records) })
	text, err = json.MarshalIndent(&h, "", " ")
	if err != nil {
		return nil, err
	}
	return &h, os.WriteFile(file, append(text, '\n'), 0o644) //nolint:gosec // a document, for anyone to read
}
