package server_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server"
)

// client is AWS's own client of the fixture, over HTTP, signed by the key, without
// retries.
func (f *fixture) client(key farmtally.AccessKey) *deadline.Client {
	f.t.Helper()
	web := httptest.NewServer(f.handler)
	f.t.Cleanup(web.Close)
	return deadline.New(deadline.Options{
		BaseEndpoint: aws.String(web.URL), Region: "eu-west-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, ""),
		APIOptions:  []func(*middleware.Stack) error{noHostPrefix},
	})
}

func noHostPrefix(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("NoHostPrefix",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
		}), middleware.Before)
}

func startInput() *deadline.StartSessionsStatisticsAggregationInput {
	return &deadline.StartSessionsStatisticsAggregationInput{
		FarmId:      aws.String(string(farmA)),
		ResourceIds: &types.SessionsStatisticsResourcesMemberQueueIds{Value: []string{string(queueA)}},
		StartTime:   aws.Time(midnight), EndTime: aws.Time(midnight.AddDate(0, 0, 1)),
		GroupBy:    []types.UsageGroupByField{types.UsageGroupByFieldJobId, types.UsageGroupByFieldUsageType},
		Statistics: []types.UsageStatistic{types.UsageStatisticSum, types.UsageStatisticMin, types.UsageStatisticMax, types.UsageStatisticAvg},
		Period:     types.PeriodDaily, Timezone: aws.String("UTC+05:30"),
	}
}

// realTime makes the server's clock the true one, for the client signs by it.
func realTime(c *server.Config) { c.NoAuth, c.Clock = false, nil }

// TestClient: AWS's own Go client starts, polls and pages, and sees every member.
func TestClient(t *testing.T) {
	f := newFixture(t, realTime)
	f.add(record(4, func(r *farmtally.Record) { r.HasCost = false }))
	c := f.client(goodKey)
	started, err := c.StartSessionsStatisticsAggregation(t.Context(), startInput())
	if err != nil {
		t.Fatal(err)
	}
	input := &deadline.GetSessionsStatisticsAggregationInput{FarmId: aws.String(string(farmA)), AggregationId: started.AggregationId}
	for {
		out, err := c.GetSessionsStatisticsAggregation(t.Context(), input)
		if err != nil {
			t.Fatal(err)
		}
		if out.Status != types.SessionsStatisticsAggregationStatusInProgress {
			break
		}
	}
	pager := deadline.NewGetSessionsStatisticsAggregationPaginator(c, input,
		func(o *deadline.GetSessionsStatisticsAggregationPaginatorOptions) {
			o.Limit, o.StopOnDuplicateToken = 1, true
		})
	var rows []types.Statistics
	for pager.HasMorePages() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if page.Status != types.SessionsStatisticsAggregationStatusCompleted || aws.ToString(page.StatusMessage) != "1 of 4 records matched no rate and count as 0 USD" {
			t.Errorf("got %s, %s", page.Status, aws.ToString(page.StatusMessage))
		}
		rows = append(rows, page.Statistics...)
	}
	if len(rows) != 3 {
		t.Fatalf("got %d rows", len(rows))
	}
	first, last := rows[0], rows[2]
	if aws.ToString(first.JobId) != string(jobA) || aws.ToString(first.JobName) != `shot "7"` || first.UsageType != types.UsageTypeCompute ||
		aws.ToInt32(first.Count) != 1 || aws.ToFloat64(first.CostInUsd.Sum) != 1.5 || aws.ToFloat64(first.RuntimeInSeconds.Avg) != 5400 ||
		!first.AggregationStartTime.Equal(midnight) || !first.AggregationEndTime.Equal(midnight.Add(18*time.Hour+30*time.Minute)) ||
		first.UserId != nil || first.QueueId != nil || first.LicenseProduct != nil {
		t.Errorf("got %+v", first)
	}
	if last.JobId != nil || last.JobName != nil || last.UsageType != types.UsageTypeLicense || aws.ToFloat64(last.CostInUsd.Max) != 1.5 || aws.ToFloat64(last.CostInUsd.Min) != 1.5 {
		t.Errorf("got %+v", last)
	}
}

