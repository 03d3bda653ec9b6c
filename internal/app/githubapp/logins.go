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

// logins are members who are known by their login, and by their numeric id from then on.
type logins struct{ *App }

// who finds whose id it is now. Whom GitHub does not show to anybody, as it does with
// accounts that it has flagged, may be a member all the same. Such a one may also be invited,
// and an invitation has a login and no id: as long as there is one of an account that GitHub
// does not show, nobody is said to be gone.
func (a *App) who(ctx context.Context, id string) (github.User, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n <= 0 {
		return github.User{}, missing("no member has an id like this")
	}
	u, err := a.client.UserByID(ctx, n)
	if !github.IsNotFound(err) {
		return u, err
	}
	for m, merr := range a.client.Members(ctx, "all") {
		if merr != nil {
			return github.User{}, merr
		}
		if m.ID == n {
			return m, nil
		}
	}
	for i, ierr := range a.client.Invitations(ctx) {
		switch {
		case ierr != nil:
			return github.User{}, ierr
		case i.Login == "":
			continue
		}
		switch _, lerr := a.client.UserByLogin(ctx, i.Login); {
		case github.IsNotFound(lerr):
			return github.User{}, app.Refuse(app.Terminal, "GitHub shows no account %s any more, and there is an invitation of an account that it does not show, %s, which may be the same: "+
				"cancel it in GitHub (People, Invitations), then retry", id, i.Login)
		case lerr != nil:
			return github.User{}, lerr
		}
	}
	return github.User{}, err
}

// membership reads a user's, and holds that it is theirs: between two requests a login may
// become another's.
func (a *App) membership(ctx context.Context, u github.User) (github.Membership, error) {
	m, err := a.client.Membership(ctx, u.Login)
	if err == nil && m.User.ID != u.ID {
		return m, &app.Error{Class: app.Precondition, Detail: "the login has become another account's while it was read"}
	}
	return m, err
}

// mostInvitations is how often somebody is invited who does not accept.
const mostInvitations = 3

// failures counts the invitations that somebody did not accept, as long as GitHub lists them.
func (a *App) failures(ctx context.Context, theirs func(github.Invitation) bool) (n int, err error) {
	for i, err := range a.client.FailedInvitations(ctx) {
		if err != nil {
			return 0, err
		}
		if theirs(i) {
			n++
		}
	}
	return n, nil
}

func ofLogin(login string) func(github.Invitation) bool {
	return func(i github.Invitation) bool { return i.Login != "" && strings.EqualFold(i.Login, login) }
}

// measure refuses to invite somebody once more who has not accepted so often.
func measure(failed int) error {
	if failed >= mostInvitations {
		return app.Refuse(app.Terminal, "%d invitations were not accepted in seven days each, and no more are sent: ask them, then retry or remove the failed invitations "+
			"in GitHub (People, Invitations), and look again by apply --person", failed)
	}
	return nil
}

// lapsed is how many invitations of somebody have failed, 0 if there is one that has not.
// Whether GitHub tells such a membership as pending or not at all is not verified.
func (a *App) lapsed(ctx context.Context, login string) (int, error) {
	n, err := a.failures(ctx, ofLogin(login))
	if err != nil || n == 0 {
		return 0, err
	}
	for i, err := range a.client.Invitations(ctx) {
		if err != nil {
			return 0, err
		}
		if ofLogin(login)(i) {
			return 0, nil
		}
	}
	return n, nil
}

// standing is a membership as far as it has got.
type standing struct {
	github.Membership
	lapsed int // how many invitations to it have failed, if there is no other; 0 for none
}

// stand says how far somebody's membership has got. Whoever was never invited, has left or
// was removed has none.
func (a *App) stand(ctx context.Context, u github.User) (standing, error) {
	m, err := a.membership(ctx, u)
	switch {
	case err == nil && m.State == github.Active:
		return standing{Membership: m}, nil
	case err != nil && !github.IsNotFound(err):
		return standing{}, err
	}
	lapsed, lerr := a.lapsed(ctx, u.Login)
	switch {
	case lerr != nil:
		return standing{}, lerr
	case lapsed > 0:
		return standing{github.Membership{State: github.Pending, Role: github.Member, User: u}, lapsed}, nil
	}
	return standing{Membership: m}, err
}

// shown is a member, or one who is invited. Whose invitation has failed is shown without
// the login, so that the plan says it again.
func (a logins) shown(s standing) *scim.Resource {
	r := account(strconv.FormatInt(s.User.ID, 10), s.Role)
	if s.lapsed == 0 {
		r.Set("userName", scim.String(s.User.Login))
	}
	return r
}

// Create invites somebody by their login. That they are there already is left to a look-up,
// as it may be somebody who is not to be taken over.
func (a logins) Create(ctx context.Context, r *scim.Resource) (*scim.Resource, error) {
	login := place(r, userName)
	if !github.IsLogin(login) {
		return nil, app.Refuse(app.Terminal, "the userName is no login at GitHub: letters, digits and inner hyphens")
	}
	role, err := a.role(place(r, orgRole))
	if err != nil {
		return nil, err
	}
	u, err := a.client.UserByLogin(ctx, login)
	switch {
	case github.IsNotFound(err):
		return nil, app.Refuse(app.Terminal, "there is no account %s at GitHub: correct the login at its source", login)
	case err != nil:
		return nil, before(ctx, err)
	case u.Type != "" && u.Type != "User":
		return nil, app.Refuse(app.Terminal, "%s is no person's account at GitHub, but a %s", login, u.Type)
	}
	s, err := a.stand(ctx, u)
	switch {
	case err == nil && s.lapsed == 0:
		return nil, &app.Error{Class: app.Conflict, Detail: "the account is in the organization already, " + string(s.State)}
	case err != nil && !github.IsNotFound(err):
		return nil, before(ctx, err)
	}
	return a.invite(ctx, u, role, s.lapsed)
}

