package storage

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/farmtally/farmtally"
)

// writeSegment writes the builder's rows in the given order to a new file of the
// data folder, synced, and opens it. The segment is not in the catalog yet.
func (c *Catalog) writeSegment(farm farmtally.FarmID, name string, b *Builder, order []int32, pace int64) (*Segment, error) {
	path := c.SegmentPath(name)
	size, err := writeSynced(path, pace, func(w io.Writer) error { return b.write(w, order) })
	if err != nil {
		return nil, fmt.Errorf("write segment %s: %w", name, err)
	}
	info := SegmentInfo{FarmID: farm, File: name, Bytes: size, Records: int64(len(order))}
	b.describe(&info, order)
	return OpenSegment(path, info)
}

// writeSynced writes a new file whole and durably: its bytes and its name are on
// the disk when it returns. On an error the file is removed. With a pace other than 0 it
// syncs whenever it has written so many bytes.
func writeSynced(path string, pace int64, write func(io.Writer) error) (size int64, err error) {
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
	paced := &pacedWriter{f: f, pace: pace}
	buffered := bufio.NewWriterSize(paced, writeBuffer)
	if err := write(buffered); err != nil {
		return 0, err
	}
	if err := buffered.Flush(); err != nil {
		return 0, fmt.Errorf("write file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return 0, fmt.Errorf("sync file: %w", err)
	}
	return paced.n, syncFolder(filepath.Dir(path))
}

// writeBuffer collects the small writes of a file; those of columns pass it by.
const writeBuffer = 64 << 10

// gentlePace is how many bytes are synced at once where nobody waits for a file: a sync of
// the catalog's log, for which a push waits, may have to wait for as many.
const gentlePace = 4 << 20

// pacedWriter counts what it writes, and syncs it at its pace.
type pacedWriter struct {
	f        *os.File
	pace     int64 // 0: never
	n, since int64
}

func (w *pacedWriter) Write(p []byte) (written int, err error) {
	for len(p) > 0 && err == nil {
		part := p
		if w.pace > 0 {
			part = p[:min(int64(len(p)), w.pace-w.since)]
		}
		var n int
		n, err = w.f.Write(part)
		written, p = written+n, p[n:]
		w.n, w.since = w.n+int64(n), w.since+int64(n)
		if w.pace > 0 && w.since >= w.pace && err == nil {
			w.since, err = 0, w.f.Sync()
		}
	}
	return written, err
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
