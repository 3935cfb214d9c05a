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
	readAhead  = 64  // chunks of lines
	chunkLines = 256 // of a chunk
)

// pushRun sends files.
type pushRun struct {
	pushSummary
	sender     *sender
	size       int // rows of a batch
	atOnce     int // batches on their way
	rejections *rejections
	progress   *progressLine

	name  string // of the file under way
	batch []byte
	rows  int   // of batch
	first int64 // line of batch's first row

	flights []*flight // in their order
	spare   [][]byte
	notices chan string  // of the sender
	notice  func(string) // prints one
	noticed bool         // since the last batch landed

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
	lines := make(chan []pushedLine, readAhead)
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
		case text := <-r.notices:
			r.notice(text)
		case <-r.oldest():
			if err := r.land(ctx); err != nil {
				return err
			}
		case chunk := <-lines:
			for _, l := range chunk {
				if errors.Is(l.err, io.EOF) {
					return r.settle(ctx)
				}
				if l.err != nil {
					return errors.Join(fmt.Errorf("read %s: %w", r.shown(), l.err), r.settle(ctx))
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
}

// checkPushed refuses files of which one is not there, before any row is sent.
func checkPushed(files []string) error {
	for _, name := range files {
		about, err := os.Stat(name)
		switch {
		case name == "-":
		case errors.Is(err, fs.ErrNotExist):
			return farmtally.Errorf(farmtally.Invalid, "there is no file %s", name)
		case err != nil:
			return fmt.Errorf("look at file: %w", err)
		case about.IsDir():
			return farmtally.Errorf(farmtally.Invalid, "%s is a folder, not a file", name)
		}
	}
	return nil
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
// until it gets something. The last one has an error. Lines that are there already come
// together.
func readLines(ctx context.Context, in io.Reader, to chan<- []pushedLine) {
	buffered := bufio.NewReaderSize(in, 256<<10)
	for {
		var chunk []pushedLine
		var texts []byte
		for {
			var l pushedLine
			l, texts = readLine(buffered, texts)
			if chunk = append(chunk, l); l.err != nil || len(chunk) == chunkLines || buffered.Buffered() == 0 {
				break
			}
			if head, _ := buffered.Peek(buffered.Buffered()); bytes.IndexByte(head, '\n') < 0 {
				break // the rest of the line may be long in coming
			}
		}
		select {
		case to <- chunk:
		case <-ctx.Done():
			return
		}
		if chunk[len(chunk)-1].err != nil {
			return
		}
	}
}

// readLine appends a line to texts.
func readLine(in *bufio.Reader, texts []byte) (l pushedLine, after []byte) {
	from := len(texts)
	for {
		part, err := in.ReadSlice('\n')
		if len(texts)-from+len(part) > lineBytes+len("\r\n") {
			l.long = true
		} else {
			texts = append(texts, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(texts) > from || l.long):
			texts = append(texts, '\n')
		case err != nil:
			l.err = err
		}
		l.text = texts[from:]
		return l, texts
	}
}

// take adds a line to the batch, and sends it if it is full.
func (r *pushRun) take(ctx context.Context, l pushedLine) error {
	if l.long {
		if err := r.settle(ctx); err != nil {
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
	if len(r.flights) > 0 {
		var rows int64
		for _, f := range r.flights {
			rows += int64(f.rows)
		}
		text += fmt.Sprintf("; %s %s from line %s of %s on may be stored too", count(rows), unit(rows, "row"), count(r.flights[0].first), r.shown())
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
