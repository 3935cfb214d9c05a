package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// pageSizes are those that every client pages with.
var pageSizes = []int{1, 7, 100}

// volumes are persistent volumes of some days, so that an aggregation by the hour has
// more rows than fit on any page.
const volumes = `
{"recordId":"v1","farmId":"studio","queueId":"sim","fleetId":"cloud","userId":"bjorn","usageType":"PERSISTENT_VOLUME","startedAt":"2025-11-20T00:00:00Z","endedAt":"2025-11-24T00:00:00Z","costInUsd":"2.56"}
`

// answered is what an SDK's program says of a read, or of one start of a race.
type answered struct {
	Status                string
	Rows                  map[string][]map[string]any
	Pages                 map[string]int
	Resumed               []map[string]any
	Farms, Queues, Fleets map[string][]map[string]any
	Attempts              int
	Exception             *arrived
}

// arrived is how an exception arrived in an SDK.
type arrived struct {
	Class      string // "" for one that the model lacks
	Code       string
	HTTPStatus int
	Members    map[string]any
}

// check checks that the pages of each size are the same rows, and that the read from
// the middle gives those after it.
func (a *answered) check(t *testing.T) {
	t.Helper()
	rows := a.Rows["1"]
	if a.Status != "COMPLETED" || len(rows) <= 100 {
		t.Fatalf("status %s with %d rows", a.Status, len(rows))
	}
	for _, size := range pageSizes {
		name := strconv.Itoa(size)
		if !reflect.DeepEqual(a.Rows[name], rows) {
			t.Errorf("pages of %d have other rows than pages of 1:\n%v\n%v", size, a.Rows[name], rows)
		}
		if want := (len(rows) + size - 1) / size; a.Pages[name] != want {
			t.Errorf("%d pages of %d, want %d", a.Pages[name], size, want)
		}
		for what, list := range map[string]map[string][]map[string]any{"farms": a.Farms, "queues": a.Queues, "fleets": a.Fleets} {
			if len(list[name]) == 0 || !reflect.DeepEqual(list[name], list["1"]) {
				t.Errorf("%s in pages of %d: %v; of 1: %v", what, size, list[name], list["1"])
			}
		}
	}
	if after := (len(rows)-1)/2 + 1; !reflect.DeepEqual(a.Resumed, rows[after:]) {
		t.Errorf("%d rows from a token in the middle, want the last %d", len(a.Resumed), len(rows)-after)
	}
}

// matrixRequest asks for some days of the studio, hour by hour.
func matrixRequest(farm string, of map[string]string, groupBy ...string) map[string]any {
	request := studioRequest(farm, of, groupBy...)
	request["startTime"] = "2025-11-20T00:00:00Z"
	return request
}

// TestEveryClientReadsTheSame lists, starts, polls, pages and resumes with each of
// AWS's SDKs and with the AWS CLI, and compares what they read.
func TestEveryClientReadsTheSame(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	do(t, "import", "ndjson", "--data", data, writeFile(t, "studio.ndjson", strings.TrimSpace(studio)+volumes))
	farm, of := ids(t, data)
	key := newKey(t, data)
	server := serve(t, data)
	for _, groupBy := range [][]string{{"QUEUE_ID", "FLEET_ID"}, {"JOB_ID", "USER_ID"}, {"USAGE_TYPE", "INSTANCE_TYPE"}, {"LICENSE_PRODUCT"}} {
		var first *answered
		compare := func(t *testing.T, got *answered) {
			got.check(t)
			if first == nil {
				first = got
			}
			for what, pair := range map[string][2][]map[string]any{
				"rows": {got.Rows["7"], first.Rows["7"]}, "farms": {got.Farms["7"], first.Farms["7"]},
				"queues": {got.Queues["7"], first.Queues["7"]}, "fleets": {got.Fleets["7"], first.Fleets["7"]},
			} {
				if got, want := alikeRows(pair[0]), alikeRows(pair[1]); !reflect.DeepEqual(got, want) {
					t.Errorf("%s:\n%v\n%s reads\n%v", what, got, sdks[0].name, want)
				}
			}
		}
		request := matrixRequest(farm, of, groupBy...)
		for _, s := range sdks {
			t.Run(s.name+" "+strings.Join(groupBy, " "), func(t *testing.T) {
				var got answered
				s.ask(t, key, map[string]any{"endpoint": server.url, "retries": false,
					"read": map[string]any{"farmId": farm, "start": request, "pageSizes": pageSizes}}, &got)
				compare(t, &got)
			})
		}
		t.Run("AWS CLI "+strings.Join(groupBy, " "), func(t *testing.T) { compare(t, readWithCLI(t, server.url, key, request)) })
	}
}

