package server

import (
	"slices"
	"time"

	"github.com/farmtally/farmtally"
)

// abandonedAfter is how long after its last asker an aggregation is given up.
const abandonedAfter = time.Minute

// sweep forgets the aggregations whose life is over, and gives those up that nobody asks
// about any more: their askers have gone without a word.
func (e *explorer) sweep(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	oldest := farmtally.InstantOf(now.Add(-Life))
	for len(e.ended) > 0 && e.ended[0].aggregation.Query.AsOf < oldest {
		e.forgetOldest()
	}
	for _, x := range e.byID {
		if x.aggregation.Status == farmtally.InProgress && now.Sub(x.asked) > abandonedAfter {
			e.giveUp(x, errCancelled)
		}
	}
}

// close ends all that runs or waits.
func (e *explorer) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.byID {
		if x.aggregation.Status == farmtally.InProgress {
			e.giveUp(x, errClosing)
		}
	}
}

// giveUp ends an aggregation for a reason. The caller holds the mutex.
func (e *explorer) giveUp(x *exploration, why error) {
	if x.cancel != nil {
		x.cancel(why)
		return
	}
	l := e.farms[x.aggregation.Query.FarmID]
	if i := slices.Index(l.waiting, x); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		e.endLocked(x, why)
	}
}

// forgetOldest forgets the aggregation that ended first. The caller holds the mutex.
func (e *explorer) forgetOldest() {
	old := e.ended[0]
	e.ended = e.ended[1:]
	e.kept -= len(old.rows)
	delete(e.byID, old.aggregation.ID)
}
