// SPDX-License-Identifier: Apache-2.0

package auth0test_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

func crowd(t testing.TB, r *rig, n int) {
	t.Helper()
	err := r.Load(n, func(i int, u *auth0test.User) {
		u.Email = fmt.Sprintf("person%d@acme.example", i)
		u.AppMetadata = jsontext.Value(fmt.Sprintf(`{"department":"d%d"}`, i%7))
		u.Blocked = i%5 == 0
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Reference 1.3, List/search: what a query finds, and the end at a thousand.
func TestSearch(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) { c.SearchLag = 5 * time.Second })
	crowd(t, r, 1200)
	r.clock.pass(time.Hour)
	id := r.newUser("late@acme.example")
	r.clock.pass(5 * time.Second)
	for q, want := range map[string]int{
		"":                                           1201,
		`email:"person7@acme.example"`:               1,
		`email:"PERSON7@acme.example"`:               1,
		`email:person1*`:                             311,
		`user_id:"` + id + `"`:                       1,
		`app_metadata.department:"d3"`:               171,
		`updated_at:[2026-03-02T10:00:00Z TO *]`:     1,
		`updated_at:{2026-03-02T10:00:00Z TO *]`:     0,
		`updated_at:[* TO 2026-03-02T09:30:00.000Z]`: 1200,
		`identities.connection:"` + database + `" AND blocked:true`:     240,
		`identities.user_id:"` + strings.TrimPrefix(id, "auth0|") + `"`: 1,
		`blocked:true AND NOT app_metadata.department:d3`:               206,
		`(email:"late@acme.example" OR email:"person1@acme.example")`:   2,
		`NOT _exists_:app_metadata`:                                     1,
		`email:"a\"b@acme.example"`:                                     0,
	} {
		got := object(t, r.api(200, "GET", "/users?include_totals=true&per_page=1&search_engine=v3&q="+url.QueryEscape(q), ""))
		if got["total"] != float64(want) || want > 0 && len(got["users"].([]any)) != 1 {
			t.Errorf("%s finds %v, want %d", q, got["total"], want)
		}
	}
	for _, q := range []string{`email:`, `ada`, `email:"ada`, `secret:"x"`, `(email:a`, `updated_at:[1 2]`, `user_metadata.x:a*`, `user_metadata.x:[1 TO 2]`, `email:a~`, strings.Repeat("(", 40) + "email:a"} {
		r.refused(400, "invalid_query_string", "GET", "/users?q="+url.QueryEscape(q), "")
	}
	seen := map[any]bool{}
	for page := range 20 {
		for _, u := range list(t, r.api(200, "GET", fmt.Sprintf("/users?per_page=50&page=%d&primary_order=true&fields=user_id", page), "")) {
			seen[u["user_id"]] = true
		}
	}
	if len(seen) != 1000 {
		t.Errorf("%d users were seen, want 1000", len(seen))
	}
	r.refused(400, "invalid_paging", "GET", "/users?per_page=50&page=20", "")
	r.refused(400, "invalid_query_string", "GET", "/users?per_page=51", "")
	r.refused(400, "invalid_query_string", "GET", "/users?page=-1", "")
	r.refused(400, "inexistent_connection", "GET", "/users?connection=none", "")
	r.refused(400, "invalid_sort", "GET", "/users?sort=app_metadata.department:1", "")
	wide := newRig(t, func(c *auth0test.Config) { c.MostPerPage = 100 })
	crowd(t, wide, 120)
	if n := len(list(t, wide.api(200, "GET", "/users?per_page=100&page=1", ""))); n != 20 {
		t.Errorf("the second page of a hundred has %d", n)
	}
	newest := list(t, r.api(200, "GET", "/users?sort=created_at:-1&per_page=1", ""))
	if newest[0]["user_id"] != id {
		t.Errorf("the newest user is %v", newest)
	}
}

// Reference 1.3, Roles.
func TestRoles(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	crowd(t, r, 120)
	users := r.Users()
	role := object(t, r.api(200, "POST", "/roles", `{"name":"Engineers","description":"d"}`))["id"].(string)
	r.refused(409, "role_conflict", "POST", "/roles", `{"name":"Engineers"}`)
	r.refused(400, "invalid_body", "POST", "/roles", `{"name":"x","users":[]}`)
	other := object(t, r.api(200, "POST", "/roles", `{"name":"Sales"}`))["id"].(string)
	r.refused(409, "role_conflict", "PATCH", "/roles/"+other, `{"name":"Engineers"}`)
	r.api(200, "PATCH", "/roles/"+other, `{"description":"those who sell"}`)
	if n := len(list(t, r.api(200, "GET", "/roles?name_filter=ENGIN", ""))); n != 1 {
		t.Errorf("the filter finds %d", n)
	}
	var ids []string
	for _, u := range users {
		ids = append(ids, `"`+u.ID+`"`)
	}
	r.api(200, "POST", "/roles/"+role+"/users", `{"users":[`+strings.Join(ids, ",")+`]}`)
	r.refused(404, "inexistent_user", "POST", "/roles/"+role+"/users", `{"users":["auth0|none"]}`)
	var got []string
	from := ""
	for {
		page := object(t, r.api(200, "GET", "/roles/"+role+"/users?take=50"+from, ""))
		for _, u := range page["users"].([]any) {
			got = append(got, u.(doc)["user_id"].(string))
		}
		if page["next"] == nil {
			break
		}
		from = "&from=" + page["next"].(string)
		if len(got) == 50 { // what was seen goes, and the rest is still found
			r.api(204, "DELETE", "/users/"+url.PathEscape(got[0])+"/roles", `{"roles":["`+role+`"]}`)
		}
	}
	if len(got) != 120 || !slices.IsSorted(got) {
		t.Errorf("%d users in pages", len(got))
	}
	r.clock.pass(24 * time.Hour)
	r.token = r.signIn("usher", secret)
	r.refused(400, "invalid_paging", "GET", "/roles/"+role+"/users?take=50"+from, "")
	u := users[5]
	path := "/users/" + url.PathEscape(u.ID) + "/roles"
	for i := range 49 {
		r.api(204, "POST", path, `{"roles":["`+object(t, r.api(200, "POST", "/roles", fmt.Sprintf(`{"name":"r%d"}`, i)))["id"].(string)+`"]}`)
	}
	if n := len(list(t, r.api(200, "GET", path+"?per_page=50", ""))); n != 50 {
		t.Errorf("the user has %d roles", n)
	}
	r.refused(403, "too_many_entities", "POST", path, `{"roles":["`+other+`"]}`)
	r.api(204, "DELETE", path, `{"roles":["`+role+`"]}`)
	r.api(204, "DELETE", path, `{"roles":["`+role+`"]}`)
	r.api(200, "DELETE", "/roles/"+role, "")
	r.api(200, "DELETE", "/roles/"+role, "")
	r.refused(404, "inexistent_role", "GET", "/roles/"+role, "")
	if len(r.Events()) != 0 {
		t.Errorf("roles are told of: %v", r.told())
	}
}

// Reference 1.3, Organizations.
func TestOrganizations(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) { c.SearchLag = time.Minute })
	crowd(t, r, 1100)
	users := r.Users()
	org := object(t, r.api(201, "POST", "/organizations", `{"name":"acme-1","display_name":"Acme","metadata":{"a":"1"}}`))
	id := org["id"].(string)
	for _, name := range []string{"Acme", "-acme", "a b", "", strings.Repeat("a", 51)} {
		r.refused(400, "invalid_body", "POST", "/organizations", fmt.Sprintf(`{"name":%q}`, name))
	}
	r.refused(409, "organization_conflict", "POST", "/organizations", `{"name":"acme-1"}`)
	if o := object(t, r.api(200, "GET", "/organizations/name/acme-1", "")); o["id"] != id || o["metadata"].(doc)["a"] != "1" {
		t.Errorf("by name it is %v", o)
	}
	r.refused(404, "inexistent_organization", "GET", "/organizations/org_none", "")
	var ids []string
	for _, u := range users[:1000] {
		ids = append(ids, `"`+u.ID+`"`)
	}
	r.api(204, "POST", "/organizations/"+id+"/members", `{"members":[`+strings.Join(ids, ",")+`]}`)
	for _, u := range users[1000:] {
		r.api(204, "POST", "/organizations/"+id+"/members", `{"members":["`+u.ID+`"]}`)
	}
	if n := len(list(t, r.api(200, "GET", "/organizations/"+id+"/members", ""))); n != 0 {
		t.Error("the list of members knows at once of a write")
	}
	if n := len(list(t, r.api(200, "GET", "/users/"+url.PathEscape(users[0].ID)+"/organizations", ""))); n != 1 {
		t.Error("the user's organizations do not know at once of a write")
	}
	r.clock.pass(time.Minute)
	r.api(200, "GET", "/organizations/"+id+"/members?per_page=50&page=19", "")
	r.refused(400, "invalid_paging", "GET", "/organizations/"+id+"/members?per_page=50&page=20", "")
	r.refused(400, "invalid_query_string", "GET", "/organizations/"+id+"/members?take=101", "")
	r.api(204, "DELETE", "/organizations/"+id+"/members", `{"members":["`+users[0].ID+`","auth0|none"]}`)
	r.clock.pass(time.Minute)
	n, from := 0, ""
	for {
		page := object(t, r.api(200, "GET", "/organizations/"+id+"/members?take=100"+from, ""))
		n += len(page["members"].([]any))
		if page["next"] == nil {
			break
		}
		from = "&from=" + page["next"].(string)
	}
	if n != 1099 {
		t.Errorf("%d members, want 1099", n)
	}
	r.api(200, "PATCH", "/organizations/"+id, `{"display_name":"Acme Ltd"}`)
	r.api(204, "DELETE", "/organizations/"+id, "")
	told := r.told()
	if told[0] != "organization.created " || told[1] != "organization.member.added "+users[0].ID || !slices.Contains(told, "organization.member.deleted "+users[0].ID) || told[len(told)-1] != "organization.deleted " {
		t.Errorf("told were %v …", told[:2])
	}
}

