// SPDX-License-Identifier: Apache-2.0

package sqlite_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store/sqlite"
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

// What is read in turn is read by one connection, and what is read at once by as many
// as there may be. Each that is opened parses the whole schema.
func TestReadersAreUsedAgain(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), sqlitetest.New(t), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	read := func(within func()) error {
		return db.Pushed().View(t.Context(), func(tx source.PushTx) error {
			within()
			_, err := tx.Meta(t.Context(), "x")
			return err
		})
	}
	for range 10 {
		if err := read(func() {}); err != nil {
			t.Fatal(err)
		}
	}
	if n := db.Readers(); n != 1 {
		t.Errorf("%d connections are open after ten reads in turn, want 1", n)
	}
	const most = 4
	var all sync.WaitGroup
	all.Add(most)
	var reads errgroup.Group
	for range most {
		reads.Go(func() error {
			return read(func() { // each waits for the others in its transaction
				all.Done()
				all.Wait()
			})
		})
	}
	if err := reads.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := db.Readers(); n != most {
		t.Errorf("%d connections are open after reads at once, want %d", n, most)
	}
}
