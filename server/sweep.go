package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/farmtally/farmtally"
)

// sweepEvery is how often expired aggregations are removed. Until then they take
// room, but are not served.
const sweepEvery = time.Minute

func (s *Server) sweepUntilClosed() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-ticker.C:
			if err := s.expire(s.ctx); err != nil && s.ctx.Err() == nil {
				s.log.Error("expired aggregations not removed", slog.Any("error", err))
			}
		}
	}
}

// expire removes the aggregations whose life is over, and their rows.
func (s *Server) expire(ctx context.Context) error {
	s.explorer.sweep(s.now())
	s.sessions.sweep(s.now())
	ids, err := s.config.Catalog.ExpireAggregations(ctx, s.oldest())
	if err != nil {
		return fmt.Errorf("expire aggregations: %w", err)
	}
	for _, id := range ids {
		s.results.drop(id)
		if e := s.config.RemoveResult(id); e != nil {
			err = errors.Join(err, fmt.Errorf("remove result %s: %w", id, e))
		}
	}
	return err
}

// oldest is the first instant whose aggregations still live.
func (s *Server) oldest() farmtally.Instant {
	return farmtally.InstantOf(s.now().Add(-Life)) + 1
}
