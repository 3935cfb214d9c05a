package paginate

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jmespath/go-jmespath"
)

// A path leads through the members of a page, a map or a struct, by name.
type path []string

// parsePath reads a dotted path of plain names, the only kind of expression that a
// value can be put at.
func parsePath(text string) (path, error) {
	p := path(strings.Split(text, "."))
	for _, name := range p {
		if !isName(name) {
			return nil, fmt.Errorf("%q is not a dotted path of names", text)
		}
	}
	return p, nil
}

// isName says whether text is an unquoted JMESPath identifier.
func isName(text string) bool {
	for i, r := range text {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return text != ""
}

func (p path) get(v reflect.Value) reflect.Value {
	for _, name := range p {
		v = member(v, name)
	}
	return v
}

// member is the named member of a map or a struct without pointers and interfaces
// around it; it is not valid where there is none, or nil.
func member(v reflect.Value, name string) reflect.Value {
	switch v.Kind() {
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String {
			return bare(v.MapIndex(reflect.ValueOf(name).Convert(v.Type().Key())))
		}
	case reflect.Struct:
		return bare(v.FieldByName(fieldName(name)))
	}
	return reflect.Value{}
}

// fieldName is the Go name of a member: the SDKs' generators put its first letter
// in upper case.
func fieldName(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}

// bare takes pointers and interfaces off a value. What is nil is not valid.
func bare(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.IsNil() {
		return reflect.Value{}
	}
	return v
}

// put gives a copy of v, a value of type t, with x at the path. Maps, structs and
// pointers along the path are copied, and made where there are none, so that the
// page of whoever holds v stays as it is.
func (p path) put(v reflect.Value, t reflect.Type, x any) (reflect.Value, error) {
	if len(p) == 0 {
		return fit(x, t)
	}
	switch t.Kind() {
	case reflect.Pointer:
		inner, err := p.put(bare(v), t.Elem(), x)
		if err != nil {
			return v, err
		}
		out := reflect.New(t.Elem())
		out.Elem().Set(inner)
		return out, nil
	case reflect.Interface:
		return p.putDynamic(v, t, x)
	case reflect.Map:
		return p.putMap(v, t, x)
	case reflect.Struct:
		return p.putField(v, t, x)
	}
	return v, fmt.Errorf("put %s in %s: not a map or a struct", p[0], t)
}

// putDynamic puts into whatever an interface holds, and a map where it holds none.
func (p path) putDynamic(v reflect.Value, t reflect.Type, x any) (reflect.Value, error) {
	v = bare(v)
	held := reflect.TypeFor[map[string]any]()
	if v.IsValid() && (v.Kind() == reflect.Map || v.Kind() == reflect.Struct) {
		held = v.Type()
	}
	out, err := p.put(v, held, x)
	if err != nil {
		return v, err
	}
	if !held.AssignableTo(t) {
		return v, fmt.Errorf("put %s in %s: it takes no map", p[0], t)
	}
	return out, nil
}

func (p path) putMap(v reflect.Value, t reflect.Type, x any) (reflect.Value, error) {
	if t.Key().Kind() != reflect.String {
		return v, fmt.Errorf("put %s in %s: its keys are not strings", p[0], t)
	}
	key := reflect.ValueOf(p[0]).Convert(t.Key())
	out, old := reflect.MakeMap(t), reflect.Value{}
	if v.Kind() == reflect.Map {
		old = v.MapIndex(key)
		for entries := v.MapRange(); entries.Next(); {
			out.SetMapIndex(entries.Key(), entries.Value())
		}
	}
	inner, err := p[1:].put(old, t.Elem(), x)
	if err != nil {
		return v, err
	}
	out.SetMapIndex(key, inner)
	return out, nil
}

func (p path) putField(v reflect.Value, t reflect.Type, x any) (reflect.Value, error) {
	out := reflect.New(t).Elem()
	if v.Kind() == reflect.Struct {
		out.Set(v)
	}
	field := out.FieldByName(fieldName(p[0]))
	if !field.CanSet() {
		return v, fmt.Errorf("put %s in %s: it has no such field", p[0], t)
	}
	inner, err := p[1:].put(field, field.Type(), x)
	if err != nil {
		return v, err
	}
	field.Set(inner)
	return out, nil
}

// check finds a name of the path that structs of type t do not have.
func (p path) check(t reflect.Type) error {
	for _, name := range p {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Struct:
			field, ok := t.FieldByName(fieldName(name))
			if !ok || !field.IsExported() {
				return fmt.Errorf("%s has no field %s", t, fieldName(name))
			}
			t = field.Type
		case reflect.Map:
			t = t.Elem()
		case reflect.Interface:
			return nil
		default:
			return fmt.Errorf("%s has no members, but %s is sought in it", t, name)
		}
	}
	return nil
}

// An expression finds a value in a page. Those of AWS's models are alternatives of
// names and indices; they are followed here, through maps and structs alike. Any
// other is left to JMESPath.
type expression struct {
	alternatives [][]step
	jmespath     *jmespath.JMESPath
	naming       naming
}

// step is a name, or an index where there is no name.
type step struct {
	name  string
	index int
}

func compileExpression(text string, n naming) (expression, error) {
	var e expression
	for alternative := range strings.SplitSeq(text, "||") {
		steps, ok := parseSteps(strings.TrimSpace(alternative))
		if !ok {
			compiled, err := compileJMESPath(text)
			return expression{jmespath: compiled, naming: n}, err
		}
		e.alternatives = append(e.alternatives, steps)
	}
	return e, nil
}

func parseSteps(text string) ([]step, bool) {
	var steps []step
	for part := range strings.SplitSeq(text, ".") {
		name, indices, _ := strings.Cut(part, "[")
		if !isName(name) {
			return nil, false
		}
		steps = append(steps, step{name: name})
		if len(name) == len(part) {
			continue
		}
		for index := range strings.SplitSeq(indices, "[") {
			digits, closed := strings.CutSuffix(index, "]")
			n, err := strconv.Atoi(digits)
			if !closed || err != nil {
				return nil, false
			}
			steps = append(steps, step{index: n})
		}
	}
	return steps, true
}

// find gives the first alternative's value that JMESPath holds for true, and the
// last one's if there is none.
func (e expression) find(page reflect.Value) (reflect.Value, error) {
	if e.jmespath != nil {
		found, err := searchSafely(e.jmespath, e.naming.document(page))
		return reflect.ValueOf(found), err
	}
	var found reflect.Value
	for _, steps := range e.alternatives {
		found = follow(page, steps)
		if holds(plain(found)) {
			break
		}
	}
	return found, nil
}

func follow(v reflect.Value, steps []step) reflect.Value {
	for _, s := range steps {
		if s.name != "" {
			v = member(v, s.name)
			continue
		}
		if v.Kind() != reflect.Slice {
			return reflect.Value{}
		}
		at := s.index
		if at < 0 {
			at += v.Len()
		}
		if at < 0 || at >= v.Len() {
			return reflect.Value{}
		}
		v = bare(v.Index(at))
	}
	return v
}

func (e expression) check(t reflect.Type) error {
	for _, steps := range e.alternatives {
		var names path
		for _, s := range steps {
			if s.name == "" {
				break
			}
			names = append(names, s.name)
		}
		if err := names.check(t); err != nil {
			return err
		}
	}
	return nil
}
