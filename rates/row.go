package rates

import (
	"strings"
	"unicode/utf8"

	"github.com/farmtally/farmtally"
	"github.com/pelletier/go-toml/v2/unstable"
)

// keys are the keys of a [[rate]].
var keys = []string{"id", "usageType", "fleet", "instanceType", "licenseProduct", "usdPerHour", "per",
	"validFrom", "validUntil"}

// row reads one [[rate]] and notes everything that is wrong with it.
func (d *document) row(t table) Row {
	r := Row{
		ID:             d.id(t),
		UsageType:      d.usageType(t),
		Fleet:          d.fleet(t),
		InstanceType:   d.text100(t, "instanceType"),
		LicenseProduct: d.text100(t, "licenseProduct"),
		USDPerHour:     d.usdPerHour(t),
		Per:            d.unit(t),
		ValidFrom:      d.instant(t, "validFrom"),
		ValidUntil:     d.instant(t, "validUntil"),
		Line:           t.line,
	}
	if until, ok := t.values["validUntil"]; ok && r.ValidUntil <= r.ValidFrom && r.ValidUntil != 0 {
		d.fault(until.line, "validUntil", "must be after validFrom")
	}
	if r.UsageType == 0 || r.UsageType == farmtally.License {
		return r
	}
	if product, ok := t.values["licenseProduct"]; ok {
		d.fault(product.line, "licenseProduct", "is allowed with usageType LICENSE alone")
	}
	if per := t.values["per"]; r.Per == farmtally.PerSeat {
		d.fault(per.line, "per", "must be worker, cpu, gpu or GiB: a seat is of a licence, and usageType is %s", r.UsageType)
	}
	return r
}

// str gives a string value, or "" and false where there is none or it is faulty.
func (d *document) str(t table, key string) (value, bool) {
	v, ok := t.values[key]
	switch {
	case !ok:
		return v, false
	case v.kind != unstable.String:
		d.fault(v.line, key, "must be a string in quotes")
		return v, false
	case v.text == "":
		d.fault(v.line, key, "must not be empty; leave the line out instead")
		return v, false
	}
	return v, true
}

func (d *document) text100(t table, key string) string {
	v, ok := d.str(t, key)
	if n := utf8.RuneCountInString(v.text); ok && n > maxText {
		d.fault(v.line, key, "has %d characters; at most %d are allowed", n, maxText)
		return ""
	}
	if !ok {
		return ""
	}
	return v.text
}

func (d *document) required(t table, key, example string) bool {
	if _, ok := t.values[key]; ok {
		return true
	}
	d.fault(t.line, key, "is required, such as %s = %s", key, example)
	return false
}

func (d *document) id(t table) string {
	if !d.required(t, "id", `"own-machines"`) {
		return ""
	}
	id := d.text100(t, "id")
	if id == farmtally.Unpriced {
		d.fault(t.values["id"].line, "id", "must not be %q, which stands for records without a rate", id)
	}
	return id
}

func (d *document) checkUnique() {
	first := make(map[string]int, len(d.tables))
	for _, t := range d.tables {
		id := t.values["id"]
		if id.text == "" {
			continue
		}
		if line, ok := first[id.text]; ok {
			d.fault(id.line, "id", "%q is taken by the rate of line %d; each rate needs its own", clip(id.text), line)
			continue
		}
		first[id.text] = id.line
	}
}

func (d *document) usageType(t table) farmtally.UsageType {
	if !d.required(t, "usageType", `"COMPUTE"`) {
		return 0
	}
	v, ok := d.str(t, "usageType")
	if !ok {
		return 0
	}
	u, err := farmtally.ParseUsageType(v.text)
	if err != nil {
		d.fault(v.line, "usageType", "%s", err)
	}
	return u
}

func (d *document) fleet(t table) string {
	name := d.text100(t, "fleet")
	if farmtally.MistypedID(farmtally.FleetPrefix, name) {
		d.fault(t.values["fleet"].line, "fleet", "must be a fleet's name, or %q and 32 lower-case hexadecimal digits",
			farmtally.FleetPrefix)
	}
	return name
}

func (d *document) usdPerHour(t table) farmtally.Money {
	const key = "usdPerHour"
	if !d.required(t, key, `"0.25"`) {
		return 0
	}
	v := t.values[key]
	if v.kind == unstable.Float || v.kind == unstable.Integer {
		d.fault(v.line, key, "must be in quotes, %s = %q: a bare number would be read as binary floating point",
			key, clip(v.text))
		return 0
	}
	if _, ok := d.str(t, key); !ok {
		return 0
	}
	m, err := farmtally.ParseMoney(v.text)
	_, decimals, _ := strings.Cut(v.text, ".")
	switch {
	case strings.ContainsAny(v.text, "eE"):
		d.fault(v.line, key, `must be written without an exponent, such as "0.25"`)
	case err != nil:
		d.fault(v.line, key, `must be a decimal number of dollars, such as "0.25"; %q is %s`, clip(v.text), err)
	case len(strings.TrimRight(decimals, "0")) > moneyDecimals:
		d.fault(v.line, key, "has more than %d decimals; the smallest price is a nano-dollar", moneyDecimals)
	}
	return m
}

// moneyDecimals is the number of decimals of a nano-dollar.
const moneyDecimals = 9

func (d *document) unit(t table) farmtally.Unit {
	if _, ok := t.values["per"]; !ok {
		return farmtally.PerWorker
	}
	v, ok := d.str(t, "per")
	if !ok {
		return 0
	}
	u, err := farmtally.ParseUnit(v.text)
	if err != nil {
		d.fault(v.line, "per", "%s", err)
	}
	return u
}

// instant reads a date-time with a zone, in TOML's own form or as a string, and
// gives 0 where there is none.
func (d *document) instant(t table, key string) farmtally.Instant {
	v, ok := t.values[key]
	if !ok {
		return 0
	}
	text := v.text
	if v.kind == unstable.DateTime && len(text) > len("2006-01-02") {
		text = text[:10] + "T" + text[11:] // TOML allows a space there
	}
	at, err := farmtally.ParseInstant(text)
	switch {
	case v.kind == unstable.LocalDateTime || v.kind == unstable.LocalDate || v.kind == unstable.LocalTime:
		d.fault(v.line, key, "needs a date, a time and a zone, such as 2026-01-31T08:00:00Z or 2026-01-31T08:00:00+01:00")
	case v.kind != unstable.DateTime && v.kind != unstable.String:
		d.fault(v.line, key, "must be a date and time with a zone, such as 2026-01-31T08:00:00Z")
	case err != nil:
		d.fault(v.line, key, "is %s", err)
	case at < 0 || at == 0 && key == "validUntil":
		d.fault(v.line, key, "must be after 1970-01-01T00:00:00Z")
	default:
		return at
	}
	return 0
}
