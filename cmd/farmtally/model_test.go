package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// awsModel is AWS's model of the API, as botocore has it.
type awsModel struct {
	Operations map[string]struct {
		HTTP   struct{ Method, RequestURI string }
		Output struct{ Shape string }
	}
	Shapes map[string]shape
}

// shape is a type of the model.
type shape struct {
	Type                string
	Required            []string
	Members             map[string]shapeRef
	Member, Key, Value  shapeRef
	Enum                []string
	Pattern             string
	Min, Max            *float64
	Union               bool
	TimestampFormat     string
	Exception, Location any
}

// shapeRef is where a type is used.
type shapeRef struct{ Shape, Location string }

// later has what AWS has added to the model since the older ones that this test meets.
var later = []string{"costScaleFactor", "PERSISTENT_VOLUME"}

// check gives what of a value is not as its shape has it.
func (m *awsModel) check(at, name string, value any) (wrong []string) {
	s := m.Shapes[name]
	say := func(format string, args ...any) { wrong = append(wrong, at+": "+fmt.Sprintf(format, args...)) }
	switch v := value.(type) {
	case map[string]any:
		if s.Type != "structure" {
			say("an object where a %s is due", s.Type)
			return wrong
		}
		return append(wrong, m.checkStructure(at, &s, v)...)
	case []any:
		if s.Type != "list" || s.Min != nil && len(v) < int(*s.Min) || s.Max != nil && len(v) > int(*s.Max) {
			say("a list of %d where a %s is due", len(v), s.Type)
		}
		for i := range v {
			wrong = append(wrong, m.check(fmt.Sprintf("%s[%d]", at, i), s.Member.Shape, v[i])...)
		}
	case json.Number:
		number, err := v.Float64()
		whole := !strings.ContainsAny(v.String(), ".eE")
		if err != nil || s.Type != "float" && s.Type != "double" && (s.Type != "integer" || !whole) ||
			s.Min != nil && number < *s.Min || s.Max != nil && number > *s.Max {
			say("%s where a %s is due", v, s.Type)
		}
	case string:
		if problem := s.checkString(v); problem != "" {
			say("%q %s", v, problem)
		}
	default:
		say("%v where a %s is due", v, s.Type)
	}
	return wrong
}

func (m *awsModel) checkStructure(at string, s *shape, v map[string]any) (wrong []string) {
	for _, name := range s.Required {
		if _, there := v[name]; !there && s.Members[name].Location == "" {
			wrong = append(wrong, at+": lacks "+name)
		}
	}
	for name, value := range v {
		ref, known := s.Members[name]
		switch {
		case known:
			wrong = append(wrong, m.check(at+"."+name, ref.Shape, value)...)
		case !slices.Contains(later, name):
			wrong = append(wrong, at+": has "+name)
		}
	}
	if s.Union && len(v) != 1 {
		wrong = append(wrong, fmt.Sprintf("%s: a union of %d members", at, len(v)))
	}
	return wrong
}

func (s *shape) checkString(v string) string {
	switch {
	case s.Type == "timestamp":
		if _, err := time.Parse(time.RFC3339Nano, v); err != nil || !strings.HasSuffix(v, "Z") {
			return "is no instant in UTC"
		}
	case s.Type != "string":
		return "where a " + s.Type + " is due"
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, v) && !slices.Contains(later, v):
		return "is none of " + strings.Join(s.Enum, ", ")
	case s.Min != nil && len(v) < int(*s.Min) || s.Max != nil && len([]rune(v)) > int(*s.Max):
		return "is too short or too long"
	case s.Pattern != "" && !regexp.MustCompile("^(?:"+s.Pattern+")$").MatchString(v):
		return "is not of the form " + s.Pattern
	}
	return ""
}

// TestAnswersAreOfAWSModel holds an answer of each operation and of each exception against
// AWS's own model: every required member is there, each has its type, its form and its
// bounds, and none is there that the model lacks.
func TestAnswersAreOfAWSModel(t *testing.T) {
	data := importStudio(t)
	farm, of := ids(t, data)
	key := newKey(t, data)
	var writer createdKey
	doJSON(t, &writer, "keys", "create", "--data", data, "--name", "writer", "--grant", "studio=WRITER", "--output", "json")
	var model awsModel
	runPython(t, key, "model.py", nil, &model)
	server := serve(t, data)
	c := newSignedClient(key, server.url)
	statistics := "/2023-10-12/farms/" + farm + "/sessions-statistics-aggregation"
	began, err := c.send(t.Context(), http.MethodPost, statistics, asJSON(t, studioRequest(farm, of, "JOB_ID", "USAGE_TYPE")))
	if err != nil {
		t.Fatal(err)
	}
	checkAgainst(t, &model, "StartSessionsStatisticsAggregationResponse", began)
	var started struct{ AggregationID string }
	if err := json.Unmarshal([]byte(began), &started); err != nil {
		t.Fatal(err)
	}
	rows := "?maxResults=1&aggregationId=" + started.AggregationID
	for page := ""; !strings.Contains(page, "COMPLETED"); {
		if page, err = c.send(t.Context(), http.MethodGet, statistics+rows, ""); err != nil {
			t.Fatal(err)
		}
		checkAgainst(t, &model, "GetSessionsStatisticsAggregationResponse", page)
	}
	variables := strings.NewReplacer("{farmId}", farm, "{queueId}", of["render"], "{fleetId}", of["cloud"])
	for _, name := range []string{
		"GetSessionsStatisticsAggregation", "ListFarms", "GetFarm", "ListQueues", "GetQueue", "ListFleets", "GetFleet", "ListAvailableMeteredProducts",
	} {
		o := model.Operations[name]
		target := variables.Replace(o.HTTP.RequestURI)
		if strings.HasPrefix(target, statistics) {
			target += "?aggregationId=" + started.AggregationID
		}
		answer, err := c.send(t.Context(), o.HTTP.Method, target, "")
		if err != nil {
			t.Fatal(err)
		}
		checkAgainst(t, &model, o.Output.Shape, answer)
	}
	damageResult(t, data, started.AggregationID)
	for name, asked := range map[string]struct {
		key    createdKey
		target string
	}{
		"ValidationException":          {key, statistics + "?maxResults=0&aggregationId=x"},
		"ResourceNotFoundException":    {key, statistics + "?aggregationId=" + strings.Repeat("0", 32)},
		"AccessDeniedException":        {writer, statistics + rows},
		"InternalServerErrorException": {key, statistics + rows},
	} {
		_, kind, text := send(t, asked.key, time.Now(), http.MethodGet, server.url+asked.target, "")
		if kind != name {
			t.Errorf("%s gets %s %s, want %s", asked.target, kind, text, name)
		}
		checkAgainst(t, &model, kind, strings.Replace(text, `"__type":"`+kind+`",`, "", 1))
	}
}

func checkAgainst(t *testing.T, model *awsModel, shape, text string) {
	t.Helper()
	if _, known := model.Shapes[shape]; !known {
		t.Fatalf("the model has no %s", shape)
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range model.check(shape, shape, value) {
		t.Error(wrong)
	}
}
