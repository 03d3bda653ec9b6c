// SPDX-License-Identifier: Apache-2.0

package oktaapp_test

import (
	"slices"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/scim"
)

// TestGroups: a team's group carries its id, is renamed, found by name and listed with
// its members; groups of others are neither found nor written.
func TestGroups(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ada, bob := r.create(person(login)), r.create(person("bob@acme.example"))
	foreign := r.org.PutGroup("APP_GROUP", "Team A", bob)
	g := r.must(r.app.Create(t.Context(), app.KindGroup, apptest.Team("t1", "Team A"))).Resource
	for _, id := range []string{ada, bob, ada} {
		r.must(r.app.ChangeMembers(t.Context(), g.ID(), []string{id}, nil))
	}
	r.must(r.app.ChangeMembers(t.Context(), g.ID(), nil, []string{bob}))
	got := r.must(r.app.Get(t.Context(), app.KindGroup, g.ID())).Resource
	if got.ExternalID() != "t1" || got.DisplayName() != "Team A" || len(got.Members()) != 1 {
		t.Errorf("%v", got)
	}
	hits, _, err := r.app.Find(t.Context(), app.KindGroup, scim.MustPath("displayName"), "Team A")
	if err != nil || len(hits) != 1 || hits[0].ID() != g.ID() {
		t.Errorf("%v %v", hits, err)
	}
	_, _, err = r.app.Find(t.Context(), app.KindGroup, scim.MustPath("displayName"), "Everyone")
	r.fails(err, app.Terminal, "BUILT_IN", "display_name")

	if renamed := r.must(r.app.Patch(t.Context(), app.KindGroup, g.ID(), []scim.Change{set("displayName", "Team B")}, nil)).Resource; renamed.ExternalID() != "t1" {
		t.Errorf("%v", renamed)
	}
	n := 0
	for g, err := range r.app.List(t.Context(), app.KindGroup, false) {
		if n++; err != nil || g.DisplayName() != "Team B" || len(g.Members()) != 1 {
			t.Errorf("%v %v", g, err)
		}
	}
	if n != 1 {
		t.Errorf("%d groups", n)
	}
	_, err = r.app.Create(t.Context(), app.KindGroup, apptest.Team("t2", "Team B"))
	r.fails(err, app.Conflict, "already exists")

	for _, try := range []func() (app.Answer, error){
		func() (app.Answer, error) { return r.app.ChangeMembers(t.Context(), foreign, []string{ada}, nil) },
		func() (app.Answer, error) { return r.app.ChangeMembers(t.Context(), foreign, nil, []string{bob}) },
		func() (app.Answer, error) {
			return r.app.Patch(t.Context(), app.KindGroup, foreign, []scim.Change{set("displayName", "x")}, nil)
		},
		func() (app.Answer, error) { return r.app.Get(t.Context(), app.KindGroup, foreign) },
	} {
		_, err := try()
		r.fails(err, app.Terminal, "APP_GROUP")
	}
	_, err = r.app.Delete(t.Context(), app.KindGroup, g.ID())
	r.fails(err, app.Terminal, "by hand")
	_, err = r.app.ChangeMembers(t.Context(), g.ID(), []string{ada, bob}, nil)
	r.fails(err, app.TooLarge)
	_, err = r.app.ChangeMembers(t.Context(), g.ID(), nil, nil)
	r.fails(err, app.Terminal)
	for _, bad := range []*scim.Resource{apptest.Team("", "x"), apptest.Team("a b", "x"), apptest.Team("t3", ""), nil} {
		_, err = r.app.Create(t.Context(), app.KindGroup, bad)
		r.fails(err, app.Terminal)
	}
	if u := r.org.Users()["bob@acme.example"]; !slices.Equal(u.Groups, []string{"Team A"}) {
		t.Errorf("%+v", u)
	}
}
