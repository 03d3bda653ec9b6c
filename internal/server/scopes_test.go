// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/auth0in"
	"github.com/usher-id/usher/internal/testenv"
)

// appStories are configurations of an app that between them use all that an app can, each
// with what has to happen so that all of it is used.
var appStories = map[string]func(l *login){
	"roles": func(l *login) {
		l.edit("    first_run: go\n", "    first_run: go\n    delete_after: 1d\n    password_change: tickets\n    tickets: "+l.folder()+"\n")
	},
	"organizations": func(l *login) {
		l.edit("display_name: team.value}", "display_name: team.value, as: organizations}")
		l.edit("    first_run: go\n", "    first_run: go\n    password_change: email\n    sessions: keep\n")
	},
	"people alone": func(l *login) {
		l.edit("    groups: {teams: [department], display_name: team.value}\n", "")
	},
}

func (l *login) folder() string {
	l.Helper()
	dir := filepath.Join(l.dir, "tickets")
	if err := os.Mkdir(dir, 0o700); err != nil {
		l.Fatal(err)
	}
	return dir
}

// least are the scopes that the configuration needs.
func (l *login) least() map[string]string { l.Helper(); return built(l.T, l.dir, l.conf).Least() }

// play is joiner, mover, renamed team, leaver, returner, and the end of an account, with
// somebody who was there before.
func (l *login) play() {
	l.Helper()
	l.was("before")
	l.cycle("2026-03-01")
	l.staff[1].dept = "B"
	l.cycle("2026-03-02")
	if strings.Contains(l.conf, "team.value") {
		l.edit("display_name: team.value", `display_name: 'team.value + " people"'`)
		l.cycle("2026-03-03")
	}
	l.staff[0].end, l.staff[2].end = "2026-03-03", "2026-03-03"
	l.cycle("2026-03-05")
	l.staff[2].end = ""
	l.cycle("2026-03-06")
	l.cycle("2026-03-09")
}

// was puts somebody there who has a role already, and is in an organization.
func (l *login) was(name string) {
	l.Helper()
	id, err := l.tenant.Put(auth0test.User{Email: name + "@acme.example", EmailVerified: true})
	if err == nil {
		_, err = l.tenant.PutRole("Readers", id)
	}
	if err == nil {
		_, err = l.tenant.PutOrganization("a", "A", id) // named as a team is
	}
	if err != nil {
		l.Fatal(err)
	}
}

func told(all []server.Note, scope string) (out []server.Note) {
	for _, n := range all {
		if strings.Contains(n.Text, "does not grant "+scope+",") || strings.Contains(n.Text, "does not grant "+scope+" (or ") {
			out = append(out, n)
		}
	}
	return out
}

func without(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == one })
}

// none403 holds that no request lacked a scope.
func none403(t *testing.T, tenant *auth0test.Tenant) {
	t.Helper()
	for _, r := range tenant.Refusals() {
		if r.Status == http.StatusForbidden {
			t.Errorf("a scope is missing from the table: %+v", r)
		}
	}
}

