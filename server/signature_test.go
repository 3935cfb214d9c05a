package server_test

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server"
)

var (
	everything = []farmtally.Grant{{FarmID: farmtally.EveryFarm, Role: farmtally.Owner}}

	goodKey    = farmtally.AccessKey{ID: "FTAAAAAAAAAAAAAAAAAA", Secret: "a secret that signs", Name: "good", Grants: everything}
	revokedKey = farmtally.AccessKey{ID: "FTBBBBBBBBBBBBBBBBBB", Secret: "another secret", RevokedAt: 1, Grants: everything}
)

// handSigned is a request and how it is signed, step by step as AWS's documentation
// of Signature Version 4 has it, with nothing of the SDK.
type handSigned struct {
	key           farmtally.AccessKey
	method, path  string // the path as sent
	canonicalPath string // "" is the path as sent, encoded again
	query         string // sorted and encoded
	host, body    string
	headers       map[string]string // beside host and x-amz-date, by lower-case name
	signed        string            // signed headers; "" is host, x-amz-date and all of headers
	at            time.Time
	region        string
	service       string
	hash          string // of the body in the canonical request; "" is the true one
	date          string // of the scope; "" is that of at
}

func hexSum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func hmacOf(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// request signs.
func (h handSigned) request() *http.Request {
	headers := map[string]string{"host": cmp.Or(h.host, "farm.example:8787"), "x-amz-date": h.at.UTC().Format("20060102T150405Z")}
	names := []string{"host", "x-amz-date"}
	for name, value := range h.headers {
		headers[name] = value
		names = append(names, name)
	}
	slices.Sort(names)
	signed := cmp.Or(h.signed, strings.Join(names, ";"))
	canonical := []string{h.method, cmp.Or(h.canonicalPath, strings.ReplaceAll(h.path, "%", "%25")), h.query}
	for name := range strings.SplitSeq(signed, ";") {
		canonical = append(canonical, name+":"+strings.Join(strings.Fields(headers[name]), " "))
	}
	canonical = append(canonical, "", signed, cmp.Or(h.hash, hexSum(h.body)))
	date := cmp.Or(h.date, headers["x-amz-date"][:8])
	region, service := cmp.Or(h.region, "eu-west-1"), cmp.Or(h.service, "deadline")
	scope := strings.Join([]string{date, region, service, "aws4_request"}, "/")
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hexSum(strings.Join(canonical, "\n"))}, "\n")
	k := hmacOf(hmacOf(hmacOf(hmacOf([]byte("AWS4"+h.key.Secret), date), region), service), "aws4_request")

	r := httptest.NewRequestWithContext(context.Background(), h.method, "http://x"+h.path+"?"+h.query, strings.NewReader(h.body))
	r.Host = headers["host"]
	for name, value := range headers {
		if name != "host" && name != "content-length" {
			r.Header.Set(name, value)
		}
	}
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x",
		h.key.ID, scope, signed, hmacOf(k, toSign)))
	return r
}

func signedFixture(t testing.TB) *fixture {
	return newFixture(t, func(c *server.Config) { c.NoAuth = false })
}

// good is a request that the fixture accepts.
func (f *fixture) good() handSigned {
	return handSigned{key: goodKey, method: http.MethodPost, path: statisticsPath(farmA), body: startBody(nil), at: f.clock()}
}

