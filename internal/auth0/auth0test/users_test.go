// SPDX-License-Identifier: Apache-2.0

package auth0test_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// Reference 1.3, Change: what POST /users does and refuses.
func TestCreateUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) {
		c.Connections = []auth0test.Connection{
			{Name: database, Strategy: "auth0"}, {Name: "named", Strategy: "auth0", RequiresUsername: true}, {Name: "corp", Strategy: "samlp"},
		}
	})
	body := func(more string) string {
		return `{"connection":"` + database + `","email":"Ada@Acme.Example","password":"correct horse"` + more + `}`
	}
	u := object(t, r.api(201, "POST", "/users", body(`,"user_id":"hr-1","app_metadata":{"a":1}`)))
	if u["user_id"] != "auth0|hr-1" || u["email"] != "ada@acme.example" || u["name"] != "ada@acme.example" || u["nickname"] != "ada" || u["blocked"] != nil {
		t.Errorf("the new user is %v", u)
	}
	identity := u["identities"].([]any)[0].(doc)
	if identity["connection"] != database || identity["provider"] != "auth0" || identity["user_id"] != "hr-1" || identity["isSocial"] != false {
		t.Errorf("its identity is %v", identity)
	}
	for _, c := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"the same address in another case", body(""), 409, "auth0_idp_error"},
		{"the same id", `{"connection":"` + database + `","email":"b@acme.example","password":"correct horse","user_id":"hr-1"}`, 409, "auth0_idp_error"},
		{"no password", `{"connection":"` + database + `","email":"b@acme.example"}`, 400, "invalid_body"},
		{"a weak password", `{"connection":"` + database + `","email":"b@acme.example","password":"short"}`, 400, "invalid_password"},
		{"no connection", `{"email":"b@acme.example","password":"correct horse"}`, 400, "invalid_body"},
		{"an unknown connection", `{"connection":"none","email":"b@acme.example","password":"correct horse"}`, 400, "inexistent_connection"},
		{"an enterprise connection", `{"connection":"corp","email":"b@acme.example","password":"correct horse"}`, 400, "operation_not_supported"},
		{"a username where there is none", body(`,"username":"ada"`), 400, "invalid_body"},
		{"no username where there must be one", `{"connection":"named","email":"b@acme.example","password":"correct horse"}`, 400, "invalid_body"},
		{"a field that is not known", body(`,"employee":"1"`), 400, "invalid_body"},
		{"another type", body(`,"blocked":"yes"`), 400, "invalid_body"},
		{"metadata that are no object", body(`,"app_metadata":[]`), 400, "invalid_body"},
		{"no address", `{"connection":"` + database + `","password":"correct horse"}`, 400, "invalid_body"},
		{"an address that is none", `{"connection":"` + database + `","email":"ada","password":"correct horse"}`, 400, "invalid_body"},
		{"an empty text", body(`,"nickname":""`), 400, "invalid_body"},
		{"too much", `{"connection":"` + database + `","email":"b@acme.example","password":"correct horse","app_metadata":{"a":"` + strings.Repeat("x", 10<<10) + `"}}`, 400, "profile_too_large"},
		{"no JSON", `{`, 400, "invalid_body"},
	} {
		if why := r.refused(c.status, c.code, "POST", "/users", c.body); c.name == "a field that is not known" && !strings.Contains(why, "Payload validation error: 'Additional properties not allowed: employee") {
			t.Errorf("%s: %s", c.name, why)
		}
	}
	// An address is unique in its connection, and free in another one.
	named := `{"connection":"named","email":"ada@acme.example","password":"correct horse","username":"ada"}`
	r.api(201, "POST", "/users", named)
	r.refused(409, "auth0_idp_error", "POST", "/users", strings.Replace(named, "ada@acme", "ada2@acme", 1))
	if r.Len() != 2 {
		t.Errorf("%d users, want 2", r.Len())
	}
	if m := r.Mails(); len(m) != 2 || m[0].To != "ada@acme.example" || m[0].Kind != auth0test.MailVerify {
		t.Errorf("the mails are %v", m)
	}
}

