// SPDX-License-Identifier: Apache-2.0

package scimin_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// The attacks that broke other SCIM servers, each against both stores: that of the
// library, and ours. docs/security.md lists them by their names.

// targets are endpoints over both stores, by name.
func targets(t *testing.T, s scimserver.Strictness) map[string]*endpoint {
	t.Helper()
	rules, err := scimserver.RulesOf(s)
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	return map[string]*endpoint{"memory": h.handler(scimserver.NewMemory(nil, nil), rules), "directory": h.endpoint("idp", s)}
}

// againstBoth runs an attack against both stores under a strictness.
func againstBoth(t *testing.T, s scimserver.Strictness, attack func(t *testing.T, e *endpoint)) {
	t.Helper()
	for name, e := range targets(t, s) {
		t.Run(string(s)+" "+name, func(t *testing.T) { attack(t, &endpoint{t, e.Handler}) })
	}
}

// againstAll runs an attack under each strictness.
func againstAll(t *testing.T, attack func(t *testing.T, e *endpoint)) {
	t.Helper()
	all := scimserver.Strictnesses()
	if testing.Short() { // the race detector is slow
		all = []scimserver.Strictness{scimserver.Lenient}
	}
	for _, s := range all {
		againstBoth(t, s, attack)
	}
}

// everything is all that a provider sees.
func (e *endpoint) everything() string {
	e.Helper()
	return e.do("GET", "/Users?count=1000", "").want(200).Body.String() + e.do("GET", "/Groups?count=1000", "").want(200).Body.String()
}

func (e *endpoint) see(id string) string {
	e.Helper()
	return e.do("GET", "/Users/"+id, "").want(200).Body.String()
}

func find(filter string) string { return "/Users?filter=" + url.QueryEscape(filter) }

func (a answer) list() *scim.ListResponse {
	a.t.Helper()
	l, err := scim.ParseListResponse(a.Body.Bytes(), scim.Limits{})
	if err != nil {
		a.t.Fatalf("%d %s: %v", a.Code, a.Body, err)
	}
	return l
}

// A2: no externalId becomes an id, or anybody else.
func TestAttackExternalIDIsNoID(t *testing.T) {
	t.Parallel()
	againstBoth(t, scimserver.RFC, func(t *testing.T, e *endpoint) {
		victim := e.make("/Users", user("root", `"externalId":"1"`))
		before := e.see(victim)
		for i, external := range []string{"0", "2", "-1", "admin", victim, strings.ToUpper(victim), "usher:root", "../" + victim, "e%2f1", strings.Repeat("x", 10<<10), " 1", "1 "} {
			got := e.do("POST", "/Users", user(fmt.Sprint("u", i), `"externalId":`+quote(external))).want(201).resource()
			if got.ID() == external || got.ID() == victim || got.ExternalID() != external {
				t.Errorf("externalId %.40q made %s", external, got.ID())
			}
		}
		if e.see(victim) != before {
			t.Error("somebody else has changed")
		}
	})
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a text always can be
	return string(b)
}

// A3: the id in a body is passed over (RFC 7644 §3.5.1), or refused; never obeyed.
func TestAttackBodyIDIsNotObeyed(t *testing.T) {
	t.Parallel()
	againstAll(t, func(t *testing.T, e *endpoint) {
		a, b := e.make("/Users", user("a")), e.make("/Users", user("b"))
		before := e.see(b)
		id := `"id":"` + b + `"`
		for _, got := range []answer{
			e.do("PUT", "/Users/"+a, user("a", id, `"title":"x"`)),
			e.do("PATCH", "/Users/"+a, patch(`{"op":"replace","value":{`+id+`,"title":"x"}}`)),
			e.do("PATCH", "/Users/"+a, patch(`{"op":"replace","path":"id","value":"`+b+`"}`)),
			e.do("PATCH", "/Users/"+a, patch(`{"op":"add","path":"title","value":"y"},{"op":"remove","path":"id"}`)),
		} {
			if got.Code == 200 && got.resource().ID() != a || got.Code != 200 && got.Code != 400 {
				t.Errorf("%d %s", got.Code, got.Body)
			}
		}
		if e.see(b) != before {
			t.Error("the one whose id was in the body has changed")
		}
		if made := e.do("POST", "/Users", user("c", id)); made.Code != 201 && made.Code != 400 || made.Code == 201 && made.resource().ID() == b {
			t.Errorf("%d %s", made.Code, made.Body)
		}
	})
}

