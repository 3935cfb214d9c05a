package paginate

import (
	"context"
	"fmt"
	"reflect"
)

// Full is a pass's pages made one.
type Full[Out any] struct {
	// Result has the result keys of all pages put together, lists and strings
	// joined, numbers summed, maps merged, and the non-aggregate keys of the first
	// page. If Out is a map, a NextToken is in it too, as in botocore's full result.
	Result Out
	// NextToken is where to go on if the pass ended before the results did, or "".
	NextToken string
	// Changes are the non-aggregate keys that were not the same on every page, such
	// as a status that came to be FAILED.
	Changes []Change
}

// Change says that a non-aggregate key was not what it was on the page before.
type Change struct {
	Page     int    // where it changed, counted from 1
	Key      string // its path
	From, To any    // as plain values: nil, bool, string, []byte, a number, []any, map[string]any
}

// BuildFullResult reads all pages and puts them together, as botocore's
// build_full_result does. With an error it gives what had been read before, and
// the NextToken at which to go on.
func (p *Pages[In, Out]) BuildFullResult(ctx context.Context) (Full[Out], error) {
	b := builder{rules: p.rules, sums: make([]reflect.Value, len(p.rules.results))}
	var wrong error
	var full Full[Out]
	s, err := p.begin()
	if err != nil {
		return full, err
	}
	for {
		page, ok, err := s.turn(ctx)
		if !ok {
			wrong = err
			full.NextToken = s.resume
			break
		}
		if wrong = b.add(bare(page)); wrong != nil {
			full.NextToken = s.resumeAfter(0)
			wrong = fmt.Errorf("page %d: %w", s.page, wrong)
			break
		}
	}
	p.token.Store(&full.NextToken)
	full.Changes = b.changes
	result, err := b.result(reflect.TypeFor[Out](), full.NextToken)
	if err != nil {
		return full, err
	}
	full.Result = as[Out](result)
	return full, wrong
}

// builder puts pages together.
type builder struct {
	rules   *rules
	sums    []reflect.Value // of each result key
	aside   []any           // each non-aggregate key on the first page
	latest  []any           // and on the latest
	changes []Change
	pages   int
}

func (b *builder) add(page reflect.Value) error {
	b.pages++
	b.compare(page)
	for i, p := range b.rules.results {
		v := p.get(page)
		if !b.sums[i].IsValid() && isList(v) {
			v = reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v)
		}
		sum, err := add(b.sums[i], v)
		if err != nil {
			return fmt.Errorf("result %s: %w", b.rules.ResultKeys[i], err)
		}
		b.sums[i] = sum
	}
	return nil
}

// compare keeps the first page's non-aggregate keys and notes where later ones
// differ.
func (b *builder) compare(page reflect.Value) {
	now := make([]any, len(b.rules.aside))
	for i, p := range b.rules.aside {
		v := p.get(page)
		now[i] = plain(v)
		if b.pages == 1 {
			b.aside = append(b.aside, interfaceOf(v))
		} else if !reflect.DeepEqual(b.latest[i], now[i]) {
			b.changes = append(b.changes, Change{Page: b.pages, Key: b.rules.NonAggregateKeys[i], From: b.latest[i], To: now[i]})
		}
	}
	b.latest = now
}

func interfaceOf(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	return v.Interface()
}

func (b *builder) result(t reflect.Type, token string) (reflect.Value, error) {
	out := reflect.New(t).Elem()
	var err error
	if t.Kind() == reflect.Map {
		out.Set(reflect.MakeMap(t))
	}
	for i, p := range b.rules.results {
		if !b.sums[i].IsValid() {
			continue
		}
		if out, err = p.put(out, t, b.sums[i].Interface()); err != nil {
			return out, fmt.Errorf("result %s: %w", b.rules.ResultKeys[i], err)
		}
	}
	for i, first := range b.aside {
		p := b.rules.aside[i]
		if out, err = p.put(out, t, combined(p.get(bare(out)), first)); err != nil {
			return out, fmt.Errorf("key %s: %w", b.rules.NonAggregateKeys[i], err)
		}
	}
	if token == "" || t.Kind() != reflect.Map {
		return out, nil
	}
	return path{"NextToken"}.put(out, t, token)
}

// combined is the first page's value of a non-aggregate key, and where that and
// what is there are maps, both of them.
func combined(there reflect.Value, first any) any {
	v := bare(reflect.ValueOf(first))
	if there.Kind() != reflect.Map || v.Kind() != reflect.Map || there.Type() != v.Type() {
		return first
	}
	out := merged(there, v)
	for _, key := range v.MapKeys() {
		inner := combined(bare(there.MapIndex(key)), v.MapIndex(key).Interface())
		if inner != nil {
			out.SetMapIndex(key, reflect.ValueOf(inner))
		}
	}
	return out.Interface()
}
