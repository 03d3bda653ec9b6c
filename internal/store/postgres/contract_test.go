// SPDX-License-Identifier: Apache-2.0

package postgres_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/postgres/postgrestest"
	"github.com/usher-id/usher/internal/store/storetest"
)

// TestMain finds goroutines that outlive their test.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.DB {
		t.Helper()
		return open(t, postgrestest.New(t))
	})
}

func open(t *testing.T, url string) store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), url, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
