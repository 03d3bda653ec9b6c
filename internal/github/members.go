// SPDX-License-Identifier: Apache-2.0

package github

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// User is a user of GitHub, as an organization sees it.
type User struct {
	ID    int64
	Login string
	Type  string // "User"; "Bot" and "Organization" are none that can be a member
}

func (u User) key() int64 { return u.ID }

type wireUser struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Type  string `json:"type"`
}

func readUser(w *wireUser) (User, bool) {
	return User(*w), w.ID > 0 && isLogin(w.Login)
}

// Role is what a member is in the organization, or a member of a team there.
type Role string

// The roles of members. An owner of the organization is an Admin.
const (
	Admin      Role = "admin"
	Member     Role = "member"
	Maintainer Role = "maintainer" // of a team
)

// State is how far a membership has got.
type State string

// The states of memberships.
const (
	Active  State = "active"
	Pending State = "pending" // the invitation has not been accepted
)

// Membership is that of a user, in the organization or in a team. One in a team is not
// told with its user.
type Membership struct {
	State State
	Role  Role
	User  User
}

type wireMembership struct {
	State State     `json:"state"`
	Role  Role      `json:"role"`
	User  *wireUser `json:"user"`
}

// UserByID reads who has a numeric id: their login may have changed since.
func (c *Client) UserByID(ctx context.Context, id int64) (User, error) {
	r := request{Method: http.MethodGet, Route: "/user/{}", IDs: []string{strconv.FormatInt(id, 10)}}
	u, err := c.user(ctx, r)
	if err == nil && u.ID != id {
		return User{}, c.rest.Unusable(&r, "it is another user's")
	}
	return u, err
}

// UserByLogin reads who has a login now.
func (c *Client) UserByLogin(ctx context.Context, login string) (User, error) {
	return c.user(ctx, request{Method: http.MethodGet, Route: "/users/{}", IDs: []string{login}})
}

func (c *Client) user(ctx context.Context, r request) (User, error) {
	var w wireUser
	if err := c.call(ctx, r, &w); err != nil {
		return User{}, err
	}
	u, ok := readUser(&w)
	if !ok {
		return User{}, c.rest.Unusable(&r, "a user has no id or login")
	}
	return u, nil
}

// Members lists the members of the organization, those who were invited not. role is all
// of them ("all") or those who have one.
func (c *Client) Members(ctx context.Context, role string) iter.Seq2[User, error] {
	r := request{Method: http.MethodGet, Route: "/orgs/{}/members", IDs: []string{c.org}, Query: url.Values{"role": {role}}}
	return list(ctx, c, r, readUser)
}

const membershipRoute = "/orgs/{}/memberships/{}"

// Membership reads somebody's in the organization, pending ones too. That there is none is
// said only while the organization is seen to be there.
func (c *Client) Membership(ctx context.Context, login string) (Membership, error) {
	return c.membership(ctx, request{Method: http.MethodGet, Route: membershipRoute, IDs: []string{c.org, login}})
}

// SetMembership invites somebody, or gives a member another role. Said of an owner, Member
// takes that away.
func (c *Client) SetMembership(ctx context.Context, login string, role Role) (Membership, error) {
	return c.membership(ctx, request{
		Method: http.MethodPut, Route: membershipRoute, IDs: []string{c.org, login}, Body: map[string]Role{"role": role},
	})
}

func (c *Client) membership(ctx context.Context, r request) (Membership, error) {
	var w wireMembership
	if err := c.call(ctx, r, &w); IsNotFound(err) {
		return Membership{}, cmp.Or(c.seen(ctx), err)
	} else if err != nil {
		return Membership{}, err
	}
	if w.User == nil {
		return Membership{}, c.rest.Unusable(&r, "a membership has no user")
	}
	u, ok := readUser(w.User)
	if !ok || w.State == "" || w.Role == "" {
		return Membership{}, c.rest.Unusable(&r, "a membership is not as documented")
	}
	return Membership{w.State, w.Role, u}, nil
}

// RemoveMembership takes somebody out of the organization and of all its teams, or cancels
// their invitation. One that is not there is no error.
func (c *Client) RemoveMembership(ctx context.Context, login string) error {
	return c.gone(ctx, request{Method: http.MethodDelete, Route: membershipRoute, IDs: []string{c.org, login}})
}

// Invitation is one to the organization. It is good for seven days.
type Invitation struct {
	ID      int64
	Login   string // of whom is invited, "" if it is an address
	Email   string // "" if it is a user
	Role    Role   // that the membership will have
	Created time.Time
	Failed  time.Time // zero while it can be accepted
	Reason  string    // why it failed
}

func (i Invitation) key() int64 { return i.ID }

type wireInvitation struct {
	ID      int64   `json:"id"`
	Login   *string `json:"login"`
	Email   *string `json:"email"`
	Role    string  `json:"role"`
	Created string  `json:"created_at"`
	Failed  *string `json:"failed_at"`
	Reason  *string `json:"failed_reason"`
}

func readInvitation(w *wireInvitation) (Invitation, bool) {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	i := Invitation{ID: w.ID, Login: text(w.Login), Email: text(w.Email), Role: Member, Created: at(w.Created), Failed: at(text(w.Failed)), Reason: text(w.Reason)}
	if w.Role == string(Admin) {
		i.Role = Admin
	}
	return i, w.ID > 0 && i.Login+i.Email != ""
}

// at reads a time, zero if there is none.
func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Invitations lists those that can be accepted.
func (c *Client) Invitations(ctx context.Context) iter.Seq2[Invitation, error] {
	return list(ctx, c, request{Method: http.MethodGet, Route: "/orgs/{}/invitations", IDs: []string{c.org}}, readInvitation)
}

// FailedInvitations lists those that cannot be accepted any more, as they have expired or
// for another reason, until somebody takes them from the list.
func (c *Client) FailedInvitations(ctx context.Context) iter.Seq2[Invitation, error] {
	return list(ctx, c, request{Method: http.MethodGet, Route: "/orgs/{}/failed_invitations", IDs: []string{c.org}}, readInvitation)
}

// CancelInvitation cancels an invitation. One that is not there is no error.
func (c *Client) CancelInvitation(ctx context.Context, id int64) error {
	return c.gone(ctx, request{Method: http.MethodDelete, Route: "/orgs/{}/invitations/{}", IDs: []string{c.org, fmt.Sprint(id)}})
}
