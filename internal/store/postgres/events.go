// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/events"
)

// QueueEvents implements events.Queuer.
func (tx *Tx) QueueEvents(ctx context.Context, tokens []events.Queued) error {
	for _, q := range tokens {
		err := tx.exec(ctx, `INSERT INTO event_outbox (source, delivery, id, resource, at, claims) VALUES ($1,$2,$3,$4,$5,$6)`,
			q.Source, string(q.Delivery), q.ID, q.Resource, stamp(q.At), string(q.Claims))
		if err != nil {
			return err
		}
	}
	return nil
}

// QueuedEvents implements events.Tx.
func (tx *Tx) QueuedEvents(ctx context.Context, s events.Stream, limit int) (out []events.Queued, err error) {
	err = tx.rows(ctx, func(r pgx.Rows) error {
		q := events.Queued{Stream: s}
		var at sql.NullInt64
		var claims string
		err := r.Scan(&q.Seq, &q.ID, &q.Resource, &at, &claims)
		q.At, q.Claims = instant(at), []byte(claims)
		out = append(out, q)
		return err
	}, `SELECT seq, id, resource, at, claims FROM event_outbox
		WHERE source = $1 AND delivery = $2 ORDER BY seq LIMIT $3`, s.Source, string(s.Delivery), limit)
	return out, err
}

// RemoveEvents implements events.Tx.
func (tx *Tx) RemoveEvents(ctx context.Context, s events.Stream, ids []string) (removed []string, err error) {
	for _, id := range ids {
		n, err := tx.touched(ctx, `DELETE FROM event_outbox WHERE source = $1 AND delivery = $2 AND id = $3`, s.Source, string(s.Delivery), id)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			removed = append(removed, id)
		}
	}
	return removed, nil
}

// StillQueued implements events.Tx.
func (tx *Tx) StillQueued(ctx context.Context, s events.Stream, ids []string) (queued []string, err error) {
	for _, id := range ids {
		var one int
		there, err := tx.row(ctx, []any{&one}, `SELECT 1 FROM event_outbox WHERE source = $1 AND delivery = $2 AND id = $3`, s.Source, string(s.Delivery), id)
		if err != nil {
			return nil, err
		}
		if there {
			queued = append(queued, id)
		}
	}
	return queued, nil
}

// TrimEvents implements events.Tx. What is old is at the front: no index of at is needed.
func (tx *Tx) TrimEvents(ctx context.Context, s events.Stream, before time.Time, keep, most int) (int, error) {
	n, err := tx.touched(ctx, `DELETE FROM event_outbox WHERE seq IN (SELECT seq FROM event_outbox
		WHERE source = $1 AND delivery = $2 ORDER BY seq LIMIT $5)
		AND (at < $3 OR seq <= coalesce((SELECT seq FROM event_outbox
		WHERE source = $1 AND delivery = $2 ORDER BY seq DESC LIMIT 1 OFFSET $4), 0))`, s.Source, string(s.Delivery), stamp(before), keep, most)
	return int(n), err
}

// Backlogs implements events.Tx. It counts in the index alone.
func (tx *Tx) Backlogs(ctx context.Context) (out []events.Backlog, err error) {
	err = tx.rows(ctx, func(r pgx.Rows) error {
		var b events.Backlog
		var delivery string
		var oldest sql.NullInt64
		err := r.Scan(&b.Source, &delivery, &b.Count, &oldest)
		b.Delivery, b.Oldest = events.Delivery(delivery), instant(oldest)
		out = append(out, b)
		return err
	}, `SELECT w.source, w.delivery, w.n, o.at FROM (SELECT source, delivery, count(*) n, min(seq) first
		FROM event_outbox GROUP BY source, delivery) w
		JOIN event_outbox o ON o.seq = w.first ORDER BY w.source, w.delivery`)
	return out, err
}
