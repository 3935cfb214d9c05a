package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
)

// The defaults of Config.
const (
	DefaultRunningPerFarm = 1 // AWS's rule
	DefaultRowLimit       = 10_000_000
	DefaultTimeLimit      = 10 * time.Minute
)

// Life is how long an aggregation can be read after its Start.
const Life = time.Hour

// Config says what a Server works on. Backend, Catalog and the three functions of
// results are required.
type Config struct {
	Backend farmtally.Backend
	Catalog Catalog

	// Results are the rows of finished aggregations, by aggregation id.
	CreateResult func(id string) (ResultWriter, error)
	OpenResult   func(id string) (ResultReader, error)
	// RemoveResult does nothing where there is no result of the id.
	RemoveResult func(id string) error

	// Prices are what pushed records are priced with, asked anew for each batch.
	Prices ingest.Prices

	Logger *slog.Logger     // nil logs nothing
	Clock  func() time.Time // nil is time.Now

	// Figures are those of the data folder, for the metrics; nil tells none.
	Figures func(ctx context.Context) ([]Figures, error)
	// MetricsToken is the bearer token of those who may read the metrics without a key; ""
	// is none.
	MetricsToken string
	Version      string // of farmtally, for the metrics

	NoAuth bool   // answer unsigned requests; for loopback addresses alone
	Region string // the region that signatures must name; "" accepts any

	RunningPerFarm int           // aggregations that may run at once per farm; 0 is DefaultRunningPerFarm
	RowLimit       int64         // rows of one aggregation; 0 is DefaultRowLimit
	TimeLimit      time.Duration // run time of one aggregation, at most Life; 0 is DefaultTimeLimit
}

// Server answers the API. It is safe for concurrent use.
type Server struct {
	config Config
	log    *slog.Logger
	now    func() time.Time
	tokens tokens

	explorer explorer
	sessions sessions

	metrics *metrics
	exports chan struct{} // full while exportsAtOnce files are written
	keys    keyCache
	results resultCache
	buffers sync.Pool // *[]byte, of answers that were sent

	ctx    context.Context // ends when running aggregations must stop
	cancel context.CancelFunc
	work   sync.WaitGroup // the sweeper and the running aggregations

	mu     sync.Mutex
	closed bool
	runs   map[string]*run // by aggregation id

	turnedAway map[farmtally.FarmID]int // Starts that were throttled while one ran
}

// New makes a server and starts to sweep expired aggregations away. Close must be
// called in the end.
func New(config Config) (*Server, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	secret, err := config.Catalog.TokenSecret(context.Background())
	if err != nil {
		return nil, fmt.Errorf("read token secret: %w", err)
	}
	if len(secret) < leastSecret {
		return nil, farmtally.Errorf(farmtally.Corrupt, "the secret of page tokens has %d bytes, fewer than %d",
			len(secret), leastSecret)
	}
	s := &Server{config: config, log: config.Logger, now: config.Clock, runs: map[string]*run{}, turnedAway: map[farmtally.FarmID]int{}}
	s.tokens = tokens{secret: secret, now: config.Clock}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.metrics, s.exports = newMetrics(s), make(chan struct{}, exportsAtOnce)
	s.work.Go(s.sweepUntilClosed)
	return s, nil
}

// complete checks the required members and fills the others in.
func (c *Config) complete() error {
	switch {
	case c.Backend == nil || c.Catalog == nil:
		return farmtally.Errorf(farmtally.Internal, "a server needs a backend and a catalog")
	case c.CreateResult == nil || c.OpenResult == nil || c.RemoveResult == nil:
		return farmtally.Errorf(farmtally.Internal, "a server needs somewhere to keep results")
	case c.RunningPerFarm < 0 || c.RowLimit < 0 || c.TimeLimit < 0:
		return farmtally.Errorf(farmtally.Invalid, "a limit of a server can't be negative")
	case c.TimeLimit > Life:
		return farmtally.Errorf(farmtally.Invalid, "the time limit of an aggregation is %s; it can be %s at most, for that is how long it lives",
			c.TimeLimit, Life)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.RunningPerFarm == 0 {
		c.RunningPerFarm = DefaultRunningPerFarm
	}
	if c.RowLimit == 0 {
		c.RowLimit = DefaultRowLimit
	}
	if c.TimeLimit == 0 {
		c.TimeLimit = DefaultTimeLimit
	}
	return nil
}

// Handler answers the API's requests.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// Close ends the server's background work. It takes no further Start, and waits
// for the running aggregations until ctx ends; those left then stay InProgress in
// the catalog, so that Recover runs them at the next start. On return nothing of
// the server runs.
func (s *Server) Close(ctx context.Context) error {
	s.explorer.close()
	s.mu.Lock()
	s.closed = true
	running := make([]*run, 0, len(s.runs))
	for _, r := range s.runs {
		running = append(running, r)
	}
	s.mu.Unlock()
	for _, r := range running {
		select {
		case <-r.done:
		case <-ctx.Done():
		}
	}
	s.cancel()
	s.work.Wait()
	s.results.close()
	return nil
}
