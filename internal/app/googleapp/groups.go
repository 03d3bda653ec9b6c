// SPDX-License-Identifier: Apache-2.0

package googleapp

import (
	"context"
	"iter"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/google"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/scim"
)

// Whose a group is stands in its description.
const (
	groupMark = "usher:"
	told      = " Who is in this group follows a team in Usher."
)

// groups are those of an account.
type groups struct{ *App }

// group is a group as the engine sees it.
func group(g *google.Group) *scim.Resource {
	r := scim.NewResource(scim.GroupURN)
	r.SetID(g.ID)
	if first, _, _ := strings.Cut(g.Description, " "); strings.HasPrefix(first, groupMark) && first != groupMark {
		r.SetExternalID(strings.TrimPrefix(first, groupMark))
	}
	r.Set("displayName", scim.String(g.Name))
	return r
}

// Address is where the group of a name is: the prefix, the name in small letters, digits and
// hyphens, and the domain; "" if nothing is left of the name.
func Address(prefix, name, domain string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(mapping.ASCII(name)) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		default:
			gap = true
		}
	}
	if b.Len() == 0 || len(prefix)+b.Len() > mostLocal {
		return ""
	}
	return prefix + b.String() + "@" + domain
}

const mostLocal = 64 // characters before the @ (RFC 5321 §4.5.3.1.1)

// address is that of the group of a name.
func (a groups) address(name string) (string, error) {
	if a.cfg.GroupDomain == "" {
		return "", app.Refuse(app.Terminal, "there is no group_domain, in which groups have their addresses")
	}
	address := Address(a.cfg.GroupPrefix, name, a.cfg.GroupDomain)
	if address == "" {
		return "", app.Refuse(app.Terminal, "no address of at most %d characters can be made of the name %q: give the team another display_name", mostLocal, name)
	}
	return address, nil
}

// Create makes a group, under the address of its name.
func (a groups) Create(ctx context.Context, externalID, name string) (*scim.Resource, error) {
	address, err := a.address(name)
	if err != nil {
		return nil, err
	}
	g, err := a.client.CreateGroup(ctx, address, name, groupMark+externalID+told)
	if err != nil {
		return nil, err
	}
	return group(&g), nil
}

// Rename gives a group another name. It keeps its address, to which people write.
func (a groups) Rename(ctx context.Context, id, name string) (*scim.Resource, error) {
	g, err := a.client.RenameGroup(ctx, id, name)
	if err != nil {
		return nil, err
	}
	return group(&g), nil
}

// Get reads a group with those of its members that are users.
func (a groups) Get(ctx context.Context, id string) (*scim.Resource, error) {
	g, err := a.client.Group(ctx, id)
	if err != nil {
		return nil, err
	}
	return a.withMembers(ctx, &g)
}

// withMembers is a group with the users in it. Groups within it, and everybody, are neither
// shown nor touched; strangers are shown, and are nobody's.
func (a groups) withMembers(ctx context.Context, g *google.Group) (*scim.Resource, error) {
	var ids []string
	for m, err := range a.client.Members(ctx, g.ID) {
		if err != nil {
			return nil, err
		}
		if m.Type == google.TypeUser && m.ID != "" {
			ids = append(ids, m.ID)
		}
	}
	return app.SetMembers(group(g), ids), nil
}

// Find finds the group of a name: at its address, or, since a group keeps that with another
// name, in the list. What is at the address and called otherwise is somebody else's.
func (a groups) Find(ctx context.Context, name string) ([]*scim.Resource, error) {
	address, err := a.address(name)
	if err != nil {
		return nil, err
	}
	g, err := a.client.Group(ctx, address)
	switch {
	case err == nil && g.Name == name:
		return []*scim.Resource{group(&g)}, nil
	case err != nil && !google.IsNotFound(err):
		return nil, err
	}
	taken := err == nil
	var hits []*scim.Resource
	for g, err := range a.client.Groups(ctx) {
		if err != nil {
			return nil, err
		}
		if g.Name == name && a.can(&g) {
			hits = append(hits, group(&g))
		}
	}
	if taken && len(hits) == 0 {
		return nil, app.Refuse(app.Terminal, "the address of the group %q is that of the group %q: give the team another display_name, or group_prefix", name, g.Name)
	}
	return hits, nil
}

// can says whether a group can be a team's: it carries our mark, or has the address that we
// would give it. Names are not unique, and where an account lets everybody make groups,
// whoever makes one of a team's name owns what the team gets through it.
func (a groups) can(g *google.Group) bool {
	return group(g).ExternalID() != "" || strings.EqualFold(g.Email, Address(a.cfg.GroupPrefix, g.Name, a.cfg.GroupDomain))
}

// List lists those groups of the account that can be a team's.
func (a groups) List(ctx context.Context, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		for g, err := range a.client.Groups(ctx) {
			var r *scim.Resource
			switch {
			case err != nil:
			case !a.can(&g):
				continue
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

// AddMember puts a user into a group, by the address that the user has now. What Google does
// not find of a group that is there, or of a user who is, is new: that passes.
func (a groups) AddMember(ctx context.Context, id, user string) error {
	u, err := a.client.User(ctx, user)
	switch {
	case google.IsForbidden(err):
		return a.alone(ctx, user, err)
	case google.IsNotFound(err):
		return a.unless(ctx, id, "user", err)
	case err != nil:
		return err
	}
	err = a.client.AddMember(ctx, id, &u)
	if google.IsNotFound(err) {
		return a.unless(ctx, id, "user among those who can be members", err)
	}
	return err
}

// unless says that what is not found is new, unless the group is not there either.
func (a groups) unless(ctx context.Context, id, what string, err error) error {
	if _, gerr := a.client.Group(ctx, id); gerr != nil {
		return gerr
	}
	return fresh(what, err)
}

// RemoveMember takes a user out of a group, whatever their role in it is.
func (a groups) RemoveMember(ctx context.Context, id, user string) error {
	return a.client.RemoveMember(ctx, id, user)
}
