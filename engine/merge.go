package engine

import (
	"cmp"
	"container/heap"
	"context"
	"slices"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
)

// merger makes the rows of an aggregation out of the answers of its inputs. Inputs are
// narrow in time, so that most buckets have entries of one input, which are rows as
// they are; the entries of a bucket that several share are merged by rank.
type merger struct {
	*aggregation
	answers []*answer
	names   [][]string                       // of jobs, by answer and place
	ranks   [farmtally.MaxGroupBy][][]uint32 // of a place's text among those of shared buckets, by answer and place
	row     farmtally.Row
	rows    int64
}

// share is the entries that an answer has in a bucket.
type share struct {
	bucket  int64
	answer  int
	entries []kernel.Entry
}

// emit gives each row once, in order.
func (m *merger) emit(ctx context.Context, emit func(*farmtally.Row) error) (err error) {
	if m.names, err = m.nameJobs(ctx, m.answers); err != nil {
		return err
	}
	shares := m.shares()
	for g := range m.query.GroupBy {
		m.ranks[g] = m.rank(shares, g)
	}
	for len(shares) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := sameBucket(shares)
		m.row.Start, m.row.End = m.query.Bounds(shares[0].bucket)
		if n == 1 {
			err = m.emitEntries(shares[0].answer, shares[0].entries, emit)
		} else {
			err = m.emitMerged(shares[:n], emit)
		}
		if err != nil {
			return err
		}
		shares = shares[n:]
	}
	return nil
}

// sameBucket counts the first shares that have one bucket.
func sameBucket(shares []share) int {
	n := 1
	for n < len(shares) && shares[n].bucket == shares[0].bucket {
		n++
	}
	return n
}

// shares gives the shares of all answers by bucket.
func (m *merger) shares() (shares []share) {
	for i, a := range m.answers {
		at := 0
		for _, run := range a.Runs {
			shares = append(shares, share{run.Bucket, i, a.Entries[at:run.End]})
			at = run.End
		}
	}
	slices.SortStableFunc(shares, func(a, b share) int { return cmp.Compare(a.bucket, b.bucket) })
	return shares
}

// rank numbers the texts of shared buckets in the order of rows.
func (m *merger) rank(shares []share, group int) [][]uint32 {
	shared := make([][]uint32, len(m.answers)) // first marks: 1 where a shared bucket has the place
	for len(shares) > 0 {
		n := sameBucket(shares)
		for _, s := range shares[:n] {
			if n == 1 {
				break
			}
			if shared[s.answer] == nil {
				shared[s.answer] = make([]uint32, len(m.answers[s.answer].texts[group]))
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

// eachMarked calls yield for the marks that are 1.
func (m *merger) eachMarked(marks [][]uint32, group int, yield func(mark *uint32, text string)) {
	for i := range marks {
		for place := range marks[i] {
			if mark := &marks[i][place]; *mark == 1 {
				yield(mark, m.answers[i].texts[group][place])
			}
		}
	}
}

// emitEntries makes rows of the entries that an answer has in a bucket.
func (m *merger) emitEntries(answer int, entries []kernel.Entry, emit func(*farmtally.Row) error) error {
	texts := &m.answers[answer].texts
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
			m.row.JobName = m.names[answer][e.Places[byJob]]
		}
		if err := emit(&m.row); err != nil {
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
func (m *merger) emitMerged(shares []share, emit func(*farmtally.Row) error) error {
	h := &heads{shares: shares, m: m}
	heap.Init(h)
	for h.Len() > 0 {
		first := share{answer: h.shares[0].answer, entries: []kernel.Entry{h.shares[0].entries[0]}}
		for h.next(); h.Len() > 0 && m.compare(&first, &h.shares[0]) == 0; h.next() {
			first.entries[0].Merge(&h.shares[0].entries[0].Cell)
		}
		if err := m.emitEntries(first.answer, first.entries, emit); err != nil {
			return err
		}
	}
	return nil
}