// TestClientLists: every required member of the lists reads as such.
func TestClientLists(t *testing.T) {
	f := newFixture(t, realTime)
	c := f.client(goodKey)
	farms, err := c.ListFarms(t.Context(), &deadline.ListFarmsInput{MaxResults: aws.Int32(1)})
	if err != nil || len(farms.Farms) != 1 || aws.ToString(farms.Farms[0].DisplayName) != "aurora" || farms.NextToken == nil {
		t.Fatalf("got %+v, %v", farms, err)
	}
	farms, err = c.ListFarms(t.Context(), &deadline.ListFarmsInput{MaxResults: aws.Int32(1), NextToken: farms.NextToken})
	if err != nil || len(farms.Farms) != 1 || aws.ToString(farms.Farms[0].FarmId) != string(farmB) || farms.NextToken != nil {
		t.Fatalf("got %+v, %v", farms, err)
	}
	queues, err := c.ListQueues(t.Context(), &deadline.ListQueuesInput{FarmId: aws.String(string(farmA)), Status: types.QueueStatusIdle})
	if err != nil || len(queues.Queues) != 2 || queues.Queues[0].Status != types.QueueStatusIdle ||
		queues.Queues[0].DefaultBudgetAction != types.DefaultQueueBudgetActionNone || !queues.Queues[0].CreatedAt.Equal(midnight) {
		t.Errorf("got %+v, %v", queues, err)
	}
	fleets, err := c.ListFleets(t.Context(), &deadline.ListFleetsInput{FarmId: aws.String(string(farmA))})
	if err != nil || len(fleets.Fleets) != 1 {
		t.Fatalf("got %+v, %v", fleets, err)
	}
	configuration, ok := fleets.Fleets[0].Configuration.(*types.FleetConfigurationMemberCustomerManaged)
	if !ok || configuration.Value.Mode != types.AutoScalingModeNoScaling || configuration.Value.WorkerCapabilities.MemoryMiB == nil {
		t.Errorf("got %+v", fleets.Fleets[0].Configuration)
	}
	fleets, err = c.ListFleets(t.Context(), &deadline.ListFleetsInput{FarmId: aws.String(string(farmA)), DisplayName: aws.String("none")})
	if err != nil || len(fleets.Fleets) != 0 {
		t.Errorf("got %+v, %v", fleets, err)
	}
}

// TestClientDescribes: every required member of a farm, a queue and a fleet reads as
// such.
func TestClientDescribes(t *testing.T) {
	f := newFixture(t, realTime)
	c := f.client(goodKey)
	farm, err := c.GetFarm(t.Context(), &deadline.GetFarmInput{FarmId: aws.String(string(farmA))})
	if err != nil || aws.ToString(farm.FarmId) != string(farmA) || aws.ToString(farm.DisplayName) != "aurora" ||
		!farm.CreatedAt.Equal(midnight) || aws.ToString(farm.CreatedBy) == "" || farm.KmsKeyArn == nil {
		t.Errorf("got %+v, %v", farm, err)
	}
	queue, err := c.GetQueue(t.Context(), &deadline.GetQueueInput{FarmId: aws.String(string(farmA)), QueueId: aws.String(string(queueA))})
	if err != nil || aws.ToString(queue.QueueId) != string(queueA) || aws.ToString(queue.FarmId) != string(farmA) ||
		queue.Status != types.QueueStatusIdle || queue.DefaultBudgetAction != types.DefaultQueueBudgetActionNone ||
		aws.ToString(queue.DisplayName) == "" || !queue.CreatedAt.Equal(midnight) || aws.ToString(queue.CreatedBy) == "" {
		t.Errorf("got %+v, %v", queue, err)
	}
	fleet, err := c.GetFleet(t.Context(), &deadline.GetFleetInput{FarmId: aws.String(string(farmA)), FleetId: aws.String(string(fleetA))})
	if err != nil || aws.ToString(fleet.FleetId) != string(fleetA) || aws.ToString(fleet.DisplayName) != "racks" ||
		fleet.Status != types.FleetStatusActive || aws.ToInt32(fleet.MaxWorkerCount) != 0 || fleet.MinWorkerCount == nil ||
		fleet.WorkerCount == nil || fleet.Configuration == nil || aws.ToString(fleet.CreatedBy) == "" || fleet.CreatedAt == nil {
		t.Errorf("got %+v, %v", fleet, err)
	}
	if role := regexp.MustCompile(`^arn:(aws[a-zA-Z-]*):iam::\d{12}:role(/[!-.0-~]+)*/[\w+=,.@-]+$`); !role.MatchString(aws.ToString(fleet.RoleArn)) {
		t.Errorf("the role %q is not of AWS's form", aws.ToString(fleet.RoleArn))
	}
	products, err := c.ListAvailableMeteredProducts(t.Context(), &deadline.ListAvailableMeteredProductsInput{})
	if err != nil || products.MeteredProducts == nil || len(products.MeteredProducts) != 0 || products.NextToken != nil {
		t.Errorf("got %+v, %v", products, err)
	}
	_, err = c.GetQueue(t.Context(), &deadline.GetQueueInput{FarmId: aws.String(string(farmA)), QueueId: aws.String(string(queueB))})
	if e, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok || aws.ToString(e.ResourceType) != "queue" || aws.ToString(e.ResourceId) != string(queueB) {
		t.Errorf("got %v", err)
	}
}

