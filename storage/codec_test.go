package storage

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// anyText draws texts: empty, with NULs, of several bytes a character, long.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.Just(""), rapid.String(), rapid.SampledFrom([]string{
		"\x00", "a\x00b", "a", "ü", "渲染", "🎬🎬", strings.Repeat("é", 256), strings.Repeat("🎞", 128),
	}))
}

func anyInt() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{
		math.MinInt64, -1, 0, 1, 63, 64, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64,
	}))
}

// fill draws every field of a struct, so that a new one cannot be forgotten.
func fill(t *rapid.T, v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), name)
		}
	case reflect.String:
		v.SetString(anyText().Draw(t, name))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Uint64:
		v.SetUint(uint64(anyInt().Draw(t, name)))
	default:
		v.SetInt(anyInt().Draw(t, name))
	}
}

func drawAny[T any](t *rapid.T) (v T) {
	fill(t, reflect.ValueOf(&v).Elem(), "")
	return v
}

// A record comes back whole, save its farm and its names, which the catalog keeps
// elsewhere.
func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawAny[farmtally.Record](t)
		got, err := decodeRecord(encodeRecord(&want))
		if err != nil {
			t.Fatal(err)
		}
		want.FarmID, want.FarmName, want.QueueName, want.FleetName, want.JobName = "", "", "", "", ""
		if got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func TestRowRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, got := drawAny[farmtally.Row](t), drawAny[farmtally.Row](t)
		if err := decodeRow(appendRow(nil, &want), "", &got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

// encodeRecord gives everything of a record but its farm and its names, as format version
// 1 wrote it.
func encodeRecord(r *farmtally.Record) []byte { return appendRecord(nil, r) }

// appendRecord appends what encodeRecord gives.
func appendRecord(b []byte, r *farmtally.Record) []byte {
	flags := byte(0)
	for i, set := range [...]bool{r.Running, r.HasRuntime, r.HasCost} {
		if set {
			flags |= flagRunning << i
		}
	}
	b = append(b, recordForm, flags)
	for _, s := range [...]string{r.RecordID, string(r.QueueID), string(r.FleetID), string(r.JobID), r.UserID,
		r.InstanceType, r.LicenseProduct, r.Rate.ID} {
		b = appendText(b, s)
	}
	for _, v := range [...]int64{int64(r.UsageType), int64(r.StartedAt), int64(r.EndedAt), r.RuntimeMillis, int64(r.Cost),
		int64(r.Rate.USDPerHour), int64(r.Rate.Per), int64(r.Workers), int64(r.CPUs), int64(r.GPUs), int64(r.MemoryInGiB)} {
		b = binary.AppendVarint(b, v)
	}
	return b
}

// decodeRecord is the inverse of encodeRecord.
func decodeRecord(b []byte) (farmtally.Record, error) {
	d := decoder{b: b}
	var r farmtally.Record
	d.form(recordForm)
	d.record(&r)
	return r, d.end()
}

func goldenRecord() farmtally.Record {
	return farmtally.Record{
		RecordID: "r1", FarmID: farmA, QueueID: "q", FleetID: "f", JobID: "j", UserID: "ü", UsageType: farmtally.License,
		InstanceType: "m5", LicenseProduct: "nuke", StartedAt: 1, EndedAt: 300, RuntimeMillis: 200, HasRuntime: true,
		Cost: 1_000_000_000, Rate: farmtally.Rate{ID: "x", USDPerHour: 5, Per: farmtally.PerSeat}, Running: true,
		Workers: farmtally.One, CPUs: 2, GPUs: 3, MemoryInGiB: 4, FarmName: "not kept",
	}
}

func goldenRow() farmtally.Row {
	return farmtally.Row{
		Start: 1000, End: 2000, Group: [2]string{"a", ""}, JobName: "b", Count: 3,
		Cost:    farmtally.Stat{Sum: farmtally.Sum{Hi: 1, Lo: 300}, Min: 1, Max: 299},
		Runtime: farmtally.Stat{Sum: farmtally.Sum{Lo: 6}, Min: 2, Max: 2},
	}
}

// The bytes of the forms, which folders hold already: a change here is another
// format version.
const (
	goldenRecordBytes = "52 03 02 7231 01 71 01 66 01 6a 02 c3bc 02 6d35 04 6e756b65 01 78 " +
		"04 02 d804 9003 80a8d6b907 0a 0a 80a8d6b907 04 06 08"
	goldenHotBytes = "72 03 02 02 7231 00 01 71 00 01 66 00 01 6a 00 02 c3bc 00 04 02 6d35 04 6e756b65 01 78 0a 0a 80a8d6b907 04 06 08 d604 c601 80a8d6b907"
	goldenRowBytes = "57 d00f a01f 01 61 00 01 62 06 01 ac02 02 d604 00 06 04 04"
)

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	try(t, err)
	return b
}

