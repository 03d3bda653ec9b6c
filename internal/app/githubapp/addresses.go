// SPDX-License-Identifier: Apache-2.0

package githubapp

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/github"
	"github.com/usher-id/usher/scim"
)

// addresses are members who were invited by an address, each known by the team that went
// with the invitation.
type addresses struct{ *App }

// anchor reads the team that an account is known by.
func (a addresses) anchor(ctx context.Context, id string) (anchor, error) {
	text, ok := strings.CutPrefix(id, anchorID)
	n, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || n <= 0 {
		return anchor{}, missing("nobody was invited under an id like this")
	}
	t, err := a.client.Team(ctx, n)
	if err != nil {
		return anchor{}, err
	}
	an, ok := parseAnchor(t)
	if !ok {
		return anchor{}, app.Refuse(app.Terminal, "the name or the description of the team %s was changed, by which an invitation is known: put it back", t.Name)
	}
	return an, nil
}

// see is an account, once it is known how far it has got. The address is shown while it
// holds what Usher has asked for: an invitation that has failed, and one that was accepted
// while teams wait, are shown without it, so that the plan says it again. Somebody who has
// left, or whose invitation was cancelled, is none.
func (a addresses) see(ctx context.Context, an *anchor, r reached) (*scim.Resource, error) {
	switch {
	case r.member.ID != 0:
		m, err := a.membership(ctx, r.member)
		if err != nil {
			return nil, err
		}
		out := account(an.id(), m.Role)
		if an.user == r.member.ID {
			showAddress(out, an.email)
		}
		return out, nil
	case r.invitation.ID != 0:
		out := account(an.id(), r.invitation.Role)
		showAddress(out, r.invitation.Email)
		return out, nil
	case r.failed > 0:
		return account(an.id(), github.Member), nil
	}
	return nil, missing("the invitation was cancelled, or its member has left")
}

// showAddress shows an address as both kinds that a mapping may ask for.
func showAddress(r *scim.Resource, email string) {
	var o scim.Object
	o.Set("value", scim.String(email))
	o.Set("type", scim.String("work"))
	o.Set("primary", scim.Bool(true))
	r.Set("emails", scim.List(scim.Complex(o)))
}

