// SPDX-License-Identifier: Apache-2.0

package entraapp_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/internal/app/entraapp"
	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/internal/fake"
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
	paths := []scim.Path{{URN: entraapp.ExtensionURN, Attr: "officeLocation"}}
	for _, p := range []string{
		"active", "userName", "displayName", `emails[type eq "work"].value`, "name.givenName", "name.familyName", "title", "userType",
		`phoneNumbers[type eq "work"].value`, `phoneNumbers[type eq "mobile"].value`, `addresses[type eq "work"].locality`, scim.EnterpriseUserURN + ":department",
	} {
		paths = append(paths, scim.MustPath(p))
	}
	rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) { // without a deadline, which a bubble has none of
		r := newRig(t, func(c *entratest.Config, _ *entraapp.Config) {
			c.RevokeAnswersNothing = rapid.Bool().Draw(rt, "revoke answers nothing")
			c.Lag = time.Duration(rapid.IntRange(0, 1).Draw(rt, "lag")) * time.Second
			c.Uneven = rapid.Bool().Draw(rt, "uneven")
		})
		schemas, err := scim.CoreSchemas().With(r.app.Profile().Extensions...)
		if err != nil {
			rt.Fatal(err)
		}
		theirs := r.tenant.Put(entratest.Person{Name: "zoe@acme.example", Props: map[string]string{mark: "theirs"}})
		id := r.create(wish(rt, paths, true))
		time.Sleep(time.Minute)
		r.tenant.SetFaults(fake.Seeded(rapid.Uint64().Draw(rt, "seed"), 0.25, 0.5, fake.ServerError, fake.Reset, fake.BadGateway))
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			want := wish(rt, paths, false)
			apptest.Drive(r.Context(), rt, slow{r.app}, schemas, id, paths, want)
			u := userOf(r, id)
			if on, _ := want.Active(); on != u.Enabled || !on && u.Sessions > 0 {
				rt.Fatalf("%+v, want active %v", u, on)
			}
			_ = r.tenant.SignIn(id) // whoever can
		}
		if n := len(r.tenant.Users()); n != 2 || userOf(r, theirs).Props[mark] != "theirs" || userOf(r, id).Props[mark] != "" {
			rt.Fatalf("%d users", n)
		}
	})
}

func userOf(r *rig, id string) entratest.User {
	for _, u := range r.tenant.Users() {
		if u.ID == id {
			return u
		}
	}
	return entratest.User{}
}

// wish is an account with any values, or none, at any places.
func wish(rt *rapid.T, paths []scim.Path, active bool) *scim.Resource {
	u := scim.NewResource(scim.UserURN)
	for i, p := range paths {
		n := rapid.IntRange(0, 3).Draw(rt, "value")
		text := fmt.Sprintf("%d %d ü\"\\'", i, n)
		switch {
		case p.Attr == "active":
			u.SetActive(active || n > 0)
			continue
		case p.Attr == "userName":
			text = fmt.Sprintf("ada.%d@acme.example", n)
		case p.Attr == "emails":
			text = fmt.Sprintf("%s%d@acme.example", strings.ToLower(p.Attr), n)
		case p.Attr == "displayName":
		case n == 0:
			continue
		}
		if err := u.Put(p, scim.String(text)); err != nil {
			rt.Fatal(err)
		}
	}
	return u
}
