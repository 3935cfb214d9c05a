package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/spf13/cobra"
)

// good is a record that every faulty file below brings along: it must be stored.
const good = `{"recordId":"good","queueId":"render","usageType":"COMPUTE","startedAt":"2026-01-01T10:00:00Z","endedAt":"2026-01-01T11:00:00Z","costInUsd":1}` + "\n"

// storedCount is how many records a data folder holds.
func storedCount(t *testing.T, data string) int64 {
	t.Helper()
	var l listing
	doJSON(t, &l, "ls", "--data", data, "--output", "json")
	var n int64
	for _, f := range l.Farms {
		n += f.Records
	}
	return n
}

func TestFaultyFilesGetOneSentenceAndLoseNothing(t *testing.T) {
	faulty := func(fields string) string {
		return good + `{"recordId":"bad","queueId":"render","usageType":"COMPUTE","startedAt":"2026-01-01T10:00:00Z",` + fields + "}\n"
	}
	const header = "JobID|JobIDRaw|Cluster|Partition|User|Start|End|NNodes|NCPUS|AllocTRES|NodeList|JobName\n"
	const job = "1|1|aurora|render|amira|2026-01-01T10:00:00|2026-01-01T11:00:00|1|16|cpu=16|rn001|shot\n"
	const rejected = "farmtally: 1 row rejected; the others are stored\n"
	for _, c := range []struct {
		name, format, text, stderr string
		stored                     int64
	}{
		{"truncated log", "sacct", header + job + job[:20], "FILE:3: line: has 5 columns; the header has 12\n" + rejected, 1},
		{"truncated NDJSON", "ndjson", good + good[:60], "FILE:2: line: is not a JSON object: unexpected end of JSON input\n" + rejected, 1},
		{"binary file", "sacct", "\x7fELF\x02\x01\x01\x00\x00\x00\x00", "farmtally: FILE is a binary file, not a text in UTF-8: there are NUL bytes near its beginning\n", 0},
		{"log in UTF-16", "sacct", "\xff\xfeJ\x00o\x00b\x00", "farmtally: FILE is a text in UTF-16, not a text in UTF-8\nconvert it to UTF-8 first, such as with iconv -f UTF-16 -t UTF-8\n", 0},
		{
			"log in Latin-1", "sacct", header + job + strings.Replace(job, "amira", "J\xf6rg", 1),
			"FILE:3: line: is not UTF-8: byte 0xF6 at column 20; convert the file first, such as with iconv -f LATIN1 -t UTF-8\n" + rejected, 1,
		},
		{
			"record that ends before it starts", "ndjson", faulty(`"endedAt":"2026-01-01T09:00:00Z"`),
			"FILE:2: endedAt: 2026-01-01T09:00:00Z is before startedAt, 2026-01-01T10:00:00Z\n" + rejected, 1,
		},
		{
			"cost with letters", "ndjson", faulty(`"endedAt":"2026-01-01T11:00:00Z","costInUsd":"12 dollars"`),
			"FILE:2: costInUsd: \"12 dollars\" is not a decimal number\n" + rejected, 1,
		},
		{"one endless line", "ndjson", good + strings.Repeat("x", 3<<20), "FILE:2: line: is longer than 1 MiB\n" + rejected, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			args := []string{"import", c.format, "--data", data}
			if c.format == "ndjson" {
				args = append(args, "--farm", "studio")
			}
			path := writeFile(t, "usage", c.text)
			got := invocation{}.run(t, append(args, path)...)
			if want := strings.ReplaceAll(c.stderr, "FILE", path); got.code != exitFailed || got.stderr != want {
				t.Errorf("exit %d, stderr:\n%swant 1 and\n%s", got.code, got.stderr, want)
			}
			if _, err := os.Stat(data); c.stored == 0 && !os.IsNotExist(err) {
				t.Errorf("of a file without records there is a data folder (%v)", err)
			}
			if n := c.stored; n > 0 && storedCount(t, data) != n {
				t.Errorf("%d records are stored, want %d", storedCount(t, data), n)
			}
			if again := do(t, append(append([]string{}, args...), writeFile(t, "good", fittingGood(c.format, header+job)))...); again == "" {
				t.Error("a good import afterwards says nothing")
			}
			if n := storedCount(t, data); n != 1 {
				t.Errorf("after a good import %d records are stored, want 1", n)
			}
		})
	}
}

