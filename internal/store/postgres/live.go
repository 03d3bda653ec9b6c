// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/source"
)

// Digests implements source.LiveTx.
func (tx *Tx) Digests(ctx context.Context, name string) (map[string][32]byte, error) {
	out := map[string][32]byte{}
	err := tx.rows(ctx, func(r pgx.Rows) error {
		var id string
		var digest []byte
		if err := r.Scan(&id, &digest); err != nil {
			return err
		}
		var d [32]byte
		copy(d[:], digest)
		out[id] = d
		return nil
	}, `SELECT id, digest FROM records WHERE source = $1 AND missing_at IS NULL`, name)
	return out, err
}

// Mark implements source.LiveTx.
func (tx *Tx) Mark(ctx context.Context, name string, marks []source.Mark) error {
	for _, m := range marks {
		err := tx.exec(ctx, `INSERT INTO source_marks AS m (source, id, due_at, since, renewed, gone_at, version) VALUES ($1, $2, $3, $4, $4, $5, 1)
			ON CONFLICT (source, id) DO UPDATE SET due_at = least(m.due_at, excluded.due_at), renewed = excluded.renewed,
			gone_at = coalesce(m.gone_at, excluded.gone_at), version = m.version + 1`, name, m.Key, stamp(m.Due), stamp(tx.now), stamp(m.Gone))
		if err != nil {
			return err
		}
	}
	return nil
}

// Marks implements source.LiveTx.
func (tx *Tx) Marks(ctx context.Context, name string, now time.Time, limit int) (due []source.Mark, next time.Time, err error) {
	if limit > 0 {
		err = tx.rows(ctx, func(r pgx.Rows) error {
			var m source.Mark
			var at, since, gone sql.NullInt64
			err := r.Scan(&m.Key, &at, &since, &gone, &m.Version)
			m.Due, m.Since, m.Gone = instant(at), instant(since), instant(gone)
			due = append(due, m)
			return err
		}, `SELECT id, due_at, since, gone_at, version FROM source_marks WHERE source = $1 AND due_at <= $2 ORDER BY due_at, id LIMIT $3`,
			name, stamp(now), limit)
	}
	var first sql.NullInt64
	if err == nil {
		_, err = tx.row(ctx, []any{&first}, `SELECT min(due_at) FROM source_marks WHERE source = $1`, name)
	}
	return due, instant(first), err
}

// Marked implements source.LiveTx.
func (tx *Tx) Marked(ctx context.Context, name, key string) (bool, error) {
	var n int
	_, err := tx.row(ctx, []any{&n}, `SELECT count(*) FROM source_marks WHERE source = $1 AND id = $2`, name, key)
	return n > 0, err
}

// Touch implements source.LiveTx.
func (tx *Tx) Touch(ctx context.Context, name string, keys []string) error {
	return tx.exec(ctx, `UPDATE records SET at = $1 WHERE source = $2 AND id = ANY($3)`, stamp(tx.now), name, keys)
}

// Teamless implements source.LiveTx.
func (tx *Tx) Teamless(ctx context.Context, name string, keys []string) ([]string, error) {
	const query = `SELECT DISTINCT m.record FROM source_members m
		JOIN records r ON r.source = m.source AND r.id = m.record AND r.person <> ''
		JOIN people p ON p.id = r.person AND p.state IN ('active', 'on_leave', 'missing')
		WHERE m.source = $1 AND NOT EXISTS (SELECT 1 FROM team_members t WHERE t.person = r.person AND t.team = m.team)`
	if keys == nil {
		return tx.strings(ctx, query+` ORDER BY 1`, name)
	}
	return tx.strings(ctx, query+` AND m.record = ANY($2) ORDER BY 1`, name, keys)
}

// Unmark implements source.LiveTx.
func (tx *Tx) Unmark(ctx context.Context, name string, marks []source.Mark) error {
	for _, m := range marks {
		if err := tx.exec(ctx, `DELETE FROM source_marks WHERE source = $1 AND id = $2 AND version = $3`, name, m.Key, m.Version); err != nil {
			return err
		}
	}
	return nil
}

// heardFor is how long events are remembered. Auth0 gives up a delivery after seconds;
// what is delivered again by hand within a week is known.
const heardFor = 7 * 24 * time.Hour

