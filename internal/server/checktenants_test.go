// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
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
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// walked is a tenant with a source and an app of one application.
const walked = `store: DIR/usher.db
sources:
  auth0:
    type: auth0
    tenant: {url: 'TENANT', client_id: usher, client_secret: the-secret-of-the-client, allow: [loopback, plain-http], timeout: 2s}
    connections: [Username-Password-Authentication]
    teams: [roles, groups]
    changes: stream
apps:
  login:
    type: auth0
    tenant: {url: 'TENANT', client_id: usher, client_secret: the-secret-of-the-client, allow: [loopback, plain-http], timeout: 2s}
    connection: Username-Password-Authentication
    sign_ups: closed
    password_change: email
    user:
      userName: person.userName
      displayName: person.displayName
    groups: {teams: [auth0.roles], as: organizations}
server: {public_url: 'https://usher.example'}
`

// byWebhook is the source's way of being told otherwise; %s is its stream.
const byWebhook = "changes: webhook\n    webhook: {secrets: [a-secret-of-16-characters], stream: %s}"

type walkCase struct {
	old, with string // what is changed in the configuration
	tenant    func(*auth0test.Config)
	set       func(*testing.T, *auth0test.Tenant) string // what the stream is called; may be nil
	url       func(string) string                        // the tenant's address instead
	want      []string                                   // "subject level: text", parts of; with a bar, the fix
	not       []string
}

func walkThrough(t *testing.T, tc walkCase) []server.Finding {
	t.Helper()
	c := auth0test.Config{
		ClientID: "usher", Secret: "the-secret-of-the-client",
		Connections: []auth0test.Connection{{Name: auth0test.DefaultConnection, Strategy: "auth0", NoSignUps: true, PasswordPolicy: "good", LeastPassword: 8}},
	}
	if tc.tenant != nil {
		tc.tenant(&c)
	}
	tenant, err := auth0test.New(c)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := tenant.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	stream := ""
	if tc.set != nil {
		stream = tc.set(t, tenant)
	}
	if tc.url != nil {
		url = tc.url(url)
	}
	if tc.old != "" && !strings.Contains(walked, tc.old) {
		t.Fatalf("%q is not there", tc.old)
	}
	conf := strings.NewReplacer("TENANT", url, "%s", stream).Replace(strings.Replace(walked, tc.old, tc.with, 1))
	b := built(t, t.TempDir(), conf)
	if c.Scopes == nil && tc.set == nil {
		tenant.Grant("usher", slices.Sorted(maps.Keys(b.Least()))...)
	}
	effects := len(tenant.Ledger())
	tenant.ResetCounts()
	found := b.CheckTenants(t.Context(), "")
	if n := tenant.Counts(); n.Writes() > 0 || n["POST /jobs/users-exports"] > 0 || len(tenant.Ledger()) != effects || n["POST /oauth/token"] > 2 {
		t.Errorf("the walk has written: %v, %v", n, tenant.Ledger()[effects:])
	}
	return found
}

func line(f server.Finding) string {
	return strings.Join(strings.Fields(f.Subject)[:1], "") + " " + f.Level + ": " + f.Text + " | " + f.Fix
}

