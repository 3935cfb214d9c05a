package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
)

// field is a member at fault, and a part of what the answer says about it.
type field struct{ name, says string }

// checkInvalid checks that an answer is a ValidationException with exactly the
// fields, in any order.
func checkInvalid(t *testing.T, a answer, reason string, fields ...field) {
	t.Helper()
	if a.status != http.StatusBadRequest || a.header.Get("x-amzn-ErrorType") != "ValidationException" || a.member(t, "reason") != reason {
		t.Fatalf("got %d %s, want a ValidationException for %s", a.status, a.body, reason)
	}
	list, _ := a.decode(t)["fieldList"].([]any)
	var have []string
	for _, x := range list {
		m, _ := x.(map[string]any)
		have = append(have, fmt.Sprint(m["name"], ": ", m["message"]))
	}
	if len(have) != len(fields) {
		t.Fatalf("got fields %q, want %v", have, fields)
	}
	for _, want := range fields {
		if !slices.ContainsFunc(have, func(h string) bool {
			return strings.HasPrefix(h, want.name+": ") && strings.Contains(h, want.says)
		}) {
			t.Errorf("got fields %q, want %v", have, want)
		}
		if !strings.Contains(a.member(t, "message"), want.name) {
			t.Errorf("message %q does not name %s", a.member(t, "message"), want.name)
		}
	}
}

func ids(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s%032x", prefix, i)
	}
	return list
}

func queues(list ...string) map[string]any {
	return map[string]any{"resourceIds": map[string]any{"queueIds": list}}
}

