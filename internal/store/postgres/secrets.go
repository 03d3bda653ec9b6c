// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/secret"
)

// Secrets is the store as the room of sealed values declares it.
func (db *DB) Secrets() secret.Store { return secrets{db} }

type secrets struct{ db *DB }

func (s secrets) Update(ctx context.Context, fn func(secret.Tx) error) error {
	return s.db.update(ctx, func(tx *Tx) error { return fn(tx) })
}

func (s secrets) Secrets(ctx context.Context) (out []secret.Sealed, err error) {
	err = s.db.view(ctx, func(tx *Tx) error {
		out, err = tx.Secrets(ctx, "")
		return err
	})
	return out, err
}

const sealedColumns = `name, version, origin, key_id, ciphertext, created, who, state`

func scanSealed(out *[]secret.Sealed) func(r pgx.Rows) error {
	return func(r pgx.Rows) error {
		var s secret.Sealed
		var created sql.NullInt64
		err := r.Scan(&s.Name, &s.Version, &s.Origin, &s.Key, &s.Ciphertext, &created, &s.Who, &s.State)
		s.Created = instant(created)
		*out = append(*out, s)
		return err
	}
}

// Secrets implements secret.Tx.
func (tx *Tx) Secrets(ctx context.Context, name string) (out []secret.Sealed, err error) {
	scan := scanSealed(&out)
	if name == "" {
		err = tx.rows(ctx, scan, `SELECT `+sealedColumns+` FROM secrets ORDER BY name, version DESC`)
		return out, err
	}
	err = tx.rows(ctx, scan, `SELECT `+sealedColumns+` FROM secrets WHERE name = $1 ORDER BY version DESC`, name)
	return out, err
}

// PutSecret implements secret.Tx.
func (tx *Tx) PutSecret(ctx context.Context, s secret.Sealed) error {
	return tx.exec(ctx, `INSERT INTO secrets (`+sealedColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8) ON CONFLICT (name, version) DO UPDATE SET
		origin = excluded.origin, key_id = excluded.key_id, ciphertext = excluded.ciphertext, created = excluded.created, who = excluded.who,
		state = excluded.state`,
		s.Name, s.Version, s.Origin, s.Key, s.Ciphertext, stamp(s.Created), s.Who, string(s.State))
}

// DropSecrets implements secret.Tx.
func (tx *Tx) DropSecrets(ctx context.Context, name string, below int) error {
	return tx.exec(ctx, `DELETE FROM secrets WHERE name = $1 AND version < $2 AND state = ''`, name, below)
}

// DeleteSecret implements secret.Tx.
func (tx *Tx) DeleteSecret(ctx context.Context, name string, version int) error {
	return tx.exec(ctx, `DELETE FROM secrets WHERE name = $1 AND version = $2`, name, version)
}

// toldSecret is what the ledger has of a value.
type toldSecret struct {
	Version int    `json:"version"`
	Origin  string `json:"origin"`
	Key     string `json:"key"`
}

// TellSecrets implements secret.Tx.
func (tx *Tx) TellSecrets(ctx context.Context, all []secret.Told) error {
	events := make([]audit.Event, len(all))
	for i, t := range all {
		s := t.Sealed
		why := fmt.Sprintf("version %d for %s, sealed by key %s", s.Version, s.Origin, s.Key)
		if t.Why != "" {
			why += "; " + t.Why
		}
		events[i] = audit.Event{
			At: tx.now, Kind: t.Kind, Actor: t.Actor, Object: s.Name,
			Why:   why,
			After: toldSecret{s.Version, s.Origin, s.Key},
		}
	}
	return tx.AppendEvents(ctx, events)
}
