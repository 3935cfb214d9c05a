package server

import (
	"context"

	"github.com/farmtally/farmtally"
)

// denied is the error for a key without a role on the farm that allows what it asks.
// Nothing of it depends on whether the farm exists.
func denied(farm farmtally.FarmID) error {
	return farmtally.Errorf(farmtally.Denied, "The access key has no role on %s that allows this.", farm)
}

// readable gives the farm of a request that reads. The key is looked at first, so that
// one without a role learns nothing, and is answered as fast for a farm that exists as
// for one that does not.
func (s *Server) readable(ctx context.Context, r *request) (farmtally.Farm, error) {
	if !r.key.MayRead(r.farm) {
		return farmtally.Farm{}, denied(r.farm)
	}
	return s.farm(ctx, r.farm)
}
