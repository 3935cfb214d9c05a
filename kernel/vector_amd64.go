package kernel

import "golang.org/x/sys/cpu"

// vector says whether the functions in vector_amd64.s can be used. What they do is what
// the loops beside their callers do; tests run both.
var vector = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT

// add64x32 adds the costs and runtimes of n > 0 picked rows to the cells at their places.
//
//go:noescape
func add64x32(list *narrow, places *uint64, picked *uint16, n int, cost *uint64, runtime *uint32)

//go:noescape
func add32x32(list *narrow, places *uint64, picked *uint16, n int, cost, runtime *uint32)

//go:noescape
func add64x64(list *narrow, places *uint64, picked *uint16, n int, cost, runtime *uint64)

// pickBytes puts the numbers of those of n codes into picked that are among the m wanted
// ones, and gives how many they are. N is a multiple of 32. Of 8 bits, set has the places
// of the ones.
//
//go:noescape
func pickBytes(picked *uint16, codes *uint8, n int, wanted *uint8, m int, set *[256]uint64) int

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
func pickVector(picked *[BlockRows]uint16, codes []uint8, wanted []uint8) (k, seen int) {
	if n := len(codes) &^ 31; vector && n > 0 && len(wanted) > 0 {
		return pickBytes(&picked[0], &codes[0], n, &wanted[0], len(wanted), &bitsSet), n
	}
	return 0, 0
}

// addVector is addRows for columns of the usual widths, and false for others.
func addVector[C, R integer](list []narrow, places []uint64, picked []uint16, cost []C, runtime []R) bool {
	n := len(picked)
	if !vector || n == 0 {
		return false
	}
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
		if cost, same := any(cost).([]uint64); same {
			add64x64(&list[0], &places[0], &picked[0], n, &cost[0], &runtime[0])
			return true
		}
	}
	return false
}
