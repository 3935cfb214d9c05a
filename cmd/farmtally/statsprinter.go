package main

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/deadline/types"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/export"
)

// statsPrinter prints the rows of an answer as they come.
type statsPrinter interface {
	row(*types.Statistics) error
	end(answer) error
}

// newStatsPrinter prints to w, which is a file of the user's own or else what others
// read.
func newStatsPrinter(o *statsOptions, w io.Writer, q *inquiry, s *scope) (statsPrinter, error) {
	if o.output == "table" {
		return newStatsTable(w, q, s), nil
	}
	out, err := export.NewStatisticsWriter(w, export.StatisticsConfig{
		Form: o.output, GroupBy: q.groupBy, Statistics: q.statistics, Spreadsheet: o.path != "",
	})
	return &statsExport{out: out, q: q, s: s}, err
}

// statsExport prints rows for other programs.
type statsExport struct {
	out export.StatisticsWriter
	q   *inquiry
	s   *scope
}

func (p *statsExport) row(from *types.Statistics) error {
	r := export.StatisticsRow{Start: instantOf(from.AggregationStartTime), End: instantOf(from.AggregationEndTime), Count: int64(aws.ToInt32(from.Count))}
	for i, d := range p.q.groupBy {
		r.Group[i], r.Names[i] = p.s.value(d, from)
	}
	if err := r.SetDoubles(doublesOf(from.CostInUsd), doublesOf(from.RuntimeInSeconds)); err != nil {
		return err
	}
	return p.out.Write(&r)
}

func (p *statsExport) end(a answer) error {
	end := export.StatisticsEnd{
		Status: a.status, Message: a.message, FarmID: p.s.farm.id, AggregationID: a.id,
		// As in the AWS CLI's output: NextToken is a resume token, nextToken the service's.
		NextKey: "NextToken", Next: a.next,
	}
	if p.q.noPaginate {
		end.NextKey = "nextToken"
	}
	return p.out.Close(end)
}

func doublesOf(s *types.Stats) export.Doubles {
	if s == nil {
		return export.Doubles{}
	}
	return export.Doubles{Sum: s.Sum, Avg: s.Avg, Min: s.Min, Max: s.Max}
}

// instantOf gives a time that every answer has; 1970 stands for none.
func instantOf(t *time.Time) farmtally.Instant {
	if t == nil {
		return 0
	}
	return farmtally.InstantOf(*t)
}

// output calls write with where the answer goes: to a file that appears whole, or to
// standard output.
func (p *program) output(o *statsOptions, write func(io.Writer) error) error {
	if o.path == "" {
		return write(p.stdout)
	}
	return wholeFile(o.path, func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<16)
		if err := write(buffered); err != nil {
			return err
		}
		return buffered.Flush()
	})
}

// checkOutput refuses what can't be printed; its error names the flag at fault.
func (o *statsOptions) checkOutput(toTerminal bool) error {
	if export.Binary(o.output) && o.path == "" && toTerminal {
		return fmt.Errorf("--output %s is not for a terminal; name a file with --out", o.output)
	}
	return nil
}
