// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
)

// Consent to an app's first run is given once.
func TestFirstRunConsentIsKept(t *testing.T) {
	in(t, func(w *world) {
		w.edit("    first_run: go\n", "")
		w.staff = staff(3)
		doc := w.steer(server.Options{})
		if len(doc.Holds) != 1 || len(w.app.sent) != 0 {
			t.Fatalf("holds %+v, sent %+v", doc.Holds, w.app.sent)
		}
		if doc = w.steer(server.Options{Release: doc.Holds[0].ID}); len(doc.Holds) != 0 {
			t.Errorf("%+v", doc.Holds)
		}
		w.full("A", 3)
		w.staff = staff(4)
		if doc = w.steer(server.Options{}); len(doc.Holds) != 0 {
			t.Errorf("held as a first run again: %+v", doc.Holds)
		}
		w.full("A", 4)
		w.quiet()
	})
}

// Under another source's name everybody would be somebody else.
func TestRenamedSourceIsRefused(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(20)
		w.apply()
		w.edit("\n  hr:\n", "\n  workday:\n")
		before := w.app.Requests()
		doc, err := w.try(server.Options{})
		if err == nil || !strings.Contains(err.Error(), `"hr"`) || !strings.Contains(err.Error(), "was it renamed?") {
			t.Errorf("the cycle ends with %v", err)
		}
		if n := w.app.Requests() - before; n != 0 || len(doc.Sources) != 0 {
			t.Errorf("%d requests, %d sources read", n, len(doc.Sources))
		}
		w.alive(20)
	})
}

// A file with none of those who are known is somebody else's, or has another key.
func TestStrangersAreRefused(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(25)
		w.apply()
		w.edit("key: id", "key: first")
		doc, err := w.try(server.Options{})
		var strangers *source.StrangersError
		if !errors.As(err, &strangers) || strangers.Known != 25 || strangers.Here != 0 || strangers.New != 25 {
			t.Errorf("the cycle ends with %v", err)
		}
		if doc.People.Total != 25 || doc.People.Active != 25 || len(doc.Holds) != 0 || len(w.app.sent) != 0 {
			t.Errorf("%+v, holds %+v, sent %+v", doc.People, doc.Holds, w.app.sent)
		}
		w.alive(25)
	})
}

// A release lets people go once; those who came back are guarded like anybody.
func TestReturnedPeopleAreGuardedAgain(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(40)
		w.apply()
		w.staff = staff(40)[30:]
		doc := w.steer(server.Options{})
		if len(doc.Holds) == 0 {
			t.Fatal("thirty leave at once, and nobody is asked")
		}
		w.steer(server.Options{Release: doc.Holds[0].ID})
		w.alive(10)
		w.staff = staff(40)
		w.apply()
		w.alive(40)
		w.scope("p030")
		if rep := w.apply(); rep.Disable != 0 || rep.Held != 30 {
			t.Errorf("%+v", rep)
		}
		w.alive(40)
	})
}

// A scope that shrinks bit by bit is stopped by the limit of a day.
func TestScopeDripIsStopped(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(40)
		w.apply()
		total, held := 0, 0
		for i := 3; i <= 30; i += 3 {
			w.scope(fmt.Sprintf("p%03d", i))
			rep := w.apply()
			total, held = total+rep.Disable, rep.Held
		}
		if total != 3 || held != 27 { // 5 a day, and a set is held as a whole
			t.Errorf("%d disabled, %d held", total, held)
		}
		w.alive(37)
	})
}

func TestUnchangedIsWhoWasNotWritten(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(10)
		w.apply()
		w.staff[0].first = "q001"
		w.staff[1].end = past
		if rep := w.plan(); rep.Unchanged != 8 {
			t.Errorf("plan: %+v", rep)
		}
		if rep := w.apply(); rep.Unchanged != 8 {
			t.Errorf("apply: %+v", rep)
		}
	})
}

