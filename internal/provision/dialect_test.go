// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// did counts the fake's calls of one op since it was told to forget.
func (a *fakeApp) did(op string) int {
	n := 0
	for _, c := range a.calls {
		if c.Op == op {
			n++
		}
	}
	return n
}

// Where nothing is left of who is deactivated, leaving is a DELETE, and coming
// back is a new account. Nobody writes to an id that is gone.
func TestLeavingDeletes(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.DeactivateBy, h.app.profile.DeactivateLeaves = app.ByDelete, app.LeavesNothing
		h.crew(3, "sales")
		h.apply()
		h.app.forget()
		h.put(somebody("p000", directory.Leaver))
		plan := h.plan().Plans[0]
		if len(plan.Ops) != 1 || !strings.Contains(plan.Ops[0].Why, "keeps no disabled accounts") {
			t.Errorf("%+v", plan.Ops)
		}
		h.app.forget()
		if rep := h.apply(); rep.Delete != 1 || rep.Disable != 0 || rep.MemberRemove != 0 {
			t.Errorf("%+v", rep)
		}
		if w := h.app.writes(); len(w) != 1 || w[0].Op != "delete" {
			t.Errorf("%+v", w)
		}
		if a := h.account("p000"); a.State != provision.Gone || a.RemoteID != "" {
			t.Errorf("%+v", a)
		}
		h.settled()
		h.app.forget()
		h.put(somebody("p000", directory.Active))
		if rep := h.apply(); rep.Create != 1 || rep.MemberAdd != 1 || h.app.did("patch") != 0 {
			t.Errorf("%+v %+v", rep, h.app.writes())
		}
		h.settled()
		// A lost answer is looked up, and counts.
		h.app.faults = func(c call) fault {
			if c.Op == "delete" && c.Nth == 1 {
				return fault{after: lost()}
			}
			return fault{}
		}
		h.put(somebody("p001", directory.Leaver))
		h.apply()
		h.settled()
		if n := h.events("account.deleted", ""); n != 2 {
			t.Errorf("%d events account.deleted", n)
		}
	})
}

// A DELETE that is all there is of a deactivation is read back like any other; one of
// an account that was disabled before is not.
func TestDeleteReadBack(t *testing.T) {
	ends := func(h *house) {
		h.app.profile.DeactivateBy, h.app.profile.DeactivateLeaves = app.ByDelete, app.LeavesNothing
	}
	t.Run("nothing happens", func(t *testing.T) {
		in(t, func(t *testing.T, h *house) {
			ends(h)
			h.crew(3, "sales")
			h.apply()
			h.app.faults = func(c call) fault { return fault{ignore: c.Op == "delete"} }
			h.put(somebody("p000", directory.Leaver))
			rep := h.apply()
			a := h.account("p000")
			if rep.Delete != 0 || rep.Parked != 1 || a.State != provision.Live || a.RemoteID == "" || !strings.Contains(a.Parked, "still active") || h.events("account.deleted", "") != 0 {
				t.Errorf("%+v %+v", rep, a)
			}
			h.app.forget()
			h.apply()
			if w := h.app.writes(); len(w) > 0 {
				t.Errorf("tried for ever: %+v", w)
			}
		})
	})
	for name, ignored := range map[string]bool{"read-back fails": false, "read-back fails, and nothing happens": true} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				ends(h)
				h.crew(3, "sales")
				h.apply()
				h.app.forget()
				h.app.faults = func(c call) fault {
					if c.Op == "get" && c.Kind == app.KindUser && c.Nth == 1 {
						return fault{before: &app.Error{Class: app.Retry, Status: 503}}
					}
					return fault{ignore: ignored && c.Op == "delete"}
				}
				h.put(somebody("p000", directory.Leaver))
				rep := h.apply()
				a := h.account("p000")
				if a.Observe || ignored != (a.State == provision.Live) || ignored != (a.Parked != "") || ignored != (a.RemoteID != "") {
					t.Errorf("%+v %+v", rep, a)
				}
				if !ignored {
					h.settled()
				}
			})
		})
	}
	t.Run("inactive is enough", func(t *testing.T) {
		in(t, func(t *testing.T, h *house) {
			ends(h)
			h.app.profile.DeleteLeaves = app.LeavesDisabled // it keeps them, whatever the profile says
			h.crew(1, "")
			h.apply()
			h.put(somebody("p000", directory.Leaver))
			if rep := h.apply(); rep.Delete != 1 || rep.Parked != 0 || h.account("p000").State != provision.Gone {
				t.Errorf("%+v %+v", rep, h.account("p000"))
			}
		})
	})
	t.Run("after the grace time", func(t *testing.T) {
		in(t, func(t *testing.T, h *house) {
			grace := h.wait
			h.targets[0].DeleteAfter, h.clock = &grace, noon
			h.crew(2, "")
			h.apply()
			h.put(somebody("p000", directory.Leaver))
			h.apply()
			h.clock = noon.Add(2 * grace)
			h.app.forget()
			if rep := h.apply(); rep.Delete != 1 || h.app.did("get") != 0 {
				t.Errorf("%+v %+v", rep, h.app.calls)
			}
		})
	})
}

