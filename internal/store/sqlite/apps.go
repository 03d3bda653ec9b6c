// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

// App implements provision.AppTx. An app never seen has the zero state.
func (tx *Tx) App(ctx context.Context, name string) (provision.AppState, error) {
	a := provision.AppState{Name: name}
	var digest []byte
	var retry, paused sql.NullInt64
	_, err := tx.row(ctx, []any{&digest, &a.Address, &a.Listed, &a.Agreed, &a.Paused, &a.Foreign, &retry, &paused},
		`SELECT digest, address, listed, agreed, paused, foreign_accounts, retry_at, paused_at FROM apps WHERE name = ?`, name)
	copy(a.Digest[:], digest)
	a.RetryAt, a.PausedAt = instant(retry), instant(paused)
	return a, err
}

// PutApp implements provision.AppTx.
func (tx *Tx) PutApp(ctx context.Context, a provision.AppState) error {
	tx.apps = nil
	return tx.exec(ctx, `INSERT INTO apps (name, digest, address, listed, agreed, paused, foreign_accounts, retry_at, paused_at)
		VALUES (?,?,?,?,?,?,?,?,?)
		ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, address = excluded.address, listed = excluded.listed, agreed = excluded.agreed,
		paused = excluded.paused, foreign_accounts = excluded.foreign_accounts, retry_at = excluded.retry_at, paused_at = excluded.paused_at`,
		a.Name, a.Digest[:], a.Address, a.Listed, a.Agreed, a.Paused, a.Foreign, stamp(a.RetryAt), stamp(a.PausedAt))
}

// ResetApp implements provision.AppTx.
func (tx *Tx) ResetApp(ctx context.Context, app string) error {
	err := tx.exec(ctx, `UPDATE accounts SET remote_id = '', state = '', sent = NULL, since = NULL, due = 1, due_at = ?,
		version = version + 1, parked = '', attempts = 0, retry_at = NULL, wake_at = NULL, observe = 0, last = '', journal = 0, begun = 0, late_until = NULL
		WHERE app = ?`, stamp(tx.now), app)
	if err := errors.Join(err, tx.marked(ctx, app)); err != nil {
		return err
	}
	if err := tx.exec(ctx, `DELETE FROM app_groups WHERE app = ?`, app); err != nil {
		return err
	}
	if err := tx.exec(ctx, `DELETE FROM app_members WHERE app = ?`, app); err != nil {
		return err
	}
	return tx.exec(ctx, `DELETE FROM foreign_accounts WHERE app = ?`, app)
}

// Unpark implements provision.AppTx.
func (tx *Tx) Unpark(ctx context.Context, app string, last provision.Result) error {
	err := tx.exec(ctx, `UPDATE accounts SET parked = '', version = version + 1 WHERE app = ? AND parked <> '' AND last = ?`, app, last)
	if err != nil {
		return err
	}
	teams, err := tx.strings(ctx, `SELECT team FROM app_groups WHERE app = ? AND parked <> '' AND last = ? ORDER BY team`, app, last)
	if err != nil || len(teams) == 0 {
		return err
	}
	if err := tx.exec(ctx, `UPDATE app_groups SET parked = '' WHERE app = ? AND parked <> '' AND last = ?`, app, last); err != nil {
		return err
	}
	return tx.MarkTeams(ctx, app, teams)
}

// Doubt implements provision.AppTx.
func (tx *Tx) Doubt(ctx context.Context, app string, people []string) error {
	query := `UPDATE accounts SET observe = 1, parked = '' WHERE app = ? AND remote_id <> '' AND (parked = '' OR last = ?)`
	args := []any{app, provision.Shut}
	if people != nil {
		in, err := list(people)
		if err != nil {
			return err
		}
		query += ` AND person IN (SELECT value FROM json_each(?))`
		args = append(args, in)
	}
	if err := tx.exec(ctx, query, args...); err != nil {
		return err
	}
	return tx.exec(ctx, `UPDATE app_groups SET observe = 1 WHERE app = ? AND remote_id <> '' AND parked = ''`, app)
}

// ForeignNames implements provision.AppTx.
func (tx *Tx) ForeignNames(ctx context.Context, app string) (map[string]bool, error) {
	out := map[string]bool{}
	err := tx.rows(ctx, func(r *sql.Rows) error {
		var user, external string
		if err := r.Scan(&user, &external); err != nil {
			return err
		}
		if external != "" {
			out[provision.ExternalName(external)] = true
		}
		if user != "" {
			out[provision.UserName(user)] = true
		}
		return nil
	}, `SELECT user_name, external_id FROM foreign_accounts WHERE app = ?`, app)
	return out, err
}

// DropForeign implements provision.AppTx.
func (tx *Tx) DropForeign(ctx context.Context, app string, remoteIDs []string) error {
	in, err := list(remoteIDs)
	if err != nil {
		return err
	}
	return tx.exec(ctx, `DELETE FROM foreign_accounts WHERE app = ? AND remote_id IN (SELECT value FROM json_each(?))`, app, in)
}

