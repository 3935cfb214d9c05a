package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/engine"
	"github.com/farmtally/farmtally/storage"
)

// ours is farmtally's embedded engine, in this process.
type ours struct {
	catalog *storage.Catalog
	engine  *engine.Engine
}

func openOurs(ctx context.Context, dir string) (*ours, error) {
	catalog, err := storage.Open(ctx, storage.Config{Dir: dir, Clock: time.Now})
	if err != nil {
		return nil, fmt.Errorf("open farmtally: %w", err)
	}
	return &ours{catalog, engine.Open(engine.Config{Catalog: catalog, Workers: threads})}, nil
}

func (o *ours) name() string { return "farmtally" }

func (o *ours) close() error { return errors.Join(o.engine.Close(), o.catalog.Close()) }

// each calls take for every row of the answer.
func (o *ours) each(ctx context.Context, q *farmtally.Query, take func(*farmtally.Row) error) (err error) {
	s, err := o.engine.Snapshot(ctx, q.FarmID)
	if err != nil {
		return fmt.Errorf("pin records: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	_, err = s.Aggregate(ctx, q, farmtally.Limits{}, nil, take)
	return err
}

// ask answers once, every row handed to a function that counts and drops it.
func (o *ours) ask(ctx context.Context, q *farmtally.Query) (rows int, took time.Duration, err error) {
	begun := time.Now()
	err = o.each(ctx, q, func(*farmtally.Row) error {
		rows++
		return nil
	})
	return rows, time.Since(begun), err
}

// forget gives the engine's place to a new one, which has answered nothing, and warms it:
// it asks the question in another period, which reads the same columns.
func (o *ours) forget(ctx context.Context, q *farmtally.Query) error {
	if err := o.engine.Close(); err != nil {
		return fmt.Errorf("close engine: %w", err)
	}
	o.engine = engine.Open(engine.Config{Catalog: o.catalog, Workers: threads})
	other := *q
	other.Period = farmtally.Monthly
	if q.Period == farmtally.Monthly {
		other.Period = farmtally.Weekly
	}
	_, _, err := o.ask(ctx, &other)
	return err
}

// time answers once, warm, and from the records: the engine may keep partial results, and
// here it has none of this question.
func (o *ours) time(ctx context.Context, q *question, _ string) (time.Duration, error) {
	if err := o.forget(ctx, &q.Query); err != nil {
		return 0, err
	}
	_, took, err := o.ask(ctx, &q.Query)
	return took, err
}

// rows gives the answer as lines in byte order, in the form of the statements' rows.
func (o *ours) rows(ctx context.Context, q *question, _ string) (lines []string, err error) {
	err = o.each(ctx, &q.Query, func(r *farmtally.Row) error {
		bucket := int64(0)
		if q.Period != farmtally.WholeRange {
			bucket = farmtally.BucketOf(q.Period, q.Zone, r.Start)
		}
		if from, to := q.Bounds(bucket); from != r.Start || to != r.End {
			return fmt.Errorf("row of bucket %d has the bounds %s to %s", bucket, r.Start, r.End)
		}
		fields := []string{fmt.Sprint(bucket)}
		fields = append(fields, r.Group[:len(q.GroupBy)]...)
		fields = append(fields, fmt.Sprint(r.Count))
		for _, s := range []farmtally.Stat{r.Cost, r.Runtime} {
			sum := new(big.Int).Set(s.Sum.Big())
			fields = append(fields, sum.String(), fmt.Sprint(s.Min), fmt.Sprint(s.Max))
		}
		lines = append(lines, strings.Join(fields, "\t"))
		return nil
	})
	slices.Sort(lines)
	return lines, err
}

// statements has no SQL: there is one way to ask.
func (o *ours) statements(*farmtally.Query) []statement { return []statement{{}} }
