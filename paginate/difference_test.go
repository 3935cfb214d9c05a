package paginate_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/paginate"
)

type doc = map[string]any

// differences are the tests of the package documentation's list, by its names.
var differences = map[string]func(*testing.T){
	"Passes are independent":                              testPassesAreIndependent,
	"Tokens of the service are not misread":               testServiceTokens,
	"Changes are visible":                                 testChanges,
	"Repeated tokens always end":                          testRepeatedTokens,
	"The starting token counts as given":                  testRepeatOfStart,
	"MaxItems zero asks for nothing":                      testMaxItemsZero,
	"MaxItems negative is an error":                       testMaxItemsNegative,
	"PageSize below one is an error":                      testPageSizeBelowOne,
	"An empty StartingToken is none":                      testEmptyStartingToken,
	"The request's own token is remembered":               testRequestsOwnToken,
	"A token of a page's beginning leaves the page whole": testPageBeginning,
	"A skip may go beyond the page":                       testSkipBeyondPage,
	"The next token is sought in the whole page":          testTokenOfSkippedPage,
	"A token None is a token":                             testTokenNone,
	"A resume token may lack members":                     testTokenLacksMembers,
	"A bad skip is an error":                              testBadSkip,
	"Maps are results, too":                               testMaps,
	"A single value counts as one item":                   testSingleValueCounts,
	"Single values are items":                             testSingleValues,
	"A loop that is left early can be taken up":           testLeftEarly,
	"Mistakes in a rule are found at once":                testRuleMistakes,
	"MaxItems without a result is an error":               testMaxItemsWithoutResult,
}

func TestDifferencesFromBotocore(t *testing.T) {
	for name, test := range differences {
		t.Run(name, test)
	}
}

func TestEachDifferenceIsDocumented(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "# Differences from botocore")
	var documented []string
	for _, found := range regexp.MustCompile(`(?m)^//   - ([^:]+):`).FindAllStringSubmatch(section, -1) {
		documented = append(documented, found[1])
	}
	for _, name := range documented {
		if differences[name] == nil {
			t.Errorf("%q has no test", name)
		}
	}
	for name := range differences {
		if !slices.Contains(documented, name) {
			t.Errorf("%q is not in the package documentation", name)
		}
	}
}

// usersRule is a small operation's.
var usersRule = paginate.Rule{
	InputTokens: []string{"Marker"}, OutputTokens: []string{"NextMarker"},
	ResultKeys: []string{"Users"}, LimitKey: "MaxResults",
}

// chain is an operation whose pages follow one another by tokens m1, m2, …
func chain(pages ...doc) *operation {
	op := &operation{names: []string{"Marker"}}
	for i, page := range pages {
		ask := []any{nil}
		if i > 0 {
			ask[0] = fmt.Sprintf("m%d", i)
		}
		if i < len(pages)-1 {
			page["NextMarker"] = fmt.Sprintf("m%d", i+1)
		}
		op.pages = append(op.pages, answered{Ask: ask, Page: page})
	}
	return op
}

func users(names ...any) doc { return doc{"Users": names} }

func paging(t *testing.T, rule paginate.Rule, op *operation, in doc, o paginate.Options) *paginate.Pages[doc, doc] {
	t.Helper()
	return newPaginator(t, rule, op).Paginate(in, o)
}

// mistake is the error of the first loop, before any page.
func mistake(t *testing.T, rule paginate.Rule, op *operation, o paginate.Options) error {
	t.Helper()
	pages := paging(t, rule, op, nil, o)
	for page, err := range pages.All(t.Context()) {
		if page != nil || len(op.calls) != 0 || pages.NextToken() != "" {
			t.Errorf("gave %v after %d requests", page, len(op.calls))
		}
		return err
	}
	return nil
}

func newPaginator(t *testing.T, rule paginate.Rule, op *operation) *paginate.Paginator[doc, doc] {
	t.Helper()
	p, err := paginate.New(rule, op.call)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// names are all items as one text.
func names(t *testing.T, pages *paginate.Pages[doc, doc]) string {
	t.Helper()
	var all []string
	for name, err := range paginate.Items[string](t.Context(), pages) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	return strings.Join(all, "")
}

func pageTexts(t *testing.T, pages *paginate.Pages[doc, doc]) []string {
	t.Helper()
	var all []string
	for page, err := range pages.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, canonical(page))
	}
	return all
}

