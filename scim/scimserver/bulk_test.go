// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// op is an operation of a bulk request; more are members such as `"bulkId":"a"`, and
// data may be "".
func op(method, path, data string, more ...string) string {
	members := append([]string{`"method":"` + method + `"`, `"path":"` + path + `"`}, more...)
	if data != "" {
		members = append(members, `"data":`+data)
	}
	return "{" + strings.Join(members, ",") + "}"
}

// post is the operation that makes something.
func post(bulkID, path, data string) string { return op("POST", path, data, `"bulkId":"`+bulkID+`"`) }

func bulk(ops ...string) string {
	return `{"schemas":["` + scim.BulkRequestURN + `"],"Operations":[` + strings.Join(ops, ",") + `]}`
}

func untilFailed(most int, ops ...string) string {
	return strings.Replace(bulk(ops...), `"Operations"`, fmt.Sprintf(`"failOnErrors":%d,"Operations"`, most), 1)
}

// done is what came of an operation.
type done struct{ method, bulkID, location, version, status, kind, detail string }

func (d done) id() string { return d.location[strings.LastIndexByte(d.location, '/')+1:] }

// results are those of a bulk request that was carried out.
func (a answer) results() []done {
	a.t.Helper()
	r := a.want(200, "").resource()
	v, _ := r.Get("Operations")
	list, ok := v.AsList()
	if !ok || !r.HasSchema(scim.BulkResponseURN) {
		a.t.Fatalf("no answer to a bulk request: %s", a.Body)
	}
	out := make([]done, len(list))
	for i, e := range list {
		o, _ := e.AsComplex()
		text := func(name string) string {
			v, _ := o.Get(name)
			s, _ := v.AsString()
			return s
		}
		d := done{method: text("method"), bulkID: text("bulkId"), location: text("location"), version: text("version"), status: text("status")}
		if v, failed := o.Get("response"); failed {
			e, err := scim.ParseError([]byte(v.String()))
			if err != nil || fmt.Sprint(e.Status) != d.status || e.Detail == "" {
				a.t.Fatalf("an error in an answer: %v: %s", err, a.Body)
			}
			d.kind, d.detail = e.ScimType, e.Detail
		}
		out[i] = d
	}
	return out
}

// statuses are those of all operations, with their scimTypes.
func statuses(all []done) string {
	out := make([]string, len(all))
	for i, d := range all {
		out[i] = strings.TrimSpace(d.status + " " + d.kind)
	}
	return strings.Join(out, ", ")
}

func (s *server) bulk(ops ...string) []done {
	s.Helper()
	return s.do("POST", "/Bulk", bulk(ops...)).results()
}

// RFC 7644 §3.7: each kind of operation, and what is told of it.
func TestBulk(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	ann, bob := s.make("/Users", user("ann")), s.make("/Users", user("bob"))
	all := s.bulk(
		post("new", "/Users", user("cy")),
		op("PUT", "/Users/"+ann, user("ann", `"title":"Lead"`)),
		op("PATCH", "/Users/"+ann, patch(`{"op":"add","path":"nickName","value":"A"}`), `"bulkId":"mine"`),
		op("DELETE", "/Users/"+bob, ""),
	)
	if statuses(all) != "201, 200, 200, 204" {
		t.Fatalf("%+v", all)
	}
	root := "http://app.example" + base + "/Users/"
	tags := map[string]string{}
	for _, id := range []string{ann, all[0].id()} {
		tags[id] = s.do("GET", "/Users/"+id, "").Header().Get("ETag")
	}
	for i, want := range []done{
		{method: "POST", bulkID: "new", location: root + all[0].id(), version: tags[all[0].id()], status: "201"},
		{method: "PUT", location: root + ann, version: all[1].version, status: "200"},
		{method: "PATCH", bulkID: "mine", location: root + ann, version: tags[ann], status: "200"},
		{method: "DELETE", location: root + bob, status: "204"},
	} {
		if all[i] != want {
			t.Errorf("%+v, want %+v", all[i], want)
		}
	}
	if got := s.do("GET", "/Users/"+ann, "").want(200, ""); got.at("title") != `"Lead"` || got.at("nickName") != `"A"` {
		t.Errorf("%s", got.Body)
	}
	s.do("GET", "/Users/"+bob, "").want(404, "")
	if !strings.Contains(s.do("POST", "/Bulk", bulk(op("DELETE", "/Users/"+ann, ""))).Body.String(), `"status":"204"`) {
		t.Error("a status is a string (§3.7.3)")
	}
}

