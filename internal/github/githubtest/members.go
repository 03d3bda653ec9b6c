// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

func (u *user) document() any { return map[string]any{"id": u.id, "login": u.login, "type": "User"} }

func getUserByID(c *call) (any, error) {
	if u := c.users[number(c.r.PathValue("id"))]; u != nil && !u.hidden {
		return u.document(), nil
	}
	return nil, notFound()
}

func (c *call) user() (*user, error) {
	if u := c.byLogin(c.r.PathValue("login")); u != nil {
		return u, nil
	}
	return nil, notFound()
}

func getUser(c *call) (any, error) {
	u, err := c.user()
	switch {
	case err != nil:
		return nil, err
	case u.hidden:
		return nil, notFound()
	}
	return u.document(), nil
}

func (c *call) sorted(ids map[int64]string) []*user {
	var out []*user
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		out = append(out, c.users[id])
	}
	return out
}

func listMembers(c *call) (any, error) {
	role := c.query.Get("role")
	all := slices.DeleteFunc(c.sorted(c.members), func(u *user) bool { return role != "" && role != "all" && role != c.members[u.id] })
	return page(c, all, func(u *user) any { return u.document() }), nil
}

func membership(u *user, state, role string) any {
	return map[string]any{"state": state, "role": role, "user": u.document(), "organization": map[string]any{"id": orgID}}
}

func roleOf(invited string) string {
	if invited == "admin" {
		return "admin"
	}
	return "member"
}

func getMembership(c *call) (any, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	if role := c.members[u.id]; role != "" {
		return membership(u, "active", role), nil
	}
	if i := c.invited(u); i != nil {
		return membership(u, "pending", roleOf(i.role)), nil
	}
	if c.cfg.PendingAnyway && slices.ContainsFunc(c.invitations, func(i *invitation) bool { return i.user == u.id }) {
		return membership(u, "pending", "member"), nil
	}
	return nil, notFound()
}

func (c *call) invited(u *user) *invitation {
	return c.pending(func(i *invitation) bool { return i.user == u.id })
}

// owners is how many there are.
func (c *call) owners() (n int) {
	for _, role := range c.members {
		if role == "admin" {
			n++
		}
	}
	return n
}

// lastOwner refuses that the last one goes. By which status and words is not verified.
func (c *call) lastOwner(u *user) error {
	if c.members[u.id] == "admin" && c.owners() == 1 {
		return refuse(http.StatusForbidden, "You can't remove the last owner of an organization.")
	}
	return nil
}

func setMembership(c *call) (any, error) {
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
	if body.Role != "member" && body.Role != "admin" {
		return nil, invalid("OrganizationMembership", "role", "role is not one of admin, member")
	}
	was := c.members[u.id]
	switch {
	case was == body.Role:
	case was != "":
		if err := c.lastOwner(u); err != nil && body.Role != "admin" {
			return nil, err
		}
		if !c.by.Void {
			c.members[u.id] = body.Role
			c.note(c.by, RoleChanged, u.login, body.Role)
		}
	case c.invited(u) != nil:
		c.invited(u).role = body.Role
		return membership(u, "pending", body.Role), nil
	default:
		i, err := c.invite(&invitation{user: u.id, role: body.Role})
		if err != nil {
			return nil, err
		}
		return membership(u, "pending", i.role), nil
	}
	return membership(u, "active", c.members[u.id]), nil
}

// invite sends an invitation, as many as a day allows.
func (c *call) invite(i *invitation) (*invitation, error) {
	if c.cfg.NeverInvites {
		return nil, refuse(http.StatusForbidden, "Invitations are not available in organizations of managed users")
	}
	c.sent = slices.DeleteFunc(c.sent, func(at time.Time) bool { return c.now().Sub(at) >= 24*time.Hour })
	if c.cfg.InvitesPerDay > 0 && len(c.sent) >= c.cfg.InvitesPerDay {
		return nil, invalid("OrganizationInvitation", "data", "Over invitation rate limit")
	}
	i.id, i.created = c.id(), c.now()
	if i.teams == nil {
		i.teams = map[int64]bool{}
	}
	if !c.by.Void {
		c.invitations, c.sent = append(c.invitations, i), append(c.sent, c.now())
		c.note(c.by, Invited, c.who(i), i.role)
	}
	return i, nil
}

func removeMembership(c *call) (any, error) {
	u, err := c.user()
	if err != nil {
		return nil, err
	}
	i := c.invited(u)
	switch {
	case c.members[u.id] == "" && i == nil:
		return nil, notFound()
	case c.members[u.id] != "":
		if err := c.lastOwner(u); err != nil {
			return nil, err
		}
		if !c.by.Void {
			c.remove(c.by, u)
		}
	case !c.by.Void:
		c.cancel(i)
	}
	return http.StatusNoContent, nil
}

func (c *call) cancel(i *invitation) {
	c.invitations = slices.DeleteFunc(c.invitations, func(o *invitation) bool { return o == i })
	c.note(c.by, Cancelled, c.who(i), "")
}

func (o *Org) document(i *invitation) any {
	d := map[string]any{"id": i.id, "login": nil, "email": nil, "role": "direct_member", "created_at": i.created.Format(time.RFC3339), "team_count": len(i.teams)}
	if u := o.users[i.user]; u != nil {
		d["login"] = u.login
	} else {
		d["email"] = i.email
	}
	if i.role == "admin" {
		d["role"] = "admin"
	}
	if !i.failed.IsZero() {
		d["failed_at"], d["failed_reason"] = i.failed.Format(time.RFC3339), "Invitation expired. User did not accept this invite for 7 days"
	}
	return d
}

func (c *call) lists(which func(*invitation) bool) (any, error) {
	var all []*invitation
	for _, i := range c.invitations {
		if which(i) {
			all = append(all, i)
		}
	}
	return page(c, all, func(i *invitation) any { return c.document(i) }), nil
}

func listInvitations(c *call) (any, error) {
	return c.lists(func(i *invitation) bool { return i.failed.IsZero() })
}

func listFailed(c *call) (any, error) {
	return c.lists(func(i *invitation) bool { return !i.failed.IsZero() })
}

// cancelInvitation cancels an invitation, or takes one that has failed from its list. That
// the latter goes by the same request is what others have met.
func cancelInvitation(c *call) (any, error) {
	n := slices.IndexFunc(c.invitations, func(i *invitation) bool { return i.id == number(c.r.PathValue("id")) })
	switch {
	case n < 0:
		return nil, notFound()
	case c.by.Void:
	case c.invitations[n].failed.IsZero():
		c.cancel(c.invitations[n])
	default:
		c.invitations = slices.Delete(c.invitations, n, n+1)
	}
	return http.StatusNoContent, nil
}