// resumeToken makes a resume token of its JSON.
func resumeToken(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func wantText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %s, want %s", what, got, want)
	}
}

func wantToken(t *testing.T, got, want string) {
	t.Helper()
	wantText(t, "token", unwrapped(&got), want)
}

func testPassesAreIndependent(t *testing.T) {
	op, in := chain(users("a"), users("b"), users("c")), doc{"farm": "f"}
	before := canonical(op.pages)
	pages := paging(t, usersRule, op, in, paginate.Options{})
	for range 2 {
		wantText(t, "a pass", names(t, pages), "abc")
	}
	resumed := paging(t, usersRule, op, in, paginate.Options{StartingToken: "m1___0", MaxItems: new(1)})
	wantText(t, "a resumed pass", names(t, resumed), "b")
	wantText(t, "the request", canonical(in), `{"farm":"f"}`)
	wantText(t, "the service's pages", canonical(op.pages), before)
}

func testServiceTokens(t *testing.T) {
	for _, text := range []string{`{"page": 2}`, `{"Marker": "x", "page": 2}`, `{}`, `17`, `"text"`, `null`, `[1]`, `{"boto_encoded_keys": []}`} {
		token := resumeToken(text)
		op := chain(users("a"), users("b"))
		op.pages[1].Ask = []any{token}
		wantText(t, text, names(t, paging(t, usersRule, op, nil, paginate.Options{StartingToken: token})), "b")
	}
	looksOurs := resumeToken(`{"Marker": "x"}`)
	for _, token := range []string{looksOurs, "a___3", "a___b___c"} {
		op := chain(users("a"), users("b"))
		op.pages[1].Ask = []any{token}
		wantText(t, token, names(t, paging(t, usersRule, op, doc{"Marker": token}, paginate.Options{})), "b")
	}
}

func testChanges(t *testing.T) {
	rule := usersRule
	rule.NonAggregateKeys = []string{"status", "why"}
	op := chain(
		doc{"Users": []any{"a"}, "status": "COMPLETED"},
		doc{"Users": []any{"b"}, "status": "COMPLETED"},
		doc{"status": "FAILED", "why": "disk"},
	)
	full, err := paging(t, rule, op, nil, paginate.Options{}).BuildFullResult(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "the result", canonical(full.Result), `{"Users":["a","b"],"status":"COMPLETED","why":null}`)
	want := []paginate.Change{
		{Page: 3, Key: "status", From: "COMPLETED", To: "FAILED"},
		{Page: 3, Key: "why", From: nil, To: "disk"},
	}
	if !slices.Equal(full.Changes, want) {
		t.Errorf("changes are %v, want %v", full.Changes, want)
	}
}

// circle is an operation whose last page leads back to an earlier one.
func circle(length, back int) func(context.Context, doc) (doc, error) {
	return func(_ context.Context, in doc) (doc, error) {
		at, _ := in["Marker"].(int)
		next := at + 1
		if next == length {
			next = back
		}
		return doc{"Users": []any{fmt.Sprint(at)}, "NextMarker": next}, nil
	}
}

func testRepeatedTokens(t *testing.T) {
	for _, c := range []struct{ length, back, most int }{
		{2, 1, 2}, {3, 1, 3}, {50, 7, 50}, {4097, 1, 4097}, {9000, 1, 50000}, {9000, 6000, 50000},
	} {
		p, err := paginate.New(usersRule, circle(c.length, c.back))
		if err != nil {
			t.Fatal(err)
		}
		pages := p.Paginate(nil, paginate.Options{})
		given := 0
		var repeated *paginate.RepeatedTokenError
		for _, err := range pages.All(t.Context()) {
			if err != nil {
				repeated, _ = errors.AsType[*paginate.RepeatedTokenError](err)
				break
			}
			if given++; given > c.most {
				break
			}
		}
		if repeated == nil || repeated.Page != given || given < c.length {
			t.Errorf("circle of %d back to %d: %v after %d pages", c.length, c.back, repeated, given)
		}
	}
}

