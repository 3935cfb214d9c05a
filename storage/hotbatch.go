package storage

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"unsafe"

	"github.com/farmtally/farmtally"
)

// hotKey is a record's identity within its farm.
type hotKey struct {
	start farmtally.Instant
	id    string
}

func hotKeyOf(r *farmtally.Record) hotKey { return hotKey{r.StartedAt, r.RecordID} }

var hashSeed = maphash.MakeSeed()

// hash is never 0.
func (k hotKey) hash() uint64 {
	hi, lo := bits.Mul64(maphash.String(hashSeed, k.id)^uint64(k.start), 0x9E3779B97F4A7C15) //nolint:gosec // any bits do
	return (hi ^ lo) | 1
}

// hotBatch is a batch of hot records in the form in which the catalog has it, with where
// each record begins. It holds no pointers but a few, so that a hundred thousand records
// are nothing to the garbage collector; and it never changes once it has been written.
type hotBatch struct {
	first, last int64 // the ids of the batches that it holds; unwritten until it has one
	gone        []hotKey
	body        []byte
	rows        []uint32 // where the records begin in body, behind their form
	texts       []span   // in the order of their first appearance
	kinds       []hotKind
	writer      *hotWriter // nil once it has been written
}

// unwritten is the id of a batch that has yet to get one.
const unwritten = math.MaxInt64

// span is a part of a batch's body.
type span struct{ at, length uint32 }

// hotKind is what many records of a batch have in common.
type hotKind struct {
	usage                          farmtally.UsageType
	instanceType, product, rate    span
	price                          farmtally.Money
	unit                           farmtally.Unit
	workers, cpus, gpus, memoryGiB farmtally.Quantity
}

func (b *hotBatch) len() int { return len(b.gone) + len(b.rows) }

// text is a part of the body, which does not change.
func (b *hotBatch) text(s span) string {
	if s.length == 0 {
		return ""
	}
	return unsafe.String(&b.body[s.at], int(s.length)) //nolint:gosec // the body does not change
}

// key is the identity of a record.
func (b *hotBatch) key(row int) hotKey {
	at := int(b.rows[row]) + 1
	start, n := binary.Varint(b.body[at:])
	at += n
	length, n := binary.Uvarint(b.body[at:])
	return hotKey{farmtally.Instant(start), b.text(span{uint32(at + n), uint32(length)})} //nolint:gosec // within the body
}

// running reports whether a record is running.
func (b *hotBatch) running(row int) bool { return b.body[b.rows[row]]&flagRunning != 0 }

// record puts a record into r. Its texts are parts of the batch.
func (b *hotBatch) record(farm farmtally.FarmID, row int, r *farmtally.Record) {
	d := hotDecoder{decoder: decoder{b: b.body[b.rows[row]:]}, batch: b}
	*r = farmtally.Record{FarmID: farm}
	d.read(r)
}

// hotDecoder reads the records of a batch. The first pass, in their order, also collects
// the texts and the kinds.
type hotDecoder struct {
	decoder
	batch   *hotBatch
	collect bool
}

// at is the place in the body of what comes next.
func (d *hotDecoder) at() int { return len(d.batch.body) - len(d.b) }

func (d *hotDecoder) span() span {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return span{}
	}
	s := span{uint32(d.at()), uint32(n)} //nolint:gosec // within the body
	d.b = d.b[n:]
	return s
}

// shared reads a text that may have been given before.
func (d *hotDecoder) shared() span {
	code := d.uint()
	if code == 0 {
		s := d.span()
		if d.collect && !d.bad {
			d.batch.texts = append(d.batch.texts, s)
		}
		return s
	}
	if code > uint64(len(d.batch.texts)) {
		d.fail()
		return span{}
	}
	return d.batch.texts[code-1]
}

// kind reads a kind, which may have been given before.
func (d *hotDecoder) kind() hotKind {
	code := d.uint()
	if code > uint64(len(d.batch.kinds)) {
		d.fail()
		return hotKind{}
	}
	if code > 0 {
		return d.batch.kinds[code-1]
	}
	k := hotKind{
		usage: farmtally.UsageType(d.int()), instanceType: d.span(), product: d.span(), rate: d.span(),
		price: farmtally.Money(d.int()), unit: farmtally.Unit(d.int()),
	}
	for _, q := range []*farmtally.Quantity{&k.workers, &k.cpus, &k.gpus, &k.memoryGiB} {
		*q = farmtally.Quantity(d.int())
	}
	if d.collect && !d.bad {
		d.batch.kinds = append(d.batch.kinds, k)
	}
	return k
}

