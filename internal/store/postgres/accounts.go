// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

const accountColumns = `a.remote_id, a.state, a.sent, a.since, a.due, a.version, a.parked, a.attempts, a.retry_at, a.observe, a.last, a.journal, a.begun, a.late_until`

// Subjects implements provision.AccountTx.
func (tx *Tx) Subjects(ctx context.Context, q provision.Query) ([]provision.Subject, error) {
	args := []any{q.App, q.After}
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	var query strings.Builder
	query.WriteString(`SELECT ` + personOf + `, ` + accountColumns + `
		FROM accounts a JOIN people p ON p.id = a.person WHERE a.app = $1 AND a.person > $2`)
	if q.People != nil {
		query.WriteString(` AND a.person = ANY(` + arg(q.People) + `)`)
	}
	if q.Parked {
		query.WriteString(` AND a.parked <> ''`)
	}
	if q.Due {
		query.WriteString(` AND a.due`)
	}
	if q.Out {
		query.WriteString(` AND a.out AND a.due_at > ` + arg(stamp(q.Since)))
	}
	if q.Observe {
		query.WriteString(` AND a.observe`)
	}
	if q.Due || q.Observe {
		query.WriteString(` AND a.parked = '' AND (a.retry_at IS NULL OR a.retry_at <= ` + arg(stamp(q.Now)) + `)`)
	}
	if q.Due && !q.Observe { // what is not known must be looked up first
		query.WriteString(` AND NOT a.observe`)
	}
	query.WriteString(` ORDER BY a.person LIMIT ` + arg(q.Limit))
	subjects, err := tx.subjects(ctx, q.App, query.String(), args)
	if err != nil || len(subjects) == 0 {
		return subjects, err
	}
	return subjects, errors.Join(tx.addTeams(ctx, subjects), tx.addMembers(ctx, q.App, subjects), tx.addRecords(ctx, q.Source, subjects))
}

func (tx *Tx) subjects(ctx context.Context, app, query string, args []any) ([]provision.Subject, error) {
	var out []provision.Subject
	err := tx.rows(ctx, func(r pgx.Rows) error {
		var a provision.Account
		var sent sql.NullString
		var since, retry, late sql.NullInt64
		p, err := scanPerson(r, &a.RemoteID, &a.State, &sent, &since, &a.Due, &a.Version, &a.Parked, &a.Attempts, &retry, &a.Observe, &a.Last, &a.Journal, &a.Begun, &late)
		if err != nil {
			return err
		}
		a.App, a.Person, a.Since, a.RetryAt, a.Late = app, p.ID, instant(since), instant(retry), instant(late)
		if a.Sent, err = decode(sent); err != nil {
			return err
		}
		out = append(out, provision.Subject{Person: p, Account: a, Members: map[string]bool{}})
		return nil
	}, query, args...)
	return out, err
}

// between selects by the range of a page, which an index serves, rather than
// by a list of its ids.
func between(subjects []provision.Subject) (first, last string, at map[string]int) {
	at = make(map[string]int, len(subjects))
	for i, s := range subjects {
		at[s.Person.ID] = i
	}
	return subjects[0].Person.ID, subjects[len(subjects)-1].Person.ID, at
}

func (tx *Tx) addTeams(ctx context.Context, subjects []provision.Subject) error {
	first, last, at := between(subjects)
	return tx.rows(ctx, func(r pgx.Rows) error {
		var person string
		var t directory.Team
		if err := r.Scan(&person, &t.ID, &t.Rule, &t.Value, &t.Name); err != nil {
			return err
		}
		if i, ok := at[person]; ok {
			subjects[i].Teams = append(subjects[i].Teams, t)
		}
		return nil
	}, `SELECT m.person, t.id, t.rule, t.value, t.name FROM team_members m JOIN teams t ON t.id = m.team
		WHERE m.person BETWEEN $1 AND $2 ORDER BY m.person, t.id`, first, last)
}

func (tx *Tx) addMembers(ctx context.Context, app string, subjects []provision.Subject) error {
	first, last, at := between(subjects)
	return tx.rows(ctx, func(r pgx.Rows) error {
		var person, team string
		var journal int64
		if err := r.Scan(&person, &team, &journal); err != nil {
			return err
		}
		if i, ok := at[person]; ok {
			subjects[i].Members[team] = journal != provision.Unsure
		}
		return nil
	}, `SELECT person, team, journal FROM app_members WHERE app = $1 AND person BETWEEN $2 AND $3`, app, first, last)
}

