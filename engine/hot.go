package engine

import (
	"slices"
	"sync"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
)

// hotSet is the hot records of a farm as they were at one moment, as columns, which are
// made when a query first asks for them.
type hotSet struct {
	records []farmtally.Record
	ended   []*farmtally.Record
	running []*farmtally.Record

	once    sync.Once
	numbers input // of those that have ended, without codes
	zones   *kernel.Zones
	rate    coded

	mu    sync.Mutex
	codes map[farmtally.Dimension]coded // of those that have ended
}

// hotSetOf gives the hot records of a farm as columns: those that were made before, while
// the records are the same slice.
func (e *Engine) hotSetOf(farm farmtally.FarmID, records []farmtally.Record) *hotSet {
	e.mu.Lock()
	defer e.mu.Unlock()
	if h := e.hot[farm]; h != nil && len(h.records) == len(records) && &h.records[0] == &records[0] {
		return h
	}
	h := &hotSet{records: records, codes: map[farmtally.Dimension]coded{}}
	for i := range records {
		if r := &records[i]; r.Running {
			h.running = append(h.running, r)
		} else {
			h.ended = append(h.ended, r)
		}
	}
	e.hot[farm] = h
	return h
}

// endedInput lays out the records that have ended.
func (h *hotSet) endedInput(q *farmtally.Query) (*input, *kernel.Zones) {
	h.once.Do(func() {
		h.numbers = numbersOf(h.ended, 0)
		h.zones = h.numbers.zones()
		h.rate = encode(h.ended, rateOf)
	})
	in := h.numbers
	in.rate = &h.rate
	in.resource = h.coded(resourceOf(q))
	for _, d := range q.GroupBy {
		in.group = append(in.group, h.coded(d))
	}
	return &in, h.zones
}

func (h *hotSet) coded(d farmtally.Dimension) coded {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, known := h.codes[d]
	if !known {
		c = encode(h.ended, valueOf(d))
		h.codes[d] = c
	}
	return c
}

// runningInput lays out the records that go on, as they are at the query's AsOf.
func (h *hotSet) runningInput(q *farmtally.Query) (*input, *kernel.Zones) {
	in := numbersOf(h.running, q.AsOf)
	rate := encode(h.running, rateOf)
	in.rate = &rate
	in.resource = encode(h.running, valueOf(resourceOf(q)))
	for _, d := range q.GroupBy {
		in.group = append(in.group, encode(h.running, valueOf(d)))
	}
	return &in, in.zones()
}

// numbersOf makes columns of the records' times and amounts; of running ones as they are
// at asOf.
func numbersOf(records []*farmtally.Record, asOf farmtally.Instant) (in input) {
	var wall, runtime, cost kernel.Unsigned[uint64]
	for _, r := range records {
		use := r.At(asOf)
		length := int64(use.End - use.Start)
		in.starts = append(in.starts, int64(use.Start))
		wall = append(wall, uint64(length))                  //nolint:gosec // never negative
		runtime = append(runtime, uint64(use.RuntimeMillis)) //nolint:gosec // never negative
		cost = append(cost, uint64(use.Cost))                //nolint:gosec // never negative
		in.maxWall = max(in.maxWall, length)
	}
	in.wall, in.runtime, in.cost = wall, runtime, cost
	return in
}

func valueOf(d farmtally.Dimension) func(*farmtally.Record) string {
	return func(r *farmtally.Record) string { return r.Value(d) }
}

func rateOf(r *farmtally.Record) string { return r.Rate.ID }

// encode makes a coded column of the records' values.
func encode(records []*farmtally.Record, value func(*farmtally.Record) string) coded {
	known := map[string]uint32{}
	for _, r := range records {
		known[value(r)] = 0
	}
	texts := make(memoryTexts, 0, len(known))
	for text := range known {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	for code, text := range texts {
		known[text] = uint32(code)
	}
	codes := make(kernel.Unsigned[uint32], len(records))
	for i, r := range records {
		codes[i] = known[value(r)]
	}
	return coded{codes, texts}
}
