package storage

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/farmtally/farmtally"
)

// SegmentRecords is the most records that one segment holds.
const SegmentRecords = 1 << 20

// maxIDBytes bounds the record ids of one segment, whose offsets have 31 bits.
const maxIDBytes = math.MaxInt32 - 4096

// Builder collects accepted, ended records of one farm for one segment. It keeps
// about 100 bytes a record beside the record's id.
type Builder struct {
	rows  []builderRow
	ids   []byte
	texts [columns]interner[string]
	sizes [columns]interner[farmtally.Quantity]
}

// builderRow is a record as numbers; texts and quantities are codes of the
// builder's interners.
type builderRow struct {
	start, wall, runtime int64
	cost                 int64
	idAt                 int32
	idLen                uint16
	texts                [ColRate - ColQueue + 1]uint32
	sizes                [ColMemory - ColWorkers + 1]uint32
}

// interner numbers distinct values in the order of their first appearance.
type interner[T comparable] struct {
	codes  map[T]uint32
	values []T
}

func (n *interner[T]) code(v T) uint32 {
	code, ok := n.codes[v]
	if !ok {
		if n.codes == nil {
			n.codes = map[T]uint32{}
		}
		code = uint32(len(n.values)) //nolint:gosec // at most SegmentRecords
		n.codes[v] = code
		n.values = append(n.values, v)
	}
	return code
}

// Len is the number of records added.
func (b *Builder) Len() int { return len(b.rows) }

// Full reports whether the segment can take no more records.
func (b *Builder) Full() bool { return len(b.rows) >= SegmentRecords || len(b.ids) >= maxIDBytes }

// Reset empties the builder and keeps its memory.
func (b *Builder) Reset() {
	*b = Builder{rows: b.rows[:0], ids: b.ids[:0]}
}

// Add takes an accepted record that has ended. The builder must not be Full.
func (b *Builder) Add(r *farmtally.Record) {
	row := builderRow{
		start: int64(r.StartedAt), wall: int64(r.EndedAt - r.StartedAt), runtime: r.RuntimeMillis, cost: int64(r.Cost),
		idAt: int32(len(b.ids)), idLen: uint16(len(r.RecordID)), //nolint:gosec // bounded by maxIDBytes and by validation
	}
	b.ids = append(b.ids, r.RecordID...)
	for c := ColQueue; c <= ColRate; c++ {
		row.texts[c-ColQueue] = b.texts[c].code(textOf(r, c))
	}
	for c := ColWorkers; c <= ColMemory; c++ {
		row.sizes[c-ColWorkers] = b.sizes[c].code(*quantityOf(r, c))
	}
	b.rows = append(b.rows, row)
}

// Record puts the row that was added as number i into r.
func (b *Builder) Record(i int, r *farmtally.Record) {
	row := &b.rows[i]
	*r = farmtally.Record{
		RecordID: string(b.id(row)), StartedAt: farmtally.Instant(row.start), EndedAt: farmtally.Instant(row.start + row.wall),
		RuntimeMillis: row.runtime, HasRuntime: true, Cost: farmtally.Money(row.cost), HasCost: true,
	}
	for c := ColQueue; c <= ColRate; c++ {
		setText(r, c, b.texts[c].values[row.texts[c-ColQueue]])
	}
	for c := ColWorkers; c <= ColMemory; c++ {
		*quantityOf(r, c) = b.sizes[c].values[row.sizes[c-ColWorkers]]
	}
}

func (b *Builder) id(row *builderRow) []byte { return b.ids[row.idAt:][:row.idLen] }

// Order gives the numbers of the rows sorted by start, by record id, and then as
// they were added.
func (b *Builder) Order() []int32 {
	order := make([]int32, len(b.rows))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int {
		x, y := &b.rows[i], &b.rows[j]
		if c := cmp.Compare(x.start, y.start); c != 0 {
			return c
		}
		if c := bytes.Compare(b.id(x), b.id(y)); c != 0 {
			return c
		}
		return cmp.Compare(i, j)
	})
	return order
}

// Same reports whether two rows have one identity.
func (b *Builder) Same(i, j int32) bool {
	x, y := &b.rows[i], &b.rows[j]
	return x.start == y.start && bytes.Equal(b.id(x), b.id(y))
}

