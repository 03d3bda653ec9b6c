// SPDX-License-Identifier: Apache-2.0

package auth0app_test

import (
	"context"
	"errors"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim"
)

// TestPermit: while nothing may be written every write is refused, for everybody alike and
// before anything is sent; what is there can be read, and whoever leaves is shut out if
// that is let through.
func TestPermit(t *testing.T) {
	t.Parallel()
	denied := errors.New("a scope is missing")
	var open, shut error
	r := newRig(t, func(_ *auth0test.Config, c *auth0app.Config) {
		c.Permit = func(_ context.Context, shutsOut bool) error {
			if shutsOut {
				return shut
			}
			return open
		}
	})
	ctx := t.Context()
	id := r.create(person("1", "userName", "ada@acme.example"))
	group := scim.NewResource(scim.GroupURN)
	group.Set("displayName", scim.String("Staff"))
	made, err := r.app.Create(ctx, app.KindGroup, group)
	if err != nil {
		t.Fatal(err)
	}
	off := []scim.Change{{Path: scim.Path{Attr: "active"}, After: scim.Bool(false)}}
	on := []scim.Change{{Path: scim.Path{Attr: "active"}, After: scim.Bool(true)}}
	renamed := []scim.Change{{Path: scim.Path{Attr: "displayName"}, After: scim.String("x")}}
	writes := map[string]func() error{
		"create": func() error {
			_, err := r.app.Create(ctx, app.KindUser, person("2", "userName", "bo@acme.example"))
			return err
		},
		"update": func() error { _, err := r.app.Patch(ctx, app.KindUser, id, renamed, nil); return err },
		"enable": func() error { _, err := r.app.Patch(ctx, app.KindUser, id, on, nil); return err },
		"rename": func() error {
			_, err := r.app.Patch(ctx, app.KindGroup, made.Resource.ID(), renamed, nil)
			return err
		},
		"delete": func() error { _, err := r.app.Delete(ctx, app.KindUser, id); return err },
		"add":    func() error { _, err := r.app.ChangeMembers(ctx, made.Resource.ID(), []string{id}, nil); return err },
		"remove": func() error { _, err := r.app.ChangeMembers(ctx, made.Resource.ID(), nil, []string{id}); return err },
	}
	open = denied
	r.tenant.ResetCounts()
	for name, write := range writes {
		if err := write(); !errors.Is(err, denied) || app.Classify(err).Class != app.Unauthorized || app.Classify(err).Status != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := r.tenant.Counts(); n.Total() != 0 {
		t.Errorf("%v", n)
	}
	if _, err := r.app.Get(ctx, app.KindUser, id); err != nil {
		t.Error(err)
	}
	// That there is no token is what it is: nothing was sent, and the app may be back.
	open = &auth0.Error{Unsent: true, Status: 503}
	if err := writes["update"](); app.Classify(err).Class != app.Unreachable {
		t.Errorf("%v", err)
	}
	shut = denied
	if _, err := r.app.Patch(ctx, app.KindUser, id, off, nil); !errors.Is(err, denied) {
		t.Errorf("%v", err)
	}
	open, shut = denied, nil
	if _, err := r.app.Patch(ctx, app.KindUser, id, off, nil); err != nil {
		t.Error(err)
	}
	if u, _ := r.tenant.User(id); !u.Blocked {
		t.Errorf("%+v", u)
	}
}
