package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// groupRecords is about the most records of one transaction of several callers.
const groupRecords = 16_384

// appends are the calls of Append that wait for a transaction. One of them leads: it
// writes the records of all, so that they share one sync of the disk.
type appends struct {
	turn    chan struct{} // full while one leads
	mu      sync.Mutex
	waiting []*appending
}

// appending is one call of Append.
type appending struct {
	records  []farmtally.Record
	outcomes []farmtally.Outcome
	names    storage.Names
	segments int64 // the last one that was looked at before the transaction
	err      error
	done     chan struct{} // closed when the call is over
}

// Append implements farmtally.Backend. The records stay hot until they have ended
// and are sealed into a segment. Calls at the same time share transactions. While a
// farm has backlog times as many ended hot records as a seal takes, its callers wait.
//
// A call whose context ends before its records are on their way leaves nothing; one
// whose records are is waited for.
func (e *Engine) Append(ctx context.Context, records []farmtally.Record) ([]farmtally.Outcome, error) {
	a := &appending{
		records: make([]farmtally.Record, len(records)), outcomes: make([]farmtally.Outcome, len(records)), done: make(chan struct{}),
	}
	for i := range records {
		a.records[i] = records[i]
		if fields := records[i].Validate(); len(fields) > 0 {
			return nil, &farmtally.Error{Kind: farmtally.Invalid, Message: "record " + records[i].RecordID + " breaks a rule", Fields: fields}
		}
		if err := accept(&a.records[i]); err != nil {
			return nil, err
		}
		a.names.Note(&a.records[i])
	}
	if err := cmp.Or(ctx.Err(), e.sealer.wait(ctx, a.records)); err != nil {
		return nil, fmt.Errorf("append records: %w", err)
	}
	a.segments, _ = e.readAhead(ctx, a.records) // if it fails, so does the transaction
	if err := e.appends.add(ctx, a, e.appendGroup); err != nil {
		return nil, fmt.Errorf("append records: %w", err)
	}
	if a.err != nil {
		return nil, fmt.Errorf("append records: %w", a.err)
	}
	return a.outcomes, nil
}

// add waits until the call is over, and leads a group when it is its turn.
func (q *appends) add(ctx context.Context, a *appending, write func(context.Context, []*appending)) error {
	q.mu.Lock()
	q.waiting = append(q.waiting, a)
	q.mu.Unlock()
	select {
	case <-a.done:
		return nil
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		if q.leave(a) {
			return ctx.Err()
		}
		<-a.done
		return nil
	}
	defer func() { <-q.turn }()
	if group := q.group(a); group != nil {
		write(ctx, group)
	}
	return nil
}

// leave takes a call out of those that wait, if no group has it yet.
func (q *appends) leave(a *appending) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, w := range q.waiting {
		if w == a {
			q.waiting = append(q.waiting[:i:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// group takes the calls that wait, first those that have waited longest, and always the
// leader's own. It gives nil where that is over already.
func (q *appends) group(leader *appending) (group []*appending) {
	select {
	case <-leader.done:
		return nil
	default:
	}
	q.leave(leader)
	q.mu.Lock()
	defer q.mu.Unlock()
	n, taken := len(leader.records), 0
	for ; taken < len(q.waiting) && n+len(q.waiting[taken].records) <= groupRecords; taken++ {
		n += len(q.waiting[taken].records)
	}
	group = append(append(group, q.waiting[:taken]...), leader)
	q.waiting = q.waiting[taken:]
	return group
}

// appendGroup writes the records of the calls in one transaction. Where that fails, each
// gets one of its own, so that no call fails for another's.
func (e *Engine) appendGroup(ctx context.Context, group []*appending) {
	defer func() {
		for _, a := range group {
			close(a.done)
		}
	}()
	ctx = context.WithoutCancel(ctx)
	if err := e.write(ctx, group); err == nil {
		return
	} else if len(group) == 1 {
		group[0].err = err
		return
	}
	for i := range group {
		group[i].err = e.write(ctx, group[i:i+1])
	}
}

func (e *Engine) write(ctx context.Context, group []*appending) (err error) {
	for try := range aheadTries {
		err = e.tryWrite(ctx, group, try < aheadTries-1)
		if !errors.Is(err, errSegmentsCame) {
			break
		}
		for _, a := range group {
			a.segments, _ = e.readAhead(ctx, a.records) // if it fails, so does the transaction
		}
	}
	return err
}

// tryWrite writes the records, or where it may gives up because segments have come that were
// not looked at.
func (e *Engine) tryWrite(ctx context.Context, group []*appending, mayGiveUp bool) error {
	defer e.use()()
	levels := map[farmtally.FarmID]level{}
	err := e.catalog.Write(ctx, func(tx *storage.Tx) error {
		if last, err := tx.LastSegment(ctx); err != nil {
			return err
		} else if mayGiveUp && slices.ContainsFunc(group, func(a *appending) bool { return a.segments < last }) {
			return errSegmentsCame
		}
		for _, a := range group {
			if err := tx.Name(ctx, &a.names); err != nil {
				return err
			}
			if err := e.putAll(ctx, tx, a.records, a.outcomes); err != nil {
				return err
			}
			for farm := range a.names.Farms() {
				ended, stale, err := tx.CountHot(ctx, farm)
				if err != nil {
					return err
				}
				levels[farm] = level{ended, stale}
			}
		}
		return nil
	})
	if err == nil {
		e.filled(levels)
	}
	return err
}
