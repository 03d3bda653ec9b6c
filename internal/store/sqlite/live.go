// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/source"
)

// Digests implements source.LiveTx.
func (tx *Tx) Digests(ctx context.Context, name string) (map[string][32]byte, error) {
	out := map[string][32]byte{}
	err := tx.rows(ctx, func(r *sql.Rows) error {
		var id string
		var digest sql.RawBytes
		if err := r.Scan(&id, &digest); err != nil {
			return err
		}
		var d [32]byte
		copy(d[:], digest)
		out[id] = d
		return nil
	}, `SELECT id, digest FROM records WHERE source = ? AND missing_at IS NULL`, name)
	return out, err
}

// Mark implements source.LiveTx.
func (tx *Tx) Mark(ctx context.Context, name string, marks []source.Mark) error {
	for _, m := range marks {
		err := tx.exec(ctx, `INSERT INTO source_marks (source, id, due_at, since, renewed, gone_at, version) VALUES (?1, ?2, ?3, ?4, ?4, ?5, 1)
			ON CONFLICT (source, id) DO UPDATE SET due_at = min(due_at, excluded.due_at), renewed = excluded.renewed,
			gone_at = coalesce(gone_at, excluded.gone_at), version = version + 1`, name, m.Key, stamp(m.Due), stamp(tx.now), stamp(m.Gone))
		if err != nil {
			return err
		}
	}
	return nil
}

// Marks implements source.LiveTx.
func (tx *Tx) Marks(ctx context.Context, name string, now time.Time, limit int) (due []source.Mark, next time.Time, err error) {
	if limit > 0 {
		err = tx.rows(ctx, func(r *sql.Rows) error {
			var m source.Mark
			var at, since, gone sql.NullInt64
			err := r.Scan(&m.Key, &at, &since, &gone, &m.Version)
			m.Due, m.Since, m.Gone = instant(at), instant(since), instant(gone)
			due = append(due, m)
			return err
		}, `SELECT id, due_at, since, gone_at, version FROM source_marks WHERE source = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?`,
			name, stamp(now), limit)
	}
	var first sql.NullInt64
	if err == nil {
		_, err = tx.row(ctx, []any{&first}, `SELECT min(due_at) FROM source_marks WHERE source = ?`, name)
	}
	return due, instant(first), err
}

// Marked implements source.LiveTx.
func (tx *Tx) Marked(ctx context.Context, name, key string) (bool, error) {
	var n int
	_, err := tx.row(ctx, []any{&n}, `SELECT count(*) FROM source_marks WHERE source = ? AND id = ?`, name, key)
	return n > 0, err
}

// Touch implements source.LiveTx.
func (tx *Tx) Touch(ctx context.Context, name string, keys []string) error {
	in, err := list(keys)
	if err != nil {
		return err
	}
	return tx.exec(ctx, `UPDATE records SET at = ? WHERE source = ? AND id IN (SELECT value FROM json_each(?))`, stamp(tx.now), name, in)
}

// Teamless implements source.LiveTx.
func (tx *Tx) Teamless(ctx context.Context, name string, keys []string) ([]string, error) {
	const query = `SELECT DISTINCT m.record FROM source_members m
		CROSS JOIN records r ON r.source = m.source AND r.id = m.record AND r.person <> ''
		CROSS JOIN people p ON p.id = r.person AND p.state IN ('active', 'on_leave', 'missing')
		WHERE m.source = ? AND NOT EXISTS (SELECT 1 FROM team_members t WHERE t.person = r.person AND t.team = m.team)`
	if keys == nil {
		return tx.strings(ctx, query+` ORDER BY 1`, name)
	}
	in, err := list(keys)
	if err != nil {
		return nil, err
	}
	return tx.strings(ctx, query+` AND m.record IN (SELECT value FROM json_each(?)) ORDER BY 1`, name, in)
}

