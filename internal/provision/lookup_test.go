// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// searchedBy makes the app search by some attributes, and by nothing else.
func (a *fakeApp) searchedBy(attrs ...string) {
	a.profile.Filters = []app.FilterSupport{{Resource: app.KindUser, Attributes: attrs, Operators: []string{"eq"}}}
}

// Somebody is renamed after a create without an answer: what it made is found by
// the name that it asked for, and is nobody else's.
func TestRenamedAfterALostCreate(t *testing.T) {
	for name, c := range map[string]struct {
		fault            fault
		trusted          bool
		adopt            []string
		with             func(h *house) // in between
		creates, updates int
		parked           bool
	}{
		"it was made":                  {fault: fault{after: lost()}, updates: 1},
		"it was made, and is listed":   {fault: fault{after: lost()}, trusted: true, updates: 1},
		"by no rule":                   {fault: fault{after: lost()}, adopt: []string{"externalId"}, updates: 1},
		"it was not made":              {fault: fault{before: broken()}, creates: 1},
		"it was not made, says a list": {fault: fault{before: broken()}, trusted: true, creates: 1},
		"somebody else's": {fault: fault{before: broken()}, creates: 1, with: func(h *house) {
			h.app.users[h.app.user("p000@acme.example", "")].SetExternalID("somebody-else")
		}},
		"the new name is a stranger's": {fault: fault{before: broken()}, adopt: []string{"externalId"}, parked: true, with: func(h *house) {
			h.app.user("new@acme.example", "")
		}},
		"made, and the new name is a stranger's": {fault: fault{after: lost()}, updates: 1, with: func(h *house) {
			h.app.user("old@acme.example", "")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.searchedBy("userName")
				h.app.forgets, h.app.profile.ListTrusted, h.app.profile.Settle = true, c.trusted, 2*time.Hour
				if c.adopt != nil {
					h.targets[0].Adopt = c.adopt
				}
				h.put(somebody("known", directory.Active))
				h.apply()
				h.app.faults = func(call call) fault {
					if call.Op == "create" && call.ID == "p000" && call.Nth == 1 {
						return c.fault
					}
					return fault{}
				}
				people := []*directory.Person{somebody("p000", directory.Active)}
				for i := range 4 { // a list is fewer requests
					people = append(people, somebody(fmt.Sprintf("p00%d", i+1), directory.Active))
				}
				h.put(people...)
				h.apply()
				if len(h.open()) != 1 {
					t.Fatalf("%d requests are open", len(h.open()))
				}
				before := len(h.app.users)
				if c.with != nil {
					c.with(h)
				}
				strangers := len(h.app.users) - before
				h.put(somebody("p000", directory.Active, "userName", "new@acme.example"))
				time.Sleep(3 * time.Hour)
				h.app.forget()
				h.app.faults = nil
				h.app.profile.PageSize = 1
				rep := h.apply()
				if rep.Update != c.updates || h.app.did("create") != c.creates || (rep.Parked == 1) != c.parked {
					t.Errorf("%+v, %+v %s", rep, h.app.calls, h.account("p000").Parked)
				}
				if want := 6 + strangers; !c.parked && len(h.app.users) != want {
					t.Errorf("%d accounts of %d", len(h.app.users), want)
				}
				if !c.parked {
					h.settled()
				}
			})
		})
	}
}

// Of a partial list each account is read by itself. What is wrong with one of them
// is nobody else's, and no sign of a wrong address.
func TestPartialListOneByOne(t *testing.T) {
	for name, c := range map[string]struct {
		fault             func(call) fault
		requests, creates int // reads of single accounts
		lists             int // at most
		parked            string
	}{
		"not there any more": {func(c call) fault {
			if c.Op == "get" && c.ID == "u-002" {
				return fault{before: missing()}
			}
			return fault{}
		}, 30, 1, 1, ""},
		"too many": {func(c call) fault {
			if c.Op == "get" && c.ID == "u-002" && c.Nth == 1 {
				return fault{before: slow(time.Minute)}
			}
			return fault{}
		}, 31, 0, 2, ""},
		"again and again": {func(c call) fault {
			if c.Op == "get" && c.Nth == 1 && (c.ID > "u-002" && c.ID < "u-028") {
				return fault{before: slow(time.Minute)}
			}
			return fault{}
		}, 55, 0, 26, ""},
		"one is refused": {func(c call) fault {
			if c.Op == "get" && c.ID == "u-002" {
				return fault{before: refused("no")}
			}
			return fault{}
		}, 30, 0, 1, "cannot be looked up"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.targets[0].Concurrency = 1
				h.app.profile.ListPartial, h.app.profile.ListTrusted = true, true
				for i := range 30 {
					id := fmt.Sprintf("p%03d", i)
					h.app.user(id+"@acme.example", id, func(u *scim.Resource) { u.Set("displayName", scim.String("Person "+id)) })
				}
				h.app.faults = c.fault
				h.crew(30, "")
				rep := h.apply()
				if rep.Paused != "" || rep.Create != c.creates || rep.Update+rep.Waiting+rep.Foreign != 0 {
					t.Errorf("%+v", rep)
				}
				lists := 0
				for _, c := range h.app.calls {
					if c.Op == "list" && c.Kind == app.KindUser {
						lists++
					}
				}
				if n := h.app.did("get"); n != c.requests || lists > c.lists {
					t.Errorf("%d accounts read of %d, by %d lists of at most %d", n, c.requests, lists, c.lists)
				}
				if p := h.account("p001").Parked; (p == "") != (c.parked == "") || !strings.Contains(p, c.parked) {
					t.Errorf("set aside: %q", p)
				}
				if a := h.account("p029"); a.RemoteID != "u-030" || a.State != provision.Live {
					t.Errorf("%+v", a)
				}
			})
		})
	}
}