// An account that was found disabled where none can be enabled again is no way back.
func TestDisabledForGood(t *testing.T) {
	t.Parallel()
	a := newFakeApp()
	a.profile.DeactivateBy, a.profile.DeactivateLeaves = app.ByDelete, app.LeavesNothing
	ops, err := provision.NewPlanner(newTarget(t, "crm", a), scim.CoreSchemas(), noon).
		Subject(subject(somebody("ann", directory.Active), provision.Disabled), nil)
	if err != nil || words(ops) != "create (joiner)" {
		t.Errorf("%s %v", words(ops), err)
	}
}

// Where the app does not let the name of such an account be had twice, the person is
// set aside, until somebody has deleted it.
func TestDisabledForGoodInTheWay(t *testing.T) {
	for _, trusted := range []bool{true, false} { // where lists prove nothing it is looked for before
		t.Run(fmt.Sprint(trusted), func(t *testing.T) { disabledInTheWay(t, trusted) })
	}
}

func disabledInTheWay(t *testing.T, trusted bool) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.DeactivateBy, h.app.profile.DeactivateLeaves, h.app.profile.ListTrusted = app.ByDelete, app.LeavesNothing, trusted
		h.app.unique = true
		off := h.app.user("p000@acme.example", "p000", func(u *scim.Resource) { u.SetActive(false) })
		h.crew(2, "")
		rep := h.apply()
		a := h.account("p000")
		if rep.Create != 1 || rep.Parked != 1 || rep.Waiting != 0 || !strings.Contains(a.Parked, off+" is inactive there and cannot be enabled again: delete it by hand") {
			t.Errorf("%+v %+v", rep, a)
		}
		h.app.forget()
		h.apply()
		if len(h.app.writes()) > 0 {
			t.Errorf("tried for ever: %+v", h.app.writes())
		}
		h.put(somebody("p000", directory.Active)) // marked anew, and nothing is done there
		if rep := h.apply(); rep.Parked != 1 || h.app.did("create") != 1 {
			t.Errorf("%+v %+v", rep, h.app.calls)
		}
		h.app.drop(app.KindUser, off)
		h.put(somebody("p000", directory.Active))
		if rep := h.apply(); rep.Create != 1 || rep.Parked != 0 {
			t.Errorf("%+v %+v", rep, h.account("p000"))
		}
		h.settled()
	})
}

// A DELETE that only disables leaves an account that is enabled again, and none
// that could be deleted once its time has come.
func TestDeleteThatDisables(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.DeactivateBy, h.app.profile.DeactivateLeaves, h.app.profile.DeleteLeaves = app.ByDelete, app.LeavesDisabled, app.LeavesDisabled
		grace := h.wait
		h.targets[0].DeleteAfter = &grace
		h.clock = noon
		h.crew(3, "sales")
		h.apply()
		h.app.faults = func(c call) fault {
			if c.Op == "delete" && c.ID != "u-001" && c.Nth == 1 {
				return fault{after: lost()}
			}
			return fault{}
		}
		h.put(somebody("p000", directory.Leaver), somebody("p001", directory.Leaver))
		if rep := h.apply(); rep.Disable != 2 || rep.Delete != 0 {
			t.Errorf("%+v", rep)
		}
		h.settled()
		h.clock = noon.Add(2 * grace)
		if rep := h.apply(); rep.Delete != 0 {
			t.Errorf("%+v", rep)
		}
		h.app.forget()
		h.put(somebody("p000", directory.Active))
		if rep := h.apply(); rep.Update != 1 || rep.Create != 0 || len(h.app.users) != 3 {
			t.Errorf("%+v", rep)
		}
		h.settled()
	})
}

