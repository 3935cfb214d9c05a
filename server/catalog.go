package server

import (
	"context"

	"github.com/farmtally/farmtally"
)

// Catalog is what the server asks of the data folder beside records. What it has
// written is durable on return. It is safe for concurrent use, and its slices belong
// to the caller.
type Catalog interface {
	Farms(ctx context.Context) ([]farmtally.Farm, error)
	// Farm fails with NotFound for a farm that does not exist.
	Farm(ctx context.Context, id farmtally.FarmID) (farmtally.Farm, error)
	Queues(ctx context.Context, farm farmtally.FarmID) ([]farmtally.Queue, error)
	Fleets(ctx context.Context, farm farmtally.FarmID) ([]farmtally.Fleet, error)
	// Extent is the time that a farm's records cover.
	Extent(ctx context.Context, farm farmtally.FarmID) (farmtally.Extent, error)
	Labels(ctx context.Context, farm farmtally.FarmID) ([]farmtally.Label, error)
	// SetLabel replaces the label of a value, and removes it where the text is empty.
	SetLabel(ctx context.Context, label farmtally.Label) error

	// Version is a number that changes with every change of the catalog, by whomever.
	// It costs little.
	Version(ctx context.Context) (int64, error)

	// Key gives a key, revoked or not. It fails with NotFound for an unknown one.
	Key(ctx context.Context, id string) (farmtally.AccessKey, error)
	// TokenSecret is 32 random bytes that were made once for the data folder.
	TokenSecret(ctx context.Context) ([]byte, error)

	// BeginAggregation keeps a new aggregation that is InProgress. It fails with
	// Throttled if limit aggregations of the farm are InProgress already; both are
	// one step.
	BeginAggregation(ctx context.Context, a farmtally.Aggregation, limit int) error
	// FinishAggregation keeps the aggregation's Status, Message and Rows. It fails
	// with NotFound for one that has expired.
	FinishAggregation(ctx context.Context, a farmtally.Aggregation) error
	// Aggregation fails with NotFound for one that the farm does not have.
	Aggregation(ctx context.Context, farm farmtally.FarmID, id string) (farmtally.Aggregation, error)
	// Unfinished gives the aggregations that are InProgress.
	Unfinished(ctx context.Context) ([]farmtally.Aggregation, error)
	// ExpireAggregations removes those accepted (Query.AsOf) before the instant and
	// gives their ids.
	ExpireAggregations(ctx context.Context, before farmtally.Instant) ([]string, error)
}

// ResultWriter stores the rows of one aggregation. It is for one goroutine, and
// exactly one of Commit and Abort ends it.
type ResultWriter interface {
	// Append keeps the row's content; the row may change afterwards.
	Append(row *farmtally.Row) error
	// Commit makes the rows readable and durable. A result of the same id that a
	// crash left behind is replaced.
	Commit() error
	// Abort leaves nothing behind.
	Abort() error
}

// ResultReader reads the rows of one finished aggregation.
type ResultReader interface {
	Rows() int64
	// Read yields n rows from the position from on, or those that are left. It
	// costs the same at any position. It fails with Corrupt where the rows are not
	// those that were written. An error of yield ends it and is returned.
	Read(from int64, n int, yield func(*farmtally.Row) error) error
	Close() error
}
