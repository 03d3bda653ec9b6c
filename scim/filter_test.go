// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/scim"
)

// sameTree compares filters node by node, letter by letter.
func sameTree(f, g scim.Filter) bool {
	all := func(a, b []scim.Filter) bool {
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameTree(a[i], b[i]) {
				return false
			}
		}
		return true
	}
	samePath := func(p, q scim.Path) bool {
		return p.URN == q.URN && p.Attr == q.Attr && p.Sub == q.Sub && sameTree(p.Filter, q.Filter)
	}
	switch f := f.(type) {
	case nil:
		return g == nil
	case *scim.Compare:
		h, ok := g.(*scim.Compare)
		return ok && samePath(f.Path, h.Path) && f.Op == h.Op && f.Value.Equal(h.Value)
	case *scim.Present:
		h, ok := g.(*scim.Present)
		return ok && samePath(f.Path, h.Path)
	case *scim.And:
		h, ok := g.(*scim.And)
		return ok && all(f.Terms, h.Terms)
	case *scim.Or:
		h, ok := g.(*scim.Or)
		return ok && all(f.Terms, h.Terms)
	case *scim.Not:
		h, ok := g.(*scim.Not)
		return ok && sameTree(f.Term, h.Term)
	case *scim.ValuePath:
		h, ok := g.(*scim.ValuePath)
		return ok && samePath(f.Path, h.Path) && sameTree(f.Filter, h.Filter)
	}
	return false
}

func TestFilterPrintsAsItParses(t *testing.T) {
	t.Parallel()
	lim := scim.FilterLimits{MaxBytes: -1, MaxDepth: 100, MaxTerms: -1}
	rapid.Check(t, func(t *rapid.T) {
		f := filters(3, false).Draw(t, "filter")
		got, err := scim.ParseFilter(f.String(), lim)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if !sameTree(f, got) {
			t.Fatalf("%s came back as %s", f, got)
		}
	})
}

