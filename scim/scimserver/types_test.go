// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// typed is a server with every experimental type.
func typed(t *testing.T, change func(*scimserver.Config)) *server {
	t.Helper()
	c, err := scim.CoreCatalog().WithExperiments("agents", "roles", "entitlements")
	if err != nil {
		t.Fatal(err)
	}
	store := scimserver.NewMemory(c.Schemas, c.ResourceTypes)
	s := newServer(t, func(conf *scimserver.Config) {
		conf.Store, conf.Schemas, conf.ResourceTypes = store, c.Schemas, c.ResourceTypes
		if change != nil {
			change(conf)
		}
	})
	s.store = store
	return s
}

func agent(name string, more ...string) string {
	return `{"schemas":["` + scim.AgentURN + `"],"agentUserName":"` + name + `"` + strings.Join(append([]string{""}, more...), ",") + `}`
}

func filtered(endpoint, filter string) string {
	return endpoint + "?filter=" + url.QueryEscape(filter)
}

// What scim-sanity does with Agents, and what a client would.
func TestAgents(t *testing.T) {
	t.Parallel()
	s := typed(t, nil)
	made := s.do("POST", "/Agents", agent("Bot@acme.example", `"displayName":"Bot"`, `"description":"Sorts mail"`, `"active":true`,
		`"externalId":"x1"`, `"owners":[{"value":"u1","type":"User"}]`, `"unheardOf":1`)).want(201, "")
	id := made.resource().ID()
	if made.Header().Get("Location") != "http://app.example"+base+"/Agents/"+id || made.at("meta.resourceType") != `"Agent"` || made.at("meta.version") == "" || made.at("unheardOf") != "" {
		t.Errorf("%v %s", made.Header(), made.Body)
	}
	got := s.do("GET", "/Agents/"+id, "").want(200, "")
	if got.Body.String() != made.Body.String() {
		t.Errorf("%s\nwas made as\n%s", got.Body, made.Body)
	}
	for body, detail := range map[string]string{
		`{"schemas":["` + scim.AgentURN + `"],"displayName":"x"}`: "agentUserName is required",
		agent("b", `"owners":[{"display":"Ann"}]`):                "owners.value is required",
		agent("b", `"active":"yes"`):                              "active wants boolean",
		user("b"):                                                 "schemas must name " + scim.AgentURN,
	} {
		kind := scim.InvalidValue
		if strings.HasPrefix(detail, "schemas") {
			kind = scim.InvalidSyntax
		}
		if a := s.do("POST", "/Agents", body).want(400, kind); !strings.Contains(a.at("detail"), detail) {
			t.Errorf("%s: %s, want %s", body, a.Body, detail)
		}
	}
	s.do("POST", "/Agents", agent("BOT@ACME.example")).want(409, scim.UniquenessBreach)
	other := s.make("/Agents", agent("another"))
	s.make("/Users", user("bot@acme.example")) // another type's name
	s.do("PUT", "/Agents/"+other, agent("bot@acme.EXAMPLE")).want(409, scim.UniquenessBreach)
	s.do("PATCH", "/Agents/"+other, patch(`{"op":"replace","path":"agentUserName","value":"bot@acme.example"}`)).want(409, scim.UniquenessBreach)

	for filter, want := range map[string]int{
		`agentUserName eq "BOT@acme.EXAMPLE"`:                             1,
		scim.AgentURN + `:agentUserName eq "bot@acme.example"`:            1,
		`agentUserName sw "bot" and active eq true`:                       1,
		`owners.value eq "u1"`:                                            1,
		`owners.value eq "U1"`:                                            0, // an id is case exact
		`owners[value eq "u1" and type eq "USER"]`:                        1,
		`meta.resourceType eq "Agent"`:                                    2,
		`externalId eq "x1" or agentUserName eq "ANOTHER"`:                2,
		`not (displayName pr)`:                                            1,
		`meta.location eq "http://app.example/scim/v2/Agents/` + id + `"`: 1,
	} {
		if l := s.do("GET", filtered("/Agents", filter), "").want(200, "").list(); l.TotalResults != want {
			t.Errorf("%s finds %d, want %d", filter, l.TotalResults, want)
		}
	}
	s.do("GET", filtered("/Agents", `userName eq "x"`), "").want(400, scim.InvalidFilter)
	sorted := s.do("GET", "/Agents?sortBy=agentUserName&sortOrder=descending&attributes=agentUserName", "").want(200, "").list()
	var names []string
	for _, r := range sorted.Resources {
		v, _ := r.Get("agentUserName")
		names = append(names, v.String())
		if _, shown := r.Get("displayName"); shown {
			t.Error("more is shown than was asked for")
		}
	}
	if !slices.Equal(names, []string{`"Bot@acme.example"`, `"another"`}) {
		t.Error(names)
	}

	owners := func(want string, ops ...string) {
		t.Helper()
		if a := s.do("PATCH", "/Agents/"+id, patch(ops...)).want(200, ""); a.at("owners.value") != want {
			t.Errorf("%v: %s, want %s", ops, a.at("owners"), want)
		}
	}
	owners(`["u1","u2"]`, `{"op":"add","path":"owners","value":[{"value":"u2"}]}`)
	owners(`["u1","u2"]`, `{"op":"add","path":"owners","value":[{"value":"u2"}]}`)
	owners(`["u2"]`, `{"op":"remove","path":"owners[value eq \"u1\"]"}`)
	owners(`["u3"]`, `{"op":"replace","path":"owners","value":[{"value":"u3","display":"Ann"}]}`)
	owners(`["u4"]`, `{"op":"replace","path":"owners[value eq \"u3\"].value","value":"u4"}`)
	s.do("PATCH", "/Agents/"+id, patch(`{"op":"remove","path":"agentUserName"}`)).want(400, scim.MutabilityBreach)
	s.do("PATCH", "/Agents/"+id, patch(`{"op":"add","path":"members","value":[{"value":"u1"}]}`)).want(400, scim.InvalidPath)
	if put := s.do("PUT", "/Agents/"+id, agent("bot@acme.example"), `If-Match: `+s.do("GET", "/Agents/"+id, "").Header().Get("Etag")).want(200, ""); put.at("owners") != "" || put.at("description") != "" {
		t.Errorf("%s is left", put.Body)
	}
	s.do("PUT", "/Agents/"+id, agent("x"), `If-Match: W/"0"`).want(412, "")

	// One who is a member of a group leaves it with their deletion.
	team := s.make("/Groups", group("bots", id, "somebody"))
	s.do("DELETE", "/Agents/"+id, "").want(204, "")
	s.do("GET", "/Agents/"+id, "").want(404, "")
	s.do("DELETE", "/Agents/"+id, "").want(404, "")
	if m := s.do("GET", "/Groups/"+team, "").resource().Members(); !slices.Equal(m, []string{"somebody"}) {
		t.Errorf("members %v", m)
	}
	s.make("/Agents", agent("bot@acme.example")) // the name is free again
}

