// Package ui has the explorer's files, as 'make build' makes them of web/. A program that
// was built without them serves a page that says how to get them.
package ui

import (
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// The paths of files. Those under AssetsPath have a hash of their content in their name.
const (
	AssetsPath = "/assets/"
	IconPath   = "/favicon.svg"
)

// The pages.
const (
	explorerPage = "index.html"
	signInPage   = "signin.html"
)

//go:embed all:dist
var dist embed.FS

//go:embed missing.html
var missing []byte

// files are those of dist.
var files = func() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}()

// Built reports whether the explorer is in this program.
func Built() bool {
	_, err := fs.Stat(files, explorerPage)
	return err == nil
}

var reference = regexp.MustCompile(`(?:src|href)="(/[^"]+)"`)

// public are the files that the page for signing in needs.
var public = func() map[string]bool {
	paths := map[string]bool{IconPath: true}
	text, err := fs.ReadFile(files, signInPage)
	if err != nil {
		return paths
	}
	for _, m := range reference.FindAllSubmatch(text, -1) {
		paths[string(m[1])] = true
	}
	return paths
}()

// Public reports whether a file is one of those that the page for signing in needs.
func Public(name string) bool { return public[name] }

// ServePage answers with the explorer, or with the page for signing in.
func ServePage(w http.ResponseWriter, r *http.Request, signedIn bool) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Cookie")
	if !Built() {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(missing)))
		w.WriteHeader(http.StatusNotImplemented)
		if r.Method != http.MethodHead {
			_, _ = w.Write(missing) // the client has gone
		}
		return
	}
	name := signInPage
	if signedIn {
		name = explorerPage
	}
	serve(w, r, name)
}

// ServeAsset answers with a file that never changes under its name, and reports whether
// there is one.
func ServeAsset(w http.ResponseWriter, r *http.Request) bool {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if !fs.ValidPath(name) {
		return false
	}
	if stat, err := fs.Stat(files, name); err != nil || stat.IsDir() {
		return false
	}
	if strings.HasPrefix(r.URL.Path, AssetsPath) {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		w.Header().Set("Cache-Control", "max-age=3600")
	}
	serve(w, r, name)
	return true
}

// encodings are those that files were packed with when they were built, the best first.
var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// serve answers with a file, packed if the client can unpack it.
func serve(w http.ResponseWriter, r *http.Request, name string) {
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	file := name
	for _, e := range encodings {
		if _, err := fs.Stat(files, name+e.suffix); err == nil && accepts(r.Header.Get("Accept-Encoding"), e.name) {
			file = name + e.suffix
			h.Set("Content-Encoding", e.name)
			break
		}
	}
	content, err := fs.ReadFile(files, file)
	if err != nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(content) //nolint:gosec // one of our own files; an error is that the client has gone
	}
}

// accepts reports whether a header Accept-Encoding names the encoding, with any quality
// but 0.
func accepts(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), encoding) {
			value, _ := strings.CutPrefix(strings.ReplaceAll(quality, " ", ""), "q=")
			q, err := strconv.ParseFloat(value, 64)
			return err != nil || q > 0
		}
	}
	return false
}
