// SPDX-License-Identifier: Apache-2.0

package auth0app_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim"
)

// alice is an account with something at every place.
func alice() *scim.Resource {
	return person("a1", "userName", "alice@acme.example", "name.givenName", "Alice", "name.familyName", "Liddell", "displayName", "Alice L.",
		"nickName", "al", `photos[type eq "photo"].value`, "https://acme.example/alice.png",
		`phoneNumbers[type eq "work"].value`, "+49 30 1", `phoneNumbers[type eq "mobile"].value`, "+49 170 2",
		"title", "Engineer", "userType", "employee", "preferredLanguage", "de", "timezone", "Europe/Berlin", "locale", "de-DE",
		ent+"employeeNumber", "701984", ent+"department", "R&D", ent+"costCenter", "4130", ent+"organization", "Acme", ent+"division", "East", ent+"manager.value", "m1")
}

func TestCreate(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := app.WithRequestID(t.Context(), "req-1")
	want := alice()
	want.SetActive(true)
	ans, err := r.app.Create(ctx, app.KindUser, want)
	if r.must(ans, err); ans.Resource.ID() != "auth0|a1" || ans.RequestID != "req-1" {
		t.Errorf("%+v", ans)
	}
	u := r.user("auth0|a1")
	for got, want := range map[string]string{
		u.Email: "alice@acme.example", u.GivenName: "Alice", u.FamilyName: "Liddell", u.Name: "Alice L.", u.Nickname: "al", u.Picture: "https://acme.example/alice.png",
		meta(u.UserMetadata, "phone"): "+49 30 1", meta(u.UserMetadata, "mobile_phone"): "+49 170 2", meta(u.AppMetadata, "usher_id"): "a1",
		meta(u.AppMetadata, "title"): "Engineer", meta(u.AppMetadata, "user_type"): "employee", meta(u.AppMetadata, "preferred_language"): "de",
		meta(u.AppMetadata, "timezone"): "Europe/Berlin", meta(u.AppMetadata, "locale"): "de-DE", meta(u.AppMetadata, "employee_number"): "701984",
		meta(u.AppMetadata, "department"): "R&D", meta(u.AppMetadata, "cost_center"): "4130", meta(u.AppMetadata, "organization"): "Acme",
		meta(u.AppMetadata, "division"): "East", meta(u.AppMetadata, "manager_id"): "m1",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if u.EmailVerified || u.Blocked || len(r.tenant.Mails()) != 0 {
		t.Errorf("%+v, %d mails", u, len(r.tenant.Mails()))
	}
	// An address is kept in lower case, and told so.
	ans = r.must(r.patch("auth0|a1", set("userName", "Alice@ACME.example")))
	if ans.Resource.UserName() != "alice@acme.example" || !r.app.Profile().LowerCase.Cover(scim.Path{Attr: "userName"}) {
		t.Errorf("%s", ans.Resource.UserName())
	}
	// What comes back is what was asked for, at every path.
	for _, back := range []*scim.Resource{ans.Resource, r.must(r.app.Get(ctx, app.KindUser, "auth0|a1")).Resource} {
		if d := scim.Diff(scim.CoreSchemas(), scim.UserURN, all(), back, want); len(d) > 0 {
			t.Errorf("%v", d)
		}
	}
	for _, e := range r.tenant.Ledger() {
		if e.Op == auth0test.Created && e.Correlation != "req-1" {
			t.Errorf("the tenant's log cannot be matched with ours: %+v", e)
		}
	}
}

// all are the paths of alice, and what is always there.
func all() []scim.Path {
	var out []scim.Path
	for _, s := range []string{
		"userName", "externalId", "active", "name.givenName", "name.familyName", "displayName", "nickName", `photos[type eq "photo"].value`,
		`phoneNumbers[type eq "work"].value`, `phoneNumbers[type eq "mobile"].value`, "title", "userType", "preferredLanguage", "timezone", "locale",
		ent + "employeeNumber", ent + "department", ent + "costCenter", ent + "organization", ent + "division", ent + "manager.value",
	} {
		out = append(out, scim.MustPath(s))
	}
	return out
}

func TestCreateIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.create(person("b1", "userName", "bob@acme.example"))
	for _, tt := range []struct {
		u     *scim.Resource
		class app.Class
		say   string
	}{
		{person("x1", "userName", "no address"), app.Terminal, "e-mail address"},
		{person("x1", "userName", ""), app.Terminal, ""},
		{person("x/1", "userName", "x@acme.example"), app.Terminal, "externalId"},
		{person("..", "userName", "x@acme.example"), app.Terminal, "externalId"},
		{person("", "userName", "x@acme.example"), app.Terminal, "externalId"},
		{person("x1", "userName", "bob@acme.example"), app.Conflict, "already exists"},
		{person("b1", "userName", "bobby@acme.example"), app.Conflict, "already exists"},
	} {
		_, err := r.app.Create(t.Context(), app.KindUser, tt.u)
		r.fails(err, tt.class, tt.say)
	}
	if n := r.effects(auth0test.Created, "user"); n != 1 {
		t.Errorf("%d users", n)
	}
}

