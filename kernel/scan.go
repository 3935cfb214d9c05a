package kernel

import (
	"bytes"
	"slices"
	"sort"

	"github.com/farmtally/farmtally"
)

// BlockRows is how many rows are filtered and added up at once: their buffers stay in
// the first level of cache.
const BlockRows = 512

// ZoneRows is how many rows a zone has. It divides BlockRows.
const ZoneRows = 64

// Scan is a question to one segment.
type Scan struct {
	Starts              []int64  // milliseconds since 1970, ascending
	Wall, Runtime, Cost Column   // milliseconds, milliseconds, nano-dollars; each below 2^63
	Zones               *Zones   // of Starts, Wall, Runtime and Cost
	Dropped             []uint32 // the rows that do not count, ascending

	Resource Column  // the code of the record's queue or fleet
	Wanted   []uint8 // by Resource's code: 1 where the question asks for it, else 0

	Group  [2]Column   // the codes of the record's groups; Group[1] may be nil
	Places [2][]uint32 // by Group's code: its place among the segment's groups, from 0

	Rate     Column // nil, or the code of the record's rate
	Unpriced uint32 // Rate's code that is counted

	Start, End int64 // the range of the question, milliseconds since 1970
	Later      bool  // what starts before Start is seen by another piece of the scan
	Period     farmtally.Period
	Zone       farmtally.Offset

	// Check is told, bucket after bucket, how many entries there are so far. Its error
	// ends the scan. It may be nil.
	Check func(entries int) error
}

// Zones are what is known of a segment's rows without a look at them.
type Zones struct {
	MaxWall int64   // milliseconds that no record is longer than
	Ends    []int64 // by zone: the latest end of a record
	Most    uint64  // no record's cost or runtime exceeds it
}

// NewZones looks at all rows.
func NewZones(starts []int64, wall, runtime, cost Column, maxWall int64) *Zones {
	z := &Zones{MaxWall: maxWall, Ends: make([]int64, (len(starts)+ZoneRows-1)/ZoneRows), Most: max(runtime.top(), cost.top(), 1)}
	wall.ends(z.Ends, starts)
	return z
}

// latest gives the latest end of n rows or some more.
func (z *Zones) latest(from, n int) int64 {
	return slices.Max(z.Ends[from/ZoneRows : (from+n-1)/ZoneRows+1])
}

// Seen counts the records that a scan took.
type Seen struct{ Records, Unpriced int64 }

// Add adds other counts.
func (s *Seen) Add(o Seen) {
	s.Records += o.Records
	s.Unpriced += o.Unpriced
}

// Partial is the answer of one segment.
type Partial struct {
	Runs    []Run   // ascending by bucket
	Entries []Entry // of one run after the other
	High    []High  // by entry; nil where all are zero
	Seen    Seen
}

// Run is a bucket that has entries.
type Run struct {
	Bucket int64 // as farmtally.BucketOf numbers it
	End    int   // the number of entries up to here; those of a run ascend by Places
}

// HighOf is what the sums of an entry have beyond 64 bits.
func (p *Partial) HighOf(entry int) (high High) {
	if p.High != nil {
		high = p.High[entry]
	}
	return high
}

// bucketEnd is the end of a bucket within the range.
func (s *Scan) bucketEnd(bucket int64) int64 {
	if s.Period == farmtally.WholeRange {
		return s.End
	}
	return min(s.End, int64(farmtally.BucketStart(s.Period, s.Zone, bucket+1)))
}

func (s *Scan) bucketOf(t int64) int64 {
	return farmtally.BucketOf(s.Period, s.Zone, farmtally.Instant(t))
}

// seconds gives the number of places of the second group, 1 where there is none.
func (s *Scan) seconds() uint64 { return uint64(max(1, len(s.Places[1]))) }

// Run sweeps over the rows: it gives what Plain gives, in order. Its error is Check's.
func (s *Scan) Run() (*Partial, error) {
	w := newSweep(s)
	first := sort.Search(len(s.Starts), func(i int) bool { return s.Starts[i] >= s.Start-s.Zones.MaxWall })
	row := first + sort.Search(len(s.Starts)-first, func(i int) bool { return s.Starts[first+i] >= s.Start })
	to := row + sort.Search(len(s.Starts)-row, func(i int) bool { return s.Starts[row+i] >= s.End })
	w.before(first, row)
	for at := s.Start; at < s.End; {
		if len(w.carried) == 0 {
			if row == to {
				break
			}
			at = s.Starts[row]
		}
		bucket := s.bucketOf(at)
		end := s.bucketEnd(bucket)
		next := gallop(s.Starts[:to], row, end)
		w.carry(end)
		w.rows(row, next, end)
		w.finish(bucket)
		if s.Check != nil {
			if err := s.Check(len(w.partial.Entries)); err != nil {
				return nil, err
			}
		}
		row, at = next, end
	}
	return w.partial, nil
}

