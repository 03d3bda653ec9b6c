// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/scim"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	work := scim.Eq(scim.Path{Attr: "type"}, "work")
	for text, want := range map[string]scim.Path{
		"userName":                                        {Attr: "userName"},
		"$ref":                                            {Attr: "$ref"},
		"name.givenName":                                  {Attr: "name", Sub: "givenName"},
		"members.$ref":                                    {Attr: "members", Sub: "$ref"},
		`emails[type eq "work"]`:                          {Attr: "emails", Filter: work},
		`emails[type eq "work"].value`:                    {Attr: "emails", Filter: work, Sub: "value"},
		scim.EnterpriseUserURN:                            {URN: scim.EnterpriseUserURN},
		scim.UserURN + ":userName":                        {URN: scim.UserURN, Attr: "userName"},
		scim.UserURN + ":name.givenName":                  {URN: scim.UserURN, Attr: "name", Sub: "givenName"},
		scim.EnterpriseUserURN + ":department":            {URN: scim.EnterpriseUserURN, Attr: "department"},
		scim.EnterpriseUserURN + ":manager.value":         {URN: scim.EnterpriseUserURN, Attr: "manager", Sub: "value"},
		scim.UserURN + `:emails[type eq "work"].value`:    {URN: scim.UserURN, Attr: "emails", Filter: work, Sub: "value"},
		"urn:scim:schemas:extension:enterprise:1.0":       {URN: "urn:scim:schemas:extension:enterprise:1.0"},
		"urn:scim:schemas:extension:enterprise:1.0:title": {URN: "urn:scim:schemas:extension:enterprise:1.0", Attr: "title"},
		"urn:example:thing":                               {URN: "urn:example:thing"},
		"urn:example:thing:size":                          {URN: "urn:example:thing", Attr: "size"},
	} {
		got, err := scim.ParsePath(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if !got.Equal(want) {
			t.Errorf("%s: %+v", text, got)
		}
		if got.String() != text {
			t.Errorf("%s: printed as %s", text, got)
		}
	}
}

func TestParsePathRefuses(t *testing.T) {
	t.Parallel()
	for text, offset := range map[string]int{
		"": 0, " userName": 0, "userName ": 8, "emails[0]": 7, "emails[": 7, "emails[]": 7, "emails[type eq": 14,
		`emails[type eq "work"`: 21, `emails[type eq "work"]value`: 22, "a.b.c": 3, "a..b": 2, "a.": 2, ".a": 0,
		"1a": 0, "a b": 1, "$": 0, "urn:": 0, "urn:x": 0, "urn:a:b:": 0, `name.given[a eq "b"]`: 10,
		`emails[a.b eq 1]`: 7, `emails[a[b eq 1]]`: 7, scim.UserURN + ".name": 0, scim.UserURN + `[a eq 1]`: 0,
		"http://example.com/x": 4,
	} {
		p, err := scim.ParsePath(text)
		var s *scim.SyntaxError
		if !errors.As(err, &s) {
			t.Errorf("%q: accepted as %+v", text, p)
			continue
		}
		if s.Offset != offset {
			t.Errorf("%q: offset %d, want %d (%v)", text, s.Offset, offset, err)
		}
		if e := scim.ErrorOf(err); e.Status != 400 || e.ScimType != scim.InvalidPath {
			t.Errorf("%q: answered with %v", text, e)
		}
	}
}

