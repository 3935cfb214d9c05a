package kernel

import (
	"slices"
	"sort"

	"github.com/farmtally/farmtally"
)

// Pieces cuts a scan at the ends of buckets into no more than n, of about as many rows,
// which may run side by side. Join makes one answer of theirs.
func (s *Scan) Pieces(n int) []*Scan {
	from := sort.Search(len(s.Starts), func(i int) bool { return s.Starts[i] >= s.Start })
	rows := sort.Search(len(s.Starts)-from, func(i int) bool { return s.Starts[from+i] >= s.End })
	rest := *s
	var pieces []*Scan
	for k := 1; k < n && rows > 0 && s.Period != farmtally.WholeRange; k++ {
		bucket := s.bucketOf(s.Starts[from+rows*k/n])
		if cut := int64(farmtally.BucketStart(s.Period, s.Zone, bucket)); cut > rest.Start {
			piece := rest
			piece.End = cut
			pieces = append(pieces, &piece)
			rest.Start, rest.Later = cut, true
		}
	}
	return append(pieces, &rest)
}

// Join makes the answer of a scan out of its pieces'.
func Join(pieces []*Partial) *Partial {
	joined := pieces[0]
	for _, p := range pieces[1:] {
		before := len(joined.Entries)
		for _, run := range p.Runs {
			joined.Runs = append(joined.Runs, Run{run.Bucket, before + run.End})
		}
		joined.Entries = slices.Concat(joined.Entries, p.Entries)
		if joined.High != nil || p.High != nil {
			joined.High = upTo(len(joined.Entries), append(upTo(before, joined.High), p.High...))
		}
		joined.Seen.Add(p.Seen)
	}
	return joined
}
