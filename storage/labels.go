package storage

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/farmtally/farmtally"
)

// makeLabels makes the table of labels in a folder of a program that had none: a folder
// without labels has no such table, and stays what it was.
const makeLabels = `CREATE TABLE IF NOT EXISTS labels (
  farm_id   TEXT NOT NULL,
  dimension TEXT NOT NULL,
  value     TEXT NOT NULL,
  label     TEXT NOT NULL,
  PRIMARY KEY (farm_id, dimension, value)
) STRICT, WITHOUT ROWID`

// Labels gives the farm's labels, by dimension and value.
func (c *Catalog) Labels(ctx context.Context, farm farmtally.FarmID) (labels []farmtally.Label, err error) {
	var tables int
	err = c.reader.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'labels'").Scan(&tables)
	if err != nil {
		return nil, fmt.Errorf("read catalog's tables: %w", explain(ctx, err))
	}
	if tables == 0 {
		return nil, nil
	}
	err = query(ctx, c.reader, func(rows *sql.Rows) error {
		var dimension string
		l := farmtally.Label{FarmID: farm}
		if err := rows.Scan(&dimension, &l.Value, &l.Text); err != nil {
			return err
		}
		d, err := farmtally.ParseDimension(dimension)
		if err != nil {
			return fmt.Errorf("read dimension of label: %w", err)
		}
		l.Dimension = d
		labels = append(labels, l)
		return nil
	}, "SELECT dimension, value, label FROM labels WHERE farm_id = ? ORDER BY dimension, value", farm)
	return labels, err
}

// SetLabel keeps a label in place of the one that the value has, and removes that one
// where the text is empty.
func (c *Catalog) SetLabel(ctx context.Context, l farmtally.Label) error {
	return c.update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, makeLabels); err != nil {
			return fmt.Errorf("make labels: %w", explain(ctx, err))
		}
		statement, args := "INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?)", []any{l.FarmID, l.Dimension.String(), l.Value, l.Text}
		if l.Text == "" {
			statement, args = "DELETE FROM labels WHERE farm_id = ? AND dimension = ? AND value = ?", args[:3]
		}
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return fmt.Errorf("write label: %w", explain(ctx, err))
		}
		return nil
	})
}