// TestPatch changes and removes, one request each, and leaves alone what is not named.
func TestPatch(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person("a1", "userName", "alice@acme.example", "displayName", "Alice", "title", "Engineer", ent+"department", "R&D", `phoneNumbers[type eq "work"].value`, "1"))
	if _, err := r.client.UpdateUser(t.Context(), id, others()); err != nil {
		t.Fatal(err)
	}
	r.tenant.ResetCounts()
	ans := r.must(r.patch(id, set("displayName", "Alice B."), set("title", nil), set(ent+"department", "Sales"), set(`phoneNumbers[type eq "work"].value`, nil), set("nickName", "ali")))
	if n := r.tenant.Counts(); n.Writes() != 1 || n.Total() != 1 {
		t.Errorf("%v", n)
	}
	u := r.user(id)
	if u.Name != "Alice B." || u.Nickname != "ali" || meta(u.AppMetadata, "department") != "Sales" || ans.Resource.DisplayName() != "Alice B." {
		t.Errorf("%+v %s", u, u.Raw)
	}
	if _, ok := ans.Resource.At(scim.MustPath("title")); ok {
		t.Error("a title that was removed is shown")
	}
	// A value that is taken away is null or gone, and those of others stay.
	if meta(u.AppMetadata, "plan") != "gold" || meta(u.UserMetadata, "hobby") != "chess" || strings.Contains(string(u.Raw), "Engineer") || u.Email != "alice@acme.example" {
		t.Errorf("%s", u.Raw)
	}
	// A new address is not verified, and nobody is written to.
	r.must(r.patch(id, set("userName", "alice.b@acme.example")))
	if u := r.user(id); u.Email != "alice.b@acme.example" || u.EmailVerified || len(r.tenant.Mails()) > 0 {
		t.Errorf("%+v", u)
	}
	// The id of ours is kept with one that was there before.
	r.must(r.patch(id, set("externalId", "a2")))
	if u := r.user(id); meta(u.AppMetadata, "usher_id") != "a2" {
		t.Errorf("%s", u.Raw)
	}
}

func TestPatchIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.create(person("a1", "userName", "alice@acme.example"))
	id := r.create(person("b1", "userName", "bob@acme.example"))
	r.tenant.ResetCounts()
	for _, c := range []scim.Change{set("userName", nil), set("userName", "bob"), set("addresses", "x"), set("active", "yes"), set("externalId", "a|b"), set("title", true)} {
		_, err := r.patch(id, c)
		r.fails(err, app.Terminal)
	}
	_, err := r.patch(id)
	r.fails(err, app.Terminal, "no change")
	if n := r.tenant.Counts().Total(); n != 0 {
		t.Errorf("%d requests were sent for what cannot be", n)
	}
	_, err = r.patch(id, set("userName", "alice@acme.example"))
	r.fails(err, app.Terminal, "already exists")
	_, err = r.patch("auth0|nobody", set("displayName", "x"))
	r.fails(err, app.NotFound)
}

// TestUsernames: with user names beside addresses each has its own place, and they
// change in two requests, as Auth0 takes them no other way.
func TestUsernames(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(_ *auth0test.Config, c *auth0app.Config) { c.Connection, c.Usernames = named, true })
	want := person("a1", "userName", "alice", `emails[type eq "work"].value`, "alice@acme.example")
	id := r.create(want)
	if u := r.user(id); u.Username != "alice" || u.Email != "alice@acme.example" {
		t.Errorf("%s", u.Raw)
	}
	for by, value := range map[string]string{"externalId": "a1", "userName": "Alice", "emails.value": "alice@acme.example"} {
		hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath(by), value)
		if err != nil || len(hits) != 1 || hits[0].ID() != id {
			t.Errorf("%s: %v %v", by, hits, err)
		}
	}
	if hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("userName"), `a*"`); err != nil || len(hits) != 0 {
		t.Errorf("%v %v", hits, err)
	}
	r.tenant.ResetCounts()
	r.must(r.patch(id, set("userName", "alice.b"), set(`emails[type eq "work"].value`, "alice.b@acme.example"), set("displayName", "Alice")))
	if u, n := r.user(id), r.tenant.Counts(); u.Username != "alice.b" || u.Email != "alice.b@acme.example" || u.Name != "Alice" || n["PATCH /users/:id"] != 2 {
		t.Errorf("%s %v", u.Raw, n)
	}
	_, err := r.app.Create(t.Context(), app.KindUser, person("x1", "userName", "alice.b", `emails[type eq "work"].value`, "x@acme.example"))
	r.fails(err, app.Conflict)
}

