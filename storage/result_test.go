package storage

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

const resultA = "0123456789abcdef0123456789abcdef"

func commitResult(t testing.TB, c *Catalog, rows []farmtally.Row) {
	t.Helper()
	w, err := c.CreateResult(resultA)
	try(t, err)
	for i := range rows {
		try(t, w.Append(&rows[i]))
	}
	try(t, w.Commit())
}

func openResult(t testing.TB, c *Catalog) *ResultReader {
	t.Helper()
	r, err := c.OpenResult(resultA)
	try(t, err)
	t.Cleanup(func() { try(t, r.Close()) })
	return r
}

func page(r *ResultReader, from int64, n int) (rows []farmtally.Row, err error) {
	err = r.Read(from, n, func(row *farmtally.Row) error {
		rows = append(rows, *row)
		return nil
	})
	return rows, err
}

func someRows(n int) []farmtally.Row {
	rows := make([]farmtally.Row, n)
	for i := range rows {
		rows[i] = farmtally.Row{Start: farmtally.Instant(i), End: farmtally.Instant(i + 1), Count: 1, JobName: "job"}
		rows[i].Group[0] = fmt.Sprint("user", i%3)
	}
	return rows
}

// A page at any position, of any size, is that slice of the rows.
func TestPagesOfResults(t *testing.T) {
	c := open(t, t.TempDir())
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(drawAny[farmtally.Row]), 0, 12).Draw(rt, "rows")
		commitResult(t, c, want)
		r, err := c.OpenResult(resultA)
		try(t, err)
		defer r.Close() //nolint:errcheck // it is only read
		if r.Rows() != int64(len(want)) {
			rt.Fatalf("%d rows, want %d", r.Rows(), len(want))
		}
		for from := -1; from <= len(want)+1; from++ {
			for n := -1; n <= len(want)+2; n++ {
				got, err := page(r, int64(from), n)
				var slice []farmtally.Row
				if from >= 0 && n > 0 && from < len(want) {
					slice = want[from:min(from+n, len(want))]
				}
				if err != nil || !slices.Equal(got, slice) {
					rt.Fatalf("page of %d from %d: %+v, error %v; want %+v", n, from, got, err, slice)
				}
			}
		}
	})
}

func TestConcurrentPages(t *testing.T) {
	c := open(t, t.TempDir())
	want := someRows(5000)
	commitResult(t, c, want)
	r := openResult(t, c)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 50 {
				from, n := rand.IntN(len(want)), 1+rand.IntN(100) //nolint:gosec // any page will do
				got, err := page(r, int64(from), n)
				if err != nil || !slices.Equal(got, want[from:min(from+n, len(want))]) {
					t.Errorf("page of %d from %d: %d rows, error %v", n, from, len(got), err)
				}
			}
		})
	}
	readers.Wait()
}

// Every bit of both files flipped, one at a time: each page is right, or an error of
// the kind Corrupt.
func TestDamagedResults(t *testing.T) {
	c := open(t, t.TempDir())
	want := someRows(4)
	commitResult(t, c, want)
	for _, suffix := range []string{rowsSuffix, indexSuffix} {
		path := c.resultPath(resultA, suffix)
		good, err := os.ReadFile(path)
		try(t, err)
		refused := 0
		for bit := range len(good) * 8 {
			bad := slices.Clone(good)
			bad[bit/8] ^= 1 << (bit % 8)
			try(t, os.WriteFile(path, bad, 0o600))
			r, err := c.OpenResult(resultA)
			try(t, err)
			wrong := false
			for from := range len(want) {
				for n := 1; from+n <= len(want); n++ {
					got, err := page(r, int64(from), n)
					switch {
					case err != nil:
						wantKind(t, err, farmtally.Corrupt)
						wrong = true
					case !slices.Equal(got, want[from:from+n]):
						t.Fatalf("bit %d of %s: page of %d from %d is %+v", bit, suffix, n, from, got)
					}
				}
			}
			if wrong {
				refused++
			}
			try(t, r.Close())
		}
		if refused != len(good)*8 {
			t.Errorf("of %d bits of %s, %d were noticed", len(good)*8, suffix, refused)
		}
		try(t, os.WriteFile(path, good, 0o600))
	}
}

func TestResultsThatAreNotThere(t *testing.T) {
	c := open(t, t.TempDir())
	_, err := c.OpenResult(resultA)
	wantKind(t, err, farmtally.Corrupt)
	commitResult(t, c, someRows(3))
	try(t, os.Truncate(c.resultPath(resultA, rowsSuffix), 5))
	_, err = page(openResult(t, c), 0, 1)
	wantKind(t, err, farmtally.Corrupt)
	try(t, os.Remove(c.resultPath(resultA, indexSuffix)))
	_, err = c.OpenResult(resultA)
	wantKind(t, err, farmtally.Corrupt)
	try(t, c.RemoveResult(resultA))
	try(t, c.RemoveResult(resultA))
	if left := files(t, c, resultFolder); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

func TestAbortedResult(t *testing.T) {
	c := open(t, t.TempDir())
	w, err := c.CreateResult(resultA)
	try(t, err)
	for _, row := range someRows(10_000) {
		try(t, w.Append(&row))
	}
	try(t, w.Abort())
	if left := files(t, c, resultFolder); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

// An aggregation that runs again after a crash takes the place of what it had
// written.
func TestResultOverAHalfWrittenOne(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	w, err := c.CreateResult(resultA)
	try(t, err)
	for _, row := range someRows(20_000) {
		try(t, w.Append(&row))
	}
	w.closeFiles() // the crash
	if stat, err := os.Stat(filepath.Join(dir, resultFolder, resultA+rowsSuffix)); err != nil || stat.Size() == 0 {
		t.Fatalf("nothing was half-written: %v", err)
	}
	want := someRows(7)
	commitResult(t, c, want)
	got, err := page(openResult(t, c), 0, 100)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("rows %+v, error %v", got, err)
	}
}
