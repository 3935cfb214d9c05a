package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/rates"
	"github.com/farmtally/farmtally/storage"
)

func (p *program) ratesCommand() *cobra.Command {
	return p.group("rates", "the rate cards that price records",
		`  farmtally rates check card.toml
  farmtally rates set card.toml`,
		p.ratesSetCommand(), p.ratesShowCommand(), p.ratesListCommand(), p.ratesCheckCommand(), p.ratesScaleCommand())
}

// farmFlag gives a rates command its flag --farm.
func farmFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "farm", "", "a farm's `name` or id, also of one that has no records yet (default: every farm without a card of its own)")
}

func (p *program) ratesSetCommand() *cobra.Command {
	var farm string
	cmd := &cobra.Command{
		Use: "set CARD", Short: "price the records of coming imports with a card",
		Long: `set reads a rate card and keeps it in the data folder. Records that are stored already
keep the prices that they were given; importing them again prices them anew.`,
		Example: `  $ farmtally rates set card.toml
  $ farmtally rates set --farm studio studio.toml`,
		Args: arguments(1, 1, "one rate card's file ('-' is standard input)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, card, err := p.readCard(args[0])
			if err != nil {
				return err
			}
			return p.withCatalog(cmd.Context(), mayBeNew, func(c *storage.Catalog) error {
				err := c.SetCard(cmd.Context(), storage.Card{
					Scope: farm, File: filepath.Base(args[0]), Text: text, SetAt: farmtally.InstantOf(p.now()),
				})
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(p.stdout, "%s now has a rate card of %s.\n"+
					"Records that are stored already keep the prices that they were given; importing them again prices them anew.\n",
					whose(farm), rowCount(card))
				return err
			})
		},
	}
	dataFlag(cmd)
	farmFlag(cmd, &farm)
	return cmd
}

func whose(farm string) string {
	if farm == "" {
		return "Every farm without its own"
	}
	return "Farm " + farm
}

func rowCount(card *rates.Card) string {
	if n := len(card.Rows()); n != 1 {
		return fmt.Sprintf("%d rows", n)
	}
	return "1 row"
}

// readCard reads and checks a card; "-" is standard input.
func (p *program) readCard(path string) (text []byte, card *rates.Card, err error) {
	if path == "-" {
		path = "standard input"
		text, err = io.ReadAll(p.stdin)
	} else {
		text, err = os.ReadFile(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, &farmtally.Error{Kind: farmtally.Invalid, Message: "there is no file " + path, Hint: "examples/rates.toml of farmtally's source is a rate card to begin with"}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read rate card: %w", err)
	}
	card, err = rates.Parse(path, text)
	return text, card, err
}

func (p *program) ratesCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check CARD", Short: "say what is wrong with a card, and store nothing",
		Example: `  $ farmtally rates check card.toml
  card.toml: 12 rows, no mistakes`,
		Args: arguments(1, 1, "one rate card's file ('-' is standard input)"),
		RunE: func(_ *cobra.Command, args []string) error {
			_, card, err := p.readCard(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "%s: %s, no mistakes\n", args[0], rowCount(card))
			return err
		},
	}
}

// shownCard is a card in JSON.
type shownCard struct {
	Scope string     `json:"scope"` // a farm's name or id, "" for every farm without its own
	File  string     `json:"file"`
	SetAt string     `json:"setAt"`
	Rows  []shownRow `json:"rows"`
}

type shownRow struct {
	ID             string `json:"id"`
	UsageType      string `json:"usageType"`
	Fleet          string `json:"fleet,omitempty"`
	InstanceType   string `json:"instanceType,omitempty"`
	LicenseProduct string `json:"licenseProduct,omitempty"`
	USDPerHour     string `json:"usdPerHour"`
	Per            string `json:"per"`
	ValidFrom      string `json:"validFrom,omitempty"`
	ValidUntil     string `json:"validUntil,omitempty"`
}

func (p *program) ratesShowCommand() *cobra.Command {
	var farm, output string
	cmd := &cobra.Command{
		Use: "show", Short: "print the card that prices a farm's records",
		Example: `  farmtally rates show --farm studio
  farmtally rates show --output json`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withCatalog(cmd.Context(), mustExist, func(c *storage.Catalog) error {
				card, err := cardOf(cmd.Context(), c, farm)
				if err != nil {
					return err
				}
				if output == "text" {
					_, err := p.stdout.Write(card.Text)
					return err
				}
				return p.showCard(card)
			})
		},
	}
	dataFlag(cmd)
	farmFlag(cmd, &farm)
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// cardOf finds the card that is in force for a farm, given by name or id.
func cardOf(ctx context.Context, c *storage.Catalog, farm string) (storage.Card, error) {
	id, name := farmtally.FarmID(farm), farm
	farms, err := c.Farms(ctx)
	if err != nil {
		return storage.Card{}, err
	}
	for _, f := range farms {
		if farm != "" && (f.Name == farm || string(f.ID) == farm) {
			id, name = f.ID, f.Name
		}
	}
	card, err := c.Card(ctx, id, name)
	if e, ok := errors.AsType[*farmtally.Error](err); ok && e.Kind == farmtally.NotFound {
		return card, &farmtally.Error{
			Kind: farmtally.NotFound, Message: "no rate card is set",
			Hint: "set one with 'farmtally rates set CARD'",
		}
	}
	return card, err
}

func (p *program) showCard(stored storage.Card) error {
	card, err := rates.Parse(stored.File, stored.Text)
	if err != nil {
		return err
	}
	shown := shownCard{Scope: stored.Scope, File: stored.File, SetAt: stored.SetAt.String(), Rows: []shownRow{}}
	for _, r := range card.Rows() {
		row := shownRow{
			ID: r.ID, UsageType: r.UsageType.String(), Fleet: r.Fleet, InstanceType: r.InstanceType,
			LicenseProduct: r.LicenseProduct, USDPerHour: r.USDPerHour.String(), Per: r.Per.String(),
		}
		if r.ValidFrom != 0 {
			row.ValidFrom = r.ValidFrom.String()
		}
		if r.ValidUntil != 0 {
			row.ValidUntil = r.ValidUntil.String()
		}
		shown.Rows = append(shown.Rows, row)
	}
	return printJSON(p.stdout, shown)
}
