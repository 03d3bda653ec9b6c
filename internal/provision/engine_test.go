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

// crew puts n people into the directory, all of them in one team.
func (h *house) crew(n int, value string) {
	h.t.Helper()
	for i := range n {
		id := fmt.Sprintf("p%03d", i)
		h.put(somebody(id, directory.Active))
		if value != "" {
			h.seat(id, value)
		}
	}
}

func TestJoinersMoversLeavers(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.put(somebody("ann", directory.Active), somebody("bob", directory.Active), somebody("cid", directory.Staged), somebody("dan", directory.Leaver))
		h.seat("ann", "sales", "board")
		h.seat("bob", "sales")
		rep := h.apply()
		if rep.Create != 2 || rep.GroupCreate != 2 || rep.MemberAdd != 3 || rep.Waiting != 0 || rep.Parked != 0 || rep.Unchanged != 0 {
			t.Errorf("%+v", rep)
		}
		h.settled()
		h.put(somebody("ann", directory.Active, "displayName", "Ann of old"))
		h.seat("ann", "board", "ops")
		rep = h.apply()
		if rep.Update != 1 || rep.GroupCreate != 1 || rep.MemberAdd != 1 || rep.MemberRemove != 1 || rep.Unchanged != 1 {
			t.Errorf("%+v", rep)
		}
		h.settled()
		h.put(somebody("ann", directory.Leaver))
		rep = h.apply()
		if rep.Disable != 1 || rep.MemberRemove != 2 || rep.Unchanged != 1 {
			t.Errorf("%+v", rep)
		}
		h.settled()
		h.app.forget()
		h.put(somebody("ann", directory.Active, "displayName", "Ann again"))
		h.apply()
		if w := h.app.writes(); len(w) != 3 || w[0].Op != "patch" { // reactivation and changes in one, then two groups
			t.Errorf("a returning leaver took %+v", w)
		}
		h.settled()
		for kind, n := range map[string]int{"account.created": 1, "account.disabled": 1, "account.updated": 2} {
			if got := h.events(kind, "ann"); got != n {
				t.Errorf("%d events %s", got, kind)
			}
		}
	})
}

func TestPlanCountsUnchanged(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(5, "")
		h.apply()
		h.put(somebody("p001", directory.Active, "displayName", "x"))
		h.put(somebody("p002", directory.Leaver))
		rep := h.plan().Apps["crm"]
		if rep.Update != 1 || rep.Disable != 1 || rep.Unchanged != 3 {
			t.Errorf("%+v", rep)
		}
	})
}

func TestDeleteAfterGrace(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		grace := 30 * 24 * time.Hour
		h.targets[0].DeleteAfter = &grace
		h.clock = time.Now().AddDate(5, 0, 0) // the calendar is not the clock
		h.crew(2, "sales")
		h.apply()
		h.put(somebody("p000", directory.Leaver))
		if rep := h.apply(); rep.Disable != 1 || rep.Delete != 0 {
			t.Errorf("%+v", rep)
		}
		h.settled()
		h.clock = h.clock.Add(grace - time.Second)
		if rep := h.apply(); rep.Delete != 0 {
			t.Errorf("too early: %+v", rep)
		}
		h.clock = h.clock.Add(time.Second) // nobody changed anything
		if rep := h.apply(); rep.Delete != 1 {
			t.Errorf("%+v", rep)
		}
		h.settled()
		if len(h.app.users) != 1 || h.account("p000").State != provision.Gone {
			t.Errorf("%+v", h.account("p000"))
		}
		h.put(somebody("p000", directory.Active)) // hired again: a new account, with its memberships
		h.apply()
		h.settled()
	})
}

