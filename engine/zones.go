package engine

import (
	"sync"

	"github.com/farmtally/farmtally/kernel"
)

// zones are the kernel's zones of a segment, made when a query first scans it.
type zones struct {
	once sync.Once
	kernel.Zones
}

// zonesOf gives the zones of an open segment, which are kept while it is open.
func (e *Engine) zonesOf(in *input) *kernel.Zones {
	id := in.part.segment.Info.ID
	e.mu.Lock()
	z := e.zones[id]
	if z == nil {
		z = &zones{}
		e.zones[id] = z
	}
	e.mu.Unlock()
	z.once.Do(func() { z.Zones = *in.zones() })
	return &z.Zones
}

func (in *input) zones() *kernel.Zones {
	return kernel.NewZones(in.starts, in.wall, in.runtime, in.cost, in.maxWall)
}
