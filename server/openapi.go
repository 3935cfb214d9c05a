package server

import (
	"context"
	_ "embed"
)

// openAPI describes farmtally's own operations, in OpenAPI 3.1. A test holds it against
// the routes and against what they answer.
//
//go:embed openapi.json
var openAPI []byte

// describeAPI answers DescribeAPI.
func (s *Server) describeAPI(context.Context, *request) ([]byte, error) {
	return append(s.buffer()[:0], openAPI...), nil
}
