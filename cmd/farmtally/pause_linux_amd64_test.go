package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/farmtally/farmtally/ingest"
)

// The server of the test seals pausedSeal records at once, and gets batches of as many as
// pushBatch has: pausedPushes of them, and more until it has stood still before all of
// pausedBefore, at most pausedMost. What it holds back, it holds back at four times
// pausedSeal, which is more than pushes and probes have ids.
const (
	pausedSeal   = 2000
	pausedPushes = 140
	pausedMost   = 1000
)

// pausedBefore is what a server's background does to files.
var pausedBefore = []string{
	"make segment", "write segment", "sync segment", "sync segments", "unmap segment", "remove segment",
	"make batch lock", "remove batch lock", "make compact.lock",
}

// endless is how long a push or a question may take while the server's work in the
// background stands still: if it waits for that, it would take for ever.
const endless = time.Minute

// pausing stops a server's work in the background before each thing that it does to a
// file, and pushes and asks while it stands still.
type pausing struct {
	t    *testing.T
	data string

	mu       sync.Mutex
	pid      int
	url      string
	sender   *sender // nil until the server answers
	number   int     // of the push
	met      map[string]int
	err      error
	standing chan struct{} // full while the server stands still
}

// background reports whether an operation is one of a seal's or a compaction's. Those of
// the catalog are those of pushes too, and end in a moment that a push may have to wait.
func background(what string) bool {
	_, of, _ := strings.Cut(what, " ")
	return of == "segment" || of == "segments" || of == "batch lock" || of == "compact.lock"
}

// at is the traced server's pause.
func (p *pausing) at(what string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sender == nil || p.err != nil || !background(what) {
		return nil
	}
	p.met[what]++
	goOn := make(chan struct{})
	p.standing <- struct{}{}
	go func() {
		defer func() { <-p.standing }()
		err := p.probe()
		p.mu.Lock()
		if err != nil && p.err == nil {
			p.err = fmt.Errorf("while the server stands before it would %s: %w", what, err)
		}
		p.mu.Unlock()
		close(goOn)
		_ = syscall.Kill(p.pid, syscall.SIGURG) // which means nothing, but that the tracer looks
	}()
	return goOn
}

// probeRow is the record of a probe.
func probeRow(number, cost int) []byte {
	return fmt.Appendf(nil, `{"recordId":"probe%d","queueId":"q","usageType":"COMPUTE","costInUsd":%d,"startedAt":"2026-01-02T00:00:00Z","endedAt":"2026-01-02T01:00:00Z"}`+"\n", number, cost)
}

// probe pushes a record and asks for all.
func (p *pausing) probe() error {
	p.mu.Lock()
	p.number++
	row := probeRow(p.number, 1)
	p.mu.Unlock()
	ctx, stop := context.WithTimeout(context.Background(), endless)
	defer stop()
	if _, err := p.sender.send(ctx, row); err != nil {
		return fmt.Errorf("push a record: %w", err)
	}
	got := invocation{ctx: ctx}.run(p.t, "stats", "--endpoint", p.url, "--farm", "studio", "--from", "2026-01-01", "--to", "2026-01-03", "--output", "csv")
	if got.code != exitDone {
		return errors.New("ask: " + got.stderr)
	}
	return nil
}

// pushes is the server's client, until all is pushed or something is wrong.
func (p *pausing) pushes(out io.Reader) error {
	line, err := bufio.NewReader(out).ReadString('\n')
	found := servedAt.FindStringSubmatch(line)
	if found == nil {
		return fmt.Errorf("serve says %q: %w", line, err)
	}
	farm, err := (&pushOptions{farm: "studio", kind: ingest.DefaultKind, batch: 1, atOnce: 1}).target()
	if err != nil {
		return err
	}
	s, err := (&program{stderr: io.Discard}).newSender(context.Background(), found[1], farm, 0)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.url, p.sender = found[1], s
	p.mu.Unlock()
	for number := 1; number <= pausedMost; number++ {
		missing, failed := p.missing()
		if failed != nil {
			return failed
		}
		if number > pausedPushes && len(missing) == 0 {
			return nil
		}
		if _, err := s.send(context.Background(), pushBatch(number)); err != nil {
			_, failed := p.missing() // a push of the test waits as long as a probe does, and then has no answer
			return errors.Join(failed, err)
		}
		p.standing <- struct{}{} // once it goes on
		<-p.standing
	}
	return nil
}

