// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"fmt"
	"testing"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

// throng puts n people into the directory at once, spread over ten teams.
func (h *house) throng(n int) {
	h.t.Helper()
	var people []*directory.Person
	teams := map[string][]directory.Team{}
	for i := range n {
		p := somebody(fmt.Sprintf("p%05d", i), directory.Active)
		people = append(people, p)
		h.people[p.ID] = p
		teams[p.ID] = []directory.Team{team(fmt.Sprintf("g%d", i%10))}
		h.teams[p.ID] = teams[p.ID]
	}
	h.must(h.db.Directory().Update(h.ctx, func(tx directory.Tx) error {
		if err := tx.PutPeople(h.ctx, people); err != nil {
			return err
		}
		return tx.SetTeams(h.ctx, teams)
	}))
}

// More than a survey keeps is pushed window by window: everybody gets in, with
// memberships that still share requests, and the plan is called the same.
func TestMoreThanIsKept(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of people")
	}
	in(t, func(t *testing.T, h *house) {
		const n = 9_000
		h.app.profile.MaxMembersPerRequest = 100
		h.throng(n)
		planned := h.plan()
		res := h.cycle()
		rep := res.Apps["crm"]
		if rep.Create != n || rep.GroupCreate != 10 || rep.MemberAdd != n || rep.Waiting != 0 {
			t.Errorf("%+v", rep)
		}
		if res.Digest != planned.Digest || res.Digest != provision.Digest(planned.Plans[0].Ops) {
			t.Errorf("the plan is called %s, what was done %s", planned.Digest, res.Digest)
		}
		if w := len(h.app.writes()); w > n+10+n/100+20 {
			t.Errorf("%d writes", w)
		}
		h.quiet()
		// A scope that shuts everybody out is held as one set, however many others
		// are due with it.
		h.targets[0].Scope, h.targets[0].Digest = condition(t, `person.title != "out"`), [32]byte{2}
		for i := range n {
			if i%3 == 0 {
				h.people[fmt.Sprintf("p%05d", i)] = somebody(fmt.Sprintf("p%05d", i), directory.Active, "title", "out")
			} else {
				h.people[fmt.Sprintf("p%05d", i)] = somebody(fmt.Sprintf("p%05d", i), directory.Active, "displayName", "x")
			}
		}
		h.must(h.db.Directory().Update(h.ctx, func(tx directory.Tx) error {
			var all []*directory.Person
			for _, id := range sorted(h.people) {
				all = append(all, h.people[id])
			}
			return tx.PutPeople(h.ctx, all)
		}))
		rep = h.apply()
		if rep.Held != n/3 || rep.Disable != 0 || rep.Update != n-n/3 {
			t.Errorf("%+v", rep)
		}
	})
}

// quiet checks that a further cycle sends nothing.
func (h *house) quiet() {
	h.t.Helper()
	before := len(h.app.writes())
	h.apply()
	if w := h.app.writes()[before:]; len(w) > 0 {
		h.t.Errorf("a second cycle sent %d requests, the first %+v", len(w), w[0])
	}
}

// Who leaves while a first load goes on does not wait for its end, nor is
// anything made of what was planned for them before, whether all of that is kept
// in memory or not.
func TestLeaversGoFirst(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of people")
	}
	for _, n := range []int{3_000, 9_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) { leaversGoFirst(t, n) })
	}
}

func leaversGoFirst(t *testing.T, n int) {
	in(t, func(t *testing.T, h *house) {
		h.put(somebody("zoe", directory.Active)) // the last of all
		h.apply()
		h.throng(n)
		first := fmt.Sprintf("p%05d", n-1_100) // of more than one page
		left, late := 0, 0
		h.app.faults = func(c call) fault {
			switch {
			case c.Op == "create" && c.ID == "p00500":
				gone := []*directory.Person{somebody("zoe", directory.Leaver)}
				for i := n - 1_100; i < n; i++ {
					gone = append(gone, somebody(fmt.Sprintf("p%05d", i), directory.Leaver))
				}
				for _, p := range gone {
					p.Admitted = true
				}
				h.put(gone...)
				left = len(h.app.calls)
			case c.Off && late == 0:
				late = len(h.app.calls) - left
			case c.Op == "create" && c.ID >= first && c.ID < "q":
				t.Errorf("an account was made for %s, who has left", c.ID)
			}
			return fault{}
		}
		h.apply()
		if late == 0 || late > 1_200 {
			t.Errorf("the leaver waited for %d requests", late)
		}
		if h.account("zoe").State != provision.Disabled {
			t.Errorf("%+v", h.account("zoe"))
		}
		h.app.faults = nil
		h.quiet()
	})
}
