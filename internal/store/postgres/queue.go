// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"

	"github.com/usher-id/usher/internal/queue"
)

// Enqueue implements queue.Enqueuer.
func (tx *Tx) Enqueue(ctx context.Context, j queue.Job) (merged bool, err error) {
	if tx.tx == nil {
		return false, errReading
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	ctx = context.WithoutCancel(ctx)
	if err := tx.flush(ctx); err != nil {
		return false, err
	}
	if merged, err = tx.jobs.Insert(ctx, tx.tx, j); err != nil {
		tx.failed = err
	}
	return merged, err
}

// Jobs are the connections that the queue works with; nil for who may not write.
func (db *DB) Jobs() queue.Pool {
	if !db.engine || db.copied {
		return nil
	}
	return queue.Postgres(db.pool)
}
