// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

// PutIntents implements provision.JournalTx.
func (tx *Tx) PutIntents(ctx context.Context, fence int64, intents []*provision.Intent) error {
	all := make([]string, len(intents))
	for i, in := range intents {
		ops, err := provision.AppendOps(nil, in.Ops)
		if err != nil {
			return err
		}
		all[i] = string(ops)
	}
	return tx.send(ctx, len(intents), func(i int) (string, []any) {
		in := intents[i]
		return `INSERT INTO journal (app, kind, person, team, remote, attempt, ops, at, fence) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) RETURNING id`,
			[]any{in.App, in.Kind, in.Person, in.Team, in.Remote, in.Attempt, all[i], stamp(in.At), fence}
	}, func(i int, results pgx.BatchResults) error { return results.QueryRow().Scan(&intents[i].ID) })
}

// PutOutcomes implements provision.JournalTx.
func (tx *Tx) PutOutcomes(ctx context.Context, outcomes []provision.Outcome) error {
	for _, o := range outcomes {
		err := tx.exec(ctx, `UPDATE journal SET result = $1, status = $2, detail = $3, done_at = $4, verified = $5, elapsed = $6, request_id = $7,
			remote = CASE WHEN $8 <> '' THEN $8 ELSE remote END WHERE id = $9`,
			o.Result, o.Status, o.Detail, stamp(tx.now), o.Verified, o.Elapsed.Microseconds(), o.Intent.RequestID(), o.Remote, o.Intent.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// Confirm implements provision.JournalTx.
func (tx *Tx) Confirm(ctx context.Context, entries []int64) error {
	if len(entries) == 0 {
		return nil
	}
	return tx.exec(ctx, `UPDATE journal SET verified = true WHERE id = ANY($1)`, entries)
}

// OpenIntents implements provision.JournalTx.
func (tx *Tx) OpenIntents(ctx context.Context, app string) ([]*provision.Intent, error) {
	var out []*provision.Intent
	err := tx.rows(ctx, func(r pgx.Rows) error {
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
		WHERE app = $1 AND (result IS NULL OR result = 'ambiguous') ORDER BY id`, app)
	return out, err
}

// DoneOps implements provision.JournalTx.
func (tx *Tx) DoneOps(ctx context.Context, since time.Time) (map[string]bool, error) {
	out := map[string]bool{}
	err := tx.rows(ctx, func(r pgx.Rows) error {
		var ops []byte
		if err := r.Scan(&ops); err != nil {
			return err
		}
		var done []struct {
			ID string `json:"id"`
		}
		err := json.Unmarshal(ops, &done)
		for _, o := range done {
			out[o.ID] = true
		}
		return err
	}, `SELECT ops FROM journal WHERE done_at >= $1 AND result = 'done'`, stamp(since))
	return out, err
}

// PutHolds implements provision.GuardTx.
func (tx *Tx) PutHolds(ctx context.Context, door, app string, holds []provision.Hold) error {
	since, err := tx.HeldSince(ctx) // the same set is the same hold, however often it is found
	if err != nil {
		return err
	}
	if err := tx.exec(ctx, `DELETE FROM holds WHERE door = $1 AND ($2::text = '' OR app = $2)`, door, app); err != nil {
		return err
	}
	for _, h := range holds {
		at, ok := since[h.ID]
		if !ok {
			at = tx.now
		}
		err := tx.exec(ctx, `INSERT INTO holds (door, app, id, cause, count, most, reason, since) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
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
	err := tx.rows(ctx, func(r pgx.Rows) error {
		var h provision.Hold
		err := r.Scan(&h.ID, &h.App, &h.Cause, &h.Count, &h.Limit, &h.Reason)
		out = append(out, h)
		return err
	}, `SELECT id, app, cause, count, most, reason FROM holds ORDER BY app, cause, id, door`)
	return out, err
}

// Passed implements provision.GuardTx.
func (tx *Tx) Passed(ctx context.Context, app string, since time.Time) (n int, err error) {
	_, err = tx.row(ctx, []any{&n}, `SELECT coalesce(sum(n), 0)::bigint FROM guard_passed WHERE app = $1 AND at > $2 AND cause NOT IN ($3, $4)`,
		app, stamp(since), directory.CauseTermination, directory.CauseRevoked)
	return n, err
}

// Terminated implements provision.GuardTx.
func (tx *Tx) Terminated(ctx context.Context, app string, cause directory.Cause, since time.Time) (n int, err error) {
	_, err = tx.row(ctx, []any{&n}, `SELECT coalesce(sum(n), 0)::bigint FROM guard_passed WHERE app = $1 AND at > $2 AND cause = $3`, app, stamp(since), cause)
	return n, err
}

// AddPassed implements provision.GuardTx.
func (tx *Tx) AddPassed(ctx context.Context, app string, cause directory.Cause, n int) error {
	return tx.exec(ctx, `INSERT INTO guard_passed (app, cause, n, at) VALUES ($1,$2,$3,$4)`, app, cause, n, stamp(tx.now))
}
