package storage

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/farmtally/farmtally"
)

// The binary forms of a hot record and of a result's row: a byte that names the
// form, then the fields in order. Integers are varints, texts a length and bytes.
const (
	recordForm = 'R' // a hot record as format version 1 wrote it
	hotForm    = 'r'
	goneForm   = 'G'
	rowForm    = 'W'
)

// Flags of a record.
const (
	flagRunning = 1 << iota
	flagRuntime
	flagCost
)

// appendGone appends word that there is no hot record of the identity any more.
func appendGone(b []byte, k hotKey) []byte {
	return appendText(binary.AppendVarint(append(b, goneForm), int64(k.start)), k.id)
}

// record reads a hot record of format version 1 behind its form.
func (d *decoder) record(r *farmtally.Record) {
	flags := d.byte()
	if flags > flagRunning|flagRuntime|flagCost {
		d.fail()
	}
	r.Running, r.HasRuntime, r.HasCost = flags&flagRunning != 0, flags&flagRuntime != 0, flags&flagCost != 0
	r.RecordID = d.text()
	r.QueueID, r.FleetID, r.JobID = farmtally.QueueID(d.text()), farmtally.FleetID(d.text()), farmtally.JobID(d.text())
	r.UserID, r.InstanceType, r.LicenseProduct, r.Rate.ID = d.text(), d.text(), d.text(), d.text()
	r.UsageType = farmtally.UsageType(d.int())
	r.StartedAt, r.EndedAt = farmtally.Instant(d.int()), farmtally.Instant(d.int())
	r.RuntimeMillis, r.Cost = d.int(), farmtally.Money(d.int())
	r.Rate.USDPerHour, r.Rate.Per = farmtally.Money(d.int()), farmtally.Unit(d.int())
	for _, q := range []*farmtally.Quantity{&r.Workers, &r.CPUs, &r.GPUs, &r.MemoryInGiB} {
		*q = farmtally.Quantity(d.int())
	}
}

// appendRow appends the form of a row.
func appendRow(b []byte, r *farmtally.Row) []byte {
	b = append(b, rowForm)
	b = binary.AppendVarint(b, int64(r.Start))
	b = binary.AppendVarint(b, int64(r.End))
	for _, s := range r.Group {
		b = appendText(b, s)
	}
	b = appendText(b, r.JobName)
	b = binary.AppendVarint(b, r.Count)
	for _, s := range []*farmtally.Stat{&r.Cost, &r.Runtime} {
		b = binary.AppendUvarint(b, s.Sum.Hi)
		b = binary.AppendUvarint(b, s.Sum.Lo)
		b = binary.AppendVarint(b, s.Min)
		b = binary.AppendVarint(b, s.Max)
	}
	return b
}

// decodeRow is the inverse of appendRow. The row's texts are parts of whole, the same
// bytes, or copies where that is "".
func decodeRow(b []byte, whole string, r *farmtally.Row) error {
	d := decoder{b: b, whole: whole}
	d.form(rowForm)
	r.Start, r.End = farmtally.Instant(d.int()), farmtally.Instant(d.int())
	for i := range r.Group {
		r.Group[i] = d.text()
	}
	r.JobName = d.text()
	r.Count = d.int()
	for _, s := range []*farmtally.Stat{&r.Cost, &r.Runtime} {
		s.Sum = farmtally.Sum{Hi: d.uint(), Lo: d.uint()}
		s.Min, s.Max = d.int(), d.int()
	}
	return d.end()
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errForm = errors.New("stored bytes are not of the form expected")

// decoder reads the forms; the first mistake sticks, and end tells of it.
type decoder struct {
	b     []byte
	bad   bool
	known map[string]string // texts that were read; nil keeps none
	whole string            // what b was at first, if texts are to be parts of it
}

func (d *decoder) fail() { d.b, d.bad = nil, true }

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) form(want byte) {
	if d.byte() != want {
		d.fail()
	}
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	return advance(d, v, n)
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	return advance(d, v, n)
}

func advance[T int64 | uint64](d *decoder, v T, n int) T {
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() string {
	n := d.uint()
	if n > uint64(len(d.b)) || n > math.MaxInt32 {
		d.fail()
		return ""
	}
	if d.whole != "" {
		at := len(d.whole) - len(d.b)
		d.b = d.b[n:]
		return d.whole[at : at+int(n)]
	}
	s, ok := d.known[string(d.b[:n])]
	if !ok {
		s = string(d.b[:n])
		if d.known != nil {
			d.known[s] = s
		}
	}
	d.b = d.b[n:]
	return s
}

func (d *decoder) end() error {
	if d.bad || len(d.b) > 0 {
		return &farmtally.Error{Kind: farmtally.Corrupt, Message: "the catalog or a result is damaged", Err: errForm,
			Hint: "restore the data folder from a backup"}
	}
	return nil
}