// A4, A5: another provider's id is answered as one that nobody has, with every verb;
// names and ids that are the same on both sides are two people.
func TestAttackForeignIDIsNobodys(t *testing.T) {
	t.Parallel()
	for _, s := range scimserver.Strictnesses() {
		h := newHouse(t)
		a, b := h.endpoint("idp", s), h.endpoint("other", s)
		same := user("ann", `"externalId":"1"`, `"emails":[{"value":"ann@acme.example","type":"work"}]`)
		mine := map[string]string{"/Users/": a.make("/Users", same), "/Groups/": a.make("/Groups", group("ops"))}
		b.make("/Users", same)
		before := a.everything()
		const nobody = "abcdefghijklmnopqrstuvwxyz"
		for kind, id := range mine {
			for _, r := range []struct{ method, tail, body string }{
				{"GET", "", ""},
				{"HEAD", "", ""},
				{"GET", "?attributes=userName", ""},
				{"DELETE", "", ""},
				{"PATCH", "", patch(`{"op":"replace","path":"displayName","value":"x"}`)},
				{"PATCH", "", patch(`{"op":"add","path":"members","value":[{"value":"x"}]}`)},
				{"PATCH", "", patch(`{"op":"remove","path":"members[value eq \"x\"]"}`)},
				{"PUT", "", map[string]string{"/Users/": same, "/Groups/": group("ops")}[kind]},
			} {
				theirs, none := b.do(r.method, kind+id+r.tail, r.body), b.do(r.method, kind+nobody+r.tail, r.body)
				if theirs.Code != none.Code || theirs.Code == 200 || strings.ReplaceAll(theirs.Body.String(), id, nobody) != none.Body.String() || fmt.Sprint(theirs.Header()) != fmt.Sprint(none.Header()) {
					t.Errorf("%s, %s %s: %d %s, but of nobody %d %s", s, r.method, kind, theirs.Code, theirs.Body, none.Code, none.Body)
				}
			}
			in := "/" + strings.Trim(kind, "/") + "?filter="
			for _, f := range []string{`id eq "%s"`, `meta.location ew "%s"`, `id co "%s"`} {
				if n := b.do("GET", in+url.QueryEscape(fmt.Sprintf(f, id)), "").want(200).list().TotalResults; n != 0 {
					t.Errorf("%s: %s finds %d", s, f, n)
				}
			}
		}
		bulk := func(id string) string {
			return b.do("POST", "/Bulk", `{"schemas":["`+scim.BulkRequestURN+`"],"Operations":[{"method":"DELETE","path":"/Users/`+id+`"},{"method":"PUT","path":"/Users/`+id+`","data":`+same+`}]}`).want(200).Body.String()
		}
		if theirs, none := bulk(mine["/Users/"]), bulk(nobody); strings.ReplaceAll(theirs, mine["/Users/"], nobody) != none {
			t.Errorf("%s: in bulk %s, but of nobody %s", s, theirs, none)
		}
		if n := b.do("GET", "/?filter="+url.QueryEscape(`id eq "`+mine["/Users/"]+`"`), "").want(200).list().TotalResults; n != 0 {
			t.Errorf("%s: found %d among all types", s, n)
		}
		b.do("GET", "/Groups?filter="+url.QueryEscape(`members eq "`+mine["/Users/"]+`"`), "").want(200)
		b.make("/Groups", group("theirs", mine["/Users/"])) // an id of nobody's here
		if after := a.everything(); after != before {
			t.Errorf("%s: another provider changed\n%s\nto\n%s", s, before, after)
		}
	}
}

// A8: whoever is said to be deactivated is, or the request is refused. Nobody hears
// 200 and stays.
func TestAttackDeactivationIsNoNoOp(t *testing.T) {
	t.Parallel()
	var shapes []string
	for _, value := range []string{`false`, `"False"`, `"false"`, `"FALSE"`, `0`, `"0"`, `"no"`, `[false]`, `{"value":false}`, `null`} {
		for _, op := range []string{"replace", "REPLACE", "Add"} {
			shapes = append(shapes,
				`{"op":"`+op+`","path":"active","value":`+value+`}`, `{"op":"`+op+`","path":"ACTIVE","value":`+value+`}`,
				`{"op":"`+op+`","value":{"active":`+value+`}}`, `{"op":"`+op+`","value":{"Active":`+value+`}}`,
				`{"op":"`+op+`","path":"`+scim.UserURN+`:active","value":`+value+`}`, `{"op":"`+op+`","value":{"`+scim.UserURN+`:active":`+value+`}}`,
				`{"op":"`+op+`","value":{"`+scim.UserURN+`":{"active":`+value+`}}}`,
			)
		}
	}
	shapes = append(shapes, `{"op":"replace","path":"active[value eq true]","value":false}`, `{"op":"replace","path":"active.value","value":false}`)
	againstAll(t, func(t *testing.T, e *endpoint) {
		refused := 0
		for i, shape := range shapes {
			id := e.make("/Users", user(fmt.Sprint("u", i), `"active":true`))
			got := e.do("PATCH", "/Users/"+id, patch(shape))
			there, _ := e.do("GET", "/Users/"+id, "").resource().Active()
			switch {
			case got.Code >= 400:
				refused++
			case there && strings.Contains(shape, ":null"): // unassigned, which says nothing
			case there:
				t.Errorf("%s: %d, and still active", shape, got.Code)
			}
			e.do("DELETE", "/Users/"+id, "")
		}
		if refused == len(shapes) {
			t.Error("every shape is refused")
		}
	})
}

