// SPDX-License-Identifier: Apache-2.0

package googleapp_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/internal/app/googleapp"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/google/googletest"
	"github.com/usher-id/usher/scim"
)

// TestSequence: after any sequence of changes, with requests that go wrong, a user is as it
// is wished for at every place, what others have put beside it is as it was, in any order
// of entries, nobody who is out has anything left, and there is one user.
func TestSequence(t *testing.T) {
	t.Parallel()
	robotKey() // outside of the bubble
	set := schemas(t)
	synctest.Test(t, func(t *testing.T) { sequences(t, set) }) // in which waits take no time
}

// theirs are entries that others make, none of which is ours.
func theirs() map[string][]any {
	return map[string][]any{
		"externalIds":   {map[string]any{"type": "custom", "customType": "badge", "value": "7"}, map[string]any{"type": "account", "value": "x"}},
		"organizations": {map[string]any{"type": "school", "name": "Old", "title": "Pupil"}, map[string]any{"type": "work", "name": "Side job"}},
		"phones":        {map[string]any{"type": "home", "value": "1"}, map[string]any{"type": "custom", "customType": "work", "value": "2"}},
		"addresses":     {map[string]any{"type": "home", "locality": "Bern"}},
		"relations":     {map[string]any{"type": "assistant", "value": "bob@acme.example"}},
	}
}

func sequences(t *testing.T, schemas *scim.SchemaSet) {
	var paths []scim.Path
	for _, p := range []string{
		"active", "userName", "name.givenName", "name.familyName", "displayName", "title", `phoneNumbers[type eq "work"].value`,
		`addresses[type eq "work"].locality`, scim.EnterpriseUserURN + ":department", scim.EnterpriseUserURN + ":employeeNumber",
		scim.EnterpriseUserURN + ":manager.value", unit,
	} {
		paths = append(paths, scim.MustPath(p))
	}
	rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) { // without a deadline, which a bubble has none of
		r := newRig(t, func(c *googletest.Config, _ *googleapp.Config) {
			c.NobodyToSignOut = rapid.Bool().Draw(rt, "nobody to sign out")
			c.RenamesAsTaken = rapid.Bool().Draw(rt, "renames as taken")
		})
		if _, err := r.account.Put("zoe@acme.example", map[string]any{"externalIds": []any{map[string]any{"type": "organization", "value": "theirs"}}}); err != nil {
			rt.Fatal(err)
		}
		id := r.create(wish(rt, paths, true))
		others := theirs()
		for list, entries := range others {
			u := userOf(r, id)
			ours, _ := u.Fields[list].([]any)
			at := rapid.IntRange(0, len(ours)).Draw(rt, "place")
			all := append([]any{}, ours[:at]...)
			r.account.Field(id, list, append(append(all, entries...), ours[at:]...))
		}
		r.account.SetFaults(fake.Seeded(rapid.Uint64().Draw(rt, "seed"), 0.25, 0.5, fake.ServerError, fake.Reset, fake.BadGateway, fake.TooMany))
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			want := wish(rt, paths, false)
			apptest.Drive(r.Context(), rt, r.app, schemas, id, paths, want)
			u := userOf(r, id)
			if on, _ := want.Active(); on == u.Suspended || !on && (u.Sessions > 0 || len(u.Grants) > 0 || len(u.Passwords) > 0) {
				rt.Fatalf("%+v, active %v", u, on)
			}
			for list, entries := range others {
				is, _ := u.Fields[list].([]any)
				for _, want := range entries {
					if !holds(is, want) {
						rt.Fatalf("%s: %v is gone: %v", list, want, is)
					}
				}
			}
			r.works(id) // whoever can
			time.Sleep(time.Minute)
		}
		u := r.account.Users()["zoe@acme.example"]
		if n := len(r.account.Users()); n != 2 || u.Entry("externalIds", "value", "theirs") == nil {
			rt.Fatalf("%d users", n)
		}
	})
}

func holds(list []any, want any) bool {
	for _, e := range list {
		if reflect.DeepEqual(e, want) {
			return true
		}
	}
	return false
}

func userOf(r *rig, id string) googletest.User {
	for _, u := range r.account.Users() {
		if u.ID == id {
			return u
		}
	}
	return googletest.User{}
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
		case p.Attr == "userName":
			text = fmt.Sprintf("%s%d@acme.example", strings.ToLower(p.Attr), n)
		case p.Attr == "orgUnitPath":
			text = []string{"/", "/Staff", "/Sales", "/Staff"}[n]
		case p.Attr == "name":
		case n == 0:
			continue
		}
		if err := u.Put(p, scim.String(text)); err != nil {
			rt.Fatal(err)
		}
	}
	return u
}
