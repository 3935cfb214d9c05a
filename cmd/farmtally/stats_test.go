package main

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
)

// askStats runs stats against the server and fails the test where it fails.
func askStats(t *testing.T, url string, args ...string) string {
	t.Helper()
	return do(t, append([]string{"stats", "--endpoint", url, "--from", "2025-11-24", "--to", "2025-11-25"}, args...)...)
}

func TestStatsInEachForm(t *testing.T) {
	data := importStudio(t)
	standardAWS(t, newKey(t, data))
	server := serve(t, data)

	got := askStats(t, server.url, "--queue", "render", "--period", "hourly", "--group-by", "job,user", "--stat", "sum,avg,min,max")
	const table = `
HOUR              JOB           USER   SAMPLES  COST USD  AVG COST USD  MIN COST USD  MAX COST USD   HOURS  AVG HOURS  MIN HOURS  MAX HOURS
2025-11-24 10:00  sq010 beauty  amira        2    0.8300        0.4150        0.3300        0.5000  1.0000     0.5000     0.5000     0.5000
2025-11-24 11:00  sq010 beauty  amira        3    1.9100        0.6367        0.2500        1.0000  2.3057     0.7686     0.3057     1.0000
2025-11-24 12:00  sq010 beauty  amira        2    0.8300        0.4150        0.3300        0.5000  1.0000     0.5000     0.5000     0.5000
2025-11-24 15:00  C             -            1    0.0100        0.0100        0.0100        0.0100  0.0167     0.0167     0.0167     0.0167
----------------  ------------  -----  -------  --------  ------------  ------------  ------------  ------  ---------  ---------  ---------
total                                        8    3.5800        0.4475        0.0100        1.0000  4.3224     0.5403     0.0167     1.0000
`
	if got != table[1:] {
		t.Errorf("the table is\n%swant\n%s", got, table[1:])
	}

	got = askStats(t, server.url, "--fleet", "cloud", "--group-by", "fleet,QUEUE_ID")
	rows, err := csv.NewReader(strings.NewReader(askStats(t, server.url, "--fleet", "cloud", "--group-by", "fleet,QUEUE_ID", "--output", "csv"))).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("CSV of %d lines, %v, beside\n%s", len(rows), err, got)
	}
	const head = "aggregationStartTime aggregationEndTime fleetId fleetName queueId queueName count costInUsd.sum runtimeInSeconds.sum"
	if strings.Join(rows[0], " ") != head {
		t.Errorf("the header is %v", rows[0])
	}
	byQueue := map[string]string{}
	for _, r := range rows[1:] {
		byQueue[r[5]] = strings.Join([]string{r[0], r[1], r[3], r[6], r[7], r[8]}, " ")
	}
	for queue, want := range map[string]string{
		"render": "2025-11-24T00:00:00Z 2025-11-25T00:00:00Z cloud 1 0.25 1100.5",
		"sim":    "2025-11-24T00:00:00Z 2025-11-25T00:00:00Z cloud 3 2.656000001 90000",
	} {
		if byQueue[queue] != want {
			t.Errorf("queue %s: %s, want %s", queue, byQueue[queue], want)
		}
	}

	var document struct {
		Status        string
		StatusMessage *string
		FarmID        string
		AggregationID string
		Statistics    []json.RawMessage
	}
	text := askStats(t, server.url, "--group-by", "license-product", "--output", "json")
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatalf("no JSON document: %v\n%s", err, text)
	}
	lines := strings.TrimSuffix(askStats(t, server.url, "--group-by", "license-product", "--output", "ndjson"), "\n")
	var joined []string
	for _, r := range document.Statistics {
		joined = append(joined, string(r))
	}
	if document.Status != "COMPLETED" || document.StatusMessage != nil || document.FarmID == "" || document.AggregationID == "" || lines != strings.Join(joined, "\n") {
		t.Errorf("the document is\n%s\nthe lines are\n%s", text, lines)
	}
	const arnold = `{"aggregationStartTime":"2025-11-24T00:00:00Z","aggregationEndTime":"2025-11-25T00:00:00Z","licenseProduct":"arnold",` +
		`"count":1,"costInUsd":{"sum":1.32},"runtimeInSeconds":{"sum":7200}}`
	if joined[0] != arnold {
		t.Errorf("got\n%s\nwant\n%s", joined[0], arnold)
	}

	if got := askStats(t, server.url, "--from", "2024-01-01", "--to", "2024-01-02"); got != "nothing was used from 2024-01-01T00:00:00Z to 2024-01-02T00:00:00Z\n" {
		t.Errorf("an empty answer prints as %q", got)
	}
	if got := askStats(t, server.url, "--from", "2024-01-01", "--to", "2024-01-02", "--output", "json"); !json.Valid([]byte(got)) {
		t.Errorf("an empty answer is no JSON: %s", got)
	}
}

