// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

const (
	ann = `"name":{"givenName":"Ann","familyName":"Lee"},"emails":[{"value":"ann@acme.example","type":"work","primary":true},{"value":"a@home.example","type":"home"}],"active":true,"externalId":"E1","password":"hunter2!"`
	dep = `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Sales","manager":{"value":"9","displayName":"Boss"}}`
)

// TestRequests is what one request to a service with two users and a group is
// answered with, by section of RFC 7644 (or as marked). $ann and $sales are
// ids.
func TestRequests(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("(", 40) + `userName pr` + strings.Repeat(")", 40)
	for name, c := range map[string]struct {
		request string // method, path, and body
		status  int
		kind    string // scimType of an error
		want    string // "path=JSON" of the answer, "!path" for absent
	}{
		"3.3 create":                              {"POST /Users " + user("cy", `"title":"x"`), 201, "", `userName="cy"`},
		"3.3 readOnly is ignored":                 {"POST /Users " + user("cy", `"id":"77","meta":{"created":"1999-01-01T00:00:00Z"},"groups":[{"value":"1"}]`), 201, "", `!groups`},
		"3.3 the id is the provider's":            {"POST /Users " + user("cy", `"id":"77"`), 201, "", `id="4"`},
		"3.3 a name that is taken":                {"POST /Users " + user("ann"), 409, "uniqueness", ""},
		"3.3 taken in other case":                 {"POST /Users " + user("ANN"), 409, "uniqueness", ""},
		"3.3 an externalId twice":                 {"POST /Users " + user("cy", `"externalId":"E1"`), 201, "", `externalId="E1"`},
		"3.3 no userName":                         {`POST /Users {"schemas":["` + scim.UserURN + `"]}`, 400, "invalidValue", ""},
		"3.3 empty userName":                      {"POST /Users " + user(""), 400, "invalidValue", ""},
		"7643 3 no schemas":                       {`POST /Users {"userName":"cy"}`, 400, "invalidSyntax", ""},
		"7643 3 another type's schema":            {`POST /Users {"schemas":["` + scim.GroupURN + `"],"userName":"cy"}`, 400, "invalidSyntax", ""},
		"7643 3 another type's schema besides":    {`POST /Users {"schemas":["` + scim.UserURN + `","` + scim.GroupURN + `"],"userName":"cy"}`, 400, "invalidSyntax", ""},
		"7643 2.1 names in other case":            {`POST /Users {"SCHEMAS":["` + scim.UserURN + `"],"USERNAME":"cy"}`, 201, "", `userName="cy"`},
		"7643 2.3 a boolean as text":              {"POST /Users " + user("cy", `"active":"True"`), 400, "invalidValue", ""},
		"7643 2.4 two primaries":                  {"POST /Users " + user("cy", `"emails":[{"value":"a","primary":true},{"value":"b","primary":true}]`), 400, "invalidValue", ""},
		"7643 2.4 an object for a list":           {"POST /Users " + user("cy", `"emails":{"value":"a"}`), 400, "invalidValue", ""},
		"7643 2.5 null is unassigned":             {"POST /Users " + user("cy", `"title":null,"emails":[]`), 201, "", `!emails`},
		"7643 3.3 an unknown attribute":           {"POST /Users " + user("cy", `"shoeSize":44`), 201, "", `!shoeSize`},
		"7643 3.3 an extension":                   {"POST /Users " + user("cy", dep), 201, "", `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department="Sales"`},
		"7643 4.3 manager.displayName":            {"POST /Users " + user("cy", dep), 201, "", `!urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName`},
		"7643 4.2 a group without a name":         {`POST /Groups {"schemas":["` + scim.GroupURN + `"]}`, 400, "invalidValue", ""},
		"7643 7 a password is never shown":        {"POST /Users " + user("cy", `"password":"x"`), 201, "", `!password`},
		"7643 7 nor when asked for":               {"GET /Users/$ann?attributes=password,userName", 200, "", `!password`},
		"3.3 no JSON":                             {"POST /Users {", 400, "invalidSyntax", ""},
		"3.3 no object":                           {"POST /Users []", 400, "invalidSyntax", ""},
		"3.3 a name twice":                        {"POST /Users " + user("cy", `"USERNAME":"di"`), 400, "invalidSyntax", ""},
		"3.3 no body":                             {"POST /Users", 400, "invalidSyntax", ""},
		"3.4.1 get":                               {"GET /Users/$ann", 200, "", `name.givenName="Ann"`},
		"3.4.1 who is not there":                  {"GET /Users/nobody", 404, "", ""},
		"3.4.1 a group among the users":           {"GET /Users/$sales", 404, "", ""},
		"3.4.1 meta":                              {"GET /Users/$ann", 200, "", `meta.resourceType="User"`},
		"3.1 location":                            {"GET /Users/$ann", 200, "", `meta.location="http://app.example/scim/v2/Users/1"`},
		"3.4.2 list":                              {"GET /Users", 200, "", `totalResults=2`},
		"3.4.2 an unknown parameter":              {"GET /Users?aadOptscim062020", 200, "", `totalResults=2`},
		"3.4.2 a parameter that cannot be read":   {"GET /Users?filter=%zz", 400, "invalidValue", ""},
		"3.4.2 a parameter twice":                 {"GET /Users?count=1&count=2", 400, "invalidValue", ""},
		"3.4.2.2 nobody":                          {"GET /Users?filter=" + url.QueryEscape(`userName eq "x"`), 200, "", `totalResults=0`},
		"3.4.2.2 in other case":                   {"GET /Users?filter=" + url.QueryEscape(`USERNAME EQ "aNN"`), 200, "", `totalResults=1`},
		"3.4.2.2 exact externalId":                {"GET /Users?filter=" + url.QueryEscape(`externalId eq "e1"`), 200, "", `totalResults=0`},
		"3.4.2.2 a work address":                  {"GET /Users?filter=" + url.QueryEscape(`emails[type eq "work" and value eq "ann@acme.example"]`), 200, "", `totalResults=1`},
		"3.4.2.2 of the other type":               {"GET /Users?filter=" + url.QueryEscape(`emails[type eq "home" and value eq "ann@acme.example"]`), 200, "", `totalResults=0`},
		"3.4.2.2 not":                             {"GET /Users?filter=" + url.QueryEscape(`not (userName eq "ann")`), 200, "", `totalResults=1`},
		"3.4.2.2 an extension":                    {"GET /Users?filter=" + url.QueryEscape(`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "sales"`), 200, "", `totalResults=1`},
		"3.4.2.2 who is in":                       {"GET /Groups?filter=" + url.QueryEscape(`id eq "3" and members eq "1"`), 200, "", `totalResults=1`},
		"3.4.2.2 who is not in":                   {"GET /Groups?filter=" + url.QueryEscape(`members[value eq "2"]`), 200, "", `totalResults=0`},
		"3.4.2.2 empty":                           {"GET /Users?filter=", 400, "invalidFilter", ""},
		"3.4.2.2 bad":                             {"GET /Users?filter=userName", 400, "invalidFilter", ""},
		"3.4.2.2 an operator that is none":        {"GET /Users?filter=" + url.QueryEscape(`userName is "x"`), 400, "invalidFilter", ""},
		"3.4.2.2 order of a boolean":              {"GET /Users?filter=" + url.QueryEscape(`active gt true`), 400, "invalidFilter", ""},
		"3.4.2.2 a complex attribute":             {"GET /Users?filter=" + url.QueryEscape(`name eq "Ann"`), 400, "invalidFilter", ""},
		"3.4.2.2 emails without value":            {"GET /Users?filter=" + url.QueryEscape(`emails co "acme"`), 200, "", `totalResults=1`},
		"3.4.2.2 an attribute that is none":       {"GET /Users?filter=" + url.QueryEscape(`not (shoeSize eq "44")`), 400, "invalidFilter", ""},
		"3.4.2.2 a sub-attribute that is none":    {"GET /Users?filter=" + url.QueryEscape(`emails[userName eq "x"]`), 400, "invalidFilter", ""},
		"3.4.2.2 too deep":                        {"GET /Users?filter=" + url.QueryEscape(deep), 400, "invalidFilter", ""},
		"7643 7 a filter must not tell a secret":  {"GET /Users?filter=" + url.QueryEscape(`password sw "h"`), 403, "sensitive", ""},
		"7643 7 nor must an order":                {"GET /Users?sortBy=password", 403, "sensitive", ""},
		"3.4.2.3 sort":                            {"GET /Users?sortBy=userName&sortOrder=descending", 200, "", `Resources.userName=["bob","ann"]`},
		"3.4.2.3 without a value last":            {"GET /Users?sortBy=emails", 200, "", `Resources.userName=["ann","bob"]`},
		"3.4.2.3 and first":                       {"GET /Users?sortBy=emails.value&sortOrder=descending", 200, "", `Resources.userName=["bob","ann"]`},
		"3.4.2.3 a complex attribute":             {"GET /Users?sortBy=name", 400, "invalidPath", ""},
		"3.4.2.3 an attribute that is none":       {"GET /Users?sortBy=shoeSize", 400, "invalidPath", ""},
		"3.4.2.3 an order that is none":           {"GET /Users?sortBy=userName&sortOrder=up", 400, "invalidValue", ""},
		"3.4.2.4 pages":                           {"GET /Users?startIndex=2&count=1", 200, "", `Resources.userName=["bob"]`},
		"3.4.2.4 startIndex is told":              {"GET /Users?startIndex=2&count=1", 200, "", `startIndex=2`},
		"3.4.2.4 itemsPerPage is what came":       {"GET /Users?count=50", 200, "", `itemsPerPage=2`},
		"3.4.2.4 0 is 1":                          {"GET /Users?startIndex=0&count=1", 200, "", `Resources.userName=["ann"]`},
		"3.4.2.4 a negative count is 0":           {"GET /Users?count=-1", 200, "", `Resources=[]`},
		"3.4.2.4 count 0 tells the total":         {"GET /Users?count=0", 200, "", `totalResults=2`},
		"3.4.2.4 past the end":                    {"GET /Users?startIndex=1000000", 200, "", `totalResults=2`},
		"3.4.2.4 no number":                       {"GET /Users?startIndex=x", 400, "invalidValue", ""},
		"3.4.3 search":                            {`POST /Users/.search {"schemas":["` + scim.SearchRequestURN + `"],"filter":"userName eq \"bob\"","attributes":["userName"],"count":5}`, 200, "", `Resources.userName=["bob"]`},
		"3.4.3 without its schema":                {`POST /Users/.search {"filter":"userName pr"}`, 400, "invalidSyntax", ""},
		"3.4.3 of the wrong type":                 {`POST /Users/.search {"schemas":["` + scim.SearchRequestURN + `"],"filter":5}`, 400, "invalidValue", ""},
		"3.4.3 over all types":                    {`POST /.search {"schemas":["` + scim.SearchRequestURN + `"]}`, 200, "", `totalResults=3`},
		"3.4.2.1 over all types":                  {"GET /", 200, "", `Resources.id=["1","2","3"]`},
		"3.5.1 replace":                           {"PUT /Users/$ann " + user("ann", `"title":"x"`), 200, "", `!emails`},
		"3.5.1 the id stays":                      {"PUT /Users/$ann " + user("ann", `"id":"2"`), 200, "", `id="1"`},
		"3.5.1 a name that is taken":              {"PUT /Users/$ann " + user("bob"), 409, "uniqueness", ""},
		"3.5.1 who is not there":                  {"PUT /Users/nobody " + user("x"), 404, "", ""},
		"3.5.2 replace":                           {"PATCH /Users/$ann " + patch(`{"op":"replace","path":"title","value":"x"}`), 200, "", `title="x"`},
		"3.5.2 op in other case":                  {"PATCH /Users/$ann " + patch(`{"op":"Replace","path":"title","value":"x"}`), 200, "", `title="x"`},
		"3.5.2 all or nothing":                    {"PATCH /Users/$ann " + patch(`{"op":"replace","path":"title","value":"x"}`, `{"op":"remove","path":"userName"}`), 400, "mutability", ""},
		"3.5.2 an attribute that is none":         {"PATCH /Users/$ann " + patch(`{"op":"replace","path":"shoeSize","value":"x"}`), 400, "invalidPath", ""},
		"3.5.2 the id":                            {"PATCH /Users/$ann " + patch(`{"op":"replace","path":"id","value":"x"}`), 400, "mutability", ""},
		"3.5.2 a name that is taken":              {"PATCH /Users/$ann " + patch(`{"op":"replace","path":"userName","value":"bob"}`), 409, "uniqueness", ""},
		"3.5.2.2 without a path":                  {"PATCH /Users/$ann " + patch(`{"op":"remove"}`), 400, "noTarget", ""},
		"3.5.2.3 what no element matches":         {"PATCH /Users/$ann " + patch(`{"op":"replace","path":"emails[type eq \"x\"].value","value":"x"}`), 400, "noTarget", ""},
		"3.5.2 who is not there":                  {"PATCH /Users/nobody " + patch(`{"op":"replace","path":"title","value":"x"}`), 404, "", ""},
		"3.5.2 no such group":                     {"PATCH /Groups/nobody " + patch(`{"op":"add","path":"members","value":[{"value":"1"}]}`), 404, "", ""},
		"3.5.2 a member":                          {"PATCH /Groups/$sales " + patch(`{"op":"add","path":"members","value":[{"value":"2"}]}`), 200, "", `members.value=["1","2"]`},
		"3.5.2 a member by URN and in other case": {"PATCH /Groups/$sales " + patch(`{"op":"add","path":"`+scim.GroupURN+`:Members","value":{"value":"2"}}`), 200, "", `members.value=["1","2"]`},
		"3.5.2 a member's type":                   {"PATCH /Groups/$sales " + patch(`{"op":"add","path":"members","value":[{"value":2}]}`), 400, "invalidValue", ""},
		"3.5.2 members by value":                  {"PATCH /Groups/$sales " + patch(`{"op":"remove","path":"members","value":[{"value":"1"}]}`), 400, "invalidValue", ""},
		"3.5.2 one member goes":                   {"PATCH /Groups/$sales " + patch(`{"op":"remove","path":"members[value eq \"1\"]"}`), 200, "", `!members`},
		"3.5.2 one who is none":                   {"PATCH /Groups/$sales " + patch(`{"op":"remove","path":"members[value eq \"9\"]"}`), 200, "", `members.value=["1"]`},
		"3.5.2 all members go":                    {"PATCH /Groups/$sales " + patch(`{"op":"remove","path":"members"}`), 200, "", `!members`},
		"3.5.2 members are replaced":              {"PATCH /Groups/$sales " + patch(`{"op":"replace","path":"members","value":[{"value":"2"}]}`), 200, "", `members.value=["2"]`},
		"3.5.2 no schemas":                        {`PATCH /Users/$ann {"Operations":[{"op":"remove","path":"title"}]}`, 400, "invalidSyntax", ""},
		"3.6 delete":                              {"DELETE /Users/$ann", 204, "", ""},
		"3.6 who is not there":                    {"DELETE /Users/nobody", 404, "", ""},
		"3.7 bulk":                                {"POST /Bulk {}", 400, "invalidSyntax", ""},
		"3.9 attributes":                          {"GET /Users/$ann?attributes=name.givenName", 200, "", `!name.familyName`},
		"3.9 in other case":                       {"GET /Users/$ann?attributes=NAME.GIVENNAME", 200, "", `name={"givenName":"Ann"}`},
		"3.9 schemas and id always":               {"GET /Users/$ann?attributes=userName", 200, "", `schemas=["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]`},
		"3.9 of several values":                   {"GET /Users/$ann?attributes=emails.value,emails.type", 200, "", `emails=[{"value":"ann@acme.example","type":"work"},{"value":"a@home.example","type":"home"}]`},
		"3.9 by URN":                              {"GET /Users/$ann?attributes=urn:ietf:params:scim:schemas:core:2.0:User:userName", 200, "", `userName="ann"`},
		"3.9 a whole schema":                      {"GET /Users/$ann?attributes=urn:ietf:params:scim:schemas:core:2.0:User", 200, "", `name.givenName="Ann"`},
		"3.9 a whole extension":                   {"GET /Users/$ann?attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", 200, "", `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User={"department":"Sales","manager":{"value":"9"}}`},
		"3.9 within an extension":                 {"GET /Users/$ann?attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", 200, "", `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User={"manager":{"value":"9"}}`},
		"3.9 meta in part":                        {"GET /Users/$ann?attributes=meta.resourceType", 200, "", `meta={"resourceType":"User"}`},
		"3.9 excluded":                            {"GET /Users/$ann?excludedAttributes=emails,name.familyName", 200, "", `name={"givenName":"Ann"}`},
		"3.9 an extension excluded":               {"GET /Users/$ann?excludedAttributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", 200, "", `schemas=["urn:ietf:params:scim:schemas:core:2.0:User"]`},
		"3.9 an attribute of one excluded":        {"GET /Users/$ann?excludedAttributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", 200, "", `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User={"department":"Sales"}`},
		"3.9 what cannot be excluded":             {"GET /Users/$ann?excludedAttributes=id,schemas,userName", 200, "", `id="1"`},
		"3.9 members excluded":                    {"GET /Groups/$sales?excludedAttributes=members", 200, "", `!members`},
		"3.9 both":                                {"GET /Users/$ann?attributes=userName&excludedAttributes=emails", 400, "invalidSyntax", ""},
		"3.9 on a create":                         {"POST /Users?attributes=userName " + user("cy", ann), 201, "", `!emails`},
		"3.9 on a PATCH":                          {"PATCH /Users/$ann?attributes=title " + patch(`{"op":"replace","path":"title","value":"x"}`), 200, "", `!userName`},
		"3.9 in a list":                           {"GET /Users?attributes=userName&count=1", 200, "", `Resources=[{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"id":"1","userName":"ann"}]`},
		"3.11 me":                                 {"GET /Me", 501, "", ""},
		"3.12 nothing there":                      {"GET /Nothing", 404, "", ""},
		"3.12 too many parts":                     {"GET /Users/1/2", 404, "", ""},
		"4 config":                                {"GET /ServiceProviderConfig", 200, "", `patch.supported=true`},
		"4 types":                                 {"GET /ResourceTypes", 200, "", `Resources.name=["User","Group"]`},
		"4 a type":                                {"GET /ResourceTypes/Group", 200, "", `endpoint="/Groups"`},
		"4 no such type":                          {"GET /ResourceTypes/Device", 404, "", ""},
		"4 schemas":                               {"GET /Schemas", 200, "", `totalResults=4`},
		"4 a schema":                              {"GET /Schemas/" + scim.UserURN, 200, "", `name="User"`},
		"4 a filter there":                        {"GET /Schemas?filter=" + url.QueryEscape(`id pr`), 403, "", ""},
		"4 they are read only":                    {"PUT /Schemas/" + scim.UserURN + " {}", 405, "", ""},
		"9865 2 the first page":                   {"GET /Users?cursor&count=1", 200, "", `Resources.userName=["ann"]`},
		"9865 2.1 no cursor of ours":              {"GET /Users?cursor=xyz", 400, "invalidCursor", ""},
		"9865 2.1 a count that is none":           {"GET /Users?cursor&count=x", 400, "invalidCount", ""},
		"9865 2.4 both":                           {"GET /Users?cursor&startIndex=1", 400, "invalidValue", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, nil)
			a, _ := s.make("/Users", user("ann", ann, dep)), s.make("/Users", user("bob"))
			g := s.make("/Groups", group("sales", a))
			method, rest, _ := strings.Cut(strings.NewReplacer("$ann", a, "$sales", g).Replace(c.request), " ")
			path, body, _ := strings.Cut(rest, " ")
			got := s.do(method, path, body).want(c.status, c.kind)
			checkAt(t, got, c.want)
			if c.status >= 400 { // what must not happen
				if l := s.do("GET", "/Users", "").list(); l.TotalResults != 2 || s.do("GET", "/Users/"+a, "").at("title") != "" {
					t.Errorf("something was changed: %v", l.Resources)
				}
			}
		})
	}
}

