package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/farmtally/farmtally"
)

// run is an aggregation that runs in this process.
type run struct {
	done        chan struct{} // closed at its end
	seen, total atomic.Int64  // records looked at, and all there are
}

// progress is the statusMessage of a running aggregation.
func (r *run) progress() string {
	if r == nil || r.total.Load() == 0 {
		return messageBegins
	}
	return fmt.Sprintf("%d of %d records", r.seen.Load(), r.total.Load())
}

// The statusMessages that need no figures.
const (
	messageBegins = "The aggregation begins to run."
	messageBroken = "The aggregation broke for a reason that the server's log tells. Start it again."
	reduce        = "Reduce the time frame, reduce the number of queues or fleets, or increase the period length."
	reduceWhole   = "Reduce the time frame, or reduce the number of queues or fleets." // where there is no period
)

// reduceOf says what makes a question smaller.
func reduceOf(q *farmtally.Query) string {
	if q.Period == farmtally.WholeRange {
		return reduceWhole
	}
	return reduce
}

var (
	errClosing   = farmtally.Errorf(farmtally.Unavailable, "The server is closing.")
	errTimeLimit = errors.New("the aggregation's time is up")
)

func (s *Server) closing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// running gives the run of an aggregation, nil where this process runs none.
func (s *Server) running(id string) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs[id]
}

// launch pins the records of an aggregation that the catalog has as InProgress, and
// runs it in the background.
func (s *Server) launch(ctx context.Context, a farmtally.Aggregation) error {
	snapshot, err := s.config.Backend.Snapshot(ctx, a.Query.FarmID)
	if err != nil {
		return fmt.Errorf("snapshot records: %w", err)
	}
	r := &run{done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.Join(errClosing, snapshot.Close())
	}
	s.runs[a.ID] = r
	s.work.Go(func() { s.run(a, snapshot, r) })
	return nil
}

// run runs an aggregation to its end and keeps how it ended. One that is cut short
// by Close stays InProgress.
func (s *Server) run(a farmtally.Aggregation, snapshot farmtally.Snapshot, r *run) {
	defer close(r.done)
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.runs, a.ID)
		delete(s.turnedAway, a.Query.FarmID)
	}()
	log := s.log.With(slog.String("aggregation_id", a.ID), slog.String("farm_id", string(a.Query.FarmID)))
	started := s.now()
	ctx, cancel := context.WithTimeoutCause(s.ctx, s.timeLeft(&a), errTimeLimit)
	defer cancel()
	err := errors.Join(s.aggregate(ctx, &a, snapshot, r), closeSnapshot(snapshot))
	if s.ctx.Err() != nil && err != nil {
		log.Info("aggregation left for the next start")
		return
	}
	if err != nil {
		s.fail(ctx, &a, err)
		log.Error("aggregation ended", slog.String("status", a.Status.String()), slog.Any("error", err))
	} else {
		log.Info("aggregation ended", slog.String("status", a.Status.String()), slog.Int64("rows", a.Rows),
			slog.Duration("took", s.now().Sub(started)))
	}
	s.metrics.aggregation(a.Status.String(), askedByAPI, s.now().Sub(started))
	s.finish(a, log)
}

func closeSnapshot(snapshot farmtally.Snapshot) error {
	if err := snapshot.Close(); err != nil {
		return fmt.Errorf("close snapshot: %w", err)
	}
	return nil
}

// timeLeft is the time limit, or the rest of the aggregation's life if that is less.
func (s *Server) timeLeft(a *farmtally.Aggregation) time.Duration {
	return min(s.config.TimeLimit, a.Query.AsOf.Time().Add(Life).Sub(s.now()))
}

// aggregate stores the rows of an aggregation and completes a. A panic of the
// backend is an error: it must not end the server.
func (s *Server) aggregate(ctx context.Context, a *farmtally.Aggregation, snapshot farmtally.Snapshot, r *run) error {
	_, err := s.aggregateInto(ctx, a, snapshot, r, s.config.CreateResult)
	return err
}

