// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/rest"
)

// TestScopesRenewed: what is granted while a token is out is known ten minutes after the
// token was given at the latest, and until then nobody asks for another.
func TestScopesRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := fakeConfig()
		cfg.Scopes = []string{"read:users"}
		tenant, err := auth0test.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, auth0.Config{URL: "https://acme.eu.auth0.com", HTTP: tenant.Transport()})
		role := func() error { _, err := c.CreateRole(t.Context(), auth0.Role{Name: "r"}); return err }
		if err := role(); err == nil {
			t.Error("a role is made without the scope for it")
		}
		tenant.Grant("client-1", "create:roles")
		if err := role(); err == nil || tenant.Counts()["POST /oauth/token"] != 1 {
			t.Errorf("%v, %v", err, tenant.Counts())
		}
		time.Sleep(rest.Stale)
		if err := role(); err == nil { // which was sent with the old one, and drops it
			t.Error("the token was renewed before it was refused")
		}
		if err := role(); err != nil || tenant.Counts()["POST /oauth/token"] != 2 {
			t.Errorf("%v, %v", err, tenant.Counts())
		}
		tenant.Grant("client-1", "read:roles")
		time.Sleep(rest.Stale)
		if got, err := c.Scopes(t.Context()); err != nil || !slices.Equal(got, []string{"create:roles"}) {
			t.Errorf("%v %v", got, err)
		}
		c.Reconsider()
		if got, err := c.Scopes(t.Context()); err != nil || !slices.Equal(got, []string{"read:roles"}) {
			t.Errorf("%v %v", got, err)
		}
	})
}

// TestReconsiderWhileDown: a token that may lack a scope goes on while no other can be had.
func TestReconsiderWhileDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant, err := auth0test.New(fakeConfig())
		if err != nil {
			t.Fatal(err)
		}
		c := newClient(t, auth0.Config{URL: "https://acme.eu.auth0.com", HTTP: tenant.Transport()})
		if _, err := c.Scopes(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rest.Stale)
		tenant.SetFaults(auth0test.Rules(auth0test.Rule{Method: http.MethodPost, Path: "/oauth/token", Fault: auth0test.Fault{Kind: auth0test.BadGateway}}))
		c.Reconsider()
		if _, err := c.CreateRole(t.Context(), auth0.Role{Name: "r"}); err != nil {
			t.Error(err)
		}
	})
}

// TestTokenWrongPlace: a domain, a region, and an audience that are wrong are said to be.
func TestTokenWrongPlace(t *testing.T) {
	t.Parallel()
	const denied = `{"error":"access_denied","error_description":"Unauthorized"}`
	const noService = `{"error":"access_denied","error_description":"Service not enabled within domain: x"}`
	for name, tc := range map[string]struct {
		url, audience string
		status        int
		body          string // "" : there is no such name
		want          []string
	}{
		"no such name":     {"https://acme.us.auth0.com", "", 0, "", []string{"https://acme.us.auth0.com does not exist; set it to the tenant's domain, of its region"}},
		"no such host":     {"https://login.acme.example", "", 0, "", []string{"https://login.acme.example does not exist; set it to the tenant's domain:"}},
		"another region":   {"https://acme.us.auth0.com", "", 404, "Not found.", []string{"is no Auth0 tenant", "of its region, as the dashboard shows it"}},
		"another's region": {"https://acme.us.auth0.com", "", 401, denied, []string{"the client id or the client secret is wrong, or https://acme.us.auth0.com is another's", "of its region"}},
		"own domain":       {"https://login.acme.example", "", 403, noService, []string{"the audience https://login.acme.example/api/v2/ is no API", "with a domain of one's own set it to that of the tenant's first domain"}},
		"own audience":     {"https://login.acme.example", "https://acme.us.auth0.com/api/v2/", 403, noService, []string{"the audience https://acme.us.auth0.com/api/v2/ is no API of the tenant; set it to the identifier"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, auth0.Config{URL: tc.url, Audience: tc.audience, HTTP: roundTrips(func(r *http.Request) (*http.Response, error) {
				if tc.body == "" {
					return nil, &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}
				}
				w := httptest.NewRecorder()
				answer(w, tc.status, tc.body)
				return w.Result(), nil
			})})
			_, err := c.Scopes(t.Context())
			e := failure(t, err)
			for _, want := range tc.want {
				if !strings.Contains(e.Error(), want) {
					t.Errorf("%v, and not %q", e, want)
				}
			}
		})
	}
}

// TestTenantSetUp reads how a tenant is set up: its databases and its event streams.
func TestTenantSetUp(t *testing.T) {
	t.Parallel()
	cfg := fakeConfig()
	cfg.Connections = []auth0test.Connection{
		{Name: "staff", Strategy: "auth0", NoSignUps: true, RequiresUsername: true, PasswordPolicy: "fair", LeastPassword: 12, Clients: []string{"client-1"}},
		{Name: "staff-2", Strategy: "samlp"},
	}
	tenant, c := fake(t, cfg)
	d, found, err := c.DatabaseByName(t.Context(), "staff")
	if o := d.Options; err != nil || !found || d.Strategy != "auth0" || !slices.Equal(d.Clients, []string{"client-1"}) || !*o.SignUpsClosed || !*o.Usernames || o.Policy != "fair" || o.Complexity.Least != 12 {
		t.Errorf("%+v %v %v", d, found, err)
	}
	if _, found, err := c.DatabaseByName(t.Context(), "staf"); found || err != nil {
		t.Errorf("%v %v", found, err)
	}
	id, err := tenant.AddStream(auth0test.Stream{Name: "hook", URL: "https://usher.example/hooks/x", Bearer: "b", Types: []string{auth0.UserCreated}, Disabled: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.EventStream(t.Context(), id)
	if err != nil || s.ID != id || s.Name != "hook" || s.Enabled || s.Webhook != "https://usher.example/hooks/x" || !slices.Equal(s.Types, []string{auth0.UserCreated}) {
		t.Errorf("%+v %v", s, err)
	}
	if list, err := all(c.EventStreams(t.Context())); err != nil || len(list) != 1 || list[0].ID != id {
		t.Errorf("%+v %v", list, err)
	}
	if _, err := c.EventStream(t.Context(), "est_none"); !auth0.IsNotFound(err) {
		t.Errorf("%v", err)
	}
	if c.Limit() == 0 {
		t.Error("the limit is not known")
	}
	other := newTenant(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, `{"id":"est_other","status":"enabled"}`)
	})
	if s, err := other.client(t).EventStream(t.Context(), id); err == nil {
		t.Errorf("another stream: %+v", s)
	}
}
