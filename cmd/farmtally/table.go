package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// table collects rows of text and prints them in aligned columns.
type table struct {
	columns []column
	rows    [][]string
	footer  []string
}

// column is a column's title, and whether it holds numbers.
type column struct {
	title  string
	number bool
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// absent stands in a table where there is no value.
const absent = "-"

// print writes the table. Control characters, which names may hold, are made
// visible, so that no name can steer a terminal.
func (t *table) print(w io.Writer) error {
	var titles []string
	for _, c := range t.columns {
		titles = append(titles, c.title)
	}
	lines := append([][]string{titles}, t.rows...)
	if t.footer != nil {
		lines = append(lines, t.footer)
	}
	widths := make([]int, len(t.columns))
	for _, cells := range lines {
		for i, cell := range cells {
			widths[i] = max(widths[i], uniseg.StringWidth(visible(cell)))
		}
	}
	for n, cells := range lines {
		if n == len(lines)-1 && t.footer != nil {
			if _, err := fmt.Fprintln(w, rule(widths)); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintln(w, t.line(cells, widths)); err != nil {
			return err
		}
	}
	return nil
}

const columnGap = "  "

func (t *table) line(cells []string, widths []int) string {
	var b strings.Builder
	for i, cell := range cells {
		cell = visible(cell)
		pad := strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell))
		if i > 0 {
			b.WriteString(columnGap)
		}
		if t.columns[i].number {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

func rule(widths []int) string {
	parts := make([]string, len(widths))
	for i, w := range widths {
		parts[i] = strings.Repeat("-", w)
	}
	return strings.Join(parts, columnGap)
}

// visible makes the control characters of a text visible.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// thousands puts commas into the whole part of a decimal number.
func thousands(number string) string {
	whole, fraction, hasFraction := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		whole += "." + fraction
	}
	return sign + whole
}

// count prints a number of things.
func count(n int64) string { return thousands(strconv.FormatInt(n, 10)) }

// unit is what is counted, in the plural where there is not one.
func unit(n int64, of string) string {
	if n == 1 {
		return of
	}
	return of + "s"
}
