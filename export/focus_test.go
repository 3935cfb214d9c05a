package export_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/internal/backendtest"
)

// rule is what the specification says of a column, in as far as it binds usage charges
// that are no corrections: feature level Mandatory or not, whether null is allowed, the
// type, and the allowed values.
type rule struct {
	mandatory, nullable bool
	kind                string // "string", "decimal", "time", "json", "currency", "unit"
	allowed             []string
}

const (
	must = true
	may  = false
	null = true
	set  = false
)

// serviceSubcategories are those of the specification's list that belong to the
// categories which a render farm uses.
var serviceSubcategories = map[string][]string{
	"Compute": {"Containers", "End User Computing", "Quantum Compute", "Serverless Compute", "Virtual Machines", "Other (Compute)"},
	"Media":   {"Content Creation", "Gaming", "Media Streaming", "Mixed Reality", "Other (Media)"},
	"Storage": {"Backup Storage", "Block Storage", "File Storage", "Object Storage", "Storage Platforms", "Other (Storage)"},
}

// serviceCategories is the specification's list.
var serviceCategories = []string{"AI and Machine Learning", "Analytics", "Business Applications", "Compute", "Databases", "Developer Tools",
	"Identity", "Integration", "Internet of Things", "Management and Governance", "Media", "Migration", "Mobile", "Multicloud", "Networking",
	"Other", "Security", "Storage", "Web"}

// focus12 are the columns of FOCUS 1.2.
var focus12 = map[string]rule{
	"AvailabilityZone":                   {may, null, "string", nil},
	"BilledCost":                         {must, set, "decimal", nil},
	"BillingAccountId":                   {must, set, "string", nil},
	"BillingAccountName":                 {must, null, "string", nil},
	"BillingAccountType":                 {may, set, "string", nil},
	"BillingCurrency":                    {must, set, "currency", nil},
	"BillingPeriodEnd":                   {must, set, "time", nil},
	"BillingPeriodStart":                 {must, set, "time", nil},
	"CapacityReservationId":              {may, null, "string", nil},
	"CapacityReservationStatus":          {may, null, "string", []string{"Used", "Unused"}},
	"ChargeCategory":                     {must, set, "string", []string{"Usage", "Purchase", "Tax", "Credit", "Adjustment"}},
	"ChargeClass":                        {must, null, "string", []string{"Correction"}},
	"ChargeDescription":                  {must, null, "string", nil},
	"ChargeFrequency":                    {may, set, "string", []string{"One-Time", "Recurring", "Usage-Based"}},
	"ChargePeriodEnd":                    {must, set, "time", nil},
	"ChargePeriodStart":                  {must, set, "time", nil},
	"CommitmentDiscountCategory":         {may, null, "string", []string{"Spend", "Usage"}},
	"CommitmentDiscountId":               {may, null, "string", nil},
	"CommitmentDiscountName":             {may, null, "string", nil},
	"CommitmentDiscountQuantity":         {may, null, "decimal", nil},
	"CommitmentDiscountStatus":           {may, null, "string", []string{"Used", "Unused"}},
	"CommitmentDiscountType":             {may, null, "string", nil},
	"CommitmentDiscountUnit":             {may, null, "unit", nil},
	"ConsumedQuantity":                   {may, set, "decimal", nil},
	"ConsumedUnit":                       {may, set, "unit", nil},
	"ContractedCost":                     {must, set, "decimal", nil},
	"ContractedUnitPrice":                {may, set, "decimal", nil},
	"EffectiveCost":                      {must, set, "decimal", nil},
	"InvoiceId":                          {may, null, "string", nil},
	"InvoiceIssuerName":                  {must, set, "string", nil},
	"ListCost":                           {must, set, "decimal", nil},
	"ListUnitPrice":                      {may, set, "decimal", nil},
	"PricingCategory":                    {may, set, "string", []string{"Standard", "Dynamic", "Committed", "Other"}},
	"PricingCurrency":                    {may, set, "currency", nil},
	"PricingCurrencyContractedUnitPrice": {may, set, "decimal", nil},
	"PricingCurrencyEffectiveCost":       {may, set, "decimal", nil},
	"PricingCurrencyListUnitPrice":       {may, set, "decimal", nil},
	"PricingQuantity":                    {must, set, "decimal", nil},
	"PricingUnit":                        {must, set, "unit", nil},
	"ProviderName":                       {must, set, "string", nil},
	"PublisherName":                      {must, set, "string", nil},
	"RegionId":                           {may, null, "string", nil},
	"RegionName":                         {may, null, "string", nil},
	"ResourceId":                         {may, null, "string", nil},
	"ResourceName":                       {may, null, "string", nil},
	"ResourceType":                       {may, null, "string", nil},
	"ServiceCategory":                    {must, set, "string", serviceCategories},
	"ServiceName":                        {must, set, "string", nil},
	"ServiceSubcategory":                 {may, set, "string", nil},
	"SkuId":                              {may, set, "string", nil},
	"SkuMeter":                           {may, null, "string", nil},
	"SkuPriceDetails":                    {may, null, "json", nil},
	"SkuPriceId":                         {may, set, "string", nil},
	"SubAccountId":                       {may, null, "string", nil},
	"SubAccountName":                     {may, null, "string", nil},
	"SubAccountType":                     {may, null, "string", nil},
	"Tags":                               {may, null, "json", nil},
}

