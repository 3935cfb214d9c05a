package paginate_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/farmtally/farmtally/paginate"
)

// botocore is a Python that runs botocore's paginator on what it is asked.
type botocore struct {
	in  io.Writer
	out *bufio.Reader

	// zeroesNumbers: it is older than botocore's change 3523 of 2025, and has 0 for the
	// numbers of a page whose first part was given before.
	zeroesNumbers bool
}

// asked is one paging of an operation that answers with given pages.
type asked struct {
	Rule        map[string]any `json:"rule"`
	StringLimit bool           `json:"string_limit"`
	Pages       []answered     `json:"pages"`
	Kwargs      map[string]any `json:"kwargs"`
	Config      map[string]any `json:"config"`
}

// answered is a page, and the input tokens that it is the answer to.
type answered struct {
	Ask  []any          `json:"ask"`
	Page map[string]any `json:"page"`
}

// outcome is what came of it.
type outcome struct {
	Calls []any          `json:"calls"`
	Pages []any          `json:"pages"`
	Token *string        `json:"token"`
	Full  map[string]any `json:"full"`
	Error *string        `json:"error"`
}

// startBotocore skips the test where there is no botocore, unless
// FARMTALLY_REQUIRE_CLIENTS says that there must be.
func startBotocore(t *testing.T) *botocore {
	t.Helper()
	without := t.Skipf
	if os.Getenv("FARMTALLY_REQUIRE_CLIENTS") == "1" {
		without = t.Fatalf
	}
	python := os.Getenv("FARMTALLY_PYTHON")
	if python == "" {
		python = "/usr/bin/python3"
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/parity.py")
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		without("no Python: %v", err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	b := &botocore{in: in, out: bufio.NewReaderSize(out, 1<<20)}
	var hello struct{ Botocore, Missing string }
	line, err := b.out.ReadBytes('\n')
	if err != nil {
		without("%s does not run: %v", python, err)
	}
	if err := json.Unmarshal(line, &hello); err != nil || hello.Botocore == "" {
		without("%s has no botocore: %s", python, hello.Missing)
	}
	b.zeroesNumbers = same(b.run(t, asked{
		Rule:   doc{"input_token": "Marker", "output_token": "Marker", "result_key": []string{"Users", "Count"}},
		Pages:  []answered{{Ask: []any{nil}, Page: doc{"Users": []any{"a", "b"}, "Count": 3}}},
		Kwargs: doc{}, Config: doc{"StartingToken": resumeToken(`{"Marker": null, "boto_truncate_amount": 1}`)},
	}).Full["Count"], 0)
	t.Logf("botocore %s; zeroes numbers: %t", hello.Botocore, b.zeroesNumbers)
	return b
}

func (b *botocore) run(t *testing.T, a asked) outcome {
	t.Helper()
	line, err := json.Marshal(asked{
		Rule: a.Rule, StringLimit: a.StringLimit, Config: a.Config,
		Kwargs: wire(a.Kwargs).(map[string]any),
		Pages:  wirePages(a.Pages),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	reply, err := b.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("%v after %s", err, line)
	}
	var o outcome
	decodeNumbers(t, reply, &o)
	return o
}

// runHere is the same paging, done by this package.
func runHere(t *testing.T, a asked, o paginate.Options) outcome {
	t.Helper()
	op := &operation{pages: a.Pages}
	p, err := paginate.New(ruleOf(t, a), op.call)
	if err != nil {
		t.Fatal(err)
	}
	op.names = ruleOf(t, a).InputTokens
	pages := p.Paginate(a.Kwargs, o)
	var got outcome
	for page, err := range pages.All(t.Context()) {
		if err != nil {
			got.Error = new(errorName(err))
			break
		}
		got.Pages = append(got.Pages, wire(page))
	}
	got.Calls = op.calls
	if token := pages.NextToken(); token != "" {
		got.Token = &token
	}
	if full, err := pages.BuildFullResult(t.Context()); err == nil {
		got.Full = wire(full.Result).(map[string]any)
	}
	return got
}

// errorName is the script's name of an error.
func errorName(err error) string {
	_, repeated := errors.AsType[*paginate.RepeatedTokenError](err)
	switch {
	case repeated:
		return "repeated"
	case errors.Is(err, errNoSuchToken):
		return "LookupError"
	}
	return err.Error()
}

func ruleOf(t *testing.T, a asked) paginate.Rule {
	t.Helper()
	text, err := json.Marshal(a.Rule)
	if err != nil {
		t.Fatal(err)
	}
	rule := paginate.Rule{}
	if err := json.Unmarshal(text, &rule); err != nil {
		t.Fatal(err)
	}
	rule.LimitIsString = a.StringLimit
	return rule
}

// operation answers tokens with given pages, and remembers what it was asked.
type operation struct {
	names []string
	pages []answered
	calls []any
}

func (o *operation) call(_ context.Context, in map[string]any) (map[string]any, error) {
	o.calls = append(o.calls, wire(in))
	ask := make([]any, len(o.names))
	for i, name := range o.names {
		ask[i] = in[name]
	}
	for _, known := range o.pages {
		if same(known.Ask, ask) {
			return known.Page, nil
		}
	}
	return nil, errNoSuchToken
}

func decodeNumbers(t *testing.T, text []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// wire is v with its bytes as the script sends them.
func wire(v any) any {
	switch v := v.(type) {
	case []byte:
		return map[string]any{"__bytes__": base64.StdEncoding.EncodeToString(v)}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = wire(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key := range v {
			out[key] = wire(v[key])
		}
		return out
	}
	return v
}

func wirePages(pages []answered) []answered {
	out := make([]answered, len(pages))
	for i, p := range pages {
		out[i] = answered{Ask: wire(p.Ask).([]any), Page: wire(p.Page).(map[string]any)}
	}
	return out
}

// same compares two documents as JSON, numbers by their value.
func same(a, b any) bool {
	return canonical(a) == canonical(b)
}

func canonical(v any) string {
	text, err := json.Marshal(leveled(wire(v)))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// leveled writes numbers with an exponent or a fraction alike.
func leveled(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil && bytes.ContainsAny([]byte(v), ".eE") {
			return f
		}
	case []any:
		for i := range v {
			v[i] = leveled(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = leveled(v[key])
		}
	}
	return v
}
