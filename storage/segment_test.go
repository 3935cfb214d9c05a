package storage

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// stored draws a record as a segment holds it: accepted and ended. Starts and ids
// are often equal.
func stored() *rapid.Generator[farmtally.Record] {
	return rapid.Custom(func(t *rapid.T) farmtally.Record {
		number := rapid.OneOf(rapid.Int64Range(0, 1<<40), rapid.SampledFrom([]int64{
			0, 1, math.MaxUint32 - 1, math.MaxUint32, math.MaxUint32 + 1, 253_402_300_799_999,
		}))
		quantity := rapid.OneOf(rapid.Just(int64(farmtally.One)), rapid.Int64Range(0, int64(farmtally.One)*1_000_000_000))
		start := rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, 1<<41)).Draw(t, "start")
		return farmtally.Record{
			FarmID:    farmA,
			RecordID:  rapid.OneOf(rapid.SampledFrom([]string{"a", "a\x00", "b", "é"}), rapid.StringN(1, 128, -1)).Draw(t, "id"),
			QueueID:   farmtally.QueueID(anyText().Draw(t, "queue")),
			FleetID:   farmtally.FleetID(anyText().Draw(t, "fleet")),
			JobID:     farmtally.JobID(anyText().Draw(t, "job")),
			UserID:    anyText().Draw(t, "user"),
			UsageType: rapid.SampledFrom([]farmtally.UsageType{farmtally.Compute, farmtally.License, farmtally.PersistentVolume}).Draw(t, "type"),

			InstanceType: anyText().Draw(t, "instance"), LicenseProduct: anyText().Draw(t, "product"),
			StartedAt: farmtally.Instant(start), EndedAt: farmtally.Instant(start + number.Draw(t, "wall")),
			RuntimeMillis: number.Draw(t, "runtime"), HasRuntime: true,
			Cost:    farmtally.Money(rapid.OneOf(number, rapid.Just(int64(math.MaxInt64))).Draw(t, "cost")),
			HasCost: true,
			Rate:    farmtally.Rate{ID: rapid.SampledFrom([]string{"", farmtally.Unpriced, "gpu"}).Draw(t, "rate")},
			Workers: farmtally.Quantity(quantity.Draw(t, "workers")), CPUs: farmtally.Quantity(quantity.Draw(t, "cpus")),
			GPUs: farmtally.Quantity(quantity.Draw(t, "gpus")), MemoryInGiB: farmtally.Quantity(quantity.Draw(t, "memory")),
		}
	})
}

// byIdentity orders records as a segment does.
func byIdentity(a, b farmtally.Record) int {
	return cmp.Or(cmp.Compare(a.StartedAt, b.StartedAt), strings.Compare(a.RecordID, b.RecordID))
}

// writeRecords writes records to a segment, gives it to the catalog, and opens it
// anew by what the catalog knows.
func writeRecords(t testing.TB, c *Catalog, records []farmtally.Record) *Segment {
	t.Helper()
	ctx := context.Background()
	var builder Builder
	for i := range records {
		builder.Add(&records[i])
	}
	b, err := c.BeginBatch()
	try(t, err)
	written, err := b.Write(farmA, &builder, builder.Order())
	try(t, err)
	info := written.Info
	try(t, c.Write(ctx, func(tx *Tx) error {
		info.ID, err = tx.AddSegment(ctx, &written.Info)
		return err
	}))
	try(t, b.Close(ctx))
	try(t, written.Close())
	all, err := c.AllSegments(ctx)
	try(t, err)
	known := all[len(all)-1]
	if fmt.Sprint(known) != fmt.Sprint(info) {
		t.Fatalf("the catalog has %+v of %+v", known, info)
	}
	s, err := OpenSegment(c.SegmentPath(known.File), known)
	try(t, err)
	t.Cleanup(func() { try(t, s.Close()) })
	return s
}

// checkSegment compares a segment with the records that went into it.
func checkSegment(t testing.TB, s *Segment, records []farmtally.Record) {
	t.Helper()
	want := slices.Clone(records)
	slices.SortStableFunc(want, byIdentity)
	if s.Len() != len(want) {
		t.Fatalf("%d rows, want %d", s.Len(), len(want))
	}
	try(t, s.VerifyAll())
	info := SegmentInfo{First: want[0].StartedAt, Last: want[len(want)-1].StartedAt}
	for i := range want {
		var got farmtally.Record
		s.Record(i, &got)
		if got != want[i] {
			t.Fatalf("row %d is %+v, want %+v", i, got, want[i])
		}
		info.End, info.MaxWall = max(info.End, got.EndedAt), max(info.MaxWall, int64(got.EndedAt-got.StartedAt))
		if got.Rate.ID == farmtally.Unpriced {
			info.Unpriced++
		}
	}
	if i := s.Info; i.First != info.First || i.Last != info.Last || i.End != info.End || i.MaxWall != info.MaxWall || i.Unpriced != info.Unpriced {
		t.Fatalf("zone map %+v, want %+v", s.Info, info)
	}
	checkFind(t, s, want)
}