// TestCheckTenants: each thing that may be wrong with a tenant is found by the walk, and
// said with where, and what to do; where nothing is, nothing is.
func TestCheckTenants(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(elsewhere.Close)
	put := func(s auth0test.Stream) func(*testing.T, *auth0test.Tenant) string {
		return func(t *testing.T, tenant *auth0test.Tenant) string {
			id, err := tenant.AddStream(s)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
	}
	users := []string{auth0.UserCreated, auth0.UserUpdated, auth0.UserDeleted}
	groups := []string{"group.created", "group.updated", "group.deleted", "group.member.added", "group.member.deleted"}
	all := slices.Concat(users, groups)
	database := func(change func(*auth0test.Connection)) func(*auth0test.Config) {
		return func(c *auth0test.Config) { change(&c.Connections[0]) }
	}
	rule := func(method, path string, kind auth0test.Kind) func(*auth0test.Config) {
		return func(c *auth0test.Config) {
			c.Faults = auth0test.Rules(auth0test.Rule{Method: method, Path: path, Fault: auth0test.Fault{Kind: kind}})
		}
	}
	for name, tc := range map[string]walkCase{
		"all is well": {
			want: []string{
				"tenant ok: it answers, and takes the client secret of the application usher", "tenant note: a client secret goes along|private_key in place",
				"tenant ok: it grants the 18 scopes that are needed, and no others", "tenant ok: it has 0 users, who are read page by page", "tenant ok: its headers tell of a limit of 1000000",
				"source ok: the connection Username-Password-Authentication is there", "source ok: its roles can be read", "source ok: its groups can be read", "source ok: its events can be followed",
				"app ok: the connection Username-Password-Authentication is a database", "app ok: nobody can sign up", "app ok: the password policy of Username-Password-Authentication (good, of 8 characters at least)",
				"app ok: its organizations can be read",
			},
			not: []string{"warning", "error"},
		},
		"many users": {set: func(t *testing.T, tenant *auth0test.Tenant) string {
			if err := tenant.Load(501, func(int, *auth0test.User) {}); err != nil {
				t.Fatal(err)
			}
			return ""
		}, want: []string{"tenant ok: it has 501 users, who are read by an export job", "tenant warning: the tenant http://127.0.0.1:"}},
		"another secret": {old: "the-secret-of-the-client", with: "the-secret-of-nobody-at-all", want: []string{"tenant error: the tenant http://127.0.0.1:|set both to those of the application"}, not: []string{"nobody-at-all", "app "}},
		"another place":  {url: func(string) string { return elsewhere.URL }, want: []string{"is no Auth0 tenant|set the address to the tenant's domain"}, not: []string{"app "}},
		"nobody there":   {url: func(string) string { return "http://127.0.0.1:1" }, want: []string{"tenant error: the tenant http://127.0.0.1:1 gives no token"}, not: []string{"app "}},
		"no scopes":      {tenant: func(c *auth0test.Config) { c.Scopes = []string{} }, want: []string{"tenant note: it does not tell which scopes", "tenant error: its users cannot be counted: "}},
		"a scope less": {
			tenant: func(c *auth0test.Config) { c.Scopes = []string{"read:users", "read:connections", "read:logs"} },
			want: []string{
				"source error: the tenant|grant read:roles to the application usher", "app error: the tenant|grant create:users", "app warning: the tenant|grant read:sessions",
				"tenant warning: the tenant|take them from the application", "app ok: the connection",
			},
			not: []string{"cannot be read", "cannot be followed"},
		},
		"no such connection": {
			old: "connections: [Username-Password-Authentication]", with: "connections: [Users]",
			want: []string{"source error: the tenant has no connection Users, so that nobody of it is read|as Auth0 shows it"},
		},
		"no such database": {old: "connection: Username-Password-Authentication", with: "connection: Users", want: []string{"app error: the tenant has no connection Users|Authentication, Database"}},
		"no database":      {tenant: database(func(c *auth0test.Connection) { c.Strategy = "samlp" }), want: []string{"app error: the connection Username-Password-Authentication is no database (its strategy is samlp)|auth0-inbound-scim"}},
		"sign-ups":         {tenant: database(func(c *auth0test.Connection) { c.NoSignUps = false }), want: []string{"app error: anybody can sign up in Username-Password-Authentication, and sign_ups: closed|Disable Sign Ups"}},
		"sign-ups, as said": {
			old: "    sign_ups: closed\n", tenant: database(func(c *auth0test.Connection) { c.NoSignUps = false }),
			want: []string{"app ok: anybody can sign up"},
		},
		"sign-ups closed, not said": {old: "    sign_ups: closed\n", want: []string{"app note: nobody can sign up"}},
		"user names":                {tenant: database(func(c *auth0test.Connection) { c.RequiresUsername = true }), want: []string{"app error: users of Username-Password-Authentication have user names|usernames: true"}},
		"no user names": {
			old: "sign_ups: closed", with: "usernames: true", want: []string{"app error: users of Username-Password-Authentication have no user names|take usernames: true away"},
		},
		"long passwords":     {tenant: database(func(c *auth0test.Connection) { c.LeastPassword = 64 }), want: []string{"app error: Username-Password-Authentication asks for passwords of 64 characters|Password Policy"}},
		"policy untold":      {tenant: database(func(c *auth0test.Connection) { c.LeastPassword, c.PasswordPolicy = 0, "" }), want: []string{"app note: the password policy of"}},
		"mail not enabled":   {tenant: database(func(c *auth0test.Connection) { c.Clients = []string{"another"} }), want: []string{"app error: Username-Password-Authentication is not enabled for the application usher|switch the connection on"}},
		"no Events API":      {tenant: rule("GET", "/events", auth0test.Forbidden), want: []string{"source warning: its events cannot be followed, as the tenant's plan may lack|changes: webhook"}},
		"no organizations":   {tenant: rule("GET", "/organizations", auth0test.Forbidden), want: []string{"app error: its organizations cannot be read: "}},
		"groups that break":  {tenant: rule("GET", "/groups", auth0test.ServerError), want: []string{"source error: its groups cannot be read: "}},
		"roles that hold on": {tenant: rule("GET", "/roles", auth0test.TimeOut), want: []string{"source error: its roles cannot be read: "}},
		"webhook": {
			old: "changes: stream", with: byWebhook, set: put(auth0test.Stream{URL: "https://usher.example/hooks/auth0", Bearer: "b", Types: all}),
			want: []string{"source ok: the event stream est_"}, not: []string{"error"},
		},
		"webhook, not there": {old: "changes: stream", with: strings.ReplaceAll(byWebhook, "%s", "est_none"), want: []string{"source error: no event stream of the tenant has the id est_none|to https://usher.example/hooks/auth0"}},
		"webhook, elsewhere": {
			old: "changes: stream", with: byWebhook, set: put(auth0test.Stream{URL: "https://old.example/hooks/auth0?key=hidden", Bearer: "b", Types: all}),
			want: []string{"calls https://old.example/hooks/auth0, where this source does not listen|https://usher.example/hooks/auth0"}, not: []string{"hidden"},
		},
		"webhook, switched off": {
			old: "changes: stream", with: byWebhook, set: put(auth0test.Stream{URL: "https://usher.example/hooks/auth0", Bearer: "b", Types: all, Disabled: true}),
			want: []string{"is switched off|switch it on"},
		},
		"webhook, not of all": {
			old: "changes: stream", with: byWebhook, set: put(auth0test.Stream{URL: "https://usher.example/hooks/auth0", Bearer: "b", Types: users}),
			want: []string{"does not tell of group.created, group.updated, group.deleted|add them"},
		},
		"webhook, found": {
			old: "changes: stream", with: strings.ReplaceAll(byWebhook, ", stream: %s", ""), set: put(auth0test.Stream{URL: "https://usher.example/hooks/auth0", Bearer: "b", Types: all}),
			want: []string{"source ok: the event stream est_"},
		},
		"webhook, not found": {
			old: "changes: stream", with: strings.ReplaceAll(byWebhook, ", stream: %s", ""), set: put(auth0test.Stream{URL: "https://usher.example/hooks/other", Bearer: "b", Types: all}),
			want: []string{"source error: no event stream of the tenant calls https://usher.example/hooks/auth0"},
		},
		"webhook, not asked": {
			old: "changes: stream", with: strings.ReplaceAll(byWebhook, ", stream: %s", ""), want: []string{"source note: whether an event stream calls https://usher.example/hooks/auth0 is not known|read:event_streams"}, not: []string{"warning"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := walkThrough(t, tc)
			var lines []string
			for _, f := range found {
				lines = append(lines, line(f))
				if f.Level != server.FindingOK && f.Pos.Line == 0 || strings.HasSuffix(f.Text, ".") || strings.Contains(f.Text+f.Fix, "the-secret") {
					t.Errorf("%v %s", f.Pos, line(f))
				}
			}
			for _, want := range tc.want {
				begin, fix, _ := strings.Cut(want, "|")
				if !slices.ContainsFunc(lines, func(l string) bool {
					text, how, _ := strings.Cut(l, " | ")
					return strings.Contains(text, begin) && strings.Contains(how, fix)
				}) {
					t.Errorf("%q is not found", want)
				}
			}
			for _, not := range tc.not {
				if slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, not) }) {
					t.Errorf("%q is found", not)
				}
			}
			if t.Failed() {
				t.Log(strings.Join(lines, "\n"))
			}
		})
	}
}

