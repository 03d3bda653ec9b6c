// SPDX-License-Identifier: Apache-2.0

package entraapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/entra"
	"github.com/usher-id/usher/scim"
)

// ProfileID is the profile that says how Graph differs from plain SCIM 2.0.
const ProfileID = "entra-graph"

// Config is what an App is made of. Client is required; it reads what Properties names.
type Config struct {
	Client *entra.Client
	// IDAttribute is the property into which the externalId goes; "" is none: people are
	// then known by their name until Usher knows their ids. See CheckID.
	IDAttribute string
	// ChangePassword has whoever signs in by the password that somebody was made with choose
	// another. Nobody knows it either way.
	ChangePassword bool
}

// App is a tenant of Entra.
type App struct {
	app.Own

	client  *entra.Client
	profile app.Profile
	places  []place
	id      string // IDAttribute
	change  bool
}

var _ app.App = (*App)(nil)

// EmployeeID is the property that holds 16 characters at most, and that may be where the
// externalId goes if that is as short.
const EmployeeID = "employeeId"

const mostEmployeeID = 16

// CheckID says what is wrong with a property as the place of the externalId.
func CheckID(name string) error {
	switch {
	case name == "", name == EmployeeID, entra.IsExtensionAttribute(name), entra.IsDirectoryExtension(name):
		return nil
	}
	return errors.New("entraapp: id_attribute is none of extensionAttribute1 to extensionAttribute15, employeeId, and a directory extension (extension_, the application's id without hyphens, _ and a name)")
}

// Properties are those of users that an App reads.
func Properties(idAttribute string) (names []string) {
	for _, p := range places(idAttribute) {
		names = append(names, p.name)
	}
	if idAttribute != "" {
		names = append(names, idAttribute)
	}
	return names
}

// New checks the configuration and makes an App. It sends nothing.
func New(cfg Config) (*App, error) {
	if cfg.Client == nil {
		return nil, errors.New("entraapp: there is no client")
	}
	if err := CheckID(cfg.IDAttribute); err != nil {
		return nil, err
	}
	p, err := app.ProfileByID(ProfileID)
	if err != nil {
		return nil, err
	}
	a := &App{client: cfg.Client, places: places(cfg.IDAttribute), id: cfg.IDAttribute, change: cfg.ChangePassword}
	a.Own = app.Own{Maker: maker, Users: users{a}, Groups: groups{cfg.Client}, Convert: convert}
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
	// What hangs on a group is not ours: none is deleted.
	p.Groups = app.Operations{Create: true, Patch: true, Get: true, List: true}
	// Roles of administration are no part of a list, and nobody is taken over without a look at them.
	p.ListTrusted, p.ListLate, p.ListPartial, p.MembersReadable = true, true, true, true
	p.MaxMembersPerRequest, p.MaxRemovalsPerRequest = entra.MostMembers, 1
	p.DeactivateLeaves, p.DeactivateSteps, p.Reversible = app.LeavesDisabled, true, true
	p.Required = nil
	for _, need := range needed() {
		p.Required = append(p.Required, app.Requirement{Any: need})
	}
	return p
}

// Profile says how Graph differs from plain SCIM 2.0.
func (a *App) Profile() app.Profile { return a.profile }

// Requests is the number of HTTP requests sent so far.
func (a *App) Requests() int64 { return a.client.Requests() }

// String names the app. It holds no credential.
func (a *App) String() string { return "entraapp(" + a.client.String() + ")" }

// GoString is String, so that %#v does not walk into the client.
func (a *App) GoString() string { return a.String() }

// ChangeMembers adds up to 20 members at once, or removes one. Graph adds all or none: if
// one of several is in the group already, or not there, they are to be sent in parts.
func (a *App) ChangeMembers(ctx context.Context, groupID string, add, remove []string) (app.Answer, error) {
	switch {
	case len(add) < 2 || len(remove) > 0:
		return a.Own.ChangeMembers(ctx, groupID, add, remove)
	case len(add) > entra.MostMembers:
		return app.Answer{}, app.Refuse(app.TooLarge, "%d members added in one request, where %d are", len(add), entra.MostMembers)
	}
	began, end := app.Begin(ctx)
	return end(http.StatusNoContent, nil, convert(began, a.client.AddMembers(began, groupID, add)))
}

// Weight is how many requests a Create or a Patch takes at most, see [app.Limit].
func (a *App) Weight(kind app.Kind, changes []scim.Change) int {
	if kind == app.KindGroup {
		return 2 // it is looked at before
	}
	if len(changes) == 0 {
		return 1
	}
	for _, c := range changes {
		if on, known := c.After.AsBool(); known && c.Path.Equal(active) {
			if on {
				return 3
			}
			return 7
		}
	}
	return 3
}

// convert says what the engine may conclude. A value that is taken is no bad request, what
// a replica does not know yet is not there, and what cannot be written is one person's.
func convert(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*app.Error](err); ok {
		return e
	}
	e := *app.Classify(app.FromRest(ctx, err))
	switch {
	case entra.IsTaken(err), entra.IsMember(err):
		e.Class = app.Conflict
	case entra.IsMissing(err):
		e.Class = app.NotFound
	case errors.Is(err, entra.ErrUnseen):
		e.Class = app.Precondition
	case errors.Is(err, entra.ErrReadOnly):
		e.Class = app.Terminal
	case entra.IsSynced(err):
		return app.Refuse(app.Terminal, "%s (Graph: %s)", onPremises, e.Detail)
	}
	return &e
}

const onPremises = "it comes from an on-premises directory (onPremisesSyncEnabled), where alone it can be changed"

const maker = "Entra"

var (
	userName     = scim.Path{Attr: "userName"}
	externalID   = scim.Path{Attr: "externalId"}
	active       = scim.Path{Attr: "active"}
	displayName  = scim.Path{Attr: "displayName"}
	workEmail    = scim.MustPath(`emails[type eq "work"].value`)
	primaryEmail = scim.MustPath(`emails[primary eq true].value`)
)

// tooLong refuses an externalId that does not fit.
func (a *App) tooLong(id string) error {
	if a.id == EmployeeID && len([]rune(id)) > mostEmployeeID {
		return app.Refuse(app.Terminal, "employeeId holds %d characters, and the externalId has %d: map externalId to something shorter, or name another id_attribute", mostEmployeeID, len([]rune(id)))
	}
	return nil
}

func nameOf(u *entra.User) string { return fmt.Sprintf("%q", u.Text("userPrincipalName")) }