// gallop gives the first row from row on that starts at end or later.
func gallop(starts []int64, row int, end int64) int {
	step := 1
	for row+step < len(starts) && starts[row+step-1] < end {
		row, step = row+step, step*2
	}
	rest := starts[row:min(row+step, len(starts))]
	return row + sort.Search(len(rest), func(i int) bool { return rest[i] >= end })
}

// sweep is a scan under way.
type sweep struct {
	*Scan
	partial *Partial
	dropped []uint32 // those of Dropped that are still to come
	wanted  chosen
	tables  [2][]uint64 // by Group's code: what it adds to a row's place
	carried []carried   // in no order
	cells   cells       // of the bucket under way

	// Room for the rows of a block.
	picked, crossing    [BlockRows]uint16
	places              [BlockRows]uint64
	wall, cost, runtime [BlockRows]uint64
}

func newSweep(s *Scan) *sweep {
	w := &sweep{Scan: s, partial: &Partial{}, dropped: s.Dropped}
	w.wanted.choose(s.Wanted)
	w.tables[0] = premultiplied(s.Places[0], s.seconds())
	w.tables[1] = premultiplied(s.Places[1], 1)
	w.cells.begin(uint64(len(s.Places[0])), s.seconds(), s.Zones.Most)
	return w
}

// premultiplied is the table by which codes become parts of a row's place.
func premultiplied(places []uint32, by uint64) []uint64 {
	table := make([]uint64, len(places))
	for code, place := range places {
		table[code] = uint64(place) * by
	}
	return table
}

// chosen are the codes that a scan looks for.
type chosen struct {
	marks []uint8    // by code: 1 where it is wanted, else 0
	some  [256]uint8 // n codes below 256, those that are wanted or, with flip, those that are not
	n     int
	flip  uint32 // all ones or 0
}

func (c *chosen) choose(marks []uint8) {
	c.marks = marks
	low := marks[:min(len(marks), 256)]
	mark := uint8(1)
	if wanted := bytes.Count(low, []byte{1}); 2*wanted > len(low) {
		mark, c.flip = 0, ^uint32(0)
	}
	for code, m := range low {
		if m == mark {
			c.some[c.n] = uint8(code)
			c.n++
		}
	}
}

// rows adds the rows [from, to), which start in the bucket that ends at end, and takes
// those that end later among the carried.
func (w *sweep) rows(from, to int, end int64) {
	for from < to {
		n := min(from/BlockRows*BlockRows+BlockRows, to) - from
		picked := w.pick(from, n)
		w.note(picked, from)
		if w.Zones.latest(from, n) > end {
			picked = w.split(picked, from, end)
		}
		w.add(picked, from)
		from += n
	}
}

// pick gives the rows that are wanted and not dropped.
func (w *sweep) pick(from, n int) []uint16 {
	picked := w.picked[:w.Resource.pick(&w.picked, from, n, &w.wanted)]
	for len(w.dropped) > 0 && int(w.dropped[0]) < from {
		w.dropped = w.dropped[1:]
	}
	for ; len(w.dropped) > 0 && int(w.dropped[0]) < from+n; w.dropped = w.dropped[1:] {
		if i, found := slices.BinarySearch(picked, uint16(int(w.dropped[0])-from)); found { //nolint:gosec // below BlockRows
			picked = slices.Delete(picked, i, i+1)
		}
	}
	return picked
}

// note counts the rows as seen.
func (w *sweep) note(picked []uint16, from int) {
	w.partial.Seen.Records += int64(len(picked))
	if w.Rate != nil {
		w.partial.Seen.Unpriced += w.Rate.count(picked, from, w.Unpriced)
	}
}

// locate puts the places of the picked rows into w.places.
func (w *sweep) locate(picked []uint16, from int) {
	if w.Group[1] == nil {
		w.Group[0].place(w.places[:], picked, from, w.tables[0])
	} else {
		w.Group[0].placeBoth(w.places[:], picked, from, w.tables[0], w.Group[1], w.tables[1])
	}
}

// add adds rows that end in the bucket.
func (w *sweep) add(picked []uint16, from int) {
	for len(picked) > 0 {
		some := picked[:min(len(picked), w.cells.chunk)]
		w.locate(some, from)
		w.Cost.add(w.cells.at(w.places[:len(some)]), w.places[:], some, w.Runtime, from)
		picked = picked[len(some):]
	}
}

// finish takes the cells of a bucket into the answer.
func (w *sweep) finish(bucket int64) {
	before := len(w.partial.Entries)
	w.cells.take(w.partial)
	if after := len(w.partial.Entries); after > before {
		w.partial.Runs = append(w.partial.Runs, Run{bucket, after})
	}
}
