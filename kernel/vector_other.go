//go:build !amd64

package kernel

// Elsewhere the loops beside the callers do all.
var vector = false

func pickVector[T integer](*[BlockRows]uint16, []T, *chosen) (k, seen int) { return 0, 0 }

func addVector[C, R integer]([]Entry, []uint64, []uint16, []C, []R) bool { return false }
