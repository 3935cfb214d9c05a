package storage

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/farmtally/farmtally"
)

// CreateKey makes a key for the name, good from now on.
func (c *Catalog) CreateKey(ctx context.Context, name string) (farmtally.AccessKey, error) {
	random := make([]byte, 12+30)
	_, _ = rand.Read(random) // never fails
	id := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random[:12])
	key := farmtally.AccessKey{
		ID: "FT" + id[:18], Secret: base64.RawStdEncoding.EncodeToString(random[12:]), Name: name, CreatedAt: c.now(),
	}
	err := c.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO access_keys VALUES (?, ?, ?, ?, 0)", key.ID, key.Secret, key.Name, key.CreatedAt)
		return err
	})
	if err != nil {
		return farmtally.AccessKey{}, fmt.Errorf("write key: %w", explain(ctx, err))
	}
	return key, nil
}

const keyColumns = "SELECT key_id, secret, name, created_at, revoked_at FROM access_keys"

func scanKey(scan func(...any) error) (k farmtally.AccessKey, err error) {
	err = scan(&k.ID, &k.Secret, &k.Name, &k.CreatedAt, &k.RevokedAt)
	return k, err
}

// Keys gives every key, by age.
func (c *Catalog) Keys(ctx context.Context) ([]farmtally.AccessKey, error) {
	var keys []farmtally.AccessKey
	err := query(ctx, c.reader, func(rows *sql.Rows) error {
		k, err := scanKey(rows.Scan)
		keys = append(keys, k)
		return err
	}, keyColumns+" ORDER BY created_at, key_id")
	return keys, err
}

// Key gives one key, also one that was revoked. It fails with NotFound.
func (c *Catalog) Key(ctx context.Context, id string) (farmtally.AccessKey, error) {
	k, err := scanKey(c.reader.QueryRowContext(ctx, keyColumns+" WHERE key_id = ?", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return k, notFound("key", id)
	}
	if err != nil {
		return k, fmt.Errorf("read key: %w", explain(ctx, err))
	}
	return k, nil
}

// RevokeKey makes a key good for nothing from now on. It fails with NotFound.
func (c *Catalog) RevokeKey(ctx context.Context, id string) error {
	return c.update(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE access_keys SET revoked_at = ? WHERE key_id = ? AND revoked_at = 0", c.now(), id)
		if err != nil {
			return fmt.Errorf("revoke key: %w", explain(ctx, err))
		}
		if n, _ := result.RowsAffected(); n == 0 {
			return notFound("good key", id)
		}
		return nil
	})
}
