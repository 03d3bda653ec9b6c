// SPDX-License-Identifier: Apache-2.0

package auth0app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/scim"
)

func team(id, name string) *scim.Resource {
	g := scim.NewResource(scim.GroupURN)
	g.SetExternalID(id)
	g.Set("displayName", scim.String(name))
	return g
}

func (r *rig) group(id, name string) string {
	r.Helper()
	ans, err := r.app.Create(r.Context(), app.KindGroup, team(id, name))
	return r.must(ans, err).Resource.ID()
}

// members are those of a group as the app tells them.
func (r *rig) members(id string) []string {
	r.Helper()
	m := r.must(r.app.Get(r.Context(), app.KindGroup, id)).Resource.Members()
	slices.Sort(m)
	return m
}

// TestGroups holds of roles and organizations alike what the engine counts on.
func TestGroups(t *testing.T) {
	t.Parallel()
	for _, as := range []string{config.GroupsAsRoles, config.GroupsAsOrganizations} {
		t.Run(as, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(_ *auth0test.Config, c *auth0app.Config) { c.Groups = as })
			ctx := t.Context()
			p := r.app.Profile()
			id := r.group("t1", "Vertrieb & Küche")
			for what, back := range map[string]*scim.Resource{
				"get":  r.must(r.app.Get(ctx, app.KindGroup, id)).Resource,
				"find": first(t, r, "Vertrieb & Küche"),
			} {
				if back == nil || back.ID() != id || back.ExternalID() != "t1" || back.DisplayName() != "Vertrieb & Küche" {
					t.Errorf("%s: %v", what, back)
				}
			}
			if first(t, r, "vertrieb & küche") != nil || first(t, r, "&") != nil {
				t.Error("a group of another name is found")
			}
			_, err := r.app.Create(ctx, app.KindGroup, team("t2", "Vertrieb & Küche"))
			r.fails(err, app.Conflict)

			var users []string
			for i := range p.MembersAtOnce(true) {
				users = append(users, r.create(person(fmt.Sprint("u", i), "userName", fmt.Sprintf("u%d@acme.example", i))))
			}
			slices.Sort(users)
			r.tenant.ResetCounts()
			for range 2 { // twice is as once
				r.must(r.app.ChangeMembers(ctx, id, users, nil))
			}
			if n := r.tenant.Counts().Writes(); n != 2 {
				t.Errorf("%d requests", n)
			}
			if got := r.members(id); !slices.Equal(got, users) {
				t.Errorf("%v, want %v", got, users)
			}
			gone := users[:p.MembersAtOnce(false)]
			for range 2 {
				r.must(r.app.ChangeMembers(ctx, id, nil, gone))
			}
			if got := r.members(id); !slices.Equal(got, users[len(gone):]) {
				t.Errorf("%v, want %v", got, users[len(gone):])
			}

			r.must(r.app.Patch(ctx, app.KindGroup, id, []scim.Change{set("displayName", "Sales")}, nil))
			if back := r.must(r.app.Get(ctx, app.KindGroup, id)).Resource; back.DisplayName() != "Sales" || back.ExternalID() != "t1" || len(back.Members()) != len(users)-len(gone) {
				t.Errorf("%v", back)
			}
			var listed []string
			for g, err := range r.app.List(ctx, app.KindGroup, true) {
				if err != nil || len(g.Members()) > 0 {
					t.Fatalf("%v %v", g, err)
				}
				listed = append(listed, g.ID()+" "+g.ExternalID())
			}
			if !slices.Equal(listed, []string{id + " t1"}) {
				t.Errorf("%v", listed)
			}
		})
	}
}

func first(t *testing.T, r *rig, name string) *scim.Resource {
	t.Helper()
	hits, _, err := r.app.Find(t.Context(), app.KindGroup, scim.MustPath("displayName"), name)
	if err != nil || len(hits) > 1 {
		t.Fatalf("%v %v", hits, err)
	}
	if len(hits) == 0 {
		return nil
	}
	return hits[0]
}

func TestGroupsAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := t.Context()
	id := r.group("t1", "Sales")
	a, b := r.create(person("a1", "userName", "alice@acme.example")), r.create(person("b1", "userName", "bob@acme.example"))
	r.tenant.ResetCounts()
	for what, tt := range map[string]struct {
		add, remove []string
		class       app.Class
	}{
		"nobody":              {nil, nil, app.Terminal},
		"both ways":           {[]string{a}, []string{b}, app.TooLarge},
		"too many at once":    {make([]string, 51), nil, app.TooLarge},
		"two who lose a role": {nil, []string{a, b}, app.TooLarge},
	} {
		_, err := r.app.ChangeMembers(ctx, id, tt.add, tt.remove)
		if e := app.Classify(err); e == nil || e.Class != tt.class {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := r.app.Patch(ctx, app.KindGroup, id, []scim.Change{set("externalId", "x")}, nil)
	r.fails(err, app.Terminal, "only the displayName")
	_, err = r.app.Create(ctx, app.KindGroup, team("t2", ""))
	r.fails(err, app.Terminal, "displayName")
	if n := r.tenant.Counts().Total(); n != 0 {
		t.Errorf("%d requests were sent for what cannot be", n)
	}
	_, err = r.app.Get(ctx, app.KindGroup, "rol_nothing")
	r.fails(err, app.NotFound)
}

// TestForeignRole: a role that was there has nobody's mark, and a renaming keeps what
// its description says.
func TestForeignRole(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	role, err := r.client.CreateRole(t.Context(), auth0.Role{Name: "Sales", Description: "usher: of a theatre"})
	if err != nil {
		t.Fatal(err)
	}
	if g := first(t, r, "Sales"); g == nil || g.ExternalID() != "" {
		t.Errorf("%v", g)
	}
	r.must(r.app.Patch(t.Context(), app.KindGroup, role.ID, []scim.Change{set("displayName", "Vertrieb")}, nil))
	if role, err = r.client.Role(t.Context(), role.ID); err != nil || role.Name != "Vertrieb" || role.Description != "usher: of a theatre" {
		t.Errorf("%+v %v", role, err)
	}
}

// TestMostRoles: what Auth0 refuses without saying why is said.
func TestMostRoles(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person("a1", "userName", "alice@acme.example"))
	for i := range 51 {
		_, err := r.app.ChangeMembers(t.Context(), r.group(fmt.Sprint("t", i), fmt.Sprint("Team ", i)), []string{id}, nil)
		if i < 50 && err != nil {
			t.Fatal(err)
		}
		if i == 50 {
			r.fails(err, app.Conflict, "50 roles")
		}
	}
}

func TestSlug(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Sales": "sales", "Vertrieb & Küche": "vertrieb-kuche", "  R&D  ": "r-d", "_x_": "x_", "研发": "", "Éa": "ea",
		"a--b": "a-b", "Team 7": "team-7", strings.Repeat("ab ", 30): strings.TrimRight(strings.Repeat("ab-", 17)[:50], "-"),
	} {
		if got := auth0app.Slug(name); got != want || len(got) > 50 {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	// A team without a letter that fits is named by its id.
	r := newRig(t, func(_ *auth0test.Config, c *auth0app.Config) { c.Groups = config.GroupsAsOrganizations })
	id := r.group("T9", "研发")
	if o, err := r.client.Organization(t.Context(), id); err != nil || o.Name != "team-t9" || o.DisplayName != "研发" || o.Metadata["usher_id"] != "T9" {
		t.Errorf("%+v %v", o, err)
	}
}
