package storage

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
)

// sqliteFile makes a SQLite database by the statements.
func sqliteFile(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	try(t, err)
	for _, s := range statements {
		_, err := db.ExecContext(context.Background(), s)
		try(t, err)
	}
	try(t, db.Close())
}

// Two catalogs of one folder see each other's writing at once, and have one secret.
func TestOpenTwice(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	a, b := open(t, dir), open(t, dir)
	secretA, err := a.TokenSecret(ctx)
	try(t, err)
	secretB, err := b.TokenSecret(ctx)
	try(t, err)
	if len(secretA) != 32 || !bytes.Equal(secretA, secretB) || bytes.Equal(secretA, make([]byte, 32)) {
		t.Errorf("secrets %x and %x", secretA, secretB)
	}
	record := ended("r", 1)
	try(t, a.Write(ctx, func(tx *Tx) error { return tx.PutHot(ctx, []farmtally.Record{record}) }))
	view, err := b.View(ctx, farmA)
	if err != nil || !slices.Equal(view.Hot.sorted(), []farmtally.Record{record}) {
		t.Errorf("view %+v, error %v", view, err)
	}
}

// Every commit is synced: the pragma is one of each connection.
func TestDurablePragmas(t *testing.T) {
	c := open(t, t.TempDir())
	for name, db := range map[string]*sql.DB{"writer": c.writer, "reader": c.reader} {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "fullfsync": "1", "busy_timeout": "60000"} {
			var got string
			try(t, db.QueryRowContext(context.Background(), "PRAGMA "+pragma).Scan(&got))
			if got != want {
				t.Errorf("%s of the %s is %s, want %s", pragma, name, got, want)
			}
		}
	}
}

func TestOtherFormatVersion(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	sqliteFile(t, filepath.Join(dir, catalogFile), "UPDATE meta SET value = CAST('4' AS BLOB) WHERE key = 'format'")
	_, err := Open(context.Background(), Config{Dir: dir})
	wantKind(t, err, farmtally.Invalid)
	want := "the data folder " + dir + " has format version 4; this program reads versions 1 to 3; use the farmtally that wrote it, or another folder with --data"
	if err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

// A folder that holds something else is refused and left as it is.
func TestForeignFolders(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, path string){
		"text": func(t *testing.T, path string) {
			try(t, os.WriteFile(path, bytes.Repeat([]byte("text\n"), 5000), 0o600))
		},
		"short":       func(t *testing.T, path string) { try(t, os.WriteFile(path, []byte{1}, 0o600)) },
		"other":       func(t *testing.T, path string) { sqliteFile(t, path, "CREATE TABLE books (title TEXT)") },
		"other meta":  func(t *testing.T, path string) { sqliteFile(t, path, "CREATE TABLE meta (key TEXT, value BLOB)") },
		"other shape": func(t *testing.T, path string) { sqliteFile(t, path, "CREATE TABLE meta (x INT)") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, catalogFile)
			make(t, path)
			before, err := os.ReadFile(path)
			try(t, err)
			_, err = Open(context.Background(), Config{Dir: dir})
			wantKind(t, err, farmtally.Invalid)
			e, _ := errors.AsType[*farmtally.Error](err)
			if e.Message != path+" is no farmtally catalog" || e.Hint == "" {
				t.Errorf("message %q, hint %q", e.Message, e.Hint)
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file has changed, error %v", err)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("the folder has %v, error %v", entries, err)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	try(t, os.WriteFile(file, nil, 0o600))
	_, err := Open(context.Background(), Config{Dir: file})
	wantKind(t, err, farmtally.Invalid)
}

// A damaged page of the catalog is an error of kind Corrupt where SQLite notices.
func TestDamagedCatalog(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	try(t, c.Write(context.Background(), func(tx *Tx) error {
		r := ended("r", 1)
		return tx.PutHot(context.Background(), []farmtally.Record{r})
	}))
	try(t, c.Close())
	path := filepath.Join(dir, catalogFile)
	data, err := os.ReadFile(path)
	try(t, err)
	for i := 200; i < len(data); i++ {
		data[i] = 0xA5
	}
	try(t, os.WriteFile(path, data, 0o600))
	_, err = Open(context.Background(), Config{Dir: dir})
	wantKind(t, err, farmtally.Corrupt)
}

// A catalog that never got its tables, as a crash within the first moments of a
// folder leaves it, is made.
func TestHalfMadeCatalog(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, path string){
		"empty file": func(t *testing.T, path string) { try(t, os.WriteFile(path, nil, 0o600)) },
		"no tables":  func(t *testing.T, path string) { sqliteFile(t, path, "PRAGMA journal_mode = WAL") },
		"no folders": func(t *testing.T, path string) {
			c := open(t, filepath.Dir(path))
			try(t, os.RemoveAll(filepath.Join(c.Dir(), segmentFolder)))
			try(t, os.RemoveAll(filepath.Join(c.Dir(), resultFolder)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			make(t, filepath.Join(dir, catalogFile))
			_, s, err := writeBatch(open(t, dir), 3)
			try(t, err)
			try(t, s.Close())
		})
	}
}

// A copy that SQLite made by VACUUM INTO is not in write-ahead mode; it is again
// once it is opened, also by several at once.
func TestRestoredCatalog(t *testing.T) {
	ctx, from, to := context.Background(), t.TempDir(), t.TempDir()
	key, err := open(t, from).CreateKey(ctx, "ada")
	try(t, err)
	sqliteFile(t, filepath.Join(from, catalogFile), "VACUUM INTO '"+filepath.Join(to, catalogFile)+"'")
	together(t, to, 4)
	c := open(t, to)
	var mode string
	try(t, c.reader.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode))
	got, err := c.Key(ctx, key.ID)
	if mode != "wal" || err != nil || !reflect.DeepEqual(got, key) {
		t.Errorf("mode %s, key %+v, error %v", mode, got, err)
	}
}

func TestNamesOfFolders(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"a folder", "what?", "c#", "100%", "%41", "a&b=c;d", "日本", "a:b", "q'uote\"", "a/b/../c"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir() + "/x/" + name
			key, err := open(t, dir).CreateKey(ctx, "n")
			try(t, err)
			if _, err := os.Stat(filepath.Join(dir, catalogFile)); err != nil {
				t.Error(err)
			}
			if got, err := open(t, dir).Key(ctx, key.ID); err != nil || !reflect.DeepEqual(got, key) {
				t.Errorf("key %+v, error %v", got, err)
			}
		})
	}
}

