// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"os"
	"testing"

	"github.com/usher-id/usher/internal/store/postgres/postgrestest"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// New is where an empty store is that nobody else uses: the path of a file, or with
// USHER_TEST_STORE=postgres a database's URL, so that the same tests run on both.
func New(tb testing.TB) string {
	tb.Helper()
	if OnPostgres() {
		return postgrestest.New(tb)
	}
	return sqlitetest.New(tb)
}

// OnPostgres tells which of them it is.
func OnPostgres() bool { return os.Getenv("USHER_TEST_STORE") == "postgres" }
