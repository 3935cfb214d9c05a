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
func ParseStart(body []byte) (StartRequest, []Field, error) {
	var r StartRequest
	members, err := parseObject(body)
	if err != nil {
		return r, nil, err
	}
	p := &parser{}
	if resources := p.object("", members, "resourceIds"); resources != nil {
		r.ResourceIDs = &SessionsStatisticsResources{
			QueueIDs: p.strings("resourceIds.", resources, "queueIds"),
			FleetIDs: p.strings("resourceIds.", resources, "fleetIds"),
		}
	}
	r.StartTime = p.string("", members, "startTime")
	r.EndTime = p.string("", members, "endTime")
	r.Timezone = p.string("", members, "timezone")
	r.Period = p.string("", members, "period")
	r.GroupBy = p.strings("", members, "groupBy")
	r.Statistics = p.strings("", members, "statistics")
	return r, p.wrong, nil
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

// parser reads members and collects those of the wrong JSON type.
type parser struct{ wrong []Field }

// decode reads a member into v and reports whether it is there and of v's type.
func (p *parser) decode(path string, members map[string]json.RawMessage, name string, v any, want string) bool {
	raw, ok := members[name]
	if !ok || string(raw) == "null" {
		return false
	}
	if json.Unmarshal(raw, v) != nil {
		p.wrong = append(p.wrong, Field{path + name, "must be " + want})
		return false
	}
	return true
}

func (p *parser) object(path string, members map[string]json.RawMessage, name string) map[string]json.RawMessage {
	var v map[string]json.RawMessage
	if !p.decode(path, members, name, &v, "an object") {
		return nil
	}
	return v
}

func (p *parser) string(path string, members map[string]json.RawMessage, name string) *string {
	var v string
	if !p.decode(path, members, name, &v, "a string") {
		return nil
	}
	return &v
}

func (p *parser) strings(path string, members map[string]json.RawMessage, name string) *[]string {
	var list []*string
	if !p.decode(path, members, name, &list, "a list of strings") {
		return nil
	}
	v := make([]string, 0, len(list))
	for i, s := range list {
		if s == nil {
			p.wrong = append(p.wrong, Field{fmt.Sprintf("%s%s[%d]", path, name, i), "must be a string"})
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
