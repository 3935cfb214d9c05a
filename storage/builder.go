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

// Builder collects accepted, ended records of one farm for one segment, as columns. It
// keeps about 90 bytes a record beside the record's id.
type Builder struct {
	starts, walls, runtimes, costs []int64
	ids                            []byte
	idEnds                         []uint32
	texts                          [ColRate - ColQueue + 1]codedColumn[string]
	sizes                          [ColMemory - ColWorkers + 1]codedColumn[int64]
}

// Len is the number of records added.
func (b *Builder) Len() int { return len(b.starts) }

// Full reports whether the segment can take no more records.
func (b *Builder) Full() bool { return b.Len() >= SegmentRecords || len(b.ids) >= maxIDBytes }

// Reset empties the builder and keeps its memory.
func (b *Builder) Reset() {
	b.starts, b.walls, b.runtimes, b.costs = b.starts[:0], b.walls[:0], b.runtimes[:0], b.costs[:0]
	b.ids, b.idEnds = b.ids[:0], b.idEnds[:0]
	for c := range b.texts {
		b.texts[c].reset()
	}
	for c := range b.sizes {
		b.sizes[c].reset()
	}
}

// Grow makes room for n records in all, with ids of so many bytes.
func (b *Builder) Grow(n, idBytes int) {
	for _, column := range []*[]int64{&b.starts, &b.walls, &b.runtimes, &b.costs} {
		*column = grown(*column, n)
	}
	b.ids, b.idEnds = grown(b.ids, idBytes), grown(b.idEnds, n)
	for c := range b.texts {
		b.texts[c].grow(n)
	}
	for c := range b.sizes {
		b.sizes[c].grow(n)
	}
}

// Add takes an accepted record that has ended. The builder must not be Full.
func (b *Builder) Add(r *farmtally.Record) {
	b.prepare(1)
	b.starts = append(b.starts, int64(r.StartedAt))
	b.walls = append(b.walls, int64(r.EndedAt-r.StartedAt))
	b.runtimes = append(b.runtimes, r.RuntimeMillis)
	b.costs = append(b.costs, int64(r.Cost))
	b.ids = append(b.ids, r.RecordID...)
	b.idEnds = append(b.idEnds, uint32(len(b.ids))) //nolint:gosec // bounded by maxIDBytes
	for c := ColQueue; c <= ColRate; c++ {
		b.texts[c-ColQueue].add(textOf(r, c), textSlot)
	}
	for c := ColWorkers; c <= ColMemory; c++ {
		b.sizes[c-ColWorkers].add(int64(*quantityOf(r, c)), numberSlot)
	}
}

// AddTable takes the first rows of a table, as many as the segment has room for up to a
// length of most, and gives their number.
func (b *Builder) AddTable(t *farmtally.Table, most int) int {
	n := max(0, min(t.Len(), min(most, SegmentRecords)-b.Len()))
	from := t.RecordIDs.From
	room := uint64(max(0, maxIDBytes-len(b.ids)))
	for n > 0 && uint64(t.RecordIDs.Ends[n-1]-from) > room+maxIDText {
		n--
	}
	if n == 0 {
		return 0
	}
	b.prepare(n)
	b.starts = append(b.starts, t.StartedAt[:n]...)
	at := len(b.walls)
	b.walls = append(b.walls, t.EndedAt[:n]...)
	for i, start := range t.StartedAt[:n] {
		b.walls[at+i] -= start
	}
	b.runtimes = append(b.runtimes, t.RuntimeMillis[:n]...)
	b.costs = append(b.costs, t.Cost[:n]...)
	shift := uint32(len(b.ids)) - from //nolint:gosec // bounded by maxIDBytes
	b.ids = append(b.ids, t.RecordIDs.Bytes[from:t.RecordIDs.Ends[n-1]]...)
	for _, end := range t.RecordIDs.Ends[:n] {
		b.idEnds = append(b.idEnds, end+shift)
	}
	for c, column := range tableTexts(t) {
		if column.Codes == nil {
			b.texts[c].addMany("", n)
			continue
		}
		b.texts[c].addCodes(column.Codes[:n], column.Values)
	}
	for c, column := range [...][]int64{t.Workers, t.CPUs, t.GPUs, t.MemoryInGiB} {
		if column == nil {
			b.sizes[c].addMany(0, n)
			continue
		}
		for _, v := range column[:n] {
			b.sizes[c].add(v, numberSlot)
		}
	}
	return n
}

