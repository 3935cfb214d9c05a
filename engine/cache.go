package engine

import (
	"container/list"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/farmtally/farmtally"
)

// DefaultCacheBytes is how much memory keeps what scans of segments found.
const DefaultCacheBytes = 128 << 20

// cache keeps what scans of segments found, by segment and query: both stay the same
// while other segments come and go. The least recently used make way.
type cache struct {
	mu    sync.Mutex
	most  int64 // bytes
	bytes int64
	byKey map[cacheKey]*list.Element
	used  list.List // of *kept, the latest first
	hits  atomic.Int64
}

// cacheKey is a segment and what a query asks of it.
type cacheKey struct {
	segment int64
	shape   string
}

// kept is an answer, good for as long as these rows of its segment are dropped
// and no others.
type kept struct {
	key     cacheKey
	dropped []uint32
	answer  *answer
	bytes   int64
}

func newCache(most int64) *cache { return &cache{most: most, byKey: map[cacheKey]*list.Element{}} }

func (c *cache) get(key cacheKey, dropped []uint32) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[key]
	if e == nil {
		return nil
	}
	k := e.Value.(*kept) //nolint:forcetypeassert // the list has no others
	if !slices.Equal(k.dropped, dropped) {
		return nil
	}
	c.used.MoveToFront(e)
	c.hits.Add(1)
	return k.answer
}

// put keeps an answer, unless it is a large part of all that is kept.
func (c *cache) put(key cacheKey, dropped []uint32, a *answer) {
	if spare := cap(a.Entries) - len(a.Entries); spare > len(a.Entries)/8 {
		a.Entries = slices.Clone(a.Entries)
	}
	k := &kept{key: key, dropped: slices.Clone(dropped), answer: a}
	k.bytes = a.bytes() + int64(len(key.shape)) + int64(unsafe.Sizeof(*k)) + sliceBytes(k.dropped)
	if k.bytes > c.most/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(c.byKey[key])
	c.byKey[key] = c.used.PushFront(k)
	for c.bytes += k.bytes; c.bytes > c.most; {
		c.remove(c.used.Back())
	}
}

// remove forgets an element, which may be nil. The caller has c.mu.
func (c *cache) remove(e *list.Element) {
	if e == nil {
		return
	}
	k := c.used.Remove(e).(*kept) //nolint:forcetypeassert // the list has no others
	delete(c.byKey, k.key)
	c.bytes -= k.bytes
}

// forget drops what is kept of a segment that is not there any more.
func (c *cache) forget(segment int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.used.Front(); e != nil; {
		next := e.Next()
		if e.Value.(*kept).key.segment == segment { //nolint:forcetypeassert // the list has no others
			c.remove(e)
		}
		e = next
	}
}

// shapes are what of a query a segment's answer depends on: with its range, or
// for a segment that lies inside the range, without.
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
	info := &p.segment.Info
	if info.First >= s.query.Start && info.End <= s.query.End && info.Last < s.query.End {
		return cacheKey{info.ID, s.inner}
	}
	return cacheKey{info.ID, s.ranged}
}
