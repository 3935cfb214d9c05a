package deadline

import (
	"bytes"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Bytes that are no UTF-8 become U+FFFD.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, s[start:i]...)
		b = appendEscaped(b, c)
		i += size
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// appendEscaped appends the escape of a byte that may not stand in a JSON string.
func appendEscaped(b []byte, c byte) []byte {
	switch {
	case c >= utf8.RuneSelf:
		return append(b, "\uFFFD"...)
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, `\n`...)
	case c == '\r':
		return append(b, `\r`...)
	case c == '\t':
		return append(b, `\t`...)
	default:
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
}

// leastExponent is the double from which on an exponent is printed.
const leastExponent = 1e21

// AppendDouble appends the shortest decimal form that reads back as f, without an
// exponent below 1e21. NaN and the infinities are strings, as restJson1 has them.
func AppendDouble(b []byte, f float64) []byte {
	if !math.Signbit(f) && f < exactBillionths/billion {
		if n := math.RoundToEven(f * billion); n/billion == f {
			return appendBillionths(b, uint64(n))
		}
	}
	return appendShortest(b, f)
}

// Two decimals of at most fifteen digits never read as one double. So where f is what
// a whole number of billionths below 10¹⁵ reads as, that decimal is the shortest form:
// a shorter one would be a second. Money, in nano-dollars, and runtimes mostly are.
const (
	billion         = 1e9
	exactBillionths = 1e15
)

// appendBillionths appends n/10⁹ without trailing zeros.
func appendBillionths(b []byte, n uint64) []byte {
	b = strconv.AppendUint(b, n/billion, 10)
	fraction := uint32(n % billion)
	if fraction == 0 {
		return b
	}
	places := 9
	for ; fraction%1000 == 0; fraction /= 1000 {
		places -= 3
	}
	b = append(b, ".000000000"[:1+places]...)
	for at := len(b); fraction > 0; fraction /= 10 {
		at--
		b[at] = byte('0' + fraction%10)
	}
	return bytes.TrimRight(b, "0")
}

// appendShortest is AppendDouble for any double.
func appendShortest(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	case math.Abs(f) < leastExponent:
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	default:
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
}

// AppendTime appends t as a JSON string: RFC 3339, in UTC with Z, and a fraction
// only where there is one.
func AppendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

// appendMember appends a further string member of an object, unless it is absent.
func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return AppendString(b, value)
}