func TestSignatureAccepted(t *testing.T) {
	for name, change := range map[string]func(*handSigned){
		"as boto3 signs": func(h *handSigned) { h.headers = map[string]string{"content-type": "application/json"} },
		"as JavaScript signs": func(h *handSigned) {
			h.headers = map[string]string{
				"x-amz-content-sha256": hexSum(h.body), "amz-sdk-request": "attempt=1; max=3",
				"amz-sdk-invocation-id": "7", "x-amz-user-agent": "aws-sdk-js/3  two  spaces",
			}
		},
		"a user agent signed too":     func(h *handSigned) { h.headers = map[string]string{"user-agent": "curl/8"} },
		"content length signed":       func(h *handSigned) { h.headers = map[string]string{"content-length": fmt.Sprint(len(h.body))} },
		"the prefix management.":      func(h *handSigned) { h.host = "management.localhost:8787" },
		"an IPv6 host":                func(h *handSigned) { h.host = "[::1]:8787" },
		"the default port":            func(h *handSigned) { h.host = "farm.example:80" },
		"a session token":             func(h *handSigned) { h.headers = map[string]string{"x-amz-security-token": "t"} },
		"another region":              func(h *handSigned) { h.region = "xx-nowhere-9" },
		"five minutes slow":           func(h *handSigned) { h.at = h.at.Add(-5 * time.Minute) },
		"five minutes fast":           func(h *handSigned) { h.at = h.at.Add(5 * time.Minute) },
		"doubled slash, path as sent": func(h *handSigned) { h.path = "/2023-10-12/farms//sessions-statistics-aggregation" },
		"doubled slash, as boto signs": func(h *handSigned) {
			h.path, h.canonicalPath = "/2023-10-12/farms//sessions-statistics-aggregation", "/2023-10-12/farms/sessions-statistics-aggregation"
		},
		"dots, as boto signs": func(h *handSigned) { h.path, h.canonicalPath = "/2023-10-12/x/.././farms", "/2023-10-12/farms" },
		"a slash in a segment": func(h *handSigned) {
			h.path, h.canonicalPath = "/2023-10-12/farms/farm%2Fx/queues", "/2023-10-12/farms/farm%252Fx/queues"
		},
		"dots to the top, as boto signs": func(h *handSigned) {
			h.path, h.canonicalPath = "/../../2023-10-12/farms/", "/2023-10-12/farms/"
		},
		"nothing but slashes, as boto signs": func(h *handSigned) { h.path, h.canonicalPath = "///", "/" },
		"a query": func(h *handSigned) {
			h.method, h.body, h.query = http.MethodGet, "", "aggregationId=1&maxResults=%20a%2Bb&maxResults=7&nextToken="
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := signedFixture(t)
			h := f.good()
			change(&h)
			if a := f.send(h.request()); a.status == http.StatusForbidden {
				t.Errorf("refused: %s", a.body)
			}
		})
	}
}

func TestSignatureRefused(t *testing.T) {
	const invalid, incomplete = "InvalidSignatureException", "IncompleteSignatureException"
	for name, c := range map[string]struct {
		change func(*handSigned)
		spoil  func(*http.Request)
		want   string
		says   string
	}{
		"none":              {nil, func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException", "not signed"},
		"another secret":    {func(h *handSigned) { h.key.Secret = "guess" }, nil, invalid, "secret access key"},
		"an unknown key":    {func(h *handSigned) { h.key.ID = "FTCCCCCCCCCCCCCCCCCC" }, nil, "UnrecognizedClientException", "unknown or revoked"},
		"a revoked key":     {func(h *handSigned) { h.key = revokedKey }, nil, "UnrecognizedClientException", "unknown or revoked"},
		"an hour slow":      {func(h *handSigned) { h.at = h.at.Add(-time.Hour) }, nil, invalid, "Signature expired: 20260131T070000Z is now earlier than 20260131T075500Z (20260131T080000Z - 5 min.)"},
		"an hour fast":      {func(h *handSigned) { h.at = h.at.Add(time.Hour) }, nil, invalid, "Signature not yet current: 20260131T090000Z is still later than 20260131T080500Z (20260131T080000Z + 5 min.)"},
		"a second too slow": {func(h *handSigned) { h.at = h.at.Add(-301 * time.Second) }, nil, invalid, "expired"},
		"another service":   {func(h *handSigned) { h.service = "s3" }, nil, invalid, `"deadline"`},
		"another day":       {func(h *handSigned) { h.date = "20260130" }, nil, invalid, "20260130"},
		"host not signed":   {func(h *handSigned) { h.signed = "x-amz-date" }, nil, invalid, "host"},
		"date not signed":   {func(h *handSigned) { h.signed = "host" }, nil, invalid, "x-amz-date"},
		"body unsigned": {func(h *handSigned) {
			h.hash = "UNSIGNED-PAYLOAD"
			h.headers = map[string]string{"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
		}, nil, invalid, "SHA-256"},
		"hash of another body": {func(h *handSigned) { h.headers = map[string]string{"x-amz-content-sha256": hexSum("x")} }, nil, invalid, "SHA-256"},
		"unsigned wrong hash":  {nil, func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", hexSum("x")) }, invalid, "SHA-256"},
		"another body": {nil, func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader("{}"))
		}, invalid, "Check"},
		"another host":         {nil, func(r *http.Request) { r.Host = "elsewhere" }, invalid, "Check"},
		"another method":       {nil, func(r *http.Request) { r.Method = "GET" }, invalid, "Check"},
		"another query":        {nil, func(r *http.Request) { r.URL.RawQuery = "a=b" }, invalid, "Check"},
		"another farm":         {nil, func(r *http.Request) { r.URL.Path = statisticsPath(farmB) }, invalid, "Check"},
		"another header":       {func(h *handSigned) { h.headers = map[string]string{"content-type": "a"} }, func(r *http.Request) { r.Header.Set("Content-Type", "b") }, invalid, "Check"},
		"a signed header gone": {func(h *handSigned) { h.headers = map[string]string{"content-type": "a"} }, func(r *http.Request) { r.Header.Del("Content-Type") }, invalid, "Check"},
		"no date":              {nil, func(r *http.Request) { r.Header.Del("X-Amz-Date") }, incomplete, "x-amz-date"},
		"a date that is none":  {nil, func(r *http.Request) { r.Header.Set("X-Amz-Date", "2026-01-31") }, incomplete, "x-amz-date"},
		"another algorithm":    {nil, func(r *http.Request) { r.Header.Set("Authorization", "Basic Zm9v") }, incomplete, "AWS4-HMAC-SHA256"},
		"no credential": {nil, func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0")
		}, incomplete, "Credential"},
		"a short credential": {nil, func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=FT/20260131/deadline/aws4_request, SignedHeaders=host, Signature=0")
		}, incomplete, "Credential"},
		"no signature": {nil, func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=FT/20260131/r/deadline/aws4_request, SignedHeaders=host")
		}, incomplete, "Signature"},
		"presigned": {nil, func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0"
		}, incomplete, "query string"},
	} {
		t.Run(name, func(t *testing.T) {
			f := signedFixture(t)
			h := f.good()
			if c.change != nil {
				c.change(&h)
			}
			r := h.request()
			if c.spoil != nil {
				c.spoil(r)
			}
			a := f.send(r)
			if a.status != http.StatusForbidden || a.header.Get("x-amzn-ErrorType") != c.want || !strings.Contains(a.member(t, "message"), c.says) {
				t.Errorf("got %d %s %s; want %s that says %q", a.status, a.header.Get("x-amzn-ErrorType"), a.body, c.want, c.says)
			}
			for _, secret := range []string{goodKey.Secret, r.Header.Get("Authorization")} {
				if secret != "" && strings.Contains(f.log.String(), secret) {
					t.Errorf("the log holds %q", secret)
				}
			}
		})
	}
}

