package storage

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/farmtally/farmtally"
)

// writeSegment writes the builder's rows in the given order to a new file of the
// data folder, synced, and opens it. The segment is not in the catalog yet.
func (c *Catalog) writeSegment(farm farmtally.FarmID, name string, b *Builder, order []int32) (*Segment, error) {
	path := c.SegmentPath(name)
	size, err := writeSynced(path, func(w io.Writer) error { return b.write(w, order) })
	if err != nil {
		return nil, fmt.Errorf("write segment %s: %w", name, err)
	}
	info := SegmentInfo{FarmID: farm, File: name, Bytes: size, Records: int64(len(order))}
	b.describe(&info, order)
	return OpenSegment(path, info)
}

// writeSynced writes a new file whole and durably: its bytes and its name are on
// the disk when it returns. On an error the file is removed.
func writeSynced(path string, write func(io.Writer) error) (size int64, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644) //nolint:gosec // readable by other tools, as documented
	if err != nil {
		return 0, fmt.Errorf("create file: %w", err)
	}
	defer func() {
		if closeErr := f.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("close file: %w", closeErr)
		}
		if err != nil {
			_ = os.Remove(path) // the first error counts
		}
	}()
	counter := &countingWriter{w: f}
	if err := write(counter); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, fmt.Errorf("sync file: %w", err)
	}
	return counter.n, syncFolder(filepath.Dir(path))
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	defer d.Close() //nolint:errcheck // nothing was written through it
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}
