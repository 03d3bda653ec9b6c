// SPDX-License-Identifier: Apache-2.0

package googleapp_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/googleapp"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/google"
	"github.com/usher-id/usher/internal/google/googletest"
	"github.com/usher-id/usher/scim"
)

// schemas are those that a mapping for Google may name.
func schemas(t *testing.T) *scim.SchemaSet {
	t.Helper()
	p, err := app.ProfileByID(googleapp.ProfileID)
	if err != nil {
		t.Fatal(err)
	}
	set, err := scim.CoreSchemas().With(p.Extensions...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// everything is a text at every place that may be empty.
func everything() (pairs []string, paths []scim.Path) {
	for _, p := range []string{
		"displayName", "title", "userType", `phoneNumbers[type eq "work"].value`, `phoneNumbers[type eq "mobile"].value`,
		`addresses[type eq "work"].streetAddress`, `addresses[type eq "work"].locality`, `addresses[type eq "work"].region`,
		`addresses[type eq "work"].postalCode`, `addresses[type eq "work"].country`, `addresses[type eq "work"].formatted`,
		"enterprise.employeeNumber", "enterprise.department", "enterprise.costCenter", "enterprise.organization", "enterprise.manager.value",
	} {
		p = strings.Replace(p, "enterprise.", scim.EnterpriseUserURN+":", 1)
		pairs = append(pairs, p, "ü of "+p[max(0, len(p)-20):])
		paths = append(paths, scim.MustPath(p))
	}
	return pairs, append(paths, scim.MustPath("userName"), scim.MustPath("name.givenName"), scim.MustPath("name.familyName"), scim.MustPath("externalId"))
}

// TestPlaces: what is written at each place is read from there, by id and in a list, and can
// be taken away; what others have put beside it stays, whatever is written.
func TestPlaces(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *googletest.Config, a *googleapp.Config) { a.ChangePassword = true })
	pairs, paths := everything()
	want := person(ada, pairs...)
	want.SetExternalID("id1")
	id := r.create(want)
	same := func(what string, got *scim.Resource) {
		t.Helper()
		if d := scim.Diff(schemas(t), scim.UserURN, paths, got, want); len(d) > 0 {
			t.Errorf("%s: %v", what, d)
		}
	}
	same("read", r.must(r.app.Get(t.Context(), app.KindUser, id)).Resource)
	theirs := map[string]any{
		"externalIds":   map[string]any{"type": "custom", "customType": "badge", "value": "7"},
		"organizations": map[string]any{"type": "school", "name": "Old"},
		"phones":        map[string]any{"type": "home", "value": "1"},
		"addresses":     map[string]any{"type": "home", "locality": "Bern"},
		"relations":     map[string]any{"type": "assistant", "value": "bob@acme.example"},
	}
	for list, entry := range theirs {
		u := r.account.Users()[ada]
		ours, _ := u.Fields[list].([]any)
		r.account.Field(id, list, append([]any{entry}, ours...))
	}
	changes := []scim.Change{set("externalId", "id2")}
	for i := 0; i < len(pairs); i += 2 {
		changes = append(changes, set(pairs[i], "new "+pairs[i+1]))
		_ = want.Put(scim.MustPath(pairs[i]), scim.String("new "+pairs[i+1]))
	}
	want.SetExternalID("id2")
	r.must(r.patch(id, changes...))
	n := 0
	for u, err := range r.app.List(t.Context(), app.KindUser, false) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; u.ID() == id {
			same("listed", u)
		}
	}
	if n != 2 { // with the administrator
		t.Errorf("%d users", n)
	}
	var gone []scim.Change
	for i := 0; i < len(pairs); i += 2 {
		gone = append(gone, set(pairs[i], nil))
	}
	r.must(r.patch(id, append(gone, set("externalId", nil))...))
	u := r.account.Users()[ada]
	for list := range theirs {
		if left, _ := u.Fields[list].([]any); len(left) != 1 {
			t.Errorf("%s is %v", list, left)
		}
	}
	if u.Entry("phones", "value", "1") == nil || u.Entry("externalIds", "value", "7") == nil || len(u.Fields) != 2+len(theirs) {
		t.Errorf("%+v", u)
	}
	if len(u.Password) != app.PasswordLength || !u.ChangePassword {
		t.Errorf("a password of %d, to be changed: %v", len(u.Password), u.ChangePassword)
	}
}