// What is wrong with an operation, or with a request of them. $ann is an id.
func TestBulkErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ ops, want string }{
		"a read":                       {op("GET", "/Users/$ann", ""), "400 invalidSyntax"},
		"a method in lower case":       {op("delete", "/Users/$ann", ""), "400 invalidSyntax"},
		"no method":                    {`{"path":"/Users/$ann"}`, "400 invalidSyntax"},
		"no object":                    {`7`, "400 invalidSyntax"},
		"a method that is no text":     {`{"method":7,"path":"/Users/$ann"}`, "400 invalidSyntax"},
		"a POST without bulkId":        {op("POST", "/Users", user("x")), "400 invalidValue"},
		"a bulkId twice":               {post("a", "/Users", user("x")) + "," + post("a", "/Users", user("y")), "400 invalidValue, 400 invalidValue"},
		"no path":                      {`{"method":"DELETE"}`, "400 invalidPath"},
		"a path without slash":         {op("DELETE", "Users/$ann", ""), "400 invalidPath"},
		"a whole address":              {op("DELETE", "http://app.example/scim/v2/Users/$ann", ""), "400 invalidPath"},
		"a path with parameters":       {op("PATCH", "/Users/$ann?attributes=id", patch(`{"op":"remove","path":"title"}`)), "400 invalidPath"},
		"a POST to a resource":         {post("a", "/Users/$ann", user("x")), "400 invalidPath"},
		"a DELETE of a type":           {op("DELETE", "/Users", ""), "400 invalidPath"},
		"a search":                     {op("PUT", "/Users/.search", user("x")), "400 invalidPath"},
		"nested":                       {post("a", "/Bulk", bulk(op("DELETE", "/Users/$ann", ""))), "400 invalidPath"},
		"a search over all":            {post("a", "/.search", "{}"), "400 invalidPath"},
		"oneself":                      {op("DELETE", "/Me", ""), "400 invalidPath"},
		"the root":                     {post("a", "/", user("x")), "400 invalidPath"},
		"a type that is not there":     {op("DELETE", "/Devices/1", ""), "404"},
		"nobody there":                 {op("DELETE", "/Users/nobody", ""), "404"},
		"no data":                      {post("a", "/Users", ""), "400 invalidValue"},
		"data that are no object":      {post("a", "/Users", "[]"), "400 invalidSyntax"},
		"a name that is taken":         {post("a", "/Users", user("ann")), "409 uniqueness"},
		"no userName":                  {post("a", "/Users", `{"schemas":["`+scim.UserURN+`"]}`), "400 invalidValue"},
		"no schemas":                   {post("a", "/Users", `{"userName":"x"}`), "400 invalidSyntax"},
		"no operation in a PATCH":      {op("PATCH", "/Users/$ann", patch()), "400 invalidSyntax"},
		"another version":              {op("DELETE", "/Users/$ann", "", `"version":"W/\"other\""`), "412"},
		"a version that is no text":    {op("DELETE", "/Users/$ann", "", `"version":7`), "400 invalidSyntax"},
		"nobody's bulkId":              {post("a", "/Groups", group("g", "bulkId:nobody")), "400 invalidValue"},
		"nobody's bulkId in a path":    {op("DELETE", "/Users/bulkId:nobody", ""), "400 invalidValue"},
		"the bulkId of a PUT":          {op("PUT", "/Users/$ann", user("ann"), `"bulkId":"p"`) + "," + post("a", "/Groups", group("g", "bulkId:p")), "200, 400 invalidValue"},
		"itself":                       {post("a", "/Groups", group("g", "bulkId:a")), "400 invalidValue"},
		"what has failed":              {post("a", "/Users", user("ann")) + "," + post("g", "/Groups", group("g", "bulkId:a")) + "," + op("DELETE", "/Groups/bulkId:g", ""), "409 uniqueness, 409, 409"},
		"what has failed beforehand":   {post("g", "/Groups", group("g", "bulkId:a")) + "," + post("a", "/Users", user("ann")), "409, 409 uniqueness"},
		"one of another type by path":  {post("a", "/Users", user("x")) + "," + op("DELETE", "/Groups/bulkId:a", ""), "201, 404"},
		"a failure among others":       {post("a", "/Users", user("x")) + "," + post("b", "/Users", user("ann")) + "," + post("c", "/Users", user("y")), "201, 409 uniqueness, 201"},
		"a reference in what is given": {op("PATCH", "/Users/$ann", patch(`{"op":"add","path":"title","value":"bulkId:nobody"}`)), "400 invalidValue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, nil)
			ann := s.make("/Users", user("ann"))
			before := s.do("GET", "/Users/"+ann, "").Body.String()
			all := s.do("POST", "/Bulk", bulk(strings.ReplaceAll(c.ops, "$ann", ann))).results()
			if got := statuses(all); got != c.want {
				t.Errorf("%s, want %s: %+v", got, c.want, all)
			}
			for _, d := range all {
				// §3.7.3: it is there, but for a POST that failed; who has no path cannot have one.
				failedPost, lost := d.method == "POST" && d.status[0] != '2', d.kind == "invalidPath" || d.kind == "invalidSyntax"
				if d.location == "" && !failedPost && !lost || d.location != "" && failedPost {
					t.Errorf("location of %+v", d)
				}
			}
			if !strings.Contains(c.want, "20") && s.do("GET", "/Users/"+ann, "").Body.String() != before {
				t.Error("somebody was changed")
			}
		})
	}
	for name, c := range map[string]struct {
		body   string
		status int
		kind   string
	}{
		"no JSON":                     {"{", 400, "invalidSyntax"},
		"no schemas":                  {`{"Operations":[` + op("DELETE", "/Users/1", "") + `]}`, 400, "invalidSyntax"},
		"no operations":               {`{"schemas":["` + scim.BulkRequestURN + `"]}`, 400, "invalidSyntax"},
		"an empty list of them":       {bulk(), 400, "invalidSyntax"},
		"no list":                     {`{"schemas":["` + scim.BulkRequestURN + `"],"Operations":{}}`, 400, "invalidSyntax"},
		"a number of errors below 0":  {untilFailed(-1, op("DELETE", "/Users/1", "")), 400, "invalidValue"},
		"a number of errors as text":  {strings.Replace(untilFailed(1, op("DELETE", "/Users/1", "")), ":1,", `:"1",`, 1), 400, "invalidValue"},
		"a name twice, in other case": {`{"schemas":["` + scim.BulkRequestURN + `"],"operations":[],"Operations":[]}`, 400, "invalidSyntax"},
	} {
		s := newServer(t, nil)
		s.make("/Users", user("ann"))
		t.Log(name)
		s.do("POST", "/Bulk", c.body).want(c.status, c.kind)
		s.do("GET", "/Users/1", "").want(200, "")
	}
	s := newServer(t, nil)
	if got := s.do("GET", "/Bulk", "").want(405, ""); got.Header().Get("Allow") != "POST" {
		t.Errorf("allows %s", got.Header().Get("Allow"))
	}
	s.do("POST", "/Bulk/1", bulk(op("DELETE", "/Users/1", ""))).want(404, "")
	s.do("POST", "/Bulk", bulk(op("DELETE", "/Users/1", "")), "Content-Type: text/plain").want(415, "")
}