// TestSignatureOfChangedSecret: a key that gets another secret is good with that one
// alone, at once.
func TestSignatureOfChangedSecret(t *testing.T) {
	f := signedFixture(t)
	old := f.good()
	old.method, old.path, old.body = http.MethodGet, "/2023-10-12/farms", ""
	if a := f.send(old.request()); a.status != http.StatusOK {
		t.Fatal(a.body)
	}
	changed := goodKey
	changed.Secret = "changed"
	f.memory.keys[goodKey.ID] = changed
	if a := f.send(old.request()); a.status != http.StatusForbidden {
		t.Errorf("the old secret: %d %s", a.status, a.body)
	}
	old.key = changed
	if a := f.send(old.request()); a.status != http.StatusOK {
		t.Errorf("the new secret: %d %s", a.status, a.body)
	}
}

func TestSignatureOfRegion(t *testing.T) {
	f := newFixture(t, func(c *server.Config) { c.NoAuth, c.Region = false, "eu-west-1" })
	h := f.good()
	if a := f.send(h.request()); a.status != http.StatusOK {
		t.Error(a.body)
	}
	h.region = "us-east-1"
	if a := f.send(h.request()); a.status != http.StatusForbidden || !strings.Contains(a.member(t, "message"), `"eu-west-1"`) {
		t.Error(a.body)
	}
}

// TestSignatureOfSDK signs with AWS's own signer and sends over a connection.
func TestSignatureOfSDK(t *testing.T) {
	f := signedFixture(t)
	web := httptest.NewServer(f.handler)
	defer web.Close()
	for _, path := range []string{"/2023-10-12/farms", "/2023-10-12/farms//queues", "/2023-10-12/farms/farm%2Fx/queues", "/2023-10-12/farms/a%20b~c/queues"} {
		for _, query := range []string{"", "?maxResults=5&nextToken=", "?b=2&a=1&a=0"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, web.URL+path+query, nil)
			if err != nil {
				t.Fatal(err)
			}
			credentials := aws.Credentials{AccessKeyID: goodKey.ID, SecretAccessKey: goodKey.Secret}
			if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hexSum(""), "deadline", "us-east-1", f.clock()); err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
			if response.StatusCode == http.StatusForbidden {
				t.Errorf("%s%s: refused as %s", path, query, response.Header.Get("x-amzn-ErrorType"))
			}
		}
	}
}

func TestUnsignedHealth(t *testing.T) {
	f := signedFixture(t)
	if a := f.ask(http.MethodGet, "/healthz", ""); a.status != http.StatusOK || a.body != `{"status":"ok"}` {
		t.Errorf("got %d %s", a.status, a.body)
	}
	for _, path := range []string{"/2023-10-12/farms", "/nothing", "/v1/farms", "/assets/index.js", statisticsPath(farmA)} {
		if a := f.ask(http.MethodGet, path, ""); a.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