func isAddress(s string) bool {
	at := strings.LastIndex(s, "@")
	return at > 0 && at < len(s)-1 && len(s) <= 254 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// Create invites an address, with a team by which whoever accepts is known. All of it may
// be done again: the team's name follows from the address.
func (a addresses) Create(ctx context.Context, r *scim.Resource) (*scim.Resource, error) {
	email := place(r, workEmail, primaryEmail)
	if !isAddress(email) {
		return nil, app.Refuse(app.Terminal, "there is no address that an invitation could go to")
	}
	role, err := a.role(place(r, orgRole))
	if err != nil {
		return nil, err
	}
	t, err := a.client.TeamBySlug(ctx, anchorName(email))
	if github.IsNotFound(err) {
		an := anchor{email: email}
		t, err = a.client.CreateTeam(ctx, anchorName(email), an.text(), github.Secret)
	}
	if err != nil {
		return nil, before(ctx, err)
	}
	an, ok := parseAnchor(t)
	if !ok {
		return nil, app.Refuse(app.Terminal, "the description of the team %s was changed, by which an invitation is known: delete it, or put it back", t.Name)
	}
	return a.invite(ctx, &an, role)
}

// invite brings an invitation on its way, unless it is, or has been accepted; and does what
// waits for whoever has accepted it.
func (a addresses) invite(ctx context.Context, an *anchor, role github.Role) (*scim.Resource, error) {
	r, err := a.reach(ctx, an)
	if err != nil {
		return nil, before(ctx, err)
	}
	switch {
	case r.member.ID != 0:
		if err := a.welcome(ctx, an, r.member); err != nil {
			return nil, err
		}
	case r.invitation.ID != 0 && !strings.EqualFold(r.invitation.Email, an.email):
		if err := a.client.CancelInvitation(ctx, r.invitation.ID); err != nil {
			return nil, err
		}
		r.invitation = github.Invitation{}
		fallthrough
	case r.invitation.ID == 0:
		if an.ended {
			an.ended = false
			if err := a.keep(ctx, an); err != nil {
				return nil, before(ctx, err)
			}
		}
		failed, err := a.failures(ctx, ofAddress(an.email))
		if err != nil {
			return nil, before(ctx, err)
		}
		if err := measure(failed); err != nil {
			return nil, err
		}
		if r.invitation, err = a.client.Invite(ctx, an.email, role, an.team.ID); err != nil {
			return nil, a.uninvited(ctx, an, err)
		}
	}
	return a.see(ctx, an, r)
}

// uninvited says why an address is not invited. What was made for it goes again.
func (a addresses) uninvited(ctx context.Context, an *anchor, err error) error {
	why := ""
	switch {
	case github.IsMember(err):
		why = "somebody with this address is a member already, and GitHub does not tell who: give the person's login (userName) in an app of its own, or remove that member"
	case github.IsTaken(err):
		why = "this address has been invited by somebody else: cancel that in GitHub (People, Invitations), so that Usher knows who accepts"
	default:
		return err
	}
	if gone := a.client.DeleteTeam(ctx, an.team.ID); gone != nil {
		return app.Half(ctx, gone, "a team of an invitation that did not come about is left")
	}
	return app.Refuse(app.Terminal, "%s", why)
}

// welcome puts whoever has accepted into the teams that wait for them, and writes down that
// it is done.
func (a addresses) welcome(ctx context.Context, an *anchor, u github.User) error {
	if an.user == u.ID && len(an.teams) == 0 {
		return nil
	}
	for _, team := range an.teams {
		if err := a.add(ctx, team, u); err != nil && !github.IsNotFound(err) { // a team that is gone waits for nobody
			return err
		}
	}
	an.user, an.teams = u.ID, nil
	return a.keep(ctx, an)
}

// keep writes down what is known of an invitation.
func (a addresses) keep(ctx context.Context, an *anchor) error {
	_, err := a.client.UpdateTeam(ctx, an.team.ID, anchorName(an.email), an.text())
	return err
}

// Patch says again what somebody is to be: invited, welcomed, at another address, or in
// another role.
func (a addresses) Patch(ctx context.Context, id string, changes []scim.Change) (*scim.Resource, error) {
	c, err := a.read(changes)
	if err != nil {
		return nil, err
	}
	if c.out {
		return nil, a.Delete(ctx, id)
	}
	an, err := a.anchor(ctx, id)
	if err != nil {
		return nil, before(ctx, err)
	}
	if c.email != nil && *c.email != an.email {
		if !isAddress(*c.email) {
			return nil, app.Refuse(app.Terminal, "there is no address that an invitation could go to")
		}
		an.email = *c.email
		if err := a.keep(ctx, &an); err != nil {
			return nil, err
		}
	}
	role := c.role
	if role == "" {
		role = github.Member
	}
	out, err := a.invite(ctx, &an, role)
	if err != nil || c.role == "" || place(out, orgRole) == string(c.role) {
		return out, err
	}
	return a.setRole(ctx, &an, c.role)
}

// setRole gives whoever has accepted another role.
func (a addresses) setRole(ctx context.Context, an *anchor, role github.Role) (*scim.Resource, error) {
	r, err := a.reach(ctx, an)
	switch {
	case err != nil:
		return nil, before(ctx, err)
	case r.member.ID == 0:
		return nil, app.Refuse(app.Terminal, "the role of an invitation cannot be changed: cancel it in GitHub (People, Invitations), and it is sent again with the role")
	case !a.manages:
		return nil, app.Refuse(app.Terminal, "%s is an owner of the organization, and stays one unless the app says owners: manage", r.member.Login)
	}
	if _, err := a.client.SetMembership(ctx, r.member.Login, role); err != nil {
		return nil, err
	}
	return a.see(ctx, an, r)
}

// Delete cancels an invitation, or ends the membership of whoever accepted it. The team goes
// last: without it nobody knows who that was.
func (a addresses) Delete(ctx context.Context, id string) error {
	an, err := a.anchor(ctx, id)
	switch {
	case github.IsNotFound(err):
		return nil
	case err != nil:
		return before(ctx, err)
	}
	for range 2 { // it may be accepted while it is cancelled
		r, err := a.reach(ctx, &an)
		if err != nil {
			return before(ctx, err)
		}
		switch {
		case r.member.ID != 0:
			if err := a.leave(ctx, r.member); err != nil {
				return err
			}
		case r.invitation.ID != 0:
			an.ended = true // or whoever comes back to it could not tell this from the next case
			if err := a.keep(ctx, &an); err != nil {
				return before(ctx, err)
			}
			if err := a.client.CancelInvitation(ctx, r.invitation.ID); err != nil {
				return app.Half(ctx, err, "the invitation is not cancelled, as far as is known")
			}
			continue
		case r.failed == 0 && an.user == 0 && !an.ended:
			return app.Refuse(app.Terminal, "the invitation to the address is gone, and nobody is in the team %s: somebody cancelled it, or accepted it and left that team. "+
				"See in GitHub (People) that they are no member, and delete that team", an.team.Name)
		}
		if err := a.forget(ctx, ofAddress(an.email)); err != nil {
			return err
		}
		if err := a.client.DeleteTeam(ctx, an.team.ID); err != nil {
			return app.Half(ctx, err, "the team of the invitation is left")
		}
		return nil
	}
	return &app.Error{Class: app.Precondition, Detail: "GitHub has taken the request, and the invitation is still there"}
}

// Get reads a member, or one who is invited.
func (a addresses) Get(ctx context.Context, id string) (*scim.Resource, error) {
	an, err := a.anchor(ctx, id)
	if err != nil {
		return nil, err
	}
	r, err := a.reach(ctx, &an)
	if err != nil {
		return nil, err
	}
	return a.see(ctx, &an, r)
}

// Find finds nobody by a login, as nobody is known by it. The question is asked all the
// same, as its answer tells whether GitHub answers us.
func (a addresses) Find(ctx context.Context, attribute scim.Path, _ string) ([]*scim.Resource, error) {
	if !attribute.Equal(userName) {
		return nil, app.Refuse(app.Terminal, "GitHub does not search for members by %s", attribute)
	}
	_, err := a.client.Installation(ctx)
	return nil, err
}

// List reads everybody who was invited, and all members besides.
func (a addresses) List(ctx context.Context) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		anchors, err := a.anchors(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		ours := map[int64]bool{}
		for i := range anchors {
			r, err := a.reach(ctx, &anchors[i])
			var out *scim.Resource
			if err == nil {
				ours[r.member.ID] = true
				out, err = a.see(ctx, &anchors[i], r)
			}
			if e := app.Classify(convert(ctx, err)); e != nil && e.Class == app.NotFound {
				continue
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
		for s, err := range a.everybody(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if ours[s.User.ID] {
				continue
			}
			if !yield(logins(a).shown(s), nil) {
				return
			}
		}
	}
}

// addTo puts whoever accepted into a team, or writes down that it waits for them.
func (a addresses) addTo(ctx context.Context, id string, team int64) error {
	an, r, err := a.reached(ctx, id)
	switch {
	case err != nil:
		return before(ctx, err)
	case r.member.ID != 0:
		return a.add(ctx, team, r.member)
	case slices.Contains(an.teams, team):
		return nil
	}
	if _, err := a.client.Team(ctx, team); err != nil {
		return before(ctx, err)
	}
	an.teams = append(an.teams, team)
	return a.keep(ctx, &an)
}

// takeFrom takes whoever accepted out of a team, or writes down that it does not wait for
// them any more.
func (a addresses) takeFrom(ctx context.Context, id string, team int64) error {
	an, r, err := a.reached(ctx, id)
	switch {
	case github.IsNotFound(err):
		return nil // with the account
	case err != nil:
		return before(ctx, err)
	}
	if r.member.ID != 0 {
		if err := a.client.RemoveTeamMember(ctx, team, r.member.Login); err != nil {
			return synced(ctx, err)
		}
	}
	if !slices.Contains(an.teams, team) {
		return nil
	}
	an.teams = slices.DeleteFunc(an.teams, func(t int64) bool { return t == team })
	return a.keep(ctx, &an)
}

func (a addresses) reached(ctx context.Context, id string) (anchor, reached, error) {
	an, err := a.anchor(ctx, id)
	if err != nil {
		return an, reached{}, err
	}
	r, err := a.reach(ctx, &an)
	return an, r, err
}
