// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// verify runs a cycle that looks at everything first.
func (h *house) verify() *provision.AppReport {
	h.t.Helper()
	c := h.config()
	c.Verify = true
	res, err := provision.New(c).Apply(h.ctx, nil)
	h.must(err)
	return res.Apps[h.targets[0].Name]
}

// alter changes an account behind everybody's back.
func (h *house) alter(id string, change func(*scim.Resource)) {
	h.t.Helper()
	u := h.app.users[h.account(id).RemoteID]
	if u == nil {
		h.t.Fatalf("%s has no account", id)
	}
	change(u)
}

// TestVerify: what others have changed at the app is seen when it is looked for, told
// once, and mended; what is not ours is left alone, and who was disabled there is, too,
// until somebody asks for them by name.
func TestVerify(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.ignores = "title" // which is no drift
		for _, id := range []string{"ann", "bob", "cid", "dan", "eve"} {
			h.put(somebody(id, directory.Active, "title", "clerk"))
			h.seat(id, "sales")
		}
		h.apply()
		h.put(somebody("eve", directory.Leaver))
		h.apply()
		h.settled()
		h.app.forget()
		if rep := h.verify(); rep.Drifted != 0 || len(h.app.writes()) != 0 {
			t.Errorf("nothing has changed: %+v %+v", rep, h.app.calls)
		}

		h.alter("ann", func(u *scim.Resource) {
			u.Set("displayName", scim.String("Mallory"))
			u.Set("locale", scim.String("en"))
		})
		h.alter("bob", func(u *scim.Resource) { u.SetActive(false) })
		h.app.drop("User", h.account("cid").RemoteID)
		delete(h.app.members[h.groupOf("sales").RemoteID], h.account("dan").RemoteID)
		h.alter("eve", func(u *scim.Resource) { u.SetActive(true) })
		if rep := h.apply(); rep.Writes() != 0 {
			t.Errorf("without looking it is not seen: %+v", rep)
		}
		rep := h.verify()
		// cid is made anew and seated, dan is seated, ann is updated, eve is out again.
		if rep.Drifted != 5 || rep.Create != 1 || rep.Update != 1 || rep.Disable != 1 || rep.MemberAdd != 2 || rep.MemberRemove != 0 || rep.Parked != 1 {
			t.Errorf("%+v", rep)
		}
		h.only = []string{"bob"}
		if rep := h.apply(); rep.Update != 1 || rep.Drifted != 0 || rep.Parked != 0 {
			t.Errorf("asked for by name: %+v", rep)
		}
		h.only = nil
		h.settled()
		if v, _ := h.app.users[h.account("ann").RemoteID].Get("locale"); v.String() == "" || v.IsUnassigned() {
			t.Error("what is not ours was touched")
		}
		for _, id := range []string{"ann", "bob", "cid", "eve"} {
			if n := h.events("account.drifted", id); n != 1 {
				t.Errorf("%s: told %d times", id, n)
			}
		}
		if n := h.events("group.drifted", ""); n != 1 {
			t.Errorf("the group: told %d times", n)
		}
		h.app.forget()
		if rep := h.verify(); rep.Drifted != 0 || len(h.app.writes()) != 0 {
			t.Errorf("once more: %+v %+v", rep, h.app.calls)
		}
	})
}

// TestVerifyByList: where everybody is read by a list, one that is cut short makes
// nobody a second account.
func TestVerifyByList(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.ListTrusted, h.app.profile.PageSize = true, 100
		h.crew(30, "sales")
		h.apply()
		h.app.hides = map[string]bool{}
		for _, id := range []string{"p003", "p004"} {
			h.app.hides[h.account(id).RemoteID] = true
		}
		h.app.drop("User", h.account("p005").RemoteID)
		h.app.forget()
		rep := h.verify()
		if rep.Drifted != 1 || rep.Create != 1 || rep.MemberAdd != 1 || h.app.accounts() != 30 {
			t.Errorf("%+v, %d accounts", rep, h.app.accounts())
		}
		asked := 0
		for _, c := range h.app.calls {
			if c.Op == "get" && c.Kind == "User" {
				asked++
			}
		}
		if lists := slices.ContainsFunc(h.app.calls, func(c call) bool { return c.Op == "list" }); !lists || asked > 4 {
			t.Errorf("a list: %t, and %d accounts were asked for", lists, asked)
		}
	})
}

