// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
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
				dir := sqlitetest.Dir(t)
				p := &patience{Context: context.Background()}
				defer time.AfterFunc(2*time.Minute, func() { p.lost.Store(true) }).Stop()
				synctest.Test(t, func(t *testing.T) { months(t, p, dir, seed, as) })
			})
		}
	}
}

func months(t *testing.T, p *patience, dir string, seed uint64, as string) {
	luck := rand.New(rand.NewPCG(seed, 7))
	tenant, err := auth0test.New(auth0test.Config{ClientID: "usher", Secret: tenantSecret, SearchLag: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	client := func() *auth0.Client {
		c, err := auth0.New(auth0.Config{URL: "https://acme.eu.auth0.com", ClientID: "usher", Secret: tenantSecret, HTTP: tenant.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	l := &login{office: office{T: t, ctx: p, dir: dir, staff: staff(8), aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}, tenant: tenant, admin: client()}
	change := config.PasswordNone
	if seed%2 == 0 {
		change = config.PasswordEmail
	}
	l.app, err = auth0app.New(auth0app.Config{Client: client(), Connection: auth0test.DefaultConnection, PasswordChange: change, Groups: as})
	if err != nil {
		t.Fatal(err)
	}
	l.conf = tenantCompany("https://acme.eu.auth0.com")
	l.edit("display_name: team.value}", "display_name: team.value, as: "+as+"}")
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	failed := 0
	for month := range 3 {
		for i := range l.staff {
			w := &l.staff[i]
			switch luck.IntN(4) {
			case 0:
				w.dept = string(rune('A' + luck.IntN(3)))
			case 1:
				w.end = ""
			case 2:
				w.end = day.AddDate(0, 0, -1).Format(time.DateOnly)
			}
		}
		n := len(l.staff)
		l.staff = append(l.staff, worker{id: fmt.Sprint(n + 1), first: fmt.Sprintf("p%03d", n+1), dept: "B", start: "2020-01-01"})
		for _, u := range l.users() { // everybody who can works; nobody tells Usher
			_ = tenant.SignIn(u.ID) // whoever is blocked cannot
		}
		faults := auth0test.Seeded(seed*100+uint64(month), 0.4, 0.5,
			auth0test.ServerError, auth0test.Reset, auth0test.BadGateway, auth0test.TooMany, auth0test.Unavailable)
		tenant.SetFaults(faults)
		for range 6 {
			l.cycle(day.Format(time.DateOnly))
		}
		tenant.SetFaults(nil)
		for _, n := range faults.Done() {
			failed += n
		}
		for range 2 { // what waits for a longer time than a cycle
			time.Sleep(time.Hour)
			l.cycle(day.Format(time.DateOnly))
		}
		l.right(as)
		l.quiet(day.Format(time.DateOnly))
		day = day.AddDate(0, 0, 7)
	}
	if failed < 25 {
		t.Errorf("only %d requests went wrong", failed)
	}
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
	if parked := l.parked(); parked != "" {
		l.Errorf("set aside: %s", parked)
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
