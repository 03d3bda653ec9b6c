// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
)

// A group that is set aside because it could not be looked up takes in who was to join it
// meanwhile, once it is looked up all the same.
func TestGroupThatIsTakenUpAgain(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "sales")
		h.apply()
		id := h.groupOf("sales").RemoteID
		h.put(somebody("p003", directory.Active))
		h.seat("p003", "sales")
		h.app.faults = func(c call) fault {
			switch {
			case c.Op == "members":
				return fault{after: lost()}
			case c.Op == "get" && c.ID == id:
				return fault{before: refused("not today")}
			}
			return fault{}
		}
		h.apply()
		if g := h.groupOf("sales"); g.Parked == "" || !g.Observe {
			t.Errorf("%+v", g)
		}
		h.put(somebody("p004", directory.Active))
		h.seat("p004", "sales")
		h.put(somebody("p005", directory.Active))
		h.seat("p005", "sales")
		h.apply()
		h.app.faults = nil
		time.Sleep(time.Hour)
		if rep := h.apply(); rep.MemberAdd != 3 {
			t.Errorf("%+v", rep)
		}
		h.settled()
	})
}

// So does one that was forbidden, after a pause of the app for a refusal.
func TestGroupThatWasForbidden(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "")
		h.apply()
		for i := range 3 {
			h.seat(fmt.Sprintf("p%03d", i), "sales")
		}
		h.app.faults = func(c call) fault {
			if c.Op == "create" && c.Kind == app.KindGroup {
				return fault{before: &app.Error{Class: app.Unauthorized, Status: 403}}
			}
			return fault{}
		}
		h.apply()
		if g := h.groupOf("sales"); g.Parked == "" {
			t.Errorf("%+v", g)
		}
		h.put(somebody("p003", directory.Active))
		h.app.faults = func(c call) fault {
			if c.writes() {
				return fault{before: unauthorized()}
			}
			return fault{}
		}
		if rep := h.apply(); rep.Paused == "" {
			t.Errorf("%+v", rep)
		}
		h.app.faults = nil
		h.apply()
		h.settled()
	})
}

// Whoever is in a group that is set aside, and belongs there, stays in it, whatever else changes
// of them; whoever leaves the team leaves the group.
func TestGroupSetAsideKeepsItsMembers(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "sales")
		h.apply()
		h.app.faults = func(c call) fault {
			if c.Op == "patch" && c.Kind == app.KindGroup {
				return fault{before: refused("not that name")}
			}
			return fault{}
		}
		h.renamed("sales", "revenue", "p000", "p001", "p002")
		h.apply()
		g := h.groupOf("sales")
		if g.Parked == "" {
			t.Fatalf("%+v", g)
		}
		h.put(somebody("p000", directory.Active, "title", "Lead"))
		h.put(somebody("p001", directory.Active))
		h.seat("p001")
		if rep := h.apply(); rep.Update != 1 || rep.MemberRemove != 1 {
			t.Errorf("%+v", rep)
		}
		for id, want := range map[string]bool{"p000": true, "p001": false, "p002": true} {
			if has := h.app.members[g.RemoteID][h.account(id).RemoteID]; has != want {
				t.Errorf("%s is in the group: %t", id, has)
			}
		}
	})
}
