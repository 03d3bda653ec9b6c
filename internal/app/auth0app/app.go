// SPDX-License-Identifier: Apache-2.0

package auth0app

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/scim"
)

// Create makes a user of the connection under its externalId, or a group. With
// password_change the user is blocked until the way to a password has been shown, which
// is two requests more; if one of those fails, the error is Ambiguous and the user there.
func (a *App) Create(ctx context.Context, kind app.Kind, r *scim.Resource) (app.Answer, error) {
	if r == nil {
		return app.Answer{}, app.Refuse(app.Terminal, "there is no resource to create")
	}
	ctx, end := begin(ctx)
	if err := a.permit(ctx, false); err != nil {
		return end(0, nil, err)
	}
	var out *scim.Resource
	var err error
	switch kind {
	case app.KindUser:
		out, err = a.createUser(ctx, r)
	case app.KindGroup:
		out, err = a.createGroup(ctx, r)
	default:
		err = unknown(kind)
	}
	return end(http.StatusCreated, out, err)
}

// Patch sends the changes. A deactivation is five requests at most, each of which may be
// repeated: the block, the end of sessions and refresh tokens, and a count of what is
// left of either. Whoever is enabled is read before.
func (a *App) Patch(ctx context.Context, kind app.Kind, id string, changes []scim.Change, _ *scim.Resource) (app.Answer, error) {
	if len(changes) == 0 {
		return app.Answer{}, app.Refuse(app.Terminal, "there is no change to send")
	}
	ctx, end := begin(ctx)
	if err := a.permit(ctx, kind == app.KindUser && disables(changes)); err != nil {
		return end(0, nil, err)
	}
	var out *scim.Resource
	var err error
	switch kind {
	case app.KindUser:
		out, err = a.patchUser(ctx, id, changes)
	case app.KindGroup:
		out, err = a.patchGroup(ctx, id, changes)
	default:
		err = unknown(kind)
	}
	return end(http.StatusOK, out, err)
}

// Delete deletes a user for good, unless it is a part of another one by now. A role or an
// organization is never deleted here: what hangs on it is not ours.
func (a *App) Delete(ctx context.Context, kind app.Kind, id string) (app.Answer, error) {
	if kind != app.KindUser {
		return app.Answer{}, app.Refuse(app.Terminal, "a group has to be deleted in Auth0, by hand: what hangs on it is not ours")
	}
	ctx, end := begin(ctx)
	if err := a.permit(ctx, false); err != nil {
		return end(0, nil, err)
	}
	return end(http.StatusNoContent, nil, a.deleteUser(ctx, id))
}

// Get reads one resource. A user is inactive if it is blocked and has neither a session
// nor a refresh token: two requests more for whoever is blocked.
func (a *App) Get(ctx context.Context, kind app.Kind, id string) (app.Answer, error) {
	ctx, end := begin(ctx)
	var out *scim.Resource
	var err error
	switch kind {
	case app.KindUser:
		out, err = a.getUser(ctx, id)
	case app.KindGroup:
		var g group
		if g, err = a.groups.get(ctx, id); err == nil {
			out, err = a.withMembers(ctx, g)
		}
	default:
		err = unknown(kind)
	}
	return end(http.StatusOK, out, err)
}

// Find looks users up by externalId, userName or an e-mail address, and groups by
// displayName.
func (a *App) Find(ctx context.Context, kind app.Kind, attribute scim.Path, value string) ([]*scim.Resource, app.Answer, error) {
	if value == "" {
		return nil, app.Answer{}, app.Refuse(app.Terminal, "there is no value to look up")
	}
	ctx, end := begin(ctx)
	var hits []*scim.Resource
	var err error
	switch {
	case kind == app.KindUser:
		hits, err = a.findUser(ctx, attribute, value)
	case kind == app.KindGroup && attribute.Equal(displayName):
		var found []group
		found, err = a.groups.named(ctx, value)
		for _, g := range found {
			if g.name == value {
				hits = append(hits, g.resource())
			}
		}
	default:
		err = app.Refuse(app.Terminal, "Auth0 does not search for a %s by %s", kind, attribute)
	}
	ans, err := end(http.StatusOK, nil, err)
	if err != nil {
		return nil, ans, err
	}
	return hits, ans, nil
}

// List reads all users of the connection by an export job, or all groups of the tenant.
func (a *App) List(ctx context.Context, kind app.Kind, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	switch ctx := named(ctx); kind {
	case app.KindUser:
		return a.listUsers(ctx)
	case app.KindGroup:
		return a.listGroups(ctx, excludeMembers)
	}
	return func(yield func(*scim.Resource, error) bool) { yield(nil, unknown(kind)) }
}

// permit asks whether anything may be written. That it may not is nobody's in
// particular: the app is paused. An error of the client is what it is.
func (a *App) permit(ctx context.Context, shutsOut bool) error {
	err := a.cfg.Permit(ctx, shutsOut)
	if _, ok := errors.AsType[*auth0.Error](err); ok || err == nil {
		return err
	}
	return &app.Error{Class: app.Unauthorized, Err: err}
}

// disables says that changes shut a user out.
func disables(changes []scim.Change) bool {
	return slices.ContainsFunc(changes, func(c scim.Change) bool {
		on, known := c.After.AsBool()
		return c.Path.Equal(active) && known && !on
	})
}

func unknown(kind app.Kind) error {
	return app.Refuse(app.Terminal, "Auth0 has no %q", string(kind))
}
