// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"strings"

	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// auth0Target connects to a tenant of Auth0.
func (b *Built) auth0Target(a config.App, t *provision.Target) error {
	c := auth0app.Config{
		Connection: a.Auth0.Connection.Value, Usernames: a.Auth0.Usernames, PasswordChange: a.Auth0.PasswordChange, Tickets: a.Auth0.Tickets.Value,
		SignUps: a.Auth0.SignUps == config.SignUpsOpen, KeepSessions: a.Auth0.Sessions == config.SessionsKeep,
	}
	t.Address = auth0Address(a)
	if a.Groups != nil {
		c.Groups = a.Groups.As.Value
	}
	errs := []error{b.placed(a)}
	client, err := b.tenant(a.Auth0.Tenant, "app "+a.Name)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	who := &party{name: "app " + a.Name, tenant: a.Auth0.Tenant, client: client, app: &a, needs: needsOf(appScopes, &a)}
	b.join(who)
	c.Client, c.Permit = client, who.permit
	auth0, err := auth0app.New(c)
	if err != nil {
		return errors.Join(append(errs, &config.Error{Pos: a.Pos, Msg: "app " + a.Name + ": " + err.Error()})...)
	}
	t.App = b.origins.Share(auth0, t.Address, a.RequestsPerSecond)
	return errors.Join(append(errs, offers(a, auth0.Profile()))...)
}

// auth0Address is where ids mean what they mean: in a tenant, and there in a connection.
// What a team has become is part of it, as ids of roles and organizations are of two kinds.
func auth0Address(a config.App) string {
	address := strings.TrimRight(a.Auth0.Tenant.URL.Value, "/") + "#" + a.Auth0.Connection.Value
	if a.Groups != nil && a.Groups.As.Value == config.GroupsAsOrganizations {
		address += "," + config.GroupsAsOrganizations
	}
	return address
}

// pathsOf are the paths of a mapping, and as they are written. One that is none is told by
// whoever compiles the mapping.
func (b *Built) pathsOf(a config.App) (paths []scim.Path, written []config.Text) {
	for _, attr := range a.User {
		path, err := b.Schemas.ParsePath(attr.Path.Value)
		if err != nil {
			continue
		}
		if strings.EqualFold(path.URN, scim.UserURN) {
			path.URN = ""
		}
		paths, written = append(paths, path), append(written, attr.Path)
	}
	return paths, written
}

// placed refuses what Auth0 has no place for.
func (b *Built) placed(a config.App) error {
	paths, written := b.pathsOf(a)
	return misplaced(a, written, auth0app.Check(paths, a.Auth0.Usernames))
}