// RFC 7644 §3.7.3: after so many errors nothing more is carried out, and nothing is
// told of it.
func TestBulkFailOnErrors(t *testing.T) {
	t.Parallel()
	nobody := op("DELETE", "/Users/nobody", "")
	for most, want := range map[int]string{1: "201, 404", 2: "201, 404, 201, 404", 3: "201, 404, 201, 404, 201", 0: "201, 404, 201, 404, 201"} {
		s := newServer(t, nil)
		body := untilFailed(most, post("a", "/Users", user("a")), nobody, post("b", "/Users", user("b")), nobody, post("c", "/Users", user("c")))
		all := s.do("POST", "/Bulk", body).results()
		made := strings.Count(want, "201")
		if got := statuses(all); got != want || s.do("GET", "/Users", "").list().TotalResults != made {
			t.Errorf("failOnErrors %d: %s, want %s", most, got, want)
		}
	}
	// What waits for a later one is neither done nor told of.
	s := newServer(t, nil)
	all := s.do("POST", "/Bulk", untilFailed(1, post("g", "/Groups", group("g", "bulkId:a")), nobody, post("a", "/Users", user("a")))).results()
	if len(all) != 1 || all[0].method != "DELETE" || s.do("GET", "/Groups", "").list().TotalResults != 0 {
		t.Errorf("%+v", all)
	}
	// All of a circle are done at once, and count each.
	s = newServer(t, nil)
	s.make("/Users", user("taken"))
	boss := func(name, of string) string {
		return user(name, `"`+scim.EnterpriseUserURN+`":{"manager":{"value":"bulkId:`+of+`"}}`)
	}
	all = s.do("POST", "/Bulk", untilFailed(2, post("a", "/Users", boss("taken", "b")), post("b", "/Users", boss("b", "a")), post("c", "/Users", user("c")))).results()
	if statuses(all) != "409 uniqueness, 409" {
		t.Errorf("%+v", all)
	}
}