func TestStartValidation(t *testing.T) {
	const parse, rule = "CANNOT_PARSE", "FIELD_VALIDATION_FAILED"
	type members = map[string]any
	both := members{"queueIds": []string{string(queueA)}, "fleetIds": []string{string(fleetA)}}
	for name, c := range map[string]struct {
		members members
		reason  string
		fields  []field
	}{
		"no resourceIds":                {members{"resourceIds": nil}, rule, []field{{"resourceIds", "required"}}},
		"empty resourceIds":             {members{"resourceIds": members{}}, rule, []field{{"resourceIds", "exactly one"}}},
		"both queues and fleets":        {members{"resourceIds": both}, rule, []field{{"resourceIds", "one of"}}},
		"fleets beside an empty queues": {members{"resourceIds": members{"queueIds": []string{}, "fleetIds": []string{string(fleetA)}}}, rule, []field{{"resourceIds", "one of"}}},
		"no queue":                      {queues(), rule, []field{{"resourceIds", "exactly one"}}},
		"11 queues":                     {queues(ids("queue-", 11)...), rule, []field{{"resourceIds.queueIds", "11"}}},
		"11 fleets":                     {members{"resourceIds": members{"fleetIds": ids("fleet-", 11)}}, rule, []field{{"resourceIds.fleetIds", "11"}}},
		"a queue twice":                 {queues(string(queueA), string(queueA)), rule, []field{{"resourceIds.queueIds", "more than once"}}},
		"a queue of capitals":           {queues(strings.ToUpper(string(queueA))), rule, []field{{"resourceIds.queueIds[0]", "lower-case"}}},
		"an empty queue id":             {queues(string(queueA), ""), rule, []field{{"resourceIds.queueIds[1]", "required"}}},
		"a fleet among queues":          {queues(string(fleetA)), rule, []field{{"resourceIds.queueIds[0]", "queue-"}}},
		"no startTime":                  {members{"startTime": nil}, rule, []field{{"startTime", "required"}}},
		"no endTime":                    {members{"endTime": nil}, rule, []field{{"endTime", "required"}}},
		"a time without zone":           {members{"startTime": "2026-01-31T00:00:00"}, rule, []field{{"startTime", "zone"}}},
		"a date":                        {members{"endTime": "2026-01-31"}, rule, []field{{"endTime", "RFC 3339"}}},
		"no time":                       {members{"startTime": "yesterday"}, rule, []field{{"startTime", "RFC 3339"}}},
		"an empty time":                 {members{"startTime": ""}, rule, []field{{"startTime", "RFC 3339"}}},
		"a time of year 0":              {members{"startTime": "0000-12-31T00:00:00Z"}, rule, []field{{"startTime", "years"}}},
		"a time of year 10000":          {members{"endTime": "9999-12-31T23:00:00-02:00"}, rule, []field{{"endTime", "years"}}},
		"end before start":              {members{"endTime": "2026-01-30T00:00:00Z"}, rule, []field{{"endTime", "after startTime"}}},
		"end at start":                  {members{"endTime": "2026-01-31T00:00:00.000Z"}, rule, []field{{"endTime", "after startTime"}}},
		"timezone UTC+8":                {members{"timezone": "UTC+8"}, rule, []field{{"timezone", "UTC+05:30"}}},
		"timezone UTC+05:45":            {members{"timezone": "UTC+05:45"}, rule, []field{{"timezone", "00 or 30"}}},
		"timezone UTC+20:00":            {members{"timezone": "UTC+20:00"}, rule, []field{{"timezone", "UTC"}}},
		"an empty timezone":             {members{"timezone": ""}, rule, []field{{"timezone", "UTC"}}},
		"an unknown period":             {members{"period": "YEARLY"}, rule, []field{{"period", "HOURLY, DAILY, WEEKLY, MONTHLY"}}},
		"an empty period":               {members{"period": ""}, rule, []field{{"period", "HOURLY"}}},
		"a period in small letters":     {members{"period": "daily"}, rule, []field{{"period", "DAILY"}}},
		"no groupBy":                    {members{"groupBy": nil}, rule, []field{{"groupBy", "required"}}},
		"an empty groupBy":              {members{"groupBy": []string{}}, rule, []field{{"groupBy", "1 to 2"}}},
		"3 groupBy":                     {members{"groupBy": []string{"USER_ID", "JOB_ID", "FLEET_ID"}}, rule, []field{{"groupBy", "3"}}},
		"3 groupBy, one unknown":        {members{"groupBy": []string{"USER_ID", "JOB_ID", "X"}}, rule, []field{{"groupBy", "3"}, {"groupBy[2]", "QUEUE_ID"}}},
		"groupBy twice the same":        {members{"groupBy": []string{"USER_ID", "USER_ID"}}, rule, []field{{"groupBy", "more than once"}}},
		"an unknown groupBy":            {members{"groupBy": []string{"SHOW"}}, rule, []field{{"groupBy[0]", "USER_ID"}}},
		"no statistics":                 {members{"statistics": nil}, rule, []field{{"statistics", "required"}}},
		"empty statistics":              {members{"statistics": []string{}}, rule, []field{{"statistics", "1 to 4"}}},
		"5 statistics":                  {members{"statistics": []string{"SUM", "MIN", "MAX", "AVG", "SUM"}}, rule, []field{{"statistics", "5"}}},
		"a statistic twice":             {members{"statistics": []string{"SUM", "SUM"}}, rule, []field{{"statistics", "more than once"}}},
		"an unknown statistic":          {members{"statistics": []string{"SUM", "MEDIAN"}}, rule, []field{{"statistics[1]", "SUM, MIN, MAX, AVG"}}},
		"resourceIds a list":            {members{"resourceIds": []string{}}, parse, []field{{"resourceIds", "object"}}},
		"queueIds a string":             {members{"resourceIds": members{"queueIds": string(queueA)}}, parse, []field{{"resourceIds.queueIds", "list"}}},
		"a queue a number":              {members{"resourceIds": members{"queueIds": []any{1}}}, parse, []field{{"resourceIds.queueIds", "strings"}}},
		"a null among queues":           {members{"resourceIds": members{"queueIds": []any{nil}}}, parse, []field{{"resourceIds.queueIds[0]", "string"}}},
		"startTime a number":            {members{"startTime": 1769817600}, parse, []field{{"startTime", "string"}}},
		"timezone a number":             {members{"timezone": 8}, parse, []field{{"timezone", "string"}}},
		"period a list":                 {members{"period": []string{"DAILY"}}, parse, []field{{"period", "string"}}},
		"groupBy a string":              {members{"groupBy": "USER_ID"}, parse, []field{{"groupBy", "list"}}},
		"statistics an object":          {members{"statistics": members{}}, parse, []field{{"statistics", "list"}}},
		"all at once": {
			members{
				"resourceIds": members{"queueIds": []any{"x"}}, "startTime": true, "endTime": "x", "timezone": "x", "period": "x",
				"groupBy": []string{"x", "USER_ID"}, "statistics": nil,
			}, parse,
			[]field{
				{"resourceIds.queueIds[0]", ""},
				{"startTime", ""}, {"endTime", ""}, {"timezone", ""}, {"period", ""}, {"groupBy[0]", ""}, {"statistics", "required"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			checkInvalid(t, f.ask(http.MethodPost, statisticsPath(farmA), startBody(c.members)), c.reason, c.fields...)
		})
	}
}

func TestStartBodyNoObject(t *testing.T) {
	for name, body := range map[string]string{
		"empty": "", "not JSON": "a=b", "binary": "\x00\xff", "half": `{"startTime":"`, "a list": "[]", "a string": `"{}"`,
		"a number": "1", "null": "null", "two objects": "{}{}", "deep": strings.Repeat("[", 20000),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			checkInvalid(t, f.ask(http.MethodPost, statisticsPath(farmA), body), "CANNOT_PARSE")
		})
	}
}

