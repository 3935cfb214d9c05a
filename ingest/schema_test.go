package ingest_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/rates"
	"pgregory.net/rapid"
)

const farmHex = "farm-0123456789abcdef0123456789abcdef"

// ndjson makes a line of the members that every record needs and those given, which
// take the place of the needed ones.
func ndjson(members string) string {
	return `{"recordId":"r","farmId":"f","queueId":"q","usageType":"COMPUTE","startedAt":"2026-01-01T00:00:00Z"` + members + "}"
}

func TestNDJSONLines(t *testing.T) {
	const start = `COMPUTE r farm="f" queue="q"`
	const from = " 2026-01-01T00:00:00Z"
	for _, c := range []struct{ name, line, want string }{
		{"the least", ndjson(""), start + from + " running 1/0/0/0"},
		{"numbers of both kinds", ndjson(`,"cpus":0.1,"gpus":"2","memoryInGiB":1.5e2,"workers":0`), start + from + " running 0/0.1/2/150"},
		{"all decimals to the last", ndjson(`,"costInUsd":9007199254.740993001,"runtimeInSeconds":1.0019`),
			start + from + " running 1.001s $9007199254.740993001 1/0/0/0"},
		{"null is absent", ndjson(`,"endedAt":null,"workers":null,"jobName":null`), start + from + " running 1/0/0/0"},
		{"spaces and escapes", ` { "recordId" : "a\"\\\u00e9\n" ,"farmId":"f", "fleetId":"q:{", "usageType":"COMPUTE", "startedAt":"2026-01-01T01:00:00+01:00" } `,
			"COMPUTE a\"\\é\n" + ` farm="f" fleet="q:{"` + from + " running 1/0/0/0"},
		{"names beside ids", ndjson(`,"farmName":"F","queueName":"Q","jobId":"j","jobName":"J"`), `COMPUTE r farm="F" queue="Q" job="J"` + from + " running 1/0/0/0"},
		{"a job's name", ndjson(`,"jobId":"j"`), `COMPUTE r farm="f" queue="q" job="j"` + from + " running 1/0/0/0"},
		{"a blank line", "  ", "skipped: blank line"},
		{"an array", "[" + ndjson("") + "]", `line: must be one JSON object, not "[{\"recordId\":\"r\",\"farmId\":\"f\",\"queueId\":\"q\",\"usageType\":\"COM"…`},
		{"cut off", ndjson("")[:40], "line: is not a JSON object: unexpected end of JSON input"},
		{"two on a line", ndjson("") + ndjson(""), "line: is not a JSON object: invalid character '{' after top-level value"},
		{"no JSON", "recordId=r", "line: is not a JSON object: invalid character 'r' looking for beginning of value"},
		{"an empty object", "{}", "farmId: is required\nusageType: is required\nstartedAt: is required\nrecordId: is required\n" +
			"queueId: a record needs a queueId or a fleetId, for nothing could select it without"},
		{"unknown members", ndjson(`,"costInUSD":1,"colour":{"a":"}"},"a b":[1,{"c":2}]`), "costInUSD: is no member of a usage record; did you mean costInUsd?\n" +
			"colour: is no member of a usage record\n\"a b\": is no member of a usage record"},
		{"a member twice", ndjson(`,"recordId":"s"`), "recordId: is given twice"},
		{"values of other types", ndjson(`,"userId":7,"jobId":true,"cpus":{},"costInUsd":false,"instanceType":["a"]`),
			"userId: must be a string\njobId: must be a string\ncpus: must be a number, or a decimal number in a string\n" +
				"costInUsd: must be a number, or a decimal number in a string\ninstanceType: must be a string"},
		{"a cost with letters", ndjson(`,"costInUsd":"1 USD"`), `costInUsd: "1 USD" is not a decimal number`},
		{"a negative cost", ndjson(`,"costInUsd":-0.01`), `costInUsd: "-0.01" is negative; it must be 0 or more`},
		{"too much", ndjson(`,"costInUsd":1e10,"cpus":1000000001`), "costInUsd: \"1e10\" is too large\ncpus: \"1000000001\" is too large"},
		{"backwards", ndjson(`,"endedAt":"2025-12-31T23:59:59Z"`), "endedAt: 2025-12-31T23:59:59Z is before startedAt, 2026-01-01T00:00:00Z"},
		{"more runtime than time", ndjson(`,"endedAt":"2026-01-01T00:00:01Z","runtimeInSeconds":1.5`), "runtimeInSeconds: 1.5 is more than the wall time, 1 seconds"},
		{"no zone", ndjson(`,"endedAt":"2026-01-01T00:00:00"`), `endedAt: "2026-01-01T00:00:00" is not an RFC 3339 instant with a zone, such as 2026-01-31T08:00:00Z`},
		{"an unknown usage type", strings.Replace(ndjson(`,"licenseProduct":"x"`), "COMPUTE", "LICENCE", 1),
			`usageType: must be one of COMPUTE, LICENSE, PERSISTENT_VOLUME; "LICENCE" is none`},
		{"a licence without a product", strings.Replace(ndjson(""), "COMPUTE", "LICENSE", 1), "licenseProduct: is required"},
		{"a product without a licence", ndjson(`,"licenseProduct":"x"`), "licenseProduct: is allowed with usageType LICENSE alone"},
		{"mistyped ids", ndjson(`,"fleetId":"fleet-0123456789abcdef0123456789abcde","jobId":"job-0123456789ABCDEF0123456789ABCDEF"`),
			`fleetId: must be a name, or "fleet-" and 32 lower-case hexadecimal digits; "fleet-0123456789abcdef0123456789abcde" is neither` + "\n" +
				`jobId: must be a name, or "job-" and 32 lower-case hexadecimal digits; "job-0123456789ABCDEF0123456789ABCDEF" is neither`},
		{"long texts", ndjson(`,"userId":"` + strings.Repeat("u", 257) + `","jobName":"` + strings.Repeat("j", 129) + `"`),
			"jobName: has 129 characters; at most 128 are allowed\nuserId: has 257 characters; at most 256 are allowed"},
		{"an endless line", strings.Repeat("x", 3<<20), "line: is longer than 1 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, err := read(ingest.NDJSON{}, strings.NewReader("\n"+c.line+"\n"+ndjson("")))
			if err != nil || len(rows) != 3 {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			got := strings.ReplaceAll(strings.Join(describe(&rows[1]), "\n"), "2: ", "")
			got = strings.ReplaceAll(got, "is required, for no farm was named for the whole file", "is required")
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if rows[2].Line != 3 || len(rows[2].Records) != 1 {
				t.Errorf("the line after it: %v", describe(&rows[2]))
			}
		})
	}
}