func TestGoldenForms(t *testing.T) {
	record, row := goldenRecord(), goldenRow()
	if got, want := hex.EncodeToString(encodeRecord(&record)), hex.EncodeToString(bytesOf(t, goldenRecordBytes)); got != want {
		t.Errorf("record is %s, want %s", got, want)
	}
	if got, want := hex.EncodeToString(batchOf(nil, []farmtally.Record{record}).body), hex.EncodeToString(bytesOf(t, goldenHotBytes)); got != want {
		t.Errorf("hot record is %s, want %s", got, want)
	}
	if got, want := hex.EncodeToString(appendRow(nil, &row)), hex.EncodeToString(bytesOf(t, goldenRowBytes)); got != want {
		t.Errorf("row is %s, want %s", got, want)
	}
}

// Whatever is not a whole form of the kind asked for is refused.
func TestBrokenForms(t *testing.T) {
	record, row := bytesOf(t, goldenRecordBytes), bytesOf(t, goldenRowBytes)
	decoders := map[string]func([]byte) error{
		"record": func(b []byte) error { _, err := decodeRecord(b); return err },
		"row":    func(b []byte) error { return decodeRow(b, "", &farmtally.Row{}) },
	}
	for name, good := range map[string][]byte{"record": record, "row": row} {
		decode := decoders[name]
		for n := range good {
			wantKind(t, decode(good[:n]), farmtally.Corrupt)
		}
		wantKind(t, decode(append(good[:len(good):len(good)], 0)), farmtally.Corrupt)
	}
	wantKind(t, decoders["record"](row), farmtally.Corrupt)
	wantKind(t, decoders["row"](record), farmtally.Corrupt)
	unknown := append([]byte(nil), record...)
	unknown[1] |= 0x80
	wantKind(t, decoders["record"](unknown), farmtally.Corrupt)
	long := append([]byte{recordForm, 0}, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01) // a text of 2^64−1 bytes
	wantKind(t, decoders["record"](long), farmtally.Corrupt)
	wantKind(t, decoders["record"](append(long, 0xFF)), farmtally.Corrupt)
}

// Any bytes give an error of kind Corrupt, or a record that comes back as it is.
func FuzzDecodeRecord(f *testing.F) {
	f.Add(bytesOf(f, goldenRecordBytes))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err != nil {
			wantKind(t, err, farmtally.Corrupt)
			return
		}
		if again, err := decodeRecord(encodeRecord(&r)); err != nil || again != r {
			t.Fatalf("%+v came back as %+v, error %v", r, again, err)
		}
	})
}

func FuzzDecodeRow(f *testing.F) {
	f.Add(bytesOf(f, goldenRowBytes))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r, again farmtally.Row
		if err := decodeRow(b, string(b), &r); err != nil {
			wantKind(t, err, farmtally.Corrupt)
			return
		}
		if err := decodeRow(appendRow(nil, &r), "", &again); err != nil || again != r {
			t.Fatalf("%+v came back as %+v, error %v", r, again, err)
		}
	})
}
