package farmtally

import (
	"strings"
	"testing"
)

func TestClosest(t *testing.T) {
	known := []string{"usageType", "usdPerHour", "per", "id", "validFrom"}
	for in, want := range map[string]string{
		"usagetype": "usageType", "usdPerHuor": "usdPerHour", "usd_per_hour": "usdPerHour", "validFrm": "validFrom",
		"pre": "", "colour": "", "": "", strings.Repeat("x", 1000): "",
	} {
		if got := Closest(in, known); got != want {
			t.Errorf("Closest(%.20q) = %q, want %q", in, got, want)
		}
	}
}

func TestMistypedID(t *testing.T) {
	good := FarmPrefix + strings.Repeat("0a", 16)
	for in, want := range map[string]bool{
		good: false, strings.ToUpper(good[:5]) + good[5:]: false, good[:len(good)-1]: true, good + "0": true,
		good[:20] + strings.ToUpper(good[20:]): true, good[:len(good)-1] + "g": true,
		"farm-east": false, "farm-deadbeef": false, "farm-": false, "": false, QueuePrefix + good[5:36]: false,
	} {
		if got := MistypedID(FarmPrefix, in); got != want {
			t.Errorf("MistypedID(%q) = %v", in, got)
		}
	}
}

func TestParseUnit(t *testing.T) {
	for u := PerWorker; u <= PerSeat; u++ {
		for _, s := range []string{u.String(), strings.ToUpper(u.String()), strings.ToLower(u.String())} {
			if got, err := ParseUnit(s); got != u || err != nil {
				t.Errorf("ParseUnit(%q) = %v, %v", s, got, err)
			}
		}
	}
}
