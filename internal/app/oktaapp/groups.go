// SPDX-License-Identifier: Apache-2.0

package oktaapp

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/okta"
	"github.com/usher-id/usher/scim"
)

// Whose a group is stands in its description.
const (
	mark = "usher:"
	told = " Who is in this group follows a team in Usher."
)

// group is a group as the engine sees it.
func group(g *okta.Group) *scim.Resource {
	r := scim.NewResource(scim.GroupURN)
	r.SetID(g.ID)
	if first, _, _ := strings.Cut(g.Description, " "); strings.HasPrefix(first, mark) && first != mark {
		r.SetExternalID(strings.TrimPrefix(first, mark))
	}
	r.Set("displayName", scim.String(g.Name))
	return r
}

func (a *App) createGroup(ctx context.Context, r *scim.Resource) (*scim.Resource, error) {
	switch {
	case r.DisplayName() == "":
		return nil, app.Refuse(app.Terminal, "a group needs a displayName")
	case len(r.Members()) > 0:
		return nil, app.Refuse(app.Terminal, "a group is made empty, and its members added then")
	case r.ExternalID() == "", strings.ContainsAny(r.ExternalID(), " \t\r\n"):
		return nil, app.Refuse(app.Terminal, "the externalId of a group is empty, or holds a blank")
	}
	g, err := a.client.CreateGroup(ctx, r.DisplayName(), mark+r.ExternalID()+told)
	if err != nil {
		return nil, err
	}
	return group(&g), nil
}

func (a *App) renameGroup(ctx context.Context, id string, changes []scim.Change) (*scim.Resource, error) {
	name := ""
	for _, c := range changes {
		if name, _ = c.After.AsString(); !c.Path.Equal(displayName) || name == "" {
			return nil, app.Refuse(app.Terminal, "of a group only the displayName can be changed, to another one")
		}
	}
	g, err := a.client.RenameGroup(ctx, id, name)
	if err != nil {
		return nil, err
	}
	return group(&g), nil
}

func (a *App) getGroup(ctx context.Context, id string) (*scim.Resource, error) {
	g, err := a.client.Group(ctx, id)
	if err != nil {
		return nil, err
	}
	if g.Type != okta.TypeOkta {
		return nil, app.Refuse(app.Terminal, "the group %q is of type %s, which is not ours to write", g.Name, g.Type)
	}
	return a.withMembers(ctx, &g)
}

// withMembers is a group with who is in it.
func (a *App) withMembers(ctx context.Context, g *okta.Group) (*scim.Resource, error) {
	r := group(g)
	var list []scim.Value
	for u, err := range a.client.Members(ctx, g.ID) {
		if err != nil {
			return nil, err
		}
		var o scim.Object
		o.Set("value", scim.String(u.ID))
		list = append(list, scim.Complex(o))
	}
	if len(list) > 0 {
		r.Set("members", scim.List(list...))
	}
	return r, nil
}

// findGroup finds a group that can be written. An application's may be called the same;
// one that is built in keeps its name from any other.
func (a *App) findGroup(ctx context.Context, name string) ([]*scim.Resource, error) {
	list, err := a.client.GroupsByName(ctx, name)
	if err != nil {
		return nil, err
	}
	var hits []*scim.Resource
	for i := range list {
		switch list[i].Type {
		case okta.TypeOkta:
			hits = append(hits, group(&list[i]))
		case okta.TypeBuiltIn:
			return nil, app.Refuse(app.Terminal, "the group %q is Okta's own (BUILT_IN), and nobody's to write: give the team another display_name", name)
		}
	}
	return hits, nil
}

func (a *App) listGroups(ctx context.Context, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		for g, err := range a.client.Groups(ctx) {
			var r *scim.Resource
			switch {
			case err != nil:
			case excludeMembers:
				r = group(&g)
			default:
				r, err = a.withMembers(ctx, &g)
			}
			if err != nil {
				yield(nil, convert(ctx, err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// ChangeMembers adds one member, or removes one.
func (a *App) ChangeMembers(ctx context.Context, groupID string, add, remove []string) (app.Answer, error) {
	switch {
	case len(add) == 0 && len(remove) == 0:
		return app.Answer{}, app.Refuse(app.Terminal, "there is no member to change")
	case len(add)+len(remove) > 1:
		return app.Answer{}, app.Refuse(app.TooLarge, "%d members added and %d removed in one request, where one is", len(add), len(remove))
	}
	ctx, end := begin(ctx)
	if len(add) > 0 {
		return end(http.StatusNoContent, nil, a.client.AddMember(ctx, groupID, add[0]))
	}
	return end(http.StatusNoContent, nil, a.client.RemoveMember(ctx, groupID, remove[0]))
}
