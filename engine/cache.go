package engine

import (
	"container/heap"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/farmtally/farmtally"
)

// DefaultCacheBytes is how much memory keeps what scans of parts found.
const DefaultCacheBytes = 96 << 20

// cache keeps what scans of parts found, by part and question: both stay the same
// while other parts come and go.
//
// What makes way is what is worth least: an answer is worth the records that it spares
// a look at, for each byte that it takes, and what was used since the others made way is
// worth more (Cao and Irani's GreedyDual-Size). So one question of a million rows does
// not push out a hundred of a few rows each.
type cache struct {
	mu    sync.Mutex
	most  int64 // bytes
	bytes int64
	floor float64 // the worth of what made way last
	byKey map[cacheKey]*kept
	worth worth
	hits  atomic.Int64
}

// cacheKey is a part, by its id, and what a query asks of it.
type cacheKey struct {
	part  int64
	shape string
}

// kept is an answer, good for as long as these rows of its part are dropped and no
// others.
type kept struct {
	key     cacheKey
	dropped []uint32
	answer  *answer
	bytes   int64
	spares  float64 // records for each byte
	worth   float64 // that, on top of the floor at its last use
	at      int     // its place in the heap
}

// worth is a heap, the least worth first.
type worth []*kept

func (w worth) Len() int           { return len(w) }
func (w worth) Less(i, j int) bool { return w[i].worth < w[j].worth }
func (w worth) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].at, w[j].at = i, j
}

func (w *worth) Push(x any) {
	k := x.(*kept) //nolint:forcetypeassert // the heap has no others
	k.at = len(*w)
	*w = append(*w, k)
}

func (w *worth) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}

func newCache(most int64) *cache { return &cache{most: most, byKey: map[cacheKey]*kept{}} }

// has reports whether get would find an answer.
func (c *cache) has(key cacheKey, dropped []uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.byKey[key]
	return k != nil && slices.Equal(k.dropped, dropped)
}

func (c *cache) get(key cacheKey, dropped []uint32) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.byKey[key]
	if k == nil || !slices.Equal(k.dropped, dropped) {
		return nil
	}
	k.worth = c.floor + k.spares
	heap.Fix(&c.worth, k.at)
	c.hits.Add(1)
	return k.answer
}

// put keeps an answer about so many records, unless it is a large part of all that is
// kept.
func (c *cache) put(key cacheKey, dropped []uint32, records int64, a *answer) {
	if spare := cap(a.Entries) - len(a.Entries); spare > len(a.Entries)/8 {
		a.Entries = slices.Clone(a.Entries)
	}
	k := &kept{key: key, dropped: slices.Clone(dropped), answer: a}
	k.bytes = a.bytes() + int64(len(key.shape)) + int64(unsafe.Sizeof(*k)) + sliceBytes(k.dropped)
	k.spares = float64(records) / float64(k.bytes)
	if k.bytes > c.most/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.byKey[key]; old != nil {
		c.remove(old)
	}
	k.worth = c.floor + k.spares
	c.byKey[key] = k
	heap.Push(&c.worth, k)
	for c.bytes += k.bytes; c.bytes > c.most; {
		c.floor = c.worth[0].worth
		c.remove(c.worth[0])
	}
}

// remove forgets what is kept. The caller has c.mu.
func (c *cache) remove(k *kept) {
	heap.Remove(&c.worth, k.at)
	delete(c.byKey, k.key)
	c.bytes -= k.bytes
}

// forget drops what is kept of a part that is not there any more.
func (c *cache) forget(part int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, k := range c.byKey {
		if key.part == part {
			c.remove(k)
		}
	}
}

// shapes are what of a query a part's answer depends on: with its range, or
// for a part that lies inside the range, without.
type shapes struct {
	query         *farmtally.Query
	ranged, inner string
}

func shapesOf(q *farmtally.Query) shapes {
	var b []byte
	for _, n := range []int{int(resourceOf(q)), int(q.Period), int(q.Zone), len(q.GroupBy)} {
		b = binary.AppendVarint(b, int64(n))
	}
	for _, d := range q.GroupBy {
		b = binary.AppendVarint(b, int64(d))
	}
	ids := make([]string, 0, farmtally.MaxResources)
	for _, id := range q.QueueIDs {
		ids = append(ids, string(id))
	}
	for _, id := range q.FleetIDs {
		ids = append(ids, string(id))
	}
	slices.Sort(ids)
	for _, id := range ids {
		b = append(append(b, id...), 0)
	}
	inner := string(b)
	b = binary.AppendVarint(b, int64(q.Start))
	return shapes{q, string(binary.AppendVarint(b, int64(q.End))), inner}
}

func (s *shapes) key(p *part) cacheKey {
	info := p.info
	if info.First >= s.query.Start && info.End <= s.query.End && info.Last < s.query.End {
		return cacheKey{info.ID, s.inner}
	}
	return cacheKey{info.ID, s.ranged}
}
