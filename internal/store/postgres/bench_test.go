// SPDX-License-Identifier: Apache-2.0

package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/postgres"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
)

// crowd are n people called as their numbers.
func crowd(from, n int) (people []*directory.Person, events []audit.Event) {
	for i := range n {
		id := fmt.Sprintf("p%08d", from+i)
		u := scim.NewResource(scim.UserURN)
		u.Set("userName", scim.String(id+"@acme.example"))
		u.Set("displayName", scim.String("Person "+id))
		people = append(people, &directory.Person{ID: id, State: directory.Active, User: u, Generation: 1, Revision: 1, Why: "employed"})
		events = append(events, audit.Event{At: time.Now(), Kind: "person.created", Person: id, Why: "employed at hr"})
	}
	return people, events
}

// BenchmarkWrites is what a first load writes, durably, on both stores in turn: chunks of
// 500 people with their marks at one app and their events, and windows of 64 accounts with
// intent, outcome and event.
func BenchmarkWrites(b *testing.B) {
	server := testenv.StartPostgres(b)
	remote, err := postgres.Open(b.Context(), server.URL("postgres"), "bench")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = remote.Close() }()
	local, err := store.Open(b.Context(), sqlitetest.New(b), "bench")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = local.Close() }()
	type rooms interface {
		Directory() directory.Store
		Provision() provision.Store
	}
	type measured struct {
		rooms
		chunks, windows time.Duration
	}
	const people, window = 500, 64
	stores := []*measured{{rooms: remote}, {rooms: local}}
	for _, s := range stores {
		err := s.Provision().Update(b.Context(), func(tx provision.Tx) error {
			return tx.PutApp(b.Context(), provision.AppState{Name: "crm"})
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	n := 0
	for ; b.Loop(); n++ {
		all, events := crowd(n*people, people)
		for _, s := range stores {
			began := time.Now()
			err := s.Directory().Update(b.Context(), func(tx directory.Tx) error {
				if err := tx.PutPeople(b.Context(), all); err != nil {
					return err
				}
				return tx.AppendEvents(b.Context(), events)
			})
			if err != nil {
				b.Fatal(err)
			}
			s.chunks += time.Since(began)
			began = time.Now()
			if err := s.Provision().Update(b.Context(), func(tx provision.Tx) error { return outcomes(b.Context(), tx, all[:window]) }); err != nil {
				b.Fatal(err)
			}
			s.windows += time.Since(began)
		}
	}
	mine, its := stores[0], stores[1]
	rate := func(rows int, d time.Duration) float64 { return float64(n*rows) / d.Seconds() }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rate(people, mine.chunks), "people/s")
	b.ReportMetric(rate(people, its.chunks), "SQLite-people/s")
	b.ReportMetric(rate(window, mine.windows), "accounts/s")
	b.ReportMetric(rate(window, its.windows), "SQLite-accounts/s")
	b.ReportMetric(its.chunks.Seconds()/mine.chunks.Seconds(), "x-SQLite/chunk")
	b.ReportMetric(its.windows.Seconds()/mine.windows.Seconds(), "x-SQLite/window")
}

// outcomes is what the engine writes of people whom it has sent.
func outcomes(ctx context.Context, tx provision.Tx, people []*directory.Person) error {
	var intents []*provision.Intent
	var done []provision.Outcome
	var accounts []provision.Account
	var events []audit.Event
	for _, p := range people {
		in := &provision.Intent{App: "crm", Kind: provision.Create, Person: p.ID, Ops: []*provision.Op{{ID: p.ID, Kind: provision.Create, App: "crm", Person: p.ID, Why: "because"}}, At: tx.Now()}
		intents = append(intents, in)
		done = append(done, provision.Outcome{Intent: in, Result: provision.Done, Status: 201, Remote: p.ID})
		accounts = append(accounts, provision.Account{App: "crm", Person: p.ID, RemoteID: p.ID, State: provision.Live, Sent: p.User, Steady: true})
		events = append(events, audit.Event{At: tx.Now(), Kind: "account.created", Person: p.ID, App: "crm", Why: "because"})
	}
	if err := tx.PutIntents(ctx, 1, intents); err != nil {
		return err
	}
	if err := tx.PutOutcomes(ctx, done); err != nil {
		return err
	}
	if err := tx.PutAccounts(ctx, accounts); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, events)
}
