// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/cli"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// rival is a company whose people are users of a tenant of Auth0, the apps that they
// are to have accounts in, and Usher between them, by its command line.
type rival struct {
	*testing.T
	tenant *auth0test.Tenant
	url    string // of the tenant
	apps   map[string]*fake
	dir    string
	conf   string
	today  string // calendar.now; empty is the real clock
}

// rivalApp is an app of a rival. Its profile is plain SCIM 2.0 if it has none.
type rivalApp struct {
	name, profile string
	scimtest.Config
	through func(http.Handler) http.Handler
}

const (
	rivalSecret = "the-secret-of-the-tenant"

	rivalConfig = `store: DIR/usher.db
calendar: {now: "TODAY"}
sources:
  auth0:
    type: auth0
    tenant: {url: "URL", client_id: usher, client_secret: "` + rivalSecret + `", allow: [loopback, plain-http]}
    columns: [app_metadata.department]
    changes: none
    deletions: 0s
    person:
      userName: or(row.email, row.username)
      displayName: row.name
      name.givenName: row.given_name
      name.familyName: row.family_name
      emails[type eq "work"].value: row.email
      enterprise.department: row["app_metadata.department"]
server: {address: '127.0.0.1:0'}
telemetry: {metrics_address: "off"}
apps:
`
	rivalAppConfig = `  %s:
    profile: %s
    url: %s
    token: a-token-of-the-fake
    allow: [loopback, plain-http]
    first_run: go
    user:
      userName: person.userName
      displayName: person.displayName
      name.givenName: person.name.givenName
      name.familyName: person.name.familyName
      emails: person.emails
      enterprise.department: person.enterprise.department
`
)

// newRival starts a tenant and apps; change is nil, or has a say about the tenant.
func newRival(t *testing.T, change func(*auth0test.Config), apps ...rivalApp) *rival {
	t.Helper()
	c := auth0test.Config{ClientID: "usher", Secret: rivalSecret, Retries: []time.Duration{5 * time.Millisecond, 5 * time.Millisecond, 5 * time.Millisecond}}
	if change != nil {
		change(&c)
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
	r := &rival{T: t, tenant: tenant, url: url, apps: map[string]*fake{}, dir: t.TempDir(), conf: strings.ReplaceAll(rivalConfig, "URL", url)}
	for _, a := range apps {
		r.apps[a.name] = newFake(t, a.Config, a.through)
		if a.profile == "" {
			a.profile = "generic-scim2"
		}
		r.conf += fmt.Sprintf(rivalAppConfig, a.name, a.profile, r.apps[a.name].base)
	}
	return r
}

// edit replaces what stands in the configuration once.
func (r *rival) edit(old, with string) {
	r.Helper()
	if strings.Count(r.conf, old) != 1 {
		r.Fatalf("%q is not once in\n%s", old, r.conf)
	}
	r.conf = strings.Replace(r.conf, old, with, 1)
}

func (r *rival) write() (file string) {
	r.Helper()
	file = filepath.Join(r.dir, "usher.yaml")
	text := strings.NewReplacer("DIR", r.dir, "TODAY", r.today).Replace(r.conf)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
	return file
}

// usher runs a command line, and holds it to its exit code.
func (r *rival) usher(code int, args ...string) (out, errs string) {
	r.Helper()
	var o, e bytes.Buffer
	if got := cli.Main(append(args, "-c", r.write()), nil, &o, &e); got != code {
		r.Fatalf("usher %v ended with %d, want %d\n%s\n%.4000s", args, got, code, e.String(), o.String())
	}
	return o.String(), e.String()
}

// asks runs a command line that prints a document.
func (r *rival) asks(into any, code int, args ...string) {
	r.Helper()
	out, _ := r.usher(code, append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		r.Fatalf("usher %v: %v\n%.1000s", args, err, out)
	}
}

func (r *rival) apply(code int, args ...string) (rep report) {
	r.Helper()
	r.asks(&rep, code, append([]string{"apply"}, args...)...)
	return rep
}

// serve runs the daemon until the test ends, and returns its address.
func (r *rival) serve() (address string) {
	r.Helper()
	cfg, err := config.Load(r.Context(), r.write(), nil)
	if err != nil {
		r.Fatal(err)
	}
	built, err := server.Build(cfg)
	if err != nil {
		r.Fatal(err)
	}
	u, err := built.Open(r.Context(), server.ServeHolder())
	if err != nil {
		r.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(r.Context()))
	log := &testenv.Output{}
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		_, err := u.Serve(ctx, server.ServeOptions{
			Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), Actor: "serve", Listening: func(at, _ string) { listening <- at },
		})
		ended <- errors.Join(err, u.Close())
	}()
	r.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			r.Error(err)
		}
		if r.Failed() {
			r.Log(log.String())
		}
	})
	select {
	case address = <-listening:
	case err := <-ended:
		ended <- nil
		r.Fatal(err)
	}
	return address
}

