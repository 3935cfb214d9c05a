package main

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/rates"
	"github.com/farmtally/farmtally/storage"
)

// priceList gives the rate cards and fleets of a data folder as they are now. It is
// safe for concurrent use.
type priceList struct {
	catalog *storage.Catalog

	mu     sync.Mutex
	parsed map[string]parsedCard // by scope
}

// parsedCard is a card and the text that it was read from.
type parsedCard struct {
	text []byte
	card *rates.Card
}

func newPriceList(c *storage.Catalog) *priceList {
	return &priceList{catalog: c, parsed: map[string]parsedCard{}}
}

func (l *priceList) prices() ingest.Prices {
	return ingest.Prices{Card: l.card, FleetNames: l.fleetNames}
}

// card gives the farm's rate card, nil where none is set. A text is parsed once.
func (l *priceList) card(ctx context.Context, id farmtally.FarmID, name string) (*rates.Card, error) {
	stored, err := l.catalog.Card(ctx, id, name)
	if e, ok := errors.AsType[*farmtally.Error](err); ok && e.Kind == farmtally.NotFound {
		return nil, nil //nolint:nilnil // a nil card is one without rows
	}
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.parsed[stored.Scope]; ok && bytes.Equal(known.text, stored.Text) {
		return known.card, nil
	}
	card, err := rates.Parse(stored.File, stored.Text)
	if err != nil {
		return nil, err
	}
	l.parsed[stored.Scope] = parsedCard{stored.Text, card}
	return card, nil
}

func (l *priceList) fleetNames(ctx context.Context, id farmtally.FarmID) (map[farmtally.FleetID]string, error) {
	fleets, err := l.catalog.Fleets(ctx, id)
	names := make(map[farmtally.FleetID]string, len(fleets))
	for _, f := range fleets {
		names[f.ID] = f.Name
	}
	return names, err
}
