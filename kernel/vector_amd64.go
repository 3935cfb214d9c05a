package kernel

import "golang.org/x/sys/cpu"

// vector says whether the functions in vector_amd64.s can be used. What each of them does
// is what the loop beside its caller does, and tests run both.
var vector = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT

// add64x32 adds the costs and runtimes of n > 0 picked rows to the cells at their places.
//
//go:noescape
func add64x32(list *Entry, places *uint64, picked *uint16, n int, cost *uint64, runtime *uint32)

//go:noescape
func add32x32(list *Entry, places *uint64, picked *uint16, n int, cost, runtime *uint32)

//go:noescape
func add64x64(list *Entry, places *uint64, picked *uint16, n int, cost, runtime *uint64)

// pickBytes puts the numbers of those of n codes into picked that are among the m, or with
// flip of all ones those that are not, and gives how many they are. N is a multiple of 32
// and not 0. Set is bitsSet.
//
//go:noescape
func pickBytes(picked *uint16, codes *uint8, n int, some *uint8, m int, flip uint32, set *[256]uint64) int

// bitsSet has the places of the ones of each byte, a byte for each, from the lowest on.
var bitsSet = func() (set [256]uint64) {
	for b := range set {
		n := 0
		for bit := range 8 {
			if b>>bit&1 == 1 {
				set[b] |= uint64(bit) << (8 * n)
				n++
			}
		}
	}
	return set
}()

// pickVector is pick for the first of the codes, and gives how many of them it has seen.
func pickVector[T integer](picked *[BlockRows]uint16, codes []T, wanted *chosen) (k, seen int) {
	bytes, ok := any(codes).([]uint8)
	n := len(codes) &^ 31
	if !vector || !ok || n == 0 {
		return 0, 0
	}
	return pickBytes(&picked[0], &bytes[0], n, &wanted.some[0], wanted.n, wanted.flip, &bitsSet), n
}

// addVector is addRows for columns of the usual widths, and false for others.
func addVector[C, R integer](list []Entry, places []uint64, picked []uint16, cost []C, runtime []R) bool {
	n := len(picked)
	if !vector || n == 0 {
		return false
	}
	// The bounds are checked once: picked rows ascend. Places are of cells that were made for
	// them, which is for the caller to see to.
	last := picked[n-1]
	_, _, _ = places[n-1], cost[last], runtime[last]
	switch runtime := any(runtime).(type) {
	case []uint32:
		switch cost := any(cost).(type) {
		case []uint32:
			add32x32(&list[0], &places[0], &picked[0], n, &cost[0], &runtime[0])
			return true
		case []uint64:
			add64x32(&list[0], &places[0], &picked[0], n, &cost[0], &runtime[0])
			return true
		}
	case []uint64:
		if cost, ok := any(cost).([]uint64); ok {
			add64x64(&list[0], &places[0], &picked[0], n, &cost[0], &runtime[0])
			return true
		}
	}
	return false
}
