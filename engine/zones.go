package engine

import (
	"sync"

	"github.com/farmtally/farmtally/kernel"
)

// zones are the kernel's zones of a part, made when a query first scans it.
type zones struct {
	once sync.Once
	kernel.Zones
}

// zonesOf gives the zones of a part, which are kept as long as it is.
func (e *Engine) zonesOf(in *input) *kernel.Zones {
	var z *zones
	if in.part.hot != nil {
		z = &in.part.hot.zones
	} else {
		z = e.segmentZones(in.part.info.ID)
	}
	z.once.Do(func() { z.Zones = *in.zones() })
	return &z.Zones
}

func (e *Engine) segmentZones(id int64) *zones {
	e.mu.Lock()
	defer e.mu.Unlock()
	z := e.zones[id]
	if z == nil {
		z = &zones{}
		e.zones[id] = z
	}
	return z
}

func (in *input) zones() *kernel.Zones {
	return kernel.NewZones(in.starts, in.wall, in.runtime, in.cost, in.maxWall)
}