func TestAnswersLost(t *testing.T) {
	for _, settle := range []time.Duration{0, time.Minute} {
		t.Run(settle.String(), func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.Settle = settle
				var lostAt time.Time
				h.app.faults = func(c call) fault {
					if c.writes() && c.Nth == 1 {
						lostAt = time.Now()
						return fault{after: lost()}
					}
					// Within the settle time, the app denies what it has.
					if c.Op == "find" && time.Since(lostAt) < settle {
						t.Errorf("looked up %v after the write", time.Since(lostAt))
					}
					return fault{}
				}
				h.crew(1, "sales")
				rep := h.apply()
				if rep.Create != 1 || rep.MemberAdd != 1 || rep.GroupCreate != 1 {
					t.Errorf("%+v", rep)
				}
				h.settled()
				for _, kind := range []string{"account.created", "group.created", "member.added"} {
					if n := h.events(kind, ""); n != 1 {
						t.Errorf("%d events %s", n, kind)
					}
				}
			})
		})
	}
}

// Every first write is carried out and its answer lost; every effect is still
// told once, and nobody is there twice.
func TestEveryAnswerLost(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.faults = func(c call) fault {
			if c.writes() && c.Nth == 1 {
				return fault{after: lost()}
			}
			return fault{}
		}
		h.crew(20, "sales")
		rep := h.apply()
		if rep.Create != 20 || rep.GroupCreate != 1 || rep.MemberAdd != 20 || rep.Waiting != 0 {
			t.Errorf("%+v", rep)
		}
		h.settled()
		if len(h.app.users) != 20 || len(h.app.groups) != 1 {
			t.Errorf("%d users, %d groups", len(h.app.users), len(h.app.groups))
		}
		for kind, want := range map[string]int{"account.created": 20, "group.created": 1, "member.added": 20} {
			if n := h.events(kind, ""); n != want {
				t.Errorf("%d events %s", n, kind)
			}
		}
	})
}

// Chunks of one group lose their answers in one stage: each has its outcome.
func TestSeveralChunksAmbiguous(t *testing.T) {
	for _, carried := range []bool{true, false} {
		t.Run(fmt.Sprint(carried), func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.crew(10, "sales")
				n := 0
				h.app.faults = func(c call) fault {
					if c.Op != "members" {
						return fault{}
					}
					if n++; n > 4 {
						return fault{}
					}
					if carried {
						return fault{after: lost()}
					}
					return fault{before: lost()}
				}
				if rep := h.apply(); rep.MemberAdd != 10 {
					t.Errorf("%+v", rep)
				}
				h.settled()
				if got := h.events("member.added", ""); got != 10 {
					t.Errorf("%d events", got)
				}
			})
		})
	}
}

func TestRetryLater(t *testing.T) {
	for _, op := range []string{"create", "patch", "members"} {
		t.Run(op, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.crew(4, "sales")
				h.app.faults = func(c call) fault {
					if c.Op == op && c.Nth <= 2 {
						return fault{before: slow(time.Minute)}
					}
					return fault{}
				}
				h.apply()
				h.put(somebody("p000", directory.Active, "displayName", "x"))
				h.put(somebody("p001", directory.Leaver))
				rep := h.apply()
				if rep.Waiting != 0 || rep.Parked != 0 {
					t.Errorf("%+v", rep)
				}
				h.settled()
			})
		})
	}
}

// A cycle does not wait for what comes too late, nor for what nobody asked of it.
func TestRetryTooLate(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "")
		h.apply()
		h.put(somebody("p000", directory.Active, "displayName", "x"), somebody("p001", directory.Active, "displayName", "x"))
		h.app.faults = func(c call) fault {
			if c.writes() && c.Nth == 1 {
				return fault{before: slow(2 * time.Hour)}
			}
			return fault{}
		}
		start := time.Now()
		if rep := h.apply(); rep.Waiting != 2 || time.Since(start) > time.Second {
			t.Errorf("%+v after %v", rep, time.Since(start))
		}
		time.Sleep(3 * time.Hour) // of the bubble
		h.only = []string{"p000"} // p001 is overdue, and not meant
		if rep := h.apply(); rep.Update != 1 {
			t.Errorf("%+v", rep)
		}
		h.only = nil
		if rep := h.apply(); rep.Update != 1 {
			t.Errorf("%+v", rep)
		}
		h.settled()
	})
}

