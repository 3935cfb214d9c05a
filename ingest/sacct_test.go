package ingest_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
	"pgregory.net/rapid"
)

// TestSacctLog reads testdata/nimbus.log, a log without a header, and compares with
// testdata/nimbus.want, which says what each line is to give.
func TestSacctLog(t *testing.T) {
	log, err := os.ReadFile("testdata/nimbus.log")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := read(ingest.Sacct{}, bytes.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range rows {
		got = append(got, describe(&rows[i])...)
	}
	compareWithFile(t, "testdata/nimbus.want", got)
}

func compareWithFile(t *testing.T, file string, got []string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(want), "\n"), "\n") {
		if i >= len(got) {
			t.Errorf("got nothing\nwant %s", line)
		} else if got[i] != line {
			t.Errorf("got  %s\nwant %s", got[i], line)
		}
	}
	if extra := len(got) - strings.Count(string(want), "\n"); extra > 0 {
		t.Errorf("got more: %s", strings.Join(got[len(got)-extra:], "\n"))
	}
}

const header = "JobID|Cluster|Partition|User|Start|End|Elapsed|NNodes|NCPUS|AllocTRES|NodeList|JobName"

func TestSacctLines(t *testing.T) {
	long := strings.Repeat("é", 200)
	for _, c := range []struct{ name, line, want string }{
		{"neither AllocTRES nor counts", "1|c|p|u|2026-01-01T00:00:00|2026-01-01T01:00:00|||||n1|j",
			`COMPUTE 1 farm="c" queue="p" fleet="c" job="j" user="u" 2026-01-01T00:00:00Z 2026-01-01T01:00:00Z 1/0/0/0`},
		{"a fraction of a second", "1|c|p|u|2026-01-01T00:00:00|2026-01-01T01:00:00|59:59.123|2|4||n1|j",
			`COMPUTE 1 farm="c" queue="p" fleet="c" job="j" user="u" 2026-01-01T00:00:00Z 2026-01-01T01:00:00Z 3599.123s 2/4/0/0`},
		{"no queue, no name, no user", "12_3|c|||2026-01-01T00:00:00||||4||n1|",
			`COMPUTE 12_3 farm="c" fleet="c" job="12" 2026-01-01T00:00:00Z running 1/4/0/0`},
		{"a component of a heterogeneous job", "12+1|c|p|u|2026-01-01T00:00:00|None|||4||n1|",
			`COMPUTE 12+1 farm="c" queue="p" fleet="c" job="12" user="u" 2026-01-01T00:00:00Z running 1/4/0/0`},
		{"a long name is cut", "1|c|p|u|2026-01-01T00:00:00|unknown|||4||n1|" + long,
			`COMPUTE 1 farm="c" queue="p" fleet="c" job="` + long[:256] + `" user="u" 2026-01-01T00:00:00Z running 1/4/0/0`},
		{"several partitions", "1|c|p,q|u|2026-01-01T00:00:00|unknown|||4||n1|j",
			`COMPUTE 1 farm="c" queue="p,q" fleet="c" job="j" user="u" 2026-01-01T00:00:00Z running 1/4/0/0`},
		{"a step of a task", "12_3.extern|c|p|u|2026-01-01T00:00:00|||||||", "skipped: job step"},
		{"not started", "1|c|p|u|Unknown|Unknown|||||n1|j", "skipped: never got a node"},
		{"cancelled before its start", "1|c|p|u|None|2026-01-01T00:00:00|||||n1|j", "skipped: never got a node"},
		{"a blank line", " \t", "skipped: blank line"},
		{"a header again", strings.ToLower(header), "skipped: repeated header"},
		{"too few columns", "1|c|p", "line: has 3 columns; the header has 12"},
		{"no id", "|c|p|u|2026-01-01T00:00:00|||||||", "JobID: is required"},
		{"no cluster", "1||p|u|2026-01-01T00:00:00|||||||", "Cluster: is empty, and no farm was named for the whole log"},
		{"no start", "1|c|p|u||||||||", `Start: must be a time such as 2026-01-31T08:00:00; "" is none`},
		{"both times are wrong", "1|c|p|u|yesterday|2026-02-30T00:00:00||||||",
			"Start: must be a time such as 2026-01-31T08:00:00; \"yesterday\" is none\n" +
				"End: must be a time such as 2026-01-31T08:00:00; \"2026-02-30T00:00:00\" is none"},
		{"backwards", "1|c|p|u|2026-01-01T00:00:01|2026-01-01T00:00:00||||||",
			`End: "2026-01-01T00:00:00" is before the start, "2026-01-01T00:00:01"`},
		{"elapsed with letters", "1|c|p|u|2026-01-01T00:00:00|2026-01-01T01:00:00|1h|||||",
			`Elapsed: must be [days-]hours:minutes:seconds; "1h" is none`},
		{"nodes with letters", "1|c|p|u|2026-01-01T00:00:00|2026-01-01T01:00:00||many|4|||", `NNodes: "many" is not a decimal number`},
		{"a broken list of resources", "1|c|p|u|2026-01-01T00:00:00|2026-01-01T01:00:00||1|4|cpu=4,nod||",
			`AllocTRES: must be a list such as cpu=8,mem=16G,node=1; "nod" is no part of one`},
		{"memory with letters", "1|c|p|u|2026-01-01T00:00:00|2026-01-01T01:00:00||1|4|mem=lots||",
			`AllocTRES: mem: "lots" is no amount of memory such as 31000M or 62.50G`},
		{"a billion and one cpus", "1|c|p|u|2026-01-01T00:00:00|2026-01-01T01:00:00||1|4|cpu=1000000001||", `AllocTRES: cpu: "1000000001" is too large`},
		{"gpus that add up to too many", "1|c|p|u|2026-01-01T00:00:00|2026-01-01T01:00:00||1|4|gres/gpu:a=1000000000,gres/gpu:b=1000000000,gres/gpu:c=1000000000||",
			"gpus: must be from 0 to a billion"},
		{"a licence with a long name", "1|c|p|u|2026-01-01T00:00:00|2026-01-01T01:00:00||1|4|license/" + long[:202] + "=1||",
			"licenseProduct: has 101 characters; at most 100 are allowed"},
		{"a mistyped id", "1|farm-0123456789abcdef|p|u|2026-01-01T00:00:00|||||||",
			`Cluster: must be a name, or "farm-" and 32 lower-case hexadecimal digits; "farm-0123456789abcdef" is neither`},
		{"another encoding", "1|c|p|u|2026-01-01T00:00:00||||||n|gr\xf6\xdfe",
			"line: is not UTF-8: byte 0xF6 at column 38; convert the file first, such as with iconv -f LATIN1 -t UTF-8"},
		{"a damaged line", "1|c|p|u|2026-01-01T00:00:00||||||n|" + strings.Repeat(" ", 9000) + "\x00",
			"line: has a NUL byte; the file was damaged, or is no text"},
		{"an endless line", strings.Repeat("x", 2<<20), "line: is longer than 1 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, err := read(ingest.Sacct{}, strings.NewReader(header+"\n"+c.line+"\n9|c|p|u|Unknown|||||||"))
			if err != nil || len(rows) != 2 {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			got := strings.Join(describe(&rows[0]), "\n")
			if got = strings.ReplaceAll(got, "2: ", ""); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if rows[1].Line != 3 || rows[1].Skip != ingest.NoNode {
				t.Errorf("the line after it: %v", describe(&rows[1]))
			}
		})
	}
}

