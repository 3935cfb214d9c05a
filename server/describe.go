package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// What answers say of members that farmtally has no source for: nobody's account, and
// a farm that neither schedules nor scales.
const (
	createdBy    = "farmtally"
	queueIdle    = "IDLE"
	budgetNone   = "NONE"
	fleetActive  = "ACTIVE"
	fleetNoScale = "NO_SCALING"
	fleetOS      = "LINUX"
	fleetCPU     = "x86_64"
	leastVCPU    = 1
	leastMemory  = 512 // MiB, the model's least

	// fleetRole is of no account: the model requires a role, and there is none.
	fleetRole = "arn:aws:iam::000000000000:role/farmtally"
	// farmKey is of no account, too: AWS's clients of before 2026 require one.
	farmKey = "arn:aws:kms:us-east-1:000000000000:key/farmtally"
)

func farmSummary(f farmtally.Farm) deadline.FarmSummary {
	return deadline.FarmSummary{
		FarmID:      string(f.ID),
		DisplayName: cmp.Or(f.Name, string(f.ID)),
		CreatedAt:   deadline.Time(f.CreatedAt.Time()),
		CreatedBy:   createdBy,
	}
}

func queueSummary(q farmtally.Queue) deadline.QueueSummary {
	return deadline.QueueSummary{
		FarmID:              string(q.FarmID),
		QueueID:             string(q.ID),
		DisplayName:         cmp.Or(q.Name, string(q.ID)),
		Status:              queueIdle,
		DefaultBudgetAction: budgetNone,
		CreatedAt:           deadline.Time(q.CreatedAt.Time()),
		CreatedBy:           createdBy,
	}
}

func fleetSummary(f farmtally.Fleet) deadline.FleetSummary {
	return deadline.FleetSummary{
		FleetID:     string(f.ID),
		FarmID:      string(f.FarmID),
		DisplayName: cmp.Or(f.Name, string(f.ID)),
		Status:      fleetActive,
		Configuration: deadline.FleetConfiguration{CustomerManaged: deadline.CustomerManagedFleet{
			Mode: fleetNoScale,
			WorkerCapabilities: deadline.WorkerCapabilities{
				VCPUCount:           deadline.Range{Min: leastVCPU},
				MemoryMiB:           deadline.Range{Min: leastMemory},
				OSFamily:            fleetOS,
				CPUArchitectureType: fleetCPU,
			},
		}},
		CreatedAt: deadline.Time(f.CreatedAt.Time()),
		CreatedBy: createdBy,
	}
}

// getFarm answers GetFarm.
func (s *Server) getFarm(ctx context.Context, r *request) ([]byte, error) {
	r.checkFarm()
	if err := r.bad.exception(); err != nil {
		return nil, err
	}
	f, err := s.readable(ctx, r)
	if err != nil {
		return nil, err
	}
	return deadline.Marshal(deadline.GetFarmResponse{
		FarmSummary: farmSummary(f), KMSKeyARN: farmKey, CostScaleFactor: deadline.Double(f.CostScale.Float()),
	})
}

// getQueue answers GetQueue.
func (s *Server) getQueue(ctx context.Context, r *request) ([]byte, error) {
	q, err := describe(ctx, s, r, farmtally.QueuePrefix, s.config.Catalog.Queues, func(q farmtally.Queue) string { return string(q.ID) })
	if err != nil {
		return nil, err
	}
	return deadline.Marshal(deadline.GetQueueResponse{QueueSummary: queueSummary(q)})
}

// getFleet answers GetFleet.
func (s *Server) getFleet(ctx context.Context, r *request) ([]byte, error) {
	f, err := describe(ctx, s, r, farmtally.FleetPrefix, s.config.Catalog.Fleets, func(f farmtally.Fleet) string { return string(f.ID) })
	if err != nil {
		return nil, err
	}
	return deadline.Marshal(deadline.GetFleetResponse{FleetSummary: fleetSummary(f), RoleARN: fleetRole})
}

// describe finds the queue or the fleet that the path names.
func describe[T any](ctx context.Context, s *Server, r *request, prefix string,
	load func(context.Context, farmtally.FarmID) ([]T, error), id func(T) string,
) (found T, err error) {
	kind := prefix[:len(prefix)-1] // without the hyphen
	r.checkFarm()
	r.checkID(kind+"Id", prefix, r.resource)
	if err := r.bad.exception(); err != nil {
		return found, err
	}
	if _, err := s.readable(ctx, r); err != nil {
		return found, err
	}
	all, err := load(ctx, r.farm)
	if err != nil {
		return found, fmt.Errorf("read %s: %w", kind, err)
	}
	i := slices.IndexFunc(all, func(x T) bool { return id(x) == r.resource })
	if i < 0 {
		return found, notFound(kind, r.resource)
	}
	return all[i], nil
}

// listProducts answers ListAvailableMeteredProducts. A record's product is a name, and
// has none of the vendor, the family and the port of a license server that the model
// requires: there is none to list.
func (s *Server) listProducts(_ context.Context, r *request) ([]byte, error) {
	page, err := paginate(s, r, scope("ListAvailableMeteredProducts"),
		func(p deadline.MeteredProductSummary) string { return p.ProductID },
		func() ([]deadline.MeteredProductSummary, error) { return []deadline.MeteredProductSummary{}, nil })
	if err != nil {
		return nil, wrapList("metered products", err)
	}
	return deadline.Marshal(deadline.ListAvailableMeteredProductsResponse{MeteredProducts: page.items, NextToken: page.next})
}
