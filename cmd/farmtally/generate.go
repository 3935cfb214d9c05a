package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/storage"
)

func (p *program) generateCommand() *cobra.Command {
	var made ingest.Synthetic
	var out string
	cmd := &cobra.Command{
		Use: "generate", Short: "make up a farm's year, to measure with",
		Long: `generate makes up the usage of a farm in 2025: the same records for the same seed, on
every machine. They go straight into the data folder, or with --out into a file that
'farmtally import' reads.`,
		Example: `  $ farmtally generate --records 1000000 --seed 1
  stored 1,000,000 records of farm synthetic in farmtally-data

  $ farmtally generate --records 1000 --seed 1 --out year.parquet`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if made.Records <= 0 {
				return misusef(helpOf(cmd), "--records must be above 0")
			}
			if out == "" {
				return p.generateStored(cmd.Context(), made)
			}
			form, ok := recordForms[strings.ToLower(filepath.Ext(out))]
			if !ok {
				return misusef(helpOf(cmd), "--out %s: the name must end in .ndjson, .jsonl, .csv, .parquet, .arrow or .feather, for that is the form it gets", out)
			}
			return p.generateFile(cmd.Context(), made, out, form)
		},
	}
	dataFlag(cmd)
	f := cmd.Flags()
	f.Int64Var(&made.Records, "records", 1_000_000, "how many `records`")
	f.Uint64Var(&made.Seed, "seed", 1, "the `seed`: another one makes other records")
	f.StringVar(&out, "out", "", "write a `file` (.ndjson, .csv, .parquet or .arrow) in place of the data folder")
	return cmd
}

// recordForms are the forms of records by the endings of file names.
var recordForms = map[string]string{
	".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow",
}

// generateStored imports the records into the data folder.
func (p *program) generateStored(ctx context.Context, made ingest.Synthetic) error {
	defer leanHeap()()
	return p.withEngine(ctx, mayBeNew, func(_ *storage.Catalog, e *engine.Engine) (err error) {
		load, err := e.Import(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, load.Abort()) }()
		farm := ""
		err = p.generate(ctx, made, func(r *farmtally.Record) error {
			farm = r.FarmName
			return load.Add(ctx, r)
		})
		if err != nil {
			return err
		}
		counts, err := load.Commit(ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "stored %s records of farm %s in %s%s\n",
			count(made.Records), farm, p.data, knownBefore(counts))
		return err
	})
}

// knownBefore says how many records of a load were there already.
func knownBefore(c farmtally.Counts) string {
	if c.Replaced == 0 && c.Unchanged == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s replaced, %s unchanged)", count(c.Replaced), count(c.Unchanged))
}

// generate calls take for every record, with a progress bar, until ctx ends.
func (p *program) generate(ctx context.Context, made ingest.Synthetic, take func(*farmtally.Record) error) error {
	const step = 10_000
	bar := p.newBar(made.Records, "records")
	defer bar.Finish() //nolint:errcheck // a bar that can't be drawn is no failure
	n := 0
	for r := range made.Each() {
		if err := take(r); err != nil {
			return err
		}
		if n++; n%step == 0 {
			_ = bar.Add(step) // a bar that can't be drawn is no failure
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// generateFile writes the records to a file that appears whole, at the end.
func (p *program) generateFile(ctx context.Context, made ingest.Synthetic, path, form string) error {
	err := wholeFile(path, func(f io.Writer) error {
		w, err := export.NewRecordWriter(f, export.RecordConfig{Form: form})
		if err != nil {
			return err
		}
		if err := p.generate(ctx, made, w.Write); err != nil {
			return fmt.Errorf("write records: %w", err)
		}
		return w.Close()
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "wrote %s records to %s\n", count(made.Records), path)
	return err
}
