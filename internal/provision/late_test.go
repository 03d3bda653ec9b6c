// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// belated is an app at which the first of some requests is given up, and comes 5 minutes later.
func (h *house) belated(of func(c call) bool, effect func()) {
	given := false
	h.app.faults = func(c call) fault {
		if given || !of(c) {
			return fault{}
		}
		given = true
		go func() {
			time.Sleep(5 * time.Minute)
			h.app.mu.Lock()
			defer h.app.mu.Unlock()
			effect()
		}()
		return fault{before: lost()}
	}
}

// come seats an account at the app as a create does that comes late. The caller holds mu.
func (h *house) come(id, name string) {
	u := scim.NewResource(scim.UserURN)
	u.Set("userName", scim.String(name))
	u.Set("displayName", scim.String("Person "+id))
	u.SetExternalID(id)
	u.SetActive(true)
	for _, o := range h.app.users {
		if o.UserName() == name {
			return // it is taken
		}
	}
	h.app.seat(app.KindUser, u)
}

// Who leaves before a create that was given up has its effect is found, and shut out, once it
// is too late for that: at the first cycle after it.
func TestCreateComesLateForALeaver(t *testing.T) {
	for name, settle := range map[string]time.Duration{"at once": 0, "once settled": 20 * time.Second} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.Settle = settle
				h.crew(2, "")
				h.apply()
				h.wait = 0
				h.put(somebody("late", directory.Active))
				h.belated(func(c call) bool { return c.Op == "create" && c.Kind == app.KindUser }, func() { h.come("late", "late@acme.example") })
				h.apply()
				h.put(somebody("late", directory.Leaver))
				for range 3 { // it is looked up, and is not there
					time.Sleep(40 * time.Second)
					h.apply()
				}
				if a := h.account("late"); a.Observe || a.State != provision.None || len(h.open()) > 0 {
					t.Errorf("%+v", a)
				}
				h.app.forget()
				h.apply()
				if n := len(h.app.calls); n > 0 {
					t.Errorf("asked for %+v", h.app.calls)
				}
				time.Sleep(15 * time.Minute)
				h.wait = time.Hour
				h.apply()
				h.settled()
				if a := h.account("late"); a.State != provision.Disabled || !a.Late.IsZero() {
					t.Errorf("%+v", a)
				}
			})
		})
	}
}

// So is who has got an account meanwhile, and leaves an app that keeps no disabled ones: its
// name is free again when the create comes.
func TestCreateComesLateForOneDeleted(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.unique, h.app.profile.DeactivateBy, h.app.profile.DeactivateLeaves = true, app.ByDelete, app.LeavesNothing
		h.crew(2, "")
		h.apply()
		h.wait = 0
		h.put(somebody("late", directory.Active))
		h.belated(func(c call) bool { return c.Op == "create" && c.Kind == app.KindUser }, func() { h.come("late", "late@acme.example") })
		h.apply()
		time.Sleep(time.Minute)
		h.apply() // it is looked up, is not there, and is made
		if n := h.app.accounts(); n != 3 {
			t.Fatalf("%d accounts", n)
		}
		h.put(somebody("late", directory.Leaver))
		h.apply()
		time.Sleep(15 * time.Minute)
		if n := h.app.accounts(); n != 3 {
			t.Fatalf("%d accounts: nothing has come", n)
		}
		h.wait = time.Hour
		h.apply()
		h.settled()
		if n := h.app.accounts(); n != 2 || !h.account("late").Late.IsZero() {
			t.Errorf("%d accounts, %+v", n, h.account("late"))
		}
	})
}

// Where nothing comes there is one look, and no more.
func TestCreateNeverComes(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(2, "")
		h.apply()
		h.wait = 0
		h.put(somebody("late", directory.Active))
		h.belated(func(c call) bool { return c.Op == "create" && c.Kind == app.KindUser }, func() {})
		h.apply()
		h.put(somebody("late", directory.Leaver))
		time.Sleep(time.Minute)
		h.apply()
		time.Sleep(15 * time.Minute)
		h.app.forget()
		h.apply()
		if n := h.app.did("find"); n == 0 {
			t.Error("nobody looked")
		}
		h.app.forget()
		h.put(somebody("late", directory.Leaver, "displayName", "x"))
		h.apply()
		time.Sleep(15 * time.Minute)
		h.apply()
		if n := len(h.app.calls); n > 0 {
			t.Errorf("looked again: %+v", h.app.calls)
		}
	})
}

// Who is called otherwise before a create that was given up has its effect gets the account
// that it makes, and none beside it, whether it was looked up before that or after, and whether
// anybody asks again before it comes or not. Who has got an account meanwhile keeps its name
// until it is too late for that, and nothing else of theirs waits.
func TestCreateComesLateForSomebodyRenamed(t *testing.T) {
	for name, c := range map[string]struct{ looked, made, asleep bool }{
		"before the look-up":              {},
		"after the look-up":               {looked: true},
		"after the look-up, and for long": {looked: true, asleep: true},
		"after the next create":           {looked: true, made: true},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.unique, h.app.forgets, h.app.profile.ListTrusted = true, true, c.asleep // nobody looks without need
				h.app.profile.Unsupported = app.Paths{{Attr: "externalId"}}
				h.crew(2, "sales")
				h.apply()
				h.wait = 0
				h.put(somebody("late", directory.Active))
				tries := 0
				h.belated(func(c call) bool { return c.Op == "create" && c.Kind == app.KindUser }, func() { h.come("late", "late@acme.example") })
				given := h.app.faults
				h.app.faults = func(call call) fault {
					if call.Op != "create" || call.Kind != app.KindUser {
						return fault{}
					}
					if tries++; tries == 2 && c.looked && !c.made {
						return fault{before: slow(0)}
					}
					return given(call)
				}
				h.apply()
				time.Sleep(time.Minute)
				if c.looked {
					h.apply()
				}
				h.put(somebody("late", directory.Active, "userName", "new@acme.example"))
				h.seat("late", "sales")
				if !c.asleep {
					time.Sleep(time.Minute)
					h.apply()
				}
				if g := h.groupOf("sales").RemoteID; c.made && len(h.app.members[g]) != 3 {
					t.Errorf("they wait for their group: %v", h.app.members[g])
				}
				time.Sleep(15 * time.Minute)
				h.wait = time.Hour
				h.apply()
				h.settled()
				if n := h.app.accounts(); n != 3 {
					t.Errorf("%d accounts", n)
				}
			})
		})
	}
}

// Who is back before a departure that was given up has its effect is let in again once that has
// come, and is not taken for somebody whom others have shut out, whatever else was written
// meanwhile.
func TestDisableComesLate(t *testing.T) {
	for name, again := range map[string]bool{"before it was sent again": false, "after that": true} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.crew(3, "sales")
				h.apply()
				h.wait = 0
				id := h.account("p000").RemoteID
				h.put(somebody("p000", directory.Leaver))
				h.belated(func(c call) bool { return c.Off }, func() {
					u := h.app.users[id].Clone()
					u.SetActive(false)
					h.app.users[id] = u
				})
				h.apply()
				if !again {
					h.put(somebody("p000", directory.Active))
				}
				time.Sleep(time.Minute)
				h.apply()
				h.put(somebody("p000", directory.Active, "displayName", "x"))
				h.apply()
				time.Sleep(15 * time.Minute)
				h.wait = time.Hour
				h.apply()
				h.settled()
				if a := h.account("p000"); a.Last == provision.Shut || !a.Late.IsZero() {
					t.Errorf("%+v", a)
				}
			})
		})
	}
}
