package main

import (
	"context"
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
	Records    int64  `json:"records"`
	Running    int64  `json:"running"`
	Unpriced   int64  `json:"unpriced"`
	FirstStart string `json:"firstStart,omitempty"`
	LastEnd    string `json:"lastEnd,omitempty"` // of a running record: its start
}

func usageOf(h engine.Holding) usage {
	u := usage{Records: h.Records, Running: h.Running, Unpriced: h.Unpriced}
	if h.Records > 0 {
		u.FirstStart, u.LastEnd = h.First.String(), h.Last.String()
	}
	return u
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
	bar := newProgressLine(p.stderr)
	stock, err := e.Stock(ctx, f.ID, func(done, total int64) {
		bar.show(count(done) + " of " + count(total) + " records counted")
	})
	bar.clear()
	if err != nil {
		return nil, err
	}
	l := &farmListing{FarmID: f.ID, FarmName: f.Name, usage: usageOf(stock.Farm), Queues: []queueListing{}, Fleets: []fleetListing{}}
	for _, q := range queues {
		l.Queues = append(l.Queues, queueListing{QueueID: q.ID, QueueName: q.Name, usage: usageOf(stock.Queues[q.ID])})
	}
	for _, t := range fleets {
		l.Fleets = append(l.Fleets, fleetListing{FleetID: t.ID, FleetName: t.Name, usage: usageOf(stock.Fleets[t.ID])})
	}
	return l, nil
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
