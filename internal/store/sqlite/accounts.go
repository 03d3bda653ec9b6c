// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

const accountColumns = `a.remote_id, a.state, a.sent, a.since, a.due, a.version, a.parked, a.attempts, a.retry_at, a.observe, a.last, a.journal, a.begun, a.late_until`

// Subjects implements provision.AccountTx.
func (tx *Tx) Subjects(ctx context.Context, q provision.Query) ([]provision.Subject, error) {
	query := `SELECT ` + personOf + `, ` + accountColumns + `
		FROM accounts a` + indexFor(q) + ` JOIN people p ON p.id = a.person WHERE a.app = ? AND a.person > ?`
	args := []any{q.App, q.After}
	if q.People != nil {
		in, err := list(q.People)
		if err != nil {
			return nil, err
		}
		query += ` AND a.person IN (SELECT value FROM json_each(?))`
		args = append(args, in)
	}
	if q.Parked {
		query += ` AND a.parked <> ''`
	}
	if q.Due {
		query += ` AND a.due = 1`
	}
	if q.Out {
		query += ` AND a.out = 1 AND a.due_at > ?`
		args = append(args, stamp(q.Since))
	}
	if q.Observe {
		query += ` AND a.observe = 1`
	}
	if q.Due || q.Observe {
		query += ` AND a.parked = '' AND (a.retry_at IS NULL OR a.retry_at <= ?)`
		args = append(args, stamp(q.Now))
	}
	if q.Due && !q.Observe { // what is not known must be looked up first
		query += ` AND a.observe = 0`
	}
	query += ` ORDER BY a.person LIMIT ?`
	args = append(args, q.Limit)
	subjects, err := tx.subjects(ctx, q.App, query, args)
	if err != nil || len(subjects) == 0 {
		return subjects, err
	}
	return subjects, errors.Join(tx.addTeams(ctx, subjects), tx.addMembers(ctx, q.App, subjects), tx.addRecords(ctx, q.Source, subjects))
}

// indexFor names the small index that holds just what is asked for. Left to
// itself, SQLite reads the wide primary key, which costs a quiet cycle the size
// of the app instead of the size of what is due.
func indexFor(q provision.Query) string {
	switch {
	case q.People != nil:
		return ""
	case q.Out:
		return ` INDEXED BY accounts_out`
	case q.Observe:
		return ` INDEXED BY accounts_observe`
	case q.Due:
		return ` INDEXED BY accounts_due`
	case q.Parked:
		return ` INDEXED BY accounts_parked`
	}
	return ""
}

