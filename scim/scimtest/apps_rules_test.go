// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// lacking is a person's body without some members, each written as it is there.
func lacking(body string, members ...string) string {
	for _, m := range members {
		body = strings.Replace(body, m+",", "", 1)
	}
	return body
}

// crowd is values of so many that nobody is.
func crowd(n int) string {
	return strings.TrimSuffix(strings.Repeat(`{"value":"$ann"},`, n), ",")
}

// run sends steps to an app in which ann and bob are, and the group ops.
func run(t *testing.T, id string, steps []step, change ...func(*scimtest.Quirks)) *caller {
	t.Helper()
	c := call(t, id, change...)
	d := dialects()[id]
	c.step(step{do: "POST /Users", body: person("ann", d, ""), want: 201, keep: "ann"})
	c.step(step{do: "POST /Users", body: person("bob", d, ""), want: 201, keep: "bob"})
	if d.groups {
		c.step(step{do: "POST /Groups", body: team("ops", ""), want: 201, keep: "ops"})
	}
	for _, s := range steps {
		c.step(s)
	}
	return c
}

func TestAWSIdentityCenter(t *testing.T) {
	t.Parallel()
	d := dialect{}
	eve := person("eve", d, "")
	run(t, "aws-iam-identity-center", []step{
		{do: "GET /Users", header: "User-Agent: ", want: 400, rule: scimtest.RefusedHeader},
		{do: "POST /Users/.search", body: `{"schemas":["` + scim.SearchRequestURN + `"]}`, want: 404, rule: scimtest.RefusedOperation},
		{do: "GET /Me", want: 404, rule: scimtest.RefusedOperation},
		{do: "GET /ServiceProviderConfig", want: 200},
		{do: "GET //Users", want: 404, rule: scimtest.RefusedOperation},
		{do: "GET /Users/nobody", want: 404, says: `"schema":`},
		// What a user has.
		{do: "POST /Users", body: lacking(eve, `"displayName":"eve"`), want: 400, rule: scimtest.RefusedRequired, says: `"schema":`},
		{do: "POST /Users", body: person("eve", d, `,"photos":[{"value":"https://x.org/eve"}]`), want: 400, rule: scimtest.RefusedAttribute},
		{do: "POST /Users", body: person("eve", d, `,"phoneNumbers":[{"value":"1","display":"one"}]`), want: 400, rule: scimtest.RefusedAttribute},
		{do: "POST /Users", body: person("eve", d, `,"phoneNumbers":[{"value":"1"},{"value":"2"}]`), want: 400, rule: scimtest.RefusedValue},
		{do: "POST /Users", body: strings.Replace(eve, `"primary":true`, `"primary":false`, 1), want: 400, rule: scimtest.RefusedValue},
		{do: "POST /Users", body: strings.Replace(eve, `"displayName":"eve"`, `"displayName":"eve;"`, 1), want: 400, rule: scimtest.RefusedValue},
		{do: "POST /Users", body: person("eve", d, `,"phoneNumbers":[{"value":"1"}]`), want: 201, keep: "eve"},
		{do: "POST /Users", body: eve, want: 409},
		{do: "PUT /Users/$eve", body: eve, want: 200},
		// Queries.
		{do: `GET /Users?filter=title eq "Boss"`, want: 400, rule: scimtest.RefusedFilter},
		{do: `GET /Users?filter=userName sw "ann"`, want: 400, rule: scimtest.RefusedFilter},
		{do: `GET /Users?filter=userName eq "a" or userName eq "b"`, want: 400, rule: scimtest.RefusedFilter},
		{do: `GET /Users?filter=id eq "$ann"`, want: 400, rule: scimtest.RefusedFilter},
		{do: `GET /Users?filter=id eq "$ann" and manager.value eq "7"`, want: 200, says: `"totalResults":0`},
		{do: `GET /Users?filter=userName eq "ann@x.org" and externalId eq "x-ann"`, want: 200, says: `"totalResults":1`},
		{do: "GET /Users?startIndex=2&count=1&attributes=userName", want: 200, says: `"displayName":"ann"`},
		// Changes of a user.
		{do: "PATCH /Users/$ann", body: operations(`{"op":"Replace","path":"title","value":"Boss"}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","value":{"title":"Boss","nickName":"A"}}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","value":{"title":"Boss"}}`), want: 200},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"userName","value":"a"}`, `{"op":"replace","path":"userName","value":"b"}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"userName","value":"anne"}`), want: 200},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"remove","path":"active"}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"roles","value":[{"value":"x"}]}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"emails[type sw \"w\"].value","value":"a@x.org"}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"a@x.org"}`), want: 200},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"` + scim.EnterpriseUserURN + `:department","value":"R&D"}`), want: 200},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"add","path":"emails","value":[{"value":"b@x.org"}]}`), want: 400, rule: scimtest.RefusedValue}, // a second one
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"name.givenName","value":"An<n"}`), want: 400, rule: scimtest.RefusedValue},
		// Groups.
		{do: "PUT /Groups/$ops", body: team("ops", ""), want: 405, rule: scimtest.RefusedOperation},
		{do: "POST /Groups", body: team("all", `,"members":[`+crowd(101)+`]`), want: 400, rule: scimtest.RefusedMembers},
		{do: "POST /Groups", body: team("all", `,"members":[`+crowd(100)+`]`), want: 201, not: `"members"`},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"add","path":"members","value":[` + crowd(101) + `]}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"replace","path":"members","value":[{"value":"$ann"}]}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"remove","path":"members"}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"add","path":"members","value":[{"value":"$ann"},{"value":"$bob"}]}`), want: 200},
		{do: "GET /Groups/$ops", want: 200, not: `"members"`},
		{do: `GET /Users?filter=groups.value eq "$ops"`, want: 200, says: `"totalResults":2`},
		{do: `GET /Groups?filter=id eq "$ops" and members.value eq "$ann"`, want: 200, says: `"totalResults":1`},
		{do: `GET /Groups?filter=members.value eq "nobody"`, want: 404, rule: scimtest.RefusedFilter, says: "ResourceNotFound"},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"remove","path":"members","value":[{"value":"$ann"}]}`), want: 200},
		{do: `GET /Groups?filter=members.value eq "$ann"`, want: 200, says: `"totalResults":1`}, // of all
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"replace","path":"displayName","value":"op:s"}`), want: 400, rule: scimtest.RefusedValue},
		{do: "DELETE /Users/$ann", want: 204},
	})
}

