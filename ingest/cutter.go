package ingest

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

// pieceBytes is how much of a text is read at once: some hundred rows.
const pieceBytes = 256 << 10

// cutter cuts a text into pieces of whole rows, in bounded memory. Of a line that is too
// long it gives the beginning alone, which is too long as well.
type cutter struct {
	in   io.Reader
	size int // as pieceBytes

	// rows gives the length of the whole rows at the beginning of whole lines; nil: of all.
	rows func(lines []byte) int

	most int    // bytes of the latest read
	rest []byte // the beginning of the next piece
	long bool   // rest ends in a line that is too long, more of which is dropped
	err  error  // of in, told when what was read before has been given
}

// maxEmptyReads bounds how often a reader may give nothing at all.
const maxEmptyReads = 100

// next gives the next piece, in the memory of text. Its error is that of the stream,
// io.EOF after the last piece. At any other lines is how many lines went before it in
// what is given up.
func (c *cutter) next(text []byte) (piece []byte, lines int64, err error) {
	text = append(text[:0], c.rest...)
	c.rest = c.rest[:0]
	for empty := 0; c.err == nil; {
		from := len(text)
		if text, err = c.read(text); len(text) == from && err == nil {
			if empty++; empty == maxEmptyReads && !c.long {
				err = io.ErrNoProgress
			}
		}
		c.err = err
		text = c.bound(text, from)
		end := bytes.LastIndexByte(text[min(from, len(text)):], '\n') + 1
		if end == 0 {
			continue
		}
		if end += from; c.rows != nil {
			end = c.rows(text[:end])
		}
		if end > 0 {
			c.rest = append(c.rest, text[end:]...)
			return text[:end], 0, nil
		}
	}
	if errors.Is(c.err, io.EOF) && len(text) > 0 {
		return text, 0, nil
	}
	return nil, int64(bytes.Count(text, []byte("\n"))), c.err
}

// read reads some bytes, and of a long text more each time.
func (c *cutter) read(text []byte) ([]byte, error) {
	c.most = min(max(2*c.most, 4<<10), c.size)
	text = slices.Grow(text, c.most)
	n, err := c.in.Read(text[len(text) : len(text)+c.most])
	return text[:len(text)+n], err
}

// bound drops, of what was read from a place on, the rest of a line that is too long.
func (c *cutter) bound(text []byte, from int) []byte {
	if c.long {
		end := bytes.IndexByte(text[from:], '\n')
		if end < 0 {
			return text[:from]
		}
		c.long = false
		text = append(text[:from], text[from+end:]...)
	}
	if last := bytes.LastIndexByte(text, '\n') + 1; len(text)-last > maxLineRead {
		c.long = true
		return text[:last+maxLineRead+1]
	}
	return text
}

// textLines gives the lines of a text in memory.
type textLines struct {
	text   []byte
	number int64 // of the line given last
	ended  bool  // more was asked for than there is
}

// cut gives the next line with its end and without it.
func (t *textLines) cut() (raw, text []byte, ok bool) {
	if len(t.text) == 0 {
		t.ended = true
		return nil, nil, false
	}
	t.number++
	end := bytes.IndexByte(t.text, '\n') + 1
	if end == 0 {
		end = len(t.text)
	}
	raw, t.text = t.text[:end], t.text[end:]
	return raw, bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r")), true
}

func (t *textLines) next() (line, error) {
	raw, text, ok := t.cut()
	if !ok {
		return line{}, io.EOF
	}
	return line{t.number, text, lineFault(raw, text)}, nil
}
