package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
)

// keptRow is a row with slices of its own, never nil.
func keptRow(row *Row) Row {
	kept := *row
	kept.Records, kept.Faults = append([]farmtally.Record{}, row.Records...), append([]farmtally.Field{}, row.Faults...)
	return kept
}

// rowsOf reads a text by one of the ways of reading it.
func rowsOf(t *testing.T, read func(yield func(*Row) error) error) (rows []Row) {
	t.Helper()
	err := read(func(row *Row) error {
		rows = append(rows, keptRow(row))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// sameRows demands that the text gives the same rows as a stream, in memory, and by the
// general way alone.
func sameRows(t *testing.T, text []byte) {
	t.Helper()
	source := NDJSON{Farm: "f", Plain: true}
	general := rowsOf(t, func(yield func(*Row) error) error {
		in, err := openPlain(bytes.NewReader(text))
		if err != nil {
			return err
		}
		lines := &lineReader{ctx: t.Context(), in: in}
		s := newSchema(source.Farm, source.Kind)
		var row Row
		for {
			l, err := lines.next()
			if errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			row.begin(l.number)
			s.ndjson(&row, l)
			if err := yield(&row); err != nil {
				return err
			}
		}
	})
	stream := rowsOf(t, func(yield func(*Row) error) error { return source.Read(t.Context(), bytes.NewReader(text), yield) })
	memory := rowsOf(t, func(yield func(*Row) error) error { return source.ReadText(t.Context(), text, yield) })
	for name, got := range map[string][]Row{"a stream": stream, "memory": memory} {
		if !reflect.DeepEqual(got, general) {
			t.Fatalf("%q from %s is\n%+v\nand by the general way\n%+v", text, name, got, general)
		}
	}
}

// fastLines are lines of which the good ones are read by the short way.
func fastLines(t testing.TB) []string {
	t.Helper()
	example, err := os.ReadFile("../examples/usage.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(example), "\n")
	return append(lines,
		`{"recordId": "r", "queueId": "q", "usageType": "COMPUTE", "startedAt": "2026-01-01T00:00:00Z", "endedAt": null, "cpus": "1e1"}`+"\r\n",
		`{"recordId":"ü","jobId":"шот","queueId":"q","usageType":"COMPUTE","startedAt":"2026-01-01T00:00:00Z","costInUsd":0.1}`+"\n",
		`{"recordId":"a\"","queueId":"q","usageType":"COMPUTE","startedAt":"2026-01-01T00:00:00Z","cpus":01}`+"\n",
		`{"recordId":"a","recordId":"b","cpus":1.,"gpus":-1,"memoryInGiB":1e1,"x":1}`+"\n",
		"{\"recordId\":\"a\xff\"}\n", "{\"recordId\":\"a\x00b\x1f\"}\n", "\xEF\xBB\xBF{}\n", "\n", " \r\n", "{\"recordId\"", "{}", "{", "[]\n",
	)
}

func TestFastLines(t *testing.T) {
	lines := fastLines(t)
	sameRows(t, []byte(strings.Join(lines, "")))
	sameRows(t, []byte("\xEF\xBB\xBF"+lines[0]+strings.Repeat("x", maxLineRead-1)+"\n"+strings.Repeat("y", maxLineRead)+"\nz"))
	var reader fastReader
	fast := 0
	for range 20_000 {
		line := []byte(lines[rand.N(len(lines))])
		if len(line) > 1 && rand.N(4) > 0 {
			at := rand.N(len(line))
			switch rand.N(4) {
			case 0:
				line[at] = "\"\\{},: .0e\xff\x01\x7f"[rand.N(13)]
			case 1:
				line = append(line[:at], line[at+1:]...)
			case 2:
				line = append(line[:at:at], append([]byte(" "), line[at:]...)...)
			case 3:
				line = line[:at]
			}
		}
		sameRows(t, line)
		line = bytes.TrimSuffix(line, []byte("\n"))
		var v values
		if reader.read(line, string(line), &v) {
			fast++
		}
	}
	if fast < 2000 {
		t.Errorf("%d lines were read by the short way", fast)
	}
}

// The ends of strings are found at every place of a word.
func TestStringEnds(t *testing.T) {
	for length := range 40 {
		for _, c := range []byte{'"', '\\', 0, 0x1F, ' ', 0x7F, 0x80, 0xFF, 'a', '!', '#', '[', ']'} {
			for at := range length {
				line := bytes.Repeat([]byte("z"), length)
				line[at] = c
				line = append(line, `","zzzzzzzzz`...)
				want, ascii := length, c < 0x80
				switch {
				case c == '"':
					want = at
				case c == '\\' || c < ' ':
					want, ascii = -1, false
				}
				if end, plain := stringEnd(line, 0); end != want || plain != ascii {
					t.Fatalf("%q: %d, %v instead of %d, %v", line, end, plain, want, ascii)
				}
			}
		}
	}
	if end, _ := stringEnd([]byte(strings.Repeat("z", 17)), 0); end != -1 {
		t.Error("a string without an end has one")
	}
}

func FuzzFastLine(f *testing.F) {
	for _, line := range fastLines(f) {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, text []byte) { sameRows(t, text) })
}

// BenchmarkReadText reads 10,000 rows in memory.
func BenchmarkReadText(b *testing.B) {
	var text bytes.Buffer
	for i := range 10_000 {
		fmt.Fprintf(&text, `{"recordId":"session-%032x","queueId":"queue-%032x","fleetId":"fleet-%032x","jobId":"job-%032x","userId":"user%d",`+
			`"usageType":"COMPUTE","instanceType":"c7i.large","startedAt":"2026-01-01T00:%02d:00.123Z","endedAt":"2026-01-01T01:%02d:30.5Z",`+
			`"runtimeInSeconds":3600.25,"costInUsd":0.123456789,"cpus":8,"memoryInGiB":16}`+"\n", i, i%40, i%12, i/200, i%300, i%60, i%60)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := (NDJSON{Farm: "f"}).ReadText(b.Context(), text.Bytes(), func(*Row) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/row")
}
