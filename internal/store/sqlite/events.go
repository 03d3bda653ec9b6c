// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/usher-id/usher/internal/events"
)

// QueueEvents implements events.Queuer.
func (tx *Tx) QueueEvents(ctx context.Context, tokens []events.Queued) error {
	for _, q := range tokens {
		err := tx.exec(ctx, `INSERT INTO event_outbox (source, delivery, id, resource, at, claims) VALUES (?,?,?,?,?,?)`,
			q.Source, string(q.Delivery), q.ID, q.Resource, stamp(q.At), string(q.Claims))
		if err != nil {
			return err
		}
	}
	return nil
}

// QueuedEvents implements events.Tx.
func (tx *Tx) QueuedEvents(ctx context.Context, s events.Stream, limit int) (out []events.Queued, err error) {
	err = tx.rows(ctx, func(r *sql.Rows) error {
		q := events.Queued{Stream: s}
		var at sql.NullInt64
		var claims string
		err := r.Scan(&q.Seq, &q.ID, &q.Resource, &at, &claims)
		q.At, q.Claims = instant(at), []byte(claims)
		out = append(out, q)
		return err
	}, `SELECT seq, id, resource, at, claims FROM event_outbox INDEXED BY event_outbox_stream
		WHERE source = ? AND delivery = ? ORDER BY seq LIMIT ?`, s.Source, string(s.Delivery), limit)
	return out, err
}

// RemoveEvents implements events.Tx.
func (tx *Tx) RemoveEvents(ctx context.Context, s events.Stream, ids []string) (removed []string, err error) {
	for _, id := range ids {
		n, err := tx.touched(ctx, `DELETE FROM event_outbox WHERE source = ? AND delivery = ? AND id = ?`, s.Source, string(s.Delivery), id)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			removed = append(removed, id)
		}
	}
	return removed, nil
}

// TrimEvents implements events.Tx.
func (tx *Tx) TrimEvents(ctx context.Context, s events.Stream, before time.Time, keep int) (int, error) {
	old, err := tx.touched(ctx, `DELETE FROM event_outbox WHERE source = ? AND delivery = ? AND at < ?`, s.Source, string(s.Delivery), stamp(before))
	if err != nil {
		return 0, err
	}
	many, err := tx.touched(ctx, `DELETE FROM event_outbox WHERE source = ?1 AND delivery = ?2 AND seq <= coalesce((SELECT seq FROM event_outbox
		WHERE source = ?1 AND delivery = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3), 0)`, s.Source, string(s.Delivery), keep)
	return int(old + many), err
}

// Backlogs implements events.Tx.
func (tx *Tx) Backlogs(ctx context.Context) (out []events.Backlog, err error) {
	err = tx.rows(ctx, func(r *sql.Rows) error {
		var b events.Backlog
		var delivery string
		var oldest sql.NullInt64
		err := r.Scan(&b.Source, &delivery, &b.Count, &oldest)
		b.Delivery, b.Oldest = events.Delivery(delivery), instant(oldest)
		out = append(out, b)
		return err
	}, `SELECT source, delivery, count(*), min(at) FROM event_outbox GROUP BY source, delivery ORDER BY source, delivery`)
	return out, err
}