// Without PATCH each change is one request with the whole account.
func TestWithoutPatch(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.Users.Patch = false
		h.put(somebody("ann", directory.Active, "title", "Clerk", "nickName", "Annie"))
		h.apply()
		h.app.forget()
		for _, p := range []*directory.Person{
			somebody("ann", directory.Active, "title", "Lead", "nickName", "Annie"), somebody("ann", directory.Leaver, "title", "Lead", "nickName", "Annie"),
			somebody("ann", directory.Active, "title", "Lead"),
		} {
			h.put(p)
			h.apply()
			h.settled()
			for _, u := range h.app.users {
				if title, _ := u.Get("title"); title.String() != `"Lead"` || u.ExternalID() != "ann" || u.DisplayName() != "Person ann" {
					t.Errorf("%s is put as %s", p.State, u)
				}
			}
		}
		if n := h.app.did("patch"); n != 3 || len(h.app.writes()) != 3 {
			t.Errorf("%+v", h.app.writes())
		}
	})
}

// Who is set aside for what cannot be changed changes teams all the same, by as many
// tries as it takes.
func TestSetAsideChangesTeams(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.Immutable = app.Paths{scim.MustPath("title")}
		h.crew(2, "sales")
		h.seat("p001", "ops")
		h.apply()
		h.app.forget()
		h.app.faults = func(c call) fault {
			if len(c.Drop) > 0 && c.Nth == 1 {
				return fault{before: slow(time.Second)}
			}
			return fault{}
		}
		h.put(somebody("p000", directory.Active, "title", "Lead"))
		h.seat("p000", "ops")
		rep := h.apply()
		a := h.account("p000")
		if rep.MemberRemove != 1 || rep.MemberAdd != 1 || rep.Update != 0 || rep.Parked != 1 || rep.Waiting != 0 || !strings.Contains(a.Parked, "title") {
			t.Errorf("%+v %+v", rep, a)
		}
		if in := h.app.members[h.groupOf("sales").RemoteID]; len(in) > 0 {
			t.Errorf("still in sales: %v", in)
		}
		h.settled()
	})
}

// Who comes back is let in first, and what PATCH does not reach comes after.
func TestBackInTwoRequests(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.Patch.UserPaths = app.Paths{scim.MustPath("active")}
		h.put(somebody("ann", directory.Active))
		h.apply()
		h.put(somebody("ann", directory.Leaver))
		h.apply()
		h.put(somebody("ann", directory.Active, "displayName", "Ann again"))
		if ops := h.plan().Plans[0].Ops; words(ops) != "update active (joiner)" {
			t.Errorf("%s", words(ops))
		}
		h.app.forget()
		if rep := h.apply(); rep.Update != 2 || rep.Waiting != 0 || h.app.did("patch") != 2 {
			t.Errorf("%+v %+v", rep, h.app.writes())
		}
		h.settled()
		h.put(somebody("ann", directory.Leaver, "displayName", "Ann again"))
		h.apply()
		h.put(somebody("ann", directory.Active, "displayName", "Ann again"))
		h.app.forget()
		h.apply()
		if h.app.did("patch") != 1 {
			t.Errorf("%+v", h.app.writes())
		}
	})
}

func TestNoGroupsAtAll(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.Groups = app.Operations{}
		h.crew(2, "sales")
		rep := h.apply()
		if rep.Create != 2 || rep.GroupCreate != 0 || rep.MemberAdd != 0 || rep.Waiting != 0 || rep.Parked != 0 {
			t.Errorf("%+v", rep)
		}
		for _, c := range h.app.calls {
			if c.Kind == app.KindGroup || c.Op == "members" {
				t.Errorf("asked: %+v", c)
			}
		}
		h.seat("p000", "ops")
		h.put(somebody("p001", directory.Leaver))
		if rep := h.apply(); rep.Disable != 1 || rep.Writes() != 1 || rep.Waiting != 0 {
			t.Errorf("%+v", rep)
		}
	})
}

// An app whose groups are switched off keeps nobody from an account.
func TestGroupsSwitchedOff(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.faults = func(c call) fault {
			if c.Kind == app.KindGroup {
				return fault{before: missing()}
			}
			return fault{}
		}
		h.crew(3, "sales")
		rep := h.apply()
		if rep.Create != 3 || rep.Paused != "" || rep.Parked != 1 || !strings.Contains(h.groupOf("sales").Parked, "404") {
			t.Errorf("%+v %+v", rep, h.groupOf("sales"))
		}
	})
}

