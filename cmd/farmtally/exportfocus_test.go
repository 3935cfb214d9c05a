package main

import (
	"encoding/csv"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/internal/backendtest"
)

// TestExportFocusEqualsStats: what focus writes costs what stats says, through the
// server, also where the farm's costs are scaled.
func TestExportFocusEqualsStats(t *testing.T) {
	data := importStudio(t)
	do(t, "rates", "scale", "--data", data, "--farm", "studio", "1.15")
	standardAWS(t, newKey(t, data))
	server := serve(t, data)
	lines, err := csv.NewReader(strings.NewReader(askStats(t, server.url, "--group-by", "usage-type", "--output", "csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := new(big.Rat)
	for _, line := range lines[1:] {
		v, ok := new(big.Rat).SetString(line[4])
		if !ok {
			t.Fatalf("no cost in %v", line)
		}
		want.Add(want, v)
	}
	for _, args := range [][]string{{}, {"--grain", "hour", "--version", "1.3"}} {
		path := filepath.Join(t.TempDir(), "charges.parquet")
		says := do(t, append([]string{"export", "focus", "--data", data, "--from", "2025-11-24", "--to", "2025-11-25", "--format", "parquet", "--output", path}, args...)...)
		content, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(says, "wrote ") || !strings.Contains(says, "charges of 7 records of farm studio") {
			t.Fatalf("%v, %q", err, says)
		}
		table, err := backendtest.ReadParquet(content)
		if err != nil {
			t.Fatal(err)
		}
		have, names := new(big.Rat), map[any]bool{}
		for _, row := range table.Rows {
			have.Add(have, row["BilledCost"].(*big.Rat))
			names[row["SubAccountName"]] = true
		}
		if have.Cmp(want) != 0 || !names["render"] || !names["sim"] {
			t.Errorf("%v: the charges cost %s, want %s; their queues are %v", args, have.FloatString(12), want.FloatString(12), names)
		}
	}
	path := filepath.Join(t.TempDir(), "charges.csv")
	do(t, "export", "focus", "--data", data, "--output", path, "--provider", "Aurora Ltd")
	text := do(t, "export", "focus", "--data", data, "--provider", "Aurora Ltd")
	file, err := os.ReadFile(path)
	if err != nil || string(file) != "\ufeff"+strings.ReplaceAll(text, "\n", "\r\n") {
		t.Errorf("the file is not what Excel wants of the same rows: %v, %.100q", err, file)
	}
	if !strings.HasPrefix(text, "AvailabilityZone,") || !strings.Contains(text, ",Aurora Ltd,") {
		t.Errorf("the CSV is %.300s", text)
	}
	got := invocation{}.run(t, "export", "focus", "--data", data, "--version", "1.1")
	if got.code != exitMisuse || !strings.Contains(got.stderr, "1.2") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}
