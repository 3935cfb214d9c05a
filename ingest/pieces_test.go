package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unsafe"
)

// outcome is what reading a text comes to: its rows, and the error that ended it.
type outcome struct {
	rows []Row
	err  string
}

func outcomeOf(read func(yield func(*Row) error) error) (o outcome) {
	err := read(func(row *Row) error {
		o.rows = append(o.rows, keptRow(row))
		return nil
	})
	if err != nil {
		o.err = err.Error()
	}
	return o
}

// plainNDJSON reads a text line by line.
func plainNDJSON(ctx context.Context, in io.Reader, yield func(*Row) error) error {
	lines, err := newLineReader(ctx, in)
	if err != nil {
		return err
	}
	s := newSchema("f", "")
	for {
		l, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		row := Row{Line: l.number}
		s.ndjson(&row, l)
		if err := yield(&row); err != nil {
			return err
		}
	}
}

// plainCSV reads a text row by row.
func plainCSV(ctx context.Context, in io.Reader, yield func(*Row) error) error {
	lines, err := newLineReader(ctx, in)
	if err != nil {
		return err
	}
	reader, s := csvReader{lines: lines}, newSchema("f", "")
	var columns []int
	var header []string
	for {
		var row Row
		cells, err := reader.next(&row)
		switch {
		case errors.Is(err, io.EOF) && columns == nil:
			return errors.New("is empty; the first line must name the columns")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case columns == nil && row.Skip == BlankLine:
			continue
		case columns == nil:
			if columns, err = s.header(&row, cells); err != nil {
				return err
			}
			header = strings.Split(strings.Join(cells, "\x00"), "\x00") // cells are good until the next row
			continue
		case row.Skip != "" || len(row.Faults) > 0:
		case slices.Equal(cells, header):
			row.Skip = RepeatedHeader
		default:
			s.csv(&row, columns, cells)
		}
		if err := yield(&row); err != nil {
			return err
		}
	}
}

// plainSacct reads a log line by line.
func plainSacct(ctx context.Context, in io.Reader, yield func(*Row) error) error {
	lines, err := newLineReader(ctx, in)
	if err != nil {
		return err
	}
	log, err := newSacctLog(Sacct{})
	if err != nil {
		return err
	}
	for log.heads = true; ; {
		l, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		log.row = &Row{Line: l.number}
		passed, lacking := log.line(l)
		switch {
		case len(lacking) > 0:
			return headerFault(l.number, lacking)
		case passed:
			continue
		}
		if err := yield(log.row); err != nil {
			return err
		}
	}
}

// format is a text's.
type format int

const (
	ndjson format = iota
	csv
	sacct
)

var formatNames = map[format]string{ndjson: "ndjson", csv: "csv", sacct: "sacct"}

// plain reads a text row by row.
func (f format) plain(ctx context.Context, in io.Reader, yield func(*Row) error) error {
	switch f {
	case csv:
		return plainCSV(ctx, in, yield)
	case sacct:
		return plainSacct(ctx, in, yield)
	default:
		return plainNDJSON(ctx, in, yield)
	}
}

// pieced reads a text in pieces of a size, on some workers.
func (f format) pieced(ctx context.Context, in io.Reader, size, workers int, yield func(*Row) error) error {
	text, err := openText(in)
	if err != nil {
		return err
	}
	p := NDJSON{Farm: "f"}.pieces(text, size, yield)
	switch f {
	case csv:
		p = CSV{Farm: "f"}.pieces(text, size, yield)
	case sacct:
		if p, err = (Sacct{}).pieces(text, size, yield); err != nil {
			return err
		}
	}
	p.workers = workers
	return p.run(ctx)
}

// csvParts are what random CSV rows are made of.
var csvParts = []string{
	"recordId,queueId,usageType,startedAt,cpus,jobName\n", "r1,q,COMPUTE,2026-01-01T00:00:00Z,1,j\n", "r2,q,COMPUTE,2026-01-01T00:00:00Z,,\r\n",
	"\"r\n3\",q,COMPUTE,2026-01-01T00:00:00Z,1,\"a \"\"b\"\"\n\n,c\"\r\n", "\"r4\",\"q\",\"COMPUTE\",\"2026-01-01T00:00:00Z\",\"2\",\"\"\n",
	"\n", " \r\n", "a,b\n", "\"open,\n", "x\"y,1\n", "\"a\"b,2\n", "\"\n", "\"\"\"\n", "caf\xe9,1\n", "a\x00,\n", ",\"\",\"\n\"\n", "'=1,'q,x,y,z,\"'@\"\n",
	"\"recordId\",queueId,usageType,startedAt,cpus,jobName\n", "r5,q,COMPUTE,2026-01-01T00:00:00Z,1e1,шот\n", "\"" + strings.Repeat("long\n", 60) + "\",\n",
}

