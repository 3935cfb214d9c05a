package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/ingest"
)

const card = `
[[rate]]
id = "cpu"
usageType = "COMPUTE"
usdPerHour = "0.05"
per = "cpu"
`

func TestKeysAreMadeListedAndRevoked(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	key := newKey(t, data)
	if len(key.AccessKeyID) != 20 || len(key.SecretAccessKey) < 32 || key.Name != "test" || key.CreatedAt != "2026-03-04T12:00:00Z" {
		t.Errorf("the key is %+v", key)
	}
	text := do(t, "keys", "create", "--data", data, "--name", "other")
	if !strings.HasPrefix(text, "export AWS_ACCESS_KEY_ID=FT") || !strings.Contains(text, "\nexport AWS_SECRET_ACCESS_KEY=") {
		t.Errorf("keys create prints %s", text)
	}
	do(t, "keys", "revoke", "--data", data, key.AccessKeyID)
	list := do(t, "keys", "list", "--data", data)
	lines := strings.Split(strings.TrimSpace(list), "\n")
	if len(lines) != 3 || strings.Contains(list, key.SecretAccessKey) || strings.Count(list, "2026-03-04T12:00:00Z") != 3 {
		t.Errorf("keys list prints\n%s", list)
	}
	if got := (invocation{}).run(t, "keys", "revoke", "--data", data, key.AccessKeyID); got.code != exitFailed {
		t.Errorf("a key that is revoked already is revoked again: %s", got.stdout)
	}
}

func TestKeysAreGrantedRoles(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	do(t, "import", "ndjson", "--data", data, writeFile(t, "studio.ndjson", strings.TrimSpace(studio)+"\n"))
	farm, _ := ids(t, data)
	other := "farm-" + strings.Repeat("0", 32)
	do(t, "keys", "create", "--data", data, "--name", "all")
	do(t, "keys", "create", "--data", data, "--name", "some", "--grant", "studio=manager", "--grant", other+"=WRITER")
	var listed struct{ Keys []listedKey }
	doJSON(t, &listed, "keys", "list", "--data", data, "--output", "json")
	want := map[string][]keyGrant{
		"all":  {{FarmID: "*", Role: "OWNER"}},
		"some": {{FarmID: other, Role: "WRITER"}, {FarmID: farm, FarmName: "studio", Role: "MANAGER"}},
	}
	for _, k := range listed.Keys {
		slices.SortFunc(k.Grants, func(a, b keyGrant) int { return strings.Compare(a.FarmName, b.FarmName) })
		if !slices.Equal(k.Grants, want[k.Name]) {
			t.Errorf("%s is granted %v, want %v", k.Name, k.Grants, want[k.Name])
		}
	}
	if text := do(t, "keys", "list", "--data", data); !strings.Contains(text, "studio=MANAGER") || !strings.Contains(text, "*=OWNER") {
		t.Errorf("keys list prints\n%s", text)
	}
	for grant, c := range map[string]struct {
		code int
		says string
	}{
		"studio":        {exitMisuse, "studio=MANAGER"},
		"studio=READER": {exitMisuse, "OWNER, MANAGER, WRITER"},
		"=OWNER":        {exitMisuse, "not a farm and a role"},
		"stduio=OWNER":  {exitFailed, "its farms are: studio"},
		farm + "=OWNER": {exitFailed, "granted twice"},
	} {
		got := invocation{}.run(t, "keys", "create", "--data", data, "--name", "bad", "--grant", "studio=OWNER", "--grant", grant)
		if got.code != c.code || !strings.Contains(got.stderr, c.says) {
			t.Errorf("--grant %s: exit %d, %s", grant, got.code, got.stderr)
		}
	}
}

func TestRatesAreSetShownAndChecked(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	path := writeFile(t, "card.toml", card)
	if got := do(t, "rates", "check", path); got != path+": 1 row, no mistakes\n" {
		t.Errorf("rates check prints %q", got)
	}
	faulty := writeFile(t, "faulty.toml", strings.Replace(card, `"0.05"`, `"a nickel"`, 1))
	got := invocation{}.run(t, "rates", "set", "--data", data, faulty)
	if got.code != exitFailed || !strings.Contains(got.stderr, "faulty.toml:5: usdPerHour: ") {
		t.Errorf("a faulty card: exit %d, %s", got.code, got.stderr)
	}

	text := do(t, "rates", "set", "--data", data, path)
	if !strings.HasPrefix(text, "Every farm without its own now has a rate card of 1 row.\nRecords that are stored already keep the prices") {
		t.Errorf("rates set prints %q", text)
	}
	do(t, "rates", "set", "--data", data, "--farm", "studio", writeFile(t, "studio.toml", strings.ReplaceAll(card, `"cpu"`, `"worker"`)))
	if got := do(t, "rates", "show", "--data", data); got != card {
		t.Errorf("rates show prints\n%s", got)
	}
	var shown shownCard
	doJSON(t, &shown, "rates", "show", "--data", data, "--farm", "studio", "--output", "json")
	want := []shownRow{{ID: "worker", UsageType: "COMPUTE", USDPerHour: "0.05", Per: "worker"}}
	if shown.Scope != "studio" || shown.File != "studio.toml" || !slices.Equal(shown.Rows, want) {
		t.Errorf("rates show of a farm: %+v", shown)
	}
	doJSON(t, &shown, "rates", "show", "--data", data, "--farm", "annex", "--output", "json")
	if shown.Scope != "" || shown.Rows[0].ID != "cpu" {
		t.Errorf("rates show of a farm without its own: %+v", shown)
	}
}

