package paginate_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"

	"github.com/farmtally/farmtally/paginate"
)

// These are of the kinds that generated code has.
type (
	color string

	inner struct {
		Parts []*part
		Total *int32
		Blob  []byte
		When  *time.Time
	}

	part struct {
		Name  *string
		Color color
	}

	shelfRequest struct {
		Marker  *string
		Version *int64
		Key     []byte
		Kind    color
		Size    *string
		Names   []string
		Start   map[string]*string
	}

	shelfPage struct {
		Shelf       *inner
		Status      color
		NextMarker  *string
		NextVersion int64
		NextKey     []byte
		NextKind    color
		NextNames   []string
		NextStart   map[string]*string
		hidden      int
	}
)

var shelfRule = paginate.Rule{
	InputTokens:      []string{"Marker", "Version", "Key", "Kind", "Names", "Start"},
	OutputTokens:     []string{"NextMarker || Shelf.Parts[-1].Name", "NextVersion", "NextKey", "NextKind", "NextNames", "NextStart"},
	ResultKeys:       []string{"Shelf.Parts", "Shelf.Total"},
	LimitKey:         "Size",
	NonAggregateKeys: []string{"Status", "Shelf.When"},
}

// shelf has three pages, and keeps what it was asked.
func shelf(asked *[]shelfRequest) func(context.Context, *shelfRequest) (*shelfPage, error) {
	when := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	return func(_ context.Context, in *shelfRequest) (*shelfPage, error) {
		*asked = append(*asked, *in)
		page := &shelfPage{Shelf: &inner{Total: new(int32(2)), When: &when}, Status: "FULL", hidden: 1}
		switch {
		case in.Marker == nil:
			page.Shelf.Parts = []*part{{Name: new("a")}, {Name: new("b"), Color: "red"}}
			page.NextVersion, page.NextKey, page.NextKind = 7, []byte{0, 255}, "K"
			page.NextNames, page.NextStart = []string{"x"}, map[string]*string{"z": new("1"), "y": new("2")}
		case *in.Marker == "b":
			page.Shelf.Parts = []*part{{Name: new("c")}, {Name: new("d")}}
			page.NextMarker = new("m")
		default:
			page.Shelf, page.Status = nil, "EMPTY"
		}
		return page, nil
	}
}

func TestStructs(t *testing.T) {
	var asked []shelfRequest
	p, err := paginate.New(shelfRule, shelf(&asked))
	if err != nil {
		t.Fatal(err)
	}
	in := &shelfRequest{Kind: "mine"}
	first := p.Paginate(in, paginate.Options{MaxItems: new(3), PageSize: new(2)})
	full, err := first.BuildFullResult(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(full.Result)
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "the first part", string(text), `{"Shelf":{"Parts":[{"Name":"a","Color":""},{"Name":"b","Color":"red"},{"Name":"c","Color":""}],"Total":4,"Blob":null,"When":"2026-07-01T00:00:00Z"},"Status":"FULL","NextMarker":null,"NextVersion":0,"NextKey":null,"NextKind":"","NextNames":null,"NextStart":null}`)
	wantToken(t, full.NextToken, `{"Marker": "b", "Version": 7, "Key": "AP8=", "Kind": "K", "Names": ["x"], "Start": {"y": "2", "z": "1"}, "boto_truncate_amount": 1, "boto_encoded_keys": [["Key"]]}`)
	wantAsked := `[{"Marker":null,"Version":null,"Key":null,"Kind":"mine","Size":"2","Names":null,"Start":null},{"Marker":"b","Version":7,"Key":"AP8=","Kind":"K","Size":"2","Names":["x"],"Start":{"y":"2","z":"1"}}]`
	text, err = json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "what was asked", string(text), wantAsked)
	if !reflect.DeepEqual(in, &shelfRequest{Kind: "mine"}) {
		t.Error("the caller's request was changed")
	}

	asked = nil
	rest, err := p.Paginate(in, paginate.Options{StartingToken: full.NextToken}).BuildFullResult(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := rest.Result.Shelf; len(got.Parts) != 1 || *got.Parts[0].Name != "d" || *got.Total != 2 {
		t.Errorf("the rest is %+v", got)
	}
	if len(rest.Changes) != 2 || rest.Changes[0].To != "EMPTY" || rest.NextToken != "" {
		t.Errorf("changes are %v, the token %q", rest.Changes, rest.NextToken)
	}
	if len(asked) != 2 || string(asked[0].Key) != "\x00\xff" || *asked[0].Start["z"] != "1" || asked[1].Key != nil || asked[1].Kind != "" {
		t.Errorf("asked %+v", asked)
	}
}

func TestSearchNamesMembersAsTheServiceDoes(t *testing.T) {
	var asked []shelfRequest
	upper := paginate.Must(paginate.New(shelfRule, shelf(&asked))).Paginate(nil, paginate.Options{})
	var got []string
	for found, err := range upper.Search(t.Context(), "[Status, Shelf.Parts[].Name, Shelf.Parts[?Color=='red'] | [0].Name, Shelf.Total, Shelf.When]") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, canonical(found))
	}
	wantText(t, "found", strings.Join(got, " "), `"FULL" ["a","b"] "b" 2 "2026-07-01T00:00:00Z" "FULL" ["c","d"] null 2 "2026-07-01T00:00:00Z" "EMPTY" null null null null`)
}

