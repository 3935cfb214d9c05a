package farmtally

import (
	"math/bits"
)

// Cum is floor(v·x/d): what of the amount v has accrued at the offset x of a
// record of length d. It needs 0 ≤ x ≤ d, 0 < d and 0 ≤ v. The slice over [a, b) is
// Cum(v, b, d) − Cum(v, a, d), so that slices of adjacent intervals add up exactly.
func Cum(v, x, d int64) int64 {
	if d < narrowLength {
		return v/d*x + v%d*x/d
	}
	hi, lo := bits.Mul64(uint64(v), uint64(x)) //nolint:gosec // neither is negative
	q, _ := bits.Div64(hi, lo, uint64(d))
	return int64(q) //nolint:gosec // q ≤ v
}

// narrowLength bounds the lengths, about 35 days, whose square fits in 63 bits.
const narrowLength = 3_037_000_499

// Use is what a record comes to at an instant: its interval, and the cost and
// runtime that are spread evenly over it.
type Use struct {
	Start, End    Instant
	Cost          Money
	RuntimeMillis int64
}

// Meets reports whether the use is seen by the range [start, end): whether the
// intervals meet or, for a use of zero length, whether its instant lies inside.
func (u Use) Meets(start, end Instant) bool {
	if u.Start == u.End {
		return start <= u.Start && u.Start < end
	}
	return u.Start < end && u.End > start
}

// Slice gives the cost and the runtime of the part of the use inside [start, end),
// which it must meet. A use of zero length gives all it has.
func (u Use) Slice(start, end Instant) (Money, int64) {
	if start <= u.Start && u.End <= end {
		return u.Cost, u.RuntimeMillis
	}
	length := int64(u.End - u.Start)
	from, to := int64(max(start, u.Start)-u.Start), int64(min(end, u.End)-u.Start)
	return Money(Cum(int64(u.Cost), to, length) - Cum(int64(u.Cost), from, length)),
		Cum(u.RuntimeMillis, to, length) - Cum(u.RuntimeMillis, from, length)
}
