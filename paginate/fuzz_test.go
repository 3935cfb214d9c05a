package paginate_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/farmtally/farmtally/paginate"
)

// FuzzStartingToken begins with any token: it is an error, or the token that the
// pass leaves says the same place again.
func FuzzStartingToken(f *testing.F) {
	for _, text := range []string{
		`{"a": "x", "b": null, "boto_truncate_amount": 3}`, `{"b": 1.50, "a": [true, {"k": "AA=="}], "boto_encoded_keys": [["a", 1, "k"]]}`,
		`{"a": -0.0}`, `{"a": "\ud83d\ude00"}`, `[]`, `{"x": 1}`,
	} {
		f.Add(resumeToken(text))
	}
	for _, token := range []string{"m1___2", "None___x___3", "a___b___c___d", "", "===", "\xff"} {
		f.Add(token)
	}
	rule := paginate.Rule{InputTokens: []string{"a", "b"}, OutputTokens: []string{"a", "b"}, ResultKeys: []string{"Users"}}
	call := func(context.Context, doc) (doc, error) { return doc{"Users": []any{"u"}}, nil }
	p := paginate.Must(paginate.New(rule, call))
	f.Fuzz(func(t *testing.T, token string) {
		place := func(token string) (string, error) {
			pages := p.Paginate(nil, paginate.Options{StartingToken: token, MaxItems: new(0)})
			for _, err := range pages.All(t.Context()) {
				return "", err
			}
			return pages.NextToken(), nil
		}
		first, err := place(token)
		if errors.Is(err, paginate.ErrBadToken) || token == "" {
			return
		}
		if err != nil {
			t.Fatalf("error is %v", err)
		}
		second, err := place(first)
		if err != nil || second != first {
			t.Errorf("%s, then %s, %v", unwrapped(&first), unwrapped(&second), err)
		}
	})
}

// FuzzReadModel reads any model, and makes paginators of its rules.
func FuzzReadModel(f *testing.F) {
	f.Add([]byte(`{"pagination": {"L": {"input_token": "a", "output_token": "A || B[-1].C", "result_key": ["x.y", "z"], "more_results": "m", "limit_key": "n"}}}`))
	f.Add([]byte(`{"merge": {"pagination": {"L": {"non_aggregate_keys": ["s"]}}}}`))
	f.Add([]byte(`{"pagination": {"L": {"input_token": ["a"], "output_token": ["[["], "result_key": "x[]"}}}`))
	f.Fuzz(func(t *testing.T, model []byte) {
		rules, err := paginate.ReadModel(model)
		if err != nil {
			return
		}
		for _, rule := range rules {
			p, err := paginate.New(rule, func(context.Context, doc) (doc, error) { return doc{"a": "b", "x": []any{1}}, nil })
			if err != nil {
				continue
			}
			n := 0
			for _, err := range p.Paginate(nil, paginate.Options{}).All(t.Context()) {
				if n++; n > 3 || err != nil && n == 1 {
					t.Fatal("the same page goes on")
				}
			}
		}
	})
}

// FuzzSearch evaluates any expression: it is found, or it is an error.
func FuzzSearch(f *testing.F) {
	for _, query := range []string{
		"Users[].n", "Users[?s==`running`].n", "`a\\`b`", "'it\\'s'", "\"x\\\"y\"", "Users[::-1]", "sort_by(Users, &n)[0]", "a||b&&!c", "s.n.x",
	} {
		f.Add(query)
	}
	op := chain(doc{"Users": []any{doc{"s": "running", "n": json.Number("1")}, doc{"n": 2}}, "s": "text"})
	f.Fuzz(func(t *testing.T, query string) {
		if !utf8.ValidString(query) || len(query) > 200 {
			return
		}
		op.calls = nil
		for v, err := range paging(t, usersRule, op, nil, paginate.Options{}).Search(t.Context(), query) {
			if err != nil && v != nil {
				t.Errorf("found %v and %v", v, err)
			}
		}
	})
}
