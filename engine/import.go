package engine

import (
	"context"
	"fmt"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// Import implements farmtally.Backend. Its records go to segment files of their
// own, which one transaction makes visible.
func (e *Engine) Import(context.Context) (farmtally.Import, error) {
	batch, err := e.catalog.BeginBatch()
	if err != nil {
		return nil, fmt.Errorf("begin import: %w", err)
	}
	return &load{engine: e, batch: batch, farms: map[farmtally.FarmID]*farmLoad{}, unpin: e.use()}, nil
}

// load is an import under way. What was collected is written in the background while
// the next records are collected: two segments' records are in memory at most.
type load struct {
	engine *Engine
	batch  *storage.Batch
	names  storage.Names
	farms  map[farmtally.FarmID]*farmLoad
	last   *farmLoad // of the last record
	rows   int       // collected and not yet being written, in all farms
	counts farmtally.Counts
	ended  bool
	unpin  func()

	writing chan error // gives the outcome of the write under way; nil: none is
	written *chunk     // the chunk of the last write, to be used again after it
	failed  error      // the first error of a write
}

// Add implements farmtally.Import. What made the record has validated it.
func (l *load) Add(ctx context.Context, record *farmtally.Record) error {
	r := *record
	if err := accept(&r); err != nil {
		return err
	}
	f, err := l.farm(ctx, r.FarmID)
	if err != nil {
		return err
	}
	l.names.Note(&r)
	f.chunk.add(&r)
	l.rows++
	return l.collected(ctx, f)
}

// AddTable implements farmtally.Import.
func (l *load) AddTable(ctx context.Context, table *farmtally.Table) error {
	f, err := l.farm(ctx, table.FarmID)
	if err != nil {
		return err
	}
	l.names.NoteTable(table)
	for rest := *table; rest.Len() > 0; {
		room := l.engine.cfg.SegmentRecords - l.rows
		n := f.chunk.builder.AddTable(&rest, f.chunk.len()+room)
		l.rows += n
		if err := l.collected(ctx, f); err != nil {
			return err
		}
		rest = rest.Slice(n, rest.Len())
	}
	return nil
}

func (l *load) farm(ctx context.Context, id farmtally.FarmID) (*farmLoad, error) {
	if l.last != nil && l.last.farm == id {
		return l.last, nil
	}
	f := l.farms[id]
	if f == nil {
		var err error
		if f, err = l.openFarm(ctx, id); err != nil {
			return nil, err
		}
		l.farms[id] = f
	}
	l.last = f
	return f, nil
}

// collected writes what has been collected if it is enough: of the farm that has
// collected most, to bound the memory of an import of many farms.
func (l *load) collected(ctx context.Context, f *farmLoad) error {
	if l.rows < l.engine.cfg.SegmentRecords && !f.chunk.builder.Full() {
		return nil
	}
	if !f.chunk.builder.Full() {
		for _, other := range l.farms {
			if other.chunk.len() > f.chunk.len() {
				f = other
			}
		}
	}
	return l.flush(ctx, f)
}

// flush begins to write what the farm has collected, when the write before has ended.
func (l *load) flush(ctx context.Context, f *farmLoad) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.settled(); err != nil {
		return err
	}
	full := f.chunk
	f.chunk, l.written = l.written, full
	if f.chunk == nil {
		f.chunk = &chunk{}
	}
	l.rows -= full.len()
	done := make(chan error, 1)
	l.writing = done
	go func() { done <- f.flush(l.batch, full, &l.counts) }()
	return nil
}

// settled waits for the write under way, and gives the first error of any.
func (l *load) settled() error {
	if l.writing != nil {
		if err := <-l.writing; err != nil && l.failed == nil {
			l.failed = err
		}
		l.writing = nil
	}
	return l.failed
}

// Commit implements farmtally.Import.
func (l *load) Commit(ctx context.Context) (farmtally.Counts, error) {
	for _, f := range l.farms {
		if err := l.flush(ctx, f); err != nil {
			return farmtally.Counts{}, fmt.Errorf("commit import: %w", err)
		}
	}
	if err := l.settled(); err != nil {
		return farmtally.Counts{}, fmt.Errorf("commit import: %w", err)
	}
	if err := l.commit(ctx); err != nil {
		return farmtally.Counts{}, fmt.Errorf("commit import: %w", err)
	}
	return l.counts, l.end(ctx)
}

// Abort implements farmtally.Import.
func (l *load) Abort() error {
	if l.ended {
		return nil
	}
	return l.end(context.Background())
}

// end closes what the import opened and removes the files that did not become
// visible.
func (l *load) end(ctx context.Context) error {
	_ = l.settled() // Commit has given its error, or there was none
	l.ended = true
	defer l.unpin()
	defer l.engine.wakeCompaction()
	for _, f := range l.farms {
		for _, p := range f.pending {
			if err := p.segment.Close(); err != nil {
				return fmt.Errorf("end import: %w", err)
			}
		}
	}
	if err := l.batch.Close(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("end import: %w", err)
	}
	return nil
}
