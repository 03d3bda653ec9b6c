// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
)

// Explain is explain.
func Explain(name string, err error) error { return explain(name, err) }

// ErrTaken is for an engine that was taken for dead.
var ErrTaken = errTaken

// Silent ends what tells that the engine is alive, as a process that is stopped does,
// and makes the last time of it one long ago.
func (db *DB) Silent(ctx context.Context) error {
	db.alive.stop()
	_, err := db.pool.Exec(ctx, `UPDATE engine SET seen = now() - interval '1 hour'`)
	return err
}

// Break ends the writing session on the server's side.
func (db *DB) Break(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `SELECT pg_terminate_backend(pid::int) FROM engine`)
	return err
}

func (db *DB) Migrations(ctx context.Context, between func() error) error {
	p, end, err := db.provider()
	if err != nil {
		return err
	}
	_, err = p.DownTo(ctx, 0)
	if err == nil {
		err = between()
	}
	if err == nil {
		_, err = p.Up(ctx)
	}
	return errors.Join(err, end())
}