func privateKey(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

// TestCheckTenantsRefused: what is wrong with a credential stands where it is written.
func TestCheckTenantsRefused(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, privateKey(t), 0o600); err != nil {
		t.Fatal(err)
	}
	place := func(conf, what string) config.Position {
		before, _, _ := strings.Cut(conf, what)
		n := strings.Count(before, "\n")
		return config.Position{File: "usher.yaml", Line: n + 1, Column: len(before) - strings.LastIndex(before, "\n")}
	}
	for name, tc := range map[string]struct {
		change    func(*auth0test.Client)
		old, with string
		at, want  string
	}{
		"key":           {nil, "client_secret: the-secret-of-the-client", "private_key: " + key, key, "does not take the private key"},
		"audience":      {nil, "client_id: usher", "client_id: usher, audience: 'https://acme.us.auth0.com/api/v2/'", "https://acme.us", "the audience https://acme.us.auth0.com/api/v2/ is no API of the tenant"},
		"not granted":   {func(c *auth0test.Client) { c.Ungranted = true }, "", "", "usher, client", "the application is not authorized for the API"},
		"not a machine": {func(c *auth0test.Client) { c.NotMachine = true }, "", "", "usher, client", "the application may not use client credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant, err := auth0test.New(auth0test.Config{ClientID: "admin", Secret: "admin-secret"})
			if err != nil {
				t.Fatal(err)
			}
			c := auth0test.Client{ID: "usher", Secret: "the-secret-of-the-client"}
			if tc.change != nil {
				tc.change(&c)
			}
			if err := tenant.AddClient(c); err != nil {
				t.Fatal(err)
			}
			url, stop, err := tenant.Listen(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			conf := strings.ReplaceAll(strings.NewReplacer("TENANT", url).Replace(walked), tc.old, tc.with)
			if tc.old == "" {
				conf = strings.ReplaceAll(walked, "TENANT", url)
			}
			found := built(t, t.TempDir(), conf).CheckTenants(t.Context(), "")
			if name == "audience" { // it is how two tenants are told apart
				found = found[:1]
			}
			if len(found) != 1 || found[0].Level != server.FindingError || !strings.Contains(found[0].Text, tc.want) || found[0].Fix == "" || found[0].Pos != place(conf, tc.at) {
				t.Errorf("%+v, and not at %v", found, place(conf, tc.at))
			}
		})
	}
}