// addRecords adds by what a source knows people: by records that it has still, and that
// stand for themselves.
func (tx *Tx) addRecords(ctx context.Context, source string, subjects []provision.Subject) error {
	if source == "" {
		return nil
	}
	first, last, at := between(subjects)
	return tx.rows(ctx, func(r pgx.Rows) error {
		var person string
		var key provision.RecordKey
		var end sql.NullInt64
		if err := r.Scan(&person, &key.ID, &end); err != nil {
			return err
		}
		key.End = instant(end)
		if i, ok := at[person]; ok {
			subjects[i].Records = append(subjects[i].Records, key)
		}
		return nil
	}, `SELECT person, id, end_at FROM records WHERE person BETWEEN $1 AND $2 AND source = $3 AND missing_at IS NULL AND alias = '' ORDER BY person, id`, first, last, source)
}

// PutAccounts implements provision.AccountTx. A mark can be set here and is
// never cleared here: only ClearMarks does, as it checks the version. Nor is
// anything parked that has been marked anew since it was read.
func (tx *Tx) PutAccounts(ctx context.Context, accounts []provision.Account) error {
	for _, a := range accounts {
		sent, err := encode(a.Sent)
		if err != nil {
			return err
		}
		switch {
		case a.Steady && a.Rest != nil:
			err = tx.exec(ctx, `UPDATE accounts SET remote_id = $1, state = $2, sent = $3, since = $4, attempts = $5, retry_at = $6, last = $7, journal = $8, begun = $9, late_until = $10,
				due = due AND version <> $11, due_at = CASE WHEN version = $11 THEN NULL ELSE due_at END,
				wake_at = CASE WHEN version = $11 THEN $12 ELSE wake_at END WHERE app = $13 AND person = $14`,
				a.RemoteID, a.State, sent, stamp(a.Since), a.Attempts, stamp(a.RetryAt), a.Last, a.Journal, a.Begun, stamp(a.Late),
				a.Rest.Version, stamp(a.Rest.Wake), a.App, a.Person)
		case a.Steady: // leaves alone what half of the indexes stand on
			err = tx.exec(ctx, `UPDATE accounts SET remote_id = $1, state = $2, sent = $3, since = $4, attempts = $5, retry_at = $6, last = $7, journal = $8, begun = $9, late_until = $10
				WHERE app = $11 AND person = $12`,
				a.RemoteID, a.State, sent, stamp(a.Since), a.Attempts, stamp(a.RetryAt), a.Last, a.Journal, a.Begun, stamp(a.Late), a.App, a.Person)
		default:
			err = tx.exec(ctx, `UPDATE accounts SET remote_id = $1, state = $2, sent = $3, since = $4, due = due OR $5,
				parked = CASE WHEN version = $6 THEN $7 ELSE parked END,
				attempts = $8, retry_at = $9, observe = $10, last = $11, journal = $12, begun = $13, late_until = $14 WHERE app = $15 AND person = $16`,
				a.RemoteID, a.State, sent, stamp(a.Since), a.Due, a.Version, a.Parked, a.Attempts, stamp(a.RetryAt), a.Observe, a.Last, a.Journal, a.Begun, stamp(a.Late),
				a.App, a.Person)
			if err == nil && a.Rest != nil {
				err = tx.ClearMarks(ctx, a.App, []provision.Mark{*a.Rest})
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ClearMarks implements provision.AccountTx.
func (tx *Tx) ClearMarks(ctx context.Context, app string, marks []provision.Mark) error {
	for _, m := range marks {
		err := tx.exec(ctx, `UPDATE accounts SET due = false, due_at = NULL, wake_at = $1 WHERE app = $2 AND person = $3 AND version = $4`,
			stamp(m.Wake), app, m.Person, m.Version)
		if err != nil {
			return err
		}
	}
	return nil
}

// PutEdges implements provision.AccountTx.
func (tx *Tx) PutEdges(ctx context.Context, app string, add, remove []provision.Edge, journal int64) error {
	if len(add) > 0 {
		people, teams := ends(add)
		err := tx.exec(ctx, `INSERT INTO app_members AS m (app, person, team, journal) SELECT DISTINCT $1, person, team, $2::bigint FROM unnest($3::text[], $4::text[]) e(person, team)
			ON CONFLICT (app, person, team) DO UPDATE SET journal = excluded.journal WHERE (m.journal = -1) <> (excluded.journal = -1)`, app, journal, people, teams)
		if err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	people, teams := ends(remove)
	return tx.exec(ctx, `DELETE FROM app_members m USING unnest($2::text[], $3::text[]) e(person, team)
		WHERE m.app = $1 AND m.person = e.person AND m.team = e.team`, app, people, teams)
}

func ends(edges []provision.Edge) (people, teams []string) {
	for _, e := range edges {
		people, teams = append(people, e.Person), append(teams, e.Team)
	}
	return people, teams
}

// Owners implements provision.AccountTx.
func (tx *Tx) Owners(ctx context.Context, app string, remoteIDs []string) (map[string]string, error) {
	out := make(map[string]string, len(remoteIDs))
	err := tx.rows(ctx, func(r pgx.Rows) error {
		var remote, person string
		err := r.Scan(&remote, &person)
		out[remote] = person
		return err
	}, `SELECT remote_id, person FROM accounts WHERE app = $1 AND remote_id <> '' AND remote_id = ANY($2)`, app, remoteIDs)
	return out, err
}

// NextRetry implements provision.AccountTx.
func (tx *Tx) NextRetry(ctx context.Context, app string, people []string, after time.Time) (time.Time, error) {
	var next sql.NullInt64
	_, err := tx.row(ctx, []any{&next}, `SELECT min(t) FROM (
		SELECT min(retry_at) AS t FROM accounts WHERE app = $1 AND due AND parked = ''
			AND retry_at > $2 AND ($3::text[] IS NULL OR person = ANY($3))
		UNION ALL SELECT min(retry_at) FROM accounts WHERE app = $1 AND observe AND parked = ''
			AND retry_at > $2 AND ($3::text[] IS NULL OR person = ANY($3))
		UNION ALL SELECT min(retry_at) FROM app_groups WHERE app = $1 AND parked = '' AND retry_at > $2) r`, app, after.UnixMicro(), people)
	return instant(next), err
}

// MarkedSince implements provision.AccountTx.
func (tx *Tx) MarkedSince(ctx context.Context, app string, after time.Time) (due bool, err error) {
	_, err = tx.row(ctx, []any{&due}, `SELECT coalesce(marked_at > $1, false) FROM apps WHERE name = $2`, stamp(after), app)
	return due, err
}

// MarkApp implements provision.AppTx.
func (tx *Tx) MarkApp(ctx context.Context, app string) error {
	err := tx.exec(ctx, `INSERT INTO accounts AS a (app, person, due_at, out)
		SELECT $1, id, $2, state NOT IN ('active', 'on_leave', 'missing') FROM people WHERE true
		ON CONFLICT (app, person) DO UPDATE SET due = true, due_at = excluded.due_at, version = a.version + 1, parked = '',
			retry_at = CASE WHEN a.observe AND a.parked = '' THEN a.retry_at END`, // a look-up before its time would find nothing
		app, stamp(tx.now))
	if err := errors.Join(err, tx.marked(ctx, app)); err != nil {
		return err
	}
	return tx.exec(ctx, `UPDATE app_groups SET parked = '', retry_at = NULL WHERE app = $1`, app)
}

// Wake implements provision.AppTx.
func (tx *Tx) Wake(ctx context.Context, app string, now time.Time) error {
	n, err := tx.touched(ctx, `UPDATE accounts SET due = true, due_at = $1, version = version + 1, wake_at = NULL
		WHERE app = $2 AND wake_at <= $3`, stamp(tx.now), app, stamp(now))
	if err != nil || n == 0 {
		return err
	}
	return tx.marked(ctx, app)
}

// marked notes that somebody was marked at an app, or with "" at all of them.
func (tx *Tx) marked(ctx context.Context, app string) error {
	if tx.noted[app] {
		return nil
	}
	err := tx.exec(ctx, `UPDATE apps SET marked_at = $1 WHERE $2 = '' OR name = $2`, stamp(tx.now), app)
	if err == nil && tx.noted != nil {
		tx.noted[app] = true
	}
	return err
}

// MarkPeople implements provision.AppTx.
func (tx *Tx) MarkPeople(ctx context.Context, app string, people []string) error {
	err := tx.exec(ctx, `UPDATE accounts SET due = true, due_at = $1, version = version + 1 WHERE app = $2 AND person = ANY($3)`, stamp(tx.now), app, people)
	if err != nil {
		return err
	}
	return tx.marked(ctx, app)
}

// MarkTeams implements provision.AppTx.
func (tx *Tx) MarkTeams(ctx context.Context, app string, teams []string) error {
	if len(teams) == 0 {
		return nil
	}
	err := tx.exec(ctx, `UPDATE accounts SET due = true, due_at = CASE WHEN due THEN due_at ELSE $1 END, version = version + 1
		WHERE app = $2 AND person IN (SELECT person FROM team_members WHERE team = ANY($3))`, stamp(tx.now), app, teams)
	if err != nil {
		return err
	}
	return tx.marked(ctx, app)
}
