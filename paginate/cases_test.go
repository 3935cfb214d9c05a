package paginate_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/paginate"
)

// scenario is a case of testdata/cases.txt.
type scenario struct {
	name     string
	asked    asked
	calls    []any
	give     []any
	token    *string // the text within the token; "null" for none
	full     any
	searches []search
	err      string
}

type search struct {
	query string
	found any
}

func TestCases(t *testing.T) {
	for _, s := range readCases(t) {
		t.Run(s.name, func(t *testing.T) {
			got := runHere(t, s.asked, optionsOf(t, s.asked.Config))
			s.check(t, got)
			for _, search := range s.searches {
				if found := s.search(t, search.query); !same(found, search.found) {
					t.Errorf("%s gives %s, want %s", search.query, canonical(found), canonical(search.found))
				}
			}
		})
	}
}

// TestCasesAreBotocores asks botocore itself whether the table is right.
func TestCasesAreBotocores(t *testing.T) {
	b := startBotocore(t)
	for _, s := range readCases(t) {
		if b.zeroesNumbers && s.name == "numbers and truths of a page are given again" {
			continue // not by a botocore of this age
		}
		t.Run(s.name, func(t *testing.T) { s.check(t, b.run(t, s.asked)) })
	}
}

func (s scenario) check(t *testing.T, got outcome) {
	t.Helper()
	if (s.err != "") != (got.Error != nil) {
		t.Errorf("error is %v, want %q", deref(got.Error), s.err)
	}
	for what, pair := range map[string][2][]any{"requests": {got.Calls, s.calls}, "pages": {got.Pages, s.give}} {
		if len(pair[1]) > 0 && !same(pair[0], pair[1]) {
			t.Errorf("%s are %s, want %s", what, canonical(pair[0]), canonical(pair[1]))
		}
	}
	delete(got.Full, "NextToken")
	if s.full != nil && !same(got.Full, s.full) {
		t.Errorf("full result is %s, want %s", canonical(got.Full), canonical(s.full))
	}
	if s.token == nil {
		return
	}
	if *s.token == "null" {
		wantText(t, "token", deref(got.Token), "")
	} else {
		wantToken(t, deref(got.Token), *s.token)
	}
}

func (s scenario) search(t *testing.T, query string) []any {
	t.Helper()
	op := &operation{pages: s.asked.Pages, names: ruleOf(t, s.asked).InputTokens}
	pages := paging(t, ruleOf(t, s.asked), op, s.asked.Kwargs, paginate.Options{})
	found := []any{}
	for v, err := range pages.Search(t.Context(), query) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, v)
	}
	return found
}

// optionsOf reads botocore's PaginationConfig, whose numbers may be strings.
func optionsOf(t *testing.T, config map[string]any) paginate.Options {
	t.Helper()
	number := func(name string) *int {
		if config[name] == nil {
			return nil
		}
		var n int
		if _, err := fmt.Sscan(fmt.Sprint(config[name]), &n); err != nil {
			t.Fatal(err)
		}
		return &n
	}
	token, _ := config["StartingToken"].(string)
	return paginate.Options{MaxItems: number("MaxItems"), PageSize: number("PageSize"), StartingToken: token}
}

func readCases(t *testing.T) []scenario {
	t.Helper()
	text, err := os.ReadFile("testdata/cases.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []scenario
	for part := range strings.SplitSeq(string(text), "\n== ") {
		name, lines, _ := strings.Cut(part, "\n")
		if strings.HasPrefix(name, "#") {
			continue
		}
		s := scenario{name: name, asked: asked{Kwargs: doc{}, Config: doc{}}}
		for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
			s.read(t, line)
		}
		all = append(all, s)
	}
	return all
}

func (s *scenario) read(t *testing.T, line string) {
	t.Helper()
	word, text, _ := strings.Cut(line, " ")
	switch word {
	case "rule":
		decodeNumbers(t, []byte(text), &s.asked.Rule)
	case "string":
		s.asked.StringLimit = true
	case "page":
		pair := parse(t, "["+strings.Replace(text, "] {", "], {", 1)+"]").([]any)
		s.asked.Pages = append(s.asked.Pages, answered{Ask: pair[0].([]any), Page: pair[1].(doc)})
	case "kwargs":
		s.asked.Kwargs = parse(t, text).(doc)
	case "config":
		decodeNumbers(t, []byte(text), &s.asked.Config)
	case "start":
		s.asked.Config["StartingToken"] = resumeToken(text)
	case "call":
		s.calls = append(s.calls, parse(t, text))
	case "give":
		s.give = append(s.give, parse(t, text))
	case "token":
		s.token = &text
	case "full":
		s.full = parse(t, text)
	case "search":
		pair := parse(t, "["+strings.Replace(text, `" `, `", `, 1)+"]").([]any)
		s.searches = append(s.searches, search{query: pair[0].(string), found: pair[1]})
	case "error":
		s.err = text
	default:
		t.Fatalf("case %s has a line of %q", s.name, word)
	}
}

// parse reads JSON in which bytes are as on the wire to Python.
func parse(t *testing.T, text string) any {
	t.Helper()
	var v any
	decodeNumbers(t, []byte(text), &v)
	return unwire(t, v)
}

func unwire(t *testing.T, v any) any {
	switch v := v.(type) {
	case doc:
		if text, ok := v["__bytes__"].(string); ok {
			data, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		for key := range v {
			v[key] = unwire(t, v[key])
		}
	case []any:
		for i := range v {
			v[i] = unwire(t, v[i])
		}
	}
	return v
}
