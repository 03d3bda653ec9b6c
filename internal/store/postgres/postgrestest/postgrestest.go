// SPDX-License-Identifier: Apache-2.0

// Package postgrestest gives tests stores that are migrated already, each in a database
// of its own on a server that all tests of a process share. How a store is made is
// tested in package postgres.
package postgrestest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/store/postgres"
	"github.com/usher-id/usher/internal/testenv"
)

var (
	once  sync.Once
	empty error
	count atomic.Int64
)

// New is the URL of an empty store that nobody else uses.
func New(tb testing.TB) string {
	tb.Helper()
	server := testenv.SharedPostgres(tb)
	once.Do(func() {
		do(tb, server, "postgres", "CREATE DATABASE usher_empty")
		var db *postgres.DB
		if db, empty = postgres.Open(context.WithoutCancel(tb.Context()), server.URL("usher_empty"), "tests"); empty == nil {
			empty = db.Close()
		}
	})
	if empty != nil {
		tb.Fatal(empty)
	}
	return server.URL(used(tb, server))
}

// clean are stores that were used and emptied: to make a database takes many times as
// long as to empty one.
var clean struct {
	sync.Mutex
	names []string
}

func used(tb testing.TB, server *testenv.Postgres) (name string) {
	tb.Helper()
	clean.Lock()
	if last := len(clean.names) - 1; last >= 0 {
		name, clean.names = clean.names[last], clean.names[:last]
	}
	clean.Unlock()
	if name == "" {
		name = fmt.Sprintf("usher_%d", count.Add(1))
		do(tb, server, "postgres", "CREATE DATABASE "+name+" TEMPLATE usher_empty")
	}
	tb.Cleanup(func() {
		do(tb, server, name, empties)
		clean.Lock()
		defer clean.Unlock()
		clean.names = append(clean.names, name)
	})
	return name
}

// empties ends sessions that are about to end, and leaves a store as it was made.
const empties = `DO $$
DECLARE
	what regclass;
	any_row boolean;
BEGIN
	PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
	FOR what IN SELECT oid::regclass FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
		AND relname NOT IN ('goose_db_version', 'river_migration') LOOP
		EXECUTE 'SELECT EXISTS (SELECT FROM ' || what || ')' INTO any_row;
		IF any_row THEN
			EXECUTE 'TRUNCATE ' || what;
		END IF;
	END LOOP;
	FOR what IN SELECT oid::regclass FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' LOOP
		PERFORM setval(what, 1, false);
	END LOOP;
END $$`

// Bare is the URL of a database without any store.
func Bare(tb testing.TB) string {
	tb.Helper()
	server := testenv.SharedPostgres(tb)
	name := fmt.Sprintf("usher_%d", count.Add(1))
	do(tb, server, "postgres", "CREATE DATABASE "+name)
	tb.Cleanup(func() { do(tb, server, "postgres", "DROP DATABASE "+name+" WITH (FORCE)") })
	return server.URL(name)
}

func do(tb testing.TB, server *testenv.Postgres, database, statement string) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	c, err := pgx.Connect(ctx, server.URL(database))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, statement); err != nil {
		tb.Fatal(err)
	}
}