// write writes the rows in the given order as an Arrow file.
func (b *Builder) write(w io.Writer, order []int32) error {
	batch := b.batch(order)
	file, err := ipc.NewFileWriter(w, ipc.WithSchema(batch.Schema()))
	if err != nil {
		return fmt.Errorf("begin arrow file: %w", err)
	}
	if err := file.Write(batch); err != nil {
		return fmt.Errorf("write arrow file: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("end arrow file: %w", err)
	}
	return nil
}

func (b *Builder) batch(order []int32) arrow.RecordBatch {
	arrays := make([]arrow.Array, columns)
	arrays[ColRecordID] = b.idColumn(order)
	starts := b.numbers(order, func(r *builderRow) int64 { return r.start })
	arrays[ColStart] = plain(&arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"},
		arrow.Int64Traits.CastToBytes(starts), len(order))
	arrays[ColWall] = narrow(b.numbers(order, func(r *builderRow) int64 { return r.wall }))
	arrays[ColRuntime] = narrow(b.numbers(order, func(r *builderRow) int64 { return r.runtime }))
	arrays[ColCost] = narrow(b.numbers(order, func(r *builderRow) int64 { return r.cost }))
	indices := make([]uint32, len(order))
	for c := ColQueue; c <= ColRate; c++ {
		values, rank := sortedValues(b.texts[c].values)
		for i, at := range order {
			indices[i] = rank[b.rows[at].texts[c-ColQueue]]
		}
		arrays[c] = dictionary(indices, stringValues(values), slices.Index(values[:min(1, len(values))], ""))
	}
	for c := ColWorkers; c <= ColMemory; c++ {
		values, rank := sortedValues(b.sizes[c].values)
		for i, at := range order {
			indices[i] = rank[b.rows[at].sizes[c-ColWorkers]]
		}
		arrays[c] = dictionary(indices, quantityValues(values), -1)
	}
	fields := make([]arrow.Field, columns)
	for c := range columns {
		fields[c] = arrow.Field{Name: c.String(), Type: arrays[c].DataType(), Nullable: c.isText()}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, int64(len(order)))
}

func (b *Builder) idColumn(order []int32) arrow.Array {
	ids, ends := make([]byte, 0, len(b.ids)), make([]int32, len(order))
	for i, at := range order {
		ids = append(ids, b.id(&b.rows[at])...)
		ends[i] = int32(len(ids)) //nolint:gosec // bounded by maxIDBytes
	}
	return text(ids, ends)
}

func (b *Builder) numbers(order []int32, of func(*builderRow) int64) []int64 {
	out := make([]int64, len(order))
	for i, at := range order {
		out[i] = of(&b.rows[at])
	}
	return out
}

// sortedValues gives the values in ascending order, and for each old code the new
// one.
func sortedValues[T cmp.Ordered](values []T) (sorted []T, rank []uint32) {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
	sorted, rank = make([]T, len(values)), make([]uint32, len(values))
	for to, from := range order {
		sorted[to], rank[from] = values[from], uint32(to)
	}
	return sorted, rank
}

func stringValues(values []string) arrow.Array {
	var all []byte
	ends := make([]int32, len(values))
	for i, s := range values {
		all = append(all, s...)
		ends[i] = int32(len(all)) //nolint:gosec // at most SegmentRecords values of at most 256 characters
	}
	return text(all, ends)
}

func quantityValues(values []farmtally.Quantity) arrow.Array {
	return plain(arrow.PrimitiveTypes.Int64, arrow.Int64Traits.CastToBytes(convert[int64](values)), len(values))
}

// textOf is the record's value of a text column, "" where it has none.
func textOf(r *farmtally.Record, c Column) string {
	switch c {
	case ColQueue:
		return string(r.QueueID)
	case ColFleet:
		return string(r.FleetID)
	case ColJob:
		return string(r.JobID)
	case ColUser:
		return r.UserID
	case ColUsageType:
		return r.UsageType.String()
	case ColInstanceType:
		return r.InstanceType
	case ColLicenseProduct:
		return r.LicenseProduct
	default:
		return r.Rate.ID
	}
}

// setText is the inverse of textOf.
func setText(r *farmtally.Record, c Column, s string) {
	switch c {
	case ColQueue:
		r.QueueID = farmtally.QueueID(s)
	case ColFleet:
		r.FleetID = farmtally.FleetID(s)
	case ColJob:
		r.JobID = farmtally.JobID(s)
	case ColUser:
		r.UserID = s
	case ColUsageType:
		r.UsageType, _ = farmtally.ParseUsageType(s)
	case ColInstanceType:
		r.InstanceType = s
	case ColLicenseProduct:
		r.LicenseProduct = s
	default:
		r.Rate.ID = s
	}
}

func quantityOf(r *farmtally.Record, c Column) *farmtally.Quantity {
	switch c {
	case ColWorkers:
		return &r.Workers
	case ColCPUs:
		return &r.CPUs
	case ColGPUs:
		return &r.GPUs
	default:
		return &r.MemoryInGiB
	}
}
