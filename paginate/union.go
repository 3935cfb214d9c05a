package paginate

import (
	"fmt"
	"reflect"
	"strings"
)

// A union of a service is an interface in Go, and each of its members a struct of
// one field, Value: DynamoDB's AttributeValue, and AttributeValueMemberS.
const (
	unionValue  = "Value"
	unionMember = "Member"
)

// unionTag is the name of the member that a struct type stands for, if it is of a
// union.
func unionTag(t reflect.Type) (string, bool) {
	at := strings.LastIndex(t.Name(), unionMember)
	if t.Kind() != reflect.Struct || at < 0 {
		return "", false
	}
	tag := t.Name()[at+len(unionMember):]
	exported := 0
	for field := range t.Fields() {
		if field.IsExported() {
			exported++
		}
	}
	_, held := t.FieldByName(unionValue)
	return tag, tag != "" && held && exported == 1
}

func isUnion(t reflect.Type) bool {
	return t.Kind() == reflect.Interface && t.NumMethod() > 0
}

// united gives a token's value, as plain values, the types of a request's field
// that is a union, or a map of them; any other it leaves.
func (r *rules) united(x any, t reflect.Type) (any, error) {
	members, ok := x.(map[string]any)
	switch {
	case !ok:
		return x, nil
	case isUnion(t):
		return r.unite(members, t)
	case t.Kind() != reflect.Map || t.Key().Kind() != reflect.String || !isUnion(t.Elem()):
		return x, nil
	}
	out := reflect.MakeMap(t)
	for name, value := range members {
		inner, err := r.united(value, t.Elem())
		if err != nil {
			return nil, err
		}
		fitted, err := fit(inner, t.Elem())
		if err != nil {
			return nil, err
		}
		out.SetMapIndex(reflect.ValueOf(name).Convert(t.Key()), fitted)
	}
	return out.Interface(), nil
}

// unite makes {"S": "x"} the member of a union.
func (r *rules) unite(members map[string]any, t reflect.Type) (any, error) {
	for _, known := range r.Unions {
		held := reflect.TypeOf(known)
		if held == nil || held.Kind() != reflect.Pointer || !held.Implements(t) {
			continue
		}
		tag, ok := unionTag(held.Elem())
		value, given := members[tag]
		if !ok || !given || len(members) != 1 {
			continue
		}
		out := reflect.New(held.Elem())
		field := out.Elem().FieldByName(unionValue)
		inner, err := fit(value, field.Type())
		if err != nil {
			return nil, err
		}
		field.Set(inner)
		return out.Interface(), nil
	}
	return nil, fmt.Errorf("%v is none of the members of %s that the rule's Unions name", sortedKeys(members), t)
}
