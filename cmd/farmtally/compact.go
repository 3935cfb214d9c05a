package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/storage"
)

func (p *program) compactCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "compact", Short: "merge segment files",
		Long: `compact merges the segment files of the data folder until they are few, in order of
time, and hold few replaced records. A server does that by itself. What is merged stays
as it was until its place has been taken; an interrupt loses nothing.`,
		Example: `  $ farmtally compact --farm studio
  studio: merged 34 segments into 3, 3,000,000 records`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withEngine(cmd.Context(), mustExist, func(c *storage.Catalog, e *engine.Engine) error {
				return p.compact(cmd.Context(), c, e, name)
			})
		},
	}
	dataFlag(cmd)
	cmd.Flags().StringVar(&name, "farm", "", "the farm's `name` or id (default: every farm)")
	return cmd
}

// compact compacts the farm of the name, or all.
func (p *program) compact(ctx context.Context, c *storage.Catalog, e *engine.Engine, name string) error {
	if name != "" {
		f, err := storedFarm(ctx, c, name)
		if err != nil {
			return err
		}
		return p.compactFarm(ctx, e, f)
	}
	farms, err := c.Farms(ctx)
	if err != nil {
		return err
	}
	for _, f := range farms {
		if err := p.compactFarm(ctx, e, f); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) compactFarm(ctx context.Context, e *engine.Engine, f farmtally.Farm) error {
	shown := thing{string(f.ID), f.Name}.String()
	line := newProgressLine(p.stderr)
	defer line.clear()
	done, err := e.Compact(ctx, f.ID, func(c engine.Compaction) {
		line.show(fmt.Sprintf("%s: %s records written", shown, count(c.Records)))
	})
	line.clear()
	if err != nil {
		return err
	}
	if done.Read == 0 {
		fmt.Fprintf(p.stdout, "%s: nothing to merge\n", shown)
		return nil
	}
	read, written := int64(done.Read), int64(done.Written)
	fmt.Fprintf(p.stdout, "%s: merged %s %s into %s, %s %s\n", shown, count(read), unit(read, "segment"),
		count(written), count(done.Records), unit(done.Records, "record"))
	return nil
}
