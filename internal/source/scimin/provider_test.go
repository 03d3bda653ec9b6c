// SPDX-License-Identifier: Apache-2.0

package scimin_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// Whoever is pushed comes, changes, goes and comes back, as the same person.
func TestPeopleFollowWhatIsPushed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.endpoint("idp", scimserver.Lenient)
	id := e.make("/Users", user("ann", `"externalId":"e1"`, `"password":"s3cret"`, `"title":"Engineer"`))
	ann := h.people()["ann"]
	if ann.Person == nil || ann.Person.State != directory.Active || len(ann.Records) != 1 || ann.Records[0].ID != id {
		t.Fatalf("%+v", ann)
	}
	is := func(what string, state directory.State) {
		t.Helper()
		h.settle()
		got := h.people()["ann"]
		if got.Person == nil || got.Person.State != state || got.Person.ID != ann.Person.ID || got.Person.Generation != 1 {
			t.Fatalf("%s: %+v", what, got.Person)
		}
	}
	e.do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"title","value":"Lead"}`)).want(200)
	if v, _ := h.people()["ann"].Person.User.Get("title"); v.String() != `"Lead"` {
		t.Errorf("title %s", v)
	}
	e.do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"active","value":false}`)).want(200)
	is("deactivated", directory.Leaver)
	e.do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"active","value":true}`)).want(200)
	is("active again", directory.Active)
	e.do("DELETE", "/Users/"+id, "").want(204)
	e.do("GET", "/Users/"+id, "").want(404)
	is("deleted", directory.Leaver)
	again := e.make("/Users", user("ann", `"externalId":"e1"`))
	if again == id {
		t.Error("an id was given twice")
	}
	is("pushed anew", directory.Active)
	e.do("PUT", "/Users/"+again, user("ann", `"active":false`)).want(200)
	is("deactivated by PUT, without an externalId", directory.Leaver)
	e.do("DELETE", "/Users/"+again, "").want(204)
	e.make("/Users", user("ANN", `"externalId":"e9"`)) // nobody knows another one
	h.settle()
	if got := h.people()["ANN"]; got.Person.ID != ann.Person.ID {
		t.Errorf("found by the name alone, as no externalId speaks against it: %+v", got.Person)
	}
}

// A name that was deleted is somebody else's if the externalId is another one.
func TestNamesakesAreOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.endpoint("idp", scimserver.RFC)
	id := e.make("/Users", user("ann", `"externalId":"e1"`))
	first := h.people()["ann"].Person.ID
	e.do("DELETE", "/Users/"+id, "").want(204)
	h.settle()
	e.make("/Users", user("ann", `"externalId":"e2"`))
	people := h.people()
	if len(people) != 1 { // both are called ann
		t.Fatalf("%v", people)
	}
	err := h.db.Read(t.Context(), func(tx store.Reader) error {
		all, err := tx.List(t.Context(), "", "", 10)
		if len(all) != 2 {
			t.Errorf("%d people", len(all))
		}
		for _, l := range all {
			if (l.Person.ID == first) != (l.Person.State == directory.Leaver) {
				t.Errorf("%+v", l.Person)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A record is one person's, whoever had the name or the externalId before: of those who
// are there no two speak of the same person.
func TestNoTwoShareARecord(t *testing.T) {
	t.Parallel()
	for what, push := range map[string]func(e *endpoint){
		"a name that was given up": func(e *endpoint) {
			e.do("DELETE", "/Users/"+e.make("/Users", user("n")), "").want(204)
			second := e.make("/Users", user("n"))
			e.do("PATCH", "/Users/"+second, patch(`{"op":"replace","path":"userName","value":"m"}`)).want(200)
			e.make("/Users", user("n"))
		},
		"a name, and an externalId": func(e *endpoint) {
			e.do("DELETE", "/Users/"+e.make("/Users", user("n", `"externalId":"e"`)), "").want(204)
			e.make("/Users", user("n"))
			e.make("/Users", user("x", `"externalId":"e"`))
		},
		"an externalId that was given up": func(e *endpoint) {
			e.do("DELETE", "/Users/"+e.make("/Users", user("n", `"externalId":"e"`)), "").want(204)
			second := e.make("/Users", user("n", `"externalId":"e"`))
			e.do("PUT", "/Users/"+second, user("n", `"externalId":"f"`)).want(200)
			e.make("/Users", user("x", `"externalId":"e"`))
		},
	} {
		h := newHouse(t)
		push(h.endpoint("idp", scimserver.Lenient))
		h.settle()
		active := 0
		for _, l := range h.people() {
			if l.Person.State == directory.Active {
				active++
			}
		}
		if active != 2 {
			t.Errorf("%s: %d people are active: %+v", what, active, h.people())
		}
	}
}

// What is said about somebody who is active, or was, is refused or revives them.
func TestRevival(t *testing.T) {
	t.Parallel()
	for _, s := range scimserver.Strictnesses() {
		h := newHouse(t)
		e := h.endpoint("idp", s)
		id := e.make("/Users", user("ann", `"externalId":"e1"`))
		e.do("POST", "/Users", user("ann2", `"externalId":"e1"`)).want(409) // active: whatever the strictness
		e.do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"active","value":false}`)).want(200)
		got := e.do("POST", "/Users", user("ann", `"externalId":"e1"`, `"title":"Lead"`))
		revives := s == scimserver.Okta || s == scimserver.Lenient
		switch {
		case revives && (got.Code != 201 || got.resource().ID() != id):
			t.Errorf("%s: %d %s", s, got.Code, got.Body)
		case !revives && got.Code != 409:
			t.Errorf("%s: %d %s", s, got.Code, got.Body)
		}
	}
}