// invite invites somebody, if it is not once too often.
func (a logins) invite(ctx context.Context, u github.User, role github.Role, failed int) (*scim.Resource, error) {
	if err := measure(failed); err != nil {
		return nil, err
	}
	m, err := a.client.SetMembership(ctx, u.Login, role)
	switch {
	case err != nil:
		return nil, err
	case m.User.ID != u.ID:
		return nil, app.Refuse(app.Terminal, "the login %s became another account's in this very moment, and that one is invited: cancel it in GitHub (People, Invitations)", u.Login)
	}
	return a.shown(standing{Membership: m}), nil
}

// Patch says again what somebody is to be: invited, if they are not any more, or in another
// role. A login that differs is never followed: it may be anybody's by now.
func (a logins) Patch(ctx context.Context, id string, changes []scim.Change) (*scim.Resource, error) {
	c, err := a.read(changes)
	if err != nil {
		return nil, err
	}
	if c.out {
		return nil, a.Delete(ctx, id)
	}
	u, err := a.who(ctx, id)
	if err != nil {
		return nil, before(ctx, err)
	}
	if c.login != nil && !strings.EqualFold(*c.login, u.Login) {
		return nil, app.Refuse(app.Terminal, "the account %s is called %s at GitHub: correct the login at its source; "+
			"if the person has another account now, remove this one from the organization by hand", id, u.Login)
	}
	s, err := a.stand(ctx, u)
	switch {
	case github.IsNotFound(err) || err == nil && s.lapsed > 0:
		if c.role == "" {
			c.role = github.Member
		}
		return a.invite(ctx, u, c.role, s.lapsed)
	case err != nil:
		return nil, before(ctx, err)
	case c.role == "" || c.role == s.Role:
		return a.shown(s), nil
	case !a.manages:
		return nil, app.Refuse(app.Terminal, "%s is an owner of the organization, and stays one unless the app says owners: manage", u.Login)
	}
	m, err := a.client.SetMembership(ctx, u.Login, c.role)
	if err != nil {
		return nil, err
	}
	return a.shown(standing{Membership: m}), nil
}

// Delete ends a membership and cancels the invitation to it, whatever of both is shown, and
// takes what is left of failed ones from the list. The invitation goes first: one that is
// accepted meanwhile is a membership by then.
func (a logins) Delete(ctx context.Context, id string) error {
	u, err := a.who(ctx, id)
	switch {
	case github.IsNotFound(err):
		return nil
	case err != nil:
		return before(ctx, err)
	}
	if err := a.cancel(ctx, a.client.Invitations(ctx), u.Login); err != nil {
		return before(ctx, err)
	}
	if err := a.leave(ctx, u); err != nil {
		return err
	}
	// What has failed goes from the list, so that whoever comes back begins anew. That GitHub
	// lets go of it by the request that cancels is what others have met, and not documented.
	if err := a.cancel(ctx, a.client.FailedInvitations(ctx), u.Login); err != nil {
		return app.Half(ctx, err, "the member is out, and a failed invitation may be left")
	}
	return nil
}

// Get reads a member, or one who is invited.
func (a logins) Get(ctx context.Context, id string) (*scim.Resource, error) {
	u, err := a.who(ctx, id)
	if err != nil {
		return nil, err
	}
	s, err := a.stand(ctx, u)
	if err != nil {
		return nil, err
	}
	return a.shown(s), nil
}

// Find looks a member up by login, or one who is invited.
func (a logins) Find(ctx context.Context, attribute scim.Path, value string) ([]*scim.Resource, error) {
	if !attribute.Equal(userName) {
		return nil, app.Refuse(app.Terminal, "GitHub does not search for members by %s", attribute)
	}
	if !github.IsLogin(value) {
		return nil, nil
	}
	u, err := a.client.UserByLogin(ctx, value)
	var m github.Membership
	if err == nil {
		m, err = a.membership(ctx, u)
	}
	switch {
	case github.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []*scim.Resource{a.shown(standing{Membership: m})}, nil
}

// List reads all members, and all who are invited by their login.
func (a logins) List(ctx context.Context) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		seen := map[int64]bool{}
		for s, err := range a.everybody(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if seen[s.User.ID] = true; !yield(a.shown(s), nil) {
				return
			}
		}
		for i, err := range a.client.Invitations(ctx) {
			if err == nil && i.Login == "" {
				continue
			}
			var u github.User
			if err == nil {
				u, err = a.client.UserByLogin(ctx, i.Login)
			}
			switch {
			case github.IsNotFound(err) || err == nil && seen[u.ID]:
				continue
			case err != nil:
				yield(nil, err)
				return
			}
			if seen[u.ID] = true; !yield(a.shown(standing{Membership: github.Membership{State: github.Pending, Role: i.Role, User: u}}), nil) {
				return
			}
		}
	}
}

// everybody are all members, with their roles.
func (a *App) everybody(ctx context.Context) iter.Seq2[standing, error] {
	return func(yield func(standing, error) bool) {
		owners := map[int64]bool{}
		for u, err := range a.client.Members(ctx, string(github.Admin)) {
			if err != nil {
				yield(standing{}, err)
				return
			}
			owners[u.ID] = true
		}
		for u, err := range a.client.Members(ctx, "all") {
			s := standing{Membership: github.Membership{State: github.Active, Role: github.Member, User: u}}
			if owners[u.ID] {
				s.Role = github.Admin
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}
