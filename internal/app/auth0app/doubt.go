// SPDX-License-Identifier: Apache-2.0

package auth0app

import (
	"context"
	"errors"
	"net/http"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/scim"
)

// doubt says of a user who was there before us, and may be found by the address or the
// user name, what there is to be known before somebody's account is made of it: that
// nobody has shown that the address is theirs, that a user name is nothing that anybody
// could show, and which roles of the tenant come with it. Whoever signs up with a
// colleague's address or user name would otherwise be handed that colleague's teams.
func (a *App) doubt(ctx context.Context, r *scim.Resource, u *auth0.User, rolesOf func(context.Context, string) ([]string, error)) error {
	if r.ExternalID() != "" {
		return nil
	}
	switch {
	case !a.cfg.SignUps:
	case !u.EmailVerified:
		app.AlsoDoubt(r, "its address is not verified, so that anybody may have signed up with it")
	case a.cfg.Usernames:
		app.AlsoDoubt(r, "anybody may have signed up with its user name")
	}
	names, err := rolesOf(ctx, u.ID)
	if e, ok := errors.AsType[*auth0.Error](err); ok && e.Status == http.StatusForbidden {
		app.AlsoDoubt(r, "its roles may not be read")
		return nil
	}
	if err != nil {
		return err
	}
	var list []scim.Value
	for _, name := range names {
		var o scim.Object
		o.Set("value", scim.String(name))
		list = append(list, scim.Complex(o))
	}
	if len(list) > 0 {
		r.Set("roles", scim.List(list...))
	}
	return nil
}

// rolesOf names the roles of one user.
func (a *App) rolesOf(ctx context.Context, id string) (names []string, err error) {
	for role, err := range a.client.UserRoles(ctx, id) {
		if err != nil {
			return nil, err
		}
		names = append(names, role.Name)
	}
	return names, nil
}

// everyRole reads who has which role, all of them once, when the first is asked for.
type everyRole struct {
	client *auth0.Client
	names  map[string][]string // by user
	err    error
}

func (e *everyRole) of(ctx context.Context, id string) ([]string, error) {
	if e.names == nil {
		e.names = map[string][]string{}
		e.err = e.read(ctx)
	}
	return e.names[id], e.err
}

func (e *everyRole) read(ctx context.Context) error {
	for role, err := range e.client.Roles(ctx) {
		if err != nil {
			return err
		}
		for id, err := range e.client.RoleUsers(ctx, role.ID) {
			if err != nil {
				return err
			}
			e.names[id] = append(e.names[id], role.Name)
		}
	}
	return nil
}
