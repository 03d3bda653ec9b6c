// SPDX-License-Identifier: Apache-2.0

package auth0app

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/scim"
)

// group is what a team has become.
type group struct {
	id, name string
	team     string // whose it is, "" if it was there before us
}

// groups are the roles or the organizations of a tenant.
type groups interface {
	create(ctx context.Context, g group) (group, error)
	rename(ctx context.Context, id, name string) (group, error)
	get(ctx context.Context, id string) (group, error)
	members(ctx context.Context, id string) iter.Seq2[string, error]
	named(ctx context.Context, name string) ([]group, error)
	all(ctx context.Context) iter.Seq2[group, error]
	add(ctx context.Context, id string, users []string) error
	remove(ctx context.Context, id string, users []string) error
	// most is how many members are added, and removed, in one request.
	most() (added, removed int)
}

// roles are the tenant's roles. Whose a role is stands in its description.
type roles struct{ client *auth0.Client }

const (
	// mostRoles is how many roles a user can have, and mostAssigned how many users are
	// given one at once: Auth0 tells of no bound for it, and a page of its lists is as long.
	mostRoles    = 50
	mostAssigned = 50

	roleMark = "usher:"
	roleTold = " Who has this role follows a team in Usher."
)

func (r roles) group(role auth0.Role) group {
	team := ""
	if mark, _, _ := strings.Cut(role.Description, " "); strings.HasPrefix(mark, roleMark) {
		team = strings.TrimPrefix(mark, roleMark)
	}
	return group{role.ID, role.Name, team}
}

func (r roles) create(ctx context.Context, g group) (group, error) {
	role, err := r.client.CreateRole(ctx, auth0.Role{Name: g.name, Description: roleMark + g.team + roleTold})
	return r.group(role), err
}

func (r roles) rename(ctx context.Context, id, name string) (group, error) {
	role, err := r.client.Role(ctx, id)
	if err != nil {
		return group{}, err
	}
	role.Name = name
	role, err = r.client.UpdateRole(ctx, role)
	return r.group(role), err
}

func (r roles) get(ctx context.Context, id string) (group, error) {
	role, err := r.client.Role(ctx, id)
	return r.group(role), err
}

func (r roles) members(ctx context.Context, id string) iter.Seq2[string, error] {
	return r.client.RoleUsers(ctx, id)
}

func (r roles) named(ctx context.Context, name string) ([]group, error) {
	role, found, err := r.client.RoleByName(ctx, name)
	if err != nil || !found {
		return nil, err
	}
	return []group{r.group(role)}, nil
}

func (r roles) all(ctx context.Context) iter.Seq2[group, error] {
	return func(yield func(group, error) bool) {
		for role, err := range r.client.Roles(ctx) {
			if !yield(r.group(role), err) || err != nil {
				return
			}
		}
	}
}

func (r roles) add(ctx context.Context, id string, users []string) error {
	err := r.client.AssignRole(ctx, id, users)
	e := app.Classify(app.FromRest(ctx, err))
	if e == nil || e.Status < 400 || e.Status >= 500 || len(users) > 1 {
		return err
	}
	// By what Auth0 refuses one too many is not verified: it is counted.
	n := 0
	for _, uerr := range r.client.UserRoles(ctx, users[0]) {
		if uerr != nil {
			return err
		}
		n++
	}
	if n >= mostRoles {
		full := *app.Classify(app.Wrap(e, fmt.Sprintf("the user has %d roles, and Auth0 allows %d", n, mostRoles)))
		full.Class = app.Conflict
		return &full
	}
	return err
}

func (r roles) remove(ctx context.Context, id string, users []string) error {
	return r.client.UnassignRoles(ctx, users[0], []string{id})
}

func (roles) most() (added, removed int) { return mostAssigned, 1 }

// organizations are the tenant's organizations. Whose one is stands in its metadata.
type organizations struct{ client *auth0.Client }

// mostMembers is how many members are added to an organization, or removed, at once: a
// careful number, as Auth0's bound is not known. Lists that are too long are halved.
const mostMembers = 10

func (o organizations) group(org auth0.Organization) group {
	return group{org.ID, org.DisplayName, org.Metadata[keyID]}
}

func (o organizations) create(ctx context.Context, g group) (group, error) {
	name := slug(g.name)
	if name == "" {
		name = slug("team-" + g.team)
	}
	org, err := o.client.CreateOrganization(ctx, auth0.Organization{
		Name: name, DisplayName: g.name, Metadata: map[string]string{keyID: g.team},
	})
	return o.group(org), err
}

// rename changes the name that people see. The short one stays: applications and their
// addresses hold it.
func (o organizations) rename(ctx context.Context, id, name string) (group, error) {
	org, err := o.client.Organization(ctx, id)
	if err != nil {
		return group{}, err
	}
	org.DisplayName, org.Metadata = name, maps.Clone(org.Metadata)
	org, err = o.client.UpdateOrganization(ctx, org)
	return o.group(org), err
}