func TestRatesAreListed(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	do(t, "rates", "set", "--data", data, writeFile(t, "card.toml", card))
	do(t, "rates", "set", "--data", data, "--farm", "studio", writeFile(t, "studio.toml", card))
	var listed struct{ Cards []listedCard }
	doJSON(t, &listed, "rates", "list", "--data", data, "--output", "json")
	for i, want := range []listedCard{{"", "card.toml", "", 1}, {"studio", "studio.toml", "", 1}} {
		if len(listed.Cards) != 2 || listed.Cards[i].SetAt == "" {
			t.Fatalf("rates list: %+v", listed)
		}
		if listed.Cards[i].SetAt = ""; listed.Cards[i] != want {
			t.Errorf("card %d is %+v, want %+v", i, listed.Cards[i], want)
		}
	}
	if text := do(t, "rates", "list", "--data", data); !strings.Contains(text, "(all others)  card.toml") {
		t.Errorf("rates list prints\n%s", text)
	}
}

// TestCostScaleIsApplied sets a farm's costScaleFactor and sees it in an answer.
func TestCostScaleIsApplied(t *testing.T) {
	data := importStudio(t)
	key := newKey(t, data)
	server := serve(t, data)
	standardAWS(t, key)
	if got := do(t, "rates", "scale", "--data", data); got != "1\n" {
		t.Errorf("the factor at first is %q", got)
	}
	cost := func() float64 {
		t.Helper()
		var answer struct {
			Statistics []struct{ CostInUsd struct{ Sum float64 } }
		}
		doJSON(t, &answer, "stats", "--endpoint", server.url, "--from", "2025-11-24", "--to", "2025-11-25", "--period", "daily",
			"--group-by", "job", "--output", "json")
		sum := 0.0
		for _, row := range answer.Statistics {
			sum += row.CostInUsd.Sum
		}
		return sum
	}
	before := cost()
	if text := do(t, "rates", "scale", "--data", data, "--farm", "studio", "2.5"); !strings.HasPrefix(text, "Costs of farm studio are multiplied by 2.5 ") {
		t.Errorf("rates scale prints %q", text)
	}
	if after := cost(); before == 0 || math.Abs(after-2.5*before) > 1e-9 {
		t.Errorf("cost %v times 2.5 is %v", before, after)
	}
	if got := do(t, "rates", "scale", "--data", data); got != "2.5\n" {
		t.Errorf("the factor is %q", got)
	}
	for _, bad := range []string{"100.1", "-1", "much", ""} {
		if got := (invocation{}).run(t, "rates", "scale", "--data", data, "--", bad); got.code != exitMisuse || !strings.Contains(got.stderr, "from 0 to 100") {
			t.Errorf("factor %q: exit %d, %s", bad, got.code, got.stderr)
		}
	}
	if got := (invocation{}).run(t, "rates", "scale", "--data", data, "--farm", "stduio"); got.code != exitFailed || !strings.Contains(got.stderr, "studio") {
		t.Errorf("a farm that is not there: exit %d, %s", got.code, got.stderr)
	}
}

// A key that may push and not read is told so by stats.
func TestWriterIsToldWhyStatsFails(t *testing.T) {
	data := importStudio(t)
	var writer createdKey
	doJSON(t, &writer, "keys", "create", "--data", data, "--name", "writer", "--grant", "studio=WRITER", "--output", "json")
	server := serve(t, data)
	standardAWS(t, writer)
	got := invocation{}.run(t, "stats", "--endpoint", server.url, "--from", "2025-11-24", "--to", "2025-11-25")
	if got.code != exitFailed || !strings.Contains(got.stderr, "OWNER or MANAGER") {
		t.Errorf("exit %d, %s", got.code, got.stderr)
	}
}

