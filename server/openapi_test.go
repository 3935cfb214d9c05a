package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/farmtally/farmtally/server"
)

// openAPI is the served document. Its objects take no members that it does not have.
type openAPI struct {
	t        *testing.T
	document map[string]any
	compiler *jsonschema.Compiler
	seen     []string // operations, by method and path
}

func readOpenAPI(t *testing.T, f *fixture) *openAPI {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(f.ask(http.MethodGet, "/v1/openapi.json", "").body))
	if err != nil {
		t.Fatal(err)
	}
	closeObjects(document)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	return &openAPI{t: t, document: document.(map[string]any), compiler: c} //nolint:forcetypeassert // else the test fails
}

func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if v["type"] == "object" && v["properties"] != nil {
			v["additionalProperties"] = false
		}
		for _, x := range v {
			closeObjects(x)
		}
	case []any:
		for _, x := range v {
			closeObjects(x)
		}
	}
}

// check holds a JSON text against the schema at a place in the document.
func (o *openAPI) check(what, text string, place ...string) {
	o.t.Helper()
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	pointer := ""
	for _, p := range place {
		pointer += "/" + escape.Replace(p)
	}
	schema, err := o.compiler.Compile("openapi.json#" + pointer)
	if err != nil {
		o.t.Fatalf("%s: %v", what, err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		o.t.Fatalf("%s: %v in %s", what, err, text)
	}
	if err := schema.Validate(value); err != nil {
		o.t.Errorf("%s: %v\nin %s", what, err, text)
	}
}

// call sends a request, and holds its body and its answer against the document.
func (o *openAPI) call(f *fixture, method, path, query, body string, fill ...string) answer {
	o.t.Helper()
	m := strings.ToLower(method)
	if body != "" && !strings.HasSuffix(path, "/usage") {
		o.check(method+" "+path+"'s body", body, "paths", path, m, "requestBody", "content", "application/json", "schema")
	}
	target := strings.NewReplacer(fill...).Replace(path) + query
	a := f.ask(method, target, body)
	if a.status == http.StatusOK {
		o.seen = append(o.seen, method+" "+path)
		o.check(method+" "+path, a.body, "paths", path, m, "responses", "200", "content", "application/json", "schema")
	} else {
		o.check(fmt.Sprintf("%s %s: %d", method, path, a.status), a.body, "components", "schemas", "Exception")
	}
	return a
}

// TestOpenAPIKeepsItsWord: what each operation takes and answers is what the document
// says of it, also where it fails.
func TestOpenAPIKeepsItsWord(t *testing.T) {
	f := newFixture(t, nil)
	o := readOpenAPI(t, f)
	farm := []string{"{farmId}", string(farmA)}
	o.call(f, http.MethodGet, "/v1/openapi.json", "", "")
	o.call(f, http.MethodGet, "/v1/session", "", "")
	o.call(f, http.MethodDelete, "/v1/session", "", "")
	o.call(f, http.MethodPost, "/v1/session", "", `{"accessKeyId":"a","secretAccessKey":"b"}`)
	o.call(f, http.MethodGet, "/v1/farms", "", "")
	o.call(f, http.MethodPut, "/v1/farms/{farmId}/labels", "", `{"dimension":"USER_ID","value":"alice","label":"Alice"}`, farm...)
	o.call(f, http.MethodGet, "/v1/farms/{farmId}", "", "", farm...)
	o.call(f, http.MethodPost, "/v1/farms/{farmId}/usage", "", line(1, nil)+line(2, map[string]any{"usageType": "x"}), farm...)

	const explorer = "/v1/explorer/farms/{farmId}/sessions-statistics-aggregation"
	started := o.call(f, http.MethodPost, explorer, "?waitMillis=5000", startBody(map[string]any{"keep": []any{map[string]any{"dimension": "USER_ID", "value": "alice"}}}), farm...)
	id := started.member(t, "aggregationId")
	one := append([]string{"{aggregationId}", id}, farm...)
	o.call(f, http.MethodGet, explorer+"/{aggregationId}", "?waitMillis=5000", "", one...)
	o.call(f, http.MethodGet, explorer, "?maxResults=1&aggregationId="+id, "", farm...)
	const file = "/v1/farms/{farmId}/aggregations/{aggregationId}/export"
	o.call(f, http.MethodGet, file, "?format=json", "", one...)
	other := o.call(f, http.MethodPost, explorer, "?waitMillis=5000", startBody(map[string]any{
		"resourceIds": map[string]any{"queueIds": []any{queueA2}}, "keep": []any{map[string]any{"dimension": "USER_ID", "value": "alice"}},
	}), farm...)
	o.call(f, http.MethodGet, file, "?format=json&with="+other.member(t, "aggregationId"), "", one...)
	o.call(f, http.MethodDelete, explorer+"/{aggregationId}", "", "", one...)
	o.call(f, http.MethodPost, explorer, "", `{"startTime":"2026-01-31T00:00:00Z","endTime":"2026-01-31T00:00:00Z","resourceIds":{"queueIds":["`+string(queueA)+`"]},"groupBy":["JOB_ID"],"statistics":["SUM"]}`, farm...)
	o.call(f, http.MethodGet, file, "?format=xlsx", "", one...)
	o.call(f, http.MethodGet, "/v1/farms/{farmId}", "", "", "{farmId}", string(noFarm))

	for path, methods := range o.document["paths"].(map[string]any) {
		for method := range methods.(map[string]any) {
			if route := strings.ToUpper(method) + " " + path; !slices.Contains(o.seen, route) {
				t.Errorf("%s has no good answer in this test", route)
			}
		}
	}
	formats := map[string]bool{}
	text, err := json.Marshal(o.document["paths"].(map[string]any)[file])
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"csv", "json", "ndjson", "parquet", "arrow"} {
		mediaType, _, _ := strings.Cut(f.ask(http.MethodGet, strings.NewReplacer(one...).Replace(file)+"?format="+form, "").header.Get("Content-Type"), ";")
		formats[mediaType] = true
		if !strings.Contains(string(text), `"`+mediaType+`":`) {
			t.Errorf("the document does not have the media type %s", mediaType)
		}
	}
	if len(formats) != 5 {
		t.Errorf("the media types are %v", formats)
	}

	signed := newFixture(t, func(c *server.Config) { c.NoAuth = false })
	if a := signed.ask(http.MethodGet, "/v1/openapi.json", ""); a.status != http.StatusForbidden {
		t.Errorf("who is not signed in reads the document: %d", a.status)
	}
}
