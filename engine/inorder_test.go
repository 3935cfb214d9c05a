package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/farmtally/farmtally"
)

// The answers come in order, few of them ahead of those that were taken, on no more
// workers than allowed.
func TestInOrder(t *testing.T) {
	const n, workers = 200, 3
	answers := make([]*answer, n)
	var running, found, most atomic.Int64
	taken := 0
	find := func(_ context.Context, i int) (*answer, error) {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		found.Add(1)
		answers[i] = &answer{}
		return answers[i], nil
	}
	err := inOrder(t.Context(), workers, n, find, func(i int, a *answer) error {
		if i != taken || a != answers[i] {
			t.Fatalf("answer %d came as the %dth", i, taken)
		}
		taken++
		if ahead := found.Load() - int64(taken); ahead > (aheadOfEmit+2)*workers {
			t.Fatalf("%d answers wait", ahead)
		}
		return nil
	})
	if err != nil || taken != n || most.Load() > workers {
		t.Errorf("%d answers of %d on %d workers, error %v", taken, n, most.Load(), err)
	}
}

// Whoever fails first ends it, and nothing is under way then.
func TestInOrderFails(t *testing.T) {
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		find func(i int) error
		take func(i int, stop context.CancelFunc) error
		want func(error) bool
	}{
		"find": {
			find: func(i int) error { return map[int]error{7: broken}[i] },
			want: func(err error) bool { return errors.Is(err, broken) },
		},
		"panic": {
			find: func(i int) error { return map[int]error{}[7/max(0, i-7)] },
			want: func(err error) bool { return farmtally.KindOf(err) == farmtally.Corrupt },
		},
		"take": {
			take: func(i int, _ context.CancelFunc) error { return map[int]error{7: broken}[i] },
			want: func(err error) bool { return errors.Is(err, broken) },
		},
		"end of the context": {
			take: func(i int, stop context.CancelFunc) error {
				if i == 7 {
					stop()
				}
				return nil
			},
			want: func(err error) bool { return errors.Is(err, context.Canceled) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var running atomic.Int64
			find := func(_ context.Context, i int) (*answer, error) {
				running.Add(1)
				defer running.Add(-1)
				if test.find != nil {
					return &answer{}, test.find(i)
				}
				return &answer{}, nil
			}
			most := 0
			err := inOrder(ctx, 2, 100, find, func(i int, _ *answer) error {
				most = i
				if test.take != nil {
					return test.take(i, stop)
				}
				return nil
			})
			if !test.want(err) || running.Load() != 0 || most > 8 {
				t.Errorf("error %v, %d under way, the last taken %d", err, running.Load(), most)
			}
		})
	}
}
