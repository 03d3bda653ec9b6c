// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-id/usher/internal/audit"
)

// AppendEvents implements audit.Appender.
func (tx *Tx) AppendEvents(ctx context.Context, events []audit.Event) error {
	for _, e := range events {
		sealed, err := audit.Seal(e)
		if err != nil {
			return err
		}
		id, err := tx.insert(ctx, `INSERT INTO ledger (at, kind, digest) VALUES (?,?,?)`, stamp(sealed.At), sealed.Kind, sealed.Digest[:])
		if err != nil {
			return err
		}
		err = tx.exec(ctx, `INSERT INTO ledger_payloads (event, person, salt, payload) VALUES (?,?,?,?)`,
			id, sealed.Person, sealed.Salt, string(sealed.Payload))
		if err != nil {
			return err
		}
	}
	return nil
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
		}, `SELECT id, at, kind, digest FROM ledger WHERE id > (SELECT coalesce(max(event), 0) FROM ledger_chain) ORDER BY id LIMIT ?`, limit)
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
		for _, l := range links {
			if err := tx.exec(ctx, `INSERT INTO ledger_chain (seq, event, hash) VALUES (?,?,?)`, l.Seq, l.Event, l.Hash[:]); err != nil {
				return err
			}
		}
		return nil
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