// Who is held and has been told to come later must not keep the cycle going.
func TestHeldAndOverdue(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.targets[0].Scope = condition(t, `person.title != "out"`)
		h.crew(20, "")
		h.apply()
		h.put(somebody("p000", directory.Active, "title", "out"))
		h.app.faults = func(c call) fault {
			if c.Off {
				return fault{before: slow(2 * time.Hour)}
			}
			return fault{}
		}
		h.apply()
		h.app.faults = nil
		time.Sleep(3 * time.Hour)
		for i := 1; i < 10; i++ {
			h.put(somebody(fmt.Sprintf("p%03d", i), directory.Active, "title", "out"))
		}
		rep := h.apply()
		if rep.Held != 10 || rep.Disable != 0 {
			t.Errorf("%+v", rep)
		}
		// A release covers its set to the end, also where some of it takes two rounds.
		h.release = h.holds()[0].ID
		h.app.faults = func(c call) fault {
			if c.Off && c.Nth <= 2 && c.ID > "u-004" {
				return fault{before: slow(time.Second)}
			}
			return fault{}
		}
		if rep := h.apply(); rep.Disable != 10 || rep.Held != 0 {
			t.Errorf("%+v", rep)
		}
		h.release, h.app.faults = "", nil
		h.settled()
		// What somebody agreed to does not count against what may pass without.
		h.put(somebody("p010", directory.Active, "title", "out"))
		if rep := h.apply(); rep.Disable != 1 || rep.Held != 0 {
			t.Errorf("%+v %+v", rep, h.holds())
		}
		if n := h.events("hold.made", ""); n != 1 {
			t.Errorf("%d events hold.made", n)
		}
		if n := h.events("hold.released", ""); n != 1 {
			t.Errorf("%d events hold.released", n)
		}
	})
}

func TestScopeDripIsStopped(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.targets[0].Scope = condition(t, `person.title != "out"`)
		h.crew(100, "")
		h.apply()
		gone := 0
		for i := range 50 { // one each cycle, far below what a cycle lets pass
			h.put(somebody(fmt.Sprintf("p%03d", i), directory.Active, "title", "out"))
			gone += h.apply().Disable
			time.Sleep(time.Minute)
		}
		if most := h.limits.UnexplainedDay.Of(100); gone != most {
			t.Errorf("%d went by drips, %d may", gone, most)
		}
	})
}

func TestUnauthorizedPausesOneApp(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		other := newFakeApp()
		h.targets = append(h.targets, newTarget(t, "chat", other))
		h.crew(20, "sales")
		h.app.faults = func(c call) fault {
			if c.writes() && c.ID > "p009" {
				return fault{before: unauthorized()}
			}
			return fault{}
		}
		for range 2 {
			res := h.cycle()
			if rep := res.Apps["crm"]; rep.Paused == "" || rep.Waiting == 0 {
				t.Errorf("%+v", rep)
			}
		}
		if len(other.users) != 20 || len(other.groups) != 1 {
			t.Errorf("the other app has %d users", len(other.users))
		}
		if n := h.events("app.paused", ""); n != 1 {
			t.Errorf("%d events app.paused", n)
		}
		if n := len(h.app.writes()); n > 30 {
			t.Errorf("%d writes with a credential that is refused", n)
		}
		h.app.faults = nil
		if rep := h.apply(); rep.Paused != "" {
			t.Errorf("%+v", rep)
		}
		h.settled()
	})
}

