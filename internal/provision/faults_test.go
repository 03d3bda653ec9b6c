// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

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
				if g := h.groupOf("sales"); g.Attempts != 0 || !g.RetryAt.IsZero() {
					t.Errorf("the group still waits: %+v", g)
				}
			})
		})
	}
}

// Who is told to come later speaks for everybody: nothing more is sent to the
// app before, and nothing is lost by it.
func TestPauseIsTheApps(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(40, "sales")
		var asked time.Time // when the first was told
		early := 0
		h.app.faults = func(c call) fault {
			switch {
			case c.ID == "p004" && c.Nth == 1:
				asked = time.Now()
				return fault{before: slow(10 * time.Minute)}
			case !asked.IsZero() && time.Now().After(asked) && time.Now().Before(asked.Add(10*time.Minute)):
				early++
			}
			return fault{}
		}
		if rep := h.apply(); rep.Create != 40 || rep.MemberAdd != 40 || rep.Waiting != 0 {
			t.Errorf("%+v", rep)
		}
		if early > 0 { // what was in flight with it arrives at the same instant of the bubble
			t.Errorf("%d requests during the pause", early)
		}
		h.settled()
	})
}

// An app that nobody reaches is left alone, not asked by everybody in turn.
func TestUnreachableIsNotHammered(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "")
		h.apply()
		h.crew(200, "")
		h.app.forget()
		h.app.faults = func(call) fault { return fault{before: &app.Error{Class: app.Unreachable}} }
		h.wait = time.Minute
		h.apply()
		if n := len(h.app.calls); n == 0 || n > 40 {
			t.Errorf("%d requests to an app that is not there", n)
		}
		h.app.faults, h.wait = nil, time.Hour
		h.apply()
		h.settled()
	})
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

// A list that cannot be read now is read later, and pauses nothing.
func TestListFailsForAWhile(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.faults = func(c call) fault {
			if c.Op == "list" && c.Nth <= 3 {
				return fault{before: slow(time.Minute)}
			}
			return fault{}
		}
		h.crew(5, "sales")
		if rep := h.apply(); rep.Create != 5 || rep.Paused != "" || rep.Waiting != 0 {
			t.Errorf("%+v", rep)
		}
		h.settled()
	})
}

// One that can never be read pauses the app.
func TestListFailsForEver(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.faults = func(c call) fault { return fault{before: slow(0)} }
		h.crew(5, "sales")
		if rep := h.apply(); rep.Create != 0 || rep.Paused == "" || len(h.app.calls) > 12 {
			t.Errorf("%+v after %d requests", rep, len(h.app.calls))
		}
	})
}

// What was paused is asked for one harmless thing, not for everything that is due.
func TestPausedIsProbed(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(20, "sales")
		h.apply()
		h.app.faults = func(call) fault { return fault{before: unauthorized()} }
		for i := range 20 {
			h.put(somebody(fmt.Sprintf("p%03d", i), directory.Active, "displayName", "x"))
		}
		h.apply()
		h.app.forget()
		shown := "" // to whoever asks while the app is asked
		h.app.faults = func(call) fault {
			h.must(h.db.Provision().View(h.ctx, func(tx provision.Tx) error {
				a, err := tx.App(h.ctx, "crm")
				shown = a.Paused
				return err
			}))
			return fault{before: unauthorized()}
		}
		if rep := h.apply(); rep.Paused == "" || len(h.app.calls) != 1 || h.app.calls[0].writes() || shown == "" {
			t.Errorf("%+v, %+v, %q", rep, h.app.calls, shown)
		}
		h.app.faults = nil
		if rep := h.apply(); rep.Paused != "" || rep.Update != 20 {
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
				for _, c := range h.app.writes() { // it may look whether the answer is there now
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

// An app that answers 409 to a request for several members, because of one of
// them, keeps nobody else out.
func TestOneMemberInConflict(t *testing.T) {
	for _, there := range []bool{true, false} { // before, or made in the same cycle
		t.Run(fmt.Sprint(there), func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.MaxMembersPerRequest = 10
				h.crew(8, "")
				if there {
					h.apply()
				}
				h.app.faults = func(c call) fault {
					if c.Op == "members" && slices.ContainsFunc(c.Add, func(id string) bool { return h.app.users[id].ExternalID() == "p003" }) {
						return fault{before: conflict()}
					}
					return fault{}
				}
				for i := range 8 {
					h.seat(fmt.Sprintf("p%03d", i), "sales")
				}
				rep := h.apply()
				if rep.MemberAdd != 7 || rep.Parked != 1 || h.account("p003").Parked == "" {
					t.Errorf("%+v, %+v", rep, h.account("p003"))
				}
				h.app.faults = nil
				h.put(h.people["p003"])
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

// Whom an app once denied in a group is not set aside when it does not show another one yet: that
// one is looked at first. When both are there, and it denies them still, they are.
func TestGroupNotShownYet(t *testing.T) {
	for name, always := range map[string]bool{"once": false, "always": true} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.Settle = 20 * time.Second
				denied := map[string]bool{}
				h.app.faults = func(c call) fault {
					if c.Op != "members" || denied[c.ID] && (!always || len(denied) == 1) {
						return fault{}
					}
					denied[c.ID] = true
					return fault{before: missing()}
				}
				h.crew(1, "sales")
				h.apply()
				h.settled()
				h.seat("p000", "sales", "legal")
				h.apply()
				if a := h.account("p000"); (a.Parked != "") != always || len(denied) != 2 {
					t.Errorf("%d groups denied them: %+v", len(denied), a)
				}
				if !always {
					h.settled()
				}
			})
		})
	}
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

// An answer about a member is lost where members cannot be read, and meanwhile
// the person is out of the team: they must not stay in the group.
func TestUnreadableMembers(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.MembersReadable = false
		h.crew(3, "sales")
		h.wait = 0
		h.app.faults = func(c call) fault {
			if c.Op == "members" {
				return fault{after: lost()}
			}
			return fault{}
		}
		h.apply()
		time.Sleep(time.Hour)
		h.app.faults, h.wait = nil, time.Hour
		h.seat("p000")
		h.put(somebody("p001", directory.Leaver))
		h.apply()
		h.settled()
		if m := h.app.members[h.groupOf("sales").RemoteID]; len(m) != 1 {
			t.Errorf("%v", m)
		}
	})
}

