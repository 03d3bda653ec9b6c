// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/usher-id/usher/internal/request"
)

// Requests is the store as the hand-over of requests declares it.
func (db *DB) Requests() request.Store { return requests{db} }

type requests struct{ db *DB }

const requestColumns = `id, kind, args, actor, at, taken_at, done_at, document, error`

func scanRequest(r *sql.Rows) (q request.Request, err error) {
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

// Leave is the one write that needs no lock, and is none but this: it makes the
// engine wait for one row.
func (s requests) Leave(ctx context.Context, r request.Request) (id int64, err error) {
	w := s.db.writer
	if err := w.turn.take(ctx); err != nil {
		return 0, err
	}
	defer w.turn.give()
	tx, err := w.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			_ = w.rollback() // the error says more
		}
	}()
	var open int
	if _, err = tx.row(ctx, []any{&open}, `SELECT count(*) FROM requests INDEXED BY requests_open WHERE done_at IS NULL`); err != nil {
		return 0, err
	}
	if open >= request.MaxOpen {
		return 0, request.ErrMany
	}
	id, err = tx.insert(ctx, `INSERT INTO requests (kind, args, actor, at) VALUES (?,?,?,?)`, r.Kind, string(r.Args), r.Actor, stamp(tx.now))
	if err != nil {
		return 0, err
	}
	return id, w.tx.Commit()
}

func (s requests) Find(ctx context.Context, id int64) (r request.Request, found bool, err error) {
	err = s.db.view(ctx, func(tx *Tx) error {
		return tx.rows(ctx, func(row *sql.Rows) (err error) {
			found = true
			r, err = scanRequest(row)
			return err
		}, `SELECT `+requestColumns+` FROM requests WHERE id = ?`, id)
	})
	return r, found, err
}

func (s requests) list(ctx context.Context, view func(context.Context, func(*Tx) error) error, query string, args ...any) (out []request.Request, err error) {
	err = view(ctx, func(tx *Tx) error {
		return tx.rows(ctx, func(row *sql.Rows) error {
			r, err := scanRequest(row)
			out = append(out, r)
			return err
		}, query, args...)
	})
	return out, err
}

func (s requests) Open(ctx context.Context) ([]request.Request, error) {
	return s.list(ctx, s.db.view, `SELECT `+requestColumns+` FROM requests INDEXED BY requests_open WHERE done_at IS NULL ORDER BY id`)
}

func (s requests) Take(ctx context.Context, limit int) ([]request.Request, error) {
	const waiting = ` FROM requests INDEXED BY requests_waiting WHERE taken_at IS NULL AND done_at IS NULL ORDER BY id LIMIT ?`
	// A look costs no write.
	out, err := s.list(ctx, s.db.view, `SELECT `+requestColumns+waiting, limit)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	err = s.db.update(ctx, func(tx *Tx) error {
		for i := range out {
			out[i].Taken = tx.now
			if err := tx.exec(ctx, `UPDATE requests SET taken_at = ? WHERE id = ?`, stamp(tx.now), out[i].ID); err != nil {
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
		res, err := tx.run(ctx, `UPDATE requests SET done_at = ?, document = ?, error = ? WHERE id = ? AND done_at IS NULL`, stamp(tx.now), text, failure, id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("store: request %d has an outcome already, or is not there: %w", id, err)
		}
		return nil
	})
}

func (s requests) Prune(ctx context.Context, before time.Time, most int) error {
	return s.db.update(ctx, func(tx *Tx) error {
		return tx.exec(ctx, `DELETE FROM requests WHERE done_at IS NOT NULL AND (done_at < ?1 OR id NOT IN
			(SELECT id FROM requests WHERE done_at IS NOT NULL ORDER BY done_at DESC, id DESC LIMIT ?2))`, stamp(before), most)
	})
}
