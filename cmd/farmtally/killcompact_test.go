package main

import (
	"bytes"
	"io"
	"maps"
	"strings"
	"testing"
	"time"
)

// Killed at random moments of compactions, a hundred times: after each restart every
// record is there once, as it was imported last, and no file is left over.
func TestKilledCompactions(t *testing.T) {
	kills := 100
	if testing.Short() {
		kills = 10
	}
	data := t.TempDir()
	held := map[string]int{}
	number := 0
	more := func() {
		for range 4 {
			if !killedImport(t, data, number, -1) {
				t.Fatal("an import that nobody killed failed")
			}
			apply(held, number)
			number++
		}
	}
	more()
	began := time.Now()
	if !killedCompaction(t, data, -1) {
		t.Fatal("a compaction that nobody killed failed")
	}
	typical := time.Since(began)
	ended, killed := 0, 0
	for kill := range kills {
		if kill%4 == 0 || ended > 0 && kill%2 == 0 {
			more()
		}
		after := killMoment(kill, typical)
		if killedCompaction(t, data, after) {
			ended++
		} else {
			killed++
		}
		if got := heldCosts(t, data); !maps.Equal(got, held) {
			t.Fatalf("compaction %d, killed after %s: %d records instead of %d", kill, after, len(got), len(held))
		}
		if kill%10 == 9 {
			do(t, "check", "--data", data)
		}
	}
	t.Logf("%d compactions ended, %d were killed", ended, killed)
	if killed == 0 || ended == 0 {
		t.Error("no compaction was killed, or every one")
	}
}

// killedCompaction compacts in a process of its own and kills it after a while, unless
// that is negative. It reports whether the process ended by itself.
func killedCompaction(t *testing.T, data string, after time.Duration) bool {
	t.Helper()
	cmd := command(t, "compact", "--data", data)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer killAfter(cmd, after)()
	err := cmd.Wait()
	if err != nil && !strings.Contains(err.Error(), "killed") {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return err == nil
}
