package ingest

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/farmtally/farmtally"
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
	codes []uint32         // into texts; 0 is null
	texts []string         // texts[0] is ""; they grow from batch to batch of one generation
	ids   *farmtally.Texts // in place of codes and texts, where hardly any text comes twice

	generation int64
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
	case v.ids != nil:
		return string(v.ids.At(row))
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
	recent     [recentTexts]uint32 // the codes of texts that were there lately, by textPlace
	texts      []string
	bytes      int
	generation int64 // another one after the texts were forgotten, and than any other builder's
}

const recentTexts = 1 << 10

var generations atomic.Int64

// begin makes ready for a batch.
func (b *textBuilder) begin() {
	if b.known == nil || len(b.texts) > maxKnownTexts || b.bytes > maxKnownBytes {
		*b = textBuilder{known: map[string]uint32{}, texts: []string{""}, generation: generations.Add(1)}
	}
}

// textPlace picks the place by where the text is: those of a dictionary come again from
// where they were. What is there is compared all the same.
func textPlace(s []byte) uint {
	at := uint(uintptr(unsafe.Pointer(unsafe.SliceData(s)))) //nolint:gosec // a number, never a pointer again
	return (at ^ at>>10 ^ at>>20) % recentTexts
}

func (b *textBuilder) code(s []byte) uint32 {
	if len(s) == 0 {
		return 0
	}
	recent := &b.recent[textPlace(s)]
	if code := *recent; int(code) < len(b.texts) && b.texts[code] == string(s) {
		return code
	}
	code, known := b.known[string(s)]
	if !known {
		text := string(s)
		code = uint32(len(b.texts)) //nolint:gosec // a batch adds at most its rows
		b.known[text] = code
		b.texts = append(b.texts, text)
		b.bytes += len(text)
	}
	*recent = code
	return code
}

// idBuilder makes vectors of texts of which hardly any comes twice.
type idBuilder struct{ farmtally.Texts }

func newIDBuilder(rows int) *idBuilder {
	return &idBuilder{farmtally.Texts{Ends: make([]uint32, 0, rows)}}
}

// maxIDBytes bounds the bytes of a batch's ids.
const maxIDBytes = 1 << 30

// add adds texts of rows that follow, up to the row.
func (b *idBuilder) add(row int, s []byte) {
	b.skip(row)
	b.Bytes = append(b.Bytes, s...)
	if len(b.Bytes) > maxIDBytes {
		panic("record ids of more than a gigabyte")
	}
	b.Ends = append(b.Ends, uint32(len(b.Bytes))) //nolint:gosec // below maxIDBytes
}

// skip adds empty texts for the rows up to the row.
func (b *idBuilder) skip(row int) {
	for len(b.Ends) < row {
		b.Ends = append(b.Ends, uint32(len(b.Bytes))) //nolint:gosec // below maxIDBytes
	}
}

func (b *idBuilder) vector(rows int) *vector {
	b.skip(rows)
	return &vector{kind: ofTexts, ids: &b.Texts}
}
