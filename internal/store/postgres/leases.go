// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/provision"
)

// TakeLease implements provision.LeaseTx. The store admits one
// engine, so that whoever else holds a lease is dead: nobody waits for them.
func (tx *Tx) TakeLease(ctx context.Context, app, holder string, until time.Time) (provision.Lease, bool, error) {
	err := tx.exec(ctx, `INSERT INTO leases AS l (app, holder, fence, until) VALUES ($1,$2,1,$3)
		ON CONFLICT (app) DO UPDATE SET holder = excluded.holder, until = excluded.until,
		fence = CASE l.holder WHEN excluded.holder THEN l.fence ELSE l.fence + 1 END`, app, holder, stamp(until))
	if err != nil {
		return provision.Lease{}, false, err
	}
	l := provision.Lease{App: app, Holder: holder, Until: until}
	l.Fence, err = tx.Fence(ctx, app)
	return l, err == nil, err
}

// Fence implements provision.LeaseTx.
func (tx *Tx) Fence(ctx context.Context, app string) (fence int64, err error) {
	_, err = tx.row(ctx, []any{&fence}, `SELECT fence FROM leases WHERE app = $1`, app)
	return fence, err
}

// DropLease implements provision.LeaseTx.
func (tx *Tx) DropLease(ctx context.Context, l provision.Lease) error {
	return tx.exec(ctx, `UPDATE leases SET until = NULL WHERE app = $1 AND fence = $2`, l.App, l.Fence)
}

// Leases implements provision.Reader.
func (tx *Tx) Leases(ctx context.Context) ([]provision.Lease, error) {
	var out []provision.Lease
	err := tx.rows(ctx, func(r pgx.Rows) error {
		var l provision.Lease
		var until sql.NullInt64
		err := r.Scan(&l.App, &l.Holder, &l.Fence, &until)
		l.Until = instant(until)
		out = append(out, l)
		return err
	}, `SELECT app, holder, fence, until FROM leases ORDER BY app`)
	return out, err
}
