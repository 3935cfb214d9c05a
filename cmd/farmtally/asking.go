package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/farmtally/farmtally"
)

// defaultEndpoint is where serve listens by default.
const defaultEndpoint = "http://" + defaultListen

// defaultRegion is what requests are signed for where no region is configured.
const defaultRegion = "us-east-1"

// client asks one server, with AWS's own client.
type client struct {
	api      *deadline.Client
	endpoint string
	progress *progressLine
	// streams says that rows go to a terminal as they come, where a progress line
	// would get between them.
	streams bool
}

// dial makes the client from AWS's standard configuration. The endpoint is the flag's,
// else the configuration's, else defaultEndpoint.
func (p *program) dial(ctx context.Context, endpoint string) (*client, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithDefaultRegion(defaultRegion),
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	if err != nil {
		return nil, fmt.Errorf("read AWS configuration: %w", err)
	}
	// What is left when nothing is configured is the metadata service of EC2.
	if aws.IsCredentialsProvider(cfg.Credentials, (*ec2rolecreds.Provider)(nil)) {
		cfg.Credentials = aws.AnonymousCredentials{}
	}
	api := deadline.NewFromConfig(cfg, func(o *deadline.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
		if o.BaseEndpoint == nil {
			o.BaseEndpoint = aws.String(defaultEndpoint)
		}
		if !isAWS(*o.BaseEndpoint) {
			o.APIOptions = append(o.APIOptions, withoutHostPrefix)
		}
	})
	return &client{api: api, endpoint: *api.Options().BaseEndpoint, progress: newProgressLine(p.stderr)}, nil
}

// isAWS reports whether an endpoint is AWS's own, which needs the host prefix.
func isAWS(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	for _, domain := range []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws"} {
		if strings.HasSuffix(u.Hostname(), domain) {
			return true
		}
	}
	return false
}

// withoutHostPrefix keeps the client from putting "management." before the host.
func withoutHostPrefix(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("WithoutHostPrefix",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
		}), middleware.Before)
}

// answer is what an aggregation came to, beside its rows.
type answer struct {
	id      string
	status  string
	message string
}

// ask starts the aggregation, waits for it, and calls yield for each row.
func (c *client) ask(ctx context.Context, q *inquiry, s *scope, yield func(*types.Statistics) error) (answer, error) {
	defer c.progress.clear()
	id, err := c.start(ctx, q.request(s))
	if err != nil {
		return answer{}, err
	}
	page, err := c.wait(ctx, s.farm.id, id)
	if err != nil {
		return answer{}, err
	}
	a := answer{id: id, status: string(page.Status), message: aws.ToString(page.StatusMessage)}
	if page.Status != types.SessionsStatisticsAggregationStatusCompleted {
		return a, farmtally.Errorf(farmtally.TooLarge, "the aggregation ended as %s: %s", a.status, a.message)
	}
	return a, c.pages(ctx, s.farm.id, id, page, yield)
}

// request is what the inquiry sends.
func (q *inquiry) request(s *scope) *deadline.StartSessionsStatisticsAggregationInput {
	in := &deadline.StartSessionsStatisticsAggregationInput{
		FarmId:    &s.farm.id,
		StartTime: aws.Time(q.start.Time()), EndTime: aws.Time(q.end.Time()),
		Timezone: aws.String(q.timezone.String()),
		Period:   types.Period(q.period.String()),
	}
	for _, d := range q.groupBy {
		in.GroupBy = append(in.GroupBy, types.UsageGroupByField(d.String()))
	}
	for _, v := range q.statistics {
		in.Statistics = append(in.Statistics, types.UsageStatistic(v.String()))
	}
	var ids []string
	for _, r := range s.resources {
		ids = append(ids, r.id)
	}
	if s.fleets {
		in.ResourceIds = &types.SessionsStatisticsResourcesMemberFleetIds{Value: ids}
	} else {
		in.ResourceIds = &types.SessionsStatisticsResourcesMemberQueueIds{Value: ids}
	}
	return in
}

