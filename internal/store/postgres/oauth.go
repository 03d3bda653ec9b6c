// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/internal/token/oauth"
)

// OAuth is the store as those who issue access tokens declare it.
func (db *DB) OAuth() oauth.Store { return exchanges{db} }

type exchanges struct{ db *DB }

func (s exchanges) Redeem(ctx context.Context, a oauth.Assertion, t token.Token, e audit.Event) error {
	return s.db.update(ctx, func(tx *Tx) error {
		for _, gone := range []string{
			`DELETE FROM assertions WHERE expires <= $1`,
			`DELETE FROM tokens WHERE client <> '' AND expires <= $1`,
		} {
			if err := tx.exec(ctx, gone, stamp(tx.now)); err != nil {
				return err
			}
		}
		n, err := tx.touched(ctx, `INSERT INTO assertions (digest, expires) VALUES ($1,$2) ON CONFLICT DO NOTHING`, a.Digest[:], stamp(a.Forget))
		switch {
		case err != nil:
			return err
		case n == 0:
			return oauth.ErrReplayed
		}
		return tx.putToken(ctx, t, e)
	})
}

func (s exchanges) Refuse(ctx context.Context, e audit.Event) error {
	return s.db.update(ctx, func(tx *Tx) error {
		e.At = tx.now
		return tx.AppendEvents(ctx, []audit.Event{e})
	})
}
