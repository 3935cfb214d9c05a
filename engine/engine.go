// Package engine is the embedded backend: records on the local disk, and answers
// from scans of mapped columns on every core.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// DefaultSealRecords is how many ended hot records of a farm are moved to a
// segment at once.
const DefaultSealRecords = 100_000

// Config says what an Engine works on and how.
type Config struct {
	// Catalog is the data folder; it stays the caller's to close, after the Engine.
	Catalog *storage.Catalog
	// Workers is how many segments are scanned at once; 0 is the number of cores.
	Workers int
	// SegmentRecords is the most records of a segment; 0 is storage.SegmentRecords.
	SegmentRecords int
	// SealRecords is how many ended hot records of a farm make a segment; 0 is
	// DefaultSealRecords, negative never seals by itself.
	SealRecords int
	// Logger takes what happens behind the callers' backs; nil drops it.
	Logger *slog.Logger
}

// Engine is the embedded farmtally.Backend. It is safe for concurrent use, also by
// several processes on one data folder.
type Engine struct {
	cfg     Config
	catalog *storage.Catalog

	mu       sync.Mutex
	segments map[int64]*storage.Segment // open, by id
	users    users                      // who may hold open segments
	retired  map[int64]int64            // open segments that are not the farm's any more: the latest user who may hold them
	inUse    sync.WaitGroup             // snapshots and imports
	wake     chan struct{}              // something new may be worth compacting

	sealing sync.Mutex                 // guards ended; held while sealing
	ended   map[farmtally.FarmID]int64 // at least the number of ended hot records
}

var _ farmtally.Backend = (*Engine)(nil)

// Open opens the engine on a catalog. It reads no records.
func Open(cfg Config) *Engine {
	if cfg.Workers == 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.SegmentRecords == 0 {
		cfg.SegmentRecords = storage.SegmentRecords
	}
	if cfg.SealRecords == 0 {
		cfg.SealRecords = DefaultSealRecords
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		cfg: cfg, catalog: cfg.Catalog,
		segments: map[int64]*storage.Segment{}, retired: map[int64]int64{}, users: users{active: map[int64]bool{}},
		wake: make(chan struct{}, 1), ended: map[farmtally.FarmID]int64{},
	}
}

// Close waits for the snapshots and imports that are open, and unmaps the segments.
func (e *Engine) Close() error {
	e.inUse.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	var err error
	for id, s := range e.segments {
		err = errors.Join(err, s.Close())
		delete(e.segments, id)
	}
	return err
}

// segment gives the open segment that the catalog describes. The caller is a user.
func (e *Engine) segment(info storage.SegmentInfo) (*storage.Segment, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.segments[info.ID]; s != nil {
		delete(e.retired, info.ID)
		return s, nil
	}
	s, err := storage.OpenSegment(e.catalog.SegmentPath(info.File), info)
	if err != nil {
		return nil, err
	}
	e.segments[info.ID] = s
	return s, nil
}

// Append implements farmtally.Backend. The records stay hot until they have ended
// and are sealed into a segment.
func (e *Engine) Append(ctx context.Context, records []farmtally.Record) ([]farmtally.Outcome, error) {
	accepted := make([]farmtally.Record, len(records))
	var names storage.Names
	for i := range records {
		accepted[i] = records[i]
		if err := accept(&accepted[i]); err != nil {
			return nil, err
		}
		names.Note(&accepted[i])
	}
	defer e.use()()
	outcomes := make([]farmtally.Outcome, len(records))
	err := e.catalog.Write(ctx, func(tx *storage.Tx) error {
		if err := tx.Name(ctx, &names); err != nil {
			return err
		}
		return e.putAll(ctx, tx, accepted, outcomes)
	})
	if err != nil {
		return nil, fmt.Errorf("append records: %w", err)
	}
	e.sealFull(ctx, accepted)
	return outcomes, nil
}

func accept(r *farmtally.Record) error {
	if fields := r.Validate(); len(fields) > 0 {
		return &farmtally.Error{Kind: farmtally.Invalid, Message: "record " + r.RecordID + " breaks a rule", Fields: fields}
	}
	if err := r.Accept(); err != nil {
		return &farmtally.Error{Kind: farmtally.Invalid, Message: "record " + r.RecordID + " cannot be priced", Err: err}
	}
	return nil
}