func TestPoison(t *testing.T) {
	for name, setUp := range map[string]func(h *house){
		"expression": func(h *house) { h.put(somebody("p003", directory.Active, "preferredLanguage", "poison")) },
		"refused": func(h *house) {
			h.app.faults = func(c call) fault {
				if c.Op == "create" && c.ID == "p003" {
					return fault{before: refused("no")}
				}
				return fault{}
			}
		},
		// The app can neither do it nor be asked whether it did.
		"unreadable": func(h *house) {
			h.app.faults = func(c call) fault {
				if strings.HasPrefix(c.ID, "p003") {
					if c.writes() {
						return fault{before: broken()}
					}
					return fault{before: refused("invalid filter")}
				}
				return fault{}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.crew(8, "sales")
				setUp(h)
				res := h.cycle()
				rep := res.Apps["crm"]
				if rep.Create != 7 || rep.MemberAdd != 7 || rep.Parked != 1 || rep.Paused != "" {
					t.Errorf("%+v", rep)
				}
				if name == "expression" && res.Failed["p003"] == "" {
					t.Error("nobody is told that an expression failed")
				}
				if h.account("p003").Parked == "" {
					t.Error("not parked")
				}
				h.app.forget()
				h.apply()
				for _, c := range h.app.calls {
					t.Errorf("a second cycle sent %+v", c)
				}
				// A change takes them up again.
				h.app.faults = nil
				h.put(somebody("p003", directory.Active))
				h.apply()
				h.settled()
			})
		})
	}
}

// A look-up that fails for a while delays that person alone.
func TestLookUpFails(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.faults = func(c call) fault {
			switch {
			case c.Op == "create" && c.ID == "p003" && c.Nth == 1:
				return fault{after: lost()}
			case c.Op == "find" && c.ID == "p003" && c.Nth <= 3:
				return fault{before: slow(time.Minute)}
			}
			return fault{}
		}
		h.crew(8, "sales")
		rep := h.apply()
		if rep.Create != 8 || rep.Paused != "" || rep.Waiting != 0 {
			t.Errorf("%+v", rep)
		}
		h.settled()
	})
}

func TestIgnoredDisable(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "sales")
		h.apply()
		h.app.faults = func(c call) fault { return fault{ignore: c.Off} }
		h.put(somebody("p000", directory.Leaver))
		rep := h.apply()
		a := h.account("p000")
		if rep.Disable != 0 || rep.Parked != 1 || a.State != provision.Live || a.Parked == "" || h.events("account.disabled", "") != 0 {
			t.Errorf("%+v %+v", rep, a)
		}
		h.app.forget()
		h.apply()
		if w := h.app.writes(); len(w) > 0 {
			t.Errorf("tried for ever: %+v", w)
		}
	})
}

// A read-back that fails leaves the disable to be looked at again.
func TestReadBackFails(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "sales")
		h.apply()
		h.app.forget()
		h.app.faults = func(c call) fault {
			if c.Op == "get" && c.Kind == app.KindUser && c.Nth <= 2 {
				return fault{before: &app.Error{Class: app.Retry, Status: 503}}
			}
			return fault{}
		}
		h.put(somebody("p000", directory.Leaver))
		if rep := h.apply(); rep.Disable != 1 || rep.Paused != "" {
			t.Errorf("%+v", rep)
		}
		h.settled()
		if a := h.account("p000"); a.Observe || a.State != provision.Disabled {
			t.Errorf("%+v", a)
		}
		if n := h.events("account.disabled", ""); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

func TestGoneBehindOurBack(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(7, "sales")
		h.apply()
		h.app.drop(app.KindUser, h.account("p002").RemoteID)
		h.put(somebody("p002", directory.Active, "displayName", "x"))
		h.apply()
		h.settled() // there again, and in the group again

		h.app.drop(app.KindGroup, h.groupOf("sales").RemoteID)
		h.put(somebody("p900", directory.Active))
		h.seat("p900", "sales")
		h.apply()
		h.settled() // the new group holds everybody, not only who was added

		h.app.drop(app.KindUser, h.account("p003").RemoteID)
		h.put(somebody("p003", directory.Leaver)) // what is gone needs no disabling
		if rep := h.apply(); rep.Create != 0 || rep.Waiting != 0 {
			t.Errorf("%+v", rep)
		}
		h.settled()
	})
}

