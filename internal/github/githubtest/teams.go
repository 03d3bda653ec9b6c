// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// slugOf is what a name becomes in addresses.
func slugOf(name string) string {
	slug := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return ' '
	}, strings.ToLower(name))
	return strings.Join(strings.Fields(slug), "-")
}

func (t *team) document() any {
	return map[string]any{"id": t.id, "name": t.name, "slug": t.slug, "description": t.description, "privacy": t.privacy, "permission": "pull"}
}

func (c *call) team() (*team, error) {
	if t := c.teams[number(c.r.PathValue("tid"))]; t != nil {
		return t, nil
	}
	return nil, notFound()
}

func (c *call) show(which func(*team) bool) (any, error) {
	var all []*team
	for _, id := range slices.Sorted(maps.Keys(c.teams)) {
		if which(c.teams[id]) {
			all = append(all, c.teams[id])
		}
	}
	return page(c, all, func(t *team) any { return t.document() }), nil
}

func listTeams(c *call) (any, error) { return c.show(func(*team) bool { return true }) }

func getTeam(c *call) (any, error) {
	t, err := c.team()
	if err != nil {
		return nil, err
	}
	return t.document(), nil
}

// unique refuses a name whose slug another team has.
func (c *call) unique(name string, of *team) error {
	for _, t := range c.teams {
		if t != of && t.slug == slugOf(name) {
			return invalid("Team", "name", "Name must be unique for this org")
		}
	}
	return nil
}

func createTeam(c *call) (any, error) {
	var body struct {
		Name          string `json:"name"`
		Description   string `json:"description"`
		Privacy       string `json:"privacy"`
		Notifications string `json:"notification_setting"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	if slugOf(body.Name) == "" {
		return nil, invalid("Team", "name", "Name can't be blank")
	}
	if err := c.unique(body.Name, nil); err != nil {
		return nil, err
	}
	t := &team{id: c.id(), name: body.Name, slug: slugOf(body.Name), description: body.Description, privacy: body.Privacy, members: map[int64]string{}}
	if !c.by.Void {
		c.teams[t.id] = t
		c.note(c.by, TeamCreated, t.name, t.privacy)
	}
	return made{t.document()}, nil
}

func updateTeam(c *call) (any, error) {
	t, err := c.team()
	if err != nil {
		return nil, err
	}
	var body struct {
		Name *string `json:"name"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	now := *t
	if body.Name != nil {
		if err := c.unique(*body.Name, t); err != nil {
			return nil, err
		}
		now.name, now.slug = *body.Name, slugOf(*body.Name)
	}
	if !c.by.Void && now.name != t.name {
		*t = now
		c.note(c.by, TeamUpdated, t.name, "")
	}
	return now.document(), nil
}

func listChildren(c *call) (any, error) {
	t, err := c.team()
	if err != nil {
		return nil, err
	}
	return c.show(func(o *team) bool { return o.parent == t.id })
}

// all are the members of a team and of those below it.
func (c *call) all(t *team) map[int64]string {
	out := maps.Clone(t.members)
	for _, o := range c.teams {
		if o.parent == t.id {
			for id, role := range c.all(o) {
				if out[id] == "" {
					out[id] = role
				}
			}
		}
	}
	return out
}

func listTeamMembers(c *call) (any, error) {
	t, err := c.team()
	if err != nil {
		return nil, err
	}
	return page(c, c.sorted(c.all(t)), func(u *user) any { return u.document() }), nil
}

func listTeamInvitations(c *call) (any, error) {
	t, err := c.team()
	if err != nil {
		return nil, err
	}
	return c.lists(func(i *invitation) bool { return i.failed.IsZero() && i.teams[t.id] })
}

func inTeam(state, role string) any { return map[string]any{"state": state, "role": role} }

func getTeamMembership(c *call) (any, error) {
	t, err := c.team()
	if err != nil {
		return nil, err
	}
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	if role := c.all(t)[u.id]; role != "" {
		return inTeam("active", role), nil
	}
	if i := c.invited(u); i != nil && i.teams[t.id] {
		return inTeam("pending", "member"), nil
	}
	return nil, notFound()
}

// locked refuses to change who is in a team that an identity provider fills. The
// documentation says that there is an error; by which words is not verified.
func (t *team) locked() error {
	if t.synced {
		return refuse(http.StatusForbidden, "This team's membership is managed by an identity provider group.")
	}
	return nil
}

func addTeamMember(c *call) (any, error) {
	t, err := c.team()
	if err != nil {
		return nil, err
	}
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	body := struct {
		Role string `json:"role"`
	}{"member"}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	if err := t.locked(); err != nil {
		return nil, err
	}
	if c.members[u.id] == "" {
		i := c.invited(u)
		if i == nil {
			if i, err = c.invite(&invitation{user: u.id, role: "member"}); err != nil {
				return nil, err
			}
		}
		if !c.by.Void && !i.teams[t.id] {
			i.teams[t.id] = true
			c.note(c.by, TeamAdded, u.login, t.name)
		}
		return inTeam("pending", body.Role), nil
	}
	if c.members[u.id] == "admin" {
		body.Role = "maintainer"
	}
	if was := t.members[u.id]; was != body.Role && !c.by.Void {
		if t.members[u.id] = body.Role; was == "" {
			c.note(c.by, TeamAdded, u.login, t.name)
		}
	}
	return inTeam("active", body.Role), nil
}

func removeTeamMember(c *call) (any, error) {
	t, err := c.team()
	if err != nil {
		return nil, err
	}
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	if err := t.locked(); err != nil {
		return nil, err
	}
	i := c.invited(u)
	switch {
	case t.members[u.id] == "" && (i == nil || !i.teams[t.id]):
		return nil, notFound()
	case c.by.Void:
	default:
		delete(t.members, u.id)
		if i != nil {
			delete(i.teams, t.id)
		}
		c.note(c.by, TeamRemoved, u.login, t.name)
	}
	return http.StatusNoContent, nil
}
