package deadline_test

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	service "github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"

	"github.com/farmtally/farmtally/deadline"
	"github.com/farmtally/farmtally/paginate"
)

// A month's cost by user, from a farmtally server or from AWS: which of the two,
// AWS_ENDPOINT_URL_DEADLINE says.
func Example() {
	ctx := context.Background()
	client, err := deadline.NewClient(ctx, deadline.ClientConfig{DefaultRegion: "us-east-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	farm := aws.String("farm-0123456789abcdef0123456789abcdef")
	started, err := client.StartSessionsStatisticsAggregation(ctx, &service.StartSessionsStatisticsAggregationInput{
		FarmId: farm, ResourceIds: &types.SessionsStatisticsResourcesMemberQueueIds{Value: []string{"queue-0123456789abcdef0123456789abcdef"}},
		StartTime: aws.Time(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), EndTime: aws.Time(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)),
		GroupBy:    []types.UsageGroupByField{types.UsageGroupByFieldUserId},
		Statistics: []types.UsageStatistic{types.UsageStatisticSum},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	in := &service.GetSessionsStatisticsAggregationInput{FarmId: farm, AggregationId: started.AggregationId}
	if _, err := deadline.Wait(ctx, client, in, deadline.WaitOptions{}); err != nil {
		fmt.Println(err)
		return
	}
	pages := deadline.NewGetSessionsStatisticsAggregationPaginator(client).Paginate(in, paginate.Options{MaxItems: new(1000)})
	for row, err := range paginate.Items[types.Statistics](ctx, pages) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(aws.ToString(row.UserId), aws.ToFloat64(row.CostInUsd.Sum))
	}
	fmt.Println("go on from", pages.NextToken())
}
