// SPDX-License-Identifier: Apache-2.0

package sqlite

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
	tx.wrote++
	return tx.jobs.Insert(context.WithoutCancel(ctx), tx.tx, j)
}

// Jobs is the connection that the queue works with; nil for who may not
// write.
func (db *DB) Jobs() queue.Pool {
	if db.lock == nil {
		return nil
	}
	return queue.SQLite(db.pool)
}