func testRepeatOfStart(t *testing.T) {
	op := chain(users("a"), users("b"), users("c"))
	op.pages[1].Page["NextMarker"] = "m1"
	pages := paging(t, usersRule, op, nil, paginate.Options{StartingToken: resumeToken(`{"Marker": "m1"}`)})
	given := 0
	for _, err := range pages.All(t.Context()) {
		repeated, _ := errors.AsType[*paginate.RepeatedTokenError](err)
		switch {
		case err == nil:
			given++
		case repeated == nil:
			t.Error(err)
		default:
			wantToken(t, repeated.Token, `{"Marker": "m1"}`)
		}
	}
	if given != 1 || len(op.calls) != 1 {
		t.Errorf("%d pages by %d requests, want 1 by 1", given, len(op.calls))
	}
}

func testMaxItemsZero(t *testing.T) {
	for start, want := range map[string]string{
		"":       `{"Marker": null, "boto_truncate_amount": 0}`,
		"m1___1": `{"Marker": "m1", "boto_truncate_amount": 1}`,
	} {
		op := chain(users("a"), users("b", "c"))
		pages := paging(t, usersRule, op, nil, paginate.Options{MaxItems: new(0), StartingToken: start})
		full, err := pages.BuildFullResult(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantToken(t, full.NextToken, want)
		wantText(t, "items", names(t, pages), "")
		wantToken(t, pages.NextToken(), want)
		if len(op.calls) != 0 {
			t.Errorf("%d requests", len(op.calls))
		}
	}
}

func testMaxItemsNegative(t *testing.T) {
	err := mistake(t, usersRule, chain(users()), paginate.Options{MaxItems: new(-1)})
	if !errors.Is(err, paginate.ErrMaxItems) {
		t.Errorf("error is %v", err)
	}
}

func testPageSizeBelowOne(t *testing.T) {
	for _, size := range []int{0, -5} {
		err := mistake(t, usersRule, chain(users()), paginate.Options{PageSize: &size})
		if !errors.Is(err, paginate.ErrPageSize) {
			t.Errorf("error is %v", err)
		}
	}
}

func testEmptyStartingToken(t *testing.T) {
	op := chain(users("a"), users("b"))
	wantText(t, "a pass", names(t, paging(t, usersRule, op, nil, paginate.Options{StartingToken: ""})), "ab")
	wantText(t, "the first request", canonical(op.calls[0]), "{}")
}

func testRequestsOwnToken(t *testing.T) {
	op := chain(users("a"), users("b", "c"))
	in := doc{"Marker": "m1"}
	pages := paging(t, usersRule, op, in, paginate.Options{MaxItems: new(1)})
	wantText(t, "the first part", names(t, pages), "b")
	wantToken(t, pages.NextToken(), `{"Marker": "m1", "boto_truncate_amount": 1}`)
	rest := paging(t, usersRule, op, in, paginate.Options{StartingToken: pages.NextToken()})
	wantText(t, "the rest", names(t, rest), "c")
}

// foldersRule has a secondary result, as S3's.
var foldersRule = paginate.Rule{
	InputTokens: []string{"Marker"}, OutputTokens: []string{"NextMarker || Users[-1]"}, ResultKeys: []string{"Users", "Folders"},
}

func testPageBeginning(t *testing.T) {
	op := chain(
		doc{"Users": []any{"a"}, "Folders": []any{"x"}},
		doc{"Users": []any{"b", "c"}, "Folders": []any{"y"}},
	)
	op.pages[1].Page["NextMarker"] = nil
	rule := foldersRule
	rule.OutputTokens = []string{"NextMarker"}
	first := paging(t, rule, op, nil, paginate.Options{MaxItems: new(1)})
	pageTexts(t, first)
	wantToken(t, first.NextToken(), `{"Marker": "m1"}`)
	second := paging(t, rule, op, nil, paginate.Options{MaxItems: new(1), StartingToken: first.NextToken()})
	wantText(t, "the page from its beginning", strings.Join(pageTexts(t, second), ""), `{"Folders":["y"],"NextMarker":null,"Users":["b"]}`)
	third := paging(t, rule, op, nil, paginate.Options{StartingToken: second.NextToken()})
	wantText(t, "its second part", strings.Join(pageTexts(t, third), ""), `{"Folders":[],"NextMarker":null,"Users":["c"]}`)
}

func testSkipBeyondPage(t *testing.T) {
	small := chain(users("a"), users("b"), users(), users("c", "d"), users("e"))
	for skip, want := range []string{"abcde", "bcde", "cde", "de", "e", "", ""} {
		token := resumeToken(fmt.Sprintf(`{"Marker": null, "boto_truncate_amount": %d}`, skip))
		wantText(t, token, names(t, paging(t, usersRule, small, nil, paginate.Options{StartingToken: token})), want)
	}
	token := resumeToken(`{"Marker": null, "boto_truncate_amount": 3}`)
	cut := paging(t, usersRule, small, nil, paginate.Options{StartingToken: token, MaxItems: new(1)})
	wantText(t, "cut", names(t, cut), "d")
	wantToken(t, cut.NextToken(), `{"Marker": "m4"}`)
}

func testTokenOfSkippedPage(t *testing.T) {
	op := &operation{names: []string{"Marker"}, pages: []answered{
		{Ask: []any{nil}, Page: users("a", "b")}, {Ask: []any{"b"}, Page: users("c")}, {Ask: []any{"c"}, Page: users()},
	}}
	pages := paging(t, foldersRule, op, nil, paginate.Options{StartingToken: "None___2"})
	wantText(t, "the rest", names(t, pages), "c")
}

func testTokenNone(t *testing.T) {
	op := chain(users("a"), users("b"))
	op.pages[0].Page["NextMarker"], op.pages[1].Ask = "None", []any{"None"}
	wantText(t, "a pass", names(t, paging(t, usersRule, op, nil, paginate.Options{})), "ab")
	wantText(t, "deprecated", names(t, paging(t, usersRule, op, nil, paginate.Options{StartingToken: "None___0"})), "ab")
}

func testTokenLacksMembers(t *testing.T) {
	rule := usersRule
	rule.InputTokens, rule.OutputTokens = []string{"Marker", "Version"}, []string{"NextMarker", "NextVersion"}
	op := chain(users("a"), users("b", "c"))
	op.names = rule.InputTokens
	op.pages[1].Ask = []any{"m1", nil}
	pages := paging(t, rule, op, nil, paginate.Options{StartingToken: resumeToken(`{"Marker": "m1"}`), MaxItems: new(1)})
	wantText(t, "a part", names(t, pages), "b")
	wantToken(t, pages.NextToken(), `{"Marker": "m1", "Version": null, "boto_truncate_amount": 1}`)
}

func testBadSkip(t *testing.T) {
	for _, text := range []string{"-1", `"2"`, "1.5", "null", "[]", "99999999999999999999"} {
		token := resumeToken(`{"Marker": "m1", "boto_truncate_amount": ` + text + `}`)
		err := mistake(t, usersRule, chain(users()), paginate.Options{StartingToken: token})
		if !errors.Is(err, paginate.ErrBadToken) {
			t.Errorf("skip %s: error is %v", text, err)
		}
	}
}

func testMaps(t *testing.T) {
	op := chain(doc{"Users": doc{"b": 2, "a": 1, "c": 3}}, doc{"Users": doc{"d": 4, "a": 5}})
	var parts []string
	token := ""
	for range 3 {
		pages := paging(t, usersRule, op, nil, paginate.Options{MaxItems: new(2), StartingToken: token})
		full, err := pages.BuildFullResult(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, canonical(full.Result["Users"]))
		token = full.NextToken
	}
	wantText(t, "parts of the map", strings.Join(parts, " "), `{"a":1,"b":2} {"a":5,"c":3} {"d":4}`)
	full, err := paging(t, usersRule, op, nil, paginate.Options{}).BuildFullResult(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "the whole map", canonical(full.Result), `{"Users":{"a":5,"b":2,"c":3,"d":4}}`)
}

func testSingleValueCounts(t *testing.T) {
	op := chain(doc{"Users": 3}, doc{"Users": 4}, doc{"Users": 5})
	pages := paging(t, usersRule, op, nil, paginate.Options{MaxItems: new(2)})
	full, err := pages.BuildFullResult(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "the sum", canonical(full.Result["Users"]), "7")
	wantToken(t, full.NextToken, `{"Marker": "m2"}`)
}

func testSingleValues(t *testing.T) {
	op := chain(doc{"Users": "héé"}, doc{"Users": "b"})
	var got []string
	for text, err := range paginate.Items[string](t.Context(), paging(t, usersRule, op, nil, paginate.Options{})) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, text)
	}
	wantText(t, "items", strings.Join(got, "|"), "héé|b")
}

