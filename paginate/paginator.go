package paginate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"unicode"
	"unicode/utf8"
)

// Paginator pages through one operation of a service. It is safe for concurrent
// use if the operation's call is.
type Paginator[In, Out any] struct {
	rules *rules
	call  func(context.Context, In) (Out, error)
}

// New makes a paginator of the operation that call does.
//
// In and Out are what the operation takes and gives: structs, pointers to structs,
// or maps with string keys, such as map[string]any for a JSON document. [Method]
// makes a call of an AWS SDK client's method. Requests are copied before they are
// changed, and pages before they are cut.
//
// The error says what in the rule is wrong, for instance a member that the structs
// do not have.
func New[In, Out any](rule Rule, call func(context.Context, In) (Out, error)) (*Paginator[In, Out], error) {
	r, err := compile(rule)
	if err != nil {
		return nil, fmt.Errorf("read pagination rule: %w", err)
	}
	if err := r.check(reflect.TypeFor[In](), reflect.TypeFor[Out]()); err != nil {
		return nil, fmt.Errorf("match pagination rule: %w", err)
	}
	return &Paginator[In, Out]{rules: r, call: call}, nil
}

// Options are botocore's PaginationConfig.
type Options struct {
	// MaxItems is the most items of the primary result that a pass gives, counted
	// over its pages; nil is all. Zero asks for nothing, and nothing is requested.
	MaxItems *int
	// PageSize is the most items that the service is asked for at once, 1 or more;
	// nil leaves the request as it is.
	PageSize *int
	// StartingToken is where to begin: what [Pages.NextToken] or botocore or the AWS
	// CLI gave, or a token of the service itself. Empty is the request's own token,
	// or else the beginning.
	StartingToken string
}

// Paginate says what to page through; a nil request is an empty one. Nothing is
// requested, and no mistake is reported, before the result is used: a loop over it then
// gives an error that wraps [ErrMaxItems], [ErrPageSize] or [ErrBadToken].
func (p *Paginator[In, Out]) Paginate(in In, o Options) *Pages[In, Out] {
	call := func(ctx context.Context, request reflect.Value) (reflect.Value, error) {
		out, err := p.call(ctx, as[In](request))
		return reflect.ValueOf(&out).Elem(), err
	}
	t := trip{rules: p.rules, call: call}
	t.request, t.start, t.limit, t.mistake = p.rules.plan(reflect.ValueOf(&in).Elem(), o)
	return &Pages[In, Out]{trip: t}
}

// plan reads the options: the request with its page size, where to begin, and how
// many items to give.
func (r *rules) plan(request reflect.Value, o Options) (reflect.Value, place, int, error) {
	if request.Kind() == reflect.Pointer && request.IsNil() {
		request = reflect.New(request.Type().Elem())
	}
	start := r.placeIn(request)
	if o.StartingToken != "" {
		var err error
		if start, err = r.parseStart(o.StartingToken); err != nil {
			return request, start, 0, err
		}
	}
	limit, err := r.limit(o.MaxItems)
	if err != nil {
		return request, start, limit, err
	}
	request, err = r.sized(request, o.PageSize)
	return request, start, limit, err
}

// Must gives v, and panics if there is an error: for a paginator that is made of a
// rule in the program's text, as a package's variable.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// as gives a value of static type T out of its reflection.
func as[T any](v reflect.Value) T {
	out, _ := v.Interface().(T)
	return out
}

// rules is a rule whose expressions are read.
type rules struct {
	Rule

	outputs []expression
	more    *expression
	results []path
	aside   []path
	naming  naming
}

func compile(rule Rule) (*rules, error) {
	r := &rules{Rule: rule}
	if len(rule.InputTokens) == 0 || len(rule.InputTokens) != len(rule.OutputTokens) {
		return nil, fmt.Errorf("%d input tokens and %d output tokens: want as many, and one at least", len(rule.InputTokens), len(rule.OutputTokens))
	}
	first, _ := utf8.DecodeRuneInString(rule.InputTokens[0])
	r.naming = naming{lower: unicode.IsLower(first)}
	for _, text := range rule.OutputTokens {
		e, err := compileExpression(text, r.naming)
		if err != nil {
			return nil, fmt.Errorf("output token %q: %w", text, err)
		}
		r.outputs = append(r.outputs, e)
	}
	if rule.MoreResults != "" {
		e, err := compileExpression(rule.MoreResults, r.naming)
		if err != nil {
			return nil, fmt.Errorf("more results %q: %w", rule.MoreResults, err)
		}
		r.more = &e
	}
	var err error
	if r.results, err = parsePaths(rule.ResultKeys); err != nil {
		return nil, fmt.Errorf("result keys: %w", err)
	}
	if r.aside, err = parsePaths(rule.NonAggregateKeys); err != nil {
		return nil, fmt.Errorf("non-aggregate keys: %w", err)
	}
	return r, nil
}

