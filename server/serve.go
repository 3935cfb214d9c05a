package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/farmtally/farmtally/deadline"
)

// entry is what the access log says of a request, beside what net/http knows.
type entry struct {
	requestID string
	keyID     string // of a good signature
	operation string
	cause     error // of an answer that is an exception
	begun     bool  // a body that is written as it comes into being
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	started := s.now()
	e := &entry{requestID: uuid.NewString()}
	w.Header().Set("x-amzn-RequestId", e.requestID)
	if s.hostIsHere(r) == nil && s.servePage(w, r, e) {
		s.logAccess(r, e, http.StatusOK, s.now().Sub(started))
		return
	}
	if isForBrowsers(r) {
		secure(w.Header())
		w.Header().Set("Cache-Control", "no-store")
		packed := packing(w, r)
		defer packed.end()
		w = packed
	}
	body, err := s.answer(w, r, e)
	status := http.StatusOK
	switch {
	case e.begun:
		e.cause = err
	case err == nil:
		_ = deadline.WriteJSON(w, status, body) // the client has gone
		if cap(body) <= keptBuffer {
			s.buffers.Put(&body)
		}
	default:
		w.Header().Del("Content-Disposition")
		exception := exceptionOf(err, e.requestID)
		status, e.cause = exception.Type.Status(), err
		_ = exception.WriteTo(w)
	}
	s.logAccess(r, e, status, s.now().Sub(started))
	if e.begun && err != nil {
		panic(http.ErrAbortHandler) // so that the client sees that the body has no end
	}
}

// keptBuffer is how long a buffer may be, in bytes, to be used again.
const keptBuffer = 1 << 18

// buffer gives memory for the body of an answer, which serve takes back.
func (s *Server) buffer() []byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return *b
	}
	return nil
}

// answer gives the body of a good answer, or the error to answer with. A panic is
// such an error.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, e *entry) (body []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	if r.URL.Path == healthPath && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		e.operation = "healthz"
		return []byte(`{"status":"ok"}`), nil
	}
	if r.URL.Path == metricsPath && r.Method == http.MethodGet {
		e.operation = "metrics"
		return nil, s.serveMetrics(w, r, e)
	}
	if r.URL.Path == sessionPath {
		if err := s.hostIsHere(r); err != nil {
			return nil, err
		}
		return s.answerSession(w, r, e)
	}
	request, err := s.authenticate(w, r, e)
	if err != nil {
		return nil, err
	}
	if request.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return nil, malformed(deadline.Other, "The query string is not well formed: %s.", cut(err.Error()))
	}
	o, err := request.route()
	if o != nil {
		e.operation = o.name
	}
	if err != nil {
		return nil, err
	}
	request.download = &download{w, e}
	return o.answer(s, r.Context(), request)
}

// logAccess writes the request's line. A query string may hold tokens and a header
// signatures, so neither is in it.
func (s *Server) logAccess(r *http.Request, e *entry, status int, took time.Duration) {
	s.metrics.request(e.operation, status, took)
	level := slog.LevelDebug
	attrs := []slog.Attr{
		slog.String("request_id", e.requestID),
		slog.String("method", r.Method),
		slog.String("path", cut(r.URL.EscapedPath())),
		slog.String("operation", e.operation),
		slog.String("key_id", e.keyID),
		slog.String("remote", r.RemoteAddr),
		slog.Int("status", status),
		slog.Duration("took", took),
	}
	if e.cause != nil {
		level = slog.LevelInfo
		attrs = append(attrs, slog.String("error", e.cause.Error()))
	}
	if status >= http.StatusInternalServerError && r.Context().Err() == nil { // else the client has gone
		level = slog.LevelError
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}
