// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/events"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/queue"
	"github.com/usher-id/usher/internal/request"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store/postgres"
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
	// Jobs are the connections that the queue works with; nil beside an engine.
	Jobs() queue.Pool
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
	if remote(url) {
		db, err := postgres.Open(ctx, url, holder)
		if err != nil {
			return nil, told(err)
		}
		return server{db}, nil
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
	var locked *LockedError
	if !errors.As(err, &locked) {
		return db, err
	}
	if remote(url) {
		c, err := postgres.OpenCopy(ctx, url, holder)
		if err != nil {
			return nil, err
		}
		return server{c}, nil
	}
	c, err := sqlite.OpenCopy(ctx, url, holder)
	if err != nil {
		return nil, err
	}
	return lite{c}, nil
}

// OpenRead opens a store beside whoever writes to it.
func OpenRead(ctx context.Context, url string) (DB, error) {
	if remote(url) {
		db, err := postgres.OpenRead(ctx, url)
		if err != nil {
			return nil, err
		}
		return server{db}, nil
	}
	db, err := sqlite.OpenRead(ctx, url)
	if err != nil {
		return nil, err
	}
	return lite{db}, nil
}

// holderWithin bounds how long it is asked who holds a store.
const holderWithin = 10 * time.Second

// Holder returns who holds the store as its engine, and whether somebody does.
func Holder(url string) (who string, held bool, err error) {
	if !remote(url) {
		return sqlite.Holder(url)
	}
	ctx, cancel := context.WithTimeout(context.Background(), holderWithin)
	defer cancel()
	return postgres.Holder(ctx, url)
}

// LockedError says who holds the store.
type LockedError = sqlite.LockedError

// told has one type for both kinds of store.
func told(err error) error {
	var locked *postgres.LockedError
	if errors.As(err, &locked) {
		return &LockedError{Path: locked.Store, Holder: locked.Holder}
	}
	return err
}

// Preview reports whether a store is of a kind that is not to be relied on yet
// (docs/postgresql.md).
func Preview(url string) bool { return remote(url) }

// remote tells a URL from the path of a file.
func remote(url string) bool {
	scheme, _, ok := strings.Cut(url, "://")
	return ok && (scheme == "postgres" || scheme == "postgresql")
}

// lite is the SQLite store as a DB.
type lite struct{ *sqlite.DB }

func (l lite) Rehearse(ctx context.Context, fn func(DB) error) error {
	return l.DB.Rehearse(ctx, func(db *sqlite.DB) error { return fn(lite{db}) })
}

func (l lite) Read(ctx context.Context, fn func(Reader) error) error {
	return l.DB.Read(ctx, func(tx *sqlite.Tx) error { return fn(tx) })
}

// server is the PostgreSQL store as a DB.
type server struct{ *postgres.DB }

func (s server) Rehearse(ctx context.Context, fn func(DB) error) error {
	return s.DB.Rehearse(ctx, func(db *postgres.DB) error { return fn(server{db}) })
}

func (s server) Read(ctx context.Context, fn func(Reader) error) error {
	return s.DB.Read(ctx, func(tx *postgres.Tx) error { return fn(tx) })
}