// TestVerifyShut: an account that others have disabled stays so, whatever else changes of
// the person, and counts as live: who leaves is out by our own doing.
func TestVerifyShut(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		for _, id := range []string{"ann", "bob", "cid", "dan", "eve"} {
			h.put(somebody(id, directory.Active))
		}
		h.apply()
		off := func(u *scim.Resource) { u.SetActive(false) }
		for _, id := range []string{"ann", "bob", "cid", "dan"} {
			h.alter(id, off)
		}
		h.only = []string{"dan"}
		if rep := h.verify(); rep.Update != 1 || rep.Drifted != 1 || rep.Parked != 0 {
			t.Errorf("seen, and asked for by name at once: %+v", rep)
		}
		h.only = nil
		h.app.forget()
		if rep := h.verify(); rep.Drifted != 3 || rep.Parked != 3 || len(h.app.writes()) != 0 {
			t.Errorf("told, and left: %+v %+v", rep, h.app.calls)
		}
		h.put(somebody("ann", directory.Active, "displayName", "Ann the Second"))
		h.put(somebody("bob", directory.Leaver))
		if rep := h.apply(); rep.Update != 0 || rep.Disable != 1 || rep.Parked != 2 {
			t.Errorf("ann changes and bob leaves: %+v", rep)
		}
		h.alter("cid", func(u *scim.Resource) { u.SetActive(true) })
		if rep := h.verify(); rep.Drifted != 0 || rep.Parked != 1 || rep.Writes() != 0 {
			t.Errorf("cid was let in again by whoever disabled the account: %+v", rep)
		}
		h.alter("cid", off)
		if rep := h.verify(); rep.Drifted != 1 || h.events("account.drifted", "cid") != 2 {
			t.Errorf("and shut out once more: %+v", rep)
		}
		if n := h.events("account.drifted", "ann"); n != 1 {
			t.Errorf("ann: told %d times", n)
		}
		h.only = []string{"ann", "cid"}
		if rep := h.apply(); rep.Update != 2 || rep.Drifted != 0 || rep.Parked != 0 {
			t.Errorf("both asked for by name: %+v", rep)
		}
		h.only = nil
		h.put(somebody("bob", directory.Active))
		h.apply()
		h.settled()
	})
}

// TestVerifyCutShort: what a look that was cut short leaves to the next cycle is seen as
// it would have been: the marks outlive who asked for them.
func TestVerifyCutShort(t *testing.T) {
	for name, trusted := range map[string]bool{"by list": true, "one by one": false} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.ListTrusted, h.app.profile.PageSize = trusted, 100
				h.crew(30, "sales")
				h.apply()
				h.put(somebody("p007", directory.Leaver))
				h.apply()
				h.app.hides = map[string]bool{h.account("p003").RemoteID: true, h.account("p004").RemoteID: true}
				h.app.drop("User", h.account("p005").RemoteID)
				h.app.drop("User", h.account("p007").RemoteID) // which the app does not show any more
				h.alter("p006", func(u *scim.Resource) { u.Set("displayName", scim.String("Mallory")) })

				ctx, cancel := context.WithCancel(h.ctx)
				h.app.faults = func(call) fault { cancel(); return fault{before: lost()} }
				c := h.config()
				c.Verify = true
				_, err := provision.New(c).Apply(ctx, nil)
				h.must(err)
				h.app.faults = nil

				rep := h.apply()
				if rep.Drifted < 2 || rep.Create != 1 || rep.Update != 1 || h.app.accounts() != 29 {
					t.Errorf("%+v, %d accounts", rep, h.app.accounts())
				}
				for _, id := range []string{"p005", "p006"} {
					if n := h.events("account.drifted", id); n != 1 {
						t.Errorf("%s: told %d times", id, n)
					}
				}
				if a := h.account("p007"); a.State != provision.Disabled || a.RemoteID == "" {
					t.Errorf("who is out, and not shown: %+v", a)
				}
				h.settled()
			})
		})
	}
}

// TestReturnerWhoseAccountIsGone: a disabled account that is not shown is believed to be
// there until the app says that it is not. Then whoever is back gets a new one.
func TestReturnerWhoseAccountIsGone(t *testing.T) {
	for name, verify := range map[string]bool{"a look at everything": true, "a plain cycle": false} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.put(somebody("ann", directory.Active), somebody("bob", directory.Active))
				h.apply()
				h.put(somebody("ann", directory.Leaver))
				h.apply()
				h.app.drop("User", h.account("ann").RemoteID)
				h.verify()
				if a := h.account("ann"); a.State != provision.Disabled {
					t.Errorf("%+v", a)
				}
				h.put(somebody("ann", directory.Active))
				run := h.apply
				if verify {
					run = h.verify
				}
				if rep := run(); rep.Create != 1 || rep.Waiting != 0 {
					t.Errorf("%+v", rep)
				}
				h.settled()
			})
		})
	}
}

