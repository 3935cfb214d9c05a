package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
)

// againResult is a question's times, asked again: unchanged, and after each of several
// imports of 1 % new records.
type againResult struct {
	Name      string       `json:"name"`
	Rows      int          `json:"rows"` // after the last import
	Unchanged times        `json:"unchanged"`
	Sides     []sideResult `json:"sides"` // farmtally first: its first answer after an import
}

const (
	newShare   = 100 // one in so many records is new
	newImports = 5
)

// newRecords gives the records of one import after the other: those with which the
// synthetic farm goes on after its year, as dense in time as before. They are of jobs of
// their own.
func newRecords(records int64) (next func() []farmtally.Record, stop func()) {
	size := max(records/newShare, 1)
	pull, stop := iter.Pull((ingest.Synthetic{Records: records, Seed: seed + 1}).Each())
	return func() []farmtally.Record {
		list := make([]farmtally.Record, 0, size)
		for range size {
			made, more := pull()
			if !more {
				break
			}
			r := *made
			r.RecordID = "next-" + r.RecordID
			r.JobName = "next-" + r.JobName
			r.JobID = farmtally.JobID(synthetic(farmtally.JobPrefix, r.JobName))
			r.StartedAt += yearEnd - yearStart
			r.EndedAt += yearEnd - yearStart
			list = append(list, r)
		}
		return list
	}, stop
}

// newEnd is the end of the day in which the last of the new records begins.
const newEnd = yearEnd + (365*newImports/newShare+1)*dayMillis

// later moves the range of a question, as long as it was, to where all new records end.
func later(q question) question {
	length := q.End - q.Start
	q.Start, q.End, q.AsOf = newEnd-length, newEnd, newEnd
	return q
}

// measureAgain works on copies of the data. Each question is asked, then there are new
// records on all sides, and the first answer after that is farmtally's time.
func (b *bench) measureAgain(ctx context.Context) error {
	return b.scratch("again", func(dir string) (err error) {
		if err := copyFolder(b.ourFolder(), filepath.Join(dir, "farmtally")); err != nil {
			return err
		}
		if b.peers {
			if err := copyFile(filepath.Join(b.dir, "duckdb.db"), filepath.Join(dir, "duckdb.db")); err != nil {
				return err
			}
		}
		sides, err := openSides(ctx, filepath.Join(dir, "farmtally"), dir, b.dir, b.peers)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeAll(sides)) }()
		if b.peers {
			c := sides[2].(*click)
			if err := c.copy(ctx); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, c.uncopy(context.WithoutCancel(ctx))) }()
		}
		return b.askAgain(ctx, dir, sides)
	})
}

func (b *bench) askAgain(ctx context.Context, dir string, sides []side) error {
	us := sides[0].(*ours)
	next, stop := newRecords(b.records)
	defer stop()
	asked := make([]question, len(b.asked))
	chosen := make([][]statement, len(b.asked))
	list := make([]againResult, len(b.asked))
	for i := range b.asked {
		asked[i] = later(b.asked[i])
		list[i].Name = asked[i].name
		if err := b.settleAgain(ctx, sides, &asked[i], &chosen[i], &list[i]); err != nil {
			return fmt.Errorf("%s: %w", asked[i].name, err)
		}
	}
	for n := range newImports {
		if err := addNew(ctx, filepath.Join(dir, "new.parquet"), sides, next()); err != nil {
			return err
		}
		for i := range asked {
			asked[i].AsOf += 1000 // people ask later, not at the same instant
			rows, t, err := us.ask(ctx, &asked[i].Query)
			if err == nil {
				list[i].Sides[0].Seconds.add(t)
				err = b.compareAgain(ctx, sides, &asked[i], chosen[i], &list[i])
			}
			if err == nil && rows != list[i].Rows {
				err = fmt.Errorf("the first answer has %d rows, and the next %d", rows, list[i].Rows)
			}
			if err != nil {
				return fmt.Errorf("%s after import %d: %w", asked[i].name, n+1, err)
			}
		}
		note("again: answers after import %d are equal on all of %d sides", n+1, len(sides))
	}
	b.results.Again = list
	return nil
}

// settleAgain asks before any import, and finds the peers' fastest statements.
func (b *bench) settleAgain(ctx context.Context, sides []side, q *question, chosen *[]statement, r *againResult) error {
	us := sides[0].(*ours)
	want, err := us.rows(ctx, q, "")
	if err != nil {
		return err
	}
	for range b.rounds {
		_, t, err := us.ask(ctx, &q.Query)
		if err != nil {
			return err
		}
		r.Unchanged.add(t)
	}
	for i, s := range sides {
		best := statement{}
		if i > 0 {
			if best, err = b.fastestKnown(ctx, s, q, want); err != nil {
				return err
			}
		}
		*chosen = append(*chosen, best)
		r.Sides = append(r.Sides, sideResult{Name: s.name(), Form: best.name})
	}
	return nil
}

// fastestKnown is fastest, where this run does not know the answer from the question as it
// was: then it compares that formulation's rows alone.
func (b *bench) fastestKnown(ctx context.Context, s side, q *question, want []string) (statement, error) {
	for _, asked := range b.results.Questions {
		for _, known := range asked.Sides {
			if asked.Name != q.name || known.Name != s.name() {
				continue
			}
			for _, form := range s.statements(&q.Query) {
				if form.name == known.Form {
					return form, check(ctx, s, q, form, want)
				}
			}
		}
	}
	return fastest(ctx, s, q, want)
}

// addNew gives the same new records to all sides, to the peers by way of the file.
func addNew(ctx context.Context, file string, sides []side, records []farmtally.Record) error {
	if err := sides[0].(*ours).importInto(ctx, records); err != nil || len(sides) == 1 {
		return err
	}
	err := writeParquet(ctx, file, func(yield func(*farmtally.Record) bool) {
		for i := range records {
			if !yield(&records[i]) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	for _, s := range sides[1:] {
		if err := s.(inserter).insert(ctx, file); err != nil {
			return err
		}
	}
	return nil
}

// inserter is a peer, which takes the records of a Parquet file.
type inserter interface {
	insert(ctx context.Context, parquet string) error
}

// compareAgain compares the rows of all sides, which warms the peers, and times these.
func (b *bench) compareAgain(ctx context.Context, sides []side, q *question, chosen []statement, r *againResult) error {
	want, err := sides[0].rows(ctx, q, "")
	if err != nil {
		return err
	}
	r.Rows = len(want)
	for i, s := range sides[1:] {
		if err := check(ctx, s, q, chosen[i+1], want); err != nil {
			return err
		}
		t, err := s.time(ctx, q, chosen[i+1].sql)
		if err != nil {
			return err
		}
		r.Sides[i+1].Seconds.add(t)
	}
	return nil
}
