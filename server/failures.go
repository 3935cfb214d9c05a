package server

import (
	"net"
	"net/http"
	"time"
)

// The bounds of signing in from one address, by one key, with secrets that are wrong.
const (
	failureMost = 10
	failureSpan = time.Minute
	failureKept = 10_000 // addresses and keys that are counted
)

// failures are those of one address and key since an instant.
type failures struct {
	since time.Time
	count int
}

// mustWait is how long who, an address and a key, has to wait before the next try.
func (s *sessions) mustWait(who string, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.failures[who]
	if f == nil || f.count < failureMost || now.Sub(f.since) >= failureSpan {
		return 0
	}
	return failureSpan - now.Sub(f.since)
}

// failed counts a failure of who.
func (s *sessions) failed(who string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures == nil || len(s.failures) >= failureKept {
		s.failures = map[string]*failures{}
	}
	f := s.failures[who]
	if f == nil || now.Sub(f.since) >= failureSpan {
		f = &failures{since: now}
		s.failures[who] = f
	}
	f.count++
}

// remoteHost is whom a connection is with.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// tooManyTries asks to wait.
func tooManyTries(wait time.Duration) error {
	return throttled(quotaSignIns, int(wait.Seconds())+1, "Too many wrong secrets of this key. Try again in a minute.")
}
