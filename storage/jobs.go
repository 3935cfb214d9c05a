package storage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/farmtally/farmtally"
)

// jobNames keeps names of jobs that were asked for. A job that has a name keeps it for as
// long as no job is renamed.
type jobNames struct {
	mu      sync.Mutex
	renames string // what the catalog counted when the names were read
	names   map[jobKey]string
}

type jobKey struct {
	farm farmtally.FarmID
	job  string
}

// maxJobNames bounds the names that are kept.
const maxJobNames = 1 << 18

// renamesKey is where the catalog counts how often jobs were renamed.
const renamesKey = "job_renames"

// JobRenames gives a text that changes whenever a job is renamed. A job that gets its
// first name is not renamed.
func (c *Catalog) JobRenames(ctx context.Context) (string, error) { return renames(ctx, c.reader) }

func renames(ctx context.Context, db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) (count string, err error) {
	err = db.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", renamesKey).Scan(&count)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read count of renames: %w", explain(ctx, err))
	}
	return count, nil
}

// JobNames gives the names of those of the jobs that have one.
func (c *Catalog) JobNames(ctx context.Context, farm farmtally.FarmID, jobs []string) (map[string]string, error) {
	count, err := renames(ctx, c.reader)
	if err != nil {
		return nil, err
	}
	if names, missing := c.jobs.get(count, farm, jobs); len(missing) == 0 {
		return names, nil
	}
	tx, err := c.reader.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin reading: %w", explain(ctx, err))
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	if count, err = renames(ctx, tx); err != nil {
		return nil, err
	}
	names, missing := c.jobs.get(count, farm, jobs)
	for batch := range slices.Chunk(missing, 1000) {
		list, err := json.Marshal(batch)
		if err != nil {
			return nil, fmt.Errorf("encode job ids: %w", err)
		}
		err = query(ctx, tx, func(rows *sql.Rows) error {
			var id, name string
			err := rows.Scan(&id, &name)
			names[id] = name
			return err
		}, "SELECT job_id, name FROM jobs WHERE farm_id = ? AND job_id IN (SELECT value FROM json_each(?))", farm, string(list))
		if err != nil {
			return nil, err
		}
	}
	c.jobs.put(count, farm, missing, names)
	return names, nil
}

// get gives the names that are kept, and the jobs that have none here.
func (n *jobNames) get(renames string, farm farmtally.FarmID, jobs []string) (names map[string]string, missing []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.renames != renames || len(n.names) > maxJobNames {
		n.renames, n.names = renames, nil
	}
	names = make(map[string]string, len(jobs))
	for _, job := range jobs {
		if name, known := n.names[jobKey{farm, job}]; known {
			names[job] = name
		} else {
			missing = append(missing, job)
		}
	}
	return names, missing
}

// put keeps the names of jobs, as of the count of renames.
func (n *jobNames) put(renames string, farm farmtally.FarmID, jobs []string, names map[string]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.renames != renames {
		return
	}
	if n.names == nil {
		n.names = map[jobKey]string{}
	}
	for _, job := range jobs {
		if name, named := names[job]; named {
			n.names[jobKey{farm, job}] = name
		}
	}
}

// namedJobs are names that a transaction has written, as of its count of renames.
type namedJobs struct {
	renames string
	farm    farmtally.FarmID
	names   map[string]string
}

// wrote keeps names that were written, where names have been asked for.
func (n *jobNames) wrote(w *namedJobs) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.renames != w.renames || n.names == nil {
		return
	}
	for job, name := range w.names {
		n.names[jobKey{w.farm, job}] = name
	}
}

// LookUp finds which jobs are called so already, for the transaction that is to write the
// names: it need not look at these, unless a job has been renamed meanwhile.
func (c *Catalog) LookUp(ctx context.Context, names *Names) (err error) {
	for farm, f := range names.farms {
		if f.renames, err = c.JobRenames(ctx); err != nil {
			return err
		}
		known, err := c.JobNames(ctx, farm, slices.Collect(maps.Keys(f.jobs.names)))
		if err != nil {
			return err
		}
		f.news = []string{}
		for job, name := range f.jobs.names {
			if known[job] != name {
				f.news = append(f.news, job)
			}
		}
		slices.Sort(f.news)
	}
	return nil
}

// nameJobs keeps the names of jobs, and counts once where it renames some.
func (t *Tx) nameJobs(ctx context.Context, farm farmtally.FarmID, f *farmNames) error {
	ids, names := f.news, f.jobs.names
	count, err := renames(ctx, t.tx)
	if err != nil {
		return err
	}
	if ids == nil || count != f.renames {
		ids = slices.Sorted(maps.Keys(names))
	}
	// In the order of the table, whose pages are then each written once.
	renamed := false
	for some := range slices.Chunk(ids, jobsAtOnce) {
		again, err := t.nameSome(ctx, farm, some, names)
		if err != nil {
			return fmt.Errorf("write jobs: %w", explain(ctx, err))
		}
		renamed = renamed || again
	}
	if !renamed {
		t.named = append(t.named, namedJobs{count, farm, names})
		return nil
	}
	_, err = t.tx.ExecContext(ctx, `INSERT INTO meta VALUES (?, CAST('1' AS BLOB))
		ON CONFLICT DO UPDATE SET value = CAST(CAST(CAST(value AS TEXT) AS INTEGER) + 1 AS BLOB)`, renamesKey)
	if err != nil {
		return fmt.Errorf("count renames: %w", explain(ctx, err))
	}
	return nil
}

// jobsAtOnce is how many names one statement writes.
const jobsAtOnce = 500

// nameSome keeps the names of some jobs, and reports whether it has renamed any.
func (t *Tx) nameSome(ctx context.Context, farm farmtally.FarmID, ids []string, names map[string]string) (renamed bool, err error) {
	args := make([]any, 0, 3*len(ids))
	for _, id := range ids {
		args = append(args, farm, id, names[id])
	}
	// Not numbered: to look for one parameter among many numbered ones takes time.
	rows := strings.Repeat("(?,?,?),", len(ids)-1) + "(?,?,?)"
	inserted, err := changes(t.tx.ExecContext(ctx, "INSERT INTO jobs VALUES "+rows+" ON CONFLICT DO NOTHING", args...))
	if err != nil || inserted == int64(len(ids)) {
		return false, err
	}
	rename, err := t.tx.PrepareContext(ctx, "UPDATE jobs SET name = ?3 WHERE farm_id = ?1 AND job_id = ?2 AND name <> ?3")
	if err != nil {
		return false, err //nolint:wrapcheck // the caller says what it is about
	}
	defer rename.Close() //nolint:errcheck // the transaction's end counts
	for _, id := range ids {
		n, err := changes(rename.ExecContext(ctx, farm, id, names[id]))
		if err != nil {
			return false, err
		}
		renamed = renamed || n > 0
	}
	return renamed, nil
}

// changes counts the rows that a statement has changed.
func changes(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
