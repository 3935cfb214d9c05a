package deadline

import (
	"context"

	service "github.com/aws/aws-sdk-go-v2/service/deadline"

	"github.com/farmtally/farmtally/paginate"
)

// GetSessionsStatisticsAggregationAPI is what of AWS's client the paginator and
// Wait need; *deadline.Client of AWS's SDK has it.
type GetSessionsStatisticsAggregationAPI interface {
	GetSessionsStatisticsAggregation(context.Context, *service.GetSessionsStatisticsAggregationInput,
		...func(*service.Options)) (*service.GetSessionsStatisticsAggregationOutput, error)
}

// rule is the operation's entry in AWS's paginators-1.json and in botocore's
// paginators-1.sdk-extras.json.
var rule = paginate.Rule{
	InputTokens: []string{"nextToken"}, OutputTokens: []string{"nextToken"},
	LimitKey: "maxResults", ResultKeys: []string{"statistics"},
	NonAggregateKeys: []string{"status", "statusMessage"},
}

// GetSessionsStatisticsAggregationPaginator pages through an aggregation's rows as
// boto3's get_paginator("get_sessions_statistics_aggregation") does: MaxItems,
// PageSize, StartingToken, resume tokens that boto3 and the AWS CLI take and give,
// full results with status and statusMessage. The items of [paginate.Items] are
// types.Statistics.
//
// It asks for pages and does not wait: an aggregation in progress has no rows. Ask
// [Wait] first.
type GetSessionsStatisticsAggregationPaginator = paginate.Paginator[
	*service.GetSessionsStatisticsAggregationInput, *service.GetSessionsStatisticsAggregationOutput]

// NewGetSessionsStatisticsAggregationPaginator makes the paginator over AWS's
// client. The options go with every request.
func NewGetSessionsStatisticsAggregationPaginator(
	client GetSessionsStatisticsAggregationAPI, options ...func(*service.Options),
) *GetSessionsStatisticsAggregationPaginator {
	p, err := paginate.New(rule, paginate.Method(client.GetSessionsStatisticsAggregation, options...))
	if err != nil {
		panic(err) // the rule and the SDK's structs are both fixed
	}
	return p
}
