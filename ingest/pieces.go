package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/farmtally/farmtally"
)

// piece is a part of a text, and its rows when they have been read. Their lines are
// counted from the piece's beginning.
type piece struct {
	text   []byte
	header string // that its rows stand below; "" where the source needs to know none
	heads  bool   // there are headers among its rows
	rows   []Row
	lines  int64
	read   chan struct{}            // gets something when the rows have been read
	fails  func(before int64) error // the error in which the rows end, by the lines before the piece; nil: in none
	before int64                    // lines, at the end of the text: of what was given up before err
	err    error                    // why there are no more pieces
}

// row gives the piece's next row, to be filled in.
func (p *piece) row() *Row {
	if len(p.rows) < cap(p.rows) {
		p.rows = p.rows[:len(p.rows)+1] // with the memory of a row of an earlier text
	} else {
		p.rows = append(p.rows, Row{})
	}
	return &p.rows[len(p.rows)-1]
}

// pieces reads a text piece by piece: one goroutine cuts, some read rows, and the rows are
// yielded in their order. There is a bounded number of pieces.
type pieces struct {
	cutter  *cutter
	workers int                   // 0: one for each core
	before  func(p *piece)        // is shown each piece, in order, before it is read; may be nil
	parse   func() func(p *piece) // makes what reads a piece's rows, for one goroutine
	yield   func(*Row) error

	// head is given lines until it has found what must stand before the first row; nil:
	// nothing must.
	head func(lines *textLines) (found bool, err error)

	first []byte // the first piece, if head has left one
	lines int64  // that were read
}

// findHead reads lines up to the head's end.
func (s *pieces) findHead(ctx context.Context) error {
	for ctx.Err() == nil {
		text, before, err := s.cutter.next(nil)
		switch {
		case errors.Is(err, io.EOF):
			return farmtally.Errorf(farmtally.Invalid, "is empty; the first line must name the columns")
		case err != nil:
			return s.end(&piece{err: err, before: before})
		}
		lines := textLines{text: text, number: s.lines}
		found, err := s.head(&lines)
		if s.lines = lines.number; found || err != nil {
			s.first = lines.text
			return err
		}
	}
	return ctx.Err()
}

// run reads the whole text. Where it ends early, the cutter may still wait for the stream;
// it does nothing more when the stream gives something.
func (s *pieces) run(ctx context.Context) error {
	if s.workers == 0 {
		s.workers = runtime.GOMAXPROCS(0)
	}
	if s.head != nil {
		if err := s.findHead(ctx); err != nil {
			return err
		}
	}
	n := 2*s.workers + 1
	free, cut, queued := make(chan *piece, n), make(chan *piece, n), make(chan *piece, n)
	for range n {
		free <- &piece{read: make(chan struct{}, 1)}
	}
	ctx, stop := context.WithCancel(ctx)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer stop()
	go s.cut(ctx, free, cut, queued)
	for range s.workers {
		workers.Go(func() { s.work(ctx, queued) })
	}
	for {
		p, err := take(ctx, cut)
		if err != nil {
			return err
		}
		if p.err != nil {
			return s.end(p)
		}
		if _, err := take(ctx, p.read); err != nil {
			return err
		}
		if err := s.give(ctx, p); err != nil {
			return err
		}
		free <- p
	}
}

func take[T any](ctx context.Context, from <-chan T) (v T, err error) {
	select {
	case v = <-from:
		return v, nil
	case <-ctx.Done():
		return v, ctx.Err()
	}
}

// cut cuts the text. The channels have room for all pieces.
func (s *pieces) cut(ctx context.Context, free <-chan *piece, cut, queued chan<- *piece) {
	for {
		p, err := take(ctx, free)
		if err != nil {
			return
		}
		if len(s.first) > 0 {
			p.text, s.first = s.first, nil
		} else {
			p.text, p.before, p.err = s.cutter.next(p.text)
		}
		cut <- p
		if p.err != nil {
			return
		}
		if s.before != nil {
			s.before(p)
		}
		queued <- p
	}
}

func (s *pieces) work(ctx context.Context, queued <-chan *piece) {
	parse := s.parse()
	for {
		p, err := take(ctx, queued)
		if err != nil {
			return
		}
		p.rows, p.fails = p.rows[:0], nil
		parse(p)
		p.read <- struct{}{}
	}
}

// give yields the piece's rows.
func (s *pieces) give(ctx context.Context, p *piece) error {
	for i := range p.rows {
		if i%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		row := &p.rows[i]
		row.Line += s.lines
		if err := s.yield(row); err != nil {
			return err
		}
	}
	if p.fails != nil {
		return p.fails(s.lines)
	}
	s.lines += p.lines
	return nil
}

// end is how the text ended.
func (s *pieces) end(p *piece) error {
	if errors.Is(p.err, io.EOF) {
		return nil
	}
	return fmt.Errorf("read line %d: %w", s.lines+p.before+1, p.err)
}
