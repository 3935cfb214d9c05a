package rates_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/internal/backendtest"
	"github.com/farmtally/farmtally/rates"
	"pgregory.net/rapid"
)

// reference prices as section 4 of the semantics reads: look at every row.
func reference(rows []rates.Row, r *farmtally.Record, fleetName string) farmtally.Rate {
	if r.HasCost {
		return r.Rate
	}
	var best *rates.Row
	for i := range rows {
		row := &rows[i]
		if !matches(row, r, fleetName) {
			continue
		}
		if best == nil || criteria(row) > criteria(best) ||
			criteria(row) == criteria(best) && row.ValidFrom >= best.ValidFrom {
			best = row
		}
	}
	if best == nil {
		return farmtally.Rate{ID: farmtally.Unpriced, Per: farmtally.PerWorker}
	}
	return best.Rate()
}

func matches(row *rates.Row, r *farmtally.Record, fleetName string) bool {
	return row.UsageType == r.UsageType &&
		(row.Fleet == "" || row.Fleet == fleetName || row.Fleet == string(r.FleetID)) &&
		(row.InstanceType == "" || row.InstanceType == r.InstanceType) &&
		(row.LicenseProduct == "" || row.LicenseProduct == r.LicenseProduct) &&
		row.ValidFrom <= r.StartedAt && (row.ValidUntil == 0 || r.StartedAt < row.ValidUntil)
}

func criteria(row *rates.Row) int {
	n := 0
	for _, given := range []string{row.Fleet, row.InstanceType, row.LicenseProduct} {
		if given != "" {
			n++
		}
	}
	return n
}

// Few values of everything, so that rows meet records and each other often.
var (
	fleetID   = farmtally.HashID(farmtally.FleetPrefix, "test", "farm", "gpu")
	fleets    = []string{"", "cpu", "gpu", fleetID}
	instances = []string{"", "c7i.large", "g6.xlarge"}
	products  = []string{"", "nuke", "houdini"}
	instants  = []farmtally.Instant{0, 1, 1_000, 5_000, 1_767_225_600_000}
)

func drawCard(t *rapid.T) string {
	var b strings.Builder
	for i := range rapid.IntRange(0, 12).Draw(t, "rows") {
		u := rapid.SampledFrom([]farmtally.UsageType{farmtally.Compute, farmtally.License}).Draw(t, "usage type")
		fmt.Fprintf(&b, "[[rate]]\nid = \"r%d\"\nusageType = %q\nusdPerHour = \"%d.%d\"\n", i, u, i, i)
		line := func(key, value string) {
			if value != "" {
				fmt.Fprintf(&b, "%s = %q\n", key, value)
			}
		}
		line("fleet", rapid.SampledFrom(fleets).Draw(t, "fleet"))
		line("instanceType", rapid.SampledFrom(instances).Draw(t, "instance type"))
		units := []farmtally.Unit{farmtally.PerWorker, farmtally.PerCPU, farmtally.PerGPU, farmtally.PerGiB}
		if u == farmtally.License {
			line("licenseProduct", rapid.SampledFrom(products).Draw(t, "product"))
			units = append(units, farmtally.PerSeat)
		}
		line("per", rapid.SampledFrom(units).Draw(t, "unit").String())
		from := rapid.IntRange(0, len(instants)-1).Draw(t, "from")
		until := rapid.IntRange(0, len(instants)-1).Draw(t, "until")
		if from > 0 {
			fmt.Fprintf(&b, "validFrom = %s\n", instants[from])
		}
		if until > from {
			fmt.Fprintf(&b, "validUntil = %s\n", instants[until])
		}
	}
	return b.String()
}

func drawRecord(t *rapid.T) farmtally.Record {
	r := farmtally.Record{
		UsageType:    rapid.SampledFrom([]farmtally.UsageType{farmtally.Compute, farmtally.License}).Draw(t, "usage type"),
		InstanceType: rapid.SampledFrom(instances).Draw(t, "instance type"),
		FleetID:      farmtally.FleetID(rapid.SampledFrom([]string{"", fleetID}).Draw(t, "fleet id")),
		StartedAt:    rapid.SampledFrom(instants).Draw(t, "start"),
		HasCost:      rapid.IntRange(0, 9).Draw(t, "has a cost") == 0,
	}
	if r.UsageType == farmtally.License {
		r.LicenseProduct = rapid.SampledFrom(products[1:]).Draw(t, "product")
	}
	return r
}

func TestPriceIsTheReferences(t *testing.T) {
	won := map[int]int{}
	backendtest.Checks(t, 100)
	rapid.Check(t, func(t *rapid.T) {
		text := drawCard(t)
		card, err := rates.Parse("card.toml", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		rows := card.Rows()
		for range 60 {
			r := drawRecord(t)
			name := rapid.SampledFrom(fleets[:3]).Draw(t, "fleet name")
			want := reference(rows, &r, name)
			got := r
			card.Price(&got, name)
			if got.Rate != want {
				t.Fatalf("%+v of fleet %q: rate %+v, want %+v\n%s", r, name, got.Rate, want, text)
			}
			for i := range rows {
				if rows[i].ID == want.ID {
					won[criteria(&rows[i])]++
				}
			}
		}
	})
	for n := range 4 {
		if won[n] == 0 {
			t.Errorf("no draw was won by a row with %d criteria", n)
		}
	}
}

func TestNoCardPricesNothing(t *testing.T) {
	var card *rates.Card
	r := farmtally.Record{UsageType: farmtally.Compute}
	card.Price(&r, "")
	if r.Rate != (farmtally.Rate{ID: farmtally.Unpriced, Per: farmtally.PerWorker}) || card.Rows() != nil {
		t.Errorf("rate %+v, rows %v", r.Rate, card.Rows())
	}
}

func BenchmarkPrice(b *testing.B) {
	var text strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&text, "[[rate]]\nid=\"r%d\"\nusageType=\"COMPUTE\"\nusdPerHour=\"1\"\n", i)
		if i > 0 {
			fmt.Fprintf(&text, "fleet=\"fleet %d\"\ninstanceType=\"type %d\"\n", i%50, i/50)
		}
	}
	card, err := rates.Parse("card.toml", []byte(text.String()))
	if err != nil {
		b.Fatal(err)
	}
	records := []farmtally.Record{
		{UsageType: farmtally.Compute, FleetID: farmtally.FleetID(fleetID), InstanceType: "type 70"},
		{UsageType: farmtally.Compute, FleetID: farmtally.FleetID(fleetID)},
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		card.Price(&records[i%2], "fleet 7")
	}
}
