package farmtally

import (
	"errors"
	"strings"
	"time"
)

// Instant is a point in time: milliseconds since 1970-01-01T00:00:00Z.
type Instant int64

// maxInstant is the last millisecond of the year 9999.
const maxInstant = 253_402_300_799_999

// Milliseconds in the fixed lengths of time.
const (
	millisPerSecond = 1000
	millisPerMinute = 60 * millisPerSecond
	millisPerHour   = 60 * millisPerMinute
	millisPerDay    = 24 * millisPerHour
)

var errNotInstant = errors.New("not an RFC 3339 instant with a zone, such as 2026-01-31T08:00:00Z")

// ParseInstant reads an RFC 3339 instant with any zone and a fraction of any
// length; what is finer than a millisecond is cut off. The T and the Z may be in
// lower case, as RFC 3339 section 5.6 allows.
func ParseInstant(s string) (Instant, error) {
	t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(s))
	if err != nil || looserThanRFC3339(s) {
		return 0, errNotInstant
	}
	return InstantOf(t), nil
}

// looserThanRFC3339 reports what time.Parse lets through and RFC 3339 does not: an
// hour of one digit, a comma before the fraction, a zone of 24 hours or 60 minutes.
func looserThanRFC3339(s string) bool {
	if s[len("2026-01-31T08")] != ':' || strings.Contains(s, ",") {
		return true
	}
	if last := s[len(s)-1]; last == 'Z' || last == 'z' {
		return false
	}
	zone := s[len(s)-len("+05:30"):]
	return zone[len("+"):len("+05")] > "23" || zone[len("+05:"):] > "59"
}

// InstantOf truncates t to the millisecond.
func InstantOf(t time.Time) Instant { return Instant(t.UnixMilli()) }

// Time gives the instant in UTC.
func (t Instant) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// String prints the instant in UTC with Z, and a fraction only where there is one.
func (t Instant) String() string { return string(t.Append(nil)) }

// Append appends what String prints.
func (t Instant) Append(b []byte) []byte { return t.Time().AppendFormat(b, time.RFC3339Nano) }

// Offset is a time zone of fixed offset from UTC, in whole minutes east.
type Offset int

var errNotTimezone = errors.New(`not of the form UTC+hh:mm or UTC-hh:mm with minutes 00 or 30, such as UTC+05:30`)

// ParseTimezone reads AWS's form of a fixed offset: UTC[-+][01][0-9]:(30|00).
func ParseTimezone(s string) (Offset, error) {
	if len(s) != len("UTC+00:00") || s[:3] != "UTC" || (s[3] != '+' && s[3] != '-') ||
		(s[4] != '0' && s[4] != '1') || s[5] < '0' || s[5] > '9' ||
		(s[6:] != ":00" && s[6:] != ":30") {
		return 0, errNotTimezone
	}
	minutes := Offset(s[4]-'0')*600 + Offset(s[5]-'0')*60 + Offset(s[7]-'0')*10
	if s[3] == '-' {
		return -minutes, nil
	}
	return minutes, nil
}

// String prints the offset in AWS's form.
func (o Offset) String() string {
	b := []byte("UTC+00:00")
	if o < 0 {
		b[3], o = '-', -o
	}
	digits := func(at int, v Offset) { b[at], b[at+1] = byte('0'+v/10%10), byte('0'+v%10) }
	digits(4, o/60)
	digits(7, o%60)
	return string(b)
}
