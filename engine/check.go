package engine

import (
	"context"

	"github.com/farmtally/farmtally"
)

// Damage is a segment file that is not what was written.
type Damage struct {
	File string
	Err  error
}

// Check reads every column of every segment and compares it with its checksum. It
// tells progress, which may be nil, the bytes read of all.
func (e *Engine) Check(ctx context.Context, progress farmtally.Progress) ([]Damage, error) {
	infos, err := e.catalog.AllSegments(ctx)
	if err != nil {
		return nil, err
	}
	total, done := int64(0), int64(0)
	for i := range infos {
		total += infos[i].Bytes
	}
	var damage []Damage
	for i := range infos {
		if err := ctx.Err(); err != nil {
			return damage, err
		}
		if err := e.catalog.CheckSegment(infos[i]); err != nil {
			damage = append(damage, Damage{infos[i].File, err})
		}
		if done += infos[i].Bytes; progress != nil {
			progress(done, total)
		}
	}
	return damage, nil
}
