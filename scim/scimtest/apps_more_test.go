// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

func TestZoom(t *testing.T) {
	t.Parallel()
	run(t, "zoom", []step{
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"title","value":"Boss"}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","value":{"active":false}}`), want: 200},
		{do: "PUT /Users/$ann", body: `{"schemas":["` + scim.UserURN + `"],"userName":"ann@x.org","title":"Boss"}`, want: 200, says: `"displayName":"ann"`},
		{do: "POST /Users", body: strings.Replace(person("eve", dialect{}, ""), `"eve@x.org"`, `"eve"`, 1), want: 400, rule: scimtest.RefusedValue},
		{do: `GET /Users?filter=externalId eq "x-ann"`, want: 200, says: `"totalResults":0`},
		{do: `GET /Users?filter=externalId eq "$ann"`, want: 200, says: `"totalResults":1`, not: "Boss"},
		{do: "GET /Users/$ann", want: 200, says: "Boss"},
		{do: "PUT /Groups/$ops", body: team("ops", ""), want: 405, rule: scimtest.RefusedOperation},
	})
}

func TestSentry(t *testing.T) {
	t.Parallel()
	d := dialect{}
	c := run(t, "sentry", []step{
		{do: "POST /Users", body: person("eve", d, ""), header: "Content-Type: application/scim+json", want: 415, rule: scimtest.RefusedContentType},
		{do: "POST /Users", body: person("eve", d, `,"roles":[{"value":"owner"}]`), want: 201, keep: "eve", says: `"familyName":"N/A"`},
		{do: "PUT /Users/$ann", body: person("ann", d, ""), want: 405, rule: scimtest.RefusedOperation},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"title","value":"Boss"}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"active","value":true}`), want: 400, rule: scimtest.RefusedPatch},
		{do: `GET /Users?filter=userName eq "a" or userName eq "b"`, want: 400, rule: scimtest.RefusedFilter},
		{do: `GET /Users?filter=userName eq "ann@x.org"`, want: 200, says: `"totalResults":1`, not: `"active"`},
		{do: "DELETE /Users/$eve", want: 403, rule: scimtest.RefusedState}, // the last owner
		{do: "PATCH /Users/$eve", body: operations(offByPath), want: 403, rule: scimtest.RefusedState},
		{do: "POST /Users", body: person("oto", d, `,"roles":[{"value":"owner"}]`), want: 201},
		{do: "DELETE /Users/$eve", want: 204},
		{do: "POST /Groups", body: team("dev", `,"members":[{"value":"$ann"}]`), want: 201, keep: "dev", not: `"value":"$ann"`},
		{do: "PATCH /Groups/$dev", body: operations(`{"op":"add","path":"members","value":[{"value":"$ann"}]}`), want: 200},
		{do: "GET /Groups/$dev", want: 200, says: `"value":"$ann"`},
		{do: "PATCH /Groups/$dev", body: operations(`{"op":"replace","value":{"id":"$dev","displayName":"devs"}}`), want: 200, says: `"displayName":"devs"`},
		{do: "PATCH /Users/$ann", body: operations(offByName), want: 200},
		{do: "GET /Users/$ann", want: 404},
	})
	many := make([]string, 101)
	for i := range many {
		many[i] = `{"op":"add","path":"members","value":[{"value":"$bob"}]}`
	}
	c.step(step{do: "PATCH /Groups/$dev", body: operations(many...), want: 400, rule: scimtest.RefusedPatch})
	c.step(step{do: "PATCH /Groups/$dev", body: operations(many[1:]...), want: 200})
}

func TestPagerDuty(t *testing.T) {
	t.Parallel()
	d := dialect{}
	run(t, "pagerduty", []step{
		{do: "GET /Groups", want: 404, rule: scimtest.RefusedOperation},
		{do: "POST /Users", body: lacking(person("eve", d, ""), `"displayName":"eve"`), want: 400, rule: scimtest.RefusedRequired},
		{do: "POST /Users", body: person("eve", d, `,"roles":[{"value":"user"},{"value":"observer"}]`), want: 400, rule: scimtest.RefusedValue},
		{do: "POST /Users", body: person("eve", d, `,"roles":[{"value":"owner"}]`), want: 400, rule: scimtest.RefusedValue},
		{do: "POST /Users", body: person("eve", d, `,"roles":[{"value":"user"}]`), want: 201, keep: "eve"},
		{do: `GET /Users?filter=externalId eq "x-eve"`, want: 400, rule: scimtest.RefusedFilter},
		{do: "PATCH /Users/$eve", body: operations(offByPath), want: 200},
		{do: "PATCH /Users/$eve", body: operations(`{"op":"replace","path":"active","value":true}`), want: 404},
		{do: "PUT /Users/$ann", body: strings.Replace(person("ann", d, ""), `"active":true`, `"active":false`, 1), want: 200},
		{do: "GET /Users/$ann", want: 404},
	})
}

func TestSnowflake(t *testing.T) {
	t.Parallel()
	d := dialect{}
	steps := []step{
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"a@x.org"}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"emails","value":[{"value":"a@x.org"}]}`), want: 200},
		{do: "POST /Users", body: person("eve", d, `,"phoneNumbers":[{"value":"1"},{"value":"2"}]`), want: 400, rule: scimtest.RefusedValue},
		{do: "PUT /Groups/$ops", body: team("ops", ""), want: 405, rule: scimtest.RefusedOperation},
		{do: "POST /Groups", body: team("dev", ""), want: 201, keep: "dev"},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"add","path":"members","value":[{"value":"$dev"}]}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"add","path":"members","value":[{"value":"$ann"},{"value":"$bob"}]}`), want: 200},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"remove","path":"members","value":[{"value":"$ann"}]}`), want: 200, says: `"value":"$bob"`},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"remove","path":"members[value eq \"$bob\"]"}`), want: 200, not: `"value":"$bob"`},
		{do: `GET /Users?filter=userName sw "ann"`, want: 200, says: `"totalResults":1`},
	}
	run(t, "snowflake", append(steps,
		step{do: "GET /Users", want: 200, says: `"totalResults":1,`, not: `"id":"$ann"`},
		step{do: `GET /Users?filter=title eq "Boss"`, want: 200, says: `"totalResults":0`},
	))
	run(t, "snowflake", append(steps, // since the bundle
		step{do: "GET /Users", want: 200, says: `"id":"$ann"`},
		step{do: `GET /Users?filter=title eq "Boss"`, want: 400, rule: scimtest.RefusedFilter, says: `"invalidFilter"`},
	), func(q *scimtest.Quirks) { q.Sample, q.Users.Filters.EmptyOtherwise = false, false })
}

func TestFigma(t *testing.T) {
	t.Parallel()
	c := call(t, "figma")
	eve, err := c.app.Add("User", user("eve@x.org"))
	if err != nil {
		t.Fatal(err)
	}
	c.kept["eve"] = eve
	for _, s := range []step{
		{do: "GET /Users", want: 200, says: `"totalResults":0`},
		{do: `GET /Users?filter=userName eq "eve@x.org"`, want: 200, says: `"totalResults":0`},
		{do: "GET /Users/$eve", want: 404},
		{do: "PATCH /Users/$eve", body: operations(offByPath), want: 404},
		{do: "DELETE /Users/$eve", want: 404},
		{do: "POST /Users", body: person("eve", dialect{}, ""), want: 201, says: `"id":"$eve"`}, // no conflict
		{do: "POST /Users", body: person("eve", dialect{}, ""), want: 409},
		{do: "GET /Users", want: 200, says: `"totalResults":1`, not: `"version"`},
		{do: "GET /ServiceProviderConfig", want: 200, says: `"sort":{"supported":false}`},
		{do: "POST /Users", body: person(strings.Repeat("n", 101), dialect{}, ""), want: 400, rule: scimtest.RefusedValue},
		{do: `GET /Users?filter=displayName eq "eve"`, want: 400, rule: scimtest.RefusedFilter},
		{do: "PATCH /Users/$eve", body: operations(offByPath), header: `If-Match: W/"7"`, want: 200},
		{do: "DELETE /Users/$eve", want: 204},
	} {
		c.step(s)
	}
}

func TestAuth0Inbound(t *testing.T) {
	t.Parallel()
	id := "auth0-inbound-scim"
	department := `,"` + scim.EnterpriseUserURN + `":{"costCenter":"7","department":"R&D"}`
	run(t, id, []step{
		{do: "POST /Users", body: person("eve", dialect{urn: scim.EnterpriseUserURN}, department), want: 201, says: "R&D", not: "costCenter"},
		{do: "POST /Groups", body: team("ops", ""), want: 409},
		{do: "POST /Groups", body: team("dev", ""), want: 201, keep: "dev"},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"add","path":"members","value":[{"value":"$dev"}]}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"add","path":"members","value":[` + crowd(1_001) + `]}`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"add","path":"members","value":[` + crowd(1_000) + `]}`), want: 200},
		{do: "PUT /Groups/$ops", body: team("ops", `,"members":[`+crowd(10_001)+`]`), want: 400, rule: scimtest.RefusedMembers},
		{do: "PUT /Groups/$ops", body: team("ops", `,"members":[`+crowd(1_001)+`]`), want: 200},
		{do: `GET /Users?filter=userName eq "ann@x.org" or emails.value eq "bob@x.org"`, want: 200, says: `"totalResults":2`},
		{do: `GET /Groups?filter=id eq "$ops"`, want: 400, rule: scimtest.RefusedFilter},
	})
}

func TestSalesforce(t *testing.T) {
	t.Parallel()
	id := "salesforce"
	d := dialects()[id]
	run(t, id, []step{
		{do: "DELETE /Users/$ann", want: 405, rule: scimtest.RefusedOperation},
		{do: "GET /ServiceProviderConfig", want: 404, rule: scimtest.RefusedOperation},
		{do: "GET /ServiceProviderConfigs", want: 200, says: `"patch"`},
		{do: "POST /Users", body: person("eve", dialect{}, ""), want: 400, rule: scimtest.RefusedRequired},
		{do: "POST /Users", body: strings.Replace(person("eve", d, ""), `"eve@x.org"`, `"eve"`, 1), want: 400, rule: scimtest.RefusedValue},
		{do: `GET /Users?filter=title eq "Boss"`, want: 400, rule: scimtest.RefusedFilter},
		// Read from left to right it is one, else two.
		{do: `GET /Users?filter=userName eq "ann@x.org" or userName eq "bob@x.org" and externalId eq "x-bob"`, want: 200, says: `"totalResults":1`},
		{do: `GET /Users?filter=userName eq "ann@x.org" or userName eq "bob@x.org"`, want: 200, says: `"totalResults":2`},
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"add","value":{"members":[{"value":"$ann"}]}}`), want: 200},
		{do: "GET /Groups/$ops", want: 200, says: `"value":"$ann"`},
	})
	c := call(t, id, func(q *scimtest.Quirks) { q.RequestsPerSecond = 1 })
	c.step(step{do: "GET /Users", want: 200})
	c.step(step{do: "GET /Users", want: 403, rule: scimtest.RefusedRate})
}