// fittingGood is a file without faults in the format.
func fittingGood(format, log string) string {
	if format == "sacct" {
		return log
	}
	return good
}

// TestFailuresLeaveNoDataFolder: a command that fails before it has anything to store makes
// no data folder, and no file of rejections.
func TestFailuresLeaveNoDataFolder(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // nobody has connected
	address := taken.Addr().String()
	header := writeFile(t, "header.csv", "recordId,queueId\nr,q\n")
	empty, faulty := writeFile(t, "empty", ""), writeFile(t, "faulty.ndjson", "{}\n")
	missing := filepath.Join(t.TempDir(), "missing")
	readable := writeFile(t, "good.ndjson", good)
	for _, args := range []string{
		"import sacct " + missing, "import ndjson --farm f " + readable + " " + missing, "import parquet " + missing, "import ndjson " + t.TempDir(),
		"import csv --farm f " + header, "import csv --farm f " + empty, "import parquet " + header, "import arrow " + empty, "import ndjson --farm f " + faulty,
		"rates set " + missing, "rates set " + header, "rates show", "rates scale 2", "keys list", "keys create --name n --grant studio=OWNER", "keys revoke K",
		"serve --listen " + address, "serve --listen 192.0.2.1:1", "demo --listen " + address, "serve --metrics-token-file " + missing,
		"export records --output x.csv", "export focus --output x.csv", "ls", "check", "compact",
	} {
		data, rejects := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "rejects")
		words := append(strings.Fields(args), "--data", data)
		if words[0] == "import" {
			words = append(words, "--rejects", rejects)
		}
		got := invocation{}.run(t, words...)
		if _, err := os.Stat(data); got.code == exitDone || !os.IsNotExist(err) {
			t.Errorf("%s: exit %d, %sand a data folder is there: %v", args, got.code, got.stderr, err)
		}
		if _, err := os.Stat(rejects); !os.IsNotExist(err) && !strings.Contains(got.stderr, "rejected") {
			t.Errorf("%s: a file of rejections is there: %v", args, err)
		}
	}
}

// TestMistakesOfATiredUser: what is not there, and what is something else, is told as such.
func TestMistakesOfATiredUser(t *testing.T) {
	data, card, folder := importStudio(t), filepath.Join(t.TempDir(), "none.toml"), t.TempDir()
	table := writeFile(t, "usage.csv", "recordId,queueId\nr,q\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"rates", "set", "--data", data, card}, "farmtally: there is no file " + card + "\nexamples/rates.toml"},
		{[]string{"keys", "revoke", "--data", data, "NOPE"}, "farmtally: there is no key NOPE that is not revoked yet\nsee them with 'farmtally keys list'\n"},
		{[]string{"compact", "--data", data, "--farm", "typo"}, "farmtally: the data folder has no farm typo\nits farms are: studio\n"},
		{[]string{"serve", "--data", data, "--listen", "192.0.2.1:8787"}, "farmtally: 192.0.2.1:8787 is no address of this machine: listen tcp"},
		{[]string{"import", "ndjson", "--data", data, "--farm", "studio", table}, "farmtally: 2 rows rejected, all that there are: is this the format that the command names?\n"},
		{[]string{"export", "records", "--data", data, "--output", folder}, "farmtally: " + folder + " is a folder, not a file to write\n"},
		{[]string{"export", "records", "--data", data, "--output", folder + "/no/x.csv"}, "farmtally: there is no folder " + folder + "/no to write x.csv in\n"},
	} {
		if got := (invocation{}).run(t, c.args...); got.code != exitFailed || !strings.Contains(got.stderr, c.want) {
			t.Errorf("farmtally %s: exit %d, stderr:\n%swant\n%s", strings.Join(c.args, " "), got.code, got.stderr, c.want)
		}
	}
}

