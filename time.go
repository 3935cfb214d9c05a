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
	if t, ok := parsePlainInstant(s); ok {
		return t, nil
	}
	return parseAnyInstant(s)
}

func parseAnyInstant(s string) (Instant, error) {
	t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(s))
	if err != nil || looserThanRFC3339(s) {
		return 0, errNotInstant
	}
	return InstantOf(t), nil
}

// parsePlainInstant reads what most instants are: 2026-01-31T08:00:00Z, perhaps with a
// fraction. It leaves all else, also what is wrong, to parseAnyInstant.
func parsePlainInstant(s string) (Instant, bool) {
	const form = "0000-00-00T00:00:00"
	if len(s) <= len(form) || s[len(s)-1] != 'Z' {
		return 0, false
	}
	for i := range len(form) {
		if digit := s[i]-'0' < 10; digit != (form[i] == '0') || !digit && s[i] != form[i] {
			return 0, false
		}
	}
	two := func(at int) int64 { return int64(s[at]-'0')*10 + int64(s[at+1]-'0') }
	year, month, day := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	if month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	millis, ok := plainFraction(s[len(form) : len(s)-1])
	// Days since 0000-03-01, in years that begin in March and so end with the leap day.
	if month < 3 {
		month, year = month+12, year-1
	}
	const epoch = 719_468 // of 1970-01-01
	days := year*365 + floorDiv(year, 4) - floorDiv(year, 100) + floorDiv(year, 400) + (153*(month-3)+2)/5 + day - 1 - epoch
	return Instant(days*millisPerDay + hour*millisPerHour + minute*millisPerMinute + second*millisPerSecond + millis), ok
}

func daysIn(year, month int64) int64 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// plainFraction reads "" or a point and digits, as milliseconds.
func plainFraction(s string) (millis int64, ok bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != '.' || len(s) < 2 || len(s) > len(".999999999") {
		return 0, false
	}
	weight := int64(100)
	for i := 1; i < len(s); i++ {
		if s[i]-'0' > 9 {
			return 0, false
		}
		millis += int64(s[i]-'0') * weight
		weight /= 10
	}
	return millis, true
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
