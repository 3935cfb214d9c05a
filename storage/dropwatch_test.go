package storage

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/farmtally/farmtally"
)

// A watch has what this process drops, once it is committed, and no earlier; and it says
// that it does not know where another process has written.
func TestDropWatch(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	mine, err := Open(ctx, Config{Dir: dir})
	try(t, err)
	defer func() { try(t, mine.Close()) }()
	another, err := Open(ctx, Config{Dir: dir})
	try(t, err)
	defer func() { try(t, another.Close()) }()
	replace := func(c *Catalog, row int) error {
		return c.Write(ctx, func(tx *Tx) error {
			if err := tx.Drop(ctx, 7, row); err != nil {
				return err
			}
			return tx.PutHot(ctx, []farmtally.Record{ended("x", farmtally.Instant(row))})
		})
	}
	try(t, replace(another, 1))
	try(t, replace(mine, 2))
	w, err := mine.WatchDrops(ctx)
	try(t, err)
	see := func(wantKnown bool, want ...int) {
		t.Helper()
		try(t, mine.Write(ctx, func(tx *Tx) error {
			rows, known, err := tx.DroppedSince(ctx, w)
			var got []int
			for _, d := range rows {
				for _, row := range d.Rows {
					got = append(got, int(row))
				}
			}
			if err != nil || known != wantKnown || !slices.Equal(got, want) {
				t.Errorf("rows %v, known %t, error %v; want %v, %t", rows, known, err, want, wantKnown)
			}
			return nil
		}))
	}
	see(true)
	try(t, replace(mine, 3))
	failed := errors.New("not this one")
	if err := mine.Write(ctx, func(tx *Tx) error { return errors.Join(tx.Drop(ctx, 7, 4), failed) }); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	see(true, 3)
	try(t, replace(another, 5))
	see(false, 3)
	w.End()
	try(t, replace(mine, 6))
	if len(w.rows) != 1 || len(mine.watches) > 0 {
		t.Errorf("a watch that has ended has %v; there are %d", w.rows, len(mine.watches))
	}
	if w, err = mine.WatchDrops(ctx); err != nil {
		t.Fatal(err)
	}
	see(true)
	w.End()
}