func TestRejectionsAreCountedShownAndKept(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, "usage.ndjson", good+strings.Repeat("nonsense\n", 25))
	kept := filepath.Join(dir, "rejects.txt")
	got := invocation{}.run(t, "import", "ndjson", "--data", filepath.Join(dir, "data"), "--farm", "studio", "--rejects", kept, path)
	if shown := strings.Count(got.stderr, "is not a JSON object"); got.code != exitFailed || shown != shownRejections {
		t.Errorf("exit %d and %d rejections shown, want 1 and %d:\n%s", got.code, shown, shownRejections, got.stderr)
	}
	if !strings.HasSuffix(got.stderr, "farmtally: 25 rows rejected; the others are stored\nevery rejection is in "+kept+"\n") {
		t.Errorf("stderr ends:\n%s", got.stderr)
	}
	text, err := os.ReadFile(kept)
	if n := strings.Count(string(text), "\n"); err != nil || n != 25 {
		t.Errorf("%d rejections are kept (%v), want 25", n, err)
	}
}

func TestMisuseEndsWithWhatToTry(t *testing.T) {
	const tryStats = "\ntry 'farmtally stats --help'\n"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"stats", "--timezone", "UTC+8"}, "--timezone UTC+8: not of the form UTC+hh:mm or UTC-hh:mm with minutes 00 or 30, such as UTC+05:30" + tryStats},
		{[]string{"stats", "--queue", "a", "--queue", "a"}, "--queue a is given twice" + tryStats},
		{[]string{"stats", "--queue", "a", "--fleet", "a"}, "--queue and --fleet can't go together: one aggregation is over queues or over fleets" + tryStats},
		{[]string{"stats", "--group-by", "farm"}, "--group-by farm: must be one of queue, fleet, job, user, usage-type, instance-type, license-product" + tryStats},
		{[]string{"stats", "--group-by", "job,user,queue"}, "--group-by has 3 dimensions; 1 or 2 are allowed" + tryStats},
		{[]string{"stats", "--stat", "median"}, "--stat median: must be one of sum, min, max, avg" + tryStats},
		{[]string{"stats", "--period", "yearly"}, "--period yearly: must be one of hourly, daily, weekly, monthly" + tryStats},
		{[]string{"stats", "--from", "2026-01-02", "--to", "2026-01-01"}, "--from is 2026-01-02T00:00:00Z, which is not before --to, 2026-01-01T00:00:00Z" + tryStats},
		{[]string{"stats", "--endpoint", "localhost:8787"}, "--endpoint localhost:8787: not a URL such as http://localhost:8787" + tryStats},
		{[]string{"stats", "--output", "xml"}, `invalid argument "xml" for "--output" flag: must be one of table, csv, json, ndjson, parquet, arrow` + tryStats},
		{[]string{"stat"}, "there is no command \"farmtally stat\"\ndid you mean \"farmtally stats\"?\n"},
		{[]string{"import", "xml", "f"}, "there is no command \"farmtally import xml\"\ntry 'farmtally import --help'\n"},
		{[]string{"import", "ndjson"}, "\"farmtally import ndjson\" needs files to read ('-' is standard input)\ntry 'farmtally import ndjson --help'\n"},
		{[]string{"keys", "create"}, "a key needs a --name, so that people know whose it is\ntry 'farmtally keys create --help'\n"},
		{[]string{"ls", "x"}, "\"farmtally ls\" takes no arguments, and \"x\" is one\ntry 'farmtally ls --help'\n"},
		{[]string{"serve", "--listen", "8787"}, "--listen 8787: not a host and a port such as localhost:8787\ntry 'farmtally serve --help'\n"},
		{[]string{"serve", "--no-auth", "--listen", ":8787"}, "--no-auth would let anyone who reaches :8787 read everything; it is for loopback addresses such as localhost:8787 alone\ntry 'farmtally serve --help'\n"},
		{[]string{"serve", "--cache", "-1"}, "--cache -1: must be 0 to 1048576 MiB\ntry 'farmtally serve --help'\n"},
		{[]string{"serve", "--time-limit", "2h"}, "--time-limit 2h0m0s: must be above 0 and at most 1h0m0s\ntry 'farmtally serve --help'\n"},
		{[]string{"generate", "--records", "0"}, "--records must be above 0\ntry 'farmtally generate --help'\n"},
		{[]string{"generate", "--out", "x.txt"}, "--out x.txt: the name must end in .ndjson, .jsonl, .csv, .parquet, .arrow or .feather, for that is the form it gets\ntry 'farmtally generate --help'\n"},
	} {
		if got := (invocation{}).run(t, c.args...); got.code != exitMisuse || got.stderr != "farmtally: "+c.want || got.stdout != "" {
			t.Errorf("farmtally %s: exit %d, stderr:\n%swant\nfarmtally: %s", strings.Join(c.args, " "), got.code, got.stderr, c.want)
		}
	}
}