// readOnly gives a folder that becomes read-only when the function it gives is
// called.
func readOnly(t *testing.T) (dir string, lock func()) {
	t.Helper()
	dir = t.TempDir()
	if os.Geteuid() != 0 {
		t.Cleanup(func() { try(t, os.Chmod(dir, 0o700)) })
		return dir, func() { try(t, os.Chmod(dir, 0o500)) }
	}
	return dir, mountOn(t, dir)
}

func TestReadOnlyFolder(t *testing.T) {
	dir, lock := readOnly(t)
	old, err := Open(context.Background(), Config{Dir: filepath.Join(dir, "old")})
	try(t, err)
	try(t, old.Close())
	try(t, os.Mkdir(filepath.Join(dir, "empty"), 0o500))
	lock()
	names := []string{"new", "empty", "old"}
	if os.Geteuid() != 0 {
		names = names[:2]
	}
	for _, name := range names {
		_, err := Open(context.Background(), Config{Dir: filepath.Join(dir, name)})
		wantKind(t, err, farmtally.Denied)
		e, _ := errors.AsType[*farmtally.Error](err)
		if want := "the data folder " + filepath.Join(dir, name) + " cannot be written"; e.Message != want {
			t.Errorf("message %q, want %q", e.Message, want)
		}
	}
}

// together lets n processes open a folder at one moment.
func together(t *testing.T, dir string, n int) {
	t.Helper()
	children := make([]*child, n)
	for i := range children {
		children[i] = start(t, "open", dir)
	}
	for _, c := range children {
		try(t, c.stdin.Close())
	}
	for _, c := range children {
		c.finish(t)
	}
}

// Processes that open a new folder at one moment all succeed, and make one catalog.
func TestNewFolderOfManyProcesses(t *testing.T) {
	for range 3 {
		dir := filepath.Join(t.TempDir(), "a", "b")
		together(t, dir, 8)
		c := open(t, dir)
		var rows int
		try(t, c.reader.QueryRowContext(context.Background(), "SELECT count(*) FROM meta").Scan(&rows))
		if rows != 2 {
			t.Errorf("%d rows in meta", rows)
		}
	}
}

func TestServerLock(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	lock, err := c.LockServer("localhost:8787")
	try(t, err)
	wantServed := func(holder string) {
		t.Helper()
		_, err := open(t, dir).LockServer("localhost:1")
		wantKind(t, err, farmtally.Unavailable)
		e, _ := errors.AsType[*farmtally.Error](err)
		if want := "the data folder " + dir + " is served already: serve.lock is held by " + holder; e.Message != want {
			t.Errorf("message %q, want %q", e.Message, want)
		}
	}
	wantServed(fmt.Sprintf("process %d at localhost:8787", os.Getpid()))
	lock.Release(false)
	other := start(t, "lock", dir)
	wantServed(fmt.Sprintf("process %d at 127.0.0.1:1234", other.cmd.Process.Pid))
	other.kill(t)
	if lock, err = c.LockServer("x"); err != nil {
		t.Fatalf("the lock outlived its process: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, serveLock))
	if err != nil || !strings.HasSuffix(string(text), " at x") {
		t.Errorf("lock says %q, error %v", text, err)
	}
	lock.Release(false)
}
