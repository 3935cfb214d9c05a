package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// watch is a connection that only asks whether another has changed the catalog.
type watch struct {
	mu      sync.Mutex
	conn    *sql.Conn
	ask     *sql.Stmt
	session int64 // counts connections: only the answers of one can be compared
}

// Version is a number that changes with every change of the catalog, by this process
// or another. It costs a few microseconds.
func (c *Catalog) Version(ctx context.Context) (int64, error) {
	w := &c.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	// The connection outlives the caller's wish.
	ctx = context.WithoutCancel(ctx)
	if w.ask == nil {
		if err := w.begin(ctx, c.reader); err != nil {
			return 0, err
		}
	}
	var version int64
	if err := w.ask.QueryRowContext(ctx).Scan(&version); err != nil {
		_ = w.end() // the first error counts
		return 0, fmt.Errorf("read version of catalog: %w", explain(ctx, err))
	}
	return w.session<<32 | version, nil
}

// begin takes a connection out of the pool.
func (w *watch) begin(ctx context.Context, db *sql.DB) (err error) {
	w.session++
	if w.conn, err = db.Conn(ctx); err != nil {
		return fmt.Errorf("watch catalog: %w", explain(ctx, err))
	}
	if w.ask, err = w.conn.PrepareContext(ctx, "PRAGMA data_version"); err != nil {
		_ = w.end() // the first error counts
		return fmt.Errorf("watch catalog: %w", explain(ctx, err))
	}
	return nil
}

func (w *watch) end() error {
	if w.conn == nil {
		return nil
	}
	var err error
	if w.ask != nil {
		err = w.ask.Close()
	}
	err = errors.Join(err, w.conn.Close())
	w.conn, w.ask = nil, nil
	return err
}

func (w *watch) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.end()
}