// manyRecords are so many that more of them are likely to fill the segment.
const manyRecords = 1 << 16

// prepare makes room for n more records, and at once for many where there are many.
func (b *Builder) prepare(n int) {
	if have := b.Len(); cap(b.starts) < have+n && have >= manyRecords {
		more := min(SegmentRecords, max(4*have, have+n))
		b.Grow(more, (len(b.ids)/have+1)*more)
	}
}

// maxIDText is the most bytes of a record id: what a builder that is not Full still takes.
const maxIDText = 4 * 128

// tableTexts are the table's columns of texts, in the order of a segment's.
func tableTexts(t *farmtally.Table) [ColRate - ColQueue + 1]*farmtally.Coded {
	return [...]*farmtally.Coded{
		&t.Queues, &t.Fleets, &t.Jobs, &t.Users, &t.UsageTypes, &t.InstanceTypes, &t.LicenseProducts, &t.Rates,
	}
}

// Record puts the row that was added as number i into r.
func (b *Builder) Record(i int, r *farmtally.Record) {
	*r = farmtally.Record{
		RecordID: string(b.ID(i)), StartedAt: farmtally.Instant(b.starts[i]), EndedAt: farmtally.Instant(b.starts[i] + b.walls[i]),
		RuntimeMillis: b.runtimes[i], HasRuntime: true, Cost: farmtally.Money(b.costs[i]), HasCost: true,
	}
	for c := ColQueue; c <= ColRate; c++ {
		setText(r, c, b.texts[c-ColQueue].at(i))
	}
	for c := ColWorkers; c <= ColMemory; c++ {
		*quantityOf(r, c) = farmtally.Quantity(b.sizes[c-ColWorkers].at(i))
	}
}

// Start is the start of the row that was added as number i.
func (b *Builder) Start(i int) farmtally.Instant { return farmtally.Instant(b.starts[i]) }

// ID is the record id of the row that was added as number i, until the builder changes.
func (b *Builder) ID(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = b.idEnds[i-1]
	}
	return b.ids[from:b.idEnds[i]]
}

// Same reports whether two rows have one identity.
func (b *Builder) Same(i, j int32) bool {
	return b.starts[i] == b.starts[j] && bytes.Equal(b.ID(int(i)), b.ID(int(j)))
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
	arrays[ColStart] = plain(&arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"},
		arrow.Int64Traits.CastToBytes(ordered(b.starts, order)), len(order))
	arrays[ColWall] = narrow(b.walls, order)
	arrays[ColRuntime] = narrow(b.runtimes, order)
	arrays[ColCost] = narrow(b.costs, order)
	for c := ColQueue; c <= ColRate; c++ {
		column := &b.texts[c-ColQueue]
		values, rank := sortedValues(column.values)
		arrays[c] = dictionary(column.codes, order, rank, stringValues(values), slices.Index(values[:min(1, len(values))], ""))
	}
	for c := ColWorkers; c <= ColMemory; c++ {
		column := &b.sizes[c-ColWorkers]
		values, rank := sortedValues(column.values)
		arrays[c] = dictionary(column.codes, order, rank, quantityValues(values), -1)
	}
	fields := make([]arrow.Field, columns)
	for c := range columns {
		fields[c] = arrow.Field{Name: c.String(), Type: arrays[c].DataType(), Nullable: c.isText()}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, int64(len(order)))
}

func (b *Builder) idColumn(order []int32) arrow.Array {
	offsets := make([]int32, 1, len(order)+1)
	if inOrder(order) && len(order) == b.Len() {
		for _, end := range b.idEnds {
			offsets = append(offsets, int32(end)) //nolint:gosec // bounded by maxIDBytes
		}
		return text(b.ids, offsets)
	}
	ids := make([]byte, 0, len(b.ids))
	for _, at := range order {
		ids = append(ids, b.ID(int(at))...)
		offsets = append(offsets, int32(len(ids))) //nolint:gosec // bounded by maxIDBytes
	}
	return text(ids, offsets)
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
	offsets := make([]int32, 1, len(values)+1)
	for _, s := range values {
		all = append(all, s...)
		offsets = append(offsets, int32(len(all))) //nolint:gosec // at most SegmentRecords values of at most 256 characters
	}
	return text(all, offsets)
}

func quantityValues(values []int64) arrow.Array {
	return plain(arrow.PrimitiveTypes.Int64, arrow.Int64Traits.CastToBytes(values), len(values))
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