// Reference 1.3, Groups: read only, filled by a directory. Connections are read only too.
func TestGroupsAndConnections(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) {
		c.Connections = []auth0test.Connection{{Name: database, Strategy: "auth0"}, {ID: "con_0000000000000001", Name: "corp", Strategy: "okta"}}
	})
	ada, err := r.Put(auth0test.User{Email: "ada@corp.example", Identities: []auth0test.Identity{{Connection: "corp", UserID: "corp|ada"}}})
	if err != nil {
		t.Fatal(err)
	}
	id, err := r.PutGroup(auth0test.Group{Name: "Engineers", ExternalID: "e1", ConnectionID: "con_0000000000000001", Members: []string{ada}})
	if err != nil {
		t.Fatal(err)
	}
	if g := object(t, r.api(200, "GET", "/groups/"+id, "")); g["name"] != "Engineers" || g["connection_id"] != "con_0000000000000001" || g["external_id"] != "e1" {
		t.Errorf("the group is %v", g)
	}
	if m := object(t, r.api(200, "GET", "/groups/"+id+"/members?take=50", ""))["members"].([]any); len(m) != 1 || m[0].(doc)["id"] != ada {
		t.Errorf("its members are %v", m)
	}
	if g := object(t, r.api(200, "GET", "/groups?take=50&name=Engineers", ""))["groups"].([]any); len(g) != 1 {
		t.Errorf("by name there are %v", g)
	}
	for _, c := range [][2]string{{"POST", "/groups"}, {"PATCH", "/groups/" + id}, {"DELETE", "/groups/" + id}, {"POST", "/groups/" + id + "/members"}} {
		r.api(405, c[0], c[1], `{}`)
	}
	if _, err := r.PutGroup(auth0test.Group{ID: id, Name: "Engineering", ConnectionID: "con_0000000000000001"}); err != nil {
		t.Fatal(err)
	}
	want := []string{"user.created " + ada, "group.created ", "group.member.added " + ada, "group.updated ", "group.member.deleted " + ada}
	if got := r.told(); !slices.Equal(got, want) {
		t.Errorf("told were %v, want %v", got, want)
	}
	if c := list(t, r.api(200, "GET", "/connections?name=corp", "")); len(c) != 1 || c[0]["strategy"] != "okta" {
		t.Errorf("the connections are %v", c)
	}
	r.api(200, "GET", "/connections/con_0000000000000001", "")
	r.api(404, "GET", "/connections/con_none", "")
	r.api(404, "GET", "/nothing", "")
}
