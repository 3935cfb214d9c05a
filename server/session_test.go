package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
)

// tab is one browser on a fixture.
type tab struct {
	f      *fixture
	cookie *http.Cookie
	csrf   string
	header map[string]string // of every request
}

// send sends a request as a page of the server would.
func (b *tab) send(method, target, body string, headers ...string) answer {
	r := httptest.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	r.Host = "farm.example"
	r.Header.Set("Content-Type", "application/json")
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	if b.csrf != "" {
		r.Header.Set("X-CSRF-Token", b.csrf)
	}
	for name, value := range b.header {
		r.Header.Set(name, value)
	}
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	return b.f.send(r)
}

func signInBody(key farmtally.AccessKey) string {
	return fmt.Sprintf(`{"accessKeyId":%q,"secretAccessKey":%q}`, key.ID, key.Secret)
}

// signIn signs the browser in and keeps its cookie.
func (b *tab) signIn(t *testing.T, key farmtally.AccessKey) answer {
	t.Helper()
	a := b.send(http.MethodPost, "/v1/session", signInBody(key))
	if a.status != http.StatusOK {
		t.Fatalf("signing in: %d %s", a.status, a.body)
	}
	cookies := (&http.Response{Header: a.header}).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies", len(cookies))
	}
	b.cookie, b.csrf = cookies[0], a.member(t, "csrfToken")
	return a
}

func TestCookie(t *testing.T) {
	for _, c := range []struct {
		name   string
		header map[string]string
		want   string // beside the value
	}{
		{"plain", nil, "farmtally-session=; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"},
		{"behind TLS", map[string]string{"X-Forwarded-Proto": "https"},
			"__Host-farmtally-session=; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &tab{f: signedFixture(t), header: c.header}
			a := b.signIn(t, goodKey)
			if got := strings.Replace(a.header.Get("Set-Cookie"), b.cookie.Value, "", 1); got != c.want || len(b.cookie.Value) < 43 {
				t.Errorf("the cookie is %q, want %q", got, c.want)
			}
			if a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("the answer may be cached: %v", a.header)
			}
			if a := b.send(http.MethodGet, "/v1/farms", ""); a.status != http.StatusOK {
				t.Errorf("the cookie opens nothing: %d %s", a.status, a.body)
			}
			a = b.send(http.MethodDelete, "/v1/session", "")
			if got := a.header.Get("Set-Cookie"); !strings.Contains(got, "Max-Age=0") {
				t.Errorf("signing out leaves the cookie: %q", got)
			}
			if a := b.send(http.MethodGet, "/v1/farms", ""); a.status != http.StatusForbidden {
				t.Errorf("the cookie outlives signing out: %d", a.status)
			}
		})
	}
}