func TestNamesBecomeIDs(t *testing.T) {
	one := func(source ingest.Source, line string) farmtally.Record {
		t.Helper()
		rows, err := read(source, strings.NewReader(line))
		if err != nil || len(rows) != 1 || len(rows[0].Records) != 1 {
			t.Fatalf("%v, %v", rows, err)
		}
		return rows[0].Records[0]
	}
	hash := farmtally.HashID
	queueHex := strings.Replace(farmHex, "farm", "queue", 1)
	noFarm := strings.Replace(ndjson(`,"fleetId":"x","jobId":"j"`), `"farmId":"f",`, "", 1)

	byName := one(ingest.NDJSON{Farm: "f"}, noFarm)
	if byName.FarmID != farmtally.FarmID(hash("farm-", "farmtally", "f", "f")) ||
		byName.QueueID != farmtally.QueueID(hash("queue-", "farmtally", "f", "q")) ||
		byName.FleetID != farmtally.FleetID(hash("fleet-", "farmtally", "f", "x")) ||
		byName.JobID != farmtally.JobID(hash("job-", "farmtally", "f", "j")) || byName.FarmName != "f" {
		t.Errorf("by name: %+v", byName)
	}
	byID := one(ingest.NDJSON{Farm: farmHex, Kind: "slurm"}, strings.Replace(noFarm, `"j"`, `"j","queueName":"Q"`, 1))
	if byID.FarmID != farmHex || byID.FarmName != "" || byID.QueueID != farmtally.QueueID(hash("queue-", "slurm", farmHex, "q")) ||
		byID.QueueName != "Q" || byID.FleetName != "x" {
		t.Errorf("by the farm's id: %+v", byID)
	}
	asID := one(ingest.NDJSON{Farm: "other"}, strings.Replace(ndjson(`,"farmName":"F"`), `"q"`, `"`+queueHex+`"`, 1))
	if asID.QueueID != farmtally.QueueID(queueHex) || asID.QueueName != "" || asID.FarmName != "F" ||
		asID.FarmID != farmtally.FarmID(hash("farm-", "farmtally", "f", "f")) {
		t.Errorf("by the queue's id: %+v", asID)
	}
}