// Where groups are one of their name, a second one is refused however it comes by it;
// who is gone, and another provider's, leave the name free.
func TestUniqueGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e, lenient := h.endpoint("idp", scimserver.Entra), h.endpoint("other", scimserver.Lenient)
	first := e.make("/Groups", group("Engines"))
	e.do("POST", "/Groups", group("ENGINES")).want(http.StatusConflict)
	second := e.make("/Groups", group("Sails"))
	e.do("PUT", "/Groups/"+second, group("engines")).want(http.StatusConflict)
	e.do("PATCH", "/Groups/"+second, patch(`{"op":"replace","path":"displayName","value":"Engines"}`)).want(http.StatusConflict)
	e.do("PATCH", "/Groups/"+first, patch(`{"op":"replace","path":"displayName","value":"engines"}`)).want(http.StatusOK)
	lenient.make("/Groups", group("Engines"))
	lenient.make("/Groups", group("Engines"))
	e.do("DELETE", "/Groups/"+first, "").want(http.StatusNoContent)
	e.do("PATCH", "/Groups/"+second, patch(`{"op":"replace","path":"displayName","value":"Engines"}`)).want(http.StatusOK)
}

// Another provider's resources do not exist, whatever one does.
func TestProvidersAreApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.endpoint("idp", scimserver.RFC), h.endpoint("other", scimserver.RFC)
	id := a.make("/Users", user("ann", `"externalId":"e1"`))
	team := a.make("/Groups", group("ops", id))
	cursor := func(e *endpoint) string {
		e.make("/Users", user("bob"))
		e.make("/Users", user("cyd"))
		l, err := scim.ParseListResponse(e.do("GET", "/Users?cursor&count=1", "").want(200).Body.Bytes(), scim.Limits{})
		if err != nil || l.NextCursor == "" {
			t.Fatal(err, l)
		}
		return l.NextCursor
	}
	theirs := cursor(a)
	cursor(b)
	b.do("GET", "/Users?count=1&cursor="+theirs, "").want(400)
	for _, path := range []string{"/Users/" + id, "/Groups/" + team} {
		b.do("GET", path, "").want(404)
		b.do("DELETE", path, "").want(404)
		b.do("PATCH", path, patch(`{"op":"replace","path":"displayName","value":"x"}`)).want(404)
		b.do("PATCH", path, patch(`{"op":"add","path":"members","value":[{"value":"x"}]}`))
	}
	b.do("PUT", "/Users/"+id, user("ann")).want(404)
	for _, f := range []string{`userName eq "ann"`, `externalId eq "e1"`, `id eq "` + id + `"`, `userName co "an"`} {
		l, err := scim.ParseListResponse(b.do("GET", "/Users?filter="+url.QueryEscape(f), "").want(200).Body.Bytes(), scim.Limits{})
		if err != nil || l.TotalResults != 0 {
			t.Errorf("%s: %v %v", f, l, err)
		}
	}
	b.make("/Users", user("ann", `"externalId":"e1"`)) // names are one's own, too
	if got := a.do("GET", "/Groups/"+team, "").want(200).resource().Members(); !slices.Equal(got, []string{id}) {
		t.Errorf("members %v", got)
	}
}

