package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
)

// The bounds of a batch and of its lines. A batch goes when it has reached batchBytes,
// which leaves room for one more line below what the server takes.
const (
	batchBytes = 4 << 20
	lineBytes  = 1 << 20
	readAhead  = 4096 // lines
)

// pushRun sends files.
type pushRun struct {
	pushSummary
	sender     *sender
	size       int // rows of a batch
	rejections *rejections
	progress   *progressLine

	name  string // of the file under way
	batch []byte
	rows  int   // of batch
	first int64 // line of batch's first row
	sent  bool  // batch is on its way

	storedFile string // where the last row that is stored stands, or ""
	storedLine int64
}

// pushedLine is a line with its end, or why there is none.
type pushedLine struct {
	text []byte
	long bool // it was longer than lineBytes, and text is not all of it
	err  error
}

// file sends one file to its end.
func (r *pushRun) file(ctx context.Context, stdin io.Reader, name string) error {
	in, err := openPushed(stdin, name)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	r.name, r.first = name, 1
	lines := make(chan pushedLine, readAhead)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go readLines(ctx, in, lines)
	full := time.NewTimer(flushAfter)
	defer full.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-full.C:
			if err := r.flush(ctx); err != nil {
				return err
			}
		case l := <-lines:
			if errors.Is(l.err, io.EOF) {
				return r.flush(ctx)
			}
			if l.err != nil {
				return errors.Join(fmt.Errorf("read %s: %w", r.shown(), l.err), r.flush(ctx))
			}
			if r.rows == 0 {
				full.Reset(flushAfter)
			}
			if err := r.take(ctx, l); err != nil {
				return err
			}
		}
	}
}

// openPushed opens a file, or standard input, and unpacks it if gzip packed it.
func openPushed(stdin io.Reader, name string) (io.ReadCloser, error) {
	in := io.NopCloser(stdin)
	if name != "-" {
		f, err := os.Open(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, farmtally.Errorf(farmtally.Invalid, "there is no file %s", name)
		case err != nil:
			return nil, fmt.Errorf("open file: %w", err)
		}
		in = f
		head := make([]byte, 2)
		if n, _ := f.ReadAt(head, 0); n < 2 || !bytes.Equal(head, []byte{0x1F, 0x8B}) {
			return in, nil
		}
		z, err := gzip.NewReader(bufio.NewReader(f))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("unpack %s: %w", name, err), f.Close())
		}
		return struct {
			io.Reader
			io.Closer
		}{z, f}, nil
	}
	return in, nil
}

// readLines reads lines until ctx ends; one that waits for standard input then goes on
// until it gets something. The last one has an error.
func readLines(ctx context.Context, in io.Reader, to chan<- pushedLine) {
	buffered := bufio.NewReaderSize(in, 256<<10)
	for {
		l := readLine(buffered)
		select {
		case to <- l:
		case <-ctx.Done():
			return
		}
		if l.err != nil {
			return
		}
	}
}

func readLine(in *bufio.Reader) (l pushedLine) {
	for {
		part, err := in.ReadSlice('\n')
		if len(l.text)+len(part) > lineBytes+len("\r\n") {
			l.long = true
		} else {
			l.text = append(l.text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(l.text) > 0 || l.long):
			l.text = append(l.text, '\n')
		case err != nil:
			l.err = err
		}
		return l
	}
}

// take adds a line to the batch, and sends it if it is full.
func (r *pushRun) take(ctx context.Context, l pushedLine) error {
	if l.long {
		if err := r.flush(ctx); err != nil {
			return err
		}
		r.Read++
		r.Rejected++
		r.rejections.take(ingest.Rejection{File: r.name, Line: r.first, Field: "line", Reason: "is longer than 1 MiB"})
		r.first++
		return nil
	}
	r.batch = append(r.batch, l.text...)
	if r.rows++; r.rows < r.size && len(r.batch) < batchBytes {
		return nil
	}
	return r.flush(ctx)
}

// flush sends the batch, if it has any rows.
func (r *pushRun) flush(ctx context.Context) error {
	if r.rows == 0 {
		return nil
	}
	r.sent = true
	result, err := r.sender.send(ctx, r.batch)
	if err != nil {
		return err
	}
	if result.Read != int64(r.rows) {
		return farmtally.Errorf(farmtally.Internal, "the server at %s counts %d rows of %d", r.sender.endpoint, result.Read, r.rows)
	}
	r.add(result)
	for _, f := range result.Faults {
		r.rejections.take(ingest.Rejection{File: r.name, Line: r.first + f.Line - 1, Field: f.Field, Reason: f.Reason})
	}
	r.first += int64(r.rows)
	r.storedFile, r.storedLine = r.shown(), r.first-1
	r.batch, r.rows, r.sent = r.batch[:0], 0, false
	r.progress.show(fmt.Sprintf("%s %s sent, %s rejected", count(r.Read), unit(r.Read, "row"), count(r.Rejected)))
	return nil
}

func (r *pushRun) shown() string {
	if r.name == "-" {
		return "standard input"
	}
	return r.name
}

// acknowledged says which rows are known to be stored, and which may be.
func (r *pushRun) acknowledged() string {
	text := "no row is known to be stored"
	if r.storedFile != "" {
		text = fmt.Sprintf("all good rows up to line %s of %s are stored", count(r.storedLine), r.storedFile)
	}
	if r.sent {
		text += fmt.Sprintf("; %s %s from line %s of %s on may be stored too", count(int64(r.rows)), unit(int64(r.rows), "row"), count(r.first), r.shown())
	}
	return text + ". To push the same rows again does no harm."
}

// unfinished is the error of a push that err ended, and says what is stored.
func (r *pushRun) unfinished(ctx context.Context, err error) error {
	switch e, ok := errors.AsType[*farmtally.Error](err); {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return &interruption{r.acknowledged()}
	case ok:
		said := *e
		said.Hint = r.acknowledged()
		if e.Hint != "" {
			said.Hint += "\n" + e.Hint
		}
		return &said
	}
	return &farmtally.Error{Kind: farmtally.Internal, Message: "the push ended early", Err: err, Hint: r.acknowledged()}
}