// sacctParts are what random logs are made of: jobs in the columns of one header are often
// good ones in those of another.
var sacctParts = []string{
	"JobID|Cluster|Start|End|User\n", "JobID|Start|Cluster|End|JobName\r\n", "jobidRAW|END|start|CLUSTER\n", "User|JobID|Account|Cluster|End|Start\n",
	"1|c|2026-01-01T00:00:00|2026-01-01T01:00:00|u\n", "2|2026-01-01T00:00:00|c|2026-01-01T01:00:00|a|b\n", "3_4|2026-01-01T01:00:00|2026-01-01T00:00:00|c\r\n",
	"u|5|a|c|Unknown|2026-01-01T00:00:00\n", "6.batch|2026-01-01T00:00:00|c|2026-01-01T01:00:00|n\n", "7|c|Unknown|Unknown|jobid\n",
	"8|8|c|p|q|a|g|7|u|5|x|x|2026-01-01T00:00:00|2026-01-01T01:00:00|01:00:00|0:0|DONE|1|16|16|4|cpu=16|cpu=16,mem=62.50G,license/nuke=1,node=1|x|n01|jobid\n",
	"\n", " \r\n", "jobid\n", "JOBID|jobid|x\n", "9|c|yesterday|2026-01-01T01:00:00|u\n", "caf\xe9|jobid|start\n", "jobid|\x00|start|end|cluster\n", "jobijobidjobid|start\n",
	"jobid|cluster|start|end|" + strings.Repeat("long", 1020) + "\n", "шот|c|2026-01-01T00:00:00|2026-01-01T01:00:00|u\n", "JobID|Start|User\n",
}

// sacctGood is how many of sacctParts end no log.
const sacctGood = 21

// randomText draws a text of parts.
func randomText(r *rand.Rand, csv bool, parts []string) []byte {
	var text []byte
	if r.IntN(4) == 0 {
		text = append(text, "\xEF\xBB\xBF"...)
	}
	for csv && r.IntN(5) == 0 {
		text = append(text, " \n"...)
	}
	if csv && r.IntN(10) > 0 {
		text = append(text, csvParts[r.IntN(2)*17]...)
	}
	n := r.IntN(40)
	if r.IntN(4) == 0 {
		n *= 20 // more than a stream's beginning that is looked at
	}
	for range n {
		part := parts[r.IntN(len(parts))]
		if r.IntN(8) == 0 {
			part = part[:r.IntN(len(part)+1)]
		}
		text = append(text, part...)
	}
	return text
}

// streams are the ways in which a text may come.
var streams = []func(r *rand.Rand, text []byte) io.Reader{
	func(_ *rand.Rand, text []byte) io.Reader { return bytes.NewReader(text) },
	func(_ *rand.Rand, text []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(text)) },
	func(_ *rand.Rand, text []byte) io.Reader { return iotest.HalfReader(bytes.NewReader(text)) },
	func(_ *rand.Rand, text []byte) io.Reader { return iotest.DataErrReader(bytes.NewReader(text)) },
	func(r *rand.Rand, text []byte) io.Reader {
		cut := text[:r.IntN(len(text)+1)]
		return io.MultiReader(bytes.NewReader(cut), iotest.ErrReader(io.ErrUnexpectedEOF))
	},
}

// samePieces demands that pieces give the rows, and the end, of reading one by one.
func samePieces(t *testing.T, f format, text []byte, stream func() io.Reader, size, workers int) outcome {
	t.Helper()
	want := outcomeOf(func(yield func(*Row) error) error { return f.plain(t.Context(), stream(), yield) })
	have := outcomeOf(func(yield func(*Row) error) error { return f.pieced(t.Context(), stream(), size, workers, yield) })
	if reflect.DeepEqual(have, want) {
		return want
	}
	for i := range min(len(have.rows), len(want.rows)) {
		if !reflect.DeepEqual(have.rows[i], want.rows[i]) {
			t.Fatalf("row %d of %.2000q in pieces of %d is\n%+v, want\n%+v", i, text, size, have.rows[i], want.rows[i])
		}
	}
	t.Fatalf("%.2000q in pieces of %d gives %d rows and %q, want %d rows and %q", text, size, len(have.rows), have.err, len(want.rows), want.err)
	return want
}

// TestPieces: a text that is read in pieces, side by side, has the rows, faults, lines and
// end that it has row by row.
func TestPieces(t *testing.T) {
	lines := fastLines(t)
	rounds := 4000
	if testing.Short() {
		rounds = 800
	}
	r := rand.New(rand.NewPCG(7, 8))
	var records, faults, skips, ends int
	for i := range rounds {
		f := format(i % 3)
		parts := map[format][]string{ndjson: lines, csv: csvParts, sacct: sacctParts[:sacctGood+r.IntN(2)]}[f]
		text, kind, seed := randomText(r, f == csv, parts), r.IntN(len(streams)), r.Uint64()
		stream := func() io.Reader { return streams[kind](rand.New(rand.NewPCG(seed, 0)), text) }
		size := []int{1, 2, 3, 7, 16, 61, 300, 5000}[r.IntN(8)]
		got := samePieces(t, f, text, stream, size, 1+r.IntN(3))
		for _, row := range got.rows {
			records += len(row.Records)
			faults += len(row.Faults)
			skips += len(row.Skip)
		}
		ends += len(got.err)
	}
	if records == 0 || faults == 0 || skips == 0 || ends == 0 {
		t.Errorf("%d records, %d faults, %d skips, %d ends", records, faults, skips, ends)
	}
}

