package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/storage"
)

// focusOptions are the flags of an export in FOCUS.
type focusOptions struct {
	exportOptions
	version, grain, provider string
}

// focusGrains are the charge periods, by their names.
var focusGrains = []string{"day", "hour"}

func (p *program) exportFocusCommand() *cobra.Command {
	var o focusOptions
	cmd := &cobra.Command{
		Use: "focus", Short: "write a farm's charges in FOCUS, for tools of cloud costs",
		Long: `focus writes what a farm's records cost in the columns of FOCUS, the FinOps Open Cost and
Usage Specification, so that they lie beside the bills of clouds: a row for each record
and each UTC day or hour that it meets. The columns of the specification come first, then
farmtally's own, from x_FleetId on: the job, the user, the rate and others.

Its costs add up to those that 'farmtally stats' gives for the same range.`,
		Example: `  $ farmtally export focus --farm studio --from 2026-01-01 --to 2026-02-01 --output january.csv
  $ farmtally export focus --version 1.3 --grain hour --format parquet --output charges.parquet`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.checkExport(&o.exportOptions); err != nil {
				return misusef(helpOf(cmd), "%s", err)
			}
			return p.withEngine(cmd.Context(), mustExist, func(c *storage.Catalog, e *engine.Engine) error {
				return p.exportFocus(cmd.Context(), c, e, &o)
			})
		},
	}
	p.exportFlags(cmd, &o.exportOptions, export.FocusForms)
	f := cmd.Flags()
	o.version, o.grain = export.FocusVersions[0], focusGrains[0]
	f.Var(&choice{&o.version, export.FocusVersions}, "version", "the version of FOCUS: 1.2, 1.3")
	f.Var(&choice{&o.grain, focusGrains}, "grain", "the longest charge period: day, hour")
	f.StringVar(&o.provider, "provider", "", "the `name` of who provides the farm and bills for it (default: the farm's)")
	return cmd
}

func (p *program) exportFocus(ctx context.Context, c *storage.Catalog, e *engine.Engine, o *focusOptions) error {
	x := exporter{o: &o.exportOptions, catalog: c, asOf: farmtally.InstantOf(p.now()), jobs: map[farmtally.JobID]string{}, bar: newProgressLine(p.stderr)}
	if err := x.open(ctx); err != nil {
		return err
	}
	rates, err := ratesOf(ctx, c, &x.farm)
	if err != nil {
		return err
	}
	users, err := userNames(ctx, c, x.farm.ID)
	if err != nil {
		return err
	}
	config := export.FocusConfig{
		Form: o.form, Version: o.version, Grain: farmtally.Daily, Farm: x.farm, Provider: o.provider,
		Start: o.start, End: o.end, AsOf: x.asOf, Rates: rates, UserNames: users,
		Spreadsheet: o.path != "",
	}
	if o.grain == "hour" {
		config.Grain = farmtally.Hourly
	}
	var w *export.FocusWriter
	err = x.export(ctx, e, p.stdout, func(to io.Writer) (export.RecordWriter, error) {
		w, err = export.NewFocusWriter(to, config)
		return w, err
	})
	if err != nil || o.path == "" {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "wrote %s %s of %s %s of farm %s to %s\n", count(w.Rows()), unit(w.Rows(), "charge"),
		count(x.written), unit(x.written, "record"), x.name(), o.path)
	return err
}

// userNames are the labels of a farm's users, by id.
func userNames(ctx context.Context, c *storage.Catalog, farm farmtally.FarmID) (map[string]string, error) {
	labels, err := c.Labels(ctx, farm)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, l := range labels {
		if l.Dimension == farmtally.ByUser {
			names[l.Value] = l.Text
		}
	}
	return names, nil
}

// ratesOf are the rates of the farm's card as it is now, by id.
func ratesOf(ctx context.Context, c *storage.Catalog, farm *farmtally.Farm) (map[string]farmtally.Rate, error) {
	card, err := newPriceList(c).card(ctx, farm.ID, farm.Name)
	if err != nil {
		return nil, err
	}
	rates := map[string]farmtally.Rate{}
	for _, row := range card.Rows() {
		rates[row.ID] = row.Rate()
	}
	return rates, nil
}