// focus13 are the columns that FOCUS 1.3 adds.
var focus13 = map[string]rule{
	"AllocatedMethodDetails": {may, null, "json", nil},
	"AllocatedMethodId":      {may, null, "string", nil},
	"AllocatedResourceId":    {may, null, "string", nil},
	"AllocatedResourceName":  {may, null, "string", nil},
	"AllocatedTags":          {may, null, "json", nil},
	"ContractApplied":        {may, null, "json", nil},
	"HostProviderName":       {must, set, "string", nil},
	"ServiceProviderName":    {must, set, "string", nil},
}

func rulesOf(version string) map[string]rule {
	rules := map[string]rule{}
	for name, r := range focus12 {
		rules[name] = r
	}
	if version == "1.3" {
		for name, r := range focus13 {
			rules[name] = r
		}
	}
	return rules
}

// focusFarm is the farm of the tests.
func focusFarm(scale farmtally.CostScale) farmtally.Farm {
	return farmtally.Farm{ID: backendtest.Farm(1), Name: "studio", CostScale: scale}
}

// focus writes records as a data set.
func focus(t tb, c export.FocusConfig, records ...farmtally.Record) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := export.NewFocusWriter(&file, c)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for i := range records {
		if err := w.Write(&records[i]); err != nil {
			t.Fatalf("%v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("%v", err)
	}
	return file.Bytes()
}

type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

// everything is the whole of time, and a moment until which records run.
func everything(version, form string, scale farmtally.CostScale) export.FocusConfig {
	return export.FocusConfig{
		Form: form, Version: version, Grain: farmtally.Daily, Farm: focusFarm(scale),
		Start: math.MinInt64, End: math.MaxInt64, AsOf: 1_800_000_000_000,
	}
}

// readFocus reads a data set as texts; "" is null.
func readFocus(t tb, form string, content []byte) (names []string, rows []map[string]string) {
	t.Helper()
	if form == "parquet" {
		table, err := backendtest.ReadParquet(content)
		if err != nil {
			t.Fatalf("%v", err)
		}
		for _, cells := range table.Rows {
			row := map[string]string{}
			for name, cell := range cells {
				switch v := cell.(type) {
				case nil:
				case *big.Rat:
					row[name] = strings.TrimSuffix(strings.TrimRight(v.FloatString(18), "0"), ".")
				case int64:
					row[name] = farmtally.Instant(v).String()
				default:
					if row[name] = fmt.Sprint(v); row[name] == "" {
						t.Fatalf("%s is an empty text and no null", name)
					}
				}
			}
			rows = append(rows, row)
		}
		return table.Names, rows
	}
	lines, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		t.Fatalf("%v in %s", err, content)
	}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, cell := range line {
			row[lines[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return lines[0], rows
}

var (
	decimalText  = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.[0-9]+)?$`)
	instantText  = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$`)
	currencyText = regexp.MustCompile(`^[A-Z]{3}$`)
	unitText     = regexp.MustCompile(`^([A-Z][A-Za-z]*|GiB)(-(Hours|Days|Months))?$`)
	pascalCase   = regexp.MustCompile(`^(x_)?[A-Z][A-Za-z]*$`)
)

// check checks a row by the rules of its version.
func checkFocusRow(t tb, rules map[string]rule, row map[string]string) {
	t.Helper()
	for name, r := range rules {
		v := row[name]
		if v == "" {
			if !r.nullable {
				t.Fatalf("%s is null", name)
			}
			continue
		}
		form := map[string]*regexp.Regexp{"decimal": decimalText, "time": instantText, "currency": currencyText, "unit": unitText}[r.kind]
		var object map[string]any
		switch {
		case form != nil && !form.MatchString(v):
			t.Fatalf("%s is %q, which is no %s", name, v, r.kind)
		case r.kind == "json" && json.Unmarshal([]byte(v), &object) != nil:
			t.Fatalf("%s is %q, which is no JSON object", name, v)
		case r.allowed != nil && !slices.Contains(r.allowed, v):
			t.Fatalf("%s is %q, allowed is %v", name, v, r.allowed)
		}
	}
	if !slices.Contains(serviceSubcategories[row["ServiceCategory"]], row["ServiceSubcategory"]) {
		t.Fatalf("%s is no subcategory of %s", row["ServiceSubcategory"], row["ServiceCategory"])
	}
	for id, others := range map[string][]string{"SubAccountId": {"SubAccountType"}, "ResourceId": {"ResourceType"}, "SkuId": {"SkuMeter"}} {
		for _, other := range others {
			if (row[id] == "") != (row[other] == "") {
				t.Fatalf("%s is %q and %s %q", id, row[id], other, row[other])
			}
		}
	}
	checkFocusTimes(t, row)
	checkFocusCosts(t, row)
}

func checkFocusTimes(t tb, row map[string]string) {
	t.Helper()
	at := func(name string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, row[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return v
	}
	start, end, month, next := at("ChargePeriodStart"), at("ChargePeriodEnd"), at("BillingPeriodStart"), at("BillingPeriodEnd")
	if !start.Before(end) || end.Sub(start) > 24*time.Hour {
		t.Fatalf("the charge period is from %s to %s", start, end)
	}
	if month.Day() != 1 || !next.Equal(month.AddDate(0, 1, 0)) || start.Before(month) || end.After(next) {
		t.Fatalf("the billing period of %s to %s is %s to %s", start, end, month, next)
	}
}

// checkFocusCosts checks the arithmetic: a price times the quantity is the cost, to half
// a nano-dollar, times the cost scale where that is in it.
func checkFocusCosts(t tb, row map[string]string) {
	t.Helper()
	v := func(name string) *big.Rat {
		r, ok := new(big.Rat).SetString(row[name])
		if !ok {
			t.Fatalf("%s is %q", name, row[name])
		}
		return r
	}
	half := big.NewRat(1, 2e9)
	for _, c := range []struct {
		price, cost string
		off         *big.Rat
	}{
		{"ListUnitPrice", "ListCost", half},
		{"ContractedUnitPrice", "ContractedCost", new(big.Rat).Mul(half, big.NewRat(100, 1))},
	} {
		off := new(big.Rat).Mul(v(c.price), v("PricingQuantity"))
		off.Sub(off, v(c.cost))
		if off.Abs(off).Cmp(c.off) > 0 {
			t.Fatalf("%s × PricingQuantity %s %s = %s + %s", row[c.price], row["PricingQuantity"], row["PricingUnit"], row[c.cost], off.FloatString(12))
		}
	}
	if row["BilledCost"] != row["EffectiveCost"] || row["BilledCost"] != row["ContractedCost"] || row["BilledCost"] != row["PricingCurrencyEffectiveCost"] ||
		row["ListUnitPrice"] != row["PricingCurrencyListUnitPrice"] || row["ContractedUnitPrice"] != row["PricingCurrencyContractedUnitPrice"] {
		t.Fatalf("without discounts and with one currency these are equal: %v", row)
	}
}

// TestFocusColumns: each version has its columns, those of the specification first,
// under names that it allows, and in Parquet of the types that it names.
func TestFocusColumns(t *testing.T) {
	if len(focus12) != 57 || len(rulesOf("1.3")) != 65 {
		t.Fatalf("the table has %d and %d columns", len(focus12), len(rulesOf("1.3")))
	}
	for _, version := range export.FocusVersions {
		rules := rulesOf(version)
		var first []string
		for _, form := range export.FocusForms {
			names, _ := readFocus(t, form, focus(t, everything(version, form, farmtally.DefaultCostScale)))
			own := 0
			for _, name := range names {
				if _, ok := rules[name]; !ok && !strings.HasPrefix(name, "x_") {
					t.Errorf("FOCUS %s has no column %s", version, name)
				}
				if strings.HasPrefix(name, "x_") {
					own++
				} else if own > 0 {
					t.Errorf("%s stands behind columns of our own", name)
				}
				if !pascalCase.MatchString(name) || len(name) > 50 {
					t.Errorf("%s is no name of a column", name)
				}
			}
			for name := range rules {
				if !slices.Contains(names, name) {
					t.Errorf("FOCUS %s: %s lacks the column %s", version, form, name)
				}
			}
			if first == nil {
				first = names
			}
			if !slices.Equal(first, names) {
				t.Errorf("%s has other columns", form)
			}
		}
		table, err := backendtest.ReadParquet(focus(t, everything(version, "parquet", farmtally.DefaultCostScale)))
		if err != nil {
			t.Fatal(err)
		}
		if table.About["FocusVersion"] != version {
			t.Errorf("the file of %s says %v", version, table.About)
		}
		for name, r := range rules {
			want := map[string]string{"decimal": "decimal", "time": "timestamp"}[r.kind]
			if want == "" {
				want = "string"
			}
			if !strings.HasPrefix(table.Types[name], want) || table.Nullable[name] && !r.nullable {
				t.Errorf("%s is %s, null allowed: %v", name, table.Types[name], table.Nullable[name])
			}
		}
	}
}

// TestFocusEqualsTheAPI: for 100 random farms, rate cards and ranges every row keeps the
// specification's rules, and costs and runtimes add up to those of the same query.
func TestFocusEqualsTheAPI(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reference := backendtest.NewReference()
		c := everything(rapid.SampledFrom(export.FocusVersions).Draw(t, "version"), rapid.SampledFrom(export.FocusForms).Draw(t, "form"),
			farmtally.CostScale(rapid.SampledFrom([]int64{1e9, 1_150_000_000, 333_333_333, 100e9, 0}).Draw(t, "scale")))
		c.Grain = rapid.SampledFrom([]farmtally.Period{farmtally.Daily, farmtally.Hourly}).Draw(t, "grain")
		records := rapid.SliceOfN(backendtest.Records(c.Farm.ID), 1, 8).Draw(t, "records")
		if _, err := reference.Append(t.Context(), records); err != nil {
			t.Fatal(err)
		}
		q := backendtest.Queries(c.Farm.ID).Draw(t, "query")
		c.Start, c.End, c.AsOf = q.Start, q.End, q.AsOf
		c.Rates = map[string]farmtally.Rate{}
		for i := range records {
			if r := &records[i]; r.Rate.ID != "" && rapid.Bool().Draw(t, "known") {
				c.Rates[r.Rate.ID] = r.Rate
			}
		}
		snapshot, err := reference.Snapshot(t.Context(), c.Farm.ID)
		if err != nil {
			t.Fatal(err)
		}
		var stored []farmtally.Record
		if err := snapshot.Records(context.Background(), func(r *farmtally.Record) error {
			if q.Selects(r) {
				stored = append(stored, *r)
				if last := &stored[len(stored)-1]; !r.Running && rapid.Bool().Draw(t, "sealed") {
					last.Rate = farmtally.Rate{ID: r.Rate.ID} // all that a segment keeps
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		_, rows := readFocus(t, c.Form, focus(t, c, stored...))
		cost, runtime, list := new(big.Rat), new(big.Rat), new(big.Rat)
		for _, row := range rows {
			checkFocusRow(t, rulesOf(c.Version), row)
			for name, to := range map[string]*big.Rat{"BilledCost": cost, "ConsumedQuantity": runtime, "ListCost": list} {
				v, _ := new(big.Rat).SetString(row[name])
				to.Add(to, v)
			}
		}
		q.Period = farmtally.WholeRange
		var costs, runtimes farmtally.Sum
		for _, row := range backendtest.Ask(t, reference, &q).Rows {
			costs.AddSum(row.Cost.Sum)
			runtimes.AddSum(row.Runtime.Sum)
		}
		wantList := new(big.Rat).SetFrac(costs.Big(), big.NewInt(1e9))
		wantCost := new(big.Rat).Mul(wantList, big.NewRat(int64(c.Farm.CostScale), 1e9))
		wantRuntime := new(big.Rat).SetFrac(runtimes.Big(), big.NewInt(1000))
		if cost.Cmp(wantCost) != 0 || runtime.Cmp(wantRuntime) != 0 || list.Cmp(wantList) != 0 {
			t.Fatalf("%d rows cost %s and ran %s seconds; the API says %s and %s", len(rows), cost.FloatString(18), runtime.FloatString(3),
				wantCost.FloatString(18), wantRuntime.FloatString(3))
		}
	})
}

// priced is a compute record of eight cpus and two hours, from 23:00 to 01:00.
func priced(change func(*farmtally.Record)) farmtally.Record {
	start, _ := farmtally.ParseInstant("2026-01-31T23:00:00Z")
	r := farmtally.Record{
		RecordID: "r", FarmID: backendtest.Farm(1), QueueID: "queue-0000000000000000000000000000000a", UsageType: farmtally.Compute,
		StartedAt: start, EndedAt: start + 2*3_600_000, RuntimeMillis: 2 * 3_600_000, HasRuntime: true,
		Cost: 800_000_000, HasCost: true, Workers: farmtally.One, CPUs: 8 * farmtally.One,
	}
	change(&r)
	return r
}

// TestFocusPrices: where a charge has its price from is told, and nothing is invented.
func TestFocusPrices(t *testing.T) {
	perCPU := farmtally.Rate{ID: "cpu", USDPerHour: 50_000_000, Per: farmtally.PerCPU}
	for name, c := range map[string]struct {
		record                        farmtally.Record
		rates                         map[string]farmtally.Rate
		source, price, quantity, unit string
		says                          string
	}{
		"rate card": {
			priced(func(r *farmtally.Record) { r.Rate.ID = "cpu" }), map[string]farmtally.Rate{"cpu": perCPU},
			"RATE_CARD", "0.05", "8", "CPU-Hours", "Compute, at 0.05 USD per cpu and hour",
		},
		"rate of a hot record": {
			priced(func(r *farmtally.Record) { r.Rate = perCPU }), nil, "RATE_CARD", "0.05", "8", "CPU-Hours", "Compute, at 0.05 USD per cpu and hour",
		},
		"rate that changed": {
			priced(func(r *farmtally.Record) { r.Rate.ID = "cpu" }),
			map[string]farmtally.Rate{"cpu": {ID: "cpu", USDPerHour: 60_000_000, Per: farmtally.PerCPU}},
			"RATE_CARD", "1", "0.4", "Dollars", "Compute, at a former price of the rate cpu",
		},
		"rate that is gone": {
			priced(func(r *farmtally.Record) { r.Rate.ID = "cpu" }), nil, "RATE_CARD", "1", "0.4", "Dollars", "Compute, at a former price of the rate cpu",
		},
		"free rate": {
			priced(func(r *farmtally.Record) { r.Rate.ID, r.Cost = "cpu", 0 }),
			map[string]farmtally.Rate{"cpu": {ID: "cpu", Per: farmtally.PerCPU}},
			"RATE_CARD", "0", "8", "CPU-Hours", "Compute, at 0 USD per cpu and hour",
		},
		"own cost": {
			priced(func(r *farmtally.Record) { r.InstanceType = "m5" }), nil, "RECORD", "1", "0.4", "Dollars", "Compute on m5, at the cost that its source named",
		},
		"unpriced": {
			priced(func(r *farmtally.Record) {
				r.Cost, r.Rate, r.UsageType, r.LicenseProduct = 0, farmtally.Rate{ID: farmtally.Unpriced}, farmtally.License, "nuke"
			}), nil, "NONE", "0", "1", "Worker-Hours", "License of nuke, without a price: no rate matched",
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := everything("1.3", "csv", farmtally.DefaultCostScale)
			config.Rates = c.rates
			_, rows := readFocus(t, "csv", focus(t, config, c.record))
			if len(rows) != 2 {
				t.Fatalf("%d rows of a record of two days", len(rows))
			}
			for i, row := range rows {
				if row["x_PriceSource"] != c.source || row["ListUnitPrice"] != c.price || row["PricingQuantity"] != c.quantity ||
					row["PricingUnit"] != c.unit || row["ChargeDescription"] != c.says {
					t.Errorf("row %d: %s, %s × %s %s, %q", i, row["x_PriceSource"], row["ListUnitPrice"], row["PricingQuantity"],
						row["PricingUnit"], row["ChargeDescription"])
				}
			}
			if rows[0]["BillingPeriodStart"] != "2026-01-01T00:00:00Z" || rows[1]["BillingPeriodStart"] != "2026-02-01T00:00:00Z" ||
				rows[0]["ChargePeriodStart"] != "2026-01-31T00:00:00Z" {
				t.Errorf("the periods are %v and %v", rows[0], rows[1])
			}
		})
	}
}

// TestFocusText: a text that a spreadsheet takes for a formula is harmless in CSV, and
// as it is in Parquet.
func TestFocusText(t *testing.T) {
	names := map[string]string{"=1+1": "Ada"}
	r := priced(func(r *farmtally.Record) { r.UserID, r.JobName, r.InstanceType = "=1+1", "@x, \"y\"", `m"5` })
	for form, want := range map[string]string{"csv": "'=1+1", "parquet": "=1+1"} {
		config := everything("1.2", form, farmtally.DefaultCostScale)
		config.UserNames = names
		_, rows := readFocus(t, form, focus(t, config, r))
		if rows[0]["x_UserId"] != want || rows[0]["x_UserName"] != "Ada" || !strings.HasSuffix(rows[0]["x_JobName"], "@x, \"y\"") {
			t.Errorf("%s: %q, %q", form, rows[0]["x_UserId"], rows[0]["x_JobName"])
		}
		var details map[string]string
		if err := json.Unmarshal([]byte(rows[0]["SkuPriceDetails"]), &details); err != nil || details["F_InstanceType"] != `m"5` {
			t.Errorf("%s: %v in %s", form, err, rows[0]["SkuPriceDetails"])
		}
	}
}
