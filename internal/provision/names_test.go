// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"testing"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// short gives the app short names, each one person's alone.
func (h *house) short(most int) {
	h.t.Helper()
	env, err := compiled().Person()
	h.must(err)
	m, err := env.CompileMapping(scim.UserURN, []config.Attribute{
		{Path: config.Text{Value: "userName"}, Value: config.Text{Value: "person.nickName"}, Unique: config.UniqueApp, Max: most},
		{Path: config.Text{Value: "displayName"}, Value: config.Text{Value: "person.displayName"}},
	})
	h.must(err)
	h.targets[0].Mapping = m
}

// called names who has an account, by their names there.
func (h *house) called() map[string]bool {
	names := map[string]bool{}
	for _, u := range h.app.users {
		names[u.UserName()] = true
	}
	return names
}

func (h *house) calls(want ...string) {
	h.t.Helper()
	got := h.called()
	for _, n := range want {
		if !got[n] {
			h.t.Errorf("nobody is called %s: %v", n, got)
		}
	}
	if len(got) != len(want) {
		h.t.Errorf("called %v, want %v", got, want)
	}
}

// A wish becomes a name that is one person's alone in the app, for ever.
func TestUniqueInTheApp(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.short(6)
		h.app.unique = true
		h.put(somebody("p2", directory.Active, "nickName", "ada.bra"), somebody("p1", directory.Active, "nickName", "ada.bra"), somebody("p3", directory.Active, "nickName", "Ada.Br"))
		planned := h.plan()
		res := h.cycle()
		if res.Digest != planned.Digest || res.Digest == provision.Digest(nil) {
			t.Errorf("planned %s, done %s", planned.Digest, res.Digest)
		}
		h.calls("ada.br", "ada.b2", "Ada.B3") // in order of person; letter case does not tell names apart
		h.quiet()
		h.put(somebody("p1", directory.Active, "nickName", "eve"), somebody("p2", directory.Leaver, "nickName", "ada.bra"))
		h.apply()
		h.calls("ada.br", "ada.b2", "Ada.B3") // a name stays when its person gets another one
		h.put(somebody("p0", directory.Active, "nickName", "ada.bra"))
		h.apply()
		h.calls("ada.br", "ada.b2", "Ada.B3", "ada.b4") // and is nobody else's when they have left
		h.put(somebody("p4", directory.Active))
		if rep := h.apply(); rep.Parked != 1 && rep.Create != 1 {
			t.Errorf("nobody without a name is lost: %+v", rep)
		}
	})
}

// An account that was there before keeps its name, whoever wishes for it too.
func TestAdoptedNameStays(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.short(0)
		h.app.user("jdoe", "p9")
		h.app.user("eve", "somebody else's")
		h.put(somebody("p9", directory.Active, "nickName", "john"), somebody("p1", directory.Active, "nickName", "jdoe"), somebody("p2", directory.Active, "nickName", "Eve"))
		if rep := h.apply(); rep.Create != 2 || rep.Update != 1 || rep.Foreign != 1 { // the display name
			t.Errorf("%+v", rep)
		}
		h.calls("jdoe", "jdoe2", "eve", "Eve2")
		h.quiet()
	})
}

// An account of ours that was listed before its person was known keeps its name
// when they come.
func TestLateOwnerKeepsTheName(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.short(0)
		h.app.user("jdoe", "p9")
		h.put(somebody("p1", directory.Active, "nickName", "ada"))
		h.apply()
		h.put(somebody("p9", directory.Active, "nickName", "jdoe"), somebody("p0", directory.Active, "nickName", "jdoe"))
		h.apply()
		h.calls("ada", "jdoe", "jdoe2")
		if h.account("p9").RemoteID != "u-001" || h.app.users["u-001"].UserName() != "jdoe" {
			t.Errorf("%+v is called %s", h.account("p9"), h.app.users["u-001"].UserName())
		}
		h.quiet()
	})
}

// One of two namesakes has an account already; the other one gets a number, and
// is not set aside for it.
func TestNamesakeOfAnAdopted(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.short(0)
		h.app.user("jdoe", "")
		h.put(somebody("p1", directory.Active, "nickName", "jdoe"), somebody("p2", directory.Active, "nickName", "jdoe"))
		if rep := h.apply(); rep.Parked != 0 {
			t.Errorf("%+v: %s", rep, h.account("p2").Parked)
		}
		h.calls("jdoe", "jdoe2")
		h.quiet()
	})
}
