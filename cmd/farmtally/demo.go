package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"
	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/server"
	"github.com/farmtally/farmtally/storage"
)

//go:embed demo-rates.toml
var demoCard []byte

// The files that the demo makes in its data folder.
const (
	demoLogFile     = "aurora-2026-01.log"
	demoHistoryFile = "aurora-2025.ndjson"
	demoCardFile    = "aurora-rates.toml"
)

func (p *program) demoCommand() *cobra.Command {
	var keep bool
	listen := "localhost:0"
	cmd := &cobra.Command{
		Use: "demo", Short: "show it all on a made-up farm: import, price, serve, ask",
		Long: `demo makes a small render farm's accounting log for January 2026, imports it with a rate
card, and the records of the five months before with it, serves them on this machine, and
asks through the API, with AWS's own Go client, what January cost. Then it prints how
boto3 and the AWS CLI ask the same, and with --keep-serving where to see it in a browser.`,
		Example: `  farmtally demo
  farmtally demo --keep-serving --listen localhost:8787`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := serveOptions{
				listen: listen, noAuth: true, timeLimit: server.DefaultTimeLimit, rowLimit: server.DefaultRowLimit,
				runningPerFarm: server.DefaultRunningPerFarm, quiet: true,
			}
			if err := o.check(); err != nil {
				return misusef(helpOf(cmd), "%s", err)
			}
			return p.demo(cmd.Context(), &o, keep)
		},
	}
	cmd.Flags().String(dataName, "farmtally-demo", "the `folder` to make")
	cmd.Flags().StringVar(&listen, "listen", listen, "the `address` to serve at")
	cmd.Flags().BoolVar(&keep, "keep-serving", false, "go on serving until interrupted")
	return cmd
}

// demo runs the four steps. The server lives as long as they do.
func (p *program) demo(ctx context.Context, o *serveOptions, keep bool) error {
	listeners, err := listen(ctx, o.listen)
	if err != nil {
		return err
	}
	defer listeners.close()
	return p.withEngine(ctx, mayBeNew, func(c *storage.Catalog, e *engine.Engine) error {
		if err := p.demoImport(ctx, c, e); err != nil {
			return err
		}
		serving, stop := context.WithCancel(ctx)
		defer stop()
		ready, ended := make(chan string, 1), make(chan error, 1)
		go func() { ended <- p.serve(serving, o, listeners, c, e, func(url string) { ready <- url }) }()
		var err error
		select {
		case url := <-ready:
			err = p.demoAsk(ctx, url, keep)
			if keep && err == nil {
				p.printDemoPage(url)
			}
		case err := <-ended:
			return err
		}
		if keep && err == nil {
			<-ctx.Done()
		}
		stop()
		return errors.Join(err, <-ended)
	})
}

// demoImport makes the log and the card, and imports the one with the other.
func (p *program) demoImport(ctx context.Context, c *storage.Catalog, e *engine.Engine) error {
	path := filepath.Join(p.data, demoLogFile)
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make log: %w", err)
	}
	lines, err := writeDemoLog(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	card := filepath.Join(p.data, demoCardFile)
	if err := os.WriteFile(card, demoCard, 0o600); err != nil {
		return fmt.Errorf("write rate card: %w", err)
	}
	if err := c.SetCard(ctx, storage.Card{Scope: demoFarm, File: demoCardFile, Text: demoCard, SetAt: farmtally.InstantOf(p.now())}); err != nil {
		return err
	}
	to := lateFolder{}
	to.use(&openFolder{c, e})
	s, err := p.load(ctx, &to, ingest.Sacct{}, []string{path}, func(ingest.Rejection) {})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s: a month of Slurm's accounting log, %s lines\n", path, count(int64(lines)))
	fmt.Fprintf(p.stdout, "%s: %s records of jobs and licences, priced with %s\n", p.data, count(s.Records), card)
	return p.demoImportHistory(ctx, &to)
}