func TestFind(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person("a1", "userName", "alice@acme.example"))
	for _, tt := range []struct {
		by, value string
		found     bool
	}{
		{"externalId", "a1", true},
		{"externalId", "A1", false},
		{"externalId", "nobody", false},
		{"externalId", "a|b/c", false},
		{"userName", "alice@acme.example", true},
		{"userName", "ALICE@acme.example", true},
		{"userName", "bob@acme.example", false},
		{"emails.value", "alice@acme.example", true},
		{`emails[type eq "work"].value`, "alice@acme.example", true},
	} {
		hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath(tt.by), tt.value)
		if err != nil || tt.found != (len(hits) == 1) || tt.found && hits[0].ID() != id {
			t.Errorf("%s %s: %v %v", tt.by, tt.value, hits, err)
		}
	}
	_, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("title"), "x")
	r.fails(err, app.Terminal, "does not search")
	_, _, err = r.app.Find(t.Context(), app.KindUser, scim.MustPath("userName"), "")
	r.fails(err, app.Terminal)
}

// TestOthersAreNotShown: users of other connections are nobody's, and one of ours that
// was linked to one of theirs is for a person to look at.
func TestOthersAreNotShown(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person("a1", "userName", "alice@acme.example"))
	other := newOther(t, r, "alice@acme.example")
	hits, _, err := r.app.Find(t.Context(), app.KindUser, scim.MustPath("userName"), "alice@acme.example")
	if err != nil || len(hits) != 1 || hits[0].ID() != id {
		t.Errorf("%v %v", hits, err)
	}
	_, err = r.app.Get(t.Context(), app.KindUser, other)
	r.fails(err, app.Terminal, "not of the connection")
	if got := ids(t, r); !slices.Equal(got, []string{id}) {
		t.Errorf("%v", got)
	}
	if err := r.tenant.Link(other, id); err != nil {
		t.Fatal(err)
	}
	_, err = r.app.Get(t.Context(), app.KindUser, id)
	r.fails(err, app.Terminal, "linked", other)
	_, _, err = r.app.Find(t.Context(), app.KindUser, scim.MustPath("userName"), "alice@acme.example")
	r.fails(err, app.Terminal, "linked", other)
	_, err = r.app.Delete(t.Context(), app.KindUser, id)
	r.fails(err, app.Terminal, "linked", other)
	if err := r.tenant.Unlink(other, id); err != nil {
		t.Fatal(err)
	}
	if !r.active(id) {
		t.Error("not there again")
	}
}

// newOther makes a user of the other connection.
func newOther(t *testing.T, r *rig, email string) string {
	t.Helper()
	client := r.connect(nil)
	a, err := auth0app.New(auth0app.Config{Client: client, Connection: named, Usernames: true})
	if err != nil {
		t.Fatal(err)
	}
	ans, err := a.Create(t.Context(), app.KindUser, person("o1", "userName", "other", `emails[type eq "work"].value`, email))
	if err != nil {
		t.Fatal(err)
	}
	return ans.Resource.ID()
}

func ids(t *testing.T, r *rig) (out []string) {
	t.Helper()
	for u, err := range r.app.List(t.Context(), app.KindUser, false) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, u.ID())
	}
	slices.Sort(out)
	return out
}

// TestList: a list is everybody of the connection, whole, and more than a search tells.
func TestList(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	want := alice()
	want.SetActive(true)
	r.create(want)
	r.create(person("b1", "userName", "bob@acme.example"))
	seen := map[string]*scim.Resource{}
	for u, err := range r.app.List(t.Context(), app.KindUser, false) {
		if err != nil {
			t.Fatal(err)
		}
		seen[u.ID()] = u
	}
	if d := scim.Diff(scim.CoreSchemas(), scim.UserURN, all(), seen["auth0|a1"], want); len(d) > 0 || len(seen) != 2 {
		t.Errorf("%d users, %v", len(seen), d)
	}
	// A list that breaks off ends with an error.
	r.tenant.SetFaults(auth0test.Rules(auth0test.Rule{Path: "/jobs/users-exports", Fault: auth0test.Fault{Kind: auth0test.ExportTorn}}))
	var err error
	for _, err = range r.app.List(t.Context(), app.KindUser, false) {
	}
	r.fails(err, app.Ambiguous)
}

func TestDelete(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person("a1", "userName", "alice@acme.example"))
	for range 2 { // what is gone stays gone
		r.must(r.app.Delete(t.Context(), app.KindUser, id))
	}
	_, err := r.app.Get(t.Context(), app.KindUser, id)
	r.fails(err, app.NotFound)
	_, err = r.app.Delete(t.Context(), app.KindGroup, "rol_1")
	r.fails(err, app.Terminal, "by hand")
}
