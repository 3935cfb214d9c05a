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

// load is an import under way.
type load struct {
	engine *Engine
	batch  *storage.Batch
	names  storage.Names
	farms  map[farmtally.FarmID]*farmLoad
	rows   int // collected and not yet written, in all farms
	counts farmtally.Counts
	ended  bool
	unpin  func()
}

// Add implements farmtally.Import.
func (l *load) Add(ctx context.Context, record *farmtally.Record) error {
	r := *record
	if err := accept(&r); err != nil {
		return err
	}
	f := l.farms[r.FarmID]
	if f == nil {
		var err error
		if f, err = l.openFarm(ctx, r.FarmID); err != nil {
			return err
		}
		l.farms[r.FarmID] = f
	}
	l.names.Note(&r)
	f.chunk.add(&r)
	if l.rows++; l.rows >= l.engine.cfg.SegmentRecords || f.chunk.builder.Full() {
		return l.flushLargest(ctx)
	}
	return nil
}

// flushLargest writes the farm that has collected most, to bound the memory of an
// import of many farms.
func (l *load) flushLargest(ctx context.Context) error {
	var largest *farmLoad
	for _, f := range l.farms {
		if largest == nil || f.chunk.len() > largest.chunk.len() {
			largest = f
		}
	}
	return l.flush(ctx, largest)
}

func (l *load) flush(ctx context.Context, f *farmLoad) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.rows -= f.chunk.len()
	return f.flush(l.batch, &l.counts)
}

// Commit implements farmtally.Import.
func (l *load) Commit(ctx context.Context) (farmtally.Counts, error) {
	for _, f := range l.farms {
		if err := l.flush(ctx, f); err != nil {
			return farmtally.Counts{}, fmt.Errorf("commit import: %w", err)
		}
	}
	err := l.engine.catalog.Write(ctx, func(tx *storage.Tx) error {
		if err := tx.Name(ctx, &l.names); err != nil {
			return err
		}
		for _, f := range l.farms {
			if err := f.commit(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
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