func TestMembersShown(t *testing.T) {
	t.Parallel()
	run(t, "sentry", []step{
		{do: "PATCH /Groups/$ops", body: operations(`{"op":"add","path":"members","value":[{"value":"$ann"},{"value":"$bob"}]}`), want: 200},
		{do: "GET /Groups/$ops", want: 200, says: `"value":"$ann"`, not: `"value":"$bob"`},
	}, func(q *scimtest.Quirks) { q.MembersShown = 1 })
}

// Pages are as long as the apps make them.
func TestPagesOfApps(t *testing.T) {
	t.Parallel()
	for id, want := range map[string][2]int{ // by default, and at most
		"atlassian": {100, 100}, "entra-scim-api": {100, 100}, "figma": {100, 200}, "generic-scim2": {100, 100}, "github-emu": {30, 100},
		"github-org": {100, 100}, "gitlab-saas": {20, 210}, "notion": {100, 100}, "sentry": {100, 100}, "slack": {100, 210},
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			c := call(t, id, func(q *scimtest.Quirks) { q.HideOutside = false })
			for i := range 210 {
				if _, err := c.app.Add("User", user(fmt.Sprintf("u%d", i))); err != nil {
					t.Fatal(err)
				}
			}
			for i, query := range []string{"", "?count=1000"} {
				if n := strings.Count(c.send(step{do: "GET /Users" + query}).Body.String(), `"userName"`); n != want[i] {
					t.Errorf("%d users of GET /Users%s, not %d", n, query, want[i])
				}
			}
		})
	}
}

