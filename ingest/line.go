package ingest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/farmtally/farmtally"
)

// maxLine bounds a line, and a CSV row of several lines. A longer line is rejected
// without being kept.
const maxLine = 1 << 20

// maxLineRead is maxLine with the line's end.
const maxLineRead = maxLine + len("\r\n")

const longLine = "is longer than 1 MiB"

// sniffed is how much of a stream's beginning tells whether it is a text.
const sniffed = 8 << 10

// line is a line without its end. Its text is valid until the next one is read.
type line struct {
	number int64
	text   []byte
	fault  string // why it can't be read as text, or ""
}

func (l line) blank() bool { return l.fault == "" && len(bytes.TrimSpace(l.text)) == 0 }

// lineReader reads a text in UTF-8 line by line, in bounded memory.
type lineReader struct {
	ctx    context.Context
	in     *bufio.Reader
	number int64
	long   []byte // a line that is longer than in's buffer
}

// newLineReader looks at the beginning of the stream, and fails where it is no text in
// UTF-8.
func newLineReader(ctx context.Context, r io.Reader) (*lineReader, error) {
	in, err := openText(r)
	if err != nil {
		return nil, err
	}
	return &lineReader{ctx: ctx, in: in}, nil
}

// openText looks at the beginning of the stream, and fails where it is no text in UTF-8.
func openText(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read line 1: %w", err)
	}
	if err := sniff(head); err != nil {
		return nil, err
	}
	return afterMark(in)
}

// openPlain takes the stream to be a text, of which any line may be at fault.
func openPlain(r io.Reader) (*bufio.Reader, error) {
	return afterMark(bufio.NewReaderSize(r, 64<<10))
}

// afterMark begins to read behind the byte order mark, if there is one.
func afterMark(in *bufio.Reader) (*bufio.Reader, error) {
	head, err := in.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read line 1: %w", err)
	}
	if bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")) {
		if _, err := in.Discard(3); err != nil {
			return nil, fmt.Errorf("read line 1: %w", err)
		}
	}
	return in, nil
}

// formats are what a file that is no text may be instead.
var formats = []struct{ magic, name, hint string }{
	{"\xFF\xFE", "a text in UTF-16", "convert it to UTF-8 first, such as with iconv -f UTF-16 -t UTF-8"},
	{"\xFE\xFF", "a text in UTF-16", "convert it to UTF-8 first, such as with iconv -f UTF-16 -t UTF-8"},
	{"\xFD7zXZ", "compressed with xz", "unpack it first; gzip is understood as it is"},
	{"\x28\xB5\x2F\xFD", "compressed with zstd", "unpack it first; gzip is understood as it is"},
	{"BZh", "compressed with bzip2", "unpack it first; gzip is understood as it is"},
	{"PK\x03\x04", "a zip archive", "unpack it first; gzip is understood as it is"},
	{"PAR1", "a Parquet file", ""},
}

func sniff(head []byte) error {
	for _, f := range formats {
		if bytes.HasPrefix(head, []byte(f.magic)) && (bytes.IndexByte(head, 0) >= 0 || !utf8.Valid(head) || f.magic == "PAR1") {
			e := farmtally.Errorf(farmtally.Invalid, "is %s, not a text in UTF-8", f.name)
			e.Hint = f.hint
			return e
		}
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return farmtally.Errorf(farmtally.Invalid, "is a binary file, not a text in UTF-8: there are NUL bytes near its beginning")
	}
	return nil
}

// next reads a line, the last one with or without its end. It gives io.EOF after it.
func (r *lineReader) next() (line, error) {
	r.number++
	if r.number%256 == 0 && r.ctx.Err() != nil {
		return line{}, r.ctx.Err()
	}
	text, fault, err := r.read()
	switch {
	case errors.Is(err, io.EOF) && len(text) == 0:
		return line{}, io.EOF
	case err != nil && !errors.Is(err, io.EOF):
		return line{}, fmt.Errorf("read line %d: %w", r.number, err)
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if fault == "" {
		fault = textFault(text)
	}
	return line{r.number, text, fault}, nil
}

// read gives the line with its end, and of an overlong one the beginning alone.
func (r *lineReader) read() (text []byte, fault string, err error) {
	text, err = r.in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return text, "", err
	}
	r.long = append(r.long[:0], text...)
	for errors.Is(err, bufio.ErrBufferFull) {
		text, err = r.in.ReadSlice('\n')
		if len(r.long)+len(text) > maxLineRead {
			fault = longLine
			continue
		}
		r.long = append(r.long, text...)
	}
	return r.long, fault, err
}

// lineFault is why a line, of which raw has the end too, can't be read as text, or "".
func lineFault(raw, text []byte) string {
	if len(raw) > maxLineRead {
		return longLine
	}
	return textFault(text)
}

func textFault(text []byte) string {
	if bytes.IndexByte(text, 0) >= 0 {
		return "has a NUL byte; the file was damaged, or is no text"
	}
	if utf8.Valid(text) {
		return ""
	}
	at := 0
	for {
		c, n := utf8.DecodeRune(text[at:])
		if c == utf8.RuneError && n == 1 {
			return fmt.Sprintf("is not UTF-8: byte 0x%02X at column %d; convert the file first, such as with iconv -f LATIN1 -t UTF-8",
				text[at], at+1)
		}
		at += n
	}
}
