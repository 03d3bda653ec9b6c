// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/source"
)

const (
	personColumns = `id, state, resource, generation, revision, next_at, why, cause, admitted, revoked_at, revoked_by, revoked_start, revoked_outdone`
	// personOf are the same of the table as p.
	personOf = `p.id, p.state, p.resource, p.generation, p.revision, p.next_at, p.why, p.cause, p.admitted, p.revoked_at, p.revoked_by, p.revoked_start, p.revoked_outdone`
)

// scanPerson scans personColumns, and further columns into more.
func scanPerson(r pgx.Rows, more ...any) (*directory.Person, error) {
	var p directory.Person
	var user sql.NullString
	var next, revoked, start sql.NullInt64
	dest := append([]any{&p.ID, &p.State, &user, &p.Generation, &p.Revision, &next, &p.Why, &p.Cause, &p.Admitted, &revoked, &p.Revoked.By, &start, &p.Revoked.Outdone}, more...)
	if err := r.Scan(dest...); err != nil {
		return nil, err
	}
	p.Next, p.Revoked.At, p.Revoked.Start = instant(next), instant(revoked), instant(start)
	var err error
	p.User, err = decode(user)
	return &p, err
}

// People implements directory.Tx.
func (tx *Tx) People(ctx context.Context, ids []string) (map[string]*directory.Person, error) {
	out := make(map[string]*directory.Person, len(ids))
	err := tx.rows(ctx, func(r pgx.Rows) error {
		p, err := scanPerson(r)
		if err == nil {
			out[p.ID] = p
		}
		return err
	}, `SELECT `+personColumns+` FROM people WHERE id = ANY($1)`, ids)
	return out, err
}

// PutPeople implements directory.Tx: the marks share the transaction with what
// they tell of. A change unparks, as what was refused may now be taken. What is
// due keeps the time since when it is; a departure begins anew, as its clock
// runs from then.
func (tx *Tx) PutPeople(ctx context.Context, people []*directory.Person) error {
	for _, p := range people {
		user, err := encode(p.User)
		if err != nil {
			return err
		}
		err = tx.exec(ctx, `INSERT INTO people (`+personColumns+`, user_name) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)
			ON CONFLICT (id) DO UPDATE SET resource = excluded.resource, generation = excluded.generation,
			revision = excluded.revision, why = excluded.why, cause = excluded.cause, admitted = excluded.admitted,
			revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by, revoked_start = excluded.revoked_start, revoked_outdone = excluded.revoked_outdone,
			state = excluded.state, next_at = excluded.next_at, user_name = excluded.user_name`,
			p.ID, p.State, user, p.Generation, p.Revision, stamp(p.Next), p.Why, p.Cause, p.Admitted,
			stamp(p.Revoked.At), p.Revoked.By, stamp(p.Revoked.Start), p.Revoked.Outdone, strings.ToLower(p.UserName()))
		if err != nil {
			return err
		}
		err = tx.exec(ctx, `INSERT INTO accounts AS a (app, person, due_at, out) SELECT name, $1, $2, NOT $3::boolean FROM apps
			ON CONFLICT (app, person) DO UPDATE SET due = true, due_at = CASE WHEN a.due AND $3 THEN a.due_at ELSE excluded.due_at END,
			version = a.version + 1, parked = '', retry_at = CASE WHEN a.observe AND a.parked = '' THEN a.retry_at END, out = excluded.out`, p.ID, stamp(tx.now), p.State.In())
		if err != nil {
			return err
		}
	}
	if len(people) == 0 {
		return nil
	}
	return tx.marked(ctx, "")
}

// MarkLinked implements directory.Tx.
func (tx *Tx) MarkLinked(ctx context.Context, people []string) error {
	if len(people) == 0 {
		return nil
	}
	err := tx.exec(ctx, `UPDATE accounts SET due = true, due_at = CASE WHEN due THEN due_at ELSE $1 END, version = version + 1, parked = '', retry_at = NULL
		WHERE person = ANY($2)`, stamp(tx.now), people)
	if err != nil {
		return err
	}
	return tx.marked(ctx, "")
}

