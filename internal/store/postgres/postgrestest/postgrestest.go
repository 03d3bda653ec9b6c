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
		do(tb, server, "CREATE DATABASE usher_empty")
		var db *postgres.DB
		if db, empty = postgres.Open(context.WithoutCancel(tb.Context()), server.URL("usher_empty"), "tests"); empty == nil {
			empty = db.Close()
		}
	})
	if empty != nil {
		tb.Fatal(empty)
	}
	return database(tb, server, " TEMPLATE usher_empty")
}

// Bare is the URL of a database without any store.
func Bare(tb testing.TB) string {
	tb.Helper()
	return database(tb, testenv.SharedPostgres(tb), "")
}

func database(tb testing.TB, server *testenv.Postgres, from string) string {
	tb.Helper()
	name := fmt.Sprintf("usher_%d", count.Add(1))
	do(tb, server, "CREATE DATABASE "+name+from)
	tb.Cleanup(func() { do(tb, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	return server.URL(name)
}

func do(tb testing.TB, server *testenv.Postgres, statement string) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	c, err := pgx.Connect(ctx, server.URL("postgres"))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, statement); err != nil {
		tb.Fatal(err)
	}
}
