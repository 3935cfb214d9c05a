package engine

import (
	"cmp"
	"container/heap"
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
}

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
			err = m.emitEntries(shares[0].answer, shares[0].entries)
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
			shares = append(shares, share{run.Bucket, i, o.Entries[o.entries:run.End]})
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

// emitEntries makes rows of the entries that an answer has in a bucket.
func (m *merger) emitEntries(answer int, entries []kernel.Entry) error {
	texts, names := &m.open[answer].texts, m.open[answer].names
	byJob := slices.Index(m.query.GroupBy, farmtally.ByJob)
	for i := range entries {
		e := &entries[i]
		if m.rows++; m.limits.Rows > 0 && m.rows > m.limits.Rows {
			return m.tooManyRows()
		}
		m.row.Count, m.row.Cost, m.row.Runtime = e.Count, e.Cost, e.Runtime
		for g := range m.query.GroupBy {
			m.row.Group[g] = texts[g][e.Places[g]]
		}
		if byJob >= 0 {
			m.row.JobName = names[e.Places[byJob]]
		}
		if err := m.emit(&m.row); err != nil {
			return err
		}
	}
	return nil
}

// heads are shares with entries left, a heap by the ranks of the first.
type heads struct {
	shares []share
	m      *merger
}

func (h *heads) Len() int           { return len(h.shares) }
func (h *heads) Less(i, j int) bool { return h.m.compare(&h.shares[i], &h.shares[j]) < 0 }
func (h *heads) Swap(i, j int)      { h.shares[i], h.shares[j] = h.shares[j], h.shares[i] }
func (h *heads) Push(x any)         { h.shares = append(h.shares, x.(share)) }
func (h *heads) Pop() any {
	last := h.shares[len(h.shares)-1]
	h.shares = h.shares[:len(h.shares)-1]
	return last
}

// next takes the first entry away.
func (h *heads) next() {
	if h.shares[0].entries = h.shares[0].entries[1:]; len(h.shares[0].entries) == 0 {
		heap.Pop(h)
		return
	}
	heap.Fix(h, 0)
}

// compare compares the groups of the first entries of two shares of one bucket.
func (m *merger) compare(a, b *share) int {
	for g := range m.query.GroupBy {
		x := m.ranks[g][a.answer][a.entries[0].Places[g]]
		y := m.ranks[g][b.answer][b.entries[0].Places[g]]
		if x != y {
			return cmp.Compare(x, y)
		}
	}
	return 0
}

// emitMerged makes rows of the entries that several answers have in one bucket.
func (m *merger) emitMerged(shares []share) error {
	h := &heads{shares: shares, m: m}
	heap.Init(h)
	var merged [1]kernel.Entry
	first := share{entries: merged[:]}
	for h.Len() > 0 {
		first.answer, merged[0] = h.shares[0].answer, h.shares[0].entries[0]
		for h.next(); h.Len() > 0 && m.compare(&first, &h.shares[0]) == 0; h.next() {
			merged[0].Merge(&h.shares[0].entries[0].Cell)
		}
		if err := m.emitEntries(first.answer, first.entries); err != nil {
			return err
		}
	}
	return nil
}