// Pushed groups are teams of their source's name, for those who are in.
func TestGroupsAreTeams(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.endpoint("idp", scimserver.Lenient)
	ann, bob := e.make("/Users", user("ann")), e.make("/Users", user("bob"))
	ops := e.make("/Groups", group("Ops", ann, "nobody"))
	are := func(what string, want ...string) {
		t.Helper()
		h.settle()
		var got []string
		people := map[string]string{}
		for name, l := range h.people() {
			people[l.Person.ID] = name
		}
		err := h.db.Provision().Update(t.Context(), func(tx provision.Tx) error {
			if err := tx.PutApp(t.Context(), provision.AppState{Name: "app"}); err != nil {
				return err
			}
			if err := tx.MarkApp(t.Context(), "app"); err != nil {
				return err
			}
			subjects, err := tx.Subjects(t.Context(), provision.Query{App: "app", Limit: 10})
			for _, s := range subjects {
				for _, team := range s.Teams {
					got = append(got, people[s.Person.ID]+" "+team.Name+" "+team.Rule)
				}
			}
			return err
		})
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v, %v", what, got, want, err)
		}
	}
	are("made", "ann Ops idp")
	e.do("PATCH", "/Groups/"+ops, patch(`{"op":"add","path":"members","value":[{"value":"`+bob+`"}]}`)).want(200)
	are("added", "ann Ops idp", "bob Ops idp")
	e.do("PATCH", "/Groups/"+ops, patch(`{"op":"replace","path":"displayName","value":"Operations"}`)).want(200)
	are("renamed", "ann Operations idp", "bob Operations idp")
	e.do("PATCH", "/Users/"+ann, patch(`{"op":"replace","path":"active","value":false}`)).want(200)
	are("deactivated", "bob Operations idp")
	e.do("PATCH", "/Users/"+ann, patch(`{"op":"replace","path":"active","value":true}`)).want(200)
	are("active again", "ann Operations idp", "bob Operations idp")
	e.do("PATCH", "/Groups/"+ops, patch(`{"op":"remove","path":"members[value eq \"`+ann+`\"]"}`)).want(200)
	are("removed", "bob Operations idp")
	e.do("PUT", "/Groups/"+ops, group("Operations", ann)).want(200)
	are("replaced", "ann Operations idp")
	e.do("DELETE", "/Groups/"+ops, "").want(204)
	are("deleted")
}

