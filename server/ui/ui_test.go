package ui

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAccepts(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip": true, "GZIP;q=0.5": true, "gzip; q=0": false, "gzip;q=0.0, br": false, "xgzip": false, "identity": false,
	} {
		if got := accepts(header, "gzip"); got != want {
			t.Errorf("%q: %t", header, got)
		}
	}
}

// TestPages: whoever is signed in gets the explorer, anyone else the page for signing
// in; and where neither was built, a page that says how.
func TestPages(t *testing.T) {
	for _, signedIn := range []bool{true, false} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		w := httptest.NewRecorder()
		ServePage(w, r, signedIn)
		switch body := w.Body.String(); {
		case !Built():
			if w.Code != http.StatusNotImplemented || !strings.Contains(body, "make build") {
				t.Errorf("%d %s", w.Code, body)
			}
		case w.Code != http.StatusOK || strings.Contains(body, `id="app"`) != signedIn || strings.Contains(body, "Secret access key") == signedIn:
			t.Errorf("signed in: %t: %d %s", signedIn, w.Code, body)
		}
	}
}

func TestAssetsThatAreNone(t *testing.T) {
	for _, path := range []string{"/assets/", "/assets/../index.html", "/assets/none.js", "/assets/%2e%2e/index.html", "/assets//x"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		if w := httptest.NewRecorder(); ServeAsset(w, r) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
