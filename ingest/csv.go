package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/farmtally/farmtally"
)

// CSV reads farmtally's record schema as comma-separated values (RFC 4180): a header
// that names the columns, in any order, and a row for each record.
type CSV struct {
	Farm string // the farm, by name or id, of records that have no farmId; or ""
	Kind string // the kind of source that names are hashed with; "" is DefaultKind
}

// Read implements Source. A header that is missing, lacks a column that every record
// needs, or has one that no record has, is an error for the stream. Rows are read on all
// cores.
func (c CSV) Read(ctx context.Context, r io.Reader, yield func(*Row) error) error {
	in, err := openText(r)
	if err != nil {
		return err
	}
	return c.pieces(in, pieceBytes, yield).run(ctx)
}

// pieces reads the text, which begins with a header, in pieces of about the size.
func (c CSV) pieces(in io.Reader, size int, yield func(*Row) error) *pieces {
	h := csvHead{schema: newSchema(c.Farm, c.Kind)}
	return &pieces{cutter: &cutter{in: in, size: size, rows: wholeRows}, yield: yield, head: h.read, parse: func() func(*piece) {
		s := csvSchema{schema: newSchema(c.Farm, c.Kind), head: &h}
		return s.piece
	}}
}

// csvHead is a text's header.
type csvHead struct {
	schema  schema
	columns []int // the field of each
	cells   []string
}

// read looks for the header among the lines, and reports whether it is there.
func (h *csvHead) read(lines *textLines) (found bool, err error) {
	in, row := csvReader{lines: lines}, Row{}
	for {
		cells, err := in.next(&row)
		switch {
		case err != nil:
			return false, nil //nolint:nilerr // it is the end of the lines
		case row.Skip == BlankLine:
			continue
		}
		for _, cell := range cells {
			h.cells = append(h.cells, strings.Clone(cell))
		}
		h.columns, err = h.schema.header(&row, h.cells)
		return true, err
	}
}

// csvSchema makes records of the rows below a header.
type csvSchema struct {
	schema
	head *csvHead
	in   csvReader
}

// piece reads the rows of a piece. They keep nothing of its text.
func (s *csvSchema) piece(p *piece) {
	lines := textLines{text: p.text}
	s.in.lines = &lines
	for {
		row := p.row()
		cells, err := s.in.next(row)
		switch {
		case err != nil: // it is the end of the piece
			p.rows, p.lines = p.rows[:len(p.rows)-1], lines.number
			return
		case row.Skip != "" || len(row.Faults) > 0:
		case slices.Equal(cells, s.head.cells):
			row.Skip = RepeatedHeader
		default:
			s.csv(row, s.head.columns, cells)
		}
	}
}

// wholeRows gives the length of the whole rows among whole lines, the first of which
// begins a row. A line with an even number of quotes ends the row that it begins, be that
// good or not: a cell that is still open has an odd number, and all others an even one.
func wholeRows(text []byte) int {
	for at := 0; ; {
		quote := bytes.IndexByte(text[at:], '"')
		if quote < 0 {
			return len(text)
		}
		at += bytes.LastIndexByte(text[at:at+quote], '\n') + 1
		n := bytes.IndexByte(text[at:], '\n') + 1
		if bytes.Count(text[at:at+n], []byte{'"'})%2 != 0 {
			n = firstRow(text[at:])
		}
		if n == 0 {
			return at
		}
		at += n
	}
}

// firstRow gives the length of the row that the text begins with; 0 where the text ends
// before that shows.
func firstRow(text []byte) int {
	lines := textLines{text: text}
	in := csvReader{lines: &lines}
	_, err := in.next(&Row{})
	switch {
	case err != nil || lines.ended:
		return 0
	case in.at == 0: // also where it was given up after some lines
		return bytes.IndexByte(text, '\n') + 1
	}
	return len(text) - len(lines.text)
}

// header gives the field of each column.
func (s *schema) header(row *Row, cells []string) ([]int, error) {
	e := farmtally.Errorf(farmtally.Invalid, "line %d is no header of a CSV file of usage records", row.Line)
	if len(row.Faults) > 0 {
		e.Fields = slices.Clone(row.Faults)
		return nil, e
	}
	fault := func(name, message string) {
		e.Fields = append(e.Fields, farmtally.Field{Name: quotedName(name), Message: message})
	}
	if len(cells) == 1 && strings.ContainsAny(cells[0], ";\t") {
		fault(wholeLine, "must be separated by commas, not by semicolons or tabs")
		return nil, e
	}
	columns := make([]int, len(cells))
	seen := map[string]bool{}
	for i, name := range cells {
		field, known := fieldsByName[name]
		switch {
		case !known:
			fault(name, unknownField("column", name))
		case seen[name]:
			fault(name, "is there twice")
		}
		columns[i], seen[name] = field, true
	}
	for _, name := range []string{"recordId", "usageType", "startedAt"} {
		if !seen[name] {
			fault(name, "is a column that every record needs")
		}
	}
	if !seen["farmId"] && s.defaultFarm == "" {
		fault("farmId", "is needed as a column, for no farm was named for the whole file")
	}
	if !seen["queueId"] && !seen["fleetId"] {
		fault("queueId", "or fleetId is needed as a column")
	}
	if len(e.Fields) > 0 {
		return nil, e
	}
	return columns, nil
}

