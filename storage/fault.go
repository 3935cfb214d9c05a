package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/farmtally/farmtally"
)

// explain tells what a failure of the catalog means. Where the context has ended it
// is the context's error: SQLite and database/sql tell of the transaction that they
// rolled back for it. Elsewhere the user gets a sentence on what SQLite met.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		if errors.Is(err, ended) {
			return err
		}
		return fmt.Errorf("%w: %w", ended, err)
	}
	if _, told := errors.AsType[*farmtally.Error](err); told {
		return err
	}
	switch sqliteCode(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return &farmtally.Error{
			Kind: farmtally.Unavailable, Message: "another process holds the catalog", Err: err,
			Hint: "try again when it has ended, or stop it",
		}
	case sqlite3.SQLITE_FULL:
		return &farmtally.Error{
			Kind: farmtally.Unavailable, Message: "the disk of the data folder is full", Err: err,
			Hint: "make room and try again; nothing of this was stored",
		}
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return &farmtally.Error{
			Kind: farmtally.Denied, Message: "the catalog cannot be written", Err: err,
			Hint: "give farmtally the right to write in the data folder",
		}
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damagedCatalog(err)
	}
	return err
}

// sqliteCode is SQLite's primary result code, 0 where the error is none of SQLite's.
func sqliteCode(err error) int {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return 0
	}
	return e.Code() & 0xFF
}

func damagedCatalog(err error) error {
	return &farmtally.Error{
		Kind: farmtally.Corrupt, Message: "the catalog is damaged", Err: err,
		Hint: "restore the data folder from a backup",
	}
}

// foreign explains why a folder cannot be opened.
func (c *Catalog) foreign(ctx context.Context, err error) error {
	path := filepath.Join(c.dir, catalogFile)
	switch code := sqliteCode(err); {
	case ctx.Err() != nil:
		return explain(ctx, err)
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || farmtally.KindOf(explain(ctx, err)) == farmtally.Denied:
		return &farmtally.Error{
			Kind: farmtally.Denied, Message: fmt.Sprintf("the data folder %s cannot be written", c.dir), Err: err,
			Hint: "give farmtally the right to write in it, or use another folder with --data",
		}
	case errors.Is(err, errForeign) || code == sqlite3.SQLITE_NOTADB || code == sqlite3.SQLITE_ERROR:
		return &farmtally.Error{
			Kind: farmtally.Invalid, Message: path + " is no farmtally catalog", Err: err,
			Hint: "give another folder with --data, or restore the file from a backup",
		}
	default:
		return fmt.Errorf("open %s: %w", path, explain(ctx, err))
	}
}
