// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// refusals counts the requests for members that the app refused, and answers the sizes of
// all of them.
type refusals struct {
	sizes, refused []int
}

// seen is what there has been so far, beside an engine that serves.
func (r *refusals) seen(h *house) (sizes, refused []int) {
	h.app.mu.Lock()
	defer h.app.mu.Unlock()
	return slices.Clone(r.sizes), slices.Clone(r.refused)
}

func (r *refusals) judge(c call, bad bool, e *app.Error) fault {
	if c.Op != "members" {
		return fault{}
	}
	r.sizes = append(r.sizes, len(c.Add))
	if !bad {
		return fault{}
	}
	r.refused = append(r.refused, len(c.Add))
	return fault{before: e}
}

// A request for many members that is refused because of one of them is sent in halves
// until that one is alone: 2 log₂ n more requests, and one more once it was looked for. The
// bad one is set aside with the app's words, and the rest are in.
func TestBadMemberIsBisected(t *testing.T) {
	for name, e := range map[string]*app.Error{
		"400": {Class: app.Terminal, Status: 400, Detail: "no such member"},
		"409": {Class: app.Conflict, Status: 409, Detail: "no such member"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.app.profile.MaxMembersPerRequest = 64
				h.crew(64, "")
				h.apply()
				bad := h.account("p041").RemoteID
				var r refusals
				h.ails(func(c call) fault { return r.judge(c, slices.Contains(c.Add, bad), e) })
				for i := range 64 {
					h.seat(fmt.Sprintf("p%03d", i), "sales")
				}
				rep := h.apply()
				if rep.MemberAdd != 63 || rep.Parked != 1 || rep.Paused != "" || rep.Waiting != 0 {
					t.Errorf("%+v", rep)
				}
				if !slices.Equal(r.refused, []int{64, 32, 16, 8, 4, 2, 1, 1}) || len(r.sizes) != 14 {
					t.Errorf("refused %v of %v", r.refused, r.sizes)
				}
				if a := h.account("p041"); a.Parked != "group sales: app: "+e.Class.String()+": status "+name+": no such member" {
					t.Errorf("%q", a.Parked)
				}
				if h.apply(); len(r.sizes) != 14 {
					t.Error("it is tried again and again")
				}
			})
		})
	}
}

// An app that takes less at once than its profile says teaches it once: whatever waits
// is cut to what it takes, in this cycle and, while the process lives, in the next.
func TestTooLargeIsLearned(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.MaxMembersPerRequest = 64
		h.crew(200, "")
		h.apply()
		var r refusals
		h.ails(func(c call) fault { return r.judge(c, len(c.Add) > 10, &app.Error{Class: app.TooLarge, Status: 413}) })
		seats := func(team string) {
			for i := range 200 {
				h.seat(fmt.Sprintf("p%03d", i), append([]string{team}, values(h.teams[fmt.Sprintf("p%03d", i)])...)...)
			}
		}
		seats("sales")
		h.served(func(e *provision.Engine) {
			time.Sleep(3 * time.Second)
			if _, refused := r.seen(h); !slices.Equal(refused, []int{64, 32, 16}) {
				t.Errorf("refused %v", refused)
			}
			seats("ops")
			e.Wake()
			time.Sleep(3 * time.Second)
			if sizes, refused := r.seen(h); len(refused) != 3 || slices.Max(sizes[3:]) != 8 {
				t.Errorf("refused %v of %v", refused, sizes)
			}
		})
		h.settled()
	})
}

func values(teams []directory.Team) (out []string) {
	for _, t := range teams {
		out = append(out, t.Value)
	}
	return out
}

// An app that says that something is not as we know it is read before anything is sent
// again, and what is sent then is the difference to what is there.
func TestChangedSinceWeKnewIt(t *testing.T) {
	for name, change := range map[string]func(h *house){
		"update":  func(h *house) { h.put(somebody("p001", directory.Active, "displayName", "x")) },
		"disable": func(h *house) { h.put(somebody("p001", directory.Leaver)) },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.crew(3, "sales")
				h.apply()
				id := h.account("p001").RemoteID
				h.alter("p001", func(u *scim.Resource) { u.Set("userName", scim.String("somebody.else@acme.example")) })
				h.app.forget()
				h.ails(func(c call) fault {
					if c.Op == "patch" && c.ID == id && h.app.seen["getUser"+id] == 0 {
						return fault{before: &app.Error{Class: app.Precondition, Status: 412, Detail: "it has changed"}}
					}
					return fault{}
				})
				began := time.Now()
				change(h)
				if rep := h.apply(); rep.Waiting != 0 || rep.Parked != 0 || time.Since(began) > time.Second {
					t.Errorf("%+v after %v", rep, time.Since(began))
				}
				var ops []string
				for _, c := range h.app.calls {
					if c.ID == id {
						ops = append(ops, c.Op)
					}
				}
				if len(ops) < 3 || !slices.Equal(ops[:3], []string{"patch", "get", "patch"}) {
					t.Errorf("%v", ops)
				}
				h.settled() // what somebody else has changed meanwhile included
			})
		})
	}
}
