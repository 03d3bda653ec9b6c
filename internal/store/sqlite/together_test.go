// SPDX-License-Identifier: Apache-2.0

package sqlite_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store/sqlite"
)

// Writes that come together are each all or nothing, and who is told of success is
// in the store, whatever becomes of the others: they fail, hang up, or panic.
func TestTogether(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "usher.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	refused := errors.New("refused")
	var wg sync.WaitGroup
	var mu sync.Mutex
	fate := map[string]error{}
	const many = 400
	for i := range many {
		wg.Go(func() {
			id := fmt.Sprintf("u%03d", i)
			ctx, hangUp := context.WithCancel(t.Context())
			defer hangUp()
			err := errors.New("panicked")
			defer func() {
				_ = recover()
				mu.Lock()
				defer mu.Unlock()
				fate[id] = err
			}()
			if i%11 == 0 {
				hangUp()
			}
			err = db.Pushed().Update(ctx, func(tx source.PushTx) error {
				for _, id := range []string{id, id + "-twin"} { // both or none
					if err := tx.PutPushed(ctx, &source.Pushed{Source: "s", Type: "User", ID: id, Record: id, Name: id, Created: tx.Now(), Modified: tx.Now(), Body: []byte("{}")}); err != nil {
						return err
					}
				}
				switch {
				case i%7 == 0:
					return refused
				case i == 123:
					panic("by request")
				}
				return nil
			})
		})
	}
	wg.Wait()
	done, failed := 0, 0
	err = db.Pushed().View(t.Context(), func(tx source.PushTx) error {
		for id, err := range fate {
			for _, id := range []string{id, id + "-twin"} {
				found, ferr := tx.Pushed(t.Context(), "s", "User", source.PushedByID, id, false)
				if ferr != nil {
					return ferr
				}
				if (err == nil) != (len(found) == 1) {
					t.Errorf("%s: told %v, and there are %d", id, err, len(found))
				}
			}
			if err == nil {
				done++
			} else {
				failed++
			}
		}
		return nil
	})
	if err != nil || len(fate) != many || done < many/2 || failed < many/10 {
		t.Errorf("%d of %d done, %d failed, %v", done, many, failed, err)
	}
	// Numbers follow each other, whoever was taken back in between.
	err = db.Pushed().View(t.Context(), func(tx source.PushTx) error {
		all, _, err := tx.PushedAfter(t.Context(), source.PushedQuery{Source: "s", Type: "User"}, 0, 2*many)
		if len(all) != 2*done {
			t.Errorf("%d rows for %d writes", len(all), done)
		}
		n, cerr := tx.PushedCount(t.Context(), "s", "User")
		if n != 2*done {
			t.Errorf("%d are counted after %d writes", n, done)
		}
		return errors.Join(err, cerr)
	})
	if err != nil {
		t.Error(err)
	}
}

// Where a disk is full SQLite takes the whole transaction back: nobody is told of success, and
// nothing is kept of those who shared it, neither before nor after.
func TestTogetherOnAFullDisk(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "usher.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	put := func(id string, bytes int, after error) func(*sqlite.Tx) error {
		return func(tx *sqlite.Tx) error {
			body := []byte(`{"x":"` + strings.Repeat("x", bytes) + `"}`)
			err := tx.PutPushed(ctx, &source.Pushed{Source: "s", Type: "User", ID: id, Record: id, Name: id, Created: tx.Now(), Modified: tx.Now(), Body: body})
			return cmp.Or(after, err)
		}
	}
	hidden := errors.New("what the store has said is kept to oneself")
	for _, after := range []error{nil, hidden} {
		if err := db.Room(ctx, 8); err != nil {
			t.Fatal(err)
		}
		told := db.Together(ctx, put("before", 1, nil), put("large", 1<<20, after), put("after", 1, nil))
		for i, err := range told {
			if err == nil {
				t.Errorf("the write %d is told of success", i)
			}
		}
		if err := db.Room(ctx, 1<<20); err != nil {
			t.Fatal(err)
		}
		err := db.Pushed().View(ctx, func(tx source.PushTx) error {
			all, _, err := tx.PushedAfter(ctx, source.PushedQuery{Source: "s", Type: "User"}, 0, 10)
			if len(all) > 0 {
				t.Errorf("%d rows are kept", len(all))
			}
			n, cerr := tx.PushedCount(ctx, "s", "User")
			if n != 0 {
				t.Errorf("%d are counted", n)
			}
			return errors.Join(err, cerr)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if told := db.Together(ctx, put("one", 1, nil), put("two", 1, nil)); errors.Join(told...) != nil {
		t.Errorf("once there is room again: %v", told)
	}
}