func testLeftEarly(t *testing.T) {
	all, total := "abcdef", 6
	for n := 1; n <= total; n++ {
		op := chain(users("a", "b"), users(), users("c", "d", "e"), users("f"))
		pages := paging(t, usersRule, op, nil, paginate.Options{})
		seen := ""
		for name, err := range paginate.Items[string](t.Context(), pages) {
			if err != nil {
				t.Fatal(err)
			}
			if seen += name; len(seen) == n {
				break
			}
		}
		if n == total {
			wantText(t, "the last token", pages.NextToken(), "")
			continue
		}
		rest := paging(t, usersRule, op, nil, paginate.Options{StartingToken: pages.NextToken()})
		wantText(t, "the rest", seen+names(t, rest), all)
	}

	op := chain(users("a", "b"), users("c"), users("d"))
	pages := paging(t, usersRule, op, nil, paginate.Options{})
	for _, err := range pages.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	wantToken(t, pages.NextToken(), `{"Marker": "m1"}`)

	op.pages = op.pages[:2]
	var failed error
	for _, err := range pages.All(t.Context()) {
		failed = err
	}
	if !errors.Is(failed, errNoSuchToken) {
		t.Errorf("error is %v", failed)
	}
	wantToken(t, pages.NextToken(), `{"Marker": "m2"}`)
}

