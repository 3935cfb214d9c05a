package paginate_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"

	"github.com/farmtally/farmtally/paginate"
)

// statistics says how AWS Deadline Cloud paginates a farm's statistics.
var statistics = paginate.Rule{
	InputTokens:      []string{"nextToken"},
	OutputTokens:     []string{"nextToken"},
	ResultKeys:       []string{"statistics"},
	LimitKey:         "maxResults",
	NonAggregateKeys: []string{"status", "statusMessage"},
}

// An operation of an AWS SDK client: three items, and then the rest.
func Example() {
	farm := newFarm(5)
	defer farm.Close()
	client := clientOf(farm)

	p, err := paginate.New(statistics, paginate.Method(client.GetSessionsStatisticsAggregation))
	if err != nil {
		log.Fatal(err)
	}
	farmID, aggregationID := "farm-0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"
	in := &deadline.GetSessionsStatisticsAggregationInput{FarmId: &farmID, AggregationId: &aggregationID}
	ctx := context.Background()

	pages := p.Paginate(in, paginate.Options{MaxItems: new(3), PageSize: new(2)})
	for row, err := range paginate.Items[types.Statistics](ctx, pages) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(*row.UserId, *row.CostInUsd.Sum)
	}
	fmt.Println("next:", pages.NextToken())

	pages = p.Paginate(in, paginate.Options{StartingToken: pages.NextToken()})
	for row, err := range paginate.Items[types.Statistics](ctx, pages) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(*row.UserId, *row.CostInUsd.Sum)
	}
	// Output:
	// user0 0.25
	// user1 0.25
	// user2 0.25
	// next: eyJuZXh0VG9rZW4iOiAiMiIsICJib3RvX3RydW5jYXRlX2Ftb3VudCI6IDF9
	// user3 0.25
	// user4 0.25
}

// Any service whose answers are JSON.
func Example_documents() {
	books := map[any]map[string]any{
		nil:  {"books": []any{"Emma", "Persuasion"}, "cursor": "c1"},
		"c1": {"books": []any{"Sanditon"}},
	}
	list := func(_ context.Context, request map[string]any) (map[string]any, error) {
		return books[request["cursor"]], nil
	}

	p := paginate.Must(paginate.New(paginate.Rule{
		InputTokens: []string{"cursor"}, OutputTokens: []string{"cursor"}, ResultKeys: []string{"books"},
	}, list))
	for title, err := range paginate.Items[string](context.Background(), p.Paginate(nil, paginate.Options{})) {
		fmt.Println(title, err)
	}
	// Output:
	// Emma <nil>
	// Persuasion <nil>
	// Sanditon <nil>
}

type listRequest struct {
	Folder string
	Marker int
	Max    int
}

type listResponse struct {
	Files []string
	Next  int
}

// Structs of the program's own, page by page.
func ExamplePages_All() {
	files := []string{"a.exr", "b.exr", "c.exr", "d.exr", "e.exr"}
	list := func(_ context.Context, r listRequest) (listResponse, error) {
		to := min(r.Marker+r.Max, len(files))
		page := listResponse{Files: files[r.Marker:to]}
		if to < len(files) {
			page.Next = to
		}
		return page, nil
	}

	p := paginate.Must(paginate.New(paginate.Rule{
		InputTokens: []string{"Marker"}, OutputTokens: []string{"Next"}, ResultKeys: []string{"Files"}, LimitKey: "Max",
	}, list))
	for page, err := range p.Paginate(listRequest{Folder: "shot7"}, paginate.Options{PageSize: new(2)}).All(context.Background()) {
		fmt.Println(page.Files, err)
	}
	// Output:
	// [a.exr b.exr] <nil>
	// [c.exr d.exr] <nil>
	// [e.exr] <nil>
}

