// Package main asks a server with AWS's own client for Go, for farmtally's tests. It
// is built twice: with the client that farmtally itself uses, and, by -modfile
// oldest.mod, with the oldest one.
//
// It reads one JSON task from standard input and prints one JSON answer, as
// clients/js and cmd/farmtally/testdata/client.py do with theirs:
//
//	{"endpoint", "retries", "read": {"farmId", "start", "pageSizes"}}
//	    lists the farms, queues and fleets, starts an aggregation, polls it, and pages
//	    to the end with each page size, and once more from a token in the middle
//	{"endpoint", "retries", "provoke": [{"operation", "input"}]}
//	    says as what each call's exception arrives
//	{"endpoint", "retries", "race": {"starts": [...]}}
//	    starts all of them at once, each from a client of its own, and reads each
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

type task struct {
	Endpoint string
	Retries  bool
	Read     *readTask
	Provoke  []call
	Race     *struct{ Starts []json.RawMessage }
}

type readTask struct {
	FarmID    string
	Start     json.RawMessage
	PageSizes []int32
}

type call struct {
	Operation string
	Input     json.RawMessage
}

func main() {
	if err := answer(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer(ctx context.Context) error {
	var t task
	if err := json.NewDecoder(os.Stdin).Decode(&t); err != nil {
		return fmt.Errorf("read task: %w", err)
	}
	var out any
	var err error
	switch {
	case t.Read != nil:
		out, err = read(ctx, t.client(), t.Read)
	case t.Provoke != nil:
		out, err = provoke(ctx, t.client(), t.Provoke)
	case t.Race != nil:
		out, err = race(ctx, &t)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// client is AWS's own, on the endpoint, with the key of the environment.
func (t *task) client() *deadline.Client {
	o := deadline.Options{
		BaseEndpoint: &t.Endpoint, Region: "us-west-2",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}, nil
		}),
		APIOptions: []func(*middleware.Stack) error{noHostPrefix},
	}
	if !t.Retries {
		o.Retryer = aws.NopRetryer{}
	}
	return deadline.New(o)
}

func noHostPrefix(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("NoHostPrefix",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
		}), middleware.Before)
}

// aggregation is what was read of one, with every page size.
type aggregation struct {
	Status   string                         `json:"status"`
	Rows     map[int32][]types.Statistics   `json:"rows"`
	Pages    map[int32]int                  `json:"pages"`
	Resumed  []types.Statistics             `json:"resumed"`
	Farms    map[int32][]types.FarmSummary  `json:"farms"`
	Queues   map[int32][]types.QueueSummary `json:"queues"`
	Fleets   map[int32][]types.FleetSummary `json:"fleets"`
	Attempts int                            `json:"attempts"`
}

func read(ctx context.Context, c *deadline.Client, t *readTask) (*aggregation, error) {
	a := &aggregation{
		Rows: map[int32][]types.Statistics{}, Pages: map[int32]int{}, Farms: map[int32][]types.FarmSummary{},
		Queues: map[int32][]types.QueueSummary{}, Fleets: map[int32][]types.FleetSummary{},
	}
	if err := a.list(ctx, c, t); err != nil {
		return nil, err
	}
	return a, a.startAndRead(ctx, c, t.Start, t.PageSizes)
}

// list pages through the farms, and the farm's queues and fleets.
func (a *aggregation) list(ctx context.Context, c *deadline.Client, t *readTask) error {
	for _, size := range t.PageSizes {
		farms := deadline.NewListFarmsPaginator(c, &deadline.ListFarmsInput{MaxResults: &size})
		for farms.HasMorePages() {
			page, err := farms.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("list farms: %w", err)
			}
			a.Farms[size] = append(a.Farms[size], page.Farms...)
		}
		queues := deadline.NewListQueuesPaginator(c, &deadline.ListQueuesInput{FarmId: &t.FarmID, MaxResults: &size})
		for queues.HasMorePages() {
			page, err := queues.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("list queues: %w", err)
			}
			a.Queues[size] = append(a.Queues[size], page.Queues...)
		}
		fleets := deadline.NewListFleetsPaginator(c, &deadline.ListFleetsInput{FarmId: &t.FarmID, MaxResults: &size})
		for fleets.HasMorePages() {
			page, err := fleets.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("list fleets: %w", err)
			}
			a.Fleets[size] = append(a.Fleets[size], page.Fleets...)
		}
	}
	return nil
}

