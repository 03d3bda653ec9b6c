// SPDX-License-Identifier: Apache-2.0

package auth0in_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/source/auth0in"
)

func unit(name string) func(*auth0test.User) {
	return func(u *auth0test.User) { u.AppMetadata = jsontext.Value(`{"unit":"` + name + `"}`) }
}

// TestReadAll: people come, change, and go, by reads of everybody alone.
func TestReadAll(t *testing.T) {
	t.Parallel()
	h := setup(t, nil)
	ada, bo, cy := h.put("ada", unit("R&D")), h.put("bo"), h.put("cy")
	if r := h.readAll(); r.New != 3 || !r.Complete || r.Rows != 3 {
		t.Errorf("%+v", r)
	}
	h.stand("ada active R&D, bo active, cy active")
	h.tenant.ResetCounts()
	if r := h.readAll(); r.New+r.Changed != 0 {
		t.Errorf("%+v", r)
	}
	if n := h.tenant.Counts()["GET /users/:id"]; n != 0 {
		t.Errorf("nothing is new, and %d users were asked for", n)
	}
	h.must(h.tenant.Alter(ada, func(u *auth0test.User) { u.AppMetadata = jsontext.Value(`{"unit":["R","D"]}`) }))
	h.must(h.tenant.Block(bo))
	h.must(h.tenant.Remove(cy))
	h.readAll()
	h.stand(`ada active ["R","D"], bo leaver, cy leaver`)
	h.must(h.tenant.Unblock(bo))
	r := h.readAll()
	if len(r.Rejected) != 1 || r.Rejected[0].Key != bo || !strings.Contains(r.Rejected[0].Reason, "not blocked any more") {
		t.Errorf("%+v", r.Rejected)
	}
	h.stand(`ada active ["R","D"], bo leaver, cy leaver`)
	h.src.Live.Returns = true
	h.readAll()
	h.stand(`ada active ["R","D"], bo active, cy leaver`)
}

// TestListsLagBehind: what a list does not know of yet is asked for by id.
func TestListsLagBehind(t *testing.T) {
	t.Parallel()
	h := setup(t, func(c *auth0test.Config, _ *auth0in.Config) { c.SearchLag = 1 << 40 })
	h.must(h.tenant.Load(3, func(i int, u *auth0test.User) { u.FamilyName = string("abc"[i]) }))
	h.readAll()
	all := h.tenant.Users()
	h.must(h.tenant.Remove(all[0].ID))
	h.must(h.tenant.Alter(all[1].ID, func(u *auth0test.User) { u.FamilyName = "x" }))
	h.readAll() // by a list that says what it said before
	h.stand("a active, b active, c active")
	h.hearAll()
	h.reread()
	h.stand("a leaver, c active, x active")
	h.readAll() // the list still has who is gone
	h.stand("a leaver, c active, x active")
}

// hearAll takes every event that the tenant ever told.
func (h *house) hearAll() (marked int) {
	h.Helper()
	for _, e := range h.tenant.Events() {
		if h.hear(e) {
			marked++
		}
	}
	return marked
}

// load fills the tenant beyond what lists tell.
func (h *house) load(n int) {
	h.Helper()
	h.must(h.tenant.Load(n, func(i int, u *auth0test.User) {
		u.FamilyName, u.AppMetadata = fmt.Sprintf("n%04d", i), jsontext.Value(fmt.Sprintf(`{"unit":"u%d"}`, i%7))
	}))
}

// TestExportsThatLieRemoveNobody: an export that comes back empty or cut short is no
// mass departure, and one that fails is none either.
func TestExportsThatLieRemoveNobody(t *testing.T) {
	t.Parallel()
	for kind, c := range map[auth0test.Kind]struct {
		fails   bool
		missing int // of 700 people, who wait for the guard
	}{
		auth0test.ExportEmpty:  {false, 0}, // each is asked for
		auth0test.ExportShort:  {false, 0},
		auth0test.ExportTorn:   {true, 0},
		auth0test.ExportFailed: {true, 0},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			h := setup(t, nil)
			h.load(700)
			h.readAll()
			if n := h.totals().Active; n != 700 {
				t.Fatalf("%d are active", n)
			}
			h.tenant.SetFaults(auth0test.Rules(auth0test.Rule{Method: "POST", Path: "/jobs/users-exports", Fault: auth0test.Fault{Kind: kind}}))
			_, err := h.tryAll()
			if (err != nil) != c.fails {
				t.Errorf("%v", err)
			}
			if got := h.totals(); got.Leaver != 0 || got.Missing != c.missing || got.Active != 700-c.missing {
				t.Errorf("%+v", got)
			}
			h.tenant.SetFaults(nil)
			h.readAll()
			if got := h.totals(); got.Active != 700 {
				t.Errorf("and afterwards %+v", got)
			}
		})
	}
}

