package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// racers is how many clients of an SDK start an aggregation at once.
const racers = 4

// mostRaces is how many races there are until one has a loser: on a busy machine the
// clients may come one after the other.
const mostRaces = 50

// mostExhausted is how many races may end without an answer for a client of an SDK. In a
// race of which one in ten does, so many do in a row once in a million times.
const mostExhausted = 6

// race lets as many clients of the SDK start the aggregation at once, each with its
// default retries or with none.
func (s sdk) race(t *testing.T, key createdKey, url string, retries bool, start map[string]any, env ...string) []answered {
	t.Helper()
	starts := make([]any, racers)
	for i := range starts {
		starts[i] = start
	}
	var got []answered
	s.ask(t, key, map[string]any{"endpoint": url, "retries": retries, "race": map[string]any{"starts": starts}}, &got, env...)
	if len(got) != racers {
		t.Fatalf("%d answers of %d clients", len(got), racers)
	}
	return got
}

// generated makes a data folder of that many records, and a request for all of ten
// fleets' year, hour by hour.
func generated(t *testing.T, records string) (data string, request map[string]any) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	do(t, "generate", "--data", data, "--records", records, "--seed", "1")
	farm, of := ids(t, data)
	var fleets []string
	for name, id := range of {
		if strings.HasPrefix(name, "fleet-") && len(fleets) < 10 {
			fleets = append(fleets, id)
		}
	}
	return data, map[string]any{
		"farmId": farm, "resourceIds": map[string]any{"fleetIds": fleets}, "period": "HOURLY",
		"startTime": "2025-01-01T00:00:00Z", "endTime": "2026-01-01T00:00:00Z",
		"groupBy": []string{"JOB_ID", "USER_ID"}, "statistics": []string{"SUM"},
	}
}

// TestClientsWhoStartAtOnceAllGetAnswers: the retries of each SDK bring every one of
// four clients to its answer, by default and in each retry mode, and some of them do
// have to try again.
func TestClientsWhoStartAtOnceAllGetAnswers(t *testing.T) {
	data := importStudio(t)
	farm, of := ids(t, data)
	key := newKey(t, data)
	server := serve(t, data)
	request := studioRequest(farm, of, "JOB_ID", "USER_ID")
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) { s.raceToTheEnd(t, key, server.url, request) })
		for _, mode := range s.modes {
			t.Run(s.name+" "+mode, func(t *testing.T) {
				s.raceToTheEnd(t, key, server.url, request, "AWS_RETRY_MODE="+mode)
			})
		}
	}
}

// raceToTheEnd races until every client has its answer and some had to try again. Where one
// answer takes as long as the pauses between an SDK's few attempts, on a busy machine, those
// may not suffice: there is another race then. Clients that keep in step, so that they meet at
// every attempt, do not come to an end in any.
func (s sdk) raceToTheEnd(t *testing.T, key createdKey, url string, request map[string]any, env ...string) {
	t.Helper()
	again, exhausted := 0, 0
	for races := 0; again == 0 && races < mostRaces && exhausted < mostExhausted; races++ {
		got := s.race(t, key, url, true, request, env...)
		answers := slices.DeleteFunc(slices.Clone(got), func(a answered) bool { return a.Exception != nil && a.Exception.Class == "ThrottlingException" })
		for _, a := range answers {
			if a.Exception != nil || a.Status != "COMPLETED" || len(a.Rows["100"]) < 8 || !reflect.DeepEqual(a.Rows, answers[0].Rows) {
				t.Fatalf("a client gets %s, %+v, %v\nanother %v", a.Status, a.Exception, a.Rows, answers[0].Rows)
			}
		}
		if len(answers) < len(got) {
			exhausted++
			continue
		}
		for _, a := range got {
			again += a.Attempts - 1
		}
	}
	t.Logf("%d retries, %d races in which a client had too few", again, exhausted)
	if again == 0 {
		t.Errorf("in no race all clients had an answer, and one had to try again; in %d some client had too few attempts", exhausted)
	}
}

// TestLosersOfARaceSeeThrottling: without retries, those who come second get the
// modelled exception with its members, and so does the AWS CLI while others ask.
func TestLosersOfARaceSeeThrottling(t *testing.T) {
	data, request := generated(t, "300000")
	key := newKey(t, data)
	server := serve(t, data)
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			lost := 0
			for races := 0; lost == 0 && races < mostRaces; races++ {
				for _, a := range s.race(t, key, server.url, false, request) {
					if a.Exception == nil && a.Status == "COMPLETED" && len(a.Rows["100"]) > 0 {
						continue
					}
					lost++
					a.Exception.expect(t, "ThrottlingException", 429, map[string]any{
						"message": nil, "retryAfterSeconds": nil, "serviceCode": "deadline",
						"quotaCode": "concurrent-sessions-statistics-aggregations-per-farm",
					})
				}
			}
			if lost == 0 || lost == racers {
				t.Errorf("%d of %d clients lost", lost, racers)
			}
		})
	}
	t.Run("AWS CLI", func(t *testing.T) {
		keepBusy(t, newSignedClient(key, server.url), request)
		start := map[string]any{"operation": "StartSessionsStatisticsAggregation", "input": request}
		exit, said := provokeWithCLI(t, server.url, key, start)
		for tries := 1; exit == 0 && tries < 10; tries++ { // it came between two others
			exit, said = provokeWithCLI(t, server.url, key, start)
		}
		if !refused(exit) || !strings.Contains(said, "An error occurred (ThrottlingException) when calling the ") {
			t.Errorf("exit %d, %s", exit, said)
		}
	})
}

// keepBusy starts one aggregation after the other, until the test ends.
func keepBusy(t *testing.T, c *signedClient, request map[string]any) {
	t.Helper()
	path := fmt.Sprintf("/2023-10-12/farms/%s/sessions-statistics-aggregation", request["farmId"])
	body := asJSON(t, request)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_, _ = c.send(ctx, http.MethodPost, path, body) // it is refused while another runs
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}
