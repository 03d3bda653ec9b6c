// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/scim"
)

// Core is a store as far as the engine's core needs it: sources that are read, the
// directory, provisioning and the ledger.
type Core interface {
	Directory() directory.Store
	Provision() provision.Store
	Source() source.Store
	Ledger() audit.Store
	Read(ctx context.Context, fn func(store.Reader) error) error
	Rehearse(ctx context.Context, fn func(Core) error) error
}

// whole is a store.DB as a Core.
type whole struct{ store.DB }

func (w whole) Rehearse(ctx context.Context, fn func(Core) error) error {
	return w.DB.Rehearse(ctx, func(db store.DB) error { return fn(whole{db}) })
}

type group map[string]func(*bundle)

var (
	core = []group{transactions, people, accounts, guard, journal, sources, ledger, status, live}
	rest = []group{pushed, tokens, outbox, secrets, commands}
)

// Run holds a store against the contract. Open returns a new, empty store, and
// closes it when its test ends.
func Run(t *testing.T, open func(t *testing.T) store.DB) {
	t.Helper()
	run(t, append(core, rest...), func(t *testing.T) *bundle {
		t.Helper()
		db := open(t)
		return &bundle{t, t.Context(), whole{db}, db}
	})
}

// RunCore is Run for a store that keeps what the engine's core needs, and no more.
func RunCore(t *testing.T, open func(t *testing.T) Core) {
	t.Helper()
	run(t, core, func(t *testing.T) *bundle {
		t.Helper()
		return &bundle{t, t.Context(), open(t), nil}
	})
}

func run(t *testing.T, groups []group, open func(t *testing.T) *bundle) {
	t.Helper()
	for _, group := range groups {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(open(t))
			})
		}
	}
}

// bundle is a test with its store.
type bundle struct {
	*testing.T
	ctx context.Context
	db  Core
	all store.DB // nil for a store that is a core and no more
}

var errUndo = errors.New("undo")

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) directory(fn func(directory.Tx) error) {
	b.Helper()
	b.must(b.db.Directory().Update(b.ctx, fn))
}

func (b *bundle) provision(fn func(provision.Tx) error) {
	b.Helper()
	b.must(b.db.Provision().Update(b.ctx, fn))
}

func (b *bundle) source(fn func(source.Tx) error) {
	b.Helper()
	b.must(b.db.Source().Update(b.ctx, fn))
}

func (b *bundle) read(fn func(store.Reader) error) {
	b.Helper()
	b.must(b.db.Read(b.ctx, fn))
}

// equal compares what can be compared.
func equal[T comparable](b *bundle, what string, got, want T) {
	b.Helper()
	if got != want {
		b.Errorf("%s: %v, want %v", what, got, want)
	}
}

func same[T comparable](b *bundle, what string, got, want []T) {
	b.Helper()
	if !slices.Equal(got, want) {
		b.Errorf("%s: %v, want %v", what, got, want)
	}
}

// noon is an instant that every store can keep exactly.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

func user(name string) *scim.Resource {
	u := scim.NewResource(scim.UserURN)
	u.Set("userName", scim.String(name))
	return u
}

func person(id string) *directory.Person {
	return &directory.Person{ID: id, State: directory.Active, User: user(id + "@acme.example"), Generation: 1, Revision: 1, Why: "employed"}
}

func record(id, person string) directory.Record {
	return directory.Record{
		Key: directory.Key{Source: "hr", ID: id}, Generation: 1, Person: person, Holds: true, Digest: [32]byte{1}, User: []byte(`{"userName":"x"}`),
		File: "hr.csv", Line: 2, At: noon,
	}
}

// put stores people, each with a record of the same name.
func (b *bundle) put(people ...*directory.Person) {
	b.Helper()
	b.directory(func(tx directory.Tx) error {
		var records []directory.Record
		for _, p := range people {
			records = append(records, record("r-"+p.ID, p.ID))
		}
		return errors.Join(tx.PutRecords(b.ctx, records), tx.PutPeople(b.ctx, people))
	})
}

// crowd stores n people at an app: p000, p001 …
func (b *bundle) crowd(n int) []string {
	b.Helper()
	ids := make([]string, n)
	all := make([]*directory.Person, n)
	for i := range all {
		ids[i] = fmt.Sprintf("p%03d", i)
		all[i] = person(ids[i])
	}
	b.app("app")
	b.put(all...)
	return ids
}

func (b *bundle) app(name string) {
	b.Helper()
	b.provision(func(tx provision.Tx) error {
		return errors.Join(tx.PutApp(b.ctx, provision.AppState{Name: name}), tx.MarkApp(b.ctx, name))
	})
}

func (b *bundle) subject(app, id string) provision.Subject {
	b.Helper()
	var out []provision.Subject
	b.read(func(r store.Reader) (err error) {
		out, err = r.Subjects(b.ctx, provision.Query{App: app, People: []string{id}, Limit: 2})
		return err
	})
	if len(out) != 1 {
		b.Fatalf("%d subjects for %s at %s", len(out), id, app)
	}
	return out[0]
}

func (b *bundle) subjects(q provision.Query) (ids []string) {
	b.Helper()
	b.read(func(r store.Reader) error {
		out, err := r.Subjects(b.ctx, q)
		for _, s := range out {
			ids = append(ids, s.Person.ID)
		}
		return err
	})
	return ids
}
