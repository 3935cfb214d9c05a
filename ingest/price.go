package ingest

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/rates"
)

// Prices are what records are priced with.
type Prices struct {
	// Card gives a farm's rate card; nil is an empty one, and a nil func none at all.
	Card func(ctx context.Context, id farmtally.FarmID, name string) (*rates.Card, error)

	// FleetNames gives the names of a farm's fleets, for records that name a fleet by
	// its id alone while a rate card names it by its name; may be nil.
	FleetNames func(ctx context.Context, id farmtally.FarmID) (map[farmtally.FleetID]string, error)
}

// Pricer gives records their rates. It asks Prices once for each farm. It is for one
// goroutine.
type Pricer struct {
	prices Prices
	farms  map[farmtally.FarmID]pricing
	last   pricing // that of the record before
	lastID farmtally.FarmID
}

// pricing is what the records of a farm are priced with.
type pricing struct {
	card   *rates.Card
	fleets map[farmtally.FleetID]string
}

// NewPricer makes a pricer.
func NewPricer(prices Prices) *Pricer {
	return &Pricer{prices: prices, farms: map[farmtally.FarmID]pricing{}}
}

// Price gives the row's records their rates. A cost that is more than Money holds is a
// fault of the row; any error is one of Prices.
func (p *Pricer) Price(ctx context.Context, row *Row) error {
	for i := range row.Records {
		if err := p.record(ctx, row, &row.Records[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pricer) record(ctx context.Context, row *Row, r *farmtally.Record) error {
	farm, err := p.farm(ctx, r)
	if err != nil {
		return err
	}
	fleet := r.FleetName
	if fleet == "" {
		fleet = farm.fleets[r.FleetID]
	}
	farm.card.Price(r, fleet)
	if r.HasCost || r.Running {
		return nil
	}
	if _, err := r.Rate.Cost(r.Quantity(r.Rate.Per), r.At(r.EndedAt).RuntimeMillis); err != nil {
		row.fault("costInUsd", "can't be priced with the rate %q: %s", r.Rate.ID, err)
	}
	return nil
}

// priceKey is what decides a record's rate.
type priceKey struct{ usageType, fleet, fleetName, instanceType, product, span uint32 }

// rated is a rate, what it was found for, and how many rows have it.
type rated struct {
	farmtally.Rate
	kind Unpriced
	rows int64
}

// table gives the table's open rows their rates and costs, and tells which rates they
// have. It can't where a cost is more than Money holds.
func (p *Pricer) table(ctx context.Context, t *farmtally.Table, prices *openPrices) (rates []rated, ok bool, err error) {
	if prices.open == nil {
		return nil, true, nil
	}
	r := farmtally.Record{FarmID: t.FarmID, FarmName: t.FarmName}
	farm, err := p.farm(ctx, &r)
	if err != nil {
		return nil, false, err
	}
	changes := farm.card.Changes()
	t.Rates = farmtally.Coded{Codes: make([]uint32, t.Len()), Values: []string{""}}
	rates = []rated{{}}
	known := map[priceKey]uint32{}
	var last priceKey
	var code uint32
	for i, open := range prices.open {
		if !open {
			continue
		}
		span, _ := slices.BinarySearch(changes, farmtally.Instant(t.StartedAt[i]+1))
		key := priceKey{
			codeOf(&t.UsageTypes, i), codeOf(&t.Fleets, i), codeOf(&prices.fleetNames, i),
			codeOf(&t.InstanceTypes, i), codeOf(&t.LicenseProducts, i), uint32(span), //nolint:gosec // an index
		}
		if key != last || code == 0 {
			if code, ok = known[key]; !ok {
				t.Record(i, &r)
				r.Cost, r.HasCost = 0, false
				fleet := prices.fleetNames.At(i)
				if fleet == "" && t.Fleets.Codes != nil {
					fleet = ownFleetName(prices, t, i, farm)
				}
				farm.card.Price(&r, fleet)
				code = uint32(len(rates)) //nolint:gosec // at most the rows
				rates = append(rates, rated{Rate: r.Rate, kind: kindOf(&r)})
				t.Rates.Values = append(t.Rates.Values, r.Rate.ID)
				known[key] = code
			}
			last = key
		}
		t.Rates.Codes[i] = code
		rate := &rates[code]
		cost, err := rate.Cost(farmtally.Quantity(quantityOf(t, rate.Per, i)), t.RuntimeMillis[i])
		if err != nil {
			return nil, false, nil //nolint:nilerr // the row's fault is told with the row
		}
		t.Cost[i] = int64(cost)
		rate.rows++
	}
	return rates, true, nil
}

// ownFleetName is the name of a row's fleet that has no name beside it.
func ownFleetName(prices *openPrices, t *farmtally.Table, row int, farm pricing) string {
	if prices.fleets != nil {
		if name := prices.fleets[t.Fleets.Codes[row]]; name != "" {
			return name
		}
	}
	return farm.fleets[farmtally.FleetID(t.Fleets.At(row))]
}

func codeOf(c *farmtally.Coded, row int) uint32 {
	if c.Codes == nil {
		return 0
	}
	return c.Codes[row]
}

func quantityOf(t *farmtally.Table, per farmtally.Unit, row int) int64 {
	column := t.Workers
	switch per {
	case farmtally.PerCPU:
		column = t.CPUs
	case farmtally.PerGPU:
		column = t.GPUs
	case farmtally.PerGiB:
		column = t.MemoryInGiB
	}
	if column == nil {
		return 0
	}
	return column[row]
}

// farm gives what the record is priced with.
func (p *Pricer) farm(ctx context.Context, r *farmtally.Record) (pricing, error) {
	if r.FarmID == p.lastID && r.FarmID != "" {
		return p.last, nil
	}
	farm, err := p.ask(ctx, r)
	if err == nil {
		p.last, p.lastID = farm, r.FarmID
	}
	return farm, err
}

func (p *Pricer) ask(ctx context.Context, r *farmtally.Record) (farm pricing, err error) {
	farm, ok := p.farms[r.FarmID]
	if ok {
		return farm, nil
	}
	if p.prices.Card != nil {
		if farm.card, err = p.prices.Card(ctx, r.FarmID, r.FarmName); err != nil {
			return farm, fmt.Errorf("read rate card of farm %s: %w", cmp.Or(r.FarmName, string(r.FarmID)), err)
		}
	}
	if p.prices.FleetNames != nil {
		if farm.fleets, err = p.prices.FleetNames(ctx, r.FarmID); err != nil {
			return farm, fmt.Errorf("read fleets of farm %s: %w", cmp.Or(r.FarmName, string(r.FarmID)), err)
		}
	}
	p.farms[r.FarmID] = farm
	return farm, nil
}
