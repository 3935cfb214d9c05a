package farmtally

import (
	"bytes"
	"math/big"
	"math/bits"
	"strconv"
)

// Sum is a sum of non-negative integers in 128 bits, which no farm can exceed.
type Sum struct{ Hi, Lo uint64 }

// Add adds v, which must not be negative.
func (s *Sum) Add(v int64) {
	var carry uint64
	s.Lo, carry = bits.Add64(s.Lo, uint64(v), 0) //nolint:gosec // never negative
	s.Hi += carry
}

// AddSum adds another sum.
func (s *Sum) AddSum(o Sum) {
	var carry uint64
	s.Lo, carry = bits.Add64(s.Lo, o.Lo, 0)
	s.Hi += o.Hi + carry
}

// Cmp compares as integers: −1, 0 or 1.
func (s Sum) Cmp(o Sum) int {
	switch {
	case s == o:
		return 0
	case s.Hi < o.Hi || s.Hi == o.Hi && s.Lo < o.Lo:
		return -1
	default:
		return 1
	}
}

// Big gives the sum as a big integer.
func (s Sum) Big() *big.Int {
	b := new(big.Int).SetUint64(s.Hi)
	return b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(s.Lo))
}

// decimal prints the sum as a count of 10^-digits, at most 10^-9, without trailing zeros.
func (s Sum) decimal(digits int) string {
	const zeros = "0000000000" // so that there are digits before the point
	text := append(make([]byte, 0, 64), zeros...)
	if s.Hi == 0 {
		text = strconv.AppendUint(text, s.Lo, 10)
	} else {
		text = s.Big().Append(text, 10)
	}
	point := len(text) - digits
	whole, fraction := text[min(len(zeros), point-1):point], bytes.TrimRight(text[point:], "0")
	if len(fraction) == 0 {
		return string(whole)
	}
	return string(whole) + "." + string(fraction)
}

// Dollars prints a sum of nano-dollars as dollars, exactly.
func (s Sum) Dollars() string { return s.decimal(nanoDigits) }

// Seconds prints a sum of milliseconds as seconds, exactly.
func (s Sum) Seconds() string { return s.decimal(3) }

// Stat holds the statistics of a row's samples, in nano-dollars or milliseconds.
// Its zero value has no samples, and Min and Max mean nothing there.
type Stat struct {
	Sum      Sum
	Min, Max int64
}

// add adds a sample, which may be the first.
func (s *Stat) add(v int64, first bool) {
	s.Sum.Add(v)
	if first || v < s.Min {
		s.Min = v
	}
	if first || v > s.Max {
		s.Max = v
	}
}

// Merge adds the samples of another. Both have some.
func (s *Stat) Merge(o *Stat) {
	s.Sum.AddSum(o.Sum)
	s.Min, s.Max = min(s.Min, o.Min), max(s.Max, o.Max)
}

// Statistic is one of the four statistics.
type Statistic int

// The statistics of AWS's model.
const (
	StatSum Statistic = iota + 1
	StatMin
	StatMax
	StatAvg
)

// Scale is the size of a stored unit: how many of it make one printed unit.
type Scale int64

// The scales of a row's two measures.
const (
	NanosPerDollar  Scale = nano
	MillisPerSecond Scale = millisPerSecond
)

// exactDouble bounds the integers that every double holds exactly.
const exactDouble = 1 << 53

// Value is the double nearest to the exact value of the statistic over count
// samples: the integer, divided by the scale and, for the average, by the count,
// and multiplied by the factor, all without rounding before the end.
func (s Stat) Value(of Statistic, count int64, scale Scale, factor CostScale) float64 {
	v := s.Sum
	switch of {
	case StatMin:
		v = Sum{Lo: uint64(s.Min)} //nolint:gosec // never negative
	case StatMax:
		v = Sum{Lo: uint64(s.Max)} //nolint:gosec // never negative
	}
	divisor := int64(scale)
	if of == StatAvg {
		hi, lo := bits.Mul64(uint64(divisor), uint64(count)) //nolint:gosec // never negative
		if hi != 0 || lo >= exactDouble {
			return ratio(v, factor, new(big.Int).Mul(big.NewInt(divisor), big.NewInt(count)))
		}
		divisor = int64(lo)
	}
	if factor == DefaultCostScale && v.Hi == 0 && v.Lo < exactDouble {
		return float64(v.Lo) / float64(divisor) // one correctly rounded division
	}
	return ratio(v, factor, big.NewInt(divisor))
}

func ratio(v Sum, factor CostScale, divisor *big.Int) float64 {
	numerator := v.Big()
	numerator.Mul(numerator, big.NewInt(int64(factor)))
	divisor.Mul(divisor, big.NewInt(nano))
	f, _ := new(big.Rat).SetFrac(numerator, divisor).Float64()
	return f
}
