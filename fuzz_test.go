package farmtally_test

import (
	"strings"
	"testing"
	"time"

	"github.com/farmtally/farmtally"
)

// What ParseInstant accepts has the form of RFC 3339 and is the instant that the
// standard library reads; what it refuses breaks the form or names no date.
func FuzzParseInstant(f *testing.F) {
	for _, seed := range []string{"2026-01-31T08:00:00Z", "2026-01-31t08:00:00.123456789+05:30", "1969-12-31T23:59:59.9999-23:59", "T8:00:00,5+24:60"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := farmtally.ParseInstant(text)
		want, wantErr := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
		if fine := rfc3339.MatchString(text) && wantErr == nil; fine != (err == nil) {
			t.Fatalf("ParseInstant(%q) = %s, %v", text, got, err)
		}
		if err != nil {
			return
		}
		if got != farmtally.InstantOf(want) {
			t.Fatalf("ParseInstant(%q) = %s, want %s", text, got, want)
		}
		if year := got.Time().Year(); year < 0 || year > 9999 {
			return // a zone takes it to where four digits end
		}
		if again, err := farmtally.ParseInstant(got.String()); err != nil || again != got {
			t.Fatalf("%q prints %s, which reads %s, %v", text, got, again, err)
		}
	})
}

// ParseTimezone accepts what AWS's pattern matches, and prints it again.
func FuzzParseTimezone(f *testing.F) {
	for _, seed := range []string{"UTC+00:00", "UTC-00:00", "UTC+19:30", "UTC+8", "UTC+05:45"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		zone, err := farmtally.ParseTimezone(text)
		if awsTimezone.MatchString(text) != (err == nil) {
			t.Fatalf("ParseTimezone(%q) = %d, %v", text, zone, err)
		}
		if err == nil && zone.String() != strings.Replace(text, "-00:00", "+00:00", 1) {
			t.Fatalf("%q prints %q", text, zone)
		}
	})
}

// ParseMoney gives what a big rational rounds to, and prints it so that it reads
// the same.
func FuzzParseMoney(f *testing.F) {
	for _, seed := range []string{"0.0149", "-0", "1e-3", "9223372036.8547758074", "0.0000000025", ".5e+2", "-+1", "1_0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := farmtally.ParseMoney(text)
		if len(text) > 64 {
			if err == nil {
				t.Fatalf("%d characters are a number", len(text))
			}
			return
		}
		if _, exponent, _ := strings.Cut(strings.ToLower(text), "e"); len(strings.TrimLeft(exponent, "+-0")) > len("999") {
			if err == nil {
				t.Fatalf("ParseMoney(%q) = %d", text, got)
			}
			return // the reference would write out all its zeros
		}
		want, ok := bigDecimal(text, 1e9, true)
		fine := ok && want.Sign() >= 0 && !isNegative(text) && want.Cmp(largest) <= 0
		if fine != (err == nil) || fine && int64(got) != want.Int64() {
			t.Fatalf("ParseMoney(%q) = %d, %v; want %v, %v", text, got, err, want, ok)
		}
		if again, err := farmtally.ParseMoney(got.String()); err != nil || again != got {
			t.Fatalf("%q prints %s, which reads %s, %v", text, got, again, err)
		}
	})
}
