package farmtally_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// at reads an instant that a test names.
func at(s string) farmtally.Instant {
	t, err := farmtally.ParseInstant(s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestParseInstant(t *testing.T) {
	for text, want := range map[string]farmtally.Instant{
		"1970-01-01T00:00:00Z": 0, "1970-01-01t00:00:00z": 0, "1970-01-01T00:00:00-00:00": 0,
		"1970-01-01T05:30:00+05:30": 0, "1969-12-31T16:00:00-08:00": 0, "1970-01-01T23:59:00+23:59": 0,
		"1970-01-01T00:00:00.1Z": 100, "1970-01-01T00:00:00.12Z": 120, "1970-01-01T00:00:00.123456789Z": 123,
		"1970-01-01T00:00:00.0009999999999Z":                          0,
		"1970-01-01T00:00:01." + strings.Repeat("9", 200) + "+00:00":  1999,
		"1970-01-01T00:00:01." + strings.Repeat("0", 200) + "1+00:00": 1000,
		"1969-12-31T23:59:59.999Z":                                    -1, "1969-12-31T23:59:59.9999Z": -1, "1969-12-31T23:59:59.9981Z": -2,
		"1969-12-31T23:59:59.0001Z": -1000,
		"0001-01-01T00:00:00Z":      -62_135_596_800_000, "9999-12-31T23:59:59.999999Z": 253_402_300_799_999,
		"2024-02-29T00:00:00Z": 1_709_164_800_000, "2000-02-29T12:00:00Z": 951_825_600_000,
	} {
		if got, err := farmtally.ParseInstant(text); got != want || err != nil {
			t.Errorf("ParseInstant(%q) = %d, %v; want %d", text, int64(got), err, int64(want))
		}
	}
}

func TestParseInstantRefuses(t *testing.T) {
	for _, text := range []string{
		"", "Z", "now", "2026-01-31", "2026-01-31T08:00:00", "2026-01-31 08:00:00Z", "2026-01-31T08:00Z",
		"2026-01-31T8:00:00Z", "2026-01-31T08:00:00,5Z", "2026-01-31T08:00:00.Z", "2026-01-31T08:00:00.5",
		"2026-01-31T08:00:00+24:00", "2026-01-31T08:00:00+23:60", "2026-01-31T08:00:00+0530", "2026-01-31T08:00:00+05",
		"2026-01-31T08:00:00 +05:30", "2026-01-31T08:00:00ZZ", "2026-01-31T08:00:00Z ", " 2026-01-31T08:00:00Z",
		"2026-01-31T08:00:60Z", "2016-12-31T23:59:60Z", // a leap second has no place in milliseconds since 1970
		"2026-01-31T24:00:00Z", "2026-01-31T08:60:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z",
		"26-01-31T08:00:00Z", "12026-01-31T08:00:00Z", "-2026-01-31T08:00:00Z", "2026-1-31T08:00:00Z",
		"2026-01-31T08:00:00Ｚ", "２026-01-31T08:00:00Z", "1769846400", "2026-01-31T08:00:00UTC+00:00",
		strings.Repeat("2", 1<<20),
	} {
		if got, err := farmtally.ParseInstant(text); err == nil {
			t.Errorf("ParseInstant(%.50q) = %s", text, got)
		} else if got != 0 || !strings.Contains(err.Error(), "RFC 3339") || len(err.Error()) > 100 {
			t.Errorf("ParseInstant(%.50q) = %d, %.200q", text, got, err)
		}
	}
}

// rfc3339 is the form that the RFC's section 5.6 gives, ranges apart from the zone's
// left to the calendar.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func TestInstantsOfAllZonesAndFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		date := time.Date(rapid.IntRange(1, 9999).Draw(t, "year"), 1, rapid.IntRange(1, 365).Draw(t, "day"),
			rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"), rapid.IntRange(0, 59).Draw(t, "second"), 0, time.UTC)
		digits := rapid.StringMatching(`[0-9]{0,30}`).Draw(t, "fraction")
		minutes := rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "zone")
		zone := fmt.Sprintf("%+03d:%02d", minutes/60, max(minutes, -minutes)%60)
		if minutes < 0 {
			zone = "-" + fmt.Sprintf("%02d:%02d", -minutes/60, -minutes%60)
		}
		if minutes == 0 {
			zone = rapid.SampledFrom([]string{"Z", "z", "+00:00", "-00:00"}).Draw(t, "utc")
		}
		text := date.Format("2006-01-02") + rapid.SampledFrom([]string{"T", "t"}).Draw(t, "T") + date.Format("15:04:05")
		if digits != "" {
			text += "." + digits
		}
		var millis int64
		for _, c := range (digits + "000")[:3] {
			millis = millis*10 + int64(c-'0')
		}
		want := farmtally.Instant(date.Unix()*1000 + millis - int64(minutes)*60_000)
		if got, err := farmtally.ParseInstant(text + zone); err != nil || got != want {
			t.Fatalf("ParseInstant(%q) = %d, %v; want %d", text+zone, int64(got), err, int64(want))
		}
	})
}

func TestInstantsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := farmtally.Instant(rapid.OneOf(rapid.Int64Range(int64(at("0001-01-01T00:00:00Z")), int64(at("9999-12-31T23:59:59.999Z"))),
			rapid.Int64Range(-2000, 2000)).Draw(t, "millis"))
		if got, err := farmtally.ParseInstant(want.String()); err != nil || got != want {
			t.Fatalf("%d prints %s, which reads %d, %v", int64(want), want, int64(got), err)
		}
		if got := farmtally.InstantOf(want.Time()); got != want || want.Time().Location() != time.UTC {
			t.Fatalf("%d is the time %s, which is %d", int64(want), want.Time(), int64(got))
		}
	})
}

func TestInstantsPrint(t *testing.T) {
	for millis, want := range map[farmtally.Instant]string{
		0: "1970-01-01T00:00:00Z", 1: "1970-01-01T00:00:00.001Z", 120: "1970-01-01T00:00:00.12Z",
		-1: "1969-12-31T23:59:59.999Z", 253_402_300_799_999: "9999-12-31T23:59:59.999Z", -62_135_596_800_000: "0001-01-01T00:00:00Z",
	} {
		if got := millis.String(); got != want {
			t.Errorf("%d prints %q, want %q", int64(millis), got, want)
		}
		if got := string(millis.Append([]byte("at "))); got != "at "+want {
			t.Errorf("%d appends %q", int64(millis), got)
		}
	}
}

func TestInstantOfTruncatesDownward(t *testing.T) {
	for nanos, want := range map[int64]farmtally.Instant{0: 0, 999_999: 0, 1_000_000: 1, -1: -1, -1_000_000: -1, -1_000_001: -2} {
		if got := farmtally.InstantOf(time.Unix(0, nanos)); got != want {
			t.Errorf("%d ns is %d ms, want %d", nanos, got, want)
		}
	}
}

// awsTimezone is the pattern of AWS's model.
var awsTimezone = regexp.MustCompile(`^UTC[-+][01][0-9]:(30|00)$`)

func TestTimezonesOfAWSPattern(t *testing.T) {
	seen := 0
	for _, sign := range []string{"+", "-"} {
		for hour := range 20 {
			for _, minute := range []int{0, 30} {
				text := fmt.Sprintf("UTC%s%02d:%02d", sign, hour, minute)
				want := farmtally.Offset(hour*60 + minute)
				if sign == "-" {
					want = -want
				}
				got, err := farmtally.ParseTimezone(text)
				if err != nil || got != want || !awsTimezone.MatchString(text) {
					t.Errorf("ParseTimezone(%q) = %d, %v", text, got, err)
				}
				if text != "UTC-00:00" && got.String() != text {
					t.Errorf("%q prints %q", text, got)
				}
				seen++
			}
		}
	}
	if seen != 80 {
		t.Errorf("%d forms", seen)
	}
	if got := farmtally.Offset(0).String(); got != "UTC+00:00" {
		t.Errorf("no offset prints %q", got)
	}
}

// Every text within a byte or two of a good one is good exactly if it matches AWS's
// pattern.
func TestMutatedTimezones(t *testing.T) {
	bytes := []string{"", "0", "1", "2", "3", "9", ":", ";", "+", "-", "U", "u", "T", "C", "Z", " ", "/", "\x00", "\n", "−", "é"}
	for _, good := range []string{"UTC+00:00", "UTC-19:30", "UTC+05:30"} {
		for i := range len(good) + 1 {
			for _, b := range bytes {
				for _, text := range []string{good[:i] + b + good[i:], good[:i] + b + good[min(i+1, len(good)):], good[:i], b + good[i:]} {
					_, err := farmtally.ParseTimezone(text)
					if (err == nil) != awsTimezone.MatchString(text) {
						t.Errorf("ParseTimezone(%q): %v", text, err)
					}
				}
			}
		}
	}
	for _, text := range []string{"UTC+8", "UTC+08", "utc+08:00", "+08:00", "UTC", "", "UTC+05:45", "UTC+20:00", "America/Los_Angeles"} {
		if _, err := farmtally.ParseTimezone(text); err == nil || !strings.Contains(err.Error(), "UTC+05:30") {
			t.Errorf("ParseTimezone(%q): %v", text, err)
		}
	}
}
