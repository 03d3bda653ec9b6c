// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
)

// Where members cannot be read, what became of a request without an answer is not known until
// it is said again, whichever way the person goes meanwhile.
func TestUnreadableMembersComeAndGo(t *testing.T) {
	for name, c := range map[string]struct {
		from, to bool // in the team when the answer is lost, and after the group was looked at
		done     bool // the request was carried out
	}{
		"added, and leaves":           {true, false, true},
		"not added, and leaves":       {true, false, false},
		"removed, and comes back":     {false, true, true},
		"not removed, and comes back": {false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.MembersReadable = false
				h.crew(3, "sales")
				seat := func(in bool) {
					h.seat("p000")
					if in {
						h.seat("p000", "sales")
					}
				}
				seat(!c.from)
				h.apply()
				h.wait = 0
				seat(c.from)
				lose := true
				h.app.faults = func(call call) fault {
					switch {
					case call.Op != "members":
					case lose && c.done:
						return fault{after: lost()}
					case lose:
						return fault{before: lost()}
					default: // it was looked up, and is not sent again yet
						return fault{before: slow(0)}
					}
					return fault{}
				}
				h.apply()
				time.Sleep(time.Hour)
				lose = false
				h.apply()
				if g := h.groupOf("sales"); g.Observe || len(h.open()) > 0 {
					t.Errorf("the group was not looked at: %+v", g)
				}
				time.Sleep(time.Hour)
				seat(c.to)
				h.app.faults, h.wait = nil, time.Hour
				h.apply()
				h.settled()
			})
		})
	}
}

// Whoever leaves altogether is out of the group, too.
func TestUnreadableMembersOfWhoHasLeft(t *testing.T) {
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
		h.app.faults = func(c call) fault {
			if c.Op == "members" {
				return fault{before: slow(0)}
			}
			return fault{}
		}
		h.apply()
		time.Sleep(time.Hour)
		h.app.faults, h.wait = nil, time.Hour
		h.put(somebody("p001", directory.Leaver))
		h.apply()
		h.settled()
		if m := h.app.members[h.groupOf("sales").RemoteID]; len(m) != 2 {
			t.Errorf("%v", m)
		}
	})
}
