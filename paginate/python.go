package paginate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// object is a JSON object that keeps the order of its members, as Python's dict
// does.
type object struct {
	keys   []string
	values map[string]any
}

func (o *object) set(key string, value any) {
	if o.values == nil {
		o.values = map[string]any{}
	}
	if _, known := o.values[key]; !known {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

// remove takes a member out and gives what it was, and whether it was there.
func (o *object) remove(key string) (any, bool) {
	value, known := o.values[key]
	if known {
		delete(o.values, key)
		for i, k := range o.keys {
			if k == key {
				o.keys = append(o.keys[:i:i], o.keys[i+1:]...)
				break
			}
		}
	}
	return value, known
}

// clone is a copy whose members can be set apart from the object's.
func (o *object) clone() object {
	var out object
	for _, key := range o.keys {
		out.set(key, o.values[key])
	}
	return out
}

// unordered is v as encoding/json would give it, its objects maps.
func unordered(v any) any {
	switch v := v.(type) {
	case object:
		out := make(map[string]any, len(v.keys))
		for key, value := range v.values {
			out[key] = unordered(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = unordered(v[i])
		}
		return out
	}
	return v
}

// appendPython appends v as Python's json.dumps writes it by default: a space after
// each comma and colon, and everything outside printable ASCII escaped. A map has
// the order of its keys, an object its own.
func appendPython(out []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(out, "null"...), nil
	case bool:
		return strconv.AppendBool(out, v), nil
	case string:
		return appendPythonString(out, v), nil
	case []any:
		return appendPythonList(out, v)
	case object:
		return appendPythonObject(out, v.keys, v.values)
	case map[string]any:
		return appendPythonObject(out, sortedKeys(v), v)
	}
	if number := reflect.ValueOf(v); isNumber(number) {
		text, err := pythonNumber(number)
		return append(out, text...), err
	}
	return out, fmt.Errorf("write a %T in JSON", v)
}

func appendPythonList(out []byte, list []any) ([]byte, error) {
	out = append(out, '[')
	for i, v := range list {
		if i > 0 {
			out = append(out, ", "...)
		}
		var err error
		if out, err = appendPython(out, v); err != nil {
			return out, err
		}
	}
	return append(out, ']'), nil
}

func appendPythonObject(out []byte, keys []string, values map[string]any) ([]byte, error) {
	out = append(out, '{')
	for i, key := range keys {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = append(appendPythonString(out, key), ": "...)
		var err error
		if out, err = appendPython(out, values[key]); err != nil {
			return out, err
		}
	}
	return append(out, '}'), nil
}

// pythonEscapes are the characters with an escape of two characters.
var pythonEscapes = map[rune]byte{
	'"': '"', '\\': '\\', '\n': 'n', '\r': 'r', '\t': 't', '\f': 'f', '\b': 'b',
}

func appendPythonString(out []byte, text string) []byte {
	out = append(out, '"')
	for _, r := range text {
		if short, ok := pythonEscapes[r]; ok {
			out = append(out, '\\', short)
			continue
		}
		if r >= ' ' && r <= '~' {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return append(out, '"')
}

// pythonNumber writes a whole number by its digits and any other as repr does.
func pythonNumber(v reflect.Value) (string, error) {
	if n, ok := whole(v); ok {
		return n.String(), nil
	}
	f, err := float(v)
	if err == nil && (math.IsInf(f, 0) || math.IsNaN(f)) {
		err = fmt.Errorf("write %v in JSON: it is no number there", v.Interface())
	}
	return pythonFloat(f), err
}

// pythonFloat is repr(f): the shortest digits that read back, without an exponent
// from 1e-4 up to 1e16.
func pythonFloat(f float64) string {
	switch size := math.Abs(f); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return map[bool]string{true: "-Infinity", false: "Infinity"}[f < 0]
	case size != 0 && (size < 1e-4 || size >= 1e16):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if f == math.Trunc(f) {
		text += ".0"
	}
	return text
}

// parseObject reads one JSON object and nothing after it.
func parseObject(data []byte) (object, error) {
	if !utf8.Valid(data) {
		return object{}, errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d)
	if err != nil {
		return object{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return object{}, errors.New("more than one value")
	}
	o, ok := v.(object)
	if !ok {
		return object{}, errors.New("not an object")
	}
	return o, nil
}

func parseValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	switch t {
	case json.Delim('['):
		return parseList(d)
	case json.Delim('{'):
		return parseMembers(d)
	}
	return t, nil
}

func parseList(d *json.Decoder) (any, error) {
	list := []any{}
	for d.More() {
		v, err := parseValue(d)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

func parseMembers(d *json.Decoder) (any, error) {
	var o object
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read JSON: %w", err)
		}
		name, ok := key.(string)
		if !ok {
			return nil, errors.New("read JSON: a key is not a string")
		}
		v, err := parseValue(d)
		if err != nil {
			return nil, err
		}
		o.set(name, v)
	}
	_, err := d.Token()
	return o, err
}
