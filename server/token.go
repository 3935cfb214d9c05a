package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/farmtally/farmtally"
)

// A page token is "v1." and unpadded base64url of
//
//	mac   32 bytes, HMAC-SHA256 of the scope and of all that follows
//	salt  1 byte
//	text  when it expires, in decimal seconds since 1970, a space, and the position
//	      where the next page begins, in ASCII
//
// The scope, which is not in the token, names the operation and the members of the
// request that must stay the same. The salt is the first, from 0, whose token is
// free of "___", where botocore would split it. That is 18 one bits in a row, which
// ASCII can't hold: only the mac decides, and so a salt is found.
const (
	tokenPrefix = "v1."
	tokenLife   = 24 * time.Hour
	leastSecret = 32
	maxToken    = 4096 // characters, AWS's bound
	saltAt      = sha256.Size
)

// tokens makes and checks page tokens.
type tokens struct {
	secret []byte
	now    func() time.Time
}

// scope joins parts so that no two lists of parts look alike.
func scope(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return string(b)
}

// make gives a token for the position.
func (t tokens) make(scope, position string) string {
	token := make([]byte, saltAt+1, saltAt+1+24+len(position))
	token = strconv.AppendInt(token, t.now().Add(tokenLife).Unix(), 10)
	token = append(token, ' ')
	token = append(token, position...)
	for {
		copy(token, t.mac(scope, token))
		text := base64.RawURLEncoding.EncodeToString(token)
		if !strings.Contains(text, "___") || token[saltAt] == 127 {
			return tokenPrefix + text
		}
		token[saltAt]++
	}
}

// open gives the position of a token that was made for the scope and has not
// expired.
func (t tokens) open(scope, text string) (string, error) {
	token, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, tokenPrefix))
	if err != nil || len(token) <= saltAt || tokenPrefix+base64.RawURLEncoding.EncodeToString(token) != text {
		return "", errToken
	}
	if !hmac.Equal(token[:saltAt], t.mac(scope, token)) {
		return "", errToken
	}
	expires, position, _ := strings.Cut(string(token[saltAt+1:]), " ")
	seconds, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return "", errToken
	}
	if t.now().Unix() >= seconds {
		return "", errTokenExpired
	}
	return position, nil
}

func (t tokens) mac(scope string, token []byte) []byte {
	h := hmac.New(sha256.New, t.secret)
	h.Write([]byte(scope))
	h.Write(token[saltAt:])
	return h.Sum(nil)
}

var (
	errToken = farmtally.Errorf(farmtally.Invalid,
		"must be the nextToken of the previous page, unchanged, with the other members unchanged")
	errTokenExpired = farmtally.Errorf(farmtally.Invalid,
		"has expired, for a token is valid for 24 hours; ask for the first page again")
)
