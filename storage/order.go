package storage

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/farmtally/farmtally"
)

// Order gives the numbers of the rows sorted by start, by record id, and then as
// they were added.
func (b *Builder) Order() []int32 {
	order := make([]int32, b.Len())
	for i := range order {
		order[i] = int32(i)
	}
	if !slices.IsSorted(b.starts) {
		b.sortByStart(order)
	}
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && b.starts[order[to]] == b.starts[order[from]] {
			to++
		}
		if to-from > 1 {
			b.sortByID(order[from:to])
		}
		from = to
	}
	return order
}

// sortByID sorts rows of one start that are in the order in which they were added.
func (b *Builder) sortByID(rows []int32) {
	slices.SortStableFunc(rows, func(i, j int32) int { return bytes.Compare(b.ID(int(i)), b.ID(int(j))) })
}

// placeBits are the bits of a row's number.
const placeBits = 20

// sortByStart sorts the rows, which are in the order in which they were added, by start,
// and keeps that order where starts are equal.
func (b *Builder) sortByStart(order []int32) {
	first, last := slices.Min(b.starts), slices.Max(b.starts)
	if last-first >= 1<<(64-placeBits) || len(order) > 1<<placeBits {
		slices.SortStableFunc(order, func(i, j int32) int { return cmp.Compare(b.starts[i], b.starts[j]) })
		return
	}
	keys := make([]uint64, len(order))
	for i, start := range b.starts {
		keys[i] = uint64(start-first)<<placeBits | uint64(i) //nolint:gosec // neither is negative
	}
	keys = radixSort(keys, placeBits, uint64(last-first)) //nolint:gosec // not negative
	for i, key := range keys {
		order[i] = int32(key & (1<<placeBits - 1))
	}
}

// digitBits are the bits of a digit of radixSort.
const digitBits = 11

// radixSort sorts keys by their bits from low upwards, which are at most top, digit by
// digit from the lowest; equal ones keep their order. It gives keys, or another slice.
func radixSort(keys []uint64, low uint, top uint64) []uint64 {
	other := make([]uint64, len(keys))
	for ; top > 0; top >>= digitBits {
		var ends [1 << digitBits]int
		for _, key := range keys {
			ends[key>>low%(1<<digitBits)]++
		}
		at := 0
		for digit, n := range ends {
			ends[digit] = at
			at += n
		}
		for _, key := range keys {
			digit := key >> low % (1 << digitBits)
			other[ends[digit]] = key
			ends[digit]++
		}
		keys, other = other, keys
		low += digitBits
	}
	return keys
}

// describe fills in what the catalog knows of the rows in the given order.
func (b *Builder) describe(info *SegmentInfo, order []int32) {
	unpriced := slices.Index(b.texts[ColRate-ColQueue].values, farmtally.Unpriced)
	for i, at := range order {
		if i == 0 {
			info.First = farmtally.Instant(b.starts[at])
		}
		info.End = max(info.End, farmtally.Instant(b.starts[at]+b.walls[at]))
		info.MaxWall = max(info.MaxWall, b.walls[at])
		if int(b.texts[ColRate-ColQueue].codes[at]) == unpriced {
			info.Unpriced++
		}
		if i == len(order)-1 {
			info.Last = farmtally.Instant(b.starts[at])
		}
	}
}
