package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// studio is a day of a small farm, in farmtally's own records. Between them they have
// every field of a statistic, each absent somewhere, and an hour's boundary crossed.
const studio = `
{"recordId":"s1","farmId":"studio","queueId":"render","fleetId":"onprem","jobId":"A","jobName":"sq010 beauty","userId":"amira","usageType":"COMPUTE","startedAt":"2025-11-24T10:30:00Z","endedAt":"2025-11-24T12:30:00Z","costInUsd":"2"}
{"recordId":"s1/arnold","farmId":"studio","queueId":"render","fleetId":"onprem","jobId":"A","jobName":"sq010 beauty","userId":"amira","usageType":"LICENSE","licenseProduct":"arnold","startedAt":"2025-11-24T10:30:00Z","endedAt":"2025-11-24T12:30:00Z","costInUsd":"1.32"}
{"recordId":"s2","farmId":"studio","queueId":"render","fleetId":"cloud","jobId":"A","jobName":"sq010 beauty","userId":"amira","usageType":"COMPUTE","instanceType":"c5.4xlarge","startedAt":"2025-11-24T11:00:00Z","endedAt":"2025-11-24T11:20:00Z","runtimeInSeconds":"1100.5","costInUsd":"0.25"}
{"recordId":"s3","farmId":"studio","queueId":"sim","fleetId":"cloud","jobId":"B","jobName":"pyro","userId":"bjorn","usageType":"COMPUTE","instanceType":"r6i.8xlarge","startedAt":"2025-11-24T13:00:00Z","endedAt":"2025-11-24T14:00:00Z","costInUsd":"2.016"}
{"recordId":"s4","farmId":"studio","queueId":"sim","fleetId":"cloud","jobId":"B","jobName":"pyro","userId":"bjorn","usageType":"COMPUTE","instanceType":"r6i.8xlarge","startedAt":"2025-11-24T13:00:00Z","endedAt":"2025-11-24T13:00:00Z","costInUsd":"0.000000001"}
{"recordId":"s5","farmId":"studio","queueId":"sim","fleetId":"cloud","userId":"bjorn","usageType":"PERSISTENT_VOLUME","startedAt":"2025-11-24T00:00:00Z","endedAt":"2025-11-25T00:00:00Z","costInUsd":"0.64"}
{"recordId":"s6","farmId":"studio","queueId":"render","jobId":"C","usageType":"COMPUTE","startedAt":"2025-11-24T15:00:00Z","endedAt":"2025-11-24T15:01:00Z","costInUsd":"0.01"}
`

// importStudio imports studio into a new data folder.
func importStudio(t *testing.T) (data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	do(t, "import", "ndjson", "--data", data, writeFile(t, "studio.ndjson", strings.TrimSpace(studio)+"\n"))
	return data
}

// ids are the ids of a data folder's only farm, and of its queues and fleets by name.
func ids(t *testing.T, data string) (farm string, of map[string]string) {
	t.Helper()
	var l listing
	doJSON(t, &l, "ls", "--data", data, "--output", "json")
	if len(l.Farms) != 1 {
		t.Fatalf("%d farms, want 1", len(l.Farms))
	}
	of = map[string]string{}
	for _, q := range l.Farms[0].Queues {
		of[q.QueueName] = string(q.QueueID)
	}
	for _, f := range l.Farms[0].Fleets {
		of[f.FleetName] = string(f.FleetID)
	}
	return string(l.Farms[0].FarmID), of
}

// aggregation is what testdata/statistics.py prints.
type aggregation struct {
	AggregationID string              `json:"aggregationId"`
	Status        string              `json:"status"`
	Passes        []result            `json:"passes"`
	Pages         []map[string]any    `json:"pages"`
	Types         map[string][]string `json:"types"`
}

// result is a paginator's full result.
type result struct {
	Statistics    []map[string]any `json:"statistics"`
	Status        string           `json:"status"`
	StatusMessage *string          `json:"statusMessage"`
	NextToken     string           `json:"NextToken"`
}

// studioRequest asks for everything of studio.
func studioRequest(farm string, of map[string]string, groupBy ...string) map[string]any {
	return map[string]any{
		"farmId":      farm,
		"resourceIds": map[string]any{"queueIds": []string{of["render"], of["sim"]}},
		"startTime":   "2025-11-24T00:00:00Z", "endTime": "2025-11-25T00:00:00Z",
		"timezone": "UTC+05:30", "period": "HOURLY",
		"groupBy": groupBy, "statistics": []string{"SUM", "MIN", "MAX", "AVG"},
	}
}

