// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/source"
)

// PutRead implements source.Tx.
func (tx *Tx) PutRead(ctx context.Context, r source.Report, p source.Proof) error {
	err := tx.exec(ctx, `INSERT INTO source_reads AS r (source, at, file, complete, reason, rows, digest, modified_at, replay) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)
		ON CONFLICT (source) DO UPDATE SET at = excluded.at, file = excluded.file, complete = excluded.complete,
		reason = excluded.reason, rows = excluded.rows, digest = excluded.digest,
		modified_at = greatest(r.modified_at, excluded.modified_at), replay = excluded.replay`,
		r.Source, stamp(tx.now), r.File, r.Complete, r.Reason, r.Rows, p.Digest[:], stamp(p.ModTime), r.Replay)
	if err != nil {
		return err
	}
	err = tx.exec(ctx, `INSERT INTO source_digests (source, digest, at) VALUES ($1,$2,$3)
		ON CONFLICT (source, digest) DO UPDATE SET at = excluded.at`, r.Source, p.Digest[:], stamp(tx.now))
	if err != nil {
		return err
	}
	if err := tx.exec(ctx, `DELETE FROM source_rejects WHERE source = $1`, r.Source); err != nil {
		return err
	}
	return tx.putRejects(ctx, r.Source, r.Rejected)
}

func (tx *Tx) putRejects(ctx context.Context, name string, rejects []source.Reject) error {
	for _, j := range rejects {
		err := tx.exec(ctx, `INSERT INTO source_rejects (source, line, col, field, key, reason) VALUES ($1,$2,$3,$4,$5,$6)`,
			name, j.Line, j.Column, j.Field, j.Key, j.Reason)
		if err != nil {
			return err
		}
	}
	return nil
}

// Known implements source.Tx. A read that is equal to the one before it is no
// replay, unless that one was.
func (tx *Tx) Known(ctx context.Context, name string, p source.Proof, seen func(id string) bool) (k source.Known, err error) {
	err = tx.rows(ctx, func(r pgx.Rows) error {
		var id string
		err := r.Scan(&id)
		k.Records++
		if seen(id) {
			k.Here++
		}
		return err
	}, `SELECT id FROM records WHERE source = $1`, name)
	if err != nil {
		return k, err
	}
	_, err = tx.row(ctx, []any{&k.Replay}, `SELECT CASE WHEN $3 > l.modified_at THEN false WHEN l.digest = $2 THEN l.replay
		ELSE EXISTS (SELECT 1 FROM source_digests d WHERE d.source = $1 AND d.digest = $2) END
		FROM source_reads l WHERE l.source = $1`, name, p.Digest[:], p.ModTime.UnixMicro())
	return k, err
}

// Sources implements source.Tx.
func (tx *Tx) Sources(ctx context.Context) ([]string, error) {
	// One step of the index for each source, not one for each record.
	return tx.strings(ctx, `WITH RECURSIVE s(name) AS (SELECT min(source) FROM records
		UNION ALL SELECT (SELECT min(source) FROM records WHERE source > s.name) FROM s WHERE s.name IS NOT NULL)
		SELECT name FROM s WHERE name IS NOT NULL`)
}

// Source is the store as the source room declares it.
func (db *DB) Source() source.Store {
	return view[source.Tx]{db, func(tx *Tx) source.Tx { return tx }}
}