// readWithCLI reads with the AWS CLI as an SDK's program does.
func readWithCLI(t *testing.T, url string, key createdKey, request map[string]any) *answered {
	t.Helper()
	aws, env := awsCLI(t), clientEnv(t, key)
	ask := func(to any, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), aws, append([]string{"deadline", "--endpoint-url", url, "--output", "json"}, args...)...)
		cmd.Env = env
		decodeOutput(t, cmd, to)
	}
	farm := fmt.Sprint(request["farmId"])
	a := &answered{
		Rows: map[string][]map[string]any{}, Pages: map[string]int{},
		Farms: map[string][]map[string]any{}, Queues: map[string][]map[string]any{}, Fleets: map[string][]map[string]any{},
	}
	var lists struct{ Farms, Queues, Fleets []map[string]any }
	ask(&lists, "list-farms", "--page-size", "1")
	ask(&lists, "list-queues", "--farm-id", farm, "--page-size", "1")
	ask(&lists, "list-fleets", "--farm-id", farm, "--page-size", "1")
	for _, size := range pageSizes {
		name := strconv.Itoa(size)
		a.Farms[name], a.Queues[name], a.Fleets[name] = lists.Farms, lists.Queues, lists.Fleets
	}
	var started struct{ AggregationID string }
	input := writeFile(t, "start.json", asJSON(t, request))
	ask(&started, "start-sessions-statistics-aggregation", "--cli-input-json", "file://"+input)
	get := func(args ...string) (r result) {
		t.Helper()
		ask(&r, append([]string{"get-sessions-statistics-aggregation", "--farm-id", farm, "--aggregation-id", started.AggregationID}, args...)...)
		return r
	}
	for _, size := range pageSizes {
		name := strconv.Itoa(size)
		page := get("--page-size", name)
		for page.Status == "IN_PROGRESS" {
			page = get("--page-size", name)
		}
		a.Status, a.Rows[name] = page.Status, page.Statistics
		a.Pages[name] = (len(a.Rows[name]) + size - 1) / size // the AWS CLI does not say
	}
	half := (len(a.Rows["1"])-1)/2 + 1
	a.Resumed = get("--starting-token", get("--max-items", strconv.Itoa(half), "--page-size", "7").NextToken).Statistics
	return a
}

// expect compares how an exception arrived; a member that is nil in want must be there
// with any value.
func (a *arrived) expect(t *testing.T, class string, status int, want map[string]any) {
	t.Helper()
	if a == nil {
		t.Errorf("no exception came, want %s", class)
		return
	}
	if a.Class != class || a.Code != class || a.HTTPStatus != status {
		t.Errorf("%s of class %q with status %d, want %s with %d", a.Code, a.Class, a.HTTPStatus, class, status)
	}
	members, _ := alike(a.Members).(map[string]any)
	for name, value := range want {
		if got, there := members[name]; !there || value != nil && !reflect.DeepEqual(got, value) {
			t.Errorf("%s has %s = %v, want %v, in %v", class, name, got, value, members)
		}
	}
}

