package kernel

// Count adds to counts, by code, how many rows there are in [from, to).
func Count(counts []int64, codes Column, from, to int) { codes.tally(counts, from, to) }

// CountOf does it for the rows whose other code is the one given.
func CountOf(counts []int64, codes, others Column, other uint32, from, to int) {
	var picked [BlockRows]uint16
	for row := from; row < to; row += BlockRows {
		n := others.pickCode(&picked, row, min(BlockRows, to-row), other)
		codes.tallyPicked(counts, picked[:n], row)
	}
}

// Earliest lowers earliest, by code, to the first start of the rows in [from, to).
func Earliest(earliest []int64, codes Column, starts []int64, from, to int) {
	codes.earliest(earliest, starts, from, to)
}

// Latest raises latest, by code, to the last end of the rows in [from, to).
func Latest(latest []int64, codes Column, starts []int64, wall Column, from, to int) {
	var ends [BlockRows]int64
	for row := from; row < to; row += BlockRows {
		n := min(BlockRows, to-row)
		wall.addTo(ends[:n], starts[row:row+n], row)
		codes.latest(latest, ends[:n], row)
	}
}

// tally counts in four tables in turn, for rows that follow one another often have the
// same code, and each would wait for the one before.
func (c Unsigned[T]) tally(counts []int64, from, to int) {
	const lanes, mostCodes, manyRows = 4, 1 << 8, 1 << 12
	codes := c[from:to]
	if len(counts) <= mostCodes && len(codes) >= manyRows {
		var tables [lanes][mostCodes]int64
		for ; len(codes) >= lanes; codes = codes[lanes:] {
			tables[0][uint8(codes[0])]++
			tables[1][uint8(codes[1])]++
			tables[2][uint8(codes[2])]++
			tables[3][uint8(codes[3])]++
		}
		for code := range counts {
			counts[code] += tables[0][code] + tables[1][code] + tables[2][code] + tables[3][code]
		}
	}
	for _, code := range codes {
		counts[code]++
	}
}

func (c Unsigned[T]) pickCode(picked *[BlockRows]uint16, row, n int, wanted uint32) int {
	k := 0
	for i, code := range c[row : row+n] {
		if uint64(code) == uint64(wanted) {
			picked[k] = uint16(i)
			k++
		}
	}
	return k
}

func (c Unsigned[T]) tallyPicked(counts []int64, picked []uint16, row int) {
	codes := c[row:]
	for _, i := range picked {
		counts[codes[i]]++
	}
}

func (c Unsigned[T]) earliest(earliest, starts []int64, from, to int) {
	starts = starts[from:to]
	for i, code := range c[from:to] {
		if start := starts[i]; start < earliest[code] {
			earliest[code] = start
		}
	}
}

func (c Unsigned[T]) addTo(sums, starts []int64, row int) {
	values := c[row : row+len(sums)]
	for i, start := range starts {
		sums[i] = start + int64(values[i])
	}
}

func (c Unsigned[T]) latest(latest, ends []int64, row int) {
	codes := c[row : row+len(ends)]
	for i, end := range ends {
		if code := codes[i]; end > latest[code] {
			latest[code] = end
		}
	}
}