func TestParseFilter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`userName eq "bjensen"`:   `userName eq "bjensen"`,
		`UserName EQ "x"`:         `UserName eq "x"`,
		`a pr AND b pr Or c pr`:   `a pr and b pr or c pr`,
		`a pr or b pr and c pr`:   `a pr or b pr and c pr`,
		`(a pr or b pr) and c pr`: `(a pr or b pr) and c pr`,
		`((a pr))`:                `a pr`,
		`not(a pr)`:               `not (a pr)`,
		`Not (a pr) and b pr`:     `not (a pr) and b pr`,
		`not eq "x"`:              `not eq "x"`,
		`notes eq "x"`:            `notes eq "x"`,

		`emails[type eq "work" and value co "@x"]`:        `emails[type eq "work" and value co "@x"]`,
		`emails[ (type eq "a" or type eq "b") and x pr ]`: `emails[(type eq "a" or type eq "b") and x pr]`,
		`emails[type eq "work"].value eq "x"`:             `emails[type eq "work"].value eq "x"`,
		`emails[type eq "work"].value pr`:                 `emails[type eq "work"].value pr`,
		`$ref eq "x"`:                                     `$ref eq "x"`,
		`a  eq   "x"   and   b pr `:                       `a eq "x" and b pr`,
		`a eq "q\"\u00e9\\"`:                              `a eq "q\"é\\"`,
		`a eq 1.5e3`:                                      `a eq 1500.0`,
		`a eq null or b eq true or c eq false`:            `a eq null or b eq true or c eq false`,
		scim.UserURN + `:userName sw "J"`:                 scim.UserURN + `:userName sw "J"`,
	} {
		f, err := scim.ParseFilter(text, scim.FilterLimits{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if f.String() != want {
			t.Errorf("%s: printed as %s", text, f)
		}
	}
}

func TestParseFilterRefuses(t *testing.T) {
	t.Parallel()
	for text, offset := range map[string]int{
		"": 0, " ": 1, "userName": 8, `eq "x"`: 3, `userName eq`: 11, `userName eq "x`: 12, `userName eq x`: 12,
		`userName regex "x"`: 9, `userName eq "x" and`: 16, `userName eq "x"and b pr`: 15, `(a pr`: 5, `a pr)`: 4,
		`a[b pr`: 6, `a[b pr].c`: 9, `a eq {}`: 5, `a eq []`: 5, `a eq User`: 5, `a eq True`: 5,
		"a\teq 1": 1, `not a pr`: 4, `a eq "\ud800"`: 6, `a eq "x" "y"`: 9, `a eq 1x`: 6, `a[]`: 2, `a.b[c pr]`: 3,
		scim.UserURN + " pr": 0,
	} {
		f, err := scim.ParseFilter(text, scim.FilterLimits{})
		var s *scim.SyntaxError
		if !errors.As(err, &s) {
			t.Errorf("%q: accepted as %v", text, f)
			continue
		}
		if s.Offset != offset {
			t.Errorf("%q: offset %d, want %d (%v)", text, s.Offset, offset, err)
		}
		if e := scim.ErrorOf(err); e.ScimType != scim.InvalidFilter {
			t.Errorf("%q: answered with %v", text, e)
		}
	}
}

func TestParseFilterLimits(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"depth": strings.Repeat("(", 10_000),
		"nots":  strings.Repeat("not (", 100) + "a pr" + strings.Repeat(")", 100),
		"terms": "a pr" + strings.Repeat(" or a pr", 300),
		"bytes": `a eq "` + strings.Repeat("x", 10_000) + `"`,
	} {
		if _, err := scim.ParseFilter(text, scim.FilterLimits{}); !errors.Is(err, scim.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := scim.ParseFilter(strings.Repeat("(", 1<<20), scim.FilterLimits{MaxBytes: -1, MaxDepth: -1}); !errors.Is(err, scim.ErrLimit) {
		t.Errorf("bottomless: %v", err)
	}
}

func TestFilterValuesAreNoSyntax(t *testing.T) {
	t.Parallel()
	evil := `x" or userName pr or a eq "`
	f, err := scim.ParseFilter(scim.Eq(scim.MustPath("userName"), evil).String(), scim.FilterLimits{})
	if err != nil {
		t.Fatal(err)
	}
	c, ok := f.(*scim.Compare)
	if s, _ := c.Value.AsString(); !ok || s != evil {
		t.Errorf("got %v", f)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	a, b := scim.Eq(scim.MustPath("a"), "1"), scim.Eq(scim.MustPath("b"), "2")
	if scim.AndOf() != nil || scim.AndOf(nil, a) != a || scim.OrOf(a, nil) != a {
		t.Error("joining less than two")
	}
	if got := scim.AndOf(scim.AndOf(a, b), scim.OrOf(a, b)).String(); got != `a eq "1" and b eq "2" and (a eq "1" or b eq "2")` {
		t.Error(got)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	u := user(t)
	for text, want := range map[string]bool{
		`userName eq "ADA.lovelace@acme.example"`:             true,
		`externalId eq "E-1001"`:                              false,
		`externalId eq "e-1001"`:                              true,
		`id eq "4XKQ2M"`:                                      false,
		`active eq true`:                                      true,
		`active eq "true"`:                                    false,
		`active gt false`:                                     false,
		`name.givenName sw "AD"`:                              true,
		`name.familyName co "VEL"`:                            true,
		`name.familyName ew "ace"`:                            true,
		`emails co "@HOME.example"`:                           true,
		`emails.value eq "ada@home.example"`:                  true,
		`emails[type eq "work" and value co "home"]`:          false,
		`emails[type eq "home" and value co "home"]`:          true,
		`emails[type eq "home"].value ew "home.example"`:      true,
		`emails[not (primary eq true)]`:                       true,
		`emails[type eq "other"].value pr`:                    false,
		`nickName eq null`:                                    false,
		`profileUrl eq null`:                                  true,
		`profileUrl eq ""`:                                    true,
		`profileUrl ne "x"`:                                   true,
		`not (profileUrl pr)`:                                 true,
		`meta.created eq "2026-01-02T04:04:05+01:00"`:         true,
		`meta.lastModified gt "2026-05-06T09:08:08+02:00"`:    true,
		`meta.lastModified lt "2026-05-06T09:08:08+02:00"`:    false,
		`schemas eq "` + scim.EnterpriseUserURN + `"`:         true,
		scim.UserURN + `:userName pr`:                         true,
		scim.EnterpriseUserURN + `:department eq "engines"`:   true,
		scim.EnterpriseUserURN + `:manager.value eq "7yq2"`:   true,
		`department eq "Engines"`:                             false,
		`userName eq "x" or title eq "analyst" and active pr`: true,
		`nope pr`: false,
	} {
		f, err := scim.ParseFilter(text, scim.FilterLimits{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := scim.CoreSchemas().Match(scim.UserURN, f, u); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if !scim.CoreSchemas().Match(scim.UserURN, nil, u) {
		t.Error("no filter matches everything")
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{
		`userName eq "x"`, `a pr and (b pr or not (c eq 1.5))`, `emails[type eq "work"].value co "é\u0001"`,
		`urn:a:b:1.0:U:x ge null`, `((((`, `not not`, `a[b pr or`, `and and and`, `or pr or or pr`,
	} {
		f.Add(s)
	}
	for _, v := range vendors(f) {
		for _, c := range v.Filters {
			f.Add(c.Filter)
		}
	}
	u := user(f)
	f.Fuzz(func(t *testing.T, s string) {
		tree, err := scim.ParseFilter(s, scim.FilterLimits{})
		if err != nil {
			var e *scim.SyntaxError
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(s) {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		again, err := scim.ParseFilter(tree.String(), scim.FilterLimits{MaxBytes: -1, MaxDepth: 100})
		if err != nil {
			t.Fatalf("%q printed as %q: %v", s, tree, err)
		}
		if !sameTree(tree, again) {
			t.Fatalf("%q: %q, then %q", s, tree, again)
		}
		yes := scim.CoreSchemas().Match(scim.UserURN, tree, u)
		if scim.CoreSchemas().Match(scim.UserURN, &scim.Not{Term: tree}, u) == yes {
			t.Fatalf("%q and its contrary are both %v", s, yes)
		}
		checked, err := scim.FilterRules{ExtraBlanks: true, ValuePathSub: true}.Check(scim.CoreSchemas(), scim.UserURN, tree)
		if err != nil {
			if e := scim.ErrorOf(err); e == nil || e.ScimType != scim.InvalidFilter && e.ScimType != scim.Sensitive {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if !sameTree(tree, checked) {
			t.Fatalf("%q became %q", s, checked)
		}
	})
}
