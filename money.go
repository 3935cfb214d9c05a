package farmtally

// Money is an amount of US dollars in whole nano-dollars (10^-9 USD). The largest
// is about 9.2 billion dollars.
type Money int64

// ParseMoney reads a decimal number of dollars, 0 or more. What is finer than a
// nano-dollar is rounded, half to even.
func ParseMoney(s string) (Money, error) {
	v, err := parseDecimal(s, nanoDigits, halfEven)
	return Money(v), err
}

// String prints the dollars exactly, without trailing zeros: "0.0149".
func (m Money) String() string { return formatDecimal(int64(m)) }

// Quantity is a number of workers, cpus, gpus or GiB in billionths.
type Quantity int64

// One is the quantity 1.
const One Quantity = nano

// maxQuantity bounds what one record can occupy: a billion of anything.
const maxQuantity = nano * One

// ParseQuantity reads a decimal number, from 0 to a billion. What is finer than a
// billionth is rounded, half to even.
func ParseQuantity(s string) (Quantity, error) {
	v, err := parseDecimal(s, nanoDigits, halfEven)
	if err == nil && Quantity(v) > maxQuantity {
		err = errTooLarge
	}
	return Quantity(v), err
}

// String prints the quantity exactly, without trailing zeros.
func (q Quantity) String() string { return formatDecimal(int64(q)) }

// CostScale is a farm's costScaleFactor in billionths, 0 to 100. It multiplies cost
// results when they are read out, never what is stored.
type CostScale int64

// DefaultCostScale is the factor 1, which changes nothing.
const DefaultCostScale CostScale = nano

// maxCostScale is 100, AWS's bound for costScaleFactor.
const maxCostScale = 100 * DefaultCostScale

// ParseCostScale reads a decimal number from 0 to 100.
func ParseCostScale(s string) (CostScale, error) {
	v, err := parseDecimal(s, nanoDigits, halfEven)
	if err == nil && CostScale(v) > maxCostScale {
		err = errTooLarge
	}
	return CostScale(v), err
}

// Float is the double nearest to the factor.
func (s CostScale) Float() float64 { return float64(s) / nano }

// String prints the factor exactly, without trailing zeros.
func (s CostScale) String() string { return formatDecimal(int64(s)) }

// ParseRuntime reads a decimal number of seconds, 0 or more, as whole milliseconds;
// finer digits are cut off.
func ParseRuntime(s string) (int64, error) { return parseDecimal(s, 3, truncate) }

// FormatRuntime prints milliseconds as seconds, exactly, without trailing zeros.
func FormatRuntime(millis int64) string {
	return Sum{Lo: uint64(millis)}.decimal(3) //nolint:gosec // runtimes are never negative
}
