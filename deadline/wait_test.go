package deadline_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	service "github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"

	"github.com/farmtally/farmtally/deadline"
)

// states answers each poll with the next status, and keeps when it was asked. The
// true service cannot be made to take an hour; its statuses are seen in the tests of
// the server and of the command.
type states struct {
	statuses []types.SessionsStatisticsAggregationStatus
	polls    []time.Time
}

func (s *states) GetSessionsStatisticsAggregation(context.Context, *service.GetSessionsStatisticsAggregationInput,
	...func(*service.Options),
) (*service.GetSessionsStatisticsAggregationOutput, error) {
	s.polls = append(s.polls, time.Now())
	status := s.statuses[0]
	if len(s.statuses) > 1 {
		s.statuses = s.statuses[1:]
	}
	return &service.GetSessionsStatisticsAggregationOutput{Status: status, StatusMessage: aws.String("message of " + string(status))}, nil
}

func request() *service.GetSessionsStatisticsAggregationInput {
	return &service.GetSessionsStatisticsAggregationInput{FarmId: aws.String("farm-1"), AggregationId: aws.String("a1")}
}

// The pauses grow from MinDelay to MaxDelay, each with some chance in it.
func TestWaitBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &states{statuses: append(slices.Repeat([]types.SessionsStatisticsAggregationStatus{"IN_PROGRESS"}, 30), "COMPLETED")}
		var told []string
		page, err := deadline.Wait(t.Context(), s, request(), deadline.WaitOptions{
			MinDelay: time.Second, MaxDelay: time.Minute, Progress: func(m string) { told = append(told, m) },
		})
		if err != nil || page.Status != "COMPLETED" {
			t.Fatalf("page %v, error %v", page, err)
		}
		if len(told) != 30 || told[0] != "message of IN_PROGRESS" {
			t.Errorf("told %d times, first %q", len(told), told[0])
		}
		most, uneven := time.Second, false
		for i := 1; i < len(s.polls); i++ {
			pause := s.polls[i].Sub(s.polls[i-1])
			if pause > most || pause < most*3/4-1 {
				t.Errorf("pause %d is %s, want %s to %s", i, pause, most*3/4, most)
			}
			uneven = uneven || pause != most
			most = min(most*3/2, time.Minute)
		}
		if !uneven {
			t.Error("no pause has any chance in it")
		}
	})
}

func TestWaitTurnsEndsIntoErrors(t *testing.T) {
	for _, status := range []types.SessionsStatisticsAggregationStatus{"FAILED", "TIMEOUT", "ADDED_LATER"} {
		s := &states{statuses: []types.SessionsStatisticsAggregationStatus{status}}
		_, err := deadline.Wait(t.Context(), s, request(), deadline.WaitOptions{})
		ended, ok := errors.AsType[*deadline.AggregationError](err)
		if !ok || ended.Status != status || ended.AggregationID != "a1" || ended.Message != "message of "+string(status) {
			t.Errorf("%s: error %v", status, err)
		}
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s := &states{statuses: []types.SessionsStatisticsAggregationStatus{"IN_PROGRESS"}}
		if _, err := deadline.Wait(ctx, s, request(), deadline.WaitOptions{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

// The prefix is left out by itself for loopback endpoints and by AWS's variable, and
// kept for AWS.
func TestHostPrefix(t *testing.T) {
	for endpoint, without := range map[string]bool{
		"http://localhost:8787": true, "http://management.localhost": true, "http://127.0.0.1:1": true, "http://127.9.9.9": true,
		"http://[::1]:8787": true, "https://management.deadline.us-west-2.amazonaws.com": false, "http://farm.example:8787": false,
		"http://localhost.example": false, "http://10.0.0.1": false,
	} {
		o := service.Options{BaseEndpoint: &endpoint}
		deadline.AutoHostPrefix(&o)
		if got := len(o.APIOptions) > 0; got != without {
			t.Errorf("%s: left out %v, want %v", endpoint, got, without)
		}
	}
	t.Setenv("AWS_DISABLE_HOST_PREFIX_INJECTION", "true")
	var o service.Options
	deadline.AutoHostPrefix(&o)
	if len(o.APIOptions) == 0 {
		t.Error("the variable does not count")
	}
}