// read reads a record behind its form.
func (d *hotDecoder) read(r *farmtally.Record) {
	flags := d.byte()
	if flags > flagRunning|flagRuntime|flagCost {
		d.fail()
	}
	r.Running, r.HasRuntime, r.HasCost = flags&flagRunning != 0, flags&flagRuntime != 0, flags&flagCost != 0
	r.StartedAt = farmtally.Instant(d.int())
	id := d.span()
	queue, fleet, job, user := d.shared(), d.shared(), d.shared(), d.shared()
	k := d.kind()
	wall := d.int()
	r.EndedAt = r.StartedAt + farmtally.Instant(wall)
	r.RuntimeMillis = wall - d.int()
	r.Cost = farmtally.Money(d.int())
	if d.bad {
		return
	}
	b := d.batch
	r.RecordID, r.UserID = b.text(id), b.text(user)
	r.QueueID, r.FleetID, r.JobID = farmtally.QueueID(b.text(queue)), farmtally.FleetID(b.text(fleet)), farmtally.JobID(b.text(job))
	r.UsageType, r.InstanceType, r.LicenseProduct = k.usage, b.text(k.instanceType), b.text(k.product)
	r.Rate = farmtally.Rate{ID: b.text(k.rate), USDPerHour: k.price, Per: k.unit}
	r.Workers, r.CPUs, r.GPUs, r.MemoryInGiB = k.workers, k.cpus, k.gpus, k.memoryGiB
}

// decodeHot reads a batch from the catalog. Its body becomes the batch's own.
func decodeHot(farm farmtally.FarmID, first, last int64, body []byte) (*hotBatch, error) {
	b := &hotBatch{first: first, last: last, body: body}
	d := hotDecoder{decoder: decoder{b: body}, batch: b, collect: true}
	var old []farmtally.Record // in the form of version 1
	var r farmtally.Record
	for len(d.b) > 0 {
		switch d.byte() {
		case goneForm:
			b.gone = append(b.gone, hotKey{farmtally.Instant(d.int()), d.text()})
		case recordForm:
			r := farmtally.Record{FarmID: farm}
			d.record(&r)
			old = append(old, r)
		case hotForm:
			b.rows = append(b.rows, uint32(d.at())) //nolint:gosec // SQLite's values have at most 2³¹ bytes
			d.read(&r)
		default:
			d.fail()
		}
	}
	if len(old) > 0 && len(b.rows) > 0 {
		d.fail()
	}
	if err := d.end(); err != nil || len(old) == 0 {
		return b, err
	}
	again := newHotBatch(b.gone)
	for i := range old {
		again.add(&old[i])
	}
	again.first, again.last, again.writer = first, last, nil
	return again, nil
}

// hotWriter finds the texts and the kinds that a batch has already.
type hotWriter struct {
	texts codeTable[string]
	kinds codeTable[kindKey]
}

// kindKey is a hotKind by its texts.
type kindKey struct {
	usage                          farmtally.UsageType
	instanceType, product          string
	rate                           farmtally.Rate
	workers, cpus, gpus, memoryGiB farmtally.Quantity
}

func (k *kindKey) hash() uint64 {
	h := maphash.String(hashSeed, k.instanceType) ^ bits.RotateLeft64(maphash.String(hashSeed, k.product), 21) ^
		bits.RotateLeft64(maphash.String(hashSeed, k.rate.ID), 42)
	for _, v := range [...]int64{int64(k.usage), int64(k.rate.USDPerHour), int64(k.workers), int64(k.cpus), int64(k.gpus), int64(k.memoryGiB)} {
		h = (h ^ uint64(v)) * 0x9E3779B97F4A7C15 //nolint:gosec // any bits do
	}
	return h ^ h>>32
}

// newHotBatch begins a batch, of which the identities are no more.
func newHotBatch(gone []hotKey) *hotBatch {
	b := &hotBatch{first: unwritten, last: unwritten, writer: &hotWriter{}}
	for _, k := range gone {
		b.remove(k)
	}
	return b
}

