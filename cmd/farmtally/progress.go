package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// terminal reports whether w is one.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progressLine is a line on a terminal that is written over; elsewhere it is silent.
type progressLine struct {
	w      io.Writer
	drawn  time.Time // zero while nothing is shown
	prefix string    // of every text
}

func newProgressLine(w io.Writer) *progressLine {
	if !terminal(w) {
		w = nil
	}
	return &progressLine{w: w}
}

const (
	clearLine   = "\r\x1b[K"
	redrawEvery = 100 * time.Millisecond
	barWidth    = 30

	narrowest = 80 // columns that a bar and its figures need
)

// columnsOf is how wide a terminal is, 0 where that is not known.
func columnsOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// fitting cuts a text to what a line of so many columns shows: one that went on on the next
// line could not be written over.
func fitting(text string, columns int) string {
	if r := []rune(text); columns > 0 && len(r) >= columns {
		return string(r[:columns-1])
	}
	return text
}

func (l *progressLine) show(text string) {
	if l.w != nil && time.Since(l.drawn) >= redrawEvery {
		fmt.Fprint(l.w, clearLine, fitting(visible(l.prefix+text), columnsOf(l.w)))
		l.drawn = time.Now()
	}
}

func (l *progressLine) clear() {
	if !l.drawn.IsZero() {
		fmt.Fprint(l.w, clearLine)
		l.drawn = time.Time{}
	}
}

// newBar is a progress bar on standard error, silent where that is no terminal or
// a narrow one. The total must be known: for one that is not, the library turns a wheel in a goroutine
// that races with the bar's own methods.
func (p *program) newBar(total int64, what string, options ...progressbar.Option) *progressbar.ProgressBar {
	w := p.stderr
	if columns := columnsOf(w); !terminal(w) || columns > 0 && columns < narrowest {
		w = io.Discard
	}
	return progressbar.NewOptions64(total, append([]progressbar.Option{
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(redrawEvery), progressbar.OptionClearOnFinish(),
		progressbar.OptionShowCount(), progressbar.OptionSetWidth(barWidth),
	}, options...)...)
}
