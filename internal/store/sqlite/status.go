// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
)

// PutTrouble implements source.Tx.
func (tx *Tx) PutTrouble(ctx context.Context, name, what string) error {
	if what == "" {
		return tx.exec(ctx, `DELETE FROM source_trouble WHERE source = ?`, name)
	}
	return tx.exec(ctx, `INSERT INTO source_trouble (source, what, since, at, tries) VALUES (?1,?2,?3,?3,1)
		ON CONFLICT (source) DO UPDATE SET what = excluded.what, at = excluded.at, tries = tries + 1`, name, what, stamp(tx.now))
}

// States implements source.Reader.
func (tx *Tx) States(ctx context.Context) ([]source.State, error) {
	var out []source.State
	err := tx.rows(ctx, func(r *sql.Rows) error {
		var s source.State
		var at, since, tried sql.NullInt64
		err := r.Scan(&s.Source, &s.File, &at, &s.Complete, &s.Reason, &s.Replay, &s.Rows, &s.Rejected, &s.Trouble, &since, &tried, &s.Tries)
		s.Read, s.Since, s.Tried = instant(at), instant(since), instant(tried)
		out = append(out, s)
		return err
	}, `SELECT n.source, coalesce(r.file, ''), r.at, coalesce(r.complete, 0), coalesce(r.reason, ''), coalesce(r.replay, 0), coalesce(r.rows, 0),
		(SELECT count(*) FROM source_rejects j WHERE j.source = n.source), coalesce(t.what, ''), t.since, t.at, coalesce(t.tries, 0)
		FROM (SELECT source FROM source_reads UNION SELECT source FROM source_trouble) n
		LEFT JOIN source_reads r ON r.source = n.source LEFT JOIN source_trouble t ON t.source = n.source ORDER BY n.source`)
	return out, err
}

// Ahead implements directory.Reader.
func (tx *Tx) Ahead(ctx context.Context, until time.Time, limit int) (out []*directory.Person, err error) {
	err = tx.rows(ctx, func(r *sql.Rows) error {
		p, err := scanPerson(r)
		out = append(out, p)
		return err
	}, `SELECT `+personColumns+` FROM people WHERE next_at IS NOT NULL AND next_at <= ? ORDER BY next_at, id LIMIT ?`, stamp(until), limit)
	return out, err
}

// NextDate implements directory.Reader.
func (tx *Tx) NextDate(ctx context.Context, after time.Time) (time.Time, error) {
	var at sql.NullInt64
	_, err := tx.row(ctx, []any{&at}, `SELECT min(next_at) FROM people WHERE next_at IS NOT NULL AND next_at > ?`, stamp(after))
	return instant(at), err
}

// Backlog implements provision.HealthReader.
func (tx *Tx) Backlog(ctx context.Context, app string, now time.Time) (b provision.Backlog, err error) {
	var retry, oldest sql.NullInt64
	_, err = tx.row(ctx, []any{&b.Due, &b.Retrying, &retry, &oldest}, `SELECT count(*), count(CASE WHEN retry_at > ?2 THEN 1 END),
		min(CASE WHEN retry_at > ?2 THEN retry_at END), min(due_at)
		FROM accounts INDEXED BY accounts_due WHERE app = ?1 AND due = 1 AND parked = ''`, app, stamp(now))
	b.Retry, b.Oldest = instant(retry), instant(oldest)
	return b, err
}

// ParkedReasons implements provision.HealthReader.
func (tx *Tx) ParkedReasons(ctx context.Context, app string, limit int) (out []provision.ParkedReason, err error) {
	err = tx.rows(ctx, func(r *sql.Rows) error {
		var p provision.ParkedReason
		var since sql.NullInt64
		err := r.Scan(&p.Reason, &p.Count, &since)
		p.Since = instant(since)
		out = append(out, p)
		return err
	}, `SELECT s.parked, count(*), min(j.done_at) FROM (
		SELECT parked, journal FROM accounts INDEXED BY accounts_parked WHERE app = ?1 AND parked <> ''
		UNION ALL SELECT parked, journal FROM app_groups WHERE app = ?1 AND parked <> '') s
		LEFT JOIN journal j ON j.id = s.journal GROUP BY s.parked ORDER BY count(*) DESC, s.parked LIMIT ?2`, app, limit)
	return out, err
}

// HeldSince implements provision.HealthReader.
func (tx *Tx) HeldSince(ctx context.Context) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	err := tx.rows(ctx, func(r *sql.Rows) error {
		var id string
		var since sql.NullInt64
		err := r.Scan(&id, &since)
		out[id] = instant(since)
		return err
	}, `SELECT id, min(since) FROM holds GROUP BY id`)
	return out, err
}

// Waking implements provision.HealthReader.
func (tx *Tx) Waking(ctx context.Context, until time.Time, limit int) (out []provision.Waking, err error) {
	err = tx.rows(ctx, func(r *sql.Rows) (err error) {
		var w provision.Waking
		var at sql.NullInt64
		w.Person, err = scanPerson(r, &w.App, &at)
		w.At = instant(at)
		out = append(out, w)
		return err
	}, `SELECT `+personOf+`, a.app, a.wake_at
		FROM apps s CROSS JOIN accounts a INDEXED BY accounts_wake ON a.app = s.name AND a.wake_at IS NOT NULL AND a.wake_at <= ?
		JOIN people p ON p.id = a.person ORDER BY a.wake_at, a.app, a.person LIMIT ?`, stamp(until), limit)
	return out, err
}

// LiveAt implements provision.HealthReader.
func (tx *Tx) LiveAt(ctx context.Context, people []string) (map[string][]string, error) {
	in, err := list(people)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	err = tx.rows(ctx, func(r *sql.Rows) error {
		var person, app string
		err := r.Scan(&person, &app)
		out[person] = append(out[person], app)
		return err
	}, `SELECT person, app FROM accounts INDEXED BY accounts_person WHERE person IN (SELECT value FROM json_each(?)) AND state = 'live' ORDER BY person, app`, in)
	return out, err
}
