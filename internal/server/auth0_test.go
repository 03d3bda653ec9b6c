// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

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

	tenant *auth0test.Tenant
	admin  *auth0.Client
	dir    string
	conf   string
	staff  []worker
	aged   time.Time
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
	l := &login{T: t, tenant: tenant, admin: admin, dir: t.TempDir(), staff: staff(5), aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
	from := strings.Index(company, "    url: ")
	to := strings.Index(company, "    groups: ")
	l.conf = company[:from] + strings.ReplaceAll(inTenant, "URL", url) + company[to:]
	return l
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
	cfg, err := config.Load(l.Context(), file, func(string) (string, bool) { return "", false })
	if err != nil {
		l.Fatal(err)
	}
	built, err := server.Build(cfg)
	if err != nil {
		l.Fatal(err)
	}
	u, err := built.Open(l.Context(), "test")
	if err != nil {
		l.Fatal(err)
	}
	doc, err := u.Apply(l.Context(), server.Options{Wait: 2 * time.Minute, Actor: "test"})
	l.people = map[string]string{}
	if err == nil {
		err = u.List(l.Context(), "", func(p directory.Listing) { l.people[p.Person.UserName()] = p.Person.ID })
	}
	if err == nil {
		l.status, err = u.Status(l.Context())
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
	for u, err := range l.admin.Export(l.Context(), "", []string{"email", "name", "app_metadata.department", "app_metadata.usher_id"}) {
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
	for role, err := range l.admin.UserRoles(l.Context(), id) {
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
	if _, err := l.admin.UpdateUser(l.Context(), id, auth0.UserChange{AppMetadata: mark}); err != nil {
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

// TestAuth0Story is joiner, mover and leaver in a tenant, through the real engine.
func TestAuth0Story(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.Create != 5 || rep.GroupCreate != 1 || rep.MemberAdd != 5 || rep.Parked != 0 {
		t.Fatalf("%+v", rep)
	}
	for _, u := range l.users() {
		if id := strings.Trim(string(u.AppMetadata["usher_id"]), `"`); u.ID != "auth0|"+id || id == "" {
			t.Errorf("%s is made under another id than ours, %s", u.ID, id)
		}
	}
	l.quiet("2026-03-01")

	// One moves, and one comes.
	l.signIn("p001")
	l.staff[1].dept = "B"
	l.staff = append(l.staff, worker{id: "6", first: "newbie", dept: "B", start: "2026-03-02"})
	if rep := l.cycle("2026-03-02").Apps["app"]; rep.Create != 1 || rep.Update != 1 || rep.MemberRemove != 1 || rep.MemberAdd != 2 {
		t.Errorf("%+v", rep)
	}
	l.in("p002", "B")
	l.in("newbie", "B")
	l.in("p003", "A")
	l.quiet("2026-03-02")

	// One has another name from now on, and keeps the account.
	before := l.users()["p003"].ID
	l.edit("displayName: person.displayName\n", "displayName: person.displayName + \"!\"\n")
	l.tenant.ResetCounts()
	if rep := l.cycle("2026-03-02").Apps["app"]; rep.Update != 6 || l.tenant.Counts().Writes() != 6 {
		t.Errorf("%+v, %v", rep, l.tenant.Counts())
	}
	if u := l.users()["p003"]; u.ID != before || u.Name != "p003!" {
		t.Errorf("%s", u.Raw)
	}

	// One leaves who is signed in, and whom Usher has never seen sign in.
	l.signIn("p001")
	l.staff[0].end = "2026-03-02"
	if rep := l.cycle("2026-03-05").Apps["app"]; rep.Disable != 1 || rep.MemberRemove != 1 || rep.Parked != 0 {
		t.Errorf("%+v", rep)
	}
	l.out("p001")
	if err := l.tenant.SignIn(l.users()["p001"].ID); err == nil {
		t.Error("a leaver can sign in")
	}
	l.in("p003", "A")
	l.quiet("2026-03-05")

	// And comes back, to the same account.
	id := l.users()["p001"].ID
	l.staff[0].end = ""
	if rep := l.cycle("2026-03-06").Apps["app"]; rep.Create != 0 || rep.Update != 1 || rep.MemberAdd != 1 {
		t.Errorf("%+v", rep)
	}
	l.in("p001", "A")
	if l.users()["p001"].ID != id || len(l.users()) != 6 {
		t.Errorf("%d users", len(l.users()))
	}
	l.quiet("2026-03-06")
	l.clean(tenantSecret, "admin-secret")
}

// TestAuth0Organizations: teams are organizations, renamed with their team.
func TestAuth0Organizations(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	l.edit("groups: {teams: [department], display_name: team.value}", "groups: {teams: [department], display_name: '\"Team \" + team.value', as: organizations}")
	l.staff = staff(12) // more than are added in one request
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.GroupCreate != 1 || rep.MemberAdd != 12 || rep.Parked != 0 {
		t.Fatalf("%+v", rep)
	}
	members := func() (name string, n int) {
		for o, err := range l.admin.Organizations(t.Context()) {
			if err != nil || name != "" {
				t.Fatalf("%+v %v", o, err)
			}
			name = o.Name + " " + o.DisplayName
			for _, err := range l.admin.OrganizationMembers(t.Context(), o.ID) {
				if n++; err != nil {
					t.Fatal(err)
				}
			}
		}
		return name, n
	}
	if name, n := members(); name != "team-a Team A" || n != 12 {
		t.Errorf("%s: %d members", name, n)
	}
	l.edit(`"Team " +`, `"Group " +`)
	l.staff[0].end = "2026-03-01"
	if rep := l.cycle("2026-03-03").Apps["app"]; rep.GroupUpdate != 1 || rep.Disable != 1 || rep.MemberRemove != 1 || rep.Parked != 0 {
		t.Errorf("%+v", rep)
	}
	if name, n := members(); name != "team-a Group A" || n != 11 {
		t.Errorf("%s: %d members", name, n)
	}
	l.quiet("2026-03-03")
}

// TestAuth0Adopts: who is there already is taken over by the address, keeps the id, and
// carries ours from then on; somebody else's is left alone.
func TestAuth0Adopts(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	for email, verified := range map[string]bool{"p001@acme.example": true, "p002@acme.example": false, "p003@acme.example": true, "stranger@acme.example": true} {
		u, err := l.admin.CreateUser(t.Context(), auth0.UserChange{Connection: auth0test.DefaultConnection, Email: &email, EmailVerified: &verified, Password: "Pass-word-1"})
		if err != nil {
			t.Fatal(err)
		}
		if email != "p003@acme.example" {
			continue
		}
		if _, err := l.tenant.PutRole("Tenant Admin", u.ID); err != nil {
			t.Fatal(err)
		}
	}
	was := l.users()
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.Create != 2 || rep.Update != 1 || rep.Foreign != 1 || rep.Parked != 2 {
		t.Errorf("%+v", rep)
	}
	is := l.users()
	// Whoever signed up with a colleague's address gets nothing of theirs, and an
	// administrator becomes nobody's account by rule.
	for name, why := range map[string]string{"p002": "not verified", "p003": "privileged"} {
		if u := is[name]; len(u.AppMetadata) > 0 || len(l.teams(u.ID)) > len(l.teams(was[name].ID)) || !strings.Contains(l.parked(), why) {
			t.Errorf("%s: %s, %s", name, u.Raw, l.parked())
		}
	}
	if u := is["p001"]; u.ID != was["p001"].ID || u.Name != "p001" || len(u.AppMetadata["usher_id"]) == 0 || len(is) != 6 {
		t.Errorf("%d users, %s", len(is), u.Raw)
	}
	if u := is["stranger"]; u.Blocked || len(u.AppMetadata) > 0 {
		t.Errorf("%s", u.Raw)
	}
	// By hand: the person's id is written into app_metadata.
	l.adopt(was["p002"].ID, "p002")
	l.adopt(was["p003"].ID, "p003")
	// A rebuilt database finds everybody again, whatever they are called by now.
	for _, pattern := range []string{"usher.db*"} {
		files, err := filepath.Glob(filepath.Join(l.dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%v %v", files, err)
		}
		for _, f := range files {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	l.tenant.ResetCounts()
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.Create != 0 || rep.Update != 2 || rep.MemberAdd != 2 || rep.Parked != 0 || l.tenant.Counts().Writes() != 3 {
		t.Errorf("%+v %v", rep, l.tenant.Counts())
	}
	l.in("p002", "A")
	l.quiet("2026-03-01")
}

// TestAuth0GoesWrong: whatever goes wrong on the way, everybody ends as they must, once.
func TestAuth0GoesWrong(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	l.edit("    first_run: go\n", "    first_run: go\n    password_change: email\n")
	faults := auth0test.Rules(
		auth0test.Rule{Method: "POST", Path: "/users", Subject: "p001@acme.example", Times: 1, Fault: auth0test.Fault{Kind: auth0test.AnswerLost}},
		auth0test.Rule{Method: "POST", Path: "/users", Subject: "p002@acme.example", Times: 1, Fault: auth0test.Fault{Kind: auth0test.ErrorAfter}},
		auth0test.Rule{Method: "POST", Path: "/users", Subject: "p003@acme.example", Times: 1, Fault: auth0test.Fault{Kind: auth0test.TooMany}},
		auth0test.Rule{Path: "/dbconnections/change_password", Subject: "p004@acme.example", Times: 2, Fault: auth0test.Fault{Kind: auth0test.ServerError}},
		auth0test.Rule{Method: "DELETE", Path: "/users/:id/sessions", Times: 1, Fault: auth0test.Fault{Kind: auth0test.Reset}},
		auth0test.Rule{Method: "DELETE", Path: "/users/:id/refresh-tokens", Times: 1, Fault: auth0test.Fault{Kind: auth0test.AnswerLost}},
		auth0test.Rule{Method: "DELETE", Path: "/users/:id/roles", Times: 1, Fault: auth0test.Fault{Kind: auth0test.AnswerLost}},
		auth0test.Rule{Method: "POST", Path: "/roles/:id/users", Times: 1, Fault: auth0test.Fault{Kind: auth0test.AnswerLost}},
	)
	l.tenant.SetFaults(faults)
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.Parked != 0 || rep.Waiting != 0 {
		t.Errorf("%+v", rep)
	}
	mailed := map[string]bool{}
	for _, m := range l.tenant.Mails() {
		mailed[m.To] = true
	}
	if len(l.users()) != 5 || len(mailed) != 5 {
		t.Errorf("%d users, %d of whom know how to get to a password", len(l.users()), len(mailed))
	}
	for _, w := range l.staff {
		l.in(w.first, "A")
	}
	l.signIn("p001")
	l.staff[0].end = "2026-03-01"
	if rep := l.cycle("2026-03-03").Apps["app"]; rep.Parked != 0 || rep.Waiting != 0 {
		t.Errorf("%+v", rep)
	}
	l.out("p001")
	l.quiet("2026-03-03")
	done := 0
	for _, n := range faults.Done() {
		done += n
	}
	if done < 9 {
		t.Errorf("only %d of the faults came: %v", done, faults.Done())
	}
}

// TestAuth0Tickets: the addresses at which passwords are chosen are in their files, and
// in nothing else that is written.
func TestAuth0Tickets(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	folder := filepath.Join(l.dir, "tickets")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	l.edit("    first_run: go\n", "    first_run: go\n    password_change: tickets\n    tickets: "+folder+"\n")
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.Create != 5 || rep.Parked != 0 {
		t.Errorf("%+v", rep)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.url"))
	if err != nil || len(files) != 5 || len(l.tenant.Tickets()) != 5 {
		t.Errorf("%v %v", files, err)
	}
	words := []string{tenantSecret}
	for _, ticket := range l.tenant.Tickets() {
		_, address, _ := strings.Cut(ticket.URL, "ticket=")
		words = append(words, strings.TrimSuffix(address, "#"))
	}
	l.clean(words...)
}

// TestAuth0Refused: a credential that is not taken pauses the app, and says why without
// showing it.
func TestAuth0Refused(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	l.edit(tenantSecret, "another-secret-than-that")
	rep := l.cycle("2026-03-01").Apps["app"]
	if rep.Paused == "" || strings.Contains(rep.Paused, "another-secret") || rep.Create != 0 {
		t.Errorf("%+v", rep)
	}
	l.clean("another-secret")
}

// TestAuth0LacksScope: what a missing scope forbids is told by its name.
func TestAuth0LacksScope(t *testing.T) {
	t.Parallel()
	l := newLogin(t, func(c *auth0test.Config) {
		c.Scopes = []string{"read:users", "create:users", "update:users", "read:roles", "create:roles", "update:roles", "create:role_members", "read:role_members"}
	})
	l.cycle("2026-03-01")
	l.staff[0].end = "2026-03-01"
	l.cycle("2026-03-03")
	if said := l.parked(); !strings.Contains(said, "delete:sessions") || !strings.Contains(said, "the user is blocked") {
		t.Errorf("%q", said)
	}
	if !l.users()["p001"].Blocked {
		t.Error("not blocked")
	}
}