// A11: who is made anew has none of the groups of who was deleted.
func TestAttackNobodyComesBackWithOldRights(t *testing.T) {
	t.Parallel()
	againstAll(t, func(t *testing.T, e *endpoint) {
		id := e.make("/Users", user("ann", `"externalId":"1"`))
		ops := e.make("/Groups", group("ops", id))
		e.do("DELETE", "/Users/"+id, "").want(204)
		e.do("GET", "/Users/"+id, "").want(404)
		again := e.make("/Users", user("ann", `"externalId":"1"`))
		if strings.Contains(e.see(again), `"groups"`) || again == id {
			t.Errorf("%s is in a group: %s", again, e.see(again))
		}
		if members := e.do("GET", "/Groups/"+ops, "").want(200).resource().Members(); slices.Contains(members, again) {
			t.Errorf("members %v", members)
		}
	})
}

// A13: what is deleted takes nothing else along.
func TestAttackNoCascade(t *testing.T) {
	t.Parallel()
	againstBoth(t, scimserver.RFC, func(t *testing.T, e *endpoint) {
		ann, bob := e.make("/Users", user("ann")), e.make("/Users", user("bob"))
		inner := e.make("/Groups", group("inner", ann))
		outer := e.make("/Groups", group("outer", inner, bob))
		e.do("DELETE", "/Groups/"+outer, "").want(204)
		e.do("GET", "/Groups/"+inner, "").want(200)
		e.do("DELETE", "/Groups/"+inner, "").want(204)
		for _, id := range []string{ann, bob} {
			if active, said := e.do("GET", "/Users/"+id, "").want(200).resource().Active(); said && !active {
				t.Errorf("%s is not active", id)
			}
		}
	})
}

