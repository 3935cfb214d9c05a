package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/storage"
)

// Each killed import brings rows of three farms; half of them replace rows of the
// import before, so that a half-done import would show as a loss or as a double.
const (
	killFarms = 3
	killRows  = 6000
)

// killBatch is the NDJSON of one import. The batch's number is each record's cost.
func killBatch(number int) string {
	var b strings.Builder
	for i := range killRows {
		id := number*killRows/2 + i
		fmt.Fprintf(&b, `{"recordId":"r%d","farmId":"farm%d","queueId":"q","usageType":"COMPUTE","costInUsd":%d,`+
			`"startedAt":"2026-01-01T%02d:00:00Z","endedAt":"2026-01-01T23:59:00Z"}`+"\n", id, id%killFarms, number, id%23)
	}
	return b.String()
}

// apply brings a batch to what a folder ought to hold.
func apply(held map[string]int, number int) {
	for i := range killRows {
		held[fmt.Sprintf("r%d", number*killRows/2+i)] = number
	}
}

// heldCosts reads what the folder holds after a restart, and fails where a record is
// there twice, a segment is damaged or a stray file is left.
func heldCosts(t *testing.T, data string) map[string]int {
	t.Helper()
	ctx := context.Background()
	catalog, err := storage.Open(ctx, storage.Config{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close() //nolint:errcheck // it is only read
	if _, err := catalog.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	e := engine.Open(engine.Config{Catalog: catalog})
	defer e.Close() //nolint:errcheck // it is only read
	held := map[string]int{}
	farms, err := catalog.Farms(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, farm := range farms {
		s, err := e.Snapshot(ctx, farm.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // it only reads
		err = s.Records(ctx, func(r *farmtally.Record) error {
			id := strings.Clone(r.RecordID)
			if _, twice := held[id]; twice {
				t.Errorf("record %s is there twice", id)
			}
			held[id] = int(r.Cost / 1_000_000_000)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	noStrays(t, catalog, data)
	return held
}

// noStrays fails where segments/ has a file that the catalog does not know.
func noStrays(t *testing.T, catalog *storage.Catalog, data string) {
	t.Helper()
	known, err := catalog.AllSegments(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(data, "segments"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(known) {
		t.Errorf("%d files in segments/, and the catalog knows %d", len(files), len(known))
	}
}

// equal reports whether two folders' contents are the same.
func equal(a, b map[string]int) bool {
	if len(a) != len(b) {
		return false
	}
	for id, number := range a {
		if b[id] != number {
			return false
		}
	}
	return true
}

// Killed at random moments of imports, a hundred times: after each restart every
// acknowledged record is there once, and no other but those of an import that was
// killed after it had become durable and before it could say so; these whole.
func TestKilledImports(t *testing.T) {
	kills := 100
	if testing.Short() {
		kills = 10
	}
	data := t.TempDir()
	held := map[string]int{}
	start := time.Now()
	whole := killedImport(t, data, 0, -1)
	typical := time.Since(start)
	if !whole {
		t.Fatal("the first import, which nobody killed, failed")
	}
	apply(held, 0)
	acknowledged, silent, lost := 0, 0, 0
	for number := 1; number <= kills; number++ {
		after := killMoment(number, typical)
		done := killedImport(t, data, number, after)
		got := heldCosts(t, data)
		with := make(map[string]int, len(held))
		for id, n := range held {
			with[id] = n
		}
		apply(with, number)
		switch {
		case done && equal(got, with):
			acknowledged++
			held = with
		case !done && equal(got, with):
			silent++
			held = with
		case !done && equal(got, held):
			lost++
		default:
			t.Fatalf("import %d, killed after %s, acknowledged %v: %d records, neither the %d before nor the %d after",
				number, after, done, len(got), len(held), len(with))
		}
	}
	t.Logf("%d imports: %d acknowledged, %d durable before they could say so, %d killed before they were durable",
		kills, acknowledged, silent, lost)
	if lost == 0 || acknowledged == 0 {
		t.Error("no import was killed, or none was left alone")
	}
}

// killMoment is how long a process may run before it is killed: of ten one is not killed
// at all, one as soon as it has begun, and the others at any moment.
func killMoment(number int, typical time.Duration) time.Duration {
	switch number % 10 {
	case 0:
		return -1
	case 1:
		return 0
	default:
		return time.Duration(rand.Int64N(int64(typical * 3 / 2)))
	}
}

// killedImport imports a batch in a process of its own and kills it after a while,
// unless that is negative. It reports whether the import said that it was done.
func killedImport(t *testing.T, data string, number int, after time.Duration) (done bool) {
	t.Helper()
	cmd := command(t, "import", "ndjson", "--data", data, "-")
	cmd.Stdin = strings.NewReader(killBatch(number))
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer killAfter(cmd, after)()
	err := cmd.Wait()
	return err == nil && strings.Contains(stdout.String(), "accepted")
}

// killAfter kills a process after a while, unless that is negative or the process ends
// before; after none, at once. The caller calls stop when it has ended.
func killAfter(cmd *exec.Cmd, after time.Duration) (stop func()) {
	kill := func() { _ = cmd.Process.Kill() } // it may have ended
	switch {
	case after < 0:
		return func() {}
	case after == 0:
		kill()
		return func() {}
	}
	timer := time.AfterFunc(after, kill)
	return func() { timer.Stop() }
}
