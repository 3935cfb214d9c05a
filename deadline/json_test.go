package deadline

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAppendDouble(t *testing.T) {
	for want, f := range map[string]float64{
		"0": 0, "1": 1, "0.1": 0.1, "-2.5": -2.5, "53.773": 53.773, "11767.9883": 11767.9883,
		"0.000000001": 1e-9, "9007199254740994": 9007199254740994, "100000000000000000000": 1e20, "1e+21": 1e21,
		"1.7976931348623157e+308": math.MaxFloat64, "0.3": 0.3, "0.30000000000000004": 0.30000000000000004,
		`"NaN"`: math.NaN(), `"Infinity"`: math.Inf(1), `"-Infinity"`: math.Inf(-1),
	} {
		if have := string(AppendDouble(nil, f)); have != want {
			t.Errorf("got %s, want %s", have, want)
		}
	}
}

// TestAppendDoubleReadsBack: every double reads back as the same one, and has no
// exponent below 1e21.
func TestAppendDoubleReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.Float64().Draw(t, "f")
		text := string(AppendDouble(nil, f))
		back, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Float64bits(back) != math.Float64bits(f) || !json.Valid([]byte(text)) {
			t.Fatalf("%g prints as %s and reads back as %g, %v", f, text, back, err)
		}
		if math.Abs(f) < 1e21 && strings.ContainsAny(text, "eE") {
			t.Fatalf("%g prints as %s", f, text)
		}
	})
}

// TestAppendString: a string reads back as itself, but for what is no UTF-8.
func TestAppendString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.StringMatching("[\x00-\x1f\"\\\\/\u007f\u2028é😀\ufffd]*")).Draw(t, "s")
		text := AppendString(nil, s)
		var back string
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%q prints as %s: %v", s, text, err)
		}
		if want := string([]rune(s)); back != want {
			t.Fatalf("%q prints as %s and reads back as %q", s, text, back)
		}
	})
}

func TestAppendTime(t *testing.T) {
	zone := time.FixedZone("", 5*3600+1800)
	for want, at := range map[string]time.Time{
		`"2026-01-31T08:00:00Z"`:     time.Date(2026, 1, 31, 13, 30, 0, 0, zone),
		`"2026-01-31T08:00:00.007Z"`: time.Date(2026, 1, 31, 8, 0, 0, 7_000_000, time.UTC),
		`"2026-01-31T08:00:00.5Z"`:   time.Date(2026, 1, 31, 8, 0, 0, 500_000_000, time.UTC),
		`"0001-01-01T00:00:00Z"`:     {},
	} {
		if have := string(AppendTime(nil, at)); have != want {
			t.Errorf("got %s, want %s", have, want)
		}
	}
}

// The short way of AppendDouble prints what the general one prints.
func TestAppendDoubleIsTheShortest(t *testing.T) {
	check := func(t interface{ Errorf(string, ...any) }, f float64) {
		if got, want := string(AppendDouble(nil, f)), string(appendShortest(nil, f)); got != want {
			t.Errorf("%b prints as %s, want %s", f, got, want)
		}
	}
	for _, f := range []float64{
		0, math.Copysign(0, -1), 1e-9, 5e-10, 1.5e-9, 0.1, 0.3, 1.0 / 3, 999999.999999999, 1e6 - 1e-9, 1e6, 1e6 + 1e-9, 123456.789,
		1, 10, 1e5, -0.5, math.SmallestNonzeroFloat64, math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1),
	} {
		check(t, f)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(0, 1<<54).Draw(t, "billionths")
		f := float64(n) / 1e9
		for _, f := range []float64{f, math.Nextafter(f, 0), math.Nextafter(f, math.Inf(1)), float64(n%1e6) / 1000, f / 7} {
			check(t, f)
		}
		check(t, rapid.Float64().Draw(t, "any"))
	})
}