func testRuleMistakes(t *testing.T) {
	good, err := json.Marshal(usersRule)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*paginate.Rule){
		"no tokens":           func(r *paginate.Rule) { r.InputTokens, r.OutputTokens = nil, nil },
		"tokens uneven":       func(r *paginate.Rule) { r.OutputTokens = append(r.OutputTokens, "x") },
		"a bad output token":  func(r *paginate.Rule) { r.OutputTokens = []string{"a["} },
		"bad more results":    func(r *paginate.Rule) { r.MoreResults = "&&" },
		"a result in lists":   func(r *paginate.Rule) { r.ResultKeys = []string{"Users[].Name"} },
		"an empty result":     func(r *paginate.Rule) { r.ResultKeys = []string{"Users."} },
		"a bad aggregate key": func(r *paginate.Rule) { r.NonAggregateKeys = []string{"*"} },
	} {
		rule := usersRule
		rule.InputTokens, rule.OutputTokens = slices.Clone(rule.InputTokens), slices.Clone(rule.OutputTokens)
		change(&rule)
		if _, err := paginate.New(rule, chain().call); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if after, _ := json.Marshal(usersRule); string(after) != string(good) {
		t.Error("New changed the rule")
	}
}

func testMaxItemsWithoutResult(t *testing.T) {
	rule := usersRule
	rule.ResultKeys = nil
	op := chain(users("a"), users("b"))
	if err := mistake(t, rule, op, paginate.Options{MaxItems: new(1)}); !errors.Is(err, paginate.ErrMaxItems) {
		t.Errorf("error is %v", err)
	}
	if got := len(pageTexts(t, paging(t, rule, op, nil, paginate.Options{}))); got != 2 {
		t.Errorf("%d pages, want 2", got)
	}
}
