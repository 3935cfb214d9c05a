// Package deadline is the wire of AWS Deadline Cloud's API of 2023-10-12, in the
// protocol restJson1: the requests that farmtally reads, the responses that it
// writes, and the catalogue of exceptions.
//
// For Go programs it puts on AWS's own client what that lacks: [NewClient] and
// [AutoHostPrefix] reach servers that are not AWS's,
// [NewGetSessionsStatisticsAggregationPaginator] pages as boto3 does, and [Wait]
// polls until an aggregation has ended. All of it works with AWS, too.
//
// It knows nothing of records and queries: the server maps them to these shapes.
// Members are named as in AWS's model, and so is every exception.
package deadline