// TestEverySDKCatchesEachException provokes each exception and looks at the class and
// the members that it arrives with.
func TestEverySDKCatchesEachException(t *testing.T) {
	data := importStudio(t)
	farm, of := ids(t, data)
	key := newKey(t, data)
	var writer createdKey
	doJSON(t, &writer, "keys", "create", "--data", data, "--name", "writer", "--grant", "studio=WRITER", "--output", "json")
	server := serve(t, data)
	var started struct{ AggregationID string }
	standardAWS(t, key)
	doJSON(t, &started, "stats", "--endpoint", server.url, "--from", "2025-11-24", "--to", "2025-11-25", "--output", "json")
	damageResult(t, data, started.AggregationID)

	const start, get = "StartSessionsStatisticsAggregation", "GetSessionsStatisticsAggregation"
	call := func(operation string, input map[string]any) map[string]any {
		return map[string]any{"operation": operation, "input": input}
	}
	with := func(name string, value any) map[string]any {
		request := studioRequest(farm, of, "QUEUE_ID")
		request[name] = value
		return request
	}
	noFarm, none := "farm-"+strings.Repeat("0", 32), strings.Repeat("0", 32)
	calls := []any{
		call(start, with("timezone", "UTC+25:15")),
		call(start, with("farmId", noFarm)),
		call(get, map[string]any{"farmId": farm, "aggregationId": none}),
		call(get, map[string]any{"farmId": farm, "aggregationId": started.AggregationID}),
		call(get, map[string]any{"farmId": farm, "aggregationId": started.AggregationID, "nextToken": "v1.x"}),
		call("GetQueue", map[string]any{"farmId": farm, "queueId": "queue-" + none}),
		call("GetFleet", map[string]any{"farmId": farm, "fleetId": "fleet-" + none}),
		call("ListBudgets", map[string]any{"farmId": farm}),
	}
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			var got []*arrived
			s.ask(t, key, map[string]any{"endpoint": server.url, "retries": false, "provoke": calls}, &got)
			got[0].expect(t, "ValidationException", 400, map[string]any{"reason": "FIELD_VALIDATION_FAILED", "message": nil, "fieldList": nil})
			fields, _ := alike(got[0].Members).(map[string]any)["fieldList"].([]any)
			if len(fields) != 1 || fields[0].(map[string]any)["name"] != "timezone" || !strings.Contains(fmt.Sprint(fields), "UTC+05:30") {
				t.Errorf("fieldList is %v", fields)
			}
			got[1].expect(t, "ResourceNotFoundException", 404, map[string]any{"resourceType": "farm", "resourceId": noFarm, "message": nil})
			got[2].expect(t, "ResourceNotFoundException", 404, map[string]any{"resourceType": "sessions-statistics-aggregation", "resourceId": none})
			got[3].expect(t, "InternalServerErrorException", 500, map[string]any{"message": nil, "retryAfterSeconds": 1.0})
			got[4].expect(t, "ValidationException", 400, map[string]any{"reason": "FIELD_VALIDATION_FAILED", "fieldList": nil})
			got[5].expect(t, "ResourceNotFoundException", 404, map[string]any{"resourceType": "queue", "resourceId": "queue-" + none})
			got[6].expect(t, "ResourceNotFoundException", 404, map[string]any{"resourceType": "fleet", "resourceId": "fleet-" + none})
			got[7].expect(t, "ValidationException", 400, map[string]any{"reason": "UNKNOWN_OPERATION", "message": nil})
			if said := fmt.Sprint(got[7].Members); !strings.Contains(said, "ListBudgets") {
				t.Errorf("an operation that is not there is not named: %s", said)
			}

			got = nil
			s.ask(t, writer, map[string]any{"endpoint": server.url, "retries": false, "provoke": calls[3:4]}, &got)
			got[0].expect(t, "AccessDeniedException", 403, map[string]any{"message": nil})

			wrong, unknown := key, key
			wrong.SecretAccessKey, unknown.AccessKeyID = "wrong", "FT"+strings.Repeat("A", 18)
			for code, key := range map[string]createdKey{"InvalidSignatureException": wrong, "UnrecognizedClientException": unknown} {
				var got []*arrived
				s.ask(t, key, map[string]any{"endpoint": server.url, "retries": false, "provoke": calls[:1]}, &got)
				if e := got[0]; e == nil || e.Class != "" || e.Code != code || e.HTTPStatus != 403 {
					t.Errorf("%s arrives as %+v", code, e)
				}
			}
		})
	}
	t.Run("AWS CLI", func(t *testing.T) {
		for i, want := range []struct {
			exception string
			key       createdKey
			call      any
			says      []string
		}{
			{"ValidationException", key, calls[0], []string{"timezone", "UTC+05:30"}},
			{"ResourceNotFoundException", key, calls[1], []string{noFarm}},
			{"ResourceNotFoundException", key, calls[2], []string{none}},
			{"InternalServerErrorException", key, calls[3], nil},
			{"AccessDeniedException", writer, calls[3], nil},
			{"ResourceNotFoundException", key, calls[6], []string{"fleet-" + none}},
			{"ValidationException", key, calls[7], []string{"ListBudgets"}},
		} {
			exit, said := provokeWithCLI(t, server.url, want.key, want.call.(map[string]any))
			for _, text := range append(want.says, "An error occurred ("+want.exception+") when calling the ") {
				if !strings.Contains(said, text) {
					t.Errorf("call %d says %q, want %q in it", i, said, text)
				}
			}
			if !refused(exit) {
				t.Errorf("call %d exits with %d, want 254 or 255, as on every refusal of a service", i, exit)
			}
		}
	})
}

