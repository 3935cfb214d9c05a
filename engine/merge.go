package engine

import (
	"cmp"
	"container/heap"
	"context"
	"slices"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
)

// merger makes the rows of an answer out of what was found in each input. Inputs are
// narrow in time, so that most buckets have entries of one input, which are rows as
// they are; the entries of a bucket that several share are merged by rank.
type merger struct {
	*aggregation
	found  []found
	labels []labels // by input
	row    farmtally.Row
	rows   int64
}

// labels are what the rows say in place of an input's places, by group and place. The
// texts are copies, for those of a segment lie in its file; "" is not copied yet.
type labels struct {
	texts [farmtally.MaxGroupBy][]string
	ranks [farmtally.MaxGroupBy][]uint32 // of the places in shared buckets, among all inputs' texts
	names []string                       // of jobs
}

// share is the entries that an input has in a bucket.
type share struct {
	bucket  int64
	input   int
	entries []kernel.Entry
}

// emit gives each row once, in order.
func (m *merger) emit(ctx context.Context, emit func(*farmtally.Row) error) error {
	m.labels = make([]labels, len(m.found))
	for i := range m.found {
		for g, column := range m.found[i].group {
			m.labels[i].texts[g] = make([]string, column.texts.Len())
		}
	}
	if err := m.nameJobs(ctx); err != nil {
		return err
	}
	shares := m.shares()
	m.rank(shares)
	for len(shares) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := sameBucket(shares)
		m.row.Start, m.row.End = m.query.Bounds(shares[0].bucket)
		var err error
		if n == 1 {
			err = m.emitShare(&shares[0], emit)
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

// shares gives all inputs' shares by bucket.
func (m *merger) shares() (shares []share) {
	for i := range m.found {
		at := 0
		for _, run := range m.found[i].Runs {
			shares = append(shares, share{run.Bucket, i, m.found[i].Entries[at:run.End]})
			at = run.End
		}
	}
	slices.SortStableFunc(shares, func(a, b share) int { return cmp.Compare(a.bucket, b.bucket) })
	return shares
}

// rank numbers the texts of shared buckets in the order of rows.
func (m *merger) rank(shares []share) {
	for g := range m.query.GroupBy {
		used := make([][]bool, len(m.found))
		m.eachShared(shares, func(s *share) {
			if used[s.input] == nil {
				used[s.input] = make([]bool, len(m.labels[s.input].texts[g]))
			}
			for i := range s.entries {
				used[s.input][s.entries[i].Places[g]] = true
			}
		})
		var texts []string
		m.eachUsed(used, g, func(_ int, _ uint32, text string) { texts = append(texts, text) })
		slices.SortFunc(texts, farmtally.CompareGroup)
		texts = slices.Compact(texts)
		at := 0
		m.eachUsed(used, g, func(input int, place uint32, text string) {
			ranks := &m.labels[input].ranks[g]
			if *ranks == nil {
				*ranks, at = make([]uint32, len(used[input])), 0
			}
			for texts[at] != text {
				at++
			}
			(*ranks)[place] = uint32(at) //nolint:gosec // an index
		})
	}
}

// eachShared calls yield for the shares whose bucket others have too.
func (m *merger) eachShared(shares []share, yield func(*share)) {
	for len(shares) > 0 {
		n := sameBucket(shares)
		for i := range shares[:n] {
			if n > 1 {
				yield(&shares[i])
			}
		}
		shares = shares[n:]
	}
}

// eachUsed calls yield for the marked places, which ascend, input by input.
func (m *merger) eachUsed(used [][]bool, group int, yield func(input int, place uint32, text string)) {
	for input := range used {
		for place, is := range used[input] {
			if is {
				yield(input, uint32(place), m.text(input, group, uint32(place))) //nolint:gosec // an index
			}
		}
	}
}

// text gives a copy of the text of an input's place.
func (m *merger) text(input, group int, place uint32) string {
	text := &m.labels[input].texts[group][place]
	if *text == "" {
		*text = string([]byte(m.found[input].group[group].text(place)))
	}
	return *text
}

// emitShare makes rows of the entries of one input.
func (m *merger) emitShare(s *share, emit func(*farmtally.Row) error) error {
	for i := range s.entries {
		if err := m.emitRow(s.input, &s.entries[i], emit); err != nil {
			return err
		}
	}
	return nil
}

func (m *merger) emitRow(input int, e *kernel.Entry, emit func(*farmtally.Row) error) error {
	if m.rows++; m.limits.Rows > 0 && m.rows > m.limits.Rows {
		return m.tooManyRows()
	}
	m.row.Count, m.row.Cost, m.row.Runtime = e.Count, e.Cost, e.Runtime
	for g := range m.query.GroupBy {
		m.row.Group[g] = m.text(input, g, e.Places[g])
		if m.query.GroupBy[g] == farmtally.ByJob {
			m.row.JobName = m.labels[input].names[e.Places[g]]
		}
	}
	return emit(&m.row)
}

// heads are shares with entries left, a heap by the ranks of the first.
type heads struct {
	shares []share
	m      *merger
}

func (h *heads) Len() int           { return len(h.shares) }
func (h *heads) Less(i, j int) bool { return h.compare(i, j) < 0 }
func (h *heads) Swap(i, j int)      { h.shares[i], h.shares[j] = h.shares[j], h.shares[i] }
func (h *heads) Push(x any)         { h.shares = append(h.shares, x.(share)) }
func (h *heads) Pop() any {
	last := h.shares[len(h.shares)-1]
	h.shares = h.shares[:len(h.shares)-1]
	return last
}

func (h *heads) compare(i, j int) int {
	a, b := &h.shares[i], &h.shares[j]
	for g := range h.m.query.GroupBy {
		x := h.m.labels[a.input].ranks[g][a.entries[0].Places[g]]
		y := h.m.labels[b.input].ranks[g][b.entries[0].Places[g]]
		if x != y {
			return cmp.Compare(x, y)
		}
	}
	return 0
}

// next takes the first entry away.
func (h *heads) next() {
	if h.shares[0].entries = h.shares[0].entries[1:]; len(h.shares[0].entries) == 0 {
		heap.Pop(h)
		return
	}
	heap.Fix(h, 0)
}

// emitMerged makes rows of the entries that several inputs have in one bucket.
func (m *merger) emitMerged(shares []share, emit func(*farmtally.Row) error) error {
	h := &heads{shares: shares, m: m}
	heap.Init(h)
	for h.Len() > 0 {
		input, e := h.shares[0].input, h.shares[0].entries[0]
		for h.next(); h.Len() > 0 && m.sameGroup(input, &e, &h.shares[0]); h.next() {
			e.Merge(&h.shares[0].entries[0].Cell)
		}
		if err := m.emitRow(input, &e, emit); err != nil {
			return err
		}
	}
	return nil
}

// sameGroup reports whether an entry's group is that of a share's first.
func (m *merger) sameGroup(input int, e *kernel.Entry, s *share) bool {
	for g := range m.query.GroupBy {
		if m.labels[input].ranks[g][e.Places[g]] != m.labels[s.input].ranks[g][s.entries[0].Places[g]] {
			return false
		}
	}
	return true
}

// nameJobs looks up the names of the jobs that the answer has.
func (m *merger) nameJobs(ctx context.Context) error {
	group := slices.Index(m.query.GroupBy, farmtally.ByJob)
	if group < 0 {
		return nil
	}
	ids := map[string]string{}
	for input := range m.found {
		l := &m.labels[input]
		for i := range m.found[input].Entries {
			if text := m.text(input, group, m.found[input].Entries[i].Places[group]); text != "" {
				ids[text] = ""
			}
		}
		l.names = make([]string, len(l.texts[group]))
	}
	if err := m.snapshot.engine.jobNames(ctx, m.snapshot.farm, ids); err != nil {
		return err
	}
	for input := range m.labels {
		l := &m.labels[input]
		for place, id := range l.texts[group] {
			if id != "" {
				l.names[place] = ids[id]
			}
		}
	}
	return nil
}
