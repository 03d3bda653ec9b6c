// SPDX-License-Identifier: Apache-2.0

package auth0in_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/auth0in"
)

// last is the newest event of the tenant.
func (h *house) last() auth0test.Event {
	h.Helper()
	all := h.tenant.Events()
	return all[len(all)-1]
}

func named(name string) func(*auth0test.User) {
	return func(u *auth0test.User) { u.FamilyName = name }
}

// TestAReadOfEverybodyAnswersNoMark: what lists say may be older than the event that
// somebody was marked for.
func TestAReadOfEverybodyAnswersNoMark(t *testing.T) {
	t.Parallel()
	h := setup(t, func(c *auth0test.Config, _ *auth0in.Config) { c.SearchLag = 1 << 40 })
	h.must(h.tenant.Load(3, func(i int, u *auth0test.User) { u.FamilyName = string("abc"[i]) }))
	h.readAll()
	h.src.Live.Served, h.src.Live.Grace = true, 20*time.Millisecond
	all := h.tenant.Users()
	h.must(h.tenant.Remove(all[0].ID))
	h.hear(h.last())
	h.reread() // gone, and to be looked for once more
	h.must(h.tenant.Block(all[1].ID))
	h.hear(h.last())
	h.readAll() // by a list that has them both as they were
	h.until("both have left", func() bool {
		h.reread()
		return h.people() == "a leaver, b leaver, c active"
	})
}

// TestOldNewsWhileAReadIsOnItsWay: an event that says what the record says is news all
// the same to a read that has seen something else.
func TestOldNewsWhileAReadIsOnItsWay(t *testing.T) {
	t.Parallel()
	t.Run("of the record", func(t *testing.T) {
		t.Parallel()
		h := setup(t, nil)
		ada := h.put("ada")
		h.readAll()
		h.must(h.tenant.Alter(ada, named("b")))
		h.hear(h.last())
		re, _, err := source.Look(t.Context(), h.db.Source(), h.src)
		h.must(err)
		h.must(h.tenant.Alter(ada, named("ada")))
		if !h.hear(h.last()) {
			t.Error("nobody is to be read, though a read is on its way")
		}
		_, err = re.Take(t.Context(), h.dir)
		h.must(err)
		h.reread()
		h.stand("ada active")
	})
	t.Run("of everybody", func(t *testing.T) {
		t.Parallel()
		h := setup(t, nil)
		ada := h.put("ada")
		h.readAll()
		h.must(h.tenant.Alter(ada, named("b")))
		s, err := source.Fetch(t.Context(), h.db.Source(), h.src)
		h.must(err)
		h.must(h.tenant.Alter(ada, named("ada")))
		h.hear(h.last())
		_, err = source.Ingest(t.Context(), h.db.Source(), h.dir, s)
		h.must(err)
		h.settle()
		h.stand("ada active")
	})
	t.Run("of one that is older", func(t *testing.T) {
		t.Parallel()
		h := setup(t, nil)
		ada := h.put("ada")
		h.readAll()
		h.src.Live.Served = true
		h.must(h.tenant.Alter(ada, named("b")))
		h.hear(h.last())
		re, _, err := source.Look(t.Context(), h.db.Source(), h.src)
		h.must(err)
		h.must(h.tenant.Alter(ada, named("c")))
		h.readAll() // takes c, or has it read again
		_, err = re.Take(t.Context(), h.dir)
		h.must(err)
		h.reread()
		h.stand("c active")
	})
}

// TestLinkedWhereNobodyReads: whoever was linked to a user who cannot be taken, or is
// not read, has not left.
func TestLinkedWhereNobodyReads(t *testing.T) {
	t.Parallel()
	in := func(connection, id string) func(*auth0test.User) {
		return func(u *auth0test.User) {
			u.ID, u.Identities = "auth0|"+id, []auth0test.Identity{{Connection: connection, Provider: "auth0", UserID: id}}
		}
	}
	staff := func(c *auth0test.Config, in *auth0in.Config) {
		c.Connections = []auth0test.Connection{{Name: "staff", Strategy: "auth0"}, {Name: "customers", Strategy: "auth0"}}
		in.Connections = []string{"staff"}
	}
	for name, unread := range map[string]func(*auth0test.User){
		"of another connection": in("customers", "2"),
		"too long": func(u *auth0test.User) {
			in("staff", "2")(u)
			unit(strings.Repeat("x", 5_000))(u)
		},
	} {
		for _, served := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " served ", served), func(t *testing.T) {
				t.Parallel()
				h := setup(t, staff)
				ada := h.put("ada", in("staff", "1"))
				h.readAll()
				h.src.Live.Served = served
				whole := h.put("bo", unread)
				h.must(h.tenant.Link(whole, ada))
				for range 2 {
					if r := h.readAll(); len(r.Rejected)+len(r.Notes) == 0 {
						t.Error("not a word of it")
					}
					h.reread()
					h.stand("ada active")
				}
				h.hearAll()
				h.reread()
				h.stand("ada active")
			})
		}
	}
}

// TestTeamsOfWhoComesLater: a team that was read before its member could be taken.
func TestTeamsOfWhoComesLater(t *testing.T) {
	t.Parallel()
	h := setup(t, nil)
	ada := h.put("ada", unit(strings.Repeat("x", 5_000)))
	_, err := h.tenant.PutRole("Readers", ada)
	h.must(err)
	h.readAll()
	h.stand("")
	h.must(h.tenant.Alter(ada, unit("R&D")))
	h.hear(h.last())
	h.reread()
	h.stand("ada active R&D")
	h.must(h.db.Source().Update(t.Context(), func(tx source.Tx) error {
		lacking, err := tx.Teamless(t.Context(), "auth0", nil)
		if len(lacking) != 0 {
			t.Errorf("%v lack a team", lacking)
		}
		return err
	}))
}

// TestPoison: a user who cannot be read stops nobody else.
func TestPoison(t *testing.T) {
	t.Parallel()
	h := setup(t, nil)
	h.put("ada")
	h.put("bo")
	h.tenant.SetFaults(auth0test.Rules(auth0test.Rule{Method: "GET", Path: "/users/:id", Subject: "ada@acme.example", Fault: auth0test.Fault{Kind: auth0test.Garbage}}))
	h.hearAll()
	h.reread()
	h.stand("bo active")
}
