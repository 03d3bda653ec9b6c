// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// replace deletes an account behind everybody's back, and gives its id to somebody else's.
func (h *house) replace(id string) {
	h.app.mu.Lock()
	defer h.app.mu.Unlock()
	h.app.drop(app.KindUser, id)
	u := scim.NewResource(scim.UserURN)
	u.SetID(id)
	u.Set("userName", scim.String("robot"))
	u.Set("displayName", scim.String("Robot"))
	if !h.app.forgets {
		u.SetExternalID("robots")
	}
	u.SetActive(true)
	h.app.users[id] = u
}

// untouched says that an account is still the robot's, and in no group.
func (h *house) untouched(id string) {
	h.t.Helper()
	u := h.app.users[id]
	if active, _ := u.Active(); !active || u.UserName() != "robot" || u.DisplayName() != "Robot" {
		h.t.Errorf("it was written to: %s", u)
	}
	for gid, m := range h.app.members {
		if m[id] {
			h.t.Errorf("it is in %s", gid)
		}
	}
}

// What an app has given to somebody else is not written to, whatever is due: an update, a
// departure, a group. Whose account it was gets another one where an externalId tells, and is
// set aside where nothing does.
func TestIDGivenToSomebodyElse(t *testing.T) {
	for _, forgets := range []bool{false, true} {
		for name, change := range map[string]func(h *house){
			"update": func(h *house) { h.put(somebody("p000", directory.Active, "title", "x")) },
			"leaver": func(h *house) { h.put(somebody("p000", directory.Leaver)) },
			"group":  func(h *house) { h.seat("p000", "ops") },
		} {
			t.Run(name+map[bool]string{true: ", no externalId"}[forgets], func(t *testing.T) {
				in(t, func(t *testing.T, h *house) {
					h.app.profile.ReusesIDs, h.app.forgets = true, forgets
					if forgets {
						h.app.profile.Unsupported = app.Paths{{Attr: "externalId"}}
					}
					h.crew(8, "")
					h.apply()
					id := h.account("p000").RemoteID
					h.replace(id)
					change(h)
					h.apply()
					h.untouched(id)
					a := h.account("p000")
					if forgets {
						if a.Parked == "" {
							t.Errorf("%+v", a)
						}
						return
					}
					if a.RemoteID == id {
						t.Errorf("%+v", a)
					}
					h.settled()
				})
			})
		}
	}
}

// So is one of which the look-up tells, where the create was not answered: it was made, and not
// adopted.
func TestIDGivenToANewAccountWithoutAnAnswer(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "sales")
		h.apply()
		a := h.account("p001")
		h.app.mu.Lock()
		h.app.drop(app.KindUser, a.RemoteID)
		n, err := strconv.Atoi(strings.TrimPrefix(a.RemoteID, "u-"))
		h.app.last = n - 1 // it is the next one
		h.app.mu.Unlock()
		h.must(err)
		h.app.faults = func(c call) fault {
			if c.Op == "create" && c.Nth == 1 {
				return fault{after: lost()}
			}
			return fault{}
		}
		h.app.forget()
		h.put(somebody("new", directory.Active))
		h.apply()
		if now := h.account("new"); now.RemoteID != a.RemoteID || now.Parked != "" {
			t.Errorf("%+v", now)
		}
		if old := h.account("p001"); old.RemoteID != "" || old.Parked == "" {
			t.Errorf("%+v", old)
		}
		if made, adopted := h.events("account.created", "new"), h.events("account.adopted", "new"); made != 1 || adopted != 0 {
			t.Errorf("made %d times, adopted %d times", made, adopted)
		}
	})
}

// An id that a create is answered with is the new account's alone: whom it was kept of is set
// aside, and is never found at it again. No profile has to say anything.
func TestIDGivenToANewAccount(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "sales")
		h.apply()
		a := h.account("p001")
		h.app.mu.Lock()
		h.app.drop(app.KindUser, a.RemoteID)
		n, err := strconv.Atoi(strings.TrimPrefix(a.RemoteID, "u-"))
		h.app.last = n - 1 // it is the next one
		h.app.mu.Unlock()
		h.must(err)
		h.put(somebody("new", directory.Active))
		h.apply()
		if got := h.account("new"); got.RemoteID != a.RemoteID || got.State != provision.Live {
			t.Fatalf("%+v", got)
		}
		if got := h.account("p001"); got.RemoteID != "" || got.State != provision.None || got.Parked == "" {
			t.Errorf("%+v", got)
		}
		h.put(somebody("p001", directory.Leaver))
		h.apply()
		h.settled()
	})
}

// What is read at an id that is kept of somebody is compared wherever it is looked up.
func TestIDSeenAtAnother(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(8, "sales")
		h.apply()
		id := h.account("p000").RemoteID
		h.replace(id)
		a := h.account("p000")
		a.Observe = true
		h.must(h.db.Provision().Update(h.ctx, func(tx provision.Tx) error { return tx.PutAccounts(h.ctx, []provision.Account{a}) }))
		h.apply()
		h.untouched(id)
		h.settled()
	})
}