// RFC 7644 §3.7.2: a reference is the id wherever it stands, whether what it refers to
// comes before or after.
func TestBulkReferences(t *testing.T) {
	t.Parallel()
	ent := scim.EnterpriseUserURN
	for name, c := range map[string]struct{ op, see, want string }{
		"a member":                        {post("x", "/Groups", group("g", "bulkId:u")), "members.value", `["$u"]`},
		"a manager":                       {post("x", "/Users", user("x", `"`+ent+`":{"manager":{"value":"bulkId:u"}}`)), ent + ":manager.value", `"$u"`},
		"a $ref":                          {post("x", "/Users", user("x", `"`+ent+`":{"manager":{"value":"bulkId:u","$ref":"../Users/bulkId:u"}}`)), ent + ":manager.$ref", `"../Users/$u"`},
		"a PUT":                           {op("PUT", "/Groups/$g", group("g", "bulkId:u")), "members.value", `["$u"]`},
		"a PATCH of members":              {op("PATCH", "/Groups/$g", patch(`{"op":"add","path":"members","value":[{"value":"bulkId:u"}]}`)), "members.value", `["$ann","$u"]`},
		"a PATCH of a sub-attribute":      {op("PATCH", "/Users/$ann", patch(`{"op":"add","path":"`+ent+`:manager.value","value":"bulkId:u"}`)), ent + ":manager.value", `"$u"`},
		"a PATCH without path":            {op("PATCH", "/Users/$ann", patch(`{"op":"add","value":{"`+ent+`:manager":{"value":"bulkId:u"}}}`)), ent + ":manager.value", `"$u"`},
		"a filter in a path":              {op("PATCH", "/Groups/$g", patch(`{"op":"add","path":"members","value":[{"value":"bulkId:u"}]}`, `{"op":"remove","path":"members[value eq \"bulkId:u\" or value eq \"none\"]"}`)), "members.value", `["$ann"]`},
		"what only the provider writes":   {post("x", "/Users", user("x", `"groups":[{"value":"bulkId:u"}]`)), "userName", `"x"`},
		"a path":                          {op("PATCH", "/Users/bulkId:u", patch(`{"op":"add","path":"title","value":"T"}`)), "title", `"T"`},
		"a text that says bulkId somehow": {post("x", "/Users", user("x", `"title":"a bulkId:u"`)), "title", `"a bulkId:u"`},
	} {
		for _, forward := range []bool{false, true} {
			s := newServer(t, nil)
			ann := s.make("/Users", user("ann"))
			g := s.make("/Groups", group("g", ann))
			ops := []string{post("u", "/Users", user("u")), strings.NewReplacer("$ann", ann, "$g", g).Replace(c.op)}
			if forward {
				slices.Reverse(ops)
			}
			all := s.bulk(ops...)
			if forward {
				slices.Reverse(all)
			}
			if all[0].status != "201" || all[1].status[0] != '2' {
				t.Fatalf("%s: %+v", name, all)
			}
			got := s.do("GET", strings.TrimPrefix(all[1].location, "http://app.example"+base), "").want(200, "")
			if v := got.at(c.see); v != strings.NewReplacer("$ann", ann, "$u", all[0].id()).Replace(c.want) {
				t.Errorf("%s: %s: %s", name, v, got.Body)
			}
		}
	}
}

// The order of a request stays where nothing has to wait, and with what waits waits
// all that comes after it at its resource.
func TestBulkOrder(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	ann := s.make("/Users", user("ann"))
	g := s.make("/Groups", group("g"))
	all := s.bulk(
		op("PUT", "/Groups/"+g, group("first", "bulkId:late")),
		op("PUT", "/Groups/"+g, group("second")),
		op("DELETE", "/Users/"+ann, ""),
		post("late", "/Users", user("ann")), // whose name is free only then
		op("PATCH", "/Users/bulkId:late", patch(`{"op":"add","path":"title","value":"T"}`)),
	)
	if statuses(all) != "200, 200, 204, 201, 200" {
		t.Fatalf("%+v", all)
	}
	if got := s.do("GET", "/Groups/"+g, ""); got.at("displayName") != `"second"` || got.at("members") != "" {
		t.Errorf("%s", got.Body)
	}
}

