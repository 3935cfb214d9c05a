package server

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/farmtally/farmtally"
)

// The most keys and results that are kept at hand.
const (
	keptKeys    = 1024
	keptResults = 64
)

// keyCache keeps keys for as long as the catalog does not change, so that a key that
// is revoked is good for nothing at once.
type keyCache struct {
	mu      sync.Mutex
	version int64 // of the catalog
	keys    map[string]farmtally.AccessKey
}

// key gives a key, revoked or not. It fails with NotFound for an unknown one.
func (s *Server) key(ctx context.Context, id string) (farmtally.AccessKey, error) {
	version, err := s.config.Catalog.Version(ctx)
	if err != nil {
		return farmtally.AccessKey{}, fmt.Errorf("read version of catalog: %w", err)
	}
	if k, ok := s.keys.get(version, id); ok {
		return k, nil
	}
	// Read after the version: it is of that version or of a later one.
	k, err := s.config.Catalog.Key(ctx, id)
	if err == nil {
		s.keys.put(version, k)
	}
	return k, err
}

func (c *keyCache) get(version int64, id string) (farmtally.AccessKey, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.keys[id]
	return k, ok && c.version == version
}

func (c *keyCache) put(version int64, k farmtally.AccessKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version != version || len(c.keys) >= keptKeys || c.keys == nil {
		c.version, c.keys = version, map[string]farmtally.AccessKey{}
	}
	c.keys[k.ID] = k
}

// resultCache keeps the results of completed aggregations open, which never change.
type resultCache struct {
	mu     sync.Mutex
	open   map[string]*openResult // by aggregation id
	clock  int64                  // counts uses
	closed bool
}

// openResult is a completed aggregation and its rows.
type openResult struct {
	aggregation farmtally.Aggregation
	rows        ResultReader
	users       int   // pages being read
	used        int64 // when it was used last
	dropped     bool  // close it when its last user has gone
}

// use gives the open result of an aggregation, nil where there is none. The caller
// calls done in the end.
func (c *resultCache) use(id string) *openResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.open[id]
	if o != nil {
		c.clock++
		o.users, o.used = o.users+1, c.clock
	}
	return o
}

// add keeps a result that has just been opened, and gives it as use does. Where
// another was faster, that one stays.
func (c *resultCache) add(a farmtally.Aggregation, rows ResultReader) *openResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	o := &openResult{aggregation: a, rows: rows, users: 1, used: c.clock}
	if c.closed || c.open[a.ID] != nil {
		o.dropped = true
		return o
	}
	if len(c.open) >= keptResults {
		c.dropOldest()
	}
	if c.open == nil {
		c.open = map[string]*openResult{}
	}
	c.open[a.ID] = o
	return o
}

func (c *resultCache) dropOldest() {
	var oldest *openResult
	for _, o := range c.open {
		if oldest == nil || o.used < oldest.used {
			oldest = o
		}
	}
	c.dropLocked(oldest.aggregation.ID)
}

// done ends a use.
func (c *resultCache) done(o *openResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.users--; o.users == 0 && o.dropped {
		_ = o.rows.Close() // it was only read
	}
}

// drop forgets a result, and closes it once nobody uses it.
func (c *resultCache) drop(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropLocked(id)
}

func (c *resultCache) dropLocked(id string) {
	o := c.open[id]
	if o == nil {
		return
	}
	delete(c.open, id)
	if o.dropped = true; o.users == 0 {
		_ = o.rows.Close() // it was only read
	}
}

// close drops every result, and keeps none from now on.
func (c *resultCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for id := range c.open {
		c.dropLocked(id)
	}
}

// result gives the open result of a completed aggregation. The caller calls done in
// the end.
func (s *Server) result(a farmtally.Aggregation) (*openResult, error) {
	if rows, ok := s.explorer.result(a.ID); ok {
		return s.results.add(a, rows), nil
	}
	rows, err := s.config.OpenResult(a.ID)
	if err != nil {
		return nil, fmt.Errorf("open result: %w", err)
	}
	if n := rows.Rows(); n != a.Rows {
		return nil, errors.Join(farmtally.Errorf(farmtally.Corrupt, "result %s has %d rows, not %d", a.ID, n, a.Rows), rows.Close())
	}
	return s.results.add(a, rows), nil
}
