package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
)

func sweep(t *testing.T, c *Catalog, want int) {
	t.Helper()
	if removed, err := c.Sweep(context.Background()); err != nil || removed != want {
		t.Errorf("%d files removed, error %v; want %d", removed, err, want)
	}
}

// A batch of a process that lives is left alone; once the process has crashed, its
// files go.
func TestSweepOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	lives, crashes := start(t, "batch", dir), start(t, "batch", dir)
	sweep(t, c, 0)
	if n := len(files(t, c, segmentFolder)); n != 4 {
		t.Fatalf("%d files, want two segments and two locks", n)
	}
	crashes.kill(t)
	sweep(t, c, 2)
	sweep(t, c, 0)
	lives.finish(t)
	if left := files(t, c, segmentFolder); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

// A batch of this process is left alone too, and what the catalog knows stays for
// ever.
func TestSweepOfThisProcess(t *testing.T) {
	ctx := context.Background()
	c := open(t, t.TempDir())
	kept, s, err := writeBatch(c, 10)
	try(t, err)
	given, u, err := writeBatch(c, 10)
	try(t, err)
	sweep(t, c, 0)
	try(t, c.Write(ctx, func(tx *Tx) error { _, err := tx.AddSegment(ctx, &s.Info); return err }))
	sweep(t, c, 0)
	try(t, kept.Close(ctx))
	try(t, given.Close(ctx))
	try(t, u.Close())
	try(t, s.Close())
	if left := files(t, c, segmentFolder); !slices.Equal(left, []string{s.Info.File}) {
		t.Errorf("%v are left, want %s", left, s.Info.File)
	}
	sweep(t, c, 0)
}

// What a crash leaves in any state goes: a lock without a segment, a segment without
// a lock, one that was cut off, results of aggregations that are gone. What is not
// farmtally's stays.
func TestSweepOfStrays(t *testing.T) {
	ctx := context.Background()
	c := open(t, t.TempDir())
	a := aggregation(1, farmA, 1000)
	a.ID = resultA
	try(t, c.BeginAggregation(ctx, a, 1))
	commitResult(t, c, someRows(2))
	for _, name := range []string{
		"segments/0123456789abcdef.lock", "segments/1123456789abcdef-0001.arrow", "segments/1123456789abcdef-0002.arrow",
		"results/00000000000000000000000000000001.rows", "results/00000000000000000000000000000001.index",
		"results/00000000000000000000000000000002.rows",
		"segments/notes.txt", "segments/mine.arrow", "results/notes.txt",
	} {
		try(t, os.WriteFile(filepath.Join(c.Dir(), name), []byte("ARROW1"), 0o600))
	}
	sweep(t, c, 6)
	if left := files(t, c, segmentFolder); !slices.Equal(left, []string{"mine.arrow", "notes.txt"}) {
		t.Errorf("%v are left", left)
	}
	if left := files(t, c, resultFolder); !slices.Equal(left, []string{resultA + indexSuffix, resultA + rowsSuffix, "notes.txt"}) {
		t.Errorf("%v are left", left)
	}
	_, err := c.ExpireAggregations(ctx, 2000)
	try(t, err)
	sweep(t, c, 2)
}

// A sweep may hold the lock of an id for a moment: the batch takes another.
func TestBatchMeetsSweep(t *testing.T) {
	c := open(t, t.TempDir())
	swept, err := lockFile(c.SegmentPath("held"+lockSuffix), "a sweep")
	try(t, err)
	tried := 0
	b, err := c.beginBatch(func() string {
		tried++
		return []string{"held", "held", "free"}[tried-1]
	})
	try(t, err)
	if b.id != "free" {
		t.Errorf("batch %s", b.id)
	}
	try(t, b.Close(context.Background()))
	_, err = c.beginBatch(func() string { return "held" })
	wantKind(t, err, farmtally.Unavailable)
	if !strings.HasSuffix(err.Error(), "held.lock is held by a sweep") {
		t.Errorf("error %v", err)
	}
	swept.Release(true)
}

func TestBatchesAndSweepsAtOnce(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	c, other := open(t, dir), open(t, dir)
	var work sync.WaitGroup
	for range 2 {
		work.Go(func() {
			for range 20 {
				b, s, err := writeBatch(c, 3)
				if err != nil {
					t.Error(err)
					return
				}
				err = c.Write(ctx, func(tx *Tx) error { _, err := tx.AddSegment(ctx, &s.Info); return err })
				if err != nil || s.Close() != nil || b.Close(ctx) != nil {
					t.Errorf("segment not added: %v", err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			if _, err := other.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	all, err := c.AllSegments(ctx)
	if left := files(t, c, segmentFolder); err != nil || len(all) != 40 || len(left) != 40 {
		t.Errorf("%d segments, %d files, error %v", len(all), len(left), err)
	}
}

// A disk that is full: a segment that did not fit leaves nothing, neither do hot
// records, and once there is room the folder goes on.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	c := start(t, "full", dir)
	folder := open(t, dir)
	if left := files(t, folder, segmentFolder); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
	if view, err := folder.View(context.Background(), farmA); err != nil || view.Hot.Len() != 0 {
		t.Errorf("%d hot records are left, error %v", view.Hot.Len(), err)
	}
	c.finish(t)
	if view, err := folder.View(context.Background(), farmA); err != nil || view.Hot.Len() != 1 {
		t.Errorf("%d hot records afterwards, error %v", view.Hot.Len(), err)
	}
}

// A commit that failed in the middle of a sync may count after a crash all the same.
// Files that it made known go only once another commit has taken its place.
func TestFilesOfADoubtfulCommit(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	c, other := open(t, dir), open(t, dir)
	b, s, err := writeBatch(c, 3)
	try(t, err)
	try(t, s.Close())
	c.doubt.Store(true)
	try(t, other.Write(ctx, func(*Tx) error { // no commit can be made now
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		if err := c.removeStray(short, b.files); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		return nil
	}))
	if left := files(t, c, segmentFolder); len(left) != 2 || !c.doubt.Load() {
		t.Errorf("%v are left", left)
	}
	try(t, b.Close(ctx))
	if left := files(t, c, segmentFolder); len(left) != 0 || c.doubt.Load() {
		t.Errorf("%v are left", left)
	}
}