func (tx *Tx) subjects(ctx context.Context, app, query string, args []any) ([]provision.Subject, error) {
	var out []provision.Subject
	err := tx.rows(ctx, func(r *sql.Rows) error {
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
	return tx.rows(ctx, func(r *sql.Rows) error {
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
		WHERE m.person BETWEEN ? AND ? ORDER BY m.person, t.id`, first, last)
}

func (tx *Tx) addMembers(ctx context.Context, app string, subjects []provision.Subject) error {
	first, last, at := between(subjects)
	return tx.rows(ctx, func(r *sql.Rows) error {
		var person, team string
		var journal int64
		if err := r.Scan(&person, &team, &journal); err != nil {
			return err
		}
		if i, ok := at[person]; ok {
			subjects[i].Members[team] = journal != provision.Unsure
		}
		return nil
	}, `SELECT person, team, journal FROM app_members WHERE app = ? AND person BETWEEN ? AND ?`, app, first, last)
}

// addRecords adds by what a source knows people: by records that it has still, and that
// stand for themselves.
func (tx *Tx) addRecords(ctx context.Context, source string, subjects []provision.Subject) error {
	if source == "" {
		return nil
	}
	first, last, at := between(subjects)
	return tx.rows(ctx, func(r *sql.Rows) error {
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
	}, `SELECT person, id, end_at FROM records INDEXED BY records_person WHERE person BETWEEN ? AND ? AND source = ? AND missing_at IS NULL AND alias = '' ORDER BY person, id`, first, last, source)
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
			err = tx.exec(ctx, `UPDATE accounts SET remote_id = ?, state = ?, sent = ?, since = ?, attempts = ?, retry_at = ?, last = ?, journal = ?, begun = ?, late_until = ?,
				due = CASE WHEN version = ?11 THEN 0 ELSE due END, due_at = CASE WHEN version = ?11 THEN NULL ELSE due_at END,
				wake_at = CASE WHEN version = ?11 THEN ?12 ELSE wake_at END WHERE app = ?13 AND person = ?14`,
				a.RemoteID, a.State, sent, stamp(a.Since), a.Attempts, stamp(a.RetryAt), a.Last, a.Journal, a.Begun, stamp(a.Late),
				a.Rest.Version, stamp(a.Rest.Wake), a.App, a.Person)
		case a.Steady: // leaves alone what half of the indexes stand on
			err = tx.exec(ctx, `UPDATE accounts SET remote_id = ?, state = ?, sent = ?, since = ?, attempts = ?, retry_at = ?, last = ?, journal = ?, begun = ?, late_until = ?
				WHERE app = ? AND person = ?`,
				a.RemoteID, a.State, sent, stamp(a.Since), a.Attempts, stamp(a.RetryAt), a.Last, a.Journal, a.Begun, stamp(a.Late), a.App, a.Person)
		default:
			err = tx.exec(ctx, `UPDATE accounts SET remote_id = ?, state = ?, sent = ?, since = ?, due = due OR ?,
				parked = CASE WHEN version = ? THEN ? ELSE parked END,
				attempts = ?, retry_at = ?, observe = ?, last = ?, journal = ?, begun = ?, late_until = ? WHERE app = ? AND person = ?`,
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
		err := tx.exec(ctx, `UPDATE accounts SET due = 0, due_at = NULL, wake_at = ? WHERE app = ? AND person = ? AND version = ?`,
			stamp(m.Wake), app, m.Person, m.Version)
		if err != nil {
			return err
		}
	}
	return nil
}

// PutEdges implements provision.AccountTx.
func (tx *Tx) PutEdges(ctx context.Context, app string, add, remove []provision.Edge, journal int64) error {
	err := inBulk(add, func(some []provision.Edge) error {
		args := make([]any, 0, 4*len(some))
		for _, e := range some {
			args = append(args, app, e.Person, e.Team, journal)
		}
		return tx.exec(ctx, rows(`INSERT INTO app_members (app, person, team, journal) VALUES `, `(?,?,?,?)`, len(some))+
			` ON CONFLICT (app, person, team) DO UPDATE SET journal = excluded.journal WHERE (journal = -1) <> (excluded.journal = -1)`, args...)
	})
	if err != nil {
		return err
	}
	for _, e := range remove {
		if err := tx.exec(ctx, `DELETE FROM app_members WHERE app = ? AND person = ? AND team = ?`, app, e.Person, e.Team); err != nil {
			return err
		}
	}
	return nil
}

// Owners implements provision.AccountTx.
func (tx *Tx) Owners(ctx context.Context, app string, remoteIDs []string) (map[string]string, error) {
	in, err := list(remoteIDs)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(remoteIDs))
	err = tx.rows(ctx, func(r *sql.Rows) error {
		var remote, person string
		err := r.Scan(&remote, &person)
		out[remote] = person
		return err
	}, `SELECT remote_id, person FROM accounts WHERE app = ? AND remote_id <> '' AND remote_id IN (SELECT value FROM json_each(?))`, app, in)
	return out, err
}

// NextRetry implements provision.AccountTx.
func (tx *Tx) NextRetry(ctx context.Context, app string, people []string, after time.Time) (time.Time, error) {
	var next sql.NullInt64
	var in any
	if people != nil {
		ids, err := list(people)
		if err != nil {
			return time.Time{}, err
		}
		in = ids
	}
	_, err := tx.row(ctx, []any{&next}, `SELECT min(t) FROM (
		SELECT min(retry_at) AS t FROM accounts INDEXED BY accounts_due WHERE app = ?1 AND due = 1 AND parked = ''
			AND retry_at > ?2 AND (?3 IS NULL OR person IN (SELECT value FROM json_each(?3)))
		UNION ALL SELECT min(retry_at) FROM accounts INDEXED BY accounts_observe WHERE app = ?1 AND observe = 1 AND parked = ''
			AND retry_at > ?2 AND (?3 IS NULL OR person IN (SELECT value FROM json_each(?3)))
		UNION ALL SELECT min(retry_at) FROM app_groups WHERE app = ?1 AND parked = '' AND retry_at > ?2)`, app, after.UnixMicro(), in)
	return instant(next), err
}

// MarkedSince implements provision.AccountTx.
func (tx *Tx) MarkedSince(ctx context.Context, app string, after time.Time) (due bool, err error) {
	_, err = tx.row(ctx, []any{&due}, `SELECT coalesce(marked_at > ?, 0) FROM apps WHERE name = ?`, stamp(after), app)
	return due, err
}

// MarkApp implements provision.AppTx.
func (tx *Tx) MarkApp(ctx context.Context, app string) error {
	err := tx.exec(ctx, `INSERT INTO accounts (app, person, due_at, out)
		SELECT ?1, id, ?2, state NOT IN ('active', 'on_leave', 'missing') FROM people WHERE true
		ON CONFLICT (app, person) DO UPDATE SET due = 1, due_at = excluded.due_at, version = version + 1, parked = '',
			retry_at = CASE WHEN observe = 1 AND parked = '' THEN retry_at END`, // a look-up before its time would find nothing
		app, stamp(tx.now))
	if err := errors.Join(err, tx.marked(ctx, app)); err != nil {
		return err
	}
	return tx.exec(ctx, `UPDATE app_groups SET parked = '', retry_at = NULL WHERE app = ?`, app)
}

// Wake implements provision.AppTx.
func (tx *Tx) Wake(ctx context.Context, app string, now time.Time) error {
	n, err := tx.touched(ctx, `UPDATE accounts SET due = 1, due_at = ?, version = version + 1, wake_at = NULL
		WHERE app = ? AND wake_at <= ?`, stamp(tx.now), app, stamp(now))
	if err != nil || n == 0 {
		return err
	}
	return tx.marked(ctx, app)
}

// marked notes that somebody was marked at an app, or with "" at all of them.
func (tx *Tx) marked(ctx context.Context, app string) error {
	if tx.late != nil && tx.late.noted[app] {
		return nil
	}
	err := tx.exec(ctx, `UPDATE apps SET marked_at = ?1 WHERE ?2 = '' OR name = ?2`, stamp(tx.now), app)
	if err == nil && tx.late != nil {
		tx.late.noted[app] = true
	}
	return err
}

// MarkPeople implements provision.AppTx.
func (tx *Tx) MarkPeople(ctx context.Context, app string, people []string) error {
	for _, p := range people {
		err := tx.exec(ctx, `UPDATE accounts SET due = 1, due_at = ?, version = version + 1 WHERE app = ? AND person = ?`, stamp(tx.now), app, p)
		if err != nil {
			return err
		}
	}
	return tx.marked(ctx, app)
}

// MarkTeams implements provision.AppTx.
func (tx *Tx) MarkTeams(ctx context.Context, app string, teams []string) error {
	in, err := list(teams)
	if err != nil || len(teams) == 0 {
		return err
	}
	err = tx.exec(ctx, `UPDATE accounts SET due = 1, due_at = CASE WHEN due = 1 THEN due_at ELSE ? END, version = version + 1 WHERE app = ? AND person IN
		(SELECT person FROM team_members WHERE team IN (SELECT value FROM json_each(?)))`, stamp(tx.now), app, in)
	return errors.Join(err, tx.marked(ctx, app))
}
