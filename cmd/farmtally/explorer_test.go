package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server/ui"
)

// explorerTests are the flows in a browser, from this package's folder.
const explorerTests = "../../web/test"

// hostileName is a job's name that would do harm as HTML.
const hostileName = `<img src=x onerror="hacked=1"><b>bold</b>`

// explorerFarm is what the flows are told.
type explorerFarm struct {
	Chromium   string     `json:"chromium"`
	Pictures   string     `json:"pictures"`
	Open       string     `json:"open"`   // a server that lets everybody in
	Closed     string     `json:"closed"` // one that asks for a key
	Empty      string     `json:"empty"`  // one without farms
	Hasty      string     `json:"hasty"`  // one whose time is up at once
	Meagre     string     `json:"meagre"` // one that gives twenty rows at the most
	Aurora     string     `json:"aurora"`
	Edge       string     `json:"edge"`
	Free       string     `json:"free"` // has a record without a price
	Long       string     `json:"long"` // has long names
	Synthetic  string     `json:"synthetic"`
	ClosedFarm string     `json:"closedFarm"`
	HTML       string     `json:"html"`
	Key        createdKey `json:"key"`
	Manager    createdKey `json:"manager"`
	Writer     createdKey `json:"writer"`
}

// TestExplorer runs the flows of web/test in a real browser against real servers.
func TestExplorer(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs a browser")
	}
	chromium := os.Getenv("FARMTALLY_CHROMIUM")
	if chromium == "" {
		chromium = "chromium"
	}
	path, err := exec.LookPath(chromium)
	needClient(t, err, "Chromium")
	interpreter := node(t)
	if !ui.Built() {
		needClient(t, fmt.Errorf("server/ui/dist is empty"), "the explorer, of make build")
	}
	_, err = os.Stat(filepath.Join(explorerTests, "node_modules", "playwright-core"))
	needClient(t, err, "playwright-core, of scripts/setup")

	given := explorerFarm{Chromium: path, Pictures: os.Getenv("FARMTALLY_PICTURES"), HTML: hostileName}
	prepareOpen(t, &given)
	prepareClosed(t, &given)
	given.Empty = serve(t, filepath.Join(t.TempDir(), "empty"), "--no-auth").url
	hasty := filepath.Join(t.TempDir(), "hasty")
	do(t, "generate", "--data", hasty, "--records", "1000")
	given.Hasty = serve(t, hasty, "--no-auth", "--time-limit", "1ns").url
	meagre := filepath.Join(t.TempDir(), "meagre")
	do(t, "generate", "--data", meagre, "--records", "60000")
	given.Meagre = serve(t, meagre, "--no-auth", "--row-limit", "20").url
	text, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"flows", "states", "figures"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, interpreter, "--test-reporter=spec", filepath.Join(explorerTests, name+".test.mjs"))
			cmd.Env = append(os.Environ(), "FARMTALLY_EXPLORER="+string(text), "NODE_TEST_CONTEXT=")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
				return
			}
			t.Logf("%s", out)
		})
	}
}

// prepareOpen makes a folder with the demo's farm, one of unusual records, and a large
// one, and serves it to everybody.
func prepareOpen(t *testing.T, given *explorerFarm) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "open")
	do(t, "demo", "--data", data)
	do(t, "generate", "--data", data, "--records", "800000")
	id := func(name string) string { return farmtally.HashID(farmtally.FarmPrefix, "farmtally", name, name) }
	name, err := json.Marshal(hostileName)
	if err != nil {
		t.Fatal(err)
	}
	hour := time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)
	lines := fmt.Sprintf(`{"recordId":"runs","queueId":"شب","jobId":"j","jobName":%s,"userId":"ليلى حدّاد","usageType":"COMPUTE","startedAt":%q,"costInUsd":1.5}
{"recordId":"ended","queueId":"شب","jobId":"j","jobName":%s,"userId":"ليلى حدّاد","usageType":"COMPUTE","startedAt":%q,"endedAt":%q}
`, name, hour.Format(time.RFC3339), name, hour.Format(time.RFC3339), hour.Add(time.Hour).Format(time.RFC3339))
	do(t, "import", "ndjson", "--data", data, "--farm", "edge", writeFile(t, "edge.ndjson", lines))
	free := `{"recordId":"r","queueId":"q","usageType":"COMPUTE","startedAt":"2026-01-05T08:00:00Z","endedAt":"2026-01-05T08:00:01Z"}` + "\n"
	do(t, "import", "ndjson", "--data", data, "--farm", "free", writeFile(t, "free.ndjson", free))
	given.Free = id("free")
	long := fmt.Sprintf(`{"recordId":"r","queueId":"q","jobId":"j","jobName":%q,"userId":%q,"usageType":"COMPUTE","startedAt":"2026-01-05T08:00:00Z","endedAt":"2026-01-05T09:00:00Z","costInUsd":123456.78}`+"\n",
		strings.Repeat("shot_", 25), strings.Repeat("christopher.", 10))
	do(t, "import", "ndjson", "--data", data, "--farm", "long", writeFile(t, "long.ndjson", long))
	given.Long = id("long")
	given.Aurora, given.Edge = farmtally.HashID(farmtally.FarmPrefix, "slurm", "aurora", "aurora"), id("edge")
	given.Synthetic = farmtally.HashID(farmtally.FarmPrefix, "synthetic", "synthetic", "synthetic")
	given.Open = serve(t, data, "--no-auth").url
}

// prepareClosed makes a folder with two farms and a key of each role, and serves it to
// who has one.
func prepareClosed(t *testing.T, given *explorerFarm) {
	t.Helper()
	data := filepath.Join(t.TempDir(), "closed")
	for _, farm := range []string{"one", "two"} {
		line := `{"recordId":"r","queueId":"q","userId":"ada","usageType":"COMPUTE","startedAt":"2026-01-05T08:00:00Z","endedAt":"2026-01-05T09:00:00Z","costInUsd":2}` + "\n"
		do(t, "import", "ndjson", "--data", data, "--farm", farm, writeFile(t, "r.ndjson", line))
	}
	given.ClosedFarm = farmtally.HashID(farmtally.FarmPrefix, "farmtally", "one", "one")
	given.Key = newKey(t, data)
	doJSON(t, &given.Manager, "keys", "create", "--data", data, "--name", "reader", "--grant", "one=MANAGER", "--output", "json")
	doJSON(t, &given.Writer, "keys", "create", "--data", data, "--name", "pusher", "--grant", "one=WRITER", "--output", "json")
	server := serve(t, data)
	given.Closed = server.url
	t.Cleanup(func() {
		server.stop(t) // and writes no more
		if strings.Contains(server.stderr.String(), given.Key.SecretAccessKey) {
			t.Error("the server's log has a secret")
		}
	})
}
