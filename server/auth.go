package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/deadline"
)

// signingName is the service that a signature must be made for.
const signingName = "deadline"

// maxSkew is how far a signature's time may be from the server's, either way.
const maxSkew = 5 * time.Minute

// amzDate is the form of the header x-amz-date.
const amzDate = "20060102T150405Z"

// signature is what an Authorization header says, and the time that was signed.
type signature struct {
	keyID         string
	date          string // YYYYMMDD
	region        string
	service       string
	signedHeaders []string
	signature     string
	time          time.Time
}

// authenticate reads the body and checks the signature over it. The error is the
// exception to answer with.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request, e *entry) (*request, error) {
	if err := s.hostIsHere(r); err != nil && (isForBrowsers(r) || r.URL.Path == "/") {
		return nil, err
	}
	if s.config.NoAuth {
		if changes(r) {
			if err := sameOrigin(r); err != nil {
				return nil, err
			}
		}
		body, err := readBody(w, r)
		return &request{Request: r, body: body, key: anyone}, err
	}
	if isBrowser(r) {
		return s.authenticateBrowser(w, r, e)
	}
	sig, err := s.readSignature(r)
	if err != nil {
		return nil, err
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	key, err := s.verify(r, sig, body)
	if err != nil {
		return nil, err
	}
	e.keyID = key.ID
	return &request{Request: r, body: body, key: key}, nil
}

// anyone stands for the key of a request that needs none.
var anyone = farmtally.AccessKey{Grants: []farmtally.Grant{{FarmID: farmtally.EveryFarm, Role: farmtally.Owner}}}

// unsigned makes an exception of those about signatures.
func unsigned(t deadline.ExceptionType, format string, args ...any) *deadline.Exception {
	return &deadline.Exception{Type: t, Message: fmt.Sprintf(format, args...)}
}

// readSignature reads the headers of a signature and checks all that needs no key.
func (s *Server) readSignature(r *http.Request) (*signature, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		if strings.Contains(r.URL.RawQuery, "X-Amz-Signature=") {
			return nil, unsigned(deadline.IncompleteSignature,
				"A signature in the query string is not accepted here; sign with the Authorization header.")
		}
		return nil, unsigned(deadline.MissingAuthenticationToken,
			"The request is not signed. Sign it with an access key, by AWS Signature Version 4 for the service %q.", signingName)
	}
	sig, err := parseAuthorization(header)
	if err != nil {
		return nil, err
	}
	date := r.Header.Get("X-Amz-Date")
	if sig.time, err = time.Parse(amzDate, date); err != nil {
		return nil, unsigned(deadline.IncompleteSignature, "The signature needs the header x-amz-date, such as 20260131T080000Z.")
	}
	return sig, s.checkScope(sig)
}

// parseAuthorization reads the header's one form: the algorithm, and three
// name=value parts with commas between.
func parseAuthorization(header string) (*signature, error) {
	rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !ok {
		return nil, unsigned(deadline.IncompleteSignature, "The Authorization header must begin with AWS4-HMAC-SHA256.")
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if parts[name] == "" {
			return nil, unsigned(deadline.IncompleteSignature, "The Authorization header lacks %s.", name)
		}
	}
	credential := strings.Split(parts["Credential"], "/")
	n := len(credential)
	if n < 5 || credential[n-1] != "aws4_request" {
		return nil, unsigned(deadline.IncompleteSignature,
			"The Credential of the Authorization header must be KEY/YYYYMMDD/REGION/SERVICE/aws4_request.")
	}
	sig := &signature{
		keyID: strings.Join(credential[:n-4], "/"), date: credential[n-4], region: credential[n-3], service: credential[n-2],
		signedHeaders: strings.Split(parts["SignedHeaders"], ";"), signature: parts["Signature"],
	}
	for _, name := range []string{"host", "x-amz-date"} {
		if !slices.Contains(sig.signedHeaders, name) {
			return nil, unsigned(deadline.InvalidSignature, "The header %s must be among the signed headers.", name)
		}
	}
	return sig, nil
}

