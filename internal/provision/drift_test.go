// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"slices"
	"testing"

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
// once, and mended; what is not ours is left alone.
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
		// cid is made anew and seated, dan is seated, ann and bob are updated, eve is out again.
		if rep.Drifted != 5 || rep.Create != 1 || rep.Update != 2 || rep.Disable != 1 || rep.MemberAdd != 2 || rep.MemberRemove != 0 {
			t.Errorf("%+v", rep)
		}
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