func TestSacctHeaders(t *testing.T) {
	line := "\n1|2026-01-01T00:00:00|2026-01-01T01:00:00|x\n"
	for _, c := range []struct {
		name, header string
		source       ingest.Sacct
		want         string
	}{
		{"the least", "JobIDRaw|Start|End|Cluster", ingest.Sacct{}, `COMPUTE 1 farm="x" fleet="x" job="1"`},
		{"any case", "JOBID|start|eND|cLUSTER", ingest.Sacct{}, `COMPUTE 1 farm="x" fleet="x" job="1"`},
		{"unknown columns", "JobID|Start|End|Account", ingest.Sacct{Farm: "f"}, `COMPUTE 1 farm="f" fleet="f" job="1"`},
		{"farm and fleet given", "JobID|Start|End|Cluster", ingest.Sacct{Farm: "f", Fleet: "g"}, `COMPUTE 1 farm="f" fleet="g" job="1"`},
		{"a mark at the file's beginning", "\xEF\xBB\xBFJobID|Start|End|Cluster", ingest.Sacct{}, `COMPUTE 1 farm="x" fleet="x" job="1"`},
		{"line ends of Windows", "JobID|Start|End|Cluster\r", ingest.Sacct{}, `COMPUTE 1 farm="x" fleet="x" job="1"`},
		{"no cluster", "JobID|Start|End|Account", ingest.Sacct{}, "lacks needed columns; Cluster: is needed, or a farm's name"},
		{"no times", "JobID|Account|Cluster|User", ingest.Sacct{}, "Start: is needed; End: is needed"},
		{"a mistyped farm", "JobID|Start|End|Cluster", ingest.Sacct{Farm: "farm-0123456789ABCDEF"}, "the farm must be a name, or"},
		{"a mistyped fleet", "JobID|Start|End|Cluster", ingest.Sacct{Fleet: "fleet-0123456789ABCDEF"}, "the fleet must be a name, or"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, err := read(c.source, strings.NewReader(c.header+line))
			if err != nil {
				if farmtally.KindOf(err) != farmtally.Invalid || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v", err)
				}
				return
			}
			if got := describe(&rows[0])[0]; len(rows) != 1 || !strings.HasPrefix(got, "2: "+c.want+" 2026") {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestSacctMayHavePipesInNamesAtTheEndAlone(t *testing.T) {
	text := "JobID|JobName|Start|End|Cluster\n1|a|b|2026-01-01T00:00:00|2026-01-01T01:00:00|c\n"
	rows, err := read(ingest.Sacct{}, strings.NewReader(text))
	if err != nil || len(rows) != 1 || len(rows[0].Faults) != 1 ||
		!strings.Contains(rows[0].Faults[0].Message, "JobName must be the last column") {
		t.Errorf("%+v, %v", rows, err)
	}
}

func TestSacctHashesNames(t *testing.T) {
	rows, err := read(ingest.Sacct{}, strings.NewReader(header+"\n12_3|c|p|u|2026-01-01T00:00:00|None|||4||n1|j\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := rows[0].Records[0]
	for prefix, c := range map[string][2]string{
		farmtally.FarmPrefix: {string(r.FarmID), "c"}, farmtally.QueuePrefix: {string(r.QueueID), "p"},
		farmtally.FleetPrefix: {string(r.FleetID), "c"}, farmtally.JobPrefix: {string(r.JobID), "12"},
	} {
		if want := farmtally.HashID(prefix, "slurm", "c", c[1]); c[0] != want {
			t.Errorf("%s is not the hash %s of %s", c[0], want, c[1])
		}
	}
}

func TestSacctReadsLocalTimes(t *testing.T) {
	berlin, err := ingest.ParseLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	half, err := ingest.ParseLocation("UTC-03:30")
	if err != nil {
		t.Fatal(err)
	}
	york, err := ingest.ParseLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		zone        *time.Location
		local, want string
	}{
		{nil, "2026-07-01T12:00:00", "2026-07-01T12:00:00Z"},
		{half, "2026-07-01T12:00:00", "2026-07-01T15:30:00Z"},
		{berlin, "2026-01-01T12:00:00", "2026-01-01T11:00:00Z"},
		{berlin, "2026-07-01T12:00:00", "2026-07-01T10:00:00Z"},
		{berlin, "2026-03-29T02:30:00", "2026-03-29T01:30:00Z"}, // the hour that was left out
		{berlin, "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"}, // the hour that came twice
		{berlin, "2026-10-25T01:59:59", "2026-10-24T23:59:59Z"},
		{berlin, "2026-10-25T03:00:00", "2026-10-25T02:00:00Z"},
		{york, "2026-03-08T01:59:59", "2026-03-08T06:59:59Z"},
		{york, "2026-03-08T02:30:00", "2026-03-08T07:30:00Z"},
		{york, "2026-03-08T03:00:00", "2026-03-08T07:00:00Z"},
		{york, "2026-11-01T01:30:00", "2026-11-01T05:30:00Z"},
		{york, "2026-11-01T02:00:00", "2026-11-01T07:00:00Z"},
	} {
		rows, err := read(ingest.Sacct{Location: c.zone}, strings.NewReader("JobID|Start|End|Cluster\n1|"+c.local+"||x\n"))
		if err != nil || len(rows) != 1 || len(rows[0].Records) != 1 {
			t.Fatalf("%v %+v", err, rows)
		}
		if got := rows[0].Records[0].StartedAt.String(); got != c.want {
			t.Errorf("%s in %v is %s, want %s", c.local, c.zone, got, c.want)
		}
	}
	for times, want := range map[string]string{
		"2026-10-25T01:55:00|2026-10-25T02:05:00|00:10:00": "2026-10-25T00:05:00Z",
		"2026-10-25T01:55:00|2026-10-25T02:05:00|01:10:00": "2026-10-25T01:05:00Z",
		"2026-10-25T02:50:00|2026-10-25T02:10:00|":         "2026-10-25T01:10:00Z",
	} {
		rows, err := read(ingest.Sacct{Location: berlin}, strings.NewReader("JobID|Start|End|Elapsed|Cluster\n1|"+times+"|x\n"))
		if err != nil || len(rows) != 1 || len(rows[0].Records) != 1 || rows[0].Records[0].EndedAt.String() != want {
			t.Errorf("%s: %+v, %v", times, rows, err)
		}
	}
	for _, s := range []string{"", "Local", "CET+1", "UTC+8", "../UTC", "Mars/Olympus"} {
		if _, err := ingest.ParseLocation(s); farmtally.KindOf(err) != farmtally.Invalid {
			t.Errorf("ParseLocation(%q): %v", s, err)
		}
	}
}

// TestLocalTimesShowWhatTheLogSays holds for every hour of a year: an instant's clock,
// read again, is that instant, or one an hour before it with the same clock.
func TestLocalTimesShowWhatTheLogSays(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC-08:00"} {
		zone, err := ingest.ParseLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		const clock = "2006-01-02T15:04:05"
		var log strings.Builder
		log.WriteString("JobID|Start|End|Cluster\n")
		start := time.Date(2026, 1, 1, 0, 15, 0, 0, time.UTC)
		for i := range 2 * 8760 {
			log.WriteString("1|" + start.Add(time.Duration(i)*30*time.Minute).In(zone).Format(clock) + "||x\n")
		}
		rows, err := read(ingest.Sacct{Location: zone}, strings.NewReader(log.String()))
		if err != nil {
			t.Fatal(err)
		}
		early := 0
		for i := range rows {
			want, got := start.Add(time.Duration(i)*30*time.Minute), rows[i].Records[0].StartedAt.Time()
			if got.Equal(want) {
				continue
			}
			if early++; got.After(want) || got.In(zone).Format(clock) != want.In(zone).Format(clock) {
				t.Fatalf("%s: %s became %s", name, want, got)
			}
		}
		if early > 2 {
			t.Errorf("%s: %d half hours were read as earlier ones", name, early)
		}
	}
}

// TestSacctColumnsInAnyOrder writes testdata/nimbus.log again with a header and its
// columns shuffled, where the job's name stays last, and finds the same records.
func TestSacctColumnsInAnyOrder(t *testing.T) {
	log, err := os.ReadFile("testdata/nimbus.log")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields("JobID JobIDRaw Cluster Partition QOS Account Group GID User UID Submit Eligible Start End " +
		"Elapsed ExitCode State NNodes NCPUS ReqCPUS ReqMem ReqTRES AllocTRES Timelimit NodeList JobName")
	want, err := read(ingest.Sacct{}, bytes.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		order := make([]int, 25)
		for i := range order {
			order[i] = i
		}
		order = append(rapid.Permutation(order).Draw(t, "order"), 25)
		var text strings.Builder
		write := func(cells []string) {
			for i, column := range order {
				if i > 0 {
					text.WriteByte('|')
				}
				text.WriteString(cells[column])
			}
			text.WriteByte('\n')
		}
		write(names)
		whole := 0
		for line := range strings.Lines(string(log)) {
			if cells := strings.SplitN(strings.TrimSuffix(line, "\n"), "|", 26); len(cells) == 26 {
				write(cells)
				whole++
			}
		}
		i := 0
		err := ingest.Sacct{}.Read(context.Background(), strings.NewReader(text.String()), func(row *ingest.Row) error {
			if row.Skip != want[i].Skip || !slices.Equal(row.Records, want[i].Records) || !slices.Equal(row.Faults, want[i].Faults) {
				t.Fatalf("order %v: got %v\nwant %v", order, describe(row), describe(&want[i]))
			}
			i++
			return nil
		})
		if err != nil || i != whole {
			t.Fatalf("%d rows, %v", i, err)
		}
	})
}

func FuzzSacct(f *testing.F) {
	log, err := os.ReadFile("testdata/nimbus.log")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(log) {
		f.Add(line)
	}
	f.Add([]byte(header + "\n1|c|p|u|2026-01-01T00:00:00|2026-01-01T01:00:00|59:59.123|2|4|gres/gpu:a=1,license/x@y=2|n1|j"))
	f.Fuzz(func(t *testing.T, text []byte) { checkSource(t, ingest.Sacct{}, text) })
}