// checkScope checks what a signature is for, and its time against the clock. Of a
// clock that is off it says by how much, in AWS's form, which some SDKs correct
// themselves by.
func (s *Server) checkScope(sig *signature) error {
	now, at := s.now().UTC(), sig.time.Format(amzDate)
	switch {
	case sig.service != signingName:
		return unsigned(deadline.InvalidSignature, "The signature is for the service %q; it must be for %q.", cut(sig.service), signingName)
	case s.config.Region != "" && sig.region != s.config.Region:
		return unsigned(deadline.InvalidSignature, "The signature is for the region %q; it must be for %q.", cut(sig.region), s.config.Region)
	case sig.date != at[:8]:
		return unsigned(deadline.InvalidSignature, "The date of the Credential, %s, is not that of x-amz-date, %s.", cut(sig.date), at)
	case now.Sub(sig.time) > maxSkew:
		return unsigned(deadline.InvalidSignature, "Signature expired: %s is now earlier than %s (%s - 5 min.)",
			at, now.Add(-maxSkew).Format(amzDate), now.Format(amzDate))
	case sig.time.Sub(now) > maxSkew:
		return unsigned(deadline.InvalidSignature, "Signature not yet current: %s is still later than %s (%s + 5 min.)",
			at, now.Add(maxSkew).Format(amzDate), now.Format(amzDate))
	}
	return nil
}

// verify signs the request again, compares, and gives the key. It does the same work for a
// key that does not exist as for one that does.
func (s *Server) verify(r *http.Request, sig *signature, body []byte) (farmtally.AccessKey, error) {
	key, err := s.key(r.Context(), sig.keyID)
	unknown := err != nil
	if unknown && farmtally.KindOf(err) != farmtally.NotFound {
		return key, fmt.Errorf("read access key: %w", err)
	}
	if unknown {
		key = farmtally.AccessKey{ID: sig.keyID, Secret: "the secret of a key that does not exist"}
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	good, err := signedBy(r, sig, key, hash)
	if err != nil {
		return key, fmt.Errorf("sign request again: %w", err)
	}
	claimed, ok := r.Header["X-Amz-Content-Sha256"]
	switch {
	case unknown || key.RevokedAt != 0:
		return key, unsigned(deadline.UnrecognizedClient, "The access key of the signature is unknown or revoked.")
	case ok && (len(claimed) != 1 || claimed[0] != hash):
		return key, unsigned(deadline.InvalidSignature, "The header x-amz-content-sha256 must be the SHA-256 of the body, %s.", hash)
	case !good:
		return key, unsigned(deadline.InvalidSignature,
			"The signature is not the one that this request and the secret of its access key give. Check the secret access key.")
	}
	return key, nil
}

// signedBy reports whether the key gives the request's signature. The path is
// signed as received and, for the SDKs that do so, without dots and doubled
// slashes.
func signedBy(r *http.Request, sig *signature, key farmtally.AccessKey, bodyHash string) (bool, error) {
	path := r.URL.EscapedPath()
	paths := []string{path}
	if clean := cleanPath(path); clean != path {
		paths = append(paths, clean)
	}
	good := 0
	for _, p := range paths {
		again, err := signAgain(r, p, sig, key, bodyHash)
		if err != nil {
			return false, err
		}
		good |= subtle.ConstantTimeCompare([]byte(again), []byte(sig.signature))
	}
	return good == 1, nil
}

// signAgain gives the signature of the request as received, over the headers that
// its sender signed. A signer is made for each request: one that is kept keeps a
// key for every region that anyone names.
func signAgain(r *http.Request, path string, sig *signature, key farmtally.AccessKey, bodyHash string) (string, error) {
	again := &http.Request{
		Method: r.Method,
		Host:   r.Host,
		URL:    &url.URL{Opaque: "//host" + path, RawQuery: r.URL.RawQuery},
		Header: http.Header{},
	}
	for _, name := range sig.signedHeaders {
		switch name {
		case "host", "x-amz-date": // the signer adds them
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			// Under a lower-case name the signer leaves no header out.
			if values := r.Header.Values(name); values != nil {
				again.Header[name] = values
			}
		}
	}
	credentials := aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
	if err := v4.NewSigner().SignHTTP(context.Background(), credentials, again, bodyHash, sig.service, sig.region, sig.time); err != nil {
		return "", err
	}
	_, signature, _ := strings.Cut(again.Header.Get("Authorization"), "Signature=")
	return signature, nil
}

// cleanPath removes empty segments and dots, as RFC 3986 section 5.2.4 and
// Signature Version 4 ask for every service but S3. A slash at the end stays.
func cleanPath(path string) string {
	var kept []string
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, segment)
		}
	}
	clean := "/" + strings.Join(kept, "/")
	if strings.HasSuffix(path, "/") && len(kept) > 0 {
		clean += "/"
	}
	return clean
}