// aggregateInto is aggregate with somewhere of the caller's to keep the rows.
func (s *Server) aggregateInto(ctx context.Context, a *farmtally.Aggregation, snapshot farmtally.Snapshot, r *run,
	create func(id string) (ResultWriter, error),
) (seen farmtally.Seen, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	result, err := create(a.ID)
	if err != nil {
		return seen, fmt.Errorf("create result: %w", err)
	}
	committed := false
	defer func() {
		if !committed {
			err = errors.Join(err, result.Abort())
		}
	}()
	rows := int64(0)
	progress := func(done, total int64) { r.seen.Store(done); r.total.Store(total) }
	seen, err = snapshot.Aggregate(ctx, &a.Query, farmtally.Limits{Rows: s.config.RowLimit}, progress,
		func(row *farmtally.Row) error { rows++; return result.Append(row) })
	if err != nil {
		return seen, fmt.Errorf("aggregate: %w", err)
	}
	if err := result.Commit(); err != nil {
		return seen, fmt.Errorf("commit result: %w", err)
	}
	committed = true
	a.Status, a.Rows, a.Message = farmtally.Completed, rows, completedMessage(seen, a.Query.AsOf)
	return seen, nil
}

// completedMessage says what a reader of the figures should know: which records had
// no price, and which had not ended.
func completedMessage(seen farmtally.Seen, asOf farmtally.Instant) string {
	unpriced := fmt.Sprintf("%d of %d records matched no rate and count as 0 USD", seen.Unpriced, seen.Records)
	running := fmt.Sprintf("%d of %d records were still running and count up to %s", seen.Running, seen.Records, asOf)
	switch {
	case seen.Unpriced > 0 && seen.Running > 0:
		return unpriced + "; " + running
	case seen.Unpriced > 0:
		return unpriced
	case seen.Running > 0:
		return running
	default:
		return ""
	}
}

// fail says how an aggregation ended that err broke.
func (s *Server) fail(ctx context.Context, a *farmtally.Aggregation, err error) {
	a.Rows = 0
	switch {
	case context.Cause(ctx) == errTimeLimit: //nolint:errorlint // the cause itself
		a.Status = farmtally.TimedOut
		a.Message = fmt.Sprintf("The aggregation ran longer than %s. %s", s.config.TimeLimit, reduceOf(&a.Query))
	case farmtally.KindOf(err) == farmtally.TooLarge:
		a.Status = farmtally.Failed
		a.Message = fmt.Sprintf("The result would have more than %d rows. %s", s.config.RowLimit, reduceOf(&a.Query))
	default:
		a.Status, a.Message = farmtally.Failed, messageBroken
	}
}

// The waits between attempts to keep how an aggregation ended: without it, the farm
// could start no other until this one's life ends.
const (
	firstRetry = time.Second
	lastRetry  = 10 * time.Minute
)

// finish keeps how an aggregation ended. It tries again until it can, for a disk
// that is full may have room later.
func (s *Server) finish(a farmtally.Aggregation, log *slog.Logger) {
	for wait := firstRetry; ; wait *= 2 {
		err := s.config.Catalog.FinishAggregation(context.Background(), a)
		if err != nil && farmtally.KindOf(err) == farmtally.NotFound { // expired meanwhile
			err = s.config.RemoveResult(a.ID)
		}
		if err == nil || wait > lastRetry {
			return
		}
		log.Error("aggregation's end not kept", slog.Any("error", err), slog.Duration("next_try", wait))
		select {
		case <-time.After(wait):
		case <-s.ctx.Done():
			return
		}
	}
}

// Recover runs again, with the same AsOf, what a crash or a Close left InProgress.
// It is to be called once, before requests are served. The runs go on in the
// background; one whose records can't be pinned becomes Failed.
func (s *Server) Recover(ctx context.Context) error {
	if err := s.expire(ctx); err != nil {
		return err
	}
	unfinished, err := s.config.Catalog.Unfinished(ctx)
	if err != nil {
		return fmt.Errorf("list unfinished aggregations: %w", err)
	}
	for _, a := range unfinished {
		if err := s.launch(ctx, a); err != nil {
			s.log.Error("aggregation not run again", slog.String("aggregation_id", a.ID), slog.Any("error", err))
			a.Status, a.Message = farmtally.Failed, messageBroken
			if err := s.config.Catalog.FinishAggregation(ctx, a); err != nil {
				return fmt.Errorf("finish aggregation %s: %w", a.ID, err)
			}
		}
	}
	return nil
}
