// SPDX-License-Identifier: Apache-2.0

package scimin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/scimin"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// words are values and operands alike: what differs in letter case alone, what is
// part of another, what would end a text of SQL or a path of JSON.
func words() []string {
	return []string{
		"ann", "Ann", "ANN", "anna", "nn", "ß", "SS", "ſ", "K", "k", "K", "İ", "é", "É", "日本", "𝔘", "",
		`'`, `"`, `\`, `%`, `_`, `'; DROP TABLE pushed; --`, `$."x"`, "a\tb", "\u0001", "x\n", "null", "true", "1", "1.0", "[]", "{}",
		"2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2025-12-31T23:59:59.9999999Z", "work", "home", "direct",
	}
}

func word(t *rapid.T, label string) string { return rapid.SampledFrom(words()).Draw(t, label) }

// person draws a User as it may be stored.
func person(t *rapid.T, i int) *scim.Resource {
	r := scim.NewResource(scim.UserURN)
	r.Set("userName", scim.String(fmt.Sprintf("%s%d", word(t, "userName"), i)))
	text := func(path string) {
		if w := word(t, path); w != "" && rapid.IntRange(0, 2).Draw(t, "has") > 0 {
			if err := r.Put(scim.MustPath(path), scim.String(w)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, path := range []string{
		"externalId", "password", "title", "name.givenName", "name.familyName", "profileUrl",
		scim.EnterpriseUserURN + ":department", scim.EnterpriseUserURN + ":manager.value", scim.EnterpriseUserURN + ":manager.displayName",
	} {
		text(path)
	}
	if at := rapid.SampledFrom([]string{"", "true", "false"}).Draw(t, "active"); at != "" {
		r.SetActive(at == "true")
	}
	if at := rapid.SampledFrom([]string{"", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2027-01-01T00:00:00.5Z"}).Draw(t, "endDate"); at != "" {
		if err := r.Put(scimin.EndDate, scim.String(at)); err != nil {
			t.Fatal(err)
		}
	}
	var emails []scim.Value
	for range rapid.IntRange(0, 3).Draw(t, "emails") {
		var o scim.Object
		for _, name := range []string{"value", "type", "display"} {
			if w := word(t, name); w != "" {
				o.Set(name, scim.String(w))
			}
		}
		if len(emails) == 0 && rapid.Bool().Draw(t, "primary") {
			o.Set("primary", scim.Bool(rapid.Bool().Draw(t, "is primary")))
		}
		if o.Len() > 0 {
			emails = append(emails, scim.Complex(o))
		}
	}
	if len(emails) > 0 {
		r.Set("emails", scim.List(emails...))
	}
	return r
}

func operand(t *rapid.T, ids []string) scim.Value {
	switch rapid.IntRange(0, 9).Draw(t, "operand") {
	case 0:
		return scim.Null()
	case 1:
		return scim.Bool(rapid.Bool().Draw(t, "is"))
	case 2:
		return scim.Integer(rapid.Int64Range(-2, 2).Draw(t, "integer"))
	case 3:
		return scim.Decimal(rapid.SampledFrom([]float64{0, 1, -1, 1.5}).Draw(t, "decimal"))
	case 4:
		return scim.String(rapid.SampledFrom(append(ids, `W/"1"`, `W/"2"`)).Draw(t, "id"))
	}
	return scim.String(word(t, "word"))
}

var operators = []scim.Op{scim.OpEq, scim.OpNe, scim.OpCo, scim.OpSw, scim.OpEw, scim.OpGt, scim.OpGe, scim.OpLt, scim.OpLe}

// filter draws a filter: also ones that a service provider would refuse, which Match
// takes all the same.
func filter(t *rapid.T, paths, inner []string, ids []string, deep int) scim.Filter {
	again := func() scim.Filter { return filter(t, paths, inner, ids, deep-1) }
	terms := func() []scim.Filter {
		out := make([]scim.Filter, rapid.IntRange(1, 3).Draw(t, "terms"))
		for i := range out {
			out[i] = again()
		}
		return out
	}
	path := func() scim.Path { return scim.MustPath(rapid.SampledFrom(paths).Draw(t, "path")) }
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	if deep == 0 {
		kind = max(kind, 3)
	}
	switch kind {
	case 0:
		return &scim.And{Terms: terms()}
	case 1:
		return &scim.Or{Terms: terms()}
	case 2:
		return &scim.Not{Term: again()}
	case 3:
		return &scim.Present{Path: path()}
	case 4, 5:
		if len(inner) == 0 {
			return &scim.Present{Path: path()}
		}
		p := scim.Path{Attr: rapid.SampledFrom([]string{"emails", "name", "groups", "members", "meta"}).Draw(t, "complex")}
		within := filter(t, inner, nil, ids, min(deep, 1))
		switch p.Filter = within; rapid.IntRange(0, 2).Draw(t, "after the brackets") {
		case 0:
			p.Sub = rapid.SampledFrom([]string{"value", "type", "primary", "givenName"}).Draw(t, "sub")
			return &scim.Compare{Path: p, Op: rapid.SampledFrom(operators).Draw(t, "op"), Value: operand(t, ids)}
		case 1:
			return &scim.Present{Path: p}
		}
		p.Filter = nil
		return &scim.ValuePath{Path: p, Filter: within}
	}
	return &scim.Compare{Path: path(), Op: rapid.SampledFrom(operators).Draw(t, "op"), Value: operand(t, ids)}
}

// provider is what a house's endpoint stores by, without the endpoint.
func (h *house) provider(source string) *scimin.Provider {
	h.Helper()
	p, err := scimin.New(scimin.Config{
		Source: source, Store: h.db.Pushed(), Directory: h.dir, Schemas: scim.CoreSchemas(), Mapping: h.m,
		Cursors: scimserver.CursorKey("test"), Changed: func() {}, Rejected: func(string, error) {},
	})
	if err != nil {
		h.Fatal(err)
	}
	return p
}

// crowd draws Users, and Groups of some of them, and returns the ids of all.
func crowd(ctx context.Context, t *rapid.T, p *scimin.Provider) []string {
	var ids []string
	create := func(typ string, r *scim.Resource) {
		made, err := p.Create(ctx, typ, r)
		if taken := new(scimserver.UniquenessError); errors.As(err, &taken) {
			return // another one has the same externalId
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Get(ctx, typ, made.ID()); err != nil || got.String() != made.String() {
			t.Fatalf("%v, %v is there, and was told to be %v", err, got, made)
		}
		ids = append(ids, made.ID())
	}
	for i := range rapid.IntRange(1, 6).Draw(t, "people") {
		create("User", person(t, i))
	}
	everybody := slices.Clone(ids)
	for range rapid.IntRange(0, 3).Draw(t, "groups") {
		g := scim.NewResource(scim.GroupURN)
		g.Set("displayName", scim.String(word(t, "displayName")+"s"))
		var members []scim.Value
		for _, id := range everybody {
			if rapid.Bool().Draw(t, "is in") {
				var o scim.Object
				o.Set("value", scim.String(id))
				o.Set("display", scim.String(word(t, "display")))
				members = append(members, scim.Complex(o))
			}
		}
		if len(members) > 0 {
			g.Set("members", scim.List(members...))
		}
		create("Group", g)
	}
	return ids
}

// TestFilters asks for random resources by random filters and orders: who comes is
// who matches, whatever of it the store tells and whatever is looked at one by one.
func TestFilters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		p := h.provider(fmt.Sprint("idp", round)) // each sees its own alone
		ids := crowd(ctx, t, p)
		for range 12 {
			typ := rapid.SampledFrom([]string{"User", "User", "Group"}).Draw(t, "type")
			agree(ctx, t, p, typ, ids)
		}
	})
}

// agree asks for a page in both ways.
func agree(ctx context.Context, t *rapid.T, p *scimin.Provider, typ string, ids []string) {
	schema := scim.UserURN
	paths := []string{
		"userName", "USERNAME", "externalId", "id", "title", "name", "name.givenName", "name.FamilyName", "emails", "emails.value", "emails.primary", "emails.type",
		"active", "meta", "meta.created", "meta.lastModified", "meta.version", "groups", "groups.value", "groups.display", "profileUrl", "schemas", "unknown", "members",
		scim.EnterpriseUserURN + ":department", scim.EnterpriseUserURN + ":manager", scim.EnterpriseUserURN + ":manager.value", scim.UsherUserURN + ":endDate",
		scim.UserURN + ":userName", scim.GroupURN + ":displayName",
	}
	if typ == "Group" {
		schema = scim.GroupURN
		paths = []string{"displayName", "id", "externalId", "members", "members.value", "members.display", "members.primary", "meta.version", "userName", scim.GroupURN + ":displayName"}
	}
	q := scimserver.Query{StartIndex: rapid.IntRange(1, 3).Draw(t, "startIndex"), Count: rapid.IntRange(0, 9).Draw(t, "count")}
	if rapid.IntRange(0, 9).Draw(t, "filtered") > 0 {
		q.Filter = filter(t, paths, []string{"value", "type", "display", "primary", "givenName", "created", "nothing"}, ids, 2)
	}
	if rapid.IntRange(0, 2).Draw(t, "sorted") == 0 {
		q.SortBy = scim.MustPath(rapid.SampledFrom([]string{
			"userName", "displayName", "id", "externalId", "title", "active", "name.familyName", "meta.created", "meta.lastModified", "emails.value", "profileUrl",
			scim.EnterpriseUserURN + ":department", scim.UsherUserURN + ":endDate",
		}).Draw(t, "sortBy"))
		q.Descending = rapid.Bool().Draw(t, "descending")
	}
	all, err := p.List(ctx, typ, scimserver.Query{StartIndex: 1, Count: 1000})
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.List(ctx, typ, q)
	if err != nil {
		t.Fatalf("%s %v: %v", typ, q.Filter, err)
	}
	want := scimserver.Select(scim.CoreSchemas(), schema, all.Resources, q)
	if fmt.Sprint(got.Total, got.Resources) != fmt.Sprint(want.Total, want.Resources) {
		t.Fatalf("%s %v by %v %v from %d:\n%d %v, want\n%d %v", typ, q.Filter, q.SortBy, q.Descending, q.StartIndex, got.Total, got.Resources, want.Total, want.Resources)
	}
	if q.Count == 0 {
		return
	}
	want = scimserver.Select(scim.CoreSchemas(), schema, all.Resources, scimserver.Query{Filter: q.Filter, SortBy: q.SortBy, Descending: q.Descending, StartIndex: 1, Count: 1000})
	var walked []*scim.Resource
	for cursor, more := "", true; more; more = cursor != "" {
		page, err := p.Walk(ctx, typ, q, cursor)
		if err != nil {
			t.Fatal(err)
		}
		walked, cursor = append(walked, page.Resources...), page.NextCursor
	}
	if fmt.Sprint(walked) != fmt.Sprint(want.Resources) {
		t.Fatalf("%s %v by %v: walked\n%v, want\n%v", typ, q.Filter, q.SortBy, walked, want.Resources)
	}
}

// TestQueryTakesTooLong: what would keep others from reading is refused.
func TestQueryTakesTooLong(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.provider("idp")
	for _, name := range []string{"ann", "bob"} {
		u := scim.NewResource(scim.UserURN)
		u.Set("userName", scim.String(name))
		if _, err := p.Create(t.Context(), "User", u); err != nil {
			t.Fatal(err)
		}
	}
	p.Hurry(time.Nanosecond)
	ask := func(filter string) (scimserver.Page, error) {
		f, err := scim.ParseFilter(filter, scim.FilterLimits{})
		if err != nil {
			t.Fatal(err)
		}
		return p.List(t.Context(), "User", scimserver.Query{Filter: f, StartIndex: 1, Count: 10})
	}
	if _, err := ask(`title co "x"`); scim.ErrorOf(err) == nil || scim.ErrorOf(err).ScimType != scim.TooMany {
		t.Errorf("a look at everybody: %v", err)
	}
	p.Hurry(time.Minute)
	if page, err := ask(`userName eq "BOB"`); err != nil || page.Total != 1 {
		t.Errorf("by an index: %+v, %v", page, err)
	}
	if page, err := ask(`userName co "N"`); err != nil || page.Total != 1 {
		t.Errorf("in time: %+v, %v", page, err)
	}
}

// FuzzFilterText sends whatever somebody may send as a filter: it is answered, or
// refused as a mistake of theirs, and finds none but those who match.
func FuzzFilterText(f *testing.F) {
	for _, s := range []string{
		`userName eq "a' OR '1'='1"`, `title co "\"; DROP TABLE pushed; --"`, `name.givenName sw "$.\"x\""`, `emails[value ew "%"]`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department ge "?1"`, `not (meta.created gt "2026-01-01T00:00:00Z")`,
		`x' OR 1=1 -- eq "1"`, `groups.value eq "x" or active ne false`, `emails[type eq "work" and not (value pr)].value pr`,
	} {
		f.Add(s)
	}
	h := newHouse(f)
	p := h.provider("idp")
	for i, w := range []string{"a", "'", `"`} {
		u := scim.NewResource(scim.UserURN)
		u.Set("userName", scim.String(w))
		u.Set("title", scim.String(strings.Repeat(w, i)))
		if _, err := p.Create(f.Context(), "User", u); err != nil {
			f.Fatal(err)
		}
	}
	all, err := p.List(f.Context(), "User", scimserver.Query{StartIndex: 1, Count: 10})
	if err != nil || all.Total != 3 {
		f.Fatal(all.Total, err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rules := scim.FilterRules{ExtraBlanks: true, ValuePathSub: true, StringBooleans: true, IgnoreUnknown: true}
		parsed, err := rules.Parse(scim.CoreSchemas(), scim.UserURN, text, scim.FilterLimits{})
		if err != nil {
			return
		}
		q := scimserver.Query{Filter: parsed, StartIndex: 1, Count: 10}
		got, err := p.List(t.Context(), "User", q)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want := scimserver.Select(scim.CoreSchemas(), scim.UserURN, all.Resources, q)
		if fmt.Sprint(got.Total, got.Resources) != fmt.Sprint(want.Total, want.Resources) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
		if n, err := count(t.Context(), h); err != nil || n != 3 {
			t.Fatalf("%s: %d are left, %v", text, n, err)
		}
	})
}

func count(ctx context.Context, h *house) (n int, err error) {
	err = h.db.Pushed().View(ctx, func(tx source.PushTx) error {
		n, err = tx.PushedCount(ctx, "idp", "User")
		return err
	})
	return n, err
}
