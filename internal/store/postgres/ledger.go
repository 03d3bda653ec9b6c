// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"

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
	if tx.noted != nil {
		tx.events = append(tx.events, sealed...)
		return nil
	}
	return tx.putEvents(ctx, sealed)
}

// putEvents numbers events in their order: one writer at a time makes the order of ids
// that of commits.
func (tx *Tx) putEvents(ctx context.Context, sealed []audit.Sealed) error {
	if len(sealed) == 0 {
		return nil
	}
	n := len(sealed)
	at, kind, digest := make([]int64, n), make([]string, n), make([][]byte, n)
	person, salt, payload := make([]string, n), make([][]byte, n), make([]string, n)
	for i := range sealed {
		s := &sealed[i]
		at[i], kind[i], digest[i] = s.At.UnixMicro(), s.Kind, s.Digest[:]
		person[i], salt[i], payload[i] = s.Person, s.Salt, string(s.Payload)
	}
	return tx.exec(ctx, `WITH told AS (SELECT nextval(pg_get_serial_sequence('ledger', 'id')) AS id, e.* FROM
		(SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::text[], $5::bytea[], $6::text[])
			WITH ORDINALITY e(at, kind, digest, person, salt, payload, n) ORDER BY n) e),
		put AS (INSERT INTO ledger (id, at, kind, digest) SELECT id, at, kind, digest FROM told)
		INSERT INTO ledger_payloads (event, person, salt, payload) SELECT id, person, salt, payload FROM told`,
		at, kind, digest, person, salt, payload)
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
		return tx.rows(ctx, func(r pgx.Rows) error {
			e, err := scanEnvelope(r)
			out = append(out, e)
			return err
		}, `SELECT id, at, kind, digest FROM ledger WHERE id > coalesce((SELECT event FROM ledger_chain ORDER BY seq DESC LIMIT 1), 0) ORDER BY id LIMIT $1`, limit)
	})
	return out, err
}

func scanEnvelope(r pgx.Rows) (e audit.Envelope, err error) {
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
		seq, event, hash := make([]int64, len(links)), make([]int64, len(links)), make([][]byte, len(links))
		for i := range links {
			seq[i], event[i], hash[i] = links[i].Seq, links[i].Event, links[i].Hash[:]
		}
		return tx.exec(ctx, `INSERT INTO ledger_chain (seq, event, hash) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])`, seq, event, hash)
	})
}

func (c chain) Chained(ctx context.Context, seq int64, limit int) (out []audit.Entry, err error) {
	err = c.db.view(ctx, func(tx *Tx) error {
		return tx.rows(ctx, func(r pgx.Rows) error {
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
			WHERE c.seq > $1 ORDER BY c.seq LIMIT $2`, seq, limit)
	})
	return out, err
}
