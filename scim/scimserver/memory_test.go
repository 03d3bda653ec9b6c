// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// walk reads all pages by cursor and returns the userNames; between is called after
// each page.
func (s *server) walk(query string, between func(page int)) []string {
	s.Helper()
	var names []string
	cursor := ""
	for page := 0; ; page++ {
		l := s.do("GET", "/Users?"+query+"&cursor="+cursor, "").want(200, "").list()
		for _, r := range l.Resources {
			names = append(names, r.UserName())
		}
		if l.NextCursor == "" {
			return names
		}
		if strings.Trim(l.NextCursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") != "" {
			s.Fatalf("cursor %q", l.NextCursor)
		}
		cursor = l.NextCursor
		if between != nil {
			between(page)
		}
	}
}

// RFC 9865 §2: whoever is there all the time is on the pages, once.
func TestCursorsWhileOthersComeAndGo(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"count=3", "count=3&filter=" + url.QueryEscape("userName pr"), "count=3&sortBy=userName", "count=3&sortBy=userName&sortOrder=descending",
	} {
		s := newServer(t, nil)
		ids := map[string]string{}
		for i := range 40 {
			name := fmt.Sprintf("u%02d", i)
			ids[name] = s.make("/Users", user(name))
		}
		gone := map[string]bool{}
		got := s.walk(query, func(page int) {
			s.make("/Users", user(fmt.Sprint("x", page))) // comes at the end, or behind
			name := fmt.Sprintf("u%02d", page)            // goes from what was read, or what will be
			if strings.Contains(query, "sortBy") {
				name = fmt.Sprintf("u%02d", 39-page)
				if strings.Contains(query, "descending") {
					name = fmt.Sprintf("u%02d", page)
				}
			}
			if !gone[name] {
				gone[name] = true
				s.do("DELETE", "/Users/"+ids[name], "").want(204, "")
			}
		})
		seen := map[string]int{}
		for _, name := range got {
			seen[name]++
		}
		for i := range 40 {
			name := fmt.Sprintf("u%02d", i)
			if n := seen[name]; n > 1 || n == 0 && !gone[name] {
				t.Errorf("%s: %s is there %d times", query, name, n)
			}
		}
	}
}

// A cursor opens its own query only, tells nothing, and cannot be made up (RFC 9865 §5).
func TestCursorsAreBound(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for i := range 5 {
		s.make("/Users", user(fmt.Sprint("secret-name-", i)))
		s.make("/Groups", group(fmt.Sprint("g", i)))
	}
	filter := "filter=" + url.QueryEscape(`userName sw "secret"`)
	cursor := s.do("GET", "/Users?count=2&cursor&"+filter, "").list().NextCursor
	s.do("GET", "/Users?count=2&cursor="+cursor+"&"+filter, "").want(200, "")
	s.do("GET", "/Users?count=2&cursor="+cursor, "").want(400, "invalidCursor")
	s.do("GET", "/Groups?count=2&cursor="+cursor, "").want(400, "invalidCursor")
	if len(cursor) > 60 {
		t.Errorf("a cursor of %d bytes says more than a place", len(cursor))
	}
	for i := range cursor {
		c := byte('A')
		if cursor[i] == c {
			c = 'Z'
		}
		bent := cursor[:i] + string(c) + cursor[i+1:]
		if got := s.do("GET", "/Users?count=2&cursor="+bent+"&"+filter, ""); got.Code != 400 && i < len(cursor)-1 {
			t.Errorf("bent at %d it is %d", i, got.Code)
		}
	}
	other := newServer(t, nil)
	other.do("GET", "/Users?count=2&cursor="+cursor+"&"+filter, "").want(400, "invalidCursor")
}

