package kernel

import (
	"slices"

	"github.com/farmtally/farmtally"
)

// Key is a bucket and a group.
type Key struct {
	Bucket int64
	Places [2]uint32
}

// Plain does what Run does, one record and one bucket at a time. It is what Run is
// tested against, and where to read what Run means.
func (s *Scan) Plain() (map[Key]Cell, Seen) {
	cells := map[Key]Cell{}
	var seen Seen
	rangeStart, rangeEnd := farmtally.Instant(s.Start), farmtally.Instant(s.End)
	for row, start := range s.Starts {
		use := farmtally.Use{
			Start: farmtally.Instant(start), End: farmtally.Instant(start + int64(s.Wall.at(row))), //nolint:gosec // below 2^63
			Cost: farmtally.Money(s.Cost.at(row)), RuntimeMillis: int64(s.Runtime.at(row)), //nolint:gosec // below 2^63
		}
		if slices.Contains(s.Dropped, uint32(row)) || s.Wanted[s.Resource.at(row)] == 0 || !use.Meets(rangeStart, rangeEnd) {
			continue
		}
		seen.Records++
		if s.Rate != nil && s.Rate.at(row) == uint64(s.Unpriced) {
			seen.Unpriced++
		}
		key := Key{}
		for i, group := range s.Group {
			if group != nil {
				key.Places[i] = s.Places[i][group.at(row)]
			}
		}
		for at := max(start, s.Start); ; {
			key.Bucket = s.bucketOf(at)
			from, to := farmtally.Instant(at), farmtally.Instant(s.bucketEnd(key.Bucket))
			cost, runtime := use.Slice(from, to)
			cell := cells[key]
			cell.add(int64(cost), runtime)
			cells[key] = cell
			if at = int64(to); to >= use.End || to >= rangeEnd {
				break
			}
		}
	}
	return cells, seen
}

func (c *Cell) add(cost, runtime int64) {
	one := Cell{1, oneSample(cost), oneSample(runtime)}
	c.Merge(&one)
}

func oneSample(v int64) farmtally.Stat {
	return farmtally.Stat{Sum: farmtally.Sum{Lo: uint64(v)}, Min: v, Max: v} //nolint:gosec // never negative
}