// Waiting implements directory.Tx.
func (tx *Tx) Waiting(ctx context.Context, now time.Time) (due, absent, returned []string, err error) {
	due, err = tx.strings(ctx, `SELECT id FROM people WHERE next_at IS NOT NULL AND next_at <= $1 ORDER BY id`, stamp(now))
	if err != nil {
		return nil, nil, nil, err
	}
	absent, err = tx.strings(ctx, `SELECT DISTINCT r.person FROM records r JOIN people p ON p.id = r.person
		WHERE r.missing_at IS NOT NULL AND r.holds AND p.state NOT IN ('leaver', 'erased')
		AND NOT EXISTS (SELECT 1 FROM records o WHERE o.person = r.person AND o.missing_at IS NULL AND o.holds)
		ORDER BY r.person`)
	if err != nil {
		return nil, nil, nil, err
	}
	returned, err = tx.strings(ctx, `SELECT p.id FROM people p WHERE (p.state = 'missing' OR p.state = 'leaver' AND p.cause = 'absent')
		AND EXISTS (SELECT 1 FROM records r WHERE r.person = p.id AND r.missing_at IS NULL AND r.holds) ORDER BY p.id`)
	return due, absent, returned, err
}

// pushedSeats are the places that a person has in groups that providers push.
const pushedSeats = `FROM records r JOIN pushed u ON u.source = r.source AND u.record = r.id AND u.type = 'User'
	JOIN pushed_members m ON m.source = u.source AND m.member = u.id WHERE r.person = $1`

