// SPDX-License-Identifier: Apache-2.0

// Package sqlitetest gives tests stores that are migrated already. To make one
// is a few hundred statements, each of which SQLite parses: it took more of the
// tests' time than what they test. How a store is made is tested in package sqlite.
package sqlitetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/usher-id/usher/internal/store/sqlite"
)

// New is the path of an empty store that nobody else uses.
func New(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(Dir(tb), "usher.db")
}

// Dir is a folder of its own for a test, with an empty store, usher.db, in it.
func Dir(tb testing.TB) string {
	tb.Helper()
	file, err := empty()
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "usher.db"), file, 0o600); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// empty is the file of a store that was made, migrated and closed, once per process.
var empty = sync.OnceValues(func() (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "usher-empty-store-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := os.RemoveAll(dir); err == nil && e != nil {
			err = e
		}
	}()
	path := filepath.Join(dir, "usher.db")
	db, err := sqlite.Open(context.Background(), path, "tests")
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path + "-wal"); err == nil {
		return nil, fmt.Errorf("%s is not whole: it has a log beside it", path)
	}
	return os.ReadFile(path)
})
