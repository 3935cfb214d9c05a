package server

import (
	"net"
	"net/http"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// The bounds of signing in from one address, by one key, with secrets that are wrong.
const (
	failureMost  = 10
	failureSpan  = time.Minute
	failureHosts = 10_000
)

// failures are those of one address and key since an instant.
type failures struct {
	since time.Time
	count int
}

// mustWait is how long an address has to wait before it may try a key again.
func (s *sessions) mustWait(host string, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.failures[host]
	if f == nil || f.count < failureMost || now.Sub(f.since) >= failureSpan {
		return 0
	}
	return failureSpan - now.Sub(f.since)
}

// failed counts a failure.
func (s *sessions) failed(host string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures == nil || len(s.failures) >= failureHosts {
		s.failures = map[string]*failures{}
	}
	f := s.failures[host]
	if f == nil || now.Sub(f.since) >= failureSpan {
		f = &failures{since: now}
		s.failures[host] = f
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
	e := exceptionOf(farmtally.Errorf(farmtally.Throttled, "Too many wrong secrets of this key. Try again in a minute."), "")
	e.RetryAfterSeconds = int(wait.Seconds()) + 1
	e.QuotaCode = "sign-ins"
	return &deadline.Exception{
		Type: e.Type, Message: e.Message, RetryAfterSeconds: e.RetryAfterSeconds, ServiceCode: e.ServiceCode, QuotaCode: e.QuotaCode,
	}
}
