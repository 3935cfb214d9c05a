package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	service "github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"

	"github.com/farmtally/farmtally/deadline"
	"github.com/farmtally/farmtally/paginate"
)

// modelRules are the rules of AWS's own model of the API.
func modelRules(t *testing.T) map[string]paginate.Rule {
	t.Helper()
	folder, err := modelFolder()
	needClient(t, err, "the Go module "+awsModule+" with AWS's model")
	text, err := os.ReadFile(filepath.Join(folder, "deadline", "2023-10-12", "paginators-1.json"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := paginate.ReadModel(text)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// lister reads a list of the server: the ids, and the token to go on with.
type lister func(t *testing.T, o paginate.Options) (ids []string, next string)

// goLister is package paginate over a method of AWS's own client.
func goLister[In, Out, Item any](rule paginate.Rule, method func(context.Context, *In, ...func(*service.Options)) (*Out, error),
	in *In, id func(*Item) *string,
) lister {
	p := paginate.Must(paginate.New(rule, paginate.Method(method)))
	return func(t *testing.T, o paginate.Options) (ids []string, next string) {
		t.Helper()
		pages := p.Paginate(in, o)
		for item, err := range paginate.Items[Item](t.Context(), pages) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, aws.ToString(id(&item)))
		}
		return ids, pages.NextToken()
	}
}

// botoLister is boto3's paginator.
func botoLister(key createdKey, url, operation, member, id string, arguments map[string]any) lister {
	return func(t *testing.T, o paginate.Options) (ids []string, next string) {
		t.Helper()
		pagination := map[string]any{}
		if o.MaxItems != nil {
			pagination["MaxItems"] = *o.MaxItems
		}
		if o.PageSize != nil {
			pagination["PageSize"] = *o.PageSize
		}
		if o.StartingToken != "" {
			pagination["StartingToken"] = o.StartingToken
		}
		var got map[string]any
		runPython(t, key, "listing.py", map[string]any{
			"endpoint": url, "operation": operation, "arguments": arguments, "pagination": pagination,
		}, &got)
		for _, item := range got[member].([]any) {
			ids = append(ids, item.(map[string]any)[id].(string))
		}
		next, _ = got["NextToken"].(string)
		return ids, next
	}
}

// TestListsResumeAcrossPaginators reads every list of a server with package paginate, by
// AWS's own rules, and with boto3: the same ids, and each goes on from the other's token.
func TestListsResumeAcrossPaginators(t *testing.T) {
	data, request := generated(t, "3000")
	farm, _ := request["farmId"].(string)
	do(t, "import", "ndjson", "--data", data, writeFile(t, "studio.ndjson", studio[1:]))
	do(t, "import", "ndjson", "--data", data, "--farm", "annex", writeFile(t, "annex.ndjson", good))
	key := newKey(t, data)
	server := serve(t, data)
	standardAWS(t, key)
	c, err := deadline.NewClient(t.Context(), deadline.ClientConfig{Endpoint: server.url, Region: "us-west-2"})
	if err != nil {
		t.Fatal(err)
	}
	rules, ofFarm := modelRules(t), map[string]any{"farmId": farm}
	for name, pair := range map[string][2]lister{
		"ListFarms": {
			goLister(rules["ListFarms"], c.ListFarms, &service.ListFarmsInput{}, func(f *types.FarmSummary) *string { return f.FarmId }),
			botoLister(key, server.url, "list_farms", "farms", "farmId", map[string]any{}),
		},
		"ListQueues": {
			goLister(rules["ListQueues"], c.ListQueues, &service.ListQueuesInput{FarmId: &farm}, func(q *types.QueueSummary) *string { return q.QueueId }),
			botoLister(key, server.url, "list_queues", "queues", "queueId", ofFarm),
		},
		"ListFleets": {
			goLister(rules["ListFleets"], c.ListFleets, &service.ListFleetsInput{FarmId: &farm}, func(f *types.FleetSummary) *string { return f.FleetId }),
			botoLister(key, server.url, "list_fleets", "fleets", "fleetId", ofFarm),
		},
	} {
		t.Run(name, func(t *testing.T) {
			whole, end := pair[0](t, paginate.Options{PageSize: new(5)})
			if len(whole) < 3 || end != "" {
				t.Fatalf("%d ids and the token %q", len(whole), end)
			}
			for i, first := range pair {
				cut := len(whole) - 1
				head, token := first(t, paginate.Options{MaxItems: &cut, PageSize: new(2)})
				tail, end := pair[1-i](t, paginate.Options{StartingToken: token, PageSize: new(3)})
				if !slices.Equal(slices.Concat(head, tail), whole) || end != "" {
					t.Errorf("%d: %v and then %v, token %q, want %v", i, head, tail, end, whole)
				}
			}
		})
	}
}