func TestEveryCommandShowsAnExample(t *testing.T) {
	root := (&program{}).root()
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Example == "" || cmd.Short == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
	got := invocation{}.run(t, "import", "sacct", "--help")
	if got.code != exitDone || !strings.Contains(got.stdout, "$ farmtally import sacct --timezone Europe/Berlin january.log") || got.stderr != "" {
		t.Errorf("exit %d:\n%s%s", got.code, got.stdout, got.stderr)
	}
}

func TestEnvironmentSetsFlags(t *testing.T) {
	data := importStudio(t)
	env := map[string]string{"FARMTALLY_DATA": data, "FARMTALLY_OUTPUT": "json"}
	if got := (invocation{env: env}).run(t, "ls"); got.code != exitDone || !strings.HasPrefix(got.stdout, "{") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if got := (invocation{env: env}).run(t, "ls", "--output", "table"); !strings.HasPrefix(got.stdout, "KIND") {
		t.Errorf("a flag does not come before the environment: %s%s", got.stdout, got.stderr)
	}
	env["FARMTALLY_OUTPUT"] = "xml"
	got := invocation{env: env}.run(t, "ls")
	const want = "farmtally: the environment variable FARMTALLY_OUTPUT is \"xml\": invalid argument \"xml\" for \"--output\" flag: must be one of table, json\ntry 'farmtally ls --help'\n"
	if got.code != exitMisuse || got.stderr != want {
		t.Errorf("exit %d, stderr:\n%s", got.code, got.stderr)
	}
}

// TestDefaultFolder: who names no folder gets the one that the help says, not that of
// another command.
func TestDefaultFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	do(t, "generate", "--records", "10")
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 || entries[0].Name() != "farmtally-data" {
		t.Errorf("there is %v, %v", entries, err)
	}
	if n := storedCount(t, "farmtally-data"); n != 10 || !strings.Contains(do(t, "check"), "farmtally-data: 1 segment") {
		t.Errorf("%d records are stored", n)
	}
}

func TestFoldersThatCannotBeUsed(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "typo")
	got := invocation{}.run(t, "ls", "--data", missing)
	want := "farmtally: there is no data folder " + missing + "\nname another with --data, or make this one with 'farmtally import'\n"
	if got.code != exitFailed || got.stderr != want {
		t.Errorf("exit %d, stderr:\n%s", got.code, got.stderr)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("looking at a folder has made it")
	}

	data := importStudio(t)
	before := storedCount(t, data)
	setFormat(t, data, "99")
	got = invocation{}.run(t, "ls", "--data", data)
	want = "farmtally: the data folder " + data + " has format version 99; this program reads versions 1 to 3\nuse the farmtally that wrote it, or another folder with --data\n"
	if got.code != exitFailed || got.stderr != want {
		t.Errorf("exit %d, stderr:\n%s", got.code, got.stderr)
	}
	setFormat(t, data, "1")
	if after := storedCount(t, data); after != before {
		t.Errorf("%d records are left of %d", after, before)
	}
}

// setFormat makes a data folder one of another version.
func setFormat(t *testing.T, data, version string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(data, "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // the test is about to end
	if _, err := db.ExecContext(t.Context(), "UPDATE meta SET value = ? WHERE key = 'format'", []byte(version)); err != nil {
		t.Fatal(err)
	}
}

func TestSecondServerOnAFolder(t *testing.T) {
	data := importStudio(t)
	first := serve(t, data)
	got := invocation{}.run(t, "serve", "--data", data, "--listen", "localhost:0")
	start := fmt.Sprintf("farmtally: the data folder %s is served already: ", data)
	if got.code != exitFailed || !strings.HasPrefix(got.stderr, start) || !strings.Contains(got.stderr, fmt.Sprint("process ", first.Process.Pid)) ||
		!strings.HasSuffix(got.stderr, "\nstop that server, or give this one another folder with --data\n") {
		t.Errorf("exit %d, stderr:\n%s", got.code, got.stderr)
	}
	// Another process imports meanwhile, and a stopped server leaves the folder free.
	do(t, "import", "ndjson", "--data", data, "--farm", "studio", writeFile(t, "more.ndjson", good))
	if n := storedCount(t, data); n != 8 {
		t.Errorf("%d records are stored, want 8", n)
	}
	first.stop(t)
	serve(t, data)
}

// standardAWS makes AWS's standard configuration of this process a key, and nothing
// of the user's own.
func standardAWS(t *testing.T, key createdKey) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": key.AccessKeyID, "AWS_SECRET_ACCESS_KEY": key.SecretAccessKey, "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_PROFILE": "", "AWS_REGION": "",
		"AWS_DEFAULT_REGION": "", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_DEADLINE": "",
	} {
		t.Setenv(name, value)
	}
}

