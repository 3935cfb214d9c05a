package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server"
)

// part is what one aggregation answers: one that has run, or one about these.
type part struct {
	aggregation string // "" starts one
	resources   []thing
}

// parts are those of an inquiry, one at least.
func (q *inquiry) parts(s *scope) (parts []part) {
	for _, id := range q.aggregations {
		parts = append(parts, part{aggregation: id})
	}
	if len(parts) > 0 {
		return parts
	}
	for some := range slices.Chunk(s.resources, farmtally.MaxResources) {
		parts = append(parts, part{resources: some})
	}
	if len(parts) == 0 {
		parts = []part{{}}
	}
	return parts
}

// checkParts refuses an inquiry of several parts that can't be answered as one.
func (c *client) checkParts(q *inquiry, s *scope) error {
	n := len(q.parts(s))
	if n == 1 {
		return nil
	}
	what := fmt.Sprintf("%d aggregations", n)
	if len(q.aggregations) == 0 {
		what = fmt.Sprintf("%s %ss, which take %s", count(int64(len(s.resources))), s.kind(), what)
	}
	e := farmtally.Errorf(farmtally.Invalid, "--%s is about the pages of one aggregation, and this is about %s", q.pageFlag, what)
	e.Hint = fmt.Sprintf("leave it out, or name at most %d with --%s", farmtally.MaxResources, s.kind())
	switch {
	case isAWS(c.endpoint):
		e.Message = fmt.Sprintf("this is about %s, and AWS does not add them up", what)
		e.Hint = fmt.Sprintf("name at most %d with --%s: %s", farmtally.MaxResources, s.kind(), list(s.resources))
	case n > server.MaxExportParts:
		e.Message = fmt.Sprintf("this is about %s, and a server adds up %d at most", what, server.MaxExportParts)
		e.Hint = fmt.Sprintf("name at most %s with --%s", count(server.MaxExportParts*farmtally.MaxResources), s.kind())
	case q.pageFlag == "":
		return nil
	}
	return e
}

// askParts asks about one part after the other, as a farm has one aggregation at a time,
// has the server add them up, and calls yield for each row of the whole.
func (c *client) askParts(ctx context.Context, q *inquiry, s *scope, parts []part, yield func(*types.Statistics) error) (a answer, err error) {
	var ids, messages []string
	for i, p := range parts {
		c.progress.prefix = fmt.Sprintf("part %d of %d: ", i+1, len(parts))
		id, page, err := c.run(ctx, q, s, p, aws.Int32(1))
		if err != nil {
			return a, err
		}
		ids, a.status = append(ids, id), string(page.Status)
		if m := aws.ToString(page.StatusMessage); m != "" {
			messages = append(messages, m)
		}
	}
	c.progress.prefix = ""
	a.id, a.message = strings.Join(ids, ","), strings.Join(messages, "; ")
	return a, c.inTurn(ctx, func() error { return c.sums(ctx, s.farm.id, ids, yield) })
}

// sums calls yield for each row of the aggregations as one. The server, which has exact
// numbers where the API has doubles, adds them up.
func (c *client) sums(ctx context.Context, farm string, ids []string, yield func(*types.Statistics) error) error {
	query := url.Values{"format": {"ndjson"}, "with": {strings.Join(ids[1:], ",")}}
	at := strings.TrimSuffix(c.endpoint, "/") + "/v1/farms/" + farm + "/aggregations/" + ids[0] + "/export?" + query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	key := c.signer()
	if err := key.sign(ctx, r, nil); err != nil {
		return err
	}
	response, err := c.api.Options().HTTPClient.Do(r)
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	if response.StatusCode != http.StatusOK {
		return c.exceptionOf(response)
	}
	lines := json.NewDecoder(response.Body)
	for rows := int64(1); ; rows++ {
		var row types.Statistics
		if err := lines.Decode(&row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read rows of %s: %w", c.endpoint, err)
		}
		if err := c.rows([]types.Statistics{row}, yield); err != nil {
			return err
		}
		if !c.streams {
			c.progress.show(count(rows) + " rows read")
		}
	}
}

// exceptionOf reads the exception that a server has answered with, as AWS's client does.
func (c *client) exceptionOf(response *http.Response) error {
	var e struct {
		Type                     string `json:"__type"`
		Message                  *string
		ResourceID, ResourceType *string
	}
	if json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&e) != nil || e.Type == "" {
		return c.foreign(response.Status)
	}
	switch e.Type {
	case "ThrottlingException":
		seconds, _ := strconv.ParseInt(response.Header.Get("Retry-After"), 10, 32) // a hint at best
		return &types.ThrottlingException{Message: e.Message, RetryAfterSeconds: aws.Int32(int32(seconds))}
	case "ResourceNotFoundException":
		return &types.ResourceNotFoundException{Message: e.Message, ResourceId: e.ResourceID, ResourceType: e.ResourceType}
	case "ValidationException":
		return &types.ValidationException{Message: e.Message}
	}
	return &smithy.GenericAPIError{Code: e.Type, Message: aws.ToString(e.Message)}
}
