package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// start answers StartSessionsStatisticsAggregation: it checks the request, pins
// the farm's records and leaves the aggregation running.
func (s *Server) start(ctx context.Context, r *request) ([]byte, error) {
	q, err := r.startQuery()
	if err != nil {
		return nil, err
	}
	a, err := s.accept(ctx, r, q)
	if err != nil {
		return nil, err
	}
	if err := s.begin(context.WithoutCancel(ctx), a); err != nil {
		return nil, err
	}
	return deadline.AppendStartResponse(nil, a.ID), nil
}

// accept makes a query of good form a new aggregation, where the request's key may read the
// farm, and the farm has what the query names.
func (s *Server) accept(ctx context.Context, r *request, q *farmtally.Query) (a farmtally.Aggregation, err error) {
	farm, err := s.readable(ctx, r)
	if err != nil {
		return a, err
	}
	if err := s.checkResources(ctx, q); err != nil {
		return a, err
	}
	a = farmtally.Aggregation{ID: newAggregationID(), Query: *q, CostScale: farm.CostScale, Status: farmtally.InProgress}
	a.Query.AsOf = farmtally.InstantOf(s.now())
	return a, nil
}

func newAggregationID() string {
	var id [idDigits / 2]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// farm gives the farm of a request.
func (s *Server) farm(ctx context.Context, id farmtally.FarmID) (farmtally.Farm, error) {
	farm, err := s.config.Catalog.Farm(ctx, id)
	if farmtally.KindOf(err) == farmtally.NotFound {
		return farm, notFound("farm", string(id))
	}
	if err != nil {
		return farm, fmt.Errorf("read farm: %w", err)
	}
	return farm, nil
}

// checkResources checks that the farm has every queue and fleet of the query.
func (s *Server) checkResources(ctx context.Context, q *farmtally.Query) error {
	if len(q.QueueIDs) > 0 {
		queues, err := s.config.Catalog.Queues(ctx, q.FarmID)
		if err != nil {
			return wrapList("queues", err)
		}
		return checkExist("queue", q.QueueIDs, queues, func(q farmtally.Queue) farmtally.QueueID { return q.ID })
	}
	fleets, err := s.config.Catalog.Fleets(ctx, q.FarmID)
	if err != nil {
		return wrapList("fleets", err)
	}
	return checkExist("fleet", q.FleetIDs, fleets, func(f farmtally.Fleet) farmtally.FleetID { return f.ID })
}

func checkExist[ID ~string, T any](resourceType string, wanted []ID, have []T, id func(T) ID) error {
	known := make(map[ID]bool, len(have))
	for _, x := range have {
		known[id(x)] = true
	}
	for _, w := range wanted {
		if !known[w] {
			return notFound(resourceType, string(w))
		}
	}
	return nil
}

// retrySpread is how many different Retry-Afters those who are turned away together
// are told; AWS's client for JavaScript obeys up to five seconds.
const retrySpread = 5

// turnAway makes the exception for a Start while the farm's limit of aggregations run.
// Each of those who are turned away in a row is told a second more: AWS's client for
// JavaScript, for one, waits exactly as long as it is told, and clients that start
// together would meet again at every try, until one has none left.
func (s *Server) turnAway(farm farmtally.FarmID) error {
	s.mu.Lock()
	before := s.turnedAway[farm]
	s.turnedAway[farm]++
	s.mu.Unlock()
	return throttled(quotaAggregations, retryAfterSeconds+before%retrySpread,
		"%d aggregation(s) of the farm are running, and no more can at once. Try again when one has ended.", s.config.RunningPerFarm)
}

// begin keeps a new aggregation, pins its records, and runs it in the background.
func (s *Server) begin(ctx context.Context, a farmtally.Aggregation) error {
	if s.closing() {
		return errClosing
	}
	err := s.config.Catalog.BeginAggregation(ctx, a, s.config.RunningPerFarm)
	if farmtally.KindOf(err) == farmtally.Throttled {
		return s.turnAway(a.Query.FarmID)
	}
	if err != nil {
		return fmt.Errorf("begin aggregation: %w", err)
	}
	if err := s.launch(ctx, a); err != nil {
		a.Status, a.Message = farmtally.Failed, messageBroken
		return errors.Join(err, s.config.Catalog.FinishAggregation(ctx, a))
	}
	return nil
}