func TestStatsExplainsWhatTheServerLacks(t *testing.T) {
	data := importStudio(t)
	do(t, "import", "ndjson", "--data", data, "--farm", "annex", writeFile(t, "annex.ndjson", strings.Replace(good, `"render"`, `"paint"`, 1)))
	key := newKey(t, data)
	standardAWS(t, key)
	server := serve(t, data)
	closed := "http://127.0.0.1:1"
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown farm", []string{"--farm", "nowhere"}, "the server has no farm nowhere\nits farms are: annex, studio\n"},
		{"no farm named", nil, "the server has 2 farms\nname one with --farm: annex, studio\n"},
		{"queue of another farm", []string{"--farm", "studio", "--queue", "paint"}, "farm studio has no queue paint\nits queues are: render, sim\n"},
		{"unknown fleet", []string{"--farm", "studio", "--fleet", "moon"}, "farm studio has no fleet moon\nits fleets are: cloud, onprem\n"},
		{"no server", []string{"--endpoint", closed}, "no server answers at " + closed + ": dial tcp 127.0.0.1:1: connect: connection refused\n" +
			"start one with 'farmtally serve', or name another with --endpoint\n"},
		{"TLS where there is none", []string{"--endpoint", strings.Replace(server.url, "http:", "https:", 1)}, "the server at " +
			strings.Replace(server.url, "http:", "https:", 1) + " speaks plain HTTP: http: server gave HTTP response to HTTPS client\n" +
			"write http:// in place of https://, or the address of the proxy that adds TLS\n"},
		{"no such aggregation", []string{"--farm", "studio", "--aggregation-id", strings.Repeat("0", 32)}, "the server has no aggregation " +
			strings.Repeat("0", 32) + " of this farm\none can be read for an hour after its start; ask again without --aggregation-id\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := invocation{env: map[string]string{"FARMTALLY_ENDPOINT": server.url}}.run(t, append([]string{"stats"}, c.args...)...)
			if got.code != exitFailed || got.stderr != "farmtally: "+c.want {
				t.Errorf("exit %d, stderr:\n%swant\nfarmtally: %s", got.code, got.stderr, c.want)
			}
		})
	}

	do(t, "keys", "revoke", "--data", data, key.AccessKeyID)
	got := invocation{}.run(t, "stats", "--endpoint", server.url, "--farm", "studio")
	if got.code != exitFailed || !strings.HasPrefix(got.stderr, "farmtally: the server refused the signature: ") ||
		!strings.HasSuffix(got.stderr, "\nset AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that 'farmtally keys create' made\n") {
		t.Errorf("a revoked key: exit %d, stderr:\n%s", got.code, got.stderr)
	}
}

// send sends a request signed at the given time, and gives the status, the error's
// type and the body of the answer.
func send(t *testing.T, key createdKey, at time.Time, method, url, body string) (status int, kind, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	hash := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey},
		r, hex.EncodeToString(hash[:]), "deadline", "us-west-2", at)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	all, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("x-amzn-ErrorType"), string(all)
}

