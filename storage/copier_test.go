package storage

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// Rows that are copied are those that records would have made.
func TestCopier(t *testing.T) {
	c := open(t, t.TempDir())
	rapid.Check(t, func(rt *rapid.T) {
		b, err := c.BeginBatch()
		must(rt, err)
		defer b.Close(t.Context()) //nolint:errcheck // its files are strays
		var segments []*Segment
		for n := range rapid.IntRange(1, 3).Draw(rt, "segments") {
			var builder Builder
			for i := range rapid.IntRange(1, 600).Draw(rt, "rows") {
				r := ended(fmt.Sprint("id", n, "-", i), farmtally.Instant(i*7))
				r.QueueID, r.UserID = farmtally.QueueID(fmt.Sprint("q", i%(n+1))), fmt.Sprint("u", i%300)
				r.JobID, r.CPUs = farmtally.JobID(fmt.Sprint("j", i)), farmtally.Quantity(i%3)*farmtally.One
				if r.Cost = farmtally.Money(i); n == 1 {
					r.Cost, r.UserID = 1<<40+r.Cost, ""
				}
				builder.Add(&r)
			}
			s, err := b.Write(farmA, &builder, builder.Order())
			must(rt, err)
			defer s.Close() //nolint:errcheck // it was only read
			segments = append(segments, s)
		}
		var copied, added Builder
		copier, err := NewCopier(&copied, segments)
		must(rt, err)
		for range rapid.IntRange(1, 20).Draw(rt, "runs") {
			n := rapid.IntRange(0, len(segments)-1).Draw(rt, "segment")
			from := rapid.IntRange(0, segments[n].Len()-1).Draw(rt, "from")
			to := rapid.IntRange(from, segments[n].Len()).Draw(rt, "to")
			got, err := copier.Copy(n, from, to)
			if must(rt, err); got != to-from {
				rt.Fatalf("%d rows of %d to %d", got, from, to)
			}
			must(rt, segments[n].VerifyAll())
			for row := from; row < to; row++ {
				var r farmtally.Record
				segments[n].Record(row, &r)
				added.Add(&r)
			}
		}
		for row := range added.Len() {
			var got, want farmtally.Record
			copied.Record(row, &got)
			added.Record(row, &want)
			if got != want {
				rt.Fatalf("row %d is %+v, want %+v", row, got, want)
			}
		}
		if copied.Len() != added.Len() || !slices.Equal(copied.Order(), added.Order()) {
			rt.Fatalf("%d rows, want %d", copied.Len(), added.Len())
		}
	})
}