// A stop is no failure, pauses nothing, and what was in flight has its outcome.
func TestStopped(t *testing.T) {
	for _, op := range []string{"create", "find"} {
		t.Run(op, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				ctx, cancel := context.WithCancel(h.ctx)
				defer cancel()
				whole := h.ctx
				h.app.faults = func(c call) fault {
					switch {
					case op == "find" && c.Op == "create" && c.Nth == 1:
						return fault{after: lost()}
					case op == c.Op && c.ID == "p009":
						cancel()
						if op == "find" { // as a client does that hears of it
							return fault{before: &app.Error{Err: context.Canceled}}
						}
					}
					return fault{}
				}
				h.crew(40, "sales")
				h.ctx = ctx
				rep := h.apply()
				if h.ctx = whole; rep.Paused != "" || rep.MemberAdd == 40 || rep.Waiting == 0 {
					t.Errorf("%+v", rep)
				}
				if n := h.events("app.paused", ""); n > 0 {
					t.Error("paused")
				}
				h.app.faults = nil
				h.apply()
				h.settled()
				h.toldOnce()
			})
		})
	}
}

// What is not known of a group is looked up before anything else is sent to it.
func TestRenameLost(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.targets[0].GroupName = groupName(t, `team.name`)
		h.crew(2, "sales")
		h.apply()
		h.targets[0].GroupName, h.targets[0].Digest = groupName(t, `"Team " + team.name`), [32]byte{2}
		h.put(somebody("late", directory.Active))
		h.seat("late", "sales")
		h.app.forget()
		h.app.faults = func(c call) fault {
			if c.Op == "patch" && c.Kind == app.KindGroup && c.Nth == 1 {
				return fault{after: lost()}
			}
			return fault{}
		}
		if rep := h.apply(); rep.GroupUpdate != 1 || rep.MemberAdd != 1 || h.events("group.updated", "") != 1 {
			t.Errorf("%+v", rep)
		}
		looked := false
		for _, c := range h.app.calls {
			looked = looked || c.Op == "get" && c.Kind == app.KindGroup
			if c.Op == "members" && !looked {
				t.Error("members were sent to a group that is not known")
			}
		}
	})
}

// TestReplay: what is set aside is tried again for whoever is asked for by name, once
// in a cycle, and for nobody else.
func TestReplay(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(4, "sales")
		h.app.faults = func(c call) fault {
			if c.Op == "create" && (c.ID == "p001" || c.ID == "p002") {
				return fault{before: refused("no licence is left")}
			}
			return fault{}
		}
		if rep := h.apply(); rep.Create != 2 || rep.Parked != 2 {
			t.Fatalf("%+v", rep)
		}
		h.app.forget()
		h.only = []string{"p001"}
		if rep := h.apply(); rep.Parked != 2 || len(h.app.writes()) != 1 {
			t.Errorf("still refused: %+v %+v", rep, h.app.calls)
		}
		h.app.faults = nil
		h.app.forget()
		if rep := h.apply(); rep.Create != 1 || rep.MemberAdd != 1 || rep.Parked != 1 {
			t.Errorf("%+v", rep)
		}
		if a, b := h.account("p001"), h.account("p002"); a.State != provision.Live || a.Parked != "" || b.State != provision.None || b.Parked == "" {
			t.Errorf("%+v %+v", a, b)
		}
	})
}
