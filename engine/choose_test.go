package engine

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// candidates draws segments of any size and span.
func candidates(t *rapid.T, target int64) []candidate {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) candidate {
		records := rapid.Int64Range(1, target).Draw(t, "records")
		first := rapid.Int64Range(0, 1000).Draw(t, "first")
		span := rapid.Int64Range(0, 1000).Draw(t, "span")
		return candidate{
			storage.SegmentInfo{Records: records, First: farmtally.Instant(first), Last: farmtally.Instant(first + span)},
			max(0, records-rapid.Int64Range(0, records*2).Draw(t, "dropped")),
		}
	}), 0, 60).Draw(t, "segments")
}

// merged is what a merge makes of segments whose starts are spread evenly.
func merged(chosen []candidate, target int64) (out []candidate) {
	live, first, last := int64(0), chosen[0].First, chosen[0].Last
	for _, c := range chosen {
		live, first, last = live+c.live, min(first, c.First), max(last, c.Last)
	}
	n := min((live+target-1)/target, int64(len(chosen)))
	for i := range n {
		records := live*(i+1)/n - live*i/n
		from, to := first+(last-first)*farmtally.Instant(i)/farmtally.Instant(n), first+(last-first)*farmtally.Instant(i+1)/farmtally.Instant(n)
		out = append(out, candidate{storage.SegmentInfo{Records: records, First: from, Last: to}, records})
	}
	return out
}

// Choosing and merging comes to an end, at which there are few small segments, no
// moment that many cover, and no segment with many replaced rows.
func TestChooseEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := rapid.SampledFrom([]int64{1, 5, 1000, 1 << 20}).Draw(t, "target")
		segments := candidates(t, target)
		id := int64(0)
		for i := range segments {
			id++
			segments[i].ID = id
		}
		for merges := 0; ; merges++ {
			if merges > 300 {
				t.Fatal("it does not come to an end")
			}
			chosen := choose(segments, target)
			if len(chosen) == 0 {
				break
			}
			gone := map[int64]bool{}
			for _, c := range chosen {
				gone[c.ID] = true
			}
			kept := merged(chosen, target)
			for i := range kept {
				id++
				kept[i].ID = id
			}
			for _, c := range segments {
				if !gone[c.ID] {
					kept = append(kept, c)
				}
			}
			segments = kept
		}
		checkFixedPoint(t, segments, target)
	})
}

func checkFixedPoint(t *rapid.T, segments []candidate, target int64) {
	few, cover := 0, 0
	for _, s := range segments {
		if s.class(target) >= 0 {
			few++
		}
		if (s.Records-s.live)*4 >= s.Records {
			t.Fatalf("%d of %d rows count", s.live, s.Records)
		}
		depth := 0
		for _, o := range segments {
			if o.class(target) < 0 && o.First <= s.First && s.First < o.Last {
				depth++
			}
		}
		cover = max(cover, depth)
	}
	if few > classes*(mergeAtLeast-1) || cover >= mergeAtLeast {
		t.Fatalf("%d small segments, and %d cover one moment", few, cover)
	}
}

// What was written once in seals of one size, in the order of time, is written again a
// bounded number of times.
func TestChooseAmplification(t *testing.T) {
	const target, seal, seals = 1 << 20, 100_000, 500
	var segments []candidate
	written, id := int64(0), int64(0)
	for i := range seals {
		id++
		at := farmtally.Instant(i * 1000)
		segments = append(segments, candidate{storage.SegmentInfo{ID: id, Records: seal, First: at, Last: at + 1500}, seal})
		for chosen := choose(segments, target); len(chosen) > 0; chosen = choose(segments, target) {
			gone := map[int64]bool{}
			for _, c := range chosen {
				gone[c.ID] = true
				written += c.live
			}
			kept := merged(chosen, target)
			for j := range kept {
				id++
				kept[j].ID = id
			}
			for _, c := range segments {
				if !gone[c.ID] {
					kept = append(kept, c)
				}
			}
			segments = kept
		}
	}
	if factor := float64(written) / (seal * seals); factor > 3 {
		t.Errorf("each record was written %.2f times again", factor)
	} else {
		t.Logf("each record was written %.2f times again; %d segments", factor, len(segments))
	}
}