// RFC 7644 §3.7.1: resources that refer to each other in a circle.
func TestBulkCircles(t *testing.T) {
	t.Parallel()
	boss := func(name, of string) string {
		return user(name, `"`+scim.EnterpriseUserURN+`":{"manager":{"value":"bulkId:`+of+`"},"department":"D"}`)
	}
	s := newServer(t, nil)
	all := s.bulk(
		op("PATCH", "/Groups/bulkId:a", patch(`{"op":"add","path":"members","value":[{"value":"bulkId:u"}]}`)),
		post("a", "/Groups", group("A", "bulkId:b", "bulkId:x")),
		post("b", "/Groups", group("B", "bulkId:c")),
		post("u", "/Users", boss("u", "v")),
		post("c", "/Groups", group("C", "bulkId:a", "bulkId:u")),
		post("v", "/Users", boss("v", "u")),
		post("x", "/Users", user("x")),
	)
	if statuses(all) != "204, 201, 201, 201, 201, 201, 201" {
		t.Fatalf("%+v", all)
	}
	ids := map[string]string{}
	for _, d := range all[1:] {
		ids[d.bulkID] = d.id()
	}
	for name, want := range map[string][]string{"a": {"b", "x", "u"}, "b": {"c"}, "c": {"a", "u"}} {
		got := s.do("GET", "/Groups/"+ids[name], "").want(200, "")
		var have []string
		for _, id := range got.resource().Members() {
			for n, i := range ids {
				if i == id {
					have = append(have, n)
				}
			}
		}
		if !slices.Equal(have, want) {
			t.Errorf("%s has %v, want %v: %s", name, have, want, got.Body)
		}
	}
	for name, of := range map[string]string{"u": "v", "v": "u"} {
		got := s.do("GET", "/Users/"+ids[name], "").want(200, "")
		if got.at(scim.EnterpriseUserURN+":manager.value") != `"`+ids[of]+`"` || got.at(scim.EnterpriseUserURN+":department") != `"D"` {
			t.Errorf("%s", got.Body)
		}
		for _, d := range all {
			if d.bulkID == name && d.version != got.Header().Get("ETag") {
				t.Errorf("version %s, and is %s", d.version, got.Header().Get("ETag"))
			}
		}
	}
	// All or nothing, and nobody else notices.
	before := s.do("GET", "/", "").Body.String()
	all = s.bulk(post("a", "/Users", boss("new", "b")), post("b", "/Users", boss("U", "a")), post("c", "/Groups", group("C", "bulkId:b")), post("d", "/Users", user("d")))
	if statuses(all) != "409, 409 uniqueness, 409, 201" || all[0].location != "" {
		t.Errorf("%+v", all)
	}
	s.do("DELETE", "/Users/"+all[3].id(), "").want(204, "")
	if after := s.do("GET", "/", "").Body.String(); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
}

