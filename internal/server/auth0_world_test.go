// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"cmp"
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
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
	*testing.T

	ctx    context.Context
	tenant *auth0test.Tenant
	admin  *auth0.Client
	url    string
	app    app.App // instead of what the configuration makes; may be nil
	dir    string
	conf   string
	staff  []worker
	aged   time.Time
	wait   time.Duration     // how long a cycle may last; 0 is two minutes
	starts bool              // each cycle begins with a start
	notes  []server.Note     // of the last one
	status *server.Status    // after the last cycle
	people map[string]string // ids by user name, then
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
	l := &login{T: t, ctx: t.Context(), tenant: tenant, admin: admin, url: url, dir: t.TempDir(), staff: staff(5), aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
	l.conf = tenantCompany(url)
	return l
}

// tenantCompany is the configuration of every world with its app in a tenant.
func tenantCompany(url string) string {
	from, to := strings.Index(company, "    url: "), strings.Index(company, "    groups: ")
	return company[:from] + strings.ReplaceAll(inTenant, "URL", url) + company[to:]
}

// edit replaces what stands in the configuration once.
func (l *login) edit(old, with string) {
	l.Helper()
	if strings.Count(l.conf, old) != 1 {
		l.Fatalf("%q is not there once", old)
	}
	l.conf = strings.Replace(l.conf, old, with, 1)
}

// cycle runs one cycle on a day.
func (l *login) cycle(today string) *server.Document {
	l.Helper()
	var b strings.Builder
	b.WriteString("id,first,dept,start,end,leave,back\n")
	for _, r := range l.staff {
		b.WriteString(strings.Join([]string{r.id, r.first, r.dept, r.start, r.end, r.leave, r.back}, ",") + "\n")
	}
	path, file := filepath.Join(l.dir, "hr.csv"), filepath.Join(l.dir, "usher.yaml")
	conf := strings.ReplaceAll(strings.Replace(l.conf, "now: 2026-03-01", "now: "+today, 1), "DIR", l.dir)
	for name, text := range map[string]string{path: b.String(), file: conf} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			l.Fatal(err)
		}
	}
	l.aged = l.aged.Add(time.Minute)
	if err := os.Chtimes(path, l.aged, l.aged); err != nil {
		l.Fatal(err)
	}
	cfg, err := config.Load(l.ctx, file, func(string) (string, bool) { return "", false })
	if err != nil {
		l.Fatal(err)
	}
	built, err := server.Build(cfg)
	if err != nil {
		l.Fatal(err)
	}
	for _, t := range built.Targets {
		if l.app != nil {
			t.App = l.app
		}
	}
	u, err := built.Open(l.ctx, "test")
	if err != nil {
		l.Fatal(err)
	}
	if l.starts {
		if l.notes, err = u.Start(l.ctx, server.Options{}, true); err != nil {
			l.Fatal(err)
		}
	}
	doc, err := u.Apply(l.ctx, server.Options{Wait: cmp.Or(l.wait, 2*time.Minute), Actor: "test"})
	l.people = map[string]string{}
	if err == nil {
		err = u.List(l.ctx, "", func(p directory.Listing) { l.people[p.Person.UserName()] = p.Person.ID })
	}
	if err == nil {
		l.status, err = u.Status(l.ctx)
	}
	if cerr := u.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		l.Fatal(err)
	}
	return doc
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

// parked are the reasons why people are set aside.
func (l *login) parked() (said string) {
	for _, p := range l.status.Apps[0].Reasons {
		said += p.Reason + "\n"
	}
	return said
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

// clean holds that what must not be written down is in no file of the folder.
func (l *login) clean(words ...string) {
	l.Helper()
	err := filepath.WalkDir(l.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(path) == "usher.yaml" || strings.HasSuffix(path, ".url") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, w := range words {
			if bytes.Contains(text, []byte(w)) {
				l.Errorf("%s holds %q", filepath.Base(path), w)
			}
		}
		return err
	})
	if err != nil {
		l.Error(err)
	}
}
