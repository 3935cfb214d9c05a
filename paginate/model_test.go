package paginate_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/paginate"
)

func TestReadModelMergesExtras(t *testing.T) {
	model := `{"pagination": {
		"GetStats": {"input_token": "nextToken", "output_token": "nextToken", "limit_key": "maxResults", "result_key": "statistics"},
		"List": {"input_token": ["a", "b"], "output_token": ["A", "B"], "result_key": ["x", "y"], "more_results": "More", "py_input_token": "z"}}}`
	extras := `{"version": 1.0, "merge": {"pagination": {"GetStats": {"non_aggregate_keys": ["status"]}, "New": {"input_token": "n"}}}}`
	rules, err := paginate.ReadModel([]byte(model), []byte(extras))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]paginate.Rule{
		"GetStats": {
			InputTokens: []string{"nextToken"}, OutputTokens: []string{"nextToken"}, LimitKey: "maxResults",
			ResultKeys: []string{"statistics"}, NonAggregateKeys: []string{"status"},
		},
		"List": {InputTokens: []string{"a", "b"}, OutputTokens: []string{"A", "B"}, ResultKeys: []string{"x", "y"}, MoreResults: "More"},
		"New":  {InputTokens: []string{"n"}},
	}
	if !reflect.DeepEqual(rules, want) {
		t.Errorf("rules are %+v", rules)
	}
}

func TestReadModelRefuses(t *testing.T) {
	for _, text := range []string{``, `[]`, `{}`, `{"pagination": 1}`, `{"pagination": {"a": []}}`, `{"pagination": {"a": {"input_token": 1}}}`} {
		if rules, err := paginate.ReadModel([]byte(text)); err == nil {
			t.Errorf("%s gives %v", text, rules)
		}
	}
}

// TestEveryRuleOfAWSIsUnderstood reads the rules of all services that botocore has.
func TestEveryRuleOfAWSIsUnderstood(t *testing.T) {
	startBotocore(t)
	script := "import botocore, os; print(os.path.dirname(botocore.__file__))"
	python := os.Getenv("FARMTALLY_PYTHON")
	if python == "" {
		python = "/usr/bin/python3"
	}
	folder, err := exec.CommandContext(t.Context(), python, "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(folder)), "data", "*", "*", "paginators-1.json"))
	if err != nil {
		t.Fatal(err)
	}
	call := func(context.Context, doc) (doc, error) { return nil, nil }
	operations := 0
	for _, file := range files {
		for name, rule := range readModelFiles(t, file) {
			if _, err := paginate.New(rule, call); err != nil {
				t.Errorf("%s: %s: %v", file, name, err)
			}
			operations++
		}
	}
	t.Logf("%d operations of %d models", operations, len(files))
	if operations < 1000 {
		t.Errorf("only %d operations", operations)
	}
}

func readModelFiles(t *testing.T, file string) map[string]paginate.Rule {
	t.Helper()
	model, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var extras [][]byte
	if extra, err := os.ReadFile(strings.TrimSuffix(file, "json") + "sdk-extras.json"); err == nil {
		extras = append(extras, extra)
	}
	rules, err := paginate.ReadModel(model, extras...)
	if err != nil {
		var empty struct{ Pagination map[string]any }
		if json.Unmarshal(model, &empty) == nil && len(empty.Pagination) == 0 {
			return nil
		}
		t.Fatalf("%s: %v", file, err)
	}
	return rules
}
