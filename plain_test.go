package farmtally

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// What the short ways of reading take, the general ones read alike.
func checkPlainDecimal(t *testing.T, s string, digits int) (plain bool) {
	t.Helper()
	v, plain := parsePlainDecimal(s, digits)
	if !plain {
		return false
	}
	if want, err := parseAnyDecimal(s, digits, truncate); err != nil || v != want {
		t.Fatalf("%q with %d digits: %d, and by the general way %d, %v", s, digits, v, want, err)
	}
	return true
}

func checkPlainInstant(t *testing.T, s string) (plain bool) {
	t.Helper()
	v, plain := parsePlainInstant(s)
	if !plain {
		return false
	}
	if want, err := parseAnyInstant(s); err != nil || v != want {
		t.Fatalf("%q: %d, and by the general way %d, %v", s, v, want, err)
	}
	return true
}

func TestPlainDecimals(t *testing.T) {
	plain := 0
	for range 20_000 {
		s := ""
		for n := rand.N(22); n >= 0; n-- {
			s += string("0000123456789.."[rand.N(15)])
		}
		for _, digits := range []int{3, nanoDigits} {
			if checkPlainDecimal(t, s, digits) {
				plain++
			}
		}
	}
	if plain < 2000 {
		t.Errorf("%d numbers were plain", plain)
	}
}

func TestPlainInstants(t *testing.T) {
	for year := 0; year < 10_000; year += 1 + rand.N(3) {
		for month := range 14 {
			for _, day := range []int{0, 1, 28, 29, 30, 31, 32} {
				checkPlainInstant(t, fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, rand.N(26), rand.N(62), rand.N(62)))
			}
		}
		if !checkPlainInstant(t, fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%dZ", year, 1+rand.N(12), 1+rand.N(28), rand.N(24), rand.N(60), rand.N(60), rand.N(1_000_000_000))) {
			t.Fatal("a plain instant is none")
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"2026-01-31T08:00:00Z", "2024-02-29T23:59:59.9999Z", "0.5", "12.", ".", "9223372036854775807", "1e3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkPlainInstant(t, s)
		checkPlainDecimal(t, s, nanoDigits)
		checkPlainDecimal(t, s, 3)
	})
}