func TestJMESPathBeyondPaths(t *testing.T) {
	rule := usersRule
	rule.OutputTokens = []string{"max(Users[?starts_with(@, `m`)])"}
	rule.MoreResults = "length(Users) > `1`"
	op := chain(users("m0", "m1"), users("m1", "m2"), users("m9"))
	wantText(t, "a pass", names(t, paging(t, rule, op, nil, paginate.Options{})), "m0m1m1m2m9")
}

// TestSearchKeepsBareLiterals is of expressions in AWS's documentation, whose
// literals are not JSON.
func TestSearchKeepsBareLiterals(t *testing.T) {
	op := chain(doc{"Users": []any{doc{"s": "running", "n": 1}, doc{"s": "it's `x`", "n": 2}, doc{"s": true, "n": 3}}})
	for query, want := range map[string]string{
		"Users[?s==`running`].n":        "[1]",
		"Users[?s==`\"running\"`].n":    "[1]",
		"Users[?s=='running'].n":        "[1]",
		"Users[?s==`it's \\`x\\``].n":   "[2]",
		"Users[?s=='it\\'s `x`'].n":     "[2]",
		"Users[?s==`true`].n":           "[3]",
		"Users[?n>`2`].\"n\"":           "[3]",
		"Users[?s==`running` ].[`a`,n]": `[["a",1]]`,
	} {
		found := []any{}
		for v, err := range paging(t, usersRule, op, nil, paginate.Options{}).Search(t.Context(), query) {
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			found = append(found, v)
		}
		wantText(t, query, canonical(found), want)
	}
}

func TestSearchErrors(t *testing.T) {
	for _, query := range []string{"", "Users[", "`", "'", "nosuch(@)", "sum(Users)", "Users[::0]"} {
		var last error
		for _, err := range paging(t, usersRule, chain(users("a")), nil, paginate.Options{}).Search(t.Context(), query) {
			last = err
		}
		if last == nil {
			t.Errorf("%q: no error", query)
		}
	}
}

func TestRuleMustFitTheStructs(t *testing.T) {
	call := func(context.Context, *deadline.ListQueuesInput) (*deadline.ListQueuesOutput, error) { return nil, nil }
	good := paginate.Rule{
		InputTokens: []string{"nextToken"}, OutputTokens: []string{"nextToken"}, ResultKeys: []string{"queues"}, LimitKey: "maxResults",
	}
	if _, err := paginate.New(good, call); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*paginate.Rule){
		"ListQueuesInput has no field Token":                  func(r *paginate.Rule) { r.InputTokens = []string{"token"} },
		"ListQueuesOutput has no field Token":                 func(r *paginate.Rule) { r.OutputTokens = []string{"token"} },
		"ListQueuesOutput has no field Q":                     func(r *paginate.Rule) { r.ResultKeys = []string{"q"} },
		"ListQueuesInput has no field Max":                    func(r *paginate.Rule) { r.LimitKey = "max" },
		"ListQueuesOutput has no field NoSmithyDocumentSerde": func(r *paginate.Rule) { r.MoreResults = "noSmithyDocumentSerde" },
		"ListQueuesOutput has no field Status":                func(r *paginate.Rule) { r.NonAggregateKeys = []string{"status"} },
		"string has no members":                               func(r *paginate.Rule) { r.NonAggregateKeys = []string{"nextToken.x"} },
	} {
		rule := good
		change(&rule)
		if _, err := paginate.New(rule, call); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	if _, err := paginate.New(good, func(context.Context, int) (doc, error) { return nil, nil }); err == nil {
		t.Error("an int is taken for a request")
	}
}

func TestTokensThatDoNotFitTheRequest(t *testing.T) {
	var asked []shelfRequest
	p := paginate.Must(paginate.New(shelfRule, shelf(&asked)))
	for _, text := range []string{`{"Version": "x"}`, `{"Version": 1e30}`, `{"Names": "x"}`, `{"Start": [1]}`, `{"Marker": {"a": 1}}`, `{"Kind": true}`} {
		var last error
		for _, err := range p.Paginate(nil, paginate.Options{StartingToken: resumeToken(text)}).All(t.Context()) {
			last = err
		}
		if !errors.Is(last, paginate.ErrBadToken) || len(asked) != 0 {
			t.Errorf("%s: error is %v", text, last)
		}
	}
}

