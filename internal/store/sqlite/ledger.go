// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/usher-id/usher/internal/audit"
)

// AppendEvents implements audit.Appender.
func (tx *Tx) AppendEvents(ctx context.Context, events []audit.Event) error {
	sealed := make([]audit.Sealed, len(events))
	for i, e := range events {
		var err error
		if sealed[i], err = audit.Seal(e); err != nil {
			return err
		}
	}
	if tx.late != nil {
		tx.late.events = append(tx.late.events, sealed...)
		return nil
	}
	return tx.putEvents(ctx, sealed)
}

func (tx *Tx) putEvents(ctx context.Context, sealed []audit.Sealed) error {
	return inBulk(sealed, func(some []audit.Sealed) error {
		args := make([]any, 0, 3*len(some))
		for i := range some {
			args = append(args, stamp(some[i].At), some[i].Kind, some[i].Digest[:])
		}
		last, err := tx.insert(ctx, rows(`INSERT INTO ledger (at, kind, digest) VALUES `, `(?,?,?)`, len(some)), args...)
		if err != nil {
			return err
		}
		args = make([]any, 0, 4*len(some))
		for i := range some { // one writer: ids of one statement follow one another
			args = append(args, last-int64(len(some)-1-i), some[i].Person, some[i].Salt, string(some[i].Payload))
		}
		return tx.exec(ctx, rows(`INSERT INTO ledger_payloads (event, person, salt, payload) VALUES `, `(?,?,?,?)`, len(some)), args...)
	})
}

// bulk is how many rows one statement takes: a statement costs as much as a row. What is
// left is taken by halves, so that there are six statements to prepare and not thirty.
const bulk = 32

// inBulk calls fn with bulk rows as often as there are so many, and then with half as
// many as before.
func inBulk[T any](all []T, fn func(some []T) error) error {
	for n := bulk; len(all) > 0; {
		for n > len(all) {
			n /= 2
		}
		if err := fn(all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

// rows repeats a row of placeholders.
func rows(insert, row string, n int) string {
	return insert + row + strings.Repeat(","+row, n-1)
}

// errMoved says that somebody else chained in between.
var errMoved = errors.New("the ledger's head has moved: another sequencer is at work")

// chain serves audit.Store.
type chain struct{ db *DB }

func (c chain) Head(ctx context.Context) (l audit.Link, err error) {
	err = c.db.view(ctx, func(tx *Tx) error {
		l, err = tx.head(ctx)
		return err
	})
	return l, err
}

func (tx *Tx) head(ctx context.Context) (l audit.Link, err error) {
	var hash []byte
	_, err = tx.row(ctx, []any{&l.Seq, &l.Event, &hash}, `SELECT seq, event, hash FROM ledger_chain ORDER BY seq DESC LIMIT 1`)
	copy(l.Hash[:], hash)
	return l, err
}

// Unchained relies on one writer: the order of ids is the order of commits, so
// that whatever has no link lies behind the head.
func (c chain) Unchained(ctx context.Context, limit int) (out []audit.Envelope, err error) {
	err = c.db.view(ctx, func(tx *Tx) error {
		return tx.rows(ctx, func(r *sql.Rows) error {
			e, err := scanEnvelope(r)
			out = append(out, e)
			return err
		}, `SELECT id, at, kind, digest FROM ledger WHERE id > coalesce((SELECT event FROM ledger_chain ORDER BY seq DESC LIMIT 1), 0) ORDER BY id LIMIT ?`, limit)
	})
	return out, err
}

func scanEnvelope(r *sql.Rows) (e audit.Envelope, err error) {
	var at sql.NullInt64
	var digest []byte
	err = r.Scan(&e.ID, &at, &e.Kind, &digest)
	e.At = instant(at)
	copy(e.Digest[:], digest)
	return e, err
}

func (c chain) AppendLinks(ctx context.Context, head audit.Link, links []audit.Link) error {
	return c.db.update(ctx, func(tx *Tx) error {
		now, err := tx.head(ctx)
		if err != nil {
			return err
		}
		if now != head {
			return errMoved
		}
		return inBulk(links, func(some []audit.Link) error {
			args := make([]any, 0, 3*len(some))
			for i := range some {
				args = append(args, some[i].Seq, some[i].Event, some[i].Hash[:])
			}
			return tx.exec(ctx, rows(`INSERT INTO ledger_chain (seq, event, hash) VALUES `, `(?,?,?)`, len(some)), args...)
		})
	})
}

func (c chain) Chained(ctx context.Context, seq int64, limit int) (out []audit.Entry, err error) {
	err = c.db.view(ctx, func(tx *Tx) error {
		return tx.rows(ctx, func(r *sql.Rows) error {
			var e audit.Entry
			var hash []byte
			var payload sql.NullString
			var id sql.NullInt64
			var at sql.NullInt64
			var kind sql.NullString
			var digest []byte
			err := r.Scan(&e.Seq, &e.Link.Event, &hash, &id, &at, &kind, &digest, &e.Salt, &payload)
			copy(e.Hash[:], hash)
			e.Envelope.ID, e.At, e.Kind = id.Int64, instant(at), kind.String
			copy(e.Digest[:], digest)
			if payload.Valid {
				e.Payload = []byte(payload.String)
			}
			out = append(out, e)
			return err
		}, `SELECT c.seq, c.event, c.hash, l.id, l.at, l.kind, l.digest, p.salt, p.payload FROM ledger_chain c
			LEFT JOIN ledger l ON l.id = c.event LEFT JOIN ledger_payloads p ON p.event = c.event
			WHERE c.seq > ? ORDER BY c.seq LIMIT ?`, seq, limit)
	})
	return out, err
}
