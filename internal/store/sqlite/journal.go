// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

// PutIntents implements provision.JournalTx.
func (tx *Tx) PutIntents(ctx context.Context, fence int64, intents []*provision.Intent) error {
	const query = `INSERT INTO journal (app, kind, person, team, remote, attempt, ops, at, fence) VALUES (?,?,?,?,?,?,?,?,?)`
	for _, in := range intents {
		ops, err := provision.AppendOps(nil, in.Ops)
		if err != nil {
			return err
		}
		in.ID, err = tx.insert(ctx, query, in.App, in.Kind, in.Person, in.Team, in.Remote, in.Attempt, string(ops), stamp(in.At), fence)
		if err != nil {
			return err
		}
	}
	return nil
}

// PutOutcomes implements provision.JournalTx.
func (tx *Tx) PutOutcomes(ctx context.Context, outcomes []provision.Outcome) error {
	for _, o := range outcomes {
		err := tx.exec(ctx, `UPDATE journal SET result = ?, status = ?, detail = ?, done_at = ?, verified = ?, elapsed = ?, request_id = ?,
			remote = CASE WHEN ? <> '' THEN ? ELSE remote END WHERE id = ?`,
			o.Result, o.Status, o.Detail, stamp(tx.now), o.Verified, o.Elapsed.Microseconds(), o.Intent.RequestID(), o.Remote, o.Remote, o.Intent.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// Confirm implements provision.JournalTx.
func (tx *Tx) Confirm(ctx context.Context, entries []int64) error {
	for _, id := range entries {
		if err := tx.exec(ctx, `UPDATE journal SET verified = 1 WHERE id = ?`, id); err != nil {
			return err
		}
	}
	return nil
}

// OpenIntents implements provision.JournalTx.
func (tx *Tx) OpenIntents(ctx context.Context, app string) ([]*provision.Intent, error) {
	var out []*provision.Intent
	err := tx.rows(ctx, func(r *sql.Rows) error {
		in := &provision.Intent{App: app}
		var ops string
		var at sql.NullInt64
		if err := r.Scan(&in.ID, &in.Kind, &in.Person, &in.Team, &in.Remote, &in.Attempt, &ops, &at, &in.Answered); err != nil {
			return err
		}
		in.At = instant(at)
		out = append(out, in)
		return json.Unmarshal([]byte(ops), &in.Ops)
	}, `SELECT id, kind, person, team, remote, attempt, ops, at, result IS NOT NULL FROM journal
		WHERE app = ? AND (result IS NULL OR result = 'ambiguous') ORDER BY id`, app)
	return out, err
}

// DoneOps implements provision.JournalTx.
func (tx *Tx) DoneOps(ctx context.Context, since time.Time) (map[string]bool, error) {
	out := map[string]bool{}
	err := tx.rows(ctx, func(r *sql.Rows) error {
		var id string
		err := r.Scan(&id)
		out[id] = true
		return err
	}, `SELECT o.value ->> 'id' FROM journal j, json_each(j.ops) o WHERE j.done_at >= ? AND j.result = 'done'`, stamp(since))
	return out, err
}

// PutHolds implements provision.GuardTx.
func (tx *Tx) PutHolds(ctx context.Context, door, app string, holds []provision.Hold) error {
	since, err := tx.HeldSince(ctx) // the same set is the same hold, however often it is found
	if err != nil {
		return err
	}
	if err := tx.exec(ctx, `DELETE FROM holds WHERE door = ?1 AND (?2 = '' OR app = ?2)`, door, app); err != nil {
		return err
	}
	for _, h := range holds {
		at, ok := since[h.ID]
		if !ok {
			at = tx.now
		}
		err := tx.exec(ctx, `INSERT INTO holds (door, app, id, cause, count, most, reason, since) VALUES (?,?,?,?,?,?,?,?)`,
			door, h.App, h.ID, h.Cause, h.Count, h.Limit, h.Reason, stamp(at))
		if err != nil {
			return err
		}
	}
	return nil
}

// Holds implements provision.GuardTx.
func (tx *Tx) Holds(ctx context.Context) ([]provision.Hold, error) {
	var out []provision.Hold
	err := tx.rows(ctx, func(r *sql.Rows) error {
		var h provision.Hold
		err := r.Scan(&h.ID, &h.App, &h.Cause, &h.Count, &h.Limit, &h.Reason)
		out = append(out, h)
		return err
	}, `SELECT id, app, cause, count, most, reason FROM holds ORDER BY app, cause, id, door`)
	return out, err
}

// Passed implements provision.GuardTx.
func (tx *Tx) Passed(ctx context.Context, app string, since time.Time) (n int, err error) {
	_, err = tx.row(ctx, []any{&n}, `SELECT coalesce(sum(n), 0) FROM guard_passed WHERE app = ? AND at > ? AND cause NOT IN (?, ?)`,
		app, stamp(since), directory.CauseTermination, directory.CauseRevoked)
	return n, err
}

// Terminated implements provision.GuardTx.
func (tx *Tx) Terminated(ctx context.Context, app string, cause directory.Cause, since time.Time) (n int, err error) {
	_, err = tx.row(ctx, []any{&n}, `SELECT coalesce(sum(n), 0) FROM guard_passed WHERE app = ? AND at > ? AND cause = ?`, app, stamp(since), cause)
	return n, err
}

// AddPassed implements provision.GuardTx.
func (tx *Tx) AddPassed(ctx context.Context, app string, cause directory.Cause, n int) error {
	return tx.exec(ctx, `INSERT INTO guard_passed (app, cause, n, at) VALUES (?,?,?,?)`, app, cause, n, stamp(tx.now))
}
