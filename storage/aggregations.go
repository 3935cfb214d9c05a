package storage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/farmtally/farmtally"
)

// BeginAggregation keeps an accepted aggregation, which is in progress. It fails
// with Throttled where limit aggregations of the farm are in progress already.
func (c *Catalog) BeginAggregation(ctx context.Context, a farmtally.Aggregation, limit int) error {
	return c.update(ctx, func(tx *sql.Tx) error {
		var running int
		err := tx.QueryRowContext(ctx, "SELECT count(*) FROM aggregations WHERE farm_id = ? AND status = ?",
			a.Query.FarmID, farmtally.InProgress.String()).Scan(&running)
		if err != nil {
			return fmt.Errorf("count aggregations: %w", err)
		}
		if running >= limit {
			return farmtally.Errorf(farmtally.Throttled, "farm %s has %d aggregations in progress; %d may run at a time",
				a.Query.FarmID, running, limit)
		}
		return putAggregation(ctx, tx, &a)
	})
}

// FinishAggregation keeps the state that an aggregation has come to. It fails with
// NotFound where the aggregation has expired meanwhile.
func (c *Catalog) FinishAggregation(ctx context.Context, a farmtally.Aggregation) error {
	return c.update(ctx, func(tx *sql.Tx) error {
		var n int
		err := tx.QueryRowContext(ctx, "SELECT count(*) FROM aggregations WHERE aggregation_id = ?", a.ID).Scan(&n)
		if err != nil {
			return fmt.Errorf("read aggregation: %w", err)
		}
		if n == 0 {
			return notFound(farmtally.AggregationType, a.ID)
		}
		return putAggregation(ctx, tx, &a)
	})
}

func putAggregation(ctx context.Context, tx *sql.Tx, a *farmtally.Aggregation) error {
	text, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode aggregation: %w", err)
	}
	_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO aggregations VALUES (?, ?, ?, ?, ?)",
		a.ID, a.Query.FarmID, a.Query.AsOf, a.Status.String(), text)
	if err != nil {
		return fmt.Errorf("write aggregation: %w", err)
	}
	return nil
}

// Aggregation gives one of the farm's aggregations. It fails with NotFound.
func (c *Catalog) Aggregation(ctx context.Context, farm farmtally.FarmID, id string) (a farmtally.Aggregation, err error) {
	var text []byte
	err = c.reader.QueryRowContext(ctx, "SELECT aggregation FROM aggregations WHERE aggregation_id = ? AND farm_id = ?", id, farm).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return a, notFound(farmtally.AggregationType, id)
	}
	if err != nil {
		return a, fmt.Errorf("read aggregation: %w", err)
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("decode aggregation: %w", err)
	}
	return a, nil
}

// Unfinished gives the aggregations in progress, by age.
func (c *Catalog) Unfinished(ctx context.Context) ([]farmtally.Aggregation, error) {
	var all []farmtally.Aggregation
	err := query(ctx, c.reader, func(rows *sql.Rows) error {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return err
		}
		var a farmtally.Aggregation
		err := json.Unmarshal(text, &a)
		all = append(all, a)
		return err
	}, "SELECT aggregation FROM aggregations WHERE status = ? ORDER BY accepted_at", farmtally.InProgress.String())
	return all, err
}

// ExpireAggregations forgets the aggregations that were accepted before the
// instant, and gives their ids.
func (c *Catalog) ExpireAggregations(ctx context.Context, before farmtally.Instant) ([]string, error) {
	var ids []string
	err := c.update(ctx, func(tx *sql.Tx) error {
		return query(ctx, tx, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		}, "DELETE FROM aggregations WHERE accepted_at < ? RETURNING aggregation_id", before)
	})
	return ids, err
}