// What the store answers is what the one in memory does, which is tested by itself:
// the same requests to both, as they come.
func TestAnswersAreMemorys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rnd := rand.New(rand.NewPCG(3, 4))
	rules, err := scimserver.RulesOf(scimserver.Lenient)
	if err != nil {
		t.Fatal(err)
	}
	pair := [2]*endpoint{h.endpoint("idp", scimserver.Lenient), h.handler(scimserver.NewMemory(nil, nil), rules)}
	var made [2][]string
	pick := func() int { return rnd.IntN(max(1, len(made[0]))) }
	word := func() string { return []string{"ann", "ANN", "bob", "cyd", "dan", "Éva", "éva"}[rnd.IntN(7)] }
	id := func(i, n int) string {
		if n >= len(made[i]) {
			return "none"
		}
		return made[i][n]
	}
	request := func() func(i int) (method, path, body string) {
		a, b, name, x := pick(), pick(), word(), rnd.IntN(14)
		filters := []string{
			`userName eq "` + name + `"`, `displayName eq "` + name + `"`, `userName sw "a" and active eq true`, `title pr or userName eq "` + name + `"`,
			`emails[type eq "work" and value co "` + name + `"]`, `not (userName eq "` + name + `")`, `emails.value eq "` + name + `@x"`,
		}
		filter := filters[rnd.IntN(len(filters))]
		tail := []string{"", "&sortBy=userName", "&sortBy=title&sortOrder=descending", "&count=2", "&startIndex=2&count=2", "&count=0"}[rnd.IntN(6)]
		return func(i int) (string, string, string) {
			switch x {
			case 0, 1, 2:
				return "POST", "/Users", user(name, fmt.Sprintf(`"title":"t%d"`, a%3), `"displayName":"`+name+`"`, `"emails":[{"type":"work","value":"`+name+`@x"}]`)
			case 3:
				return "POST", "/Groups", group(name, id(i, a), id(i, b))
			case 4:
				return "PUT", "/Users/" + id(i, a), user(name, `"title":"put"`)
			case 5:
				return "PATCH", "/Users/" + id(i, a), patch(`{"op":"replace","path":"userName","value":"` + name + `"}`)
			case 6:
				return "PATCH", "/Users/" + id(i, a), patch(`{"op":"add","path":"emails[type eq \"home\"].value","value":"` + name + `@h"}`)
			case 7:
				return "PATCH", "/Groups/" + id(i, a), patch(`{"op":"add","path":"members","value":[{"value":"` + id(i, b) + `"}]}`)
			case 8:
				return "PATCH", "/Groups/" + id(i, a), patch(`{"op":"remove","path":"members[value eq \"` + id(i, b) + `\"]"}`)
			case 9:
				return "PATCH", "/Groups/" + id(i, a), patch(`{"op":"replace","path":"displayName","value":"`+name+`"}`, `{"op":"add","path":"members","value":[{"value":"`+id(i, b)+`"}]}`)
			case 10:
				return "DELETE", []string{"/Users/", "/Groups/"}[b%2] + id(i, a), ""
			case 11:
				return "GET", []string{"/Users/", "/Groups/"}[b%2] + id(i, a), ""
			case 12:
				return "GET", "/Groups?filter=" + url.QueryEscape([]string{`members eq "` + id(i, b) + `"`, `members[value eq "` + id(i, b) + `"]`, `displayName eq "` + name + `"`}[a%3]) + tail, ""
			default:
				return "GET", "/Users?filter=" + url.QueryEscape(filter) + tail, ""
			}
		}
	}
	statuses := map[int]int{}
	for n := range 3_000 {
		of := request()
		var got [2]string
		var said string
		for i, e := range pair {
			method, path, body := of(i)
			a := e.do(method, path, body)
			got[i] = fmt.Sprint(a.Code) + " " + h.plain(a.Body.String(), made[i])
			if said = method + " " + path + " " + body; i == 0 {
				statuses[a.Code]++
			}
			if method == "POST" && a.Code == 201 {
				made[i] = append(made[i], a.resource().ID())
				got[i] = fmt.Sprint(a.Code) + " " + h.plain(a.Body.String(), made[i])
			}
		}
		if got[0] != got[1] {
			t.Fatalf("request %d, %s:\n got %s\nwant %s", n, said, got[0], got[1])
		}
	}
	for _, status := range []int{200, 201, 204, 404, 409} {
		if statuses[status] < 20 {
			t.Errorf("few answers of status %d: %v", status, statuses)
		}
	}
}

var (
	metaOf   = regexp.MustCompile(`,?"meta":\{[^{}]*\}`)
	groupsOf = regexp.MustCompile(`,?"groups":\[[^\[\]]*\]`)
)

// plain is a body in which ids are numbers, members in order, and nothing is left
// that may differ.
func (h *house) plain(body string, made []string) string {
	body = groupsOf.ReplaceAllString(metaOf.ReplaceAllString(body, ""), "")
	for n, id := range made {
		body = strings.ReplaceAll(body, `"`+id+`"`, fmt.Sprintf(`"#%d"`, n))
	}
	r, err := scim.ParseResource([]byte(body), scim.Limits{})
	if err != nil {
		return body
	}
	return sorted(r.Object)
}

// sorted writes an object with its attributes and members in order.
func sorted(o scim.Object) string {
	var lines []string
	for name, v := range o.All() {
		lines = append(lines, name+"="+sortedValue(name, v))
	}
	slices.Sort(lines)
	return "{" + strings.Join(lines, " ") + "}"
}

func sortedValue(name string, v scim.Value) string {
	if o, ok := v.AsComplex(); ok {
		return sorted(o)
	}
	list, ok := v.AsList()
	if !ok {
		return v.String()
	}
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = sortedValue(name, e)
	}
	if name == "members" || name == "schemas" {
		slices.Sort(out)
	}
	return "[" + strings.Join(out, " ") + "]"
}
