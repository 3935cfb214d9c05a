package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/storage"
)

// Pushes write the ids of a small ring again and again, so that most rows replace
// others: rows of an import, hot ones, running ones.
const (
	pushRing = 5000
	pushRows = 200
)

// pushBatch is the NDJSON of one batch. The batch's number is each record's cost. A
// record's identity depends on its id alone, and every third is still running in
// every other batch.
func pushBatch(number int) []byte {
	var b bytes.Buffer
	for i := range pushRows {
		id := (number*pushRows/2 + i) % pushRing
		end := `,"endedAt":"2026-01-01T23:59:00Z"`
		if number%2 == 0 && id%3 == 0 {
			end = ""
		}
		fmt.Fprintf(&b, `{"recordId":"r%d","queueId":"q","usageType":"COMPUTE","costInUsd":%d,"startedAt":"2026-01-01T%02d:00:00Z"%s}`+"\n",
			id, number, id%23, end)
	}
	return b.Bytes()
}

func applyPush(held map[string]int, number int) {
	for i := range pushRows {
		held[fmt.Sprintf("r%d", (number*pushRows/2+i)%pushRing)] = number
	}
}

// The server is killed at random moments of pushes, a hundred times: after each
// restart every acknowledged row is there once, as it was acknowledged last, and of the
// batch that was on its way all rows or none. Every few batches fill the hot part, so that
// kills meet sealing at any point of it.
func TestKilledPushes(t *testing.T) {
	kills := 100
	if testing.Short() {
		kills = 10
	}
	data := filepath.Join(t.TempDir(), "data")
	do(t, "import", "ndjson", "--data", data, "--farm", "studio", writeFile(t, "base.ndjson", string(pushBatch(0))))
	t.Setenv(sealAt, "300")
	held := map[string]int{}
	applyPush(held, 0)
	standardAWS(t, newKey(t, data))
	number, acknowledged, silent, lost := 1, 0, 0, 0
	for kill := range kills {
		first := number
		number = killedPush(t, data, number, kill)
		acknowledged += number - first
		for n := first; n < number; n++ {
			applyPush(held, n)
		}
		with := maps.Clone(held)
		applyPush(with, number)
		switch got := heldCosts(t, data); {
		case maps.Equal(got, held):
			lost++
		case maps.Equal(got, with):
			silent++
			held = with
			number++
		default:
			t.Fatalf("after the batches %d to %d were acknowledged: %d records, neither the %d acknowledged nor those and batch %d",
				first, number-1, len(got), len(held), number)
		}
	}
	rows := sealed(t, data)
	t.Logf("%d kills: %d batches acknowledged, %d durable before they were acknowledged, %d kills with no such batch, %d rows in segments",
		kills, acknowledged, silent, lost, rows)
	if rows <= pushRows && !testing.Short() {
		t.Error("nothing was sealed")
	}
	if acknowledged == 0 || lost == 0 {
		t.Error("no batch was acknowledged, or none was lost")
	}
}

// sealed is the number of rows in segments. More than the import's can be there by
// sealing alone: compacting, which the server does too, adds none.
func sealed(t *testing.T, data string) (rows int64) {
	t.Helper()
	catalog, err := storage.Open(t.Context(), storage.Config{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close() //nolint:errcheck // it was only read
	segments, err := catalog.AllSegments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range segments {
		rows += segments[i].Records
	}
	return rows
}

// killedPush serves the folder in a process of its own and pushes batches, from the
// number on, until it is killed: of three times once before a batch is sent, once some
// time after one was acknowledged, and once at any moment. It gives the number of the
// first batch that was not acknowledged.
func killedPush(t *testing.T, data string, number, kill int) int {
	t.Helper()
	served := serve(t, data)
	p := &program{stderr: io.Discard}
	farm, err := (&pushOptions{farm: "studio", kind: ingest.DefaultKind, batch: 1, atOnce: 1}).target()
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.newSender(context.Background(), served.url, farm, 0)
	if err != nil {
		t.Fatal(err)
	}
	moment := rand.N(300 * time.Millisecond)
	timer := time.AfterFunc(time.Hour, func() { _ = served.Process.Kill() })
	defer timer.Stop()
	switch kill % 3 {
	case 0:
		_ = served.Process.Kill()
	case 1:
		timer.Reset(moment)
	}
	for first := number; ; number++ {
		if kill%3 == 2 && number == first+1 {
			timer.Reset(moment)
		}
		result, err := s.send(t.Context(), pushBatch(number))
		if err != nil {
			break
		}
		if result.Records != pushRows {
			t.Fatalf("batch %d: %+v", number, result)
		}
	}
	if err := served.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the server ended by itself: %v\n%s", err, served.stderr)
	}
	return number
}
