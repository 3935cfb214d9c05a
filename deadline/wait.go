package deadline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	service "github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"
)

// The pauses between polls where WaitOptions name none. The first is short, for a
// small farm answers at once.
const (
	DefaultMinDelay = 20 * time.Millisecond
	DefaultMaxDelay = 2 * time.Second
)

// growth is how much longer each pause is than the one before.
const growth = 1.5

// WaitOptions say how to wait. The zero value is a good one.
type WaitOptions struct {
	// MinDelay and MaxDelay bound the pauses between polls; 0 is DefaultMinDelay and
	// DefaultMaxDelay. Each pause is half as long again as the one before, less up to a
	// quarter of it by chance, so that many who wait do not ask at once.
	MinDelay, MaxDelay time.Duration
	// Progress is told the statusMessage of each poll that finds the aggregation in
	// progress; may be nil. A farmtally server says how many records it has looked at.
	Progress func(statusMessage string)
	// Options go with every request.
	Options []func(*service.Options)
}

// AggregationError says that an aggregation ended without a result.
type AggregationError struct {
	AggregationID string
	Status        types.SessionsStatisticsAggregationStatus // FAILED, TIMEOUT or one that AWS has added
	Message       string                                    // the statusMessage, which says what to reduce, or ""
}

func (e *AggregationError) Error() string {
	text := fmt.Sprintf("aggregation %s ended as %s", e.AggregationID, e.Status)
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Wait polls the aggregation of the request until it has COMPLETED, and gives the
// page that the request asks for. FAILED and TIMEOUT are an *AggregationError; other
// errors are the client's, or the context's, which bounds the wait.
func Wait(ctx context.Context, client GetSessionsStatisticsAggregationAPI,
	in *service.GetSessionsStatisticsAggregationInput, o WaitOptions,
) (*service.GetSessionsStatisticsAggregationOutput, error) {
	longest := o.MaxDelay
	if longest <= 0 {
		longest = DefaultMaxDelay
	}
	pause := o.MinDelay
	if pause <= 0 {
		pause = DefaultMinDelay
	}
	for {
		page, err := client.GetSessionsStatisticsAggregation(ctx, in, o.Options...)
		if err != nil {
			return nil, fmt.Errorf("ask for aggregation %s: %w", aws.ToString(in.AggregationId), err)
		}
		switch page.Status {
		case types.SessionsStatisticsAggregationStatusCompleted:
			return page, nil
		case types.SessionsStatisticsAggregationStatusInProgress:
		default:
			return nil, &AggregationError{aws.ToString(in.AggregationId), page.Status, aws.ToString(page.StatusMessage)}
		}
		if o.Progress != nil {
			o.Progress(aws.ToString(page.StatusMessage))
		}
		pause = min(pause, longest)
		if err := sleep(ctx, pause-rand.N(pause/4+1)); err != nil { //nolint:gosec // no secret
			return nil, fmt.Errorf("wait for aggregation %s: %w", aws.ToString(in.AggregationId), err)
		}
		pause = time.Duration(float64(pause) * growth)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
