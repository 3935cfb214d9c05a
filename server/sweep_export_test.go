package server

import "context"

// Sweep does at once what the server does every minute.
func (s *Server) Sweep(ctx context.Context) { _ = s.expire(ctx) }
