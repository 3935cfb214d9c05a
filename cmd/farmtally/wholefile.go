package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/farmtally/farmtally"
)

// wholeFile makes a file that appears whole, with what write writes, or not at all. What
// a link names is made, and the link stays. A device or a pipe is written to as it is, for
// no file may take its place.
func wholeFile(path string, write func(io.Writer) error) error {
	if there, err := filepath.EvalSymlinks(path); err == nil {
		path = there
	}
	switch about, err := os.Stat(path); {
	case err != nil || about.Mode().IsRegular():
		return newFile(path, write)
	case about.IsDir():
		return farmtally.Errorf(farmtally.Invalid, "%s is a folder, not a file to write", path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open file: %w", err)
	}
	return errors.Join(write(struct{ io.Writer }{f}), f.Close())
}

// newFile makes the file under another name, and gives it its own at the end.
func newFile(path string, write func(io.Writer) error) (err error) {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return farmtally.Errorf(farmtally.Invalid, "there is no folder %s to write %s in", folder, filepath.Base(path))
	case errors.Is(err, fs.ErrPermission):
		return farmtally.Errorf(farmtally.Denied, "%s may not be written: this user may make no files in %s", path, folder)
	case err != nil:
		return fmt.Errorf("make file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err = errors.Join(writeAs(path, f, write), f.Close()); err != nil {
		return err
	}
	if err := os.Chmod(f.Name(), 0o644); err != nil { //nolint:gosec // as a shell's redirection makes it
		return fmt.Errorf("make file readable: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("name file: %w", err)
	}
	return nil
}

// writeAs calls write with w, and gives the error of w, if it has one, as that of the path:
// what write makes of it may not say as much.
func writeAs(path string, w io.Writer, write func(io.Writer) error) error {
	to := &notingWriter{w: w}
	err := write(to)
	if of, ok := errors.AsType[*fs.PathError](to.err); ok {
		return fmt.Errorf("write %s: %w", path, of.Err)
	}
	return err
}

// notingWriter keeps the first error of what it writes to.
type notingWriter struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (n *notingWriter) Write(p []byte) (int, error) {
	done, err := n.w.Write(p)
	if n.err == nil {
		n.err = err
	}
	return done, err
}