// A cycle for one person keeps the holds of the others, and is no way round them.
func TestOnePersonIsNoWayRoundTheGuard(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(40)
		w.apply()
		w.scope("p030")
		held := w.steer(server.Options{}).Holds
		if len(held) != 1 || held[0].Count != 30 {
			t.Fatalf("%+v", held)
		}
		for _, person := range []string{"40", "1"} { // not held, held
			doc := w.steer(server.Options{Person: person})
			if len(doc.Holds) != 1 || doc.Holds[0].ID != held[0].ID || len(w.app.sent) != 0 {
				t.Errorf("for %s: holds %+v, sent %+v", person, doc.Holds, w.app.sent)
			}
		}
		w.alive(40)
	})
}

// A create without an answer is no claim to an account that was there before.
func TestAmbiguousCreateAdoptsNoAdministrator(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(3)
		w.apply()
		admin := scim.NewResource(scim.UserURN)
		admin.Set("userName", scim.String("boss@acme.example"))
		admin.SetActive(true)
		var role scim.Object
		role.Set("value", scim.String("Organization Admin"))
		admin.Set("roles", scim.List(scim.Complex(role)))
		w.app.seat(app.KindUser, admin)
		w.app.before = func(c call) *app.Error {
			if c.on("create", "boss") {
				return &app.Error{Class: app.Ambiguous, Status: 500, Detail: "duplicate key value"}
			}
			return nil
		}
		w.staff = append(w.staff, worker{id: "50", first: "boss", dept: "A", start: "2020-01-01"})
		rep := w.apply()
		if rep.Parked != 1 || rep.Create != 0 {
			t.Errorf("%+v", rep)
		}
		if n := len(w.app.sent); n != 1 { // the create
			t.Errorf("sent %+v", w.app.sent)
		}
		w.full("A", 3)
	})
}

// moved gives the app another address.
func (w *world) moved() { w.edit("https://app.example/scim", "https://eu.app.example/scim") }

// What moved to another address is matched anew, whatever its ids are there.
func TestMovedAppIsMatchedAnew(t *testing.T) {
	t.Parallel()
	for name, copied := range map[string]bool{"same ids": false, "other ids": true} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				w.staff = staff(5)
				w.apply()
				if copied {
					w.app = w.app.copied()
				}
				w.moved()
				lists := 0
				w.app.before = func(c call) *app.Error {
					if c.op == "list" {
						lists++
					}
					return nil
				}
				rep := w.apply()
				if rep.Unchanged != 5 || rep.Writes() != 0 || len(w.app.sent) != 0 || lists == 0 {
					t.Errorf("%d lists, sent %+v, %+v", lists, w.app.sent, rep)
				}
				if n := w.events("app.moved"); n != 1 {
					t.Errorf("%d events", n)
				}
				w.quiet()
				w.staff[0].end = past
				w.apply()
				w.out("p001")
				w.full("A", 4)
				w.alive(4)
			})
		})
	}
}

// copied is an app with the same content under other ids.
func (a *fakeApp) copied() *fakeApp {
	b := newFakeApp()
	b.last = 5000
	ids := map[string]string{}
	for _, k := range []app.Kind{app.KindUser, app.KindGroup} {
		for _, id := range slices.Backward(sorted(a.objects[k])) {
			ids[id] = b.seat(k, a.objects[k][id]).ID()
		}
	}
	for group, members := range a.members {
		for id := range members {
			b.members[ids[group]][ids[id]] = true
		}
	}
	return b
}

func TestMovedToAnEmptyApp(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(5)
		w.apply()
		w.app = newFakeApp()
		w.moved()
		if rep := w.apply(); rep.Create != 5 || rep.GroupCreate != 1 || rep.MemberAdd != 5 {
			t.Errorf("%+v", rep)
		}
		w.alive(5)
		w.full("A", 5)
		w.quiet()
	})
}
