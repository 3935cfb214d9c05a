// Command bench asks farmtally, DuckDB and ClickHouse the same questions about the same
// records, sees that the answers are the same, and measures.
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
	records int64
	queries []string
	rounds  int
	random  int
	keep    string
	out     string
	check   bool
	sql     bool
	memory  string
}

const usage = `bench asks farmtally, DuckDB and ClickHouse the same questions about the same made-up
records. It sees that the answers are equal, row by row, and then measures them in turn.

  make bench                                        everything, on 20 million records
  go run . --records 2000000 --check                only whether the answers are equal
  go run . --records 2000000 --queries Q2,Q5 --rounds 9 --keep /tmp/bench
                                                    two questions, on data that is kept

It runs in bench/, with the packages of bench/clickhouse (npm ci) and a C compiler.

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stopped := ctx.Err() != nil
	stop()
	switch {
	case errors.Is(err, pflag.ErrHelp):
	case stopped:
		fmt.Fprintln(os.Stderr, "bench: stopped")
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
	f.Usage = func() { fmt.Fprint(os.Stderr, usage, f.FlagUsages()) }
	f.Int64Var(&o.records, "records", 20_000_000, "how many `records`; they need up to 500 bytes of disk each")
	f.StringSliceVar(&o.queries, "queries", nil, "measure these `names` alone, of Q1 to Q5")
	f.IntVar(&o.rounds, "rounds", 5, "how many `times` each side answers each question")
	f.IntVar(&o.random, "random", 40, "of how many random `questions` the answers are compared")
	f.StringVar(&o.keep, "keep", "", "keep the data in this `folder`, and use what is there (else: a temporary one)")
	f.StringVar(&o.out, "out", "", "write the tables into this `file`, between its markers")
	f.BoolVar(&o.check, "check", false, "compare the answers, and judge no times")
	f.BoolVar(&o.sql, "sql", false, "print the statements of Q1 to Q5 and end")
	f.StringVar(&o.memory, "memory", "", "(for the program itself) answer this question and print the memory that it took")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || o.records <= 0 || o.rounds < 1 || o.random < 0 {
		return nil, errors.New("--records and --rounds must be above 0, and there are no arguments: see --help")
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
	asked, err := o.asked()
	switch {
	case err != nil:
		return err
	case o.sql:
		printSQL()
		return nil
	case o.memory != "":
		return answerOnce(ctx, o)
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
	sides, err := prepare(ctx, dir, o.records)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(sides)) }()
	if len(o.queries) == 0 {
		if err := compareRandom(ctx, sides, randomQuestions(o.random, seed)); err != nil {
			return err
		}
	}
	r := report{options: o, dir: dir}
	for i := range asked {
		m, err := measure(ctx, o, dir, sides, &asked[i])
		if err != nil {
			return fmt.Errorf("%s: %w", asked[i].name, err)
		}
		r.measured = append(r.measured, m)
	}
	return r.write()
}

// note tells of progress.
func note(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func printSQL() {
	for _, q := range questions() {
		for _, s := range duckSQL.statements(&q.Query) {
			fmt.Printf("-- %s, DuckDB, %s\n%s;\n\n", q.name, s.name, s.sql)
		}
		for _, s := range clickSQL.statements(&q.Query) {
			fmt.Printf("-- %s, ClickHouse, %s\n%s;\n\n", q.name, s.name, s.sql)
		}
	}
}