// until waits for something to come true.
func (r *rival) until(what string, is func() bool) {
	r.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("not in 20 s: %s", what)
		}
	}
}

// put makes a user as a sign-up does: name@acme.example, of a department.
func (r *rival) put(name, department string) (id string) {
	r.Helper()
	id, err := r.tenant.Put(member(name, department))
	if err != nil {
		r.Fatal(err)
	}
	return id
}

func member(name, department string) auth0test.User {
	return auth0test.User{
		Email: name + "@acme.example", Name: strings.ToUpper(name[:1]) + name[1:] + " Doe", GivenName: strings.ToUpper(name[:1]) + name[1:], FamilyName: "Doe",
		AppMetadata: fmt.Appendf(nil, `{"department":%q}`, department),
	}
}

// load has n users who were there before anybody listened: no event tells of them.
func (r *rival) load(n int) {
	r.Helper()
	err := r.tenant.Load(n, func(i int, u *auth0test.User) {
		id := u.ID
		*u = member(fmt.Sprintf("user%03d", i), "Staff")
		u.ID = id
	})
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rival) alter(id string, change func(*auth0test.User)) {
	r.Helper()
	if err := r.tenant.Alter(id, change); err != nil {
		r.Fatal(err)
	}
}

// must ends the test if something of the tenant, or of an app, went wrong.
func (r *rival) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// account is the one account of a user name at an app; nil is none.
func (r *rival) account(app, userName string) (found *scim.Resource) {
	r.Helper()
	for _, u := range r.apps[app].Users() {
		if !strings.EqualFold(u.UserName(), userName) {
			continue
		}
		if found != nil {
			r.Fatalf("%s has two accounts called %s", app, userName)
		}
		found = u
	}
	return found
}

// live are the user names of the active accounts of an app, in order, without the
// company's domain.
func (r *rival) live(app string) []string {
	out := []string{}
	for _, u := range r.apps[app].Users() {
		if active, stated := u.Active(); active || !stated {
			out = append(out, strings.TrimSuffix(u.UserName(), "@acme.example"))
		}
	}
	slices.Sort(out)
	return out
}

// sees holds that these and no others have an active account.
func (r *rival) sees(app string, names ...string) {
	r.Helper()
	slices.Sort(names)
	if got := r.live(app); !slices.Equal(got, names) {
		r.Errorf("active at %s are %v, want %v", app, got, names)
	}
}

// sent holds that an app was sent these requests since its counts were reset, such as
// "PATCH /Users/:id", and no others.
func (r *rival) sent(app string, want scimtest.Counts) {
	r.Helper()
	if got := r.apps[app].Counts(); fmt.Sprint(got) != fmt.Sprint(want) {
		r.Errorf("%s was sent %v, want %v", app, got, want)
	}
}

// happened are the user names of whom an operation was done to at an app, by Usher.
func (r *rival) happened(app, op string) (names []string) {
	for _, e := range r.apps[app].Ledger() {
		if e.Op == op && e.Type == "User" && !e.Outside {
			names = append(names, strings.TrimSuffix(e.Name, "@acme.example"))
		}
	}
	slices.Sort(names)
	return names
}

// api is an application of the tenant's own that calls the Management API.
func (r *rival) api(want int, method, path, body string) {
	r.Helper()
	var token struct {
		Access string `json:"access_token"`
	}
	grant := fmt.Sprintf(`{"grant_type":"client_credentials","client_id":"usher","client_secret":%q,"audience":"%s/api/v2/"}`, rivalSecret, r.url)
	r.call(http.StatusOK, http.MethodPost, r.url+"/oauth/token", grant, "", &token)
	r.call(want, method, r.url+auth0test.API+path, body, "Bearer "+token.Access, nil)
}

func (r *rival) call(want int, method, url, body, authorization string, into any) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, url, strings.NewReader(body))
	r.must(err)
	req.Close = true
	req.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := http.DefaultClient.Do(req)
	r.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		r.Fatalf("%s %s: %d %s %v, want %d", method, url, res.StatusCode, text, err, want)
	}
	if into != nil {
		r.must(json.Unmarshal(text, into))
	}
}

// called changes what somebody is called.
func called(name string) func(*auth0test.User) { return func(u *auth0test.User) { u.Name = name } }
