// Package rates prices usage records with a rate card: a TOML text of rows, each a
// price in US dollars per hour for the usage that it matches and the time that it is
// valid for. A card never changes once it is parsed, and is safe for concurrent use.
package rates

import (
	"cmp"
	"slices"

	"github.com/farmtally/farmtally"
)

// Row is one row of a rate card. Fleet, InstanceType and LicenseProduct are
// criteria: "" matches any record.
type Row struct {
	ID             string
	UsageType      farmtally.UsageType
	Fleet          string // a fleet's name or id
	InstanceType   string
	LicenseProduct string
	USDPerHour     farmtally.Money // for one unit of Per
	Per            farmtally.Unit
	ValidFrom      farmtally.Instant // 0: always was
	ValidUntil     farmtally.Instant // the first instant that it is no longer valid at; 0: no end
	Line           int               // where the row begins in its card
}

// Rate is what the row says of a record that it prices.
func (r *Row) Rate() farmtally.Rate {
	return farmtally.Rate{ID: r.ID, USDPerHour: r.USDPerHour, Per: r.Per}
}

func (r *Row) inForce(t farmtally.Instant) bool {
	return r.ValidFrom <= t && (r.ValidUntil == 0 || t < r.ValidUntil)
}

// Card is a rate card. A nil Card has no rows.
type Card struct {
	rows  []Row
	index index
}

// Rows gives the rows in the order of the text.
func (c *Card) Rows() []Row {
	if c == nil {
		return nil
	}
	return slices.Clone(c.rows)
}

// Price sets the record's rate to that of the most specific row that matches and is
// in force when the record starts: the one with the most criteria; among equals the
// one that came into force last, and then the later one in the card. Where none
// matches the rate is farmtally.Unpriced. A record with a cost keeps it. fleetName
// is the name of the record's fleet, for rows that name a fleet, or "".
func (c *Card) Price(r *farmtally.Record, fleetName string) {
	if r.HasCost {
		return
	}
	if row := c.find(r, fleetName); row != nil {
		r.Rate = row.Rate()
		return
	}
	r.Rate = farmtally.Rate{ID: farmtally.Unpriced, Per: farmtally.PerWorker}
}

// Changes gives the instants at which rows come into force or cease to be, ascending:
// between two of them records that match the same rows have the same rate.
func (c *Card) Changes() []farmtally.Instant {
	if c == nil {
		return nil
	}
	var at []farmtally.Instant
	for i := range c.rows {
		at = append(at, c.rows[i].ValidFrom, c.rows[i].ValidUntil)
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// criteria are what rows ask of a record. Rows that ask the same are kept together.
type criteria struct {
	usageType                    farmtally.UsageType
	fleet, instanceType, product string
}

// shape says which of the criteria a row gives.
type shape uint8

const (
	givesFleet shape = 1 << iota
	givesInstanceType
	givesProduct
)

func shapeOf(r *Row) shape {
	var s shape
	if r.Fleet != "" {
		s |= givesFleet
	}
	if r.InstanceType != "" {
		s |= givesInstanceType
	}
	if r.LicenseProduct != "" {
		s |= givesProduct
	}
	return s
}

// specificity is the number of criteria given, which decides between rows.
func (s shape) specificity() int {
	return int(s&1 + s>>1&1 + s>>2&1)
}

// index finds rows by their criteria. A record's own fields, with those left out that
// a shape does not give, are the criteria of the rows of that shape that match it.
type index struct {
	shapes []shape             // those that occur, most specific first
	rows   map[criteria][]*Row // the best first
}

func newIndex(rows []Row) index {
	x := index{rows: make(map[criteria][]*Row, len(rows))}
	for i := range rows {
		r := &rows[i]
		k := criteria{r.UsageType, r.Fleet, r.InstanceType, r.LicenseProduct}
		x.rows[k] = append(x.rows[k], r)
		if s := shapeOf(r); !slices.Contains(x.shapes, s) {
			x.shapes = append(x.shapes, s)
		}
	}
	for _, same := range x.rows {
		slices.SortFunc(same, better)
	}
	slices.SortFunc(x.shapes, func(a, b shape) int {
		return cmp.Or(cmp.Compare(b.specificity(), a.specificity()), cmp.Compare(a, b))
	})
	return x
}

// better orders rows of one specificity: the one that came into force last first,
// then the later one of the card.
func better(a, b *Row) int {
	return cmp.Or(cmp.Compare(b.ValidFrom, a.ValidFrom), cmp.Compare(b.Line, a.Line))
}

func (c *Card) find(r *farmtally.Record, fleetName string) *Row {
	if c == nil {
		return nil
	}
	var best *Row
	specificity := 0
	for _, s := range c.index.shapes {
		if best != nil && s.specificity() < specificity {
			break
		}
		k, ok := s.criteria(r)
		if !ok {
			continue
		}
		specificity = s.specificity()
		if s&givesFleet == 0 {
			best = c.index.better(best, k, r.StartedAt)
			continue
		}
		for _, fleet := range [...]string{string(r.FleetID), fleetName} {
			if k.fleet = fleet; fleet != "" {
				best = c.index.better(best, k, r.StartedAt)
			}
		}
	}
	return best
}

// criteria are those, the fleet aside, that a row of the shape must have to match the
// record. It fails where the record lacks a field.
func (s shape) criteria(r *farmtally.Record) (criteria, bool) {
	k := criteria{usageType: r.UsageType}
	if s&givesInstanceType != 0 {
		k.instanceType = r.InstanceType
	}
	if s&givesProduct != 0 {
		k.product = r.LicenseProduct
	}
	return k, s&givesInstanceType != 0 == (k.instanceType != "") && s&givesProduct != 0 == (k.product != "")
}

// better is the best of the row and those with the criteria in force at the instant.
func (x *index) better(row *Row, k criteria, t farmtally.Instant) *Row {
	same := x.rows[k]
	began, _ := slices.BinarySearchFunc(same, t, func(r *Row, t farmtally.Instant) int {
		if r.ValidFrom > t {
			return -1
		}
		return 1
	})
	for _, r := range same[began:] {
		if r.inForce(t) {
			if row == nil || better(r, row) < 0 {
				return r
			}
			break
		}
	}
	return row
}
