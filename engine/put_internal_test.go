package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// A lookup finds what a segment finds by itself, in any order of identities, also where
// many have one start.
func TestLookup(t *testing.T) {
	catalog, err := storage.Open(t.Context(), storage.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close() //nolint:errcheck // a test's
	batch, err := catalog.BeginBatch()
	if err != nil {
		t.Fatal(err)
	}
	defer batch.Close(t.Context()) //nolint:errcheck // a test's
	for _, starts := range []int{1, 7, 1000} {
		var builder storage.Builder
		for i := range 900 {
			builder.Add(&farmtally.Record{RecordID: fmt.Sprint("r", i*3), StartedAt: farmtally.Instant(i % starts), UsageType: farmtally.Compute})
		}
		s, err := batch.Write("farm", &builder, builder.Order())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // a test's
		l := lookup{info: s.Info, segment: s}
		if l.starts, err = s.Starts(); err != nil {
			t.Fatal(err)
		}
		found := 0
		for range 5000 {
			n := rand.N(2700)
			k := identity{farmtally.Instant(n / 3 % starts), fmt.Sprint("r", n)}
			want, err := s.Find(k.start, k.id)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := l.find(k); err != nil || got != want {
				t.Fatalf("%v is row %d, not %d, error %v", k, want, got, err)
			}
			if want >= 0 {
				found++
			}
		}
		if found < 500 {
			t.Errorf("%d were there", found)
		}
	}
}
