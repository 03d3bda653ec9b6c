// SPDX-License-Identifier: Apache-2.0

package entraapp_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/internal/app/entraapp"
	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/scim"
)

var displayName = scim.MustPath("displayName")

func (r *rig) members(group string) []string {
	r.Helper()
	return r.must(r.app.Get(r.Context(), app.KindGroup, group)).Resource.Members()
}

// TestGroups: a group is made once, whoever asks again, carries whose it is, gets twenty
// members at once and loses them one by one; each of these may be repeated.
func TestGroups(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := t.Context()
	g := r.must(r.app.Create(ctx, app.KindGroup, apptest.Team("team1", "Sales & Co's"))).Resource
	again := r.must(r.app.Create(ctx, app.KindGroup, apptest.Team("team1", "Sales & Co's"))).Resource
	if g.ID() != again.ID() || g.ExternalID() != "team1" || again.ExternalID() != "team1" || len(r.tenant.Groups(entratest.Security)) != 1 {
		t.Errorf("%v %v", g, again)
	}
	_, err := r.app.Create(ctx, app.KindGroup, apptest.Team("team2", "Sales & Co's"))
	r.fails(err, app.Conflict, "of this name")
	hits, _, err := r.app.Find(ctx, app.KindGroup, displayName, "Sales & Co's")
	if err != nil || len(hits) != 1 || hits[0].ID() != g.ID() || hits[0].ExternalID() != "team1" {
		t.Errorf("%v %v", hits, err)
	}
	var ids []string
	for i := range 21 {
		ids = append(ids, r.create(person(fmt.Sprintf("p%d@acme.example", i))))
	}
	_, err = r.app.ChangeMembers(ctx, g.ID(), ids, nil)
	r.fails(err, app.TooLarge)
	r.writes()
	r.must(r.app.ChangeMembers(ctx, g.ID(), ids[:20], nil))
	if n := r.writes(); n != 1 || len(r.members(g.ID())) != 20 {
		t.Errorf("%d writes, %d members", n, len(r.members(g.ID())))
	}
	_, err = r.app.ChangeMembers(ctx, g.ID(), ids[19:], nil) // one is in it: none goes in
	r.fails(err, app.Conflict)
	_, err = r.app.ChangeMembers(ctx, g.ID(), []string{ids[20], "nobody"}, nil)
	r.fails(err, app.NotFound)
	if n := len(r.members(g.ID())); n != 20 {
		t.Errorf("%d members", n)
	}
	for range 2 {
		r.must(r.app.ChangeMembers(ctx, g.ID(), ids[20:], nil))
		r.must(r.app.ChangeMembers(ctx, g.ID(), nil, ids[:1]))
		if m := r.members(g.ID()); len(m) != 20 || slices.Contains(m, ids[0]) || !slices.Contains(m, ids[20]) {
			t.Errorf("%v", m)
		}
	}
	if len(r.tenant.Users()) != 21 {
		t.Error("whoever was taken out is gone")
	}
	_, err = r.app.ChangeMembers(ctx, "no-such-group", nil, ids[:1])
	r.fails(err, app.NotFound)
	r.must(r.app.Patch(ctx, app.KindGroup, g.ID(), []scim.Change{set("displayName", "Sales")}, nil))
	if got := r.tenant.Groups(entratest.Security); !slices.Equal(got, []string{"Sales"}) {
		t.Errorf("%v", got)
	}
	_, err = r.app.Delete(ctx, app.KindGroup, g.ID())
	r.fails(err, app.Terminal, "by hand")
}

// TestGroupsThatAreNotOurs: groups whose members are not ours to write are in no list, are
// not written, and nothing is made beside them.
func TestGroupsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	for kind, word := range map[entratest.Kind]string{
		entratest.Dynamic: "rule of its own", entratest.Assignable: "roles", entratest.OnPremises: "on-premises", entratest.Addresses: "Exchange",
	} {
		r := newRig(t, nil)
		ctx := t.Context()
		who := r.create(person(name))
		id := r.tenant.PutGroup(kind, "A", who)
		r.writes()
		for g, err := range r.app.List(ctx, app.KindGroup, true) {
			t.Errorf("%s is listed: %v %v", kind, g, err)
		}
		_, _, err := r.app.Find(ctx, app.KindGroup, displayName, "A")
		r.fails(err, app.Terminal, word, "display_name")
		_, err = r.app.Create(ctx, app.KindGroup, apptest.Team("team1", "A"))
		r.fails(err, app.Terminal, word)
		_, err = r.app.Patch(ctx, app.KindGroup, id, []scim.Change{set("displayName", "B")}, nil)
		r.fails(err, app.Terminal, word)
		_, err = r.app.Get(ctx, app.KindGroup, id)
		r.fails(err, app.Terminal, word)
		if n := r.writes(); n != 0 {
			t.Errorf("%s: %d writes", kind, n)
		}
		_, err = r.app.ChangeMembers(ctx, id, nil, []string{who})
		r.fails(err, app.Terminal, word)
		if len(r.tenant.Groups(entratest.Security)) != 0 {
			t.Errorf("%s: %v", kind, r.tenant.Groups(entratest.Security))
		}
		// With one of the name that can be written, that is the one.
		r.tenant.PutGroup(entratest.Security, "A")
		if hits, _, err := r.app.Find(ctx, app.KindGroup, displayName, "A"); err != nil || len(hits) != 1 || hits[0].ID() == id {
			t.Errorf("%s: %v %v", kind, hits, err)
		}
	}
}

// TestGroupLag: a group whose creation is not shown yet is not made again, and that
// somebody new is not known to it yet is told as that.
func TestGroupLag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *entratest.Config, _ *entraapp.Config) { c.Lag = 10 * time.Second })
		g := r.must(r.app.Create(t.Context(), app.KindGroup, apptest.Team("team1", "A"))).Resource
		_, err := r.app.Create(t.Context(), app.KindGroup, apptest.Team("team1", "A"))
		r.fails(err, app.Precondition, "Graph does not show it yet")
		id := r.create(person(name))
		_, err = r.app.ChangeMembers(t.Context(), g.ID(), []string{id}, nil)
		r.fails(err, app.NotFound)
		time.Sleep(10 * time.Second)
		r.must(r.app.ChangeMembers(t.Context(), g.ID(), []string{id}, nil))
		if n := len(r.tenant.Groups(entratest.Security)); n != 1 {
			t.Errorf("%d groups", n)
		}
	})
}