// TestStagedHire: somebody who is made inactive is suspended, and let in once.
func TestStagedHire(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	u := person(ada)
	u.SetActive(false)
	id := r.must(r.app.Create(t.Context(), app.KindUser, u)).Resource.ID()
	if now := r.account.Users()[ada]; !now.Suspended || now.ChangePassword || r.active(id) {
		t.Errorf("%+v", now)
	}
	r.must(r.patch(id, set("active", true)))
	if !r.active(id) {
		t.Error("not active")
	}
}

// TestUnit: where somebody is in the organization is an attribute of Google's own.
func TestUnit(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(ada, unit, "/Staff"))
	r.must(r.patch(id, set(unit, "/Sales")))
	if u := r.account.Users()[ada]; u.Fields["orgUnitPath"] != "/Sales" {
		t.Errorf("%+v", u)
	}
	_, err := r.patch(id, set(unit, "/Nowhere"))
	r.fails(err, app.Terminal, "INVALID_OU_ID")
}

// TestQuiet: what is as it should be is not sent.
func TestQuiet(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(ada, "title", "Dr"))
	r.account.ResetCounts()
	r.must(r.patch(id, set("title", "Dr"), set("userName", ada), set("active", true)))
	if n := r.account.Counts().Writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// TestCheck: what has no place is said with what to write, and so is what lacks.
func TestCheck(t *testing.T) {
	t.Parallel()
	var paths []scim.Path
	for _, p := range []string{"userName", `emails[type eq "work"].value`, `ims[type eq "x"].value`, "active", "externalId", "name.formatted", unit, "password"} {
		paths = append(paths, scim.MustPath(p))
	}
	errs, lacking := googleapp.Check(paths)
	for i, want := range []string{"", "userName is the address", "take it out", "", "", "name.givenName", "", "nobody knows"} {
		var no *app.NoPlaceError
		if got := errors.As(errs[i], &no); got != (want != "") || got && !strings.Contains(no.Error(), want) {
			t.Errorf("%s: %v, want %q", paths[i], errs[i], want)
		}
	}
	if !slices.Equal(lacking, []string{"name.givenName", "name.familyName"}) {
		t.Errorf("%v", lacking)
	}
}

// TestRenames: a new address keeps the user and leaves the old one as an alias, which keeps
// others from it and is given up for its own user. That Google says "taken" of what it has
// done is no failure, and that an address is taken is one.
func TestRenames(t *testing.T) {
	t.Parallel()
	for _, asTaken := range []bool{false, true} {
		r := newRig(t, func(c *googletest.Config, _ *googleapp.Config) { c.RenamesAsTaken = asTaken })
		id := r.create(person(ada))
		r.create(person("bob@acme.example"))
		_, err := r.patch(id, set("userName", "bob@acme.example"))
		r.fails(err, app.Conflict, "already exists")
		r.must(r.patch(id, set("userName", "lady@acme.example"), set("title", "Dr")))
		if u := r.account.Users()["lady@acme.example"]; u.ID != id || !slices.Equal(u.Aliases, []string{ada}) || u.Entry("organizations", "title", "Dr") == nil {
			t.Errorf("%+v", u)
		}
		_, err = r.app.Create(t.Context(), app.KindUser, person(ada))
		r.fails(err, app.Conflict)
		_, _, err = r.app.Find(t.Context(), app.KindUser, scim.MustPath("userName"), ada)
		r.fails(err, app.Terminal, "alias of another user", id)
		r.must(r.patch(id, set("userName", ada)))
		if u := r.account.Users()[ada]; u.ID != id || !slices.Equal(u.Aliases, []string{"lady@acme.example"}) {
			t.Errorf("%+v", u)
		}
	}
}

