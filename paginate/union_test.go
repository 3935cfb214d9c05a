package paginate_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/paginate"
)

// These have the form of DynamoDB's in AWS's SDK.
type (
	attribute interface{ isAttribute() }

	attributeMemberS struct {
		Value string
		_     struct{}
	}
	attributeMemberB struct{ Value []byte }
	attributeMemberL struct{ Value []attribute }

	scanRequest struct {
		ExclusiveStartKey map[string]attribute
		Limit             *int32
	}
	scanPage struct {
		Items            []map[string]attribute
		LastEvaluatedKey map[string]attribute
	}
)

func (*attributeMemberS) isAttribute() {}
func (*attributeMemberB) isAttribute() {}
func (*attributeMemberL) isAttribute() {}

var scanRule = paginate.Rule{
	InputTokens: []string{"ExclusiveStartKey"}, OutputTokens: []string{"LastEvaluatedKey"},
	ResultKeys: []string{"Items"}, LimitKey: "Limit", Unions: []any{&attributeMemberB{}, &attributeMemberS{}},
}

// scan has two pages of two items, and looks at the key that leads to the second.
func scan(t *testing.T, asked *int) func(context.Context, *scanRequest) (*scanPage, error) {
	item := func(name string) map[string]attribute {
		return map[string]attribute{"name": &attributeMemberS{Value: name}, "more": &attributeMemberL{}}
	}
	return func(_ context.Context, in *scanRequest) (*scanPage, error) {
		*asked++
		if in.ExclusiveStartKey == nil {
			key := map[string]attribute{"s": &attributeMemberS{Value: "b"}, "b": &attributeMemberB{Value: []byte{255}}}
			return &scanPage{Items: []map[string]attribute{item("a"), item("b")}, LastEvaluatedKey: key}, nil
		}
		s, b := in.ExclusiveStartKey["s"].(*attributeMemberS), in.ExclusiveStartKey["b"].(*attributeMemberB)
		if s.Value != "b" || string(b.Value) != "\xff" {
			t.Errorf("key is %v, %v", s, b)
		}
		return &scanPage{Items: []map[string]attribute{item("c"), item("d")}}, nil
	}
}

func TestUnionsAsDynamoDBs(t *testing.T) {
	asked := 0
	p := paginate.Must(paginate.New(scanRule, scan(t, &asked)))
	first := p.Paginate(nil, paginate.Options{MaxItems: new(3)})
	var found []string
	for name, err := range first.Search(t.Context(), "Items[].[name.S, more.L]") {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, canonical(name))
	}
	wantText(t, "found", strings.Join(found, " "), `["a",null] ["b",null] ["c",null]`)
	wantToken(t, first.NextToken(), `{"ExclusiveStartKey": {"b": {"B": "/w=="}, "s": {"S": "b"}}, "boto_truncate_amount": 1, "boto_encoded_keys": [["ExclusiveStartKey", "b", "B"]]}`)

	rest, err := p.Paginate(nil, paginate.Options{StartingToken: first.NextToken()}).BuildFullResult(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(rest.Result.Items)
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "the rest", string(text), `[{"more":{"Value":null},"name":{"Value":"d"}}]`)
}

func TestUnionsNeedTheirMembers(t *testing.T) {
	asked := 0
	rule := scanRule
	rule.Unions = []any{&attributeMemberS{}, nil, "S", attributeMemberB{}, &scanPage{}}
	p := paginate.Must(paginate.New(rule, scan(t, &asked)))
	for _, text := range []string{`{"s": {"B": "eA=="}}`, `{"s": {"S": 1, "B": 2}}`, `{"s": {}}`, `{"s": "x"}`, `{"s": {"S": [1]}}`} {
		token := resumeToken(`{"ExclusiveStartKey": ` + text + `}`)
		for _, err := range p.Paginate(nil, paginate.Options{StartingToken: token}).All(t.Context()) {
			if !errors.Is(err, paginate.ErrBadToken) {
				t.Errorf("%s: error is %v", text, err)
			}
		}
	}
	if asked != 0 {
		t.Errorf("%d requests", asked)
	}
}
