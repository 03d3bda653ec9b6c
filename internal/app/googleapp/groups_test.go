// SPDX-License-Identifier: Apache-2.0

package googleapp_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/internal/app/googleapp"
	"github.com/usher-id/usher/internal/google/googletest"
	"github.com/usher-id/usher/scim"
)

// TestGroups: a team's group has an address of its name and carries the team's id, keeps the
// address with another name, is found by name and listed; what else is in it is not touched.
func TestGroups(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	bob, eve := r.create(person(ada)), r.create(person("eve@acme.example"))
	g := r.must(r.app.Create(t.Context(), app.KindGroup, apptest.Team("t1", "Équipe & Co"))).Resource
	for id, kind := range map[string]string{"g7": "GROUP", "C01": "CUSTOMER", "x9": "USER"} {
		r.account.PutMember(g.ID(), id, id+"@other.example", kind, "MEMBER")
	}
	for _, id := range []string{bob, eve, bob} {
		r.must(r.app.ChangeMembers(t.Context(), g.ID(), []string{id}, nil))
	}
	for range 2 {
		r.must(r.app.ChangeMembers(t.Context(), g.ID(), nil, []string{eve}))
	}
	want := []string{bob, "C01", "g7", "x9"}
	slices.Sort(want)
	if got := r.account.Groups()["team-equipe-co@acme.example"]; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	got := r.must(r.app.Get(t.Context(), app.KindGroup, g.ID())).Resource
	if got.ExternalID() != "t1" || got.DisplayName() != "Équipe & Co" || len(got.Members()) != 2 { // with the stranger, who is nobody's
		t.Errorf("%v", got)
	}
	find := func(name string) []*scim.Resource {
		t.Helper()
		hits, _, err := r.app.Find(t.Context(), app.KindGroup, scim.MustPath("displayName"), name)
		if err != nil {
			t.Fatal(err)
		}
		return hits
	}
	if hits := find("Équipe & Co"); len(hits) != 1 || hits[0].ID() != g.ID() {
		t.Errorf("%v", hits)
	}
	r.must(r.app.Patch(t.Context(), app.KindGroup, g.ID(), []scim.Change{set("displayName", "Team B")}, nil))
	if hits := find("Team B"); len(hits) != 1 || hits[0].ID() != g.ID() || hits[0].ExternalID() != "t1" {
		t.Errorf("%v", hits)
	}
	if hits := find("Team C"); len(hits) != 0 {
		t.Errorf("%v", hits)
	}
	// The address that the group was made under is still its own.
	_, err := r.app.Create(t.Context(), app.KindGroup, apptest.Team("t2", "Equipe co"))
	r.fails(err, app.Conflict, "already exists")
	_, _, err = r.app.Find(t.Context(), app.KindGroup, scim.MustPath("displayName"), "Equipe co")
	r.fails(err, app.Terminal, `that of the group "Team B"`, "display_name")
	n := 0
	for g, err := range r.app.List(t.Context(), app.KindGroup, false) {
		if n++; err != nil || g.DisplayName() != "Team B" || len(g.Members()) != 2 {
			t.Errorf("%v %v", g, err)
		}
	}
	if n != 1 {
		t.Errorf("%d groups", n)
	}
	_, err = r.app.Delete(t.Context(), app.KindGroup, g.ID())
	r.fails(err, app.Terminal, "by hand")
	_, err = r.app.ChangeMembers(t.Context(), "nowhere", []string{bob}, nil)
	r.fails(err, app.NotFound)
	_, err = r.app.Create(t.Context(), app.KindGroup, apptest.Team("t3", "日本"))
	r.fails(err, app.Terminal, "no address")
	r = newRig(t, func(_ *googletest.Config, a *googleapp.Config) { a.GroupDomain = "" })
	_, err = r.app.Create(t.Context(), app.KindGroup, apptest.Team("t1", "A"))
	r.fails(err, app.Terminal, "group_domain")
}

// TestAddress: of every name comes an address that can be one, or none.
func TestAddress(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Sales": "x-sales@d", " Ünïcode -- Röck ": "x-unicode-rock@d", "R&D": "x-r-d@d", "Łódź Straße": "x-lodz-strasse@d", "": "", "---": "", strings.Repeat("a", 62): "x-" + strings.Repeat("a", 62) + "@d", strings.Repeat("a", 63): "",
	} {
		if got := googleapp.Address("x-", name, "d"); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
