package export

import (
	"fmt"
	"math/big"
	"math/bits"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/farmtally/farmtally"
)

// The decimals of amounts. A nano-dollar times a farm's cost scale, which has nine
// decimals too, is exact with eighteen.
const (
	dollarDigits = 18
	secondDigits = 3
)

// powers has the powers of ten that scale amounts.
var powers = [...]uint64{secondDigits: 1e3, 9: 1e9, quantityDigits: 1e15, dollarDigits: 1e18}

// amount is a decimal number that is not negative: a count of 10^-digits, where the
// digits are known from its place.
type amount = decimal128.Num

// times gives the sum times the factor.
func times(s farmtally.Sum, factor int64) (amount, error) {
	hi, lo := bits.Mul64(s.Lo, uint64(factor))                     //nolint:gosec // never negative
	if over, rest := bits.Mul64(s.Hi, uint64(factor)); over == 0 { //nolint:gosec // never negative
		if sum, carry := bits.Add64(hi, rest, 0); carry == 0 && sum < 1<<62 {
			return decimal128.New(int64(sum), lo), nil
		}
	}
	return amount{}, farmtally.Errorf(farmtally.TooLarge, "an amount of %s × %d is too large for a file", s.Dollars(), factor)
}

// double gives the decimal nearest to a double that is not negative.
func double(f float64, digits int) (amount, error) {
	r := new(big.Rat).SetFloat64(f)
	if r == nil || f < 0 {
		return amount{}, fmt.Errorf("%v is no amount", f)
	}
	if text, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'f', -1, 64)); ok {
		r = text // the shortest decimal that the double stands for
	}
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).SetUint64(powers[digits])))
	half := new(big.Int).Rsh(r.Denom(), 1)
	n := new(big.Int).Add(r.Num(), half)
	n.Quo(n, r.Denom())
	if n.BitLen() > 126 {
		return amount{}, fmt.Errorf("%v is too large for a file", f)
	}
	return decimal128.FromBigInt(n), nil
}

// appendAmount appends the decimal without trailing zeros and without an exponent.
func appendAmount(b []byte, a amount, digits int) []byte {
	unit := powers[digits]
	hi, lo := uint64(a.HighBits()), a.LowBits() //nolint:gosec // never negative
	if hi >= unit {
		text := strings.TrimRight(a.ToString(int32(digits)), "0") //nolint:gosec // few
		return append(b, strings.TrimSuffix(text, ".")...)
	}
	whole, fraction := bits.Div64(hi, lo, unit)
	b = strconv.AppendUint(b, whole, 10)
	if fraction == 0 {
		return b
	}
	start := len(b)
	b = strconv.AppendUint(b, unit+fraction, 10) // a 1 and the digits
	b[start] = '.'
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}
