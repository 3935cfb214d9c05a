package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/farmtally/farmtally"
)

// The bounds of the explorer's aggregations.
const (
	exploreRunning  = 1       // of a farm at once, beside those of the API
	exploreWaiting  = 200     // of a farm
	exploreRows     = 200_000 // of one
	exploreKeptRows = 500_000 // of all that have ended
	exploreKept     = 2_000   // aggregations that have ended
)

var errCancelled = errors.New("cancelled by those who asked")

const (
	messageCancelled = "Cancelled."
	messageTooMany   = "The answer would have more than %d rows. "
)

// explorer runs the aggregations of the explorer, those of a farm one after the other.
// They are not of the catalog, for they need not outlive the server, and do not count
// against the API's limit. The zero value is ready.
type explorer struct {
	mu    sync.Mutex
	byID  map[string]*exploration
	farms map[farmtally.FarmID]*lane
	ended []*exploration // the oldest first
	kept  int            // rows of ended
}

// lane is a farm's queue.
type lane struct {
	waiting []*exploration
	running int
}

// exploration is one aggregation of the explorer. Its members are guarded by the
// explorer's mutex, save those that its own run writes before done is closed.
type exploration struct {
	aggregation farmtally.Aggregation
	keep        []keep
	mostRows    int64
	run         run
	cancel      context.CancelCauseFunc // nil before it runs
	done        chan struct{}           // closed at its end
	askers      int
	asked       time.Time // last
	seen        farmtally.Seen
	rows        []farmtally.Row
	reason      string
}

// begin makes an aggregation, which waits for its turn. Where one that asks the same has
// not begun to run, it is that one: it will see all records that are there by now.
func (e *explorer) begin(s *Server, a farmtally.Aggregation, keeps []keep) (*exploration, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID == nil {
		e.byID, e.farms = map[string]*exploration{}, map[farmtally.FarmID]*lane{}
	}
	l := e.farms[a.Query.FarmID]
	if l == nil {
		l = &lane{}
		e.farms[a.Query.FarmID] = l
	}
	for _, x := range l.waiting {
		if x.sameAs(&a, keeps) {
			x.askers++
			x.asked = s.now()
			return x, nil
		}
	}
	if len(l.waiting) >= exploreWaiting {
		return nil, farmtally.Errorf(farmtally.Throttled, "%d questions about this farm are waiting already. Try again soon.", exploreWaiting)
	}
	x := &exploration{aggregation: a, keep: keeps, mostRows: min(exploreRows, s.config.RowLimit), done: make(chan struct{}), askers: 1, asked: s.now()}
	x.run.done = x.done
	l.waiting = append(l.waiting, x)
	e.byID[a.ID] = x
	e.next(s, l)
	return x, nil
}

// underWay is how many aggregations run or wait.
func (e *explorer) underWay() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.farms {
		n += l.running + len(l.waiting)
	}
	return n
}

// sameAs reports whether the aggregation asks the same.
func (x *exploration) sameAs(a *farmtally.Aggregation, keeps []keep) bool {
	q, p := &x.aggregation.Query, &a.Query
	return sameForm(&x.aggregation, a) && slices.Equal(x.keep, keeps) &&
		slices.Equal(q.QueueIDs, p.QueueIDs) && slices.Equal(q.FleetIDs, p.FleetIDs)
}

// sameForm reports whether two aggregations ask the same, be it about other queues or
// fleets.
func sameForm(a, b *farmtally.Aggregation) bool {
	q, p := &a.Query, &b.Query
	return q.Start == p.Start && q.End == p.End && q.Zone == p.Zone && q.Period == p.Period &&
		slices.Equal(q.GroupBy, p.GroupBy) && slices.Equal(q.Statistics, p.Statistics) && a.CostScale == b.CostScale
}

// next runs those whose turn has come. The caller holds the mutex.
func (e *explorer) next(s *Server, l *lane) {
	for l.running < exploreRunning && len(l.waiting) > 0 {
		x := l.waiting[0]
		l.waiting = l.waiting[1:]
		ctx, cancel := context.WithCancelCause(s.ctx)
		x.cancel = cancel
		x.aggregation.Query.AsOf = farmtally.InstantOf(s.now())
		if !s.goWork(func() { e.runOne(ctx, s, l, x) }) {
			cancel(errClosing)
			e.endLocked(x, errClosing)
			continue
		}
		l.running++
	}
}

// goWork runs f in the background, unless the server is closing.
func (s *Server) goWork(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Go(f)
	return true
}

