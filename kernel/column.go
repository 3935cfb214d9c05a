package kernel

// Column is a column of unsigned integers of whichever width. Its methods are loops over
// the rows from row on; the numbers of picked rows are counted from there.
type Column interface {
	// pick puts the wanted ones of the n rows into picked, and gives how many they are.
	pick(picked *[BlockRows]uint16, row, n int, wanted *chosen) int
	// place puts table's entry for the code of each picked row into places.
	place(places []uint64, picked []uint16, row int, table []uint64)
	// placeBoth puts into places, for each picked row, the sum of that and of the other
	// table's entry for the other column's code.
	placeBoth(places []uint64, picked []uint16, row int, table []uint64, other Column, otherTable []uint64)
	// count gives how many of the picked rows have the code.
	count(picked []uint16, row int, code uint32) int64
	// numbers puts the picked rows' values into dst.
	numbers(dst []uint64, picked []uint16, row int)
	// split moves the picked rows that end later than end into over: those whose start and
	// value, the wall time, add up to more. It gives how many are left and how many are over.
	// Ends are the zones' latest.
	split(picked []uint16, over *[BlockRows]uint16, starts, ends []int64, row int, end int64) (left, moved int)
	// add adds the picked rows' values, as costs, and the runtimes to the cells.
	add(cells []Entry, places []uint64, picked []uint16, runtime Column, row int)
	// at gives the value of a row.
	at(row int) uint64
	// top gives a bound that no value exceeds.
	top() uint64
	// ends puts the latest sum of a start and the column's value into dst, by zone.
	ends(dst, starts []int64)

	// What a tally asks for; see tally.go.
	tally(counts []int64, from, to int)
	tallyPicked(counts []int64, picked []uint16, row int)
	pickCode(picked *[BlockRows]uint16, row, n int, wanted uint32) int
	earliest(earliest, starts []int64, from, to int)
	latest(latest, ends []int64, row int)
	addTo(sums, starts []int64, row int)
}

// Unsigned is a Column over a slice.
type Unsigned[T integer] []T

type integer interface {
	uint8 | uint16 | uint32 | uint64
}

func (c Unsigned[T]) pick(picked *[BlockRows]uint16, row, n int, wanted *chosen) int {
	codes := []T(c[row : row+n])
	k, seen := pickVector(picked, codes, wanted)
	for i, code := range codes[seen:] {
		picked[k&(BlockRows-1)] = uint16(seen + i) //nolint:gosec // below BlockRows
		k += int(wanted.marks[code])
	}
	return k
}

func (c Unsigned[T]) place(places []uint64, picked []uint16, row int, table []uint64) {
	codes := c[row:]
	places = places[:len(picked)]
	for k, i := range picked {
		places[k] = table[codes[i]]
	}
}

func (c Unsigned[T]) placeBoth(places []uint64, picked []uint16, row int, table []uint64, other Column, otherTable []uint64) {
	switch o := other.(type) {
	case Unsigned[uint8]:
		placeRows(places, picked, []T(c[row:]), o[row:], table, otherTable)
	case Unsigned[uint16]:
		placeRows(places, picked, []T(c[row:]), o[row:], table, otherTable)
	case Unsigned[uint32]:
		placeRows(places, picked, []T(c[row:]), o[row:], table, otherTable)
	case Unsigned[uint64]:
		placeRows(places, picked, []T(c[row:]), o[row:], table, otherTable)
	}
}

func placeRows[A, B integer](places []uint64, picked []uint16, a []A, b []B, tableA, tableB []uint64) {
	places = places[:len(picked)]
	for k, i := range picked {
		places[k] = tableA[a[i]] + tableB[b[i]]
	}
}

func (c Unsigned[T]) count(picked []uint16, row int, code uint32) (n int64) {
	codes := c[row:]
	for _, i := range picked {
		if uint64(codes[i]) == uint64(code) {
			n++
		}
	}
	return n
}

func (c Unsigned[T]) numbers(dst []uint64, picked []uint16, row int) {
	values := c[row:]
	dst = dst[:len(picked)]
	for k, i := range picked {
		dst[k] = uint64(values[i])
	}
}

// split has no branch within a zone where some row is over, for which are is hard to foretell.
func (c Unsigned[T]) split(picked []uint16, over *[BlockRows]uint16, starts, ends []int64, row int, end int64) (left, moved int) {
	values, starts := c[row:], starts[row:]
	for _, i := range picked {
		picked[left], over[moved&(BlockRows-1)] = i, i
		if ends[(row+int(i))/ZoneRows] <= end {
			left++
			continue
		}
		isOver := int(uint64(end-starts[i]-int64(values[i])) >> 63) //nolint:gosec // a scan's numbers are below 2^63
		left += 1 - isOver
		moved += isOver
	}
	return left, moved
}

func (c Unsigned[T]) add(cells []Entry, places []uint64, picked []uint16, runtime Column, row int) {
	switch r := runtime.(type) {
	case Unsigned[uint32]:
		addRows(cells, places, picked, []T(c[row:]), []uint32(r[row:]))
	case Unsigned[uint64]:
		addRows(cells, places, picked, []T(c[row:]), []uint64(r[row:]))
	case Unsigned[uint16]:
		addRows(cells, places, picked, []T(c[row:]), []uint16(r[row:]))
	case Unsigned[uint8]:
		addRows(cells, places, picked, []T(c[row:]), []uint8(r[row:]))
	}
}

func addRows[C, R integer](cells []Entry, places []uint64, picked []uint16, cost []C, runtime []R) {
	if addVector(cells, places, picked, cost, runtime) {
		return
	}
	places = places[:len(picked)]
	for k, i := range picked {
		cells[places[k]].add(uint64(cost[i]), uint64(runtime[i]))
	}
}

func (c Unsigned[T]) at(row int) uint64 { return uint64(c[row]) }

// top is the width's bound but for the widest, whose values are looked at.
func (c Unsigned[T]) top() uint64 {
	if top := ^T(0); uint64(top) != ^uint64(0) {
		return uint64(top)
	}
	top := T(0)
	for _, v := range c {
		top = max(top, v)
	}
	return uint64(top)
}

func (c Unsigned[T]) ends(dst, starts []int64) {
	for zone := range dst {
		from := zone * ZoneRows
		to := min(from+ZoneRows, len(starts))
		values, latest := c[from:to], int64(0)
		for i, start := range starts[from:to] {
			latest = max(latest, start+int64(values[i]))
		}
		dst[zone] = latest
	}
}
