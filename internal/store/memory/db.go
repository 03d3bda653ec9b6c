// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
)

// DB is a store in memory. It needs no closing. Within a bubble of testing/synctest use
// one that was made there, or is a copy that was.
type DB struct {
	head atomic.Pointer[state]
	turn chan struct{} // the right to write, one at a time; a channel, for a bubble's clock to see who waits
}

// New returns an empty store.
func New() *DB { return of(new(state)) }

func of(s *state) *DB {
	db := &DB{turn: make(chan struct{}, 1)}
	db.head.Store(s)
	return db
}

// Copy returns a store of its own with what is committed now, as a backup is; what either
// is told from then on the other does not know. It costs as much as an empty one, however
// much there is.
func (db *DB) Copy() *DB { return of(db.head.Load()) }

// Tx is one transaction, for every room.
type Tx struct {
	*state
	now time.Time
	own *owner // nil: it may not write, or not any more
}

// Now is the instant of the transaction, to the microsecond, as times are kept.
func (tx *Tx) Now() time.Time { return tx.now }

func now() time.Time { return time.Now().Truncate(time.Microsecond) }

// errReading is for who writes in a view, or after the end of a transaction.
var errReading = errors.New("store: nothing can be written here: this transaction is for reading, or is over")

// may is asked before each row is written: a stop is noticed there.
func (tx *Tx) may(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if tx.own == nil {
		return errReading
	}
	return nil
}

// look is asked before anything is read.
func (tx *Tx) look(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// update runs fn on a copy of the state, which takes the state's place if fn succeeds.
// After an error, a panic or a test's FailNow nobody has seen it.
func (db *DB) update(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case db.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-db.turn }()
	s := *db.head.Load()
	tx := &Tx{state: &s, now: now(), own: new(owner)}
	defer func() { tx.own = nil }()
	if err := fn(tx); err != nil {
		return err
	}
	db.head.Store(&s)
	return nil
}

func (db *DB) view(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return fn(&Tx{state: db.head.Load(), now: now()})
}

// Rehearse runs fn on a copy, which is forgotten.
func (db *DB) Rehearse(ctx context.Context, fn func(*DB) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn(db.Copy())
}

// view is a room's window on the store: the same transactions, seen as the room
// declares them.
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

// Source is the store as the source room declares it.
func (db *DB) Source() source.Store {
	return view[source.Tx]{db, func(tx *Tx) source.Tx { return tx }}
}

// Ledger is the store as the audit room declares it.
func (db *DB) Ledger() audit.Store { return chain{db} }

// Read runs fn on a consistent view, for whoever looks at everything.
func (db *DB) Read(ctx context.Context, fn func(*Tx) error) error { return db.view(ctx, fn) }
