package engine

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// users counts those who may hold open segments, in the order in which they came.
type users struct {
	last   int64
	active map[int64]bool
}

// use makes the caller a user of segments, until it calls end. Whoever reads a list of
// segments out of the catalog is a user before that.
func (e *Engine) use() (end func()) {
	e.inUse.Add(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.users.last++
	me := e.users.last
	e.users.active[me] = true
	return func() {
		e.mu.Lock()
		delete(e.users.active, me)
		e.unmap()
		e.mu.Unlock()
		e.inUse.Done()
	}
}

// retire marks the open segments of a farm that are none of its segments any more.
// They are unmapped when all users are gone that may hold them: those of now.
func (e *Engine) retire(farm farmtally.FarmID, now []storage.SegmentInfo) {
	e.mu.Lock()
	defer e.mu.Unlock()
	known := make(map[int64]bool, len(now))
	for i := range now {
		known[now[i].ID] = true
	}
	for id, s := range e.segments {
		if _, already := e.retired[id]; s.Info.FarmID == farm && !known[id] && !already {
			e.retired[id] = e.users.last
		}
	}
	e.unmap()
}

// unmap closes the retired segments that nobody holds. The caller has e.mu and is a user.
// Nobody waits for it: to give up a map of many megabytes takes long, and if the file is
// removed already, its room on the disk is given up then.
func (e *Engine) unmap() {
	gone := map[int64]*storage.Segment{}
	for id, last := range e.retired {
		held := false
		for user := range e.users.active {
			held = held || user <= last
		}
		if held {
			continue
		}
		gone[id] = e.segments[id]
		delete(e.segments, id)
		delete(e.retired, id)
		delete(e.zones, id)
	}
	if len(gone) == 0 {
		return
	}
	e.unmapping.Go(func() {
		for id, s := range gone {
			e.cache.forget(id)
			if err := s.Close(); err != nil {
				e.cfg.Logger.Error("unmap compacted segment", "segment_id", id, "error", err)
			}
		}
	})
}

// busy reports whether anyone but one user is at work, or has come since seen, which it
// brings up to date: most come and go within a millisecond.
func (e *Engine) busy(seen *int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := *seen
	*seen = e.users.last
	return len(e.users.active) > 1 || e.users.last > before
}

// pinTries bounds how often the list of segments is read anew because a compaction
// of another process removed a file between the list and its opening.
const pinTries = 5

// pin reads the farm's records and opens its segments. The caller is a user.
func (e *Engine) pin(ctx context.Context, farm farmtally.FarmID) (view storage.View, parts []part, err error) {
	for range pinTries {
		if view, err = e.catalog.View(ctx, farm); err != nil {
			return view, nil, err
		}
		if parts, err = e.parts(&view); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err == nil {
		e.retire(farm, view.Segments)
	}
	return view, parts, err
}

// opensAtOnce is how many segments are opened at once: where the disk is asked, most of
// the time goes by waiting for it.
const opensAtOnce = 32

// openAll opens those of the segments that are not open.
func (e *Engine) openAll(segments []storage.SegmentInfo) error {
	var group errgroup.Group
	group.SetLimit(opensAtOnce)
	for _, info := range segments {
		if e.openSegment(info.ID, nil) == nil {
			group.Go(func() error {
				_, err := e.segment(info)
				return err
			})
		}
	}
	return group.Wait()
}

func (e *Engine) parts(view *storage.View) ([]part, error) {
	if err := e.openAll(view.Segments); err != nil {
		return nil, err
	}
	parts := make([]part, 0, len(view.Segments))
	for _, info := range view.Segments {
		s, err := e.segment(info)
		if err != nil {
			return nil, err
		}
		parts = append(parts, segmentPart(s, slices.Clip(view.Dropped[info.ID])))
	}
	return parts, nil
}
