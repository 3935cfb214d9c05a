package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/farmtally/farmtally"
)

// Card is a stored rate card.
type Card struct {
	Scope string // a farm's id, a farm's name, or "" for every farm without its own
	File  string // where it was read from, for messages
	Text  []byte
	SetAt farmtally.Instant
}

// SetCard stores a rate card in place of the scope's one.
func (c *Catalog) SetCard(ctx context.Context, card Card) error {
	return c.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO rate_cards VALUES (?, ?, ?, ?)", card.Scope, card.File, card.Text, c.now())
		if err != nil {
			return fmt.Errorf("write rate card: %w", explain(ctx, err))
		}
		return nil
	})
}

// Card gives the rate card of the farm: that of its id, else that of its name, given
// here or stored, else the one for every farm. It fails with NotFound where there is none.
func (c *Catalog) Card(ctx context.Context, id farmtally.FarmID, name string) (Card, error) {
	var card Card
	err := c.reader.QueryRowContext(ctx, `SELECT scope, file, text, set_at FROM rate_cards
		WHERE scope IN (?, ?, '', (SELECT name FROM farms WHERE farm_id = ?))
		ORDER BY scope = '', scope <> ?, scope <> ? LIMIT 1`, id, name, id, id, name).Scan(&card.Scope, &card.File, &card.Text, &card.SetAt)
	if errors.Is(err, sql.ErrNoRows) {
		return card, notFound("rate card for farm", name)
	}
	if err != nil {
		return card, fmt.Errorf("read rate card: %w", explain(ctx, err))
	}
	return card, nil
}

// Cards gives every rate card, by scope.
func (c *Catalog) Cards(ctx context.Context) ([]Card, error) {
	var cards []Card
	err := query(ctx, c.reader, func(rows *sql.Rows) error {
		var card Card
		err := rows.Scan(&card.Scope, &card.File, &card.Text, &card.SetAt)
		cards = append(cards, card)
		return err
	}, "SELECT scope, file, text, set_at FROM rate_cards ORDER BY scope")
	return cards, err
}