// A list of AWS that is read by index ends at 50; by cursor it goes on.
func TestAWSPages(t *testing.T) {
	t.Parallel()
	c := call(t, "aws-iam-identity-center")
	for i := range 120 {
		u := user(strings.Repeat("n", i+1))
		if _, err := c.app.Add("User", u); err != nil {
			t.Fatal(err)
		}
	}
	count := func(w string) int { return strings.Count(w, `"userName"`) }
	if n := count(c.send(step{do: "GET /Users?startIndex=51"}).Body.String()); n != 50 {
		t.Errorf("%d users without a cursor", n)
	}
	seen, cursor := 0, ""
	for {
		said := c.send(step{do: "GET /Users?cursor=" + cursor}).Body.String()
		seen += count(said)
		_, rest, more := strings.Cut(said, `"nextCursor":"`)
		if !more {
			break
		}
		cursor, _, _ = strings.Cut(rest, `"`)
	}
	if seen != 120 {
		t.Errorf("%d users by cursor", seen)
	}
}

func TestGitHubEMU(t *testing.T) {
	t.Parallel()
	d := dialect{}
	eve := person("eve", d, "")
	run(t, "github-emu", []step{
		{do: "GET /Users", header: "User-Agent: ", want: 400, rule: scimtest.RefusedHeader},
		{do: "GET /Users", header: "Accept: application/json", want: 400, rule: scimtest.RefusedHeader},
		{do: "GET /Users", header: "Accept: application/scim+json, application/json;q=0.9", want: 200},
		{do: "POST /Users", body: lacking(eve, `"externalId":"x-eve"`), want: 400, rule: scimtest.RefusedRequired},
		{do: "POST /Users", body: lacking(eve, `"type":"work"`), want: 400, rule: scimtest.RefusedRequired},
		{do: "POST /Users", body: lacking(eve, `"givenName":"eve"`), want: 400, rule: scimtest.RefusedRequired},
		{do: "POST /Users", body: eve, want: 201, keep: "eve"},
		{do: "POST /Users", body: person("e.ve", d, ""), want: 201},
		{do: "POST /Users", body: person("e-ve", d, ""), want: 409, rule: scimtest.RefusedState}, // the same as e.ve
		{do: "PATCH /Users/$bob", body: operations(`{"op":"replace","path":"userName","value":"eve_x.org"}`), want: 409, rule: scimtest.RefusedState},
		{do: `GET /Users?filter=emails eq "eve@x.org"`, want: 400, rule: scimtest.RefusedFilter},
		{do: `GET /Users?filter=displayName eq "eve"`, want: 200, says: `"totalResults":1`},
		{do: `GET /Users?filter=externalId eq "x-eve" and userName eq "eve@x.org"`, want: 400, rule: scimtest.RefusedFilter},
		// A filter in a path does nothing; in that of a member it does.
		{do: "PATCH /Users/$eve", body: operations(`{"op":"Replace","path":"emails[type eq \"work\"].value","value":"e@y.org"}`), want: 200, says: "eve@x.org"},
		{do: "PATCH /Users/$eve", body: operations(`{"op":"Replace","path":"emails","value":[{"value":"e@y.org","type":"work","primary":true}]}`), want: 200, says: "e@y.org"},
		{do: "POST /Groups", body: `{"schemas":["` + scim.GroupURN + `"],"displayName":"all"}`, want: 400, rule: scimtest.RefusedRequired},
		{do: "POST /Groups", body: team("all", `,"members":[{"value":"$eve"}]`), want: 400, rule: scimtest.RefusedRequired},
		{do: "POST /Groups", body: team("all", `,"members":[{"value":"$eve","displayName":"eve"}]`), want: 201},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"add","path":"members","value":[{"value":"$eve"}]}`), want: 200},
		{do: "GET /Groups/$ops", want: 200, says: `"value":"$eve"`},
		{do: "GET /Groups/$ops?excludedAttributes=members", want: 200, not: `"members"`},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"remove","path":"members[value eq \"$eve\"]"}`), want: 200},
		{do: "GET /Groups/$ops", want: 200, not: `"value":"$eve"`},
		// Who is suspended has other names, and gets the own ones back.
		{do: "PATCH /Users/$eve", body: operations(`{"op":"replace","path":"active","value":false}`), want: 200, not: "eve@x.org"},
		{do: `GET /Users?filter=externalId eq "x-eve"`, want: 200, says: `"totalResults":1`},
		{do: `GET /Users?filter=userName eq "eve@x.org"`, want: 200, says: `"totalResults":0`},
		{do: "PATCH /Users/$eve", body: operations(`{"op":"replace","path":"active","value":true}`), want: 200, says: `"userName":"eve@x.org"`},
		{do: "GET /Users/$eve", want: 200, says: "e@y.org"},
		// Who is deleted is so for good.
		{do: "PATCH /Users/$eve", body: operations(`{"op":"replace","path":"active","value":false}`), want: 200},
		{do: "DELETE /Users/$eve", want: 204},
		{do: "POST /Users", body: eve, want: 409, rule: scimtest.RefusedState},
		{do: "POST /Users", body: strings.Replace(eve, `"externalId":"x-eve"`, `"externalId":"x-2"`, 1), want: 409, rule: scimtest.RefusedState},
	})
}

