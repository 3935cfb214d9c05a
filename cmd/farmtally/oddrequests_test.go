package main

import (
	"fmt"
	"strings"
	"testing"
)

// oddRequest is a request that some clients check themselves and others send, and what
// a server must say of it.
type oddRequest struct {
	name    string
	start   map[string]any // members of a Start that differ from a good one
	get     map[string]any // or those of a Get
	senders string         // the SDKs that send it; "" is all
	field   string         // at fault; "" where the request is good
}

// oddRequests are what each client does with members that are missing, null, empty,
// too many or unknown to it.
func oddRequests(farm string) []oddRequest {
	eleven := make([]string, 11)
	for i := range eleven {
		eleven[i] = fmt.Sprintf("queue-%032x", i)
	}
	return []oddRequest{
		{name: "an empty token", get: map[string]any{"nextToken": ""}},
		{name: "a token that is none", get: map[string]any{"nextToken": "x"}, field: "nextToken"},
		{name: "a page too large", get: map[string]any{"maxResults": 101}, field: "maxResults"},
		{name: "a page of none", get: map[string]any{"maxResults": 0}, senders: "Go JavaScript", field: "maxResults"},
		{name: "an aggregation id of another form", get: map[string]any{"aggregationId": "x"}, field: "aggregationId"},
		{name: "microseconds", start: map[string]any{"startTime": "2025-11-24T00:00:00.123456Z"}},
		{name: "an offset", start: map[string]any{"endTime": "2025-11-25T05:30:00+05:30"}},
		{name: "three dimensions", start: map[string]any{"groupBy": []string{"QUEUE_ID", "JOB_ID", "USER_ID"}}, field: "groupBy"},
		{name: "no dimension", start: map[string]any{"groupBy": []string{}}, senders: "Go JavaScript", field: "groupBy"},
		{name: "a dimension of a later model", start: map[string]any{"groupBy": []string{"COLOUR"}}, field: "groupBy[0]"},
		{name: "a statistic twice", start: map[string]any{"statistics": []string{"SUM", "SUM"}}, field: "statistics"},
		{name: "a period of a later model", start: map[string]any{"period": "YEARLY"}, field: "period"},
		{name: "eleven queues", start: map[string]any{"resourceIds": map[string]any{"queueIds": eleven}}, field: "resourceIds.queueIds"},
		{name: "no queue", start: map[string]any{"resourceIds": map[string]any{"queueIds": []string{}}}, senders: "Go JavaScript", field: "resourceIds"},
		{name: "an id of another form", start: map[string]any{"resourceIds": map[string]any{"fleetIds": []string{"racks"}}}, field: "resourceIds.fleetIds[0]"},
		{name: "both members of a union", senders: "JavaScript", field: "resourceIds",
			start: map[string]any{"resourceIds": map[string]any{"queueIds": eleven[:1], "fleetIds": []string{"fleet-" + strings.Repeat("0", 32)}}}},
		{name: "null where it may be absent", start: map[string]any{"timezone": nil, "period": nil}, senders: "Go JavaScript"},
		{name: "the end before the start", start: map[string]any{"endTime": "2025-11-23T00:00:00Z"}, field: "endTime"},
		{name: "a slash in the farm's id", start: map[string]any{"farmId": farm[:36] + "/x"}, field: "farmId"},
	}
}

// TestOddRequestsOfEachSDK sends what each SDK lets through, and expects the member at
// fault in fieldList, or a good answer.
func TestOddRequestsOfEachSDK(t *testing.T) {
	data := importStudio(t)
	farm, of := ids(t, data)
	key := newKey(t, data)
	server := serve(t, data, "--running-per-farm", "100")
	var read struct{ AggregationID string }
	standardAWS(t, key)
	doJSON(t, &read, "stats", "--endpoint", server.url, "--from", "2025-11-24", "--to", "2025-11-25", "--output", "json")
	for _, s := range sdks {
		var sent []oddRequest
		var calls []any
		for _, r := range oddRequests(farm) {
			if kind, _, _ := strings.Cut(s.name, " "); r.senders != "" && !strings.Contains(r.senders, kind) {
				continue
			}
			operation, input, changes := "StartSessionsStatisticsAggregation", studioRequest(farm, of, "QUEUE_ID"), r.start
			if r.get != nil {
				operation, changes = "GetSessionsStatisticsAggregation", r.get
				input = map[string]any{"farmId": farm, "aggregationId": read.AggregationID}
			}
			for name, value := range changes {
				input[name] = value
			}
			sent, calls = append(sent, r), append(calls, map[string]any{"operation": operation, "input": input})
		}
		var got []*arrived
		s.ask(t, key, map[string]any{"endpoint": server.url, "retries": false, "provoke": calls}, &got)
		for i, r := range sent {
			t.Run(s.name+" "+r.name, func(t *testing.T) {
				if r.field == "" {
					if got[i] != nil {
						t.Errorf("refused: %+v", got[i])
					}
					return
				}
				got[i].expect(t, "ValidationException", 400, map[string]any{"reason": "FIELD_VALIDATION_FAILED", "message": nil, "fieldList": nil})
				if got[i] == nil {
					return
				}
				fields, _ := alike(got[i].Members).(map[string]any)["fieldList"].([]any)
				if len(fields) == 0 || fields[0].(map[string]any)["name"] != r.field {
					t.Errorf("at fault are %v, want %s", fields, r.field)
				}
			})
		}
	}
}
