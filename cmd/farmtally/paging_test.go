package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// statsAnswer is what stats prints as JSON; the AWS CLI's output has the same
// members, save the ids and the names.
type statsAnswer struct {
	AggregationID string
	Statistics    []struct {
		AggregationStartTime, QueueID, FleetID string
		Count                                  int
	}
	Status    string
	NextToken string
}

func (a *statsAnswer) rows() (rows []string) {
	for _, r := range a.Statistics {
		start, _, _ := strings.Cut(r.AggregationStartTime, "+") // the AWS CLI prints +00:00
		rows = append(rows, strings.TrimSuffix(start, "Z")+" "+r.QueueID+" "+r.FleetID)
	}
	return rows
}

// What stats cuts off with --max-items the AWS CLI reads on from its token, and the
// other way round.
func TestStatsAndTheAWSCLIResumeEachOther(t *testing.T) {
	cli := awsCLI(t)
	data := importStudio(t)
	farm, _ := ids(t, data)
	key := newKey(t, data)
	server := serve(t, data)
	env := clientEnv(t, key)
	for _, setting := range env { // in-process runs read the process's environment
		if name, value, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, value)
		}
	}
	stats := func(args ...string) (a statsAnswer) {
		doJSON(t, &a, append([]string{"stats", "--endpoint", server.url, "--output", "json", "--from", "2025-11-24", "--to", "2025-11-25",
			"--period", "hourly", "--group-by", "queue,fleet"}, args...)...)
		return a
	}
	whole := stats()
	first := stats("--max-items", "5", "--page-size", "2")
	if len(first.Statistics) != 5 || first.NextToken == "" {
		t.Fatalf("5 items are %d, with the token %q", len(first.Statistics), first.NextToken)
	}
	get := func(args ...string) (a statsAnswer) {
		cmd := exec.CommandContext(t.Context(), cli, append([]string{"deadline", "--endpoint-url", server.url, "--output", "json",
			"get-sessions-statistics-aggregation", "--farm-id", farm, "--aggregation-id", first.AggregationID}, args...)...)
		cmd.Env = env
		decodeOutput(t, cmd, &a)
		return a
	}
	rest := get("--starting-token", first.NextToken, "--page-size", "3")
	if got := slices.Concat(first.rows(), rest.rows()); !slices.Equal(got, whole.rows()) {
		t.Errorf("stats and then the AWS CLI read\n%v\nwant\n%v", got, whole.rows())
	}
	begun := get("--max-items", "3", "--page-size", "2")
	ended := stats("--aggregation-id", first.AggregationID, "--starting-token", begun.NextToken)
	if got := slices.Concat(begun.rows(), ended.rows()); !slices.Equal(got, whole.rows()) {
		t.Errorf("the AWS CLI and then stats read\n%v\nwant\n%v", got, whole.rows())
	}
	if ended.NextToken != "" || ended.AggregationID != first.AggregationID {
		t.Errorf("the end has the token %q and the aggregation %s", ended.NextToken, ended.AggregationID)
	}
}

// With --no-paginate both give the service's first page and its token, from which either
// goes on.
func TestNoPaginateIsTheAWSCLIs(t *testing.T) {
	cli := awsCLI(t)
	data := importStudio(t)
	do(t, "import", "ndjson", "--data", data, writeFile(t, "volumes.ndjson", strings.TrimSpace(volumes)+"\n"))
	farm, _ := ids(t, data)
	key := newKey(t, data)
	server := serve(t, data)
	standardAWS(t, key)
	stats := func(args ...string) (a statsAnswer) {
		doJSON(t, &a, append([]string{"stats", "--endpoint", server.url, "--output", "json", "--from", "2025-11-20", "--to", "2025-11-25",
			"--period", "hourly", "--group-by", "queue,fleet"}, args...)...)
		return a
	}
	whole := stats()
	get := func(args ...string) (a statsAnswer) {
		cmd := exec.CommandContext(t.Context(), cli, append([]string{"deadline", "--endpoint-url", server.url, "--output", "json",
			"get-sessions-statistics-aggregation", "--farm-id", farm, "--aggregation-id", whole.AggregationID}, args...)...)
		cmd.Env = clientEnv(t, key)
		decodeOutput(t, cmd, &a)
		return a
	}
	here, there := stats("--aggregation-id", whole.AggregationID, "--no-paginate"), get("--no-paginate")
	if len(here.Statistics) != 100 || !slices.Equal(here.rows(), there.rows()) || here.NextToken == "" || there.NextToken == "" {
		t.Fatalf("%d rows and the token %q, the AWS CLI %d and %q", len(here.Statistics), here.NextToken, len(there.Statistics), there.NextToken)
	}
	for what, rest := range map[string]statsAnswer{
		"stats": stats("--aggregation-id", whole.AggregationID, "--starting-token", there.NextToken), "the AWS CLI": get("--starting-token", here.NextToken),
	} {
		if got := slices.Concat(here.rows(), rest.rows()); !slices.Equal(got, whole.rows()) {
			t.Errorf("%s goes on to %d rows, want %d", what, len(got), len(whole.rows()))
		}
	}
}

// A table of a part of the rows does not call their sum the total.
func TestStatsTotalsAreOfAllRows(t *testing.T) {
	data := importStudio(t)
	standardAWS(t, createdKey{})
	server := serve(t, data, "--no-auth")
	ask := []string{"stats", "--endpoint", server.url, "--from", "2025-11-24", "--to", "2025-11-25", "--period", "hourly"}
	part := do(t, append(ask, "--max-items", "3")...)
	if !strings.Contains(part, "\nthese rows") || strings.Contains(part, "\ntotal") {
		t.Errorf("3 rows:\n%s", part)
	}
	if whole := do(t, ask...); !strings.Contains(whole, "\ntotal") {
		t.Errorf("all rows:\n%s", whole)
	}
}

// Flags about pages that make no sense get one sentence, and no server is asked.
func TestStatsPagingMistakes(t *testing.T) {
	for args, want := range map[string]string{
		"--max-items -1":                "--max-items -1: must be 0 or more",
		"--page-size 101":               "--page-size 101: must be 1 to 100",
		"--aggregation-id x":            "--aggregation-id x: must be 32 lower-case hexadecimal digits",
		"--starting-token x":            "--starting-token belongs to the rows of one aggregation; name it with --aggregation-id",
		"--no-paginate --max-items 3":   "--no-paginate and --max-items can't go together",
		"--no-paginate --page-size 100": "--no-paginate and --page-size can't go together",
	} {
		got := invocation{}.run(t, append([]string{"stats"}, strings.Fields(args)...)...)
		if got.code != exitMisuse || !strings.Contains(got.stderr, want) {
			t.Errorf("stats %s: exit %d, %s", args, got.code, got.stderr)
		}
	}
}
