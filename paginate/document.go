package paginate

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"time"
	"unicode"
	"unicode/utf8"
)

// naming says how the service spells its members, for pages that are structs.
type naming struct {
	lower bool // their first letter is in lower case, as in "nextToken"
}

func (n naming) member(field string) string {
	if !n.lower {
		return field
	}
	first, size := utf8.DecodeRuneInString(field)
	return string(unicode.ToLower(first)) + field[size:]
}

// document is v as encoding/json would give it: nil, bool, float64, string, []any
// and map[string]any. Members that are not there are absent, bytes are base64 and
// times RFC 3339.
func (n naming) document(v reflect.Value) any {
	v = bare(v)
	if isNumber(v) {
		f, err := float(v)
		if err != nil {
			return v.String()
		}
		return f
	}
	if v.IsValid() && v.Type() == bytesType {
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	return convert(v, n, n.document)
}

// plain is v without Go's types around it, as tokens hold it: as document, but
// that bytes and numbers stay what they are.
func plain(v reflect.Value) any {
	v = bare(v)
	switch {
	case !v.IsValid():
		return nil
	case v.Type() == numberType:
		return json.Number(v.String())
	case isNumber(v) && v.Type().PkgPath() == "":
		return v.Interface()
	case v.CanInt():
		return v.Int()
	case v.CanUint():
		return v.Uint()
	case v.CanFloat():
		return v.Float()
	case v.Kind() == reflect.Slice && !isList(v):
		return v.Bytes()
	}
	return convert(v, naming{}, plain)
}

func convert(v reflect.Value, n naming, inner func(reflect.Value) any) any {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return v.String()
	case reflect.Slice, reflect.Array:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = inner(v.Index(i))
		}
		return out
	case reflect.Map:
		out := make(map[string]any, v.Len())
		for entries := v.MapRange(); entries.Next(); {
			out[fmt.Sprint(entries.Key().Interface())] = inner(entries.Value())
		}
		return out
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return t.Format(time.RFC3339Nano)
		}
		if tag, ok := unionTag(v.Type()); ok {
			return map[string]any{n.member(tag): inner(v.FieldByName(unionValue))}
		}
		return convertStruct(v, n, inner)
	}
	return nil
}

// convertStruct leaves out what a generated struct does not hold: nil fields, enums
// without a value, and fields without members such as a result's metadata.
func convertStruct(v reflect.Value, n naming, inner func(reflect.Value) any) any {
	out := map[string]any{}
	for field, value := range v.Fields() {
		held := bare(value)
		if !field.IsExported() || !held.IsValid() || isEnum(field.Type) && value.Len() == 0 || isOpaque(held) {
			continue
		}
		out[n.member(field.Name)] = inner(held)
	}
	return out
}

func isEnum(t reflect.Type) bool {
	return t.Kind() == reflect.String && t.PkgPath() != ""
}

// isOpaque says whether v is a struct that shows nothing.
func isOpaque(v reflect.Value) bool {
	if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[time.Time]() {
		return false
	}
	for field := range v.Type().Fields() {
		if field.IsExported() {
			return false
		}
	}
	return true
}
