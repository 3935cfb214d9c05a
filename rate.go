package farmtally

import (
	"errors"
	"math"
	"math/bits"
)

// Unit is what a rate is charged for.
type Unit int

// The units of a rate. A seat is one concurrent use of a licensed product: what a
// LICENSE record's Workers counts.
const (
	PerWorker Unit = iota + 1
	PerCPU
	PerGPU
	PerGiB
	PerSeat
)

// Unpriced is the Rate.ID of a record that no row of its farm's rate card matched.
// No row of a card may have this id.
const Unpriced = "unpriced"

// Rate is the row of a rate card that priced a record.
type Rate struct {
	ID         string
	USDPerHour Money // for one unit
	Per        Unit
}

var errCostTooLarge = errors.New("rate × quantity × runtime is more than 9.2 billion dollars")

// Cost is floor(rate × quantity × runtime), in nano-dollars.
func (r Rate) Cost(quantity Quantity, runtimeMillis int64) (Money, error) {
	hi, lo := bits.Mul64(uint64(r.USDPerHour), uint64(quantity)) //nolint:gosec // neither is negative
	// (hi, lo)·runtime is at most 192 bits: three words, top to bottom.
	top, middle := bits.Mul64(hi, uint64(runtimeMillis))   //nolint:gosec // never negative
	carry, bottom := bits.Mul64(lo, uint64(runtimeMillis)) //nolint:gosec // never negative
	middle, over := bits.Add64(middle, carry, 0)
	top += over
	const divisor = nano * millisPerHour
	top, rest := top/divisor, top%divisor
	middle, rest = bits.Div64(rest, middle, divisor)
	bottom, _ = bits.Div64(rest, bottom, divisor)
	if top != 0 || middle != 0 || bottom > math.MaxInt64 {
		return 0, errCostTooLarge
	}
	return Money(bottom), nil
}

// Quantity is how many of the unit the record occupies.
func (r *Record) Quantity(u Unit) Quantity {
	switch u {
	case PerCPU:
		return r.CPUs
	case PerGPU:
		return r.GPUs
	case PerGiB:
		return r.MemoryInGiB
	default:
		return r.Workers
	}
}
