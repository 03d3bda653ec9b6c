// SPDX-License-Identifier: Apache-2.0

package scimin_test

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-id/usher/internal/source/scimin"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// experimental is a house whose providers may use all that is experimental.
func experimental(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	var err error
	if h.catalog, err = scim.CoreCatalog().WithExperiments("agents", "roles", "entitlements"); err != nil {
		t.Fatal(err)
	}
	return h
}

func agent(name string, more ...string) string {
	return `{"schemas":["` + scim.AgentURN + `"],"agentUserName":"` + name + `"` + strings.Join(append([]string{""}, more...), ",") + `}`
}

// found are the values of an attribute of what a filter finds.
func (e *endpoint) found(path, filter, attribute string) []string {
	e.Helper()
	if filter != "" {
		path += "?filter=" + url.QueryEscape(filter)
	}
	l, err := scim.ParseListResponse(e.do("GET", path, "").want(200).Body.Bytes(), scim.Limits{})
	if err != nil {
		e.Fatal(err)
	}
	var out []string
	for _, r := range l.Resources {
		v, _ := r.At(scim.MustPath(attribute))
		out = append(out, strings.Trim(v.String(), `"`))
	}
	if l.TotalResults != len(out) {
		e.Errorf("%d of %d", len(out), l.TotalResults)
	}
	return out
}

