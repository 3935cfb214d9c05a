package paginate

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// The members of a resume token that are not the service's.
const (
	truncateKey = "boto_truncate_amount"
	bytesKey    = "boto_encoded_keys"
)

// place is where a pass begins or goes on: the service's tokens, by the members of
// the request that take them, and how many items to skip from there.
type place struct {
	at   object
	skip int
	own  map[string]any // the tokens as a page or a request held them, if one did
}

// isStart says whether the place is the beginning of everything.
func (p place) isStart() bool {
	return p.skip == 0 && p.noToken()
}

func (p place) noToken() bool {
	for _, v := range p.at.values {
		if v != nil {
			return false
		}
	}
	return true
}

// pageToken is the resume token of a page's beginning.
func (p place) pageToken() (string, error) {
	return encodeToken(p.at)
}

// itemToken is the resume token of a position within a page.
func (p place) itemToken() (string, error) {
	o := p.at.clone()
	o.set(truncateKey, p.skip)
	return encodeToken(o)
}

// token is the shortest resume token of the place: none for the beginning.
func (p place) token() (string, error) {
	switch {
	case p.isStart():
		return "", nil
	case p.skip == 0:
		return p.pageToken()
	}
	return p.itemToken()
}

// encodeToken writes a token as botocore does: base64 of Python's JSON, and where
// there are bytes, base64 of them, and their paths in a member of their own.
func encodeToken(o object) (string, error) {
	var found []any
	out := liftBytes(o, nil, &found).(object)
	if len(found) != 0 {
		out.set(bytesKey, found)
	}
	text, err := appendPython(nil, out)
	if err != nil {
		return "", fmt.Errorf("write resume token: %w", err)
	}
	return base64.StdEncoding.EncodeToString(text), nil
}

// liftBytes gives v with its bytes in base64, and adds to found the path of each.
func liftBytes(v any, at []any, found *[]any) any {
	inner := func(v any, step any) any {
		return liftBytes(v, append(at[:len(at):len(at)], step), found)
	}
	switch v := v.(type) {
	case []byte:
		*found = append(*found, at)
		return base64.StdEncoding.EncodeToString(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = inner(v[i], i)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range sortedKeys(v) {
			out[key] = inner(v[key], key)
		}
		return out
	case object:
		var out object
		for _, key := range v.keys {
			out.set(key, inner(v.values[key], key))
		}
		return out
	}
	return v
}

// parseStart reads a starting token of any form: botocore's, its deprecated one,
// or the service's own.
func (r *rules) parseStart(text string) (place, error) {
	o, err := decodeToken(text)
	if err != nil || !r.isOurs(o) {
		return r.parseDeprecated(text)
	}
	start, err := r.placeOf(o)
	if err != nil {
		return place{}, fmt.Errorf("%w: %w", ErrBadToken, err)
	}
	return start, nil
}

func decodeToken(text string) (object, error) {
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return object{}, fmt.Errorf("read base64: %w", err)
	}
	return parseObject(data)
}

// isOurs says whether a decoded token was made for this operation: it has members
// of a resume token, and no others. A service's own token can be base64 of JSON,
// too.
func (r *rules) isOurs(o object) bool {
	places := 0
	for _, key := range o.keys {
		switch {
		case key == truncateKey, slices.Contains(r.InputTokens, key):
			places++
		case key != bytesKey:
			return false
		}
	}
	return places != 0
}

func (r *rules) placeOf(o object) (place, error) {
	if paths, ok := o.remove(bytesKey); ok {
		if err := lowerBytes(&o, paths); err != nil {
			return place{}, err
		}
	}
	skip := 0
	if amount, ok := o.remove(truncateKey); ok {
		n, err := strconv.Atoi(fmt.Sprint(amount))
		if _, number := amount.(json.Number); !number || err != nil || n < 0 {
			return place{}, fmt.Errorf("%s is %v, not a count", truncateKey, amount)
		}
		skip = n
	}
	for _, name := range r.InputTokens {
		if _, ok := o.values[name]; !ok {
			o.set(name, nil)
		}
	}
	return place{at: o, skip: skip}, nil
}

// lowerBytes puts bytes back at the paths of boto_encoded_keys.
func lowerBytes(o *object, paths any) error {
	list, ok := paths.([]any)
	if !ok {
		return fmt.Errorf("%s is not a list", bytesKey)
	}
	for _, p := range list {
		steps, ok := p.([]any)
		if !ok || len(steps) == 0 {
			return fmt.Errorf("%s holds %v, not a path", bytesKey, p)
		}
		if _, err := lowered(*o, steps); err != nil {
			return fmt.Errorf("%s holds %v: %w", bytesKey, p, err)
		}
	}
	return nil
}

// lowered gives v, in place, with the base64 text at the path made bytes.
func lowered(v any, steps []any) (any, error) {
	if len(steps) == 0 {
		text, ok := v.(string)
		if !ok {
			return nil, errors.New("no text is there")
		}
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("read base64: %w", err)
		}
		return data, nil
	}
	switch v := v.(type) {
	case object:
		key, ok := steps[0].(string)
		if _, known := v.values[key]; !ok || !known {
			return nil, errors.New("nothing is there")
		}
		inner, err := lowered(v.values[key], steps[1:])
		if err != nil {
			return nil, err
		}
		v.values[key] = inner
		return v, nil
	case []any:
		i, err := strconv.Atoi(fmt.Sprint(steps[0]))
		if err != nil || i < 0 || i >= len(v) {
			return nil, errors.New("nothing is there")
		}
		if v[i], err = lowered(v[i], steps[1:]); err != nil {
			return nil, err
		}
		return v, nil
	}
	return nil, errors.New("nothing is there")
}

// deprecatedSeparator stands between the parts of the tokens that older versions of
// botocore made: the input tokens in order, "None" for one that is not, and last,
// perhaps, the number of items to skip.
const deprecatedSeparator = "___"

func (r *rules) parseDeprecated(text string) (place, error) {
	parts := strings.Split(text, deprecatedSeparator)
	skip := 0
	if last := len(r.InputTokens); len(parts) == last+1 {
		n, err := strconv.Atoi(strings.TrimSpace(parts[last]))
		if err == nil && n >= 0 {
			parts, skip = parts[:last], n
		} else {
			parts = []string{text}
		}
	}
	if len(parts) > len(r.InputTokens) {
		return place{}, fmt.Errorf("%w: %s has %d parts for %d members", ErrBadToken, text, len(parts), len(r.InputTokens))
	}
	var o object
	for i, name := range r.InputTokens {
		o.set(name, nil)
		if i < len(parts) && parts[i] != "None" {
			o.set(name, parts[i])
		}
	}
	return place{at: o, skip: skip}, nil
}

// placeIn is where a request of the caller's own begins.
func (r *rules) placeIn(request reflect.Value) place {
	var o object
	own := map[string]any{}
	for _, name := range r.InputTokens {
		v := member(bare(request), name)
		if own[name] = interfaceOf(v); !truthy(plain(v)) {
			own[name] = nil
		}
		o.set(name, plain(reflect.ValueOf(own[name])))
	}
	return place{at: o, own: own}
}
