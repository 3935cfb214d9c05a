package storage

import (
	"hash/crc32"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Column is a column of a segment file.
type Column int

// The columns of a segment, in the order of the file.
const (
	ColRecordID Column = iota
	ColStart
	ColWall
	ColRuntime
	ColCost
	ColQueue
	ColFleet
	ColJob
	ColUser
	ColUsageType
	ColInstanceType
	ColLicenseProduct
	ColRate
	ColWorkers
	ColCPUs
	ColGPUs
	ColMemory
	columns
)

// columnNames are the names in the file. Amounts are in the unit that the name
// ends in; nano is 10^-9.
var columnNames = [columns]string{
	ColRecordID: "record_id", ColStart: "started_at", ColWall: "wall_millis", ColRuntime: "runtime_millis",
	ColCost: "cost_nano_usd", ColQueue: "queue_id", ColFleet: "fleet_id", ColJob: "job_id", ColUser: "user_id",
	ColUsageType: "usage_type", ColInstanceType: "instance_type", ColLicenseProduct: "license_product",
	ColRate: "rate_id", ColWorkers: "workers_nano", ColCPUs: "cpus_nano", ColGPUs: "gpus_nano",
	ColMemory: "memory_nano_gib",
}

// String is the column's name in the file.
func (c Column) String() string { return columnNames[c] }

func (c Column) isText() bool { return c >= ColQueue && c <= ColRate }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is CRC-32C over the column's buffers in the order of Arrow's layout,
// the dictionary's behind those of its indices.
func checksum(column arrow.Array) uint32 {
	sum := uint32(0)
	var walk func(d arrow.ArrayData)
	walk = func(d arrow.ArrayData) {
		for _, b := range d.Buffers() {
			if b != nil {
				sum = addSum(sum, b.Bytes())
			}
		}
		if dictionary, ok := d.(*array.Data); ok && d.DataType().ID() == arrow.DICTIONARY {
			walk(dictionary.Dictionary())
		}
	}
	walk(column.Data())
	return sum
}

// sumAtOnce are summed up at once: meanwhile nobody else has the processor, nor can a
// collection of garbage begin.
const sumAtOnce = 256 << 10

func addSum(sum uint32, bytes []byte) uint32 {
	for part := range slices.Chunk(bytes, sumAtOnce) {
		sum = crc32.Update(sum, castagnoli, part)
	}
	return sum
}

// narrow puts the values at the places of order into the narrowest unsigned column: 32
// bits where they all fit, else 64. Values are never negative.
func narrow(values []int64, order []int32) arrow.Array {
	top := int64(0)
	for _, at := range order {
		top |= values[at]
	}
	if top <= math.MaxUint32 {
		return plain(arrow.PrimitiveTypes.Uint32, arrow.Uint32Traits.CastToBytes(convert[uint32](values, order)), len(order))
	}
	return plain(arrow.PrimitiveTypes.Uint64, arrow.Uint64Traits.CastToBytes(convert[uint64](values, order)), len(order))
}

// inOrder reports whether the places are one after the other.
func inOrder(order []int32) bool {
	n := len(order)
	return n == 0 || int(order[n-1]-order[0]) == n-1 && slices.IsSorted(order)
}

// ordered gives the values at the places of order.
func ordered(values []int64, order []int32) []int64 {
	if len(order) == len(values) && inOrder(order) {
		return values
	}
	return convert[int64](values, order)
}

func convert[To uint32 | uint64 | int64](values []int64, order []int32) []To {
	out := make([]To, len(order))
	for i, at := range order {
		out[i] = To(values[at])
	}
	return out
}

// ranked gives the ranks of the codes at the places of order.
func ranked[To uint8 | uint16 | uint32](codes []uint32, order []int32, rank []uint32) []To {
	narrow := make([]To, len(rank))
	for i, r := range rank {
		narrow[i] = To(r)
	}
	out := make([]To, len(order))
	for i, at := range order {
		out[i] = narrow[codes[at]]
	}
	return out
}

func plain(t arrow.DataType, bytes []byte, n int) arrow.Array {
	return array.MakeFromData(array.NewData(t, n, []*memory.Buffer{nil, memory.NewBufferBytes(bytes)}, nil, 0, 0))
}

// text makes a column of strings out of their bytes laid end to end.
func text(bytes []byte, offsets []int32) arrow.Array {
	return array.MakeFromData(array.NewData(arrow.BinaryTypes.String, len(offsets)-1, []*memory.Buffer{
		nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(bytes),
	}, nil, 0, 0))
}

// dictionary makes a column of the codes at the places of order, ranked and in the
// narrowest unsigned type, and of their values. A row whose rank is the absent one is
// null; absent < 0 means that none is. The rank of a null row stays in the file and
// points at an empty value, so that a scan need not look at the validity bits.
func dictionary(codes []uint32, order []int32, rank []uint32, values arrow.Array, absent int) arrow.Array {
	t := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: values.DataType(), Ordered: false}
	var indices []byte
	switch size := values.Len(); {
	case size <= math.MaxUint8+1:
		t.IndexType, indices = arrow.PrimitiveTypes.Uint8, ranked[uint8](codes, order, rank)
	case size <= math.MaxUint16+1:
		t.IndexType, indices = arrow.PrimitiveTypes.Uint16, arrow.Uint16Traits.CastToBytes(ranked[uint16](codes, order, rank))
	default:
		indices = arrow.Uint32Traits.CastToBytes(ranked[uint32](codes, order, rank))
	}
	var valid *memory.Buffer
	nulls := 0
	if absent >= 0 {
		var bitmap []byte
		bitmap, nulls = present(codes, order, uint32(slices.Index(rank, uint32(absent)))) //nolint:gosec // a rank
		valid = memory.NewBufferBytes(bitmap)
	}
	buffers := []*memory.Buffer{valid, memory.NewBufferBytes(indices)}
	return array.MakeFromData(array.NewDataWithDictionary(t, len(order), buffers, nulls, 0, values.Data().(*array.Data)))
}

// present gives a bit for each place of order, 1 where the code is not the absent one,
// and the number of the others.
func present(codes []uint32, order []int32, absent uint32) (bitmap []byte, nulls int) {
	bitmap = make([]byte, (len(order)+7)/8)
	for i, at := range order {
		bit := byte(1)
		if codes[at] == absent {
			bit = 0
			nulls++
		}
		bitmap[i/8] |= bit << (i % 8)
	}
	return bitmap, nulls
}
