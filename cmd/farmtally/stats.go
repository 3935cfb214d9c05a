package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/export"
	"github.com/farmtally/farmtally/paginate"
)

// statsOptions are the flags of stats.
type statsOptions struct {
	endpoint, farm   string
	queues, fleets   []string
	from, to         string
	timezone, period string
	groupBy, stats   []string
	output, path     string
	aggregation      string
	maxItems         int
	pageSize         int
	startingToken    string
	noPaginate       bool
}

// inquiry is what the options ask for, once they are read.
type inquiry struct {
	endpoint       string // "" leaves it to AWS's configuration
	farm           string // a name or an id; "" is the only farm
	queues, fleets []string
	start, end     farmtally.Instant
	timezone       farmtally.Offset
	period         farmtally.Period
	groupBy        []farmtally.Dimension
	statistics     []farmtally.Statistic

	aggregations []string // ids; none starts some
	noPaginate   bool
	paging       paginate.Options
	pageFlag     string // a flag of those about pages that was given, "" for none
}

func (p *program) statsCommand() *cobra.Command {
	var o statsOptions
	cmd := &cobra.Command{
		Use: "stats", Short: "ask a server what sessions used and cost",
		Long: `stats asks a farmtally server (or AWS) for statistics, with AWS's own client: it starts
an aggregation, waits for it, reads its pages and prints them.

The range is [from, to): the instant of --to is not in it. A time is
` + strings.Replace(momentForms, ", now", ",\nnow", 1) + `.

Requests are signed with the credentials of AWS's standard configuration (AWS_ACCESS_KEY_ID
and AWS_SECRET_ACCESS_KEY, or a profile); without any they are not signed.

One aggregation is over 10 queues or fleets at most. About more, stats starts several, one
after the other, and a farmtally server adds them up, exactly.`,
		Example: `  $ farmtally stats --from 2026-01-01 --to 2026-02-01 --period weekly --group-by user --stat sum

  $ farmtally stats --farm studio --queue render --queue sim --from -7d --period daily \
      --timezone UTC+05:30 --group-by queue,user --stat sum,max --output csv

  $ farmtally stats --from -30d --period daily --group-by user --output parquet --out users.parquet`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := o.parse(p.now())
			if err == nil {
				err = o.parsePaging(q, cmd.Flags().Changed)
			}
			if err == nil {
				err = o.checkOutput(terminal(p.stdout))
			}
			if err != nil {
				return misusef(helpOf(cmd), "%s", err)
			}
			return p.stats(cmd.Context(), q, &o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.endpoint, "endpoint", "", "the server's `URL` (default: AWS_ENDPOINT_URL_DEADLINE, AWS_ENDPOINT_URL, or "+defaultEndpoint+")")
	f.StringVar(&o.farm, "farm", "", "the farm's `name` or id (default: the only one)")
	f.StringArrayVar(&o.queues, "queue", nil, "a queue's `name` or id; may be given many times (default: all)")
	f.StringArrayVar(&o.fleets, "fleet", nil, "a fleet's `name` or id, in place of queues; may be given many times")
	f.StringVar(&o.from, "from", "-7d", "the start of the range, a `time`")
	f.StringVar(&o.to, "to", "now", "the end of the range, a `time`")
	f.StringVar(&o.timezone, "timezone", "UTC+00:00", "the `offset` at whose midnights days begin, such as UTC+05:30")
	f.StringVar(&o.period, "period", "", "cut the range into `periods`: hourly, daily, weekly or monthly (default: one sum)")
	f.StringSliceVar(&o.groupBy, "group-by", []string{"queue"}, "one or two `dimensions`: "+strings.Join(slices.Collect(dimensionWords), ", "))
	f.StringSliceVar(&o.stats, "stat", []string{"sum"}, "the `statistics`: sum, avg, min, max")
	f.IntVar(&o.maxItems, "max-items", 0, "print this `number` of rows at the most, and the token to go on with")
	f.IntVar(&o.pageSize, "page-size", 0, "ask for this `number` of rows at once, 1 to 100")
	f.StringVar(&o.startingToken, "starting-token", "", "go on where --max-items stopped, with the `token` that it gave; needs --aggregation-id")
	f.BoolVar(&o.noPaginate, "no-paginate", false, "print the first page alone")
	f.StringVar(&o.aggregation, "aggregation-id", "", "read the rows of the aggregation of this `id` (of several: id,id…); start none")
	outputFlag(cmd, &o.output, append([]string{"table"}, export.StatisticsForms...)...)
	f.StringVar(&o.path, "out", "", "the `file` to write, which appears whole (default: standard output)")
	return cmd
}

// dimensionWords yields the friendly names of the dimensions.
func dimensionWords(yield func(string) bool) {
	for d := farmtally.ByQueue; d <= farmtally.ByLicenseProduct; d++ {
		if !yield(dimensionWord(d)) {
			return
		}
	}
}

// dimensionWord is the friendly name of a dimension: "queue", "usage-type".
func dimensionWord(d farmtally.Dimension) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(d.String(), "_ID")), "_", "-")
}

