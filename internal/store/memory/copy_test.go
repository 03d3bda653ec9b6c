// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/store/memory"
)

// hire stores one person and tells of it.
func hire(t *testing.T, db *memory.DB, id string) {
	t.Helper()
	err := db.Directory().Update(t.Context(), func(tx directory.Tx) error {
		p := &directory.Person{ID: id, State: directory.Active, User: user(id), Generation: 1, Revision: 1}
		if err := tx.PutPeople(t.Context(), []*directory.Person{p}); err != nil {
			return err
		}
		return tx.AppendEvents(t.Context(), []audit.Event{{At: tx.Now(), Kind: "person.created", Person: id}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Sequence(t.Context(), db.Ledger()); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, db *memory.DB, want ...string) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *memory.Tx) error {
		ids, err := tx.Everybody(t.Context())
		if got := ids[max(0, len(ids)-len(want)):]; len(ids) != 100+len(want) || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%d people, the last are %v, want %v", len(ids), got, want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.Verify(t.Context(), db.Ledger())
	if err != nil || r.Events != int64(100+len(want)) {
		t.Errorf("the ledger: %+v, %v", r, err)
	}
}

// A copy and what it was made of go on apart, as a database and its backup do.
func TestCopy(t *testing.T) {
	t.Parallel()
	db := memory.New()
	for i := range 100 {
		hire(t, db, fmt.Sprintf("p%03d", i))
	}
	backup := db.Copy()
	hire(t, db, "x")
	restored := backup.Copy()
	hire(t, restored, "y")
	hire(t, restored, "z")
	holds(t, db, "x")
	holds(t, backup)
	holds(t, restored, "y", "z")
}

// Whoever waits for the turn to write does not stop the clock of a bubble.
func TestWaitingInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := memory.New()
		began := time.Now()
		var stamps []time.Duration
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				err := db.Directory().Update(t.Context(), func(tx directory.Tx) error {
					stamps = append(stamps, tx.Now().Sub(began))
					time.Sleep(time.Hour)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if fmt.Sprint(stamps) != "[0s 1h0m0s 2h0m0s]" {
			t.Errorf("the transactions began at %v", stamps)
		}
	})
}
