package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
)

// An error within a transaction leaves nothing of it, in any table.
func TestRollback(t *testing.T) {
	ctx := context.Background()
	c := open(t, t.TempDir())
	b, s, err := writeBatch(c, 5)
	try(t, err)
	reason := errors.New("a reason")
	err = c.Write(ctx, func(tx *Tx) error {
		var names Names
		r := ended("r", 1)
		r.FarmName, r.JobID, r.JobName = "farm", "job", "job"
		names.Note(&r)
		try(t, tx.Name(ctx, &names))
		try(t, tx.PutHot(ctx, []farmtally.Record{r}))
		id, err := tx.AddSegment(ctx, &s.Info)
		try(t, err)
		try(t, tx.Drop(ctx, id, 2))
		return reason
	})
	if !errors.Is(err, reason) {
		t.Errorf("error %v", err)
	}
	for _, table := range []string{"farms", "queues", "jobs", "hot", "segments", "dropped", "drop_lists", "sealed"} {
		var n int
		try(t, c.reader.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n))
		if n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	if view, err := c.View(ctx, farmA); err != nil || view.Version != 0 {
		t.Errorf("version %d, error %v", view.Version, err)
	}
	try(t, s.Close())
	try(t, b.Close(ctx))
	if left := files(t, c, segmentFolder); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

// A view is one moment: what is written while it is held does not reach it, and a
// transaction sees its own writing.
func TestViews(t *testing.T) {
	ctx := context.Background()
	c := open(t, t.TempDir())
	a, b := ended("a", 2), ended("b", 1)
	b.Running = true
	other := ended("other", 1)
	other.FarmID = farmB
	try(t, c.Write(ctx, func(tx *Tx) error {
		if err := tx.PutHot(ctx, []farmtally.Record{a, b, other}); err != nil {
			return err
		}
		hot, err := tx.Hot(ctx, farmA, 0)
		if err != nil || !slices.Equal(hot, []farmtally.Record{b, a}) {
			t.Errorf("hot %+v, error %v", hot, err)
		}
		before, err := c.View(ctx, farmA) // another connection: the transaction has not ended
		if err != nil || len(before.Hot) != 0 {
			t.Errorf("view %+v, error %v", before, err)
		}
		return nil
	}))
	view, err := c.View(ctx, farmA)
	if err != nil || !slices.Equal(view.Hot.sorted(), []farmtally.Record{b, a}) || view.Version == 0 {
		t.Errorf("view %+v, error %v", view, err)
	}
	try(t, c.Write(ctx, func(tx *Tx) error {
		if n, stale, err := tx.CountHot(ctx, farmA); n != 1 || stale != 0 || err != nil {
			t.Errorf("%d ended, %d stale, error %v", n, stale, err)
		}
		a.Cost++
		if err := tx.PutHot(ctx, []farmtally.Record{a}); err != nil {
			return err
		}
		newer, err := tx.Hot(ctx, farmA, view.Version)
		if err != nil || !slices.Equal(newer, []farmtally.Record{a}) {
			t.Errorf("newer than %d: %+v, error %v", view.Version, newer, err)
		}
		return tx.DeleteHot(ctx, farmA, []farmtally.Record{b})
	}))
	if view, err = c.View(ctx, farmA); err != nil || !slices.Equal(view.Hot.sorted(), []farmtally.Record{a}) {
		t.Errorf("view %+v, error %v", view, err)
	}
}

// Rows that were replaced.
func TestDroppedRows(t *testing.T) {
	ctx := context.Background()
	c := open(t, t.TempDir())
	early := writeRecords(t, c, []farmtally.Record{ended("a", 1), ended("b", 5)})
	late := writeRecords(t, c, []farmtally.Record{ended("c", 5), ended("d", 9)})
	try(t, c.Write(ctx, func(tx *Tx) error {
		for _, row := range []int{1, 0, 1} {
			if err := tx.Drop(ctx, late.Info.ID, row); err != nil {
				return err
			}
		}
		if dropped, err := tx.Dropped(ctx, late.Info.ID, 1); !dropped || err != nil {
			t.Errorf("dropped %v, error %v", dropped, err)
		}
		if dropped, err := tx.Dropped(ctx, early.Info.ID, 1); dropped || err != nil {
			t.Errorf("dropped %v, error %v", dropped, err)
		}
		return nil
	}))
	view, err := c.View(ctx, farmA)
	if err != nil || len(view.Segments) != 2 || fmt.Sprint(view.Dropped) != fmt.Sprint(map[int64][]uint32{late.Info.ID: {0, 1}}) {
		t.Errorf("view %+v, error %v", view, err)
	}
}

// Two processes, and two catalogs of this one, write at once, and fold each other's
// batches: no update is lost.
func TestConcurrentWriters(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	c := open(t, dir)
	children := []*child{start(t, "count", dir), start(t, "count", dir)}
	for _, child := range children {
		try(t, child.stdin.Close())
	}
	errs := make(chan error, 2)
	go func() { errs <- addUp(ctx, c) }()
	other := open(t, dir)
	go func() { errs <- addUp(ctx, other) }()
	for range 2 {
		try(t, <-errs)
	}
	for _, child := range children {
		child.finish(t)
	}
	view, err := c.View(ctx, farmA)
	try(t, err)
	first := ended("counter", 7)
	if want := int64(4 * counts); view.Hot.Len() != 1 || int64(view.Hot.sorted()[0].Cost-first.Cost) != want {
		t.Errorf("view %+v, want a count of %d", view, want)
	}
}

// Whatever is asked with a context that has ended fails with its error, also in the
// middle of a transaction, which the ended context rolls back.
func TestEndedContext(t *testing.T) {
	c := open(t, t.TempDir())
	r := ended("r", 1)
	var names Names
	names.Note(&r)
	info := SegmentInfo{File: "f", Checksums: []uint32{1}}
	inTx := map[string]func(context.Context, *Tx) error{
		"PutHot":     func(ctx context.Context, tx *Tx) error { return tx.PutHot(ctx, []farmtally.Record{r}) },
		"DeleteHot":  func(ctx context.Context, tx *Tx) error { return tx.DeleteHot(ctx, farmA, []farmtally.Record{r}) },
		"Name":       func(ctx context.Context, tx *Tx) error { return tx.Name(ctx, &names) },
		"AddSegment": func(ctx context.Context, tx *Tx) error { _, err := tx.AddSegment(ctx, &info); return err },
		"Drop":       func(ctx context.Context, tx *Tx) error { return tx.Drop(ctx, 1, 1) },
		"DropRows": func(ctx context.Context, tx *Tx) error {
			return tx.DropRows(ctx, DroppedRows{1, []uint32{1}})
		},
		"HotSince":    func(ctx context.Context, tx *Tx) error { _, _, err := tx.HotSince(ctx, farmA, 0); return err },
		"HotBytes":    func(ctx context.Context, tx *Tx) error { _, err := tx.HotBytesSince(ctx, farmA, 0); return err },
		"LastSegment": func(ctx context.Context, tx *Tx) error { _, err := tx.LastSegment(ctx); return err },
		"Dropped":     func(ctx context.Context, tx *Tx) error { _, err := tx.Dropped(ctx, 1, 1); return err },
		"DroppedRows": func(ctx context.Context, tx *Tx) error { _, err := tx.DroppedRows(ctx, 1); return err },
		"Segments":    func(ctx context.Context, tx *Tx) error { _, err := tx.Segments(ctx, farmA); return err },
		"RemoveHot": func(ctx context.Context, tx *Tx) error {
			_, err := tx.RemoveHot(ctx, &Ended{HotRows: newHotRows(farmA, false), through: 1}, nil)
			return err
		},
		"CountHot": func(ctx context.Context, tx *Tx) error { _, _, err := tx.CountHot(ctx, farmA); return err },
		"Hot":      func(ctx context.Context, tx *Tx) error { _, err := tx.Hot(ctx, farmA, 0); return err },
		"FindHot":  func(ctx context.Context, tx *Tx) error { _, _, err := tx.FindHot(ctx, &r); return err },
		"nothing":  func(context.Context, *Tx) error { return nil },
	}
	for name, do := range inTx {
		t.Run("Tx."+name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			err := c.Write(ctx, func(tx *Tx) error {
				cancel()
				err := do(ctx, tx)
				if name != "nothing" && !errors.Is(err, context.Canceled) {
					t.Errorf("error %v", err)
				}
				return err
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("transaction: error %v", err)
			}
		})
	}
	for name, do := range catalogCalls() {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 0)
			defer cancel()
			if err := do(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, Config{Dir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: error %v", err)
	}
	if view, err := c.View(context.Background(), farmA); err != nil || view.Hot.Len()+len(view.Segments) != 0 {
		t.Errorf("view %+v, error %v", view, err)
	}
}

func catalogCalls() map[string]func(context.Context, *Catalog) error {
	a := farmtally.Aggregation{ID: resultA, Status: farmtally.InProgress}
	return map[string]func(context.Context, *Catalog) error{
		"View":  func(ctx context.Context, c *Catalog) error { _, err := c.View(ctx, farmA); return err },
		"Write": func(ctx context.Context, c *Catalog) error { return c.Write(ctx, func(*Tx) error { return nil }) },
		"Read":  func(ctx context.Context, c *Catalog) error { return c.Read(ctx, func(*Tx) error { return nil }) },
		"LookUp": func(ctx context.Context, c *Catalog) error {
			var names Names
			r := ended("r", 1)
			names.Note(&r)
			return c.LookUp(ctx, &names)
		},
		"WarmHot":      func(ctx context.Context, c *Catalog) error { return c.WarmHot(ctx, farmA) },
		"DeleteSealed": func(ctx context.Context, c *Catalog) error { return c.DeleteSealed(ctx, farmA) },
		"LastSegment":  func(ctx context.Context, c *Catalog) error { _, err := c.LastSegment(ctx); return err },
		"Farms":        func(ctx context.Context, c *Catalog) error { _, err := c.Farms(ctx); return err },
		"Farm":         func(ctx context.Context, c *Catalog) error { _, err := c.Farm(ctx, farmA); return err },
		"Queues":       func(ctx context.Context, c *Catalog) error { _, err := c.Queues(ctx, farmA); return err },
		"Fleets":       func(ctx context.Context, c *Catalog) error { _, err := c.Fleets(ctx, farmA); return err },
		"JobNames": func(ctx context.Context, c *Catalog) error {
			_, err := c.JobNames(ctx, farmA, []string{"j"})
			return err
		},
		"SetCostScale":       func(ctx context.Context, c *Catalog) error { return c.SetCostScale(ctx, farmA, 1) },
		"CreateKey":          func(ctx context.Context, c *Catalog) error { _, err := c.CreateKey(ctx, "n"); return err },
		"Keys":               func(ctx context.Context, c *Catalog) error { _, err := c.Keys(ctx); return err },
		"Key":                func(ctx context.Context, c *Catalog) error { _, err := c.Key(ctx, "k"); return err },
		"RevokeKey":          func(ctx context.Context, c *Catalog) error { return c.RevokeKey(ctx, "k") },
		"SetCard":            func(ctx context.Context, c *Catalog) error { return c.SetCard(ctx, Card{}) },
		"Card":               func(ctx context.Context, c *Catalog) error { _, err := c.Card(ctx, farmA, ""); return err },
		"Cards":              func(ctx context.Context, c *Catalog) error { _, err := c.Cards(ctx); return err },
		"BeginAggregation":   func(ctx context.Context, c *Catalog) error { return c.BeginAggregation(ctx, a, 1) },
		"FinishAggregation":  func(ctx context.Context, c *Catalog) error { return c.FinishAggregation(ctx, a) },
		"Aggregation":        func(ctx context.Context, c *Catalog) error { _, err := c.Aggregation(ctx, farmA, a.ID); return err },
		"Unfinished":         func(ctx context.Context, c *Catalog) error { _, err := c.Unfinished(ctx); return err },
		"ExpireAggregations": func(ctx context.Context, c *Catalog) error { _, err := c.ExpireAggregations(ctx, 1); return err },
		"AllSegments":        func(ctx context.Context, c *Catalog) error { _, err := c.AllSegments(ctx); return err },
		"ReadEnded":          func(ctx context.Context, c *Catalog) error { _, err := c.ReadEnded(ctx, farmA); return err },
		"TokenSecret":        func(ctx context.Context, c *Catalog) error { _, err := c.TokenSecret(ctx); return err },
		"Sweep":              func(ctx context.Context, c *Catalog) error { _, err := c.Sweep(ctx); return err },
	}
}

// Waiting for another's transaction ends with the context.
func TestWaitingEnds(t *testing.T) {
	dir := t.TempDir()
	holder, waiter := open(t, dir), open(t, dir)
	err := holder.Write(context.Background(), func(tx *Tx) error {
		r := ended("r", 1)
		if err := tx.PutHot(context.Background(), []farmtally.Record{r}); err != nil {
			return err
		}
		for _, c := range []*Catalog{holder, waiter} {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			begun := time.Now()
			if _, err := c.CreateKey(ctx, "n"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if waited := time.Since(begun); waited > busyTimeout/2 {
				t.Errorf("it waited for %s", waited)
			}
			cancel()
		}
		return nil
	})
	try(t, err)
	if _, err := waiter.CreateKey(context.Background(), "n"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