// TestVerifyElsewhere: an app where hardly anybody is there any more is another one, or
// not whole. Nothing is made anew, and nothing is forgotten.
func TestVerifyElsewhere(t *testing.T) {
	for name, trusted := range map[string]bool{"by list": true, "one by one": false} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.ListTrusted = trusted
				h.crew(30, "sales")
				h.apply()
				users, groups := h.app.users, h.app.groups
				h.app.users, h.app.groups = map[string]*scim.Resource{}, map[string]*scim.Resource{}
				h.app.forget()
				rep := h.verify()
				if rep.Drifted != 0 || len(h.app.writes()) != 0 || !strings.Contains(rep.Paused, "30 of 30 live accounts are not there any more; at most 3") {
					t.Errorf("%+v %+v", rep, h.app.writes())
				}
				if rep := h.apply(); len(h.app.writes()) != 0 || rep.Paused == "" {
					t.Errorf("the next cycle: %+v %+v", rep, h.app.writes())
				}
				h.app.users, h.app.groups = users, groups
				if rep := h.apply(); rep.Writes() != 0 || rep.Drifted != 0 || rep.Paused != "" {
					t.Errorf("the right app again: %+v", rep)
				}
				h.settled()

				for _, id := range []string{"p001", "p002", "p003", "p004"} {
					h.app.drop("User", h.account(id).RemoteID)
				}
				if rep := h.verify(); rep.Create != 0 || rep.Paused == "" {
					t.Errorf("one more than the limit: %+v", rep)
				}
				h.only = []string{"p001"}
				if rep := h.apply(); rep.Create != 1 || rep.Paused != "" || rep.Drifted < 1 {
					t.Errorf("asked for by name: %+v", rep)
				}
				h.only = nil
				if rep := h.apply(); rep.Create != 3 || rep.Paused != "" {
					t.Errorf("as many as may be: %+v", rep)
				}
				h.settled()
			})
		})
	}
}

// TestLeaversWhoseAccountsAreGone: who is out, and whose account somebody has deleted
// before us, says nothing of the app: no new one is made.
func TestLeaversWhoseAccountsAreGone(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(30, "sales")
		h.apply()
		for _, id := range []string{"p001", "p002", "p003", "p004", "p005"} {
			h.app.drop("User", h.account(id).RemoteID)
			h.put(somebody(id, directory.Leaver))
		}
		if rep := h.apply(); rep.Paused != "" || rep.Create != 0 || rep.Waiting != 0 {
			t.Errorf("%+v", rep)
		}
		h.settled()
	})
}

// TestNoDriftOfOurs: a deactivation that was answered with success, did nothing and could
// not be read back is sent again, and is nobody else's doing.
func TestNoDriftOfOurs(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.put(somebody("ann", directory.Active))
		h.apply()
		h.put(somebody("ann", directory.Leaver))
		h.app.faults = func(c call) fault {
			switch {
			case c.Op == "patch" && c.Nth == 1:
				return fault{ignore: true}
			case c.Op == "get" && c.Nth == 1:
				return fault{before: broken()}
			}
			return fault{}
		}
		if rep := h.apply(); rep.Drifted != 0 || rep.Disable != 2 || h.events("account.drifted", "ann") != 0 {
			t.Errorf("%+v", rep)
		}
		h.alter("ann", func(u *scim.Resource) { u.SetActive(true) })
		if rep := h.verify(); rep.Drifted != 1 || rep.Disable != 1 {
			t.Errorf("and this is: %+v", rep)
		}
		h.settled()
	})
}

// TestVerifyInPieces: an app that asks for a pause within a look makes no two looks of it.
func TestVerifyInPieces(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.targets[0].Concurrency = 1
		h.crew(30, "sales")
		h.apply()
		for _, id := range []string{"p001", "p002", "p003", "p028"} {
			h.app.drop("User", h.account(id).RemoteID)
		}
		middle, paused := h.account("p015").RemoteID, false
		h.app.faults = func(c call) fault {
			if c.Op == "get" && c.ID == middle && !paused {
				paused = true
				return fault{before: slow(time.Second)}
			}
			return fault{}
		}
		h.app.forget()
		if rep := h.verify(); !paused || !strings.Contains(rep.Paused, "4 of 30") || len(h.app.writes()) != 0 {
			t.Errorf("%t %+v %+v", paused, rep, h.app.writes())
		}
	})
}
