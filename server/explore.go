package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// The explorer asks through the two operations of AWS's API, under a path of its own,
// where a Start waits for its turn in place of being throttled, rows come in longer
// pages, and an aggregation can be cancelled. Its figures are the API's.
const explorerPath = "v1/explorer/farms/{farmId}/sessions-statistics-aggregation"

// The bounds of what the explorer asks.
const (
	exploreMaxResults = 10_000
	exploreMaxWait    = 10 * time.Second
)

// exploreState says how far an aggregation of the explorer is.
type exploreState struct {
	AggregationID string `json:"aggregationId"`
	Status        string `json:"status"`
	StatusMessage string `json:"statusMessage"`
	AsOf          string `json:"asOf"`         // where running records end
	Ahead         int    `json:"ahead"`        // those that are waited for
	RecordsDone   int64  `json:"recordsDone"`  // of RecordsTotal
	RecordsTotal  int64  `json:"recordsTotal"` // 0 before it runs
	Records       int64  `json:"records"`      // seen, of one that is COMPLETED
	Unpriced      int64  `json:"unpriced"`     // of those
	Running       int64  `json:"running"`      // of those
	Rows          int64  `json:"rows"`
	Reason        string `json:"reason,omitempty"` // of one without an answer: TOO_LARGE, TOO_LONG, CANCELLED, BROKEN
}

// exploreStart answers a Start of the explorer, when the aggregation has ended or the
// time that the caller would wait is over.
func (s *Server) exploreStart(ctx context.Context, r *request) ([]byte, error) {
	wait := r.wait()
	q, err := r.startQuery()
	if err != nil {
		return nil, err
	}
	var more keepBody
	if json.Unmarshal(r.body, &more) != nil {
		r.bad.add("keep", "must be a list of objects with dimension and value")
	}
	keeps := more.keeps(q, &r.bad)
	if err := r.bad.exception(); err != nil {
		return nil, err
	}
	a, err := s.accept(ctx, r, q)
	if err != nil {
		return nil, err
	}
	x, err := s.explorer.begin(s, a, keeps)
	if err != nil {
		return nil, err
	}
	return s.exploreAnswer(ctx, x, wait)
}

// exploreGet answers how far an aggregation is, once it has ended or the time that the
// caller would wait is over.
func (s *Server) exploreGet(ctx context.Context, r *request) ([]byte, error) {
	x, wait, err := s.exploration(r)
	if err != nil {
		return nil, err
	}
	return s.exploreAnswer(ctx, x, wait)
}

// exploreCancel takes one asker away from an aggregation, which ends at once if it has
// no other.
func (s *Server) exploreCancel(_ context.Context, r *request) ([]byte, error) {
	x, _, err := s.exploration(r)
	if err != nil {
		return nil, err
	}
	s.explorer.leave(x)
	return []byte("{}"), nil
}

// exploreRows answers a Get of the explorer.
func (s *Server) exploreRows(ctx context.Context, r *request) ([]byte, error) {
	return s.getPage(ctx, r, exploreMaxResults)
}

// exploration finds the aggregation of the path, for those who may read it.
func (s *Server) exploration(r *request) (*exploration, time.Duration, error) {
	r.checkFarm()
	wait := r.wait()
	if err := r.bad.exception(); err != nil {
		return nil, 0, err
	}
	if !r.key.MayRead(r.farm) {
		return nil, 0, denied(r.farm)
	}
	x := s.explorer.find(r.farm, r.resource)
	if x == nil {
		return nil, 0, notFound(farmtally.AggregationType, r.resource)
	}
	return x, wait, nil
}

// wait reads the query parameter waitMillis.
func (r *request) wait() time.Duration {
	text, ok := r.param("waitMillis")
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > int(exploreMaxWait.Milliseconds()) {
		r.bad.add("waitMillis", fmt.Sprintf("must be a whole number from 0 to %d", exploreMaxWait.Milliseconds()))
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

func (s *Server) exploreAnswer(ctx context.Context, x *exploration, wait time.Duration) ([]byte, error) {
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-x.done:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return deadline.Marshal(s.explorer.state(x, s.now()))
}
