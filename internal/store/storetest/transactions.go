// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
)

var transactions = group{
	"a failed update leaves nothing":                 failedUpdate,
	"a panic leaves nothing and locks nobody out":    panickedUpdate,
	"a stop leaves nothing and locks nobody out":     stoppedUpdate,
	"rooms share one transaction":                    oneTransaction,
	"one instant for each transaction":               oneInstant,
	"a view stays as it was while others write":      consistentView,
	"a view cannot write":                            viewCannotWrite,
	"reading beside a writer":                        readingBesideAWriter,
	"a rehearsal is rolled back":                     rehearsal,
	"a rehearsal's failed update undoes only itself": rehearsalNested,
	"a stopped rehearsal is rolled back":             rehearsalStopped,
}

func (b *bundle) total() (n int) {
	b.Helper()
	b.read(func(r store.Reader) error {
		t, err := r.PeopleTotals(b.ctx)
		n = t.Total
		return err
	})
	return n
}

func put(ctx context.Context, tx directory.Tx, id string) error {
	return errors.Join(tx.PutPeople(ctx, []*directory.Person{person(id)}), tx.AppendEvents(ctx, []audit.Event{{Kind: "person.created", Person: id, At: noon}}))
}

func (b *bundle) empty() {
	b.Helper()
	equal(b, "people", b.total(), 0)
	pending, err := b.db.Ledger().Unchained(b.ctx, 10)
	b.must(err)
	equal(b, "events", len(pending), 0)
}

func failedUpdate(b *bundle) {
	err := b.db.Directory().Update(b.ctx, func(tx directory.Tx) error { return errors.Join(put(b.ctx, tx, "p"), errUndo) })
	if !errors.Is(err, errUndo) {
		b.Errorf("error %v", err)
	}
	b.empty()
	b.put(person("q"))
	equal(b, "people", b.total(), 1)
}

func panickedUpdate(b *bundle) {
	func() {
		defer func() {
			if recover() == nil {
				b.Error("the panic was swallowed")
			}
		}()
		_ = b.db.Directory().Update(b.ctx, func(tx directory.Tx) error {
			b.must(put(b.ctx, tx, "p"))
			panic("boom")
		})
	}()
	b.empty()
	b.put(person("q"))
	equal(b, "people", b.total(), 1)
}

func stoppedUpdate(b *bundle) {
	for range 50 {
		ctx, cancel := context.WithCancel(b.ctx)
		err := b.db.Directory().Update(ctx, func(tx directory.Tx) error { return untilStopped(ctx, cancel, tx) })
		if !errors.Is(err, context.Canceled) {
			b.Fatalf("error %v", err)
		}
		if err := b.db.Directory().Update(ctx, func(directory.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
			b.Fatalf("error %v", err)
		}
	}
	b.empty()
	b.put(person("q"))
	equal(b, "people", b.total(), 1)
}

// untilStopped writes until a stop comes in from beside.
func untilStopped(ctx context.Context, cancel context.CancelFunc, tx directory.Tx) error {
	go cancel()
	for {
		if err := put(ctx, tx, "p"); err != nil {
			return err
		}
	}
}

func oneTransaction(b *bundle) {
	b.app("app")
	b.directory(func(tx directory.Tx) error {
		both, ok := tx.(provision.Tx)
		if !ok {
			b.Fatal("the directory's transaction is not the engine's")
		}
		b.must(put(b.ctx, tx, "p"))
		s, err := both.Subjects(b.ctx, provision.Query{App: "app", Limit: 1})
		equal(b, "subjects within the transaction", len(s), 1)
		return err
	})
}

func oneInstant(b *bundle) {
	b.directory(func(tx directory.Tx) error {
		if tx.Now().IsZero() || !tx.Now().Equal(tx.Now()) {
			b.Errorf("now is %v", tx.Now())
		}
		return nil
	})
}

func consistentView(b *bundle) {
	b.put(person("p"))
	err := b.db.Read(b.ctx, func(r store.Reader) error {
		before, err := r.PeopleTotals(b.ctx)
		b.must(err)
		b.put(person("q"))
		after, err := r.PeopleTotals(b.ctx)
		b.must(err)
		equal(b, "people within the view", after, before)
		all, err := r.List(b.ctx, "", "", 10)
		equal(b, "people listed within the view", len(all), 1)
		return err
	})
	b.must(err)
	equal(b, "people", b.total(), 2)
}

func viewCannotWrite(b *bundle) {
	err := b.db.Provision().View(b.ctx, func(tx provision.Tx) error { return tx.PutApp(b.ctx, provision.AppState{Name: "app"}) })
	if err == nil {
		b.Error("a view has written")
	}
}

// readingBesideAWriter: people come in pairs, and nobody sees half of one.
func readingBesideAWriter(b *bundle) {
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			for {
				err := b.db.Read(b.ctx, func(r store.Reader) error {
					t, err := r.PeopleTotals(b.ctx)
					if t.Total%2 != 0 {
						b.Errorf("half of a transaction is seen: %d people", t.Total)
					}
					return err
				})
				if err != nil {
					b.Error(err)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		b.put(person(id+"1"), person(id+"2"))
	}
	close(stop)
	readers.Wait()
	equal(b, "people", b.total(), 16)
}

func rehearsal(b *bundle) {
	b.put(person("p"))
	b.must(b.db.Rehearse(b.ctx, func(db Core) error {
		b.must(db.Directory().Update(b.ctx, func(tx directory.Tx) error { return put(b.ctx, tx, "q") }))
		in := bundle{b.T, b.ctx, db, nil}
		equal(&in, "people within", in.total(), 2)
		_, err := audit.Sequence(b.ctx, db.Ledger())
		return err
	}))
	equal(b, "people", b.total(), 1)
	err := b.db.Rehearse(b.ctx, func(db Core) error {
		return errors.Join(db.Directory().Update(b.ctx, func(tx directory.Tx) error { return put(b.ctx, tx, "q") }), errUndo)
	})
	if !errors.Is(err, errUndo) {
		b.Errorf("error %v", err)
	}
	equal(b, "people", b.total(), 1)
	head, err := b.db.Ledger().Head(b.ctx)
	b.must(err)
	equal(b, "head", head, audit.Link{})
}

func rehearsalNested(b *bundle) {
	b.must(b.db.Rehearse(b.ctx, func(db Core) error {
		in := bundle{b.T, b.ctx, db, nil}
		in.put(person("p"))
		for range 2 {
			err := db.Directory().Update(b.ctx, func(tx directory.Tx) error { return errors.Join(put(b.ctx, tx, "q"), errUndo) })
			if !errors.Is(err, errUndo) {
				b.Errorf("error %v", err)
			}
			equal(&in, "people within", in.total(), 1)
		}
		in.put(person("r"))
		equal(&in, "people within", in.total(), 2)
		return nil
	}))
	b.empty()
}

// rehearsalStopped: what comes after a stop is rolled back like all the rest.
func rehearsalStopped(b *bundle) {
	for range 50 {
		ctx, cancel := context.WithCancel(b.ctx)
		err := b.db.Rehearse(ctx, func(db Core) error {
			err := db.Directory().Update(ctx, func(tx directory.Tx) error { return untilStopped(ctx, cancel, tx) })
			last := context.WithoutCancel(ctx) // what an engine still writes down
			return errors.Join(err, db.Directory().Update(last, func(tx directory.Tx) error { return put(last, tx, "q") }))
		})
		if !errors.Is(err, context.Canceled) {
			b.Fatalf("error %v", err)
		}
		b.empty()
	}
}
