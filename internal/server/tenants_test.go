// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// fromTenant is a company whose people are the users of a tenant.
const fromTenant = `store: DIR/usher.db
sources:
  auth0:
    type: auth0
    tenant: {url: 'TENANT', client_id: usher, client_secret: the-secret-of-the-client, allow: [loopback, plain-http]}
    teams: [roles]
    deletions: 100ms
    HOW
apps:
  app:
    url: https://app.example/scim
    token: xyz
    first_run: go
    user:
      userName: person.userName
      displayName: person.displayName
    groups: {teams: [auth0.roles]}
server: {address: '127.0.0.1:0'}
telemetry: {metrics_address: '127.0.0.1:0'}
`

// tenanted is a daemon whose people come from a fake tenant.
func tenanted(t *testing.T, how string, c auth0test.Config) (*served, *auth0test.Tenant) {
	t.Helper()
	c.ClientID, c.Secret = "usher", "the-secret-of-the-client"
	tenant, err := auth0test.New(c)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := tenant.Listen(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s := newServed(t)
	s.conf = strings.NewReplacer("TENANT", url, "HOW", how).Replace(fromTenant)
	return s, tenant
}

func user(t *testing.T, tenant *auth0test.Tenant, name string) string {
	t.Helper()
	id, err := tenant.Put(auth0test.User{Email: name + "@acme.example", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestTenantReachesApps: what happens in a tenant happens in the apps, by its stream of
// events; a linked account, a lifted block and sign-ins change nothing.
func TestTenantReachesApps(t *testing.T) {
	t.Parallel()
	s, tenant := tenanted(t, "changes: stream", auth0test.Config{Events: auth0test.EventsConfig{CloseAfterEvents: 4}})
	ada := user(t, tenant, "ada")
	if _, err := tenant.PutRole("Readers", ada); err != nil {
		t.Fatal(err)
	}
	s.serve(t)
	s.alive(t, "ada")
	until(t, "the role is a group", func() bool {
		s.app.mu.Lock()
		defer s.app.mu.Unlock()
		return slices.Equal(s.app.in("Readers"), []string{"ada"})
	})
	until(t, "the stream is open", func() bool { return tenant.OpenStreams() == 1 })
	bo, cy := user(t, tenant, "bo"), user(t, tenant, "cy")
	s.alive(t, "ada", "bo", "cy")
	if err := tenant.Link(ada, bo); err != nil {
		t.Fatal(err)
	}
	if err := tenant.Block(cy); err != nil {
		t.Fatal(err)
	}
	s.alive(t, "ada", "bo")
	if err := tenant.Unblock(cy); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := tenant.SignIn(ada); err != nil {
			t.Fatal(err)
		}
	}
	user(t, tenant, "di") // what came before this one has been taken
	s.alive(t, "ada", "bo", "di")
	s.settled(t)
	writes := len(s.app.sent)
	if err := tenant.Remove(ada); err != nil { // and with it the account that was linked to it
		t.Fatal(err)
	}
	s.alive(t, "di")
	until(t, "no more than two are disabled", func() bool { return len(s.app.sent) >= writes+2 })
	if strings.Contains(s.log.String(), "the-secret-of-the-client") {
		t.Error("the secret is in the log")
	}
}

// TestTenantCalls: the same by calls to /hooks/NAME. What nobody signs is believed by
// nobody: it has a user read.
func TestTenantCalls(t *testing.T) {
	t.Parallel()
	const secret = "a-secret-of-the-webhook"
	s, tenant := tenanted(t, "changes: webhook\n    webhook: {secrets: ["+secret+"]}", auth0test.Config{Retries: []time.Duration{1, 1, 1}})
	user(t, tenant, "ada")
	s.serve(t)
	s.alive(t, "ada")
	if _, err := tenant.AddStream(auth0test.Stream{Name: "usher", URL: s.url + "/hooks/auth0", Bearer: secret, Types: []string{"user.created", "user.updated", "user.deleted"}}); err != nil {
		t.Fatal(err)
	}
	bo := user(t, tenant, "bo")
	s.alive(t, "ada", "bo")
	forged := `{"id":"evt_forged","type":"user.deleted","data":{"object":{"user_id":"` + bo + `"}}}`
	for secret, want := range map[string]int{secret: http.StatusNoContent, "another-secret-of-20": http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/hooks/auth0", strings.NewReader(forged))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", secret)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%d, want %d", res.StatusCode, want)
		}
	}
	user(t, tenant, "cy")
	s.alive(t, "ada", "bo", "cy")
	if status, _ := get(t, s.url+"/hooks/other"); status != http.StatusNotFound {
		t.Errorf("a source that does not call: %d", status)
	}
}

// TestTenantMassDeparture: whoever empties a tenant empties no app.
func TestTenantMassDeparture(t *testing.T) {
	t.Parallel()
	s, tenant := tenanted(t, "changes: stream", auth0test.Config{})
	var names, ids []string
	for _, name := range strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z") {
		names = append(names, name+name)
		ids = append(ids, user(t, tenant, name+name))
	}
	s.serve(t)
	s.alive(t, names...)
	until(t, "the stream is open", func() bool { return tenant.OpenStreams() == 1 })
	for _, id := range ids[:20] {
		if err := tenant.Block(id); err != nil {
			t.Fatal(err)
		}
	}
	// As long as they are few they are believed: how many are told of before the
	// engine looks is for the machine to say.
	var held, alive int
	until(t, "the departures are held", func() bool {
		st, err := s.usher.Status(s.ctx)
		if err != nil || len(st.Holds) != 1 {
			return false
		}
		held, alive = st.Holds[0].Count, len(s.live())
		return held > 0 && held+len(names)-alive == 20
	})
	if alive < len(names)-10 {
		t.Errorf("%d of %d have accounts, %d departures are held", alive, len(names), held)
	}
}

// TestTenantMistakes: what is wrong with a tenant is said where it stands.
func TestTenantMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ how, want string }{
		"no such column":   {"columns: [department]", "a user of Auth0 has no column department"},
		"a sealed secret":  {"changes: webhook\n    webhook: {secrets: ['secret:hook']}", "secret:hook cannot be opened: there is no secrets.key"},
		"a column unknown": {"person: {userName: row.login}", "no column"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.NewReplacer("TENANT", "https://acme.auth0.example", "HOW", c.how, ", allow: [loopback, plain-http]", "").Replace(fromTenant)
			_, err := build(t, text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}
