// SPDX-License-Identifier: Apache-2.0

package entraapp_test

import (
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/internal/app/entraapp"
	"github.com/usher-id/usher/internal/entra"
	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/scim"
)

const (
	secret = "the-secret~of.the_tenant"
	mark   = "extensionAttribute7"
	name   = "ada@acme.example"
)

// rig is an app over a tenant, without a network.
type rig struct {
	*testing.T

	tenant *entratest.Tenant
	app    *entraapp.App
	way    *apptest.Way
}

// newRig makes an app over a tenant, both as change has them.
func newRig(t *testing.T, change func(*entratest.Config, *entraapp.Config)) *rig {
	t.Helper()
	tc, ac := entratest.Config{Secret: secret, MostPerPage: 2}, entraapp.Config{IDAttribute: mark}
	if change != nil {
		change(&tc, &ac)
	}
	tenant, err := entratest.New(tc)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, tenant: tenant, way: &apptest.Way{RoundTripper: tenant.Transport()}}
	ac.Client, err = entra.New(entra.Config{
		Tenant: entratest.TenantID, ClientID: entratest.ClientID, Secret: secret, HTTP: r.way, Timeout: 5 * time.Second, Attributes: entraapp.Properties(ac.IDAttribute),
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.app, err = entraapp.New(ac); err != nil {
		t.Fatal(err)
	}
	return r
}

// person is an account as a mapping makes it, with pairs of a path and a text.
func person(name string, pairs ...string) *scim.Resource {
	return apptest.Person(append([]string{"userName", name, "displayName", "Ada L"}, pairs...)...)
}

// create makes a user that must come about, signs her in, and returns its id.
func (r *rig) create(u *scim.Resource) string {
	r.Helper()
	ans, err := r.app.Create(r.Context(), app.KindUser, u)
	if err != nil {
		r.Fatal(err)
	}
	if on, known := ans.Resource.Active(); !on || !known {
		r.Errorf("made inactive")
	}
	if err := r.tenant.SignIn(ans.Resource.ID()); err != nil {
		r.Fatal(err)
	}
	return ans.Resource.ID()
}

func set(path string, v any) scim.Change { return apptest.Set(path, v) }

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
	apptest.Fails(r.T, err, class, secret, words...)
}

// is holds that a user is enabled or not, with so many sessions.
func (r *rig) is(enabled bool, sessions int) {
	r.Helper()
	if u := r.tenant.Users()[name]; u.Enabled != enabled || u.Sessions != sessions {
		r.Errorf("%+v, want enabled %v with %d sessions", u, enabled, sessions)
	}
}

// writes are the requests that changed something since the last look.
func (r *rig) writes() int {
	defer r.tenant.ResetCounts()
	return r.tenant.Counts().Writes()
}
