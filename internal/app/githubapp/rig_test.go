// SPDX-License-Identifier: Apache-2.0

package githubapp_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/internal/app/githubapp"
	"github.com/usher-id/usher/internal/github"
	"github.com/usher-id/usher/internal/github/githubtest"
	"github.com/usher-id/usher/internal/rest"
)

// key is the GitHub App's, made once as that takes a while.
var key = sync.OnceValues(func() (private, public []byte) {
	private, err := rest.NewKey()
	if err == nil {
		public, _, err = rest.PublicKeyOf(private)
	}
	if err != nil {
		panic(err)
	}
	return private, public
})

// rig is an app over an organization, without a network.
type rig struct {
	*testing.T

	org *githubtest.Org
	app *githubapp.App
	way *apptest.Way
}

// newRig makes an app over an organization, both as change has them.
func newRig(t *testing.T, change func(*githubtest.Config, *githubapp.Config)) *rig {
	t.Helper()
	private, public := key()
	oc := githubtest.Config{Login: "acme", AppID: "4711", PublicKeys: [][]byte{public}, MostPerPage: 2}
	ac := githubapp.Config{}
	if change != nil {
		change(&oc, &ac)
	}
	org, err := githubtest.New(oc)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, org: org, way: &apptest.Way{RoundTripper: org.Transport()}}
	ac.Client, err = github.New(github.Config{Organization: "acme", AppID: "4711", Key: private, HTTP: r.way, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if r.app, err = githubapp.New(ac); err != nil {
		t.Fatal(err)
	}
	return r
}

// must holds that there is no error.
func (r *rig) must(ans app.Answer, err error) app.Answer {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
	return ans
}

// fails holds that an error is of a class, and says some words.
func (r *rig) fails(err error, class app.Class, words ...string) {
	r.Helper()
	apptest.Fails(r.T, err, class, "ghs_", words...)
}

const (
	login = "ada-gh"
	mail  = `emails[type eq "work"].value`
)

// invite invites somebody, and returns the account's id.
func (r *rig) invite() string {
	r.Helper()
	return r.must(r.app.Create(r.Context(), app.KindUser, apptest.Person("userName", login))).Resource.ID()
}

// join makes somebody a member, who has accepted, and returns the account's id.
func (r *rig) join() string {
	r.Helper()
	r.org.PutUser(login)
	id := r.invite()
	if err := r.org.Accept(login); err != nil {
		r.Fatal(err)
	}
	return id
}

func (r *rig) delete(id string) error {
	_, err := r.app.Delete(r.Context(), app.KindUser, id)
	return err
}

// gone holds that somebody is neither a member nor invited, nor in a look-up.
func (r *rig) gone(id string) {
	r.Helper()
	_, err := r.app.Get(r.Context(), app.KindUser, id)
	r.fails(err, app.NotFound)
	_, in := r.org.Members()[login]
	if in || len(r.org.Invitations()) > 0 {
		r.Errorf("%v %v", r.org.Members(), r.org.Invitations())
	}
}

// members are those of a team, as the app shows them.
func (r *rig) members(team string) []string {
	r.Helper()
	ids := r.must(r.app.Get(r.Context(), app.KindGroup, team)).Resource.Members()
	slices.Sort(ids)
	return ids
}
