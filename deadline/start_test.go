package deadline

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestParseStart(t *testing.T) {
	r, wrong, err := ParseStart([]byte(`{"resourceIds":{"queueIds":["a","b"],"fleetIds":null},"startTime":"s","endTime":"e",
		"timezone":null,"groupBy":[],"statistics":["x"],"STATISTICS":[1],"unknown":{}} `))
	if err != nil || len(wrong) > 0 {
		t.Fatal(wrong, err)
	}
	if want := (StartRequest{
		ResourceIDs: &SessionsStatisticsResources{QueueIDs: &[]string{"a", "b"}},
		StartTime:   new("s"), EndTime: new("e"), GroupBy: &[]string{}, Statistics: &[]string{"x"},
	}); !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v", r)
	}
}

func TestParseStartWrongTypes(t *testing.T) {
	r, wrong, err := ParseStart([]byte(`{"resourceIds":{"queueIds":{},"fleetIds":["a",null]},"startTime":1,"endTime":[],
		"timezone":true,"period":{},"groupBy":"a","statistics":[["x"]]}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := (StartRequest{ResourceIDs: &SessionsStatisticsResources{}}); !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v", r)
	}
	if want := []Field{
		{"resourceIds.queueIds", "must be a list of strings"},
		{"resourceIds.fleetIds[1]", "must be a string"},
		{"startTime", "must be a string"},
		{"endTime", "must be a string"},
		{"timezone", "must be a string"},
		{"period", "must be a string"},
		{"groupBy", "must be a list of strings"},
		{"statistics", "must be a list of strings"},
	}; !reflect.DeepEqual(wrong, want) {
		t.Errorf("got %+v", wrong)
	}
}

func TestParseStartNoObject(t *testing.T) {
	for body, want := range map[string]string{
		"":     "not JSON: unexpected end of JSON input at byte 0",
		"{":    "not JSON: unexpected end of JSON input at byte 1",
		"{}x":  "not JSON: invalid character 'x' after top-level value at byte 3",
		"null": "not a JSON object", "[]": "not a JSON object", "1": "not a JSON object", `"{}"`: "not a JSON object",
	} {
		if _, _, err := ParseStart([]byte(body)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", body, err, want)
		}
	}
}

// FuzzParseStart: a body reads as encoding/json reads it, or not at all.
func FuzzParseStart(f *testing.F) {
	f.Add([]byte(`{"resourceIds":{"queueIds":["a"]},"groupBy":["USER_ID"],"startTime":"s"}`))
	f.Add([]byte(`{"groupBy":[null],"groupBy":["x"],"startTime":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, wrong, err := ParseStart(body)
		var members map[string]any
		if object := json.Unmarshal(body, &members) == nil && members != nil; object != (err == nil) {
			t.Fatalf("%q: %v", body, err)
		}
		if text, ok := members["startTime"].(string); ok != (r.StartTime != nil) || ok && text != *r.StartTime {
			t.Errorf("%q: startTime %v", body, r.StartTime)
		}
		if r.GroupBy != nil {
			list, _ := members["groupBy"].([]any)
			if len(list) != len(*r.GroupBy) {
				t.Errorf("%q: groupBy %v", body, *r.GroupBy)
			}
		} else if members["groupBy"] != nil && len(wrong) == 0 {
			t.Errorf("%q: groupBy is gone", body)
		}
	})
}