// checkFind looks for every identity, and for what lies next to it.
func checkFind(t testing.TB, s *Segment, sorted []farmtally.Record) {
	t.Helper()
	near := func(start farmtally.Instant, id string) {
		got, err := s.Find(start, id)
		try(t, err)
		want, found := slices.BinarySearchFunc(sorted, farmtally.Record{StartedAt: start, RecordID: id}, byIdentity)
		if !found {
			want = -1
		}
		if got != want {
			t.Fatalf("found %q at %d in row %d, want %d", id, start, got, want)
		}
	}
	for i := range sorted {
		start, id := sorted[i].StartedAt, sorted[i].RecordID
		for _, d := range []farmtally.Instant{-1, 0, 1} {
			near(start+d, id)
		}
		near(start, id+"\x00")
		near(start, id[:len(id)-1])
		near(start, "")
		near(start, strings.ToUpper(id)+"~")
	}
	near(0, "z")
	near(math.MaxInt64, "a")
}

// What goes into a segment comes out, sorted, and every row is found.
func TestSegmentRoundTrip(t *testing.T) {
	c := open(t, t.TempDir())
	rapid.Check(t, func(rt *rapid.T) {
		records := rapid.SliceOfN(stored(), 1, 40).Draw(rt, "records")
		checkSegment(t, writeRecords(t, c, records), records)
	})
}

// A column is as narrow as its values allow: codes at 256 and 65,536 of them.
func TestWidthsOfTexts(t *testing.T) {
	c := open(t, t.TempDir())
	for _, test := range []struct {
		distinct int
		codes    string
	}{
		{1, "[]uint8"}, {255, "[]uint8"}, {256, "[]uint8"}, {257, "[]uint16"},
		{65_535, "[]uint16"}, {65_536, "[]uint16"}, {65_537, "[]uint32"},
	} {
		t.Run(fmt.Sprint(test.distinct), func(t *testing.T) {
			if testing.Short() && test.distinct > 1000 {
				t.Skip("many records")
			}
			var records []farmtally.Record
			for i := range test.distinct + 3 {
				r := ended(fmt.Sprintf("%06d", i), farmtally.Instant(i/7))
				if n := i % test.distinct; n > 0 { // user 0 is the absent one
					r.UserID, r.CPUs = fmt.Sprint("user", n), farmtally.Quantity(n)
				}
				records = append(records, r)
			}
			s := writeRecords(t, c, records)
			checkSegment(t, s, records)
			codes, values, err := s.Codes(ColUser)
			try(t, err)
			var texts []string
			for code := range values.Len() {
				texts = append(texts, values.Value(code))
			}
			if got := fmt.Sprintf("%T", codes); got != test.codes || len(texts) != test.distinct || texts[0] != "" || !slices.IsSorted(texts) {
				t.Errorf("%d texts, the first %q, with codes in %s", len(texts), texts[0], got)
			}
			if s.arrays[ColUser].NullN() != (test.distinct+3+test.distinct-1)/test.distinct {
				t.Errorf("%d absent values", s.arrays[ColUser].NullN())
			}
		})
	}
}

// Numbers take 32 bits up to 2^32−1, and 64 from there on.
func TestWidthsOfNumbers(t *testing.T) {
	c := open(t, t.TempDir())
	for _, column := range []Column{ColWall, ColRuntime, ColCost} {
		for value, want := range map[int64]string{0: "[]uint32", math.MaxUint32: "[]uint32", math.MaxUint32 + 1: "[]uint64"} {
			r := ended("a", 0)
			switch column {
			case ColWall:
				r.EndedAt = farmtally.Instant(value)
			case ColRuntime:
				r.RuntimeMillis = value
			default:
				r.Cost = farmtally.Money(value)
			}
			records := []farmtally.Record{ended("b", 1), r}
			s := writeRecords(t, c, records)
			checkSegment(t, s, records)
			numbers, err := s.Numbers(column)
			try(t, err)
			if got := fmt.Sprintf("%T", numbers); got != want {
				t.Errorf("%s of %d is in %s, want %s", column, value, got, want)
			}
		}
	}
}

// The schema that other programs see: a change here is another format version.
const goldenSchema = `schema:
  fields: 17
    - record_id: type=utf8
    - started_at: type=timestamp[ms, tz=UTC]
    - wall_millis: type=uint32
    - runtime_millis: type=uint32
    - cost_nano_usd: type=uint32
    - queue_id: type=dictionary<values=utf8, indices=uint8, ordered=false>, nullable
    - fleet_id: type=dictionary<values=utf8, indices=uint8, ordered=false>, nullable
    - job_id: type=dictionary<values=utf8, indices=uint8, ordered=false>, nullable
    - user_id: type=dictionary<values=utf8, indices=uint8, ordered=false>, nullable
    - usage_type: type=dictionary<values=utf8, indices=uint8, ordered=false>, nullable
    - instance_type: type=dictionary<values=utf8, indices=uint8, ordered=false>, nullable
    - license_product: type=dictionary<values=utf8, indices=uint8, ordered=false>, nullable
    - rate_id: type=dictionary<values=utf8, indices=uint8, ordered=false>, nullable
    - workers_nano: type=dictionary<values=int64, indices=uint8, ordered=false>
    - cpus_nano: type=dictionary<values=int64, indices=uint8, ordered=false>
    - gpus_nano: type=dictionary<values=int64, indices=uint8, ordered=false>
    - memory_nano_gib: type=dictionary<values=int64, indices=uint8, ordered=false>`

