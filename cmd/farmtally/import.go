package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/rates"
)

// importOptions are the flags of an import.
type importOptions struct {
	farm, fleet, timezone, kind, columns string
	rejects, output                      string
}

func (p *program) importCommand() *cobra.Command {
	return p.group("import", "read usage records from files, and price them with the rate card",
		`  farmtally import sacct accounting.log
  zcat usage.ndjson.gz | farmtally import ndjson --farm studio -`,
		p.importSacctCommand(), p.importRecordsCommand("ndjson", ndjsonExample), p.importRecordsCommand("csv", csvExample),
		p.importRecordsCommand("parquet", parquetExample), p.importRecordsCommand("arrow", arrowExample))
}

const importRules = `
A row that can't be read is rejected with file:line: field: reason, and stops nothing; the
exit status is then 1. The import becomes visible whole, at its end, or not at all, and
importing the same file again changes nothing.`

func (p *program) importSacctCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use: "sacct FILE…", Short: "read Slurm's accounting log, as sacct --parsable2 prints it",
		Long: `sacct reads what Slurm's 'sacct --parsable2' prints, with a header line, or without one
in the 26 columns that Open XDMoD asks for. A cluster becomes a farm, a partition a queue,
an allocation a COMPUTE record, and each licence in it a LICENSE record.
` + importRules,
		Example: `  $ sacct --allusers --parsable2 --starttime 2026-01-01 --endtime 2026-02-01 --format \
      JobID,JobIDRaw,Cluster,Partition,User,Start,End,State,NNodes,NCPUS,AllocTRES,NodeList,JobName > january.log
  $ farmtally import sacct --timezone Europe/Berlin january.log`,
		Args: arguments(1, -1, "files to read ('-' is standard input)"),
		RunE: func(cmd *cobra.Command, files []string) error {
			location, err := ingest.ParseLocation(o.timezone)
			if err != nil {
				return misusef(helpOf(cmd), "--timezone %s: %s", o.timezone, err)
			}
			return p.importFiles(cmd.Context(), &o, ingest.Sacct{Farm: o.farm, Fleet: o.fleet, Location: location}, files)
		},
	}
	p.importFlags(cmd, &o)
	cmd.Flags().StringVar(&o.farm, "farm", "", "the farm's `name` or id (default: the cluster's name)")
	cmd.Flags().StringVar(&o.fleet, "fleet", "", "the fleet's `name` or id (default: one fleet, called as the cluster)")
	cmd.Flags().StringVar(&o.timezone, "timezone", "UTC", "the `zone` of the log's times: UTC, UTC+02:00, Europe/Berlin")
	return cmd
}

const ndjsonExample = `  $ cat usage.ndjson
  {"recordId":"session-1","queueId":"render","userId":"amira","usageType":"COMPUTE",
   "startedAt":"2026-01-05T08:00:00Z","endedAt":"2026-01-05T09:30:00Z","cpus":16}
  $ farmtally import ndjson --farm studio usage.ndjson`

const csvExample = `  $ cat usage.csv
  recordId,queueId,userId,usageType,startedAt,endedAt,cpus
  session-1,render,amira,COMPUTE,2026-01-05T08:00:00Z,2026-01-05T09:30:00Z,16
  $ farmtally import csv --farm studio usage.csv`

const parquetExample = `  $ farmtally import parquet usage.parquet
  $ farmtally import parquet --farm studio --columns recordId=id,startedAt=begin:ms,costInUsd=cost:nano usage.parquet`

const arrowExample = `  $ farmtally import arrow usage.arrow
  $ farmtally import arrow --farm studio --columns recordId=id,startedAt=begin:ms usage.feather`

