// SPDX-License-Identifier: Apache-2.0

package auth0app_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim"
)

// TestDoubt: of who was there before us it is told what speaks against taking them over
// by their address; of who was made by us nothing.
func TestDoubt(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{true, false} {
		r := newRig(t, func(_ *auth0test.Config, c *auth0app.Config) { c.SignUps = open })
		mine := r.create(person("a1", "userName", "mine@acme.example"))
		before := func(email string, verified bool) string {
			u, err := r.client.CreateUser(t.Context(), auth0.UserChange{Connection: staff, Email: &email, EmailVerified: &verified, Password: "Pass-word-1"})
			if err != nil {
				t.Fatal(err)
			}
			return u.ID
		}
		verified, unverified := before("verified@acme.example", true), before("unverified@acme.example", false)
		if _, err := r.tenant.PutRole("Auditor", verified, mine); err != nil {
			t.Fatal(err)
		}
		listed := map[string]*scim.Resource{}
		for u, err := range r.app.List(t.Context(), app.KindUser, false) {
			if err != nil {
				t.Fatal(err)
			}
			listed[u.ID()] = u
		}
		for _, tt := range []struct {
			id, email string
			doubt     bool
			role      string
		}{
			{mine, "mine@acme.example", false, ""},
			{verified, "verified@acme.example", false, "Auditor"},
			{unverified, "unverified@acme.example", open, ""},
		} {
			hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("userName"), tt.email)
			if err != nil || len(hits) != 1 {
				t.Fatalf("%v %v", hits, err)
			}
			for what, u := range map[string]*scim.Resource{"found": hits[0], "listed": listed[tt.id]} {
				role, _ := u.At(scim.MustPath("roles"))
				if got := app.Doubt(u); (got != "") != tt.doubt || tt.doubt && !strings.Contains(got, "not verified") || strings.Contains(string(role.AppendJSON(nil)), "Auditor") != (tt.role != "") {
					t.Errorf("%s %s, sign-ups %v: doubt %q, roles %s", tt.email, what, open, got, role.AppendJSON(nil))
				}
			}
		}
	}
}

// TestDoubtOfUserNames: who has somebody's user name and a verified address of their own
// may have signed up with it.
func TestDoubtOfUserNames(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{true, false} {
		r := newRig(t, func(_ *auth0test.Config, c *auth0app.Config) {
			c.Connection, c.Usernames, c.SignUps = named, true, open
		})
		if _, err := r.tenant.Put(auth0test.User{
			Email: "mallory@mail.example", EmailVerified: true, Username: "alice",
			Identities: []auth0test.Identity{{Connection: named, Provider: "auth0", UserID: "m1"}},
		}); err != nil {
			t.Fatal(err)
		}
		seen, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("userName"), "alice")
		if err != nil {
			t.Fatal(err)
		}
		for u, err := range r.app.List(t.Context(), app.KindUser, false) {
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, u)
		}
		if len(seen) != 2 {
			t.Fatalf("%v", seen)
		}
		for _, u := range seen {
			if why := app.Doubt(u); strings.Contains(why, "user name") != open || !open && why != "" {
				t.Errorf("sign-ups %v: doubt %q", open, why)
			}
		}
	}
}

// TestNoScopeForRoles: where roles may not be asked for, anybody may be an administrator.
func TestNoScopeForRoles(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config, _ *auth0app.Config) { c.Scopes = []string{"create:users", "read:users"} })
	email := "before@acme.example"
	if _, err := r.client.CreateUser(t.Context(), auth0.UserChange{Connection: staff, Email: &email, Password: "Pass-word-1"}); err != nil {
		t.Fatal(err)
	}
	mine := r.create(person("a1", "userName", "mine@acme.example"))
	var seen []*scim.Resource
	for u, err := range r.app.List(t.Context(), app.KindUser, false) { // without read:connections, too
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, u)
	}
	r.tenant.SetFaults(auth0test.Rules(auth0test.Rule{Path: "/users/:id/roles", Fault: auth0test.Fault{Kind: auth0test.Forbidden}}))
	for _, address := range []string{email, "mine@acme.example"} {
		hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("userName"), address)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, hits...)
	}
	if len(seen) != 4 {
		t.Fatalf("%v", seen)
	}
	for _, u := range seen {
		if why := app.Doubt(u); (why == "its roles may not be read") != (u.ID() != mine) {
			t.Errorf("%s: doubt %q", u.ID(), why)
		}
	}
}

// TestWhichConnection: a connection that is not there, or is none of a database, is
// told before anybody is made.
func TestWhichConnection(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]string{"nowhere": "no connection nowhere", "google": "no database"} {
		r := newRig(t, func(_ *auth0test.Config, c *auth0app.Config) { c.Connection = name })
		var err error
		for _, err = range r.app.List(t.Context(), app.KindUser, false) {
		}
		r.fails(err, app.Terminal, say)
	}
}

// TestDoubtById: a user under the id that we would give is ours by our mark alone. A
// number of HR may be another system's, too, from which users were imported.
func TestDoubtById(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for id, mark := range map[string]string{"ours": `{"usher_id":"ours"}`, "none": "", "empty": `{"usher_id":""}`, "number": `{"usher_id":7}`, "another": `{"usher_id":"someone"}`} {
		if _, err := r.tenant.Put(auth0test.User{
			Email: id + "@acme.example", EmailVerified: true, AppMetadata: jsontext.Value(mark),
			Identities: []auth0test.Identity{{Connection: staff, Provider: "auth0", UserID: id}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]struct {
		hits, doubts int
		externalID   string
	}{"ours": {1, 0, "ours"}, "none": {1, 1, ""}, "empty": {1, 1, ""}, "number": {1, 1, ""}, "another": {}} {
		hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("externalId"), id)
		if err != nil || len(hits) != want.hits {
			t.Fatalf("%s: %v %v", id, hits, err)
		}
		for _, u := range hits {
			if why := app.Doubt(u); u.ExternalID() != want.externalID || (why != "") != (want.doubts > 0) || why != "" && !strings.Contains(why, "not our mark") {
				t.Errorf("%s: externalId %q, doubt %q", id, u.ExternalID(), why)
			}
		}
	}
	// By the id that was kept it is found as before.
	if u := r.must(r.app.Get(t.Context(), app.KindUser, "auth0|none")).Resource; app.Doubt(u) != "" {
		t.Error(app.Doubt(u))
	}
}
