// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/request"
)

// Requests is the store as the hand-over of requests declares it.
func (db *DB) Requests() request.Store { return requests{db} }

type requests struct{ db *DB }

const requestColumns = `id, kind, args, actor, at, taken_at, done_at, document, error`

func scanRequest(r pgx.Rows) (q request.Request, err error) {
	var at, taken, done sql.NullInt64
	var args string
	var document sql.NullString
	err = r.Scan(&q.ID, &q.Kind, &args, &q.Actor, &at, &taken, &done, &document, &q.Error)
	q.Args, q.At, q.Taken, q.Done = []byte(args), instant(at), instant(taken), instant(done)
	if document.Valid {
		q.Document = []byte(document.String)
	}
	return q, err
}

// Leave is the one write that needs no engine: it makes the engine wait for nothing. Who
// leaves one waits for others who do, so that there are never too many.
func (s requests) Leave(ctx context.Context, r request.Request) (id int64, err error) {
	err = s.db.write(ctx, func(tx *Tx) error {
		if err := tx.exec(ctx, `SELECT pg_advisory_xact_lock(`+leaveKeys+`)`); err != nil {
			return err
		}
		var open int
		if _, err := tx.row(ctx, []any{&open}, `SELECT count(*) FROM requests WHERE done_at IS NULL`); err != nil {
			return err
		}
		if open >= request.MaxOpen {
			return request.ErrMany
		}
		id, err = tx.insert(ctx, `INSERT INTO requests (kind, args, actor, at) VALUES ($1,$2,$3,$4) RETURNING id`, r.Kind, string(r.Args), r.Actor, stamp(tx.now))
		return err
	})
	return id, err
}

// leaveKeys are as those of the engine's lock, and another's.
const leaveKeys = "1970497651, hashtext(current_schema())"

func (s requests) Find(ctx context.Context, id int64) (r request.Request, found bool, err error) {
	err = s.db.view(ctx, func(tx *Tx) error {
		return tx.rows(ctx, func(row pgx.Rows) (err error) {
			found = true
			r, err = scanRequest(row)
			return err
		}, `SELECT `+requestColumns+` FROM requests WHERE id = $1`, id)
	})
	return r, found, err
}

func (s requests) list(ctx context.Context, view func(context.Context, func(*Tx) error) error, query string, args ...any) (out []request.Request, err error) {
	err = view(ctx, func(tx *Tx) error {
		return tx.rows(ctx, func(row pgx.Rows) error {
			r, err := scanRequest(row)
			out = append(out, r)
			return err
		}, query, args...)
	})
	return out, err
}

func (s requests) Open(ctx context.Context) ([]request.Request, error) {
	return s.list(ctx, s.db.view, `SELECT `+requestColumns+` FROM requests WHERE done_at IS NULL ORDER BY id`)
}

func (s requests) Take(ctx context.Context, limit int) ([]request.Request, error) {
	const waiting = ` FROM requests WHERE taken_at IS NULL AND done_at IS NULL ORDER BY id LIMIT $1`
	// A look costs no write.
	out, err := s.list(ctx, s.db.view, `SELECT `+requestColumns+waiting, limit)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	err = s.db.update(ctx, func(tx *Tx) error {
		for i := range out {
			out[i].Taken = tx.now
			if err := tx.exec(ctx, `UPDATE requests SET taken_at = $1 WHERE id = $2`, stamp(tx.now), out[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil { // not taken: whoever carried it out would do so again and again
		return nil, err
	}
	return out, nil
}

func (s requests) Finish(ctx context.Context, id int64, document []byte, failure string) error {
	var text any
	if document != nil {
		text = string(document)
	}
	return s.db.update(ctx, func(tx *Tx) error {
		n, err := tx.touched(ctx, `UPDATE requests SET done_at = $1, document = $2, error = $3 WHERE id = $4 AND done_at IS NULL`, stamp(tx.now), text, failure, id)
		if err == nil && n != 1 {
			err = fmt.Errorf("store: request %d has an outcome already, or is not there", id)
		}
		return err
	})
}

func (s requests) Prune(ctx context.Context, before time.Time, most int) error {
	return s.db.update(ctx, func(tx *Tx) error {
		return tx.exec(ctx, `DELETE FROM requests WHERE done_at IS NOT NULL AND (done_at < $1 OR id NOT IN
			(SELECT id FROM requests WHERE done_at IS NOT NULL ORDER BY done_at DESC, id DESC LIMIT $2))`, stamp(before), most)
	})
}