// A circle may go through what is required, and through what can be written once.
func TestBulkCirclesOfOwnTypes(t *testing.T) {
	t.Parallel()
	const urn = "urn:example:Node"
	sub := []scim.Attribute{{Name: "value", Required: true}, {Name: "weight", Type: scim.TypeInteger}}
	set, err := scim.CoreSchemas().With(scim.Schema{ID: urn, Name: "Node", Attributes: []scim.Attribute{
		{Name: "name", Required: true, Uniqueness: scim.UniqueServer},
		{Name: "twin", Type: scim.TypeComplex, Required: true, Mutability: scim.Immutable, SubAttributes: sub},
		{Name: "next", Type: scim.TypeComplex, MultiValued: true, Mutability: scim.Immutable, SubAttributes: sub},
		{Name: "home", Type: scim.TypeReference, ReferenceTypes: []string{"Node"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	types := append(scim.CoreResourceTypes(), scim.ResourceType{ID: "Node", Name: "Node", Endpoint: "/Nodes", Schema: urn})
	s := newServer(t, func(c *scimserver.Config) {
		c.Schemas, c.ResourceTypes, c.Store = set, types, scimserver.NewMemory(set, types)
	})
	node := func(name, more string) string {
		return `{"schemas":["` + urn + `"],"name":"` + name + `",` + more + `}`
	}
	all := s.bulk(
		post("a", "/Nodes", node("a", `"twin":{"value":"bulkId:b","weight":7},"next":[{"value":"none"},{"value":"bulkId:b"}]`)),
		post("b", "/Nodes", node("b", `"twin":{"value":"bulkId:a"},"home":"bulkId:a"`)),
		post("c", "/Nodes", node("c", `"twin":{"weight":1},"home":"bulkId:d"`)), // has no value
		post("d", "/Nodes", node("d", `"twin":{"value":"bulkId:c"}`)),
	)
	if statuses(all) != "201, 201, 400 invalidValue, 409" {
		t.Fatalf("%+v", all)
	}
	a, b := s.do("GET", "/Nodes/"+all[0].id(), "").want(200, ""), s.do("GET", "/Nodes/"+all[1].id(), "").want(200, "")
	for _, c := range []struct {
		answer
		path, want string
	}{
		{a, "twin", `{"value":"` + all[1].id() + `","weight":7}`},
		{a, "next.value", `["none","` + all[1].id() + `"]`},
		{b, "twin.value", `"` + all[0].id() + `"`},
		{b, "home", `"` + all[0].id() + `"`},
	} {
		if got := c.at(c.path); got != c.want {
			t.Errorf("%s is %s, want %s", c.path, got, c.want)
		}
	}
}

// simple is a store that is nothing but a Store.
type simple struct{ scimserver.Store }

// Without transactions a circle is refused as RFC 7644 §3.7.1 allows, and everything
// else is done.
func TestBulkWithoutTransactions(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *scimserver.Config) { c.Store = simple{c.Store} })
	all := s.bulk(post("a", "/Groups", group("A", "bulkId:b")), post("b", "/Groups", group("B", "bulkId:a")),
		post("g", "/Groups", group("G", "bulkId:u")), post("u", "/Users", user("u", `"groups":[{"value":"bulkId:g"}]`)))
	if statuses(all) != "409, 409, 201, 201" {
		t.Errorf("%+v", all)
	}
	if l := s.do("GET", "/Groups", "").list(); l.TotalResults != 1 {
		t.Errorf("%d groups", l.TotalResults)
	}
}

// RFC 7644 §3.7.4: what is beyond a limit is refused before anything is done, by the
// name of the limit.
func TestBulkLimits(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *scimserver.Config) {
		c.Limits.Bulk, c.Limits.BulkBytes, c.Limits.Body.MaxBytes = 2, 2_000, 500
	})
	config := s.do("GET", "/ServiceProviderConfig", "")
	if config.at("bulk.supported") != "true" || config.at("bulk.maxOperations") != "2" || config.at("bulk.maxPayloadSize") != "2000" {
		t.Errorf("%s", config.Body)
	}
	a, b := post("a", "/Users", user("a")), post("b", "/Users", user("b"))
	if got := s.do("POST", "/Bulk", bulk(a, b, post("c", "/Users", user("c")))).want(413, ""); !strings.Contains(got.at("detail"), "maxOperations, 2") {
		t.Errorf("%s", got.Body)
	}
	long := bulk(a, b) + strings.Repeat(" ", 2_000)
	if got := s.do("POST", "/Bulk", long).want(413, ""); !strings.Contains(got.at("detail"), "maxPayloadSize, 2000") {
		t.Errorf("%s", got.Body)
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "http://app.example"+base+"/Bulk", strings.NewReader(long))
	r.ContentLength = -1 // chunked
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if got := (answer{w, t}).want(413, ""); !strings.Contains(got.at("detail"), "maxPayloadSize, 2000") {
		t.Errorf("%s", got.Body)
	}
	if n := s.do("GET", "/Users", "").list().TotalResults; n != 0 {
		t.Errorf("%d were made", n)
	}
	// Each operation is held to what a request of its own is.
	if all := s.bulk(a, post("b", "/Users", user("b", `"title":"`+strings.Repeat("x", 600)+`"`))); statuses(all) != "201, 413" {
		t.Errorf("%+v", all)
	}
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	s.do("POST", "/Bulk", bulk(post("c", "/Users", user("c", `"title":`+deep)))).want(400, "invalidSyntax")
	none := newServer(t, func(c *scimserver.Config) { c.Limits.Bulk = -1 })
	none.do("POST", "/Bulk", bulk(a)).want(501, "")
	if none.do("GET", "/ServiceProviderConfig", "").at("bulk.supported") != "false" {
		t.Error("bulk is advertised")
	}
}

// Each operation is authorised, and held to the client's rules, as a request of its
// own.
func TestBulkIsManyRequests(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen, saved []string
	admitted := 0
	s := newServer(t, func(c *scimserver.Config) {
		c.Authorize = func(r *http.Request) error {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, r.Method+" "+r.URL.Path)
			switch {
			case r.Header.Get("Authorization") == "":
				return errors.New("who are you")
			case r.Method == "DELETE":
				return &scim.Error{Status: 403, Detail: "you delete nobody"}
			}
			return nil
		}
		c.Rules, _ = scimserver.RulesOf(scimserver.Lenient)
		c.Saved = func(r *http.Request, name string) { saved = append(saved, r.Method+" "+r.URL.Path+" "+name) }
		c.Admit = func(_ *http.Request, n int) error {
			if admitted += n; admitted > 10 {
				return &scimserver.TooManyError{After: 1500e6}
			}
			return nil
		}
	})
	ops := []string{post("a", "/Users", `{"userName":"a"}`), op("PATCH", "/Users/bulkId:a", patch(`{"op":"Replace","path":"active","value":"False"}`)), op("DELETE", "/Users/bulkId:a", "")}
	s.do("POST", "/Bulk", bulk(ops...)).want(401, "")
	all := s.do("POST", "/Bulk", bulk(ops...), "Authorization: x", `If-Match: "none"`).results()
	if statuses(all) != "201, 200, 403" {
		t.Errorf("%+v", all)
	}
	one := base + "/Users/" + all[0].id()
	if want := []string{"POST " + base + "/Bulk", "POST " + base + "/Bulk", "POST " + base + "/Users", "PATCH " + one, "DELETE " + one}; !slices.Equal(seen, want) {
		t.Errorf("authorised %v, want %v", seen, want)
	}
	if want := []string{"POST " + base + "/Users " + scim.RuleSchemasOptional, "PATCH " + one + " " + scim.RuleStringBooleans}; !slices.Equal(saved, want) {
		t.Errorf("saved %v, want %v", saved, want)
	}
	if admitted != 3 {
		t.Errorf("%d operations were let in", admitted)
	}
	var many []string
	for i := range 8 {
		many = append(many, post(fmt.Sprint(i), "/Users", user(fmt.Sprint("m", i))))
	}
	if got := s.do("POST", "/Bulk", bulk(many...), "Authorization: x").want(429, ""); got.Header().Get("Retry-After") != "2" {
		t.Errorf("Retry-After %s", got.Header().Get("Retry-After"))
	}
	if n := s.do("GET", "/Users?filter="+url.QueryEscape(`userName sw "m"`), "", "Authorization: x").Code; n != 429 {
		t.Errorf("%d", n)
	}
	if p, err := s.store.List(t.Context(), "User", scimserver.Query{StartIndex: 1, Count: 10}); err != nil || p.Total != 1 {
		t.Errorf("%d users, %v", p.Total, err)
	}
}

