package paginate_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/paginate"
)

var errNoSuchToken = errors.New("no such token")

// parityCombinations are compared with botocore's, not counting the ones that an
// intended difference excludes.
const parityCombinations = 2000

// TestParity compares this package with botocore's own paginator on random
// operations: calls, pages, full results and the bytes of tokens. Each goes on
// from the other's token.
func TestParity(t *testing.T) {
	b := startBotocore(t)
	seed := uint64(20260727)
	if text := os.Getenv("FARMTALLY_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("FARMTALLY_SEED=%d", seed)
	d := &drawer{r: rand.New(rand.NewPCG(seed, 3)), drawn: map[string]int{}}
	excluded := map[string]int{}
	for compared := 0; compared < parityCombinations; {
		compared += followBoth(t, b, d, excluded)
		if t.Failed() {
			return
		}
	}
	t.Logf("drawn %v", d.drawn)
	t.Logf("excluded %v", excluded)
	for _, feature := range features {
		if d.drawn[feature] < 20 {
			t.Errorf("%s was drawn %d times only", feature, d.drawn[feature])
		}
	}
}

// mostSteps is how often a random paging is taken up again.
const mostSteps = 6

// followBoth pages through one random operation, again and again from the other
// side's token, and says how many pagings were compared.
func followBoth(t *testing.T, b *botocore, d *drawer, excluded map[string]int) int {
	t.Helper()
	a := d.operation()
	token, theirToken := "", ""
	if d.chance(25) {
		token = d.startingToken(a)
		theirToken = token
	}
	compared := 0
	for range mostSteps {
		o, config := d.options(a)
		o.StartingToken = theirToken
		a.Config = config
		if token != "" {
			a.Config["StartingToken"] = token
			d.drawn["starting token"]++
		}
		name := intended(a, o)
		if name == "" && b.zeroesNumbers && o.StartingToken != "" && slices.ContainsFunc(list(a.Rule["result_key"]), isNumberResult) {
			name = "numbers that an old botocore zeroes"
		}
		if name != "" {
			excluded[name]++
			return compared
		}
		want, got := b.run(t, a), runHere(t, a, o)
		compareOutcomes(t, a, want, got)
		compared++
		if t.Failed() || want.Token == nil || got.Token == nil {
			return compared
		}
		token, theirToken = *got.Token, *want.Token
		d.drawn["resumed"]++
	}
	return compared
}

// isNumberResult says whether a drawn operation's result is a number.
func isNumberResult(key string) bool { return strings.HasSuffix(key, "Othernumber") }

func compareOutcomes(t *testing.T, a asked, want, got outcome) {
	t.Helper()
	var wrong []string
	for name, pair := range map[string][2]any{
		"calls": {want.Calls, got.Calls},
		"pages": {want.Pages, got.Pages},
	} {
		w, g := pair[0].([]any), pair[1].([]any)
		if len(w) != len(g) || len(w) > 0 && !same(w, g) {
			wrong = append(wrong, fmt.Sprintf("%s:\nbotocore %s\nhere     %s", name, canonical(w), canonical(g)))
		}
	}
	if deref(want.Error) != deref(got.Error) {
		wrong = append(wrong, fmt.Sprintf("error: botocore %v, here %v", deref(want.Error), deref(got.Error)))
	}
	if want.Error == nil && deref(want.Token) != deref(got.Token) {
		wrong = append(wrong, fmt.Sprintf("token:\nbotocore %s\nhere     %s", unwrapped(want.Token), unwrapped(got.Token)))
	}
	if want.Error == nil && !same(want.Full, got.Full) {
		wrong = append(wrong, fmt.Sprintf("full:\nbotocore %s\nhere     %s", canonical(want.Full), canonical(got.Full)))
	}
	if len(wrong) != 0 {
		text, _ := json.MarshalIndent(a, "", " ")
		t.Errorf("%s\n%s", strings.Join(wrong, "\n"), text)
	}
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func unwrapped(token *string) string {
	text, err := base64.StdEncoding.DecodeString(deref(token))
	if err != nil {
		return deref(token)
	}
	return string(text)
}

// intended names the documented difference from botocore that a paging meets, if
// it meets one. Each has a test of its own in difference_test.go.
func intended(a asked, o paginate.Options) string {
	if o.MaxItems != nil && *o.MaxItems <= 0 {
		return "MaxItems zero or negative"
	}
	if o.StartingToken == "" {
		return ""
	}
	at, skip := startOf(a, o.StartingToken)
	names := list(a.Rule["result_key"])
	for _, p := range a.Pages {
		if !same(p.Ask, at) {
			continue
		}
		primary := lookUp(p.Page, names[0])
		size, sliced := sizeOf(primary)
		switch {
		case skip == 0 && (len(names) > 1 || !sliced):
			return "a token of a page's beginning leaves the page whole"
		case skip > 0 && skip >= size:
			return "a skip may go beyond the page"
		case !same(at, make([]any, len(at))) && same(nextOf(a, p.Page), at):
			return "the starting token counts as given"
		}
	}
	return ""
}

// startOf reads the starting tokens that the drawer makes.
func startOf(a asked, token string) ([]any, int) {
	names := list(a.Rule["input_token"])
	at := make([]any, len(names))
	text, err := base64.StdEncoding.DecodeString(token)
	var members map[string]any
	if err == nil && json.Unmarshal(text, &members) == nil {
		for _, p := range a.Pages {
			if isAt(members, names, p.Ask) {
				at = p.Ask
			}
		}
		skip, _ := members["boto_truncate_amount"].(float64)
		return at, int(skip)
	}
	parts := strings.Split(token, "___")
	skip := 0
	if len(parts) == len(names)+1 {
		skip, _ = strconv.Atoi(parts[len(names)])
		parts = parts[:len(names)]
	}
	for i, part := range parts {
		if part != "None" {
			at[i] = part
		}
	}
	return at, skip
}

// isAt says whether a decoded resume token holds the tokens; bytes are base64 in
// both.
func isAt(members map[string]any, names []string, ask []any) bool {
	for i, name := range names {
		text, err := json.Marshal(ask[i])
		var value any
		if err != nil || json.Unmarshal(text, &value) != nil || !reflect.DeepEqual(value, members[name]) {
			return false
		}
	}
	return true
}

func list(v any) []string {
	if names, ok := v.([]string); ok {
		return names
	}
	return []string{v.(string)}
}

func lookUp(page any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		members, ok := page.(map[string]any)
		if !ok {
			return nil
		}
		page = members[name]
	}
	return page
}

func sizeOf(v any) (int, bool) {
	switch v := v.(type) {
	case []any:
		return len(v), true
	case string:
		return len([]rune(v)), true
	}
	return 0, false
}

// nextOf is where a page of the drawer's leads.
func nextOf(a asked, page map[string]any) []any {
	var next []any
	for _, expression := range list(a.Rule["output_token"]) {
		first, _, _ := strings.Cut(expression, " || ")
		next = append(next, lookUp(page, first))
	}
	return next
}

var features = []string{
	"starting token", "resumed", "empty page", "page without result", "nested result", "string result",
	"several tokens", "alternative token", "more results", "secondary list", "secondary number",
	"secondary string", "non-aggregate", "bytes in token", "number token", "nested token", "repeated token",
	"MaxItems", "PageSize", "string PageSize", "deprecated token", "service's token", "text beyond ASCII",
}

// drawer draws operations, and counts what it drew.
type drawer struct {
	r     *rand.Rand
	drawn map[string]int
}

func (d *drawer) chance(percent int) bool { return d.r.IntN(100) < percent }

func (d *drawer) feature(percent int, name string) bool {
	yes := d.chance(percent)
	if yes {
		d.drawn[name]++
	}
	return yes
}

func (d *drawer) operation() asked {
	a := asked{Kwargs: map[string]any{"farmId": "farm-1"}, Rule: map[string]any{}}
	primary, prefix := "Users", ""
	if d.feature(20, "nested result") {
		prefix = "Engine."
	}
	results := []string{prefix + primary}
	for _, kind := range []string{"list", "number", "string"} {
		if d.feature(25, "secondary "+kind) {
			results = append(results, prefix+"Other"+kind)
		}
	}
	a.Rule["result_key"] = results
	if len(results) == 1 && d.chance(50) {
		a.Rule["result_key"] = results[0]
	}
	a.Rule["input_token"], a.Rule["output_token"] = "Marker", prefix+"NextMarker"
	text := d.feature(15, "string result")
	switch {
	case d.feature(20, "several tokens"):
		a.Rule["input_token"] = []string{"Marker2", "Marker1"}
		a.Rule["output_token"] = []string{"Next2", prefix + "Next1"}
	case !text && d.feature(15, "alternative token"):
		a.Rule["output_token"] = prefix + "NextMarker || " + prefix + "Users[-1].Key"
	}
	if d.feature(20, "more results") {
		a.Rule["more_results"] = prefix + "IsTruncated"
	}
	if d.feature(40, "non-aggregate") {
		a.Rule["non_aggregate_keys"] = []string{"status", "statusMessage", "Result.Inner"}
	}
	if d.chance(80) {
		a.Rule["limit_key"] = "MaxResults"
		a.StringLimit = d.chance(30)
	}
	a.Pages = d.pages(a, text)
	return a
}

func (d *drawer) pages(a asked, text bool) []answered {
	ask := make([]any, len(list(a.Rule["input_token"])))
	var pages []answered
	total := 1 + d.r.IntN(6)
	for i := range total {
		page := map[string]any{}
		d.fill(a, page, i, text)
		pages = append(pages, answered{Ask: ask, Page: page})
		if ask = d.link(a, page, ask, i, i == total-1); ask == nil {
			break
		}
	}
	return pages
}

func (d *drawer) fill(a asked, page map[string]any, i int, text bool) {
	results := list(a.Rule["result_key"])
	switch {
	case d.feature(12, "page without result"):
	case d.chance(4):
		put(page, results[0], nil)
	case text:
		put(page, results[0], d.text(8))
	default:
		put(page, results[0], d.users(i))
	}
	for _, name := range results[1:] {
		if d.chance(20) {
			continue
		}
		switch {
		case strings.HasSuffix(name, "list"):
			put(page, name, d.users(i))
		case strings.HasSuffix(name, "number"):
			put(page, name, d.number())
		default:
			put(page, name, d.text(5))
		}
	}
	put(page, "status", []string{"COMPLETED", "IN_PROGRESS", "FAILED"}[d.r.IntN(3)])
	if d.chance(50) {
		put(page, "Result.Inner", d.number())
	}
	if d.chance(50) {
		put(page, "statusMessage", d.text(5))
	}
}

// link puts into a page the tokens of the next one, and gives them, or nil.
func (d *drawer) link(a asked, page map[string]any, ask []any, i int, last bool) []any {
	expressions := list(a.Rule["output_token"])
	next := make([]any, len(ask))
	for k := range next {
		next[k] = d.token(i, k)
	}
	if len(next) > 1 && d.chance(30) {
		next[d.r.IntN(len(next))] = nil
	}
	if i > 0 && d.feature(6, "repeated token") {
		copy(next, ask)
	}
	first, second, alternative := strings.Cut(expressions[0], " || ")
	users, _ := lookUp(page, strings.TrimSuffix(second, "[-1].Key")).([]any)
	switch {
	case last && !alternative && d.chance(50):
		next[0] = []any{nil, "", json.Number("0"), []any{}}[d.r.IntN(4)]
		for k := range next[1:] {
			next[k+1] = nil
		}
	case alternative && len(users) > 0 && d.chance(60):
		next[0] = users[len(users)-1].(map[string]any)["Key"]
		put(page, first, "")
		expressions = nil
	case last && alternative && len(users) == 0, last && !alternative:
		clear(next)
	}
	for k, expression := range expressions {
		name, _, _ := strings.Cut(expression, " || ")
		if next[k] != nil || d.chance(50) {
			put(page, name, next[k])
		}
	}
	more := !last && !d.chance(8)
	if path, ok := a.Rule["more_results"].(string); ok {
		put(page, path, more)
	}
	if last {
		return nil
	}
	return next
}

func put(page map[string]any, path string, v any) {
	name, rest, nested := strings.Cut(path, ".")
	if !nested {
		page[name] = v
		return
	}
	inner, ok := page[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		page[name] = inner
	}
	put(inner, rest, v)
}

func (d *drawer) users(page int) []any {
	n := d.r.IntN(6)
	if n == 0 {
		d.drawn["empty page"]++
	}
	users := make([]any, 0, n)
	for i := range n {
		users = append(users, map[string]any{"Key": fmt.Sprintf("k%d.%d", page, i), "n": d.number()})
	}
	return users
}

func (d *drawer) number() any {
	if d.chance(30) {
		return json.Number(fmt.Sprintf("%d.%d", d.r.IntN(100), 1+d.r.IntN(9)))
	}
	if d.chance(10) {
		return json.Number(strconv.FormatUint(d.r.Uint64(), 10))
	}
	return json.Number(strconv.Itoa(d.r.IntN(1000) - 100))
}

var letters = []rune("abcXYZ 0/+\"\\\n\té€日😀\u007f\u2028")

func (d *drawer) text(most int) string {
	out := make([]rune, d.r.IntN(most))
	for i := range out {
		out[i] = letters[d.r.IntN(len(letters))]
	}
	if len(string(out)) != len(out) {
		d.drawn["text beyond ASCII"]++
	}
	return string(out)
}

// token draws a token that no other page has.
func (d *drawer) token(page, k int) any {
	text := fmt.Sprintf("t%d.%d.%s", page, k, strings.Trim(d.text(4), " \n\t\""))
	switch {
	case d.feature(8, "bytes in token"):
		return []byte(text)
	case d.feature(6, "number token"):
		return json.Number(strconv.Itoa(1 + page*10 + k))
	case d.feature(10, "nested token"):
		return map[string]any{
			"a": []any{text, []byte{0xff, byte(page)}}, "b": map[string]any{"c": []byte(text), "d": true}, "e": json.Number("1.50"),
		}
	}
	return text
}

// startingToken forges a token: of another order of members, in the deprecated
// form, or the service's own.
func (d *drawer) startingToken(a asked) string {
	p := a.Pages[d.r.IntN(len(a.Pages))]
	names := list(a.Rule["input_token"])
	parts := make([]string, len(names))
	for i, v := range p.Ask {
		text, ok := v.(string)
		if v == nil {
			text, ok = "None", true
		}
		if !ok || strings.Contains(text, "_") {
			return ""
		}
		parts[i] = text
	}
	if d.chance(50) {
		d.drawn["deprecated token"]++
		return strings.Join(slices.Concat(parts, []string{strconv.Itoa(d.r.IntN(4))}), "___")
	}
	d.drawn["service's token"]++
	return strings.Join(parts, "___")
}

// options draws the same options for both.
func (d *drawer) options(a asked) (paginate.Options, map[string]any) {
	var o paginate.Options
	config := map[string]any{}
	if d.feature(75, "MaxItems") {
		o.MaxItems = new(d.r.IntN(9))
		config["MaxItems"] = *o.MaxItems
		if d.chance(20) {
			config["MaxItems"] = strconv.Itoa(*o.MaxItems)
		}
	}
	if a.Rule["limit_key"] != nil && d.feature(60, "PageSize") {
		o.PageSize = new(1 + d.r.IntN(5))
		config["PageSize"] = *o.PageSize
		if d.feature(30, "string PageSize") {
			config["PageSize"] = strconv.Itoa(*o.PageSize)
		}
	}
	return o, config
}