// Of 32 who want one name at once, one gets it.
func TestOneAgentOfAName(t *testing.T) {
	t.Parallel()
	s := typed(t, nil)
	var wait sync.WaitGroup
	codes := make([]int, 32)
	for i := range codes {
		wait.Go(func() {
			name := "bot"
			if i%2 == 1 {
				name = "BOT"
			}
			codes[i] = s.do("POST", "/Agents", agent(name)).Code
		})
	}
	wait.Wait()
	slices.Sort(codes)
	if codes[0] != 201 || codes[1] != 409 || codes[31] != 409 {
		t.Error(codes)
	}
	if l := s.do("GET", "/Agents", "").list(); l.TotalResults != 1 {
		t.Errorf("%d agents", l.TotalResults)
	}
}

// What only the service provider writes can be read, and nothing else, and the
// provider says that it has it.
func TestRolesAreRead(t *testing.T) {
	t.Parallel()
	s := typed(t, func(c *scimserver.Config) {
		c.Me = func(r *http.Request) (string, string, error) { return "Role", r.Header.Get("Me"), nil }
	})
	role, err := scim.ParseResource([]byte(`{"schemas":["`+scim.RoleURN+`"],"value":"Admin","supported":true,"contains":["reader"]}`), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := s.store.Create(t.Context(), "Role", role)
	if err != nil {
		t.Fatal(err)
	}
	one := "/Roles/" + kept.ID()
	body := `{"schemas":["` + scim.RoleURN + `"],"value":"x"}`
	for _, r := range []struct{ method, path string }{
		{"POST", "/Roles"}, {"PUT", one}, {"PATCH", one}, {"DELETE", one}, {"POST", "/Entitlements"},
	} {
		if a := s.do(r.method, r.path, body).want(405, ""); a.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s allows %s", r.method, r.path, a.Header().Get("Allow"))
		}
	}
	s.do("GET", "/Me", "", "Me: "+kept.ID()).want(200, "")
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		s.do(method, "/Me", body, "Me: "+kept.ID()).want(405, "")
	}
	bulk := s.do("POST", "/Bulk", `{"schemas":["`+scim.BulkRequestURN+`"],"Operations":[{"method":"POST","path":"/Roles","bulkId":"1","data":`+body+`},{"method":"DELETE","path":"`+one+`"}]}`)
	if n := strings.Count(bulk.want(200, "").Body.String(), `"status":"405"`); n != 4 { // of each operation, and of its error
		t.Errorf("in bulk: %s", bulk.Body)
	}
	if a := s.do("GET", one, "").want(200, ""); a.at("value") != `"Admin"` || a.at("contains") != `["reader"]` {
		t.Errorf("%s", a.Body)
	}
	if l := s.do("GET", filtered("/Roles", `value eq "ADMIN" and contains eq "Reader"`), "").want(200, "").list(); l.TotalResults != 1 {
		t.Errorf("%d found", l.TotalResults)
	}
	if l := s.do("POST", "/Roles/.search", `{"schemas":["`+scim.SearchRequestURN+`"],"filter":"supported eq true"}`).want(200, "").list(); l.TotalResults != 1 {
		t.Errorf("%d found", l.TotalResults)
	}
	told := s.do("GET", "/ServiceProviderConfig", "").want(200, "")
	for path, want := range map[string]string{"roles.supported": "true", "entitlements.supported": "true"} {
		attr, sub, _ := strings.Cut(path, ".")
		v, _ := told.resource().Get("RolesAndEntitlements")
		o, _ := v.AsComplex()
		v, _ = o.Get(attr)
		o, _ = v.AsComplex()
		if v, _ = o.Get(sub); v.String() != want {
			t.Errorf("%s is %s", path, v)
		}
	}
	if told := newServer(t, nil).do("GET", "/ServiceProviderConfig", ""); strings.Contains(told.Body.String(), "RolesAndEntitlements") {
		t.Error("it is told where there are none")
	}
}