// remove notes an identity of which there is no hot record any more.
func (b *hotBatch) remove(k hotKey) {
	b.gone = append(b.gone, k)
	b.body = appendGone(b.body, k)
}

// add adds a record, of another identity than the others.
func (b *hotBatch) add(r *farmtally.Record) {
	flags := byte(0)
	for i, set := range [...]bool{r.Running, r.HasRuntime, r.HasCost} {
		if set {
			flags |= flagRunning << i
		}
	}
	b.body = append(b.body, hotForm)
	b.rows = append(b.rows, uint32(len(b.body))) //nolint:gosec // bounded by the size of a push
	b.body = append(b.body, flags)
	b.body = binary.AppendVarint(b.body, int64(r.StartedAt))
	b.body = appendText(b.body, r.RecordID)
	b.share(string(r.QueueID))
	b.share(string(r.FleetID))
	b.share(string(r.JobID))
	b.share(r.UserID)
	b.addKind(r)
	wall := int64(r.EndedAt - r.StartedAt)
	b.body = binary.AppendVarint(b.body, wall)
	b.body = binary.AppendVarint(b.body, wall-r.RuntimeMillis)
	b.body = binary.AppendVarint(b.body, int64(r.Cost))
}

// share adds a text, whole where it is new.
func (b *hotBatch) share(s string) {
	code, known := b.writer.texts.code(maphash.String(hashSeed, s), s)
	if known {
		b.body = binary.AppendUvarint(b.body, uint64(code)+1)
		return
	}
	b.body = append(b.body, 0)
	b.texts = append(b.texts, b.addText(s))
}

func (b *hotBatch) addText(s string) span {
	b.body = appendText(b.body, s)
	return span{uint32(len(b.body) - len(s)), uint32(len(s))} //nolint:gosec // bounded by the size of a push
}

func (b *hotBatch) addKind(r *farmtally.Record) {
	key := kindKey{r.UsageType, r.InstanceType, r.LicenseProduct, r.Rate, r.Workers, r.CPUs, r.GPUs, r.MemoryInGiB}
	code, known := b.writer.kinds.code(key.hash(), key)
	if known {
		b.body = binary.AppendUvarint(b.body, uint64(code)+1)
		return
	}
	b.body = binary.AppendVarint(append(b.body, 0), int64(r.UsageType))
	b.kinds = append(b.kinds, hotKind{
		r.UsageType, b.addText(r.InstanceType), b.addText(r.LicenseProduct), b.addText(r.Rate.ID), r.Rate.USDPerHour, r.Rate.Per,
		r.Workers, r.CPUs, r.GPUs, r.MemoryInGiB,
	})
	for _, v := range [...]int64{int64(r.Rate.USDPerHour), int64(r.Rate.Per), int64(r.Workers), int64(r.CPUs), int64(r.GPUs), int64(r.MemoryInGiB)} {
		b.body = binary.AppendVarint(b.body, v)
	}
}

// codeTable numbers distinct values in the order of their first appearance.
type codeTable[T comparable] struct {
	slots  []uint32 // by hash: a value's number and one, or 0
	values []T
	hashes []uint64
}

func (t *codeTable[T]) code(hash uint64, v T) (code uint32, known bool) {
	if 2*len(t.values) >= len(t.slots) {
		t.grow()
	}
	mask := uint64(len(t.slots) - 1) //nolint:gosec // never negative
	at := hash & mask
	for ; t.slots[at] != 0; at = (at + 1) & mask {
		if code := t.slots[at] - 1; t.hashes[code] == hash && t.values[code] == v {
			return code, true
		}
	}
	t.values, t.hashes = append(t.values, v), append(t.hashes, hash)
	t.slots[at] = uint32(len(t.values)) //nolint:gosec // bounded by the size of a push
	return t.slots[at] - 1, false
}

func (t *codeTable[T]) grow() {
	t.slots = make([]uint32, max(64, 2*len(t.slots)))
	mask := uint64(len(t.slots) - 1) //nolint:gosec // never negative
	for code, hash := range t.hashes {
		at := hash & mask
		for t.slots[at] != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = uint32(code) + 1
	}
}