// checkAt checks "path=JSON" or "!path".
func checkAt(t *testing.T, got answer, want string) {
	t.Helper()
	if absent, ok := strings.CutPrefix(want, "!"); ok {
		if v := got.at(absent); v != "" {
			t.Errorf("%s is %s", absent, v)
		}
	} else if path, value, ok := strings.Cut(want, "="); ok {
		if v := got.at(path); v != value {
			t.Errorf("%s is %s, want %s: %s", path, v, value, got.Body)
		}
	}
}

// RFC 7644 §3.14.
func TestVersions(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	made := s.do("POST", "/Users", user("ann"))
	id, tag := made.resource().ID(), made.Header().Get("ETag")
	one := "/Users/" + id
	got := s.do("GET", one, "")
	if tag == "" || got.Header().Get("ETag") != tag || got.at("meta.version") != fmt.Sprintf("%q", tag) {
		t.Fatalf("tags %q, %q, %s", tag, got.Header().Get("ETag"), got.at("meta.version"))
	}
	if loc := made.Header().Get("Location"); fmt.Sprintf("%q", loc) != made.at("meta.location") || got.Header().Get("Content-Location") != loc {
		t.Errorf("location %s", loc)
	}
	for _, h := range []string{tag, "*", `"other", ` + tag} {
		if r := s.do("GET", one, "", "If-None-Match: "+h); r.Code != 304 || r.Body.Len() > 0 || r.Header().Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %d", h, r.Code)
		}
	}
	s.do("GET", one, "", `If-None-Match: "other"`).want(200, "")
	title := func(v string) string { return patch(`{"op":"replace","path":"title","value":"` + v + `"}`) }
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		body := map[string]string{"PUT": user("eve"), "PATCH": title("x")}[method]
		s.do(method, one, body, `If-Match: "other"`).want(412, "")
		s.do(method, one, body, `If-None-Match: *`).want(412, "")
	}
	if got := s.do("GET", one, ""); got.Header().Get("ETag") != tag || got.at("userName") != `"ann"` {
		t.Errorf("it has changed: %s", got.Body)
	}
	next := s.do("PATCH", one, title("x"), "If-Match: "+tag).want(200, "").Header().Get("ETag")
	if next == tag {
		t.Error("a change keeps its tag")
	}
	s.do("PATCH", one, title("y"), "If-Match: "+tag).want(412, "")
	// §3.5.2.1: what changes nothing leaves version and lastModified.
	if again := s.do("PATCH", one, title("x")); again.Header().Get("ETag") != next {
		t.Error("what changes nothing changes the tag")
	}
	s.do("PUT", one, user("ann"), "If-Match: *").want(200, "")
	s.do("PUT", "/Users/nobody", user("x"), "If-Match: *").want(404, "")
	g := "/Groups/" + s.make("/Groups", group("g"))
	tag = s.do("GET", g, "").Header().Get("ETag")
	add := patch(`{"op":"add","path":"members","value":[{"value":"` + id + `"}]}`)
	s.do("PATCH", g, add, `If-Match: "other"`).want(412, "")
	s.do("PATCH", g, add, `If-None-Match: *`).want(412, "")
	next = s.do("PATCH", g, add, "If-Match: "+tag).want(200, "").Header().Get("ETag")
	if again := s.do("PATCH", g, add); next == tag || again.Header().Get("ETag") != next {
		t.Errorf("tags %s, %s, %s", tag, next, again.Header().Get("ETag"))
	}
	s.do("DELETE", one, "", "If-Match: *").want(204, "")
	for _, method := range []string{"GET", "DELETE"} { // §3.6
		s.do(method, one, "").want(404, "")
	}
	if again := s.make("/Users", user("ann")); again == id {
		t.Error("an id is given twice")
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	id := s.make("/Users", user("ann"))
	for path, allow := range map[string]string{
		"/Users": "GET, HEAD, POST", "/Users/" + id: "DELETE, GET, HEAD, PATCH, PUT", "/Users/.search": "POST", "/ResourceTypes": "GET, HEAD",
	} {
		if got := s.do("TRACE", path, "").want(405, ""); got.Header().Get("Allow") != allow {
			t.Errorf("%s allows %s", path, got.Header().Get("Allow"))
		}
	}
	if got := s.do("HEAD", "/Users/"+id, ""); got.Code != 200 || got.Header().Get("ETag") == "" {
		t.Errorf("HEAD: %d", got.Code)
	}
}