// TestFresh: who is new is not found for a while, or forbidden. That is tried again, holds
// up nobody else, and is not taken for a lack of rights; those are told as what they are.
func TestFresh(t *testing.T) {
	t.Parallel()
	for _, forbids := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, func(c *googletest.Config, _ *googleapp.Config) { c.SettleIn, c.FreshForbidden = time.Minute, forbids })
			id := r.must(r.app.Create(t.Context(), app.KindUser, person(ada))).Resource.ID()
			class := app.NotFound
			if forbids {
				class = app.Precondition
			}
			_, err := r.patch(id, set("title", "Dr"))
			r.fails(err, class)
			_, err = r.app.Get(t.Context(), app.KindUser, id)
			r.fails(err, class)
			hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("userName"), ada)
			if forbids {
				r.fails(err, app.Precondition, "does not let us at the user yet")
			} else if err != nil || len(hits) != 0 {
				t.Errorf("%v %v", hits, err)
			}
			group := r.account.PutGroup("old@acme.example", "Old")
			_, err = r.app.ChangeMembers(t.Context(), group, []string{id}, nil)
			r.fails(err, app.Precondition, "yet")
			time.Sleep(time.Minute)
			r.must(r.app.ChangeMembers(t.Context(), group, []string{id}, nil))
			r.must(r.patch(id, set("title", "Dr")))
		})
	}
	r := newRig(t, nil)
	id := r.create(person(ada))
	group := r.account.PutGroup("old@acme.example", "Old")
	r.account.SetFaults(fake.Rules(fake.Rule{Path: "/groups/{gid}/members", Times: 1, Fault: fake.Fault{Kind: fake.NotFound}}))
	_, err := r.app.ChangeMembers(t.Context(), group, []string{id}, nil) // both are there
	r.fails(err, app.Precondition, "among those who can be members")
	r.must(r.app.ChangeMembers(t.Context(), group, []string{id}, nil))
	r.account.SetFaults(fake.Rules(fake.Rule{Method: http.MethodGet, Path: "/users/{id}", Fault: fake.Fault{Kind: fake.Forbidden}}))
	_, err = r.app.Get(t.Context(), app.KindUser, id) // and so is the administrator
	r.fails(err, app.Unauthorized, "Not Authorized")
}

// TestFind: by the address it is final; by our own id it is exact, and a number of somebody
// else's that is the same is none.
func TestFind(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	u := person(ada)
	u.SetExternalID("id1")
	id := r.create(u)
	boss := r.create(person("boss@acme.example", scim.EnterpriseUserURN+":employeeNumber", "id1"))
	r.account.SetAdministrator(boss, true)
	eve := person("eve@acme.example", scim.EnterpriseUserURN+":employeeNumber", "id1")
	eve.SetExternalID("id3")
	r.create(eve)
	find := func(path, value string) []*scim.Resource {
		t.Helper()
		hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath(path), value)
		if err != nil {
			t.Fatal(err)
		}
		return hits
	}
	for _, by := range [][2]string{{"userName", "ADA@acme.example"}, {"externalId", "id1"}, {"emails", ada}} {
		if hits := find(by[0], by[1]); len(hits) != 1 || hits[0].ID() != id || hits[0].ExternalID() != "id1" {
			t.Errorf("%v: %v", by, hits)
		}
	}
	for _, by := range [][2]string{{"userName", "x@acme.example"}, {"externalId", "id2"}} {
		if hits := find(by[0], by[1]); len(hits) != 0 {
			t.Errorf("%v: %v", by, hits)
		}
	}
	if hits := find("userName", "boss@acme.example"); len(hits) != 1 {
		t.Errorf("%v", hits)
	} else if v, ok := hits[0].Get("roles"); !ok {
		t.Errorf("an administrator is shown as anybody: %v", v)
	}
	_, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("title"), "Dr")
	r.fails(err, app.Terminal, "does not search")
}

