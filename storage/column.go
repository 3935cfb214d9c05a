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
				sum = crc32.Update(sum, castagnoli, b.Bytes())
			}
		}
		if dictionary, ok := d.(*array.Data); ok && d.DataType().ID() == arrow.DICTIONARY {
			walk(dictionary.Dictionary())
		}
	}
	walk(column.Data())
	return sum
}

// narrow puts values into the narrowest unsigned column: 32 bits where they all
// fit, else 64. Values are never negative.
func narrow(values []int64) arrow.Array {
	top := int64(0)
	for _, v := range values {
		top = max(top, v)
	}
	if top <= math.MaxUint32 {
		return plain(arrow.PrimitiveTypes.Uint32, arrow.Uint32Traits.CastToBytes(convert[uint32](values)), len(values))
	}
	return plain(arrow.PrimitiveTypes.Uint64, arrow.Uint64Traits.CastToBytes(convert[uint64](values)), len(values))
}

// codes puts dictionary codes, each below size, into the narrowest unsigned column, a
// copy of them: the caller uses the slice again.
func codes(values []uint32, size int) arrow.Array {
	switch {
	case size <= math.MaxUint8+1:
		return plain(arrow.PrimitiveTypes.Uint8, convert[uint8](values), len(values))
	case size <= math.MaxUint16+1:
		return plain(arrow.PrimitiveTypes.Uint16, arrow.Uint16Traits.CastToBytes(convert[uint16](values)), len(values))
	default:
		return plain(arrow.PrimitiveTypes.Uint32, arrow.Uint32Traits.CastToBytes(slices.Clone(values)), len(values))
	}
}

func convert[To, From interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int64
}](values []From) []To {
	out := make([]To, len(values))
	for i, v := range values {
		out[i] = To(v)
	}
	return out
}

func plain(t arrow.DataType, bytes []byte, n int) arrow.Array {
	return array.MakeFromData(array.NewData(t, n, []*memory.Buffer{nil, memory.NewBufferBytes(bytes)}, nil, 0, 0))
}

// text makes a column of strings out of their bytes laid end to end.
func text(bytes []byte, ends []int32) arrow.Array {
	offsets := append(make([]int32, 1, len(ends)+1), ends...)
	return array.MakeFromData(array.NewData(arrow.BinaryTypes.String, len(ends), []*memory.Buffer{
		nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(bytes),
	}, nil, 0, 0))
}

// dictionary joins codes with their values. A row whose code is the absent one is
// null; absent < 0 means that none is. The code of a null row stays in the file and
// points at an empty value, so that a scan need not look at the validity bits.
func dictionary(indices []uint32, values arrow.Array, absent int) arrow.Array {
	idx := codes(indices, values.Len())
	t := &arrow.DictionaryType{IndexType: idx.DataType(), ValueType: values.DataType(), Ordered: false}
	var valid *memory.Buffer
	nulls := 0
	if absent >= 0 {
		bitmap := make([]byte, (len(indices)+7)/8)
		for i, code := range indices {
			if int(code) != absent {
				bitmap[i/8] |= 1 << (i % 8)
			} else {
				nulls++
			}
		}
		valid = memory.NewBufferBytes(bitmap)
	}
	buffers := []*memory.Buffer{valid, idx.Data().Buffers()[1]}
	return array.MakeFromData(array.NewDataWithDictionary(t, len(indices), buffers, nulls, 0, values.Data().(*array.Data)))
}
