package ingest

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// fastReader takes apart lines of the form that nearly all have: one object of members
// of the schema, each once, whose values are numbers, null, or strings without escapes,
// with blanks nowhere but behind colons and commas. What it takes, [schema.object] takes
// the same way; what it refuses may still be good.
type fastReader struct {
	order [fieldCount]int // the fields of the line before, in their order
	count int
}

// plainMembers are the beginnings of members by field, such as `"recordId":`.
var plainMembers = func() (m [fieldCount]string) {
	for field, name := range fieldNames {
		m[field] = `"` + name + `":`
	}
	return m
}()

// read puts the values of a line into v, as parts of text, which has the same bytes as
// the line. It reports false where it does not know the line's form; v is then of no use.
func (f *fastReader) read(line []byte, text string, v *values) bool {
	at, ascii := 1, true
	if len(line) < 2 || line[0] != '{' {
		return false
	}
	var seen uint32
	for n := 0; ; n++ {
		field, next := f.member(text, at, n)
		if next < 0 || seen&(1<<field) != 0 {
			return false
		}
		seen |= 1 << field
		at = next
		if at < len(line) && line[at] == ' ' {
			at++
		}
		var end int
		switch {
		case at >= len(line):
			return false
		case line[at] == '"':
			var plain bool
			if end, plain = stringEnd(line, at+1); end < 0 {
				return false
			}
			v[field] = text[at+1 : end]
			end++
			ascii = ascii && plain
		case isDecimal(field) && line[at] != 'n':
			if end = numberEnd(line, at); end < 0 {
				return false
			}
			v[field] = text[at:end]
		case len(line)-at > len("null") && text[at:at+len("null")] == "null":
			end = at + len("null")
		default:
			return false
		}
		if at = end; at >= len(line) {
			return false
		}
		switch line[at] {
		case ',':
			if at++; at < len(line) && line[at] == ' ' {
				at++
			}
		case '}':
			f.count = n + 1
			return at == len(line)-1 && (ascii || utf8.Valid(line))
		default:
			return false
		}
	}
}

// member finds the field whose member begins at the place, and the place behind its
// colon; −1 where it knows none. Most lines have the fields of the line before.
func (f *fastReader) member(text string, at, n int) (field, next int) {
	if n < f.count {
		field = f.order[n]
		if name := plainMembers[field]; len(text)-at > len(name) && text[at:at+len(name)] == name {
			return field, at + len(name)
		}
	}
	if n == fieldCount || at >= len(text) || text[at] != '"' {
		return 0, -1
	}
	end := at + 1
	for end < len(text) && text[end] != '"' {
		end++
	}
	if end+1 >= len(text) || text[end+1] != ':' {
		return 0, -1
	}
	field, known := fieldsByName[text[at+1:end]]
	if !known {
		return 0, -1
	}
	f.order[n] = field
	return field, end + 2
}

// Every byte of a word: the lowest bit, the highest bit, and characters to look for.
const (
	lowBits    = 0x0101010101010101
	highBits   = 0x8080808080808080
	quotes     = '"' * lowBits
	backslashs = '\\' * lowBits
	blanks     = ' ' * lowBits
)

// stringEnd gives the place of the quote that ends the string that begins at the place,
// and whether the string is of ASCII alone; −1 where the string has an escape or a
// control character, or no end.
func stringEnd(line []byte, at int) (end int, ascii bool) {
	ascii = true
	for ; at+8 <= len(line); at += 8 {
		word := binary.LittleEndian.Uint64(line[at:])
		// A byte below 128 borrows from its highest bit where it is the one looked for; a
		// borrow spreads upwards, so that the lowest bit set is always a true one.
		found := (((word ^ quotes) - lowBits) | ((word ^ backslashs) - lowBits) | (word - blanks)) &^ word & highBits
		if found == 0 {
			ascii = ascii && word&highBits == 0
			continue
		}
		n := bits.TrailingZeros64(found)
		ascii = ascii && word&highBits&(1<<n-1) == 0
		if at += n / 8; line[at] != '"' {
			return -1, false
		}
		return at, ascii
	}
	for ; at < len(line); at++ {
		switch c := line[at]; {
		case c == '"':
			return at, ascii
		case c == '\\' || c < ' ':
			return -1, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return -1, false
}

// numberEnd gives the end of a JSON number without a sign or an exponent; −1 where
// there is none.
func numberEnd(line []byte, at int) int {
	from := at
	for at < len(line) && line[at]-'0' < 10 {
		at++
	}
	if at == from || line[from] == '0' && at > from+1 {
		return -1
	}
	if at == len(line) || line[at] != '.' {
		return at
	}
	at++
	for from = at; at < len(line) && line[at]-'0' < 10; {
		at++
	}
	if at == from {
		return -1
	}
	return at
}
