package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"unsafe"
)

// NDJSON reads farmtally's record schema, one JSON object on a line.
type NDJSON struct {
	Farm string // the farm, by name or id, of records that have no farmId; or ""
	Kind string // the kind of source that names are hashed with; "" is DefaultKind

	// Plain says that the stream is lines of JSON, and no file that could be anything:
	// bytes that are no text are then faults of their lines.
	Plain bool
}

// Read implements Source. Rows are read on all cores.
func (n NDJSON) Read(ctx context.Context, r io.Reader, yield func(*Row) error) error {
	open := openText
	if n.Plain {
		open = openPlain
	}
	in, err := open(r)
	if err != nil {
		return err
	}
	return n.pieces(in, pieceBytes, yield).run(ctx)
}

// pieces reads the text in pieces of about the size.
func (n NDJSON) pieces(in io.Reader, size int, yield func(*Row) error) *pieces {
	return &pieces{cutter: &cutter{in: in, size: size}, yield: yield, parse: func() func(*piece) {
		s := newSchema(n.Farm, n.Kind)
		return s.ndjsonPiece
	}}
}

// ndjsonPiece reads the rows of a piece. They keep nothing of its text.
func (s *schema) ndjsonPiece(p *piece) {
	lines := textLines{text: p.text}
	for {
		raw, text, ok := lines.cut()
		if !ok {
			p.lines = lines.number
			return
		}
		s.ndjsonLine(p.row(), lines.number, raw, text)
	}
}

// ReadText reads a text in memory as Read reads a stream of lines that is Plain. The
// texts of the records are parts of it: it must not change while any of them is in use.
func (n NDJSON) ReadText(ctx context.Context, text []byte, yield func(*Row) error) error {
	lines := textLines{text: bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))}
	s := newSchema(n.Farm, n.Kind)
	s.whole = true
	var row Row
	for {
		raw, l, ok := lines.cut()
		if !ok {
			return nil
		}
		if lines.number%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		s.ndjsonLine(&row, lines.number, raw, l)
		if err := yield(&row); err != nil {
			return err
		}
	}
}

// ndjsonLine reads a row of a line, which raw has with its end.
func (s *schema) ndjsonLine(row *Row, number int64, raw, text []byte) {
	row.begin(number)
	same := unsafe.String(unsafe.SliceData(text), len(text)) //nolint:gosec // it is copied, or does not change
	if len(raw) > maxLineRead || !s.fastNDJSON(row, text, same) {
		s.ndjson(row, line{number, text, lineFault(raw, text)})
	}
}

// fastNDJSON takes a line of the form that most have, or gives false.
func (s *schema) fastNDJSON(row *Row, line []byte, text string) bool {
	var v values
	if !s.fast.read(line, text, &v) {
		return false
	}
	s.record(row, &v)
	return true
}

func (s *schema) ndjson(row *Row, l line) {
	switch {
	case l.fault != "":
		row.fault(wholeLine, "%s", l.fault)
	case l.blank():
		row.Skip = BlankLine
	case !json.Valid(l.text):
		row.fault(wholeLine, "is not a JSON object: %s", syntaxError(l.text))
	default:
		var v values
		if object(row, strings.TrimSpace(string(l.text)), &v); len(row.Faults) == 0 {
			s.record(row, &v)
		}
	}
}

func syntaxError(text []byte) string {
	var value json.RawMessage
	if err := json.Unmarshal(text, &value); err != nil {
		return err.Error()
	}
	return "something follows it on the line"
}

// object reads the members of a valid JSON text.
func object(row *Row, text string, v *values) {
	if text[0] != '{' {
		row.fault(wholeLine, "must be one JSON object, not %s", quoted(text))
		return
	}
	var seen [fieldCount]bool
	for m := (members{text, 1}); ; {
		name, value, ok := m.next()
		if !ok {
			return
		}
		field, known := fieldsByName[name]
		switch {
		case !known:
			row.fault(quotedName(name), "%s", unknownField("member", name))
		case seen[field]:
			row.fault(name, "is given twice")
		default:
			seen[field] = true
			v[field] = member(row, field, value)
		}
	}
}

// member gives a member's text: "" for null, the digits of a number.
func member(row *Row, field int, value string) string {
	switch c := value[0]; {
	case c == '"':
		return unescape(value)
	case value == "null":
		return ""
	case isDecimal(field) && (c == '-' || '0' <= c && c <= '9'):
		return value
	case isDecimal(field):
		row.fault(fieldNames[field], "must be a number, or a decimal number in a string")
	default:
		row.fault(fieldNames[field], "must be a string")
	}
	return ""
}

// quotedName is a member's name as a part of a message: bare where it is a plain word.
func quotedName(name string) string {
	plain := name != "" && len(name) <= 60 && strings.IndexFunc(name, func(c rune) bool { return c <= ' ' || c == ':' || c == '"' || c > '~' }) < 0
	if plain {
		return name
	}
	return quoted(name)
}

// members walks over the members of a JSON object that is known to be valid, so that
// numbers keep their digits, and duplicates show.
type members struct {
	text string
	at   int
}

func (m *members) next() (name, value string, ok bool) {
	m.space()
	if m.text[m.at] == ',' {
		m.at++
		m.space()
	}
	if m.text[m.at] == '}' {
		return "", "", false
	}
	name = unescape(m.value())
	m.space()
	m.at++ // the colon
	m.space()
	return name, m.value(), true
}

func (m *members) space() {
	for strings.IndexByte(" \t\r\n", m.text[m.at]) >= 0 {
		m.at++
	}
}

// value takes one value, of whatever kind.
func (m *members) value() string {
	from, depth := m.at, 0
	for {
		switch m.text[m.at] {
		case '"':
			m.str()
			m.at--
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',', ' ', '\t', '\r', '\n', ':':
			if depth == 0 {
				return m.text[from:m.at]
			}
		}
		if depth < 0 {
			return m.text[from:m.at]
		}
		m.at++
	}
}

// str takes a string.
func (m *members) str() {
	for m.at++; m.text[m.at] != '"'; m.at++ {
		if m.text[m.at] == '\\' {
			m.at++
		}
	}
	m.at++
}

// unescape gives what a JSON string stands for.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	var text string
	if err := json.Unmarshal([]byte(s), &text); err != nil {
		return s
	}
	return text
}
