package engine

import (
	"cmp"
	"context"
	"slices"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
)

// merger makes the rows of an aggregation out of answers. Their inputs are narrow in
// time, so that most buckets have entries of one answer, which are rows as they are; the
// entries of a bucket that several share are merged by rank.
type merger struct {
	*aggregation
	emit  func(*farmtally.Row) error
	open  []opened                         // the answers that have entries left
	ranks [farmtally.MaxGroupBy][][]uint32 // of a place's text among those of shared buckets, by open answer and place
	heads heads                            // of the bucket that is merged
	byJob int                              // the place of jobs among the groups, or −1
	row   farmtally.Row
	rows  int64
}

// opened is an answer whose runs and entries, up to those given, have become rows.
type opened struct {
	*answer
	names        []string // of jobs, by place
	run, entries int
}

// share is the entries that an open answer has in a bucket.
type share struct {
	bucket  int64
	answer  int
	entries []kernel.Entry
	to      int // the number of the answer's entries up to the end of these
}

// first gives the number of the first entry among its answer's.
func (s *share) first() int { return s.to - len(s.entries) }

// take takes an answer among the open ones.
func (m *merger) take(ctx context.Context, a *answer) error {
	if len(a.Entries) == 0 {
		return nil
	}
	names, err := m.nameJobs(ctx, a)
	m.open = append(m.open, opened{answer: a, names: names})
	return err
}

// flush emits the rows of the buckets before the one given, in order.
func (m *merger) flush(ctx context.Context, before int64) error {
	shares := m.shares(before)
	for g := range m.query.GroupBy {
		m.ranks[g] = m.rank(shares, g)
	}
	for len(shares) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := sameBucket(shares)
		m.row.Start, m.row.End = m.query.Bounds(shares[0].bucket)
		var err error
		if n == 1 {
			err = m.emitShare(&shares[0])
		} else {
			err = m.emitMerged(shares[:n])
		}
		if err != nil {
			return err
		}
		shares = shares[n:]
	}
	m.open = slices.DeleteFunc(m.open, func(o opened) bool { return o.run == len(o.Runs) })
	return nil
}

// shares takes the shares of the buckets before the one given, by bucket.
func (m *merger) shares(before int64) (shares []share) {
	for i := range m.open {
		o := &m.open[i]
		for ; o.run < len(o.Runs) && o.Runs[o.run].Bucket < before; o.run++ {
			run := o.Runs[o.run]
			shares = append(shares, share{run.Bucket, i, o.Entries[o.entries:run.End], run.End})
			o.entries = run.End
		}
	}
	slices.SortStableFunc(shares, func(a, b share) int { return cmp.Compare(a.bucket, b.bucket) })
	return shares
}

// sameBucket counts the first shares that have one bucket.
func sameBucket(shares []share) int {
	n := 1
	for n < len(shares) && shares[n].bucket == shares[0].bucket {
		n++
	}
	return n
}

// rank numbers the texts of shared buckets in the order of rows. Where all answers have
// the same texts, as users or instance types mostly are, their places are in that order.
func (m *merger) rank(shares []share, group int) [][]uint32 {
	if m.alike(group) {
		return m.placesAsRanks(group)
	}
	shared := make([][]uint32, len(m.open)) // first marks: 1 where a shared bucket has the place
	for len(shares) > 0 {
		n := sameBucket(shares)
		for _, s := range shares[:n] {
			if n == 1 {
				break
			}
			if shared[s.answer] == nil {
				shared[s.answer] = make([]uint32, len(m.open[s.answer].texts[group]))
			}
			for i := range s.entries {
				shared[s.answer][s.entries[i].Places[group]] = 1
			}
		}
		shares = shares[n:]
	}
	var texts []string
	m.eachMarked(shared, group, func(_ *uint32, text string) { texts = append(texts, text) })
	slices.SortFunc(texts, farmtally.CompareGroup)
	texts = slices.Compact(texts)
	m.eachMarked(shared, group, func(mark *uint32, text string) {
		rank, _ := slices.BinarySearchFunc(texts, text, farmtally.CompareGroup)
		*mark = uint32(rank) //nolint:gosec // an index
	})
	return shared
}

// alike reports whether all open answers have the same texts.
func (m *merger) alike(group int) bool {
	for i := 1; i < len(m.open); i++ {
		if !slices.Equal(m.open[i].texts[group], m.open[0].texts[group]) {
			return false
		}
	}
	return true
}

