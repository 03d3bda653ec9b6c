// SPDX-License-Identifier: Apache-2.0

package googleapp_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/internal/app/googleapp"
	"github.com/usher-id/usher/internal/google"
	"github.com/usher-id/usher/internal/google/googletest"
	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/scim"
)

const (
	robot = "usher@project.iam.gserviceaccount.com"
	ada   = "ada@acme.example"
	unit  = googleapp.Extension + ":orgUnitPath"
)

// robotKey is the key of the service account, private and public.
var robotKey = sync.OnceValues(func() (private, public []byte) {
	private, err := rest.NewKey()
	if err == nil {
		public, _, err = rest.PublicKeyOf(private)
	}
	if err != nil {
		panic(err)
	}
	return private, public
})

// rig is an app over an account, without a network.
type rig struct {
	*testing.T

	account *googletest.Account
	app     *googleapp.App
	way     *apptest.Way
}

// newRig makes an app over an account, both as change has them.
func newRig(t *testing.T, change func(*googletest.Config, *googleapp.Config)) *rig {
	t.Helper()
	private, public := robotKey()
	tc := googletest.Config{Email: robot, PublicKeys: [][]byte{public}, MostPerPage: 2, OrgUnits: []string{"/Staff", "/Sales"}}
	ac := googleapp.Config{GroupDomain: "acme.example", GroupPrefix: "team-"}
	if change != nil {
		change(&tc, &ac)
	}
	account, err := googletest.New(tc)
	if err != nil {
		t.Fatal(err)
	}
	key, err := json.Marshal(map[string]string{"type": "service_account", "client_email": robot, "private_key_id": "key1", "private_key": string(private)})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, account: account, way: &apptest.Way{RoundTripper: account.Transport()}}
	ac.Client, err = google.New(google.Config{Key: key, Administrator: "admin@acme.example", HTTP: r.way, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if r.app, err = googleapp.New(ac); err != nil {
		t.Fatal(err)
	}
	return r
}

// person is an account as a mapping makes it, with pairs of a path and a text.
func person(address string, pairs ...string) *scim.Resource {
	return apptest.Person(append([]string{"userName", address, "name.givenName", "Ada", "name.familyName", "L"}, pairs...)...)
}

// create makes a user that must come about, who works, and returns its id.
func (r *rig) create(u *scim.Resource) string {
	r.Helper()
	ans := r.must(r.app.Create(r.Context(), app.KindUser, u))
	if on, known := ans.Resource.Active(); !on || !known {
		r.Errorf("made inactive")
	}
	r.works(ans.Resource.ID())
	return ans.Resource.ID()
}

// works signs a user in, who lets an application in and makes a password for another.
func (r *rig) works(id string) {
	_ = r.account.SignIn(id) // whoever can
	r.account.LetIn(id, "notes.example")
	r.account.LetIn(id, "crm.example")
	r.account.MakePassword(id)
	r.account.MakePassword(id)
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
	private, _ := robotKey()
	apptest.Fails(r.T, err, class, strings.Split(string(private), "\n")[3], words...)
	for _, u := range r.account.Users() {
		if u.Password != "" && strings.Contains(err.Error(), u.Password) {
			r.Errorf("%v holds a password", err)
		}
	}
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

// out holds that a user is suspended, and that nothing is left by which somebody goes on.
func (r *rig) out(address string) {
	r.Helper()
	if u := r.account.Users()[address]; !u.Suspended && !u.Archived || u.Sessions > 0 || len(u.Grants) > 0 || len(u.Passwords) > 0 {
		r.Errorf("%+v is not out", u)
	}
}
