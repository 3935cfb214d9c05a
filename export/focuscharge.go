package export

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/farmtally/farmtally"
)

// Where a charge has its price from.
const (
	fromRateCard = "RATE_CARD" // of the farm, by the rate that priced the record
	fromRecord   = "RECORD"    // the source of the record named its cost
	fromNowhere  = "NONE"      // no rate matched, and the cost is 0
)

// quantityDigits are the decimals of a priced quantity. With fifteen, a list price below
// dearest times the quantity is within half a nano-dollar of the list cost.
const (
	quantityDigits                 = 15
	dearest        farmtally.Money = 1e15 // a million dollars an hour, for one of the unit
)

// charge is what the columns of a row are of: a record, and the part of it in one charge
// period.
type charge struct {
	c      *FocusConfig
	record *farmtally.Record
	use    farmtally.Use

	source      string
	rate        farmtally.Rate // of fromRateCard; its price is 0 where it is not known
	inDollars   bool           // a dollar's worth of use costs a dollar
	sku         string
	description string
	price       amount // dollars for one of the unit
	contracted  amount // the same with the farm's cost scale

	start, end    farmtally.Instant
	cost          farmtally.Money
	runtimeMillis int64
	quantity      amount // in the unit that is priced
	billed        amount // the cost with the farm's cost scale
}

// begin takes a record.
func (c *charge) begin(config *FocusConfig, r *farmtally.Record, use farmtally.Use) {
	c.c, c.record, c.use = config, r, use
	c.source, c.rate, c.inDollars = fromRecord, farmtally.Rate{}, true
	switch r.Rate.ID {
	case "":
	case farmtally.Unpriced:
		c.source, c.inDollars = fromNowhere, false
	default:
		c.source = fromRateCard
		for _, rate := range [...]farmtally.Rate{r.Rate, config.Rates[r.Rate.ID]} {
			if c.prices(rate) {
				c.rate, c.inDollars = rate, false
				break
			}
		}
	}
	c.sku = skuOf(r)
	c.description = c.describe()
}

// prices reports whether a rate gives the record's cost, so that it is what priced it.
func (c *charge) prices(rate farmtally.Rate) bool {
	if rate.Per == 0 || rate.USDPerHour >= dearest {
		return false
	}
	cost, err := rate.Cost(c.record.Quantity(rate.Per), c.use.RuntimeMillis)
	return err == nil && cost == c.use.Cost
}

// slice makes the charge that of the record's part inside [start, end).
func (c *charge) slice(start, end farmtally.Instant) (err error) {
	c.start, c.end = start, end
	c.cost, c.runtimeMillis = c.use.Slice(start, end)
	scale := int64(c.c.Farm.CostScale)
	if c.billed, err = times(farmtally.Sum{Lo: uint64(c.cost)}, scale); err != nil { //nolint:gosec // never negative
		return err
	}
	price := c.rate.USDPerHour
	switch {
	case c.inDollars:
		price = farmtally.Money(farmtally.NanosPerDollar)
		hi, lo := bits.Mul64(uint64(c.cost), 1e6)  //nolint:gosec // never negative
		c.quantity = decimal128.New(int64(hi), lo) //nolint:gosec // below 2^20
	case price > 0:
		c.quantity = ratioOf(c.cost, price)
	default:
		c.quantity = unitHours(c.record.Quantity(c.per()), c.runtimeMillis)
	}
	c.price = decimal128.FromI64(int64(price))
	c.contracted, err = times(farmtally.Sum{Lo: uint64(price)}, scale)
	return err
}

// per is the unit that is priced, where it is not dollars.
func (c *charge) per() farmtally.Unit {
	if c.rate.Per == 0 {
		return farmtally.PerWorker
	}
	return c.rate.Per
}

// ratioOf is the quantity of the unit, at the price of one, that has the cost: rounded
// to the nearest.
func ratioOf(cost, price farmtally.Money) amount {
	p := uint64(price)                       //nolint:gosec // positive
	hi, lo := bits.Mul64(uint64(cost), 1e15) //nolint:gosec // never negative
	top, rest := hi/p, hi%p                  // p may be less than hi
	bottom, rest := bits.Div64(rest, lo, p)  // below 2^64 now
	if rest >= p-rest {
		var carry uint64
		bottom, carry = bits.Add64(bottom, 1, 0)
		top += carry
	}
	return decimal128.New(int64(top), bottom) //nolint:gosec // below 2^50
}

// unitHours is a quantity times a runtime, in hours.
func unitHours(q farmtally.Quantity, millis int64) amount {
	hi, lo := bits.Mul64(uint64(q), uint64(millis)) //nolint:gosec // neither is negative
	// In billionths of a unit and milliseconds: 10^-9 · 1/3600000 h is 5/18 · 10^-15.
	const numerator, denominator = 5, 18
	over, lo := bits.Mul64(lo, numerator)
	hi = hi*numerator + over
	bottom, _ := bits.Div64(hi%denominator, lo, denominator)
	return decimal128.New(int64(hi/denominator), bottom) //nolint:gosec // below 2^60
}

// priceUnits are FOCUS's names of what an hour of a unit is.
var priceUnits = map[farmtally.Unit]string{
	farmtally.PerWorker: "Worker-Hours", farmtally.PerCPU: "CPU-Hours", farmtally.PerGPU: "GPU-Hours",
	farmtally.PerGiB: "GiB-Hours", farmtally.PerSeat: "Seat-Hours",
}

// skuOf names what was used: "compute/c5.4xlarge".
func skuOf(r *farmtally.Record) string {
	sku := strings.ReplaceAll(strings.ToLower(r.UsageType.String()), "_", "-")
	if what := r.LicenseProduct + r.InstanceType; r.LicenseProduct == "" || r.InstanceType == "" {
		if what != "" {
			sku += "/" + what
		}
		return sku
	}
	return sku + "/" + r.LicenseProduct + "/" + r.InstanceType
}

// describe is the charge in a sentence, price included.
func (c *charge) describe() string {
	what := map[farmtally.UsageType]string{
		farmtally.Compute: "Compute", farmtally.License: "License", farmtally.PersistentVolume: "Persistent volume",
	}[c.record.UsageType]
	if c.record.LicenseProduct != "" {
		what += " of " + c.record.LicenseProduct
	}
	if c.record.InstanceType != "" {
		what += " on " + c.record.InstanceType
	}
	switch {
	case c.source == fromNowhere:
		return what + ", without a price: no rate matched"
	case c.source == fromRecord:
		return what + ", at the cost that its source named"
	case c.inDollars:
		return what + fmt.Sprintf(", at a former price of the rate %s", c.record.Rate.ID)
	default:
		return what + fmt.Sprintf(", at %s USD per %s and hour", c.rate.USDPerHour, c.rate.Per)
	}
}
