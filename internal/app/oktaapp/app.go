// SPDX-License-Identifier: Apache-2.0

package oktaapp

import (
	"context"
	"errors"
	"iter"
	"net/http"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/okta"
	"github.com/usher-id/usher/scim"
)

// convert says what the engine may conclude. A value that is taken is no bad request, and
// a status that does not allow what was asked for no lack of permission: somebody else has
// changed it since it was read, and it is read again.
func convert(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*app.Error](err); ok {
		return e
	}
	e := *app.Classify(app.FromRest(ctx, err))
	switch {
	case okta.IsTaken(err):
		e.Class = app.Conflict
	case okta.IsState(err):
		e.Class = app.Precondition
	case errors.Is(err, okta.ErrReadOnly):
		e.Class = app.Terminal
	}
	return &e
}

// begin gives a call its time; what comes of it is converted.
func begin(ctx context.Context) (context.Context, func(status int, r *scim.Resource, err error) (app.Answer, error)) {
	ctx, end := app.Begin(ctx)
	return ctx, func(status int, r *scim.Resource, err error) (app.Answer, error) {
		return end(status, r, convert(ctx, err))
	}
}

// Create makes a user, who is activated and sent a mail by Okta unless active is false;
// such a one is STAGED. Or it makes a group.
func (a *App) Create(ctx context.Context, kind app.Kind, r *scim.Resource) (app.Answer, error) {
	if r == nil {
		return app.Answer{}, app.Refuse(app.Terminal, "there is no resource to create")
	}
	ctx, end := begin(ctx)
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

// Patch sends the changes. A deactivation is five requests at most and an activation
// four, each of which may be repeated: the user's status decides what is sent.
func (a *App) Patch(ctx context.Context, kind app.Kind, id string, changes []scim.Change, _ *scim.Resource) (app.Answer, error) {
	if len(changes) == 0 {
		return app.Answer{}, app.Refuse(app.Terminal, "there is no change to send")
	}
	ctx, end := begin(ctx)
	var out *scim.Resource
	var err error
	switch kind {
	case app.KindUser:
		out, err = a.patchUser(ctx, id, changes)
	case app.KindGroup:
		out, err = a.renameGroup(ctx, id, changes)
	default:
		err = unknown(kind)
	}
	return end(http.StatusOK, out, err)
}

// Delete deletes a user for good, whom Okta deactivates before. A group is never deleted
// here: what hangs on it is not ours.
func (a *App) Delete(ctx context.Context, kind app.Kind, id string) (app.Answer, error) {
	if kind != app.KindUser {
		return app.Answer{}, app.Refuse(app.Terminal, "a group has to be deleted in Okta, by hand: what hangs on it is not ours")
	}
	ctx, end := begin(ctx)
	return end(http.StatusNoContent, nil, a.deleteUser(ctx, id))
}

// Get reads one resource. A user is active unless the status is one in which nobody can
// sign in: one who is on the way to DEPROVISIONED still is.
func (a *App) Get(ctx context.Context, kind app.Kind, id string) (app.Answer, error) {
	ctx, end := begin(ctx)
	var out *scim.Resource
	var err error
	switch kind {
	case app.KindUser:
		var u okta.User
		if u, err = a.client.User(ctx, id); err == nil {
			out = a.shown(&u)
		}
	case app.KindGroup:
		out, err = a.getGroup(ctx, id)
	default:
		err = unknown(kind)
	}
	return end(http.StatusOK, out, err)
}

// Find looks users up by userName, an e-mail address, or externalId if it has a place,
// and groups by displayName.
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
		hits, err = a.findGroup(ctx, value)
	default:
		err = app.Refuse(app.Terminal, "Okta does not search for a %s by %s", kind, attribute)
	}
	ans, err := end(http.StatusOK, nil, err)
	if err != nil {
		return nil, ans, err
	}
	return hits, ans, nil
}

// List reads all users of the org, or all groups that can be written.
func (a *App) List(ctx context.Context, kind app.Kind, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	switch kind {
	case app.KindUser:
		return a.listUsers(ctx)
	case app.KindGroup:
		return a.listGroups(ctx, excludeMembers)
	}
	return func(yield func(*scim.Resource, error) bool) { yield(nil, unknown(kind)) }
}

func unknown(kind app.Kind) error {
	return app.Refuse(app.Terminal, "Okta has no %q", string(kind))
}