func TestStartBodyTooLong(t *testing.T) {
	f := newFixture(t, nil)
	a := f.ask(http.MethodPost, statisticsPath(farmA), strings.Repeat(" ", 1<<20)+"{}")
	checkInvalid(t, a, "OTHER")
	a = f.ask(http.MethodPost, statisticsPath(farmA), strings.Repeat(" ", 1<<20-len(startBody(nil)))+startBody(nil))
	if a.status != http.StatusOK {
		t.Errorf("a body of 1 MiB: %d %s", a.status, a.body)
	}
}

// TestStartFieldListBounded: a body of many faults does not make an answer of many
// times its size.
func TestStartFieldListBounded(t *testing.T) {
	f := newFixture(t, nil)
	a := f.ask(http.MethodPost, statisticsPath(farmA), startBody(queues(make([]string, 300_000)...)))
	if list, _ := a.decode(t)["fieldList"].([]any); a.status != http.StatusBadRequest || len(list) != 100 || len(a.body) > 30_000 {
		t.Errorf("got %d with %d fields, %d bytes", a.status, len(list), len(a.body))
	}
}

func TestStartAccepted(t *testing.T) {
	for name, members := range map[string]map[string]any{
		"unknown members":       {"colour": "blue", "resourceids": 7},
		"a null period":         {"period": []byte(nil), "timezone": []byte(nil)},
		"fractions":             {"startTime": "2026-01-31T00:00:00.123456789Z"},
		"offsets":               {"startTime": "2026-01-31T00:00:00+05:30", "timezone": "UTC+05:30"},
		"a null beside queues":  {"resourceIds": map[string]any{"queueIds": []string{string(queueA)}, "fleetIds": nil}},
		"10 statistics of four": {"statistics": []string{"AVG", "SUM", "MAX", "MIN"}},
		"the year 1 on":         {"startTime": "0001-01-01T00:00:00Z", "endTime": "9999-12-31T23:59:59.999Z", "period": "MONTHLY"},
		"fleets":                {"resourceIds": map[string]any{"fleetIds": []string{string(fleetA)}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			if a := f.finished(f.begin(members)); a.member(t, "status") != "COMPLETED" {
				t.Error(a.body)
			}
		})
	}
}

func TestFarmIDValidation(t *testing.T) {
	for path, says := range map[string]string{
		"/2023-10-12/farms//sessions-statistics-aggregation":             "required",
		"/2023-10-12/farms/farm%2Fx/sessions-statistics-aggregation":     "hexadecimal",
		"/2023-10-12/farms/x/sessions-statistics-aggregation":            "hexadecimal",
		statisticsPath(farmtally.FarmID(strings.ToUpper(string(farmA)))): "hexadecimal",
	} {
		f := newFixture(t, nil)
		checkInvalid(t, f.ask(http.MethodPost, path, startBody(nil)), "FIELD_VALIDATION_FAILED", field{"farmId", says})
		checkInvalid(t, f.ask(http.MethodGet, path+"?aggregationId="+strings.Repeat("0", 32), ""), "FIELD_VALIDATION_FAILED", field{"farmId", says})
	}
	for _, list := range []string{"queues", "fleets"} {
		f := newFixture(t, nil)
		checkInvalid(t, f.ask(http.MethodGet, "/2023-10-12/farms/x/"+list, ""), "FIELD_VALIDATION_FAILED", field{"farmId", "hexadecimal"})
	}
}

