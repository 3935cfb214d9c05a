package farmtally

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// nanoDigits is the number of decimals of Money and Quantity.
const nanoDigits = 9

// nano is one whole unit of Money or Quantity.
const nano = 1_000_000_000

// maxDecimalText bounds the text of one number: longer ones are refused unread.
const maxDecimalText = 64

// errNotDecimal and its kin name what is wrong with a number's text.
var (
	errNotDecimal = errors.New("not a decimal number")
	errNegative   = errors.New("negative; it must be 0 or more")
	errTooLarge   = errors.New("too large")
)

// rounding says what becomes of digits finer than the unit.
type rounding int

const (
	truncate rounding = iota + 1
	halfEven
)

// parseDecimal reads a non-negative decimal number, with an exponent or without,
// as a count of 10^-digits.
func parseDecimal(s string, digits int, round rounding) (int64, error) {
	if v, ok := parsePlainDecimal(s, digits); ok {
		return v, nil
	}
	return parseAnyDecimal(s, digits, round)
}

func parseAnyDecimal(s string, digits int, round rounding) (int64, error) {
	if s == "" || len(s) > maxDecimalText {
		return 0, errNotDecimal
	}
	negative := s[0] == '-'
	if negative || s[0] == '+' {
		s = s[1:]
	}
	mantissa, exponent, err := splitDecimal(s)
	if err != nil {
		return 0, err
	}
	mantissa = strings.TrimLeft(mantissa, "0")
	if mantissa == "" {
		return 0, nil
	}
	if negative {
		return 0, errNegative
	}
	keep := len(mantissa) + exponent + digits
	if keep > len("9223372036854775807") {
		return 0, errTooLarge
	}
	if keep < 0 {
		return 0, nil
	}
	whole, rest := mantissa, ""
	if keep <= len(mantissa) {
		whole, rest = mantissa[:keep], mantissa[keep:]
	} else {
		whole += strings.Repeat("0", keep-len(mantissa))
	}
	var v uint64
	if whole != "" {
		if v, err = strconv.ParseUint(whole, 10, 64); err != nil {
			return 0, errTooLarge
		}
	}
	if round == halfEven && roundsUp(v, rest) {
		v++
	}
	if v > math.MaxInt64 {
		return 0, errTooLarge
	}
	return int64(v), nil
}

// parsePlainDecimal reads what most numbers are: few digits, perhaps with a point among
// them, and no more decimals than are kept. It leaves all else to parseAnyDecimal.
func parsePlainDecimal(s string, digits int) (v int64, ok bool) {
	const most = 18 // digits in 64 bits
	decimals := -1
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' && decimals < 0:
			decimals = 0
		case c-'0' > 9 || i >= most-digits && decimals < 0 || decimals == digits:
			return 0, false
		default:
			v = v*10 + int64(c-'0')
			if decimals >= 0 {
				decimals++
			}
		}
	}
	if s == "" || s == "." {
		return 0, false
	}
	for range digits - max(decimals, 0) {
		v *= 10
	}
	return v, true
}

// splitDecimal gives the digits of s without its point, and the power of ten that
// they are to be multiplied with.
func splitDecimal(s string) (mantissa string, exponent int, err error) {
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if exponent, err = strconv.Atoi(s[i+1:]); err != nil || exponent < -999 || exponent > 999 {
			return "", 0, errNotDecimal
		}
		s = s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	mantissa = whole + fraction
	if mantissa == "" {
		return "", 0, errNotDecimal
	}
	for i := range len(mantissa) {
		if mantissa[i] < '0' || mantissa[i] > '9' {
			return "", 0, errNotDecimal
		}
	}
	return mantissa, exponent - len(fraction), nil
}

// roundsUp reports whether v followed by the decimal fraction rest rounds to v+1,
// half to even.
func roundsUp(v uint64, rest string) bool {
	if rest == "" || rest[0] < '5' {
		return false
	}
	return rest[0] > '5' || strings.Trim(rest[1:], "0") != "" || v%2 == 1
}

// formatDecimal prints v, a count of 10^-9, without trailing zeros.
func formatDecimal(v int64) string {
	if v < 0 {
		return "-" + Sum{Lo: -uint64(v)}.decimal(nanoDigits) //nolint:gosec // two's complement is wanted here
	}
	return Sum{Lo: uint64(v)}.decimal(nanoDigits)
}