// parseDimension reads a friendly name or AWS's.
func parseDimension(s string) (farmtally.Dimension, error) {
	for d := farmtally.ByQueue; d <= farmtally.ByLicenseProduct; d++ {
		if strings.EqualFold(s, d.String()) || strings.EqualFold(s, dimensionWord(d)) {
			return d, nil
		}
	}
	return 0, fmt.Errorf("must be one of %s", strings.Join(slices.Collect(dimensionWords), ", "))
}

// inLowerCase says an error about a word of AWS's model with the words as flags have them.
func inLowerCase(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(strings.ToLower(err.Error()))
}

// parse reads the options; its error names the flag at fault.
func (o *statsOptions) parse(now time.Time) (*inquiry, error) {
	q := &inquiry{endpoint: o.endpoint, farm: o.farm, queues: o.queues, fleets: o.fleets, period: farmtally.WholeRange}
	var err error
	flag := func(name, value string, bad error) {
		if bad != nil && err == nil {
			err = fmt.Errorf("--%s %s: %w", name, value, bad)
		}
	}
	var bad error
	q.timezone, bad = farmtally.ParseTimezone(o.timezone)
	flag("timezone", o.timezone, bad)
	q.start, bad = parseMoment(o.from, q.timezone, now)
	flag("from", o.from, bad)
	q.end, bad = parseMoment(o.to, q.timezone, now)
	flag("to", o.to, bad)
	if o.period != "" {
		q.period, bad = farmtally.ParsePeriod(strings.ToUpper(o.period))
		flag("period", o.period, inLowerCase(bad))
	}
	for _, s := range o.groupBy {
		d, bad := parseDimension(s)
		flag("group-by", s, bad)
		q.groupBy = append(q.groupBy, d)
	}
	for _, s := range o.stats {
		v, bad := farmtally.ParseStatistic(strings.ToUpper(s))
		flag("stat", s, inLowerCase(bad))
		q.statistics = append(q.statistics, v)
	}
	if err != nil {
		return nil, err
	}
	return q, q.check()
}

