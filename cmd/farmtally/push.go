package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
	"github.com/farmtally/farmtally/server"
)

// pushOptions are the flags of push.
type pushOptions struct {
	endpoint, farm, kind string
	batch, atOnce        int
	retryFor             time.Duration
	rejects, output      string
}

// flushAfter is how long a row waits for its batch to fill.
const flushAfter = time.Second

const (
	defaultBatch  = 1000
	defaultAtOnce = 4
	maxAtOnce     = 64
)

func (p *program) pushCommand() *cobra.Command {
	var o pushOptions
	cmd := &cobra.Command{
		Use: "push FILE…", Short: "send usage records to a server, as they come",
		Long: `push sends farmtally's own usage records, one JSON object on a line, to a server: files, or
standard input for as long as it lasts. It sends them in batches; a batch that is not full
goes a second after its first row. Several are on their way at once, but never two that
have a recordId in common: of these the earlier is stored first.

A batch is stored when the server has answered it. One that the server could not answer is
sent again, after a pause that grows, and is stored once: a record that comes again with
the same recordId, farm and startedAt changes nothing, or takes the place of the earlier
one. So a running session's record may be sent as it goes on, and again when it has ended.

The endpoint, the region and the access key are those of AWS's configuration: environment
variables such as AWS_ENDPOINT_URL_DEADLINE and AWS_ACCESS_KEY_ID, or a profile. The key
needs the role WRITER or OWNER on the farm.

A row that can't be read is rejected with file:line: field: reason, and stops nothing; the
exit status is then 1.`,
		Example: `  $ farmtally push --farm studio usage.ndjson
  $ agent --follow | farmtally push --farm studio -`,
		Args: arguments(1, -1, "files to send ('-' is standard input)"),
		RunE: func(cmd *cobra.Command, files []string) error {
			farm, err := o.target()
			if err != nil {
				return misusef(helpOf(cmd), "%s", err)
			}
			return p.push(cmd.Context(), &o, farm, files)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.endpoint, "endpoint", "", "the server's `URL` (default: AWS's configuration, or "+defaultEndpoint+")")
	f.StringVar(&o.farm, "farm", "", "the farm's `name` or id; required")
	f.StringVar(&o.kind, "kind", ingest.DefaultKind, "the kind of source that names become ids with, such as slurm")
	f.IntVar(&o.batch, "batch", defaultBatch, "how many `rows` a batch has at most")
	f.IntVar(&o.atOnce, "at-once", defaultAtOnce, "how many `batches` are on their way at once")
	f.DurationVar(&o.retryFor, "retry-for", 5*time.Minute, "how long a batch is tried again that the server could not answer")
	f.StringVar(&o.rejects, "rejects", "", "write every rejection to a `file`")
	outputFlag(cmd, &o.output, "text", "json")
	return cmd
}

// pushTarget is the farm that is pushed to.
type pushTarget struct {
	id         farmtally.FarmID
	name, kind string // name is "" where only the id is given
}

// target checks the flags. A name becomes the id that an import makes of it.
func (o *pushOptions) target() (pushTarget, error) {
	switch {
	case o.farm == "":
		return pushTarget{}, errors.New("--farm is needed: the farm that the records are of, by name or id")
	case farmtally.MistypedID(farmtally.FarmPrefix, o.farm):
		return pushTarget{}, fmt.Errorf("--farm %s: neither a name nor farm- and 32 lower-case hexadecimal digits", o.farm)
	case o.batch < 1 || o.batch > server.MaxPushRows:
		return pushTarget{}, fmt.Errorf("--batch %d: must be from 1 to %d", o.batch, server.MaxPushRows)
	case o.atOnce < 1 || o.atOnce > maxAtOnce:
		return pushTarget{}, fmt.Errorf("--at-once %d: must be from 1 to %d", o.atOnce, maxAtOnce)
	case o.retryFor < 0:
		return pushTarget{}, fmt.Errorf("--retry-for %s: must not be negative", o.retryFor)
	case farmtally.IsID(farmtally.FarmPrefix, o.farm):
		return pushTarget{farmtally.FarmID(o.farm), "", o.kind}, nil
	}
	return pushTarget{farmtally.FarmID(farmtally.HashID(farmtally.FarmPrefix, o.kind, o.farm, o.farm)), o.farm, o.kind}, nil
}

// pushSummary says what became of the rows that were sent, in the words of an import's
// summary.
type pushSummary struct {
	Read    int64 `json:"read"`
	Records int64 `json:"records"`
	farmtally.Counts
	Skipped  map[ingest.Skip]int64 `json:"skipped"`
	Rejected int64                 `json:"rejected"`
	Unpriced int64                 `json:"unpriced"`
	Running  int64                 `json:"running"`
	Batches  int64                 `json:"batches"`
	Retries  int64                 `json:"retries"`
}

func (s *pushSummary) add(r *server.PushResult) {
	s.Read += r.Read
	s.Records += r.Records
	s.New += r.New
	s.Replaced += r.Replaced
	s.Unchanged += r.Unchanged
	if r.Skipped > 0 {
		s.Skipped[ingest.BlankLine] += r.Skipped
	}
	s.Rejected += r.Rejected
	s.Unpriced += r.Unpriced
	s.Running += r.Running
	s.Batches++
}

// push sends the files and says what became of their rows.
func (p *program) push(ctx context.Context, o *pushOptions, farm pushTarget, files []string) error {
	if err := checkPushed(files); err != nil {
		return err
	}
	sender, err := p.newSender(ctx, o.endpoint, farm, o.retryFor)
	if err != nil {
		return err
	}
	rejected, err := newRejections(p.stderr, o.rejects)
	if err != nil {
		return err
	}
	r := pushRun{sender: sender, size: o.batch, atOnce: o.atOnce, rejections: rejected, progress: newProgressLine(p.stderr)}
	r.Skipped = map[ingest.Skip]int64{}
	show := sender.notice
	r.notices = make(chan string, maxAtOnce)
	r.notice = func(text string) {
		if !r.noticed { // for the others fail for the same reason
			show(text)
		}
		r.noticed = true
	}
	sender.notice = func(text string) {
		select {
		case r.notices <- text:
		default: // enough is said
		}
	}
	for _, file := range files {
		if err = r.file(ctx, p.stdin, file); err != nil {
			break
		}
	}
	r.progress.clear()
	r.Retries = sender.retries.Load()
	err = r.unfinished(ctx, err)
	if err = errors.Join(err, rejected.close(err != nil)); err != nil {
		return err
	}
	if o.output == "json" {
		err = printJSON(p.stdout, r.pushSummary)
	} else {
		err = p.printPushed(&r.pushSummary)
	}
	if err == nil && r.Rejected > 0 {
		return rejected.failure(r.Rejected, r.Read)
	}
	return err
}

func (p *program) printPushed(s *pushSummary) error {
	if err := p.printSummary(&ingest.Summary{
		Read: s.Read, Counts: s.Counts, Skipped: s.Skipped, Rejected: s.Rejected, Unpriced: s.Unpriced, Running: s.Running,
	}); err != nil || s.Retries == 0 {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "%s %s failed and %s made again\n", count(s.Retries), unit(s.Retries, "attempt"),
		map[bool]string{true: "was", false: "were"}[s.Retries == 1])
	return err
}
