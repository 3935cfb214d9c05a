package storage

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/farmtally/farmtally"
)

// A result is two files: the rows one behind the other, each followed by the
// CRC-32C of its bytes (big-endian), and an index with the end of each row in the
// first file (8 bytes, big-endian). Any page is read by its position alone.
const (
	rowsSuffix  = ".rows"
	indexSuffix = ".index"
	sumBytes    = 4
	indexEntry  = 8
)

// ResultWriter writes the rows of one aggregation. It is for one goroutine.
// Exactly one of Commit and Abort ends it.
type ResultWriter struct {
	rows, index *bufio.Writer
	files       [2]*os.File
	buffer      []byte
	end         uint64
}

func (c *Catalog) resultPath(id, suffix string) string {
	return filepath.Join(c.dir, resultFolder, id+suffix)
}

// CreateResult begins the result of an aggregation in place of any that was begun
// before.
func (c *Catalog) CreateResult(id string) (*ResultWriter, error) {
	w := &ResultWriter{}
	for i, suffix := range []string{rowsSuffix, indexSuffix} {
		f, err := os.Create(c.resultPath(id, suffix))
		if err != nil {
			w.closeFiles()
			return nil, fmt.Errorf("create result: %w", err)
		}
		w.files[i] = f
	}
	w.rows, w.index = bufio.NewWriterSize(w.files[0], 1<<18), bufio.NewWriterSize(w.files[1], 1<<16)
	return w, nil
}

// Append adds a row.
func (w *ResultWriter) Append(r *farmtally.Row) error {
	w.buffer = appendRow(w.buffer[:0], r)
	w.buffer = binary.BigEndian.AppendUint32(w.buffer, crc32.Checksum(w.buffer, castagnoli))
	w.end += uint64(len(w.buffer))
	if _, err := w.rows.Write(w.buffer); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	w.buffer = binary.BigEndian.AppendUint64(w.buffer[:0], w.end)
	if _, err := w.index.Write(w.buffer); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// Commit makes the result durable.
func (w *ResultWriter) Commit() error {
	defer w.closeFiles()
	for i, b := range []*bufio.Writer{w.rows, w.index} {
		if err := b.Flush(); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
		if err := w.files[i].Sync(); err != nil {
			return fmt.Errorf("sync result: %w", err)
		}
	}
	return syncFolder(filepath.Dir(w.files[0].Name()))
}

// Abort removes what was written.
func (w *ResultWriter) Abort() error {
	defer w.closeFiles()
	return errors.Join(os.Remove(w.files[0].Name()), os.Remove(w.files[1].Name()))
}

func (w *ResultWriter) closeFiles() {
	for _, f := range w.files {
		if f != nil {
			_ = f.Close() // Sync has told of any error
		}
	}
}

// ResultReader reads pages of a result. It is safe for concurrent use.
type ResultReader struct {
	id          string
	rows, index *os.File
	bytes       uint64 // of rows
	count       int64
}

// OpenResult opens a committed result. It fails with Corrupt where there is none.
func (c *Catalog) OpenResult(id string) (*ResultReader, error) {
	rows, size, err := c.openResult(id, rowsSuffix)
	if err != nil {
		return nil, err
	}
	index, indexSize, err := c.openResult(id, indexSuffix)
	if err != nil {
		_ = rows.Close() // it was only opened
		return nil, err
	}
	return &ResultReader{id: id, rows: rows, index: index, bytes: uint64(size), count: indexSize / indexEntry}, nil //nolint:gosec // a size
}

func (c *Catalog) openResult(id, suffix string) (f *os.File, size int64, err error) {
	f, err = os.Open(c.resultPath(id, suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, damagedResult(id, err)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open result: %w", err)
	}
	stat, err := f.Stat()
	if err != nil {
		_ = f.Close() // the first error counts
		return nil, 0, fmt.Errorf("stat result: %w", err)
	}
	return f, stat.Size(), nil
}

func damagedResult(id string, err error) error {
	return &farmtally.Error{Kind: farmtally.Corrupt, Message: "the result of aggregation " + id + " cannot be read", Err: err,
		Hint: "start the aggregation again"}
}

// Rows is the number of rows.
func (r *ResultReader) Rows() int64 { return r.count }

// pageBuffer is what a page is read into.
type pageBuffer struct{ ends, rows []byte }

var pageBuffers = sync.Pool{New: func() any { return new(pageBuffer) }}

// sized gives n bytes of the buffer, which grows as it needs to.
func sized(buffer *[]byte, n int) []byte {
	if cap(*buffer) < n {
		*buffer = make([]byte, n)
	}
	return (*buffer)[:n]
}

// Read calls yield for n rows from position from on, or as many as there are. The
// row is overwritten by the next. It costs the same at any position.
func (r *ResultReader) Read(from int64, n int, yield func(*farmtally.Row) error) error {
	n = int(min(int64(n), r.count-from))
	if from < 0 || n <= 0 {
		return nil
	}
	pooled := pageBuffers.Get().(*pageBuffer) //nolint:forcetypeassert // the pool has no others
	defer pageBuffers.Put(pooled)
	ends := sized(&pooled.ends, (n+1)*indexEntry) // the end of the row before, 0 for the first
	at, into := (from-1)*indexEntry, ends
	if from == 0 {
		at, into = 0, ends[indexEntry:]
		clear(ends[:indexEntry])
	}
	if _, err := r.index.ReadAt(into, at); err != nil {
		return damagedResult(r.id, err)
	}
	first, last := binary.BigEndian.Uint64(ends), binary.BigEndian.Uint64(ends[n*indexEntry:])
	if last < first || last > r.bytes {
		return damagedResult(r.id, errForm)
	}
	bytes := sized(&pooled.rows, int(last-first))                 //nolint:gosec // within a file
	if _, err := r.rows.ReadAt(bytes, int64(first)); err != nil { //nolint:gosec // ReadAt refuses what is too large
		return damagedResult(r.id, err)
	}
	var row farmtally.Row
	whole := string(bytes) // one copy for the texts of all rows
	for i := 1; i <= n; i++ {
		start, end := binary.BigEndian.Uint64(ends[(i-1)*indexEntry:])-first, binary.BigEndian.Uint64(ends[i*indexEntry:])-first
		if end > uint64(len(bytes)) || start+sumBytes > end {
			return damagedResult(r.id, errForm)
		}
		text, sum := bytes[start:end-sumBytes], binary.BigEndian.Uint32(bytes[end-sumBytes:])
		if crc32.Checksum(text, castagnoli) != sum {
			return damagedResult(r.id, errForm)
		}
		if err := decodeRow(text, whole[start:end-sumBytes], &row); err != nil {
			return damagedResult(r.id, err)
		}
		if err := yield(&row); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the result.
func (r *ResultReader) Close() error { return errors.Join(r.rows.Close(), r.index.Close()) }

// RemoveResult removes a result, if there is one.
func (c *Catalog) RemoveResult(id string) error {
	for _, suffix := range []string{rowsSuffix, indexSuffix} {
		if err := os.Remove(c.resultPath(id, suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove result: %w", err)
		}
	}
	return nil
}
