// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/server"
)

// newBoth is a login whose tenant is the app, and a second source that only adds.
func newBoth(t *testing.T, change func(*auth0test.Config)) *login {
	t.Helper()
	l := newLogin(t, change)
	from := strings.Index(l.conf, "    tenant: ")
	tenant, _, _ := strings.Cut(l.conf[from:], "\n")
	l.edit("teams:\n  department", `  auth0:
    type: auth0
`+tenant+`
    connections: [Username-Password-Authentication]
    match: [userName]
    person: {userName: row.email, nickName: row.nickname}
teams:
  department`)
	return l
}

// TestAuth0LiftedBlock: whoever has left stays out when the block is lifted in the tenant,
// as the reset of a password does it: the next cycle shuts them out again, and no
// other asks for them.
func TestAuth0LiftedBlock(t *testing.T) {
	t.Parallel()
	l := newBoth(t, nil)
	l.cycle("2026-03-01")
	l.cycle("2026-03-01") // the tenant's users have found their people
	l.signIn("p001")
	l.staff[0].end = "2026-03-01"
	l.cycle("2026-03-03")
	l.out("p001")
	still := func() {
		t.Helper()
		l.tenant.ResetCounts()
		rep := l.cycle("2026-03-03").Apps["app"]
		if n := l.tenant.Counts().Writes(); n > 0 || rep.Requests > 0 {
			t.Errorf("%d writes, %+v", n, rep)
		}
	}
	still() // our own block is no news of anybody who was let in

	id := l.users()["p001"].ID
	lift := func() {
		t.Helper()
		if err := l.tenant.Unblock(id); err != nil {
			t.Fatal(err)
		}
		l.signIn("p001")
	}
	for range 2 { // and once more
		lift()
		if rep := l.cycle("2026-03-03").Apps["app"]; rep.Disable != 1 || rep.Create+rep.Update+rep.MemberAdd+rep.Parked > 0 {
			t.Errorf("%+v", rep)
		}
		l.out("p001")
		lift() // before the tenant was read again: a read that shows nothing new
		l.cycle("2026-03-03")
		l.out("p001")
		still()
	}
	// What is new of somebody who works here has their account looked at by nobody.
	if err := l.tenant.Alter(l.users()["p002"].ID, func(u *auth0test.User) { u.Nickname = "two" }); err != nil {
		t.Fatal(err)
	}
	if rep := l.cycle("2026-03-03").Apps["app"]; rep.Requests > 0 {
		t.Errorf("%+v", rep)
	}
	l.in("p002", "A")
}

// TestOwnWritesComeBack: a tenant whose stream tells of what we write there ourselves leads
// to no further write, and to one read at most for each of our own.
func TestOwnWritesComeBack(t *testing.T) {
	t.Parallel()
	l := newBoth(t, nil)
	l.edit("person: {userName: row.email, nickName: row.nickname}", "person: {userName: row.email, nickName: row.nickname}\n    changes: stream")
	l.edit("      displayName: person.displayName\n", "      displayName: person.displayName\n      nickName: person.nickName\n")
	s := newServed(t)
	s.own, s.conf = true, strings.Replace(l.conf, "now: 2026-03-01, ", "", 1)+
		"server: {address: '127.0.0.1:0'}\ntelemetry: {metrics_address: '127.0.0.1:0'}\n"
	people := staff(9)
	s.hr(t, people)
	s.serve(t)
	until(t, "the stream is open", func() bool { return l.tenant.OpenStreams() == 1 })
	until(t, "the names that the tenant gave have come in and went back", func() bool { return l.tenant.Counts()["PATCH /users/:id"] == len(people) })
	s.settled(t)
	l.tenant.ResetCounts()

	for i := range people { // ours: the department alone is no news to us
		people[i].dept = "B"
	}
	s.hr(t, people)
	user := func(n string) auth0test.User {
		u, _ := l.tenant.UserByEmail(n + "@acme.example")
		return u
	}
	until(t, "all have moved", func() bool {
		return !slices.ContainsFunc(l.tenant.Users(), func(u auth0test.User) bool { return !strings.Contains(string(u.AppMetadata), `"department":"B"`) })
	})
	s.settled(t)
	moves := l.tenant.Counts()
	for i, nick := range []string{"nine", "neuf"} { // theirs, behind all of ours
		if err := l.tenant.Alter(user("p009").ID, func(u *auth0test.User) { u.Nickname = nick }); err != nil {
			t.Fatal(err)
		}
		until(t, "a change of theirs has come in and went back", func() bool { return l.tenant.Counts()["PATCH /users/:id"] > len(people)+i })
		s.settled(t)
	}
	if got := moves["GET /users/:id"]; got != 0 || moves["PATCH /users/:id"] != len(people) {
		t.Errorf("what we wrote ourselves was read again: %v", moves)
	}
	// What a user wrote goes back once, as it is mapped; the echo of that is no news.
	if n := l.tenant.Counts(); n["GET /users/:id"] != 2 || n["PATCH /users/:id"] != len(people)+2 || n.Writes() != moves.Writes()+2 {
		t.Errorf("%v, after %v", n, moves)
	}
}

// TestTwins: an app is the tenant of a source if it is the same one, and its connection
// is read.
func TestTwins(t *testing.T) {
	t.Parallel()
	tenant := func(url, audience string) *config.Tenant {
		return &config.Tenant{URL: config.Text{Value: url}, Audience: config.Text{Value: audience}}
	}
	const acme = "https://acme.eu.auth0.com"
	cfg := &config.Config{Apps: []config.App{
		{Name: "scim"},
		{Name: "people", Auth0: &config.Auth0App{Tenant: tenant(acme, ""), Connection: config.Text{Value: "people"}}},
		{Name: "guests", Auth0: &config.Auth0App{Tenant: tenant("https://login.acme.example", acme+"/api/v2/"), Connection: config.Text{Value: "guests"}}},
		{Name: "other", Auth0: &config.Auth0App{Tenant: tenant("https://other.eu.auth0.com", ""), Connection: config.Text{Value: "people"}}},
	}}
	for _, c := range []struct {
		tenant      *config.Tenant
		connections []string
		want        []string
	}{
		{tenant(acme+"/", ""), nil, []string{"people", "guests"}},
		{tenant(acme, ""), []string{"people"}, []string{"people"}},
		{tenant("https://ACME.eu.auth0.com", ""), []string{"guests", "none"}, []string{"guests"}},
		{tenant("https://third.eu.auth0.com", ""), nil, nil},
	} {
		s := config.Source{Tenant: c.tenant}
		for _, name := range c.connections {
			s.Connections = append(s.Connections, config.Text{Value: name})
		}
		if got := server.Twins(cfg, s); !slices.Equal(got, c.want) {
			t.Errorf("%s %v: %v, want %v", c.tenant.URL.Value, c.connections, got, c.want)
		}
	}
}
