package paginate_test

import (
	"testing"

	"github.com/farmtally/farmtally/paginate"
)

// traps are pagings in which botocore does what the package documentation says of
// it: each line of the list that a request and its pages can show.
var traps = []struct {
	name    string
	results []string
	pages   []answered
	kwargs  doc
	options paginate.Options
}{
	{
		name:    "Tokens of the service are not misread",
		pages:   []answered{at(resumeToken(`{"page": 2}`), users("a"))},
		options: paginate.Options{StartingToken: resumeToken(`{"page": 2}`)},
	}, {
		name:  "Repeated tokens always end",
		pages: []answered{at(nil, leading("m1", "a")), at("m1", leading("m2", "b")), at("m2", leading("m1", "c"))},
	}, {
		name:    "The starting token counts as given",
		pages:   []answered{at("m1", leading("m1", "a"))},
		options: paginate.Options{StartingToken: "m1"},
	}, {
		name:    "MaxItems zero asks for nothing",
		pages:   []answered{at(nil, users("a"))},
		options: paginate.Options{MaxItems: new(0)},
	}, {
		name:    "MaxItems negative is an error",
		pages:   []answered{at(nil, users("a", "b"))},
		options: paginate.Options{MaxItems: new(-1)},
	}, {
		name:    "PageSize below one is an error",
		pages:   []answered{at(nil, users("a", "b"))},
		options: paginate.Options{PageSize: new(0)},
	}, {
		name:    "The request's own token is remembered",
		pages:   []answered{at("m1", users("a", "b"))},
		kwargs:  doc{"Marker": "m1"},
		options: paginate.Options{MaxItems: new(1)},
	}, {
		name:    "A token of a page's beginning leaves the page whole",
		results: []string{"Users", "Folders"},
		pages:   []answered{at("m1", doc{"Users": []any{"a"}, "Folders": []any{"x"}})},
		options: paginate.Options{StartingToken: resumeToken(`{"Marker": "m1"}`)},
	}, {
		name:    "A skip may go beyond the page",
		pages:   []answered{at(nil, leading("m1", "a")), at("m1", users("b", "c"))},
		options: paginate.Options{StartingToken: resumeToken(`{"Marker": null, "boto_truncate_amount": 2}`)},
	}, {
		name:  "A token None is a token",
		pages: []answered{at(nil, leading("None", "a")), at("None", users("b"))},
	}, {
		name:    "A bad skip is an error",
		pages:   []answered{at("m1", users("b", "c"))},
		options: paginate.Options{StartingToken: resumeToken(`{"Marker": "m1", "boto_truncate_amount": -1}`)},
	}, {
		name:  "Maps are results, too",
		pages: []answered{at(nil, doc{"Users": doc{"a": "1"}, "NextMarker": "m1"}), at("m1", doc{"Users": doc{"b": "2"}})},
	}, {
		name:  "A single value counts as one item",
		pages: []answered{at(nil, doc{"Users": 1})},
	},
}

func at(token any, page doc) answered { return answered{Ask: []any{token}, Page: page} }

func leading(token string, names ...any) doc { return doc{"Users": names, "NextMarker": token} }

// TestTrapsAreBotocores asks botocore itself, so that the list does not do it
// wrong: a trap that botocore has no longer is to be struck from it.
func TestTrapsAreBotocores(t *testing.T) {
	b := startBotocore(t)
	for _, c := range traps {
		t.Run(c.name, func(t *testing.T) {
			if differences[c.name] == nil {
				t.Error("no difference of this name")
			}
			a := asked{Pages: c.pages, Kwargs: c.kwargs, Config: doc{}, Rule: doc{
				"input_token": "Marker", "output_token": "NextMarker", "limit_key": "Max", "result_key": c.results,
			}}
			if c.results == nil {
				a.Rule["result_key"] = "Users"
			}
			if a.Kwargs == nil {
				a.Kwargs = doc{}
			}
			if c.options.MaxItems != nil {
				a.Config["MaxItems"] = *c.options.MaxItems
			}
			if c.options.PageSize != nil {
				a.Config["PageSize"] = *c.options.PageSize
			}
			if c.options.StartingToken != "" {
				a.Config["StartingToken"] = c.options.StartingToken
			}
			theirs, ours := b.run(t, a), runHere(t, a, c.options)
			if canonicalOutcome(theirs) == canonicalOutcome(ours) {
				t.Errorf("botocore does the same: %s", canonicalOutcome(ours))
			}
			t.Logf("\nbotocore %s\nhere     %s", canonicalOutcome(theirs), canonicalOutcome(ours))
		})
	}
}

func canonicalOutcome(o outcome) string {
	if len(o.Calls) > 4 {
		return "no end"
	}
	text := doc{"calls": len(o.Calls), "pages": o.Pages, "full": o.Full, "error": deref(o.Error), "token": unwrapped(o.Token)}
	return canonical(text)
}
