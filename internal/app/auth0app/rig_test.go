// SPDX-License-Identifier: Apache-2.0

package auth0app_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim"
)

const (
	staff  = "staff" // the connection, without user names
	named  = "named" // another one, with user names
	secret = "the-secret-of-the-tenant"
)

// rig is an app over a tenant.
type rig struct {
	*testing.T

	tenant *auth0test.Tenant
	client *auth0.Client // reads what became of it
	app    *auth0app.App
	url    string
}

// newRig makes an app over a tenant, both as change has them.
func newRig(t *testing.T, change func(*auth0test.Config, *auth0app.Config)) *rig {
	t.Helper()
	tc := auth0test.Config{
		ClientID: "usher", Secret: secret, Connections: []auth0test.Connection{
			{Name: staff, Strategy: "auth0"}, {Name: named, Strategy: "auth0", RequiresUsername: true, MostUsername: 40}, {Name: "google", Strategy: "google-oauth2"},
		},
	}
	ac := auth0app.Config{Connection: staff}
	if change != nil {
		change(&tc, &ac)
	}
	tenant, err := auth0test.New(tc)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := tenant.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	r := &rig{T: t, tenant: tenant, url: url}
	ac.Client, r.client = r.connect(nil), r.connect(nil)
	if r.app, err = auth0app.New(ac); err != nil {
		t.Fatal(err)
	}
	return r
}

// connect makes a client, whose requests go by a transport of the test's own if there
// is one.
func (r *rig) connect(transport interface {
	http.RoundTripper
	CloseIdleConnections()
},
) *auth0.Client {
	r.Helper()
	if transport == nil {
		transport = &http.Transport{}
	}
	r.Cleanup(transport.CloseIdleConnections)
	c, err := auth0.New(auth0.Config{URL: r.url, ClientID: "usher", Secret: secret, HTTP: transport, Timeout: 5 * time.Second})
	if err != nil {
		r.Fatal(err)
	}
	return c
}

// person is an account as a mapping makes it: pairs of a path and a text, and the
// externalId first.
func person(id string, pairs ...string) *scim.Resource {
	u := scim.NewResource(scim.UserURN)
	u.SetExternalID(id)
	for i := 0; i < len(pairs); i += 2 {
		if err := u.Put(scim.MustPath(pairs[i]), scim.String(pairs[i+1])); err != nil {
			panic(err)
		}
	}
	return u
}

// create makes a user that must come about, and returns its id.
func (r *rig) create(u *scim.Resource) string {
	r.Helper()
	u = u.Clone()
	u.SetActive(true)
	ans, err := r.app.Create(r.Context(), app.KindUser, u)
	if err != nil {
		r.Fatal(err)
	}
	return ans.Resource.ID()
}

// set is a change of one attribute; nil takes it away.
func set(path string, v any) scim.Change {
	c := scim.Change{Path: scim.MustPath(path)}
	switch v := v.(type) {
	case string:
		c.After = scim.String(v)
	case bool:
		c.After = scim.Bool(v)
	}
	return c
}

func (r *rig) patch(id string, changes ...scim.Change) (app.Answer, error) {
	return r.app.Patch(r.Context(), app.KindUser, id, changes, nil)
}

// must holds that there is no error.
func (r *rig) must(ans app.Answer, err error) app.Answer {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
	return ans
}

// fails holds that an error is of a class, and says some words, none of which are secret.
func (r *rig) fails(err error, class app.Class, words ...string) {
	r.Helper()
	e, ok := errors.AsType[*app.Error](err)
	if !ok || e.Class != class {
		r.Fatalf("%v, want %v", err, class)
	}
	for _, w := range words {
		if !strings.Contains(e.Error(), w) {
			r.Errorf("%q does not say %q", e.Error(), w)
		}
	}
	if strings.Contains(e.Error(), secret) {
		r.Errorf("%q holds the secret", e.Error())
	}
}

// user is a user of the tenant, as it is.
func (r *rig) user(id string) auth0.User {
	r.Helper()
	u, err := r.client.User(r.Context(), id)
	if err != nil {
		r.Fatal(err)
	}
	return u
}

// active is what a look-up by id says.
func (r *rig) active(id string) bool {
	r.Helper()
	on, known := r.must(r.app.Get(r.Context(), app.KindUser, id)).Resource.Active()
	if !known {
		r.Error("the answer does not tell whether the user is active")
	}
	return on
}

// effects counts what really happened, by operation.
func (r *rig) effects(op, kind string) (n int) {
	for _, e := range r.tenant.Ledger() {
		if e.Op == op && e.Kind == kind {
			n++
		}
	}
	return n
}

// meta is the text at a key of metadata, or what is there as JSON.
func meta(m map[string]jsontext.Value, key string) string {
	return strings.Trim(string(m[key]), `"`)
}

// others is what somebody else keeps with a user.
func others() auth0.UserChange {
	return auth0.UserChange{
		AppMetadata:  map[string]jsontext.Value{"plan": jsontext.Value(`"gold"`)},
		UserMetadata: map[string]jsontext.Value{"hobby": jsontext.Value(`"chess"`)},
	}
}

func blocked() auth0.UserChange { return auth0.UserChange{Blocked: new(true)} }
