package paginate_test

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/paginate"
)

// TestNumbersOfEveryType is of tokens that are numbers, as decoders of JSON and
// Go programs give them.
func TestNumbersOfEveryType(t *testing.T) {
	type count uint8
	for _, c := range []struct {
		token any
		want  string
	}{
		{float64(7), "7"}, {7.5, "7.5"}, {float64(1 << 53), "9007199254740992"}, {1e20, "1e+20"}, {-1e-7, "-1e-07"}, {float32(0.5), "0.5"},
		{int8(-3), "-3"}, {uint64(math.MaxUint64), "18446744073709551615"}, {count(9), "9"}, {new(4), "4"},
		{json.Number("12"), "12"}, {json.Number("1.0"), "1.0"}, {json.Number("1E3"), "1000.0"}, {json.Number("1e999"), ""}, {json.Number("-1e999"), ""},
		{math.NaN(), ""}, {[]float32{1, 2.5}, "[1, 2.5]"}, {map[string]int{"b": 1, "a": 2}, `{"a": 2, "b": 1}`}, {json.Number("x"), ""},
	} {
		call := func(context.Context, doc) (doc, error) { return doc{"Users": []any{1}, "NextMarker": c.token}, nil }
		pages := paginate.Must(paginate.New(usersRule, call)).Paginate(nil, paginate.Options{MaxItems: new(1)})
		full, err := pages.BuildFullResult(t.Context())
		if c.want == "" {
			if err == nil {
				t.Errorf("%v gives %v", c.token, full)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		wantToken(t, full.NextToken, `{"Marker": `+c.want+`}`)
	}
}

func TestSums(t *testing.T) {
	for _, c := range []struct{ a, b, want any }{
		{2.5, 1.5, 4.0}, {2.0, 3.0, 5.0}, {1, 2, 3}, {1, 2.5, json.Number("3.5")}, {int8(100), int8(100), json.Number("200")},
		{json.Number("9007199254740993"), json.Number("9007199254740993"), json.Number("18014398509481986")},
		{json.Number("1.5"), 1, json.Number("2.5")}, {uint64(math.MaxUint64), 1, json.Number("18446744073709551616")},
		{0.1, 0.2, 0.30000000000000004},
	} {
		op := chain(doc{"Users": c.a}, doc{"Users": c.b})
		full, err := paging(t, usersRule, op, nil, paginate.Options{}).BuildFullResult(t.Context())
		if err != nil || full.Result["Users"] != c.want {
			t.Errorf("%v and %v are %v (%T), %v, want %v", c.a, c.b, full.Result["Users"], full.Result["Users"], err, c.want)
		}
	}
}

// TestTokensAreSentInTheRequestsTypes is of one token in fields of several types.
func TestTokensAreSentInTheRequestsTypes(t *testing.T) {
	type request struct {
		I    int
		U    *uint16
		F    float32
		B    bool
		N    json.Number
		Any  any
		List []any
		Text string
		Raw  json.RawMessage
	}
	type page struct{ Done bool }
	var asked []request
	call := func(_ context.Context, in request) (page, error) {
		asked = append(asked, in)
		return page{}, nil
	}
	names := []string{"i", "u", "f", "b", "n", "any", "list", "text", "raw"}
	outputs := make([]string, len(names))
	for i := range outputs {
		outputs[i] = "done"
	}
	p := paginate.Must(paginate.New(paginate.Rule{InputTokens: names, OutputTokens: outputs}, call))
	token := resumeToken(`{"i": -4, "u": 65535, "f": 1.5, "b": true, "n": 1.50, "any": {"k": [1]}, "list": [1, "x"], "text": 17, "raw": "AQI=", "boto_encoded_keys": [["raw"]]}`)
	for range 2 {
		for _, err := range p.Paginate(request{Text: "mine"}, paginate.Options{StartingToken: token}).All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	asked[1].Raw, asked[0].Raw = nil, asked[0].Raw[:2]
	wantText(t, "raw", string(asked[0].Raw), "\x01\x02")
	text, err := json.Marshal(asked[1])
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "asked", string(text), `{"I":-4,"U":65535,"F":1.5,"B":true,"N":1.50,"Any":{"k":[1]},"List":[1,"x"],"Text":"17","Raw":null}`)
}

func TestNonAggregateMapsMeetResults(t *testing.T) {
	rule := usersRule
	rule.ResultKeys, rule.NonAggregateKeys = []string{"R.Users"}, []string{"R", "S.T"}
	op := chain(
		doc{"R": doc{"Users": []any{"a"}, "x": 1}, "S": doc{"T": doc{"u": nil}}},
		doc{"R": doc{"Users": []any{"b"}, "x": 2}},
	)
	full, err := paging(t, rule, op, nil, paginate.Options{}).BuildFullResult(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "the result", canonical(full.Result), `{"R":{"Users":["a"],"x":1},"S":{"T":{"u":null}}}`)
	if len(full.Changes) != 2 {
		t.Errorf("changes are %v", full.Changes)
	}
}

func TestErrorsSayWhere(t *testing.T) {
	op := chain(users("a"), users("b"))
	op.pages[1].Page["NextMarker"] = "m1"
	_, err := paging(t, usersRule, op, nil, paginate.Options{}).BuildFullResult(t.Context())
	if err == nil || !strings.Contains(err.Error(), "page 2 gave a next token that was given before: eyJNYXJrZXIiOiAibTEifQ==") {
		t.Errorf("error is %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("Must let a bad rule pass")
		}
	}()
	paginate.Must(paginate.New(paginate.Rule{}, op.call))
}