// Where a list leaves people out, whoever is to have an account is looked up before
// it is made, and whoever has left is looked up once.
func TestListsThatLeaveOutPeople(t *testing.T) {
	for name, c := range map[string]struct {
		trusted               bool
		searched              []string
		leaver                string // what the app has of somebody who has left
		updates, offs, parked int
		finds, accounts, live int
	}{
		"looked up":                      {searched: []string{"userName", "externalId"}, leaver: "gone", updates: 1, offs: 1, finds: 4, accounts: 5, live: 4},
		"by name alone":                  {searched: []string{"userName"}, leaver: "gone", updates: 1, offs: 1, finds: 4, accounts: 5, live: 4},
		"somebody else's":                {searched: []string{"userName"}, leaver: "else", updates: 1, parked: 1, finds: 4, accounts: 5, live: 5},
		"who is not listed is not there": {trusted: true, leaver: "gone", accounts: 6, live: 6},
		"nothing is searched":            {searched: []string{"nickName"}, leaver: "gone", accounts: 6, live: 6},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.ListTrusted = c.trusted
				h.app.searchedBy(c.searched...)
				if c.searched == nil {
					h.app.profile.Filters = nil
				}
				h.app.user("listed@acme.example", "", func(u *scim.Resource) { u.Set("displayName", scim.String("Person listed")) })
				hidden := h.app.user("hidden@acme.example", "")
				left := h.app.user("gone@acme.example", c.leaver)
				h.app.hides = map[string]bool{hidden: true, left: true}
				h.put(somebody("listed", directory.Active), somebody("hidden", directory.Active), somebody("new", directory.Active),
					somebody("gone", directory.Leaver), somebody("old", directory.Leaver), somebody("soon", directory.Staged))
				h.app.user("stranger@acme.example", "")
				planned := h.plan().Apps["crm"]
				h.app.forget()
				rep := h.apply()
				if rep.Disable != c.offs || rep.Parked != c.parked || rep.Foreign != 1 || rep.Waiting != 0 {
					t.Errorf("%+v", rep)
				}
				if want := map[bool]int{true: 2}[c.finds == 0 && !c.trusted]; rep.Unsought != want || planned.Unsought != want {
					t.Errorf("%d people were not looked for, %d in the plan", rep.Unsought, planned.Unsought)
				}
				if planned.Create != rep.Create || planned.Update != rep.Update || planned.Disable != rep.Disable {
					t.Errorf("planned %+v, done %+v", planned, rep)
				}
				names, live := map[string]int{}, 0
				for _, u := range h.app.users {
					names[u.UserName()]++
					if on, _ := u.Active(); on {
						live++
					}
				}
				if len(h.app.users) != c.accounts || live != c.live || (c.updates > 0) != (names["hidden@acme.example"] == 1) {
					t.Errorf("%d accounts, %d live: %v", len(h.app.users), live, names)
				}
				people := map[string]bool{}
				for _, call := range h.app.calls {
					if call.Op == "find" {
						people[strings.TrimSuffix(call.ID, "@acme.example")] = true
					}
				}
				if len(people) != c.finds {
					t.Errorf("looked up: %v", sorted(people))
				}
				h.app.forget()
				if h.apply(); len(h.app.calls) != 0 {
					t.Errorf("a second cycle sent %+v", h.app.calls)
				}
			})
		})
	}
}
