package storage

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"encoding/base64"
	"fmt"

	"github.com/farmtally/farmtally"
)

// CreateKey makes a key for the name with the grants, good from now on.
func (c *Catalog) CreateKey(ctx context.Context, name string, grants ...farmtally.Grant) (farmtally.AccessKey, error) {
	random := make([]byte, 12+30)
	_, _ = rand.Read(random) // never fails
	id := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random[:12])
	key := farmtally.AccessKey{
		ID: "FT" + id[:18], Secret: base64.RawStdEncoding.EncodeToString(random[12:]), Name: name, CreatedAt: c.now(), Grants: grants,
	}
	err := c.update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO access_keys VALUES (?, ?, ?, ?, 0)", key.ID, key.Secret, key.Name, key.CreatedAt); err != nil {
			return err
		}
		for _, g := range grants {
			if _, err := tx.ExecContext(ctx, "INSERT INTO grants VALUES (?, ?, ?)", key.ID, g.FarmID, g.Role.String()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return farmtally.AccessKey{}, fmt.Errorf("write key: %w", explain(ctx, err))
	}
	return key, nil
}

const keyColumns = `SELECT key_id, secret, name, created_at, revoked_at, farm_id, role FROM access_keys LEFT JOIN grants USING (key_id)`

// appendKey appends a row of keyColumns: a further grant of the last key, or a key.
func appendKey(keys []farmtally.AccessKey, rows *sql.Rows) ([]farmtally.AccessKey, error) {
	var k farmtally.AccessKey
	var farm, role sql.NullString
	if err := rows.Scan(&k.ID, &k.Secret, &k.Name, &k.CreatedAt, &k.RevokedAt, &farm, &role); err != nil {
		return keys, err
	}
	if last := len(keys) - 1; last < 0 || keys[last].ID != k.ID {
		keys = append(keys, k)
	}
	if !role.Valid {
		return keys, nil
	}
	r, err := farmtally.ParseRole(role.String)
	if err != nil {
		return keys, damagedCatalog(fmt.Errorf("decode role %q: %w", role.String, err))
	}
	last := &keys[len(keys)-1]
	last.Grants = append(last.Grants, farmtally.Grant{FarmID: farmtally.FarmID(farm.String), Role: r})
	return keys, nil
}

// Keys gives every key, by age.
func (c *Catalog) Keys(ctx context.Context) (keys []farmtally.AccessKey, err error) {
	err = query(ctx, c.reader, func(rows *sql.Rows) error {
		var err error
		keys, err = appendKey(keys, rows)
		return err
	}, keyColumns+" ORDER BY created_at, key_id, farm_id")
	return keys, err
}

// Key gives one key, also one that was revoked. It fails with NotFound.
func (c *Catalog) Key(ctx context.Context, id string) (farmtally.AccessKey, error) {
	var keys []farmtally.AccessKey
	err := query(ctx, c.reader, func(rows *sql.Rows) error {
		var err error
		keys, err = appendKey(keys, rows)
		return err
	}, keyColumns+" WHERE key_id = ? ORDER BY farm_id", id)
	switch {
	case err != nil:
		return farmtally.AccessKey{}, fmt.Errorf("read key: %w", err)
	case len(keys) == 0:
		return farmtally.AccessKey{}, notFound("key", id)
	}
	return keys[0], nil
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