// runOne runs an aggregation to its end.
func (e *explorer) runOne(ctx context.Context, s *Server, l *lane, x *exploration) {
	ctx, stop := context.WithTimeoutCause(ctx, s.config.TimeLimit, errTimeLimit)
	defer stop()
	a, started := x.aggregation, s.now()
	err := s.explore(ctx, &a, x)
	if err != nil && context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	if err != nil && !errors.Is(err, errCancelled) {
		s.log.Error("exploration ended", slog.String("farm_id", string(a.Query.FarmID)), slog.Any("error", err))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	x.cancel(nil)
	x.aggregation = a
	e.endLocked(x, err)
	status := x.aggregation.Status.String()
	if errors.Is(err, errCancelled) {
		status = statusCancelled
	}
	s.metrics.aggregation(status, askedByExplorer, s.now().Sub(started))
	l.running--
	e.next(s, l)
}

// explore computes the rows of an aggregation.
func (s *Server) explore(ctx context.Context, a *farmtally.Aggregation, x *exploration) error {
	snapshot, err := s.config.Backend.Snapshot(ctx, a.Query.FarmID)
	if err != nil {
		return fmt.Errorf("snapshot records: %w", err)
	}
	rows := &keptRows{texts: map[string]string{}, keep: x.keep, most: int(x.mostRows), owner: x}
	seen, err := s.aggregateInto(ctx, a, snapshot, &x.run, func(string) (ResultWriter, error) { return rows, nil })
	x.seen = seen
	a.Rows = int64(len(x.rows))
	return errors.Join(err, closeSnapshot(snapshot))
}

// endLocked says how an aggregation ended. The caller holds the mutex.
func (e *explorer) endLocked(x *exploration, err error) {
	a := &x.aggregation
	switch {
	case err == nil:
	case errors.Is(err, errCancelled):
		a.Status, a.Message, x.reason = farmtally.Failed, messageCancelled, "CANCELLED"
	case errors.Is(err, errTimeLimit):
		a.Status, a.Message, x.reason = farmtally.TimedOut, "The question took too long. "+reduceOf(&a.Query), "TOO_LONG"
	case farmtally.KindOf(err) == farmtally.TooLarge:
		a.Status, a.Message, x.reason = farmtally.Failed, fmt.Sprintf(messageTooMany, x.mostRows)+reduceOf(&a.Query), "TOO_LARGE"
	default:
		a.Status, a.Message, x.reason = farmtally.Failed, messageBroken, "BROKEN"
	}
	if err != nil {
		x.rows, a.Rows = nil, 0
	}
	close(x.done)
	e.ended = append(e.ended, x)
	e.kept += len(x.rows)
	for len(e.ended) > 1 && (e.kept > exploreKeptRows || len(e.ended) > exploreKept) {
		e.forgetOldest()
	}
}

// leave takes one asker away.
func (e *explorer) leave(x *exploration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x.askers--; x.askers > 0 || x.aggregation.Status != farmtally.InProgress {
		return
	}
	e.giveUp(x, errCancelled)
}

// find gives an aggregation of the farm, nil where there is none.
func (e *explorer) find(farm farmtally.FarmID, id string) *exploration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x := e.byID[id]; x != nil && x.aggregation.Query.FarmID == farm {
		return x
	}
	return nil
}

// lookup gives a copy of an aggregation of the farm.
func (e *explorer) lookup(farm farmtally.FarmID, id string) (a farmtally.Aggregation, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x := e.byID[id]
	if x == nil || x.aggregation.Query.FarmID != farm {
		return a, false
	}
	return x.aggregation, true
}

// result gives the rows of an aggregation that has ended.
func (e *explorer) result(id string) (ResultReader, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x := e.byID[id]
	if x == nil {
		return nil, false
	}
	return rowReader(x.rows), true
}

// keepOf gives what an aggregation keeps of its rows; nothing where it keeps them all.
func (e *explorer) keepOf(id string) []keep {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x := e.byID[id]; x != nil {
		return x.keep
	}
	return nil
}

// state says how far an aggregation is.
func (e *explorer) state(x *exploration, now time.Time) exploreState {
	e.mu.Lock()
	defer e.mu.Unlock()
	x.asked = now
	a := &x.aggregation
	state := exploreState{
		AggregationID: a.ID, Status: a.Status.String(), StatusMessage: a.Message, AsOf: a.Query.AsOf.String(),
		RecordsDone: x.run.seen.Load(), RecordsTotal: x.run.total.Load(), Rows: a.Rows, Reason: x.reason,
	}
	if a.Status == farmtally.Completed {
		state.Records, state.Unpriced, state.Running = x.seen.Records, x.seen.Unpriced, x.seen.Running
	}
	if l := e.farms[a.Query.FarmID]; l != nil && a.Status == farmtally.InProgress && x.cancel == nil {
		state.Ahead = l.running + max(slices.Index(l.waiting, x), 0)
	}
	return state
}
