// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store/memory"
	"github.com/usher-id/usher/internal/store/sqlite"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/scim"
)

// ready answers at once, and keeps nothing but a number.
type ready struct{ n atomic.Int64 }

func (a *ready) Profile() app.Profile {
	all := app.Operations{Create: true, Replace: true, Patch: true, Delete: true, Get: true, List: true}
	return app.Profile{Name: "Ready", Users: all, Groups: all, MembersReadable: true, MaxMembersPerRequest: 100, PageSize: 100}
}

func (a *ready) Requests() int64 { return a.n.Load() }

func (a *ready) Create(_ context.Context, _ app.Kind, r *scim.Resource) (app.Answer, error) {
	r = r.Clone()
	r.SetID(fmt.Sprint(a.n.Add(1)))
	return app.Answer{Status: 201, Resource: r}, nil
}

func (a *ready) Patch(_ context.Context, _ app.Kind, id string, changes []scim.Change, want *scim.Resource) (app.Answer, error) {
	a.n.Add(1)
	r := want.Clone()
	r.SetID(id)
	for _, c := range changes {
		if err := r.Put(c.Path, c.After); err != nil {
			return app.Answer{}, err
		}
	}
	return app.Answer{Status: 200, Resource: r}, nil
}

func (a *ready) ChangeMembers(context.Context, string, []string, []string) (app.Answer, error) {
	a.n.Add(1)
	return app.Answer{Status: 204}, nil
}

func (a *ready) Delete(context.Context, app.Kind, string) (app.Answer, error) {
	a.n.Add(1)
	return app.Answer{Status: 204}, nil
}

func (a *ready) Get(context.Context, app.Kind, string) (app.Answer, error) {
	return app.Answer{Status: 404}, &app.Error{Class: app.NotFound, Status: 404}
}

func (a *ready) Find(context.Context, app.Kind, scim.Path, string) ([]*scim.Resource, app.Answer, error) {
	return nil, app.Answer{Status: 200}, nil
}

func (a *ready) List(context.Context, app.Kind, bool) iter.Seq2[*scim.Resource, error] {
	return func(func(*scim.Resource, error) bool) {}
}

// timed counts the transactions of a store, and the time within them.
type timed struct {
	provision.Store
	n, took *atomic.Int64
}

func (s timed) Update(ctx context.Context, fn func(provision.Tx) error) error {
	defer s.count(time.Now())
	return s.Store.Update(ctx, fn)
}

func (s timed) View(ctx context.Context, fn func(provision.Tx) error) error {
	defer s.count(time.Now())
	return s.Store.View(ctx, fn)
}

func (s timed) count(began time.Time) {
	s.n.Add(1)
	s.took.Add(time.Since(began).Nanoseconds())
}

var schemas = sync.OnceValue(scim.CoreSchemas)

func target(b *testing.B, name string) *provision.Target {
	b.Helper()
	c, err := mapping.NewCompiler(schemas())
	if err != nil {
		b.Fatal(err)
	}
	env, err := c.Person()
	if err != nil {
		b.Fatal(err)
	}
	var attrs []config.Attribute
	for _, path := range []string{"userName", "displayName", "title"} {
		attrs = append(attrs, config.Attribute{Path: config.Text{Value: path}, Value: config.Text{Value: "person." + path}})
	}
	m, err := env.CompileMapping(scim.UserURN, attrs)
	if err != nil {
		b.Fatal(err)
	}
	return &provision.Target{
		Name: name, App: new(ready), Mapping: m, Teams: map[string]bool{"dept": true}, Adopt: []string{"externalId", "userName"},
		FirstRunGo: true, Concurrency: 4, Digest: [32]byte{1},
	}
}