// RFC 7644 §2, §3.8.
func TestHeaders(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *scimserver.Config) {
		c.Authorize = scimserver.BearerToken("one", "two", "")
		c.Limits.Body.MaxBytes = 500
	})
	for token, status := range map[string]int{"": 401, "Bearer ": 401, "Bearer three": 401, "Basic one": 401, "Bearer one": 200, "bearer two": 200} {
		got := s.do("GET", "/Users", "", "Authorization: "+token)
		if got.want(status, ""); status == 401 && got.Header().Get("WWW-Authenticate") == "" {
			t.Error("no WWW-Authenticate")
		}
	}
	for kind, status := range map[string]int{
		"application/scim+json": 201, "application/json": 201, "application/json; charset=utf-8": 201, "APPLICATION/SCIM+JSON; charset=UTF-8": 201,
		"text/plain": 415, "application/xml": 415, "application/json; charset=latin1": 415, "/": 415,
	} {
		s.do("POST", "/Users", user("u"+strings.Map(letters, kind)), "Authorization: Bearer one", "Content-Type: "+kind).want(status, "")
	}
	s.do("POST", "/Users", user(strings.Repeat("x", 500)), "Authorization: Bearer one").want(413, "")
	s.do("GET", "/Users?x="+strings.Repeat("x", 20_000), "", "Authorization: Bearer one").want(414, "")
	denied := newServer(t, func(c *scimserver.Config) {
		c.Authorize = func(*http.Request) error { return &scim.Error{Status: 403, Detail: "not you"} }
	})
	denied.do("GET", "/Users", "").want(403, "")
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return -1
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *scimserver.Config) {
		c.Limits = scimserver.Limits{Operations: 2, Page: 3, PageSize: 2, Filter: scim.FilterLimits{MaxBytes: 40}, Body: scim.Limits{MaxDepth: 5}}
	})
	for i := range 5 {
		s.make("/Users", user(fmt.Sprint("u", i)))
	}
	if n := len(s.do("GET", "/Users", "").list().Resources); n != 2 {
		t.Errorf("%d on a page", n)
	}
	if n := len(s.do("GET", "/Users?count=100", "").list().Resources); n != 3 {
		t.Errorf("%d on a page of 100", n)
	}
	op := `{"op":"replace","path":"title","value":"x"}`
	s.do("PATCH", "/Users/1", patch(op, op, op)).want(413, "")
	s.do("PATCH", "/Users/1", patch(op, op)).want(200, "")
	s.do("GET", "/Users?filter="+url.QueryEscape(`userName eq "`+strings.Repeat("x", 50)+`"`), "").want(400, "invalidFilter")
	s.do("POST", "/Users", user("deep", `"title":[[[[[[1]]]]]]`)).want(400, "invalidSyntax")
}