func parsePaths(texts []string) ([]path, error) {
	var paths []path
	for _, text := range texts {
		p, err := parsePath(text)
		if err != nil {
			return nil, err
		}
		paths = append(paths, p)
	}
	return paths, nil
}

// check finds what of the rule the types of request and page do not have.
func (r *rules) check(in, out reflect.Type) error {
	for _, t := range []reflect.Type{in, out} {
		if !isShape(t) {
			return fmt.Errorf("%s is not a struct, a pointer to one, or a map with string keys", t)
		}
	}
	members := r.InputTokens
	if r.LimitKey != "" {
		members = append(members[:len(members):len(members)], r.LimitKey)
	}
	var problems []error
	for _, name := range members {
		problems = append(problems, path{name}.check(in))
	}
	for _, e := range r.outputs {
		problems = append(problems, e.check(out))
	}
	if r.more != nil {
		problems = append(problems, r.more.check(out))
	}
	for _, p := range append(r.results[:len(r.results):len(r.results)], r.aside...) {
		problems = append(problems, p.check(out))
	}
	return errors.Join(problems...)
}

func isShape(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		return t.Elem().Kind() == reflect.Struct
	}
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Map && t.Key().Kind() == reflect.String
}

// unlimited is the limit of a pass without MaxItems.
const unlimited = -1

func (r *rules) limit(maxItems *int) (int, error) {
	switch {
	case maxItems == nil:
		return unlimited, nil
	case *maxItems < 0:
		return 0, fmt.Errorf("%w: %d is negative", ErrMaxItems, *maxItems)
	case len(r.results) == 0:
		return 0, fmt.Errorf("%w: the operation has no result to count", ErrMaxItems)
	}
	return *maxItems, nil
}

// sized is the request with the page size in it.
func (r *rules) sized(request reflect.Value, size *int) (reflect.Value, error) {
	switch {
	case size == nil:
		return request, nil
	case r.LimitKey == "":
		return request, fmt.Errorf("%w: the operation takes none", ErrPageSize)
	case *size < 1:
		return request, fmt.Errorf("%w: %d is below 1", ErrPageSize, *size)
	}
	var value any = *size
	if r.LimitIsString {
		value = fmt.Sprint(*size)
	}
	out, err := path{r.LimitKey}.put(request, request.Type(), value)
	if err != nil {
		return request, fmt.Errorf("%w: %w", ErrPageSize, err)
	}
	return out, nil
}

// with is the request with a place's tokens in it, and without those that the
// place has not.
func (r *rules) with(request reflect.Value, p place) (reflect.Value, error) {
	for _, name := range p.at.keys {
		if p.at.values[name] == nil {
			request = without(request, name)
			continue
		}
		value, err := p.own[name], error(nil)
		if value == nil {
			value, err = r.united(unordered(p.at.values[name]), memberType(request.Type(), name))
		}
		if err == nil {
			request, err = (path{name}).put(request, request.Type(), value)
		}
		if err != nil {
			return request, fmt.Errorf("%w: %s: %w", ErrBadToken, name, err)
		}
	}
	return request, nil
}

// memberType is the type of a request's member.
func memberType(t reflect.Type, name string) reflect.Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Map {
		return t.Elem()
	}
	field, _ := t.FieldByName(fieldName(name))
	return field.Type
}

// without is the request without a member.
func without(request reflect.Value, name string) reflect.Value {
	if !member(bare(request), name).IsValid() {
		return request
	}
	if request.Kind() == reflect.Map {
		out := merged(request, reflect.MakeMap(request.Type()))
		out.SetMapIndex(reflect.ValueOf(name).Convert(request.Type().Key()), reflect.Value{})
		return out
	}
	out, err := path{name}.put(request, request.Type(), nil)
	if err != nil {
		return request
	}
	return out
}

// nextAt is the place that a page leads to, and whether there is one.
func (r *rules) nextAt(page reflect.Value) (place, bool, error) {
	if r.more != nil {
		more, err := r.more.find(page)
		if err != nil || !truthy(plain(more)) {
			return place{}, false, err
		}
	}
	next := place{own: map[string]any{}}
	for i, name := range r.InputTokens {
		found, err := r.outputs[i].find(page)
		if err != nil {
			return place{}, false, err
		}
		v := plain(found)
		if !truthy(v) {
			v, found = nil, reflect.Value{}
		}
		next.at.set(name, v)
		next.own[name] = interfaceOf(found)
	}
	return next, !next.noToken(), nil
}
