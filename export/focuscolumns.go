package export

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/farmtally/farmtally"
)

// focusKind is the type of a column.
type focusKind int

const (
	focusText focusKind = iota
	focusInstant
	focusPrice    // dollars of a rate card
	focusDollars  // dollars times a cost scale
	focusQuantity // of what is priced
	focusSeconds
)

var focusTypes = map[focusKind]arrow.DataType{
	focusText:     arrow.BinaryTypes.String,
	focusInstant:  instantType,
	focusPrice:    nanoType,
	focusDollars:  dollarType,
	focusQuantity: &arrow.Decimal128Type{Precision: 38, Scale: quantityDigits},
	focusSeconds:  secondType,
}

var focusDigits = map[focusKind]int{
	focusPrice: 9, focusDollars: dollarDigits, focusQuantity: quantityDigits, focusSeconds: secondDigits,
}

// focusCell is a value: a text, "" for null, or a number.
type focusCell struct {
	text   string
	number decimal128.Num
	some   bool // it is a number
}

func (c *focusCell) absent() bool { return !c.some && c.text == "" }

// focusColumn is a column, and what it is of a charge.
type focusColumn struct {
	name     string
	kind     focusKind
	nullable bool
	of       func(*charge) focusCell
}

func number(kind focusKind, name string, of func(*charge) amount) focusColumn {
	return focusColumn{name, kind, false, func(c *charge) focusCell { return focusCell{number: of(c), some: true} }}
}

func moment(name string, of func(*charge) farmtally.Instant) focusColumn {
	return focusColumn{name, focusInstant, false, func(c *charge) focusCell {
		return focusCell{number: decimal128.FromI64(int64(of(c))), some: true}
	}}
}

func text(name string, nullable bool, of func(*charge) string) focusColumn {
	return focusColumn{name, focusText, nullable, func(c *charge) focusCell { return focusCell{text: of(c)} }}
}

func always(name, value string) focusColumn {
	return text(name, false, func(*charge) string { return value })
}

// never is a column that nothing of a render farm belongs into.
func never(name string) focusColumn {
	return focusColumn{name, focusText, true, func(*charge) focusCell { return focusCell{} }}
}

// The names that columns share.
const (
	usd           = "USD"
	notApplicable = "Not Applicable" // FOCUS's own words for the host of a license
)

// focusColumnsOf are the columns of a version: those of the specification in the order
// of the alphabet, and then those of our own.
func focusColumnsOf(version string) []focusColumn {
	var columns []focusColumn
	for _, c := range focusColumns {
		if version == "1.2" && focusSince13[c.name] {
			continue
		}
		columns = append(columns, c)
	}
	return columns
}

// focusSince13 are the columns that 1.3 added.
var focusSince13 = map[string]bool{
	"AllocatedMethodDetails": true, "AllocatedMethodId": true, "AllocatedResourceId": true, "AllocatedResourceName": true,
	"AllocatedTags": true, "ContractApplied": true, "HostProviderName": true, "ServiceProviderName": true,
}

var focusColumns = append(focusStandard(), focusOwn()...)

//nolint:funlen // a table
func focusStandard() []focusColumn {
	return []focusColumn{
		never("AllocatedMethodDetails"),
		never("AllocatedMethodId"),
		never("AllocatedResourceId"),
		never("AllocatedResourceName"),
		never("AllocatedTags"),
		never("AvailabilityZone"),
		number(focusDollars, "BilledCost", (*charge).billedCost),
		text("BillingAccountId", false, func(c *charge) string { return string(c.c.Farm.ID) }),
		text("BillingAccountName", true, func(c *charge) string { return c.c.Farm.Name }),
		always("BillingAccountType", "Farm"),
		always("BillingCurrency", usd),
		moment("BillingPeriodEnd", func(c *charge) farmtally.Instant { return c.month(1) }),
		moment("BillingPeriodStart", func(c *charge) farmtally.Instant { return c.month(0) }),
		never("CapacityReservationId"),
		never("CapacityReservationStatus"),
		always("ChargeCategory", "Usage"),
		never("ChargeClass"),
		text("ChargeDescription", true, func(c *charge) string { return c.description }),
		always("ChargeFrequency", "Usage-Based"),
		moment("ChargePeriodEnd", func(c *charge) farmtally.Instant { return c.end }),
		moment("ChargePeriodStart", func(c *charge) farmtally.Instant { return c.start }),
		never("CommitmentDiscountCategory"),
		never("CommitmentDiscountId"),
		never("CommitmentDiscountName"),
		{"CommitmentDiscountQuantity", focusQuantity, true, func(*charge) focusCell { return focusCell{} }},
		never("CommitmentDiscountStatus"),
		never("CommitmentDiscountType"),
		never("CommitmentDiscountUnit"),
		number(focusSeconds, "ConsumedQuantity", func(c *charge) amount { return decimal128.FromI64(c.runtimeMillis) }),
		always("ConsumedUnit", "Seconds"),
		never("ContractApplied"),
		number(focusDollars, "ContractedCost", (*charge).billedCost),
		number(focusDollars, "ContractedUnitPrice", (*charge).contractedPrice),
		number(focusDollars, "EffectiveCost", (*charge).billedCost),
		text("HostProviderName", false, (*charge).host),
		never("InvoiceId"),
		text("InvoiceIssuerName", false, (*charge).provider),
		number(focusPrice, "ListCost", func(c *charge) amount { return decimal128.FromI64(int64(c.cost)) }),
		number(focusPrice, "ListUnitPrice", (*charge).listPrice),
		text("PricingCategory", false, (*charge).pricing),
		always("PricingCurrency", usd),
		number(focusDollars, "PricingCurrencyContractedUnitPrice", (*charge).contractedPrice),
		number(focusDollars, "PricingCurrencyEffectiveCost", (*charge).billedCost),
		number(focusPrice, "PricingCurrencyListUnitPrice", (*charge).listPrice),
		number(focusQuantity, "PricingQuantity", func(c *charge) amount { return c.quantity }),
		text("PricingUnit", false, (*charge).pricingUnit),
		text("ProviderName", false, (*charge).provider),
		text("PublisherName", false, (*charge).provider),
		never("RegionId"),
		never("RegionName"),
		text("ResourceId", true, func(c *charge) string { return string(c.record.FleetID) }),
		text("ResourceName", true, func(c *charge) string { return c.record.FleetName }),
		text("ResourceType", true, func(c *charge) string { return where(c.record.FleetID != "", "Fleet") }),
		text("ServiceCategory", false, func(c *charge) string { return c.service().category }),
		text("ServiceName", false, func(c *charge) string { return c.service().name }),
		text("ServiceProviderName", false, (*charge).provider),
		text("ServiceSubcategory", false, func(c *charge) string { return c.service().subcategory }),
		text("SkuId", false, func(c *charge) string { return c.sku }),
		text("SkuMeter", false, func(c *charge) string { return c.service().meter }),
		text("SkuPriceDetails", true, (*charge).priceDetails),
		text("SkuPriceId", false, (*charge).priceID),
		text("SubAccountId", true, func(c *charge) string { return string(c.record.QueueID) }),
		text("SubAccountName", true, func(c *charge) string { return c.record.QueueName }),
		text("SubAccountType", true, func(c *charge) string { return where(c.record.QueueID != "", "Queue") }),
		never("Tags"),
	}
}

