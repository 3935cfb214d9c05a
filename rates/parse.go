package rates

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/farmtally/farmtally"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxCardBytes bounds the text of a card.
const maxCardBytes = 16 << 20

// maxText is the limit, in characters, of ids, names, instance types and products.
const maxText = 100

// Parse reads a card from its TOML text. The file's name appears in the error alone,
// which is a *farmtally.Error of Kind Invalid with a Field for each problem found,
// named "file:line: key" (or "file:line" where no key is at fault), in the order of
// the text. A text without rows is a card that prices nothing.
func Parse(file string, text []byte) (*Card, error) {
	if len(text) > maxCardBytes {
		return nil, farmtally.Errorf(farmtally.Invalid, "the rate card %s has %d bytes; at most %d are allowed",
			file, len(text), maxCardBytes)
	}
	d := document{file: file, text: text[:len(text):len(text)]}
	d.parser.Reset(d.text)
	d.read()
	c := &Card{}
	for _, t := range d.tables {
		c.rows = append(c.rows, d.row(t))
	}
	d.checkUnique()
	if len(d.problems) > 0 {
		return nil, d.err()
	}
	c.index = newIndex(c.rows)
	return c, nil
}

// document is a card's text on the way to its rows.
type document struct {
	file     string
	text     []byte
	parser   unstable.Parser
	lines    lineCounter
	tables   []table
	problems []problem
}

// table is one [[rate]]: its line and what it says, by key.
type table struct {
	line   int
	values map[string]value
}

type value struct {
	kind unstable.Kind
	text string
	line int
}

type problem struct {
	line         int
	key, allowed string
}

func (d *document) fault(line int, key, format string, args ...any) {
	d.problems = append(d.problems, problem{line, key, fmt.Sprintf(format, args...)})
}

func (d *document) err() error {
	e := farmtally.Errorf(farmtally.Invalid, "the rate card %s has mistakes", d.file)
	slices.SortStableFunc(d.problems, func(a, b problem) int { return a.line - b.line })
	for _, p := range d.problems {
		name := fmt.Sprintf("%s:%d", d.file, p.line)
		if p.key != "" {
			name += ": " + p.key
		}
		e.Fields = append(e.Fields, farmtally.Field{Name: name, Message: p.allowed})
	}
	return e
}

// read takes the text apart into tables. A line that is no TOML ends it.
func (d *document) read() {
	inside := false
	for d.parser.NextExpression() {
		e := d.parser.Expression()
		switch e.Kind {
		case unstable.ArrayTable, unstable.Table:
			inside = d.header(e)
		case unstable.KeyValue:
			d.keyValue(e, inside)
		}
	}
	if err := d.parser.Error(); err != nil {
		line := d.lines.at(d.text, len(d.text))
		if e, ok := errors.AsType[*unstable.ParserError](err); ok {
			line = d.lineOf(e.Highlight)
		}
		d.fault(line, "", "is not TOML: %s", err)
	}
}

// header begins a table, and reports whether it is a [[rate]].
func (d *document) header(e *unstable.Node) bool {
	name, line := d.key(e.Key())
	switch {
	case name != "rate":
		d.fault(line, clip(name), "is no table of a rate card; each row is a [[rate]]")
	case e.Kind == unstable.Table:
		d.fault(line, "rate", "must be written [[rate]], in two pairs of brackets, for a card has many rows")
	default:
		d.tables = append(d.tables, table{line, map[string]value{}})
		return true
	}
	return false
}

func (d *document) keyValue(e *unstable.Node, inside bool) {
	key, line := d.key(e.Key())
	if !inside {
		if len(d.tables) == 0 {
			d.fault(line, clip(key), "must stand below a [[rate]]")
		}
		return
	}
	t := &d.tables[len(d.tables)-1]
	v := e.Value()
	switch _, twice := t.values[key]; {
	case !slices.Contains(keys, key):
		d.fault(line, clip(key), "is no key of a rate%s", suggestion(key))
	case twice:
		d.fault(line, key, "is given twice in one [[rate]]")
	default:
		t.values[key] = value{v.Kind, string(v.Data), line}
	}
}

func suggestion(key string) string {
	if near := farmtally.Closest(key, keys); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return "; the keys are " + strings.Join(keys, ", ")
}

// key joins the parts of a key and gives its line.
func (d *document) key(parts unstable.Iterator) (string, int) {
	var names []string
	line := 1
	for parts.Next() {
		n := parts.Node()
		if len(names) == 0 {
			line = d.lines.at(d.text, int(n.Raw.Offset))
		}
		names = append(names, string(n.Data))
	}
	return strings.Join(names, "."), line
}

// lineOf gives the line on which a part of the text begins.
func (d *document) lineOf(part []byte) int {
	return d.lines.at(d.text, cap(d.text)-cap(part))
}

// lineCounter numbers lines from 1. Offsets that grow cost one pass in all.
type lineCounter struct{ offset, before int }

func (c *lineCounter) at(text []byte, offset int) int {
	offset = max(0, min(offset, len(text)))
	if offset < c.offset {
		*c = lineCounter{}
	}
	for _, b := range text[c.offset:offset] {
		if b == '\n' {
			c.before++
		}
	}
	c.offset = offset
	return c.before + 1
}

// clip shortens a text for a message.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= maxText {
		return s
	}
	return string([]rune(s)[:maxText]) + "…"
}
