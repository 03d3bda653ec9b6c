// SPDX-License-Identifier: Apache-2.0

package oktaapp_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/apptest"
	"github.com/usher-id/usher/internal/app/oktaapp"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/okta"
	"github.com/usher-id/usher/internal/okta/oktatest"
	"github.com/usher-id/usher/scim"
)

// everything is a text at every place.
func everything() (pairs []string, paths []scim.Path) {
	for _, p := range []string{
		"displayName", "nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale", "timezone", `emails[type eq "home"].value`,
		"name.middleName", "name.honorificPrefix", "name.honorificSuffix", `phoneNumbers[type eq "work"].value`, `phoneNumbers[type eq "mobile"].value`,
		`addresses[type eq "work"].streetAddress`, `addresses[type eq "work"].locality`, `addresses[type eq "work"].region`,
		`addresses[type eq "work"].postalCode`, `addresses[type eq "work"].country`, `addresses[type eq "work"].formatted`,
		"enterprise.employeeNumber", "enterprise.department", "enterprise.costCenter", "enterprise.organization", "enterprise.division",
		"enterprise.manager.value", "enterprise.manager.displayName",
	} {
		p = strings.Replace(p, "enterprise.", scim.EnterpriseUserURN+":", 1)
		pairs = append(pairs, p, "ü of "+p)
		paths = append(paths, scim.MustPath(p))
	}
	return pairs, append(paths, scim.MustPath("userName"), scim.MustPath(`emails[type eq "work"].value`), scim.MustPath("name.givenName"), scim.MustPath("name.familyName"))
}

// TestPlaces: what is written at each place is read from there, by id and in a list, and
// can be taken away.
func TestPlaces(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	pairs, paths := everything()
	want := person(login, pairs...)
	id := r.create(want)
	same := func(what string, got *scim.Resource) {
		t.Helper()
		if d := scim.Diff(scim.CoreSchemas(), scim.UserURN, paths, got, want); len(d) > 0 {
			t.Errorf("%s: %v", what, d)
		}
	}
	same("read", r.must(r.app.Get(t.Context(), app.KindUser, id)).Resource)
	for u, err := range r.app.List(t.Context(), app.KindUser, false) {
		if err != nil {
			t.Fatal(err)
		}
		same("listed", u)
	}
	if n := len(r.org.Users()[login].Profile); n != 4+len(pairs)/2 {
		t.Errorf("%d attributes: %v", n, r.org.Users()[login].Profile)
	}
	var gone []scim.Change
	for i := 0; i < len(pairs); i += 2 {
		gone = append(gone, set(pairs[i], nil))
	}
	r.must(r.patch(id, gone...))
	if p := r.org.Users()[login].Profile; len(p) != 4 {
		t.Errorf("%v", p)
	}
}

// TestCheck: what has no place is said with what to write, and so is what lacks.
func TestCheck(t *testing.T) {
	t.Parallel()
	var paths []scim.Path
	for _, p := range []string{"userName", `emails[primary eq true].value`, `emails[type eq "work"].value`, `ims[type eq "x"].value`, "active", "externalId", "name.formatted"} {
		paths = append(paths, scim.MustPath(p))
	}
	errs, lacking := oktaapp.Check(paths)
	for i, want := range []string{"", "", "already", "take it out", "", "", "name.givenName"} {
		var no *app.NoPlaceError
		if got := errors.As(errs[i], &no); got != (want != "") || got && !strings.Contains(no.Error(), want) {
			t.Errorf("%s: %v, want %q", paths[i], errs[i], want)
		}
	}
	if !slices.Equal(lacking, []string{"name.givenName", "name.familyName"}) {
		t.Errorf("%v", lacking)
	}
	if _, lacking := oktaapp.Check(nil); len(lacking) != 4 {
		t.Errorf("%v", lacking)
	}
}

// TestStagedHire: somebody who is made inactive is STAGED, and activated once, with what
// has changed before the mail goes out.
func TestStagedHire(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	u := person(login)
	u.SetActive(false)
	id := r.must(r.app.Create(t.Context(), app.KindUser, u)).Resource.ID()
	r.is("STAGED", 0)
	if r.active(id) {
		t.Error("somebody STAGED is active")
	}
	r.must(r.patch(id, set("active", true), set(`emails[type eq "work"].value`, "new@acme.example"), set("title", "Dr")))
	r.is("PROVISIONED", 0)
	var order []string
	for _, e := range r.org.Ledger() {
		if e.Kind == "user" {
			order = append(order, strings.TrimSpace(e.Op+" "+strings.TrimPrefix(e.Detail, login)))
		}
	}
	if !slices.Equal(order, []string{"create", "update email title", "activate STAGED", "mail new@acme.example"}) {
		t.Errorf("%q", order)
	}
	r.must(r.patch(id, set("active", true)))
	if !r.active(id) {
		t.Error("not active")
	}
}

// TestConflicts: what is taken is a conflict, what a status does not allow is tried again,
// and neither is a reason to stop for everybody.
func TestConflicts(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(login))
	other := r.create(person("bob@acme.example"))
	_, err := r.app.Create(t.Context(), app.KindUser, person("ADA@acme.example"))
	r.fails(err, app.Conflict, "already exists")
	_, err = r.patch(other, set("userName", login))
	r.fails(err, app.Conflict, "already exists")
	_, err = r.app.Create(t.Context(), app.KindUser, person("no address"))
	r.fails(err, app.Terminal, "form of an email address")

	r.org.SetStatus(id, "DEPROVISIONED")
	_, err = r.patch(id, set("title", "Dr"))
	r.fails(err, app.Conflict, "DEPROVISIONED")
	_, err = r.patch("00unobody", set("title", "Dr"))
	r.fails(err, app.NotFound)

	// Somebody else activates in between.
	r.way.Before(func(req *http.Request) error {
		if strings.HasSuffix(req.URL.Path, "/lifecycle/activate") {
			r.org.SetStatus(id, "ACTIVE")
		}
		return nil
	})
	_, err = r.patch(id, set("active", true))
	r.fails(err, app.Precondition, "already active")
	_, err = r.app.Patch(t.Context(), app.KindUser, id, nil, nil)
	r.fails(err, app.Terminal, "no change")
	for _, bad := range []scim.Change{set("active", "yes"), set("userName", nil), set("title", true), set("ims", "x"), set("externalId", "x")} {
		_, err := r.patch(other, bad)
		r.fails(err, app.Terminal)
	}
}