// Reference 1.3: reads by id and by address are consistent at once, the latter by case.
func TestReadUsers(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) { c.SearchLag = time.Minute })
	id := r.newUser("Ada@Acme.example")
	path := "/users/" + url.PathEscape(id)
	if u := object(t, r.api(200, "GET", path, "")); u["user_id"] != id {
		t.Errorf("the user is %v", u)
	}
	if u := object(t, r.api(200, "GET", path+"?fields=email,user_id", "")); len(u) != 2 {
		t.Errorf("two fields are %v", u)
	}
	if u := object(t, r.api(200, "GET", path+"?fields=email&include_fields=false", "")); u["email"] != nil || u["user_id"] == nil {
		t.Errorf("without a field it is %v", u)
	}
	for email, want := range map[string]int{"ada@acme.example": 1, "Ada@Acme.example": 0, "other@acme.example": 0} {
		if n := len(list(t, r.api(200, "GET", "/users-by-email?email="+url.QueryEscape(email), ""))); n != want {
			t.Errorf("%s finds %d", email, n)
		}
	}
	if n := len(list(t, r.api(200, "GET", "/users", ""))); n != 0 {
		t.Error("a search knows at once what was written")
	}
	r.clock.pass(time.Minute)
	if n := len(list(t, r.api(200, "GET", "/users", ""))); n != 1 {
		t.Error("a search does not know what was written a minute ago")
	}
	r.api(204, "DELETE", path, "")
	r.api(204, "DELETE", path, "") // one that is not there is no error
	r.refused(404, "inexistent_user", "GET", path, "")
	r.refused(400, "invalid_uri", "GET", "/users/none", "")
	if n := len(list(t, r.api(200, "GET", "/users", ""))); n != 1 {
		t.Error("a search knows at once what was deleted")
	}
	r.refused(400, "invalid_query_string", "GET", "/users?size=1", "")
	if got := r.told(); !slices.Equal(got, []string{"user.created " + id, "user.deleted " + id}) {
		t.Errorf("told were %v", got)
	}
}