func (s *schema) csv(row *Row, columns []int, cells []string) {
	if len(cells) != len(columns) {
		row.fault(wholeLine, "has %d columns; the header has %d", len(cells), len(columns))
		return
	}
	var v values
	for i, cell := range cells {
		v[columns[i]] = unguarded(cell)
	}
	s.record(row, &v)
}

// unguarded takes the apostrophe away that an export puts in front of a text which a
// spreadsheet would take for a formula.
func unguarded(cell string) string {
	if cell == "" || cell[0] != '\'' {
		return cell
	}
	begin, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, "'"))
	if strings.ContainsRune("=+-@\t\r\n＝＋－＠", begin) {
		return cell[1:]
	}
	return cell
}

// csvReader takes rows apart. A row is mostly a line; a quoted cell may hold line
// ends. Where such a row is given up its lines, but for the first, are read again.
type csvReader struct {
	lines interface{ next() (line, error) }
	held  []line // lines after the first of a row of several
	at    int    // how many of those have been read
	row   csvRow
}

// next reads a row into its line number and its cells, or into its faults.
func (c *csvReader) next(row *Row) ([]string, error) {
	l, err := c.first()
	if err != nil {
		return nil, err
	}
	row.begin(l.number)
	if l.blank() {
		row.Skip = BlankLine
		return nil, nil
	}
	second := c.at
	c.row.reset()
	for {
		fault := l.fault
		if fault == "" {
			fault = c.row.feed(l.text)
		}
		switch {
		case fault == "" && !c.row.open:
			return c.row.cells(), nil
		case fault != "" && c.at == second:
			row.fault(wholeLine, "%s", fault)
			return nil, nil
		case fault == "" && len(c.row.text) <= maxLine:
			if l, err = c.following(); err == nil {
				continue
			}
			if !errors.Is(err, io.EOF) {
				return nil, err
			}
		}
		c.at = second
		row.fault(wholeLine, "has a quote that is not closed as it should be, here or on the lines after it")
		return nil, nil
	}
}

// first gives the first line of a row.
func (c *csvReader) first() (line, error) {
	if c.at == len(c.held) {
		c.held, c.at = c.held[:0], 0
		return c.lines.next()
	}
	if c.at > len(c.held)/2 {
		c.held = slices.Delete(c.held, 0, c.at)
		c.at = 0
	}
	c.at++
	return c.held[c.at-1], nil
}

// following gives a line after the first one of a row, and holds it.
func (c *csvReader) following() (line, error) {
	if c.at == len(c.held) {
		l, err := c.lines.next()
		if err != nil {
			return line{}, err
		}
		l.text = slices.Clone(l.text)
		c.held = append(c.held, l)
	}
	c.at++
	return c.held[c.at-1], nil
}

// csvRow is a row under way: the cells' text in one piece, and where each ends.
type csvRow struct {
	text []byte
	ends []int
	open bool // a quoted cell goes on on the next line
	out  []string
}

func (c *csvRow) reset() { c.text, c.ends, c.open = c.text[:0], c.ends[:0], false }

// feed takes a line, the first one or one that continues an open cell, and says what
// is wrong with it.
func (c *csvRow) feed(text []byte) (fault string) {
	if c.open {
		c.text = append(c.text, '\n')
	}
	for {
		if !c.open && len(text) > 0 && text[0] == '"' {
			c.open, text = true, text[1:]
		}
		if c.open {
			if text, fault = c.quoted(text); c.open || fault != "" {
				return fault
			}
		} else {
			end := len(text)
			if comma := bytes.IndexByte(text, ','); comma >= 0 {
				end = comma
			}
			if bytes.IndexByte(text[:end], '"') >= 0 {
				return `has a quote inside a cell that does not begin with one; write the cell in quotes, and "" for a quote in it`
			}
			c.text, text = append(c.text, text[:end]...), text[end:]
		}
		c.ends = append(c.ends, len(c.text))
		if len(text) == 0 {
			return ""
		}
		text = text[1:] // the comma
	}
}

// quoted takes what is left of a quoted cell, and leaves it open where the line ends
// inside.
func (c *csvRow) quoted(text []byte) (rest []byte, fault string) {
	for {
		end := bytes.IndexByte(text, '"')
		if end < 0 {
			c.text = append(c.text, text...)
			return nil, ""
		}
		c.text, text = append(c.text, text[:end]...), text[end+1:]
		if len(text) == 0 || text[0] == ',' {
			c.open = false
			return text, ""
		}
		if text[0] != '"' {
			return nil, `has something after a cell's closing quote; write "" for a quote in a cell`
		}
		c.text, text = append(c.text, '"'), text[1:]
	}
}

// cells gives the row's cells, which are good until the next row is read.
func (c *csvRow) cells() []string {
	all := unsafe.String(unsafe.SliceData(c.text), len(c.text)) //nolint:gosec // it does not change until then
	c.out = c.out[:0]
	from := 0
	for _, end := range c.ends {
		c.out = append(c.out, all[from:end])
		from = end
	}
	return c.out
}
