// Package engine is the embedded backend: records on the local disk, and answers
// from scans of mapped columns on every core.
package engine

import (
	"errors"
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
	// PieceRecords is how many records of a segment are worth a worker of their own, where
	// there are fewer segments to scan than keep all workers busy; 0 is DefaultPieceRecords.
	PieceRecords int64
	// CacheBytes is how much memory keeps what queries found in segments, for the next
	// query of the same kind; 0 is DefaultCacheBytes, negative keeps nothing.
	CacheBytes int64
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
	zones    map[int64]*zones           // of open segments, by id
	retired  map[int64]int64            // open segments that are not the farm's any more: the latest user who may hold them
	inUse    sync.WaitGroup             // snapshots and imports
	wake     chan struct{}              // something new may be worth compacting
	cache    *cache
	hot      map[farmtally.FarmID]map[int64]*hotPart // those that the latest query asked, by id
	ahead    map[farmtally.FarmID]farmSegments       // as of the latest pushes

	unmapping sync.WaitGroup // of retired segments

	appends appends
	sealer  sealer

	behind   int64  // how much an import's transaction looks at, of what came in between
	prepared func() // called before that transaction
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
	if cfg.PieceRecords == 0 {
		cfg.PieceRecords = DefaultPieceRecords
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = DefaultCacheBytes
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		cfg: cfg, catalog: cfg.Catalog,
		segments: map[int64]*storage.Segment{}, zones: map[int64]*zones{}, retired: map[int64]int64{}, users: users{active: map[int64]bool{}},
		wake: make(chan struct{}, 1), cache: newCache(cfg.CacheBytes), hot: map[farmtally.FarmID]map[int64]*hotPart{},
		ahead: map[farmtally.FarmID]farmSegments{}, behind: behindRecords, prepared: func() {},
	}
	e.appends.turn = make(chan struct{}, 1)
	e.sealer.begin()
	return e
}

// Close ends the sealing in the background, waits for the snapshots and imports that are
// open, and unmaps the segments.
func (e *Engine) Close() error {
	e.sealer.end()
	e.inUse.Wait()
	e.unmapping.Wait()
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
	if s := e.openSegment(info.ID, nil); s != nil {
		return s, nil
	}
	s, err := storage.OpenSegment(e.catalog.SegmentPath(info.File), info)
	if err != nil {
		return nil, err
	}
	if first := e.openSegment(info.ID, s); first != s {
		return first, s.Close()
	}
	return s, nil
}

// openSegment gives the open segment of the id: the one given, where there is none yet.
func (e *Engine) openSegment(id int64, fresh *storage.Segment) *storage.Segment {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.segments[id]; s != nil {
		delete(e.retired, id)
		return s
	}
	if fresh != nil {
		e.segments[id] = fresh
	}
	return fresh
}

// adopt makes segments that the caller wrote, and that the catalog has just come to know
// by the ids, open ones of the engine: whoever needs one next, in a transaction perhaps,
// neither opens it nor verifies a column. It gives those that are open already, which are
// the caller's to close. The caller is a user.
func (e *Engine) adopt(segments []*storage.Segment, ids []int64) (left []*storage.Segment) {
	for i, s := range segments {
		s.Info.ID = ids[i]
		if e.openSegment(ids[i], s) != s {
			left = append(left, s)
		}
	}
	return left
}

// accept makes a valid record ready to be stored.
func accept(r *farmtally.Record) error {
	if err := r.Accept(); err != nil {
		return &farmtally.Error{Kind: farmtally.Invalid, Message: "record " + r.RecordID + " cannot be priced", Err: err}
	}
	return nil
}