// TestExamples reads the examples of both forms: they are the same records, and the
// example rate card prices every one.
func TestExamples(t *testing.T) {
	text, err := os.ReadFile("../examples/rates.toml")
	if err != nil {
		t.Fatal(err)
	}
	card, err := rates.Parse("rates.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	var stores [2]memory
	for i, c := range []struct {
		source ingest.Source
		file   string
	}{{ingest.NDJSON{}, "../examples/usage.ndjson"}, {ingest.CSV{}, "../examples/usage.csv"}} {
		text, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		summary, rejected, err := load(t, c.source, string(text), &stores[i], card)
		if err != nil || summary.Records != 9 || summary.Rejected != 0 || summary.Unpriced != 0 || summary.Running != 1 {
			t.Errorf("%s: %+v, %v, %v", c.file, summary, rejected, err)
		}
	}
	if a, b := stores[0].records(), stores[1].records(); !slices.Equal(a, b) {
		t.Errorf("NDJSON gives\n%+v\nCSV gives\n%+v", a, b)
	}
	used := map[string]bool{"": true}
	for _, r := range stores[0].records() {
		used[r.Rate.ID] = true
	}
	if len(used) < 7 {
		t.Errorf("the examples use the rates %v alone", used)
	}
}

func TestCSVFiles(t *testing.T) {
	const least = "recordId,farmId,queueId,usageType,startedAt"
	const row = "r,f,q,COMPUTE,2026-01-01T00:00:00Z"
	const want = `COMPUTE r farm="f" queue="q" 2026-01-01T00:00:00Z running 1/0/0/0`
	for _, c := range []struct{ name, text, want string }{
		{"the least", least + "\n" + row, "2: " + want},
		{"line ends of Windows and blank lines", "\r\n" + least + "\r\n\r\n" + row + "\r\n", "3: skipped: blank line\n4: " + want},
		{"two files in one", least + "\n" + row + "\n" + least + "\n" + row, "2: " + want + "\n3: skipped: repeated header\n4: " + want},
		{"quotes", `"recordId",farmId,queueId,usageType,startedAt` + "\n" + `"r",f,"q",COMPUTE,"2026-01-01T00:00:00Z"`, "2: " + want},
		{"lines in a cell", least + ",jobName\n" + row + ",\"a\n\"\"b\n\"\n" + row + ",",
			"2: " + strings.Replace(want, " 2026", ` job="a\n\"b\n" 2026`, 1) + "\n5: " + want},
		{"too few and too many", least + "\nr,f\n" + row + ",x\n" + row, "2: line: has 2 columns; the header has 5\n3: line: has 6 columns; the header has 5\n4: " + want},
		{"a stray quote", least + "\nr,f\"x\n" + row, "2: line: has a quote inside a cell that does not begin with one; " +
			`write the cell in quotes, and "" for a quote in it` + "\n3: " + want},
		{"something after a quote", least + "\n\"r\"x,f\n" + row, `2: line: has something after a cell's closing quote; write "" for a quote in a cell` + "\n3: " + want},
		{"a quote that stays open", least + "\n" + row + "\n\"open,f\n" + row + "\n" + row, "2: " + want +
			"\n3: line: has a quote that is not closed as it should be, here or on the lines after it\n4: " + want + "\n5: " + want},
		{"another encoding in one line", least + "\nr\xe9,f\n" + row, "2: line: is not UTF-8: byte 0xE9 at column 2; " +
			"convert the file first, such as with iconv -f LATIN1 -t UTF-8\n3: " + want},
		{"several faults", least + ",costInUsd\n,f,,COMPUTE,2026,x", "2: startedAt: \"2026\" is not an RFC 3339 instant with a zone, such as 2026-01-31T08:00:00Z\n" +
			"2: costInUsd: \"x\" is not a decimal number\n2: recordId: is required\n2: queueId: a record needs a queueId or a fleetId, for nothing could select it without"},
		{"nothing", "", "error: is empty; the first line must name the columns"},
		{"blank lines alone", "\n\n", "error: is empty; the first line must name the columns"},
		{"semicolons", strings.ReplaceAll(least, ",", ";") + "\n", "error: line 1 is no header of a CSV file of usage records; line: must be separated by commas, not by semicolons or tabs"},
		{"an unknown column", "\n" + least + ",JobName\n", "error: line 2 is no header of a CSV file of usage records; JobName: is no column of a usage record; did you mean jobName?"},
		{"a column twice", least + ",farmId\n", "error: line 1 is no header of a CSV file of usage records; farmId: is there twice"},
		{"needed columns", "farmName\n", "error: line 1 is no header of a CSV file of usage records; recordId: is a column that every record needs; " +
			"usageType: is a column that every record needs; startedAt: is a column that every record needs; " +
			"farmId: is needed as a column, for no farm was named for the whole file; queueId: or fleetId is needed as a column"},
		{"a header that is no text", "\xe9\n", "error: line 1 is no header of a CSV file of usage records; line: is not UTF-8: byte 0xE9 at column 1; " +
			"convert the file first, such as with iconv -f LATIN1 -t UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, err := read(ingest.CSV{}, strings.NewReader(c.text))
			var got []string
			for i := range rows {
				got = append(got, describe(&rows[i])...)
			}
			if err != nil {
				got = append(got, "error: "+err.Error())
			}
			if got := strings.Join(got, "\n"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestCSVWithOpenQuotesIsLinear reads many lines with open quotes: the bound on a row
// keeps that from reading the file again for each of them.
func TestCSVWithOpenQuotesIsLinear(t *testing.T) {
	const lines = 100_000
	text := "recordId,farmId,queueId,usageType,startedAt\n" + strings.Repeat("\"open,f,q,COMPUTE,2026-01-01T00:00:00Z\n", 2) +
		strings.Repeat("r,f,q,COMPUTE,2026-01-01T00:00:00Z\n", lines)
	rows, err := read(ingest.CSV{}, strings.NewReader(text))
	if err != nil || len(rows) != lines+2 || len(rows[0].Faults) == 0 || len(rows[1].Faults) == 0 || len(rows[2].Records) == 0 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// TestRecordsSurviveBothForms writes random values down as NDJSON and as CSV: both
// give the same record, or the same faults.
func TestRecordsSurviveBothForms(t *testing.T) {
	accepted := 0
	backendtest.Checks(t, 100)
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(drawValues), 1, 5).Draw(t, "records")
		names := rapid.Permutation(fields).Draw(t, "columns")
		var objects, table bytes.Buffer
		out := csv.NewWriter(&table)
		write := func(cells []string) {
			if err := out.Write(cells); err != nil {
				t.Fatal(err)
			}
		}
		write(names)
		for _, values := range rows {
			object, err := json.Marshal(values)
			if err != nil {
				t.Fatal(err)
			}
			objects.Write(append(object, '\n'))
			cells := make([]string, len(names))
			for i, name := range names {
				cells[i] = fmt.Sprint(values[name])
				if values[name] == nil {
					cells[i] = ""
				}
				if strings.IndexAny(strings.TrimLeft(cells[i], "'"), "=+-@\t\r\n＝＋－＠") == 0 {
					cells[i] = "'" + cells[i] // as an export writes it
				}
			}
			write(cells)
		}
		out.Flush()
		a, errA := read(ingest.NDJSON{Farm: "farm"}, &objects)
		b, errB := read(ingest.CSV{Farm: "farm"}, &table)
		if errA != nil || errB != nil || len(a) != len(rows) || len(b) != len(rows) {
			t.Fatalf("%d rows, %v; %d rows, %v", len(a), errA, len(b), errB)
		}
		for i := range a {
			if !slices.Equal(a[i].Records, b[i].Records) || !slices.Equal(a[i].Faults, b[i].Faults) {
				t.Fatalf("NDJSON gives %v\nCSV gives %v", describe(&a[i]), describe(&b[i]))
			}
			accepted += len(a[i].Records)
		}
	})
	if accepted == 0 {
		t.Error("no draw was a valid record")
	}
}

// fields are those of the schema.
var fields = []string{"recordId", "farmId", "farmName", "queueId", "queueName", "fleetId", "fleetName", "jobId", "jobName",
	"userId", "usageType", "instanceType", "licenseProduct", "startedAt", "endedAt", "runtimeInSeconds", "costInUsd",
	"workers", "cpus", "gpus", "memoryInGiB"}

// drawValues draws a record's members, mostly good ones.
func drawValues(t *rapid.T) map[string]any {
	values := map[string]any{}
	text := rapid.StringOfN(rapid.RuneFrom([]rune("aé,;\"'\n {}[]:\\/|")), 0, 8, -1)
	for _, name := range fields {
		if rapid.IntRange(0, 3).Draw(t, name+" is there") > 0 {
			values[name] = text.Draw(t, name)
		}
	}
	draw := func(name string, from ...any) { values[name] = rapid.SampledFrom(from).Draw(t, name) }
	values["recordId"] = text.Draw(t, "recordId") + "r"
	draw("usageType", "COMPUTE", "COMPUTE", "LICENSE", "PERSISTENT_VOLUME", "compute")
	if values["usageType"] != "LICENSE" {
		delete(values, "licenseProduct")
	}
	draw("startedAt", "2026-01-01T00:00:00Z", "2026-01-01T02:00:00.1239+02:00", "1969-12-31T23:59:59Z")
	draw("endedAt", nil, "2026-01-01T00:00:10Z", "2026-01-01t00:00:00.123z", "9999-12-31T23:59:59.999Z")
	for _, name := range fields[15:] {
		draw(name, nil, nil, json.Number("0"), json.Number("1.5"), "2", "0.0000000005", json.Number("1e1"), "", "x")
	}
	draw("farmId", nil, "farm", farmHex)
	return values
}