// TestClientExceptions: each exception arrives as its class, with its members.
func TestClientExceptions(t *testing.T) {
	f := newFixture(t, func(c *server.Config) {
		realTime(c)
		c.Backend = newGated(c.Backend)
	})
	c := f.client(goodKey)

	bad := startInput()
	bad.Timezone = aws.String("UTC+8")
	_, err := c.StartSessionsStatisticsAggregation(t.Context(), bad)
	if e, ok := errors.AsType[*types.ValidationException](err); !ok || e.Reason != types.ValidationExceptionReasonFieldValidationFailed ||
		len(e.FieldList) != 1 || aws.ToString(e.FieldList[0].Name) != "timezone" || !strings.Contains(e.ErrorMessage(), "UTC+05:30") {
		t.Errorf("got %v", err)
	}

	_, err = c.GetSessionsStatisticsAggregation(t.Context(), &deadline.GetSessionsStatisticsAggregationInput{
		FarmId: aws.String(string(farmA)), AggregationId: aws.String(strings.Repeat("0", 32)),
	})
	if e, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok || aws.ToString(e.ResourceType) != farmtally.AggregationType ||
		aws.ToString(e.ResourceId) != strings.Repeat("0", 32) {
		t.Errorf("got %v", err)
	}

	if _, err = c.StartSessionsStatisticsAggregation(t.Context(), startInput()); err != nil {
		t.Fatal(err)
	}
	_, err = c.StartSessionsStatisticsAggregation(t.Context(), startInput())
	if e, ok := errors.AsType[*types.ThrottlingException](err); !ok || aws.ToInt32(e.RetryAfterSeconds) != 1 || aws.ToString(e.ServiceCode) != "deadline" || e.QuotaCode == nil {
		t.Errorf("got %v", err)
	}

	f.memory.breakDown("Farms", errors.New("on fire"))
	_, err = c.ListFarms(t.Context(), &deadline.ListFarmsInput{})
	e, ok := errors.AsType[*types.InternalServerErrorException](err)
	if !ok || aws.ToInt32(e.RetryAfterSeconds) != 1 {
		t.Errorf("got %v", err)
	}
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); !ok || r.HTTPStatusCode() != http.StatusInternalServerError {
		t.Errorf("got %v", err)
	}

	f.memory.breakDown("Farms", farmtally.Errorf(farmtally.Denied, "No."))
	_, err = c.ListFarms(t.Context(), &deadline.ListFarmsInput{})
	if e, ok := errors.AsType[*types.AccessDeniedException](err); !ok || e.ErrorMessage() != "No." {
		t.Errorf("got %v", err)
	}

	_, err = c.ListBudgets(t.Context(), &deadline.ListBudgetsInput{FarmId: aws.String(string(farmA))})
	if e, ok := errors.AsType[*types.ValidationException](err); !ok || e.Reason != types.ValidationExceptionReasonUnknownOperation ||
		!strings.Contains(e.ErrorMessage(), "ListBudgets") {
		t.Errorf("got %v", err)
	}

	for want, key := range map[string]farmtally.AccessKey{
		"UnrecognizedClientException": revokedKey, "InvalidSignatureException": {ID: goodKey.ID, Secret: "guess"},
	} {
		_, err = f.client(key).ListFarms(t.Context(), &deadline.ListFarmsInput{})
		if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != want || e.ErrorMessage() == "" {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