func (m *merger) placesAsRanks(group int) [][]uint32 {
	all := make([][]uint32, len(m.open))
	if len(m.open) < 2 {
		return all // nothing is merged
	}
	places := make([]uint32, len(m.open[0].texts[group]))
	for i := range places {
		places[i] = uint32(i)
	}
	for i := range all {
		all[i] = places
	}
	return all
}

// eachMarked calls yield for the marks that are 1.
func (m *merger) eachMarked(marks [][]uint32, group int, yield func(mark *uint32, text string)) {
	for i := range marks {
		for place := range marks[i] {
			if mark := &marks[i][place]; *mark == 1 {
				yield(mark, m.open[i].texts[group][place])
			}
		}
	}
}

// emitShare makes rows of the entries that one answer alone has in a bucket.
func (m *merger) emitShare(s *share) error {
	o, row := &m.open[s.answer], &m.row
	if m.rows += int64(len(s.entries)); m.limits.Rows > 0 && m.rows > m.limits.Rows {
		return m.tooManyRows()
	}
	first := s.first()
	for i := range s.entries {
		e := &s.entries[i]
		row.Count = e.Widen(o.HighOf(first+i), &row.Cost, &row.Runtime)
		m.group(o, &e.Places)
		if err := m.emit(row); err != nil {
			return err
		}
	}
	return nil
}

// group makes the row under way that of the group at an answer's places.
func (m *merger) group(o *opened, places *[2]uint32) {
	m.row.Group[0] = o.texts[0][places[0]]
	if len(m.query.GroupBy) > 1 {
		m.row.Group[1] = o.texts[1][places[1]]
	}
	if m.byJob >= 0 {
		m.row.JobName = o.names[places[m.byJob]]
	}
}

// heads are the shares of a bucket that have entries left, a heap by the first one's key.
type heads []head

type head struct {
	key   uint64
	share *share
}

// key orders the groups of a bucket's first entries.
func (m *merger) key(s *share) uint64 {
	places := &s.entries[0].Places
	key := uint64(m.ranks[0][s.answer][places[0]]) << 32
	if len(m.query.GroupBy) > 1 {
		key |= uint64(m.ranks[1][s.answer][places[1]])
	}
	return key
}

// down puts a head that may be too far up where it belongs.
func (h heads) down(at int) {
	for {
		least := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(h); child++ {
			if h[child].key < h[least].key {
				least = child
			}
		}
		if least == at {
			return
		}
		h[at], h[least] = h[least], h[at]
		at = least
	}
}

// next takes the first entry away.
func (m *merger) next() {
	h := m.heads
	s := h[0].share
	if s.entries = s.entries[1:]; len(s.entries) > 0 {
		h[0].key = m.key(s)
	} else {
		h[0] = h[len(h)-1]
		h = h[:len(h)-1]
	}
	h.down(0)
	m.heads = h
}

// emitMerged makes rows of the entries that several answers have in one bucket.
func (m *merger) emitMerged(shares []share) error {
	m.heads = m.heads[:0]
	for i := range shares {
		m.heads = append(m.heads, head{m.key(&shares[i]), &shares[i]})
	}
	for i := len(shares)/2 - 1; i >= 0; i-- {
		m.heads.down(i)
	}
	for len(m.heads) > 0 {
		key, s := m.heads[0].key, m.heads[0].share
		m.row.Count = s.entries[0].Widen(m.open[s.answer].HighOf(s.first()), &m.row.Cost, &m.row.Runtime)
		m.group(&m.open[s.answer], &s.entries[0].Places)
		for m.next(); len(m.heads) > 0 && m.heads[0].key == key; m.next() {
			m.merge(m.heads[0].share)
		}
		if m.rows++; m.limits.Rows > 0 && m.rows > m.limits.Rows {
			return m.tooManyRows()
		}
		if err := m.emit(&m.row); err != nil {
			return err
		}
	}
	return nil
}

// merge adds the first entry of a share to the row under way.
func (m *merger) merge(s *share) {
	var cost, runtime farmtally.Stat
	m.row.Count += s.entries[0].Widen(m.open[s.answer].HighOf(s.first()), &cost, &runtime)
	m.row.Cost.Merge(&cost)
	m.row.Runtime.Merge(&runtime)
}
