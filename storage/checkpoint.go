package storage

import (
	"context"
	"sync"
)

// A commit does not copy the log's pages into the catalog's file, as SQLite would have it:
// whoever pushes would wait for that, now and then, and it takes long where there are
// many. The checkpointer does it in the background, so many pages at once as a push may
// have to wait for when it syncs the log meanwhile.
const (
	checkpointPages = gentlePace >> 12
	// logPages are those after which the log is to begin anew, for which all of it must be
	// copied. The pages that came last are copied while nobody writes.
	logPages = 8192
)

// checkpointer copies the log's pages into the catalog's file.
type checkpointer struct {
	begin   sync.Once
	wake    chan struct{}
	stop    context.CancelFunc
	running sync.WaitGroup
	tried   int // how long the log was when it was last to begin anew
}

// committed wakes the checkpointer.
func (c *Catalog) committed() {
	p := &c.checkpointer
	p.begin.Do(func() {
		var ctx context.Context
		ctx, p.stop = context.WithCancel(context.Background())
		p.wake = make(chan struct{}, 1)
		p.running.Go(func() {
			for ctx.Err() == nil {
				select {
				case <-p.wake:
					_ = c.checkpoint(ctx) // the log grows until it succeeds
				case <-ctx.Done():
				}
			}
		})
	})
	select {
	case p.wake <- struct{}{}:
	default: // it will look
	}
}

// end ends the work in the background. There is no commit any more.
func (p *checkpointer) end() {
	p.begin.Do(func() { p.stop = func() {} })
	p.stop()
	p.running.Wait()
}

// checkpoint does what there is to do.
func (c *Catalog) checkpoint(ctx context.Context) error {
	pages, copied, err := c.log(ctx, "NOOP")
	if err == nil && pages-copied >= checkpointPages {
		pages, _, err = c.log(ctx, "PASSIVE")
	}
	p := &c.checkpointer
	if pages < p.tried {
		p.tried = 0
	}
	if err != nil || pages < logPages || pages-p.tried < checkpointPages {
		return err
	}
	p.tried = pages
	// This connection is the writer's: the next transaction finds all copied, and begins
	// the log anew, if nobody reads from it.
	var busy int
	return c.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &copied)
}

// log runs a checkpoint, beside writers, and gives how many pages the log has and how
// many of them have been copied.
func (c *Catalog) log(ctx context.Context, mode string) (pages, copied int, err error) {
	var busy int
	err = c.reader.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &pages, &copied)
	return pages, copied, explain(ctx, err)
}
