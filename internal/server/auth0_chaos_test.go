// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/config"
)

// TestAuth0Chaos plays seeded months of hires, moves, departures and returns with a
// tenant that fails and loses answers, and holds after each: one user for each person, as
// the mapping says; whoever has left is blocked, and has no session, refresh token, role or
// membership; nothing more is sent.
func TestAuth0Chaos(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		for _, as := range []string{config.GroupsAsRoles, config.GroupsAsOrganizations} {
			t.Run(fmt.Sprint(seed, as), func(t *testing.T) {
				t.Parallel()
				inBubble(t, 8, func(o office) { tenantMonths(o, seed, as) })
			})
		}
	}
}

func tenantMonths(o office, seed uint64, as string) {
	tenant, err := auth0test.New(auth0test.Config{ClientID: "usher", Secret: tenantSecret, SearchLag: 5 * time.Second})
	if err != nil {
		o.Fatal(err)
	}
	client := func() *auth0.Client {
		c, err := auth0.New(auth0.Config{URL: "https://acme.eu.auth0.com", ClientID: "usher", Secret: tenantSecret, HTTP: tenant.Transport()})
		if err != nil {
			o.Fatal(err)
		}
		return c
	}
	l := &login{office: o, tenant: tenant, admin: client()}
	change := config.PasswordNone
	if seed%2 == 0 {
		change = config.PasswordEmail
	}
	l.app, err = auth0app.New(auth0app.Config{Client: client(), Connection: auth0test.DefaultConnection, PasswordChange: change, Groups: as})
	if err != nil {
		o.Fatal(err)
	}
	l.conf = tenantCompany("https://acme.eu.auth0.com")
	l.edit("display_name: team.value}", "display_name: team.value, as: "+as+"}")
	m := months{
		office: &l.office, seed: seed, stream: 7, odds: 0.4, faults: tenant.SetFaults, right: func() { l.right(as) }, quiet: l.quiet,
		live: func() {
			for _, u := range l.users() {
				_ = tenant.SignIn(u.ID) // whoever is blocked cannot
			}
		},
	}
	m.play()
	if change == config.PasswordEmail {
		l.mailed()
	}
}

// right compares the tenant with the staff.
func (l *login) right(as string) {
	l.Helper()
	users, teams := l.users(), l.memberships(as)
	if len(users) > len(l.staff) { // whoever left before they came has none
		l.Errorf("%d users of %d people", len(users), len(l.staff))
	}
	made := 0
	for _, e := range l.tenant.Ledger() {
		if e.Op == auth0test.Created && e.Kind == "user" {
			made++
		}
	}
	if made != len(users) {
		l.Errorf("%d users were made, and %d are there", made, len(users))
	}
	for _, w := range l.staff {
		u := users[w.first]
		in := w.end == ""
		var want []string
		if in {
			want = []string{w.dept}
		}
		switch department := strings.Trim(string(u.AppMetadata["department"]), `"`); {
		case in && (u.Blocked || department != w.dept || u.Name != w.first):
			l.Errorf("%s: %s, want department %s", w.first, u.Raw, w.dept)
		case !in && u.ID != "" && (!u.Blocked || l.tenant.Sessions(u.ID)+l.tenant.RefreshTokens(u.ID) > 0):
			l.Errorf("%s has left: %s, %d sessions, %d refresh tokens", w.first, u.Raw, l.tenant.Sessions(u.ID), l.tenant.RefreshTokens(u.ID))
		case !slices.Equal(teams[u.ID], want):
			l.Errorf("%s is in %v, want %v", w.first, teams[u.ID], want)
		}
	}
}

// memberships are the names of the teams of each user, in order.
func (l *login) memberships(as string) map[string][]string {
	l.Helper()
	out := map[string][]string{}
	add := func(name string, members func(yield func(string, error) bool)) {
		for id, err := range members {
			if err != nil {
				l.Fatal(err)
			}
			out[id] = append(out[id], name)
			slices.Sort(out[id])
		}
	}
	if as == config.GroupsAsRoles {
		for r, err := range l.admin.Roles(l.ctx) {
			if err != nil {
				l.Fatal(err)
			}
			add(r.Name, l.admin.RoleUsers(l.ctx, r.ID))
		}
		return out
	}
	for o, err := range l.admin.Organizations(l.ctx) {
		if err != nil {
			l.Fatal(err)
		}
		add(o.DisplayName, l.admin.OrganizationMembers(l.ctx, o.ID))
	}
	return out
}

// mailed holds that everybody has got a mail by which to choose a password.
func (l *login) mailed() {
	l.Helper()
	told := map[string]bool{}
	for _, m := range l.tenant.Mails() {
		told[m.UserID] = true
	}
	for name, u := range l.users() {
		if !told[u.ID] {
			l.Errorf("%s has got no mail", name)
		}
	}
}
