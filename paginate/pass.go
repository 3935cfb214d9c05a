package paginate

import (
	"context"
	"fmt"
	"reflect"
)

// trip is what one pass after another goes through.
type trip struct {
	rules   *rules
	call    func(context.Context, reflect.Value) (reflect.Value, error)
	request reflect.Value
	start   place
	limit   int
	mistake error // in the options
}

// pass is one run through the pages. It changes nothing that another pass sees.
type pass struct {
	trip

	here  place // of the page that was given last
	next  place // after that page, if leads
	leads bool
	left  int // items that are still wanted, or unlimited
	skip  int // items of the next page that an earlier pass gave
	given int // items of the page that was given last
	page  int // its number, from 1
	seen  seen

	done   bool
	fault  error  // what to say after the page that was given last
	resume string // where to go on after the end
}

func (t trip) begin() (*pass, error) {
	if t.mistake != nil {
		return nil, t.mistake
	}
	s := &pass{trip: t, here: t.start, next: t.start, skip: t.start.skip, left: t.limit}
	var err error
	if s.limit == 0 {
		s.done = true
		s.resume, err = t.start.itemToken()
		return s, err
	}
	if !t.start.noToken() {
		_, err = s.repeats(t.start.at)
	}
	return s, err
}

// turn gives the next page, and false after the last one.
func (s *pass) turn(ctx context.Context) (reflect.Value, bool, error) {
	if s.done || s.fault != nil {
		return reflect.Value{}, false, s.fault
	}
	s.here = place{at: s.next.at, own: s.next.own, skip: s.skip}
	s.page++
	page, err := s.read(ctx)
	if err == nil {
		page, err = s.take(page)
	}
	if err != nil {
		s.done, s.given = true, 0
		s.resume, _ = s.here.token()
		return page, false, fmt.Errorf("page %d: %w", s.page, err)
	}
	return page, true, nil
}

func (s *pass) read(ctx context.Context) (reflect.Value, error) {
	if err := ctx.Err(); err != nil {
		return reflect.Value{}, err
	}
	request, err := s.rules.with(s.request, s.here)
	if err != nil {
		return request, err
	}
	return s.call(ctx, request)
}

// take cuts a page to what is wanted of it, and finds where it leads.
func (s *pass) take(page reflect.Value) (reflect.Value, error) {
	if len(s.rules.results) == 0 {
		return page, s.lead(page)
	}
	whole, primary := page, s.rules.results[0]
	size := count(primary.get(bare(page)))
	skipped := min(s.skip, size)
	page, err := s.withoutFirst(page, skipped, size)
	if err != nil {
		return page, err
	}
	s.here.skip, s.given = skipped, size-skipped
	s.skip -= skipped
	if s.left != unlimited && s.given > s.left {
		return s.cut(page)
	}
	if s.left != unlimited {
		s.left -= s.given
	}
	return page, s.lead(whole)
}

// withoutFirst takes off a page what an earlier pass gave: so many items of the
// primary result, and the secondary results, which came whole with the first part.
// Numbers are given again, as botocore does since 2025.
func (s *pass) withoutFirst(page reflect.Value, skipped, size int) (reflect.Value, error) {
	if s.skip == 0 {
		return page, nil
	}
	for i, p := range s.rules.results {
		v := p.get(bare(page))
		rest := emptied(v)
		if i == 0 {
			rest = between(v, skipped, size)
		}
		var err error
		if page, err = p.put(page, page.Type(), rest); err != nil {
			return page, err
		}
	}
	return page, nil
}

// cut ends the pass within a page.
func (s *pass) cut(page reflect.Value) (reflect.Value, error) {
	primary := s.rules.results[0]
	page, err := primary.put(page, page.Type(), between(primary.get(bare(page)), 0, s.left))
	if err != nil {
		return page, err
	}
	s.done, s.given = true, s.left
	s.resume, err = place{at: s.here.at, skip: s.here.skip + s.left}.itemToken()
	return page, err
}

// lead finds where the page leads: to another, or to the end of the pass.
func (s *pass) lead(page reflect.Value) error {
	var err error
	s.next, s.leads, err = s.rules.nextAt(bare(page))
	if err != nil || !s.leads {
		s.done = true
		return err
	}
	if s.left == 0 {
		s.done = true
		s.resume, err = s.next.pageToken()
		return err
	}
	again, err := s.repeats(s.next.at)
	if again {
		token, _ := s.next.pageToken()
		s.fault = &RepeatedTokenError{Page: s.page, Token: token}
	}
	return err
}

// repeats says whether the tokens were asked with before.
func (s *pass) repeats(at object) (bool, error) {
	var ordered object
	for _, name := range s.rules.InputTokens {
		ordered.set(name, at.values[name])
	}
	token, err := encodeToken(ordered)
	return s.seen.again(token), err
}

// resumeAfter is where to go on after so many items of the page that was given
// last.
func (s *pass) resumeAfter(items int) string {
	var token string
	switch {
	case items < s.given:
		token, _ = place{at: s.here.at, skip: s.here.skip + items}.token()
	case s.done:
		token = s.resume
	case s.leads:
		token, _ = place{at: s.next.at, skip: s.skip}.token()
	}
	return token
}