func (o organizations) get(ctx context.Context, id string) (group, error) {
	org, err := o.client.Organization(ctx, id)
	return o.group(org), err
}

func (o organizations) members(ctx context.Context, id string) iter.Seq2[string, error] {
	return o.client.OrganizationMembers(ctx, id)
}

// named finds by the short name that would be given, as that is what is unique.
func (o organizations) named(ctx context.Context, name string) ([]group, error) {
	short := slug(name)
	if short == "" {
		return nil, nil
	}
	org, found, err := o.client.OrganizationByName(ctx, short)
	if err != nil || !found || org.DisplayName != name {
		return nil, err
	}
	return []group{o.group(org)}, nil
}

func (o organizations) all(ctx context.Context) iter.Seq2[group, error] {
	return func(yield func(group, error) bool) {
		for org, err := range o.client.Organizations(ctx) {
			if !yield(o.group(org), err) || err != nil {
				return
			}
		}
	}
}

func (o organizations) add(ctx context.Context, id string, users []string) error {
	return o.client.AddOrganizationMembers(ctx, id, users)
}

func (o organizations) remove(ctx context.Context, id string, users []string) error {
	return o.client.RemoveOrganizationMembers(ctx, id, users)
}

func (organizations) most() (added, removed int) { return mostMembers, mostMembers }

// maxSlug is how long an organization's short name may be.
const maxSlug = 50

// slug is a name as an organization's short one: lower-case letters and digits, and a
// hyphen for whatever else; accents are dropped.
func slug(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_' && b.Len() > 0:
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		case r >= 0x300 && r <= 0x36f: // an accent, taken apart from its letter
		default:
			gap = true
		}
	}
	s := b.String()
	return strings.TrimRight(s[:min(len(s), maxSlug)], "-")
}

// resource is a group as the engine sees it.
func (g group) resource() *scim.Resource {
	r := scim.NewResource(scim.GroupURN)
	r.SetID(g.id)
	if g.team != "" {
		r.SetExternalID(g.team)
	}
	r.Set("displayName", scim.String(g.name))
	return r
}

// withMembers is a group with who is in it: users of every connection.
func (a *App) withMembers(ctx context.Context, g group) (*scim.Resource, error) {
	var ids []string
	for id, err := range a.groups.members(ctx, g.id) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return app.SetMembers(g.resource(), ids), nil
}

func (a *App) createGroup(ctx context.Context, r *scim.Resource) (*scim.Resource, error) {
	switch {
	case r.DisplayName() == "":
		return nil, app.Refuse(app.Terminal, "a group needs a displayName")
	case len(r.Members()) > 0:
		return nil, app.Refuse(app.Terminal, "a group is made empty, and its members added then")
	case strings.ContainsAny(r.ExternalID(), " \t\r\n"):
		return nil, app.Refuse(app.Terminal, "the externalId of a group holds a blank")
	}
	g, err := a.groups.create(ctx, group{name: r.DisplayName(), team: r.ExternalID()})
	if err != nil {
		return nil, err
	}
	return g.resource(), nil
}

func (a *App) patchGroup(ctx context.Context, id string, changes []scim.Change) (*scim.Resource, error) {
	name := ""
	for _, c := range changes {
		if name, _ = c.After.AsString(); !c.Path.Equal(displayName) || name == "" {
			return nil, app.Refuse(app.Terminal, "of a group only the displayName can be changed, to another one")
		}
	}
	g, err := a.groups.rename(ctx, id, name)
	if err != nil {
		return nil, err
	}
	return g.resource(), nil
}

func (a *App) listGroups(ctx context.Context, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		for g, err := range a.groups.all(ctx) {
			r := g.resource()
			if err == nil && !excludeMembers {
				r, err = a.withMembers(ctx, g)
			}
			if err != nil {
				yield(nil, app.FromRest(ctx, err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// ChangeMembers adds members, or removes some, in one request.
func (a *App) ChangeMembers(ctx context.Context, groupID string, add, remove []string) (app.Answer, error) {
	added, removed := a.groups.most()
	switch {
	case len(add) == 0 && len(remove) == 0:
		return app.Answer{}, app.Refuse(app.Terminal, "there is no member to change")
	case len(add) > 0 && len(remove) > 0, len(add) > added, len(remove) > removed:
		return app.Answer{}, app.Refuse(app.TooLarge, "%d members added and %d removed in one request, where %d or %d are", len(add), len(remove), added, removed)
	}
	ctx, end := begin(ctx)
	if err := a.permit(ctx, false); err != nil {
		return end(0, nil, err)
	}
	if len(add) > 0 {
		return end(http.StatusOK, nil, a.groups.add(ctx, groupID, add))
	}
	return end(http.StatusNoContent, nil, a.groups.remove(ctx, groupID, remove))
}