func TestGitHubOrg(t *testing.T) {
	t.Parallel()
	run(t, "github-org", []step{
		{do: "GET /Groups", want: 404, rule: scimtest.RefusedOperation},
		{do: "POST /Groups", body: team("ops", ""), want: 404, rule: scimtest.RefusedOperation},
		{do: "POST /Users", body: lacking(person("eve", dialect{}, ""), `"givenName":"eve"`), want: 400, rule: scimtest.RefusedRequired},
		{do: "GET /Users", want: 200, says: `"userName":""`},
		{do: "GET /Users?startIndex=2&count=1", want: 200, says: `"id":"$ann"`, not: `"userName":""`},
		{do: `GET /Users?filter=userName eq "ann@x.org"`, want: 200, says: `"totalResults":1`},
		{do: `GET /Users?filter=emails eq "ann@x.org"`, want: 200, says: `"totalResults":1`},
		{do: `GET /Users?filter=displayName eq "ann"`, want: 400, rule: scimtest.RefusedFilter},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"a@x.org"}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"name.givenName","value":"Anne"}`), want: 200},
		{do: "PATCH /Users/$ann", body: operations(offByName), want: 200},
		{do: "GET /Users/$ann", want: 404},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","value":{"active":true}}`), want: 404},
		{do: "POST /Users", body: person("ann", dialect{}, ""), want: 201},
		{do: "DELETE /Users/$bob", want: 204},
	})
}

