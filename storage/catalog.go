package storage

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/farmtally/farmtally"
)

// FormatVersion is the version of the data folder that this program reads and
// writes.
const FormatVersion = 1

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
const readers = 4

//go:embed schema.sql
var schema string

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
}

// Open opens a data folder or makes a new one. It fails with Invalid where the
// folder belongs to another version or is something else.
func Open(ctx context.Context, cfg Config) (*Catalog, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	for _, dir := range []string{cfg.Dir, filepath.Join(cfg.Dir, segmentFolder), filepath.Join(cfg.Dir, resultFolder)} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, fmt.Errorf("make data folder: %w", err)
		}
	}
	c := &Catalog{dir: cfg.Dir, clock: cfg.Clock}
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
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)",
		"wal_autocheckpoint(8192)", // 32 MiB: pushes write the same pages again and again
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

// prepare makes the schema in a new catalog and checks the version of an old one.
func (c *Catalog) prepare(ctx context.Context) error {
	err := c.update(ctx, func(tx *sql.Tx) error {
		var tables int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
			return err
		}
		if tables > 0 {
			return nil
		}
		if _, err := tx.ExecContext(ctx, schema); err != nil {
			return err
		}
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
		_, err := tx.ExecContext(ctx, "INSERT INTO meta VALUES ('format', ?), ('token_secret', ?)",
			[]byte(strconv.Itoa(FormatVersion)), secret)
		return err
	})
	if err != nil {
		return c.foreign(err)
	}
	version, err := c.meta(ctx, "format")
	if err != nil {
		return c.foreign(err)
	}
	if string(version) != strconv.Itoa(FormatVersion) {
		return &farmtally.Error{
			Kind:    farmtally.Invalid,
			Message: fmt.Sprintf("the data folder %s has format version %s; this program reads version %d", c.dir, version, FormatVersion),
			Hint:    "use the farmtally that wrote it, or another folder with --data",
		}
	}
	return nil
}

// foreign explains why a catalog cannot be read.
func (c *Catalog) foreign(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &farmtally.Error{
		Kind: farmtally.Invalid, Message: fmt.Sprintf("%s is no farmtally catalog that can be used", filepath.Join(c.dir, catalogFile)), Err: err,
		Hint: "give another folder with --data, or restore the file from a backup",
	}
}

// Close closes the folder.
func (c *Catalog) Close() error {
	err := errors.Join(c.writer.Close(), c.reader.Close())
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
		return nil, fmt.Errorf("read catalog's %s: %w", key, err)
	}
	return value, nil
}

func (c *Catalog) now() farmtally.Instant { return farmtally.InstantOf(c.clock()) }

// update runs do in a transaction that no other process's writing can overlap.
func (c *Catalog) update(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := c.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the first error counts
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

// query calls scan for every row of an answer.
func query(ctx context.Context, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, scan func(*sql.Rows) error, text string, args ...any) error {
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return fmt.Errorf("ask catalog: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("read catalog: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read catalog: %w", err)
	}
	return nil
}
