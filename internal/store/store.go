// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/events"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/request"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store/sqlite"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/internal/token/oauth"
)

// DB is an open store, of whatever kind.
type DB interface {
	Directory() directory.Store
	Provision() provision.Store
	Source() source.Store
	Ledger() audit.Store
	Requests() request.Store
	Pushed() source.PushStore
	Tokens() token.Store
	Events() events.Store
	OAuth() oauth.Store
	Secrets() secret.Store
	// Jobs is the connection that the queue works with; nil beside an engine.
	Jobs() *sql.DB
	Read(ctx context.Context, fn func(Reader) error) error
	// Rehearse runs fn on a store whose every change is rolled back.
	Rehearse(ctx context.Context, fn func(DB) error) error
	Close() error
}

// Reader is what commands and pages ask of a store.
type Reader interface {
	directory.Reader
	provision.Reader
	source.StateReader
}

// Open opens a store for the one engine that may write to it; holder is what a
// second one is told.
func Open(ctx context.Context, url, holder string) (DB, error) {
	if err := supported(url); err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, url, holder)
	if err != nil {
		return nil, err
	}
	return lite{db}, nil
}

// OpenRehearsal opens a store for a rehearsal: itself if no engine holds it, a
// copy of it if one does, so that the engine never waits for a plan.
func OpenRehearsal(ctx context.Context, url, holder string) (DB, error) {
	db, err := Open(ctx, url, holder)
	var locked *sqlite.LockedError
	if !errors.As(err, &locked) {
		return db, err
	}
	c, err := sqlite.OpenCopy(ctx, url, holder)
	if err != nil {
		return nil, err
	}
	return lite{c}, nil
}

// OpenRead opens a store beside whoever writes to it.
func OpenRead(ctx context.Context, url string) (DB, error) {
	if err := supported(url); err != nil {
		return nil, err
	}
	db, err := sqlite.OpenRead(ctx, url)
	if err != nil {
		return nil, err
	}
	return lite{db}, nil
}

// Holder returns who holds the store as its engine, and whether somebody does.
func Holder(url string) (who string, held bool, err error) {
	if err := supported(url); err != nil {
		return "", false, err
	}
	return sqlite.Holder(url)
}

// LockedError says who holds the store.
type LockedError = sqlite.LockedError

func supported(url string) error {
	if scheme, _, ok := strings.Cut(url, "://"); ok {
		return fmt.Errorf("store: %s:// is not in this version yet: give the path of a SQLite file", scheme)
	}
	return nil
}

// lite is the SQLite store as a DB.
type lite struct{ *sqlite.DB }

func (l lite) Rehearse(ctx context.Context, fn func(DB) error) error {
	return l.DB.Rehearse(ctx, func(db *sqlite.DB) error { return fn(lite{db}) })
}

func (l lite) Read(ctx context.Context, fn func(Reader) error) error {
	return l.DB.Read(ctx, func(tx *sqlite.Tx) error { return fn(tx) })
}
