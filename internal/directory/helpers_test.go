// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/storetest"
	"github.com/usher-id/usher/scim"
)

// today is the calendar's now of a new house.
var today = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func day(n int) time.Time { return today.AddDate(0, 0, n) }

// house is a directory on a real store.
type house struct {
	t    *testing.T
	db   store.DB
	now  time.Time
	gate *doorman
	cfg  directory.Config
}

// doorman is a Gate that writes down what it is asked.
type doorman struct {
	real  directory.Gate // asked when set
	shut  map[directory.Cause]bool
	asked map[directory.Cause][]string
	calls []directory.Cause
}

func (d *doorman) Departures(ctx context.Context, tx directory.Tx, cause directory.Cause, people []string) (bool, error) {
	d.asked[cause] = people
	d.calls = append(d.calls, cause)
	if d.real != nil {
		return d.real.Departures(ctx, tx, cause, people)
	}
	return !d.shut[cause], nil
}

// departments puts everybody into the team of their department.
type departments struct{}

var errPoison = errors.New("this one cannot be evaluated")

func (departments) TeamsOf(p *directory.Person) ([]directory.Team, error) {
	v, _ := p.User.At(scim.Path{URN: scim.EnterpriseUserURN, Attr: "department"})
	switch name, _ := v.AsString(); name {
	case "":
		return nil, nil
	case "poison":
		return nil, errPoison
	default:
		return []directory.Team{{ID: directory.TeamID("department", name), Rule: "department", Value: name, Name: name}}, nil
	}
}

var (
	userName   = scim.MustPath("userName")
	familyName = scim.MustPath("name.familyName")
	title      = scim.MustPath("title")
	department = scim.Path{URN: scim.EnterpriseUserURN, Attr: "department"}
	startDate  = scim.Path{URN: scim.UsherUserURN, Attr: "startDate"}
	endDate    = scim.Path{URN: scim.UsherUserURN, Attr: "endDate"}
	leaveStart = scim.Path{URN: scim.UsherUserURN, Attr: "leaveStartDate"}
	leaveEnd   = scim.Path{URN: scim.UsherUserURN, Attr: "leaveEndDate"}
	onLeave    = scim.Path{URN: scim.UsherUserURN, Attr: "onLeave"}
)

