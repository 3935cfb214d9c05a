package paginate_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/paginate"
)

const (
	millionRows = 1_000_000
	pageRows    = 1000
	// mostGrowth is how much more a pass may hold at its end than at its beginning.
	mostGrowth = 1 << 20
)

func heapBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// growth is how much the heap grows from the hundredth page to the last, as each
// page calls it.
type growth struct {
	pages       int
	early, most int64
}

func (g *growth) page() {
	switch g.pages++; {
	case g.pages == 100:
		g.early = heapBytes()
	case g.pages%100 == 0:
		g.most = max(g.most, heapBytes()-g.early)
	}
}

func (g *growth) check(t *testing.T, rows int) {
	t.Helper()
	t.Logf("%d rows, %d pages, %d bytes more at most", rows, g.pages, g.most)
	if rows != millionRows || g.pages != millionRows/pageRows {
		t.Errorf("%d rows of %d pages", rows, g.pages)
	}
	if g.most > mostGrowth {
		t.Errorf("the heap grew by %d bytes", g.most)
	}
}

type millionRequest struct{ NextToken *string }

type millionRow struct {
	Name *string
	Cost float64
}

type millionPage struct {
	Rows      []millionRow
	NextToken *string
}

var millionRule = paginate.Rule{InputTokens: []string{"nextToken"}, OutputTokens: []string{"nextToken"}, ResultKeys: []string{"rows"}}

// aMillion is an operation of a million rows; it calls each for every page.
func aMillion(each func()) *paginate.Pages[*millionRequest, *millionPage] {
	call := func(_ context.Context, in *millionRequest) (*millionPage, error) {
		each()
		from := 0
		if in.NextToken != nil {
			from, _ = strconv.Atoi(*in.NextToken)
		}
		page := &millionPage{Rows: make([]millionRow, pageRows)}
		for i := range page.Rows {
			page.Rows[i] = millionRow{Name: new(strconv.Itoa(from + i)), Cost: 0.5}
		}
		if to := from + pageRows; to < millionRows {
			page.NextToken = new(strconv.Itoa(to))
		}
		return page, nil
	}
	return paginate.Must(paginate.New(millionRule, call)).Paginate(nil, paginate.Options{})
}

func TestAMillionRowsNeedConstantMemory(t *testing.T) {
	var g growth
	rows := 0
	for row, err := range paginate.Items[millionRow](t.Context(), aMillion(g.page)) {
		if err != nil || *row.Name != strconv.Itoa(rows) {
			t.Fatalf("row %d is %s, %v", rows, *row.Name, err)
		}
		rows++
	}
	g.check(t, rows)
}

func TestAMillionRowsAreSearchedInConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a million rows as documents take some seconds")
	}
	var g growth
	rows := 0
	for _, err := range aMillion(g.page).Search(t.Context(), "rows[?cost == `0.5`].name") {
		if err != nil {
			t.Fatal(err)
		}
		rows++
	}
	g.check(t, rows)
}

// TestReadmeProgram runs the README's program, with AWS's client over HTTP, on a
// million rows, and looks at what its garbage collector reports.
func TestReadmeProgram(t *testing.T) {
	rows := millionRows
	if testing.Short() {
		rows /= 20
	}
	program, err := os.ReadFile("testdata/million/main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```go\n"+string(program)+"```\n") {
		t.Error("README.md has not the program of testdata/million")
	}
	if lines := strings.Count(string(program), "\n"); lines > 25 {
		t.Errorf("the program has %d lines", lines)
	}
	said, traces := runReadme(t, rows)
	if !strings.Contains(said, fmt.Sprintf("%d rows", rows)) {
		t.Errorf("the program said %s", said)
	}
	quarter := len(traces) / 4
	early, late := median(traces[quarter:2*quarter]), median(traces[3*quarter:])
	t.Logf("live heap of %d collections: %d MB early, %d MB late", len(traces), early, late)
	if late > early+4 {
		t.Errorf("the live heap grew from %d MB to %d MB", early, late)
	}
}

func median(values []int) int {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

var traceLine = regexp.MustCompile(`(?m)^gc \d+ .* \d+->\d+->(\d+) MB.*\n`)

// runReadme gives what the program said, and its live heap after each collection,
// in MB.
func runReadme(t *testing.T, rows int) (string, []int) {
	t.Helper()
	farm := newFarm(rows)
	defer farm.Close()
	bin := filepath.Join(t.TempDir(), "million")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./testdata/million").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), bin, "farm-0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef")
	cmd.Env = []string{
		"HOME=" + t.TempDir(), "AWS_REGION=us-west-2", "AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=example",
		"AWS_ENDPOINT_URL_DEADLINE=http://farm.test", "HTTP_PROXY=" + farm.URL, "GODEBUG=gctrace=1",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, traceLine.ReplaceAllString(string(out), ""))
	}
	var traces []int
	for _, found := range traceLine.FindAllStringSubmatch(string(out), -1) {
		live, err := strconv.Atoi(found[1])
		if err != nil {
			t.Fatal(err)
		}
		traces = append(traces, live)
	}
	if len(traces) < 4 {
		t.Fatalf("%d collections", len(traces))
	}
	return traceLine.ReplaceAllString(string(out), ""), traces
}