// TestScopesOfApps holds the table against a tenant that knows Auth0's scopes by itself:
// with exactly the least of them an app does all that it does; with one less some of it
// would have been refused, the start names that one, and where nothing may be done without
// it nothing is written.
func TestScopesOfApps(t *testing.T) {
	t.Parallel()
	for name, set := range appStories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLogin(t, nil)
			set(l)
			needs := l.least()
			least := slices.Sorted(maps.Keys(needs))
			l.tenant.Grant("usher", least...)
			l.starts = true
			l.play()
			none403(t, l.tenant)
			if len(l.notes) > 0 || len(l.status.Notes) > 0 {
				t.Errorf("with exactly what is needed: %v", l.notes)
			}
			for _, scope := range least {
				if len(l.tenant.Barred(without(least, scope))) == 0 {
					t.Errorf("%s is asked for, and nothing was refused without it", scope)
				}
				t.Run(scope, func(t *testing.T) {
					t.Parallel()
					l := newLogin(t, nil)
					set(l)
					l.was("before")
					l.starts = true
					l.tenant.Grant("usher", without(least, scope)...)
					l.tenant.ResetCounts()
					rep := l.cycle("2026-03-01").Apps["app"]
					said := told(l.notes, scope)
					if len(said) != 1 || len(l.notes) != 1 || !strings.HasPrefix(said[0].Where, filepath.Join(l.dir, "usher.yaml:")) || said[0].Fix == "" || !slices.Equal(l.status.Notes, l.notes) {
						t.Fatalf("%q, and %q in status", l.notes, l.status.Notes)
					}
					vital := needs[scope] == ""
					if level := said[0].Level; vital != (level == server.FindingError) || !vital && level != server.FindingWarning {
						t.Errorf("%v", said)
					}
					if n := l.tenant.Counts().Writes(); vital && (n > 0 || !strings.Contains(rep.Paused, scope)) {
						t.Errorf("%d writes, %+v", n, rep)
					}
					if !vital && (rep.Paused != "" || scope != "create:user_tickets" && rep.Create != 5) {
						t.Errorf("%+v", rep)
					}
				})
			}
		})
	}
}

// TestScopesShutOut: an app that lacks a scope is paused, but whoever leaves meanwhile is
// shut out; once the scope is granted it goes on.
func TestScopesShutOut(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	least := slices.Sorted(maps.Keys(l.least()))
	l.tenant.Grant("usher", least...)
	l.cycle("2026-03-01")
	l.signIn("p001")
	l.tenant.Grant("usher", without(least, "create:roles")...)
	l.staff[0].end = "2026-03-02"
	l.staff = append(l.staff, worker{id: "6", first: "newbie", dept: "A", start: "2026-03-02"})
	for _, day := range []string{"2026-03-04", "2026-03-05"} {
		rep := l.cycle(day).Apps["app"]
		if rep.Create > 0 || rep.MemberRemove > 0 || !strings.Contains(rep.Paused, "create:roles") || !strings.Contains(rep.Paused, "`groups.as: roles`") {
			t.Errorf("%+v", rep)
		}
		if u, ok := l.users()["newbie"]; ok {
			t.Errorf("%s", u.Raw)
		}
		if u := l.users()["p001"]; !u.Blocked || l.tenant.Sessions(u.ID) > 0 || l.tenant.RefreshTokens(u.ID) > 0 {
			t.Errorf("a leaver is in: %s", u.Raw)
		}
		l.staff[1].end = "2026-03-03" // while it is paused already
	}
	if u := l.users()["p002"]; !u.Blocked {
		t.Errorf("who leaves while the app is paused is in: %s", u.Raw)
	}
	l.tenant.Grant("usher", least...)
	if rep := l.cycle("2026-03-06").Apps["app"]; rep.Create != 1 || rep.MemberRemove != 2 || rep.Paused != "" {
		t.Errorf("%+v", rep)
	}
}

const tenantSource = `store: DIR/usher.db
sources:
  auth0:
    type: auth0
    tenant: {url: 'TENANT', client_id: usher, client_secret: the-secret-of-the-client, allow: [loopback, plain-http]}
    connections: [Username-Password-Authentication]
    teams: [roles, organizations, groups]
    HOW
apps: {}
`

// sourceOf is a source in a tenant, built anew for each start.
type sourceOf struct {
	*testing.T
	tenant *auth0test.Tenant
	conf   string
	dir    string
}

