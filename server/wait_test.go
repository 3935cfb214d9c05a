package server_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	service "github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"

	"github.com/farmtally/farmtally/deadline"
	"github.com/farmtally/farmtally/server"
)

// waitFor starts an aggregation with AWS's client and waits for it.
func (f *fixture) waitFor(ctx context.Context, o deadline.WaitOptions) (*service.GetSessionsStatisticsAggregationOutput, error) {
	f.t.Helper()
	c := f.client(goodKey)
	started, err := c.StartSessionsStatisticsAggregation(ctx, startInput())
	if err != nil {
		f.t.Fatal(err)
	}
	return deadline.Wait(ctx, c, &service.GetSessionsStatisticsAggregationInput{
		FarmId: aws.String(string(farmA)), AggregationId: started.AggregationId, MaxResults: aws.Int32(1),
	}, o)
}

// TestWait: package deadline's Wait polls a true server, reports how far it is, and
// gives the page that the request asks for.
func TestWait(t *testing.T) {
	f, g := gatedFixture(t, realTime)
	var open sync.Once
	var told []string
	page, err := f.waitFor(t.Context(), deadline.WaitOptions{MinDelay: time.Millisecond, Progress: func(message string) {
		if told = append(told, message); message == "1 of 4 records" {
			open.Do(func() { close(g.gate) })
		}
	}})
	if err != nil || page.Status != types.SessionsStatisticsAggregationStatusCompleted || len(page.Statistics) != 1 || page.NextToken == nil {
		t.Fatalf("%+v, %v", page, err)
	}
	if !slices.Contains(told, "1 of 4 records") {
		t.Errorf("told %q", told)
	}
}

// TestWaitForAFailure: what ended without a result is an error that says what to do.
func TestWaitForAFailure(t *testing.T) {
	for status, set := range map[types.SessionsStatisticsAggregationStatus]func(*server.Config){
		types.SessionsStatisticsAggregationStatusFailed:  func(c *server.Config) { realTime(c); c.RowLimit = 2 },
		types.SessionsStatisticsAggregationStatusTimeout: func(c *server.Config) { realTime(c); c.TimeLimit = 20 * time.Millisecond },
	} {
		t.Run(string(status), func(t *testing.T) {
			f, g := gatedFixture(t, set)
			if status == types.SessionsStatisticsAggregationStatusFailed {
				close(g.gate)
			}
			page, err := f.waitFor(t.Context(), deadline.WaitOptions{MinDelay: time.Millisecond})
			ended, ok := errors.AsType[*deadline.AggregationError](err)
			if page != nil || !ok || ended.Status != status || !strings.Contains(ended.Message, "Reduce the time frame") {
				t.Errorf("%+v, %v", page, err)
			}
		})
	}
}

// TestWaitKeepsExceptions: an exception arrives as its modelled class, and the context
// ends the wait.
func TestWaitKeepsExceptions(t *testing.T) {
	f, g := gatedFixture(t, realTime)
	defer close(g.gate)
	_, err := deadline.Wait(t.Context(), f.client(goodKey), &service.GetSessionsStatisticsAggregationInput{
		FarmId: aws.String(string(farmA)), AggregationId: aws.String(strings.Repeat("0", 32)),
	}, deadline.WaitOptions{})
	if e, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok || aws.ToString(e.ResourceId) != strings.Repeat("0", 32) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := f.waitFor(ctx, deadline.WaitOptions{Progress: func(string) { cancel() }}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
