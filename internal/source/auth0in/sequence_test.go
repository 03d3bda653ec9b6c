// SPDX-License-Identifier: Apache-2.0

package auth0in_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/scim"
)

// open is a gate that lets everybody go, so that what a source says is seen as it is.
type open struct{}

func (open) Departures(context.Context, directory.Tx, directory.Cause, []string) (bool, error) {
	return true, nil
}

// TestAnySequence: whatever happens in a tenant, and however much of it is told, twice,
// late or not at all: after a read of everybody whoever has a user that is not blocked
// is in, be it under another one's id, and whoever has none is out. On the way nobody
// is out who has one all along.
func TestAnySequence(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 40, 70, 231, 308, 365} { // the last five have found something
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			h := setup(t, nil)
			m := mapped(t)
			h.dir = directory.New(directory.Config{
				Schemas: scim.CoreSchemas(), Sources: []directory.SourceRules{{Name: "auth0", Links: true, Teams: true}},
				Paths: append(m.Paths(), scim.Path{URN: scim.UsherUserURN, Attr: "endDate"}),
				Teams: directory.Rules{}, Actor: "test", Now: time.Now, Gate: open{},
			})
			h.src.Live.Returns = true
			w := &wild{house: h, rng: rand.New(rand.NewPCG(seed, 11)), never: map[string]bool{}}
			for range 40 {
				w.step()
			}
			h.src.Live.Served = false
			h.readAll()
			w.check("in the end")
			before := h.people()
			h.hearAll()
			h.reread()
			h.readAll()
			if after := h.people(); after != before {
				t.Errorf("told again, there is %s; was %s", after, before)
			}
		})
	}
}

// wild does to a tenant what comes to its mind.
type wild struct {
	*house
	rng   *rand.Rand
	heard int
	never map[string]bool   // who was without a user for a while
	keys  map[string]string // of records → person
}

func (w *wild) pick() string {
	all := w.tenant.Users()
	if len(all) == 0 {
		return ""
	}
	return all[w.rng.IntN(len(all))].ID
}

func (w *wild) step() {
	a, b := w.pick(), w.pick()
	switch n := w.rng.IntN(14); {
	case n < 3 || a == "":
		w.put(fmt.Sprintf("n%d", w.rng.IntN(1_000_000)))
	case n == 3:
		w.must(w.tenant.Block(a))
	case n == 4:
		w.must(w.tenant.Unblock(a))
	case n == 5:
		w.must(w.tenant.Remove(a))
	case n < 8 && a != b:
		w.must(w.tenant.Link(a, b))
	case n == 8:
		w.unlink(a)
	case n == 9:
		w.must(w.tenant.Alter(a, func(u *auth0test.User) { u.FamilyName += "x" }))
	case n == 10:
		w.src.Live.Served = w.rng.IntN(2) == 0
		w.readAll()
	case n == 11:
		w.reread()
	default:
		w.tell()
	}
	w.note()
}

// unlink takes an account out of a user that has several.
func (w *wild) unlink(id string) {
	u, _ := w.tenant.User(id)
	if len(u.Identities) > 1 {
		i := u.Identities[1]
		w.must(w.tenant.Unlink(id, i.Provider+"|"+i.UserID))
	}
}

// tell has some of what has happened since heard of, in any order.
func (w *wild) tell() {
	events := w.tenant.Events()
	fresh := slices.Clone(events[w.heard:])
	w.heard = len(events)
	w.rng.Shuffle(len(fresh), func(i, j int) { fresh[i], fresh[j] = fresh[j], fresh[i] })
	for _, e := range fresh {
		if w.rng.IntN(5) > 0 {
			w.hear(e)
		}
	}
}

// holders are the users behind every account that there is.
func (w *wild) holders() map[string]auth0test.User {
	out := map[string]auth0test.User{}
	for _, u := range w.tenant.Users() {
		for _, i := range u.Identities {
			out[i.Provider+"|"+i.UserID] = u
		}
	}
	return out
}

// note asserts of whoever has had a user all along that they are in.
func (w *wild) note() {
	has := w.users()
	for person, p := range w.persons() {
		if !has[person] {
			w.never[person] = true
		}
		if !w.never[person] && !p.State.In() {
			w.Errorf("%s has had a user all along, and is %s: %s", person, p.State, p.Why)
		}
	}
}

// check asserts of everybody that they are in exactly if they have a user.
func (w *wild) check(when string) {
	has := w.users()
	for person, p := range w.persons() {
		if p.State.In() != has[person] {
			w.Errorf("%s: %s is %s (%s); has a user: %t", when, person, p.State, p.Why, has[person])
		}
	}
	for _, u := range w.tenant.Users() {
		if w.keys[u.ID] == "" {
			w.Errorf("%s: nobody is %s", when, u.ID)
		}
	}
}

// users tells who has a user that is not blocked, be it under another one's id.
func (w *wild) users() map[string]bool {
	w.persons()
	has := map[string]bool{}
	for key, u := range w.holders() {
		if person := w.keys[key]; person != "" && !u.Blocked {
			has[person] = true
		}
	}
	return has
}

// persons are who there is, by id; keys has whose the records are.
func (w *wild) persons() map[string]*directory.Person {
	w.Helper()
	out := map[string]*directory.Person{}
	w.keys = map[string]string{}
	w.must(w.db.Read(w.Context(), func(r store.Reader) error {
		all, err := r.List(w.Context(), "", "", 100_000)
		for _, l := range all {
			out[l.Person.ID] = l.Person
			for _, rec := range l.Records {
				w.keys[rec.ID] = l.Person.ID
			}
		}
		return err
	}))
	return out
}
