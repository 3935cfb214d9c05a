package server

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// healthPath is answered unsigned: it says that the server runs, and no more.
const healthPath = "/healthz"

// operation is one operation of the API.
type operation struct {
	name   string
	method string
	path   string // its segments in braces are ids
	answer func(*Server, context.Context, *request) ([]byte, error)
}

// The ids in a path.
const (
	farmVariable  = "{farmId}"
	queueVariable = "{queueId}"
	fleetVariable = "{fleetId}"

	aggregationVariable = "{aggregationId}"
)

// operations are those that are served: of AWS's model, and farmtally's own.
var operations = []operation{
	{"StartSessionsStatisticsAggregation", http.MethodPost, "2023-10-12/farms/{farmId}/sessions-statistics-aggregation", (*Server).start},
	{"GetSessionsStatisticsAggregation", http.MethodGet, "2023-10-12/farms/{farmId}/sessions-statistics-aggregation", (*Server).get},
	{"ListFarms", http.MethodGet, "2023-10-12/farms", (*Server).listFarms},
	{"GetFarm", http.MethodGet, "2023-10-12/farms/{farmId}", (*Server).getFarm},
	{"ListQueues", http.MethodGet, "2023-10-12/farms/{farmId}/queues", (*Server).listQueues},
	{"GetQueue", http.MethodGet, "2023-10-12/farms/{farmId}/queues/{queueId}", (*Server).getQueue},
	{"ListFleets", http.MethodGet, "2023-10-12/farms/{farmId}/fleets", (*Server).listFleets},
	{"GetFleet", http.MethodGet, "2023-10-12/farms/{farmId}/fleets/{fleetId}", (*Server).getFleet},
	{"ListAvailableMeteredProducts", http.MethodGet, "2023-10-12/metered-products", (*Server).listProducts},
	{"ExploreStart", http.MethodPost, explorerPath, (*Server).exploreStart},
	{"ExploreGet", http.MethodGet, explorerPath + "/{aggregationId}", (*Server).exploreGet},
	{"ExploreRows", http.MethodGet, explorerPath, (*Server).exploreRows},
	{"ExploreCancel", http.MethodDelete, explorerPath + "/{aggregationId}", (*Server).exploreCancel},
	{"DescribeFarms", http.MethodGet, "v1/farms", (*Server).describeFarms},
	{"DescribeFarm", http.MethodGet, "v1/farms/{farmId}", (*Server).describeFarm},
	{"SetLabel", http.MethodPut, "v1/farms/{farmId}/labels", (*Server).setLabel},
	{"PushUsage", http.MethodPost, "v1/farms/{farmId}/usage", (*Server).push},
	{"DescribeAPI", http.MethodGet, "v1/openapi.json", (*Server).describeAPI},
	{"ExportAggregation", http.MethodGet, "v1/farms/{farmId}/aggregations/{aggregationId}/export", (*Server).export},
}

// apiVersion is the first segment of every path of AWS's model.
const apiVersion = "2023-10-12"

// route finds the operation of a path and reads the ids out of it. Segments are told
// apart before they are decoded, so that "%2F" is part of one, and an empty one
// counts: a client that sends an empty farm id writes "//".
func (r *request) route() (*operation, error) {
	segments, ok := decodedSegments(r.URL.EscapedPath())
	if !ok {
		return nil, unknownOperation(r)
	}
	for i := range operations {
		if o := &operations[i]; o.method == r.Method && r.match(o.path, segments) {
			return o, nil
		}
	}
	return nil, unknownOperation(r, segments...)
}

// unknownOperation is the answer for what is not served, by its name in AWS's model if
// it has one.
func unknownOperation(r *request, segments ...string) error {
	if len(segments) > 0 && segments[0] == apiVersion {
		if name := deadline.OperationOf(r.Method, segments[1:]); name != "" {
			return malformed(deadline.UnknownOperation,
				"The operation %s is not served here: farmtally counts what a farm has used, and runs no farm.", name)
		}
	}
	return malformed(deadline.UnknownOperation, "There is no operation %s %s.", cut(r.Method), cut(r.URL.EscapedPath()))
}

// decodedSegments takes an escaped path apart.
func decodedSegments(path string) ([]string, bool) {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, false
	}
	segments := strings.Split(rest, "/")
	for i, s := range segments {
		var err error
		if segments[i], err = url.PathUnescape(s); err != nil {
			return nil, false
		}
	}
	return segments, true
}

// match reports whether the segments are of the path, and keeps their ids if so.
func (r *request) match(path string, segments []string) bool {
	if strings.Count(path, "/")+1 != len(segments) {
		return false
	}
	var farm, resource string
	i := 0
	for want := range strings.SplitSeq(path, "/") {
		switch have := segments[i]; want {
		case farmVariable:
			farm = have
		case queueVariable, fleetVariable, aggregationVariable:
			resource = have
		case have:
		default:
			return false
		}
		i++
	}
	r.farm, r.resource = farmtally.FarmID(farm), resource
	return true
}
