// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

func TestAdoption(t *testing.T) {
	role := func(value string) func(*scim.Resource) {
		return func(r *scim.Resource) {
			var o scim.Object
			o.Set("value", scim.String(value))
			r.Set("roles", scim.List(scim.Complex(o)))
		}
	}
	in(t, func(t *testing.T, h *house) {
		h.put(somebody("ours", directory.Active), somebody("named", directory.Active), somebody("claimed", directory.Active),
			somebody("boss", directory.Active), somebody("doubt", directory.Active), somebody("twice", directory.Active), somebody("away", directory.Leaver), somebody("new", directory.Active))
		a := h.app
		a.user("other-name@acme.example", "ours")
		a.user("Named@acme.example", "")
		a.user("claimed@acme.example", "somebody-else")
		a.user("boss@acme.example", "", role("Super-Admin"))
		a.user("twice@acme.example", "")
		a.user("twice@acme.example", "")
		doubtful := a.user("doubt@acme.example", "", func(r *scim.Resource) { app.SetDoubt(r, "nobody has seen it") })
		a.user("away@acme.example", "")
		stranger := a.user("stranger@acme.example", "")
		rep := h.apply()
		if rep.Create != 1 || rep.Parked != 4 || rep.Update != 2 || rep.Disable != 1 {
			t.Errorf("%+v", rep)
		}
		if rep.Foreign != 2 { // the stranger, and one of two whom nobody can tell apart
			t.Errorf("%d foreign accounts", rep.Foreign)
		}
		for id, want := range map[string]string{"claimed": "another externalId", "boss": "privileged", "doubt": "nobody has seen it", "twice": "2 accounts"} {
			if p := h.account(id).Parked; !strings.Contains(p, want) {
				t.Errorf("%s: %q", id, p)
			}
		}
		for _, id := range []string{"ours", "named", "away"} {
			if n := h.events("account.adopted", id); n != 1 {
				t.Errorf("%s: %d events account.adopted", id, n)
			}
		}
		touched := map[string]bool{}
		for _, c := range a.writes() {
			touched[c.ID] = true
		}
		for _, id := range []string{"u-003", "u-004", "u-005", "u-006", doubtful, stranger} {
			if touched[id] {
				t.Errorf("%s is not ours and was written", id)
			}
		}
		a.forget()
		h.apply()
		if len(a.calls) != 0 {
			t.Errorf("a second cycle sent %+v", a.calls)
		}
	})
}

// That an app keeps no externalId proves of no account that it is ours: the rules decide,
// and the privileged are adopted by hand.
func TestAdoptionWithoutExternalIDs(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.put(somebody("named", directory.Active), somebody("boss", directory.Active))
		h.app.profile.Unsupported = app.Paths{{Attr: "externalId"}}
		h.app.user("named@acme.example", "")
		h.app.user("boss@acme.example", "", func(r *scim.Resource) {
			var o scim.Object
			o.Set("value", scim.String("admin"))
			r.Set("roles", scim.List(scim.Complex(o)))
		})
		h.apply()
		if p := h.account("boss").Parked; !strings.Contains(p, "privileged") {
			t.Errorf("an administrator was adopted: %q", p)
		}
		if n := h.events("account.adopted", "named"); n != 1 || h.events("account.adopted", "boss") != 0 {
			t.Errorf("%d were adopted", n)
		}
	})
}

// Somebody who is hired after the first run, and whose account was there before
// it: it is theirs, and an app that takes duplicates gets none. The plan says so.
func TestKnownBeforeHired(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.put(somebody("ann", directory.Active))
		h.app.user("Bob@acme.example", "")
		h.app.user("cid@acme.example", "somebody-else")
		if rep := h.apply(); rep.Create != 1 || rep.Foreign != 2 {
			t.Fatalf("%+v", rep)
		}
		h.put(somebody("bob", directory.Active), somebody("cid", directory.Active), somebody("dan", directory.Active))
		h.app.forget()
		rep := h.apply()
		if rep.Create != 1 || rep.Update != 1 || rep.Parked != 1 || rep.Foreign != 1 {
			t.Errorf("%+v", rep)
		}
		if n := h.events("account.adopted", "bob"); n != 1 {
			t.Errorf("%d events account.adopted", n)
		}
		h.app.forget()
		if h.apply(); len(h.app.calls) != 0 {
			t.Errorf("a quiet cycle sent %+v", h.app.calls)
		}
	})
}

// Before anybody is known, nothing is listed: what would be there could not be
// matched with whom we do not know yet.
func TestNobodyToMatch(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.user("ann@acme.example", "")
		if h.apply(); len(h.app.calls) != 0 {
			t.Errorf("%+v", h.app.calls)
		}
		h.put(somebody("ann", directory.Active))
		if rep := h.apply(); rep.Create != 0 || rep.Update != 1 || rep.Foreign != 0 {
			t.Errorf("%+v", rep)
		}
	})
}

// Two people whom the same rule leads to one account: one of them gets it.
func TestAdoptedOnce(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.targets[0].Adopt = []string{"externalId", "userName", "email"}
		h.targets[0].Mapping = mapped(t, map[string]string{"userName": "person.userName", `emails[type eq "work"].value`: "person.nickName"})
		h.put(somebody("ann", directory.Active, "nickName", "post@acme.example"), somebody("bob", directory.Active, "nickName", "post@acme.example"))
		h.app.user("old-name", "", func(r *scim.Resource) {
			if err := r.Put(scim.MustPath(`emails[type eq "work"].value`), scim.String("post@acme.example")); err != nil {
				t.Error(err)
			}
		})
		h.apply()
		if a, b := h.account("ann"), h.account("bob"); a.RemoteID != "u-001" || b.RemoteID != "" || b.Parked == "" {
			t.Errorf("%+v\n%+v", a, b)
		}
	})
}