func TestSchemaSetParsePath(t *testing.T) {
	t.Parallel()
	set, err := scim.CoreSchemas().With(scim.Schema{ID: "urn:acme:hr", Attributes: []scim.Attribute{{Name: "badge"}}})
	if err != nil {
		t.Fatal(err)
	}
	set, err = set.With(scim.Schema{ID: "urn:acme:hr:extra", Attributes: []scim.Attribute{{Name: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]scim.Path{
		"enterprise.department":    {URN: scim.EnterpriseUserURN, Attr: "department"},
		"Enterprise.manager.value": {URN: scim.EnterpriseUserURN, Attr: "manager", Sub: "value"},
		"usher.startDate":          {URN: scim.UsherUserURN, Attr: "startDate"},
		"usher":                    {URN: scim.UsherUserURN},
		"name.givenName":           {Attr: "name", Sub: "givenName"},
		"urn:acme:hr:badge":        {URN: "urn:acme:hr", Attr: "badge"},
		"urn:acme:hr":              {URN: "urn:acme:hr"},
	} {
		if got, err := set.ParsePath(text); err != nil || !got.Equal(want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// names draws attribute names, among them the words of the grammar.
func names() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z][a-zA-Z0-9_$-]{0,8}`),
		rapid.SampledFrom([]string{"$ref", "not", "and", "or", "pr", "eq", "urn", "true", "null"}),
	)
}

func urns() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "", scim.UserURN, scim.EnterpriseUserURN, scim.UsherUserURN, "urn:acme:x"}),
		rapid.StringMatching(`urn:[a-z]{1,5}:[a-z]{1,5}(:[a-z]{1,5}){0,3}`),
	)
}

func operands() *rapid.Generator[scim.Value] {
	return rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) scim.Value {
			// NUL is not to be had in a SCIM string.
			out := []rune{}
			for _, r := range s {
				if r != 0 {
					out = append(out, r)
				}
			}
			return scim.String(string(out))
		}),
		rapid.Map(rapid.Int64(), scim.Integer),
		rapid.Map(rapid.Float64(), scim.Decimal),
		rapid.Map(rapid.Bool(), scim.Bool),
		rapid.Just(scim.Null()),
	)
}

func ops() *rapid.Generator[scim.Op] {
	return rapid.SampledFrom([]scim.Op{scim.OpEq, scim.OpNe, scim.OpCo, scim.OpSw, scim.OpEw, scim.OpGt, scim.OpGe, scim.OpLt, scim.OpLe})
}

// filters draws trees; inner ones stand in square brackets.
func filters(depth int, inner bool) *rapid.Generator[scim.Filter] {
	return rapid.Custom(func(t *rapid.T) scim.Filter {
		kinds := 2
		if depth > 0 {
			kinds = 6
		}
		if inner && kinds > 5 {
			kinds = 5
		}
		p := scim.Path{Attr: names().Draw(t, "attr")}
		if !inner {
			p = pathWith(depth, false).Draw(t, "path")
		}
		terms := func() []scim.Filter {
			return rapid.SliceOfN(filters(depth-1, inner), 2, 3).Draw(t, "terms")
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			if p.Filter != nil && p.Sub == "" {
				p.Filter = nil
			}
			return &scim.Compare{Path: p, Op: ops().Draw(t, "op"), Value: operands().Draw(t, "value")}
		case 1:
			if p.Filter != nil && p.Sub == "" {
				p.Filter = nil
			}
			return &scim.Present{Path: p}
		case 2:
			return &scim.And{Terms: terms()}
		case 3:
			return &scim.Or{Terms: terms()}
		case 4:
			return &scim.Not{Term: filters(depth-1, inner).Draw(t, "term")}
		}
		return &scim.ValuePath{Path: scim.Path{URN: p.URN, Attr: p.Attr}, Filter: filters(depth-1, true).Draw(t, "inner")}
	})
}

func pathWith(depth int, bare bool) *rapid.Generator[scim.Path] {
	return rapid.Custom(func(t *rapid.T) scim.Path {
		p := scim.Path{URN: urns().Draw(t, "urn"), Attr: names().Draw(t, "attr")}
		if bare && rapid.Bool().Draw(t, "bare") {
			return scim.Path{URN: scim.EnterpriseUserURN}
		}
		if depth > 0 && rapid.IntRange(0, 3).Draw(t, "filter") == 0 {
			p.Filter = filters(depth-1, true).Draw(t, "filter")
		}
		if rapid.Bool().Draw(t, "hasSub") {
			p.Sub = names().Draw(t, "sub")
		}
		return p
	})
}

func TestPathPrintsAsItParses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := pathWith(2, true).Draw(t, "path")
		got, err := scim.ParsePath(p.String())
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		if got.URN != p.URN || got.Attr != p.Attr || got.Sub != p.Sub || !sameTree(got.Filter, p.Filter) {
			t.Fatalf("%s came back as %s", p, got)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{
		"userName", "name.givenName", `emails[type eq "work" and not (value co "x")].value`, "$ref", "urn:a:b:c.d",
		scim.EnterpriseUserURN, scim.EnterpriseUserURN + ":manager.value", "emails[0]", "a[b pr", "urn:", "urn:::1.0:x",
	} {
		f.Add(s)
	}
	f.Add(`roles[primary eq "True"].value`)
	f.Add(scim.EnterpriseUserURN + `:manager[value eq "id"]`)
	f.Add("urn:scim:schemas:extension:enterprise:1.0:department")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := scim.ParsePath(s)
		if err != nil {
			return
		}
		q, err := scim.ParsePath(p.String())
		if err != nil {
			t.Fatalf("%q printed as %q: %v", s, p, err)
		}
		if !p.Equal(q) || p.String() != q.String() {
			t.Fatalf("%q: %q, then %q", s, p, q)
		}
	})
}
