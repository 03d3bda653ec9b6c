// SPDX-License-Identifier: Apache-2.0

package githubapp

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/github"
)

// anchor is the team of one that goes with an invitation to an address. Its description is
// what GitHub keeps of it for us: the address, whose it turned out to be, and the teams that
// wait for them.
type anchor struct {
	team  github.Team
	email string
	user  int64   // who accepted, once what waited for them is done; 0 before
	teams []int64 // that they will be in
	ended bool    // the invitation is being cancelled by us
}

const (
	anchorPrefix = "usher-invited-"
	anchorID     = "invited-" // before the team's id: the account's
	anchorTold   = " Usher finds by this team who accepted the invitation to that address. It goes when they leave."
)

// anchorName is the same for the same address, and tells nothing of it.
func anchorName(email string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(email)))
	return anchorPrefix + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:26] // 130 bits
}

func (a *anchor) id() string { return anchorID + strconv.FormatInt(a.team.ID, 10) }

// text is the description.
func (a *anchor) text() string {
	s := "usher-invited " + a.email
	if a.user != 0 {
		s += fmt.Sprintf(" user:%d", a.user)
	}
	for _, id := range a.teams {
		s += fmt.Sprintf(" team:%d", id)
	}
	if a.ended {
		s += " ended:1"
	}
	return s + anchorTold
}

// parseAnchor reads a team that goes with an invitation; false if it is none.
func parseAnchor(t github.Team) (anchor, bool) {
	fields := strings.Fields(strings.TrimSuffix(t.Description, anchorTold))
	if !strings.HasPrefix(t.Name, anchorPrefix) || len(fields) < 2 || fields[0] != "usher-invited" {
		return anchor{}, false
	}
	a := anchor{team: t, email: fields[1]}
	for _, f := range fields[2:] {
		what, text, _ := strings.Cut(f, ":")
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil:
		case what == "user":
			a.user = n
		case what == "team":
			a.teams = append(a.teams, n)
		case what == "ended":
			a.ended = true
		}
	}
	return a, true
}

// reached is how far an invitation to an address has got.
type reached struct {
	member     github.User       // who accepted it; none with the id 0
	invitation github.Invitation // that is still to be accepted; none with the id 0
	failed     int               // those that were not accepted, if there is neither
}

// reach says how far an invitation has got. Anybody may leave a team, the one of one too: who
// accepted is known by then, unless they did so before anybody looked.
func (a *App) reach(ctx context.Context, an *anchor) (r reached, err error) {
	for u, err := range a.client.TeamMembers(ctx, an.team.ID) {
		if err != nil {
			return r, err
		}
		if r.member.ID != 0 || an.user != 0 && an.user != u.ID {
			return r, app.Refuse(app.Terminal, "somebody was put into the team %s by hand, so that it is not known whose the invitation was: take out who does not belong there", an.team.Name)
		}
		r.member = u
	}
	if r.member.ID == 0 && an.user != 0 {
		var m github.Membership
		u, err := a.who(ctx, strconv.FormatInt(an.user, 10))
		if err == nil {
			m, err = a.membership(ctx, u)
		}
		switch {
		case err == nil && m.State == github.Active:
			r.member = u
		case err != nil && !github.IsNotFound(err):
			return r, err
		}
	}
	if r.member.ID != 0 {
		return r, nil
	}
	for i, err := range a.client.TeamInvitations(ctx, an.team.ID) {
		if err != nil {
			return r, err
		}
		r.invitation = i
	}
	if r.invitation.ID != 0 {
		return r, nil
	}
	r.failed, err = a.failures(ctx, ofAddress(an.email))
	return r, err
}

// anchors are all teams that go with invitations.
func (a *App) anchors(ctx context.Context) (out []anchor, err error) {
	for t, err := range a.client.Teams(ctx) {
		if err != nil {
			return nil, err
		}
		if an, ok := parseAnchor(t); ok {
			out = append(out, an)
		}
	}
	return out, nil
}

// claims are whose the members are who came by an invitation.
type claims struct {
	anchors []anchor
	ids     map[int64]string // of accounts, by the member's id
}

func (a *App) claims(ctx context.Context) (claims, error) {
	c := claims{ids: map[int64]string{}}
	var err error
	if c.anchors, err = a.anchors(ctx); err != nil {
		return c, err
	}
	for i := range c.anchors {
		an := &c.anchors[i]
		if an.user != 0 {
			c.ids[an.user] = an.id()
			continue
		}
		for u, err := range a.client.TeamMembers(ctx, an.team.ID) { // who has not been looked at since they accepted
			if err != nil {
				return c, err
			}
			c.ids[u.ID] = an.id()
		}
	}
	return c, nil
}

// as is the account of a member.
func (c claims) as(u github.User) string {
	if id := c.ids[u.ID]; id != "" {
		return id
	}
	return strconv.FormatInt(u.ID, 10)
}

// willBe are the accounts that wait for a team.
func (c claims) willBe(team int64) (ids []string) {
	for i := range c.anchors {
		if slices.Contains(c.anchors[i].teams, team) {
			ids = append(ids, c.anchors[i].id())
		}
	}
	return ids
}