func TestTakenName(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.unique = true
		h.crew(3, "sales")
		h.apply() // the app is known from here on
		stranger := h.app.user("late@acme.example", "somebody-else")
		h.put(somebody("late", directory.Active))
		h.app.forget()
		rep := h.apply()
		if rep.Parked != 1 || !strings.Contains(h.account("late").Parked, "another externalId") {
			t.Errorf("%+v %+v", rep, h.account("late"))
		}
		for _, c := range h.app.writes() {
			if c.ID == stranger {
				t.Errorf("written: %+v", c)
			}
		}
		mine := h.app.user("mine@acme.example", "mine")
		h.put(somebody("mine", directory.Active))
		h.apply()
		if a := h.account("mine"); a.RemoteID != mine {
			t.Errorf("%+v", a)
		}
		if n := h.events("account.adopted", "mine"); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

func TestGroupsAdopted(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		foreign := h.app.user("stranger@acme.example", "")
		ours := h.app.user("p000@acme.example", "p000")
		h.app.group("sales", "", foreign, ours)
		h.app.group("ops", "somebody-else")
		h.app.group("Admins", "")
		twice := h.app.group("board", "somebody-else")
		h.app.group("board", "t-board")
		h.crew(2, "sales")
		h.put(somebody("x", directory.Active))
		h.seat("x", "ops", "Admins", "board")
		rep := h.apply()
		if rep.GroupCreate != 0 || rep.MemberAdd != 2 || rep.Parked != 2 {
			t.Errorf("%+v", rep)
		}
		sales := h.groupOf("sales").RemoteID
		if m := h.app.members[sales]; !m[foreign] || !m[ours] || len(m) != 3 {
			t.Errorf("%v", m)
		}
		if len(h.app.members[twice]) != 0 {
			t.Error("somebody else's group was written")
		}
		h.app.forget()
		h.apply()
		if len(h.app.calls) > 0 { // what is parked is not looked at again and again
			t.Errorf("a second cycle sent %+v", h.app.calls)
		}
		h.seat("p000")
		h.seat("p001")
		h.apply()
		if m := h.app.members[sales]; !m[foreign] || len(m) != 1 {
			t.Errorf("%v", m)
		}
		for _, g := range []string{"t-sales", "t-board"} {
			n := 0
			for _, e := range h.ledger() {
				if e.Kind == "group.adopted" && e.Object == g {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s: %d events group.adopted", g, n)
			}
		}
	})
}

// A new group's answer is lost, and a foreign one of the same name is there.
func TestGroupFoundByExternalIDFirst(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(1, "")
		h.apply()
		h.app.group("sales", "somebody-else")
		h.app.faults = func(c call) fault {
			if c.Op == "create" && c.Kind == app.KindGroup && c.Nth == 1 {
				return fault{after: lost()}
			}
			return fault{}
		}
		h.seat("p000", "sales")
		rep := h.apply()
		if rep.GroupCreate != 1 || rep.MemberAdd != 1 || rep.Parked != 0 {
			t.Errorf("%+v %+v", rep, h.groupOf("sales"))
		}
	})
}

// A privileged group that appeared after our first look is not taken over, even
// when our own creation of it stayed without an answer.
func TestUnsureGroupOfAPrivilegedName(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(1, "")
		h.apply()
		h.app.faults = func(c call) fault {
			if c.Op == "create" && c.Kind == app.KindGroup {
				return fault{before: broken()}
			}
			return fault{}
		}
		theirs := h.app.group("administrators", "")
		h.seat("p000", "administrators")
		h.apply()
		if g := h.groupOf("administrators"); g.Parked == "" || g.RemoteID != "" || len(h.app.members[theirs]) != 0 {
			t.Errorf("%+v, members %v", g, h.app.members[theirs])
		}
	})
}

func TestAppWithoutGroups(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.targets[0].Teams = map[string]bool{}
		h.app.faults = func(c call) fault {
			if c.Kind == app.KindGroup {
				return fault{before: missing()}
			}
			return fault{}
		}
		h.crew(2, "sales")
		if rep := h.apply(); rep.Create != 2 || rep.Paused != "" {
			t.Errorf("%+v", rep)
		}
	})
}

func TestFirstRunWaitsForConsent(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.targets[0].FirstRunGo = false
		h.crew(5, "sales")
		rep := h.apply()
		if rep.Held != 11 || len(h.app.writes()) != 0 {
			t.Errorf("%+v", rep)
		}
		holds := h.holds()
		if len(holds) != 1 || holds[0].Cause != provision.CauseFirstRun {
			t.Fatalf("%+v", holds)
		}
		h.put(somebody("p009", directory.Active)) // another set, so another consent
		h.release = holds[0].ID
		if rep := h.apply(); rep.Held != 12 || len(h.app.writes()) != 0 {
			t.Errorf("%+v", rep)
		}
		h.release = h.holds()[0].ID
		h.app.faults = func(c call) fault {
			if c.Op == "create" && c.ID == "p001" && c.Nth == 1 {
				return fault{before: slow(time.Second)} // needs a second round
			}
			return fault{}
		}
		if rep := h.apply(); rep.Held != 0 || rep.Create != 6 || rep.MemberAdd != 5 {
			t.Errorf("%+v", rep)
		}
		h.release = ""
		h.settled()
		h.put(somebody("p010", directory.Active)) // the first run is over
		if rep := h.apply(); rep.Create != 1 {
			t.Errorf("%+v", rep)
		}
	})
}
