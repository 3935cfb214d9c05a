// Package server answers AWS Deadline Cloud's statistics API over HTTP.
//
// A request passes a signature check (AWS Signature Version 4), is routed by its
// path alone, whatever its Host, checked member by member, and answered in
// restJson1. The package owns the life of aggregations: it starts them, runs them
// in the background over a [farmtally.Backend], hands their rows out in pages, and
// forgets them an hour later. What it stores, it stores through the interfaces
// that it declares: [Catalog], [ResultWriter], [ResultReader].
package server
