package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/farmtally/farmtally"
)

// momentForms is what parseMoment reads, for messages and help.
const momentForms = "a date (2026-01-31), a time (2026-01-31T08:00), an instant (2026-01-31T08:00:00Z), " +
	"now, today, yesterday, or so long ago (-7d, -12h, -2w)"

var agoPattern = regexp.MustCompile(`^-(\d{1,6})([mhdw])$`)

var agoUnits = map[string]time.Duration{
	"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// parseMoment reads an instant as people write it. Dates, and times without a zone,
// are local to the zone; a date is its midnight.
func parseMoment(s string, zone farmtally.Offset, now time.Time) (farmtally.Instant, error) {
	local := time.FixedZone(zone.String(), int(zone)*60)
	midnight := func(days int) farmtally.Instant {
		y, m, d := now.In(local).Date()
		return farmtally.InstantOf(time.Date(y, m, d+days, 0, 0, 0, 0, local))
	}
	switch s {
	case "now":
		return farmtally.InstantOf(now), nil
	case "today":
		return midnight(0), nil
	case "yesterday":
		return midnight(-1), nil
	}
	if ago := agoPattern.FindStringSubmatch(s); ago != nil {
		n, _ := strconv.Atoi(ago[1]) // the pattern takes six digits at most
		return farmtally.InstantOf(now.Add(-time.Duration(n) * agoUnits[ago[2]])), nil
	}
	if t, err := farmtally.ParseInstant(s); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateTime} {
		if t, err := time.ParseInLocation(layout, s, local); err == nil {
			return farmtally.InstantOf(t), nil
		}
	}
	return 0, fmt.Errorf("%q is not %s", s, momentForms)
}
