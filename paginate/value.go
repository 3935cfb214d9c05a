package paginate

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	numberType = reflect.TypeFor[json.Number]()
	bytesType  = reflect.TypeFor[[]byte]()
)

// isList says whether v is a list of items, which bytes are not.
func isList(v reflect.Value) bool {
	return v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8
}

// isText says whether v is a string, which a number kept as its text is not.
func isText(v reflect.Value) bool {
	return v.Kind() == reflect.String && v.Type() != numberType
}

func isNumber(v reflect.Value) bool {
	return v.IsValid() && (v.CanInt() || v.CanUint() || v.CanFloat() || v.Type() == numberType)
}

// count is how many items a result is: a list's elements, a string's code points,
// a map's entries. Any other value is one item, and no value none.
func count(v reflect.Value) int {
	switch {
	case !v.IsValid():
		return 0
	case isList(v), v.Kind() == reflect.Map:
		return v.Len()
	case isText(v):
		return utf8.RuneCountInString(v.String())
	}
	return 1
}

// between is a result's items from one position to another, without the memory
// that follows them. Maps have the order of their keys.
func between(v reflect.Value, from, to int) any {
	switch {
	case !v.IsValid() || from >= to && !isList(v) && !isText(v) && v.Kind() != reflect.Map:
		return nil
	case isList(v):
		return v.Slice3(from, to, to).Interface()
	case isText(v):
		return string([]rune(v.String())[from:to])
	case v.Kind() == reflect.Map:
		return entriesBetween(v, from, to).Interface()
	}
	return v.Interface()
}

func entriesBetween(v reflect.Value, from, to int) reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		return strings.Compare(fmt.Sprint(a.Interface()), fmt.Sprint(b.Interface()))
	})
	out := reflect.MakeMap(v.Type())
	for _, key := range keys[from:to] {
		out.SetMapIndex(key, v.MapIndex(key))
	}
	return out
}

// emptied is what stands for a secondary result that an earlier pass delivered. A
// number, such as DynamoDB's ScannedCount, says something of the whole page and stays.
func emptied(v reflect.Value) any {
	switch {
	case isList(v):
		return reflect.MakeSlice(v.Type(), 0, 0).Interface()
	case isText(v):
		return ""
	case isNumber(v), v.IsValid() && v.Kind() == reflect.Bool:
		return v.Interface()
	}
	return nil
}

// add puts a page's result to what earlier pages gave: lists and strings are
// joined, numbers summed, maps merged; of other values the first stays. The
// operands are not changed, save that a list's spare memory is used.
func add(sum, v reflect.Value) (reflect.Value, error) {
	switch {
	case !v.IsValid():
		return sum, nil
	case !sum.IsValid():
		return v, nil
	case isList(sum) && sum.Type() == v.Type():
		return reflect.AppendSlice(sum, v), nil
	case isText(sum) && isText(v):
		return reflect.ValueOf(sum.String() + v.String()), nil
	case isNumber(sum) && isNumber(v):
		return addNumbers(sum, v)
	case sum.Kind() == reflect.Map && sum.Type() == v.Type():
		return merged(sum, v), nil
	case isList(sum) || isText(sum) || isNumber(sum) || sum.Kind() != v.Kind():
		return sum, fmt.Errorf("add a %s to a %s", v.Type(), sum.Type())
	}
	return sum, nil
}

func merged(a, b reflect.Value) reflect.Value {
	out := reflect.MakeMap(a.Type())
	for _, m := range []reflect.Value{a, b} {
		for entries := m.MapRange(); entries.Next(); {
			out.SetMapIndex(entries.Key(), entries.Value())
		}
	}
	return out
}

// addNumbers adds as Python does: whole numbers without bound, and in floating
// point as soon as one of them has a fraction's form. The sum has the type of the
// first if it can.
func addNumbers(a, b reflect.Value) (reflect.Value, error) {
	sum, err := sumText(a, b)
	if err != nil {
		return a, err
	}
	if out, err := fit(sum, a.Type()); err == nil {
		return out, nil
	}
	return reflect.ValueOf(sum), nil
}

func sumText(a, b reflect.Value) (json.Number, error) {
	x, xWhole := whole(a)
	y, yWhole := whole(b)
	if xWhole && yWhole {
		return json.Number(x.Add(x, y).String()), nil
	}
	f, err := float(a)
	if err != nil {
		return "", err
	}
	g, err := float(b)
	if err != nil {
		return "", err
	}
	return json.Number(pythonFloat(f + g)), nil
}

// whole is the number as an integer, if it has an integer's form. A float64
// without a fraction has: encoding/json gives a document's integers so.
func whole(v reflect.Value) (*big.Int, bool) {
	switch {
	case v.CanInt():
		return big.NewInt(v.Int()), true
	case v.CanUint():
		return new(big.Int).SetUint64(v.Uint()), true
	case v.CanFloat():
		text, exact := wholeFloat(v.Float())
		if !exact {
			return nil, false
		}
		return new(big.Int).SetString(text, 10)
	}
	return new(big.Int).SetString(v.String(), 10)
}