// parsePaging reads the options about pages, which are the AWS CLI's; its error names
// the flag at fault.
func (o *statsOptions) parsePaging(q *inquiry, given func(string) bool) error {
	q.noPaginate = o.noPaginate
	if given("aggregation-id") {
		q.aggregations = strings.Split(o.aggregation, ",")
	}
	for _, flag := range []string{"no-paginate", "starting-token", "page-size", "max-items"} {
		if given(flag) {
			q.pageFlag = flag
		}
	}
	q.paging.StartingToken = o.startingToken
	if given("max-items") {
		q.paging.MaxItems = &o.maxItems
	}
	if given("page-size") {
		q.paging.PageSize = &o.pageSize
	}
	switch {
	case given("max-items") && o.maxItems < 0:
		return fmt.Errorf("--max-items %d: must be 0 or more", o.maxItems)
	case given("page-size") && (o.pageSize < 1 || o.pageSize > maxPageSize):
		return fmt.Errorf("--page-size %d: must be 1 to %d", o.pageSize, maxPageSize)
	case slices.ContainsFunc(q.aggregations, func(id string) bool { return !farmtally.IsID("", id) }):
		return fmt.Errorf("--aggregation-id %s: must be 32 lower-case hexadecimal digits", o.aggregation)
	case o.startingToken != "" && o.aggregation == "":
		return fmt.Errorf("--starting-token belongs to the rows of one aggregation; name it with --aggregation-id")
	}
	if o.noPaginate {
		for _, flag := range []string{"max-items", "page-size", "starting-token"} {
			if given(flag) {
				return fmt.Errorf("--no-paginate and --%s can't go together", flag)
			}
		}
	}
	return nil
}

// maxPageSize is AWS's bound.
const maxPageSize = 100

// check refuses what no server would take, before any is asked.
func (q *inquiry) check() error {
	if q.endpoint != "" {
		u, err := url.Parse(q.endpoint)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("--endpoint %s: not a URL such as %s", q.endpoint, defaultEndpoint)
		}
	}
	if len(q.queues) > 0 && len(q.fleets) > 0 {
		return fmt.Errorf("--queue and --fleet can't go together: one aggregation is over queues or over fleets")
	}
	for _, list := range []struct {
		flag   string
		values []string
	}{{"queue", q.queues}, {"fleet", q.fleets}} {
		if s, twice := repeated(list.values); twice {
			return fmt.Errorf("--%s %s is given twice", list.flag, s)
		}
	}
	if n := len(q.groupBy); n < 1 || n > farmtally.MaxGroupBy {
		return fmt.Errorf("--group-by has %d dimensions; 1 or 2 are allowed", n)
	}
	if d, twice := repeated(q.groupBy); twice {
		return fmt.Errorf("--group-by has %s twice", dimensionWord(d))
	}
	if len(q.statistics) == 0 {
		return fmt.Errorf("--stat is empty; name some of sum, avg, min, max")
	}
	if s, twice := repeated(q.statistics); twice {
		return fmt.Errorf("--stat has %s twice", strings.ToLower(s.String()))
	}
	if q.start >= q.end {
		return fmt.Errorf("--from is %s, which is not before --to, %s", q.start, q.end)
	}
	return nil
}

// repeated gives the first value that is in the list more than once.
func repeated[T comparable](list []T) (value T, found bool) {
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			return v, true
		}
	}
	return value, false
}

// stats asks the server and prints the answer.
func (p *program) stats(ctx context.Context, q *inquiry, o *statsOptions) error {
	c, err := p.dial(ctx, q.endpoint)
	if err != nil {
		return err
	}
	c.streams = o.output != "table" && o.path == "" && terminal(p.stdout)
	scope, err := c.resolve(ctx, q)
	if err == nil {
		err = c.checkParts(q, scope)
	}
	if err != nil {
		return c.explain(err)
	}
	var answer answer
	err = p.output(o, func(w io.Writer) error {
		printer, err := newStatsPrinter(o, w, q, scope)
		if err != nil {
			return err
		}
		if answer, err = c.ask(ctx, q, scope, printer.row); err != nil {
			return c.explain(err)
		}
		return printer.end(answer)
	})
	if err != nil {
		return err
	}
	if answer.message != "" {
		fmt.Fprintf(p.stderr, "farmtally: %s\n", answer.message)
	}
	if answer.next != "" && !q.noPaginate {
		fmt.Fprintf(p.stderr, "farmtally: there are more rows; go on within the hour with the same flags and\n  --aggregation-id %s --starting-token %s\n",
			answer.id, answer.next)
	}
	return nil
}
