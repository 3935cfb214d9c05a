package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/rates"
	"github.com/farmtally/farmtally/storage"
)

func (p *program) ratesScaleCommand() *cobra.Command {
	var farm string
	cmd := &cobra.Command{
		Use: "scale [FACTOR]", Short: "set or print a farm's costScaleFactor",
		Long: `scale sets the factor, 0 to 100, by which a farm's costs are multiplied whenever they are
asked for. What is stored stays as it was priced, and aggregations that have been started
keep the factor of their start. Without FACTOR it prints the one in force.`,
		Example: `  $ farmtally rates scale --farm studio 1.15
  Costs of farm studio are multiplied by 1.15 when they are asked for; what is stored stays as it is.`,
		Args: arguments(0, 1, "a factor from 0 to 100"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withCatalog(cmd.Context(), mustExist, func(c *storage.Catalog) error {
				of, err := storedFarm(cmd.Context(), c, farm)
				if err != nil {
					return err
				}
				if len(args) == 0 {
					_, err := fmt.Fprintln(p.stdout, of.CostScale)
					return err
				}
				factor, err := farmtally.ParseCostScale(args[0])
				if err != nil {
					return misusef(helpOf(cmd), "%q is no factor: %s; it must be a decimal number from 0 to 100", args[0], err)
				}
				if err := c.SetCostScale(cmd.Context(), of.ID, factor); err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.stdout, "Costs of farm %s are multiplied by %s when they are asked for; what is stored stays as it is.\n",
					visible(cmp.Or(of.Name, string(of.ID))), factor)
				return err
			})
		},
	}
	dataFlag(cmd)
	cmd.Flags().StringVar(&farm, "farm", "", "the farm's `name` or id (default: the only farm)")
	return cmd
}

// storedFarm finds a farm of the data folder by its name or id; "" is the only one.
func storedFarm(ctx context.Context, c *storage.Catalog, wanted string) (farmtally.Farm, error) {
	farms, err := c.Farms(ctx)
	if err != nil {
		return farmtally.Farm{}, err
	}
	things, byID := make([]thing, len(farms)), map[string]farmtally.Farm{}
	for i, f := range farms {
		things[i] = thing{id: string(f.ID), name: f.Name}
		byID[things[i].id] = f
	}
	found, err := pickFarm(dataFolder, things, wanted)
	return byID[found.id], err
}

// listedCard is a card in the list of all.
type listedCard struct {
	Scope string `json:"scope"` // a farm's name or id, "" for every farm without its own
	File  string `json:"file"`
	SetAt string `json:"setAt"`
	Rows  int    `json:"rows"`
}

func (p *program) ratesListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "list the rate cards, and whose they are",
		Example: `  $ farmtally rates list
  FARM          FILE         ROWS  SET
  (all others)  card.toml      12  2026-01-05T08:00:12Z
  studio        studio.toml     3  2026-02-01T09:30:00Z`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withCatalog(cmd.Context(), mustExist, func(c *storage.Catalog) error {
				cards, err := listCards(cmd.Context(), c)
				if err != nil {
					return err
				}
				if output == "json" {
					return printJSON(p.stdout, map[string]any{"cards": cards})
				}
				return p.printCards(cards)
			})
		},
	}
	dataFlag(cmd)
	outputFlag(cmd, &output, "table", "json")
	return cmd
}

func listCards(ctx context.Context, c *storage.Catalog) ([]listedCard, error) {
	stored, err := c.Cards(ctx)
	if err != nil {
		return nil, err
	}
	cards := []listedCard{}
	for _, s := range stored {
		card, err := rates.Parse(s.File, s.Text)
		if err != nil {
			return nil, err
		}
		cards = append(cards, listedCard{Scope: s.Scope, File: s.File, SetAt: s.SetAt.String(), Rows: len(card.Rows())})
	}
	return cards, nil
}

func (p *program) printCards(cards []listedCard) error {
	if len(cards) == 0 {
		_, err := fmt.Fprintln(p.stdout, "No rate card is set; 'farmtally rates set CARD' sets one.")
		return err
	}
	t := table{columns: []column{{"FARM", false}, {"FILE", false}, {"ROWS", true}, {"SET", false}}}
	for _, c := range cards {
		t.add(cmp.Or(c.Scope, "(all others)"), c.File, fmt.Sprint(c.Rows), c.SetAt)
	}
	return t.print(p.stdout)
}
