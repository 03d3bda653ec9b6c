// SPDX-License-Identifier: Apache-2.0

package entraapp

import (
	"context"
	"iter"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/entra"
	"github.com/usher-id/usher/scim"
)

// Whose a group is stands in its unique name, which nobody can change.
const (
	mark = "usher-"
	told = "Who is in this group follows a team in Usher."
)

// group is a group as the engine sees it.
func group(g *entra.Group) *scim.Resource {
	r := scim.NewResource(scim.GroupURN)
	r.SetID(g.ID)
	if id, ours := strings.CutPrefix(g.UniqueName, mark); ours && id != "" {
		r.SetExternalID(id)
	}
	r.Set("displayName", scim.String(g.Name))
	return r
}

// groups are those of a tenant that can be written.
type groups struct{ client *entra.Client }

// Create makes a group, unless there is one of the name: names are not unique, and two of
// a name are nobody's wish.
func (a groups) Create(ctx context.Context, externalID, name string) (*scim.Resource, error) {
	there, err := a.named(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, g := range there {
		if g.UniqueName != mark+externalID {
			return nil, &app.Error{Class: app.Conflict, Detail: "there is a group of this name"}
		}
	}
	g, err := a.client.CreateGroup(ctx, mark+externalID, name, told)
	if err != nil {
		return nil, err
	}
	return group(&g), nil
}

// named are the groups of a name that can be written. If there are some, and none can, no
// other is made beside them.
func (a groups) named(ctx context.Context, name string) (ours []entra.Group, err error) {
	all, err := a.client.GroupsNamed(ctx, name)
	if err != nil {
		return nil, err
	}
	why := ""
	for _, g := range all {
		if why = g.ReadOnly; why == "" {
			ours = append(ours, g)
		}
	}
	if len(ours) == 0 && len(all) > 0 {
		return nil, app.Refuse(app.Terminal, "the group %q is not ours to write, as %s: give the team another display_name", name, all[0].ReadOnly)
	}
	return ours, nil
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
	if g.ReadOnly != "" {
		return nil, app.Refuse(app.Terminal, "the group %q is not ours to write: %s", g.Name, g.ReadOnly)
	}
	return a.withMembers(ctx, &g)
}

// withMembers is a group with the users in it.
func (a groups) withMembers(ctx context.Context, g *entra.Group) (*scim.Resource, error) {
	var ids []string
	for id, err := range a.client.Members(ctx, g.ID) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return app.SetMembers(group(g), ids), nil
}

// Find finds groups that can be written.
func (a groups) Find(ctx context.Context, name string) (hits []*scim.Resource, err error) {
	there, err := a.named(ctx, name)
	for i := range there {
		hits = append(hits, group(&there[i]))
	}
	return hits, err
}

// List lists the groups that can be written.
func (a groups) List(ctx context.Context, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		for g, err := range a.client.Groups(ctx) {
			var r *scim.Resource
			switch {
			case err != nil:
			case g.ReadOnly != "":
				continue
			case excludeMembers:
				r = group(&g)
			default:
				r, err = a.withMembers(ctx, &g)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// AddMember puts a user into a group. One who is in it is no error.
func (a groups) AddMember(ctx context.Context, group, user string) error {
	if err := a.client.AddMembers(ctx, group, []string{user}); !entra.IsMember(err) {
		return err
	}
	return nil
}

// RemoveMember takes a user out of a group.
func (a groups) RemoveMember(ctx context.Context, group, user string) error {
	return a.client.RemoveMember(ctx, group, user)
}
