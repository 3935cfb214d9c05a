package kernel

import (
	"sort"

	"github.com/farmtally/farmtally"
)

// Slot is the grid on which every boundary of a bucket lies: half an hour, in
// milliseconds.
const Slot = 30 * 60 * 1000

// Buckets are consecutive buckets, numbered from 0.
type Buckets struct {
	// Bounds has the start of each bucket and behind them the end of the last, in
	// milliseconds since 1970, ascending. The first start and the last end are the
	// range's; the others are multiples of Slot.
	Bounds []int64
	// Slots gives the bucket of each multiple of Slot from Origin on; a slot that
	// holds a bound of the range belongs to the bucket inside. Nil where the range is
	// too long for a table; then Bounds is searched.
	Slots  []uint32
	Origin int64
}

// of gives the bucket of an instant inside the range.
func (b *Buckets) of(t int64) uint32 {
	if b.Slots == nil {
		return uint32(sort.Search(len(b.Bounds)-2, func(i int) bool { return b.Bounds[i+1] > t })) //nolint:gosec // an index
	}
	return b.Slots[(t-b.Origin)/Slot]
}

// maxSlots bounds the table: 240 years.
const maxSlots = 1 << 22

// NewBuckets tabulates the slots of bounds, of which there are at least two.
func NewBuckets(bounds []int64) Buckets {
	first, last := bounds[0], bounds[len(bounds)-1]
	b := Buckets{Bounds: bounds, Origin: first - (first%Slot+Slot)%Slot}
	slots := (last-1-b.Origin)/Slot + 1
	if slots > maxSlots {
		return b
	}
	b.Slots = make([]uint32, slots)
	bucket := uint32(0)
	for i := range b.Slots {
		for at := b.Origin + int64(i)*Slot; int(bucket)+2 < len(bounds) && at >= bounds[bucket+1]; {
			bucket++
		}
		b.Slots[i] = bucket
	}
	return b
}

// Scan is a question to one segment. Its rows ascend by start.
type Scan struct {
	Starts              []int64 // milliseconds since 1970
	Wall, Runtime, Cost Column  // milliseconds, milliseconds, nano-dollars

	Resource Column // the code of the record's queue or fleet
	Wanted   []bool // by Resource's code: whether the question asks for it

	Group [2]Column   // the codes of the record's group; Group[1] may be nil
	Ranks [2][]uint32 // by Group's code: its place among the groups of the segment

	Rate     Column // nil, or the code of the record's rate
	Unpriced uint32 // Rate's code that is counted

	Buckets Buckets // the range of the question
	First   uint32  // the bucket of the table's cell 0
	Places  uint64  // len(Ranks[0]) × max(1, len(Ranks[1])): the cells of a bucket
}

// Seen counts the records that a scan took.
type Seen struct{ Records, Unpriced int64 }

// Add adds other counts.
func (s *Seen) Add(o Seen) {
	s.Records += o.Records
	s.Unpriced += o.Unpriced
}

// Window narrows the rows [from, to) to those whose start lets them meet the range,
// where no record is longer than maxWall milliseconds.
func (s *Scan) Window(maxWall int64) (from, to int) {
	first, last := s.Buckets.Bounds[0], s.Buckets.Bounds[len(s.Buckets.Bounds)-1]
	from = sort.Search(len(s.Starts), func(i int) bool { return s.Starts[i] >= first-maxWall })
	to = sort.Search(len(s.Starts), func(i int) bool { return s.Starts[i] >= last })
	return from, max(from, to)
}

// blockRows is how many rows are widened at once; the buffers stay in the first
// level of cache.
const blockRows = 512

type block struct {
	resource, group0, group1, rate [blockRows]uint32
	wall, runtime, cost            [blockRows]int64
	picked                         [blockRows]uint16
}

// Run adds the slices of the rows [from, to) to the table.
func (s *Scan) Run(from, to int, t *Table) Seen {
	var b block
	var seen Seen
	for ; from < to; from += blockRows {
		n := min(blockRows, to-from)
		if picked := s.pick(&b, from, n); len(picked) > 0 {
			s.load(&b, from, n)
			seen.Add(s.addBlock(&b, from, picked, t))
		}
	}
	return seen
}

// pick gives the rows of the block whose resource is wanted.
func (s *Scan) pick(b *block, from, n int) []uint16 {
	s.Resource.codes(b.resource[:n], from)
	k := 0
	for i, code := range b.resource[:n] {
		b.picked[k] = uint16(i)
		if s.Wanted[code] {
			k++
		}
	}
	return b.picked[:k]
}

func (s *Scan) load(b *block, from, n int) {
	s.Wall.numbers(b.wall[:n], from)
	s.Runtime.numbers(b.runtime[:n], from)
	s.Cost.numbers(b.cost[:n], from)
	s.Group[0].codes(b.group0[:n], from)
	if s.Group[1] != nil {
		s.Group[1].codes(b.group1[:n], from)
	}
	if s.Rate != nil {
		s.Rate.codes(b.rate[:n], from)
	}
}

func (s *Scan) addBlock(b *block, from int, picked []uint16, t *Table) (seen Seen) {
	first, last := s.Buckets.Bounds[0], s.Buckets.Bounds[len(s.Buckets.Bounds)-1]
	starts := s.Starts[from:]
	for _, i := range picked {
		start := starts[i]
		end := start + b.wall[i]
		if start >= last || end <= first && (end != start || start < first) {
			continue
		}
		seen.Records++
		if s.Rate != nil && b.rate[i] == s.Unpriced {
			seen.Unpriced++
		}
		place := uint64(s.Ranks[0][b.group0[i]])
		if s.Group[1] != nil {
			place = place*uint64(len(s.Ranks[1])) + uint64(s.Ranks[1][b.group1[i]])
		}
		if start >= first && end <= last {
			if bucket := s.Buckets.of(start); end <= s.Buckets.Bounds[bucket+1] {
				t.at(uint64(bucket-s.First)*s.Places+place).add(b.cost[i], b.runtime[i])
				continue
			}
		}
		s.slice(start, end, b.cost[i], b.runtime[i], place, t)
	}
	return seen
}

// slice adds a record that crosses a boundary to each bucket that it meets.
func (s *Scan) slice(start, end, cost, runtime int64, place uint64, t *Table) {
	bounds, length := s.Buckets.Bounds, end-start
	at := max(start, bounds[0])
	last := min(end, bounds[len(bounds)-1])
	bucket := s.Buckets.of(at)
	costSoFar, runtimeSoFar := farmtally.Cum(cost, at-start, length), farmtally.Cum(runtime, at-start, length)
	for at < last {
		at = min(bounds[bucket+1], last)
		c, r := farmtally.Cum(cost, at-start, length), farmtally.Cum(runtime, at-start, length)
		t.at(uint64(bucket-s.First)*s.Places+place).add(c-costSoFar, r-runtimeSoFar)
		costSoFar, runtimeSoFar = c, r
		bucket++
	}
}