// TestBoto3ReadsEveryField is the seed of the project: an unmodified boto3 starts an
// aggregation, pages through it, stops and resumes, and sees every field that AWS
// documents, each with its Python type.
func TestBoto3ReadsEveryField(t *testing.T) {
	data := importStudio(t)
	farm, of := ids(t, data)
	key := newKey(t, data)
	server := serve(t, data)
	types := map[string][]string{}
	for _, groupBy := range [][]string{{"QUEUE_ID", "FLEET_ID"}, {"JOB_ID", "USER_ID"}, {"USAGE_TYPE", "INSTANCE_TYPE"}, {"LICENSE_PRODUCT"}} {
		t.Run(strings.Join(groupBy, " "), func(t *testing.T) {
			pass := map[string]any{"MaxItems": 3, "PageSize": 2}
			again := map[string]any{"MaxItems": 3, "PageSize": 2, "StartingToken": "$TOKEN"}
			rest := map[string]any{"StartingToken": "$TOKEN"}
			var got aggregation
			runPython(t, key, "statistics.py", map[string]any{
				"endpoint": server.url, "request": studioRequest(farm, of, groupBy...),
				"pagination": []any{map[string]any{}, pass, again, rest},
			}, &got)
			whole := got.Passes[0]
			if got.Status != "COMPLETED" || whole.Status != "COMPLETED" || whole.NextToken != "" || len(whole.Statistics) < 8 {
				t.Fatalf("status %s, full result %+v", got.Status, whole)
			}
			if got.Passes[1].NextToken == "" || len(got.Passes[1].Statistics) != 3 || len(got.Passes[2].Statistics) != 3 || got.Passes[3].NextToken != "" {
				t.Errorf("MaxItems 3 and resumption give %+v", got.Passes[1:])
			}
			resumed := slices.Concat(got.Passes[1].Statistics, got.Passes[2].Statistics, got.Passes[3].Statistics)
			if !reflect.DeepEqual(resumed, whole.Statistics) {
				t.Errorf("resumed passes differ from one pass:\n%v\n%v", resumed, whole.Statistics)
			}
			if want := (len(whole.Statistics) + 1) / 2; len(got.Pages) != want {
				t.Errorf("%d pages of 2, want %d", len(got.Pages), want)
			}
			for name, seen := range got.Types {
				types[name] = slices.Compact(slices.Sorted(slices.Values(append(types[name], seen...))))
			}
		})
	}
	want := map[string][]string{
		"aggregationStartTime": {"datetime"}, "aggregationEndTime": {"datetime"}, "count": {"int"},
		"avg": {"float"}, "max": {"float"}, "min": {"float"}, "sum": {"float"},
		"fleetId": {"str"}, "instanceType": {"str"}, "jobId": {"str"}, "jobName": {"str"}, "licenseProduct": {"str"},
		"queueId": {"str"}, "usageType": {"str"}, "userId": {"str"}, "status": {"str"}, "statusMessage": {"NoneType"},
		"NextToken": {"str"}, "nextToken": {"str"},
	}
	for _, name := range []string{"avg", "max", "min", "sum"} {
		// Older botocores give a JSON number as it is written: a whole one is an int.
		types[name] = slices.DeleteFunc(types[name], func(kind string) bool { return kind == "int" })
	}
	if !reflect.DeepEqual(types, want) {
		t.Errorf("types seen by boto3:\n%v\nwant\n%v", types, want)
	}
}