// TestPiecesOfLongLines: lines, and CSV rows of several, at the limit of their length.
func TestPiecesOfLongLines(t *testing.T) {
	header := csvParts[0]
	for _, length := range []int{maxLine - 1, maxLine, maxLine + 1, maxLine + 2, maxLineRead + 1, maxLine + pieceBytes, 3 * maxLine} {
		long := strings.Repeat("x", length)
		for _, text := range []string{
			long, long + "\n", long + "\r\n" + csvParts[1], "{}\n" + long + "\n" + long + "\n\n{}",
			"{\"recordId\":\"" + long[20:] + "\"}\n{}",
			"\"" + strings.Repeat(strings.Repeat("y", 999)+"\n", length/1000) + "\",\n" + csvParts[1] + "\"a\nb\"\n",
		} {
			for _, size := range []int{pieceBytes, 99_999} {
				for f := range formatNames {
					whole := text
					if f == csv {
						whole = header + text
					}
					samePieces(t, f, []byte(whole), func() io.Reader { return strings.NewReader(whole) }, size, 2)
				}
			}
		}
	}
}

// TestPiecesOfABrokenStream: the line at which a stream breaks is told, also within a row
// of several lines.
func TestPiecesOfABrokenStream(t *testing.T) {
	text := csvParts[0] + strings.Repeat(csvParts[1], 500)
	for _, last := range []string{"", "x", "x\n", "\"a\nb\nc", "\"a\nb\n\",\n\"\n\n"} {
		for f := range formatNames {
			got := samePieces(t, f, []byte(text+last), func() io.Reader {
				return io.MultiReader(strings.NewReader(text+last), iotest.ErrReader(errors.ErrUnsupported))
			}, 5000, 2)
			if !strings.HasPrefix(got.err, "read line 50") {
				t.Errorf("ended with %q", got.err)
			}
		}
	}
}

// TestPiecesEndEarly: an error of who takes the rows ends the reading at once, also while
// the stream gives nothing.
func TestPiecesEndEarly(t *testing.T) {
	for f := range formatNames {
		in, out := io.Pipe()
		go func() { _, _ = out.Write([]byte(csvParts[0] + csvParts[1])) }()
		taken := 0
		err := f.pieced(t.Context(), io.MultiReader(strings.NewReader(csvParts[0]+strings.Repeat(csvParts[1], 500)), in), 300, 2,
			func(*Row) error {
				if taken++; taken == 100 {
					return io.ErrClosedPipe
				}
				return nil
			})
		if !errors.Is(err, io.ErrClosedPipe) || taken != 100 {
			t.Errorf("%d rows, %v", taken, err)
		}
		_ = in.Close()
	}
}

// TestPiecesAreCancelled: so does the context.
func TestPiecesAreCancelled(t *testing.T) {
	for f := range formatNames {
		ctx, cancel := context.WithCancel(t.Context())
		in, _ := io.Pipe()
		time.AfterFunc(time.Millisecond, cancel)
		text := csvParts[0] + strings.Repeat(csvParts[1], 2000)
		err := f.pieced(ctx, io.MultiReader(strings.NewReader(text), in), 300, 2, func(*Row) error { return nil })
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		_ = in.Close()
	}
}

// TestNamesKeepTexts: of whatever texts, each comes back as a copy of its own.
func TestNamesKeepTexts(t *testing.T) {
	n, r := newNames("k"), rand.New(rand.NewPCG(3, 4))
	buffer := make([]byte, 0, 24)
	kept := map[string]string{}
	for range 200_000 {
		buffer = buffer[:0]
		for range r.IntN(12) {
			buffer = append(buffer, "ab01"[r.IntN(4)])
		}
		same := unsafe.String(unsafe.SliceData(buffer), len(buffer)) //nolint:gosec // as the text of a piece, which is written over
		kept[string(buffer)] = n.text(same)
	}
	for want, have := range kept {
		if have != want {
			t.Fatalf("%q became %q", want, have)
		}
	}
}

// BenchmarkPieces reads the texts of the examples, many times over.
func BenchmarkPieces(b *testing.B) {
	for _, f := range []format{ndjson, csv} {
		b.Run(formatNames[f], func(b *testing.B) {
			example, err := os.ReadFile("../examples/usage." + formatNames[f])
			if err != nil {
				b.Fatal(err)
			}
			head, body, _ := bytes.Cut(example, []byte("\n"))
			text := slices.Concat(head, []byte("\n"), bytes.Repeat(body, 2000))
			rows := 0
			for b.Loop() {
				rows = 0
				if err := f.pieced(b.Context(), bytes.NewReader(text), pieceBytes, 1, func(*Row) error { rows++; return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
}
