// Command bench asks farmtally, DuckDB and ClickHouse the same questions about the same
// records, sees that the answers are the same, and measures: questions, memory, opening,
// growth, imports, pushes and pages, each beside its goal.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
)

const (
	seed    = 1
	threads = 2
)

// options are the flags.
type options struct {
	records  int64
	only     []string
	queries  []string
	rounds   int
	random   int
	peers    bool
	keep     string
	program  string
	document string
	history  string
	check    bool
	sql      string
	child    string
}

const usage = `bench asks farmtally, DuckDB and ClickHouse the same questions about the same made-up
records. It sees that the answers are equal, row by row, and then measures them in turn.

  make bench                                        everything, on 20 million records
  make bench-short                                  everything, on 2 million records
  go run . --records 500000 --check                 only whether the answers are equal
  go run . --records 2000000 --only queries --queries Q2,Q5 --rounds 9 --keep /tmp/bench
                                                    two questions, on data that is kept
  go run . --records 200000000 --peers=false --keep /data/bench
                                                    farmtally alone, on 200 million records

It runs in bench/, with the packages of bench/clickhouse (make setup), a C++ compiler, and
farmtally's program (make build). What it measures, by the names for --only:

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stopped := ctx.Err() != nil
	stop()
	switch {
	case errors.Is(err, pflag.ErrHelp):
	case stopped:
		fmt.Fprintln(os.Stderr, "bench: stopped; what it made is removed, but for what --keep keeps")
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (*options, error) {
	var o options
	f := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() {
		fmt.Fprint(os.Stderr, usage)
		for _, p := range parts {
			fmt.Fprintf(os.Stderr, "  %-8s %s\n", p.name, p.what)
		}
		fmt.Fprint(os.Stderr, "\n", f.FlagUsages())
	}
	f.Int64Var(&o.records, "records", 20_000_000, "how many `records`; with peers they need up to 420 bytes of disk each, else 120")
	f.StringSliceVar(&o.only, "only", nil, "measure these `parts` alone; the list is above")
	f.StringSliceVar(&o.queries, "queries", nil, "ask these `questions` alone, of Q1 to Q5")
	f.IntVar(&o.rounds, "rounds", 5, "how many `times` each side answers each question")
	f.IntVar(&o.random, "random", 40, "of how many random `questions` the answers are compared")
	f.BoolVar(&o.peers, "peers", true, "measure DuckDB and ClickHouse too")
	f.StringVar(&o.keep, "keep", "", "keep the data in this `folder`, and use what is there (else: a temporary one, in TMPDIR)")
	f.StringVar(&o.program, "program", "../bin/farmtally", "farmtally's `program`")
	f.StringVar(&o.document, "document", "", "write the tables into this `file`, between its markers")
	f.StringVar(&o.history, "results", "", "add the results to this `file` of JSON, and make tables of all sizes in it")
	f.BoolVar(&o.check, "check", false, "compare the answers, and measure nothing")
	f.StringVar(&o.sql, "sql", "", "write the statements of Q1 to Q5 to this `file` ('-' is standard output), and end")
	f.StringVar(&o.child, "child", "", "(for the program itself) be this kind of `process`")
	if err := f.MarkHidden("child"); err != nil {
		return nil, err
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.records <= 0 || o.rounds < 1 || o.random < 0 {
		return nil, errors.New("--records and --rounds must be above 0: see --help")
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%s: there are no arguments, only flags: see --help", f.Arg(0))
	}
	for _, name := range o.only {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			return nil, fmt.Errorf("--only %s: there is no such part; see --help for those there are", name)
		}
	}
	return &o, nil
}

// asked are the questions that the flags name.
func (o *options) asked() (list []question, err error) {
	all := questions()
	if len(o.queries) == 0 {
		return all, nil
	}
	for _, name := range o.queries {
		i := slices.IndexFunc(all, func(q question) bool { return strings.EqualFold(q.name, name) })
		if i < 0 {
			return nil, fmt.Errorf("--queries: there is no %s; Q1 to Q5 are", name)
		}
		list = append(list, all[i])
	}
	return list, nil
}

func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(threads)
	switch {
	case o.child != "":
		return runChild(ctx, o)
	case o.sql != "":
		return writeSQL(o.sql)
	}
	asked, err := o.asked()
	if err != nil {
		return err
	}
	if err := needs(o); err != nil {
		return err
	}
	dir := o.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "farmtally-bench-"); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	} else if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	b := &bench{options: o, dir: dir, asked: asked, results: newResults(o)}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if o.check {
		b.rounds = 1
		if err := b.checkAnswers(ctx); err != nil {
			return err
		}
		return b.measureAgain(ctx)
	}
	if err := b.measureParts(ctx); err != nil {
		return err
	}
	return b.report(ctx)
}

// note tells of progress.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
