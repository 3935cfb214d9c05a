package kernel

// Column is a column of unsigned integers of whichever width.
type Column interface {
	// codes puts the values from row on into dst, which they must fit.
	codes(dst []uint32, row int)
	// numbers puts the values from row on into dst.
	numbers(dst []int64, row int)
}

// Unsigned is a Column over a slice.
type Unsigned[T uint8 | uint16 | uint32 | uint64] []T

func (c Unsigned[T]) codes(dst []uint32, row int) { widen(dst, c[row:]) }

func (c Unsigned[T]) numbers(dst []int64, row int) { widen(dst, c[row:]) }

func widen[To uint32 | int64, From uint8 | uint16 | uint32 | uint64](dst []To, src []From) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] = To(src[i])
	}
}
