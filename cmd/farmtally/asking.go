package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	service "github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
	"github.com/farmtally/farmtally/paginate"
)

// defaultEndpoint is where serve listens by default.
const defaultEndpoint = "http://" + defaultListen

// defaultRegion is what requests are signed for where no region is configured.
const defaultRegion = "us-east-1"

// client asks one server, with AWS's own client.
type client struct {
	api      *service.Client
	endpoint string
	progress *progressLine
	// streams says that rows go to a terminal as they come, where a progress line
	// would get between them.
	streams bool
}

// dial makes the client from AWS's standard configuration. The endpoint is the flag's,
// else the configuration's, else defaultEndpoint.
func (p *program) dial(ctx context.Context, endpoint string) (*client, error) {
	api, err := deadline.NewClient(ctx, deadline.ClientConfig{
		Endpoint: endpoint, DefaultRegion: defaultRegion, AnonymousWithout: true,
		Options: []func(*service.Options){func(o *service.Options) {
			if o.BaseEndpoint == nil {
				o.BaseEndpoint = aws.String(defaultEndpoint)
			}
			if !isAWS(*o.BaseEndpoint) {
				deadline.WithoutHostPrefix(o)
			}
		}},
	})
	if err != nil {
		return nil, err
	}
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

// answer is what an aggregation came to, beside its rows.
type answer struct {
	id      string
	status  string
	message string
	// next is where to go on: a resume token of the AWS CLI's and boto3's kind, or,
	// without pagination, the service's own token. "" is the end.
	next string
}

// ask starts the aggregation, unless the inquiry has one, waits for it, and calls
// yield for each row.
func (c *client) ask(ctx context.Context, q *inquiry, s *scope, yield func(*types.Statistics) error) (a answer, err error) {
	defer c.progress.clear()
	parts := q.parts(s)
	if len(parts) > 1 {
		return c.askParts(ctx, q, s, parts, yield)
	}
	id, page, err := c.run(ctx, q, s, parts[0], q.firstPage())
	if err != nil {
		return a, err
	}
	a = answer{id: id, status: string(page.Status), message: aws.ToString(page.StatusMessage)}
	if q.noPaginate {
		a.next = aws.ToString(page.NextToken)
		return a, c.rows(page.Statistics, yield)
	}
	a.next, err = c.pages(ctx, q, &service.GetSessionsStatisticsAggregationInput{FarmId: &s.farm.id, AggregationId: &a.id}, yield)
	return a, err
}

// run starts an aggregation, unless the part has one, waits for it, and gives its id and
// its first page, with so many rows.
func (c *client) run(ctx context.Context, q *inquiry, s *scope, p part, rows *int32) (id string, page *service.GetSessionsStatisticsAggregationOutput, err error) {
	if id = p.aggregation; id == "" {
		if id, err = c.start(ctx, q.request(s, p.resources)); err != nil {
			return id, nil, err
		}
	}
	page, err = deadline.Wait(ctx, c.api, &service.GetSessionsStatisticsAggregationInput{
		FarmId: &s.farm.id, AggregationId: &id, MaxResults: rows,
	}, deadline.WaitOptions{Progress: func(message string) { c.progress.show(message) }})
	return id, page, err
}

// firstPage is the size of the page that waiting asks for: as small as can be where
// the paginator reads the rows.
func (q *inquiry) firstPage() *int32 {
	if q.noPaginate {
		return nil
	}
	return aws.Int32(1)
}

// request is what the inquiry sends about some of the scope's queues or fleets.
func (q *inquiry) request(s *scope, resources []thing) *service.StartSessionsStatisticsAggregationInput {
	in := &service.StartSessionsStatisticsAggregationInput{
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
	for _, r := range resources {
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
func (c *client) start(ctx context.Context, in *service.StartSessionsStatisticsAggregationInput) (string, error) {
	var id string
	err := c.inTurn(ctx, func() error {
		out, err := c.api.StartSessionsStatisticsAggregation(ctx, in, func(o *service.Options) { o.RetryMaxAttempts = 1 })
		if err == nil {
			id = aws.ToString(out.AggregationId)
		}
		return err
	})
	return id, err
}

// inTurn calls ask until it is not told to come again later.
func (c *client) inTurn(ctx context.Context, ask func() error) error {
	for pause := newBackoff(); ; {
		err := ask()
		throttled, ok := errors.AsType[*types.ThrottlingException](err)
		if !ok {
			return err
		}
		c.progress.show("waiting: " + throttled.ErrorMessage())
		least := time.Duration(aws.ToInt32(throttled.RetryAfterSeconds)) * time.Second
		if err := pause.wait(ctx, least); err != nil {
			return err
		}
	}
}

// pages calls yield for the rows that the inquiry's paging asks for, and gives the
// token to go on with.
func (c *client) pages(ctx context.Context, q *inquiry, in *service.GetSessionsStatisticsAggregationInput,
	yield func(*types.Statistics) error,
) (next string, err error) {
	pages := deadline.NewGetSessionsStatisticsAggregationPaginator(c.api).Paginate(in, q.paging)
	rows := 0
	for page, err := range pages.All(ctx) {
		if err != nil {
			return "", err
		}
		if err := c.rows(page.Statistics, yield); err != nil {
			return "", err
		}
		if rows += len(page.Statistics); !c.streams {
			c.progress.show(count(int64(rows)) + " rows read")
		}
	}
	return pages.NextToken(), nil
}

func (c *client) rows(rows []types.Statistics, yield func(*types.Statistics) error) error {
	if c.streams {
		c.progress.clear()
	}
	for i := range rows {
		if err := yield(&rows[i]); err != nil {
			return err
		}
	}
	return nil
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
	if ended, ok := errors.AsType[*deadline.AggregationError](err); ok {
		return farmtally.Errorf(farmtally.TooLarge, "the aggregation ended as %s: %s", ended.Status, ended.Message)
	}
	if errors.Is(err, paginate.ErrBadToken) {
		return &farmtally.Error{
			Kind: farmtally.Invalid, Message: "--starting-token is no token of an answer that was cut off",
			Hint: "give the NextToken that stats, boto3 or the AWS CLI gave, unchanged",
		}
	}
	if v, ok := errors.AsType[*types.ValidationException](err); ok {
		e := farmtally.Errorf(farmtally.Invalid, "the server refused the request: %s", v.ErrorMessage())
		for _, f := range v.FieldList {
			e.Fields = append(e.Fields, farmtally.Field{Name: aws.ToString(f.Name), Message: aws.ToString(f.Message)})
		}
		return e
	}
	if gone, ok := errors.AsType[*types.ResourceNotFoundException](err); ok && aws.ToString(gone.ResourceType) == farmtally.AggregationType {
		return &farmtally.Error{
			Kind: farmtally.NotFound, Message: "the server has no aggregation " + aws.ToString(gone.ResourceId) + " of this farm",
			Hint: "one can be read for an hour after its start; ask again without --aggregation-id",
		}
	}
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && isForeign(err) {
		return c.foreign(r.Response.Status)
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
		if errors.Is(cause, http.ErrSchemeMismatch) {
			return &farmtally.Error{
				Kind: farmtally.Unavailable, Message: "the server at " + c.endpoint + " speaks plain HTTP", Err: cause,
				Hint: "write http:// in place of https://, or the address of the proxy that adds TLS",
			}
		}
		return &farmtally.Error{
			Kind: farmtally.Unavailable, Message: "no server answers at " + c.endpoint, Err: cause,
			Hint: "start one with 'farmtally serve', or name another with --endpoint",
		}
	}
	return err
}

// isForeign reports whether an answer was none that AWS or farmtally gives.
func isForeign(err error) bool {
	_, undecoded := errors.AsType[*smithy.DeserializationError](err)
	api, ok := errors.AsType[smithy.APIError](err)
	return undecoded || ok && api.ErrorCode() == "UnknownError"
}

// foreign says that something else answers at the endpoint.
func (c *client) foreign(status string) error {
	return &farmtally.Error{
		Kind: farmtally.Unavailable, Message: fmt.Sprintf("what answers at %s, with %s, is no farmtally server", c.endpoint, status),
		Hint: "start one with 'farmtally serve', or name another with --endpoint",
	}
}
