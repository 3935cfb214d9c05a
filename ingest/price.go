package ingest

import (
	"cmp"
	"context"
	"fmt"

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
}

// pricing is what the records of a farm are priced with.
type pricing struct {
	card   *rates.Card
	fleets map[farmtally.FleetID]string
}

// NewPricer makes a pricer.
func NewPricer(prices Prices) *Pricer {
	return &Pricer{prices, map[farmtally.FarmID]pricing{}}
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

func (p *Pricer) farm(ctx context.Context, r *farmtally.Record) (farm pricing, err error) {
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
