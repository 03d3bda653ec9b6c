// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
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

// A disable whose answer was lost counts in the day's window like any other.
func TestLostDisableIsCounted(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.targets[0].Scope = condition(t, `person.title != "out"`)
		h.crew(100, "")
		h.apply()
		h.app.faults = func(c call) fault {
			if c.Off && c.Nth == 1 {
				return fault{after: lost()}
			}
			return fault{}
		}
		gone := 0
		for i := range 12 {
			h.put(somebody(fmt.Sprintf("p%03d", i), directory.Active, "title", "out"))
			gone += h.apply().Disable
		}
		if gone != 5 || h.events("account.disabled", "") != 5 {
			t.Errorf("%d went", gone)
		}
	})
}

// A delete behind the grace time of somebody whom the guard let go needs no
// second consent, and one nobody was asked about does.
func TestDeletesAreGuarded(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		grace := time.Hour
		h.targets[0].DeleteAfter = &grace
		h.crew(30, "")
		h.apply()
		for i := range 20 {
			p := somebody(fmt.Sprintf("p%03d", i), directory.Leaver)
			p.Admitted = true
			h.put(p)
		}
		if rep := h.apply(); rep.Disable != 20 {
			t.Errorf("%+v", rep)
		}
		time.Sleep(2 * time.Hour)
		if rep := h.apply(); rep.Delete != 20 || rep.Held != 0 {
			t.Errorf("%+v", rep)
		}
		h.settled()
	})
}

// Whose operations are all done is not looked at again: the mark goes with the
// last of them, in the transaction that says so. One that has come meanwhile
// stays, as does that of whom something is left to do.
func TestMarksGoWithWhatIsDone(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		people := []string{"ann", "bob", "cyd"}
		for _, id := range people {
			h.put(somebody(id, directory.Active))
		}
		h.seat("bob", "ops")
		looked := false
		h.app.faults = func(c call) fault {
			switch {
			case c.Op == "create" && c.ID == "cyd":
				h.put(somebody("cyd", directory.Active, "displayName", "Cyd"))
			case c.Op == "members" && !looked: // everybody's account is made, and that is written down
				looked = true
				for id, want := range map[string]bool{"ann": false, "bob": true, "cyd": true} {
					if got := h.account(id); got.Due != want || got.State != provision.Live {
						t.Errorf("%s: %+v", id, got)
					}
				}
			}
			return fault{}
		}
		rep := h.apply()
		if !looked || rep.Create != 3 || rep.Update != 1 || rep.MemberAdd != 1 || rep.Waiting != 0 {
			t.Errorf("%+v", rep)
		}
		for _, id := range people {
			if h.account(id).Due {
				t.Errorf("%s is due still", id)
			}
		}
		h.quiet()
	})
}

// An account without a grace time is deleted in the cycle that disables it: its
// mark must not go before that.
func TestNoGrace(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.put(somebody("ann", directory.Active))
		h.apply()
		h.targets[0].DeleteAfter = new(time.Duration)
		h.put(somebody("ann", directory.Leaver))
		if rep := h.apply(); rep.Disable != 1 || rep.Delete != 1 || h.account("ann").State != provision.Gone {
			t.Errorf("%+v", rep)
		}
		h.quiet()
	})
}