// A14, A15: what is never returned is found out by no question, and shown by no answer.
func TestAttackSecretsStaySecret(t *testing.T) {
	t.Parallel()
	const canary = "c4nary-s3cret"
	againstAll(t, func(t *testing.T, e *endpoint) {
		var said strings.Builder
		ask := func(method, path, body string) answer {
			got := e.do(method, path, body)
			fmt.Fprintf(&said, "%s %v", got.Body, got.Header())
			return got
		}
		made := ask("POST", "/Users?attributes=password", user("ann", `"password":"`+canary+`"`)).want(201).resource()
		ask("POST", "/Users", user("bob"))
		id := "/Users/" + made.ID()
		ask("PUT", id+"?attributes=password,userName", user("ann", `"password":"`+canary+`"`)).want(200)
		ask("PATCH", id+"?attributes=password", patch(`{"op":"replace","path":"password","value":"`+canary+`"}`)) // 400 where there is none
		ask("PATCH", id, patch(`{"op":"replace","path":"password","value":["`+canary+`"]}`)).want(400)
		ask("GET", id+"?attributes=password", "").want(200)
		ask("GET", "/Users?attributes=password&excludedAttributes=", "")
		for _, f := range []string{`password pr`, `password eq "` + canary + `"`, `password sw "c"`, `not (password pr)`, `userName pr and password co "4"`, scim.UserURN + `:password pr`} {
			if got := ask("GET", find(f), ""); got.Code < 400 {
				t.Errorf("%s is answered: %s", f, got.Body)
			}
		}
		for _, q := range []string{"/Users?sortBy=password", "/?sortBy=password", "/?filter=password%20pr"} {
			if got := ask("GET", q, ""); got.Code < 400 {
				t.Errorf("%s: %s", q, got.Body)
			}
		}
		for _, path := range []string{"/.search", "/Users/.search"} {
			if got := ask("POST", path, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"password sw \"c\""}`); got.Code < 400 {
				t.Errorf("%s: %s", path, got.Body)
			}
		}
		if strings.Contains(said.String(), canary) {
			t.Errorf("the secret was told: %s", said.String())
		}
	})
}

// A16: what is not the client's to write stays, whatever it writes.
func TestAttackMassAssignment(t *testing.T) {
	t.Parallel()
	hostile := map[string]string{
		"id": `"x"`, "groups": `[{"value":"admins"}]`, "meta.created": `"2000-01-01T00:00:00Z"`, "meta.version": `"W/\"99\""`, "meta.location": `"https://evil.example"`, "meta.resourceType": `"Group"`,
		scim.UsherUserURN + ":employmentStatus": `"active"`, scim.UsherUserURN + ":endDate": `"2099-01-01T00:00:00Z"`, "isAdmin": `true`,
	}
	againstAll(t, func(t *testing.T, e *endpoint) {
		admins := e.make("/Groups", group("admins"))
		id := e.make("/Users", user("ann"))
		is := func() string {
			r := e.do("GET", "/Users/"+id, "").want(200).resource()
			created, _ := r.At(scim.MustPath("meta.created"))
			location, _ := r.At(scim.MustPath("meta.location"))
			kind, _ := r.At(scim.MustPath("meta.resourceType"))
			groups, _ := r.Get("groups")
			return fmt.Sprint(r.ID(), created, location, kind, groups, strings.Contains(r.String(), "usher"), strings.Contains(r.String(), "isAdmin"))
		}
		before := is()
		for path, value := range hostile {
			value = strings.ReplaceAll(value, "admins", admins)
			for _, op := range []string{"add", "replace"} {
				e.do("PATCH", "/Users/"+id, patch(`{"op":"`+op+`","path":"`+path+`","value":`+value+`}`))
				e.do("PATCH", "/Users/"+id, patch(`{"op":"`+op+`","value":{"`+path+`":`+value+`}}`))
			}
			e.do("PATCH", "/Users/"+id, patch(`{"op":"remove","path":"`+path+`"}`))
			if first, rest, within := strings.Cut(path, "."); within && !strings.Contains(path, ":") {
				e.do("PUT", "/Users/"+id, user("ann", `"`+first+`":{"`+rest+`":`+value+`}`))
			} else {
				e.do("PUT", "/Users/"+id, user("ann", `"`+path+`":`+value))
			}
			if after := is(); after != before {
				t.Errorf("%s: %s, was %s", path, after, before)
			}
		}
	})
}

// A17: one change in other words ends the same.
func TestAttackOtherWordsSameEnd(t *testing.T) {
	t.Parallel()
	end := map[string][]string{
		"active": {
			patch(`{"op":"replace","path":"active","value":false}`), patch(`{"op":"add","path":"active","value":false}`),
			patch(`{"op":"replace","value":{"active":false}}`), patch(`{"op":"REPLACE","value":{"` + scim.UserURN + `:active":false}}`),
			patch(`{"op":"replace","path":"active","value":true}`, `{"op":"replace","path":"active","value":false}`),
		},
		"name": {
			patch(`{"op":"replace","path":"name.familyName","value":"X"}`), patch(`{"op":"add","path":"name","value":{"familyName":"X"}}`),
			patch(`{"op":"replace","value":{"name.familyName":"X"}}`), patch(`{"op":"add","value":{"name":{"familyName":"X"}}}`),
		},
		"emails": {
			patch(`{"op":"add","path":"emails","value":[{"value":"x@x","type":"work"}]}`), patch(`{"op":"add","path":"emails","value":{"value":"x@x","type":"work"}}`),
			patch(`{"op":"replace","path":"emails","value":[{"value":"x@x","type":"work"}]}`), patch(`{"op":"add","value":{"emails":[{"value":"x@x","type":"work"}]}}`),
		},
	}
	againstBoth(t, scimserver.Lenient, func(t *testing.T, e *endpoint) {
		for what, bodies := range end {
			var first string
			for i, body := range bodies {
				id := e.make("/Users", user("ann", `"active":true`))
				e.do("PATCH", "/Users/"+id, body).want(200)
				got := metaOf.ReplaceAllString(strings.ReplaceAll(e.see(id), `"`+id+`"`, `"ID"`), "")
				if e.do("DELETE", "/Users/"+id, "").want(204); i == 0 {
					first = got
				}
				if got != first {
					t.Errorf("%s: %s ends as\n%s, not as\n%s", what, body, got, first)
				}
			}
		}
	})
}

// A19: a group's members are what a set would be, whatever shape says so, and no
// request that does not name them all takes them all.
func TestAttackMembersAreASet(t *testing.T) {
	t.Parallel()
	againstAll(t, func(t *testing.T, e *endpoint) {
		rnd := rand.New(rand.NewPCG(5, 6))
		g := e.make("/Groups", group("g"))
		model := map[string]bool{}
		for n := range 200 {
			var some []string
			for range 1 + rnd.IntN(3) {
				some = append(some, fmt.Sprint("m", rnd.IntN(9)))
			}
			var body string
			next := map[string]bool{}
			for id := range model {
				next[id] = true
			}
			switch rnd.IntN(5) {
			case 0, 1:
				body = patch(`{"op":"add","path":"members","value":[` + values(some) + `]}`)
				for _, id := range some {
					next[id] = true
				}
			case 2:
				body = patch(`{"op":"remove","path":"members[value eq \"` + some[0] + `\"]"}`)
				delete(next, some[0])
			case 3: // as Entra removes
				body = patch(`{"op":"remove","path":"members","value":[` + values(some) + `]}`)
				for _, id := range some {
					delete(next, id)
				}
			case 4:
				body = patch(`{"op":"replace","path":"members","value":[` + values(some) + `]}`)
				next = map[string]bool{}
				for _, id := range some {
					next[id] = true
				}
			}
			switch got := e.do("PATCH", "/Groups/"+g, body); got.Code {
			case 200:
				model = next
			case 400:
			default:
				t.Fatalf("%s: %d %s", body, got.Code, got.Body)
			}
			var want []string
			for id := range model {
				want = append(want, id)
			}
			slices.Sort(want)
			got := e.do("GET", "/Groups/"+g, "").want(200).resource().Members()
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Fatalf("request %d, %s: %v, want %v", n, body, got, want)
			}
		}
	})
}

// A20, A157, A159: what is refused has changed nothing, however far it came.
func TestAttackRefusedIsUndone(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 9_999) + "1" + strings.Repeat("}", 9_999)
	op := `{"op":"add","path":"title","value":"x"}`
	members := make([]string, 150_000)
	for i := range members {
		members[i] = fmt.Sprint("m", i)
	}
	againstAll(t, func(t *testing.T, e *endpoint) {
		ann, bob := e.make("/Users", user("ann", `"externalId":"1"`)), e.make("/Users", user("bob"))
		ops := e.make("/Groups", group("ops", ann))
		before := e.everything()
		for _, r := range []struct {
			method, path, body string
			status             []int
		}{
			{"POST", "/Users", user("ANN"), []int{409}},
			{"PUT", "/Users/" + bob, user("ann", `"title":"x"`), []int{409}},
			{"PATCH", "/Users/" + bob, patch(op, `{"op":"replace","path":"userName","value":"Ann"}`), []int{409}},
			{"PATCH", "/Users/" + bob, patch(op, `{"op":"remove","path":"userName"}`), []int{400}},
			{"PATCH", "/Users/" + bob, patch(op, `{"op":"replace","path":"nowhere[x","value":1}`), []int{400}},
			{"PATCH", "/Users/" + bob, patch(op, `{"op":"replace","path":"emails[type eq \"work\"].display","value":{}}`), []int{400}},
			{"PATCH", "/Groups/" + ops, patch(`{"op":"add","path":"members","value":[{"value":"x"}]}`, `{"op":"remove","path":"displayName"}`), []int{400}},
			{"PATCH", "/Groups/" + ops, patch(`{"op":"remove","path":"members","value":"all"}`), []int{200, 400}},
			{"PATCH", "/Groups/" + ops, patch(`{"op":"remove","path":"members","value":[]}`), []int{200, 204, 400}}, // which takes nobody out
			{"PATCH", "/Users/" + bob, patch(slices.Repeat([]string{op}, 1_001)...), []int{413}},
			{"PATCH", "/Groups/" + ops, patch(`{"op":"add","path":"members","value":[` + values(members) + `]}`), []int{413}},
			{"PUT", "/Groups/" + ops, group("ops", members...), []int{413}},
			{"PATCH", "/Users/" + bob, patch(`{"op":"add","value":` + deep + `}`), []int{400, 413}},
			{"POST", "/Users", deep, []int{400, 413}},
			{"POST", "/Users", user("big", `"title":"`+strings.Repeat("x", 2<<20)+`"`), []int{413}},
			{"POST", "/Users", user("num", `"title":1`+strings.Repeat("0", 100_000)), []int{400}},
			{"POST", "/Users", user("keys", `"a":{`+strings.Repeat(`"":1,`, 3)+`"":1}`), []int{400}},
		} {
			got := e.do(r.method, r.path, r.body)
			if !slices.Contains(r.status, got.Code) || got.Code >= 400 && !strings.Contains(got.Body.String(), `"detail":"`) {
				t.Errorf("%s %s %.100s: %d %s", r.method, r.path, r.body, got.Code, got.Body)
			}
			if after := e.everything(); after != before {
				t.Fatalf("%s %s %.100s: %d, and it is\n%s\nnot\n%s", r.method, r.path, r.body, got.Code, after, before)
			}
		}
	})
}

