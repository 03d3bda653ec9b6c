// SPDX-License-Identifier: Apache-2.0

package oktaapp

import (
	"errors"
	"fmt"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/okta"
	"github.com/usher-id/usher/scim"
)

// ProfileID is the profile that says how Okta differs from plain SCIM 2.0.
const ProfileID = "okta-users-api"

// Config is what an App is made of. Client is required.
type Config struct {
	Client *okta.Client
	// Deactivate is what becomes of whoever leaves, as config has it; "" is deactivated.
	Deactivate string
	// IDAttribute is the attribute of Okta's profiles into which the externalId goes; ""
	// is none: people are then known by their login until Usher knows their ids.
	IDAttribute string
}

// App is an Okta org.
type App struct {
	app.Own

	client   *okta.Client
	profile  app.Profile
	places   []place
	id       string // IDAttribute
	suspends bool
}

var _ app.App = (*App)(nil)

// New checks the configuration and makes an App. It sends nothing.
func New(cfg Config) (*App, error) {
	if cfg.Client == nil {
		return nil, errors.New("oktaapp: there is no client")
	}
	a := &App{client: cfg.Client, places: places(), id: cfg.IDAttribute}
	a.Own = app.Own{Maker: maker, Users: users{a}, Groups: groups{cfg.Client}, Convert: convert}
	switch cfg.Deactivate {
	case "", config.OktaDeactivate:
	case config.OktaSuspend:
		a.suspends = true
	default:
		return nil, fmt.Errorf("oktaapp: nobody who leaves can be made %q", cfg.Deactivate)
	}
	for _, p := range a.places {
		if p.name == a.id {
			return nil, fmt.Errorf("oktaapp: id_attribute %s is where %s goes; name one of the org's own", a.id, p.path)
		}
	}
	p, err := app.ProfileByID(ProfileID)
	if err != nil {
		return nil, err
	}
	a.profile = a.fill(p)
	return a, nil
}

// fill says of the profile what its file has no words for.
func (a *App) fill(p app.Profile) app.Profile {
	search := []string{"userName", "emails.value"}
	p.Unsupported = app.Paths{externalID}
	if a.id != "" {
		search, p.Unsupported = append(search, "externalId"), nil
	}
	p.Filters = []app.FilterSupport{
		{Resource: app.KindUser, Attributes: search, Operators: []string{"eq"}},
		{Resource: app.KindGroup, Attributes: []string{"displayName"}, Operators: []string{"eq"}},
	}
	// A group's type decides, and what hangs on a group is not ours: none is deleted.
	p.Groups = app.Operations{Create: true, Patch: true, Get: true, List: true}
	p.ListTrusted, p.ListLate, p.MembersReadable = true, true, true
	p.MaxMembersPerRequest, p.MaxRemovalsPerRequest = 1, 1
	p.DeactivateLeaves, p.DeactivateSteps, p.Reversible = app.LeavesDisabled, true, true
	if a.suspends {
		p.Deactivate, p.Leaver = "POST /users/{id}/lifecycle/suspend, then the end of all sessions", "suspended and signed out"
	}
	p.Required = nil
	for _, need := range needed() {
		p.Required = append(p.Required, app.Requirement{Any: need})
	}
	return p
}

// Profile says how Okta differs from plain SCIM 2.0.
func (a *App) Profile() app.Profile { return a.profile }

// Requests is the number of HTTP requests sent so far.
func (a *App) Requests() int64 { return a.client.Requests() }

// String names the app. It holds no credential.
func (a *App) String() string { return "oktaapp(" + a.client.String() + ")" }

// GoString is String, so that %#v does not walk into the client.
func (a *App) GoString() string { return a.String() }

const maker = "Okta"

var (
	userName     = scim.Path{Attr: "userName"}
	externalID   = scim.Path{Attr: "externalId"}
	active       = scim.Path{Attr: "active"}
	workEmail    = scim.MustPath(`emails[type eq "work"].value`)
	primaryEmail = scim.MustPath(`emails[primary eq true].value`)
)