func newSourceOf(t *testing.T, how string) *sourceOf {
	t.Helper()
	tenant, err := auth0test.New(auth0test.Config{ClientID: "usher", Secret: "the-secret-of-the-client", Retries: []time.Duration{time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := tenant.Listen(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &sourceOf{t, tenant, strings.NewReplacer("TENANT", url, "HOW", how).Replace(tenantSource), t.TempDir()}
}

// cycle is a start and an apply. It returns what the start found, and who is active.
func (s *sourceOf) cycle() (found []server.Note, active int, err error) {
	s.Helper()
	u, err := built(s.T, s.dir, s.conf).Open(s.Context(), "test")
	if err != nil {
		s.Fatal(err)
	}
	defer func() {
		if err := u.Close(); err != nil {
			s.Error(err)
		}
	}()
	if found, err = u.Start(s.Context(), server.Options{}, false); err != nil {
		s.Fatal(err)
	}
	_, err = u.Apply(s.Context(), server.Options{Actor: "test"})
	if lerr := u.List(s.Context(), directory.Active, func(directory.Listing) { active++ }); lerr != nil {
		s.Fatal(lerr)
	}
	return found, active, err
}

// fill makes two people who are in everything that a tenant has.
func (s *sourceOf) fill() {
	s.Helper()
	ids := []string{user(s.T, s.tenant, "ada"), user(s.T, s.tenant, "bo")}
	_, err := s.tenant.PutRole("Readers", ids...)
	if err == nil {
		_, err = s.tenant.PutOrganization("acme", "Acme", ids...)
	}
	if err == nil {
		_, err = s.tenant.PutGroup(auth0test.Group{Name: "Staff", Members: ids})
	}
	if err != nil {
		s.Fatal(err)
	}
}

// follow opens the stream of events, or asks for failed deliveries.
func (s *sourceOf) follow() {
	s.Helper()
	t := built(s.T, s.dir, s.conf).Tenants[0]
	if t.Stream {
		ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
		defer cancel()
		t.Reader.Follow(ctx, nil, auth0in.Listener{
			Hear: func(context.Context, source.Word) error { return nil }, Lost: func() {}, State: func(error) { cancel() },
		})
		return
	}
	eventually := time.Now().Add(20 * time.Second)
	for time.Now().Before(eventually) {
		n, err := t.Reader.Redeliver(s.Context(), t.Webhook.Stream.Value, time.Now().Add(-time.Hour))
		if n > 0 || err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.Fatal("no delivery has failed")
}

// TestScopesOfSources is TestScopesOfApps for sources: without a scope that it cannot do
// without, a source is not read, and nobody is gone for it.
func TestScopesOfSources(t *testing.T) {
	t.Parallel()
	deaf := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	t.Cleanup(deaf.Close)
	for _, how := range []string{"changes: stream", "changes: webhook\n    webhook: {secrets: [a-secret-of-16-characters], stream: STREAM}"} {
		t.Run(how[:12], func(t *testing.T) {
			t.Parallel()
			s := newSourceOf(t, how)
			if id, err := s.tenant.AddStream(auth0test.Stream{Name: "hook", URL: deaf.URL, Bearer: "b", Types: []string{auth0.UserCreated}}); err != nil {
				t.Fatal(err)
			} else {
				s.conf = strings.ReplaceAll(s.conf, "STREAM", id)
			}
			needs := built(t, s.dir, s.conf).Least()
			least := slices.Sorted(maps.Keys(needs))
			s.tenant.Grant("usher", least...)
			if found, active, err := s.cycle(); len(found) > 0 || active != 0 || err != nil { // which asks whether there is such a connection
				t.Fatalf("%v, %d active, %v", found, active, err)
			}
			s.fill()
			if found, active, err := s.cycle(); len(found) > 0 || active != 2 || err != nil {
				t.Fatalf("%v, %d active, %v", found, active, err)
			}
			s.follow()
			none403(t, s.tenant)
			for _, scope := range least {
				if len(s.tenant.Barred(without(least, scope))) == 0 {
					t.Errorf("%s is asked for, and nothing was refused without it", scope)
				}
				s.tenant.Grant("usher", without(least, scope)...)
				found, active, err := s.cycle()
				said := told(found, scope)
				vital := needs[scope] == ""
				switch {
				case len(said) != 1 || len(found) != 1 || !strings.HasPrefix(said[0].Where, "usher.yaml:") || vital != (said[0].Level == server.FindingError):
					t.Errorf("without %s: %q", scope, found)
				case active != 2:
					t.Errorf("without %s there are %d people", scope, active)
				case vital && (err == nil || !strings.Contains(err.Error(), scope)), !vital && err != nil:
					t.Errorf("without %s: %v", scope, err)
				}
			}
		})
	}
}

// TestScopesOr: where Auth0 names another scope that does as well, that one does.
func TestScopesOr(t *testing.T) {
	t.Parallel()
	s := newSourceOf(t, "changes: none")
	needs := slices.Sorted(maps.Keys(built(t, s.dir, s.conf).Least()))
	s.tenant.Grant("usher", append(without(needs, "read:organizations"), "read:organizations_summary", "read:role_members")...)
	s.fill()
	if found, active, err := s.cycle(); len(found) > 0 || active != 2 || err != nil {
		t.Errorf("%v, %d active, %v", found, active, err)
	}
	none403(t, s.tenant)
}

// TestScopesSuperfluous: what nothing needs is named, at most twelve by name, and changes
// nothing; a source and an app of one application are looked at together.
func TestScopesSuperfluous(t *testing.T) {
	t.Parallel()
	s := newSourceOf(t, "changes: none")
	needs := slices.Sorted(maps.Keys(built(t, s.dir, s.conf).Least()))
	s.fill()
	s.tenant.Grant("usher", append(needs, "delete:users", "read:user_idp_tokens")...)
	found, active, err := s.cycle()
	if len(found) != 1 || found[0].Level != server.FindingWarning || !strings.Contains(found[0].Text, "grants delete:users, read:user_idp_tokens, which nothing here needs") || active != 2 || err != nil {
		t.Errorf("%q, %d active, %v", found, active, err)
	}
	s.tenant.Grant("usher", append(needs, strings.Fields("a:1 b:1 c:1 d:1 e:1 f:1 g:1 h:1 i:1 j:1 k:1 l:1 m:1 n:1")...)...)
	if found, _, _ := s.cycle(); len(found) != 1 || !strings.Contains(found[0].Text, "l:1 and 2 more,") {
		t.Errorf("%q", found)
	}
	// The same application makes users as well.
	url := strings.Split(strings.SplitAfter(s.conf, "url: '")[1], "'")[0]
	s.conf = strings.Replace(s.conf, "apps: {}", "apps:\n  login:\n"+strings.NewReplacer("URL", url, tenantSecret, "the-secret-of-the-client").Replace(inTenant), 1)
	s.tenant.Grant("usher", append(needs, "delete:users")...)
	found, _, _ = s.cycle()
	var names []string
	for _, n := range found {
		names = append(names, n.Subject+" "+n.Level)
	}
	if want := []string{
		"app login error", "app login error", "app login warning", "app login warning", "app login warning", "app login warning", "tenant " + url + " warning",
	}; !slices.Equal(names, want) {
		t.Errorf("%q", found)
	}
}

// TestScopesUntold: a tenant that tells no scopes, and one that cannot be asked, leave it
// open; one that refuses an app says why.
func TestScopesUntold(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	l.starts = true
	l.tenant.Grant("usher")
	if rep := l.cycle("2026-03-01").Apps["app"]; len(l.notes) > 0 || rep.Paused == "" {
		t.Errorf("%v, %+v", l.notes, rep)
	}
	l.edit(tenantSecret, "another secret")
	l.cycle("2026-03-01")
	if len(l.notes) != 1 || l.notes[0].Level != server.FindingError || !strings.Contains(l.notes[0].Text, "gives no token: the client id or the client secret is wrong") || strings.Contains(l.notes[0].String(), "another secret") {
		t.Errorf("%q", l.notes)
	}
	l.tenant.SetDown(true)
	if l.cycle("2026-03-01"); len(l.notes) > 0 {
		t.Errorf("%q", l.notes)
	}
}

// TestScopesDocumented holds the table in docs/auth0.md against the one of the code.
func TestScopesDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "auth0.md"))
	if err != nil {
		t.Fatal(err)
	}
	if table := server.ScopeTable(); !strings.Contains(string(text), table) {
		t.Errorf("docs/auth0.md does not have the table as it is:\n%s", table)
	}
}

// TestScopesOfExample: the head of examples/auth0 names exactly what it needs.
func TestScopesOfExample(t *testing.T) {
	t.Parallel()
	path := filepath.Join(testenv.Root(t), "examples", "auth0", "usher.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "# Read it from top to bottom.")
	var named []string
	for _, word := range strings.Fields(head) {
		if what, _, ok := strings.Cut(word, ":"); ok && slices.Contains([]string{"read", "create", "update", "delete"}, what) {
			named = append(named, word)
		}
	}
	slices.Sort(named)
	env := map[string]string{
		"HR_FILE": "people.csv", "AUTH0_URL": "https://acme.eu.auth0.com", "AUTH0_CLIENT_ID": "usher", "AUTH0_SECRET": "x",
		"APP_URL": "https://app.example/scim", "APP_TOKEN": "x",
	}
	cfg, err := config.Parse(path, text, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	b, err := server.Build(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if least := slices.Sorted(maps.Keys(b.Least())); !slices.Equal(named, least) {
		t.Errorf("it names %v, and needs %v", named, least)
	}
}

// TestScopesServed: a daemon tells of scopes when it starts, once and without waiting for
// anybody, reads nothing that it may not read by half, and asks for no token more than it
// needs.
func TestScopesServed(t *testing.T) {
	t.Parallel()
	s, tenant := tenanted(t, "changes: stream", auth0test.Config{})
	tenant.Grant("usher", "read:users", "read:events", "read:logs")
	user(t, tenant, "ada")
	s.serve(t)
	until(t, "the daemon has told", func() bool {
		log := s.log.String()
		return strings.Contains(log, "does not grant read:roles") && strings.Contains(log, "grants read:logs, which nothing here needs") && strings.Contains(log, "source cannot be read")
	})
	var st *server.Status
	until(t, "it is in status", func() bool {
		var err error
		if st, err = s.usher.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(st.Notes) == 2
	})
	until(t, "the source's trouble is, too", func() bool {
		var err error
		if st, err = s.usher.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(st.Sources[0].Problem, "does not grant read:roles")
	})
	if n := tenant.Counts(); n["GET /users"] > 0 || n["POST /oauth/token"] != 1 || st.People.Total != 0 {
		t.Errorf("%v, %+v", n, st.People)
	}
}

// TestScopesBesideASilentTenant: one tenant that cannot be asked keeps nobody from being told
// of another one, and what a start has found of it before stays.
func TestScopesBesideASilentTenant(t *testing.T) {
	t.Parallel()
	s, tenant := tenanted(t, "changes: none", auth0test.Config{})
	silent, err := auth0test.New(auth0test.Config{ClientID: "usher", Secret: clientSecret})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := silent.Listen(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s.conf = strings.Replace(s.conf, "apps:\n", "  other: {type: auth0, match: [userName], changes: none, tenant: {url: '"+url+
		"', client_id: usher, client_secret: "+clientSecret+", allow: [loopback, plain-http]}}\napps:\n", 1)
	tenant.Grant("usher", "read:users", "read:roles")
	silent.Grant("usher", "read:roles")
	u := opened(t, built(t, s.dir, s.conf))
	if found, err := u.Start(t.Context(), server.Options{}, true); err != nil || len(found) != 2 {
		t.Fatalf("%v, %v", found, err)
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	tenant.Grant("usher", "read:users")
	silent.SetDown(true)
	s.serve(t)
	until(t, "what the tenant that answers lacks is told", func() bool { return strings.Contains(s.log.String(), "does not grant read:roles") })
	until(t, "status has that, and what was found of the other", func() bool {
		st, err := s.usher.Status(t.Context())
		return err == nil && len(st.Notes) == 3
	})
}