// TestPlainCookieUnderTLS: a cookie that a neighbour under plain HTTP could have set
// counts for nothing under TLS.
func TestPlainCookieUnderTLS(t *testing.T) {
	b := &tab{f: signedFixture(t)}
	b.signIn(t, goodKey)
	if a := b.send(http.MethodGet, "/v1/farms", "", "X-Forwarded-Proto", "https"); a.status != http.StatusForbidden {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestWrongKeysDoNotSignIn(t *testing.T) {
	wrong := goodKey
	wrong.Secret += "x"
	unknown := goodKey
	unknown.ID = "FTZZZZZZZZZZZZZZZZZZ"
	for name, body := range map[string]string{
		"another secret": signInBody(wrong), "an unknown key": signInBody(unknown), "a revoked key": signInBody(revokedKey),
		"no secret": fmt.Sprintf(`{"accessKeyId":%q}`, goodKey.ID), "nothing": `{}`,
		"the secret of a key that does not exist": `{"accessKeyId":"x","secretAccessKey":"the secret of a key that does not exist"}`,
	} {
		b := &tab{f: signedFixture(t)}
		a := b.send(http.MethodPost, "/v1/session", body)
		if a.status != http.StatusForbidden || a.header.Get("Set-Cookie") != "" || a.header.Get("x-amzn-ErrorType") != "UnrecognizedClientException" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestTooManyWrongKeys(t *testing.T) {
	b := &tab{f: signedFixture(t)}
	wrong := goodKey
	wrong.Secret += "x"
	for range 10 {
		if a := b.send(http.MethodPost, "/v1/session", signInBody(wrong)); a.status != http.StatusForbidden {
			t.Fatalf("got %d %s", a.status, a.body)
		}
	}
	a := b.send(http.MethodPost, "/v1/session", signInBody(goodKey))
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	b.f.advance(time.Minute)
	b.signIn(t, goodKey)
}

// TestSecretIsNotLogged: neither the secret nor the cookie is in the log.
func TestSecretIsNotLogged(t *testing.T) {
	b := &tab{f: signedFixture(t)}
	b.signIn(t, goodKey)
	b.send(http.MethodGet, "/v1/farms", "")
	b.send(http.MethodPost, "/v1/session", `{"accessKeyId":"`+goodKey.Secret+`"`)
	log := b.f.log.String()
	for _, secret := range []string{goodKey.Secret, b.cookie.Value, b.csrf} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has a secret:\n%s", log)
		}
	}
	if !strings.Contains(log, goodKey.ID) || !strings.Contains(log, "operation=SignIn") {
		t.Errorf("the log does not say who signed in:\n%s", log)
	}
}

func TestSessionExpires(t *testing.T) {
	b := &tab{f: signedFixture(t)}
	works := func() bool { return b.send(http.MethodGet, "/v1/farms", "").status == http.StatusOK }
	b.signIn(t, goodKey)
	for range 11 { // in use
		b.f.advance(time.Hour)
		if !works() {
			t.Fatal("it expires while it is used")
		}
	}
	b.f.advance(time.Hour)
	if works() {
		t.Error("it lives longer than twelve hours")
	}
	b.signIn(t, goodKey)
	b.f.advance(2*time.Hour - time.Second)
	if !works() {
		t.Error("it expires too soon")
	}
	b.f.advance(2 * time.Hour)
	if works() {
		t.Error("it lives two hours without use")
	}
}

func TestRevokedKeyEndsItsSessions(t *testing.T) {
	b := &tab{f: signedFixture(t)}
	b.signIn(t, goodKey)
	revoked := goodKey
	revoked.RevokedAt = instant(midnight)
	b.f.memory.mu.Lock()
	b.f.memory.keys[goodKey.ID] = revoked
	b.f.memory.mu.Unlock()
	if a := b.send(http.MethodGet, "/v1/farms", ""); a.status != http.StatusForbidden {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// TestForgedRequests: what changes something must come from a page of this server that
// knows the session's token.
func TestForgedRequests(t *testing.T) {
	label := `{"dimension":"USER_ID","value":"alice","label":"Alice"}`
	path := "/v1/farms/" + string(farmA) + "/labels"
	b := &tab{f: signedFixture(t)}
	b.signIn(t, goodKey)
	for name, headers := range map[string][]string{
		"no token":               {"X-CSRF-Token", ""},
		"another token":          {"X-CSRF-Token", strings.Repeat("A", 43)},
		"another site":           {"Sec-Fetch-Site", "cross-site"},
		"a neighbour":            {"Sec-Fetch-Site", "same-site"},
		"an old browser's other": {"Origin", "https://evil.example"},
	} {
		if a := b.send(http.MethodPut, path, label, headers...); a.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if len(b.f.memory.labels) != 0 {
		t.Errorf("labels were set: %v", b.f.memory.labels)
	}
	if a := b.send(http.MethodPut, path, label, "Sec-Fetch-Site", "same-origin"); a.status != http.StatusOK {
		t.Errorf("the page's own: %d %s", a.status, a.body)
	}
	if a := (&tab{f: b.f}).send(http.MethodPost, "/v1/session", signInBody(goodKey), "Sec-Fetch-Site", "cross-site"); a.status != http.StatusForbidden {
		t.Errorf("another site signs in: %d %s", a.status, a.body)
	}
	if a := (&tab{f: b.f}).send(http.MethodPost, "/v1/session", signInBody(goodKey), "Content-Type", "text/plain"); a.status != http.StatusBadRequest {
		t.Errorf("a form signs in: %d %s", a.status, a.body)
	}
}

// TestSessionIsNoSignature: the API's own paths take signatures alone.
func TestSessionIsNoSignature(t *testing.T) {
	b := &tab{f: signedFixture(t)}
	b.signIn(t, goodKey)
	for _, path := range []string{"/2023-10-12/farms", statisticsPath(farmA)} {
		if a := b.send(http.MethodGet, path, ""); a.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// TestWithoutSession: nothing answers but the page for signing in, and /healthz.
func TestWithoutSession(t *testing.T) {
	b := &tab{f: signedFixture(t)}
	for _, path := range []string{
		"/v1/farms", "/v1/farms/" + string(farmA), "/v1/explorer/farms/" + string(farmA) + "/sessions-statistics-aggregation?aggregationId=x",
		"/v1/farms/" + string(farmA) + "/aggregations/x/export", "/assets/chart.js", "/index.html", "/nothing", "/2023-10-12/farms",
	} {
		if a := b.send(http.MethodGet, path, ""); a.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := b.send(http.MethodGet, "/healthz", ""); a.status != http.StatusOK {
		t.Errorf("/healthz: %d", a.status)
	}
	a := b.send(http.MethodGet, "/v1/session", "")
	if a.status != http.StatusOK || a.decode(t)["signedIn"] != false || a.member(t, "csrfToken") != "" {
		t.Errorf("the session: %d %s", a.status, a.body)
	}
	if a := b.send(http.MethodGet, "/", ""); a.status != http.StatusOK && a.status != http.StatusNotImplemented || strings.Contains(a.body, "explorer.js") {
		t.Errorf("/: %d %s", a.status, a.body)
	}
}

// TestPageHeaders: a page loads what this server has, and is in nobody's frame.
func TestPageHeaders(t *testing.T) {
	for _, f := range []*fixture{signedFixture(t), newFixture(t, nil)} {
		for _, path := range []string{"/", "/v1/session"} {
			h := f.ask(http.MethodGet, path, "").header
			policy := h.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'", "base-uri 'none'"} {
				if !strings.Contains(policy, want) {
					t.Errorf("%s: the policy %q lacks %q", path, policy, want)
				}
			}
			if strings.Contains(policy, "unsafe") {
				t.Errorf("%s: the policy is %q", path, policy)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
			} {
				if h.Get(name) != want {
					t.Errorf("%s: %s is %q, want %q", path, name, h.Get(name), want)
				}
			}
		}
	}
}

// TestOpenServerIsForItsOwnNames: where nobody signs in, a name that another site gave
// this machine's address gets nothing.
func TestOpenServerIsForItsOwnNames(t *testing.T) {
	b := &tab{f: newFixture(t, nil)}
	for _, path := range []string{"/v1/farms", "/v1/session"} {
		if a := b.send(http.MethodGet, path, ""); a.status != http.StatusForbidden {
			t.Errorf("%s of another name: %d %s", path, a.status, a.body)
		}
		if a := b.f.ask(http.MethodGet, path, ""); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := b.send(http.MethodGet, "/", ""); strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("/ of another name: %d %s", a.status, a.body)
	}
}

func TestLabels(t *testing.T) {
	f := newFixture(t, nil)
	path := "/v1/farms/" + string(farmA)
	for body, field := range map[string]string{
		`{"dimension":"COLOUR","value":"a","label":"b"}`:                                        "dimension",
		`{"dimension":"USER_ID","value":"","label":"b"}`:                                        "value",
		`{"dimension":"USER_ID","value":"a","label":"b\u0007"}`:                                 "label",
		`{"dimension":"USER_ID","value":"a","label":"` + strings.Repeat("x", 101) + `"}`:        "label",
		`{"dimension":"USER_ID","value":"` + strings.Repeat("x", 257) + `","label":"somebody"}`: "value",
	} {
		if a := f.ask(http.MethodPut, path+"/labels", body); a.status != http.StatusBadRequest || !strings.Contains(a.body, `"name":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := f.ask(http.MethodPut, path+"/labels", `{"dimension":"USER_ID","value":"alice","label":" Ålice "}`); a.status != http.StatusOK {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	const want = `"labels":[{"dimension":"USER_ID","value":"alice","label":"Ålice"}]`
	if a := f.ask(http.MethodGet, path, ""); !strings.Contains(a.body, want) {
		t.Errorf("got %s, want %s", a.body, want)
	}
}

// TestReadersDoNotName: saying what things are called is the owner's.
func TestReadersDoNotName(t *testing.T) {
	f := signedFixture(t)
	key := farmtally.AccessKey{ID: "FTREADER", Secret: "s", Grants: []farmtally.Grant{{FarmID: farmA, Role: farmtally.Manager}}}
	f.memory.keys[key.ID] = key
	b := &tab{f: f}
	b.signIn(t, key)
	if a := b.send(http.MethodPut, "/v1/farms/"+string(farmA)+"/labels", `{"dimension":"USER_ID","value":"a","label":"b"}`); a.status != http.StatusForbidden {
		t.Errorf("got %d %s", a.status, a.body)
	}
	a := b.send(http.MethodGet, "/v1/farms", "")
	if a.status != http.StatusOK || !strings.Contains(a.body, string(farmA)) || strings.Contains(a.body, string(farmB)) {
		t.Errorf("it sees %d %s", a.status, a.body)
	}
}