// A type that nobody asked for is not there.
func TestExperimentsAreOff(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for _, path := range []string{"/Agents", "/Roles", "/Entitlements", "/ResourceTypes/Agent", "/Schemas/" + scim.AgentURN} {
		s.do("GET", path, "").want(404, "")
	}
	on := typed(t, nil)
	for _, path := range []string{"/Agents", "/Roles", "/Entitlements", "/ResourceTypes/Agent", "/ResourceTypes/role", "/Schemas/" + scim.AgentURN, "/Schemas/" + scim.EntitlementURN} {
		on.do("GET", path, "").want(200, "")
	}
	if a, b := on.do("GET", "/ResourceTypes", "").list(), on.do("GET", "/Schemas", "").list(); a.TotalResults != 5 || b.TotalResults != 7 {
		t.Errorf("%d types, %d schemas", a.TotalResults, b.TotalResults)
	}
}

// odd has what the shipped types have not: a member attribute of another name, unique
// and secret attributes in an extension, what is immutable or only shown on request.
const odd = `[
 {"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:example:scim:Site","name":"Site","attributes":[
  {"name":"code","type":"string","multiValued":false,"required":true,"caseExact":true,"uniqueness":"server"},
  {"name":"built","type":"dateTime","multiValued":false,"mutability":"immutable"},
  {"name":"notes","type":"string","multiValued":false,"returned":"request"},
  {"name":"active","type":"boolean","multiValued":false},
  {"name":"staff","type":"complex","multiValued":true,"subAttributes":[
   {"name":"value","type":"string","multiValued":false,"caseExact":true,"mutability":"immutable"},
   {"name":"display","type":"string","multiValued":false,"mutability":"immutable"}]}]},
 {"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:example:scim:Lease","name":"Lease","attributes":[
  {"name":"contract","type":"string","multiValued":false,"uniqueness":"global"},
  {"name":"pin","type":"string","multiValued":false,"mutability":"writeOnly","returned":"never"}]},
 {"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"Site","endpoint":"/Sites","schema":"urn:example:scim:Site",
  "schemaExtensions":[{"schema":"urn:example:scim:Lease","required":true}]}]`

