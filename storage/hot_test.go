package storage

import (
	"context"
	"testing"

	"github.com/farmtally/farmtally"
)

// One by one: a new record is inserted, one of a known identity is not, and takes its
// place when it is told to; every write has a version of its own.
func TestHotWriter(t *testing.T) {
	ctx := context.Background()
	c := open(t, t.TempDir())
	a, b := ended("a", 1), ended("b", 2)
	try(t, c.Write(ctx, func(tx *Tx) error {
		w, err := tx.WriteHot(ctx)
		try(t, err)
		for _, r := range []farmtally.Record{a, b} {
			if ok, err := w.Insert(ctx, &r); !ok || err != nil {
				t.Errorf("%s is not inserted, error %v", r.RecordID, err)
			}
		}
		again := a
		again.Cost++
		if ok, err := w.Insert(ctx, &again); ok || err != nil {
			t.Errorf("a is inserted twice, error %v", err)
		}
		if old, found, err := w.Find(ctx, &again); !found || err != nil || old != a {
			t.Errorf("found %+v, %t, error %v", old, found, err)
		}
		a = again
		try(t, w.Replace(ctx, &a))
		none := ended("none", 3)
		if _, found, err := w.Find(ctx, &none); found || err != nil {
			t.Errorf("found %t, error %v", found, err)
		}
		return w.Close(ctx)
	}))
	version, hot, err := c.EndedHot(ctx, farmA, 10)
	if err != nil || version != 3 || len(hot) != 2 || hot[0].Record != a || hot[0].Version != 3 || hot[1].Version != 2 {
		t.Errorf("version %d, hot %+v, error %v", version, hot, err)
	}
}

// What was read at a version goes whole, or not at all where anything was written since.
func TestDeleteEnded(t *testing.T) {
	ctx := context.Background()
	a, b, running := ended("a", 1), ended("b", 2), ended("running", 3)
	running.Running = true
	for name, since := range map[string]struct {
		do    func(*Tx) error
		whole bool
	}{
		"nothing":       {func(*Tx) error { return nil }, true},
		"another came":  {func(tx *Tx) error { return tx.PutHot(ctx, []farmtally.Record{ended("c", 1)}) }, true},
		"one ended":     {func(tx *Tx) error { r := running; r.Running = false; return tx.PutHot(ctx, []farmtally.Record{r}) }, true},
		"one replaced":  {func(tx *Tx) error { return tx.PutHot(ctx, []farmtally.Record{a}) }, false},
		"one removed":   {func(tx *Tx) error { return tx.DeleteHot(ctx, &b) }, false},
		"removed, came": {func(tx *Tx) error { try(t, tx.DeleteHot(ctx, &b)); return tx.PutHot(ctx, []farmtally.Record{b}) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, t.TempDir())
			try(t, c.Write(ctx, func(tx *Tx) error { return tx.PutHot(ctx, []farmtally.Record{a, b, running}) }))
			version, hot, err := c.EndedHot(ctx, farmA, 10)
			try(t, err)
			try(t, c.Write(ctx, since.do))
			before, err := c.CountEnded(ctx, farmA)
			try(t, err)
			try(t, c.Write(ctx, func(tx *Tx) error {
				whole, err := tx.DeleteEnded(ctx, farmA, version, len(hot))
				if whole != since.whole {
					t.Errorf("whole is %t", whole)
				}
				return err
			}))
			want := before
			if since.whole {
				want -= 2
			}
			if n, err := c.CountEnded(ctx, farmA); n != want || err != nil {
				t.Errorf("%d are left, want %d, error %v", n, want, err)
			}
		})
	}
}
