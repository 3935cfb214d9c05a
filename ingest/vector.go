package ingest

import (
	"strconv"
	"strings"
	"time"
)

// vectorKind says what the values of a vector are.
type vectorKind int

const (
	ofTexts    vectorKind = iota + 1
	ofNumbers             // numbers × 10^-digits
	ofFloats              // binary floating point
	ofInstants            // seconds since 1970 × 10^-digits
)

// vector is a column of a batch of rows: of a Parquet or an Arrow file, whatever type
// it has there.
type vector struct {
	kind  vectorKind
	codes []uint32 // into texts; 0 is null
	texts []string // texts[0] is ""; they grow from batch to batch of one generation

	generation int
	numbers    []int64
	digits     int
	floats     []float64
	null       []bool // of numbers and floats; nil: none is
}

// text is the value of a row as it would stand in a CSV file; "" is null.
func (v *vector) text(row int) string {
	switch {
	case v == nil:
		return ""
	case v.kind == ofTexts:
		return v.texts[v.codes[row]]
	case v.null != nil && v.null[row]:
		return ""
	case v.kind == ofFloats:
		return strconv.FormatFloat(v.floats[row], 'g', -1, 64)
	case v.kind == ofInstants:
		return instantText(v.numbers[row], v.digits)
	}
	return decimalText(v.numbers[row], v.digits)
}

func decimalText(n int64, digits int) string {
	s := strconv.FormatInt(n, 10)
	if digits == 0 {
		return s
	}
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	if missing := digits + 1 - len(s); missing > 0 {
		s = strings.Repeat("0", missing) + s
	}
	return sign + s[:len(s)-digits] + "." + s[len(s)-digits:]
}

func instantText(n int64, digits int) string {
	var t time.Time
	switch digits {
	case 0:
		t = time.Unix(n, 0)
	case 3:
		t = time.UnixMilli(n)
	case 6:
		t = time.UnixMicro(n)
	default:
		t = time.Unix(n/1e9, n%1e9)
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// maxKnownTexts bounds the distinct texts of a column that are kept, and
// maxKnownBytes their bytes.
const (
	maxKnownTexts = 1 << 16
	maxKnownBytes = 16 << 20
)

// textBuilder makes vectors of texts, of which it keeps one copy each.
type textBuilder struct {
	known      map[string]uint32
	texts      []string
	bytes      int
	generation int  // another one after the texts were forgotten
	distinct   bool // hardly any text comes twice: it is not looked for
}

// begin makes ready for a batch.
func (b *textBuilder) begin() {
	if b.known == nil || b.distinct || len(b.texts) > maxKnownTexts || b.bytes > maxKnownBytes {
		*b = textBuilder{known: map[string]uint32{}, texts: []string{""}, generation: b.generation + 1, distinct: b.distinct}
	}
}

func (b *textBuilder) code(s []byte) uint32 {
	if len(s) == 0 {
		return 0
	}
	if b.distinct {
		b.texts = append(b.texts, string(s))
		return uint32(len(b.texts) - 1) //nolint:gosec // a batch adds at most its rows
	}
	code, known := b.known[string(s)]
	if !known {
		text := string(s)
		code = uint32(len(b.texts)) //nolint:gosec // a batch adds at most its rows
		b.known[text] = code
		b.texts = append(b.texts, text)
		b.bytes += len(text)
	}
	return code
}
