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
			return fmt.Errorf("count aggregations: %w", explain(ctx, err))
		}
		if running >= limit {
			return farmtally.Errorf(farmtally.Throttled, "farm %s has %d aggregations in progress; %d may run at a time",
				a.Query.FarmID, running, limit)
		}
		text, err := json.Marshal(&a)
		if err != nil {
			return fmt.Errorf("encode aggregation: %w", err)
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO aggregations VALUES (?, ?, ?, ?, ?)",
			a.ID, a.Query.FarmID, a.Query.AsOf, a.Status.String(), text)
		if err != nil {
			return fmt.Errorf("write aggregation: %w", explain(ctx, err))
		}
		return nil
	})
}

// FinishAggregation keeps the state that an aggregation has come to. It fails with
// NotFound for one that has expired.
func (c *Catalog) FinishAggregation(ctx context.Context, a farmtally.Aggregation) error {
	text, err := json.Marshal(&a)
	if err != nil {
		return fmt.Errorf("encode aggregation: %w", err)
	}
	return c.update(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE aggregations SET status = ?, aggregation = ? WHERE aggregation_id = ? AND farm_id = ?",
			a.Status.String(), text, a.ID, a.Query.FarmID)
		if err != nil {
			return fmt.Errorf("write aggregation: %w", explain(ctx, err))
		}
		if n, _ := result.RowsAffected(); n == 0 {
			return notFound(farmtally.AggregationType, a.ID)
		}
		return nil
	})
}

// Aggregation gives one of the farm's aggregations. It fails with NotFound.
func (c *Catalog) Aggregation(ctx context.Context, farm farmtally.FarmID, id string) (a farmtally.Aggregation, err error) {
	var text []byte
	err = c.reader.QueryRowContext(ctx, "SELECT aggregation FROM aggregations WHERE aggregation_id = ? AND farm_id = ?", id, farm).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return a, notFound(farmtally.AggregationType, id)
	}
	if err != nil {
		return a, fmt.Errorf("read aggregation: %w", explain(ctx, err))
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, damagedCatalog(fmt.Errorf("decode aggregation: %w", err))
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
		if err := json.Unmarshal(text, &a); err != nil {
			return damagedCatalog(fmt.Errorf("decode aggregation: %w", err))
		}
		all = append(all, a)
		return nil
	}, "SELECT aggregation FROM aggregations WHERE status = ? ORDER BY accepted_at, aggregation_id", farmtally.InProgress.String())
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