// The app says 404 for one member for ever, though account and group are there.
func TestMemberNeverFound(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(7, "sales")
		bad := ""
		h.app.faults = func(c call) fault {
			if c.Op == "create" && c.ID == "p004" {
				bad = fmt.Sprintf("u-%03d", h.app.last+1)
			}
			for _, id := range c.Add {
				if id == bad {
					return fault{before: missing()}
				}
			}
			return fault{}
		}
		h.app.profile.MembersReadable = true
		rep := h.apply()
		if rep.MemberAdd != 6 || rep.Parked != 1 {
			t.Errorf("%+v", rep)
		}
		if n := len(h.app.writes()); n > 40 {
			t.Errorf("%d writes", n)
		}
	})
}

// An app that shows an account and denies it when it is written.
func TestNeverWritable(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "")
		h.apply()
		bad := h.account("p001").RemoteID
		h.app.faults = func(c call) fault {
			if c.Op == "patch" && c.ID == bad {
				return fault{before: missing()}
			}
			return fault{}
		}
		h.put(somebody("p001", directory.Active, "displayName", "x"))
		h.app.forget()
		h.apply()
		if n := len(h.app.calls); n > 60 {
			t.Errorf("%d requests in an hour", n)
		}
	})
}

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
			somebody("boss", directory.Active), somebody("twice", directory.Active), somebody("away", directory.Leaver), somebody("new", directory.Active))
		a := h.app
		a.user("other-name@acme.example", "ours")
		a.user("Named@acme.example", "")
		a.user("claimed@acme.example", "somebody-else")
		a.user("boss@acme.example", "", role("Super-Admin"))
		a.user("twice@acme.example", "")
		a.user("twice@acme.example", "")
		a.user("away@acme.example", "")
		stranger := a.user("stranger@acme.example", "")
		rep := h.apply()
		if rep.Create != 1 || rep.Parked != 3 || rep.Update != 2 || rep.Disable != 1 {
			t.Errorf("%+v", rep)
		}
		if rep.Foreign != 1 {
			t.Errorf("%d foreign accounts", rep.Foreign)
		}
		for id, want := range map[string]string{"claimed": "another externalId", "boss": "privileged", "twice": "2 accounts"} {
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
		for _, id := range []string{"u-003", "u-004", "u-005", "u-006", stranger} {
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

// One team whose name cannot be made holds nobody else up.
func TestPoisonTeam(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.targets[0].GroupName = groupName(t, `team.value == "bad" ? "" : team.name`)
		h.crew(3, "sales")
		h.put(somebody("x", directory.Active))
		h.seat("x", "bad", "sales")
		rep := h.apply()
		if rep.Create != 4 || rep.MemberAdd != 4 || rep.Parked != 1 {
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

// A person who left, came back and then falls out of scope is counted.
func TestComeBackIsCounted(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.targets[0].Scope = condition(t, `person.title != "out"`)
		h.crew(20, "")
		h.apply()
		for i := range 10 {
			p := somebody(fmt.Sprintf("p%03d", i), directory.Active, "title", "out")
			p.Admitted = true // as Settle leaves it for somebody whose absence ended
			h.put(p)
		}
		if rep := h.apply(); rep.Disable != 0 || rep.Held != 10 {
			t.Errorf("%+v", rep)
		}
	})
}

func TestMissingKeepsEverything(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "sales")
		h.apply()
		h.app.forget()
		h.put(somebody("p000", directory.Missing, "displayName", "x"))
		h.seat("p000", "ops")
		h.apply()
		if w := h.app.writes(); len(w) > 0 {
			t.Errorf("%+v", w)
		}
		h.put(somebody("p000", directory.Active, "displayName", "x"))
		h.apply()
		h.settled()
	})
}