func TestGetValidation(t *testing.T) {
	id := "&aggregationId=" + strings.Repeat("0", 32)
	for name, c := range map[string]struct {
		query  string
		fields []field
	}{
		"no aggregationId":       {"", []field{{"aggregationId", "required"}}},
		"an empty aggregationId": {"&aggregationId=", []field{{"aggregationId", "required"}}},
		"a short aggregationId":  {"&aggregationId=0a", []field{{"aggregationId", "32"}}},
		"capitals":               {"&aggregationId=" + strings.Repeat("A", 32), []field{{"aggregationId", "lower-case"}}},
		"maxResults 0":           {id + "&maxResults=0", []field{{"maxResults", "1 to 100"}}},
		"maxResults 101":         {id + "&maxResults=101", []field{{"maxResults", "1 to 100"}}},
		"maxResults negative":    {id + "&maxResults=-1", []field{{"maxResults", "1 to 100"}}},
		"maxResults a word":      {id + "&maxResults=all", []field{{"maxResults", "whole number"}}},
		"maxResults a fraction":  {id + "&maxResults=1.5", []field{{"maxResults", "whole number"}}},
		"maxResults empty":       {id + "&maxResults=", []field{{"maxResults", "whole number"}}},
		"maxResults huge":        {id + "&maxResults=99999999999999999999", []field{{"maxResults", "1 to 100"}}},
		"a token that is none":   {id + "&nextToken=x", []field{{"nextToken", "unchanged"}}},
		"a token too long":       {id + "&nextToken=" + strings.Repeat("x", 4097), []field{{"nextToken", "4096"}}},
		"all at once":            {"&maxResults=0&nextToken=x", []field{{"aggregationId", ""}, {"maxResults", ""}, {"nextToken", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			checkInvalid(t, f.ask(http.MethodGet, statisticsPath(farmA)+"?x=y"+c.query, ""), "FIELD_VALIDATION_FAILED", c.fields...)
		})
	}
	f := newFixture(t, nil)
	checkInvalid(t, f.ask(http.MethodGet, statisticsPath(farmA)+"?aggregationId=%zz", ""), "OTHER")
}

func TestNotFound(t *testing.T) {
	f := newFixture(t, nil)
	aggregation := strings.Repeat("0", 32)
	queueOf := func(q farmtally.QueueID) string { return startBody(queues(string(queueA2), string(q))) }
	for name, c := range map[string]struct {
		a            answer
		resource, id string
	}{
		"farm of a start":           {f.ask(http.MethodPost, statisticsPath(noFarm), startBody(nil)), "farm", string(noFarm)},
		"farm of a get":             {f.ask(http.MethodGet, statisticsPath(noFarm)+"?aggregationId="+aggregation, ""), "farm", string(noFarm)},
		"farm of queues":            {f.ask(http.MethodGet, "/2023-10-12/farms/"+string(noFarm)+"/queues", ""), "farm", string(noFarm)},
		"farm of fleets":            {f.ask(http.MethodGet, "/2023-10-12/farms/"+string(noFarm)+"/fleets", ""), "farm", string(noFarm)},
		"queue of another farm":     {f.ask(http.MethodPost, statisticsPath(farmA), queueOf(queueB)), "queue", string(queueB)},
		"fleet":                     {f.ask(http.MethodPost, statisticsPath(farmA), startBody(map[string]any{"resourceIds": map[string]any{"fleetIds": ids("fleet-", 2)}})), "fleet", ids("fleet-", 1)[0]},
		"aggregation":               {f.get(aggregation, ""), "sessions-statistics-aggregation", aggregation},
		"form goes before the farm": {f.ask(http.MethodPost, statisticsPath(noFarm), "{}"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.resource == "" {
				if c.a.status != http.StatusBadRequest {
					t.Errorf("got %d %s", c.a.status, c.a.body)
				}
				return
			}
			if c.a.status != http.StatusNotFound || c.a.header.Get("x-amzn-ErrorType") != "ResourceNotFoundException" ||
				c.a.member(t, "resourceType") != c.resource || c.a.member(t, "resourceId") != c.id {
				t.Errorf("got %d %s", c.a.status, c.a.body)
			}
		})
	}
}

// TestUnknownOperation: an operation that is not served is named, and so is a method
// and a path that are none.
func TestUnknownOperation(t *testing.T) {
	f := newFixture(t, nil)
	for _, c := range []struct{ method, path, names string }{
		{http.MethodPost, "/", "POST /"},
		{http.MethodGet, "/2023-10-12", "GET /2023-10-12"},
		{http.MethodPost, "/2023-10-12/farms", "CreateFarm"},
		{http.MethodDelete, "/2023-10-12/farms/" + string(farmA), "DeleteFarm"},
		{http.MethodGet, "/2023-10-12/farms/" + string(farmA) + "/budgets", "ListBudgets"},
		{http.MethodPut, "/2023-10-12/farms//members/x", "AssociateMemberToFarm"},
		{http.MethodGet, "/2023-10-12/tags/arn%3Aaws%3Adeadline%3Ar%3A1%3Afarm%2Ff", "ListTagsForResource"},
		{http.MethodDelete, statisticsPath(farmA), "DELETE " + statisticsPath(farmA)},
		{http.MethodGet, "/2099-01-01/farms", "GET /2099-01-01/farms"},
		{http.MethodOptions, statisticsPath(farmA), "OPTIONS " + statisticsPath(farmA)},
		{http.MethodHead, statisticsPath(farmA), "HEAD " + statisticsPath(farmA)},
		{http.MethodGet, "/2023-10-12/%66arms/" + string(farmA) + "/queue%73/x/y", "GET /2023-10-12/%66arms/"},
		{"BREW", "/healthz", "BREW /healthz"},
	} {
		a := f.ask(c.method, c.path, "")
		checkInvalid(t, a, "UNKNOWN_OPERATION")
		if !strings.Contains(a.member(t, "message"), c.names) {
			t.Errorf("%v is not named in %s", c, a.body)
		}
	}
}
