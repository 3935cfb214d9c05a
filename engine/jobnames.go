package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/farmtally/farmtally"
)

// jobNames puts the names of jobs into the map, by id.
func (e *Engine) jobNames(ctx context.Context, farm farmtally.FarmID, names map[string]string) error {
	found, err := e.catalog.JobNames(ctx, farm, slices.Collect(maps.Keys(names)))
	if err != nil {
		return fmt.Errorf("name jobs: %w", err)
	}
	maps.Copy(names, found)
	return nil
}