// Too many requests are answered as the app does.
func TestRatesOfApps(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]struct {
		status int
		after  string
	}{
		"aws-iam-identity-center": {429, ""}, "slack": {429, "1"}, "salesforce": {403, ""}, "zoom": {429, ""},
	} {
		c := call(t, id, func(q *scimtest.Quirks) { q.RequestsPerSecond = 1 })
		c.step(step{do: "GET /Users", want: 200})
		w := c.send(step{do: "GET /Users"})
		if got := w.Header().Get("Retry-After"); w.Code != want.status || got != want.after {
			t.Errorf("%s: %d, Retry-After %q", id, w.Code, got)
		}
	}
}

func TestGoogleCloudIdentity(t *testing.T) {
	t.Parallel()
	run(t, "google-cloud-identity-scim", []step{
		{do: "POST /Users", body: lacking(person("eve", dialect{}, ""), `"givenName":"eve"`), want: 400, rule: scimtest.RefusedRequired},
		{do: "GET /ServiceProviderConfig", want: 200, says: `"cursor":false,"index":false`},
		{do: "GET /Users?startIndex=2&count=1", want: 200, says: `"id":"$ann"`, not: `"nextCursor"`},
		{do: "GET /Users?cursor=&count=1", want: 200, says: `"id":"$ann"`, not: `"nextCursor"`},
		{do: "GET /Users/$ann", want: 200, not: `"version"`},
	})
}