// A22: of 32 who want one name, one has it, again and again.
func TestAttackOneNameOnePerson(t *testing.T) {
	t.Parallel()
	names := 1_000
	if testing.Short() {
		names = 50
	}
	againstBoth(t, scimserver.RFC, func(t *testing.T, e *endpoint) {
		made := make([]atomic.Int32, names)
		var other atomic.Int32
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				for n := range names {
					name := fmt.Sprint("Straße", n)
					if i%2 == 0 {
						name = strings.ToUpper(name[:3]) + name[3:]
					}
					switch e.do("POST", "/Users", user(name)).Code {
					case 201:
						made[n].Add(1)
					case 409:
					default:
						other.Add(1)
					}
				}
			})
		}
		wg.Wait()
		for n := range made {
			if made[n].Load() != 1 {
				t.Errorf("name %d was given %d times", n, made[n].Load())
			}
		}
		if other.Load() > 0 {
			t.Errorf("%d answers are neither 201 nor 409", other.Load())
		}
	})
}

// A23: a cursor with one bit turned, cut, or of another query is none.
func TestAttackForgedCursor(t *testing.T) {
	t.Parallel()
	againstBoth(t, scimserver.RFC, func(t *testing.T, e *endpoint) {
		for i := range 4 {
			e.make("/Users", user(fmt.Sprint("u", i), `"title":"x"`))
		}
		const q = "/Users?count=1&cursor="
		good := e.do("GET", q, "").want(200).list().NextCursor
		e.do("GET", q+good, "").want(200)
		raw, err := base64.RawURLEncoding.DecodeString(good)
		if err != nil {
			t.Fatal(err)
		}
		forged := []string{"AAAA", good + "A", good + good, url.QueryEscape("' OR 1=1 --"), strings.Repeat("A", 8_000)}
		for i := range len(good) {
			forged = append(forged, good[:i+1][:max(1, i)])
		}
		for bit := range 8 * len(raw) {
			turned := slices.Clone(raw)
			turned[bit/8] ^= 1 << (bit % 8)
			forged = append(forged, base64.RawURLEncoding.EncodeToString(turned))
		}
		for _, c := range forged {
			if got := e.do("GET", q+c, ""); got.Code != 400 || !strings.Contains(got.Body.String(), `"invalidCursor"`) {
				t.Fatalf("%s: %d %s", c, got.Code, got.Body)
			}
		}
		for _, other := range []string{"&filter=" + url.QueryEscape(`title eq "x"`), "&sortBy=title"} {
			e.do("GET", q+good+other, "").want(400)
		}
		e.do("GET", "/Groups?count=1&cursor="+good, "").want(400)
	})
}