// What costs a quarter dollar is found on every page.
func ExamplePages_Search() {
	farm := newFarm(5)
	defer farm.Close()
	p := paginate.Must(paginate.New(statistics, paginate.Method(clientOf(farm).GetSessionsStatisticsAggregation)))

	in := &deadline.GetSessionsStatisticsAggregationInput{FarmId: new("farm-1"), AggregationId: new("1")}
	pages := p.Paginate(in, paginate.Options{PageSize: new(2)})
	for found, err := range pages.Search(context.Background(), "statistics[?count > `2`].{user: userId, cost: costInUsd.sum}") {
		fmt.Println(found, err)
	}
	// Output:
	// map[cost:0.25 user:user2] <nil>
	// map[cost:0.25 user:user3] <nil>
	// map[cost:0.25 user:user4] <nil>
}

// All pages as one, of the type that a page has.
func ExamplePages_BuildFullResult() {
	farm := newFarm(5)
	defer farm.Close()
	p := paginate.Must(paginate.New(statistics, paginate.Method(clientOf(farm).GetSessionsStatisticsAggregation)))

	in := &deadline.GetSessionsStatisticsAggregationInput{FarmId: new("farm-1"), AggregationId: new("1")}
	full, err := p.Paginate(in, paginate.Options{PageSize: new(2), MaxItems: new(4)}).BuildFullResult(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(full.Result.Status, len(full.Result.Statistics), full.NextToken, full.Changes)
	// Output:
	// COMPLETED 4 eyJuZXh0VG9rZW4iOiAiNCJ9 []
}

// A loop that is left early goes on at the next item, in another run or in boto3.
func ExamplePages_NextToken() {
	farm := newFarm(5)
	defer farm.Close()
	p := paginate.Must(paginate.New(statistics, paginate.Method(clientOf(farm).GetSessionsStatisticsAggregation)))
	ctx := context.Background()

	in := &deadline.GetSessionsStatisticsAggregationInput{FarmId: new("farm-1"), AggregationId: new("1")}
	pages := p.Paginate(in, paginate.Options{})
	for row, err := range paginate.Items[types.Statistics](ctx, pages) {
		if err != nil || *row.UserId == "user3" {
			break
		}
	}
	fmt.Println(pages.NextToken())
	for row, err := range paginate.Items[types.Statistics](ctx, p.Paginate(in, paginate.Options{StartingToken: pages.NextToken()})) {
		fmt.Println(*row.UserId, err)
	}
	// Output:
	// eyJuZXh0VG9rZW4iOiBudWxsLCAiYm90b190cnVuY2F0ZV9hbW91bnQiOiA0fQ==
	// user4 <nil>
}

// AWS's own rules come with botocore and with the SDKs' models.
func ExampleReadModel() {
	model := []byte(`{"pagination": {"ListObjects": {
		"more_results": "IsTruncated", "limit_key": "MaxKeys",
		"input_token": "Marker", "output_token": "NextMarker || Contents[-1].Key",
		"result_key": ["Contents", "CommonPrefixes"]}}}`)
	rules, err := paginate.ReadModel(model)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rules["ListObjects"].OutputTokens, rules["ListObjects"].ResultKeys)
	// Output:
	// [NextMarker || Contents[-1].Key] [Contents CommonPrefixes]
}

// A service whose tokens go in a circle.
func ExampleRepeatedTokenError() {
	stuck := func(context.Context, map[string]any) (map[string]any, error) {
		return map[string]any{"Users": []any{"a"}, "Marker": "m1"}, nil
	}
	p := paginate.Must(paginate.New(paginate.Rule{
		InputTokens: []string{"Marker"}, OutputTokens: []string{"Marker"}, ResultKeys: []string{"Users"},
	}, stuck))
	for page, err := range p.Paginate(nil, paginate.Options{}).All(context.Background()) {
		repeated, stuck := errors.AsType[*paginate.RepeatedTokenError](err)
		fmt.Println(page["Users"], stuck && repeated.Page == 2)
	}
	// Output:
	// [a] false
	// [a] false
	// <nil> true
}
