package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/farmtally/farmtally"
)

// LoadConfig says what to load, and where to.
type LoadConfig struct {
	Files  []string  // names of files; "-" is Stdin; gzip is unpacked
	Stdin  io.Reader // what "-" reads
	Source Source    // the format of the files

	// Begin begins what the records are added to; Load ends it. It is called once, when
	// there is a record, and before Prices are asked: a load without any begins nothing.
	Begin func(ctx context.Context) (farmtally.Import, error)

	Prices // what the records are priced with

	// Progress is told now and then, and at the end, how far the load is; may be nil.
	Progress func(Progress)

	// Reject is told of every fault of a rejected row, in order; may be nil.
	Reject func(Rejection)
}

// Progress is how far a load is.
type Progress struct {
	Bytes int64 // read of the files, as they are stored
	Total int64 // of the files; 0 where one of them has no size, such as a pipe
	Rows  int64
}

// Rejection is a fault of a row.
type Rejection struct {
	File          string // "-" is standard input
	Line          int64
	Field, Reason string
}

// String is file:line: field: reason.
func (r Rejection) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", r.File, r.Line, r.Field, r.Reason)
}

// Summary says what became of the rows of a load. Read is the sum of Rejected, of
// those in Skipped, and of the rows that gave records. Headers are no rows.
type Summary struct {
	Read    int64 `json:"read"`
	Records int64 `json:"records"`
	farmtally.Counts
	Skipped  map[Skip]int64 `json:"skipped"`
	Rejected int64          `json:"rejected"`
	Unpriced int64          `json:"unpriced"` // records that no rate matched
	Running  int64          `json:"running"`  // records without an end

	// UnpricedKinds says what those are that no rate matched, the most frequent first.
	UnpricedKinds []Unpriced `json:"unpricedKinds,omitempty"`

	// First is the earliest start of a record, and Last the latest end, where a running
	// record ends at its start. Both are zero where there are no records.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
}

// Load reads the files in order, prices their records and commits them to the
// import. Faulty rows are rejected and stop nothing. Any error aborts the import: a
// file that can't be read or is not of the format as a whole, one of Begin, Card or the
// import, ctx's. The Summary is then of what was read so far, and nothing of it is stored.
func Load(ctx context.Context, cfg LoadConfig) (Summary, error) {
	l := loader{cfg: cfg, ctx: ctx, pricer: NewPricer(cfg.Prices), unpriced: unpriced{}}
	l.Skipped = map[Skip]int64{}
	err := l.files()
	l.UnpricedKinds = l.unpriced.list()
	if l.Records > 0 {
		l.First, l.Last = l.first.Time(), l.last.Time()
	}
	if l.to == nil {
		return l.Summary, err
	}
	if err == nil {
		l.Counts, err = l.to.Commit(ctx)
	}
	if err == nil {
		return l.Summary, nil
	}
	if abortErr := l.to.Abort(); abortErr != nil {
		return l.Summary, errors.Join(err, abortErr)
	}
	return l.Summary, err
}

// loader is a load under way.
type loader struct {
	Summary
	cfg      LoadConfig
	ctx      context.Context
	to       farmtally.Import // nil: not begun
	pricer   *Pricer
	unpriced unpriced
	file     string
	progress Progress
	bytes    atomic.Int64      // read of the files; another goroutine may be reading ahead
	first    farmtally.Instant // meaningless without Records
	last     farmtally.Instant
	stopped  error // an error that is not the file's
}

func (l *loader) files() error {
	total, err := l.size()
	if err != nil {
		return err
	}
	l.progress.Total = total
	for _, l.file = range l.cfg.Files {
		if err := l.read(); err != nil {
			return err
		}
		l.tell()
	}
	return nil
}

func (l *loader) read() error {
	in, err := l.open()
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	if source, ok := l.cfg.Source.(columnSource); ok {
		return l.ofFile(l.readColumns(source, in))
	}
	text, err := unpacked(in)
	if err == nil {
		err = l.cfg.Source.Read(l.ctx, text, l.row)
	}
	return l.ofFile(err)
}

// row takes a row of a Source.
func (l *loader) row(row *Row) error {
	l.stopped = l.take(row)
	return l.stopped
}

// tellEvery is the number of rows between two calls of Progress.
const tellEvery = 4096

func (l *loader) tell() {
	if l.cfg.Progress != nil {
		l.progress.Rows, l.progress.Bytes = l.Read, l.bytes.Load()
		l.cfg.Progress(l.progress)
	}
}

// take counts a row, and adds its records.
func (l *loader) take(row *Row) error {
	l.Read++
	if l.Read%tellEvery == 0 {
		l.tell()
		if err := l.ctx.Err(); err != nil {
			return err
		}
	}
	if row.Skip != "" {
		l.Skipped[row.Skip]++
		return nil
	}
	if len(row.Records) > 0 {
		if err := l.begin(); err != nil {
			return err
		}
		if err := l.pricer.Price(l.ctx, row); err != nil {
			return err
		}
	}
	if len(row.Faults) > 0 {
		l.reject(row)
		return nil
	}
	for i := range row.Records {
		if err := l.add(&row.Records[i]); err != nil {
			return err
		}
	}
	return nil
}

// begin begins what the records are added to, if that has not been.
func (l *loader) begin() (err error) {
	if l.to == nil {
		l.to, err = l.cfg.Begin(l.ctx)
	}
	return err
}

func (l *loader) reject(row *Row) {
	l.Rejected++
	if l.cfg.Reject == nil {
		return
	}
	for _, f := range row.Faults {
		l.cfg.Reject(Rejection{l.file, row.Line, f.Name, f.Message})
	}
}

func (l *loader) add(r *farmtally.Record) error {
	if err := l.to.Add(l.ctx, r); err != nil {
		return fmt.Errorf("add record: %w", err)
	}
	if r.Rate.ID == farmtally.Unpriced {
		l.Unpriced++
		l.unpriced.add(kindOf(r), 1)
	}
	end := r.EndedAt
	if r.Running {
		l.Running++
		end = r.StartedAt
	}
	l.count(1, r.StartedAt, end)
	return nil
}

// count counts records, the first start of which and the last end are given.
func (l *loader) count(n int64, first, last farmtally.Instant) {
	if l.Records == 0 {
		l.first, l.last = first, last
	}
	l.Records += n
	l.first, l.last = min(l.first, first), max(l.last, last)
}
