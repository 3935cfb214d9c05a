package server

import (
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// leastPacked is the fewest bytes of an answer that are worth packing.
const leastPacked = 1400

var gzipWriters = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // a good level
	return w
}}

// packer packs long answers for those who can unpack them; files go as they are.
type packer struct {
	http.ResponseWriter
	wanted bool
	gzip   *gzip.Writer
}

// packing wraps an answer. The caller calls end.
func packing(w http.ResponseWriter, r *http.Request) *packer {
	return &packer{ResponseWriter: w, wanted: strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")}
}

// WriteHeader implements http.ResponseWriter.
func (p *packer) WriteHeader(status int) {
	h := p.Header()
	n, err := strconv.Atoi(h.Get("Content-Length"))
	if p.wanted && (err != nil || n >= leastPacked) && h.Get("Content-Encoding") == "" && h.Get("Content-Disposition") == "" {
		h.Set("Content-Encoding", "gzip")
		h.Add("Vary", "Accept-Encoding")
		h.Del("Content-Length")
		p.gzip, _ = gzipWriters.Get().(*gzip.Writer)
		p.gzip.Reset(p.ResponseWriter)
	}
	p.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (p *packer) Write(b []byte) (int, error) {
	if p.gzip != nil {
		return p.gzip.Write(b)
	}
	return p.ResponseWriter.Write(b)
}

// Unwrap gives http.ResponseController the writer below.
func (p *packer) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *packer) end() {
	if p.gzip != nil {
		_ = p.gzip.Close() // the client has gone
		gzipWriters.Put(p.gzip)
	}
}