// TestAFewAreAskedFor: of an export whose lines lack some people, and say old things of
// others, each is asked for by id.
func TestAFewAreAskedFor(t *testing.T) {
	t.Parallel()
	h := setup(t, nil)
	h.load(600)
	h.readAll()
	all := h.tenant.Users()
	for i := range 4 { // within what may go at once
		h.must(h.tenant.Remove(all[i].ID))
	}
	h.must(h.tenant.Alter(all[9].ID, func(u *auth0test.User) { u.FamilyName = "new" }))
	h.tenant.ResetCounts()
	r := h.readAll()
	if r.Changed != 5 {
		t.Errorf("%+v", r)
	}
	if n := h.tenant.Counts()["GET /users/:id"]; n != 5 {
		t.Errorf("%d users were asked for", n)
	}
	if got := h.totals(); got.Leaver != 4 || got.Active != 596 {
		t.Errorf("%+v", got)
	}
}

// TestTeamsOfATenant: of roles no event tells; they are read with everybody.
func TestTeamsOfATenant(t *testing.T) {
	t.Parallel()
	h := setup(t, func(_ *auth0test.Config, c *auth0in.Config) {
		c.Teams = []auth0in.Teams{auth0in.Roles, auth0in.Organizations, auth0in.Groups}
	})
	ada, bo := h.put("ada"), h.put("bo")
	_, err := h.tenant.PutRole("Readers", ada, bo)
	h.must(err)
	_, err = h.tenant.PutOrganization("acme", "Acme Inc", ada)
	h.must(err)
	_, err = h.tenant.PutGroup(auth0test.Group{Name: "Staff", ConnectionID: h.tenant.Connections()[0].ID, Members: []string{bo}})
	h.must(err)
	h.readAll()
	h.inTeams(ada, "auth0.organizations Acme Inc, auth0.roles Readers")
	h.inTeams(bo, "auth0.groups Staff, auth0.roles Readers")
	h.must(h.tenant.TakeRole("Readers", bo))
	h.readAll()
	h.inTeams(bo, "auth0.groups Staff")
	h.must(h.tenant.Block(ada))
	h.readAll()
	h.inTeams(ada, "")
}

// inTeams asserts which teams somebody is in.
func (h *house) inTeams(user, want string) {
	h.Helper()
	person := directory.Key{Source: "auth0", ID: user}.PersonID()
	if got := h.teamsOf(person); got != want {
		h.Errorf("%s is in %q, want %q", user, got, want)
	}
}

// TestConnections: users of others are not read, whatever is linked to them.
func TestConnections(t *testing.T) {
	t.Parallel()
	h := setup(t, func(c *auth0test.Config, in *auth0in.Config) {
		c.Connections = []auth0test.Connection{{Name: "staff", Strategy: "auth0"}, {Name: "customers", Strategy: "auth0"}}
		in.Connections = []string{"staff"}
	})
	in := func(name, id string) func(*auth0test.User) {
		return func(u *auth0test.User) {
			u.ID = "auth0|" + id
			u.Identities = []auth0test.Identity{{Connection: name, Provider: "auth0", UserID: id}}
		}
	}
	h.put("ada", in("staff", "1"))
	h.put("bo", in("customers", "2"))
	h.readAll()
	h.stand("ada active")
}

// TestNoSuchConnection: a slip of the pen is told, and no tenant without users; where it
// may not be asked for, nobody is stopped.
func TestNoSuchConnection(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		connection string
		scopes     []string
		told       string
	}{
		"another name":   {"Staff", nil, `no connection "Staff"`},
		"nobody yet":     {auth0test.DefaultConnection, nil, ""},
		"a scope lacks":  {"Staff", []string{"read:users", "read:roles"}, ""},
		"users are read": {auth0test.DefaultConnection, []string{"read:users", "read:roles", "read:connections"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t, func(fake *auth0test.Config, in *auth0in.Config) {
				fake.Scopes, in.Connections = c.scopes, []string{c.connection}
			})
			if name == "users are read" {
				h.put("ada")
			}
			_, err := h.tryAll()
			if told := fmt.Sprint(err); (err != nil) != (c.told != "") || !strings.Contains(told, c.told) {
				t.Errorf("%v, want %q", err, c.told)
			}
			if asked := h.tenant.Counts()["GET /connections"]; (asked > 0) != (name != "users are read") {
				t.Errorf("%d requests for connections", asked)
			}
		})
	}
}

// TestOddUsers: one that cannot be taken is set aside alone.
func TestOddUsers(t *testing.T) {
	t.Parallel()
	h := setup(t, nil)
	h.put("ada")
	h.put("bo", unit(strings.Repeat("x", 5_000)))
	h.put("nobody", func(u *auth0test.User) { u.Email, u.Username = "", "nobody" })
	r := h.readAll()
	if len(r.Rejected) != 1 || !strings.Contains(r.Rejected[0].Reason, "app_metadata.unit is longer than") {
		t.Errorf("%+v", r.Rejected)
	}
	h.stand("ada active, nobody active")
}