// renamed seats people in a team that has another name now.
func (h *house) renamed(value, name string, people ...string) {
	h.t.Helper()
	t := team(value)
	t.Name = name
	teams := map[string][]directory.Team{}
	for _, id := range people {
		teams[id] = []directory.Team{t}
	}
	h.must(h.db.Directory().Update(h.ctx, func(tx directory.Tx) error { return tx.SetTeams(h.ctx, teams) }))
	for _, id := range people {
		h.put(h.people[id])
	}
}

// A group that cannot be renamed is set aside with words, and its members are
// kept up all the same.
func TestGroupKeepsItsName(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.Groups.NoRename = true
		h.crew(3, "sales")
		h.apply()
		h.app.forget()
		h.put(somebody("p003", directory.Active))
		h.renamed("sales", "revenue", "p000", "p001", "p002", "p003")
		rep := h.apply()
		if rep.GroupUpdate != 0 || rep.MemberAdd != 1 || rep.Parked != 1 || rep.Waiting != 0 {
			t.Errorf("%+v", rep)
		}
		g := h.groupOf("sales")
		for _, say := range []string{"cannot be renamed", "revenue", "keeps the name sales", "Rename the team back"} {
			if !strings.Contains(g.Parked, say) {
				t.Errorf("%q does not say %q", g.Parked, say)
			}
		}
		for _, c := range h.app.writes() {
			if c.Op == "patch" && c.Kind == app.KindGroup {
				t.Errorf("renamed: %+v", c)
			}
		}
		h.put(somebody("p003", directory.Leaver))
		if rep := h.apply(); rep.MemberRemove != 1 {
			t.Errorf("%+v", rep)
		}
		// A lost answer about its members is still looked up.
		h.app.faults = func(c call) fault {
			if c.Op == "members" && c.Nth == 1 {
				return fault{after: lost()}
			}
			return fault{}
		}
		h.app.forget()
		h.put(somebody("p004", directory.Active))
		h.renamed("sales", "revenue", "p004")
		h.apply()
		if g := h.groupOf("sales"); g.Observe || len(h.open()) > 0 || !h.app.members[g.RemoteID][h.account("p004").RemoteID] {
			t.Errorf("%+v", g)
		}
		h.renamed("sales", "sales", "p000", "p001", "p002", "p004")
		if rep := h.apply(); rep.Parked != 0 || h.groupOf("sales").Parked != "" {
			t.Errorf("%+v %+v", rep, h.groupOf("sales"))
		}
	})
}

// Who comes and who goes have bounds of their own.
func TestMembersAtOnce(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.MaxMembersPerRequest, h.app.profile.MaxRemovalsPerRequest = 20, 1
		h.crew(25, "sales")
		h.apply()
		var sizes []int
		for _, c := range h.app.writes() {
			if c.Op == "members" {
				sizes = append(sizes, len(c.Add))
			}
		}
		if !slices.Equal(sizes, []int{20, 5}) {
			t.Errorf("added by %v", sizes)
		}
		h.app.forget()
		for i := range 3 {
			h.seat(fmt.Sprintf("p%03d", i))
		}
		h.apply()
		for _, c := range h.app.writes() {
			if c.Op != "members" || len(c.Drop) != 1 {
				t.Errorf("%+v", c)
			}
		}
		if n := len(h.app.writes()); n != 3 {
			t.Errorf("%d requests", n)
		}
		h.settled()
	})
}

// An account is looked up by what the app searches by, and by nothing else.
func TestLookUpByWhatIsSearched(t *testing.T) {
	for name, attrs := range map[string][]string{"externalId": {"externalId"}, "userName": {"userName"}} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.Filters = []app.FilterSupport{{Resource: app.KindUser, Attributes: attrs, Operators: []string{"eq"}}}
				h.app.profile.ListTrusted = true // or it is looked up before, too
				h.app.faults = func(c call) fault {
					if c.Op == "create" && c.Nth == 1 {
						return fault{after: lost()}
					}
					return fault{}
				}
				h.crew(1, "")
				h.apply()
				h.settled()
				want := map[string]string{"externalId": "p000", "userName": "p000@acme.example"}[name]
				for _, c := range h.app.calls {
					if c.Op == "find" && c.ID != want {
						t.Errorf("%+v", c)
					}
				}
				if h.app.did("find") != 1 || len(h.app.users) != 1 {
					t.Errorf("%+v", h.app.calls)
				}
			})
		})
	}
}

