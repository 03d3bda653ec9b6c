// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/provision"
)

// Findings implements provision.FindingTx.
func (tx *Tx) Findings(ctx context.Context, app string) (map[string]provision.Finding, error) {
	out := map[string]provision.Finding{}
	err := tx.rows(ctx, func(r pgx.Rows) error {
		f := provision.Finding{App: app}
		err := r.Scan(&f.Attribute, &f.What, &f.Person, &f.Journal)
		out[f.Attribute] = f
		return err
	}, `SELECT attribute, what, person, journal FROM findings WHERE app = $1`, app)
	return out, err
}

// PutFindings implements provision.FindingTx.
func (tx *Tx) PutFindings(ctx context.Context, findings []provision.Finding) error {
	for _, f := range findings {
		err := tx.exec(ctx, `INSERT INTO findings (app, attribute, what, person, journal, at) VALUES ($1,$2,$3,$4,$5,$6)
			ON CONFLICT (app, attribute) DO NOTHING`, f.App, f.Attribute, f.What, f.Person, f.Journal, stamp(tx.now))
		if err != nil {
			return err
		}
	}
	return nil
}

// DropFindings implements provision.FindingTx.
func (tx *Tx) DropFindings(ctx context.Context, app string, attributes ...string) error {
	if len(attributes) == 0 {
		return tx.exec(ctx, `DELETE FROM findings WHERE app = $1`, app)
	}
	return tx.exec(ctx, `DELETE FROM findings WHERE app = $1 AND attribute = ANY($2)`, app, attributes)
}
