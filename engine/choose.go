package engine

import (
	"cmp"
	"slices"

	"github.com/farmtally/farmtally/storage"
)

// choose picks segments to be merged into len(chosen) segments at most; none where the
// farm's segments are as they should be. The first rule that applies counts:
//
//  1. Few: four small segments (below half of target) of one size class, a class being
//     four times the one below, become one or two. So a record is rewritten once for
//     each class that it climbs: at most five times on its way to half of target.
//  2. Disjoint: where four segments that are not small cover one moment, all that cover
//     it are merged, and lie one after the other then.
//  3. Dense: a segment of which a quarter was dropped is written anew.
//
// Each merge lowers the number of segments; or keeps that and lowers the sum of their
// spans (2); or keeps both and lowers the number of dropped rows. So it comes to an end.
func choose(segments []candidate, target int64) []candidate {
	for _, rule := range []func([]candidate, int64) []candidate{small, overlapping, sparse} {
		if chosen := rule(segments, target); len(chosen) > 0 {
			return chosen
		}
	}
	return nil
}

const (
	mergeAtLeast = 4
	mergeAtMost  = 64 // bounds the room that a merge takes for a while
	classes      = 5
)

// candidate is a segment with the number of its rows that count.
type candidate struct {
	storage.SegmentInfo
	live int64
}

// class is a small segment's size class, −1 for one that is not small.
func (c *candidate) class(target int64) int {
	if c.live*2 >= target {
		return -1
	}
	class := 0
	for least := target >> (2 * (classes - 1)); class < classes-1 && c.live >= max(least, 1); least *= 4 {
		class++
	}
	return class
}

func small(segments []candidate, target int64) []candidate {
	var byClass [classes][]candidate
	for _, s := range segments {
		if class := s.class(target); class >= 0 {
			byClass[class] = append(byClass[class], s)
		}
	}
	for _, same := range byClass {
		if len(same) >= mergeAtLeast {
			slices.SortStableFunc(same, func(a, b candidate) int { return cmp.Compare(a.First, b.First) })
			return same[:min(len(same), mergeAtMost)]
		}
	}
	return nil
}

// overlapping gives the segments that cover the moment that most do.
func overlapping(segments []candidate, target int64) []candidate {
	var best []candidate
	for i := range segments {
		moment := segments[i].First
		var cover []candidate
		for _, s := range segments {
			if s.class(target) < 0 && s.First <= moment && moment < s.Last && len(cover) < mergeAtMost {
				cover = append(cover, s)
			}
		}
		if len(cover) >= mergeAtLeast && len(cover) > len(best) {
			best = cover
		}
	}
	return best
}

func sparse(segments []candidate, _ int64) []candidate {
	for i := range segments {
		if s := &segments[i]; s.live < s.Records && (s.Records-s.live)*4 >= s.Records {
			return segments[i : i+1]
		}
	}
	return nil
}
