package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/storage"
)

// written is a closed folder with one segment, a question, and its right answer.
type written struct {
	dir, segment string
	bytes        []byte
	query        farmtally.Query
	answer       backendtest.Answer
}

func write(t *testing.T) written {
	t.Helper()
	w := written{dir: t.TempDir()}
	farm := backendtest.NewFarm()
	records := backendtest.Example(farm, 9)
	for i := range records {
		records[i].JobID = farmtally.JobID(farmtally.HashID(farmtally.JobPrefix, "test", "", fmt.Sprint(i%2)))
		records[i].LicenseProduct, records[i].UsageType = "nuke", farmtally.License
		records[i].HasCost = i%2 == 0
	}
	w.query = backendtest.ExampleQuery(farm)
	w.query.GroupBy = []farmtally.Dimension{farmtally.ByJob, farmtally.ByLicenseProduct}
	w.with(t, func(e *engine.Engine) {
		load, err := e.Import(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for i := range records {
			if err := load.Add(context.Background(), &records[i]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := load.Commit(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.answer = backendtest.Ask(t, e, &w.query)
	})
	files, err := filepath.Glob(filepath.Join(w.dir, "segments", "*.arrow"))
	if err != nil || len(files) != 1 {
		t.Fatalf("segments %v, error %v", files, err)
	}
	w.segment = files[0]
	if w.bytes, err = os.ReadFile(w.segment); err != nil {
		t.Fatal(err)
	}
	return w
}

// with opens the folder for the time of do.
func (w *written) with(t *testing.T, do func(*engine.Engine)) {
	t.Helper()
	catalog, err := storage.Open(context.Background(), storage.Config{Dir: w.dir})
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close() //nolint:errcheck // the folder is thrown away
	e := engine.Open(engine.Config{Catalog: catalog})
	defer e.Close() //nolint:errcheck // the folder is thrown away
	do(e)
}

// ask gives the answer of the folder as it is now, or an error.
func (w *written) ask(t *testing.T) (a backendtest.Answer, err error) {
	t.Helper()
	w.with(t, func(e *engine.Engine) {
		s, openErr := e.Snapshot(context.Background(), w.query.FarmID)
		if err = openErr; err != nil {
			return
		}
		defer s.Close() //nolint:errcheck // it only reads
		a.Seen, err = s.Aggregate(context.Background(), &w.query, farmtally.Limits{}, nil, func(r *farmtally.Row) error {
			a.Rows = append(a.Rows, *r)
			return nil
		})
	})
	return a, err
}

// A flipped bit anywhere in a segment gives an error or the right answer, never a
// wrong one; where it lies in a column, check finds it.
func TestEveryByteDamaged(t *testing.T) {
	w := write(t)
	step := 5
	if testing.Short() {
		step = 31
	}
	refused, found := 0, 0
	for at := 0; at < len(w.bytes); at += step {
		damaged := append([]byte(nil), w.bytes...)
		damaged[at] ^= 1 << (at % 8)
		if err := os.WriteFile(w.segment, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := w.ask(t)
		switch {
		case err != nil && farmtally.KindOf(err) != farmtally.Corrupt:
			t.Fatalf("byte %d: error %v is not of the kind Corrupt", at, err)
		case err != nil:
			refused++
		default:
			backendtest.Same(t, got, w.answer)
		}
		w.with(t, func(e *engine.Engine) {
			damage, err := e.Check(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			found += len(damage)
		})
	}
	if refused < len(w.bytes)/step/20 || found < refused {
		t.Fatalf("of %d bytes, %d were refused by the query and %d found by check", len(w.bytes)/step, refused, found)
	}
	t.Logf("%d bytes damaged, one at a time: %d refused by the query, %d found by check", len(w.bytes)/step, refused, found)
}

// Named disasters to a segment file: each is an error of the kind Corrupt.
func TestSegmentDisasters(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, w *written){
		"missing":       func(t *testing.T, w *written) { try(t, os.Remove(w.segment)) },
		"empty":         func(t *testing.T, w *written) { try(t, os.Truncate(w.segment, 0)) },
		"cut in half":   func(t *testing.T, w *written) { try(t, os.Truncate(w.segment, int64(len(w.bytes)/2))) },
		"one byte more": func(t *testing.T, w *written) { try(t, os.WriteFile(w.segment, append(w.bytes, 0), 0o600)) },
		"all zeros":     func(t *testing.T, w *written) { try(t, os.WriteFile(w.segment, make([]byte, len(w.bytes)), 0o600)) },
		"no footer": func(t *testing.T, w *written) {
			copy(w.bytes[len(w.bytes)-6:], "XXXXXX")
			try(t, os.WriteFile(w.segment, w.bytes, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := write(t)
			damage(t, &w)
			_, err := w.ask(t)
			if farmtally.KindOf(err) != farmtally.Corrupt {
				t.Fatalf("error %v", err)
			}
		})
	}
}

func try(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