// importRecordsCommand imports farmtally's own records.
func (p *program) importRecordsCommand(format, example string) *cobra.Command {
	var o importOptions
	name := map[string]string{"ndjson": "NDJSON", "csv": "CSV", "parquet": "Parquet", "arrow": "Arrow"}[format]
	cmd := &cobra.Command{
		Use: format + " FILE…", Short: "read usage records as " + name,
		Long: format + " reads farmtally's own usage records as " + name + ". Farms, queues, fleets and jobs may be\n" +
			"given by name or by id.\n" + importRules,
		Example: example,
		Args:    arguments(1, -1, "files to read ('-' is standard input)"),
		RunE: func(cmd *cobra.Command, files []string) error {
			columns, err := ingest.ParseColumns(o.columns)
			if err != nil {
				return misusef(helpOf(cmd), "--columns: %s", err)
			}
			var source ingest.Source
			switch format {
			case "ndjson":
				source = ingest.NDJSON{Farm: o.farm, Kind: o.kind}
			case "csv":
				source = ingest.CSV{Farm: o.farm, Kind: o.kind}
			case "parquet":
				source = ingest.Parquet(o.farm, o.kind, columns)
			default:
				source = ingest.Arrow(o.farm, o.kind, columns)
			}
			return p.importFiles(cmd.Context(), &o, source, files)
		},
	}
	p.importFlags(cmd, &o)
	cmd.Flags().StringVar(&o.farm, "farm", "", "the farm, by `name` or id, of records that name none")
	if format == "parquet" || format == "arrow" {
		cmd.Flags().StringVar(&o.columns, "columns", "", "which column has which field: `field=column[:unit],…`; "+
			"the unit of whole numbers is s, ms, us, ns, cent, milli, micro or nano")
	}
	cmd.Flags().StringVar(&o.kind, "kind", ingest.DefaultKind, "the kind of source that names become ids with, such as slurm")
	return cmd
}

func (p *program) importFlags(cmd *cobra.Command, o *importOptions) {
	dataFlag(cmd)
	cmd.Flags().StringVar(&o.rejects, "rejects", "", "write every rejection to a `file`")
	outputFlag(cmd, &o.output, "text", "json")
}

// importFiles loads the files and says what became of their rows.
func (p *program) importFiles(ctx context.Context, o *importOptions, source ingest.Source, files []string) error {
	err := p.importInto(ctx, o, source, files)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return &interruption{"nothing of this import is stored"}
	}
	return err
}

func (p *program) importInto(ctx context.Context, o *importOptions, source ingest.Source, files []string) error {
	r, err := newRejections(p.stderr, o.rejects)
	if err != nil {
		return err
	}
	var to lateFolder
	summary, err := p.load(ctx, &to, source, files, r.take)
	if err = errors.Join(err, to.close(), r.close(err != nil)); err != nil {
		return err
	}
	if o.output == "json" {
		err = printJSON(p.stdout, summary)
	} else {
		err = p.printSummary(&summary)
	}
	if err == nil && summary.Rejected > 0 {
		return r.failure(summary.Rejected, summary.Read)
	}
	return err
}

// lateFolder is a data folder that a load opens, and makes where there is none, when it
// has a record: of a load that fails before, nothing is left.
type lateFolder struct {
	*openFolder
	prices *priceList
}

func (f *lateFolder) use(open *openFolder) { f.openFolder, f.prices = open, newPriceList(open.catalog) }

func (f *lateFolder) close() error {
	if f.openFolder == nil {
		return nil
	}
	return f.openFolder.close()
}

// load runs one import, with the folder's rate cards and a progress bar.
func (p *program) load(ctx context.Context, to *lateFolder, source ingest.Source, files []string,
	reject func(ingest.Rejection),
) (ingest.Summary, error) {
	defer leanHeap()()
	shown := &importProgress{p: p, line: newProgressLine(p.stderr)}
	defer shown.end()
	return ingest.Load(ctx, ingest.LoadConfig{
		Files: files, Stdin: p.stdin, Source: source, Reject: reject, Progress: shown.show,
		Begin: func(ctx context.Context) (farmtally.Import, error) {
			if to.openFolder == nil {
				open, err := p.openFolder(ctx, mayBeNew)
				if err != nil {
					return nil, err
				}
				to.use(open)
			}
			return to.engine.Import(ctx)
		},
		Prices: ingest.Prices{
			Card: func(ctx context.Context, id farmtally.FarmID, name string) (*rates.Card, error) {
				return to.prices.card(ctx, id, name)
			},
			FleetNames: func(ctx context.Context, id farmtally.FarmID) (map[farmtally.FleetID]string, error) {
				return to.prices.fleetNames(ctx, id)
			},
		},
	})
}

// leanHeap has garbage collected four times as early as Go does by itself, until end is called:
// a load makes hundreds of megabytes of columns, which cost little to look through. Who
// sets GOGC has it as it is set.
func leanHeap() (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(25)
	return func() { debug.SetGCPercent(before) }
}

// importProgress shows how far an import is: a bar where the files have sizes, and
// else a line.
type importProgress struct {
	p    *program
	bar  *progressbar.ProgressBar
	line *progressLine
}

