// SPDX-License-Identifier: Apache-2.0

package githubapp

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/github"
	"github.com/usher-id/usher/scim"
)

// Whose a team is stands in its description.
const (
	mark = "usher:"
	told = " Who is in this team follows a team in Usher."
)

// groups are the teams of an organization, known by their numeric ids.
type groups struct{ *App }

// group is a team as the engine sees it.
func group(t *github.Team) *scim.Resource {
	r := scim.NewResource(scim.GroupURN)
	r.SetID(strconv.FormatInt(t.ID, 10))
	if first, _, _ := strings.Cut(t.Description, " "); strings.HasPrefix(first, mark) && first != mark {
		r.SetExternalID(strings.TrimPrefix(first, mark))
	}
	r.Set("displayName", scim.String(t.Name))
	return r
}

func teamID(id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n <= 0 {
		return 0, missing("no team has an id like this")
	}
	return n, nil
}

// Create makes a team that all members of the organization see.
func (a groups) Create(ctx context.Context, externalID, name string) (*scim.Resource, error) {
	t, err := a.client.CreateTeam(ctx, name, mark+externalID+told)
	if err != nil {
		return nil, err
	}
	return group(&t), nil
}

// Rename gives a team another name, and with it another address.
func (a groups) Rename(ctx context.Context, id, name string) (*scim.Resource, error) {
	n, err := teamID(id)
	if err != nil {
		return nil, err
	}
	t, err := a.client.RenameTeam(ctx, n, name)
	if err != nil {
		return nil, err
	}
	return group(&t), nil
}

// Get reads a team with its members, and those who will be in it when they have accepted.
func (a groups) Get(ctx context.Context, id string) (*scim.Resource, error) {
	n, err := teamID(id)
	if err != nil {
		return nil, err
	}
	t, err := a.client.Team(ctx, n)
	if err != nil {
		return nil, err
	}
	return a.withMembers(ctx, &t)
}

// below are the members of the teams below a team, who count as its own members, too. Who is
// in both is not told apart: for such a one nothing is sent anyway, see add.
func (a groups) below(ctx context.Context, team int64) (map[int64]bool, error) {
	out := map[int64]bool{}
	for child, err := range a.client.ChildTeams(ctx, team) {
		if err != nil {
			return nil, err
		}
		for u, err := range a.client.TeamMembers(ctx, child.ID) {
			if err != nil {
				return nil, err
			}
			out[u.ID] = true
		}
	}
	return out, nil
}

func (a groups) withMembers(ctx context.Context, t *github.Team) (*scim.Resource, error) {
	var ids []string
	put := func(u github.User) { ids = append(ids, strconv.FormatInt(u.ID, 10)) }
	for i, err := range a.client.TeamInvitations(ctx, t.ID) {
		if err != nil {
			return nil, err
		}
		if i.Login == "" { // of an address, by somebody else
			continue
		}
		u, err := a.client.UserByLogin(ctx, i.Login)
		switch {
		case github.IsNotFound(err):
		case err != nil:
			return nil, err
		default:
			put(u)
		}
	}
	below, err := a.below(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	for u, err := range a.client.TeamMembers(ctx, t.ID) {
		if err != nil {
			return nil, err
		}
		if !below[u.ID] {
			put(u)
		}
	}
	return app.SetMembers(group(t), ids), nil
}

// Find finds a team by its name, in whatever case, as GitHub does.
func (a groups) Find(ctx context.Context, name string) ([]*scim.Resource, error) {
	var hits []*scim.Resource
	for t, err := range a.client.Teams(ctx) {
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(t.Name, name) {
			hits = append(hits, group(&t))
		}
	}
	return hits, nil
}

// List lists the teams.
func (a groups) List(ctx context.Context, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		for t, err := range a.client.Teams(ctx) {
			var r *scim.Resource
			switch {
			case err != nil:
			case excludeMembers:
				r = group(&t)
			default:
				r, err = a.withMembers(ctx, &t)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// AddMember puts a member of the organization into a team, or one who is invited, who will
// be in it when they have accepted. Who is in it already stays what they are, such as a
// maintainer.
func (a groups) AddMember(ctx context.Context, group, user string) error {
	team, err := teamID(group)
	if err != nil {
		return err
	}
	u, err := a.who(ctx, user)
	if err != nil {
		return before(ctx, err)
	}
	return a.add(ctx, team, u)
}

// add puts a user into a team. Whoever is not in the organization is left out: GitHub would
// invite them.
func (a *App) add(ctx context.Context, team int64, u github.User) error {
	switch s, err := a.stand(ctx, u); {
	case err != nil:
		return before(ctx, err)
	case s.lapsed > 0:
		return missing("the invitation to the organization was not accepted in time")
	}
	if _, err := a.client.TeamMembership(ctx, team, u.Login); !github.IsNotFound(err) {
		return before(ctx, err)
	}
	_, err := a.client.AddTeamMember(ctx, team, u.Login)
	return synced(ctx, err)
}

// RemoveMember takes somebody out of a team.
func (a groups) RemoveMember(ctx context.Context, group, user string) error {
	team, err := teamID(group)
	if err != nil {
		return err
	}
	u, err := a.who(ctx, user)
	switch {
	case github.IsNotFound(err):
		return nil // with the account
	case err != nil:
		return before(ctx, err)
	}
	return synced(ctx, a.client.RemoveTeamMember(ctx, team, u.Login))
}

// synced adds to a refusal what most likely is behind it. Whether it is this team's or the
// app's affair the engine finds out by another request.
func synced(ctx context.Context, err error) error {
	if github.IsForbidden(err) {
		return app.Wrap(convert(ctx, err), "who is in this team is not ours to say, if an identity provider fills it (team synchronization)")
	}
	return err
}
