package kernel

import "github.com/farmtally/farmtally"

// Plain does what Run does, one record and one bucket at a time, into a map by cell
// number. It is what Run is tested against, and where to read what Run means.
func (s *Scan) Plain(from, to int) (map[uint64]Cell, Seen) {
	cells := map[uint64]Cell{}
	var seen Seen
	bounds := s.Buckets.Bounds
	rangeStart, rangeEnd := farmtally.Instant(bounds[0]), farmtally.Instant(bounds[len(bounds)-1])
	for row := from; row < to; row++ {
		start := farmtally.Instant(s.Starts[row])
		use := farmtally.Use{
			Start: start, End: start + farmtally.Instant(number(s.Wall, row)),
			Cost: farmtally.Money(number(s.Cost, row)), RuntimeMillis: number(s.Runtime, row),
		}
		if !s.Wanted[number(s.Resource, row)] || !use.Meets(rangeStart, rangeEnd) {
			continue
		}
		seen.Records++
		if s.Rate != nil && number(s.Rate, row) == int64(s.Unpriced) {
			seen.Unpriced++
		}
		place := uint64(s.Ranks[0][number(s.Group[0], row)])
		if s.Group[1] != nil {
			place = place*uint64(len(s.Ranks[1])) + uint64(s.Ranks[1][number(s.Group[1], row)])
		}
		for bucket := range len(bounds) - 1 {
			bucketStart, bucketEnd := farmtally.Instant(bounds[bucket]), farmtally.Instant(bounds[bucket+1])
			if !use.Meets(bucketStart, bucketEnd) {
				continue
			}
			cost, runtime := use.Slice(bucketStart, bucketEnd)
			key := uint64(bucket-int(s.First))*s.Places + place //nolint:gosec // First is the least bucket
			cell := cells[key]
			cell.add(int64(cost), runtime)
			cells[key] = cell
		}
	}
	return cells, seen
}

func number(c Column, row int) int64 {
	var one [1]int64
	c.numbers(one[:], row)
	return one[0]
}
