package server

import (
	"errors"
	"fmt"
	"strings"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// startQuery reads and checks the whole form of a Start. Its error names every
// member at fault.
func (r *request) startQuery() (*farmtally.Query, error) {
	body, wrong, err := deadline.ParseStart(r.body)
	if err != nil {
		return nil, malformed(deadline.CannotParse, "The body of the request must be a JSON object, and is %s.", cut(err.Error()))
	}
	r.checkFarm()
	for _, field := range wrong {
		r.bad.add(field.Name, field.Message)
	}
	r.bad.cannotParse = len(wrong) > 0
	q := r.mapQuery(body)
	for _, field := range q.Validate() {
		if !above(field.Name, wrong) {
			r.bad.add(field.Name, field.Message)
		}
	}
	return q, r.bad.exception()
}

// above reports whether a member holds one of the fields: what can be said of it
// follows from what was said of them.
func above(name string, fields []deadline.Field) bool {
	for _, f := range fields {
		if strings.HasPrefix(f.Name, name+".") || strings.HasPrefix(f.Name, name+"[") {
			return true
		}
	}
	return false
}

// mapQuery maps a body to a query and notes the members that can't be read. In
// their place it puts what Query.Validate has no second complaint about.
func (r *request) mapQuery(body deadline.StartRequest) *farmtally.Query {
	q := &farmtally.Query{FarmID: r.farm, Period: farmtally.WholeRange}
	r.mapResources(q, body.ResourceIDs)
	q.Start = parsed(r, "startTime", body.StartTime, 0, parseQueryInstant)
	q.End = parsed(r, "endTime", body.EndTime, 0, parseQueryInstant)
	r.missing("startTime", body.StartTime == nil)
	r.missing("endTime", body.EndTime == nil)
	if r.bad.has("startTime") || r.bad.has("endTime") {
		q.Start = q.End - 1
	}
	q.Zone = parsed(r, "timezone", body.Timezone, 0, farmtally.ParseTimezone)
	q.Period = parsed(r, "period", body.Period, farmtally.WholeRange, farmtally.ParsePeriod)
	r.missing("groupBy", body.GroupBy == nil)
	q.GroupBy = parsedList(r, "groupBy", body.GroupBy, farmtally.ParseDimension)
	r.missing("statistics", body.Statistics == nil)
	q.Statistics = parsedList(r, "statistics", body.Statistics, farmtally.ParseStatistic)
	return q
}

// mapResources maps the union resourceIds. One member must be there, and one alone,
// even if the other is empty.
func (r *request) mapResources(q *farmtally.Query, ids *deadline.SessionsStatisticsResources) {
	if r.missing("resourceIds", ids == nil) || ids == nil {
		return
	}
	if ids.QueueIDs != nil && ids.FleetIDs != nil {
		r.bad.add("resourceIds", "must have one of queueIds and fleetIds alone")
	}
	q.QueueIDs = mapIDs[farmtally.QueueID](ids.QueueIDs)
	q.FleetIDs = mapIDs[farmtally.FleetID](ids.FleetIDs)
}

func mapIDs[ID ~string](texts *[]string) []ID {
	if texts == nil {
		return nil
	}
	ids := make([]ID, len(*texts))
	for i, text := range *texts {
		ids[i] = ID(text)
	}
	return ids
}

// missing notes a required member that is absent, and says whether it is. One that is
// there and could not be read is at fault already.
func (r *request) missing(name string, absent bool) bool {
	if absent && !above(name, r.bad.fields) {
		r.bad.add(name, "is required")
	}
	return absent
}

// parsed reads a member that is a string, if it is there.
func parsed[T any](r *request, name string, text *string, absent T, parse func(string) (T, error)) T {
	if text == nil {
		return absent
	}
	v, err := parse(*text)
	if err != nil {
		r.bad.add(name, mustBe(err))
		return absent
	}
	return v
}

// parsedList reads a list of enum values. One that is not of the enum is kept as a
// value of its own, so that the list's length and its duplicates are still told.
func parsedList[T ~int](r *request, name string, texts *[]string, parse func(string) (T, error)) []T {
	if texts == nil {
		return nil
	}
	list := make([]T, len(*texts))
	for i, text := range *texts {
		v, err := parse(text)
		if err != nil {
			r.bad.add(fmt.Sprintf("%s[%d]", name, i), mustBe(err))
			v = T(-1 - i)
		}
		list[i] = v
	}
	return list
}

// mustBe makes a parser's complaint a sentence about a member.
func mustBe(err error) string {
	if rule, ok := strings.CutPrefix(err.Error(), "not "); ok {
		return "must be " + rule
	}
	return err.Error()
}

// parseQueryInstant reads an instant of the years 1 to 9999 in UTC: no other can be
// printed for every client to read.
func parseQueryInstant(s string) (farmtally.Instant, error) {
	t, err := farmtally.ParseInstant(s)
	if err != nil {
		return 0, err
	}
	if year := t.Time().Year(); year < 1 || year > 9999 {
		return 0, errYear
	}
	return t, nil
}

var errYear = errors.New("must be in the years 0001 to 9999, in UTC")
