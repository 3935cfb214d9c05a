package engine

import (
	"context"

	"github.com/farmtally/farmtally"
)

// CacheHits counts the answers of segments that came out of the cache.
func (e *Engine) CacheHits() int64 { return e.cache.hits.Load() }

// CacheBytes is the memory that the cache says it takes, and the most it may take.
func (e *Engine) CacheBytes() (now, most int64) {
	e.cache.mu.Lock()
	defer e.cache.mu.Unlock()
	return e.cache.bytes, e.cache.most
}

// AwaitUnmapping waits until what is no segment any more is unmapped and forgotten.
func (e *Engine) AwaitUnmapping() { e.unmapping.Wait() }

// CachedSegments are those of which the cache has answers.
func (e *Engine) CachedSegments() map[int64]bool {
	e.cache.mu.Lock()
	defer e.cache.mu.Unlock()
	segments := map[int64]bool{}
	for key := range e.cache.byKey {
		segments[key.part] = true
	}
	return segments
}

// WhenPrepared has do done once, when an import has prepared its transaction and before that
// begins; and bounds what the transaction looks at, of what came in between.
func (e *Engine) WhenPrepared(behind int64, do func()) {
	e.behind = behind
	e.prepared = func() {
		e.prepared = func() {}
		do()
	}
}

// VerifiedSegments counts the open segments of which every column has been verified.
func (e *Engine) VerifiedSegments() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.segments {
		if s.Verified() {
			n++
		}
	}
	return n
}

// Flush has an import look at what it has collected, as it does when that is much.
func (e *Engine) Flush(of farmtally.Import) error {
	l := of.(*load) //nolint:forcetypeassert // the engine's are these
	for _, f := range l.farms {
		if err := l.flush(context.Background(), f); err != nil {
			return err
		}
	}
	return l.settled()
}
