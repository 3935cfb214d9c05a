package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// The life of a session in a browser.
const (
	sessionLife = 12 * time.Hour // at the longest
	sessionIdle = 2 * time.Hour  // without a request
	sessionMost = 10_000         // at once
)

// The cookie of a session. Under TLS its name has the prefix that browsers take for the
// promise of a host's own, secure cookie.
const (
	cookieName       = "farmtally-session"
	secureCookieName = "__Host-farmtally-session"
)

// csrfHeader must repeat the session's token in every request that changes something.
const csrfHeader = "X-CSRF-Token"

// sessions are the browsers that are signed in. They are kept in memory by the hash of
// their cookie, and end with the server. The zero value is ready.
type sessions struct {
	mu       sync.Mutex
	byHash   map[[sha256.Size]byte]*session
	failures map[string]*failures // of signing in, by address and key
}

// session is one browser.
type session struct {
	keyID   string
	csrf    string
	begun   time.Time
	touched time.Time
}

// newSecret gives 32 random bytes as text.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// begin makes a session and gives its cookie's value.
func (s *sessions) begin(keyID string, now time.Time) (cookie string, made session) {
	cookie = newSecret()
	made = session{keyID: keyID, csrf: newSecret(), begun: now, touched: now}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byHash == nil {
		s.byHash = map[[sha256.Size]byte]*session{}
	}
	if len(s.byHash) >= sessionMost {
		s.dropIdlest()
	}
	kept := made
	s.byHash[sha256.Sum256([]byte(cookie))] = &kept
	return cookie, made
}

// find gives the session of a cookie that has not expired, and counts as its use.
func (s *sessions) find(cookie string, now time.Time) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash := sha256.Sum256([]byte(cookie))
	x := s.byHash[hash]
	if x == nil {
		return session{}, false
	}
	if x.expired(now) {
		delete(s.byHash, hash)
		return session{}, false
	}
	x.touched = now
	return *x, true
}

func (x *session) expired(now time.Time) bool {
	return now.Sub(x.begun) >= sessionLife || now.Sub(x.touched) >= sessionIdle
}

// end forgets the session of a cookie.
func (s *sessions) end(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byHash, sha256.Sum256([]byte(cookie)))
}

func (s *sessions) dropIdlest() {
	var idlest [sha256.Size]byte
	var at time.Time
	for hash, x := range s.byHash {
		if at.IsZero() || x.touched.Before(at) {
			idlest, at = hash, x.touched
		}
	}
	delete(s.byHash, idlest)
}

// sweep forgets what has expired.
func (s *sessions) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash, x := range s.byHash {
		if x.expired(now) {
			delete(s.byHash, hash)
		}
	}
	for who, f := range s.failures {
		if now.Sub(f.since) >= failureSpan {
			delete(s.failures, who)
		}
	}
}

// overTLS reports whether the browser speaks TLS, to this server or to the proxy before
// it. A client that claims so itself makes its own cookie stricter, and no other.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// cookieOf gives the session's cookie of a request, "" where it has none. Under TLS the
// name without the prefix counts for nothing: a neighbour could have set it.
func cookieOf(r *http.Request) string {
	name := cookieName
	if overTLS(r) {
		name = secureCookieName
	}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie gives the browser the session's cookie, and takes it away where the value
// is empty.
func setCookie(w http.ResponseWriter, r *http.Request, value string) {
	c := &http.Cookie{
		Name: cookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		MaxAge: int(sessionLife.Seconds()),
	}
	if overTLS(r) {
		c.Name, c.Secure = secureCookieName, true
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// errSignIn answers who asks without a session, or with one that has ended.
var errSignIn = unsigned(deadline.MissingAuthenticationToken, "Sign in: there is no session, or it has ended.")

// keyOfSession gives the key that a request's session is of, as it is now. A key that
// was revoked meanwhile ends the session.
func (s *Server) keyOfSession(r *http.Request) (farmtally.AccessKey, session, error) {
	cookie := cookieOf(r)
	if cookie == "" {
		return farmtally.AccessKey{}, session{}, errSignIn
	}
	x, ok := s.sessions.find(cookie, s.now())
	if !ok {
		return farmtally.AccessKey{}, session{}, errSignIn
	}
	key, err := s.key(r.Context(), x.keyID)
	if farmtally.KindOf(err) == farmtally.NotFound || err == nil && key.RevokedAt != 0 {
		s.sessions.end(cookie)
		return key, x, errSignIn
	}
	return key, x, err
}

// isBrowser reports whether a request is to be let in by its session: it is not signed,
// and asks for something that the explorer asks for.
func isBrowser(r *http.Request) bool {
	return r.Header.Get("Authorization") == "" && isForBrowsers(r) && cookieOf(r) != ""
}

// isForBrowsers reports whether a request is for one of farmtally's own operations that a
// browser has use for.
func isForBrowsers(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1/") && !isPush(r) }

// authenticateBrowser lets a request in by its session.
func (s *Server) authenticateBrowser(w http.ResponseWriter, r *http.Request, e *entry) (*request, error) {
	key, x, err := s.keyOfSession(r)
	if err != nil {
		return nil, err
	}
	e.keyID = key.ID
	if changes(r) {
		if err := sameOrigin(r); err != nil {
			return nil, err
		}
		if subtle.ConstantTimeCompare([]byte(r.Header.Get(csrfHeader)), []byte(x.csrf)) != 1 {
			return nil, unsigned(deadline.AccessDenied, "The header %s must have the token of the session.", csrfHeader)
		}
	}
	body, err := readBody(w, r)
	return &request{Request: r, body: body, key: key}, err
}

// changes reports whether a request may change something.
func changes(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

var crossOrigin = http.NewCrossOriginProtection()

// sameOrigin refuses what a browser sends on behalf of another site.
func sameOrigin(r *http.Request) error {
	if crossOrigin.Check(r) != nil {
		return unsigned(deadline.AccessDenied, "Another site's page sent this request.")
	}
	return nil
}