// A26: whoever is renamed is who they were.
func TestAttackRenamesMakeNobodyLeave(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.endpoint("idp", scimserver.RFC)
	id := e.make("/Users", user("ann", `"externalId":"1"`))
	first := h.people()["ann"].Person.ID
	for i := range 100 {
		name := fmt.Sprint("ann", i)
		e.do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"userName","value":"`+name+`"}`, `{"op":"replace","path":"emails","value":[{"value":"`+name+`@acme.example"}]}`)).want(200)
	}
	h.settle()
	all := h.people()
	if got := all["ann99"]; len(all) != 1 || got.Person == nil || got.Person.ID != first || got.Person.State != directory.Active || got.Person.Generation != 1 {
		t.Errorf("%+v", all)
	}
}

// A29: a method or a content type in disguise is what it is, or refused.
func TestAttackDisguises(t *testing.T) {
	t.Parallel()
	againstAll(t, func(t *testing.T, e *endpoint) {
		id := e.make("/Users", user("ann"))
		before := e.everything()
		for _, r := range []struct{ method, path, kind, override, body string }{
			{"POST", "/Users/" + id, "application/scim+json", "DELETE", ""},
			{"POST", "/Users/" + id, "application/scim+json", "PATCH", patch(`{"op":"add","path":"title","value":"x"}`)},
			{"GET", "/Users/" + id, "", "DELETE", ""},
			{"POST", "/Users", "text/plain", "", user("bob")},
			{"POST", "/Users", "application/x-www-form-urlencoded", "", user("bob")},
			{"POST", "/Users", "multipart/form-data; boundary=x", "", user("bob")},
			{"PATCH", "/Users/" + id, "text/html", "", patch(`{"op":"add","path":"title","value":"x"}`)},
			{"TRACE", "/Users", "", "", ""},
			{"CONNECT", "/Users", "", "", ""},
			{"get", "/Users", "", "", ""},
			{"DELETE", "/Users", "", "", ""},
			{"PUT", "/Users", "application/scim+json", "", user("bob")},
		} {
			req := httptest.NewRequestWithContext(t.Context(), r.method, "http://usher.example"+r.path, strings.NewReader(r.body))
			req.Header.Set("Content-Type", r.kind)
			for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
				req.Header.Set(name, r.override)
			}
			w := httptest.NewRecorder()
			e.ServeHTTP(w, req)
			if r.method != "GET" && w.Code < 400 {
				t.Errorf("%+v: %d %s", r, w.Code, w.Body)
			}
			if after := e.everything(); after != before {
				t.Fatalf("%+v: it is %s", r, after)
			}
		}
	})
}

// A158: no page has more than the limit, whatever is asked for.
func TestAttackPagesEnd(t *testing.T) {
	t.Parallel()
	againstBoth(t, scimserver.RFC, func(t *testing.T, e *endpoint) {
		for i := range 1_005 {
			e.make("/Users", user(fmt.Sprint("u", i)))
		}
		for _, q := range []string{"count=1000000", "count=2147483647", "cursor=&count=99999", "count=1001&sortBy=userName", "count=1001&filter=" + url.QueryEscape("userName pr")} {
			if l := e.do("GET", "/Users?"+q, "").want(200).list(); len(l.Resources) != 1_000 {
				t.Errorf("%s: %d resources", q, len(l.Resources))
			}
		}
		for _, q := range []string{"count=99999999999999999999", "startIndex=1e9", "startIndex=99999999999999999999"} {
			e.do("GET", "/Users?"+q, "").want(400)
		}
		if l := e.do("GET", "/Users?startIndex=2147483647", "").want(200).list(); len(l.Resources) != 0 || l.TotalResults != 1_005 {
			t.Errorf("%d of %d", len(l.Resources), l.TotalResults)
		}
	})
}

// A164: a name that is there twice is refused, in whatever letters, and a name is no
// other one because it looks like it.
func TestAttackNamesOfMembers(t *testing.T) {
	t.Parallel()
	againstAll(t, func(t *testing.T, e *endpoint) {
		before := e.everything()
		for _, body := range []string{
			user("ann", `"active":false`, `"ACTIVE":true`), user("ann", `"active":false`, `"active":true`),
			user("ann", `"username":"bob"`), user("ann", `"name":{"givenName":"a","GIVENNAME":"b"}`),
			`{"schemas":["` + scim.UserURN + `"],"schemas":["` + scim.GroupURN + `"],"userName":"ann"}`,
			`{"schemas":["` + scim.UserURN + `"],"u` + "\u017f" + `erName":"ann"}`, // ſ, which folds to s
			user("ann\\u0000"), user("ann\\u202e"), user("ann\\u2066"), user("a\xffb"), user(`\\ud800`), user("ann\\u001b[2J"), user("ann\\u0085"),
			user("ann", `"externalId":"1\n2"`), user("ann") + `{}`, "\ufeff" + user("ann"), user("ann") + "//",
		} {
			if got := e.do("POST", "/Users", strings.ReplaceAll(body, `\\u`, `\u`)); got.Code != 400 {
				t.Errorf("%q: %d %s", body, got.Code, got.Body)
			}
		}
		if e.everything() != before {
			t.Errorf("somebody is there: %s", e.everything())
		}
		id := e.make("/Users", strings.Replace(user("ann", `"DISPLAYNAME":"Ann"`), "userName", "USERNAME", 1)) // odd, and once
		if got := e.do("GET", "/Users/"+id, "").resource(); got.DisplayName() != "Ann" || got.UserName() != "ann" {
			t.Errorf("%s", got)
		}
		nick := e.do("POST", "/Users", user("bob", `"nic`+"\u212a"+`Name":"x"`)) // K, which folds to k
		if strings.Contains(nick.Body.String(), "nickName") {
			t.Errorf("%s", nick.Body)
		}
		e.do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"userName","value":"a\u202enn"}`)).want(400)
	})
}