// What a list leaves out is no difference: each account is read before it is compared.
func TestListsThatLeaveOut(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		t.Run(fmt.Sprint("trusted ", trusted), func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.ListPartial, h.app.profile.ListTrusted = true, trusted
				for i := range 3 {
					id := fmt.Sprintf("p%03d", i)
					h.app.user(id+"@acme.example", id, func(u *scim.Resource) { u.Set("displayName", scim.String("Person "+id)) })
				}
				h.crew(3, "")
				rep := h.apply()
				if rep.Writes() != 0 || h.app.did("get") != 3 {
					t.Errorf("%+v %+v", rep, h.app.calls)
				}
				h.settled()
				h.app.faults = func(c call) fault {
					if c.Op == "create" && c.Nth == 1 {
						return fault{after: lost()}
					}
					return fault{}
				}
				h.put(somebody("p003", directory.Active), somebody("p004", directory.Active))
				h.apply()
				h.settled()
				if n := h.app.did("patch"); n != 0 || len(h.app.users) != 5 {
					t.Errorf("%+v", h.app.calls)
				}
			})
		})
	}
}

// A list that may not know of the last writes is for the first look alone: whoever was
// made without an answer is looked up by themselves.
func TestLateLists(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late ", late), func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.ListTrusted, h.app.profile.ListLate = true, late
				h.app.faults = func(c call) fault {
					if c.Op == "create" && c.Nth == 1 {
						return fault{after: lost()}
					}
					return fault{}
				}
				h.crew(6, "")
				h.wait = 0
				h.apply()
				time.Sleep(time.Hour) // each waits for a time of their own, and all are due then
				h.wait = time.Hour
				h.apply()
				h.settled()
				// The first look lists accounts and groups.
				if lists, finds := h.app.did("list"), h.app.did("find"); (lists > 2) == late || (finds >= 6) != late || len(h.app.users) != 6 {
					t.Errorf("%d lists, %d look-ups, %d accounts", lists, finds, len(h.app.users))
				}
			})
		})
	}
}

// Where nothing can be listed, everybody is looked up before an account is made:
// not every app refuses a second one of a name.
func TestNothingListed(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.Users.List, h.app.profile.Groups.List = false, false
		known := h.app.user("p000@acme.example", "p000")
		group := h.app.group("sales", "", known)
		h.crew(3, "sales")
		h.apply()
		h.settled()
		if h.account("p000").RemoteID != known || h.groupOf("sales").RemoteID != group || len(h.app.users) != 3 || len(h.app.groups) != 1 {
			t.Errorf("%+v %+v, %d accounts, %d groups", h.account("p000"), h.groupOf("sales"), len(h.app.users), len(h.app.groups))
		}
		h.app.forget()
		late := h.app.user("p003@acme.example", "p003")
		h.put(somebody("p003", directory.Active), somebody("p004", directory.Active))
		h.apply()
		h.settled()
		if h.account("p003").RemoteID != late || len(h.app.users) != 5 || h.app.did("list") != 0 || h.app.did("create") != 1 {
			t.Errorf("%+v", h.app.calls)
		}
	})
}

