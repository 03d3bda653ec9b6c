// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/events"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
)

// view is a room's window on the store: the same transactions, seen as the
// room declares them.
type view[T any] struct {
	db *DB
	as func(*Tx) T
}

func (v view[T]) Update(ctx context.Context, fn func(T) error) error {
	return v.db.update(ctx, func(tx *Tx) error { return fn(v.as(tx)) })
}

func (v view[T]) View(ctx context.Context, fn func(T) error) error {
	return v.db.view(ctx, func(tx *Tx) error { return fn(v.as(tx)) })
}

// Directory is the store as the directory room declares it.
func (db *DB) Directory() directory.Store {
	return view[directory.Tx]{db, func(tx *Tx) directory.Tx { return tx }}
}

// Provision is the store as the provisioning room declares it.
func (db *DB) Provision() provision.Store {
	return view[provision.Tx]{db, func(tx *Tx) provision.Tx { return tx }}
}

// Pushed is the store as the source that pushes declares it.
func (db *DB) Pushed() source.PushStore { return pushStore{db} }

// pushStore has requests that arrive together share a commit.
type pushStore struct{ db *DB }

func (s pushStore) Update(ctx context.Context, fn func(source.PushTx) error) error {
	return s.db.together(ctx, func(tx *Tx) error { return fn(tx) })
}

func (s pushStore) View(ctx context.Context, fn func(source.PushTx) error) error {
	return s.db.view(ctx, func(tx *Tx) error { return fn(tx) })
}

func (s pushStore) Look(ctx context.Context, fn func(source.PushTx) error) error {
	return s.db.look(ctx, func(tx *Tx) error { return fn(tx) })
}

// Events is the store as the outbox of events declares it.
func (db *DB) Events() events.Store {
	return view[events.Tx]{db, func(tx *Tx) events.Tx { return tx }}
}

// Ledger is the store as the audit room declares it.
func (db *DB) Ledger() audit.Store { return chain{db} }

// Read runs fn on a consistent view for commands and pages.
func (db *DB) Read(ctx context.Context, fn func(*Tx) error) error { return db.view(ctx, fn) }
