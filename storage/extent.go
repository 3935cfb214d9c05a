package storage

import (
	"context"

	"github.com/farmtally/farmtally"
)

// Extent gives the time that a farm's records cover, without reading them. The end of a
// record that still runs is its start.
func (c *Catalog) Extent(ctx context.Context, farm farmtally.FarmID) (x farmtally.Extent, err error) {
	v, err := c.View(ctx, farm)
	if err != nil {
		return x, err
	}
	for i := range v.Segments {
		s := &v.Segments[i]
		x.Widen(s.First, s.End)
	}
	for r := range v.Hot.All() {
		if r.Running {
			x.Widen(r.StartedAt, r.StartedAt)
			x.Running++
		} else {
			x.Widen(r.StartedAt, r.EndedAt)
		}
	}
	return x, nil
}