// TestEveryClientDescribes: what describes one thing reads in every client.
func TestEveryClientDescribes(t *testing.T) {
	data := importStudio(t)
	farm, of := ids(t, data)
	key := newKey(t, data)
	server := serve(t, data)
	calls := []map[string]any{
		{"operation": "GetFarm", "input": map[string]any{"farmId": farm}},
		{"operation": "GetQueue", "input": map[string]any{"farmId": farm, "queueId": of["render"]}},
		{"operation": "GetFleet", "input": map[string]any{"farmId": farm, "fleetId": of["cloud"]}},
		{"operation": "ListAvailableMeteredProducts", "input": map[string]any{}},
	}
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			var got []*arrived
			s.ask(t, key, map[string]any{"endpoint": server.url, "retries": false, "provoke": calls}, &got)
			for i, e := range got {
				if e != nil {
					t.Errorf("%s: %+v", calls[i]["operation"], e)
				}
			}
		})
	}
	t.Run("AWS CLI", func(t *testing.T) {
		for i, want := range []string{"studio", "render", "cloud", "meteredProducts"} {
			if exit, said := provokeWithCLI(t, server.url, key, calls[i]); exit != 0 || !strings.Contains(said, want) {
				t.Errorf("%s: exit %d, %s", calls[i]["operation"], exit, said)
			}
		}
	})
}

// refused says whether the AWS CLI's exit code is that of a refusal by a service: 254 in
// version 2, 255 in version 1.
func refused(exit int) bool { return exit == 254 || exit == 255 }

// provokeWithCLI calls with the AWS CLI what it must not get, and gives its exit code
// and what it says.
func provokeWithCLI(t *testing.T, url string, key createdKey, call map[string]any) (exit int, said string) {
	t.Helper()
	input := writeFile(t, "input.json", asJSON(t, call["input"]))
	name := strings.ToLower(capital.ReplaceAllString(fmt.Sprint(call["operation"]), "-$0"))[1:]
	cmd := exec.CommandContext(t.Context(), awsCLI(t), "deadline", "--endpoint-url", url, name, "--cli-input-json", "file://"+input)
	cmd.Env = append(clientEnv(t, key), "AWS_MAX_ATTEMPTS=1")
	out, err := cmd.CombinedOutput()
	if exited, ok := errors.AsType[*exec.ExitError](err); ok {
		return exited.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatalf("%v: %v, %s", cmd.Args, err, out)
	}
	return 0, string(out)
}

// capital is where a word of an operation's name begins.
var capital = regexp.MustCompile("[A-Z]")
