package engine

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/farmtally/farmtally"
)

// aheadOfEmit is how many results for each worker may wait for those before them.
const aheadOfEmit = 2

// inOrder finds n results on several workers, and hands them to take one after the other.
// Those that were not taken yet are few, however many there are in all. When it returns,
// no worker is under way.
func inOrder[T any](ctx context.Context, workers, n int, find func(context.Context, int) (T, error), take func(int, T) error) error {
	type result struct {
		found T
		err   error
	}
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	results := make(chan chan result, aheadOfEmit*workers)
	running.Go(func() {
		defer close(results)
		free := make(chan struct{}, workers)
		for i := range n {
			one := make(chan result, 1)
			select {
			case results <- one:
			case <-ctx.Done():
				return
			}
			free <- struct{}{}
			running.Go(func() {
				defer func() { <-free }()
				found, err := guarded(func() (T, error) { return find(ctx, i) })
				one <- result{found, err}
			})
		}
	})
	i := 0
	for one := range results {
		r := <-one
		if err := cmp.Or(r.err, ctx.Err()); err != nil {
			return err
		}
		if err := take(i, r.found); err != nil {
			return err
		}
		i++
	}
	return ctx.Err()
}

// guarded makes an error of a panic, as damaged data may cause.
func guarded[T any](find func() (T, error)) (found T, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a map of a file that was cut off faults
	defer func() {
		if p := recover(); p != nil {
			err = &farmtally.Error{
				Kind: farmtally.Corrupt, Message: "a segment file cannot be scanned",
				Err: fmt.Errorf("panic: %v", p), Hint: "run farmtally check",
			}
		}
	}()
	return find()
}