// TestImportPricesAnew prices records with the card of their import, and anew when
// they are imported again.
func TestImportPricesAnew(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	usage := writeFile(t, "usage.csv", "recordId,queueId,usageType,startedAt,endedAt,cpus\n"+
		"1,render,COMPUTE,2026-01-01T10:00:00Z,2026-01-01T11:00:00Z,16\n"+
		"2,render,COMPUTE,2026-01-01T10:00:00Z,,16\n")
	load := func() (s ingest.Summary) {
		doJSON(t, &s, "import", "csv", "--data", data, "--farm", "studio", "--output", "json", usage)
		return s
	}
	first := load()
	if first.Read != 2 || first.New != 2 || first.Unpriced != 2 || first.Running != 1 || first.Rejected != 0 {
		t.Errorf("the first import: %+v", first)
	}
	do(t, "rates", "set", "--data", data, "--farm", "studio", writeFile(t, "card.toml", card))
	if s := load(); s.Replaced != 2 || s.Unpriced != 0 {
		t.Errorf("the import after a card was set: %+v", s)
	}
	if s := load(); s.Unchanged != 2 {
		t.Errorf("the same import again: %+v", s)
	}
	var l listing
	doJSON(t, &l, "ls", "--data", data, "--output", "json")
	if f := l.Farms[0]; f.Records != 2 || f.Running != 1 || f.Unpriced != 0 || f.FirstStart != "2026-01-01T10:00:00Z" || f.LastEnd != "2026-01-01T11:00:00Z" {
		t.Errorf("ls lists %+v", f)
	}
}

func TestImportSummaryForPeople(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	text := strings.Replace(good, `,"costInUsd":1`, "", 1) + "\n\n" + strings.Replace(good, `"good"`, `"good too"`, 1)
	got := invocation{stdin: text}.run(t, "import", "ndjson", "--data", data, "--farm", "studio", "-")
	const want = `read       4  rows
accepted   2  records
replaced   0  records
unchanged  0  records
skipped    2  rows: blank line
rejected   0  rows
unpriced   1  record, at cost 0: no row of a rate card matches; 'farmtally rates set' sets a card
           1  of COMPUTE
from 2026-01-01T10:00:00Z to 2026-01-01T11:00:00Z
`
	if got.code != exitDone || got.stdout != want || got.stderr != "" {
		t.Errorf("exit %d\n%s%swant\n%s", got.code, got.stdout, got.stderr, want)
	}
}

func TestListOfStudio(t *testing.T) {
	data := importStudio(t)
	got := do(t, "ls", "--data", data)
	for _, want := range []string{
		"farm   studio  farm-bd07f21f481fb6ee7121bc683fe18207         7  2025-11-24T00:00:00Z  2025-11-25T00:00:00Z         0\n",
		"queue  render  queue-", "queue  sim     queue-", "fleet  cloud   fleet-", "fleet  onprem  fleet-",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("ls lacks %q:\n%s", want, got)
		}
	}
}

func TestGeneratedFilesImportAsTheSameRecords(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	do(t, "generate", "--data", data, "--records", "5000", "--seed", "7")
	for _, name := range []string{"year.ndjson", "year.csv"} {
		path := filepath.Join(dir, name)
		if got := do(t, "generate", "--records", "5000", "--seed", "7", "--out", path); got != "wrote 5,000 records to "+path+"\n" {
			t.Errorf("generate prints %q", got)
		}
		var s ingest.Summary
		doJSON(t, &s, "import", strings.TrimPrefix(filepath.Ext(name), "."), "--data", data, "--output", "json", path)
		if s.Unchanged != 5000 || s.Read != 5000 {
			t.Errorf("%s imports as %+v, want 5,000 unchanged", name, s)
		}
	}
}

func TestCheckFindsDamage(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	do(t, "generate", "--data", data, "--records", "5000", "--seed", "7")
	if got := do(t, "check", "--data", data); !strings.HasPrefix(got, data+": 1 segment, 5,000 records, ") || !strings.HasSuffix(got, " bytes: all as written\n") {
		t.Errorf("check prints %q", got)
	}
	segments, err := filepath.Glob(filepath.Join(data, "segments", "*"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments %v, %v", segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(segments[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	got := invocation{}.run(t, "check", "--data", data)
	if got.code != exitFailed || !strings.HasPrefix(got.stderr, "farmtally: 1 of 1 segments of "+data+" are damaged\n  "+segments[0]+": ") {
		t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	got = invocation{}.run(t, "check", "--data", data, "--output", "json")
	if got.code != exitFailed || !strings.Contains(got.stdout, `"damaged": [`) || !strings.Contains(got.stdout, filepath.Base(segments[0])) {
		t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}
