package main

import (
	"testing"
	"time"

	"github.com/farmtally/farmtally"
)

func TestParseMoment(t *testing.T) {
	now := time.Date(2026, time.March, 4, 20, 45, 30, 0, time.UTC) // the 5th at UTC+05:30
	india, err := farmtally.ParseTimezone("UTC+05:30")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		zone farmtally.Offset
		want string
	}{
		{"now", 0, "2026-03-04T20:45:30Z"},
		{"today", 0, "2026-03-04T00:00:00Z"},
		{"today", india, "2026-03-04T18:30:00Z"},
		{"yesterday", india, "2026-03-03T18:30:00Z"},
		{"-30m", 0, "2026-03-04T20:15:30Z"},
		{"-12h", 0, "2026-03-04T08:45:30Z"},
		{"-7d", india, "2026-02-25T20:45:30Z"},
		{"-2w", 0, "2026-02-18T20:45:30Z"},
		{"2026-01-31", 0, "2026-01-31T00:00:00Z"},
		{"2026-01-31", india, "2026-01-30T18:30:00Z"},
		{"2026-01-31T08:00", india, "2026-01-31T02:30:00Z"},
		{"2026-01-31 08:00:01", 0, "2026-01-31T08:00:01Z"},
		{"2026-01-31T08:00:00Z", india, "2026-01-31T08:00:00Z"},
		{"2026-01-31T08:00:00.123-08:00", 0, "2026-01-31T16:00:00.123Z"},
	} {
		got, err := parseMoment(c.text, c.zone, now)
		if err != nil || got.String() != c.want {
			t.Errorf("%q at %s is %s, %v; want %s", c.text, c.zone, got, err, c.want)
		}
	}
	for _, text := range []string{"", "2026", "2026-02-30", "tomorrow", "7d", "-7", "-7y", "-99999999d", "--7d", "31/01/2026"} {
		if got, err := parseMoment(text, 0, now); err == nil {
			t.Errorf("%q is taken as %s", text, got)
		}
	}
}
