package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// A push that replaces rows of segments that another process has written has opened and
// verified these, and no others, before its transaction begins, for which others would wait.
func TestPushReadsAhead(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	e, another := open(t, dir), open(t, dir)
	records := plainRecords(15)
	imported(t, another, records, 5)
	holder, err := storage.Open(ctx, storage.Config{Dir: dir})
	try(t, err)
	defer func() { try(t, holder.Close()) }()
	done := make(chan error, 1)
	try(t, holder.Write(ctx, func(*storage.Tx) error {
		changed := append([]farmtally.Record(nil), records[3:8]...)
		for i := range changed {
			changed[i].Cost++
		}
		go func() {
			_, err := e.Append(ctx, changed)
			done <- err
		}()
		for range 60_000 { // a minute at least: it waits for ever if it opens them later
			if e.VerifiedSegments() == 2 || len(done) > 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if n := e.VerifiedSegments(); n != 2 {
			t.Errorf("%d segments are verified", n)
		}
		return nil
	}))
	try(t, <-done)
	if n := e.VerifiedSegments(); n != 2 {
		t.Errorf("%d segments are verified in the end", n)
	}
	try(t, countOnce(ctx, e, records[0].FarmID))
}