func TestServerRefusesFaultyRequests(t *testing.T) {
	data := importStudio(t)
	farm, _ := ids(t, data)
	key := newKey(t, data)
	server := serve(t, data)
	path := server.url + "/2023-10-12/farms/" + farm + "/sessions-statistics-aggregation"
	for _, c := range []struct {
		name    string
		at      time.Time
		body    string
		status  int
		kind    string
		contain string
	}{
		{"a body that is not JSON", time.Now(), "farm=studio", 400, "ValidationException", `"reason":"CANNOT_PARSE"`},
		{"a clock an hour behind", time.Now().Add(-time.Hour), "{}", 403, "InvalidSignatureException", "Signature expired"},
		{"a clock an hour ahead", time.Now().Add(time.Hour), "{}", 403, "InvalidSignatureException", "Signature not yet current"},
	} {
		status, kind, text := send(t, key, c.at, http.MethodPost, path, c.body)
		if status != c.status || kind != c.kind || !strings.Contains(text, c.contain) {
			t.Errorf("%s gets %d %s %s, want %d %s with %s", c.name, status, kind, text, c.status, c.kind, c.contain)
		}
	}
}

func TestInterruptedImportLeavesNothing(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	cmd := command(t, "import", "ndjson", "--data", data, "--farm", "studio", "-")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, strings.Repeat(good, 100)); err != nil { // more than is looked at before a row is read
		t.Fatal(err)
	}
	waitFor(t, func() bool { _, err := os.Stat(filepath.Join(data, "catalog.db")); return err == nil })
	interrupt(t, cmd.Process)
	_ = cmd.Wait() // the exit code follows
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || stderr.String() != "farmtally: interrupted; nothing of this import is stored\n" {
		t.Errorf("exit %d, stderr:\n%s", code, stderr.String())
	}
	if n := storedCount(t, data); n != 0 {
		t.Errorf("%d records are stored", n)
	}
	if left, _ := filepath.Glob(filepath.Join(data, "segments", "*")); len(left) != 0 {
		t.Errorf("the interrupted import has left %v", left)
	}
}

func TestInterruptedGenerateLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "year.ndjson")
	for _, args := range [][]string{
		{"generate", "--records", "1000000000", "--out", out},
		{"generate", "--records", "1000000000", "--data", filepath.Join(dir, "data")},
	} {
		cmd := command(t, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitForFiles(t, filepath.Join(dir, "*year*"), filepath.Join(dir, ".*year*"), filepath.Join(dir, "data", "segments", "*"))
		interrupt(t, cmd.Process)
		_ = cmd.Wait() // the exit code follows
		if code := cmd.ProcessState.ExitCode(); code != exitFailed {
			t.Errorf("farmtally %v exits with %d", args, code)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*year*")); len(left) != 0 {
		t.Errorf("the interrupted generate has left %v", left)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("the interrupted generate has left its file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "data", "segments", "*")); len(left) != 0 {
		t.Errorf("the interrupted generate has left %v", left)
	}
}

// waitForFiles waits until a file matches one of the patterns.
func waitForFiles(t *testing.T, patterns ...string) {
	t.Helper()
	waitFor(t, func() bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool {
			found, _ := filepath.Glob(pattern)
			return len(found) > 0
		})
	})
}

func TestInterruptedStatsEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	standardAWS(t, createdKey{})
	got := invocation{ctx: ctx}.run(t, "stats", "--endpoint", "http://127.0.0.1:1")
	if got.code != exitFailed || got.stderr != "farmtally: interrupted\n" {
		t.Errorf("exit %d, stderr:\n%s", got.code, got.stderr)
	}
}

func interrupt(t *testing.T, p *os.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits until ok. Where that never comes, it fails after a time in which the
// slowest machine would have come to it.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	const never = 5 * time.Minute
	for deadline := time.Now().Add(never); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come to pass in %s", never)
		}
	}
}

// TestSomethingElseAnswers: a server that is none of farmtally's is told as such.
func TestSomethingElseAnswers(t *testing.T) {
	standardAWS(t, createdKey{})
	for status, body := range map[int]string{http.StatusNotFound: "", http.StatusOK: "<html>", http.StatusForbidden: "<html>"} {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		want := "farmtally: what answers at " + other.URL + ", with " + fmt.Sprint(status) + " " + http.StatusText(status) + ", is no farmtally server\n" +
			"start one with 'farmtally serve', or name another with --endpoint\n"
		if got := (invocation{}).run(t, "stats", "--endpoint", other.URL); got.code != exitFailed || got.stderr != want {
			t.Errorf("%d %s: exit %d, %s", status, body, got.code, got.stderr)
		}
		other.Close()
	}
}
