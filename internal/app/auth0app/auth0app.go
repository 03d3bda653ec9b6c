// SPDX-License-Identifier: Apache-2.0

package auth0app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/scim"
)

// Config is what an App is made of. Client and Connection are required.
type Config struct {
	Client *auth0.Client
	// Connection is the name of the database connection whose users the people are.
	// Others of the tenant are never shown, and never written to.
	Connection string
	Usernames  bool // the connection has user names beside e-mail addresses
	// PasswordChange is how somebody new chooses a password, and Groups what a team
	// becomes, both as config has them; "" is none, and roles.
	PasswordChange string
	Tickets        string // a folder, with config.PasswordTickets
	Groups         string
	// SignUps says that anybody can make a user of the connection for themselves: one
	// that was there before us, with an address that nobody has verified or with
	// a user name, may so be anybody's.
	SignUps bool
	// KeepSessions leaves sessions and refresh tokens of whoever leaves to end by
	// themselves.
	KeepSessions bool
	// Permit is asked before anything is written, and says why it must not be; shutsOut
	// is a change that disables a user. May be nil.
	Permit func(ctx context.Context, shutsOut bool) error
}

// App is an Auth0 tenant.
type App struct {
	cfg    Config
	client *auth0.Client
	places []place
	groups groups
}

var _ app.App = (*App)(nil)

// New checks the configuration and makes an App. It sends nothing.
func New(cfg Config) (*App, error) {
	if cfg.Client == nil || cfg.Connection == "" {
		return nil, errors.New("auth0app: there is no client, or no connection")
	}
	if cfg.Permit == nil {
		cfg.Permit = func(context.Context, bool) error { return nil }
	}
	a := &App{cfg: cfg, client: cfg.Client, places: places(cfg.Usernames)}
	switch cfg.PasswordChange {
	case "", config.PasswordNone, config.PasswordEmail:
	case config.PasswordTickets:
		if info, err := os.Stat(cfg.Tickets); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("auth0app: tickets: %q is no folder", cfg.Tickets)
		}
	default:
		return nil, fmt.Errorf("auth0app: there is no password_change %q", cfg.PasswordChange)
	}
	switch cfg.Groups {
	case "", config.GroupsAsRoles:
		a.groups = roles{cfg.Client}
	case config.GroupsAsOrganizations:
		a.groups = organizations{cfg.Client}
	default:
		return nil, fmt.Errorf("auth0app: a team cannot become %q", cfg.Groups)
	}
	return a, nil
}

// Requests is the number of HTTP requests sent so far.
func (a *App) Requests() int64 { return a.client.Requests() }

// String names the app. It holds no credential.
func (a *App) String() string { return "auth0app(" + a.cfg.Connection + ")" }

// GoString is String, so that %#v does not walk into the client.
func (a *App) GoString() string { return a.String() }

// Profile says how Auth0 differs from plain SCIM 2.0.
func (a *App) Profile() app.Profile {
	most, removals := a.groups.most()
	needed := []app.Requirement{{Any: app.Paths{userName}}}
	if a.cfg.Usernames {
		needed = append(needed, app.Requirement{Any: app.Paths{workEmail, primaryEmail}})
	}
	leaver := "blocked and signed out"
	if a.cfg.KeepSessions {
		leaver = "blocked"
	}
	return app.Profile{
		ID: "auth0", Name: "Auth0", Kind: "rest", Source: "https://auth0.com/docs/api/management/v2", Date: "2026-08-20",
		UnverifiedFields: []string{"all (not tried on a live tenant)"},
		AuthType:         "oauth2 client credentials",
		Users:            app.Operations{Create: true, Patch: true, Delete: true, Get: true, List: true},
		Groups:           app.Operations{Create: true, Patch: true, Get: true, List: true},
		Filters: []app.FilterSupport{
			{Resource: app.KindUser, Attributes: []string{"externalId", "userName"}, Operators: []string{"eq"}},
			{Resource: app.KindGroup, Attributes: []string{"displayName"}, Operators: []string{"eq"}},
		},
		// A list is an export of the whole connection, which is complete. That it knows of
		// what was written a moment ago nobody says.
		Pagination: "none", ListTrusted: true, ListLate: true, MembersReadable: true,
		MaxMembersPerRequest: most, MaxRemovalsPerRequest: removals,
		Deactivate: "blocked, then the end of all sessions and refresh tokens", DeleteMeaning: "the user is gone for good",
		Leaver: leaver, Reversible: true, DeactivateSteps: true,
		Required: needed, LowerCase: app.Paths{userName, workEmail, primaryEmail},
	}
}

const maker = "Auth0"

var (
	userName     = scim.Path{Attr: "userName"}
	externalID   = scim.Path{Attr: "externalId"}
	active       = scim.Path{Attr: "active"}
	displayName  = scim.Path{Attr: "displayName"}
	workEmail    = scim.MustPath(`emails[type eq "work"].value`)
	primaryEmail = scim.MustPath(`emails[primary eq true].value`)
)
