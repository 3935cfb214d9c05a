package paginate

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"sync/atomic"
)

// Pages are the pages of one operation with one request. Each loop over them is a
// pass of its own that begins at the beginning and makes its own requests; passes
// may run at the same time.
type Pages[In, Out any] struct {
	trip

	token atomic.Pointer[string]
}

// NextToken is where a later [Paginator.Paginate], or botocore, goes on after the
// pass that ended last, as its StartingToken. It is "" after a pass that came to
// the end of the results, and before any has ended.
//
// A pass ends, and leaves a token, also where its loop is left early, after the
// page or the item that came last, and at an error of the service, before the page
// that could not be read.
func (p *Pages[In, Out]) NextToken() string {
	if token := p.token.Load(); token != nil {
		return *token
	}
	return ""
}

// All gives the pages. An error is given once, with no page, and is the last: the
// call's own, wrapped, or the context's, or a [*RepeatedTokenError].
func (p *Pages[In, Out]) All(ctx context.Context) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		err := p.each(ctx, func(page reflect.Value) (int, bool, error) {
			return wholePage, yield(as[Out](page), nil), nil
		})
		giveError(err, yield)
	}
}

// giveError gives an error, if there is one, as the last of a loop.
func giveError[T any](err error, yield func(T, error) bool) {
	if err != nil {
		var none T
		yield(none, err)
	}
}

// wholePage is the number of items of a page that was used to its end.
const wholePage = int(^uint(0) >> 1)

// each runs a pass. Use says how many of the page's items it used, and whether to
// go on; where not, its error is that of the pass.
func (p *Pages[In, Out]) each(ctx context.Context, use func(reflect.Value) (int, bool, error)) error {
	s, err := p.begin()
	if err != nil {
		return err
	}
	for {
		page, ok, err := s.turn(ctx)
		if !ok {
			p.token.Store(&s.resume)
			return err
		}
		used, on, err := use(page)
		if !on {
			token := s.resumeAfter(used)
			p.token.Store(&token)
			return err
		}
	}
}

// Items gives the items of the primary result, across pages. T is the type of an
// item: a struct of the SDK's for typed pages; any, map[string]any or string for
// documents. A result that is no list is given as it is, once for each page that
// has it.
//
// A loop that is left early can be taken up at the item after: see
// [Pages.NextToken].
func Items[T, In, Out any](ctx context.Context, p *Pages[In, Out]) iter.Seq2[T, error] {
	if len(p.rules.results) == 0 {
		return failing[T](fmt.Errorf("list items: the operation has no result key"))
	}
	return items[T](ctx, p, p.rules.results[0], true)
}

// ItemsOf is [Items] for any of the rule's result keys, by its path. A loop over a
// secondary one that is left early can be taken up at the page after.
func ItemsOf[T, In, Out any](ctx context.Context, p *Pages[In, Out], resultKey string) iter.Seq2[T, error] {
	for i, key := range p.rules.ResultKeys {
		if key == resultKey {
			return items[T](ctx, p, p.rules.results[i], i == 0)
		}
	}
	return failing[T](fmt.Errorf("list items: the operation has no result key %q, but %q", resultKey, p.rules.ResultKeys))
}

func failing[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		giveError(err, yield)
	}
}

func items[T, In, Out any](ctx context.Context, p *Pages[In, Out], key path, primary bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := p.each(ctx, func(page reflect.Value) (int, bool, error) {
			used, on, err := eachItem(key.get(bare(page)), yield)
			if !primary {
				used = wholePage
			}
			return used, on, err
		})
		giveError(err, yield)
	}
}

// eachItem gives a result's items, and says how many it gave and whether to go on.
func eachItem[T any](v reflect.Value, yield func(T, error) bool) (int, bool, error) {
	if !v.IsValid() {
		return 0, true, nil
	}
	if list, ok := v.Interface().([]T); ok {
		for i := range list {
			if !yield(list[i], nil) {
				return i + 1, false, nil
			}
		}
		return len(list), true, nil
	}
	if !isList(v) {
		item, err := itemAs[T](v)
		return wholePage, err == nil && yield(item, nil), err
	}
	for i := range v.Len() {
		item, err := itemAs[T](v.Index(i))
		if err != nil {
			return i, false, err
		}
		if !yield(item, nil) {
			return i + 1, false, nil
		}
	}
	return v.Len(), true, nil
}

// itemAs gives an item as a T: nil is T's zero.
func itemAs[T any](v reflect.Value) (T, error) {
	item, ok := v.Interface().(T)
	if !ok && bare(v).IsValid() {
		return item, fmt.Errorf("list items: an item is a %T, not a %s", v.Interface(), reflect.TypeFor[T]())
	}
	return item, nil
}