// wholeFloat is the digits of a float64 that is an integer of at most 53 bits.
func wholeFloat(f float64) (string, bool) {
	n := int64(f)
	if f < -1<<53 || f > 1<<53 || float64(n) != f {
		return "", false
	}
	return strconv.FormatInt(n, 10), true
}

func float(v reflect.Value) (float64, error) {
	switch {
	case v.CanInt():
		return float64(v.Int()), nil
	case v.CanUint():
		return float64(v.Uint()), nil
	case v.CanFloat():
		return v.Float(), nil
	}
	f, err := strconv.ParseFloat(v.String(), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("read number %q: %w", v.String(), err)
	}
	return f, nil
}

// holds says whether JMESPath takes a plain value for true.
func holds(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case []byte:
		return len(v) != 0
	case []any:
		return len(v) != 0
	case map[string]any:
		return len(v) != 0
	}
	return true
}

// truthy says whether Python takes a plain value for true, where zero is false.
func truthy(v any) bool {
	if isNumber(reflect.ValueOf(v)) {
		f, err := float(reflect.ValueOf(v))
		return err != nil || f != 0
	}
	return holds(v)
}

// fit makes x a value of type t: a pointer where t is one, a string's or a
// number's named type, a list or a map element by element, and a number's text
// where a string is wanted.
func fit(x any, t reflect.Type) (reflect.Value, error) {
	v := bare(reflect.ValueOf(x))
	if !v.IsValid() {
		return reflect.Zero(t), nil
	}
	if v.Type() == t || t.Kind() == reflect.Interface && v.Type().AssignableTo(t) {
		return v, nil
	}
	if isUnion(t) && reflect.PointerTo(v.Type()).Implements(t) {
		out := reflect.New(v.Type())
		out.Elem().Set(v)
		return out, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		inner, err := fit(x, t.Elem())
		if err != nil {
			return inner, err
		}
		out := reflect.New(t.Elem())
		out.Elem().Set(inner)
		return out, nil
	case reflect.Slice:
		return fitList(v, t)
	case reflect.Map:
		return fitMap(v, t)
	}
	return fitScalar(v, t)
}

func fitScalar(v reflect.Value, t reflect.Type) (reflect.Value, error) {
	out := reflect.New(t).Elem()
	switch {
	case t.Kind() == reflect.String && t != numberType && isText(v):
		out.SetString(v.String())
		return out, nil
	case t.Kind() == reflect.String && isNumber(v):
		text, err := pythonNumber(v)
		out.SetString(text)
		return out, err
	case t.Kind() == reflect.Bool && v.Kind() == reflect.Bool:
		out.SetBool(v.Bool())
		return out, nil
	case isNumber(v) && setNumber(out, v):
		return out, nil
	}
	return out, fmt.Errorf("put %v, a %s, in a %s", v.Interface(), v.Type(), t)
}

// setNumber says whether the number is one of out's type, and if so sets it.
func setNumber(out, v reflect.Value) bool {
	if out.CanFloat() {
		f, err := float(v)
		out.SetFloat(f)
		return err == nil
	}
	n, ok := whole(v)
	switch {
	case !ok:
		return false
	case out.CanInt() && n.IsInt64() && !out.OverflowInt(n.Int64()):
		out.SetInt(n.Int64())
		return true
	case out.CanUint() && n.IsUint64() && !out.OverflowUint(n.Uint64()):
		out.SetUint(n.Uint64())
		return true
	}
	return false
}

func fitList(v reflect.Value, t reflect.Type) (reflect.Value, error) {
	if v.Type().ConvertibleTo(t) && v.Kind() == reflect.Slice {
		return v.Convert(t), nil
	}
	if !isList(v) {
		return v, fmt.Errorf("put a %s in a %s", v.Type(), t)
	}
	out := reflect.MakeSlice(t, v.Len(), v.Len())
	for i := range v.Len() {
		inner, err := fit(v.Index(i).Interface(), t.Elem())
		if err != nil {
			return v, err
		}
		out.Index(i).Set(inner)
	}
	return out, nil
}

func fitMap(v reflect.Value, t reflect.Type) (reflect.Value, error) {
	if v.Kind() != reflect.Map || v.Type().Key().Kind() != reflect.String || t.Key().Kind() != reflect.String {
		return v, fmt.Errorf("put a %s in a %s", v.Type(), t)
	}
	out := reflect.MakeMap(t)
	for entries := v.MapRange(); entries.Next(); {
		inner, err := fit(entries.Value().Interface(), t.Elem())
		if err != nil {
			return v, err
		}
		out.SetMapIndex(entries.Key().Convert(t.Key()), inner)
	}
	return out, nil
}

// sortedKeys are a map's keys in order.
func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