// What the indexes find is what a look at each resource finds, in the same order.
func TestIndexesFindWhatFiltersMatch(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	s := newServer(t, func(c *scimserver.Config) { c.Rules.FilterValuePathSub = true })
	names := []string{"ann", "ANN2", "Straße", "bob", "\u212aim", "kim2", "éva"}
	var ids []string
	for i := range 60 {
		name := names[rnd.IntN(len(names))]
		ids = append(ids, s.make("/Users", user(fmt.Sprint(name, i), `"displayName":"`+name+`"`, fmt.Sprintf(`"externalId":"e%d"`, i%7),
			fmt.Sprintf(`"emails":[{"value":"%s@x","type":"work"},{"value":"m%d@x","type":"home"}]`, name, i%5))))
	}
	for i, id := range ids { // some go, some change
		switch i % 6 {
		case 0:
			s.do("DELETE", "/Users/"+id, "").want(204, "")
		case 1:
			s.do("PATCH", "/Users/"+id, patch(`{"op":"replace","path":"displayName","value":"kim"}`, `{"op":"remove","path":"emails[type eq \"home\"]"}`)).want(200, "")
		}
	}
	all, err := s.store.List(t.Context(), "User", scimserver.Query{StartIndex: 1, Count: 1000})
	if err != nil || all.Total != 50 {
		t.Fatal(err, all.Total)
	}
	var terms []string
	for _, n := range append(names, "Kim", "STRASSE", "m3@X", "KIM@x", "e3", "E3", ids[4], "none") {
		for _, attr := range []string{"displayName", "userName", "externalId", "emails", "emails.value", "id", scim.UserURN + ":displayName"} {
			terms = append(terms, attr+` eq "`+n+`"`)
		}
		terms = append(terms, `emails[value eq "`+n+`" and type eq "home"]`, `emails[type eq "work"].value eq "`+n+`"`)
	}
	queries := slices.Clone(terms)
	for range 200 {
		a, b := terms[rnd.IntN(len(terms))], terms[rnd.IntN(len(terms))]
		queries = append(queries, a+" or "+b, a+" and "+b, "not ("+a+") and "+b, a+` or title pr`, a+` and active eq true or `+b)
	}
	hits := 0
	for _, text := range queries {
		f, err := scim.ParseFilter(text, scim.FilterLimits{})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, r := range all.Resources {
			if scim.CoreSchemas().Match(scim.UserURN, f, r) {
				want = append(want, r.ID())
			}
		}
		var got []string
		l := s.do("GET", "/Users?count=1000&filter="+url.QueryEscape(text), "").want(200, "").list()
		for _, r := range l.Resources {
			got = append(got, r.ID())
		}
		if !slices.Equal(got, want) || l.TotalResults != len(want) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
		hits += len(want)
	}
	if hits < 100 {
		t.Errorf("%d hits: the filters select nobody", hits)
	}
}

// plainStore hides that a Memory knows of members.
type plainStore struct{ scimserver.Store }

