package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// scrape reads the metrics of a server, with a token where one is given.
func scrape(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(text)
}

// TestMetricsOfAServer: the real program tells its figures to who has the token.
func TestMetricsOfAServer(t *testing.T) {
	data := importStudio(t)
	standardAWS(t, newKey(t, data))
	token := strings.Repeat("0123456789abcdef", 2)
	server := serve(t, data, "--metrics-token-file", writeFile(t, "token", token+"\n"))
	askStats(t, server.url, "--group-by", "user")
	for _, wrong := range []string{"", token + "0"} {
		if status, body := scrape(t, server.url, wrong); status != http.StatusForbidden || strings.Contains(body, "farmtally_records") {
			t.Errorf("with the token %q: %d %s", wrong, status, body)
		}
	}
	waitForMetrics(t, server.url, token, []string{
		`(?m)^farmtally_records\{farm="studio",farm_id="farm-[0-9a-f]{32}"\} 7$`,
		`(?m)^farmtally_segments\{farm="studio",.*\} 1$`,
		`(?m)^farmtally_storage_bytes\{farm="",farm_id="",kind="catalog"\} [1-9]`,
		`(?m)^farmtally_aggregations_total\{asked_by="api",status="COMPLETED"\} 1$`,
		`(?m)^farmtally_http_requests_total\{code="200",operation="ListFarms"\} 1$`,
		`(?m)^farmtally_current_month_cost_usd\{farm="studio",.*,queue="render",.*\} 0$`,
	})
}

// waitForMetrics scrapes until there is a line for each pattern: the month's cost may be
// asked for still, and a request is counted a moment after its answer.
func waitForMetrics(t *testing.T, url, token string, patterns []string) {
	t.Helper()
	var body string
	var missing []string
	defer func() {
		if len(missing) > 0 {
			t.Errorf("there is no %s in\n%s", strings.Join(missing, ", "), body)
		}
	}()
	waitFor(t, func() bool {
		status, text := scrape(t, url, token)
		if status != http.StatusOK {
			t.Fatalf("scrape: %d %s", status, text)
		}
		body = text
		missing = slices.DeleteFunc(slices.Clone(patterns), func(pattern string) bool {
			return regexp.MustCompile(pattern).MatchString(body)
		})
		return len(missing) == 0
	})
}

func TestMetricsTokenMistakes(t *testing.T) {
	data := importStudio(t)
	for name, path := range map[string]string{
		"no file": "/no/such/file", "empty": writeFile(t, "token", "\n"), "short": writeFile(t, "token", "secret"),
		"two": writeFile(t, "token", strings.Repeat("a", 20)+"\n"+strings.Repeat("b", 20)),
	} {
		got := invocation{}.run(t, "serve", "--data", data, "--listen", "localhost:0", "--metrics-token-file", path)
		if got.code != exitMisuse || !strings.Contains(got.stderr, "--metrics-token-file") {
			t.Errorf("%s: exit %d, %s", name, got.code, got.stderr)
		}
	}
}

// TestDashboard: Grafana's example asks for metrics that a server has, and each of the
// dashboard's panels asks for some.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../../examples/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	data := importStudio(t)
	standardAWS(t, newKey(t, data))
	server := serve(t, data, "--no-auth")
	askStats(t, server.url)
	named := regexp.MustCompile(`\b(farmtally|process|go)_[a-z_]+\b`)
	own := map[string]bool{}
	for _, p := range dashboard.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("the panel %q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			names := named.FindAllString(target.Expr, -1)
			if len(names) == 0 {
				t.Errorf("the panel %q asks %q", p.Title, target.Expr)
			}
			for _, name := range names {
				own[name] = true
			}
		}
	}
	for _, name := range named.FindAllString(string(text), -1) {
		own[name] = true
	}
	var patterns []string
	for name := range own {
		patterns = append(patterns, `(?m)^`+name+`[{ ]`)
	}
	waitForMetrics(t, server.url, "", patterns)
	if len(own) < 10 {
		t.Errorf("the dashboard shows %d metrics", len(own))
	}
}
