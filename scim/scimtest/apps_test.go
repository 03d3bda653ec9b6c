// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// step is a request with what must come of it. In do and body "$ann" stands for the
// id that a step before has kept under "ann".
type step struct {
	do     string // method and path
	body   string
	header string // "Name: value", instead of the usual one; an empty value for none
	want   int    // status
	rule   string // that it is refused by; "" for none
	keep   string
	says   string // what the answer has
	not    string // what it does not have
}

// caller sends steps to a simulated app.
type caller struct {
	*testing.T
	app  *scimtest.App
	kind string
	kept map[string]string
}

func call(t *testing.T, id string, change ...func(*scimtest.Quirks)) *caller {
	t.Helper()
	q, ok := scimtest.QuirksOf(id)
	if !ok {
		t.Fatalf("there is no %s", id)
	}
	for _, fn := range change {
		fn(&q)
	}
	app, err := scimtest.New(scimtest.Config{Token: "secret", Quirks: q})
	if err != nil {
		t.Fatal(err)
	}
	c := &caller{t, app, "application/scim+json", map[string]string{}}
	if len(q.ContentTypes) > 0 {
		c.kind = q.ContentTypes[0]
	}
	return c
}

func (c *caller) fill(text string) string {
	for name, id := range c.kept {
		text = strings.ReplaceAll(text, "$"+name, id)
	}
	return text
}

