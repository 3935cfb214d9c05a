package farmtally_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
)

// largest is the largest int64, as a big integer.
var largest = big.NewInt(1<<63 - 1)

func TestParseMoney(t *testing.T) {
	for _, c := range []struct {
		text string
		want farmtally.Money
		err  string
	}{
		{"0", 0, ""}, {"-0", 0, ""}, {"+0", 0, ""}, {"-0.000", 0, ""}, {"0e99", 0, ""}, {"00012", 12e9, ""},
		{"1", 1e9, ""}, {"+1", 1e9, ""}, {"1.", 1e9, ""}, {".5", 5e8, ""}, {"0.0149", 14_900_000, ""},
		{"1e3", 1000e9, ""}, {"1E+3", 1000e9, ""}, {"1e-3", 1e6, ""}, {"12.5e1", 125e9, ""}, {"100e-2", 1e9, ""},
		{"0.0000000005", 0, ""}, {"0.00000000050", 0, ""}, {"0.00000000051", 1, ""}, {"0.0000000015", 2, ""},
		{"0.0000000025", 2, ""}, {"0.00000000250000001", 3, ""}, {"0.0000000024999999", 2, ""},
		{"0.00000000049", 0, ""}, {"0.00000000006", 0, ""}, {"1e-999", 0, ""},
		{"9223372036.854775807", 1<<63 - 1, ""}, {"9223372036.8547758074", 1<<63 - 1, ""},
		{"9223372036.85477580650", 1<<63 - 2, ""},
		{"9223372036.8547758075", 0, "too large"}, {"9223372036.854775808", 0, "too large"},
		{"18446744073.709551616", 0, "too large"}, {"99999999999", 0, "too large"},
		{"1e10", 0, "too large"}, {"1e999", 0, "too large"},
		{"-1", 0, "negative; it must be 0 or more"}, {"-0.0000000001", 0, "negative; it must be 0 or more"},
		{"", 0, "not a decimal number"}, {"-", 0, "not a decimal number"}, {"+", 0, "not a decimal number"},
		{".", 0, "not a decimal number"}, {"-.", 0, "not a decimal number"}, {"e1", 0, "not a decimal number"},
		{"-+1", 0, "not a decimal number"}, {"+-1", 0, "not a decimal number"}, {"--1", 0, "not a decimal number"},
		{"++1", 0, "not a decimal number"}, {"-+0", 0, "not a decimal number"},
		{"1e", 0, "not a decimal number"}, {"1e+", 0, "not a decimal number"}, {"1e1e1", 0, "not a decimal number"},
		{"1e1.5", 0, "not a decimal number"}, {"1.2.3", 0, "not a decimal number"}, {"1,5", 0, "not a decimal number"},
		{"1_000", 0, "not a decimal number"}, {"0x10", 0, "not a decimal number"}, {"NaN", 0, "not a decimal number"},
		{"Inf", 0, "not a decimal number"}, {" 1", 0, "not a decimal number"}, {"1 ", 0, "not a decimal number"},
		{"1\x00", 0, "not a decimal number"}, {"١", 0, "not a decimal number"}, {"$1", 0, "not a decimal number"},
		{"1e1000", 0, "not a decimal number"}, {"1e-1000", 0, "not a decimal number"},
		{"1e99999999999999999999", 0, "not a decimal number"},
		{"0." + strings.Repeat("1", 62), 111_111_111, ""},
		{"0." + strings.Repeat("1", 63), 0, "not a decimal number"},
		{strings.Repeat("0", 63) + "7", 7e9, ""},
		{strings.Repeat("9", 1<<20), 0, "not a decimal number"},
	} {
		got, err := farmtally.ParseMoney(c.text)
		if got != c.want || message(err) != c.err {
			t.Errorf("ParseMoney(%.70q) = %d, %q; want %d, %q", c.text, got, message(err), c.want, c.err)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParseRuntimeTruncates(t *testing.T) {
	for text, want := range map[string]int64{
		"0.0009": 0, "0.0019999": 1, "0.9999": 999, "53.773": 53_773, "53.7739": 53_773, "1e-4": 0, "1.5e2": 150_000,
		"9223372036854775.807": 1<<63 - 1, "9223372036854775.80799": 1<<63 - 1,
	} {
		if got, err := farmtally.ParseRuntime(text); got != want || err != nil {
			t.Errorf("ParseRuntime(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"9223372036854775.808": "too large", "-1": "negative; it must be 0 or more", "1s": "not a decimal number",
	} {
		if got, err := farmtally.ParseRuntime(text); got != 0 || message(err) != want {
			t.Errorf("ParseRuntime(%q) = %d, %v; want %q", text, got, err, want)
		}
	}
}

func TestParseBounded(t *testing.T) {
	for text, want := range map[string]string{
		"1000000000": "", "1000000000.0000000001": "", "1000000000.000000001": "too large", "-1": "negative; it must be 0 or more", "x": "not a decimal number",
	} {
		if _, err := farmtally.ParseQuantity(text); message(err) != want {
			t.Errorf("ParseQuantity(%q): %v; want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"0": "", "1": "", "100": "", "100.000000001": "too large", "101": "too large", "-1": "negative; it must be 0 or more", "": "not a decimal number",
	} {
		if _, err := farmtally.ParseCostScale(text); message(err) != want {
			t.Errorf("ParseCostScale(%q): %v; want %q", text, err, want)
		}
	}
}

// decimals draws texts of numbers, most of them well formed.
func decimals() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[+-]?[0-9]{0,12}(\.[0-9]{0,14})?([eE][+-]?[0-9]{1,2})?`),
		rapid.StringMatching(`[0-9]{1,10}\.[0-9]{8}[05]5?0{0,5}1?`),
		rapid.StringMatching(`92233720368?\.?8?547758(0[67])?[0-9.]{0,3}(e-?[0-9])?`),
		rapid.StringMatching(`[+.0-9eE-]{0,6}`),
	)
}

// bigDecimal is the obvious reference: the text as a fraction times the unit, and
// then rounded.
func bigDecimal(text string, unit int64, halfEven bool) (v *big.Int, ok bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if strings.Trim(whole+fraction, "+-eE") == "" || strings.Trim(text, "+-0123456789.eE") != "" {
		return nil, false
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, false
	}
	r.Mul(r, new(big.Rat).SetInt64(unit))
	v, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	twice := rest.Lsh(rest, 1).Cmp(r.Denom())
	if halfEven && (twice > 0 || twice == 0 && v.Bit(0) == 1) {
		v.Add(v, big.NewInt(1))
	}
	return v, true
}

func TestDecimalsEqualBigRationals(t *testing.T) {
	for _, c := range []struct {
		name     string
		unit     int64
		halfEven bool
		parse    func(string) (int64, error)
	}{
		{"Money", 1e9, true, func(s string) (int64, error) { m, err := farmtally.ParseMoney(s); return int64(m), err }},
		{"Runtime", 1e3, false, farmtally.ParseRuntime},
	} {
		t.Run(c.name, rapid.MakeCheck(func(t *rapid.T) {
			text := decimals().Draw(t, "text")
			got, err := c.parse(text)
			want, ok := bigDecimal(text, c.unit, c.halfEven)
			fine := ok && want.Sign() >= 0 && !isNegative(text) && want.Cmp(largest) <= 0
			if fine != (err == nil) || fine && got != want.Int64() {
				t.Fatalf("%q: got %d, %v; want %v, %v", text, got, err, want, ok)
			}
		}))
	}
}

// isNegative reports whether a number is below 0, however little.
func isNegative(text string) bool {
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	return text[0] == '-' && strings.Trim(mantissa, "-+.0") != ""
}

func TestDecimalsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(rapid.Int64Min(0), rapid.Int64Range(0, 3e9), rapid.SampledFrom([]int64{0, 1, 1e9, 1<<63 - 1})).Draw(t, "v")
		if got, err := farmtally.ParseMoney(farmtally.Money(v).String()); err != nil || int64(got) != v {
			t.Fatalf("Money(%d) prints %s, which reads %d, %v", v, farmtally.Money(v), got, err)
		}
		if got, err := farmtally.ParseRuntime(farmtally.FormatRuntime(v)); err != nil || got != v {
			t.Fatalf("runtime %d prints %s, which reads %d, %v", v, farmtally.FormatRuntime(v), got, err)
		}
		q := farmtally.Quantity(v % 1e18)
		if got, err := farmtally.ParseQuantity(q.String()); err != nil || got != q {
			t.Fatalf("Quantity(%d) prints %s, which reads %d, %v", q, q, got, err)
		}
		s := farmtally.CostScale(v % 1e11)
		if got, err := farmtally.ParseCostScale(s.String()); err != nil || got != s {
			t.Fatalf("CostScale(%d) prints %s, which reads %d, %v", s, s, got, err)
		}
	})
}

func TestDecimalsPrint(t *testing.T) {
	for _, c := range []struct {
		got  fmt.Stringer
		want string
	}{
		{farmtally.Money(0), "0"}, {farmtally.Money(1), "0.000000001"}, {farmtally.Money(14_900_000), "0.0149"},
		{farmtally.Money(1e9), "1"}, {farmtally.Money(120e9), "120"}, {farmtally.Money(-1), "-0.000000001"},
		{farmtally.Money(-15e8), "-1.5"}, {farmtally.Money(1<<63 - 1), "9223372036.854775807"},
		{farmtally.Money(-1 << 63), "-9223372036.854775808"}, {farmtally.One, "1"}, {farmtally.DefaultCostScale, "1"},
		{farmtally.CostScale(5e8), "0.5"},
	} {
		if got := c.got.String(); got != c.want {
			t.Errorf("%T prints %q, want %q", c.got, got, c.want)
		}
	}
	for scale, want := range map[farmtally.CostScale]float64{0: 0, 1: 1e-9, 1_150_000_000: 1.15, farmtally.DefaultCostScale: 1, 100 * farmtally.DefaultCostScale: 100} {
		if got := scale.Float(); got != want {
			t.Errorf("%d billionths are %v, want %v", scale, got, want)
		}
	}
	for millis, want := range map[int64]string{0: "0", 1: "0.001", 53_773: "53.773", 60_000: "60", 1500: "1.5", 1<<63 - 1: "9223372036854775.807"} {
		if got := farmtally.FormatRuntime(millis); got != want {
			t.Errorf("FormatRuntime(%d) = %q, want %q", millis, got, want)
		}
	}
}