// A segment is a whole Arrow file: Arrow's own reader, which starts at the footer,
// sees the same columns.
func TestSegmentIsAnArrowFile(t *testing.T) {
	c := open(t, t.TempDir())
	records := []farmtally.Record{ended("a", 1), ended("b", 2), ended("c", 3)}
	records[1].UserID = "ada"
	s := writeRecords(t, c, records)
	data, err := os.ReadFile(c.SegmentPath(s.Info.File))
	try(t, err)
	r, err := ipc.NewFileReader(bytes.NewReader(data))
	try(t, err)
	defer r.Close() //nolint:errcheck // it only reads
	if got := r.Schema().String(); got != goldenSchema {
		t.Errorf("%s\nwant\n%s", got, goldenSchema)
	}
	batch, err := r.RecordBatch(0)
	try(t, err)
	if r.NumRecords() != 1 || batch.NumRows() != 3 {
		t.Errorf("%d batches, the first of %d rows", r.NumRecords(), batch.NumRows())
	}
	for column, want := range map[Column][]string{
		ColRecordID: {"a", "b", "c"}, ColUser: {"(null)", "ada", "(null)"}, ColUsageType: {"COMPUTE", "COMPUTE", "COMPUTE"},
		ColStart: {"1970-01-01T00:00:00.001Z", "1970-01-01T00:00:00.002Z", "1970-01-01T00:00:00.003Z"},
		ColWall:  {"1000", "1000", "1000"}, ColWorkers: {"1000000000", "1000000000", "1000000000"},
	} {
		for i := range want {
			if got := batch.Column(int(column)).ValueStr(i); got != want[i] {
				t.Errorf("%s of row %d is %q, want %q", column, i, got, want[i])
			}
		}
	}
}

// The file may be cut off while it is mapped, and a disk may fail to read it: that
// is damage, and no end of the process.
func TestSegmentThatShrinks(t *testing.T) {
	c := open(t, t.TempDir())
	s := writeRecords(t, c, []farmtally.Record{ended("a", 1)})
	try(t, os.Truncate(c.SegmentPath(s.Info.File), 0))
	_, err := s.Starts()
	wantKind(t, err, farmtally.Corrupt)
	_, err = s.Find(1, "a")
	wantKind(t, err, farmtally.Corrupt)
	wantKind(t, s.VerifyAll(), farmtally.Corrupt)
}

// A file that is there and cannot be opened is not called damaged.
func TestSegmentThatCannotBeOpened(t *testing.T) {
	c := open(t, t.TempDir())
	s := writeRecords(t, c, []farmtally.Record{ended("a", 1)})
	_, err := OpenSegment(c.SegmentPath("gone.arrow"), s.Info)
	wantKind(t, err, farmtally.Corrupt)
	_, err = OpenSegment(c.SegmentPath(s.Info.File)+"/x", s.Info)
	wantKind(t, err, farmtally.Internal)
}

// A builder that was emptied remembers nothing.
func TestBuilderReset(t *testing.T) {
	c := open(t, t.TempDir())
	var builder Builder
	for i := range 300 {
		r := ended(fmt.Sprint("old", i), 5)
		r.UserID = fmt.Sprint(i)
		builder.Add(&r)
	}
	builder.Reset()
	want := ended("new", 9)
	builder.Add(&want)
	b, err := c.BeginBatch()
	try(t, err)
	s, err := b.Write(farmA, &builder, builder.Order())
	try(t, err)
	checkSegment(t, s, []farmtally.Record{want})
	if _, texts, err := s.Codes(ColUser); err != nil || texts.Len() != 1 {
		t.Errorf("texts %q, error %v", texts, err)
	}
	try(t, s.Close())
	try(t, b.Close(context.Background()))
}

// What a builder gives back is what it was given.
func TestBuilderRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Builder
		records := rapid.SliceOfN(stored(), 1, 20).Draw(t, "records")
		for i := range records {
			b.Add(&records[i])
		}
		for i := range records {
			var got farmtally.Record
			b.Record(i, &got)
			got.FarmID = farmA
			if got != records[i] {
				t.Fatalf("row %d is %+v, want %+v", i, got, records[i])
			}
			for j := range records {
				if b.Same(int32(i), int32(j)) != (byIdentity(records[i], records[j]) == 0) {
					t.Fatalf("rows %d and %d", i, j)
				}
			}
		}
	})
}