// TestClasses: Google's refusals as the engine is to take them, and no password in any.
func TestClasses(t *testing.T) {
	t.Parallel()
	for kind, class := range map[fake.Kind]app.Class{
		fake.Unauthorized: app.Unauthorized, fake.Forbidden: app.Unauthorized, fake.ServerError: app.Ambiguous, fake.Unavailable: app.Ambiguous,
		fake.BadGateway: app.Ambiguous, fake.Reset: app.Ambiguous, fake.AnswerLost: app.Ambiguous, fake.Garbage: app.Ambiguous, fake.Conflict: app.Conflict,
	} {
		r := newRig(t, nil)
		r.account.SetFaults(fake.Rules(fake.Rule{Path: "/users", Fault: fake.Fault{Kind: kind}}))
		_, err := r.app.Create(t.Context(), app.KindUser, person(ada))
		r.fails(err, class)
	}
	synctest.Test(t, func(t *testing.T) { // a limit outlasts the call
		r := newRig(t, nil)
		r.account.SetFaults(fake.Rules(fake.Rule{Path: "/users", Fault: fake.Fault{Kind: fake.TooMany}}))
		for _, address := range []string{ada, "bo@acme.example"} { // 403 and 429
			_, err := r.app.Create(t.Context(), app.KindUser, person(address))
			r.fails(err, app.Retry)
		}
		began := time.Now() // nor is a list waited for without end
		for _, err := range r.app.List(t.Context(), app.KindUser, false) {
			r.fails(err, app.Retry)
		}
		if d := time.Since(began); d == 0 || d > 2*time.Minute {
			t.Errorf("waited for %v", d)
		}
	})
	synctest.Test(t, func(t *testing.T) { // one of the day is not waited for at all
		r := newRig(t, nil)
		r.must(r.app.Create(t.Context(), app.KindUser, person(ada)))
		r.way.RoundTripper = spent{}
		began := time.Now()
		_, err := r.app.Create(t.Context(), app.KindUser, person("bo@acme.example"))
		r.fails(err, app.Retry, "dailyLimitExceeded")
		if e := app.Classify(err); e.RetryAfter < time.Hour || time.Since(began) > 0 {
			t.Errorf("again after %v, waited for %v", e.RetryAfter, time.Since(began))
		}
	})
	synctest.Test(t, func(t *testing.T) { // who is forbidden alone is new, for an hour at most
		r := newRig(t, func(c *googletest.Config, _ *googleapp.Config) { c.SettleIn, c.FreshForbidden = 2*time.Hour, true })
		id := r.must(r.app.Create(t.Context(), app.KindUser, person(ada))).Resource.ID()
		_, err := r.app.Get(t.Context(), app.KindUser, id)
		r.fails(err, app.Precondition, "yet")
		time.Sleep(time.Hour)
		_, err = r.app.Get(t.Context(), app.KindUser, id)
		r.fails(err, app.Terminal, "has not for an hour")
	})
	r := newRig(t, nil)
	id := r.create(person(ada))
	for _, bad := range []scim.Change{set("active", "yes"), set("userName", nil), set("title", true), set("ims", "x"), set("emails", "x")} {
		_, err := r.patch(id, bad)
		r.fails(err, app.Terminal)
	}
	_, err := r.app.Create(t.Context(), app.KindUser, person("ada@other.example"))
	r.fails(err, app.Terminal, "Invalid Input: primary_user_email")
}

// TestNew: nothing secret is printed, and the profile says what the adapter does.
func TestNew(t *testing.T) {
	t.Parallel()
	if _, err := googleapp.New(googleapp.Config{}); err == nil {
		t.Error("an app without a client")
	}
	r := newRig(t, nil)
	private, _ := robotKey()
	if s := r.app.GoString() + r.app.String(); strings.Contains(s, strings.Split(string(private), "\n")[3]) || !strings.Contains(s, google.DefaultURL) {
		t.Error(s)
	}
	p := r.app.Profile()
	if !p.Filterable(app.KindUser, scim.MustPath("externalId")) || p.MembersAtOnce(true) != 1 || p.MembersAtOnce(false) != 1 || !p.ListLate || !p.MembersReadable || p.Settle != 10*time.Minute {
		t.Errorf("%+v", p)
	}
	if n := r.app.Weight(app.KindUser, []scim.Change{set("active", false)}); n != 11 || r.app.AddWeight() != 2 || r.app.Weight(app.KindUser, []scim.Change{set("active", true)}) != 2 || r.app.Weight(app.KindUser, nil) != 1 {
		t.Errorf("%d", n)
	}
}

// spent is an account whose limit of the day is used up.
type spent struct{}

func (spent) RoundTrip(r *http.Request) (*http.Response, error) {
	const body = `{"error":{"code":403,"message":"Daily Limit Exceeded","errors":[{"reason":"dailyLimitExceeded"}]}}`
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}