// startAndRead starts an aggregation, waits for its end and pages through its rows.
func (a *aggregation) startAndRead(ctx context.Context, c *deadline.Client, start json.RawMessage, sizes []int32) error {
	in, err := startInput(start)
	if err != nil {
		return err
	}
	started, err := c.StartSessionsStatisticsAggregation(ctx, in)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if results, ok := retry.GetAttemptResults(started.ResultMetadata); ok {
		a.Attempts = len(results.Results)
	}
	get := deadline.GetSessionsStatisticsAggregationInput{FarmId: in.FarmId, AggregationId: started.AggregationId}
	if a.Status, err = wait(ctx, c, get); err != nil {
		return err
	}
	for _, size := range sizes {
		rows, tokens, err := pages(ctx, c, get, size)
		if err != nil {
			return err
		}
		a.Rows[size], a.Pages[size] = rows, len(tokens)+1
		if size == 1 && len(tokens) > 1 {
			middle := get
			middle.NextToken = &tokens[len(tokens)/2]
			if a.Resumed, _, err = pages(ctx, c, middle, 100); err != nil {
				return err
			}
		}
	}
	return nil
}

func wait(ctx context.Context, c *deadline.Client, get deadline.GetSessionsStatisticsAggregationInput) (status string, err error) {
	for {
		page, err := c.GetSessionsStatisticsAggregation(ctx, &get)
		if err != nil {
			return "", fmt.Errorf("poll: %w", err)
		}
		if page.Status != types.SessionsStatisticsAggregationStatusInProgress {
			return string(page.Status), nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// pages reads to the end with AWS's own pager, and gives the tokens on the way.
func pages(ctx context.Context, c *deadline.Client, get deadline.GetSessionsStatisticsAggregationInput, size int32) (rows []types.Statistics, tokens []string, err error) {
	pager := deadline.NewGetSessionsStatisticsAggregationPaginator(c, &get,
		func(o *deadline.GetSessionsStatisticsAggregationPaginatorOptions) {
			o.Limit, o.StopOnDuplicateToken = size, true
		})
	for pager.HasMorePages() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("read page: %w", err)
		}
		rows = append(rows, page.Statistics...)
		if page.NextToken != nil {
			tokens = append(tokens, *page.NextToken)
		}
	}
	return rows, tokens, nil
}

// startInput reads the members of a Start. The union is the one that no decoder can
// choose by itself.
func startInput(text json.RawMessage) (*deadline.StartSessionsStatisticsAggregationInput, error) {
	var union struct {
		ResourceIDs struct {
			QueueIDs []string `json:"queueIds"`
			FleetIDs []string `json:"fleetIds"`
		} `json:"resourceIds"`
	}
	if err := json.Unmarshal(text, &union); err != nil {
		return nil, fmt.Errorf("read start: %w", err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("read start: %w", err)
	}
	delete(members, "resourceIds")
	rest, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("read start: %w", err)
	}
	in := new(deadline.StartSessionsStatisticsAggregationInput)
	if err := json.Unmarshal(rest, in); err != nil {
		return nil, fmt.Errorf("read start: %w", err)
	}
	in.ResourceIds = &types.SessionsStatisticsResourcesMemberQueueIds{Value: union.ResourceIDs.QueueIDs}
	if union.ResourceIDs.FleetIDs != nil {
		in.ResourceIds = &types.SessionsStatisticsResourcesMemberFleetIds{Value: union.ResourceIDs.FleetIDs}
	}
	return in, nil
}

// exception is how an error arrived.
type exception struct {
	Class      string `json:"class"` // "" for one that the model lacks
	Code       string `json:"code"`
	HTTPStatus int    `json:"httpStatus"`
	Members    any    `json:"members"`
}

func provoke(ctx context.Context, c *deadline.Client, calls []call) ([]*exception, error) {
	var got []*exception
	for _, call := range calls {
		err := call.make(ctx, c)
		if err == nil {
			got = append(got, nil)
			continue
		}
		e, err := exceptionOf(err)
		if err != nil {
			return nil, err
		}
		got = append(got, e)
	}
	return got, nil
}

func (c *call) make(ctx context.Context, client *deadline.Client) error {
	switch c.Operation {
	case "StartSessionsStatisticsAggregation":
		in, err := startInput(c.Input)
		if err != nil {
			return err
		}
		_, err = client.StartSessionsStatisticsAggregation(ctx, in)
		return err
	case "GetSessionsStatisticsAggregation":
		return send(ctx, c.Input, client.GetSessionsStatisticsAggregation)
	case "GetFarm":
		return send(ctx, c.Input, client.GetFarm)
	case "ListAvailableMeteredProducts":
		return send(ctx, c.Input, client.ListAvailableMeteredProducts)
	case "GetQueue":
		return send(ctx, c.Input, client.GetQueue)
	case "GetFleet":
		return send(ctx, c.Input, client.GetFleet)
	case "ListBudgets":
		return send(ctx, c.Input, client.ListBudgets)
	default:
		return fmt.Errorf("no operation %q", c.Operation)
	}
}

// send calls an operation whose input reads as JSON.
func send[In, Out any](ctx context.Context, text json.RawMessage, call func(context.Context, *In, ...func(*deadline.Options)) (*Out, error)) error {
	in := new(In)
	if err := json.Unmarshal(text, in); err != nil {
		return err
	}
	_, err := call(ctx, in)
	return err
}

// exceptionOf says which class of AWS's model an error is. One that is no answer of
// a server is an error.
func exceptionOf(err error) (*exception, error) {
	answered, ok := errors.AsType[*smithyhttp.ResponseError](err)
	api, isAPI := errors.AsType[smithy.APIError](err)
	if !ok || !isAPI {
		return nil, err
	}
	e := &exception{Code: api.ErrorCode(), HTTPStatus: answered.HTTPStatusCode(), Members: api}
	switch api.(type) {
	case *types.ValidationException:
		e.Class = "ValidationException"
	case *types.ResourceNotFoundException:
		e.Class = "ResourceNotFoundException"
	case *types.AccessDeniedException:
		e.Class = "AccessDeniedException"
	case *types.ThrottlingException:
		e.Class = "ThrottlingException"
	case *types.InternalServerErrorException:
		e.Class = "InternalServerErrorException"
	}
	return e, nil
}

// raced is what came of one of several starts.
type raced struct {
	*aggregation
	Exception *exception `json:"exception"`
}

func race(ctx context.Context, t *task) ([]raced, error) {
	got, failed := make([]raced, len(t.Race.Starts)), make([]error, len(t.Race.Starts))
	var ready, done sync.WaitGroup
	ready.Add(len(got))
	for i := range got {
		done.Go(func() {
			c := t.client()
			_, err := c.ListFarms(ctx, &deadline.ListFarmsInput{})
			ready.Done()
			ready.Wait()
			got[i].aggregation = &aggregation{Rows: map[int32][]types.Statistics{}, Pages: map[int32]int{}}
			if err == nil {
				err = got[i].startAndRead(ctx, c, t.Race.Starts[i], []int32{100})
			}
			if err != nil {
				got[i].Exception, failed[i] = exceptionOf(err)
			}
		})
	}
	done.Wait()
	return got, errors.Join(failed...)
}