func (s *importProgress) show(done ingest.Progress) {
	switch {
	case done.Total == 0:
		s.line.show(fmt.Sprintf("%s %s read", count(done.Rows), unit(done.Rows, "row")))
		return
	case s.bar == nil:
		s.bar = s.p.newBar(done.Total, "reading", progressbar.OptionShowBytes(true))
	}
	_ = s.bar.Set64(done.Bytes) // a bar that can't be drawn is no failure
}

func (s *importProgress) end() {
	s.line.clear()
	if s.bar != nil {
		_ = s.bar.Finish() // a bar that can't be drawn is no failure
	}
}

// printSummary says what became of every row.
func (p *program) printSummary(s *ingest.Summary) error {
	t := &table{columns: []column{{title: "read"}, {count(s.Read), true}, {title: unit(s.Read, "row")}}}
	line := func(what string, n int64, of, note string) { t.add(what, count(n), unit(n, of)+note) }
	line("accepted", s.New, "record", "")
	line("replaced", s.Replaced, "record", "")
	line("unchanged", s.Unchanged, "record", "")
	for _, reason := range slices.Sorted(maps.Keys(s.Skipped)) {
		line("skipped", s.Skipped[reason], "row", ": "+string(reason))
	}
	line("rejected", s.Rejected, "row", "")
	if s.Running > 0 {
		line("running", s.Running, "record", ", without an end yet")
	}
	if s.Unpriced > 0 {
		line("unpriced", s.Unpriced, "record", ", at cost 0: no row of a rate card matches; 'farmtally rates set' sets a card")
		addUnpriced(t, s)
	}
	if err := t.print(p.stdout); err != nil || s.Records == 0 {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "from %s to %s\n", farmtally.InstantOf(s.First), farmtally.InstantOf(s.Last))
	return err
}

// shownKinds is how many kinds of unpriced records are printed.
const shownKinds = 5

// addUnpriced says what the records are that no rate matched.
func addUnpriced(t *table, s *ingest.Summary) {
	others := s.Unpriced
	for _, k := range s.UnpricedKinds[:min(shownKinds, len(s.UnpricedKinds))] {
		what := k.UsageType
		if k.LicenseProduct != "" {
			what += ", licenseProduct " + k.LicenseProduct
		}
		if k.InstanceType != "" {
			what += ", instanceType " + k.InstanceType
		}
		t.add("", count(k.Records), "of "+what)
		others -= k.Records
	}
	if others > 0 {
		t.add("", count(others), "of other kinds")
	}
}

// shownRejections is how many rejections are printed.
const shownRejections = 20

// rejections prints the first rejections, and keeps all of them in a file where one
// is named.
type rejections struct {
	stderr io.Writer
	path   string
	file   *os.File
	w      *bufio.Writer
	n      int64
}

func newRejections(stderr io.Writer, path string) (*rejections, error) {
	r := &rejections{stderr: stderr, path: path}
	if path == "" {
		return r, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make file of rejections: %w", err)
	}
	r.file, r.w = f, bufio.NewWriter(f)
	return r, nil
}

func (r *rejections) take(x ingest.Rejection) {
	if r.n++; r.n <= shownRejections {
		fmt.Fprintln(r.stderr, visible(x.String()))
	}
	if r.w != nil {
		_, _ = r.w.WriteString(x.String() + "\n") // Flush gives the error
	}
}

// close ends the file. Of a failed import that rejected nothing no file stays.
func (r *rejections) close(failed bool) error {
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.w.Flush(), r.file.Close())
	if about, statErr := os.Lstat(r.path); failed && r.n == 0 && statErr == nil && about.Mode().IsRegular() {
		err = errors.Join(err, os.Remove(r.path))
	}
	return err
}

// failure is the error of an import that rejected rows, of all that it read.
func (r *rejections) failure(rows, read int64) error {
	e := farmtally.Errorf(farmtally.Invalid, "%s %s rejected; the others are stored", count(rows), unit(rows, "row"))
	if rows == read {
		e.Message = fmt.Sprintf("%s %s rejected, all that there are: is this the format that the command names?", count(rows), unit(rows, "row"))
	}
	switch {
	case r.path != "":
		e.Hint = "every rejection is in " + r.path
	case r.n > shownRejections:
		e.Hint = fmt.Sprintf("%s more rejections are not shown; --rejects FILE keeps them all", count(r.n-shownRejections))
	}
	return e
}
