package server

import (
	"net/http"
	"strings"

	"github.com/farmtally/farmtally/deadline"
	"github.com/farmtally/farmtally/server/ui"
)

// contentPolicy lets a page load what this server has, and nothing else.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secure sets the headers that every answer to a browser has.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
}

// servePage answers with a page of the explorer or one of its files, and reports whether
// the request was for one. Who is not signed in gets the page for it, under any path of
// a page, and the files of that one alone.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request, e *entry) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Authorization") != "" {
		return false
	}
	path := r.URL.Path
	page := path == "/"
	if !page && !strings.HasPrefix(path, ui.AssetsPath) && path != ui.IconPath {
		return false
	}
	signedIn := s.config.NoAuth
	if !signedIn {
		_, _, err := s.keyOfSession(r)
		signedIn = err == nil
	}
	secure(w.Header())
	if page {
		e.operation = "page"
		ui.ServePage(w, r, signedIn)
		return true
	}
	e.operation = "asset"
	if !signedIn && !ui.Public(path) {
		return false
	}
	return ui.ServeAsset(w, r)
}

// hostIsHere refuses, where nobody signs in, a page that another name was made to lead
// to: a site that a browser visits can give its own name this machine's address.
func (s *Server) hostIsHere(r *http.Request) error {
	if !s.config.NoAuth || LoopbackAddress(r.Host) {
		return nil
	}
	host, _, _ := strings.Cut(r.Host, ":")
	if strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return nil
	}
	return unsigned(deadline.AccessDenied, "Without signing in this server is for this machine's own names alone, such as localhost.")
}
