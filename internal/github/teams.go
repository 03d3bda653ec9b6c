// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"iter"
	"net/http"
	"strconv"
)

// Team is a team of the organization. Names are unique by what GitHub makes of them in
// addresses (the slug), which follows the name: a team is addressed by its id.
type Team struct {
	ID          int64
	Name        string
	Slug        string
	Description string
}

func (t Team) key() int64 { return t.ID }

type wireTeam struct {
	ID          int64   `json:"id"`
	Name        string  `json:"name"`
	Slug        string  `json:"slug"`
	Description *string `json:"description"`
}

func readTeam(w *wireTeam) (Team, bool) {
	t := Team{ID: w.ID, Name: w.Name, Slug: w.Slug}
	if w.Description != nil {
		t.Description = *w.Description
	}
	return t, w.ID > 0 && w.Name != ""
}

// Teams lists all teams.
func (c *Client) Teams(ctx context.Context) iter.Seq2[Team, error] {
	return list(ctx, c, request{Method: http.MethodGet, Route: "/orgs/{}/teams", IDs: []string{c.org}}, readTeam)
}

// CreateTeam makes a team that all members of the organization see, without members, who
// are told nothing of it.
func (c *Client) CreateTeam(ctx context.Context, name, description string) (Team, error) {
	return c.team(ctx, request{Method: http.MethodPost, Route: "/orgs/{}/teams", IDs: []string{c.org}, Body: map[string]string{
		"name": name, "description": description, "privacy": "closed", "notification_setting": "notifications_disabled",
	}})
}

func (c *Client) team(ctx context.Context, r request) (Team, error) {
	var w wireTeam
	if err := c.call(ctx, r, &w); err != nil {
		return Team{}, err
	}
	t, ok := readTeam(&w)
	if !ok {
		return Team{}, c.rest.Unusable(&r, "a team is not as documented")
	}
	return t, nil
}

// byID addresses a team by its id, and something of it.
func (c *Client) byID(ctx context.Context, method string, team int64, of string, ids ...string) (request, error) {
	i, err := c.Installation(ctx)
	if err != nil {
		return request{}, err
	}
	return request{
		Method: method, Route: "/organizations/{}/team/{}" + of,
		IDs: append([]string{strconv.FormatInt(i.Organization, 10), strconv.FormatInt(team, 10)}, ids...),
	}, nil
}

// Team reads a team.
func (c *Client) Team(ctx context.Context, id int64) (Team, error) {
	r, err := c.byID(ctx, http.MethodGet, id, "")
	if err != nil {
		return Team{}, err
	}
	return c.team(ctx, r)
}

// RenameTeam gives a team another name, and with it another slug.
func (c *Client) RenameTeam(ctx context.Context, id int64, name string) (Team, error) {
	r, err := c.byID(ctx, http.MethodPatch, id, "")
	if err != nil {
		return Team{}, err
	}
	r.Body = map[string]string{"name": name}
	return c.team(ctx, r)
}

// ChildTeams lists the teams below a team, whose members count as its own.
func (c *Client) ChildTeams(ctx context.Context, id int64) iter.Seq2[Team, error] {
	return below(ctx, c, id, "/teams", readTeam)
}

// TeamMembers lists who is in a team, and in those below it.
func (c *Client) TeamMembers(ctx context.Context, id int64) iter.Seq2[User, error] {
	return below(ctx, c, id, "/members", readUser)
}

// TeamInvitations lists who will be in a team once they have accepted to be a member of
// the organization.
func (c *Client) TeamInvitations(ctx context.Context, id int64) iter.Seq2[Invitation, error] {
	return below(ctx, c, id, "/invitations", readInvitation)
}

func below[W any, T interface{ key() int64 }](ctx context.Context, c *Client, id int64, what string, read func(*W) (T, bool)) iter.Seq2[T, error] {
	r, err := c.byID(ctx, http.MethodGet, id, what)
	if err != nil {
		return func(yield func(T, error) bool) {
			var none T
			yield(none, err)
		}
	}
	return list(ctx, c, r, read)
}

const inTeam = "/memberships/{}"

// TeamMembership reads somebody's in a team.
func (c *Client) TeamMembership(ctx context.Context, team int64, login string) (Membership, error) {
	r, err := c.byID(ctx, http.MethodGet, team, inTeam, login)
	if err != nil {
		return Membership{}, err
	}
	return c.teamMembership(ctx, r)
}

// AddTeamMember puts somebody into a team as a member of it, which a maintainer is
// afterwards, too. Whoever is not in the organization is invited.
func (c *Client) AddTeamMember(ctx context.Context, team int64, login string) (Membership, error) {
	r, err := c.byID(ctx, http.MethodPut, team, inTeam, login)
	if err != nil {
		return Membership{}, err
	}
	r.Body = map[string]Role{"role": Member}
	return c.teamMembership(ctx, r)
}

func (c *Client) teamMembership(ctx context.Context, r request) (Membership, error) {
	var w wireMembership
	if err := c.call(ctx, r, &w); err != nil {
		return Membership{}, err
	}
	if w.State == "" || w.Role == "" {
		return Membership{}, c.rest.Unusable(&r, "a membership is not as documented")
	}
	return Membership{State: w.State, Role: w.Role}, nil
}

// RemoveTeamMember takes somebody out of a team. Who is not in it is no error.
func (c *Client) RemoveTeamMember(ctx context.Context, team int64, login string) error {
	r, err := c.byID(ctx, http.MethodDelete, team, inTeam, login)
	if err != nil {
		return err
	}
	return c.gone(ctx, r)
}