func TestAtlassian(t *testing.T) {
	t.Parallel()
	eve := person("eve", dialect{}, `,"title":"Boss"`)
	run(t, "atlassian", []step{
		{do: "POST /Users", body: strings.Replace(eve, `"primary":true`, `"primary":false`, 1), want: 400, rule: scimtest.RefusedValue},
		{do: "POST /Users", body: eve, want: 201, keep: "eve", says: `"atlassianAccountId"`},
		{do: "POST /Users", body: eve, want: 409},
		{do: "PUT /Users/$eve", body: person("eve", dialect{}, ""), want: 200, says: `"atlassianAccountId"`, not: "Boss"},
		{do: `GET /Users?filter=emails.value eq "eve@x.org"`, want: 400, rule: scimtest.RefusedFilter},
		{do: `GET /Users?filter=externalId eq "x-eve"`, want: 200, says: `"totalResults":1`},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"replace","path":"displayName","value":"dev"}`), want: 400, rule: scimtest.RefusedState},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"replace","value":{"displayName":"dev"}}`), want: 400, rule: scimtest.RefusedState},
		{do: "PUT /Groups/$ops", body: team("dev", ""), want: 400, rule: scimtest.RefusedState},
		{do: "PUT /Groups/$ops", body: team("ops", `,"members":[{"value":"$eve"}]`), want: 200},
		{do: "GET /Groups/$ops", want: 200, says: `"value":"$eve"`},
		{do: "DELETE /Users/$eve", want: 204},
		{do: "POST /Users", body: eve, want: 201, keep: "again", not: `"id":"$eve"`},
	})
}