func TestStatsPagesThroughAll(t *testing.T) {
	data := importStudio(t)
	standardAWS(t, newKey(t, data))
	do(t, "generate", "--data", data, "--records", "2000", "--seed", "3")
	server := serve(t, data, "--row-limit", "1500")
	ask := func(groupBy string) outcome {
		return invocation{}.run(t, "stats", "--endpoint", server.url, "--farm", "synthetic", "--from", "2025-01-01", "--to", "2026-01-01",
			"--fleet", "fleet-01", "--fleet", "fleet-02", "--period", "daily", "--group-by", groupBy, "--output", "ndjson")
	}
	got := ask("instance-type")
	if n := strings.Count(got.stdout, "\n"); got.code != exitDone || n < 200 {
		t.Errorf("exit %d and %d rows, want more than two pages: %s", got.code, n, got.stderr)
	}
	server.stop(t)

	// A result that is too large is FAILED, and says what to reduce.
	server = serve(t, data, "--row-limit", "10")
	got = ask("instance-type")
	if got.code != exitFailed || got.stdout != "" || !strings.HasPrefix(got.stderr, "farmtally: the aggregation ended as FAILED: ") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

func TestStatsSaysWhatWasUnpriced(t *testing.T) {
	data := importStudio(t)
	standardAWS(t, newKey(t, data))
	unpriced := strings.Replace(good, `,"costInUsd":1`, "", 1)
	do(t, "import", "ndjson", "--data", data, "--farm", "studio", writeFile(t, "unpriced.ndjson", unpriced))
	server := serve(t, data)
	got := invocation{}.run(t, "stats", "--endpoint", server.url, "--from", "2026-01-01", "--to", "2026-01-02", "--queue", "render")
	if got.code != exitDone || !strings.Contains(got.stderr, "1 ") || !strings.Contains(got.stderr, "rate") {
		t.Errorf("exit %d, stderr %q: it must say that 1 record has no price", got.code, got.stderr)
	}
}

// TestStatsNeedsNoSetUpWithoutAuthentication asks without credentials, at names
// before which "management." would not resolve.
func TestStatsNeedsNoSetUpWithoutAuthentication(t *testing.T) {
	data := importStudio(t)
	standardAWS(t, createdKey{})
	server := serve(t, data, "--no-auth")
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		if got := askStats(t, strings.Replace(server.url, "localhost", host, 1)); !strings.Contains(got, "sim") {
			t.Errorf("at %s: %s", host, got)
		}
	}
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DEADLINE"} {
		t.Setenv(name, server.url)
		if got := do(t, "stats", "--from", "2025-11-24", "--to", "2025-11-25"); !strings.Contains(got, "sim") {
			t.Errorf("with %s: %s", name, got)
		}
		t.Setenv(name, "")
	}
}

// TestStatsReadsAWSProfiles: endpoint, region and key come out of the files that every
// AWS client reads. A server that insists on a region gets the profile's.
func TestStatsReadsAWSProfiles(t *testing.T) {
	data := importStudio(t)
	key := newKey(t, data)
	server := serve(t, data, "--region", "eu-west-1")
	standardAWS(t, createdKey{})
	t.Setenv("AWS_CONFIG_FILE", writeFile(t, "config", "[profile studio]\nregion = eu-west-1\nservices = farm\n"+
		"[services farm]\ndeadline =\n  endpoint_url = "+server.url+"\n"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", writeFile(t, "credentials", "[studio]\naws_access_key_id = "+key.AccessKeyID+
		"\naws_secret_access_key = "+key.SecretAccessKey+"\n"))
	t.Setenv("AWS_PROFILE", "studio")
	if got := do(t, "stats", "--from", "2025-11-24", "--to", "2025-11-25"); !strings.Contains(got, "sim") {
		t.Errorf("got %s", got)
	}
}

// TestStatsOfATimeout: an aggregation that ran out of time says what to reduce.
func TestStatsOfATimeout(t *testing.T) {
	data := importStudio(t)
	standardAWS(t, newKey(t, data))
	server := serve(t, data, "--time-limit", "1ns")
	got := invocation{}.run(t, "stats", "--endpoint", server.url, "--from", "2025-11-24", "--to", "2025-11-25")
	if got.code != exitFailed || got.stdout != "" || !strings.HasPrefix(got.stderr, "farmtally: the aggregation ended as TIMEOUT: ") ||
		!strings.Contains(got.stderr, "Reduce the time frame") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
}
