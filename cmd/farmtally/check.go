package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/storage"
)

// checkup is what check finds.
type checkup struct {
	Segments int64    `json:"segments"`
	Records  int64    `json:"records"`
	Bytes    int64    `json:"bytes"`
	Damaged  []damage `json:"damaged"`
}

type damage struct {
	File    string `json:"file"`
	Message string `json:"message"`
}

func (p *program) checkCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "check", Short: "compare all stored data with its checksums",
		Long: `check reads every segment file of the data folder and compares each column with the
checksum that the catalog has of it. It exits with 1 where anything differs.`,
		Example: `  $ farmtally check
  farmtally-data: 20 segments, 20,000,000 records, 1,180,342,272 bytes: all as written`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withCatalog(cmd.Context(), mustExist, func(c *storage.Catalog) error {
				found, err := p.checkFolder(cmd.Context(), c)
				if err != nil {
					return err
				}
				return p.reportCheckup(found, output)
			})
		},
	}
	dataFlag(cmd)
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func (p *program) checkFolder(ctx context.Context, c *storage.Catalog) (*checkup, error) {
	farms, err := c.Farms(ctx)
	if err != nil {
		return nil, err
	}
	found := &checkup{Damaged: []damage{}}
	progress := newProgressLine(p.stderr)
	defer progress.clear()
	for _, f := range farms {
		view, err := c.View(ctx, f.ID)
		if err != nil {
			return nil, err
		}
		found.Records += int64(view.Hot.Len())
		for _, info := range view.Segments {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			found.Segments++
			found.Records += info.Records - int64(len(view.Dropped[info.ID]))
			found.Bytes += info.Bytes
			progress.show(fmt.Sprintf("segment %d: %s", found.Segments, info.File))
			if err := c.CheckSegment(info); err != nil {
				found.Damaged = append(found.Damaged, damage{c.SegmentPath(info.File), err.Error()})
			}
		}
	}
	return found, nil
}

func (p *program) reportCheckup(found *checkup, output string) error {
	if output == "json" {
		if err := printJSON(p.stdout, found); err != nil {
			return err
		}
	} else if len(found.Damaged) == 0 {
		_, err := fmt.Fprintf(p.stdout, "%s: %s %s, %s %s, %s bytes: all as written\n", p.data,
			count(found.Segments), unit(found.Segments, "segment"), count(found.Records), unit(found.Records, "record"), count(found.Bytes))
		return err
	}
	if len(found.Damaged) == 0 {
		return nil
	}
	e := &farmtally.Error{
		Kind: farmtally.Corrupt, Message: fmt.Sprintf("%d of %d segments of %s are damaged", len(found.Damaged), found.Segments, p.data),
		Hint: "restore these files from a backup, or import their records again into a new folder",
	}
	for _, d := range found.Damaged {
		e.Fields = append(e.Fields, farmtally.Field{Name: d.File, Message: d.Message})
	}
	return e
}