// demoImportHistory makes the records of the months before, and imports them.
func (p *program) demoImportHistory(ctx context.Context, to *lateFolder) error {
	path := filepath.Join(p.data, demoHistoryFile)
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make records: %w", err)
	}
	records, err := writeDemoHistory(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	if _, err := p.load(ctx, to, ingest.NDJSON{Kind: ingest.SlurmKind}, []string{path}, func(ingest.Rejection) {}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s: %s records of the five months before, with a cloud's\n\n", path, count(records))
	return err
}

// demoAsk asks the server what the month cost.
func (p *program) demoAsk(ctx context.Context, url string, keep bool) error {
	c, err := p.dial(ctx, url)
	if err != nil {
		return err
	}
	q := &inquiry{
		farm: demoFarm, start: farmtally.InstantOf(demoStart), end: farmtally.InstantOf(demoEnd),
		statistics: []farmtally.Statistic{farmtally.StatSum}, period: farmtally.Weekly, groupBy: []farmtally.Dimension{farmtally.ByQueue},
	}
	s, err := c.resolve(ctx, q)
	if err != nil {
		return c.explain(err)
	}
	byQueue := newPivot()
	if _, err = c.ask(ctx, q, s, func(r *types.Statistics) error { byQueue.add(s, r); return nil }); err != nil {
		return c.explain(err)
	}
	q.period, q.groupBy = farmtally.WholeRange, []farmtally.Dimension{farmtally.ByUser}
	var users []*types.Statistics
	if _, err = c.ask(ctx, q, s, func(r *types.Statistics) error { users = append(users, r); return nil }); err != nil {
		return c.explain(err)
	}
	if err := p.printDemo(byQueue, users); err != nil {
		return err
	}
	return p.printDemoClients(s, url, keep)
}

// pivot is the cost of each queue in each week.
type pivot struct {
	weeks  []string
	queues []string
	costs  map[[2]string]float64 // by queue and week
}

func newPivot() *pivot { return &pivot{costs: map[[2]string]float64{}} }

func (v *pivot) add(s *scope, r *types.Statistics) {
	queue, week := s.names[aws.ToString(r.QueueId)], r.AggregationStartTime.Format("Jan 2")
	if !slices.Contains(v.weeks, week) {
		v.weeks = append(v.weeks, week)
	}
	if !slices.Contains(v.queues, queue) {
		v.queues = append(v.queues, queue)
	}
	v.costs[[2]string{queue, week}] += aws.ToFloat64(r.CostInUsd.Sum)
}

// table lays the pivot out, with sums of rows and columns.
func (v *pivot) table() *table {
	t := &table{columns: []column{{title: "USD, week of"}}, footer: []string{"total"}}
	sums := make([]float64, len(v.weeks)+1)
	for _, w := range v.weeks {
		t.columns = append(t.columns, column{w, true})
	}
	t.columns = append(t.columns, column{"January", true})
	slices.Sort(v.queues)
	for _, q := range v.queues {
		cells, sum := []string{q}, 0.0
		for i, w := range v.weeks {
			cost := v.costs[[2]string{q, w}]
			cells, sum, sums[i] = append(cells, cents(cost)), sum+cost, sums[i]+cost
		}
		sums[len(v.weeks)] += sum
		t.add(append(cells, cents(sum))...)
	}
	for _, sum := range sums {
		t.footer = append(t.footer, cents(sum))
	}
	return t
}

// cents prints dollars to the cent.
func cents(dollars float64) string { return thousands(strconv.FormatFloat(dollars, 'f', 2, 64)) }

// demoTopUsers is how many users the demo shows.
const demoTopUsers = 3

func (p *program) printDemo(byQueue *pivot, users []*types.Statistics) error {
	if err := byQueue.table().print(p.stdout); err != nil {
		return err
	}
	slices.SortFunc(users, func(a, b *types.Statistics) int {
		return cmp.Compare(aws.ToFloat64(b.CostInUsd.Sum), aws.ToFloat64(a.CostInUsd.Sum))
	})
	t := &table{columns: []column{{title: "top users"}, {"USD", true}, {"hours", true}, {"records", true}}}
	const secondsPerHour = 3600
	for _, u := range users[:min(demoTopUsers, len(users))] {
		t.add(aws.ToString(u.UserId), cents(aws.ToFloat64(u.CostInUsd.Sum)),
			cents(aws.ToFloat64(u.RuntimeInSeconds.Sum)/secondsPerHour), count(int64(aws.ToInt32(u.Count))))
	}
	fmt.Fprintln(p.stdout)
	return t.print(p.stdout)
}
