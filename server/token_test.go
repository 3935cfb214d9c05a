package server

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func testTokens(now *time.Time) tokens {
	return tokens{secret: []byte(strings.Repeat("k", 32)), now: func() time.Time { return *now }}
}

// TestTokenForm: 20,000 tokens of all lengths and times are of the form that every
// client hands back unchanged, and open.
func TestTokenForm(t *testing.T) {
	now := time.Unix(0, 0)
	tokens, form := testTokens(&now), regexp.MustCompile(`^v1\.[A-Za-z0-9_-]+$`)
	for i := range 20_000 {
		now = time.Unix(int64(i)*97_001, 0)
		position := strconv.Itoa(i * i)
		token := tokens.make("scope", position)
		if !form.MatchString(token) || strings.Contains(token, "___") {
			t.Fatalf("token %q", token)
		}
		if have, err := tokens.open("scope", token); err != nil || have != position {
			t.Fatalf("opened as %q, %v; want %q", have, err, position)
		}
	}
}

// TestTokenSalted: some tokens need another salt than the first, or the test above
// shows nothing.
func TestTokenSalted(t *testing.T) {
	now := time.Unix(0, 0)
	tokens, salted := testTokens(&now), 0
	for i := range 20_000 {
		token, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(tokens.make("scope", strconv.Itoa(i)), tokenPrefix))
		if err != nil {
			t.Fatal(err)
		}
		if token[saltAt] > 0 {
			salted++
		}
	}
	if salted == 0 {
		t.Error("no token was salted")
	}
}

// TestTokenTampered: any other string is refused.
func TestTokenTampered(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	tokens := testTokens(&now)
	good := tokens.make("scope", "100")
	rapid.Check(t, func(t *rapid.T) {
		bad := []byte(good)
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			bad[rapid.IntRange(0, len(bad)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		case 1:
			bad = bad[:rapid.IntRange(0, len(bad)-1).Draw(t, "length")]
		case 2:
			bad = append(bad, rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "tail")...)
		case 3:
			bad = []byte(rapid.String().Draw(t, "text"))
		}
		if string(bad) == good {
			t.Skip("the same")
		}
		if position, err := tokens.open("scope", string(bad)); err == nil {
			t.Fatalf("%q opens as %q", bad, position)
		}
	})
	if _, err := tokens.open("scope", good+"\n"); err == nil {
		t.Error("a line end is ignored")
	}
}

func TestTokenForeign(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	tokens := testTokens(&now)
	good := tokens.make(scope("Get", "farm-a", "1"), "100")
	for _, other := range []string{scope("Get", "farm-a", "2"), scope("Get", "farm-b", "1"), scope("List", "farm-a", "1"), scope("Get", "farm-a1"), scope("Get", "farm-", "a1")} {
		if _, err := tokens.open(other, good); err == nil {
			t.Errorf("opens in %q", other)
		}
	}
	another := tokens
	another.secret = []byte(strings.Repeat("x", 32))
	if _, err := another.open(scope("Get", "farm-a", "1"), good); err == nil {
		t.Error("opens in another data folder")
	}
}

func TestTokenExpiry(t *testing.T) {
	now := time.Unix(1_800_000_000, 999_999_999)
	tokens := testTokens(&now)
	good := tokens.make("scope", "1")
	now = time.Unix(1_800_000_000, 0).Add(24*time.Hour - time.Second)
	if _, err := tokens.open("scope", good); err != nil {
		t.Error(err)
	}
	now = now.Add(time.Second)
	if _, err := tokens.open("scope", good); err != errTokenExpired { //nolint:errorlint // the very one
		t.Errorf("got %v", err)
	}
}

// FuzzToken: no string but one that make gave opens, and none panics.
func FuzzToken(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	tokens := testTokens(&now)
	f.Add(tokens.make("scope", "100"))
	f.Add("v1.")
	f.Add("___1")
	f.Fuzz(func(t *testing.T, text string) {
		position, err := tokens.open("scope", text)
		if err == nil && tokens.make("scope", position) != text {
			t.Errorf("%q opens as %q", text, position)
		}
	})
}
