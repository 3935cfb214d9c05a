package ingest

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/farmtally/farmtally"
)

// stdin is the name that stands for standard input.
const stdin = "-"

// size adds up the sizes of the files, each of which must be there and may be read, and
// gives 0 where one has no size.
func (l *loader) size() (int64, error) {
	var total int64
	sized := true
	for _, l.file = range l.cfg.Files {
		info, err := l.stat()
		switch {
		case err != nil:
			return 0, l.ofFile(err)
		case info == nil || !info.Mode().IsRegular():
			sized = false
		default:
			total += info.Size()
		}
	}
	if !sized {
		return 0, nil
	}
	return total, nil
}

// stat describes the file, or gives nil for a standard input that is no file. Its error
// is also that of a file that may not be read.
func (l *loader) stat() (fs.FileInfo, error) {
	if l.file == stdin {
		if l.cfg.Stdin == nil {
			return nil, farmtally.Errorf(farmtally.Invalid, "is closed")
		}
		if f, ok := l.cfg.Stdin.(*os.File); ok {
			return f.Stat()
		}
		return nil, nil //nolint:nilnil // a reader that is no file has nothing to tell
	}
	info, err := os.Stat(l.file)
	switch {
	case err != nil || !info.Mode().IsRegular() && !info.IsDir():
		return info, err
	case info.IsDir():
		return nil, farmtally.Errorf(farmtally.Invalid, "is a folder, not a file")
	}
	f, err := os.Open(l.file)
	if err == nil {
		err = f.Close()
	}
	return info, err
}

// open gives the bytes of the file, counting them as they are read.
func (l *loader) open() (io.ReadCloser, error) {
	info, err := l.stat()
	if err != nil {
		return nil, l.ofFile(err)
	}
	in := io.NopCloser(l.cfg.Stdin)
	if l.file != stdin {
		if in, err = os.Open(l.file); err != nil {
			return nil, l.ofFile(err)
		}
	}
	if info == nil || !info.Mode().IsRegular() {
		in = interruptible(l.ctx, in)
	}
	return &counted{in, &l.bytes}, nil
}

// interruptible makes reads end when ctx does, also one that waits for a pipe or a
// terminal. That one goes on in the background until it gets something.
func interruptible(ctx context.Context, in io.ReadCloser) io.ReadCloser {
	out, to := io.Pipe()
	go func() {
		_, err := io.Copy(to, in)
		_ = to.CloseWithError(err) // never fails
		_ = in.Close()             // it was only read
	}()
	context.AfterFunc(ctx, func() { _ = to.CloseWithError(ctx.Err()) })
	return out
}

// counted counts the bytes read.
type counted struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

// unpacked gives the bytes as they were before gzip packed them, if it did.
func unpacked(in io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(in, 64<<10)
	if head, _ := buffered.Peek(2); !bytes.Equal(head, []byte{0x1F, 0x8B}) {
		return buffered, nil
	}
	z, err := gzip.NewReader(buffered)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, gzipError(err)
	}
	return unpacker{z}, nil
}

type unpacker struct{ z *gzip.Reader }

func (u unpacker) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	return n, gzipError(err)
}

// gzipError says what is wrong with packed data. It leaves other errors alone.
func gzipError(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return farmtally.Errorf(farmtally.Invalid, "ends in the midst of its gzip data: it was cut off")
	case corrupt, errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return farmtally.Errorf(farmtally.Invalid, "holds damaged gzip data")
	}
	return err
}

// ofFile names the file in the error that reading it ended with.
func (l *loader) ofFile(err error) error {
	name := l.file
	if name == stdin {
		name = "standard input"
	}
	e, ok := errors.AsType[*farmtally.Error](err)
	switch {
	case err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case l.stopped != nil:
		return l.stopped
	case ok:
		named := *e
		named.Message = name + " " + e.Message
		return &named
	case errors.Is(err, fs.ErrNotExist):
		return farmtally.Errorf(farmtally.Invalid, "there is no file %s", name)
	case errors.Is(err, fs.ErrPermission):
		return farmtally.Errorf(farmtally.Invalid, "the file %s may not be read", name)
	}
	return fmt.Errorf("read %s: %w", name, err)
}