// Members end the same whether they are changed in the store or by Patch.Apply.
func TestMembersEndTheSame(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	rules := scimserver.Rules{PatchRules: scim.PatchRules{RemoveWithValueArray: true}}
	quick := newServer(t, func(c *scimserver.Config) { c.Rules = rules })
	plain := newServer(t, func(c *scimserver.Config) { c.Rules, c.Store = rules, plainStore{c.Store} })
	for _, s := range []*server{quick, plain} {
		s.make("/Groups", group("g"))
	}
	some := func() string {
		var list []string
		for range 1 + rnd.IntN(4) {
			list = append(list, fmt.Sprintf(`{"value":"%d"}`, rnd.IntN(20)))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	for i := range 400 {
		var ops []string
		for range 1 + rnd.IntN(4) {
			switch rnd.IntN(8) {
			case 0, 1, 2:
				ops = append(ops, `{"op":"add","path":"members","value":`+some()+`}`)
			case 3, 4:
				ops = append(ops, fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%d\"]"}`, rnd.IntN(20)))
			case 5:
				ops = append(ops, `{"op":"remove","path":"members","value":`+some()+`}`)
			case 6:
				ops = append(ops, `{"op":"replace","path":"members","value":`+some()+`}`)
			default:
				ops = append(ops, `{"op":"replace","path":"displayName","value":"`+fmt.Sprint("g", rnd.IntN(3))+`"}`)
			}
		}
		a, b := quick.do("PATCH", "/Groups/1", patch(ops...)), plain.do("PATCH", "/Groups/1", patch(ops...))
		if a.Code != 200 || b.Code != 200 || membersOf(a) != membersOf(b) || a.at("displayName") != b.at("displayName") {
			t.Fatalf("%d: %v\ngot  %s\nwant %s", i, ops, a.Body, b.Body)
		}
		if a.Header().Get("ETag") != b.Header().Get("ETag") {
			t.Fatalf("%d: %v: versions %s and %s", i, ops, a.Header().Get("ETag"), b.Header().Get("ETag"))
		}
		if a, b := quick.do("GET", "/Groups/1", ""), plain.do("GET", "/Groups/1", ""); membersOf(a) != membersOf(b) {
			t.Fatalf("%d: %v\nread %s\nwant %s", i, ops, a.Body, b.Body)
		}
		member := fmt.Sprint(rnd.IntN(20))
		f := "/Groups?filter=" + url.QueryEscape(`members eq "`+member+`"`)
		if got, want := quick.do("GET", f, "").list().TotalResults, strings.Contains(membersOf(a), `"`+member+`"`); (got == 1) != want {
			t.Fatalf("%d: %d groups have %s, which is there: %v", i, got, member, want)
		}
	}
}

func membersOf(a answer) string { return a.at("members.value") }

// A resource that was handed out never changes.
func TestHandedOutResourcesStay(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	m := scimserver.NewMemory(nil, nil)
	g := scim.NewResource(scim.GroupURN)
	g.Set("displayName", scim.String("g"))
	made, err := m.Create(ctx, "Group", g)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	type kept struct {
		r    *scim.Resource
		text string
	}
	var all []kept
	for range 2000 {
		var c scimserver.MemberChange
		id := fmt.Sprint(rnd.IntN(200))
		if rnd.IntN(3) > 0 {
			var o scim.Object
			o.Set("value", scim.String(id))
			c.Add = []scim.Value{scim.Complex(o)}
		} else {
			c.Remove = []string{id}
		}
		if _, err := m.ChangeMembers(ctx, "Group", made.ID(), c); err != nil {
			t.Fatal(err)
		}
		if rnd.IntN(4) == 0 {
			r, err := m.Get(ctx, "Group", made.ID())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, kept{r, r.String()})
		}
	}
	for i, k := range all {
		if k.r.String() != k.text {
			t.Fatalf("the %dth has changed", i)
		}
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	a := s.make("/Users", user("ann"))
	g := s.make("/Groups", group("g", a))
	before := s.store.Snapshot()
	tag := s.do("GET", "/Users/"+a, "").Header().Get("ETag")
	s.do("PATCH", "/Users/"+a, patch(`{"op":"add","path":"title","value":"x"}`)).want(200, "")
	s.do("PATCH", "/Groups/"+g, patch(`{"op":"remove","path":"members"}`)).want(200, "")
	b := s.make("/Users", user("bob"))
	s.store.Restore(before)
	if got := s.do("GET", "/Users/"+a, ""); got.at("title") != "" || got.Header().Get("ETag") != tag {
		t.Errorf("%s", got.Body)
	}
	if got := membersOf(s.do("GET", "/Groups/"+g, "")); got != `["`+a+`"]` {
		t.Errorf("members %s", got)
	}
	s.do("GET", "/Users/"+b, "").want(404, "")
	if got := s.do("GET", "/Users?filter="+url.QueryEscape(`userName eq "bob"`), "").list().TotalResults; got != 0 {
		t.Errorf("%d of bob are found", got)
	}
	if again := s.make("/Users", user("bob")); again == b {
		t.Error("an id is given twice")
	}
	s.do("POST", "/Users", user("Ann")).want(409, "uniqueness")
}

// failing is a store that fails.
type failing struct{ scimserver.Store }

func (failing) Get(context.Context, string, string) (*scim.Resource, error) {
	return nil, errors.New("disk on fire at /dev/secret")
}

// RFC 7644 §3.12: what fails inside is told to its owner, and not to clients.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	var told error
	s := newServer(t, func(c *scimserver.Config) {
		c.Store = failing{c.Store}
		c.Failed = func(_ context.Context, err error) { told = err }
	})
	got := s.do("GET", "/Users/1", "").want(500, "")
	if strings.Contains(got.Body.String(), "secret") || told == nil {
		t.Errorf("%s, %v", got.Body, told)
	}
}

// A PATCH of members alone is answered without them when they are many (RFC 7644
// §3.5.2).
func TestBigGroup(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *scimserver.Config) { c.Limits.Members = 3 })
	g := "/Groups/" + s.make("/Groups", group("g", "a", "b"))
	add := func(id string) string { return patch(`{"op":"add","path":"members","value":[{"value":"` + id + `"}]}`) }
	if got := s.do("PATCH", g, add("c")).want(200, ""); membersOf(got) != `["a","b","c"]` {
		t.Errorf("%s", got.Body)
	}
	got := s.do("PATCH", g, add("d")).want(204, "")
	if got.Body.Len() > 0 || got.Header().Get("ETag") == "" {
		t.Errorf("%q, %v", got.Body, got.Header())
	}
	if got := s.do("PATCH", g+"?attributes=members", add("e")).want(200, ""); membersOf(got) != `["a","b","c","d","e"]` {
		t.Errorf("%s", got.Body)
	}
	if got := s.do("PATCH", g, patch(`{"op":"replace","path":"displayName","value":"h"}`)).want(200, ""); membersOf(got) != `["a","b","c","d","e"]` {
		t.Errorf("%s", got.Body)
	}
}
