package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/storage"
)

// listing is what ls prints.
type listing struct {
	Farms []farmListing `json:"farms"`
}

type farmListing struct {
	FarmID   farmtally.FarmID `json:"farmId"`
	FarmName string           `json:"farmName,omitempty"`
	usage
	Queues []queueListing `json:"queues"`
	Fleets []fleetListing `json:"fleets"`
}

type queueListing struct {
	QueueID   farmtally.QueueID `json:"queueId"`
	QueueName string            `json:"queueName,omitempty"`
	usage
}

type fleetListing struct {
	FleetID   farmtally.FleetID `json:"fleetId"`
	FleetName string            `json:"fleetName,omitempty"`
	usage
}

// usage sums records up for ls.
type usage struct {
	Records     int64  `json:"records"`
	Running     int64  `json:"running"`
	Unpriced    int64  `json:"unpriced"`
	FirstStart  string `json:"firstStart,omitempty"`
	LastEnd     string `json:"lastEnd,omitempty"` // of a running record: its start
	first, last farmtally.Instant
}

func (u *usage) add(r *farmtally.Record) {
	end := r.EndedAt
	if r.Running {
		end = r.StartedAt
		u.Running++
	}
	if r.Rate.ID == farmtally.Unpriced {
		u.Unpriced++
	}
	if u.Records == 0 || r.StartedAt < u.first {
		u.first = r.StartedAt
	}
	if u.Records == 0 || end > u.last {
		u.last = end
	}
	u.Records++
}

func (u *usage) finish() {
	if u.Records > 0 {
		u.FirstStart, u.LastEnd = u.first.String(), u.last.String()
	}
}

func (p *program) lsCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "ls", Short: "list farms, queues and fleets, with what is stored of each",
		Example: `  $ farmtally ls
  KIND   NAME    ID                                     RECORDS  FIRST                 LAST                  UNPRICED
  farm   studio  farm-7d5eab3b9ff0f8ec4d5f1a0c1e3b2a41      812  2026-01-05T08:00:12Z  2026-01-31T19:31:40Z         0
  queue  render  queue-1c9f4f6a2b7d8e905a3c6b1d2e4f7a80     640  2026-01-05T08:00:12Z  2026-01-31T19:31:40Z         0`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withEngine(cmd.Context(), mustExist, func(c *storage.Catalog, e *engine.Engine) error {
				l, err := p.list(cmd.Context(), c, e)
				if err != nil {
					return err
				}
				if output == "json" {
					return printJSON(p.stdout, l)
				}
				return p.printListing(l)
			})
		},
	}
	dataFlag(cmd)
	outputFlag(cmd, &output, "table", "json")
	return cmd
}

func (p *program) list(ctx context.Context, c *storage.Catalog, e *engine.Engine) (*listing, error) {
	farms, err := c.Farms(ctx)
	if err != nil {
		return nil, err
	}
	l := &listing{Farms: []farmListing{}}
	for _, f := range farms {
		one, err := p.listFarm(ctx, c, e, f)
		if err != nil {
			return nil, err
		}
		l.Farms = append(l.Farms, *one)
	}
	return l, nil
}

func (p *program) listFarm(ctx context.Context, c *storage.Catalog, e *engine.Engine, f farmtally.Farm) (*farmListing, error) {
	queues, err := c.Queues(ctx, f.ID)
	if err != nil {
		return nil, err
	}
	fleets, err := c.Fleets(ctx, f.ID)
	if err != nil {
		return nil, err
	}
	whole, byQueue, byFleet, err := p.sumUp(ctx, e, f.ID)
	if err != nil {
		return nil, err
	}
	l := &farmListing{FarmID: f.ID, FarmName: f.Name, usage: whole, Queues: []queueListing{}, Fleets: []fleetListing{}}
	l.finish()
	for _, q := range queues {
		one := queueListing{QueueID: q.ID, QueueName: q.Name, usage: *orZero(byQueue[q.ID])}
		one.finish()
		l.Queues = append(l.Queues, one)
	}
	for _, t := range fleets {
		one := fleetListing{FleetID: t.ID, FleetName: t.Name, usage: *orZero(byFleet[t.ID])}
		one.finish()
		l.Fleets = append(l.Fleets, one)
	}
	return l, nil
}

func orZero(u *usage) *usage {
	if u == nil {
		return &usage{}
	}
	return u
}

// sumUp reads a farm's records once.
func (p *program) sumUp(ctx context.Context, e *engine.Engine, farm farmtally.FarmID) (
	whole usage, byQueue map[farmtally.QueueID]*usage, byFleet map[farmtally.FleetID]*usage, err error,
) {
	snapshot, err := e.Snapshot(ctx, farm)
	if err != nil {
		return whole, nil, nil, err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	byQueue, byFleet = map[farmtally.QueueID]*usage{}, map[farmtally.FleetID]*usage{}
	bar := newProgressLine(p.stderr)
	defer bar.clear()
	err = snapshot.Records(ctx, func(r *farmtally.Record) error {
		whole.add(r)
		addTo(byQueue, r.QueueID, r)
		addTo(byFleet, r.FleetID, r)
		if whole.Records%1_000_000 == 0 {
			bar.show(count(whole.Records) + " records read")
		}
		return nil
	})
	return whole, byQueue, byFleet, err
}

func addTo[ID comparable](sums map[ID]*usage, id ID, r *farmtally.Record) {
	u := sums[id]
	if u == nil {
		u = &usage{}
		sums[id] = u
	}
	u.add(r)
}

func (p *program) printListing(l *listing) error {
	if len(l.Farms) == 0 {
		_, err := fmt.Fprintf(p.stdout, "%s holds no records yet\n", p.data)
		return err
	}
	t := &table{columns: []column{
		{title: "KIND"}, {title: "NAME"}, {title: "ID"}, {"RECORDS", true}, {title: "FIRST"}, {title: "LAST"}, {"UNPRICED", true},
	}}
	line := func(kind, name, id string, u *usage) {
		t.add(kind, orAbsent(name), id, count(u.Records), orAbsent(u.FirstStart), orAbsent(u.LastEnd), count(u.Unpriced))
	}
	for i := range l.Farms {
		f := &l.Farms[i]
		line("farm", f.FarmName, string(f.FarmID), &f.usage)
		for j := range f.Queues {
			line("queue", f.Queues[j].QueueName, string(f.Queues[j].QueueID), &f.Queues[j].usage)
		}
		for j := range f.Fleets {
			line("fleet", f.Fleets[j].FleetName, string(f.Fleets[j].FleetID), &f.Fleets[j].usage)
		}
	}
	return t.print(p.stdout)
}

func orAbsent(s string) string {
	if s == "" {
		return absent
	}
	return s
}