// Many at once that make one userName: one makes it.
func TestBulkAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	const many = 32
	all := make([][]done, many)
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			all[i] = s.bulk(
				post("a", "/Users", user("one")), post("b", "/Users", user(fmt.Sprint("u", i))),
				post("g", "/Groups", group("g", "bulkId:h")), post("h", "/Groups", group("h", "bulkId:g", "bulkId:b")),
			)
		})
	}
	wg.Wait()
	made := map[string]int{}
	for _, d := range all {
		made[statuses(d)]++
	}
	if made["201, 201, 201, 201"] != 1 || made["409 uniqueness, 201, 201, 201"] != many-1 {
		t.Errorf("%v", made)
	}
	if n := s.do("GET", "/Users", "").list().TotalResults; n != many+1 {
		t.Errorf("%d users", n)
	}
}

// A Memory takes back what a transaction did, whatever it was.
func TestMemoryAtomically(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	ann, bob := s.make("/Users", user("ann", `"title":"x"`)), s.make("/Users", user("bob"))
	g, k := s.make("/Groups", group("g", ann, bob)), s.make("/Groups", group("k", ann))
	s.do("DELETE", "/Groups/"+s.make("/Groups", group("gone")), "").want(204, "")
	before := s.do("GET", "/", "").Body.String()
	ctx, refused := t.Context(), errors.New("refused")
	work := func(store scimserver.Store) error {
		made, err := store.Create(ctx, "User", scim.NewResource(scim.UserURN))
		if err != nil {
			return err
		}
		members := store.(scimserver.MemberStore)
		if _, err := members.ChangeMembers(ctx, "Group", g, scimserver.MemberChange{Attribute: "members", Remove: []string{ann}, Add: []scim.Value{member(made.ID())}}); err != nil {
			return err
		}
		old, err := store.Get(ctx, "User", ann)
		if err != nil {
			return err
		}
		next := old.Clone()
		next.Set("userName", scim.String("eve"))
		if _, err := store.Replace(ctx, "User", next, old.Version()); err != nil {
			return err
		}
		if found, ok, err := store.Lookup(ctx, "User", scim.MustPath("userName"), "eve"); !ok || err != nil || len(found) != 1 {
			t.Errorf("within it nobody is found: %v %v %v", found, ok, err)
		}
		if err := store.Delete(ctx, "User", bob, ""); err != nil {
			return err
		}
		if err := store.Delete(ctx, "Group", k, ""); err != nil {
			return err
		}
		return store.(scimserver.TxStore).Atomically(ctx, func(inner scimserver.Store) error {
			_, err := inner.Create(ctx, "User", scim.NewResource(scim.UserURN))
			return errors.Join(err, refused)
		})
	}
	check := func(what string) {
		t.Helper()
		if after := s.do("GET", "/", "").Body.String(); after != before {
			t.Errorf("%s:\nbefore %s\nafter  %s", what, before, after)
		}
		for filter, want := range map[string]int{`userName eq "eve"`: 0, `userName eq "bob"`: 1, `userName eq "ann"`: 1} {
			if n := s.do("GET", "/Users?filter="+url.QueryEscape(filter), "").list().TotalResults; n != want {
				t.Errorf("%s: %s finds %d", what, filter, n)
			}
		}
		if n := s.do("GET", "/Groups?filter="+url.QueryEscape(`members eq "`+ann+`"`), "").list().TotalResults; n != 2 {
			t.Errorf("%s: %d groups of ann", what, n)
		}
	}
	if err := s.store.Atomically(ctx, work); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	check("after an error")
	func() {
		defer func() { _ = recover() }()
		_ = s.store.Atomically(ctx, func(store scimserver.Store) error {
			_ = work(store)
			panic("by request")
		})
	}()
	check("after a panic")
	err := s.store.Atomically(ctx, func(store scimserver.Store) error {
		if err := work(store); !errors.Is(err, refused) {
			return err
		}
		return nil // the inner one alone is taken back
	})
	if err != nil || s.do("GET", "/Users", "").list().TotalResults != 2 || s.do("GET", "/Groups", "").list().TotalResults != 1 {
		t.Errorf("%v, %s", err, s.do("GET", "/", "").Body)
	}
	if got := s.do("GET", "/Groups/"+g, "").resource().Members(); len(got) != 1 {
		t.Errorf("members %v", got)
	}
}