// A165 to A167: who is the same name is the same for the store's index, its filters
// and its uniqueness, and what is found is found at the right place in texts whose
// length changes with their letters.
func TestAttackNamesThatLookAlike(t *testing.T) {
	t.Parallel()
	letters := []rune("aAäÄiIıİkK\u212asſSßẞéÉe\u0301σςΣǅǆǄﬀffµμÅ\u212bå")
	rnd := rand.New(rand.NewPCG(7, 8))
	word := func() string {
		var b strings.Builder
		for range 1 + rnd.IntN(2) {
			b.WriteRune(letters[rnd.IntN(len(letters))])
		}
		return b.String()
	}
	asked := []struct {
		filter string // of the name, quoted
		finds  func(name, nick, sought string) bool
	}{
		{`userName eq %s`, func(name, _, sought string) bool { return name == sought }},
		{`nickName co %s`, func(_, nick, sought string) bool { return strings.Contains(nick, sought) }},
		{`userName sw %s`, func(name, _, sought string) bool { return strings.HasPrefix(name, sought) }},
		{`userName ew %s`, func(name, _, sought string) bool { return strings.HasSuffix(name, sought) }},
	}
	againstBoth(t, scimserver.RFC, func(t *testing.T, e *endpoint) {
		taken := map[string]string{} // by what it folds to
		for range 1_000 {
			name := word()
			folded := scim.Fold(name)
			got := e.do("POST", "/Users", user(name, `"nickName":"<`+name+`>"`))
			switch first, there := taken[folded]; {
			case there && got.Code != 409:
				t.Fatalf("%q beside %q: %d", name, first, got.Code)
			case !there && got.Code != 201:
				t.Fatalf("%q: %d %s", name, got.Code, got.Body)
			case !there:
				taken[folded] = name
			}
			for _, q := range asked {
				n := 0
				for other := range taken {
					if q.finds(other, "<"+other+">", folded) {
						n++
					}
				}
				f := fmt.Sprintf(q.filter, quote(name))
				if l := e.do("GET", find(f)+"&count=1", "").want(200).list(); l.TotalResults != n {
					t.Fatalf("%s finds %d, not %d", f, l.TotalResults, n)
				}
			}
		}
		if len(taken) < 100 {
			t.Errorf("%d names are few", len(taken))
		}
	})
	for r := rune(0); r <= 0x10ffff; r++ {
		if s := string(r); scim.Fold(scim.Fold(s)) != scim.Fold(s) {
			t.Errorf("%U folds twice", r)
		}
	}
}

