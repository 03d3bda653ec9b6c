// SPDX-License-Identifier: Apache-2.0

package sqlite_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// Who hangs up while they are reading leaves nothing open for the next one.
func TestReadersThatHangUp(t *testing.T) {
	t.Parallel()
	db := open(t, sqlitetest.New(t))
	for range 20 {
		ctx, hangUp := context.WithCancel(t.Context())
		_ = db.Pushed().View(ctx, func(tx source.PushTx) error { // its error is theirs
			_, err := tx.Meta(ctx, "x")
			hangUp()
			return err
		})
		err := db.Pushed().View(t.Context(), func(tx source.PushTx) error {
			_, err := tx.Meta(t.Context(), "x")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A connection that breaks in a look, or whose look panics, is given up for a new one,
// with all that is prepared on it.
func TestReadersThatBreak(t *testing.T) {
	t.Parallel()
	db := open(t, sqlitetest.New(t))
	look := func(end func() error) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = driver.ErrBadConn
			}
		}()
		return db.Pushed().Look(t.Context(), func(tx source.PushTx) error {
			if _, err := tx.PushedUsers(t.Context(), "idp", source.PushedByID, "x"); err != nil {
				return err
			}
			return end()
		})
	}
	for range 10 {
		for name, end := range map[string]func() error{"breaks": func() error { return driver.ErrBadConn }, "panics": func() error { panic("in a look") }} {
			if err := look(end); !errors.Is(err, driver.ErrBadConn) {
				t.Fatalf("%s: %v", name, err)
			}
			if err := look(func() error { return nil }); err != nil {
				t.Fatalf("after one that %s: %v", name, err)
			}
		}
	}
}
