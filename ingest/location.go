package ingest

import (
	"time"
	_ "time/tzdata" // zones by name, on machines that have no zone files as well

	"github.com/farmtally/farmtally"
)

// ParseLocation reads the zone of a log's times: "UTC", a fixed offset such as
// "UTC+02:00", or a name of the IANA time zone database such as "Europe/Berlin". Its
// error is a *farmtally.Error of Kind Invalid.
func ParseLocation(s string) (*time.Location, error) {
	if offset, err := farmtally.ParseTimezone(s); err == nil {
		return time.FixedZone(s, int(offset)*60), nil
	}
	if s != "" && s != "Local" {
		if l, err := time.LoadLocation(s); err == nil {
			return l, nil
		}
	}
	return nil, farmtally.Errorf(farmtally.Invalid,
		"the time zone must be UTC, an offset such as UTC+02:00, or a name such as Europe/Berlin; %s is none", quoted(s))
}