func TestOtherApps(t *testing.T) {
	t.Parallel()
	d := dialect{}
	eve := person("eve", d, "")
	badName := step{do: "POST /Users", body: strings.Replace(eve, `"eve@x.org"`, `"eve"`, 1), want: 400, rule: scimtest.RefusedValue}
	noMails := lacking(eve, `"emails":[{"value":"eve@x.org","type":"work","primary":true}]`)
	byTitle := step{do: `GET /Users?filter=title eq "Boss"`, want: 400, rule: scimtest.RefusedFilter}
	for id, steps := range map[string][]step{
		"cloudflare": {badName, byTitle},
		"databricks": {
			badName, byTitle,
			{do: `GET /Users?filter=userName co "ann" or displayName ne "ann"`, want: 200, says: `"totalResults":2`},
			{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"userName","value":"anne@x.org"}`), want: 400, rule: scimtest.RefusedState},
			{do: "PUT /Users/$ann", body: eve, want: 400, rule: scimtest.RefusedState},
		},
		"datadog": {
			badName, byTitle,
			{do: "POST /Users", body: noMails, want: 400, rule: scimtest.RefusedRequired},
			{do: `GET /Groups?filter=id eq "$ops"`, want: 400, rule: scimtest.RefusedFilter},
			{do: `GET /Groups?filter=id eq "$ops" and members eq "$ann"`, want: 200, says: `"totalResults":0`},
			{do: "DELETE /Users/$ann", want: 204},
			{do: "GET /Users/$ann", want: 200, says: `"active":false`},
		},
		"generic-scim2": {
			byTitle,
			{do: "PATCH /Users/$ann", body: operations(`{"op":"Replace","path":"title","value":"Boss"}`), want: 400, rule: scimtest.RefusedPatch},
			{do: "PATCH /Groups/$ops", body: operations(`{"op":"add","path":"members","value":[` + crowd(101) + `]}`), want: 400, rule: scimtest.RefusedMembers},
			{do: "GET /Users?count=1&cursor=", want: 200, not: "nextCursor"},
		},
		"grafana": {
			byTitle,
			{do: "POST /Users", body: lacking(eve, `"externalId":"x-eve"`), want: 400, rule: scimtest.RefusedRequired},
			{do: "POST /Users", body: person("eve", d, `,"roles":[{"value":"admin"}]`), want: 201, not: `"roles"`},
		},
		"linear": {badName, byTitle, {do: "POST /Users", body: lacking(eve, `"displayName":"eve"`), want: 400, rule: scimtest.RefusedRequired}},
		"notion": {badName, byTitle, {do: `GET /Groups?filter=externalId eq "g-ops"`, want: 400, rule: scimtest.RefusedFilter}},
		"okta-inbound-scim": {
			{do: `GET /Users?filter=title eq "Boss" or title pr`, want: 200},
			{do: "GET /Users?cursor=&count=1", want: 200, says: "nextCursor"},
		},
		"onepassword": {
			badName, byTitle,
			{do: "POST /Groups", body: team("Owners", ""), want: 400, rule: scimtest.RefusedValue},
			{do: "DELETE /Users/$ann", want: 204},
			{do: "GET /Users/$ann", want: 200, says: `"active":false`},
		},
		"tailscale": {
			{do: "POST /Users/.search", body: `{"schemas":["` + scim.SearchRequestURN + `"],"filter":"title eq \"Boss\""}`, want: 400, rule: scimtest.RefusedFilter},
			{do: "POST /Users/.search", body: `{"schemas":["` + scim.SearchRequestURN + `"],"filter":"userName eq \"ann@x.org\"","count":1}`, want: 200, says: `"id":"$ann"`},
			byTitle,
			{do: `GET /Users?filter=externalId eq "x-ann"`, want: 200, says: `"totalResults":1`},
		},
		"vercel": {byTitle, {do: "POST /Users", body: noMails, want: 400, rule: scimtest.RefusedRequired}},
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			run(t, id, steps)
		})
	}
}