// If-Match holds for members, too, however the version is written.
func TestMembersUnderAVersion(t *testing.T) {
	t.Parallel()
	againstBoth(t, scimserver.RFC, func(t *testing.T, e *endpoint) {
		id := e.make("/Groups", group("ops"))
		tag := e.do("GET", "/Groups/"+id, "").Header().Get("ETag")
		for n, c := range []struct {
			match string
			want  int
		}{{"", 412}, {",", 412}, {`W/"none"`, 412}, {strings.TrimPrefix(tag, "W/"), 200}, {tag, 412}, {"*", 200}} { // the fourth changes the version
			req := httptest.NewRequestWithContext(t.Context(), "PATCH", "http://usher.example/Groups/"+id, strings.NewReader(patch(fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":"m%d"}]}`, n))))
			req.Header.Set("Content-Type", "application/scim+json")
			req.Header["If-Match"] = []string{c.match}
			w := httptest.NewRecorder()
			if e.ServeHTTP(w, req); w.Code != c.want {
				t.Errorf("If-Match: %s: %d %s, want %d", c.match, w.Code, w.Body, c.want)
			}
		}
		bulk := e.do("POST", "/Bulk", `{"schemas":["`+scim.BulkRequestURN+`"],"Operations":[{"method":"DELETE","path":"/Groups/`+id+`","version":""}]}`).want(200)
		if !strings.Contains(bulk.Body.String(), `"status":"400"`) {
			t.Errorf("%s", bulk.Body)
		}
	})
}

// A145, A148: what changes is told to the ledger, in the same transaction; what
// does not is not.
func TestAttackNothingUntold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.endpoint("idp", scimserver.RFC)
	events := func() int64 {
		if _, err := audit.Sequence(t.Context(), h.db.Ledger()); err != nil {
			t.Fatal(err)
		}
		r, err := audit.Verify(t.Context(), h.db.Ledger())
		if err != nil {
			t.Fatal(err)
		}
		return r.Events
	}
	told := func(what string, least int64, fn func()) {
		t.Helper()
		was := events()
		fn()
		if now := events(); now-was < least || least == 0 && now != was {
			t.Errorf("%s: %d events", what, now-was)
		}
	}
	var ann, ops string
	told("made", 1, func() { ann = e.make("/Users", user("ann", `"title":"x"`)) })
	told("changed", 1, func() { e.do("PATCH", "/Users/"+ann, patch(`{"op":"replace","path":"title","value":"y"}`)).want(200) })
	told("changed to the same", 0, func() { e.do("PATCH", "/Users/"+ann, patch(`{"op":"replace","path":"title","value":"y"}`)).want(200) })
	told("refused", 0, func() { e.do("POST", "/Users", user("ann")).want(409) })
	told("read", 0, func() { e.do("GET", "/Users/"+ann, "").want(200) })
	told("a group", 1, func() { ops = e.make("/Groups", group("ops")) })
	told("a member", 1, func() {
		e.do("PATCH", "/Groups/"+ops, patch(`{"op":"add","path":"members","value":[{"value":"`+ann+`"}]}`)).want(200)
	})
	told("a member who is in", 0, func() {
		e.do("PATCH", "/Groups/"+ops, patch(`{"op":"add","path":"members","value":[{"value":"`+ann+`"}]}`)).want(200)
	})
	told("renamed", 1, func() {
		e.do("PATCH", "/Groups/"+ops, patch(`{"op":"replace","path":"displayName","value":"dev"}`)).want(200)
	})
	told("deactivated", 1, func() {
		e.do("PATCH", "/Users/"+ann, patch(`{"op":"replace","path":"active","value":false}`)).want(200)
		h.settle()
	})
	told("a group deleted", 1, func() { e.do("DELETE", "/Groups/"+ops, "").want(204) })
	told("deleted", 1, func() { e.do("DELETE", "/Users/"+ann, "").want(204); h.settle() })
}
