// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// tenantSecret must show up nowhere.
const tenantSecret = "the-secret-of-the-tenant"

// inTenant is the app of every test here.
const inTenant = `    type: auth0
    tenant: {url: "URL", client_id: usher, client_secret: "` + tenantSecret + `", allow: [loopback, plain-http]}
    connection: Username-Password-Authentication
    first_run: go
    user:
      userName: person.userName
      displayName: person.displayName
      enterprise.department: person.enterprise.department
`

// login is a company whose people are in Auth0.
type login struct {
	office

	tenant *auth0test.Tenant
	admin  *auth0.Client
	url    string
}

func newLogin(t *testing.T, change func(*auth0test.Config)) *login {
	t.Helper()
	c := auth0test.Config{ClientID: "usher", Secret: tenantSecret}
	if change != nil {
		change(&c)
	}
	tenant, err := auth0test.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := tenant.AddClient(auth0test.Client{ID: "admin", Secret: "admin-secret"}); err != nil {
		t.Fatal(err)
	}
	url, stop, err := tenant.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	admin, err := auth0.New(auth0.Config{URL: url, ClientID: "admin", Secret: "admin-secret", HTTP: transport})
	if err != nil {
		t.Fatal(err)
	}
	l := &login{office: newOffice(t), tenant: tenant, admin: admin, url: url}
	l.conf = tenantCompany(url)
	return l
}

// tenantCompany is the configuration of every world with its app in a tenant.
func tenantCompany(url string) string {
	from, to := strings.Index(company, "    url: "), strings.Index(company, "    groups: ")
	return company[:from] + strings.ReplaceAll(inTenant, "URL", url) + company[to:]
}

// quiet holds that another cycle sends nothing at all.
func (l *login) quiet(today string) {
	l.Helper()
	l.tenant.ResetCounts()
	l.cycle(today)
	if n := l.tenant.Counts(); n.Total() != 0 {
		l.Errorf("not quiet: %v", n)
	}
}

// users are all users of the tenant, by the part of their address before the @.
func (l *login) users() map[string]auth0.User {
	l.Helper()
	out := map[string]auth0.User{}
	for u, err := range l.admin.Export(l.ctx, "", []string{"email", "name", "app_metadata.department", "app_metadata.usher_id"}) {
		if err != nil {
			l.Fatal(err)
		}
		short, _, _ := strings.Cut(u.Email, "@")
		if _, twice := out[short]; twice {
			l.Errorf("two users are called %s", short)
		}
		out[short] = u
	}
	return out
}

// teams are the names of a user's roles.
func (l *login) teams(id string) (out []string) {
	l.Helper()
	for role, err := range l.admin.UserRoles(l.ctx, id) {
		if err != nil {
			l.Fatal(err)
		}
		out = append(out, role.Name)
	}
	slices.Sort(out)
	return out
}

// in holds that somebody can sign in, and is in one team.
func (l *login) in(name, dept string) {
	l.Helper()
	u, ok := l.users()[name]
	if department := strings.Trim(string(u.AppMetadata["department"]), `"`); !ok || u.Blocked || department != dept || !slices.Equal(l.teams(u.ID), []string{dept}) {
		l.Errorf("%s is not in %s: %v %s, roles %v", name, dept, ok, u.Raw, l.teams(u.ID))
	}
}

// out holds that nobody is signed in as somebody, nor can be, and that no role is left.
func (l *login) out(name string) {
	l.Helper()
	u, ok := l.users()[name]
	if !ok || !u.Blocked || l.tenant.Sessions(u.ID) > 0 || l.tenant.RefreshTokens(u.ID) > 0 || len(l.teams(u.ID)) > 0 {
		l.Errorf("%s is not out: %v %s, %d sessions, %d refresh tokens, roles %v", name, ok, u.Raw, l.tenant.Sessions(u.ID), l.tenant.RefreshTokens(u.ID), l.teams(u.ID))
	}
}

// adopt makes a user somebody's account by hand, as the documentation says.
func (l *login) adopt(id, name string) {
	l.Helper()
	mark := map[string]jsontext.Value{"usher_id": jsontext.Value(`"` + l.people[name+"@acme.example"] + `"`)}
	if _, err := l.admin.UpdateUser(l.ctx, id, auth0.UserChange{AppMetadata: mark}); err != nil {
		l.Fatal(err)
	}
}

func (l *login) signIn(name string) {
	l.Helper()
	if err := l.tenant.SignIn(l.users()[name].ID); err != nil {
		l.Fatal(err)
	}
}
