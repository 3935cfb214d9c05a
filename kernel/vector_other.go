//go:build !amd64

package kernel

func pickVector(*[BlockRows]uint16, []uint8, []uint8) (k, seen int) { return 0, 0 }

func addVector[C, R integer]([]narrow, []uint64, []uint16, []C, []R) bool { return false }
