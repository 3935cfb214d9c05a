package deadline

import (
	"encoding/json"
	"errors"
	"fmt"
)

// StartRequest is the body of a StartSessionsStatisticsAggregationRequest. A nil
// member is absent; null counts as absent.
type StartRequest struct {
	ResourceIDs *SessionsStatisticsResources
	StartTime   *string
	EndTime     *string
	Timezone    *string
	Period      *string
	GroupBy     *[]string
	Statistics  *[]string
}

// SessionsStatisticsResources is AWS's union of the same name.
type SessionsStatisticsResources struct {
	QueueIDs *[]string
	FleetIDs *[]string
}

// ParseStart reads a body. Its error says why the body is no JSON object at all;
// its fields are the members whose value is of the wrong JSON type, and those stay
// nil. Members that AWS's model does not have are ignored.
func ParseStart(body []byte) (r StartRequest, wrong []Field, err error) {
	members, err := parseObject(body)
	if err != nil {
		return r, nil, err
	}
	o := object{members: members, wrong: &wrong}
	if ids, ok := o.object("resourceIds"); ok {
		r.ResourceIDs = &SessionsStatisticsResources{QueueIDs: ids.strings("queueIds"), FleetIDs: ids.strings("fleetIds")}
	}
	r.StartTime = o.string("startTime")
	r.EndTime = o.string("endTime")
	r.Timezone = o.string("timezone")
	r.Period = o.string("period")
	r.GroupBy = o.strings("groupBy")
	r.Statistics = o.strings("statistics")
	return r, wrong, nil
}

// parseObject reads a JSON object as its members, whose names are matched to the
// letter.
func parseObject(data []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("not JSON: %w at byte %d", syntax, syntax.Offset)
		}
		return nil, errNoObject
	}
	if members == nil {
		return nil, errNoObject
	}
	return members, nil
}

var errNoObject = errors.New("not a JSON object")

// object is a JSON object that is read member by member. What is of the wrong type
// is absent, and is added to wrong.
type object struct {
	path    string // of the object, "" or with a dot at its end
	members map[string]json.RawMessage
	wrong   *[]Field
}

// decode reads a member into v and reports whether it is there and of v's type.
func (o object) decode(name string, v any, want string) bool {
	raw, ok := o.members[name]
	if !ok || string(raw) == "null" {
		return false
	}
	if json.Unmarshal(raw, v) != nil {
		o.refuse(name, want)
		return false
	}
	return true
}

func (o object) refuse(name, want string) {
	*o.wrong = append(*o.wrong, Field{o.path + name, "must be " + want})
}

func (o object) object(name string) (object, bool) {
	inner := object{path: o.path + name + ".", wrong: o.wrong}
	return inner, o.decode(name, &inner.members, "an object")
}

func (o object) string(name string) *string {
	var v string
	if !o.decode(name, &v, "a string") {
		return nil
	}
	return &v
}

func (o object) strings(name string) *[]string {
	var list []*string
	if !o.decode(name, &list, "a list of strings") {
		return nil
	}
	v := make([]string, 0, len(list))
	for i, s := range list {
		if s == nil {
			o.refuse(fmt.Sprintf("%s[%d]", name, i), "a string")
			return nil
		}
		v = append(v, *s)
	}
	return &v
}

// AppendStartResponse appends a StartSessionsStatisticsAggregationResponse.
func AppendStartResponse(b []byte, aggregationID string) []byte {
	b = append(b, `{"aggregationId":`...)
	b = AppendString(b, aggregationID)
	return append(b, '}')
}