// Reference 1.3 and the API's own reference: what PATCH /users/:id does and refuses.
func TestPatchUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) {
		c.Connections = []auth0test.Connection{{Name: database, Strategy: "auth0"}, {Name: "corp", Strategy: "samlp"}, {Name: "named", Strategy: "auth0", RequiresUsername: true}}
	})
	id := r.newUser("ada@acme.example")
	r.newUser("taken@acme.example")
	path := "/users/" + url.PathEscape(id)
	r.api(200, "PATCH", path, `{"app_metadata":{"a":{"x":1},"b":2},"given_name":"Ada","family_name":"L"}`)
	u := object(t, r.api(200, "PATCH", path, `{"app_metadata":{"a":{"y":1},"b":null},"family_name":null}`))
	if got := fmt.Sprint(u["app_metadata"], " ", u["given_name"], " ", u["family_name"]); got != "map[a:map[y:1]] Ada <nil>" {
		t.Errorf("merged by the top level it is %s", got)
	}
	r.api(200, "PATCH", path, `{"email_verified":true}`)
	u = object(t, r.api(200, "PATCH", path, `{"email":"Countess@acme.example","client_id":"usher"}`))
	if u["email"] != "countess@acme.example" || u["email_verified"] != false {
		t.Errorf("with another address it is %v", u)
	}
	r.api(200, "PATCH", path, `{"blocked":true}`)
	if u, _ := r.User(id); !u.Blocked || r.SignIn(id) == nil {
		t.Error("a blocked user is not blocked")
	}
	r.api(200, "PATCH", path, `{"password":"another horse"}`)
	if u, _ := r.User(id); u.Blocked {
		t.Error("a new password does not lift the block, as it does at Auth0")
	}
	corp, err := r.Put(auth0test.User{Email: "Eve@corp.example", Identities: []auth0test.Identity{{Connection: "corp", UserID: "corp|eve"}}})
	if err != nil {
		t.Fatal(err)
	}
	named := object(t, r.api(201, "POST", "/users", `{"connection":"named","email":"n@acme.example","password":"correct horse","username":"nan"}`))["user_id"].(string)
	for _, c := range []struct {
		who, body, code string
	}{
		{id, `{"email":"Taken@acme.example"}`, "auth0_idp_error"},
		{id, `{"email":"x@acme.example","password":"another horse"}`, "invalid_body"},
		{id, `{"password":"another horse","email_verified":true}`, "invalid_body"},
		{named, `{"username":"nina","email":"x@acme.example"}`, "invalid_body"},
		{named, `{"username":"nina","email_verified":true}`, "invalid_body"},
		{named, `{"username":"nina","password":"another horse"}`, "invalid_body"},
		{named, `{"username":"a name that is far too long"}`, "invalid_body"},
		{id, `{"username":"ada"}`, "invalid_body"},
		{id, `{"user_id":"auth0|2"}`, "invalid_body"},
		{id, `{"connection":"none","email":"x@acme.example"}`, "inexistent_connection"},
		{id, `{"connection":"corp","email":"x@acme.example"}`, "invalid_body"},
		{corp, `{"email":"x@corp.example"}`, "operation_not_supported"},
		{corp, `{"name":"Eve"}`, "operation_not_supported"},
		{corp, `{"email_verified":true}`, "operation_not_supported"},
		{corp, `{"password":"another horse"}`, "operation_not_supported"},
	} {
		r.refused(400, c.code, "PATCH", "/users/"+url.PathEscape(c.who), c.body)
	}
	r.api(200, "PATCH", "/users/"+url.PathEscape(named), `{"username":"Nina"}`)
	r.api(200, "PATCH", "/users/"+url.PathEscape(corp), `{"blocked":true,"app_metadata":{"left":true}}`)
	r.refused(404, "inexistent_user", "PATCH", "/users/auth0%7Cnone", `{"blocked":true}`)
	before := len(r.Events())
	r.api(200, "PATCH", path, `{"app_metadata":{"a":{"y":1}}}`)
	if len(r.Events()) != before {
		t.Error("a change of nothing is told")
	}
	conflict := newRig(t, func(c *auth0test.Config) { c.EmailTaken = 409 })
	id = conflict.newUser("a@acme.example")
	conflict.newUser("b@acme.example")
	conflict.refused(409, "auth0_idp_error", "PATCH", "/users/"+url.PathEscape(id), `{"email":"b@acme.example"}`)
}

// Reference 1.1: linking is told as user.deleted of the one and user.updated of the
// other, in either order, and the one is not found any more.
func TestLinking(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) {
		c.Connections = []auth0test.Connection{{Name: database, Strategy: "auth0"}, {Name: "github", Strategy: "github"}}
	})
	var orders []string
	for i := range 2 {
		primary := r.newUser(fmt.Sprintf("p%d@acme.example", i))
		secondary, err := r.Put(auth0test.User{Email: "Social@acme.example", Identities: []auth0test.Identity{{Connection: "github", UserID: fmt.Sprint(4711 + i), Integer: true}}})
		if err != nil {
			t.Fatal(err)
		}
		before := len(r.Events())
		path := "/users/" + url.PathEscape(primary) + "/identities"
		body := fmt.Sprintf(`{"provider":"github","user_id":%d}`, 4711+i)
		identities := list(t, r.api(201, "POST", path, body))
		if len(identities) != 2 || identities[1]["user_id"] != float64(4711+i) || identities[1]["isSocial"] != true || identities[1]["profileData"].(doc)["email"] != "Social@acme.example" {
			t.Errorf("the identities are %v", identities)
		}
		told := r.told()[before:]
		if len(told) != 2 || !slices.Contains(told, "user.deleted "+secondary) || !slices.Contains(told, "user.updated "+primary) {
			t.Errorf("told were %v", told)
		}
		orders = append(orders, strings.Fields(told[0])[0])
		r.refused(404, "inexistent_user", "GET", "/users/"+url.PathEscape(secondary), "")
		r.refused(409, "identity_conflict", "POST", path, body)
		r.refused(400, "invalid_body", "POST", path, fmt.Sprintf(`{"provider":"auth0","user_id":%q}`, strings.TrimPrefix(primary, "auth0|")))
		r.refused(400, "invalid_body", "POST", path, `{"provider":"github","user_id":"none"}`)
		if i == 1 {
			r.refused(400, "invalid_body", "DELETE", path+"/auth0/"+strings.TrimPrefix(primary, "auth0|"), "")
			if n := len(list(t, r.api(200, "DELETE", path+"/github/4712", ""))); n != 1 {
				t.Errorf("%d identities are left", n)
			}
			if u, ok := r.User(secondary); !ok || u.Email != "Social@acme.example" || u.Name == "" {
				t.Errorf("the unlinked user is %+v", u)
			}
		}
	}
	if orders[0] == orders[1] {
		t.Errorf("both links are told in the same order, %v", orders)
	}
}

