package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// listed is one page of a list in the order of ids.
type listed[T any] struct {
	items []T
	next  string
}

// paginate checks a list's maxResults and nextToken and cuts its page out of items.
// The list is bound to the operation, the farm and the filters of its tokens, and a
// page begins after the last id of the one before, so that an item that appears
// meanwhile moves no other to another page.
func paginate[T any](s *Server, r *request, pages string, id func(T) string, load func() ([]T, error)) (listed[T], error) {
	limit := r.limit()
	after := r.position(s.tokens, pages)
	if err := r.bad.exception(); err != nil {
		return listed[T]{}, err
	}
	items, err := load()
	if err != nil {
		return listed[T]{}, err
	}
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	items = items[sort.Search(len(items), func(i int) bool { return id(items[i]) > after }):]
	page := listed[T]{items: items}
	if len(items) > limit {
		page.items = items[:limit]
		page.next = s.tokens.make(pages, id(page.items[limit-1]))
	}
	return page, nil
}

// listFarms answers ListFarms: the farms that the key may read. A principalId selects
// nothing.
func (s *Server) listFarms(ctx context.Context, r *request) ([]byte, error) {
	page, err := paginate(s, r, scope("ListFarms"), func(f farmtally.Farm) string { return string(f.ID) },
		func() ([]farmtally.Farm, error) {
			farms, err := s.config.Catalog.Farms(ctx)
			return slices.DeleteFunc(farms, func(f farmtally.Farm) bool { return !r.key.MayRead(f.ID) }), err
		})
	if err != nil {
		return nil, wrapList("farms", err)
	}
	response := deadline.ListFarmsResponse{Farms: []deadline.FarmSummary{}, NextToken: page.next}
	for _, f := range page.items {
		response.Farms = append(response.Farms, farmSummary(f))
	}
	return deadline.Marshal(response)
}

// listQueues answers ListQueues.
func (s *Server) listQueues(ctx context.Context, r *request) ([]byte, error) {
	r.checkFarm()
	status := r.choice("status", queueIdle, "SCHEDULING", "SCHEDULING_BLOCKED")
	pages := scope("ListQueues", string(r.farm), status)
	page, err := paginate(s, r, pages, func(q farmtally.Queue) string { return string(q.ID) },
		func() ([]farmtally.Queue, error) {
			if _, err := s.readable(ctx, r); err != nil || cmp.Or(status, queueIdle) != queueIdle {
				return nil, err
			}
			return s.config.Catalog.Queues(ctx, r.farm)
		})
	if err != nil {
		return nil, wrapList("queues", err)
	}
	response := deadline.ListQueuesResponse{Queues: []deadline.QueueSummary{}, NextToken: page.next}
	for _, q := range page.items {
		response.Queues = append(response.Queues, queueSummary(q))
	}
	return deadline.Marshal(response)
}

// listFleets answers ListFleets.
func (s *Server) listFleets(ctx context.Context, r *request) ([]byte, error) {
	r.checkFarm()
	status := r.choice("status", fleetActive, "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "CREATE_FAILED", "UPDATE_FAILED", "SUSPENDED")
	name, _ := r.param("displayName")
	pages := scope("ListFleets", string(r.farm), status, name)
	page, err := paginate(s, r, pages, func(f farmtally.Fleet) string { return string(f.ID) },
		func() ([]farmtally.Fleet, error) {
			if _, err := s.readable(ctx, r); err != nil || cmp.Or(status, fleetActive) != fleetActive {
				return nil, err
			}
			fleets, err := s.config.Catalog.Fleets(ctx, r.farm)
			return slices.DeleteFunc(fleets, func(f farmtally.Fleet) bool {
				return name != "" && name != cmp.Or(f.Name, string(f.ID))
			}), err
		})
	if err != nil {
		return nil, wrapList("fleets", err)
	}
	response := deadline.ListFleetsResponse{Fleets: []deadline.FleetSummary{}, NextToken: page.next}
	for _, f := range page.items {
		response.Fleets = append(response.Fleets, fleetSummary(f))
	}
	return deadline.Marshal(response)
}

// resources are the farm's queues and fleets.
func (s *Server) resources(ctx context.Context, farm farmtally.FarmID) (queues []farmtally.Queue, fleets []farmtally.Fleet, err error) {
	if queues, err = s.config.Catalog.Queues(ctx, farm); err != nil {
		return nil, nil, wrapList("queues", err)
	}
	if fleets, err = s.config.Catalog.Fleets(ctx, farm); err != nil {
		return nil, nil, wrapList("fleets", err)
	}
	return queues, fleets, nil
}

func wrapList(what string, err error) error { return fmt.Errorf("list %s: %w", what, err) }
