// SPDX-License-Identifier: Apache-2.0

package oktaapp

import (
	"context"
	"iter"
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

// groups are those of an org that can be written.
type groups struct{ client *okta.Client }

// Create makes a group.
func (a groups) Create(ctx context.Context, externalID, name string) (*scim.Resource, error) {
	g, err := a.client.CreateGroup(ctx, name, mark+externalID+told)
	if err != nil {
		return nil, err
	}
	return group(&g), nil
}

// Rename gives a group another name.
func (a groups) Rename(ctx context.Context, id, name string) (*scim.Resource, error) {
	g, err := a.client.RenameGroup(ctx, id, name)
	if err != nil {
		return nil, err
	}
	return group(&g), nil
}

// Get reads a group with its members.
func (a groups) Get(ctx context.Context, id string) (*scim.Resource, error) {
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
func (a groups) withMembers(ctx context.Context, g *okta.Group) (*scim.Resource, error) {
	var ids []string
	for u, err := range a.client.Members(ctx, g.ID) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, u.ID)
	}
	return app.SetMembers(group(g), ids), nil
}

// Find finds a group that can be written. An application's may be called the same;
// one that is built in keeps its name from any other.
func (a groups) Find(ctx context.Context, name string) ([]*scim.Resource, error) {
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

// List lists the groups that can be written.
func (a groups) List(ctx context.Context, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
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
				yield(nil, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// AddMember puts a user into a group.
func (a groups) AddMember(ctx context.Context, group, user string) error {
	return a.client.AddMember(ctx, group, user)
}

// RemoveMember takes a user out of a group.
func (a groups) RemoveMember(ctx context.Context, group, user string) error {
	return a.client.RemoveMember(ctx, group, user)
}
