package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// randomFarm makes up records of a farm of that many queues and fleets. Their costs are
// such that no double has a sum of many of them.
func randomFarm(r *rand.Rand, farm string, queues, fleets int) string {
	var lines strings.Builder
	begin := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	for i := range 40 * queues {
		start := begin.Add(time.Duration(r.IntN(96*60)) * time.Minute)
		end := start.Add(time.Duration(r.IntN(20*3600*1000)) * time.Millisecond)
		user := ""
		if r.IntN(5) > 0 {
			user = fmt.Sprintf("user %d", r.IntN(7))
		}
		queue, fleet := i%queues, r.IntN(fleets)
		if i < queues { // each has a record at least
			fleet = i % fleets
		}
		fmt.Fprintf(&lines, `{"recordId":"%d","farmId":%q,"queueId":"queue%d","fleetId":"fleet%d","jobId":"job%d","userId":%q,"usageType":"COMPUTE",`+
			`"startedAt":%q,"endedAt":%q,"costInUsd":%d.%09d}`+"\n", i, farm, queue, fleet, r.IntN(9), user,
			start.Format(time.RFC3339Nano), end.Format(time.RFC3339Nano), r.IntN(3_000_000), r.IntN(1_000_000_000))
	}
	return lines.String()
}

// TestStatsOfManyQueuesAreThoseOfTheWhole: what stats says of more queues than one
// aggregation takes is, to the byte, what one aggregation over the fleets says of the same
// records, for random farms and questions.
func TestStatsOfManyQueuesAreThoseOfTheWhole(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := rand.New(rand.NewPCG(11, 12))
	scales, fleets := []string{"1", "1.15", "0.3"}, []int{3, 10, 7}
	for i, scale := range scales {
		farm := fmt.Sprint("farm", i)
		do(t, "import", "ndjson", "--data", data, writeFile(t, "usage.ndjson", randomFarm(r, farm, 11+r.IntN(25), fleets[i])))
		do(t, "rates", "scale", "--data", data, "--farm", farm, scale)
	}
	standardAWS(t, newKey(t, data))
	server := serve(t, data)
	for range 12 {
		farm := r.IntN(len(scales))
		groups := []string{"user", "job", "queue", "fleet", "user,fleet", "queue,user", "usage-type,job", "license-product"}
		ask := []string{"stats", "--endpoint", server.url, "--farm", fmt.Sprint("farm", farm), "--from", "2025-12-31", "--to", "2026-01-04T03:30",
			"--group-by", groups[r.IntN(len(groups))], "--stat", "avg,sum,max,min", "--output", []string{"table", "csv", "ndjson"}[r.IntN(3)]}
		if i := r.IntN(4); i < 3 {
			ask = append(ask, "--period", []string{"hourly", "daily", "weekly"}[i])
		}
		have, whole := do(t, ask...), slices.Clone(ask)
		for i := range fleets[farm] {
			whole = append(whole, "--fleet", fmt.Sprint("fleet", i))
		}
		if want := do(t, whole...); have != want || !strings.Contains(have, "\n") {
			t.Errorf("%v gives\n%.3000s\nwant\n%.3000s", ask, have, want)
		}
	}
}

// manyQueues serves a farm of 23 queues, in three fleets, and gives what asks about it.
func manyQueues(t *testing.T) (ask []string) {
	data := filepath.Join(t.TempDir(), "data")
	unpriced := `{"recordId":"u","farmId":"farm","queueId":"queue22","usageType":"COMPUTE","startedAt":"2026-01-01T00:00:00Z","endedAt":"2026-01-01T01:00:00Z"}` + "\n"
	do(t, "import", "ndjson", "--data", data, writeFile(t, "usage.ndjson", randomFarm(rand.New(rand.NewPCG(1, 2)), "farm", 23, 3)+unpriced))
	standardAWS(t, newKey(t, data))
	return []string{"stats", "--endpoint", serve(t, data).url, "--from", "2025-12-31", "--to", "2026-01-05"}
}

// TestStatsOfPartsAreReadAgain: the ids that stand behind the rows are those to read them
// by again, and what the parts have to say is said.
func TestStatsOfPartsAreReadAgain(t *testing.T) {
	ask := manyQueues(t)
	var first, again statsAnswer
	doJSON(t, &first, append(ask, "--output", "json")...)
	if n := len(strings.Split(first.AggregationID, ",")); n != 3 || len(first.Statistics) != 23 || first.NextToken != "" || first.Status != "COMPLETED" {
		t.Fatalf("%d aggregations of %d rows are %s, with the token %q", n, len(first.Statistics), first.Status, first.NextToken)
	}
	doJSON(t, &again, append(ask, "--output", "json", "--aggregation-id", first.AggregationID)...)
	if !slices.Equal(first.rows(), again.rows()) || again.AggregationID != first.AggregationID {
		t.Errorf("read again:\n%v\nwant\n%v", again.rows(), first.rows())
	}
	one, _, _ := strings.Cut(first.AggregationID, ",")
	doJSON(t, &again, append(ask, "--output", "json", "--aggregation-id", one, "--max-items", "4")...)
	if len(again.Statistics) != 4 || again.NextToken == "" {
		t.Errorf("of one part there are %d rows and the token %q", len(again.Statistics), again.NextToken)
	}
	if got := (invocation{}).run(t, ask...); got.code != exitDone || !strings.Contains(got.stderr, "1 of ") || !strings.Contains(got.stderr, "matched no rate") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}

// TestStatsOfPartsRefused: what has a meaning for one aggregation alone says so.
func TestStatsOfPartsRefused(t *testing.T) {
	ask := manyQueues(t)
	gone := strings.Repeat("0", 32)
	const several = " is about the pages of one aggregation, and this is about 23 queues, which take 3 aggregations\nleave it out, or name at most 10 with --queue\n"
	for args, want := range map[string]string{
		"--max-items 3": "--max-items" + several,
		"--page-size 3": "--page-size" + several,
		"--no-paginate": "--no-paginate" + several,
		"--aggregation-id " + gone + "," + gone + " --starting-token x": "--starting-token is about the pages of one aggregation, and this is about 2 aggregations\n",
		"--aggregation-id " + gone + "," + gone:                         "the server has no aggregation " + gone + " of this farm\n",
		"--queue queue3 --queue queue3":                                 "--queue queue3 is given twice",
	} {
		got := invocation{}.run(t, append(slices.Clone(ask), strings.Fields(args)...)...)
		if got.code == exitDone || got.stdout != "" || !strings.HasPrefix(got.stderr, "farmtally: "+want) {
			t.Errorf("stats %s: exit %d, %s%s", args, got.code, got.stdout, got.stderr)
		}
	}
}

// TestStatsOfTooMuchForOneAnswer: AWS adds nothing up, and a server so many parts.
func TestStatsOfTooMuchForOneAnswer(t *testing.T) {
	s := &scope{resources: make([]thing, 1001)}
	for endpoint, want := range map[string]string{
		"https://deadline.eu-west-1.amazonaws.com": "this is about 1,001 queues, which take 101 aggregations, and AWS does not add them up",
		defaultEndpoint: "this is about 1,001 queues, which take 101 aggregations, and a server adds up 100 at most",
	} {
		if err := (&client{endpoint: endpoint}).checkParts(&inquiry{}, s); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("at %s: %v, want %s", endpoint, err, want)
		}
	}
	s.resources = s.resources[:1000]
	if err := (&client{endpoint: defaultEndpoint}).checkParts(&inquiry{}, s); err != nil {
		t.Error(err)
	}
}
