package storage

import (
	"context"
	"fmt"
	"testing"

	"github.com/farmtally/farmtally"
)

// pushUntil pushes records, in many transactions, until the log has so many pages.
func pushUntil(t *testing.T, c *Catalog, least int) {
	t.Helper()
	for n := 0; ; {
		if pages, _, err := c.log(t.Context(), "NOOP"); err != nil || pages >= least {
			try(t, err)
			return
		}
		records := make([]farmtally.Record, 5000)
		for i := range records {
			records[i] = ended(fmt.Sprintf("%064d", n), farmtally.Instant(n))
			n++
		}
		try(t, c.Write(t.Context(), func(tx *Tx) error { return tx.PutHot(t.Context(), records) }))
	}
}

// Commits leave it to the checkpointer to copy the log, however long it is; after that it
// begins anew, and everything is there.
func TestCheckpoint(t *testing.T) {
	ctx := context.Background()
	c, err := Open(ctx, Config{Dir: t.TempDir()})
	try(t, err)
	defer func() { try(t, c.Close()) }()
	c.checkpointer.end() // the test does its work
	for range 2 {
		pushUntil(t, c, logPages)
		if pages, copied, err := c.log(ctx, "NOOP"); err != nil || pages < logPages || copied > 0 {
			t.Fatalf("of %d pages commits have copied %d, error %v", pages, copied, err)
		}
		try(t, c.checkpoint(ctx))
		if pages, copied, err := c.log(ctx, "NOOP"); err != nil || copied != pages {
			t.Fatalf("of %d pages %d were copied, error %v", pages, copied, err)
		}
		pushUntil(t, c, 1)
		before, err := c.View(ctx, ended("", 0).FarmID)
		try(t, err)
		try(t, c.Write(ctx, func(tx *Tx) error { return tx.PutHot(ctx, []farmtally.Record{ended(fmt.Sprintf("%064d", 0), 0)}) }))
		if pages, _, err := c.log(ctx, "NOOP"); err != nil || pages >= checkpointPages {
			t.Fatalf("the log goes on at %d pages, error %v", pages, err)
		}
		after, err := c.View(ctx, ended("", 0).FarmID)
		if err != nil || after.Hot.Len() != before.Hot.Len() || after.Hot.Len() < logPages {
			t.Fatalf("%d records, before %d, error %v", after.Hot.Len(), before.Hot.Len(), err)
		}
	}
}

// The log is not copied for every few pages, and does not begin anew while it is read from.
func TestCheckpointBesideReader(t *testing.T) {
	ctx := context.Background()
	c, err := Open(ctx, Config{Dir: t.TempDir()})
	try(t, err)
	defer func() { try(t, c.Close()) }()
	c.checkpointer.end() // the test does its work
	try(t, c.Write(ctx, func(tx *Tx) error { return tx.PutHot(ctx, []farmtally.Record{ended("few", 1)}) }))
	try(t, c.checkpoint(ctx))
	if pages, copied, err := c.log(ctx, "NOOP"); err != nil || pages == 0 || copied > 0 {
		t.Fatalf("of %d pages %d were copied, error %v", pages, copied, err)
	}
	reading, err := c.reader.BeginTx(ctx, nil)
	try(t, err)
	var held int
	try(t, reading.QueryRowContext(ctx, "SELECT count(*) FROM hot").Scan(&held))
	pushUntil(t, c, logPages)
	try(t, c.checkpoint(ctx))
	try(t, reading.QueryRowContext(ctx, "SELECT count(*) FROM hot").Scan(&held))
	if held != 1 {
		t.Errorf("a reader that began with one batch sees %d", held)
	}
	tried := c.checkpointer.tried
	if try(t, c.checkpoint(ctx)); tried < logPages || c.checkpointer.tried != tried {
		t.Errorf("the log was to begin anew at %d pages, and again at %d", tried, c.checkpointer.tried)
	}
	try(t, reading.Rollback())
}