func TestBadBytesInTokens(t *testing.T) {
	for _, text := range []string{
		`{"Marker": "AA==", "boto_encoded_keys": 1}`, `{"Marker": "AA==", "boto_encoded_keys": ["Marker"]}`,
		`{"Marker": "AA==", "boto_encoded_keys": [[]]}`, `{"Marker": "AA==", "boto_encoded_keys": [["x"]]}`,
		`{"Marker": "!", "boto_encoded_keys": [["Marker"]]}`, `{"Marker": 1, "boto_encoded_keys": [["Marker"]]}`,
		`{"Marker": ["AA=="], "boto_encoded_keys": [["Marker", 1]]}`, `{"Marker": ["AA=="], "boto_encoded_keys": [["Marker", -1]]}`,
	} {
		if err := mistake(t, usersRule, chain(users()), paginate.Options{StartingToken: resumeToken(text)}); !errors.Is(err, paginate.ErrBadToken) {
			t.Errorf("%s: error is %v", text, err)
		}
	}
}

func TestSumsBeyondTheField(t *testing.T) {
	var asked []shelfRequest
	call := shelf(&asked)
	huge := func(ctx context.Context, in *shelfRequest) (*shelfPage, error) {
		page, err := call(ctx, in)
		if page.Shelf != nil {
			page.Shelf.Total = new(int32(math.MaxInt32))
		}
		return page, err
	}
	full, err := paginate.Must(paginate.New(shelfRule, huge)).Paginate(nil, paginate.Options{}).BuildFullResult(t.Context())
	if err == nil || !strings.Contains(err.Error(), "4294967294") {
		t.Errorf("error is %v with %+v", err, full.Result)
	}
}

func TestResultsOfDifferentKinds(t *testing.T) {
	op := chain(users("a"), doc{"Users": "b"})
	full, err := paging(t, usersRule, op, nil, paginate.Options{}).BuildFullResult(t.Context())
	if err == nil || canonical(full.Result["Users"]) != `["a"]` {
		t.Errorf("error is %v with %v", err, full.Result)
	}
	wantToken(t, full.NextToken, `{"Marker": "m1"}`)
}

func TestItemsOfOtherKeysAndTypes(t *testing.T) {
	rule := usersRule
	rule.ResultKeys = []string{"Users", "Folders"}
	op := chain(doc{"Users": []any{"a", 1, nil}, "Folders": []any{"x"}}, doc{"Folders": []any{"y"}})
	var folders string
	for name, err := range paginate.ItemsOf[string](t.Context(), paging(t, rule, op, nil, paginate.Options{}), "Folders") {
		if err != nil {
			t.Fatal(err)
		}
		folders += name
	}
	wantText(t, "folders", folders, "xy")

	var wrong error
	good := 0
	for _, err := range paginate.Items[string](t.Context(), paging(t, rule, op, nil, paginate.Options{})) {
		if wrong = err; err == nil {
			good++
		}
	}
	if wrong == nil || good != 1 {
		t.Errorf("error is %v after %d items", wrong, good)
	}
	all := 0
	for _, err := range paginate.Items[any](t.Context(), paging(t, rule, op, nil, paginate.Options{})) {
		if err != nil {
			t.Fatal(err)
		}
		all++
	}
	if all != 3 {
		t.Errorf("%d items of any type", all)
	}
	for _, err := range paginate.ItemsOf[any](t.Context(), paging(t, rule, op, nil, paginate.Options{}), "None") {
		wrong = err
	}
	if wrong == nil || !strings.Contains(wrong.Error(), `"None"`) {
		t.Errorf("error is %v", wrong)
	}
}

func TestContextEndsAPass(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pages := paging(t, usersRule, chain(users("a"), users("b")), nil, paginate.Options{})
	var last error
	for _, err := range pages.All(ctx) {
		last = err
		cancel()
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("error is %v", last)
	}
	wantToken(t, pages.NextToken(), `{"Marker": "m1"}`)
}

func TestPassesMayRunAtTheSameTime(t *testing.T) {
	farm := newFarm(500)
	defer farm.Close()
	p := paginate.Must(paginate.New(statistics, paginate.Method(clientOf(farm).GetSessionsStatisticsAggregation)))
	in := &deadline.GetSessionsStatisticsAggregationInput{FarmId: new("farm-1"), AggregationId: new("1")}
	pages := p.Paginate(in, paginate.Options{PageSize: new(90), MaxItems: new(400)})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			rows := 0
			for _, err := range paginate.Items[types.Statistics](t.Context(), pages) {
				if err != nil {
					t.Error(err)
				}
				rows++
			}
			if rows != 400 {
				t.Errorf("%d rows", rows)
			}
		})
	}
	all.Wait()
	wantToken(t, pages.NextToken(), `{"nextToken": "360", "boto_truncate_amount": 40}`)
}

func TestServiceErrorsKeepTheirType(t *testing.T) {
	denied := &types.AccessDeniedException{Message: new("no")}
	call := func(context.Context, *deadline.ListQueuesInput) (*deadline.ListQueuesOutput, error) {
		return nil, denied
	}
	p := paginate.Must(paginate.New(paginate.Rule{InputTokens: []string{"nextToken"}, OutputTokens: []string{"nextToken"}}, call))
	for _, err := range p.Paginate(nil, paginate.Options{}).All(t.Context()) {
		if found, ok := errors.AsType[*types.AccessDeniedException](err); !ok || found != denied {
			t.Errorf("error is %v", err)
		}
	}
}