// missing is before what the server has not stood still yet, and what went wrong.
func (p *pausing) missing() (what []string, failed error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(pausedBefore), func(what string) bool { return p.met[what] > 0 }), p.err
}

// A server's seals and compactions are stopped before each thing that they do to a file,
// outside of their transactions: before they make, write, cut, sync, unmap or remove one.
// While one stands still a record is pushed and a question answered. So nothing that a push
// or a question needs is held while the disk is waited for, however long that takes.
func TestNothingWaitsForTheBackground(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base")
	do(t, "import", "ndjson", "--data", base, "--farm", "studio", writeFile(t, "base.ndjson", string(pushBatch(0))))
	t.Setenv(sealAt, fmt.Sprint(pausedSeal))
	standardAWS(t, newKey(t, base))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := &pausing{t: t, data: base, met: map[string]int{}, standing: make(chan struct{}, 1)}
	tr := &traced{data: base, pause: p.at}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close() //nolint:errcheck // it is only read
	cmd := command(t, "serve", "--data", base, "--listen", "localhost:0")
	cmd.Stdout = in
	done := make(chan error, 1)
	tr.run(cmd, func(pid int) {
		_ = in.Close() // the child has it
		p.pid = pid
		go func() {
			err := p.pushes(out)
			_ = syscall.Kill(pid, syscall.SIGKILL)
			done <- err
		}()
	})
	tr.check(t)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	p.standing <- struct{}{}
	t.Logf("stood still before: %v", p.met)
	if missing, _ := p.missing(); len(missing) > 0 {
		t.Errorf("it never stood still before: %s", strings.Join(missing, ", "))
	}
}

// An import of another process is stopped before each thing that it does to a file outside
// of its transaction. While it stands still a server takes a record that replaces one of
// those that the import brings, and answers a question; the import's counts in the end.
func TestNothingWaitsForAnImport(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base")
	do(t, "import", "ndjson", "--data", base, "--farm", "studio", writeFile(t, "base.ndjson", string(pushBatch(0))))
	standardAWS(t, newKey(t, base))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := &pausing{t: t, data: base, met: map[string]int{}, standing: make(chan struct{}, 1), url: serve(t, base).url}
	farm, err := (&pushOptions{farm: "studio", kind: ingest.DefaultKind, batch: 1, atOnce: 1}).target()
	if err != nil {
		t.Fatal(err)
	}
	if p.sender, err = (&program{stderr: io.Discard}).newSender(t.Context(), p.url, farm, 0); err != nil {
		t.Fatal(err)
	}
	rows := pushBatch(0)
	for probe := 1; probe <= 100; probe++ {
		rows = append(rows, probeRow(probe, 2)...)
	}
	tr := &traced{data: base, pause: p.at}
	cmd := command(t, "import", "ndjson", "--data", base, "--farm", "studio", writeFile(t, "again.ndjson", string(rows)))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	tr.run(cmd, func(pid int) { p.pid = pid })
	tr.check(t)
	p.standing <- struct{}{}
	t.Logf("stood still before: %v", p.met)
	if p.err != nil {
		t.Fatal(p.err)
	}
	for _, what := range []string{"make batch lock", "make segment", "write segment", "sync segment", "sync segments", "remove batch lock"} {
		if p.met[what] == 0 {
			t.Errorf("it never stood still before it would %s: %s", what, stderr.String())
		}
	}
	held := heldCosts(t, base)
	after := p.met["unmap segment"] + p.met["remove batch lock"] // what it does when it has been committed
	for probe := 1; probe <= p.number-after; probe++ {
		if cost := held[fmt.Sprint("probe", probe)]; cost != 2 {
			t.Errorf("probe %d costs %d", probe, cost)
		}
	}
}
