// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"

	"github.com/usher-id/usher/internal/source"
)

// PutRead implements source.Tx.
func (tx *Tx) PutRead(ctx context.Context, r source.Report, digest [32]byte) error {
	err := tx.exec(ctx, `INSERT INTO source_reads (source, at, file, complete, reason, rows, digest) VALUES (?,?,?,?,?,?,?)
		ON CONFLICT (source) DO UPDATE SET at = excluded.at, file = excluded.file, complete = excluded.complete,
		reason = excluded.reason, rows = excluded.rows, digest = excluded.digest`,
		r.Source, stamp(tx.now), r.File, r.Complete, r.Reason, r.Rows, digest[:])
	if err != nil {
		return err
	}
	if err := tx.exec(ctx, `DELETE FROM source_rejects WHERE source = ?`, r.Source); err != nil {
		return err
	}
	for _, j := range r.Rejected {
		err := tx.exec(ctx, `INSERT INTO source_rejects (source, line, col, field, key, reason) VALUES (?,?,?,?,?,?)`,
			r.Source, j.Line, j.Column, j.Field, j.Key, j.Reason)
		if err != nil {
			return err
		}
	}
	return nil
}

// Source is the store as the source room declares it.
func (db *DB) Source() source.Store {
	return view[source.Tx]{db, func(tx *Tx) source.Tx { return tx }}
}
