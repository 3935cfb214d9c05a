package storage

import (
	"context"
	"fmt"
)

// DropWatch collects the rows that are dropped from segments, so that a transaction that
// wants to know the latest need not look at all that ever were.
type DropWatch struct {
	catalog *Catalog
	rows    []DroppedRows
	others  int64 // batches and segments that other processes had made when it began
}

// WatchDrops begins to collect what is dropped from any segment. What was dropped before,
// whoever reads the catalog later sees.
func (c *Catalog) WatchDrops(ctx context.Context) (*DropWatch, error) {
	w := &DropWatch{catalog: c}
	return w, c.Write(ctx, func(tx *Tx) (err error) {
		w.others, err = tx.madeByOthers(ctx)
		tx.Then(func() { c.watches[w] = true })
		return err
	})
}

// End ends it.
func (w *DropWatch) End() {
	w.catalog.writing <- struct{}{}
	delete(w.catalog.watches, w)
	<-w.catalog.writing
}

// DroppedSince gives the rows that were dropped since the watch began, in any order. It
// does not know them where another process has written meanwhile.
func (t *Tx) DroppedSince(ctx context.Context, w *DropWatch) (rows []DroppedRows, known bool, err error) {
	others, err := t.madeByOthers(ctx)
	return w.rows, others == w.others, err
}

// madeByOthers counts the batches and segments that other processes have made, by the ids
// that were given. Whoever drops a row puts its record into one of either, so that where
// the number is the same, no other process has dropped any.
func (t *Tx) madeByOthers(ctx context.Context) (n int64, err error) {
	err = t.tx.QueryRowContext(ctx, "SELECT coalesce(sum(seq), 0) FROM sqlite_sequence WHERE name IN ('hot', 'segments')").Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("read last ids: %w", explain(ctx, err))
	}
	return n - t.catalog.made - t.made, nil
}