// Heard implements source.LiveTx.
func (tx *Tx) Heard(ctx context.Context, name, event string) (bool, error) {
	var n int
	_, err := tx.row(ctx, []any{&n}, `SELECT count(*) FROM source_events WHERE source = $1 AND id = $2`, name, event)
	if err != nil || n > 0 {
		return n > 0, err
	}
	if err := tx.exec(ctx, `DELETE FROM source_events WHERE source = $1 AND at < $2`, name, stamp(tx.now.Add(-heardFor))); err != nil {
		return false, err
	}
	return false, tx.exec(ctx, `INSERT INTO source_events (source, id, at) VALUES ($1,$2,$3)`, name, event, stamp(tx.now))
}

// Present implements directory.Tx.
func (tx *Tx) Present(ctx context.Context, name string, ids []string) ([]string, error) {
	return tx.strings(ctx, `UPDATE records SET missing_at = NULL WHERE source = $1 AND id = ANY($2)
		AND missing_at IS NOT NULL AND alias = '' RETURNING id`, name, ids)
}

// PutRejects implements source.LiveTx.
func (tx *Tx) PutRejects(ctx context.Context, name string, keys []string, rejects []source.Reject) error {
	if err := tx.exec(ctx, `DELETE FROM source_rejects WHERE source = $1 AND key = ANY($2)`, name, keys); err != nil {
		return err
	}
	return tx.putRejects(ctx, name, rejects)
}

// StateTeams implements source.LiveTx. It reads the members of one team at a time.
func (tx *Tx) StateTeams(ctx context.Context, name, rule string, teams []source.StatedTeam) ([]string, error) {
	had, err := tx.strings(ctx, `SELECT id FROM source_teams WHERE source = $1 AND rule = $2`, name, rule)
	if err != nil {
		return nil, err
	}
	changed := map[string]bool{}
	for _, t := range teams {
		of := t.Team(name)
		had = slices.DeleteFunc(had, func(id string) bool { return id == of.ID })
		if err := tx.PutTeam(ctx, of); err != nil {
			return nil, err
		}
		err := tx.exec(ctx, `INSERT INTO source_teams AS s (source, id, rule, value, name) VALUES ($1,$2,$3,$4,$5)
			ON CONFLICT (source, id) DO UPDATE SET name = excluded.name WHERE s.name <> excluded.name`, name, of.ID, rule, of.Value, of.Name)
		if err == nil {
			err = tx.stateMembers(ctx, name, of.ID, t.Members, changed)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, id := range had {
		if err := tx.stateMembers(ctx, name, id, nil, changed); err != nil {
			return nil, err
		}
		if err := tx.exec(ctx, `DELETE FROM source_teams WHERE source = $1 AND id = $2`, name, id); err != nil {
			return nil, err
		}
	}
	out := make([]string, 0, len(changed))
	for key := range changed {
		out = append(out, key)
	}
	slices.Sort(out)
	return out, nil
}

func (tx *Tx) stateMembers(ctx context.Context, name, team string, members []string, changed map[string]bool) error {
	had, err := tx.strings(ctx, `SELECT record FROM source_members WHERE source = $1 AND team = $2`, name, team)
	if err != nil {
		return err
	}
	gone := make(map[string]bool, len(had))
	for _, key := range had {
		gone[key] = true
	}
	for _, key := range slices.Compact(slices.Sorted(slices.Values(members))) { // a source may name somebody twice
		if gone[key] {
			delete(gone, key)
			continue
		}
		changed[key] = true
		if err := tx.exec(ctx, `INSERT INTO source_members (source, team, record) VALUES ($1,$2,$3) ON CONFLICT DO NOTHING`, name, team, key); err != nil {
			return err
		}
	}
	for key := range gone {
		changed[key] = true
		if err := tx.exec(ctx, `DELETE FROM source_members WHERE source = $1 AND team = $2 AND record = $3`, name, team, key); err != nil {
			return err
		}
	}
	return nil
}

// ShutOut implements source.LiveTx.
func (tx *Tx) ShutOut(ctx context.Context, app string, ids []string) (out []string, err error) {
	const query = `SELECT remote_id FROM accounts WHERE app = $1 AND state = 'disabled' AND remote_id <> '' AND NOT observe`
	if ids == nil {
		return tx.strings(ctx, query, app)
	}
	return tx.strings(ctx, query+` AND remote_id = ANY($2)`, app, ids)
}

// Suspect implements source.LiveTx.
func (tx *Tx) Suspect(ctx context.Context, app string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	err := tx.exec(ctx, `UPDATE accounts SET due = true, due_at = $1, version = version + 1, observe = true, parked = '', retry_at = NULL
		WHERE app = $2 AND remote_id = ANY($3) AND remote_id <> ''`, stamp(tx.now), app, ids)
	if err != nil {
		return err
	}
	return tx.marked(ctx, app)
}