// TestFind: by login it is final, with who is an administrator; by our own id it is exact.
func TestFind(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(_ *oktatest.Config, a *oktaapp.Config) { a.IDAttribute = "usherId" })
	u := person(login)
	u.SetExternalID("Id1")
	id := r.create(u)
	boss := r.create(person("boss@acme.example"))
	r.org.PutRole(boss, "SUPER_ADMIN")
	find := func(path, value string) []*scim.Resource {
		t.Helper()
		hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath(path), value)
		if err != nil {
			t.Fatal(err)
		}
		return hits
	}
	for _, by := range [][2]string{{"userName", "ADA@acme.example"}, {"externalId", "Id1"}, {"emails", login}} {
		if hits := find(by[0], by[1]); len(hits) != 1 || hits[0].ID() != id || hits[0].ExternalID() != "Id1" {
			t.Errorf("%v: %v", by, hits)
		}
	}
	for _, by := range [][2]string{{"userName", "ada"}, {"externalId", "id1"}, {"emails", "x@acme.example"}} {
		if hits := find(by[0], by[1]); len(hits) != 0 {
			t.Errorf("%v: %v", by, hits)
		}
	}
	if hits := find("userName", "boss@acme.example"); len(hits) != 1 || !strings.Contains(roles(hits[0]), "SUPER_ADMIN") {
		t.Errorf("%v", hits)
	}
	for u, err := range r.app.List(t.Context(), app.KindUser, false) {
		if err != nil || (roles(u) != "") != (u.ID() == boss) {
			t.Errorf("%s: %q %v", u.UserName(), roles(u), err)
		}
	}
	// Whoever may not ask for roles finds all the same.
	r.org.SetFaults(fake.Rules(
		fake.Rule{Path: "/users/{id}/roles", Fault: fake.Fault{Kind: fake.Forbidden}}, fake.Rule{Path: "/iam/assignees/users", Fault: fake.Fault{Kind: fake.Forbidden}}))
	if hits := find("userName", "boss@acme.example"); len(hits) != 1 {
		t.Errorf("%v", hits)
	}
	for _, err := range r.app.List(t.Context(), app.KindUser, false) {
		if err != nil {
			t.Error(err)
		}
	}
	_, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("title"), "Dr")
	r.fails(err, app.Terminal, "does not search")
	_, _, err = r.app.Find(t.Context(), app.KindUser, scim.MustPath("userName"), "")
	r.fails(err, app.Terminal)
}

func roles(u *scim.Resource) string {
	v, _ := u.Get("roles")
	list, _ := v.AsList()
	s := ""
	for _, e := range list {
		o, _ := e.AsComplex()
		value, _ := o.Get("value")
		text, _ := value.AsString()
		s += text
	}
	return s
}

// TestClasses: Okta's refusals as the engine is to take them.
func TestClasses(t *testing.T) {
	t.Parallel()
	for kind, class := range map[fake.Kind]app.Class{
		fake.Unauthorized: app.Unauthorized, fake.Forbidden: app.Unauthorized, fake.ServerError: app.Ambiguous, fake.Unavailable: app.Ambiguous,
		fake.BadGateway: app.Ambiguous, fake.Reset: app.Ambiguous, fake.AnswerLost: app.Ambiguous, fake.Garbage: app.Ambiguous, fake.Conflict: app.Conflict,
	} {
		r := newRig(t, nil)
		r.org.SetFaults(fake.Rules(fake.Rule{Path: "/users", Fault: fake.Fault{Kind: kind}}))
		_, err := r.app.Create(t.Context(), app.KindUser, person(login))
		r.fails(err, class)
	}
}

// TestNew: what cannot be is refused, and nothing secret is printed.
func TestNew(t *testing.T) {
	t.Parallel()
	c, err := okta.New(okta.Config{URL: "https://acme.okta.com", Token: token, HTTP: (&apptest.Way{})})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []oktaapp.Config{{}, {Client: c, Deactivate: "delete"}, {Client: c, IDAttribute: "employeeNumber"}} {
		if _, err := oktaapp.New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	a, err := oktaapp.New(oktaapp.Config{Client: c, Deactivate: "suspend", IDAttribute: "usherId"})
	if err != nil || strings.Contains(a.GoString(), token) {
		t.Errorf("%v %#v", err, a)
	}
	p := a.Profile()
	if !p.Filterable(app.KindUser, scim.MustPath("externalId")) || p.MembersAtOnce(true) != 1 || p.MembersAtOnce(false) != 1 || !p.ListLate || !p.MembersReadable || p.Settle != 0 {
		t.Errorf("%+v", p)
	}
	if n := a.Weight(app.KindUser, []scim.Change{set("active", false)}); n != 5 || a.Weight(app.KindUser, []scim.Change{set("active", true)}) != 4 ||
		a.Weight(app.KindUser, []scim.Change{set("title", "x")}) != 1 || a.Weight(app.KindGroup, []scim.Change{set("displayName", "x")}) != 2 {
		t.Errorf("%d", n)
	}
}
