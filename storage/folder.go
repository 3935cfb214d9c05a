package storage

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/farmtally/farmtally"
)

// makeFolder makes a folder, and those above it, that do not exist; their names are
// durable when it returns.
func makeFolder(path string) error {
	stat, err := os.Stat(path)
	switch {
	case err == nil && !stat.IsDir():
		return &farmtally.Error{
			Kind: farmtally.Invalid, Message: path + " is a file and no data folder", Hint: "give a folder with --data",
		}
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("make data folder: %w", err)
	}
	above := filepath.Dir(path)
	if err := makeFolder(above); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make data folder: %w", err)
	}
	return syncFolder(above)
}

// prepare makes a new catalog and checks the version of an old one. What is no
// catalog of this version is left as it is, to the byte.
func (c *Catalog) prepare(ctx context.Context) error {
	version, err := c.version(ctx)
	if err == nil && version == "" {
		version, err = c.make(ctx)
	}
	if err != nil {
		return c.foreign(ctx, err)
	}
	number, err := strconv.Atoi(version)
	if err != nil || number < 1 || number > FormatVersion {
		return &farmtally.Error{
			Kind:    farmtally.Invalid,
			Message: fmt.Sprintf("the data folder %s has format version %s; this program reads versions 1 to %d", c.dir, version, FormatVersion),
			Hint:    "use the farmtally that wrote it, or another folder with --data",
		}
	}
	c.formatVersion.Store(int32(number)) //nolint:gosec // it is one of few
	if err := c.writeAhead(ctx); err != nil {
		return c.foreign(ctx, err)
	}
	if err := c.addTables(ctx, number); err != nil {
		return c.foreign(ctx, err)
	}
	for _, folder := range []string{segmentFolder, resultFolder} {
		if err := makeFolder(filepath.Join(c.dir, folder)); err != nil {
			return c.foreign(ctx, err)
		}
	}
	return nil
}

// addTables adds the tables that later versions have, and programs of earlier ones pass over.
func (c *Catalog) addTables(ctx context.Context, version int) error {
	if version >= listVersion {
		return nil
	}
	return c.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, schema3)
		return err
	})
}

var errForeign = errors.New("it holds something else")

// version is the catalog's format version, "" where it has yet to be made.
func (c *Catalog) version(ctx context.Context) (string, error) {
	if some, err := isDatabase(filepath.Join(c.dir, catalogFile)); err != nil || !some {
		return "", err
	}
	var tables, meta int
	err := c.reader.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(name = 'meta'), 0) FROM sqlite_schema").Scan(&tables, &meta)
	switch {
	case err != nil:
		return "", err
	case tables == 0:
		return "", nil
	case meta == 0:
		return "", errForeign
	}
	version, err := c.meta(ctx, "format")
	if errors.Is(err, sql.ErrNoRows) {
		return "", errForeign
	}
	return string(version), err
}

// leastDatabase is the size of the smallest SQLite database: SQLite itself would
// write over a smaller file.
const leastDatabase = 512

// isDatabase reports whether there is a file that may be a database, and not only
// the place for one. It does not open the file, for closing it again would drop the
// locks that SQLite has on it anywhere in this process.
func isDatabase(path string) (bool, error) {
	stat, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case stat.Size() > 0 && stat.Size() < leastDatabase:
		return false, errForeign
	}
	return stat.Size() > 0, nil
}

// make makes the catalog, unless another process has just done so, and gives its
// version. The lock is on the folder itself, so that none of it stays behind.
func (c *Catalog) make(ctx context.Context) (string, error) {
	lock, err := lockFolder(ctx, c.dir)
	if err != nil {
		return "", err
	}
	defer lock.Release(false)
	if version, err := c.version(ctx); err != nil || version != "" {
		return version, err
	}
	if err := c.writeAhead(ctx); err != nil {
		return "", err
	}
	err = c.update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, schema+schema3); err != nil {
			return err
		}
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
		_, err := tx.ExecContext(ctx, "INSERT INTO meta VALUES ('format', ?), ('token_secret', ?)",
			[]byte(strconv.Itoa(FormatVersion)), secret)
		return err
	})
	if err != nil {
		return "", err
	}
	return strconv.Itoa(FormatVersion), syncFolder(c.dir)
}

// writeAhead puts the catalog into SQLite's write-ahead mode, which its file keeps:
// only a new one, and one restored from a copy without it, needs that.
func (c *Catalog) writeAhead(ctx context.Context) error {
	for deadline := time.Now().Add(busyTimeout); ; {
		var mode string
		err := c.writer.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode)
		if err == nil && mode != "wal" {
			err = c.writer.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		}
		switch {
		case err == nil && mode != "wal":
			return &farmtally.Error{
				Kind: farmtally.Invalid, Message: fmt.Sprintf("the file system of %s cannot hold a catalog: it shares no memory", c.dir),
				Hint: "give a folder on a local disk with --data",
			}
		case sqliteCode(err) != sqlite3.SQLITE_BUSY || time.Now().After(deadline):
			return err
		}
		// SQLite itself does not wait for the others' locks here.
		if err := pause(ctx, retryEvery); err != nil {
			return err
		}
	}
}

// retryEvery is how long to wait before another look at a lock.
const retryEvery = 5 * time.Millisecond

// pause waits, or until the context ends.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
