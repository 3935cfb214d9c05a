package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/storage"
)

// exportOptions are the flags of an export of records.
type exportOptions struct {
	farm, from, to, form, path string
	start, end                 farmtally.Instant
}

func (p *program) exportCommand() *cobra.Command {
	return p.group("export", "write what is stored, for other programs",
		"  farmtally export records --farm studio --format parquet --output usage.parquet\n"+
			"  farmtally export focus --from 2026-01-01 --to 2026-02-01 --output january.csv",
		p.exportRecordsCommand(), p.exportFocusCommand())
}

func (p *program) exportRecordsCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use: "records", Short: "write a farm's usage records",
		Long: `records writes the usage records of a farm, in the order of their starts, as NDJSON, CSV,
Parquet or Arrow: those that meet the range from --from to --to, whole. What it writes,
'farmtally import' reads.`,
		Example: `  $ farmtally export records --farm studio --format parquet --output usage.parquet
  $ farmtally export records --from 2026-01-01 --to 2026-02-01 --format csv | head`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.checkExport(&o); err != nil {
				return misusef(helpOf(cmd), "%s", err)
			}
			return p.withEngine(cmd.Context(), mustExist, func(c *storage.Catalog, e *engine.Engine) error {
				return p.exportRecords(cmd.Context(), c, e, &o)
			})
		},
	}
	p.exportFlags(cmd, &o, export.RecordForms)
	return cmd
}

// exportFlags adds the flags that exports share.
func (p *program) exportFlags(cmd *cobra.Command, o *exportOptions, forms []string) {
	dataFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&o.farm, "farm", "", "the farm, by `name` or id; may be left out where there is one alone")
	f.StringVar(&o.from, "from", "", "the `moment` at which the range begins (default: the first record)")
	f.StringVar(&o.to, "to", "", "the `moment` at which it ends (default: the last record)")
	f.StringVar(&o.path, "output", "", "the `file` to write, which appears whole (default: standard output)")
	o.form = forms[0]
	f.Var(&choice{&o.form, forms}, "format", "the form of the file: "+strings.Join(forms, ", "))
}

// checkExport reads the range and refuses what can't be exported; its error names the
// flag at fault.
func (p *program) checkExport(o *exportOptions) (err error) {
	o.start, o.end = math.MinInt64, math.MaxInt64
	for _, m := range []struct {
		flag, text string
		to         *farmtally.Instant
	}{{"from", o.from, &o.start}, {"to", o.to, &o.end}} {
		if m.text == "" {
			continue
		}
		if *m.to, err = parseMoment(m.text, 0, p.now()); err != nil {
			return fmt.Errorf("--%s: %w", m.flag, err)
		}
	}
	if o.start >= o.end {
		return errors.New("--from must be before --to")
	}
	if o.path == "" && terminal(p.stdout) && export.Binary(o.form) {
		return fmt.Errorf("%s is not for a terminal; name a file with --output", o.form)
	}
	return nil
}

func (p *program) exportRecords(ctx context.Context, c *storage.Catalog, e *engine.Engine, o *exportOptions) (err error) {
	x := exporter{o: o, catalog: c, asOf: farmtally.InstantOf(p.now()), jobs: map[farmtally.JobID]string{}, bar: newProgressLine(p.stderr)}
	if err := x.open(ctx); err != nil {
		return err
	}
	err = x.export(ctx, e, p.stdout, func(to io.Writer) (export.RecordWriter, error) {
		return export.NewRecordWriter(to, export.RecordConfig{Form: o.form, Spreadsheet: o.path != ""})
	})
	if err != nil || o.path == "" {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "wrote %s %s of farm %s to %s\n", count(x.written), unit(x.written, "record"), x.name(), o.path)
	return err
}

// exporter writes the records of a farm with their names, which stand beside the
// records in the catalog.
type exporter struct {
	o       *exportOptions
	catalog *storage.Catalog
	asOf    farmtally.Instant // until when records still run
	farm    farmtally.Farm
	queues  map[farmtally.QueueID]string
	fleets  map[farmtally.FleetID]string
	jobs    map[farmtally.JobID]string
	written int64
	bar     *progressLine
}

func (x *exporter) name() string {
	if x.farm.Name == "" {
		return string(x.farm.ID)
	}
	return x.farm.Name
}

// open finds the farm and its names.
func (x *exporter) open(ctx context.Context) error {
	farm, err := storedFarm(ctx, x.catalog, x.o.farm)
	if err != nil {
		return err
	}
	x.farm = farm
	queues, err := x.catalog.Queues(ctx, x.farm.ID)
	if err != nil {
		return err
	}
	fleets, err := x.catalog.Fleets(ctx, x.farm.ID)
	if err != nil {
		return err
	}
	x.queues, x.fleets = map[farmtally.QueueID]string{}, map[farmtally.FleetID]string{}
	for _, q := range queues {
		x.queues[q.ID] = q.Name
	}
	for _, f := range fleets {
		x.fleets[f.ID] = f.Name
	}
	return nil
}

// job gives a job's name. It asks the catalog once for each job.
func (x *exporter) job(ctx context.Context, id farmtally.JobID) (string, error) {
	name, known := x.jobs[id]
	if known || id == "" {
		return name, nil
	}
	names, err := x.catalog.JobNames(ctx, x.farm.ID, []string{string(id)})
	if err != nil {
		return "", err
	}
	if len(x.jobs) >= 1<<18 {
		clear(x.jobs)
	}
	name = names[string(id)]
	x.jobs[farmtally.JobID([]byte(id))] = name // a copy: the record's text lies in a mapped file
	return name, nil
}

// export writes the farm's records, with what begin makes of a file, to the file of the
// options or else to stdout.
func (x *exporter) export(ctx context.Context, e *engine.Engine, stdout io.Writer, begin func(io.Writer) (export.RecordWriter, error)) (err error) {
	snapshot, err := e.Snapshot(ctx, x.farm.ID)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snapshot.Close()) }()
	write := func(to io.Writer) error { return x.write(ctx, snapshot, to, begin) }
	defer x.bar.clear()
	if x.o.path == "" {
		return write(struct{ io.Writer }{stdout})
	}
	return wholeFile(x.o.path, write)
}

func (x *exporter) write(ctx context.Context, snapshot farmtally.Snapshot, to io.Writer, begin func(io.Writer) (export.RecordWriter, error)) error {
	w, err := begin(to)
	if err != nil {
		return err
	}
	err = snapshot.Records(ctx, func(r *farmtally.Record) (err error) {
		if use := r.At(x.asOf); !use.Meets(x.o.start, x.o.end) {
			return nil
		}
		if x.written++; x.written%100_000 == 0 && x.o.path != "" {
			x.bar.show(count(x.written) + " records written")
		}
		r.FarmName, r.QueueName, r.FleetName = x.farm.Name, x.queues[r.QueueID], x.fleets[r.FleetID]
		if r.JobName, err = x.job(ctx, r.JobID); err != nil {
			return err
		}
		return w.Write(r)
	})
	if err != nil {
		return fmt.Errorf("export records: %w", err)
	}
	return w.Close()
}
