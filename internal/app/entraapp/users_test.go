// SPDX-License-Identifier: Apache-2.0

package entraapp_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/entraapp"
	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/scim"
)

// everything is a text at every place.
func everything() (pairs []string, paths []scim.Path) {
	for _, p := range []string{
		"name.givenName", "name.familyName", "title", "userType", "preferredLanguage", `phoneNumbers[type eq "work"].value`, `phoneNumbers[type eq "mobile"].value`,
		`phoneNumbers[type eq "fax"].value`, `addresses[type eq "work"].streetAddress`, `addresses[type eq "work"].locality`, `addresses[type eq "work"].region`,
		`addresses[type eq "work"].postalCode`, `addresses[type eq "work"].country`, "enterprise.employeeNumber", "enterprise.department", "enterprise.organization",
	} {
		p = strings.Replace(p, "enterprise.", scim.EnterpriseUserURN+":", 1)
		pairs = append(pairs, p, "ü "+p[len(p)-5:])
		paths = append(paths, scim.MustPath(p))
	}
	return append(pairs, `emails[type eq "work"].value`, "ada.l@acme.example"),
		append(paths, scim.MustPath("userName"), scim.MustPath("displayName"), scim.MustPath(`emails[type eq "work"].value`))
}

// TestPlaces: what is written at each place is read from there, by id and in a list, and
// can be taken away; what is Entra's own is written, too.
func TestPlaces(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	pairs, paths := everything()
	want := person(name, pairs...)
	for attr, s := range map[string]string{"mailNickname": "countess", "usageLocation": "GB", "officeLocation": "18/2111", "employeeHireDate": "2026-03-01T00:00:00Z"} {
		p := scim.Path{URN: entraapp.ExtensionURN, Attr: attr}
		if err := want.Put(p, scim.String(s)); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	schemas, err := scim.CoreSchemas().With(r.app.Profile().Extensions...)
	if err != nil {
		t.Fatal(err)
	}
	id := r.create(want)
	same := func(what string, got *scim.Resource) {
		t.Helper()
		if d := scim.Diff(schemas, scim.UserURN, paths, got, want); len(d) > 0 {
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
	var gone []scim.Change
	for i := 0; i < len(pairs); i += 2 {
		gone = append(gone, set(pairs[i], nil))
	}
	r.must(r.patch(id, gone...))
	u := r.tenant.Users()[name]
	for _, p := range []string{"jobTitle", "businessPhones", "mail", "department", "employeeId"} {
		if u.Props[p] != "" {
			t.Errorf("%s is %q", p, u.Props[p])
		}
	}
	if u.Props["mailNickname"] != "countess" {
		t.Errorf("%+v", u)
	}
	for _, c := range []scim.Change{set("displayName", nil), set("userName", nil), {Path: scim.Path{URN: entraapp.ExtensionURN, Attr: "usageLocation"}}} {
		_, err := r.patch(id, c)
		r.fails(err, app.Terminal, c.Path.Attr)
	}
}

// TestCheck: what has no place is said with what to write, and so is what lacks.
func TestCheck(t *testing.T) {
	t.Parallel()
	var paths []scim.Path
	for _, p := range []string{
		"userName", `emails[primary eq true].value`, `emails[type eq "work"].value`, "nickName", "active", "externalId", "name.formatted",
		scim.EnterpriseUserURN + ":manager.value", scim.EnterpriseUserURN + ":employeeNumber", scim.EnterpriseUserURN + ":costCenter",
	} {
		paths = append(paths, scim.MustPath(p))
	}
	errs, lacking := entraapp.Check(paths, entraapp.EmployeeID)
	for i, want := range []string{"", "", "already", "mailNickname", "", "", "name.givenName", "manages", "externalId goes", "together"} {
		var no *app.NoPlaceError
		if ok := errors.As(errs[i], &no); ok != (want != "") || ok && !strings.Contains(no.Why, want) {
			t.Errorf("%s: %v, want %q", paths[i], errs[i], want)
		}
	}
	if !slices.Equal(lacking, []string{"displayName"}) {
		t.Errorf("%v", lacking)
	}
	if _, lacking := entraapp.Check(nil, entraapp.EmployeeID); !slices.Equal(lacking, []string{"userName", "displayName", "externalId"}) {
		t.Errorf("%v", lacking)
	}
	for id, ok := range map[string]bool{"": true, "extensionAttribute15": true, "extensionAttribute16": false, "employeeId": true, "extension_0b6f1c528d3e4a1c8b1a91f8f0c5d2e7_usherId": true, "department": false} {
		if err := entraapp.CheckID(id); (err == nil) != ok {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestMark: our id goes where it is told, beside what others keep there, and is found by
// it whatever the name is by then; what is too long for its place is not sent.
func TestMark(t *testing.T) {
	t.Parallel()
	for _, place := range []string{mark, "extension_0b6f1c528d3e4a1c8b1a91f8f0c5d2e7_usherId", entraapp.EmployeeID} {
		r := newRig(t, func(c *entratest.Config, a *entraapp.Config) {
			a.IDAttribute, c.Attributes = place, []string{"extension_0b6f1c528d3e4a1c8b1a91f8f0c5d2e7_usherId"}
		})
		theirs := r.tenant.Put(entratest.Person{Name: "bob@acme.example", Props: map[string]string{"extensionAttribute1": "theirs"}})
		id := r.create(person(name, "externalId", "our-ID"))
		r.must(r.patch(theirs, set("externalId", "other")))
		r.must(r.patch(id, set("userName", "countess@acme.example")))
		if u := r.tenant.Users()["bob@acme.example"]; u.Props["extensionAttribute1"] != "theirs" || u.Props[place] != "other" {
			t.Errorf("%s: %+v", place, u)
		}
		hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("externalId"), "our-ID")
		if err != nil || len(hits) != 1 || hits[0].ID() != id || hits[0].ExternalID() != "our-ID" {
			t.Errorf("%s: %v %v", place, hits, err)
		}
		if hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("externalId"), "our-id"); err != nil || len(hits) != 0 {
			t.Errorf("%s: %v %v", place, hits, err)
		}
	}
	r := newRig(t, func(_ *entratest.Config, a *entraapp.Config) { a.IDAttribute = entraapp.EmployeeID })
	_, err := r.app.Create(t.Context(), app.KindUser, person(name, "externalId", strings.Repeat("x", 17)))
	r.fails(err, app.Terminal, "16 characters")
	if n := r.writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// TestWhoIsThere: whoever has the name is shown with what there is against taking them
// over; guests are in no list.
func TestWhoIsThere(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.tenant.Put(entratest.Person{Name: "boss@acme.example", Roles: []string{"Global Administrator"}})
	r.tenant.Put(entratest.Person{Name: "old@acme.example", Synced: true})
	r.tenant.Put(entratest.Person{Name: "out@acme.example", Guest: true})
	r.tenant.Put(entratest.Person{Name: "bob@acme.example", Props: map[string]string{"mail": "b@acme.example"}})
	find := func(attr, value string) *scim.Resource {
		t.Helper()
		hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath(attr), value)
		if err != nil || len(hits) != 1 {
			t.Fatalf("%s: %v %v", value, hits, err)
		}
		return hits[0]
	}
	if v, ok := find("userName", "boss@acme.example").Get("roles"); !ok || v.IsUnassigned() {
		t.Error("nothing says that the boss is an administrator")
	}
	if why := app.Doubt(find("userName", "old@acme.example")); !strings.Contains(why, "on-premises") {
		t.Errorf("%q", why)
	}
	if why := app.Doubt(find("userName", "out@acme.example")); !strings.Contains(why, "guest") {
		t.Errorf("%q", why)
	}
	if bob := find("emails.value", "B@acme.example"); app.Doubt(bob) != "" || bob.UserName() != "bob@acme.example" {
		t.Errorf("%v", bob)
	}
	var names []string
	for u, err := range r.app.List(t.Context(), app.KindUser, false) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, u.UserName())
	}
	if slices.Sort(names); !slices.Equal(names, []string{"bob@acme.example", "boss@acme.example", "old@acme.example"}) {
		t.Errorf("%v", names)
	}
	// Where roles may not be asked for, nobody is taken over by rule.
	r.tenant.SetFaults(fake.Rules(fake.Rule{Path: "/users/{id}/transitiveMemberOf", Fault: fake.Fault{Kind: fake.Forbidden}}))
	if why := app.Doubt(find("userName", "bob@acme.example")); !strings.Contains(why, "may not be asked") {
		t.Errorf("%q", why)
	}
	_, err := r.patch(find("userName", "bob@acme.example").ID(), set("title", "Dr"))
	r.fails(err, app.Unauthorized)
}

// TestCreate: nobody is made with a password that anybody knows, nor one that must be
// chosen anew unless that is meant; who is made inactive is; and a name that is taken, or
// of a domain that is none of the tenant's, is told.
func TestCreate(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(_ *entratest.Config, a *entraapp.Config) { a.ChangePassword = true })
	off := person("ada.l'o!#x@acme.example")
	off.SetActive(false)
	ans := r.must(r.app.Create(t.Context(), app.KindUser, off))
	if on, known := ans.Resource.Active(); on || !known {
		t.Error("made active")
	}
	if u := r.tenant.Users()["ada.l'o!#x@acme.example"]; u.Enabled || !u.ChangePassword || len(u.Password) < 40 || u.Props["mailNickname"] != "ada.l'o!#x" {
		t.Errorf("%+v", u)
	}
	_, err := r.app.Create(t.Context(), app.KindUser, person("ADA.l'o!#x@acme.example"))
	r.fails(err, app.Conflict, "already exists", "userPrincipalName")
	_, err = r.app.Create(t.Context(), app.KindUser, person("ada@other.example"))
	r.fails(err, app.Terminal, "userPrincipalName is invalid")
	// What the answer to a failure repeats of the password is nowhere.
	r.way.Before(func(req *http.Request) error {
		if req.Method == http.MethodPost {
			return errors.New("cannot send")
		}
		return nil
	})
	_, err = r.app.Create(t.Context(), app.KindUser, person(name))
	r.fails(err, app.Ambiguous)
}
