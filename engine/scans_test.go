package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// A segment is scanned in pieces where it is the only one that is not known, and not where
// there are enough of them.
func TestScansInPieces(t *testing.T) {
	ctx := t.Context()
	catalog, err := storage.Open(ctx, storage.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close() //nolint:errcheck // a test's
	e := Open(Config{Catalog: catalog, SegmentRecords: 40, Workers: 4, PieceRecords: 10})
	defer e.Close() //nolint:errcheck // a test's
	at := farmtally.Instant(0)
	farm, queue := farmtally.FarmID("farm-"+strings.Repeat("a", 32)), farmtally.QueueID("queue-"+strings.Repeat("b", 32))
	load := func(n int) {
		t.Helper()
		into, err := e.Import(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			at += 3_600_000
			r := &farmtally.Record{
				FarmID: farm, QueueID: queue, RecordID: fmt.Sprint(at), StartedAt: at, EndedAt: at + 7_200_000, RuntimeMillis: 7_200_000,
				UsageType: farmtally.Compute, Cost: 7,
			}
			if err := into.Add(ctx, r); err != nil {
				t.Fatal(errors.Join(err, into.Abort()))
			}
		}
		if _, err := into.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	// ask gives how many pieces are to be scanned, and how many segments are known.
	ask := func() (pieces, known int) {
		t.Helper()
		q := &farmtally.Query{FarmID: farm, QueueIDs: []farmtally.QueueID{queue}, GroupBy: []farmtally.Dimension{farmtally.ByQueue}, Period: farmtally.Hourly, End: 1 << 40}
		s, err := e.Snapshot(ctx, farm)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // a test's
		a := &aggregation{snapshot: s.(*snapshot), query: q, shapes: shapesOf(q)}
		for _, one := range a.scans(a.meeting(slices.Clone(a.snapshot.segments))) {
			if a.known(one.part) {
				known++
			} else {
				pieces++
			}
		}
		var samples int64
		seen, err := s.Aggregate(ctx, q, farmtally.Limits{}, nil, func(r *farmtally.Row) error {
			samples += r.Count
			return nil
		})
		if records := int64(at / 3_600_000); err != nil || seen.Records != records || samples != 2*records {
			t.Fatalf("saw %d records, %d samples of %d records, error %v", seen.Records, samples, records, err)
		}
		return pieces, known
	}
	for _, step := range []struct{ load, pieces, known int }{
		{40, 4, 0},   // one segment, four workers
		{0, 0, 1},    // it is known now
		{40, 4, 1},   // another one
		{5, 1, 2},    // too few records to be cut
		{400, 10, 3}, // ten segments: enough for all workers
	} {
		load(step.load)
		if pieces, known := ask(); pieces != step.pieces || known != step.known {
			t.Errorf("after %d more records %d pieces are scanned, %d segments are known; want %d and %d", step.load, pieces, known, step.pieces, step.known)
		}
	}
}
