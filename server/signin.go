package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// sessionPath is where a browser signs in (POST), asks who it is (GET) and signs out
// (DELETE).
const sessionPath = "/v1/session"

// sessionAnswer is who a browser is.
type sessionAnswer struct {
	SignedIn  bool   `json:"signedIn"`
	NoAuth    bool   `json:"noAuth"` // nobody signs in here
	Name      string `json:"name"`   // the key's
	KeyID     string `json:"accessKeyId"`
	CSRFToken string `json:"csrfToken"`
	ExpiresAt string `json:"expiresAt,omitempty"`
}

// answerSession answers requests about the session itself.
func (s *Server) answerSession(w http.ResponseWriter, r *http.Request, e *entry) ([]byte, error) {
	switch r.Method {
	case http.MethodGet:
		e.operation = "GetSession"
		return s.whoIsIt(r)
	case http.MethodPost:
		e.operation = "SignIn"
		return s.signIn(w, r, e)
	case http.MethodDelete:
		e.operation = "SignOut"
		if err := sameOrigin(r); err != nil {
			return nil, err
		}
		s.sessions.end(cookieOf(r))
		setCookie(w, r, "")
		return deadline.Marshal(sessionAnswer{NoAuth: s.config.NoAuth})
	}
	return nil, malformed(deadline.UnknownOperation, "There is no operation %s %s.", cut(r.Method), sessionPath)
}

func (s *Server) whoIsIt(r *http.Request) ([]byte, error) {
	if s.config.NoAuth {
		return deadline.Marshal(sessionAnswer{SignedIn: true, NoAuth: true})
	}
	key, x, err := s.keyOfSession(r)
	if err == errSignIn { //nolint:errorlint // the very error
		return deadline.Marshal(sessionAnswer{})
	}
	if err != nil {
		return nil, err
	}
	return deadline.Marshal(answerOf(key, x))
}

func answerOf(key farmtally.AccessKey, x session) sessionAnswer {
	return sessionAnswer{
		SignedIn: true, Name: key.Name, KeyID: key.ID, CSRFToken: x.csrf,
		ExpiresAt: x.begun.Add(sessionLife).UTC().Format(time.RFC3339),
	}
}

// signIn makes a session for who knows a key and its secret.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, e *entry) ([]byte, error) {
	if err := sameOrigin(r); err != nil {
		return nil, err
	}
	if s.config.NoAuth {
		return s.whoIsIt(r)
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		return nil, malformed(deadline.Other, "Sign in with a body of the type application/json.")
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	var claim struct {
		AccessKeyID     string `json:"accessKeyId"`
		SecretAccessKey string `json:"secretAccessKey"`
	}
	if json.Unmarshal(body, &claim) != nil {
		return nil, malformed(deadline.CannotParse, "The body must be a JSON object with accessKeyId and secretAccessKey.")
	}
	// A proxy's address is everybody's: the limit is of a key, from an address.
	who := remoteHost(r) + " " + cut(claim.AccessKeyID)
	if wait := s.sessions.mustWait(who, s.now()); wait > 0 {
		return nil, tooManyTries(wait)
	}
	key, good, err := s.checkSecret(r.Context(), claim.AccessKeyID, claim.SecretAccessKey)
	if err != nil {
		return nil, err
	}
	if !good {
		s.sessions.failed(who, s.now())
		return nil, unsigned(deadline.UnrecognizedClient, "The access key is unknown or revoked, or the secret is not its own.")
	}
	e.keyID = key.ID
	s.sessions.end(cookieOf(r)) // a new session never has an old one's cookie
	cookie, x := s.sessions.begin(key.ID, s.now())
	setCookie(w, r, cookie)
	return deadline.Marshal(answerOf(key, x))
}

// checkSecret does the same work for a key that does not exist as for one that does.
func (s *Server) checkSecret(ctx context.Context, id, secret string) (farmtally.AccessKey, bool, error) {
	key, err := s.key(ctx, cut(id))
	unknown := farmtally.KindOf(err) == farmtally.NotFound && err != nil
	if err != nil && !unknown {
		return key, false, err
	}
	if unknown {
		key = farmtally.AccessKey{Secret: "the secret of a key that does not exist"}
	}
	have, want := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(key.Secret))
	same := subtle.ConstantTimeCompare(have[:], want[:]) == 1
	return key, same && !unknown && key.RevokedAt == 0, nil
}