// What is advertised is what there is (RFC 7643 §5).
func TestProviderConfig(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *scimserver.Config) { c.Limits.Page, c.Limits.PageSize, c.Limits.BulkBytes = 4, 3, 200_000 })
	c := s.do("GET", "/ServiceProviderConfig", "").want(200, "")
	id := s.make("/Users", user("u0"))
	for i := range 9 {
		s.make("/Users", user(fmt.Sprint("u", i+1)))
	}
	for claim, holds := range map[string]bool{
		`patch.supported`:   s.do("PATCH", "/Users/"+id, patch(`{"op":"add","path":"title","value":"x"}`)).Code == 200,
		`bulk.supported`:    len(s.bulk(op("PATCH", "/Users/"+id, patch(`{"op":"add","path":"title","value":"y"}`)))) == 1,
		`filter.supported`:  len(s.do("GET", "/Users?filter="+url.QueryEscape(`userName eq "u3"`), "").list().Resources) == 1,
		`sort.supported`:    s.do("GET", "/Users?sortBy=userName&sortOrder=descending", "").at("Resources.userName") == `["u9","u8","u7"]`,
		`etag.supported`:    s.do("GET", "/Users/"+id, "").Header().Get("ETag") != "",
		`pagination.cursor`: s.do("GET", "/Users?cursor", "").list().NextCursor != "",
		`pagination.index`:  s.do("GET", "/Users?startIndex=10", "").at("Resources.userName") == `["u9"]`,
	} {
		if c.at(claim) != fmt.Sprint(holds) {
			t.Errorf("%s is %s, and is %v", claim, c.at(claim), holds)
		}
	}
	for claim, n := range map[string]int{
		`filter.maxResults`:          len(s.do("GET", "/Users?count=100", "").list().Resources),
		`pagination.maxPageSize`:     len(s.do("GET", "/Users?count=100", "").list().Resources),
		`pagination.defaultPageSize`: len(s.do("GET", "/Users", "").list().Resources),
		`bulk.maxOperations`:         s.mostOperations(),
		`bulk.maxPayloadSize`:        s.mostBytes(),
	} {
		if c.at(claim) != fmt.Sprint(n) {
			t.Errorf("%s is %s, and is %d", claim, c.at(claim), n)
		}
	}
	// It is what its own schema says.
	set := scim.CoreSchemas()
	if err := set.Complete(scim.ResourceType{Schema: scim.ServiceProviderConfigURN}, c.resource()); err != nil {
		t.Error(err)
	}
	for name := range c.resource().All() {
		if name == "schemas" || name == "meta" {
			continue
		}
		if _, ok := set.Lookup(scim.ServiceProviderConfigURN, scim.Path{Attr: name}); !ok {
			t.Errorf("%s is in no schema", name)
		}
	}
}