func focusOwn() []focusColumn {
	end := moment("x_RecordEnd", func(c *charge) farmtally.Instant { return c.record.EndedAt })
	ended := end.of
	end.nullable, end.of = true, func(c *charge) focusCell {
		if c.record.Running {
			return focusCell{}
		}
		return ended(c)
	}
	return []focusColumn{
		text("x_FleetId", true, func(c *charge) string { return string(c.record.FleetID) }),
		text("x_FleetName", true, func(c *charge) string { return c.record.FleetName }),
		text("x_InstanceType", true, func(c *charge) string { return c.record.InstanceType }),
		text("x_JobId", true, func(c *charge) string { return string(c.record.JobID) }),
		text("x_JobName", true, func(c *charge) string { return c.record.JobName }),
		text("x_LicenseProduct", true, func(c *charge) string { return c.record.LicenseProduct }),
		text("x_PriceSource", false, func(c *charge) string { return c.source }),
		text("x_QueueId", true, func(c *charge) string { return string(c.record.QueueID) }),
		text("x_QueueName", true, func(c *charge) string { return c.record.QueueName }),
		text("x_RateId", true, func(c *charge) string { return where(c.source == fromRateCard, c.record.Rate.ID) }),
		end,
		text("x_RecordId", false, func(c *charge) string { return c.record.RecordID }),
		moment("x_RecordStart", func(c *charge) farmtally.Instant { return c.record.StartedAt }),
		text("x_UsageType", false, func(c *charge) string { return c.record.UsageType.String() }),
		text("x_UserId", true, func(c *charge) string { return c.record.UserID }),
		text("x_UserName", true, func(c *charge) string { return c.c.UserNames[c.record.UserID] }),
	}
}

// where is the text, and null where the condition does not hold.
func where(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

func (c *charge) billedCost() amount      { return c.billed }
func (c *charge) contractedPrice() amount { return c.contracted }
func (c *charge) listPrice() amount       { return c.price }
func (c *charge) provider() string        { return c.c.Provider }

// month is the start of the charge's month in UTC, or of one that many after it.
func (c *charge) month(later int) farmtally.Instant {
	date := c.start.Time().UTC()
	return farmtally.InstantOf(time.Date(date.Year(), date.Month()+time.Month(later), 1, 0, 0, 0, 0, time.UTC))
}

// service is a usage type in FOCUS's words; categories and subcategories are of its
// lists.
type service struct{ category, subcategory, name, meter string }

var services = map[farmtally.UsageType]service{
	farmtally.Compute:          {"Compute", "Virtual Machines", "Render Farm Compute", "Compute Usage"},
	farmtally.License:          {"Media", "Content Creation", "Render Farm Licenses", "License Usage"},
	farmtally.PersistentVolume: {"Storage", "Block Storage", "Render Farm Volumes", "Volume Usage"},
}

func (c *charge) service() service { return services[c.record.UsageType] }

// host is who runs the machines; a license has none.
func (c *charge) host() string {
	if c.record.UsageType == farmtally.License {
		return notApplicable
	}
	return c.c.Provider
}

func (c *charge) pricing() string {
	if c.source == fromRateCard {
		return "Standard"
	}
	return "Other"
}

func (c *charge) pricingUnit() string {
	if c.inDollars {
		return "Dollars"
	}
	return priceUnits[c.per()]
}

// priceID names the price of a SKU: each has one SKU, where a rate may price many.
func (c *charge) priceID() string {
	if c.source == fromRateCard {
		return c.sku + "/" + c.record.Rate.ID
	}
	return c.sku
}

func (c *charge) priceDetails() string {
	if c.record.InstanceType == "" {
		return ""
	}
	return string(append(appendString([]byte(`{"F_InstanceType":`), c.record.InstanceType), '}'))
}