// Reference 1.3: what a leaver loses, and what somebody new gets.
func TestSessionsAndTickets(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) { c.SessionLag = time.Second })
	id := r.newUser("ada@acme.example")
	path := "/users/" + url.PathEscape(id)
	for range 3 {
		if err := r.SignIn(id); err != nil {
			t.Fatal(err)
		}
		r.clock.pass(time.Second)
	}
	u := object(t, r.api(200, "GET", path, ""))
	if u["logins_count"] != 3.0 || u["last_login"] != "2026-03-02T09:00:02.000Z" || r.told()[3] != "user.updated "+id {
		t.Errorf("after three sign-ins it is %v", u)
	}
	page := object(t, r.api(200, "GET", path+"/sessions?take=2", ""))
	rest := object(t, r.api(200, "GET", path+"/sessions?take=2&from="+page["next"].(string), ""))
	if len(page["sessions"].([]any)) != 2 || len(rest["sessions"].([]any)) != 1 || rest["next"] != nil {
		t.Errorf("the pages are %v and %v", page, rest)
	}
	r.api(200, "PATCH", path, `{"blocked":true}`)
	if r.Sessions(id) != 3 {
		t.Error("a block ends sessions, which it does not at Auth0")
	}
	r.api(202, "DELETE", path+"/sessions", "")
	r.api(202, "DELETE", path+"/sessions", "")
	r.api(202, "DELETE", path+"/refresh-tokens", "")
	if r.Sessions(id) != 3 {
		t.Error("what is accepted is done at once")
	}
	r.clock.pass(time.Second)
	if r.Sessions(id) != 0 || r.RefreshTokens(id) != 0 || len(object(t, r.api(200, "GET", path+"/refresh-tokens", ""))["tokens"].([]any)) != 0 {
		t.Error("something is left")
	}
	r.api(404, "DELETE", "/users/auth0%7Cnone/sessions", "")
	ticket := object(t, r.api(201, "POST", "/tickets/password-change", `{"user_id":"`+id+`","result_url":"https://acme.example","ttl_sec":60}`))["ticket"]
	if got := r.Tickets(); len(got) != 1 || got[0].URL != ticket || got[0].Until.Sub(got[0].At) != time.Minute {
		t.Errorf("the tickets are %v", got)
	}
	for _, email := range []string{"ada@acme.example", "nobody@acme.example"} {
		res := r.send("POST", "/dbconnections/change_password", `{"client_id":"usher","connection":"`+database+`","email":"`+email+`"}`, nil)
		if res.Code != 200 {
			t.Errorf("a mail to %s: %d", email, res.Code)
		}
	}
	if m := r.Mails(); len(m) != 1 || m[0].Kind != auth0test.MailChangePassword || m[0].UserID != id {
		t.Errorf("the mails are %v", m)
	}
}