// TestBoto3ReadsTheNumbers compares one answer with figures worked out by hand.
func TestBoto3ReadsTheNumbers(t *testing.T) {
	data := importStudio(t)
	farm, of := ids(t, data)
	key := newKey(t, data)
	server := serve(t, data)
	request := studioRequest(farm, of, "JOB_ID", "USER_ID")
	request["resourceIds"] = map[string]any{"queueIds": []string{of["render"]}}
	request["timezone"] = "UTC+00:00"
	var got aggregation
	runPython(t, key, "statistics.py", map[string]any{
		"endpoint": server.url, "request": request, "pagination": []any{map[string]any{}},
	}, &got)
	var lines []string
	for _, row := range got.Passes[0].Statistics {
		cost, runtime := row["costInUsd"].(map[string]any), row["runtimeInSeconds"].(map[string]any)
		lines = append(lines, fmt.Sprintf("%v %v %v n=%v $ %v %v %v %v s %v %v %v %v", row["aggregationStartTime"], row["jobName"], row["userId"], row["count"],
			cost["sum"], cost["min"], cost["max"], cost["avg"], runtime["sum"], runtime["min"], runtime["max"], runtime["avg"]))
	}
	// s1 and its licence, 2 hours from half past, cost 1 and 0.66 dollars an hour; s2
	// lies within the second hour.
	want := []string{
		"2025-11-24T10:00:00+00:00 sq010 beauty amira n=2 $ 0.83 0.33 0.5 0.415 s 3600 1800 1800 1800",
		"2025-11-24T11:00:00+00:00 sq010 beauty amira n=3 $ 1.91 0.25 1 0.6366666666666667 s 8300.5 1100.5 3600 2766.8333333333335",
		"2025-11-24T12:00:00+00:00 sq010 beauty amira n=2 $ 0.83 0.33 0.5 0.415 s 3600 1800 1800 1800",
		"2025-11-24T15:00:00+00:00 C <nil> n=1 $ 0.01 0.01 0.01 0.01 s 60 60 60 60",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

// provoked is what testdata/exceptions.py prints of a call.
type provoked struct {
	Class      string         `json:"class"`
	HTTPStatus int            `json:"httpStatus"`
	RequestID  string         `json:"requestId"`
	Members    map[string]any `json:"members"`
}

// provoke makes the calls with boto3 and gives what came of each.
func provoke(t *testing.T, key createdKey, url string, calls ...map[string]any) (got []*provoked) {
	t.Helper()
	runPython(t, key, "exceptions.py", map[string]any{"endpoint": url, "calls": calls}, &got)
	return got
}

// expect compares an exception's class, status and members; a member that is nil in
// want must be there with any value.
func (p *provoked) expect(t *testing.T, class string, status int, want map[string]any) {
	t.Helper()
	if p == nil {
		t.Errorf("no exception came, want %s", class)
		return
	}
	if p.Class != class || p.HTTPStatus != status || p.RequestID == "" {
		t.Errorf("%s with status %d and request id %q, want %s with %d: %v", p.Class, p.HTTPStatus, p.RequestID, class, status, p.Members)
	}
	for name, value := range want {
		got, there := p.Members[name]
		if !there || value != nil && !reflect.DeepEqual(got, value) {
			t.Errorf("%s has %s = %v, want %v", class, name, got, value)
		}
	}
}

func TestBoto3CatchesEachExceptionByItsClass(t *testing.T) {
	data := importStudio(t)
	farm, of := ids(t, data)
	key := newKey(t, data)
	server := serve(t, data)
	const start, get = "start_sessions_statistics_aggregation", "get_sessions_statistics_aggregation"
	with := func(changes map[string]any) map[string]any {
		request := studioRequest(farm, of, "QUEUE_ID")
		for name, value := range changes {
			request[name] = value
		}
		return request
	}
	eleven := make([]string, 11)
	for i := range eleven {
		eleven[i] = fmt.Sprintf("queue-%032x", i)
	}
	noFarm, noQueue := "farm-"+strings.Repeat("0", 32), "queue-"+strings.Repeat("0", 32)
	noAggregation := strings.Repeat("0", 32)
	got := provoke(t, key, server.url,
		map[string]any{"operation": start, "arguments": with(map[string]any{
			"resourceIds": map[string]any{"queueIds": eleven}, "timezone": "UTC+25:15",
		})},
		map[string]any{"operation": start, "arguments": with(map[string]any{"farmId": noFarm})},
		map[string]any{"operation": start, "arguments": with(map[string]any{"resourceIds": map[string]any{"queueIds": []string{noQueue}}})},
		map[string]any{"operation": get, "arguments": map[string]any{"farmId": farm, "aggregationId": noAggregation}},
	)
	got[0].expect(t, "ValidationException", 400, map[string]any{"reason": "FIELD_VALIDATION_FAILED", "message": nil})
	fields, _ := json.Marshal(got[0].Members["fieldList"])
	for _, want := range []string{`"name":"resourceIds.queueIds"`, "11", `"name":"timezone"`, "UTC+05:30"} {
		if !strings.Contains(string(fields), want) {
			t.Errorf("fieldList says nothing of %s: %s", want, fields)
		}
	}
	got[1].expect(t, "ResourceNotFoundException", 404, map[string]any{"resourceType": "farm", "resourceId": noFarm, "message": nil})
	got[2].expect(t, "ResourceNotFoundException", 404, map[string]any{"resourceType": "queue", "resourceId": noQueue})
	got[3].expect(t, "ResourceNotFoundException", 404, map[string]any{
		"resourceType": "sessions-statistics-aggregation", "resourceId": noAggregation,
	})

	wrong := key
	wrong.SecretAccessKey = "wrong"
	denied := provoke(t, wrong, server.url, map[string]any{"operation": start, "arguments": with(nil)})
	denied[0].expect(t, "ClientError", 403, nil)
	if code := denied[0].Members["Error"].(map[string]any)["Code"]; code != "InvalidSignatureException" {
		t.Errorf("a wrong secret gets %v, want what AWS answers, InvalidSignatureException", code)
	}

	ask := func() (a aggregation) {
		runPython(t, key, "statistics.py", map[string]any{
			"endpoint": server.url, "request": with(nil), "pagination": []any{map[string]any{}},
		}, &a)
		return a
	}
	finished, other := ask(), ask()
	foreign := provoke(t, key, server.url, map[string]any{
		"operation": get, "arguments": map[string]any{"farmId": farm, "aggregationId": finished.AggregationID, "nextToken": other.Pages[0]["nextToken"]},
	})
	foreign[0].expect(t, "ValidationException", 400, map[string]any{"reason": "FIELD_VALIDATION_FAILED", "message": nil})
	damageResult(t, data, finished.AggregationID)
	broken := provoke(t, key, server.url, map[string]any{
		"operation": get, "arguments": map[string]any{"farmId": farm, "aggregationId": finished.AggregationID},
	})
	broken[0].expect(t, "InternalServerErrorException", 500, map[string]any{"message": nil})
}

// damageResult cuts a stored result short.
func damageResult(t *testing.T, data, id string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(data, "results", id+"*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("the result of %s is in %v, %v", id, found, err)
	}
	for _, path := range found {
		if err := os.Truncate(path, 10); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAWSCLIAsksTheSame starts, polls, pages and resumes with the AWS CLI, which puts
// "management." before the server's name.
func TestAWSCLIAsksTheSame(t *testing.T) {
	aws := awsCLI(t)
	data := importStudio(t)
	farm, of := ids(t, data)
	key := newKey(t, data)
	server := serve(t, data)
	ask := func(to any, args ...string) {
		cmd := exec.CommandContext(t.Context(), aws, append([]string{"deadline", "--endpoint-url", server.url, "--output", "json"}, args...)...)
		cmd.Env = clientEnv(t, key)
		decodeOutput(t, cmd, to)
	}
	var started struct{ AggregationID string }
	ask(&started, "start-sessions-statistics-aggregation", "--farm-id", farm,
		"--resource-ids", "queueIds="+of["render"]+","+of["sim"],
		"--start-time", "2025-11-24T00:00:00Z", "--end-time", "2025-11-25T00:00:00Z", "--timezone", "UTC+05:30",
		"--period", "HOURLY", "--group-by", "QUEUE_ID", "FLEET_ID", "--statistics", "SUM", "MIN", "MAX", "AVG")
	get := func(args ...string) (r result) {
		ask(&r, append([]string{"get-sessions-statistics-aggregation", "--farm-id", farm, "--aggregation-id", started.AggregationID}, args...)...)
		return r
	}
	whole := get()
	for whole.Status == "IN_PROGRESS" {
		whole = get()
	}
	first := get("--max-items", "5", "--page-size", "2")
	rest := get("--page-size", "2", "--starting-token", first.NextToken)
	if len(first.Statistics) != 5 || !reflect.DeepEqual(slices.Concat(first.Statistics, rest.Statistics), whole.Statistics) {
		t.Errorf("5 items and the rest are\n%v\n%v\nwant\n%v", first, rest, whole)
	}

	var boto aggregation
	runPython(t, key, "statistics.py", map[string]any{
		"endpoint": server.url, "request": studioRequest(farm, of, "QUEUE_ID", "FLEET_ID"), "pagination": []any{map[string]any{}},
	}, &boto)
	if !reflect.DeepEqual(alikeRows(whole.Statistics), alikeRows(boto.Passes[0].Statistics)) {
		t.Errorf("the AWS CLI reads\n%v\nboto3\n%v", whole.Statistics, boto.Passes[0].Statistics)
	}
}
