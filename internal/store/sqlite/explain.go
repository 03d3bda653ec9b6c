// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/usher-id/usher/internal/provision"
)

const entryColumns = `j.id, j.kind, j.at, j.request_id, j.result, j.status, j.detail, j.done_at, j.verified, j.ops`

func scanEntry(r *sql.Rows) (e provision.Entry, err error) {
	var at, done, status sql.NullInt64
	var result, detail sql.NullString
	var ops string
	err = r.Scan(&e.ID, &e.Kind, &at, &e.RequestID, &result, &status, &detail, &done, &e.Verified, &ops)
	if err != nil {
		return e, err
	}
	e.At, e.DoneAt, e.Status = instant(at), instant(done), int(status.Int64)
	e.Result, e.Detail = provision.Result(result.String), detail.String
	return e, json.Unmarshal([]byte(ops), &e.Ops)
}

// Entries implements provision.Reader.
func (tx *Tx) Entries(ctx context.Context, app, person string, limit int) (out []provision.Entry, err error) {
	err = tx.rows(ctx, func(r *sql.Rows) error {
		e, err := scanEntry(r)
		out = append(out, e)
		return err
	}, `SELECT `+entryColumns+` FROM journal j WHERE app = ? AND person = ? AND person <> '' ORDER BY id DESC LIMIT ?`, app, person, limit)
	return out, err
}

// EntriesThat implements provision.JournalTx.
func (tx *Tx) EntriesThat(ctx context.Context, ended provision.Result, app, person string, limit int) (out []provision.Entry, err error) {
	err = tx.rows(ctx, func(r *sql.Rows) error {
		e, err := scanEntry(r)
		out = append(out, e)
		return err
	}, `SELECT `+entryColumns+` FROM journal j WHERE app = ? AND person = ? AND person <> '' AND result = ? ORDER BY id DESC LIMIT ?`, app, person, ended, limit)
	return out, err
}

// MemberEntry implements provision.Reader.
func (tx *Tx) MemberEntry(ctx context.Context, app, person, team string) (e provision.Entry, found bool, err error) {
	err = tx.rows(ctx, func(r *sql.Rows) error {
		found = true
		var err error
		e, err = scanEntry(r)
		return err
	}, `SELECT `+entryColumns+` FROM app_members m JOIN journal j ON j.id = m.journal WHERE m.app = ? AND m.person = ? AND m.team = ?`, app, person, team)
	return e, found, err
}
