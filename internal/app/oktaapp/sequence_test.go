// SPDX-License-Identifier: Apache-2.0

package oktaapp_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/internal/app/oktaapp"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/okta/oktatest"
	"github.com/usher-id/usher/scim"
)

// TestSequence: after any sequence of changes, with requests that go wrong, a user is as
// it is wished for at every place, what nobody maps is as it was, nobody who is out is
// signed in, and there is one user.
func TestSequence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, sequences) // in which waits take no time
}

func sequences(t *testing.T) {
	var paths []scim.Path
	for _, p := range []string{
		"active", "userName", `emails[type eq "work"].value`, "name.givenName", "name.familyName", "title", `emails[type eq "home"].value`,
		`phoneNumbers[type eq "mobile"].value`, `addresses[type eq "work"].locality`, scim.EnterpriseUserURN + ":department",
	} {
		paths = append(paths, scim.MustPath(p))
	}
	rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) { // without a deadline, which a bubble has none of
		suspend := rapid.Bool().Draw(rt, "suspend")
		r := newRig(t, func(o *oktatest.Config, a *oktaapp.Config) {
			o.NobodyToEnd = rapid.Bool().Draw(rt, "nobody to end")
			if suspend {
				suspends(o, a)
			}
		})
		if _, err := r.org.Put("ACTIVE", map[string]string{"login": "zoe@acme.example", "usherId": "theirs"}); err != nil {
			rt.Fatal(err)
		}
		id := r.create(wish(rt, paths, true))
		r.org.SetFaults(fake.Seeded(rapid.Uint64().Draw(rt, "seed"), 0.25, 0.5, fake.ServerError, fake.Reset, fake.BadGateway))
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			want := wish(rt, paths, false)
			apptest.Drive(r.Context(), rt, r.app, scim.CoreSchemas(), id, paths, want)
			u := userOf(r, id)
			if on, _ := want.Active(); !on && u.Sessions > 0 {
				rt.Fatalf("%+v is signed in", u)
			}
			_ = r.org.SignIn(id) // whoever can
		}
		if n := len(r.org.Users()); n != 2 || r.org.Users()["zoe@acme.example"].Profile["usherId"] != "theirs" {
			rt.Fatalf("%d users", n)
		}
	})
}

func userOf(r *rig, id string) oktatest.User {
	for _, u := range r.org.Users() {
		if u.ID == id {
			return u
		}
	}
	return oktatest.User{}
}

// wish is an account with any values, or none, at any places.
func wish(rt *rapid.T, paths []scim.Path, active bool) *scim.Resource {
	u := scim.NewResource(scim.UserURN)
	for i, p := range paths {
		n := rapid.IntRange(0, 3).Draw(rt, "value")
		text := fmt.Sprintf("%d %d ü\"\\", i, n)
		switch {
		case p.Attr == "active":
			u.SetActive(active || n > 0)
			continue
		case p.Attr == "userName", p.Attr == "emails":
			text = fmt.Sprintf("%s%d@acme.example", strings.ToLower(p.Attr), n)
		case p.Attr == "name" && (p.Sub == "givenName" || p.Sub == "familyName"):
		case n == 0:
			continue
		}
		if err := u.Put(p, scim.String(text)); err != nil {
			rt.Fatal(err)
		}
	}
	return u
}