func (c *caller) send(s step) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(c.fill(s.do), " ")
	r := httptest.NewRequest(method, scimtest.Base+strings.ReplaceAll(path, " ", "%20"), strings.NewReader(c.fill(s.body)))
	for name, value := range map[string]string{"Authorization": "Bearer secret", "User-Agent": "test", "Accept": "application/scim+json", "Content-Type": c.kind} {
		r.Header.Set(name, value)
	}
	if name, value, ok := strings.Cut(s.header, ": "); ok {
		if r.Header.Del(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	c.app.ServeHTTP(w, r)
	return w
}

func (c *caller) step(s step) {
	c.Helper()
	before := len(c.app.Refusals())
	w := c.send(s)
	if w.Code != s.want {
		c.Fatalf("%s %s\n%d, not %d: %s", s.do, s.body, w.Code, s.want, w.Body)
	}
	refused := c.app.Refusals()[before:]
	switch {
	case s.rule == "" && len(refused) > 0:
		c.Errorf("%s was refused: %v", s.do, refused)
	case s.rule != "" && len(refused) != 1:
		c.Errorf("%s %s: %d refusals were noted", s.do, s.body, len(refused))
	case s.rule != "":
		method, path, _ := strings.Cut(c.fill(s.do), " ")
		no := refused[0]
		if no.Rule != s.rule || no.Status != s.want || no.Method != method || no.Path != strings.ReplaceAll(path, " ", "%20") || no.Why == "" || !strings.HasPrefix(no.Reference, "https://") {
			c.Errorf("%s: %+v", s.do, no)
		}
	}
	if s.says != "" && !strings.Contains(w.Body.String(), c.fill(s.says)) {
		c.Errorf("%s: there is no %s in %s", s.do, c.fill(s.says), w.Body)
	}
	if s.not != "" && strings.Contains(w.Body.String(), c.fill(s.not)) {
		c.Errorf("%s: there is %s in %s", s.do, c.fill(s.not), w.Body)
	}
	if s.keep != "" {
		var said struct{ ID string }
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.ID == "" {
			c.Fatalf("%s: no id in %s", s.do, w.Body)
		}
		c.kept[s.keep] = said.ID
	}
}

// dialect is how a client that knows an app talks to it.
type dialect struct {
	extra   string // of a user
	urn     string // in schemas, besides
	replace bool   // changes of people go by PUT
	fixed   bool   // there are none
	groups  bool
	off     string // operation of a PATCH that deactivates; "" for a DELETE
	gone    bool   // and then nobody is there
}

const (
	offByPath = `{"op":"replace","path":"active","value":false}`
	offByName = `{"op":"replace","value":{"active":false}}`
)

func dialects() map[string]dialect {
	plain := dialect{groups: true, off: offByPath}
	alone := dialect{off: offByPath}
	with := func(d dialect, change func(*dialect)) dialect { change(&d); return d }
	out := map[string]dialect{
		"entra-scim-api": with(plain, func(d *dialect) {
			d.urn = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User"
			d.extra = `,"password":"x7","` + d.urn + `":{"mailNickname":"ann"}`
		}),
		"github-org":          with(alone, func(d *dialect) { d.off, d.gone = offByName, true }),
		"gitlab-saas":         with(alone, func(d *dialect) { d.fixed = true }),
		"gitlab-self-managed": with(alone, func(d *dialect) { d.fixed = true }),
		"pagerduty":           with(alone, func(d *dialect) { d.off, d.gone = "", true }),
		"salesforce":          with(plain, func(d *dialect) { d.extra = `,"entitlements":[{"value":"00e"}]` }),
		"sentry":              with(plain, func(d *dialect) { d.fixed, d.off, d.gone = true, "", true }),
		"slack":               with(plain, func(d *dialect) { d.off = "" }),
		"zoom":                with(plain, func(d *dialect) { d.replace = true }),
	}
	for _, id := range scimtest.Apps() {
		if _, ok := out[id]; !ok {
			out[id] = plain
		}
	}
	return out
}

// person is a user with all that every app asks for.
func person(name string, d dialect, more string) string {
	urns := `"` + scim.UserURN + `"`
	if d.urn != "" {
		urns += `,"` + d.urn + `"`
	}
	return fmt.Sprintf(`{"schemas":[%s],"userName":"%s@x.org","externalId":"x-%[2]s","displayName":"%[2]s","name":{"givenName":"%[2]s","familyName":"Doe","formatted":"%[2]s Doe"},`+
		`"emails":[{"value":"%[2]s@x.org","type":"work","primary":true}],"active":true%[3]s%[4]s}`, urns, name, d.extra, more)
}

func operations(list ...string) string {
	return `{"schemas":["` + scim.PatchOpURN + `"],"Operations":[` + strings.Join(list, ",") + `]}`
}

func team(name, more string) string {
	return `{"schemas":["` + scim.GroupURN + `"],"displayName":"` + name + `","externalId":"g-` + name + `"` + more + `}`
}

// Who knows an app brings people in, moves them and lets them go, and nothing is
// refused.
func TestSoundClientsOfApps(t *testing.T) {
	t.Parallel()
	for _, id := range scimtest.Apps() {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			d := dialects()[id]
			c := call(t, id)
			c.step(step{do: "POST /Users", body: person("ann", d, ""), want: 201, keep: "ann"})
			c.step(step{do: `GET /Users?filter=userName eq "ann@x.org"`, want: 200, says: `"id":"$ann"`})
			switch {
			case d.fixed:
			case d.replace:
				c.step(step{do: "PUT /Users/$ann", body: person("ann", d, `,"title":"Boss"`), want: 200})
			default:
				w := c.send(step{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"title","value":"Boss"}`)})
				if w.Code != 200 && w.Code != 204 {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
			}
			if !d.fixed {
				if v, _ := c.app.Users()[0].Get("title"); v.String() != `"Boss"` {
					t.Errorf("title %v", v)
				}
			}
			if d.groups {
				c.step(step{do: "POST /Groups", body: team("ops", ""), want: 201, keep: "ops"})
				add, remove := `{"op":"add","path":"members","value":[{"value":"$ann"}]}`, `{"op":"remove","path":"members[value eq \"$ann\"]"}`
				for i, change := range []string{add, remove, add} {
					w := c.send(step{do: "PATCH /Groups/$ops", body: operations(change)})
					if w.Code != 200 && w.Code != 204 {
						t.Fatalf("%d %s", w.Code, w.Body)
					}
					if n := len(c.app.Groups()[0].Members()); n != (i+1)%2 {
						t.Errorf("%d members after %s", n, change)
					}
				}
			}
			do, body := "PATCH /Users/$ann", operations(d.off)
			if d.off == "" {
				do, body = "DELETE /Users/$ann", ""
			}
			if w := c.send(step{do: do, body: body}); w.Code != 200 && w.Code != 204 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			switch users := c.app.Users(); {
			case d.gone && len(users) > 0:
				t.Errorf("still there: %v", users)
			case !d.gone:
				if active, known := users[0].Active(); active || !known {
					t.Errorf("still active: %v", users[0])
				}
			}
			if refused := c.app.Refusals(); len(refused) > 0 {
				t.Errorf("refused: %v", refused)
			}
		})
	}
}

func TestAppsAreKnown(t *testing.T) {
	t.Parallel()
	all := scimtest.Apps()
	if len(all) != 27 || !slices.IsSorted(all) {
		t.Errorf("%d: %v", len(all), all)
	}
	for _, id := range all {
		if q, ok := scimtest.QuirksOf(id); !ok || !strings.HasPrefix(q.References[""], "https://") {
			t.Errorf("%s: %v", id, q.References)
		}
	}
	if _, ok := scimtest.QuirksOf("nobody's"); ok {
		t.Error("nobody's app is there")
	}
}

func TestRefusalsOfOtherQuirks(t *testing.T) {
	t.Parallel()
	c := call(t, "okta-inbound-scim", func(q *scimtest.Quirks) { q.MaxUserName, q.MaxMembersPerPatch = 9, 1 })
	c.send(step{do: "POST /Users", body: person("annabella", dialect{}, "")})
	c.step(step{do: "POST /Users", body: person("ann", dialect{}, ""), want: 201, keep: "ann"})
	c.step(step{do: "POST /Groups", body: team("ops", ""), want: 201, keep: "ops"})
	c.step(step{
		do: "PATCH /Groups/$ops", body: operations(`{"op":"add","path":"members","value":[{"value":"$ann"},{"value":"b"}]}`),
		want: http.StatusRequestEntityTooLarge, rule: scimtest.RefusedMembers,
	})
	if got := c.app.Refusals()[0]; got.Rule != scimtest.RefusedValue || got.String() == "" {
		t.Errorf("%+v", got)
	}
}

func TestDeviates(t *testing.T) {
	t.Parallel()
	if got := (scimtest.Quirks{}).Deviates(); len(got) > 0 {
		t.Errorf("a sound app: %v", got)
	}
	for id, want := range map[string][]string{
		"aws-iam-identity-center": {"members are never shown", "groups: not offered: PUT", "groups: PATCH: members changed at most: 100"},
		"entra-scim-api":          {"groups: PATCH: members removed at most: 1", `lists are in "resources"`},
		"gitlab-saas":             {"groups: there are none", "users: PATCH: no remove"},
		"github-org":              {"active: false deletes"},
	} {
		q, _ := scimtest.QuirksOf(id)
		got := q.Deviates()
		for _, line := range want {
			if !slices.Contains(got, line) {
				t.Errorf("%s: there is no %q in %q", id, line, got)
			}
		}
	}
}

// Quirks that no app of the list has.
func TestOtherDialects(t *testing.T) {
	t.Parallel()
	two := operations(`{"op":"replace","path":"title","value":"Boss"}`, `{"op":"replace","path":"nickName","value":"A"}`)
	run(t, "okta-inbound-scim", []step{
		{do: "GET /Users", header: "Accept: ", want: 406, rule: scimtest.RefusedHeader},
		{do: "PATCH /Users/$ann", body: two, want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","value":{"title":"Boss"}}`), want: 400, rule: scimtest.RefusedPatch},
		{do: "PATCH /Users/$ann", body: operations(`{"op":"replace","path":"title","value":"Boss"}`), want: 200},
		{do: "GET /Groups/$ops", want: 200},
	}, func(q *scimtest.Quirks) {
		q.Headers, q.HeaderStatus = map[string]string{"Accept": ""}, http.StatusNotAcceptable
		q.Users.Patch = scimtest.Dialect{OneOperation: true, NoPathless: true}
	})
}

// What a stranger asks is not judged before who asks.
func TestStrangersOfApps(t *testing.T) {
	t.Parallel()
	c := call(t, "github-org")
	c.step(step{do: "GET /Groups", header: "Authorization: Bearer other", want: http.StatusUnauthorized})
}