// Erase implements directory.Tx. The chain covers the digests of what is
// removed from the ledger, and holds without it.
func (tx *Tx) Erase(ctx context.Context, person string) (gone []directory.Resource, err error) {
	var live int
	_, err = tx.row(ctx, []any{&live}, `SELECT (SELECT count(*) FROM accounts WHERE person = $1 AND state = 'live')
		+ (SELECT count(*) FROM journal WHERE person = $1 AND (result IS NULL OR result = 'ambiguous'))`, person)
	if err != nil {
		return nil, err
	}
	if live > 0 {
		return nil, directory.ErrHasAccess
	}
	err = tx.rows(ctx, func(r pgx.Rows) error {
		var g directory.Resource
		err := r.Scan(&g.Source, &g.ID)
		gone = append(gone, g)
		return err
	}, `SELECT u.source, u.id FROM records r JOIN pushed u ON u.source = r.source AND u.record = r.id AND u.type = 'User'
		WHERE r.person = $1 AND (NOT u.deleted OR EXISTS (SELECT 1 FROM event_outbox o WHERE o.source = u.source AND o.resource = u.id))
		ORDER BY u.source, u.id`, person)
	if err != nil {
		return nil, err
	}
	for _, query := range []string{
		`UPDATE pushed SET version = version + 1, members = members - (SELECT count(*) ` + pushedSeats + ` AND m.source = pushed.source AND m.grp = pushed.id)
			WHERE type = 'Group' AND (source, id) IN (SELECT m.source, m.grp ` + pushedSeats + `)`,
		`DELETE FROM pushed_members WHERE EXISTS (SELECT 1 FROM pushed u JOIN records r ON r.source = u.source AND r.id = u.record
			WHERE r.person = $1 AND u.source = pushed_members.source AND u.id = pushed_members.member)`,
		`DELETE FROM event_outbox WHERE (source, resource) IN (SELECT u.source, u.id FROM records r
			JOIN pushed u ON u.source = r.source AND u.record = r.id AND u.type = 'User' WHERE r.person = $1)`,
		`UPDATE pushed SET body = NULL, deleted = true, name = '', external = '' WHERE EXISTS (SELECT 1 FROM records r
			WHERE r.person = $1 AND r.source = pushed.source AND r.id = pushed.record)`,
		`DELETE FROM source_members WHERE (source, record) IN (SELECT source, id FROM records WHERE person = $1)`,
		`DELETE FROM source_marks WHERE (source, id) IN (SELECT source, id FROM records WHERE person = $1)`,
		`DELETE FROM records WHERE person = $1`,
		`DELETE FROM person_keys WHERE person = $1`,
		`DELETE FROM team_members WHERE person = $1`,
		`DELETE FROM ledger_payloads WHERE person = $1`,
		`UPDATE journal SET ops = '[]', detail = '' WHERE person = $1`,
		`UPDATE accounts SET sent = NULL WHERE person = $1`,
	} {
		if err := tx.exec(ctx, query, person); err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// Rewind implements directory.Tx.
func (tx *Tx) Rewind(ctx context.Context, now, last time.Time) error {
	return tx.exec(ctx, `UPDATE people SET next_at = $1 WHERE id IN (SELECT person FROM records
		WHERE start_at > $1 AND start_at <= $2 OR end_at > $1 AND end_at <= $2)`, stamp(now), stamp(last))
}

// NameOwner implements directory.Tx.
func (tx *Tx) NameOwner(ctx context.Context, scope, attribute, canonical string) (owner string, err error) {
	_, err = tx.row(ctx, []any{&owner}, `SELECT owner FROM names WHERE scope = $1 AND attribute = $2 AND canonical = $3`, scope, attribute, canonical)
	return owner, err
}

// NameOf implements directory.Tx.
func (tx *Tx) NameOf(ctx context.Context, scope, attribute, owner string) (name string, err error) {
	_, err = tx.row(ctx, []any{&name}, `SELECT name FROM names WHERE scope = $1 AND attribute = $2 AND owner = $3`, scope, attribute, owner)
	return name, err
}

// NamesOf implements provision.NameTx.
func (tx *Tx) NamesOf(ctx context.Context, scope, attribute string, owners []string) (map[string]string, error) {
	out := map[string]string{}
	err := tx.rows(ctx, func(r pgx.Rows) error {
		var owner, name string
		err := r.Scan(&owner, &name)
		out[owner] = name
		return err
	}, `SELECT owner, name FROM names WHERE scope = $1 AND attribute = $2 AND owner = ANY($3)`, scope, attribute, owners)
	return out, err
}

// PassName implements provision.NameTx.
func (tx *Tx) PassName(ctx context.Context, scope, attribute, canonical, from, to string) error {
	return tx.exec(ctx, `UPDATE names SET owner = $1 WHERE scope = $2 AND attribute = $3 AND canonical = $4 AND owner = $5
		AND NOT EXISTS (SELECT 1 FROM names n WHERE n.scope = $2 AND n.attribute = $3 AND n.owner = $1)`, to, scope, attribute, canonical, from)
}

// Reserve implements directory.Tx. A name that is taken is an error: the
// caller has asked before, in the same transaction.
func (tx *Tx) Reserve(ctx context.Context, scope, attribute, canonical, name, owner string) error {
	return tx.exec(ctx, `INSERT INTO names (scope, attribute, canonical, name, owner) VALUES ($1,$2,$3,$4,$5)`, scope, attribute, canonical, name, owner)
}

// PutTeam implements directory.Tx.
func (tx *Tx) PutTeam(ctx context.Context, t directory.Team) error {
	return tx.exec(ctx, `INSERT INTO teams (id, rule, value, name) VALUES ($1,$2,$3,$4)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name`, t.ID, t.Rule, t.Value, t.Name)
}

// StatedTeams implements directory.Tx: the groups that providers push, and the teams
// that other sources state. It walks from the people asked for: left to itself,
// SQLite begins with every membership.
func (tx *Tx) StatedTeams(ctx context.Context, people []string) (map[string][]directory.Team, error) {
	out := map[string][]directory.Team{}
	err := tx.rows(ctx, func(r pgx.Rows) error {
		var person, provider, group, name string
		err := r.Scan(&person, &provider, &group, &name)
		out[person] = append(out[person], source.PushedTeam(provider, group, name))
		return err
	}, `SELECT r.person, g.source, g.id, g.body::json ->> 'displayName' FROM records r
		JOIN pushed u ON u.source = r.source AND u.record = r.id AND u.type = 'User' AND NOT u.deleted
		JOIN pushed_members m ON m.source = u.source AND m.member = u.id
		JOIN pushed g ON g.source = m.source AND g.type = 'Group' AND g.id = m.grp AND NOT g.deleted
		WHERE r.person = ANY($1) ORDER BY r.person, g.source, g.id`, people)
	if err != nil {
		return nil, err
	}
	err = tx.rows(ctx, func(r pgx.Rows) error {
		var person string
		var t directory.Team
		err := r.Scan(&person, &t.ID, &t.Rule, &t.Value, &t.Name)
		out[person] = append(out[person], t)
		return err
	}, `SELECT r.person, t.id, t.rule, t.value, t.name FROM records r
		JOIN source_members m ON m.source = r.source AND m.record = r.id
		JOIN source_teams t ON t.source = m.source AND t.id = m.team
		WHERE r.person = ANY($1) ORDER BY r.person, t.id`, people)
	return out, err
}

// SetTeams implements directory.Tx.
func (tx *Tx) SetTeams(ctx context.Context, teams map[string][]directory.Team) error {
	stored := map[string]bool{}
	for _, person := range slices.Sorted(maps.Keys(teams)) { // of two names of one team the first stays, each time
		if err := tx.exec(ctx, `DELETE FROM team_members WHERE person = $1`, person); err != nil {
			return err
		}
		for _, t := range teams[person] {
			if !stored[t.ID] {
				stored[t.ID] = true
				if err := tx.PutTeam(ctx, t); err != nil {
					return err
				}
			}
			if err := tx.exec(ctx, `INSERT INTO team_members (person, team) VALUES ($1,$2) ON CONFLICT DO NOTHING`, person, t.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// List implements directory.Reader.
func (tx *Tx) List(ctx context.Context, state directory.State, after string, limit int) ([]directory.Listing, error) {
	var out []directory.Listing
	var ids []string
	err := tx.rows(ctx, func(r pgx.Rows) error {
		p, err := scanPerson(r)
		if err == nil {
			out, ids = append(out, directory.Listing{Person: p}), append(ids, p.ID)
		}
		return err
	}, `SELECT `+personColumns+` FROM people WHERE id > $1 AND ($2 = '' OR state = $2) ORDER BY id LIMIT $3`, after, state, limit)
	if err != nil {
		return nil, err
	}
	records, err := tx.RecordsOf(ctx, ids)
	for i := range out {
		out[i].Records = records[out[i].Person.ID]
	}
	return out, err
}

// Search implements directory.Reader.
func (tx *Tx) Search(ctx context.Context, what string) ([]string, error) {
	return tx.strings(ctx, `SELECT id FROM people WHERE id = $1 OR user_name = $2
		UNION SELECT person FROM records WHERE id = $1 AND person <> '' ORDER BY 1 LIMIT 20`, what, strings.ToLower(what))
}

// PeopleTotals counts people by state.
func (tx *Tx) PeopleTotals(ctx context.Context) (t directory.Totals, err error) {
	err = tx.rows(ctx, func(r pgx.Rows) error {
		var s directory.State
		var n int
		if err := r.Scan(&s, &n); err != nil {
			return err
		}
		t.Total += n
		switch s {
		case directory.Active:
			t.Active = n
		case directory.Staged:
			t.Staged = n
		case directory.OnLeave:
			t.OnLeave = n
		case directory.Missing:
			t.Missing = n
		case directory.Leaver:
			t.Leaver = n
		}
		return nil
	}, `SELECT state, count(*) FROM people GROUP BY state`)
	return t, err
}

// InCount implements provision.GuardTx.
func (tx *Tx) InCount(ctx context.Context) (n int, err error) {
	_, err = tx.row(ctx, []any{&n}, `SELECT count(*) FROM people WHERE state IN ('active', 'on_leave', 'missing')`)
	return n, err
}

// InIDs implements directory.Tx.
func (tx *Tx) InIDs(ctx context.Context) ([]string, error) {
	return tx.strings(ctx, `SELECT id FROM people WHERE state IN ('active', 'on_leave', 'missing') ORDER BY id`)
}

// Everybody implements directory.Tx.
func (tx *Tx) Everybody(ctx context.Context) ([]string, error) {
	return tx.strings(ctx, `SELECT id FROM people ORDER BY id`)
}

// Meta implements directory.Tx.
func (tx *Tx) Meta(ctx context.Context, key string) (value []byte, err error) {
	_, err = tx.row(ctx, []any{&value}, `SELECT value FROM meta WHERE key = $1`, key)
	return value, err
}

// PutMeta implements directory.Tx.
func (tx *Tx) PutMeta(ctx context.Context, key string, value []byte) error {
	return tx.exec(ctx, `INSERT INTO meta (key, value) VALUES ($1,$2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
}