// TestCheckTenantsSealed: a credential that is sealed is told with its age, and one that
// is not set as such.
func TestCheckTenantsSealed(t *testing.T) {
	t.Parallel()
	tenant, err := auth0test.New(auth0test.Config{ClientID: "usher", Secret: "the-secret-of-the-client"})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := tenant.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	dir := keyed(t, sqlitetest.Dir(t))
	conf := "secrets: {key: DIR/usher.key}\n" + strings.NewReplacer("TENANT", url, "client_secret: the-secret-of-the-client", "client_secret: secret:tenant").Replace(walked)
	b := built(t, dir, conf)
	u := opened(t, b)
	found := b.CheckTenants(t.Context(), "")
	if len(found) != 1 || found[0].Level != server.FindingError || !strings.HasSuffix(found[0].Text, "is not asked: secret:tenant is not open") || !strings.HasPrefix(found[0].Pos.String(), "usher.yaml:6:") {
		t.Errorf("%+v", found)
	}
	put(t, u, "tenant", "the-secret-of-the-client", false)
	if err := u.Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := func() (level, text string) {
		for _, f := range b.CheckTenants(t.Context(), "") {
			if strings.Contains(f.Text, " was set ") {
				level, text = f.Level, f.Text
			}
		}
		return level, text
	}
	if level, text := told(); level != server.FindingOK || text != "the client secret was set today" {
		t.Errorf("%s %s", level, text)
	}
	err = u.SecretStore().Update(t.Context(), func(tx secret.Tx) error {
		all, err := tx.Secrets(t.Context(), "tenant")
		if err != nil {
			return err
		}
		all[0].Created = time.Now().Add(-400 * 24 * time.Hour)
		return tx.PutSecret(t.Context(), all[0])
	})
	if err != nil {
		t.Fatal(err)
	}
	if level, text := told(); level != server.FindingWarning || text != "the client secret was set 400 days ago" {
		t.Errorf("%s %s", level, text)
	}
}
