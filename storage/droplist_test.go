package storage

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// Runs give back the rows that they were made of, in a form of few bytes where rows follow
// one another.
func TestRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := slices.Collect(maps.Keys(rapid.MapOfN(rapid.Uint32Range(0, 200), rapid.Just(true), 0, 150).Draw(t, "rows")))
		rows = append(rows, rapid.SliceOfN(rapid.Uint32Range(SegmentRecords-3, SegmentRecords-1), 0, 3).Draw(t, "last")...)
		slices.Sort(rows)
		rows = slices.Compact(rows)
		body := appendRuns(nil, rows)
		var got []uint32
		runs := 0
		if err := decodeRuns(body, func(from, to uint32) {
			runs++
			for ; from < to; from++ {
				got = append(got, from)
			}
		}); err != nil || !slices.Equal(got, rows) {
			t.Fatalf("%v became %v, error %v", rows, got, err)
		}
		if len(body) > 6*runs {
			t.Fatalf("%d bytes for %d runs", len(body), runs)
		}
	})
	for _, bad := range [][]byte{{1}, {0, 0x80}, {0x80, 0x80, 0x80, 0x80, 0x10, 1}, {1, 0x80, 0x80, 0x40}, appendRuns(nil, []uint32{SegmentRecords})} {
		if err := decodeRuns(bad, func(uint32, uint32) {}); farmtally.KindOf(err) != farmtally.Corrupt {
			t.Errorf("%x: error %v", bad, err)
		}
	}
}

// dropModel drops rows by two catalogs of one folder, as two processes would.
type dropModel struct {
	catalogs [2]*Catalog
	segments []int64
	want     map[int64]map[uint32]bool
}

// drop drops some rows in one transaction, one by one or as lists, and looks at what is
// dropped in between. It may give the transaction up.
func (m *dropModel) drop(t *rapid.T) {
	const rows = 40
	ctx := context.Background()
	now := map[int64]map[uint32]bool{}
	for id, rows := range m.want {
		now[id] = maps.Clone(rows)
	}
	giveUp := rapid.Bool().Draw(t, "give up")
	err := m.catalogs[rapid.IntRange(0, 1).Draw(t, "catalog")].Write(ctx, func(tx *Tx) error {
		for range rapid.IntRange(1, 4).Draw(t, "times") {
			id := rapid.SampledFrom(m.segments).Draw(t, "segment")
			some := rapid.SliceOfNDistinct(rapid.Uint32Range(0, rows-1), 0, 12, rapid.ID).Draw(t, "rows")
			slices.Sort(some)
			if rapid.Bool().Draw(t, "as a list") {
				must(t, tx.DropRows(ctx, DroppedRows{id, some}))
			} else {
				for _, row := range some {
					must(t, tx.Drop(ctx, id, int(row)))
				}
			}
			for _, row := range some {
				now[id][row] = true
			}
			asked := rapid.IntRange(0, rows-1).Draw(t, "asked")
			if dropped, err := tx.Dropped(ctx, id, asked); err != nil || dropped != now[id][uint32(asked)] {
				t.Fatalf("row %d of %d is dropped: %v, error %v", asked, id, dropped, err)
			}
			if all, err := tx.DroppedRows(ctx, id); err != nil || !slices.Equal(all, slices.Sorted(maps.Keys(now[id]))) {
				t.Fatalf("of %d %v are dropped, error %v, want %v", id, all, err, now[id])
			}
		}
		if giveUp {
			return os.ErrInvalid
		}
		return nil
	})
	if giveUp != (err != nil) {
		t.Fatal(err)
	}
	if !giveUp {
		m.want = now
	}
}

