package storage

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/farmtally/farmtally"
)

// FormatVersion is the version of the data folder that this program writes. It reads all
// earlier ones too; a folder keeps its version until something is written to it that
// programs of that version cannot read.
const FormatVersion = 3

// The names in a data folder.
const (
	catalogFile   = "catalog.db"
	segmentFolder = "segments"
	resultFolder  = "results"
	serveLock     = "serve.lock"
)

// busyTimeout is how long a transaction waits for another process's.
const busyTimeout = 60 * time.Second

// readers bounds the connections that read at once.
const readers = 6 // one of which is for watch, and one for the checkpointer

//go:embed schema.sql
var schema string

//go:embed schema3.sql
var schema3 string

// Config says which data folder to open.
type Config struct {
	// Dir is the data folder; it is made if it does not exist.
	Dir string
	// Clock gives the present; nil is time.Now.
	Clock func() time.Time
}

// Catalog is an open data folder. It is safe for concurrent use, and several
// processes may have one folder open.
type Catalog struct {
	dir    string
	clock  func() time.Time
	writer *sql.DB // one connection; its transactions are immediate
	reader *sql.DB
	watch  watch

	checkpointer checkpointer

	writing chan struct{}                 // full during a Write, which guards hot, listed, made and watches
	hot     map[farmtally.FarmID]*hotFarm // as of the last Write that asked for the farm
	listed  map[int64]*listed             // by segment, as of the last Write that asked for one
	made    int64                         // batches of hot records and segments that this process has added
	watches map[*DropWatch]bool
	views   hotViews
	jobs    jobNames

	formatVersion atomic.Int32 // the folder's, at least: another process may have raised it

	doubt atomic.Bool // whether the last commit failed in a way that may yet succeed
}

// Open opens a data folder or makes a new one, also while other processes do. It
// fails with Invalid where the folder belongs to another version or is something
// else, and with Denied where it cannot be written.
func Open(ctx context.Context, cfg Config) (*Catalog, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	c := &Catalog{
		dir: filepath.Clean(cfg.Dir), clock: cfg.Clock,
		writing: make(chan struct{}, 1), hot: map[farmtally.FarmID]*hotFarm{},
		listed: map[int64]*listed{}, watches: map[*DropWatch]bool{},
	}
	if err := makeFolder(c.dir); err != nil {
		return nil, c.foreign(ctx, err)
	}
	if err := c.connect(); err != nil {
		return nil, err
	}
	if err := c.prepare(ctx); err != nil {
		_ = c.Close() // the first error counts
		return nil, err
	}
	return c, nil
}

func (c *Catalog) connect() (err error) {
	path, err := filepath.Abs(filepath.Join(c.dir, catalogFile))
	if err != nil {
		return fmt.Errorf("find data folder: %w", err)
	}
	pragmas := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "synchronous(FULL)",
		"fullfsync(1)",          // of macOS, where fsync alone leaves the disk's own cache
		"wal_autocheckpoint(0)", // the checkpointer does it
	}}
	name := func(lock string) string {
		pragmas.Set("_txlock", lock)
		return (&url.URL{Scheme: "file", Path: path, RawQuery: pragmas.Encode()}).String()
	}
	if c.writer, err = sql.Open("sqlite", name("immediate")); err != nil {
		return fmt.Errorf("open catalog: %w", err)
	}
	c.writer.SetMaxOpenConns(1)
	if c.reader, err = sql.Open("sqlite", name("deferred")); err != nil {
		return fmt.Errorf("open catalog: %w", err)
	}
	c.reader.SetMaxOpenConns(readers)
	c.reader.SetMaxIdleConns(readers)
	return nil
}

// Close closes the folder.
func (c *Catalog) Close() error {
	c.checkpointer.end()
	err := errors.Join(c.watch.close(), c.writer.Close(), c.reader.Close())
	if err != nil {
		return fmt.Errorf("close catalog: %w", err)
	}
	return nil
}

// Dir is the data folder.
func (c *Catalog) Dir() string { return c.dir }

// SegmentPath is where a segment file of the name lies.
func (c *Catalog) SegmentPath(name string) string { return filepath.Join(c.dir, segmentFolder, name) }

// LockServer makes the caller the folder's one server until the lock is released.
// It fails with Unavailable where there is one already.
func (c *Catalog) LockServer(listen string) (*Lock, error) {
	lock, err := lockFile(filepath.Join(c.dir, serveLock), fmt.Sprintf("process %d at %s", os.Getpid(), listen))
	if e, ok := errors.AsType[*farmtally.Error](err); ok {
		return nil, &farmtally.Error{
			Kind: e.Kind, Message: fmt.Sprintf("the data folder %s is served already: %s", c.dir, e.Message),
			Hint: "stop that server, or give this one another folder with --data",
		}
	}
	return lock, err
}

// TokenSecret gives the 32 random bytes that authenticate this folder's page tokens.
func (c *Catalog) TokenSecret(ctx context.Context) ([]byte, error) {
	return c.meta(ctx, "token_secret")
}

func (c *Catalog) meta(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	err := c.reader.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", key).Scan(&value)
	if err != nil {
		return nil, fmt.Errorf("read catalog's %s: %w", key, explain(ctx, err))
	}
	return value, nil
}

func (c *Catalog) now() farmtally.Instant { return farmtally.InstantOf(c.clock()) }

// update runs do in a transaction that no other process's writing can overlap.
func (c *Catalog) update(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := c.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", explain(ctx, err))
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the first error counts
		return explain(ctx, err)
	}
	if err := tx.Commit(); err != nil {
		if sqliteCode(err) == sqlite3.SQLITE_IOERR {
			c.doubt.Store(true)
		}
		return fmt.Errorf("commit transaction: %w", explain(ctx, err))
	}
	c.doubt.Store(false)
	c.committed()
	return nil
}

// settle makes sure that a failed commit cannot come back: what it wrote to the log
// may be whole although the disk did not confirm it, and would count after a crash.
// Another commit takes its place in the log.
func (c *Catalog) settle(ctx context.Context) error {
	if !c.doubt.Load() {
		return nil
	}
	return c.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE meta SET value = value WHERE key = 'format'")
		return err
	})
}

// query calls scan for every row of an answer.
func query(ctx context.Context, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, scan func(*sql.Rows) error, text string, args ...any) error {
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return fmt.Errorf("ask catalog: %w", explain(ctx, err))
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("read catalog: %w", explain(ctx, err))
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read catalog: %w", explain(ctx, err))
	}
	return nil
}