func setup(t *testing.T, sources ...string) *house {
	t.Helper()
	db, err := store.Open(t.Context(), storetest.New(t), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{t: t, db: db, now: today, gate: &doorman{shut: map[directory.Cause]bool{}, asked: map[directory.Cause][]string{}}}
	h.cfg = directory.Config{
		Schemas: scim.CoreSchemas(), Teams: departments{}, Gate: h.gate, Actor: "test", Now: func() time.Time { return h.now },
		Paths: []scim.Path{userName, familyName, title, department, startDate, endDate, leaveStart, leaveEnd, onLeave},
	}
	if len(sources) == 0 {
		sources = []string{"hr"}
	}
	for _, s := range sources {
		h.cfg.Sources = append(h.cfg.Sources, directory.SourceRules{Name: s, Unique: []scim.Path{userName}})
	}
	return h
}

func (h *house) dir() *directory.Directory { return directory.New(h.cfg) }

// row is what a source says of somebody: attribute values, dates as times.
type row map[scim.Path]any

// with returns the row with some values replaced.
func (r row) with(more row) row {
	all := maps.Clone(r)
	maps.Copy(all, more)
	return all
}

func (r row) user(t *testing.T) *scim.Resource {
	t.Helper()
	u := scim.NewResource(scim.UserURN)
	paths := slices.SortedFunc(maps.Keys(r), func(a, b scim.Path) int { return strings.Compare(a.String(), b.String()) })
	for _, p := range paths {
		var value scim.Value
		switch v := r[p].(type) {
		case string:
			value = scim.String(v)
		case time.Time:
			value = scim.String(v.UTC().Format(time.RFC3339))
		case bool:
			value = scim.Bool(v)
		}
		if err := u.Put(p, value); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// says makes a statement of a row.
func (h *house) says(id string, r row) directory.Statement {
	u := r.user(h.t)
	body, err := u.MarshalJSON()
	if err != nil {
		h.t.Fatal(err)
	}
	return directory.Statement{
		Key: directory.Key{Source: "hr", ID: id}, Digest: sha256.Sum256(body), File: "hr.csv", Line: 2,
		Map: func() (*scim.Resource, error) { return u.Clone(), nil },
	}
}

// accept takes statements in the order of their keys, as a source does, and
// marks them as present.
func (h *house) accept(statements ...directory.Statement) directory.Accepted {
	h.t.Helper()
	slices.SortFunc(statements, func(a, b directory.Statement) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	var out directory.Accepted
	err := h.db.Directory().Update(h.t.Context(), func(tx directory.Tx) (err error) {
		out, err = h.dir().Accept(h.t.Context(), tx, "hr", statements)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// only says that a complete read of the source held these keys and no others.
func (h *house) only(ids ...string) {
	h.t.Helper()
	err := h.db.Directory().Update(h.t.Context(), func(tx directory.Tx) error {
		return h.dir().Standing(h.t.Context(), tx, "hr", true, func(id string, _ time.Time) bool { return slices.Contains(ids, id) })
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) settle() directory.Settled {
	h.t.Helper()
	h.gate.asked, h.gate.calls = map[directory.Cause][]string{}, nil
	var out directory.Settled
	err := h.db.Directory().Update(h.t.Context(), func(tx directory.Tx) (err error) {
		out, err = h.dir().Settle(h.t.Context(), tx)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func personID(id string) string { return directory.Key{Source: "hr", ID: id}.PersonID() }

func (h *house) person(id string) *directory.Person {
	h.t.Helper()
	var out *directory.Person
	h.read(func(r store.Reader) error {
		people, err := r.People(h.t.Context(), []string{personID(id)})
		out = people[personID(id)]
		return err
	})
	if out == nil {
		h.t.Fatalf("there is no person for %s", id)
	}
	return out
}

func (h *house) read(fn func(store.Reader) error) {
	h.t.Helper()
	if err := h.db.Read(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) totals() (out directory.Totals) {
	h.t.Helper()
	h.read(func(r store.Reader) (err error) {
		out, err = r.PeopleTotals(h.t.Context())
		return err
	})
	return out
}

// stands asserts a person's state, cause and generation.
func (h *house) stands(id string, state directory.State, cause directory.Cause, generation int) *directory.Person {
	h.t.Helper()
	p := h.person(id)
	if p.State != state || p.Cause != cause || p.Generation != generation {
		h.t.Errorf("%s is %s, cause %q, generation %d; want %s, %q, %d", id, p.State, p.Cause, p.Generation, state, cause, generation)
	}
	if p.State.In() && p.Admitted {
		h.t.Errorf("%s is in, and the guard would let their removal pass uncounted", id)
	}
	return p
}

// events counts the ledger's entries by kind.
func (h *house) events() map[string]int {
	h.t.Helper()
	envelopes, err := h.db.Ledger().Unchained(h.t.Context(), 1_000_000)
	if err != nil {
		h.t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, e := range envelopes {
		kinds[e.Kind]++
	}
	return kinds
}

// told asserts which kinds of events came since before, and no others.
func (h *house) told(before map[string]int, want map[string]int) {
	h.t.Helper()
	got := map[string]int{}
	for kind, n := range h.events() {
		if n -= before[kind]; n != 0 {
			got[kind] = n
		}
	}
	if !maps.Equal(got, want) {
		h.t.Errorf("the ledger tells %v, want %v", got, want)
	}
}

// teams reads somebody's teams where the engine does: with their account.
func (h *house) teams(id string) []string {
	h.t.Helper()
	ctx := h.t.Context()
	var names []string
	err := h.db.Provision().Update(ctx, func(tx provision.Tx) error {
		if a, err := tx.App(ctx, "app"); err != nil || !a.Listed {
			a.Listed = true
			if err := errors.Join(err, tx.PutApp(ctx, a), tx.MarkApp(ctx, "app")); err != nil {
				return err
			}
		}
		subjects, err := tx.Subjects(ctx, provision.Query{App: "app", People: []string{personID(id)}, Limit: 1})
		for _, s := range subjects {
			for _, t := range s.Teams {
				names = append(names, t.Name)
			}
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}