func TestSlack(t *testing.T) {
	t.Parallel()
	run(t, "slack", []step{
		{do: "POST /Users", body: person("annabella.longname", dialect{}, ""), want: 400, rule: scimtest.RefusedValue}, // of 24 characters
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"userName","value":"annabella.long@x.com.org"}`), want: 400, rule: scimtest.RefusedValue},
		{do: "POST /Users", body: strings.Replace(person("eve", dialect{}, ""), `"displayName":"eve"`, `"displayName":"e@ve"`, 1), want: 400, rule: scimtest.RefusedValue},
		{do: "POST /Users", body: strings.Replace(person("eve", dialect{}, ""), `"primary":true`, `"primary":false`, 1), want: 400, rule: scimtest.RefusedValue},
		{do: "POST /Users", body: strings.Replace(person("eve", dialect{}, ""), "eve@x.org", "Eve", 1), want: 201, keep: "eve", says: `"userName":"eve"`},
		{do: `GET /Users?filter=externalId eq "x-eve"`, want: 400, rule: scimtest.RefusedFilter},
		{do: `GET /Users?filter=email eq "eve@x.org" or userName eq "ann@x.org"`, want: 200, says: `"totalResults":2`},
		{do: "DELETE /Users/$eve", want: 204},
		{do: "GET /Users/$eve", want: 200, says: `"active":false`},
		{do: "DELETE /Groups/$ops", want: 204},
		{do: "GET /Groups/$ops", want: 404},
	})
}

func TestGitLab(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"gitlab-saas", "gitlab-self-managed"} {
		run(t, id, []step{
			{do: "GET /Groups", want: 404, rule: scimtest.RefusedOperation},
			{do: "PUT /Users/x-ann", body: person("ann", dialect{}, ""), want: 405, rule: scimtest.RefusedOperation},
			{do: "POST /Users", body: lacking(person("eve", dialect{}, ""), `"externalId":"x-eve"`), want: 400, rule: scimtest.RefusedRequired},
			{do: "GET /Users/x-ann", want: 200, says: `"id":"x-ann"`},
			{do: `GET /Users?filter=id eq "x-ann"`, want: 200, says: `/Users/x-ann"`},
			{do: `GET /Users?filter=email eq "ann@x.org"`, want: 200, says: `"totalResults":1`},
			{do: `GET /Users?filter=displayName eq "ann"`, want: 400, rule: scimtest.RefusedFilter},
			// Changes of the profile are taken and passed over.
			{do: "PATCH /Users/x-ann", body: operations(`{"op":"Replace","path":"name.familyName","value":"Smith"}`), want: 204},
			{do: "PATCH /Users/nobody", body: operations(`{"op":"Replace","path":"name.familyName","value":"Smith"}`), want: 404},
			{do: "PATCH /Users/x-ann", body: operations(`{"op":"Replace","value":{"active":false,"displayName":"Smith"}}`), want: 204},
			{do: "GET /Users/x-ann", want: 200, says: `"active":false`, not: "Smith"},
			{do: "PATCH /Users/x-ann", body: operations(`{"op":"Replace","path":"id","value":"x-anne"}`), want: 204},
			{do: "GET /Users/x-ann", want: 404},
			{do: "GET /Users/x-anne", want: 200, says: `"id":"x-anne"`},
			{do: "DELETE /Users/x-anne", want: 204},
		})
	}
	run(t, "gitlab-saas", []step{
		{do: "PATCH /Users/$ann", body: operations(`{"op":"Remove","path":"active"}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "GET /Users/$ann", want: 200, says: `"name.formatted":"ann Doe"`},
	})
}

func TestEntraAPI(t *testing.T) {
	t.Parallel()
	d := dialects()["entra-scim-api"]
	eve := person("eve", d, "")
	var unknown []string
	for range 21 {
		unknown = append(unknown, `{"value":"$ann"}`)
	}
	run(t, "entra-scim-api", []step{
		{do: "POST /users", body: lacking(eve, `"password":"x7"`), want: 400, rule: scimtest.RefusedRequired},
		{do: "POST /users", body: strings.Replace(eve, `"mailNickname":"ann"`, `"mailNickname":""`, 1), want: 400, rule: scimtest.RefusedRequired},
		{do: "POST /users", body: strings.Replace(eve, `"type":"work"`, `"type":"home"`, 1), want: 400, rule: scimtest.RefusedValue},
		{do: "POST /users", body: eve, want: 201, keep: "eve"},
		{do: "PUT /users/$eve", body: eve, want: 405, rule: scimtest.RefusedOperation},
		{do: "PUT /groups/$ops", body: team("ops", ""), want: 405, rule: scimtest.RefusedOperation},
		{do: "GET /users", want: 200, says: `"resources":[`, not: `"Resources"`},
		{do: "GET /users?startIndex=2&count=1", want: 200, says: `"id":"$ann"`},
		{do: `GET /users?filter=externalId eq "x-eve" and userName eq "eve@x.org"`, want: 400, rule: scimtest.RefusedFilter},
		{do: `GET /users?filter=externalId eq "x-eve"`, want: 200, says: `"totalResults":1`},
		{do: `GET /users?filter=userName ew "@x.org" and id eq "$eve"`, want: 200, says: `"totalResults":1`},
		{do: `GET /users?filter=` + d.urn + `:mailNickname eq "ann"`, want: 200, says: `"totalResults":3`},
		{do: `GET /users?filter=id ew "1"`, want: 400, rule: scimtest.RefusedFilter},
		{do: `GET /users?filter=userName  eq "eve@x.org"`, want: 400},
		{do: "PATCH /users/$eve", body: operations(`{"op":"replace","path":"emails[type eq \"home\"].value","value":"e@x.org"}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /users/$eve", body: operations(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"e@x.org"}`), want: 204},
		{do: "PATCH /groups/$ops", body: operations(`{"op":"add","path":"members","value":[` + strings.Join(unknown, ",") + `]}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /groups/$ops", body: operations(`{"op":"add","path":"members","value":[{"value":"$ann"},{"value":"nobody"}]}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /groups/$ops", body: operations(`{"op":"add","path":"members","value":[{"value":"$ann"},{"value":"$bob"}]}`), want: 204},
		{do: "PATCH /groups/$ops", body: operations(`{"op":"add","path":"members","value":[{"value":"$ann"}]}`), want: 204},
		{do: "PATCH /groups/$ops", body: operations(`{"op":"remove","path":"members[value eq \"$ann\"]"}`, `{"op":"remove","path":"members[value eq \"$bob\"]"}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /groups/$ops", body: operations(`{"op":"remove","path":"members[value eq \"$ann\"]"}`, `{"op":"replace","path":"displayName","value":"dev"}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /groups/$ops", body: operations(`{"op":"remove","path":"members[value eq \"$ann\" or value eq \"$bob\"]"}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /groups/$ops", body: operations(`{"op":"remove","path":"members"}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /groups/$ops", body: operations(`{"op":"replace","path":"members","value":[{"value":"$eve"}]}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /groups/$ops", body: operations(`{"op":"replace","path":"members","value":[{"value":"$eve"},{"value":"$ann"}]}`), want: 204},
		{do: "PATCH /groups/$ops", body: operations(`{"op":"replace","path":"members","value":[{"value":"$bob"},{"value":"$ann"}]}`), want: 204},
		{do: "GET /groups/$ops", want: 200, not: `"members"`},
		{do: `GET /groups?filter=members.value eq "$ann"`, want: 200, says: `"totalResults":1`},
		{do: "PATCH /groups/$ops", body: operations(`{"op":"remove","path":"members[value eq \"$ann\"]"}`), want: 204},
		{do: `GET /users?filter=groups.value eq "$ops"`, want: 200, says: `"totalResults":1`},
	})
}