// ForeignAmong implements provision.AppTx.
func (tx *Tx) ForeignAmong(ctx context.Context, app string, remoteIDs []string) (map[string]bool, error) {
	in, err := list(remoteIDs)
	if err != nil {
		return nil, err
	}
	ids, err := tx.strings(ctx, `SELECT remote_id FROM foreign_accounts WHERE app = ? AND remote_id IN (SELECT value FROM json_each(?))`, app, in)
	out := make(map[string]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, err
}

// PutForeign implements provision.AppTx.
func (tx *Tx) PutForeign(ctx context.Context, app string, accounts []provision.Foreign) error {
	if err := tx.exec(ctx, `DELETE FROM foreign_accounts WHERE app = ?`, app); err != nil {
		return err
	}
	for _, f := range accounts {
		err := tx.exec(ctx, `INSERT INTO foreign_accounts (app, remote_id, user_name, external_id, active, reason) VALUES (?,?,?,?,?,?)`,
			app, f.RemoteID, f.UserName, f.ExternalID, f.Active, f.Reason)
		if err != nil {
			return err
		}
	}
	return nil
}

// Groups implements provision.GroupTx.
func (tx *Tx) Groups(ctx context.Context, app string) (map[string]provision.Group, error) {
	out := map[string]provision.Group{}
	err := tx.rows(ctx, func(r *sql.Rows) error {
		g := provision.Group{App: app}
		var retry sql.NullInt64
		err := r.Scan(&g.Team, &g.RemoteID, &g.Name, &g.Parked, &g.Attempts, &retry, &g.Observe, &g.Last, &g.Journal)
		g.RetryAt = instant(retry)
		out[g.Team] = g
		return err
	}, `SELECT team, remote_id, name, parked, attempts, retry_at, observe, last, journal FROM app_groups WHERE app = ?`, app)
	return out, err
}

// PutGroups implements provision.GroupTx.
func (tx *Tx) PutGroups(ctx context.Context, groups []provision.Group) error {
	for _, g := range groups {
		err := tx.exec(ctx, `INSERT INTO app_groups (app, team, remote_id, name, parked, attempts, retry_at, observe, last, journal)
			VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (app, team) DO UPDATE SET remote_id = excluded.remote_id, name = excluded.name,
			parked = excluded.parked, attempts = excluded.attempts, retry_at = excluded.retry_at, observe = excluded.observe,
			last = excluded.last, journal = excluded.journal`,
			g.App, g.Team, g.RemoteID, g.Name, g.Parked, g.Attempts, stamp(g.RetryAt), g.Observe, g.Last, g.Journal)
		if err != nil {
			return err
		}
	}
	return nil
}

// TeamsByID implements provision.GroupTx.
func (tx *Tx) TeamsByID(ctx context.Context) (map[string]directory.Team, error) {
	out := map[string]directory.Team{}
	err := tx.rows(ctx, func(r *sql.Rows) error {
		var t directory.Team
		err := r.Scan(&t.ID, &t.Rule, &t.Value, &t.Name)
		out[t.ID] = t
		return err
	}, `SELECT id, rule, value, name FROM teams`)
	return out, err
}

// EdgesOf implements provision.GroupTx.
func (tx *Tx) EdgesOf(ctx context.Context, app, team string) ([]string, error) {
	return tx.strings(ctx, `SELECT person FROM app_members WHERE app = ? AND team = ? ORDER BY person`, app, team)
}

// Totals implements provision.GuardTx.
func (tx *Tx) Totals(ctx context.Context, app string) (t provision.Totals, err error) {
	if err = tx.sizes(ctx, app, &t); err != nil {
		return t, err
	}
	_, err = tx.row(ctx, []any{&t.Parked, &t.Waiting, &t.Foreign}, `SELECT
		(SELECT count(*) FROM accounts INDEXED BY accounts_parked WHERE app = ?1 AND parked <> '') + (SELECT count(*) FROM app_groups WHERE app = ?1 AND parked <> ''),
		(SELECT count(*) FROM accounts INDEXED BY accounts_due WHERE app = ?1 AND due = 1 AND parked = ''),
		(SELECT count(*) FROM foreign_accounts WHERE app = ?1)`, app)
	return t, err
}

// sizes are how many accounts and memberships an app has. A store that an earlier version
// wrote, and that is opened for reading alone, has no table of them yet: there they are counted.
func (tx *Tx) sizes(ctx context.Context, app string, t *provision.Totals) error {
	var kept bool
	if _, err := tx.row(ctx, []any{&kept}, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'app_sizes')`); err != nil {
		return err
	}
	query := `SELECT live, disabled, memberships FROM app_sizes WHERE app = ?`
	if !kept {
		query = `SELECT count(*) FILTER (WHERE state = 'live'), count(*) FILTER (WHERE state = 'disabled'),
			(SELECT count(*) FROM app_members WHERE app = ?1) FROM accounts WHERE app = ?1`
	}
	_, err := tx.row(ctx, []any{&t.Live, &t.Disabled, &t.Memberships}, query, app)
	return err
}

// LiveAccounts implements provision.GuardTx.
func (tx *Tx) LiveAccounts(ctx context.Context, people []string) (map[string]int, error) {
	in, err := list(people)
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	err = tx.rows(ctx, func(r *sql.Rows) error {
		var app string
		var n int
		err := r.Scan(&app, &n)
		out[app] = n
		return err
	}, `SELECT app, count(*) FROM accounts WHERE state = 'live' AND person IN (SELECT value FROM json_each(?)) GROUP BY app`, in)
	return out, err
}