// start starts the aggregation, and waits its turn while another one runs.
func (c *client) start(ctx context.Context, in *deadline.StartSessionsStatisticsAggregationInput) (string, error) {
	for pause := newBackoff(); ; {
		out, err := c.api.StartSessionsStatisticsAggregation(ctx, in, func(o *deadline.Options) { o.RetryMaxAttempts = 1 })
		if err == nil {
			return aws.ToString(out.AggregationId), nil
		}
		throttled, ok := errors.AsType[*types.ThrottlingException](err)
		if !ok {
			return "", err
		}
		c.progress.show("waiting: " + throttled.ErrorMessage())
		least := time.Duration(aws.ToInt32(throttled.RetryAfterSeconds)) * time.Second
		if err := pause.wait(ctx, least); err != nil {
			return "", err
		}
	}
}

// wait polls the aggregation until it is in progress no more, and gives its first
// page.
func (c *client) wait(ctx context.Context, farm, id string) (*deadline.GetSessionsStatisticsAggregationOutput, error) {
	for pause := newBackoff(); ; {
		page, err := c.api.GetSessionsStatisticsAggregation(ctx, &deadline.GetSessionsStatisticsAggregationInput{
			FarmId: &farm, AggregationId: &id,
		})
		if err != nil || page.Status != types.SessionsStatisticsAggregationStatusInProgress {
			return page, err
		}
		c.progress.show(aws.ToString(page.StatusMessage))
		if err := pause.wait(ctx, 0); err != nil {
			return nil, err
		}
	}
}

// pages calls yield for the rows of the first page and of all that follow it.
func (c *client) pages(ctx context.Context, farm, id string, page *deadline.GetSessionsStatisticsAggregationOutput, yield func(*types.Statistics) error) error {
	for rows := 0; ; {
		if c.streams {
			c.progress.clear()
		}
		for i := range page.Statistics {
			if err := yield(&page.Statistics[i]); err != nil {
				return err
			}
		}
		if rows += len(page.Statistics); aws.ToString(page.NextToken) == "" {
			return nil
		}
		if !c.streams {
			c.progress.show(count(int64(rows)) + " rows read")
		}
		next, err := c.api.GetSessionsStatisticsAggregation(ctx, &deadline.GetSessionsStatisticsAggregationInput{
			FarmId: &farm, AggregationId: &id, NextToken: page.NextToken,
		})
		if err != nil {
			return err
		}
		page = next
	}
}

// backoff is a pause that grows.
type backoff struct{ next time.Duration }

const (
	firstPause = 20 * time.Millisecond
	lastPause  = 2 * time.Second
)

func newBackoff() *backoff { return &backoff{firstPause} }

// wait pauses, least at least, or until ctx ends.
func (b *backoff) wait(ctx context.Context, least time.Duration) error {
	timer := time.NewTimer(max(b.next, least))
	defer timer.Stop()
	b.next = min(b.next*3/2, lastPause)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// denials are AWS's error codes for a key or a signature that is no good.
var denials = []string{"AccessDeniedException", "MissingAuthenticationTokenException", "InvalidSignatureException", "UnrecognizedClientException"}

// explain says an error of AWS's client in farmtally's words.
func (c *client) explain(err error) error {
	if v, ok := errors.AsType[*types.ValidationException](err); ok {
		e := farmtally.Errorf(farmtally.Invalid, "the server refused the request: %s", v.ErrorMessage())
		for _, f := range v.FieldList {
			e.Fields = append(e.Fields, farmtally.Field{Name: aws.ToString(f.Name), Message: aws.ToString(f.Message)})
		}
		return e
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if slices.Contains(denials, api.ErrorCode()) {
			return &farmtally.Error{
				Kind: farmtally.Denied, Message: "the server refused the signature: " + api.ErrorMessage(),
				Hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that 'farmtally keys create' made",
			}
		}
		return farmtally.Errorf(farmtally.Internal, "the server answered %s: %s", api.ErrorCode(), api.ErrorMessage())
	}
	if sent, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok && !errors.Is(err, context.Canceled) {
		cause := sent.Err
		if u, ok := errors.AsType[*url.Error](cause); ok {
			cause = u.Err
		}
		return &farmtally.Error{
			Kind: farmtally.Unavailable, Message: "no server answers at " + c.endpoint, Err: cause,
			Hint: "start one with 'farmtally serve', or name another with --endpoint",
		}
	}
	return err
}