// Agents are kept as what a provider says of them, and are nobody.
func TestAgentsAreKept(t *testing.T) {
	t.Parallel()
	h := experimental(t)
	e := h.endpoint("idp", scimserver.RFC)
	ann := e.make("/Users", user("ann"))
	made := e.do("POST", "/Agents", agent("Bot", `"displayName":"A bot"`, `"active":true`, `"externalId":"x1"`, `"owners":[{"value":"`+ann+`"}]`)).want(201)
	id := made.resource().ID()
	if got := e.do("GET", "/Agents/"+id, "").want(200); got.Body.String() != made.Body.String() {
		t.Errorf("%s\nwas made as\n%s", got.Body, made.Body)
	}
	e.make("/Agents", agent("another"))
	for filter, want := range map[string][]string{
		`agentUserName eq "BOT"`: {"Bot"}, `agentUserName eq "bo"`: nil, `externalId eq "x1"`: {"Bot"}, `externalId eq "X1"`: nil, `id eq "` + id + `"`: {"Bot"},
		`active eq true`: {"Bot"}, `owners.value eq "` + ann + `"`: {"Bot"}, scim.AgentURN + `:agentUserName eq "bOt" and displayName sw "a "`: {"Bot"},
		`meta.resourceType eq "Agent"`: {"Bot", "another"}, `meta.resourceType eq "User"`: nil, ``: {"Bot", "another"},
	} {
		if got := e.found("/Agents", filter, "agentUserName"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", filter, got, want)
		}
	}
	owners := func(want, op string) {
		t.Helper()
		r := e.do("PATCH", "/Agents/"+id, patch(op)).want(200).resource()
		if v, _ := r.At(scim.MustPath("owners.value")); v.String() != want {
			t.Errorf("%s: %s, want %s", op, v, want)
		}
	}
	owners(`["`+ann+`","bob"]`, `{"op":"add","path":"owners","value":[{"value":"bob"}]}`)
	owners(`["bob"]`, `{"op":"remove","path":"owners[value eq \"`+ann+`\"]"}`)
	e.do("PATCH", "/Agents/"+id, patch(`{"op":"replace","path":"agentUserName","value":"ANOTHER"}`)).want(409)
	e.do("PUT", "/Agents/"+id, agent("BOT", `"active":false`)).want(200)
	if got := e.found("/Agents", `active eq false`, "agentUserName"); !slices.Equal(got, []string{"BOT"}) {
		t.Error(got)
	}
	team := e.make("/Groups", group("bots", id, ann))
	e.do("DELETE", "/Agents/"+id, "").want(204)
	e.do("GET", "/Agents/"+id, "").want(404)
	e.do("PATCH", "/Agents/"+id, patch(`{"op":"replace","path":"active","value":true}`)).want(404)
	if got := e.do("GET", "/Groups/"+team, "").resource().Members(); !slices.Equal(got, []string{ann}) {
		t.Errorf("members %v", got)
	}
	if again := e.make("/Agents", agent("bot")); again == id {
		t.Error("an id was given twice")
	}
	h.settle()
	if people := h.people(); len(people) != 1 || people["ann"].Person == nil {
		t.Errorf("%v", people)
	}
	events, err := h.db.Ledger().Unchained(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range events {
		if kind, of := strings.CutPrefix(e.Kind, "resource."); of {
			told = append(told, kind)
		}
	}
	if want := []string{"pushed", "pushed", "changed", "changed", "changed", "gone", "pushed"}; !slices.Equal(told, want) {
		t.Errorf("the ledger tells %v, want %v", told, want)
	}
}

// Of 32 who want one name at once, one gets it; another provider's names are its own.
func TestOneAgentOfAName(t *testing.T) {
	t.Parallel()
	h := experimental(t)
	e, other := h.endpoint("idp", scimserver.RFC), h.endpoint("other", scimserver.RFC)
	codes := make([]int, 32)
	var wait sync.WaitGroup
	for i := range codes {
		wait.Go(func() {
			name := "bot"
			if i%2 == 1 {
				name = "BOT"
			}
			codes[i] = e.do("POST", "/Agents", agent(name)).Code
		})
	}
	wait.Wait()
	slices.Sort(codes)
	if codes[0] != 201 || codes[1] != 409 || codes[31] != 409 {
		t.Error(codes)
	}
	if got := e.found("/Agents", "", "id"); len(got) != 1 {
		t.Errorf("%v", got)
	}
	id := other.make("/Agents", agent("bot"))
	e.do("GET", "/Agents/"+id, "").want(404)
	e.do("PUT", "/Agents/"+id, agent("x")).want(404)
	e.do("DELETE", "/Agents/"+id, "").want(404)
	if got := e.found("/Agents", `id eq "`+id+`"`, "id"); len(got) != 0 {
		t.Errorf("%v", got)
	}
	other.do("GET", "/Agents/"+id, "").want(200)
}

// The lists of roles and entitlements are those that the provider's Users have.
func TestRolesAreThoseInUse(t *testing.T) {
	t.Parallel()
	h := experimental(t)
	e := h.endpoint("idp", scimserver.RFC)
	ann := e.make("/Users", user("ann", `"roles":[{"value":"admin","display":"Admins"},{"value":"reader"}]`, `"entitlements":[{"value":"seat"}]`))
	e.make("/Users", user("bob", `"roles":[{"value":"reader"}]`))
	h.endpoint("other", scimserver.RFC).make("/Users", user("cyd", `"roles":[{"value":"theirs"}]`))
	if got := e.found("/Roles", "", "value"); !slices.Equal(got, []string{"admin", "reader"}) {
		t.Error(got)
	}
	if got := e.found("/Roles", `totalAssignmentsUsed gt 1 and supported eq true`, "value"); !slices.Equal(got, []string{"reader"}) {
		t.Error(got)
	}
	if got := e.found("/Entitlements", `value eq "SEAT"`, "value"); !slices.Equal(got, []string{"seat"}) {
		t.Error(got)
	}
	id := e.found("/Roles", `display eq "Admins"`, "id")[0]
	if r := e.do("GET", "/Roles/"+id, "").want(200).resource(); r.ID() != id {
		t.Errorf("%s", r)
	}
	e.do("DELETE", "/Roles/"+id, "").want(405)
	e.do("POST", "/Roles", `{"schemas":["`+scim.RoleURN+`"],"value":"x"}`).want(405)
	var walked []string
	for path := "/Roles?cursor&count=1"; path != ""; {
		l, err := scim.ParseListResponse(e.do("GET", path, "").want(200).Body.Bytes(), scim.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range l.Resources {
			v, _ := r.Get("value")
			walked = append(walked, v.String())
		}
		if path = ""; l.NextCursor != "" {
			path = "/Roles?count=1&cursor=" + l.NextCursor
		}
	}
	if !slices.Equal(walked, []string{`"admin"`, `"reader"`}) {
		t.Error(walked)
	}
	e.do("PATCH", "/Users/"+ann, patch(`{"op":"remove","path":"roles[value eq \"admin\"]"}`)).want(200)
	e.do("GET", "/Roles/"+id, "").want(404)
	if got := e.found("/Roles", "", "value"); !slices.Equal(got, []string{"reader"}) {
		t.Error(got)
	}
}

// A type that could not be kept as its schema says is refused before anything is served.
func TestTypesThatCannotBeKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const schema, typ = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:x:y:`, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"Thing","endpoint":"/Things","schema":"urn:x:y:Thing"`
	const code = `{"name":"code","type":"string","multiValued":false,"uniqueness":"server"}`
	for text, want := range map[string]string{
		`[` + schema + `Thing","name":"Thing","attributes":[` + code + `,` + strings.Replace(code, "code", "serial", 1) + `]},` + typ + `}]`:                                                                             "code and serial are unique",
		`[` + schema + `Thing","name":"Thing","attributes":[` + code + `]},` + schema + `More","name":"More","attributes":[` + code + `]},` + typ + `,"schemaExtensions":[{"schema":"urn:x:y:More","required":false}]}]`: "an attribute of an extension cannot be",
	} {
		c, err := scim.CoreCatalog().With("thing.json", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = scimin.New(scimin.Config{Source: "idp", Store: h.db.Pushed(), Directory: h.dir, Schemas: c.Schemas, Types: c.ResourceTypes, Mapping: h.m})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
