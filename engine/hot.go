package engine

import (
	"iter"
	"slices"
	"sync"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/kernel"
	"github.com/farmtally/farmtally/storage"
)

// hotPart is some of a farm's hot records that have ended, as columns, which are made when
// a query first asks for them.
type hotPart struct {
	*storage.HotRows
	zones zones

	mu      sync.Mutex
	numbers input // without codes
	codes   map[farmtally.Dimension]coded
}

// hotParts gives the parts of a farm's hot records that have ended, and those that run. What
// was made of parts that were there before is kept.
func (e *Engine) hotParts(farm farmtally.FarmID, hot storage.Hot) (ended []part, running storage.Hot) {
	e.mu.Lock()
	defer e.mu.Unlock()
	known, now := e.hot[farm], map[int64]*hotPart{}
	for _, p := range hot {
		if p.Running {
			running = append(running, p)
			continue
		}
		h := known[p.Info.ID]
		if h == nil {
			h = &hotPart{HotRows: p.HotRows, codes: map[farmtally.Dimension]coded{}}
		}
		now[p.Info.ID] = h
		ended = append(ended, part{info: &h.Info, hot: h, dropped: p.Dropped})
	}
	for id := range known {
		if now[id] == nil {
			e.cache.forget(id)
		}
	}
	e.hot[farm] = now
	return ended, running
}

// input gives the columns that the query needs.
func (h *hotPart) input(q *farmtally.Query, p *part) *input {
	h.mu.Lock()
	defer h.mu.Unlock()
	dimensions := dimensionsOf(q)
	missing := slices.DeleteFunc(slices.Clone(dimensions), func(d farmtally.Dimension) bool {
		_, known := h.codes[d]
		return known
	})
	if len(missing) > 0 {
		all := storage.HotPart{HotRows: h.HotRows}
		h.numbers = layOut(all.All(), h.Len(), 0, missing)
		for i, d := range missing {
			h.codes[d] = h.numbers.group[i]
		}
	}
	in := h.numbers
	in.part, in.group = p, nil
	for _, d := range dimensions {
		in.group = append(in.group, h.codes[d])
	}
	return in.filtered()
}

// dimensionsOf gives the dimension by which the query filters, and those by which it groups.
func dimensionsOf(q *farmtally.Query) []farmtally.Dimension {
	return append([]farmtally.Dimension{resourceOf(q)}, q.GroupBy...)
}

// filtered makes the first group the one by which the query filters.
func (in *input) filtered() *input {
	in.resource, in.group = in.group[0], in.group[1:]
	return in
}

// layOut makes columns of up to n records, by start: of their times and amounts, of running
// ones as they are at asOf, and of the dimensions as groups.
func layOut(records iter.Seq[*farmtally.Record], n int, asOf farmtally.Instant, dimensions []farmtally.Dimension) (in input) {
	wall, runtime, cost := make(kernel.Unsigned[uint64], 0, n), make(kernel.Unsigned[uint64], 0, n), make(kernel.Unsigned[uint64], 0, n)
	in.starts = make([]int64, 0, n)
	groups, rate := make([]coder, len(dimensions)), coder{}
	for r := range records {
		use := r.At(asOf)
		length := int64(use.End - use.Start)
		in.starts = append(in.starts, int64(use.Start))
		wall = append(wall, uint64(length))                  //nolint:gosec // never negative
		runtime = append(runtime, uint64(use.RuntimeMillis)) //nolint:gosec // never negative
		cost = append(cost, uint64(use.Cost))                //nolint:gosec // never negative
		in.maxWall = max(in.maxWall, length)
		rate.add(r.Rate.ID)
		for i, d := range dimensions {
			groups[i].add(r.Value(d))
		}
	}
	in.wall, in.runtime, in.cost = wall, runtime, cost
	column := rate.column()
	in.rate = &column
	for i := range groups {
		in.group = append(in.group, groups[i].column())
	}
	return in
}

// coder makes a coded column of texts.
type coder struct {
	codes kernel.Unsigned[uint32] // in the order of their first appearance
	texts memoryTexts
	known map[string]uint32
}

func (c *coder) add(text string) {
	code, known := c.known[text]
	if !known {
		if c.known == nil {
			c.known = map[string]uint32{}
		}
		code = uint32(len(c.texts)) //nolint:gosec // bounded by the number of hot records
		c.known[text] = code
		c.texts = append(c.texts, text)
	}
	c.codes = append(c.codes, code)
}

// column is what was added, the texts ascending.
func (c *coder) column() coded {
	texts := slices.Sorted(slices.Values(c.texts))
	places := make([]uint32, len(texts))
	for place, text := range texts {
		places[c.known[text]] = uint32(place)
	}
	for i, code := range c.codes {
		c.codes[i] = places[code]
	}
	return coded{c.codes, memoryTexts(texts)}
}
