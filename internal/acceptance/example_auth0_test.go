// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// chain is examples/auth0 with a fake tenant and a fake app.
type chain struct {
	*testing.T

	tenant *auth0test.Tenant
	app    *fake
	conf   string
	hr     string
	env    []string
	said   string // on stderr, by the last command
}

// scopesOf reads the scopes that the example's head asks for: the tenant gives no others.
func scopesOf(t *testing.T, text string) (scopes []string) {
	t.Helper()
	head, _, _ := strings.Cut(text, "# Read it from top to bottom.")
	for _, word := range strings.Fields(head) {
		what, _, ok := strings.Cut(word, ":")
		if ok && slices.Contains([]string{"read", "create", "update", "delete"}, what) {
			scopes = append(scopes, word)
		}
	}
	if len(scopes) < 10 {
		t.Fatalf("the example names only %v", scopes)
	}
	return scopes
}

func newChain(t *testing.T) *chain {
	t.Helper()
	folder := filepath.Join(testenv.Root(t), "examples")
	text, err := os.ReadFile(filepath.Join(folder, "auth0", "usher.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	people, err := os.ReadFile(filepath.Join(folder, "hr-csv", "people.csv"))
	if err != nil {
		t.Fatal(err)
	}
	c := &chain{T: t, app: newFake(t, scimtest.Config{}, nil)}
	c.tenant, err = auth0test.New(auth0test.Config{ClientID: "usher", Secret: "the tenant's secret", Scopes: scopesOf(t, string(text))})
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := c.tenant.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	dir := t.TempDir()
	c.conf, c.hr = filepath.Join(dir, "usher.yaml"), filepath.Join(dir, "people.csv")
	// As it is, but that the tenant is on this machine.
	const at = "      url: ${AUTH0_URL}\n"
	c.write(c.conf, strings.ReplaceAll(string(text), at, at+"      allow: [loopback, plain-http]\n"))
	c.write(c.hr, string(people))
	c.env = append(os.Environ(), "HR_FILE="+c.hr, "AUTH0_URL="+url, "AUTH0_CLIENT_ID=usher", "AUTH0_SECRET=the tenant's secret",
		"APP_URL="+c.app.base, "APP_TOKEN="+c.app.token, "STORE="+filepath.Join(dir, "usher.db"), "TODAY=2026-11-24T12:00:00Z")
	return c
}

func (c *chain) write(path, text string) {
	c.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
}

func (c *chain) run(code int, args ...string) []byte {
	c.Helper()
	cmd := exec.CommandContext(c.Context(), testenv.Binary(c.T), append(args, "-c", c.conf)...)
	cmd.Env = c.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		c.Fatal(err)
	}
	c.said = errs.String()
	if got := cmd.ProcessState.ExitCode(); got != code {
		c.Fatalf("%v ended with %d, want %d\n%s\n%.3000s", args, got, code, errs.String(), out.String())
	}
	return out.Bytes()
}

func (c *chain) apply(code int, args ...string) (r report) {
	c.Helper()
	if err := json.Unmarshal(c.run(code, append([]string{"apply", "--json"}, args...)...), &r); err != nil {
		c.Fatal(err)
	}
	return r
}

// account is somebody's at the app.
func (c *chain) account(name string) *scim.Resource {
	c.Helper()
	for _, u := range c.app.Users() {
		if u.UserName() == name {
			return u
		}
	}
	c.Fatalf("%s has no account", name)
	return nil
}

// TestExampleAuth0 is examples/auth0 as its README tells it.
func TestExampleAuth0(t *testing.T) {
	t.Parallel()
	c := newChain(t)
	c.run(0, "check")
	holds := c.apply(3).Holds
	if c.said != "" { // of scopes that are missing or superfluous
		t.Errorf("%s", c.said)
	}
	if c.tenant.Len() > 0 || len(c.app.Users()) > 0 || len(holds) != 2 {
		t.Fatalf("%d users, %d accounts, holds %+v before anybody has agreed", c.tenant.Len(), len(c.app.Users()), holds)
	}
	c.apply(3, "--release-hold", holds[0].ID)
	c.apply(0, "--release-hold", holds[1].ID)
	if c.tenant.Len() != 6 || len(c.app.Users()) != 6 || len(c.app.Groups()) != 3 {
		t.Errorf("%d users, %d accounts, %d groups", c.tenant.Len(), len(c.app.Users()), len(c.app.Groups()))
	}
	const name = "ada.brandt@acme.example"
	ada, ok := c.tenant.UserByEmail(name)
	if !ok || ada.Blocked || !slices.Equal(c.tenant.RolesOf(ada.ID), []string{"Engineering"}) {
		t.Errorf("%t %+v, roles %v", ok, ada, c.tenant.RolesOf(ada.ID))
	}

	// What is written into a profile goes on, and no further.
	if err := c.tenant.Alter(ada.ID, func(u *auth0test.User) { u.UserMetadata = jsontext.Value(`{"mobile_phone":"+44 20 7946 0958"}`) }); err != nil {
		t.Fatal(err)
	}
	c.tenant.ResetCounts()
	c.apply(0)
	v, _ := c.account(name).At(scim.MustPath(`phoneNumbers[type eq "mobile"].value`))
	if s, _ := v.AsString(); s != "+44 20 7946 0958" || c.tenant.Counts().Writes() > 0 {
		t.Errorf("the number is %q, %v", s, c.tenant.Counts())
	}

	// Nothing is left to be done.
	c.app.ResetCounts()
	c.apply(0)
	if c.app.Counts().Total() > 0 || c.tenant.Counts().Writes() > 0 {
		t.Errorf("%v %v", c.app.Counts(), c.tenant.Counts())
	}

	// Who leaves is out, and stays so when the block is lifted.
	if err := c.tenant.SignIn(ada.ID); err != nil {
		t.Fatal(err)
	}
	people, err := os.ReadFile(c.hr)
	if err != nil {
		t.Fatal(err)
	}
	c.write(c.hr, strings.Replace(string(people), "Software Engineer,3/14/2019,", "Software Engineer,3/14/2019,2026-11-23", 1))
	out := func() {
		t.Helper()
		c.apply(0)
		u, _ := c.tenant.User(ada.ID)
		if !u.Blocked || c.tenant.Sessions(ada.ID)+c.tenant.RefreshTokens(ada.ID)+len(c.tenant.RolesOf(ada.ID)) > 0 {
			t.Errorf("%+v, %d sessions, roles %v", u, c.tenant.Sessions(ada.ID), c.tenant.RolesOf(ada.ID))
		}
		if active, _ := c.account(name).Active(); active {
			t.Error("the account is active")
		}
	}
	out()
	if err := c.tenant.Unblock(ada.ID); err != nil {
		t.Fatal(err)
	}
	out()
	for _, r := range c.tenant.Refusals() {
		if r.Status == 403 {
			t.Errorf("the scopes that the example names do not do: %+v", r)
		}
	}
}

// TestExampleAuth0Scopes: a start names the scope that is missing and the one that nothing
// needs, with their places in the file; nothing is done by half, and what the last start
// has found is in status.
func TestExampleAuth0Scopes(t *testing.T) {
	t.Parallel()
	c := newChain(t)
	text, err := os.ReadFile(c.conf)
	if err != nil {
		t.Fatal(err)
	}
	all := scopesOf(t, string(text))
	less := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "create:roles" })
	c.write(c.conf, strings.ReplaceAll(string(text), "first_run: report", "first_run: go"))
	c.tenant.Grant("usher", append(less, "delete:users")...)
	lacks := regexp.MustCompile(`(?m)^usher: .*usher\.yaml:\d+:\d+: the tenant http://127\.0\.0\.1:\d+ does not grant create:roles, which the app auth0 needs for .groups\.as: roles.: until then it is paused, but for shutting people out \(grant create:roles to the application usher`)
	over := regexp.MustCompile(`(?m)^usher: warning: .*usher\.yaml:\d+:\d+: the tenant http://127\.0\.0\.1:\d+ grants delete:users, which nothing here needs`)
	c.run(4, "plan")
	if !lacks.MatchString(c.said) || !over.MatchString(c.said) || strings.Count(c.said, "\n") != 2 {
		t.Errorf("%s", c.said)
	}
	c.tenant.ResetCounts()
	r := c.apply(4)
	if !lacks.MatchString(c.said) || !over.MatchString(c.said) || len(c.app.Users()) != 6 || c.tenant.Len() != 0 || c.tenant.Counts().Writes() > 0 {
		t.Errorf("%s\n%d accounts, %d users, %v, %+v", c.said, len(c.app.Users()), c.tenant.Len(), c.tenant.Counts(), r)
	}
	if said := string(c.run(0, "status")); !strings.Contains(said, "found at the last start:\n  error: ") || !strings.Contains(said, "  warning: ") || !strings.Contains(said, "nothing is sent: "+c.conf+":") {
		t.Errorf("%s", said)
	}

	// What was missing is granted, and what nothing needs is taken away.
	c.tenant.Grant("usher", all...)
	c.apply(0)
	if c.said != "" || c.tenant.Len() != 6 {
		t.Errorf("%s\n%d users", c.said, c.tenant.Len())
	}
	if said := string(c.run(0, "status")); strings.Contains(said, "last start") || strings.Contains(said, "PAUSED") {
		t.Errorf("%s", said)
	}

	// A source that may not be read is not read, and nobody is gone for it.
	c.tenant.Grant("usher", slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == "read:users" })...)
	c.run(1, "apply")
	if !strings.Contains(c.said, "does not grant read:users, which the source auth0 needs for its people: until then nothing is read from it") {
		t.Errorf("%s", c.said)
	}
	for _, u := range c.tenant.Users() {
		if u.Blocked {
			t.Errorf("%s is out", u.Email)
		}
	}
	c.tenant.Grant("usher", all...)
	c.write(c.conf, strings.ReplaceAll(strings.ReplaceAll(string(text), "first_run: report", "first_run: go"), "${AUTH0_SECRET}", "another-secret"))
	c.run(1, "apply")
	if !strings.Contains(c.said, "the client id or the client secret is wrong") || strings.Contains(c.said, "another-secret") {
		t.Errorf("%s", c.said)
	}
}