// BenchmarkApply changes five of twenty people and brings three apps to it, on both
// stores in turn: what a cycle of a simulation is.
func BenchmarkApply(b *testing.B) {
	lite, err := sqlite.Open(b.Context(), sqlitetest.New(b), "bench")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = lite.Close() }()
	mem := memory.New()
	type measured struct {
		directory directory.Store
		ledger    audit.Store
		store     timed
		targets   []*provision.Target
		took      time.Duration
	}
	count := func(s provision.Store) timed { return timed{s, new(atomic.Int64), new(atomic.Int64)} }
	stores := []*measured{
		{directory: mem.Directory(), ledger: mem.Ledger(), store: count(mem.Provision())},
		{directory: lite.Directory(), ledger: lite.Ledger(), store: count(lite.Provision())},
	}
	for _, s := range stores {
		for _, name := range []string{"crm", "erp", "wiki"} {
			s.targets = append(s.targets, target(b, name))
		}
	}
	const people, changed = 20, 5
	n := 0
	for b.Loop() {
		n++
		for _, s := range stores {
			began := time.Now()
			of := changed
			if n == 1 {
				of = people
			}
			err := s.directory.Update(b.Context(), func(tx directory.Tx) error { return change(b.Context(), tx, n, of) })
			if err != nil {
				b.Fatal(err)
			}
			e := provision.New(provision.Config{
				Store: s.store, Schemas: schemas(), Targets: s.targets, Limits: provision.DefaultLimits(), Released: func(string) bool { return false }, Actor: "bench", Now: time.Now,
			})
			if _, err := e.Apply(b.Context(), nil); err != nil {
				b.Fatal(err)
			}
			if _, err := audit.Sequence(b.Context(), s.ledger); err != nil {
				b.Fatal(err)
			}
			s.took += time.Since(began)
		}
	}
	mine, its := stores[0], stores[1]
	each := func(s *measured) float64 { return float64(s.store.took.Load()) / float64(s.store.n.Load()) / 1000 }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(mine.took.Microseconds())/float64(n), "µs/apply")
	b.ReportMetric(float64(mine.store.n.Load())/float64(n), "tx/apply")
	b.ReportMetric(each(mine), "µs/tx")
	b.ReportMetric(each(its), "SQLite-µs/tx")
	b.ReportMetric(each(its)/each(mine), "x-SQLite/tx")
	b.ReportMetric(its.took.Seconds()/mine.took.Seconds(), "x-SQLite/apply")
}

// change gives the first people another title.
func change(ctx context.Context, tx directory.Tx, n, of int) error {
	var people []*directory.Person
	var events []audit.Event
	for i := range of {
		id := fmt.Sprintf("p%02d", i)
		u := scim.NewResource(scim.UserURN)
		u.Set("userName", scim.String(id+"@acme.example"))
		u.Set("displayName", scim.String("Person "+id))
		u.Set("title", scim.String(fmt.Sprint("Title ", n)))
		people = append(people, &directory.Person{ID: id, State: directory.Active, User: u, Generation: 1, Revision: int64(n), Why: "employed"})
		events = append(events, audit.Event{At: tx.Now(), Kind: "person.changed", Person: id, Why: "changed at hr"})
	}
	if err := tx.PutPeople(ctx, people); err != nil {
		return err
	}
	if n == 1 {
		of := map[string][]directory.Team{}
		for i, p := range people {
			name := fmt.Sprint("Team ", i%4)
			of[p.ID] = []directory.Team{{ID: directory.TeamID("dept", name), Rule: "dept", Value: name, Name: name}}
		}
		if err := tx.SetTeams(ctx, of); err != nil {
			return err
		}
	}
	return tx.AppendEvents(ctx, events)
}

// BenchmarkTransaction is what the engine writes of one person: an intent, its outcome,
// the account and an event.
func BenchmarkTransaction(b *testing.B) {
	company := memory.New()
	ctx := b.Context()
	err := company.Provision().Update(ctx, func(tx provision.Tx) error {
		if err := tx.PutApp(ctx, provision.AppState{Name: "crm"}); err != nil {
			return err
		}
		return change(ctx, tx.(directory.Tx), 1, 20) //nolint:forcetypeassert // every room's is the same
	})
	if err != nil {
		b.Fatal(err)
	}
	sent := scim.NewResource(scim.UserURN)
	for _, name := range []string{"userName", "displayName", "title", "externalId"} {
		sent.Set(name, scim.String("something or other"))
	}
	db := company
	for n := 0; b.Loop(); n++ {
		if n%500 == 0 { // a run of a simulation, and the next one
			db = company.Copy()
		}
		err := db.Provision().Update(ctx, func(tx provision.Tx) error {
			in := &provision.Intent{App: "crm", Kind: provision.Update, Person: "p01", Ops: []*provision.Op{{ID: "1", Kind: provision.Update, App: "crm", Person: "p01", Why: "because"}}, At: tx.Now()}
			if err := tx.PutIntents(ctx, 1, []*provision.Intent{in}); err != nil {
				return err
			}
			if err := tx.PutOutcomes(ctx, []provision.Outcome{{Intent: in, Result: provision.Done, Status: 200}}); err != nil {
				return err
			}
			if err := tx.PutAccounts(ctx, []provision.Account{{App: "crm", Person: "p01", State: provision.Live, Sent: sent, Steady: true}}); err != nil {
				return err
			}
			return tx.AppendEvents(ctx, []audit.Event{{At: tx.Now(), Kind: "account.updated", Person: "p01", App: "crm", Why: "because"}})
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
