package main

import (
	"bytes"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/internal/backendtest"
)

// TestStatsFiles writes answers to files that other programs open.
func TestStatsFiles(t *testing.T) {
	data := importStudio(t)
	standardAWS(t, newKey(t, data))
	server := serve(t, data)
	ask := func(form string) []byte {
		path := filepath.Join(t.TempDir(), "answer."+form)
		if got := askStats(t, server.url, "--fleet", "cloud", "--group-by", "queue,user", "--stat", "sum,avg", "--output", form, "--out", path); got != "" {
			t.Errorf("--out prints %q", got)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	text := string(ask("csv"))
	if !strings.HasPrefix(text, "\ufeffaggregationStartTime,aggregationEndTime,queueId,queueName,userId,userName,count,costInUsd.sum,") ||
		strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		t.Errorf("a spreadsheet takes it for something else: %q", text)
	}
	for form, read := range map[string]func([]byte) (*backendtest.Table, error){
		"parquet": backendtest.ReadParquet, "arrow": backendtest.ReadArrow,
	} {
		table, err := read(ask(form))
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		total := new(big.Rat)
		for _, row := range table.Rows {
			total.Add(total, row["costInUsdSum"].(*big.Rat))
		}
		if want, _ := new(big.Rat).SetString("2.906000001"); total.Cmp(want) != 0 || table.Types["costInUsdAvg"] == "" {
			t.Errorf("%s: the costs are %s, want %s", form, total.FloatString(9), want.FloatString(9))
		}
	}
	if json := ask("json"); !bytes.Contains(json, []byte(`"queueName":"sim"`)) {
		t.Errorf("the JSON is %s", json)
	}

	path := filepath.Join(t.TempDir(), "answer.csv")
	got := invocation{}.run(t, "stats", "--endpoint", server.url, "--queue", "rendr", "--output", "csv", "--out", path)
	if _, err := os.Stat(path); got.code != exitFailed || !os.IsNotExist(err) {
		t.Errorf("exit %d, and of a failed question there is a file: %v", got.code, err)
	}
}