// Nothing that the handler and the store do is for Users and Groups alone.
func TestAnyTypeIsHeldToItsSchema(t *testing.T) {
	t.Parallel()
	c, err := scim.Catalog{}.With("odd.json", []byte(odd))
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, func(conf *scimserver.Config) {
		conf.Schemas, conf.ResourceTypes, conf.Store = c.Schemas, c.ResourceTypes, scimserver.NewMemory(c.Schemas, c.ResourceTypes)
		conf.Rules.DeleteMeansDisable = true
	})
	const lease = "urn:example:scim:Lease"
	site := func(code, contract string, more ...string) string {
		return `{"schemas":["urn:example:scim:Site","` + lease + `"],"code":"` + code + `","` + lease + `":{"contract":"` + contract + `","pin":"1234"}` +
			strings.Join(append([]string{""}, more...), ",") + `}`
	}
	made := s.do("POST", "/Sites", site("B1", "k1", `"built":"1999-01-02T00:00:00Z"`, `"notes":"damp"`, `"staff":[{"value":"u1"}]`)).want(201, "")
	id := made.resource().ID()
	for _, hidden := range []string{"1234", "damp"} {
		if strings.Contains(made.Body.String(), hidden) {
			t.Errorf("%s is shown: %s", hidden, made.Body)
		}
	}
	if a := s.do("GET", "/Sites/"+id+"?attributes=notes", ""); a.at("notes") != `"damp"` {
		t.Errorf("%s", a.Body)
	}
	s.make("/Sites", site("b1", "k2")) // the code is case exact
	s.do("POST", "/Sites", site("B1", "k3")).want(409, scim.UniquenessBreach)
	s.do("POST", "/Sites", site("B2", "K1")).want(409, scim.UniquenessBreach) // the extension's contract is not
	s.do("POST", "/Sites", `{"schemas":["urn:example:scim:Site"],"code":"B9"}`).want(400, scim.InvalidValue)
	s.do("GET", filtered("/Sites", lease+`:pin eq "1234"`), "").want(403, scim.Sensitive)
	if l := s.do("GET", filtered("/Sites", lease+`:contract eq "K1"`), "").want(200, "").list(); l.TotalResults != 1 {
		t.Errorf("%d found", l.TotalResults)
	}
	s.do("PATCH", "/Sites/"+id, patch(`{"op":"replace","path":"built","value":"2000-01-02T00:00:00Z"}`)).want(400, scim.MutabilityBreach)
	if a := s.do("PATCH", "/Sites/"+id, patch(`{"op":"add","path":"staff","value":[{"value":"u2"}]}`, `{"op":"remove","path":"staff[value eq \"u1\"]"}`)).want(200, ""); a.at("staff.value") != `["u2"]` {
		t.Errorf("%s", a.Body)
	}
	if l := s.do("GET", filtered("/Sites", `staff.value eq "u2"`), "").want(200, "").list(); l.TotalResults != 1 {
		t.Errorf("%d found", l.TotalResults)
	}
	s.do("DELETE", "/Sites/"+id, "").want(204, "")
	if a := s.do("GET", "/Sites/"+id, "").want(200, ""); a.at("active") != "false" {
		t.Errorf("%s", a.Body)
	}
	s.do("GET", "/Users", "").want(404, "")
	if strings.Contains(fmt.Sprint(s.do("GET", "/Schemas", "").Body), scim.UserURN) {
		t.Error("there is a User")
	}
}