func member(id string) scim.Value {
	var o scim.Object
	o.Set("value", scim.String(id))
	return scim.Complex(o)
}

// FuzzBulk: whatever comes, there is an answer: an error, or one result for each
// operation that was done, with a status and what it says of a failure.
func FuzzBulk(f *testing.F) {
	for _, ops := range [][]string{
		{post("a", "/Users", user("a")), op("PATCH", "/Users/bulkId:a", patch(`{"op":"add","path":"emails[value eq \"bulkId:a\"].type","value":"x"}`))},
		{post("a", "/Groups", group("A", "bulkId:b")), post("b", "/Groups", group("B", "bulkId:a", "bulkId:a", "bulkId:"))},
		{op("DELETE", "/Users/1", ""), op("PUT", "/Users/1", user("z", `"groups":[{"$ref":"x/bulkId:z"}]`)), `null`, `{"method":"POST","path":"/%zz"}`},
		{post("a", "/Users", user("x", `"`+scim.EnterpriseUserURN+`":{"manager":{"value":"bulkId:b","$ref":"/bulkId:b"}}`)), post("b", "/Users", user("y", `"`+scim.EnterpriseUserURN+`":{"manager":{"value":"bulkId:a"}}`))},
	} {
		f.Add(bulk(ops...))
		f.Add(untilFailed(1, ops...))
	}
	f.Fuzz(func(t *testing.T, body string) {
		h, err := scimserver.New(scimserver.Config{
			Store: scimserver.NewMemory(nil, nil), Authorize: scimserver.AllowAll, Limits: scimserver.Limits{Bulk: 20},
			Failed: func(_ context.Context, err error) { t.Errorf("the handler failed: %v", err) },
		})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/Users", strings.NewReader(user("there"))))
		w = httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/Bulk", strings.NewReader(body)))
		if w.Code == 400 || w.Code == 413 {
			return
		}
		all := answer{w, t}.results()
		sent, err := scim.ParseResource([]byte(body), scim.Limits{MaxDepth: 19})
		if err != nil {
			t.Fatal(err)
		}
		v, _ := sent.Get("Operations")
		list, _ := v.AsList()
		v, _ = sent.Get("failOnErrors")
		most, _ := v.AsInteger()
		failed := 0
		for _, d := range all {
			if d.status[0] != '2' {
				failed++
			}
		}
		if len(all) != len(list) && (most == 0 || int64(failed) < most) || len(all) > len(list) {
			t.Errorf("%d results of %d operations, %d failed: %s", len(all), len(list), failed, w.Body)
		}
	})
}