// What an account must, may and must not have.
func TestPlannerObeysAttributes(t *testing.T) {
	t.Parallel()
	profile := func(members string) app.Profile {
		p, err := app.ParseProfile([]byte(`{"id":"x","name":"Xyz","kind":"scim2",` + members + `}`))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	rules := map[string]string{
		"userName": "person.userName", "displayName": "person.displayName", "title": "person.title", "nickName": "person.nickName",
		"emails": "person.emails",
	}
	ann := func(attrs ...string) *directory.Person {
		p := somebody("ann", directory.Active, attrs...)
		emails, err := scim.ParseResource([]byte(`{"emails":[{"type":"home","value":"h@x.example","display":"H"},{"type":"work","value":"w@x.example"}]}`), scim.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		v, _ := emails.Get("emails")
		p.User.Set("emails", v)
		return p
	}
	plan := func(members string, s provision.Subject) ([]*provision.Op, error) {
		a := newFakeApp()
		a.profile = profile(members)
		target := newTarget(t, "crm", a)
		target.Mapping = mapped(t, rules)
		return provision.NewPlanner(target, scim.CoreSchemas(), noon).Subject(s, nil)
	}
	for name, c := range map[string]struct {
		profile string
		person  *directory.Person
		say     string // why the person is set aside
		have    string // in what is sent
		not     string
	}{
		"all there":             {`"required_attributes":["userName","displayName or name","emails(primary)"]`, ann(), "", `{"type":"home","value":"h@x.example","display":"H","primary":true}`, ""},
		"title missing":         {`"required_attributes":["title"]`, ann(), "Xyz wants title", "", ""},
		"neither":               {`"required_attributes":["title or nickName"]`, ann(), "Xyz wants title or nickName", "", ""},
		"one of two":            {`"required_attributes":["title or nickName"]`, ann("nickName", "A"), "", `"nickName":"A"`, ""},
		"not sent, not wanted":  {`"required_attributes":["name.givenName and name.familyName when name is sent"]`, ann(), "", "userName", ""},
		"wanted when sent":      {`"required_attributes":["title when nickName is sent"]`, ann("nickName", "A"), "Xyz wants title", "", ""},
		"a password is made":    {`"required_attributes":["password"],"random_password":true`, ann(), "", "userName", "password"},
		"a password is missing": {`"required_attributes":["password"]`, ann(), "Xyz wants password", "", ""},
		"unsupported":           {`"unsupported_attributes":["nickName","emails.display"]`, ann("nickName", "A"), "", "h@x.example", "nickName display\":\"H"},
		"no externalId":         {`"unsupported_attributes":["externalId"]`, ann(), "", "userName", "externalId"},
		"one value":             {`"single_valued":["emails"],"flag_primary":["emails"]`, ann(), "", `"primary":true`, "w@x.example"},
		"lower case":            {`"lower_case":["displayName","title"]`, ann("displayName", "Ann LEE"), "", `"displayName":"ann lee"`, "LEE"},
		"too long":              {`"limits":{"userName":10}`, ann(), "userName has 16 characters of 10, which Xyz does not take", "", ""},
		"one of several":        {`"limits":{"emails.value":5}`, ann(), "emails.value has 11 characters of 5", "", ""},
		"just right":            {`"limits":{"userName":16}`, ann(), "", "userName", ""},
		"a character":           {`"forbidden_characters":{"displayName":"@"}`, ann("displayName", "a@b"), "displayName holds '@'", "", ""},
	} {
		ops, err := plan(c.profile, subject(c.person, provision.None))
		var failed *provision.Failed
		if c.say != "" {
			if !errors.As(err, &failed) || !strings.Contains(failed.Reason, c.say) || failed.Person != "ann" {
				t.Errorf("%s: %v, want %q", name, err, c.say)
			}
			continue
		}
		if err != nil || len(ops) != 1 {
			t.Errorf("%s: %v %v", name, ops, err)
			continue
		}
		sent := provision.User(ops[0])
		if !strings.Contains(sent, c.have) {
			t.Errorf("%s: %s is not in %s", name, c.have, sent)
		}
		for _, not := range strings.Fields(c.not) {
			if strings.Contains(sent, not) {
				t.Errorf("%s: %s is in %s", name, not, sent)
			}
		}
		// Carried out, there is nothing more to plan.
		s := subject(c.person, provision.Live)
		if s.Account.Sent, err = scim.ParseResource([]byte(sent), scim.Limits{}); err != nil {
			t.Fatal(err)
		}
		if again, err := plan(c.profile, s); err != nil || len(again) > 0 {
			t.Errorf("%s: still planned: %s %v", name, words(again), err)
		}
	}
	// Changes that the app does not make.
	was := subject(ann("title", "Clerk"), provision.Live)
	was.Account.Sent.Delete("nickName")
	v, _ := was.Person.User.Get("emails")
	was.Account.Sent.Set("emails", v)
	was.Person = ann("title", "Lead", "displayName", "Ann")
	left := was
	left.Person = somebody("ann", directory.Leaver)
	for name, c := range map[string]struct {
		profile, want, say string
		s                  provision.Subject
	}{
		"plain":               {`"date":""`, "update displayName title (mover)", "", was},
		"at creation only":    {`"create_only_attributes":["displayName"]`, "update title (mover)", "", was},
		"all of them":         {`"create_only_attributes":["displayName","title"]`, "", "", was},
		"never":               {`"immutable_attributes":["displayName"]`, "", "displayName: Xyz does not change it", was},
		"but they can leave":  {`"immutable_attributes":["displayName"],"required_attributes":["nickName"]`, "disable (termination)", "", left},
		"nothing is required": {`"required_attributes":["nickName"]`, "", "Xyz wants nickName", was},
	} {
		ops, err := plan(c.profile, c.s)
		if c.say != "" {
			var failed *provision.Failed
			if !errors.As(err, &failed) || !strings.Contains(failed.Reason, c.say) {
				t.Errorf("%s: %v, want %q", name, err, c.say)
			}
			continue
		}
		if err != nil || words(ops) != c.want {
			t.Errorf("%s: %q %v, want %q", name, words(ops), err, c.want)
		}
	}
}