// mostOperations finds how many operations a bulk request may have.
func (s *server) mostOperations() int {
	return sort.Search(5_000, func(n int) bool {
		return s.do("POST", "/Bulk", bulk(slices.Repeat([]string{op("DELETE", "/Users/nobody", "")}, n+1)...)).Code == 413
	})
}

// mostBytes finds how long one may be.
func (s *server) mostBytes() int {
	body := bulk(op("DELETE", "/Users/nobody", ""))
	return sort.Search(8<<20, func(n int) bool {
		return s.do("POST", "/Bulk", body+strings.Repeat(" ", max(0, n+1-len(body)))).Code == 413
	})
}

func TestRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rules   scimserver.Rules
		request string
		status  int
		kind    string
		want    string
	}{
		"string booleans":    {scimserver.Rules{PatchRules: scim.PatchRules{StringBooleans: true}}, "POST /Users " + user("cy", `"active":"False"`), 201, "", "active=false"},
		"value array":        {scimserver.Rules{PatchRules: scim.PatchRules{RemoveWithValueArray: true}}, "PATCH /Groups/3 " + patch(`{"op":"Remove","path":"members","value":[{"value":"1"},{"value":"9"}]}`), 200, "", `members.value=["2"]`},
		"an empty one":       {scimserver.Rules{PatchRules: scim.PatchRules{RemoveWithValueArray: true}}, "PATCH /Groups/3 " + patch(`{"op":"Remove","path":"members","value":[{"value":"9"}]}`), 200, "", `members.value=["1","2"]`},
		"no match":           {scimserver.Rules{PatchRules: scim.PatchRules{CreateOnNoMatch: true}}, "PATCH /Users/1 " + patch(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"x"}`), 200, "", `emails=[{"type":"work","value":"x"}]`},
		"manager as string":  {scimserver.Rules{PatchRules: scim.PatchRules{ManagerAsString: true}}, "POST /Users " + user("cy", `"`+scim.EnterpriseUserURN+`":{"manager":"7"}`), 201, "", scim.EnterpriseUserURN + `:manager.value="7"`},
		"PUT keeps":          {scimserver.Rules{PutOmittedKeeps: true}, "PUT /Users/1 " + user("ann"), 200, "", `title="chief"`},
		"204":                {scimserver.Rules{PatchNoContent: true}, "PATCH /Users/1 " + patch(`{"op":"remove","path":"title"}`), 204, "", ""},
		"204 for members":    {scimserver.Rules{PatchNoContent: true}, "PATCH /Groups/3 " + patch(`{"op":"add","path":"members","value":[{"value":"9"}]}`), 204, "", ""},
		"but not if asked":   {scimserver.Rules{PatchNoContent: true}, "PATCH /Groups/3?attributes=members " + patch(`{"op":"add","path":"members","value":[{"value":"9"}]}`), 200, "", `members.value=["1","2","9"]`},
		"delete disables":    {scimserver.Rules{DeleteMeansDisable: true}, "DELETE /Users/1", 204, "", ""},
		"unknown is refused": {scimserver.Rules{RejectUnknown: true}, "POST /Users " + user("cy", `"shoeSize":44`), 400, "invalidSyntax", ""},
		"no schemas":         {scimserver.Rules{PatchRules: scim.PatchRules{SchemasOptional: true}}, `POST /Users {"userName":"cy"}`, 201, "", `userName="cy"`},
		"unknown schemas":    {scimserver.Rules{UnknownSchemas: true}, `POST /Users {"schemas":["` + scim.UserURN + `","urn:old"],"userName":"cy"}`, 201, "", `schemas=["` + scim.UserURN + `"]`},
		"single for list":    {scimserver.Rules{SingleForList: true}, "POST /Users " + user("cy", `"emails":{"value":"x"}`), 201, "", `emails=[{"value":"x"}]`},
		"unknown in filters": {scimserver.Rules{UnknownInFilters: true}, "GET /Users?filter=" + url.QueryEscape(`shoeSize eq "44"`), 200, "", `totalResults=0`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(cfg *scimserver.Config) { cfg.Rules = c.rules })
			strict := newServer(t, nil)
			method, rest, _ := strings.Cut(c.request, " ")
			path, body, _ := strings.Cut(rest, " ")
			var got [2]answer
			for i, s := range []*server{s, strict} {
				for _, r := range []string{user("ann", `"title":"chief"`), user("bob")} {
					if s.do("POST", "/Users", r).Code != 201 {
						t.Fatal(r)
					}
				}
				s.make("/Groups", group("g", "1", "2"))
				got[i] = s.do(method, path, body)
			}
			checkAt(t, got[0].want(c.status, c.kind), c.want)
			if a, b := got[0], got[1]; a.Code == b.Code && a.Body.String() == b.Body.String() && method != "DELETE" && name != "but not if asked" {
				t.Error("without the switch it is the same")
			}
			if method == "DELETE" {
				s.do("GET", "/Users/1", "").want(200, "")
				strict.do("GET", "/Users/1", "").want(404, "")
			}
		})
	}
}

// A type and an extension of one's own, without a line of code (RFC 7643 §3.2).
func TestOwnType(t *testing.T) {
	t.Parallel()
	const urn = "urn:example:Device"
	set, err := scim.CoreSchemas().With(scim.Schema{ID: urn, Name: "Device", Attributes: []scim.Attribute{
		{Name: "serial", Required: true, Mutability: scim.Immutable, Uniqueness: scim.UniqueServer, CaseExact: true},
		{Name: "note", Returned: scim.ReturnedRequest},
		{Name: "model", Returned: scim.ReturnedAlways},
		{Name: "pin", Mutability: scim.WriteOnly, Returned: scim.ReturnedNever},
	}})
	if err != nil {
		t.Fatal(err)
	}
	types := append(scim.CoreResourceTypes(), scim.ResourceType{ID: "Device", Name: "Device", Endpoint: "/Devices", Schema: urn})
	s := newServer(t, func(c *scimserver.Config) {
		c.Schemas, c.ResourceTypes, c.Store = set, types, scimserver.NewMemory(set, types)
	})
	device := func(serial, more string) string {
		return `{"schemas":["` + urn + `"],"serial":"` + serial + `"` + more + `}`
	}
	id := s.make("/Devices", device("a", `,"note":"n","model":"m","pin":"1"`))
	s.do("POST", "/Devices", device("a", "")).want(409, "uniqueness")
	s.make("/Devices", device("A", "")) // caseExact
	if got := s.do("GET", "/Devices/"+id, ""); got.at("note") != "" || got.at("pin") != "" || got.at("model") != `"m"` || got.at("meta.resourceType") != `"Device"` {
		t.Errorf("%s", got.Body)
	}
	if got := s.do("GET", "/Devices/"+id+"?attributes=note", ""); got.at("note") != `"n"` || got.at("model") != `"m"` || got.at("serial") != "" {
		t.Errorf("%s", got.Body)
	}
	if got := s.do("GET", "/Devices/"+id+"?excludedAttributes=model,serial", ""); got.at("model") != `"m"` || got.at("serial") != "" {
		t.Errorf("%s", got.Body)
	}
	s.do("PUT", "/Devices/"+id, device("b", "")).want(400, "mutability")
	if got := s.do("PUT", "/Devices/"+id, device("a", "")).want(200, ""); got.at("model") != "" {
		t.Errorf("%s", got.Body)
	}
	if got := s.do("GET", "/Devices?filter="+url.QueryEscape(`serial eq "A"`), "").list(); len(got.Resources) != 1 {
		t.Errorf("%v", got)
	}
	s.do("GET", "/ResourceTypes/Device", "").want(200, "")
	s.do("GET", "/Schemas/"+urn, "").want(200, "")
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	m := scimserver.NewMemory(nil, nil)
	for name, c := range map[string]scimserver.Config{
		"no store":          {Authorize: scimserver.AllowAll},
		"nobody authorises": {Store: m},
		"a base":            {Store: m, Authorize: scimserver.AllowAll, Base: "scim"},
		"an endpoint":       {Store: m, Authorize: scimserver.AllowAll, ResourceTypes: []scim.ResourceType{{Name: "X", Endpoint: "/a/b", Schema: scim.UserURN}}},
		"no types":          {Store: m, Authorize: scimserver.AllowAll, ResourceTypes: []scim.ResourceType{}},
		"no schema":         {Store: m, Authorize: scimserver.AllowAll, ResourceTypes: []scim.ResourceType{{Name: "X", Endpoint: "/X", Schema: "urn:x"}}},
	} {
		if _, err := scimserver.New(c); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// What a filter asks of meta.resourceType and meta.location, which are the handler's,
// is answered as the answers show it.
func TestFiltersOfMeta(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	id := s.make("/Users", user("ann"))
	s.make("/Users", user("bob"))
	for filter, want := range map[string]int{
		`meta.resourceType eq "User"`: 2, `meta.resourceType eq "user"`: 0, `meta.resourceType eq "Group"`: 0, `meta.resourceType ne "User"`: 0,
		`meta.resourceType ne "Group"`: 2, `meta.resourceType pr`: 2, `not (meta.resourceType pr)`: 0, `meta.resourceType sw "U" and userName eq "ann"`: 1,
		`meta.location eq "http://app.example/scim/v2/Users/` + id + `"`: 1, `meta.location ne "http://app.example/scim/v2/Users/` + id + `"`: 1,
		`meta.location eq "http://other.example/Users/` + id + `"`: 0, `meta.location pr`: 2, `meta[resourceType eq "User"] and userName sw "b"`: 1,
		`meta.created pr`: 2, `meta.lastModified gt "2000-01-01T00:00:00Z"`: 2,
	} {
		l := s.do("GET", "/Users?filter="+url.QueryEscape(filter), "").want(200, "").list()
		if l.TotalResults != want {
			t.Errorf("%s: %d, want %d", filter, l.TotalResults, want)
		}
	}
}

// A 401 carries the challenge that was configured (RFC 9728 §5.1), and
// ServiceProviderConfig all ways to authenticate, the first of them primary.
func TestChallengeAndSchemes(t *testing.T) {
	t.Parallel()
	const challenge = `Bearer realm="scim", resource_metadata="https://app.example/.well-known/oauth-protected-resource"`
	s := newServer(t, func(c *scimserver.Config) {
		c.Authorize, c.Challenge = scimserver.BearerToken("one"), challenge
		c.Schemes = []scimserver.Scheme{{Type: "oauth2", Name: "OAuth", Description: "d"}, scimserver.BearerScheme()}
	})
	if got := s.do("GET", "/Users", ""); got.Code != 401 || got.Header().Get("WWW-Authenticate") != challenge {
		t.Errorf("%d %v", got.Code, got.Header())
	}
	text := s.do("GET", "/ServiceProviderConfig", "", "Authorization: Bearer one").Body.String()
	first, second := strings.Index(text, `"oauth2"`), strings.Index(text, `"oauthbearertoken"`)
	if first < 0 || second < first || strings.Count(text, `"primary":true`) != 1 {
		t.Error(text)
	}
}

// What the RFCs contradict themselves in, where no other test holds what was decided;
// numbers as in docs/divergences.md.
func TestContradictions(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.make("/Users", user("ann"))
	// 1: the example of §3.4.2.1, whose value has no quotes.
	s.do("GET", "/Users?filter="+url.QueryEscape("meta.resourceType eq User"), "").want(400, "invalidFilter")
	s.do("GET", "/Users?filter="+url.QueryEscape(`meta.resourceType eq "User"`), "").want(200, "")
	// 8: the status of a message is the status of the answer.
	for request, status := range map[string]int{
		"GET /Users/none": 404, "GET /Schemas?filter=" + url.QueryEscape(`id eq "x"`): 403, "POST /Users " + user("ann"): 409,
		"PUT /ServiceProviderConfig {}": 405, "GET /Users?filter=x": 400,
	} {
		method, rest, _ := strings.Cut(request, " ")
		path, body, _ := strings.Cut(rest, " ")
		answer := s.do(method, path, body)
		if got := answer.at("status"); answer.Code != status || got != strconv.Quote(strconv.Itoa(status)) {
			t.Errorf("%s: %d with status %s", request, answer.Code, got)
		}
	}
	// 12: binary is a type, though §7 does not list it.
	if body := s.do("GET", "/Schemas/"+scim.UserURN, "").want(200, "").Body.String(); !strings.Contains(body, `"type":"binary"`) {
		t.Error("no attribute is binary")
	}
	// 18: what §3.7.3 prints as a body is no JSON.
	s.do("POST", "/Users", `{"schemas":["`+scim.UserURN+`"],"data":{[{"op":"add"}]}}`).want(400, "invalidSyntax")
}
