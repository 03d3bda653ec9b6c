// SPDX-License-Identifier: Apache-2.0

package auth0app_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim"
)

// TestSequence: after any sequence of changes a user is as the mapping says at every
// place, is listed so, and what nobody mapped is as it was, with and without user
// names, and with requests that go wrong.
func TestSequence(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			sequence(t, seed)
		})
	}
}

func sequence(t *testing.T, seed uint64) {
	luck := rand.New(rand.NewPCG(seed, 1))
	usernames := seed%2 == 1
	r := newRig(t, func(c *auth0test.Config, a *auth0app.Config) {
		c.ExportNested = seed%3 == 0
		if usernames {
			a.Connection, a.Usernames = named, true
		}
	})
	paths := all()
	if usernames {
		paths = append(paths, scim.MustPath(`emails[type eq "work"].value`))
	}
	want := wish(luck, paths, 0)
	id := r.create(want)
	if _, err := r.client.UpdateUser(t.Context(), id, others()); err != nil {
		t.Fatal(err)
	}
	if seed >= 3 {
		r.tenant.SetFaults(auth0test.Seeded(seed, 0.2, 0.5, auth0test.ServerError, auth0test.Reset, auth0test.BadGateway))
	}
	for step := 1; step <= 25; step++ {
		next := wish(luck, paths, step)
		r.drive(id, paths, next)
		want = next
	}
	r.tenant.SetFaults(nil)
	back := r.must(r.app.Get(t.Context(), app.KindUser, id)).Resource
	if d := scim.Diff(scim.CoreSchemas(), scim.UserURN, paths, back, want); len(d) > 0 {
		t.Errorf("%v", d)
	}
	for u, err := range r.app.List(t.Context(), app.KindUser, false) {
		if err != nil {
			t.Fatal(err)
		}
		if d := scim.Diff(scim.CoreSchemas(), scim.UserURN, paths, u, want); len(d) > 0 {
			t.Errorf("listed: %v", d)
		}
	}
	if u := r.user(id); meta(u.AppMetadata, "plan") != "gold" || meta(u.UserMetadata, "hobby") != "chess" {
		t.Errorf("%s", u.Raw)
	}
	if n := r.effects(auth0test.Created, "user"); n != 1 {
		t.Errorf("%d users", n)
	}
}

// drive brings a user to where it is wished for as the engine does: what differs from
// what is there is sent, and looked up again whenever that is not known.
func (r *rig) drive(id string, paths []scim.Path, want *scim.Resource) {
	r.Helper()
	var left []scim.Change
	for range 60 {
		ans, err := r.app.Get(r.Context(), app.KindUser, id)
		if err != nil {
			r.passes(err)
			continue
		}
		changes := scim.Diff(scim.CoreSchemas(), scim.UserURN, paths, ans.Resource, want)
		if left = changes; len(changes) == 0 {
			return
		}
		if _, err := r.patch(id, changes...); err != nil {
			r.passes(err)
		}
	}
	r.Fatalf("it does not get there: %v", left)
}

// passes holds that an error is one after which it is tried again.
func (r *rig) passes(err error) {
	r.Helper()
	e, ok := errors.AsType[*app.Error](err)
	if !ok || e.Class != app.Ambiguous && e.Class != app.Retry && e.Class != app.Unreachable {
		r.Fatalf("%v", err)
	}
}

// wish is an account with any values, or none, at any places.
func wish(luck *rand.Rand, paths []scim.Path, step int) *scim.Resource {
	u := person("a1")
	for _, p := range paths {
		text := fmt.Sprintf("%s %d ü\"\\", p.Attr, luck.IntN(3))
		switch {
		case p.Attr == "externalId":
			continue
		case p.Attr == "active":
			u.SetActive(luck.IntN(4) > 0 || step == 0)
			continue
		case p.Attr == "userName" || p.Attr == "emails":
			text = fmt.Sprintf("%s%d@acme.example", strings.ToLower(p.Attr), luck.IntN(3))
		case luck.IntN(3) == 0:
			continue
		}
		_ = u.Put(p, scim.String(text)) // the paths can be written
	}
	return u
}
