// SPDX-License-Identifier: Apache-2.0

package oktaapp_test

import (
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/internal/app/oktaapp"
	"github.com/usher-id/usher/internal/okta"
	"github.com/usher-id/usher/internal/okta/oktatest"
	"github.com/usher-id/usher/scim"
)

const token = "the-token-of-the-org"

// rig is an app over an org, without a network.
type rig struct {
	*testing.T

	org *oktatest.Org
	app *oktaapp.App
	way *apptest.Way
}

// newRig makes an app over an org, both as change has them.
func newRig(t *testing.T, change func(*oktatest.Config, *oktaapp.Config)) *rig {
	t.Helper()
	oc := oktatest.Config{Token: token, MostPerPage: 2, Attributes: []string{"usherId"}}
	var ac oktaapp.Config
	if change != nil {
		change(&oc, &ac)
	}
	org, err := oktatest.New(oc)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, org: org, way: &apptest.Way{RoundTripper: org.Transport()}}
	ac.Client, err = okta.New(okta.Config{URL: "https://acme.okta.com", Token: token, HTTP: r.way, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if r.app, err = oktaapp.New(ac); err != nil {
		t.Fatal(err)
	}
	return r
}

// person is an account as a mapping makes it, with pairs of a path and a text.
func person(login string, pairs ...string) *scim.Resource {
	return apptest.Person(append([]string{"userName", login, `emails[type eq "work"].value`, login, "name.givenName", "Ada", "name.familyName", "L"}, pairs...)...)
}

const login = "ada@acme.example"

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
	if err := r.org.SignIn(ans.Resource.ID()); err != nil {
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
	apptest.Fails(r.T, err, class, token, words...)
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

// is holds that a user has a status and so many sessions.
func (r *rig) is(status string, sessions int) {
	r.Helper()
	if u := r.org.Users()[login]; u.Status != status || u.Sessions != sessions {
		r.Errorf("%+v, want %s with %d sessions", u, status, sessions)
	}
}
