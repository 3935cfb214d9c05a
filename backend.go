package farmtally

import "context"

// Backend stores usage records and answers queries over them. It is safe for
// concurrent use. What it has acknowledged is durable, and every backend gives the
// same rows for the same records.
type Backend interface {
	// Append stores records as they come, one outcome for each, durably and all or
	// none. One that is not valid fails the call. It is for single and running records;
	// Import is for many.
	Append(ctx context.Context, records []Record) ([]Outcome, error)

	// Import begins a bulk load, which becomes visible whole at its Commit.
	Import(ctx context.Context) (Import, error)

	// Snapshot pins the farm's records: those acknowledged before the call, and none
	// after. A farm without records has an empty snapshot.
	Snapshot(ctx context.Context, farm FarmID) (Snapshot, error)

	Close() error
}

// Import is a bulk load under way. It is for one goroutine. Exactly one of Commit
// and Abort ends it, and Abort after Commit does nothing.
type Import interface {
	// Add takes a record, of which Record.Validate must have had nothing to say: it is not
	// validated again. A later record of the same identity replaces it.
	Add(ctx context.Context, record *Record) error
	// AddTable takes the table's rows, as Add would one after the other, and keeps
	// nothing of the table.
	AddTable(ctx context.Context, table *Table) error
	// Commit makes all records of the import visible at once, durably.
	Commit(ctx context.Context) (Counts, error)
	// Abort leaves nothing of the import behind.
	Abort() error
}

// Outcome says what became of an accepted record.
type Outcome int

// The outcomes of accepting a record.
const (
	// New: no record had its identity.
	New Outcome = iota + 1
	// Replaced: it took the place of another of its identity.
	Replaced
	// Unchanged: the one of its identity says the same already.
	Unchanged
)

// Counts are the outcomes of a load.
type Counts struct {
	New       int64 `json:"accepted"`
	Replaced  int64 `json:"replaced"`
	Unchanged int64 `json:"unchanged"`
}

// Add counts one outcome.
func (c *Counts) Add(o Outcome) {
	switch o {
	case New:
		c.New++
	case Replaced:
		c.Replaced++
	case Unchanged:
		c.Unchanged++
	}
}

// Snapshot is a farm's records at one moment. It is safe for concurrent use.
type Snapshot interface {
	// Aggregate answers a valid query with rows in the order of Row.Compare. It
	// fails with TooLarge as soon as there would be more rows than limits.Rows.
	// Progress and emit are called from one goroutine at a time; an error of emit
	// ends the aggregation and is returned.
	Aggregate(ctx context.Context, q *Query, limits Limits, progress Progress, emit func(*Row) error) (Seen, error)

	// Records calls yield for every record, in the order of start and record id.
	Records(ctx context.Context, yield func(*Record) error) error

	// Close lets go of the records. It must be called once.
	Close() error
}

// Limits bound an aggregation.
type Limits struct {
	Rows int64 // the most rows an answer may have; 0 is no limit
}

// Progress is told how many of the snapshot's records have been looked at. It may
// be nil.
type Progress func(done, total int64)

// Seen counts the records that an aggregation saw.
type Seen struct {
	Records  int64 // selected and inside the range
	Unpriced int64 // of those, how many no rate matched
	Running  int64 // of those, how many had not ended
}