// check compares what each catalog says with what was dropped.
func (m *dropModel) check(t *rapid.T) {
	ctx := context.Background()
	for _, c := range m.catalogs {
		view, err := c.View(ctx, farmA)
		must(t, err)
		figures, err := c.figures(ctx, farmA)
		must(t, err)
		for _, id := range m.segments {
			figures.Records += int64(len(m.want[id]))
			if want := slices.Sorted(maps.Keys(m.want[id])); !slices.Equal(view.Dropped[id], want) {
				t.Fatalf("of %d %v are dropped, want %v", id, view.Dropped[id], want)
			}
		}
		if figures.Records != int64(2*len(m.segments)) {
			t.Fatalf("%d records count", figures.Records)
		}
	}
}

// Rows that are dropped one by one and many at once, by two processes, some twice, are the
// rows that are dropped.
func TestDrops(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "farmtally-drops-")
		must(t, err)
		defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
		m := dropModel{want: map[int64]map[uint32]bool{}}
		for i := range m.catalogs {
			m.catalogs[i], err = Open(context.Background(), Config{Dir: dir})
			must(t, err)
			defer m.catalogs[i].Close() //nolint:errcheck // the folder is thrown away
		}
		for i := range 2 {
			must(t, m.catalogs[0].Write(context.Background(), func(tx *Tx) error {
				id, err := tx.AddSegment(context.Background(), &SegmentInfo{FarmID: farmA, File: fmt.Sprint(i), Records: 2, Checksums: []uint32{1}})
				m.segments, m.want[id] = append(m.segments, id), map[uint32]bool{}
				return err
			}))
		}
		t.Repeat(map[string]func(*rapid.T){"drop": m.drop, "": m.check})
	})
}

// Batches that were sealed count no more although they are there still, and are deleted, few
// at a time; those of other farms and later ones stay.
func TestSealedBatches(t *testing.T) {
	ctx := context.Background()
	c := open(t, t.TempDir())
	const batches = 2*deleteBatches + 3
	put := func(farm farmtally.FarmID, from, n int) {
		for i := range n {
			r := ended(fmt.Sprint("r", from+i), farmtally.Instant(from+i))
			r.FarmID = farm
			try(t, c.Write(ctx, func(tx *Tx) error {
				return tx.PutHot(ctx, append(plainHot(farm, fmt.Sprint(from+i)), r))
			}))
		}
	}
	put(farmA, 0, batches)
	put(farmB, 0, 2)
	e, err := c.ReadEnded(ctx, farmA)
	try(t, err)
	put(farmA, batches, 2)
	try(t, c.Write(ctx, func(tx *Tx) error {
		_, err := tx.RemoveHot(ctx, e, func(int) error { return nil })
		return err
	}))
	count := func() (n int) {
		try(t, c.reader.QueryRowContext(ctx, "SELECT count(*) FROM hot").Scan(&n))
		return n
	}
	live := func() {
		t.Helper()
		again := open(t, c.Dir())
		for _, c := range []*Catalog{c, again} {
			view, err := c.View(ctx, farmA)
			if err != nil || view.Hot.Len() != 2*(foldRecords+2) {
				t.Errorf("%d records, error %v", view.Hot.Len(), err)
			}
		}
		try(t, again.Write(ctx, func(tx *Tx) error {
			hot, err := tx.Hot(ctx, farmA, 0)
			if err != nil || len(hot) != 2*(foldRecords+2) {
				t.Errorf("%d records in a transaction, error %v", len(hot), err)
			}
			if since, last, err := tx.HotSince(ctx, farmA, 0); err != nil || len(since) != len(hot) || last == 0 {
				t.Errorf("%d records since the beginning, up to %d, error %v", len(since), last, err)
			}
			return nil
		}))
	}
	live()
	if n := count(); n != batches+4 {
		t.Errorf("%d batches before they are deleted", n)
	}
	try(t, c.DeleteSealed(ctx, farmA))
	live()
	if n := count(); n != 4 {
		t.Errorf("%d batches are left", n)
	}
}

// plainHot are as many records as keep a batch from being folded.
func plainHot(farm farmtally.FarmID, batch string) (records []farmtally.Record) {
	for i := range foldRecords + 1 {
		r := ended(fmt.Sprint(batch, "-", i), 1)
		r.FarmID = farm
		records = append(records, r)
	}
	return records
}