// Unmark implements source.LiveTx.
func (tx *Tx) Unmark(ctx context.Context, name string, marks []source.Mark) error {
	for _, m := range marks {
		if err := tx.exec(ctx, `DELETE FROM source_marks WHERE source = ? AND id = ? AND version = ?`, name, m.Key, m.Version); err != nil {
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
	_, err := tx.row(ctx, []any{&n}, `SELECT count(*) FROM source_events WHERE source = ? AND id = ?`, name, event)
	if err != nil || n > 0 {
		return n > 0, err
	}
	if err := tx.exec(ctx, `DELETE FROM source_events WHERE source = ? AND at < ?`, name, stamp(tx.now.Add(-heardFor))); err != nil {
		return false, err
	}
	return false, tx.exec(ctx, `INSERT INTO source_events (source, id, at) VALUES (?,?,?)`, name, event, stamp(tx.now))
}

// Present implements directory.Tx.
func (tx *Tx) Present(ctx context.Context, name string, ids []string) ([]string, error) {
	in, err := list(ids)
	if err != nil {
		return nil, err
	}
	return tx.strings(ctx, `UPDATE records SET missing_at = NULL WHERE source = ? AND id IN (SELECT value FROM json_each(?))
		AND missing_at IS NOT NULL AND alias = '' RETURNING id`, name, in)
}

// PutRejects implements source.LiveTx.
func (tx *Tx) PutRejects(ctx context.Context, name string, keys []string, rejects []source.Reject) error {
	in, err := list(keys)
	if err != nil {
		return err
	}
	if err := tx.exec(ctx, `DELETE FROM source_rejects WHERE source = ? AND key IN (SELECT value FROM json_each(?))`, name, in); err != nil {
		return err
	}
	return tx.putRejects(ctx, name, rejects)
}

// StateTeams implements source.LiveTx. It reads the members of one team at a time.
func (tx *Tx) StateTeams(ctx context.Context, name, rule string, teams []source.StatedTeam) ([]string, error) {
	had, err := tx.strings(ctx, `SELECT id FROM source_teams WHERE source = ? AND rule = ?`, name, rule)
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
		err := tx.exec(ctx, `INSERT INTO source_teams (source, id, rule, value, name) VALUES (?,?,?,?,?)
			ON CONFLICT (source, id) DO UPDATE SET name = excluded.name WHERE name <> excluded.name`, name, of.ID, rule, of.Value, of.Name)
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
		if err := tx.exec(ctx, `DELETE FROM source_teams WHERE source = ? AND id = ?`, name, id); err != nil {
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
	had, err := tx.strings(ctx, `SELECT record FROM source_members WHERE source = ? AND team = ?`, name, team)
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
		if err := tx.exec(ctx, `INSERT INTO source_members (source, team, record) VALUES (?,?,?) ON CONFLICT DO NOTHING`, name, team, key); err != nil {
			return err
		}
	}
	for key := range gone {
		changed[key] = true
		if err := tx.exec(ctx, `DELETE FROM source_members WHERE source = ? AND team = ? AND record = ?`, name, team, key); err != nil {
			return err
		}
	}
	return nil
}

// ShutOut implements source.LiveTx.
func (tx *Tx) ShutOut(ctx context.Context, app string, ids []string) (out []string, err error) {
	const query = `SELECT remote_id FROM accounts INDEXED BY accounts_disabled WHERE app = ? AND state = 'disabled' AND remote_id <> '' AND observe = 0`
	if ids == nil {
		return tx.strings(ctx, query, app)
	}
	in, err := list(ids)
	if err != nil {
		return nil, err
	}
	return tx.strings(ctx, query+` AND remote_id IN (SELECT value FROM json_each(?))`, app, in)
}

// Suspect implements source.LiveTx.
func (tx *Tx) Suspect(ctx context.Context, app string, ids []string) error {
	for _, id := range ids {
		err := tx.exec(ctx, `UPDATE accounts INDEXED BY accounts_remote SET due = 1, due_at = ?, version = version + 1, observe = 1, parked = '', retry_at = NULL
			WHERE app = ? AND remote_id = ? AND remote_id <> ''`, stamp(tx.now), app, id)
		if err != nil {
			return err
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return tx.marked(ctx, app)
}
