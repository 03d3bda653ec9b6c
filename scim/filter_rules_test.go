// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/scim"
)

func TestFilterRules(t *testing.T) {
	t.Parallel()
	lenient := scim.FilterRules{ExtraBlanks: true, ValuePathSub: true, StringBooleans: true, IgnoreUnknown: true}
	for text, want := range map[string]string{
		// The grammar to the letter.
		`userName eq "a"`:                             "",
		`userName eq "a  b" and not (title pr)`:       "",
		`not(title pr)`:                               "",
		` userName pr`:                                "lenient",
		`userName  pr`:                                "lenient",
		`( userName pr)`:                              "lenient",
		`(userName pr )`:                              "lenient",
		`emails[ type pr]`:                            "lenient",
		`emails[type eq "work"].value eq "x"`:         "lenient",
		`emails[type eq "work" and value co "@x"]`:    "",
		`emails[type eq "a" or not (value ew "x")]`:   "",
		scim.EnterpriseUserURN + `:department eq "D"`: "",
		scim.UserURN + `:userName sw "J"`:             "",
		// Names.
		`nope pr`:                          "lenient",
		`name.nope eq "x"`:                 "lenient",
		`emails[userName eq "x"]`:          "lenient",
		`userName[value eq "x"]`:           scim.InvalidFilter,
		scim.GroupURN + `:displayName pr`:  "lenient",
		scim.GroupURN + `:members.type pr`: "lenient",
		// Types: order of booleans and binaries is refused (RFC 7644 §3.4.2.2).
		`active eq true`:                                "",
		`active ne null`:                                "",
		`active gt true`:                                scim.InvalidFilter,
		`active co true`:                                scim.InvalidFilter,
		`active eq "true"`:                              "lenient",
		`active eq "maybe"`:                             scim.InvalidFilter,
		`active eq 1`:                                   scim.InvalidFilter,
		`roles[primary eq "True"]`:                      "lenient",
		`emails[primary le false]`:                      scim.InvalidFilter,
		`x509Certificates.value lt "a"`:                 scim.InvalidFilter,
		`x509Certificates.value eq "a"`:                 "",
		`userName eq 5`:                                 scim.InvalidFilter,
		`userName gt null`:                              scim.InvalidFilter,
		`userName ge "a"`:                               "",
		`meta.created gt "2026-01-02T00:00:00Z"`:        "",
		`meta.created gt "yesterday"`:                   scim.InvalidFilter,
		`meta.created sw "2026-01"`:                     "",
		`meta.created eq ""`:                            "",
		`name eq "x"`:                                   scim.InvalidFilter,
		`name pr`:                                       "",
		`name eq null`:                                  "",
		`emails co "example.com"`:                       "",
		`emails eq 5`:                                   scim.InvalidFilter,
		`schemas eq "` + scim.EnterpriseUserURN + `"`:   "",
		`schemas[value eq "` + scim.UserURN + `"]`:      "",
		`emails[type eq "a"].primary eq true`:           "lenient",
		`not (emails[type eq 1])`:                       scim.InvalidFilter,
		`userName pr or active lt false`:                scim.InvalidFilter,
		`password eq "x"`:                               scim.Sensitive,
		`userName pr or not (password sw "x")`:          scim.Sensitive,
		scim.UserURN + `:password pr`:                   scim.Sensitive,
		`urn:x:y:2.0:Z:n eq 1 and (active pr or id pr)`: "lenient",
	} {
		for name, rules := range map[string]scim.FilterRules{"strict": {}, "lenient": lenient} {
			f, err := rules.Parse(scim.CoreSchemas(), scim.UserURN, text, scim.FilterLimits{})
			e := scim.ErrorOf(err)
			switch {
			case want == "" || want == name:
				if err != nil {
					t.Errorf("%s, %s: %v", text, name, err)
				} else if again, err := scim.ParseFilter(f.String(), scim.FilterLimits{}); err != nil || again.String() != f.String() {
					t.Errorf("%s, %s: printed as %s", text, name, f)
				}
			case want == "lenient" && (e == nil || e.ScimType != scim.InvalidFilter),
				want != "lenient" && (e == nil || e.ScimType != want):
				t.Errorf("%s, %s: %v, %v", text, name, f, err)
			}
			if e != nil && (e.Status == 403) != (want == scim.Sensitive) {
				t.Errorf("%s: status %d", text, e.Status)
			}
		}
	}
	if f, err := lenient.Check(scim.CoreSchemas(), scim.UserURN, nil); f != nil || err != nil {
		t.Error("no filter is no filter")
	}
	keys, err := scim.NewSchemaSet(scim.Schema{ID: "urn:acme:params:scim:schemas:core:2.0:Key", Attributes: []scim.Attribute{{
		Name: "keys", Type: scim.TypeComplex, MultiValued: true,
		SubAttributes: []scim.Attribute{{Name: "value"}, {Name: "secret", Returned: scim.ReturnedNever}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`keys[secret sw "a"]`, `keys[value pr and secret pr]`, `keys.secret eq "a"`} {
		_, err := lenient.Parse(keys, "urn:acme:params:scim:schemas:core:2.0:Key", text, scim.FilterLimits{})
		if e := scim.ErrorOf(err); e == nil || e.Status != 403 {
			t.Errorf("%s: %v", text, err)
		}
	}
	f, err := lenient.Parse(scim.CoreSchemas(), scim.UserURN, `roles[primary eq "TRUE"]`, scim.FilterLimits{})
	if err != nil || f.String() != `roles[primary eq true]` {
		t.Errorf("%v, %v", f, err)
	}
}

func TestMatchEdges(t *testing.T) {
	t.Parallel()
	u := resource(t, `{"schemas":["`+scim.UserURN+`"],"id":"aB","userName":"Ada","displayName":"100%_\\","title":"T",
		"emails":[{"value":"a@x","type":"work","primary":true},{"value":"b@x","type":"home"}],"x509Certificates":[{"value":"AbC="}],
		"groups":[{"value":"G1","$ref":"https://x/Groups/G1"}],"urn:x:n:2.0:N":{"big":9007199254740993,"word":"Ab","$ref":"Ab","externalId":"Ab"}}`)
	for text, want := range map[string]bool{
		`emails[primary eq false]`:                    true, // not stated is false (RFC 7643 §2.4)
		`emails[primary eq false and value eq "b@x"]`: true,
		`emails[primary eq false and value eq "a@x"]`: false,
		`emails.primary eq false`:                     true,
		`emails[value eq "b@x" and primary pr]`:       false,
		`emails[not (primary eq true) and type pr]`:   true,
		`title co ""`:                     true,
		`title sw ""`:                     true,
		`title ew ""`:                     true,
		`title gt ""`:                     true,
		`title eq ""`:                     false,
		`title ne ""`:                     true,
		`nickName co ""`:                  false,
		`displayName co "%"`:              true,
		`displayName co "%_"`:             true,
		`displayName co "_%"`:             false,
		`displayName ew "\\"`:             true,
		scim.GroupURN + `:displayName pr`: false, // another type's
		`not (` + scim.GroupURN + `:displayName pr)`:      true,
		`x509Certificates.value eq "abc="`:                false,
		`x509Certificates.value eq "AbC="`:                true,
		`groups.$ref eq "https://x/groups/g1"`:            false,
		`groups.value eq "g1"`:                            false, // an id has letter case
		`groups[value eq "G1"]`:                           true,
		`id eq "ab"`:                                      false,
		`urn:x:n:2.0:N:big eq 9007199254740992.0`:         false, // beyond 2^53
		`urn:x:n:2.0:N:big gt 9007199254740992.0`:         true,
		`urn:x:n:2.0:N:big eq 9007199254740993`:           true,
		`urn:x:n:2.0:N:word eq "aB"`:                      true, // no schema says that letter case counts
		`urn:x:n:2.0:N:$ref eq "aB"`:                      false,
		`urn:x:n:2.0:N:externalId eq "aB"`:                false,
		`unknown eq "x"`:                                  false,
		`emails[value ew "@X"] and emails.type eq "HOME"`: true,
	} {
		f, err := scim.ParseFilter(text, scim.FilterLimits{})
		if err != nil {
			t.Fatal(text, err)
		}
		if got := scim.CoreSchemas().Match(scim.UserURN, f, u); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// naive evaluates a filter on JSON as encoding/json reads it, with three values for
// each comparison of texts, and nothing else in its head.
func naive(f scim.Filter, doc map[string]any) bool {
	switch f := f.(type) {
	case *scim.And:
		all := true
		for _, t := range f.Terms {
			all = naive(t, doc) && all
		}
		return all
	case *scim.Or:
		any := false
		for _, t := range f.Terms {
			any = naive(t, doc) || any
		}
		return any
	case *scim.Not:
		return !naive(f.Term, doc)
	case *scim.ValuePath:
		for _, e := range elements(doc[f.Path.Attr]) {
			if m, ok := e.(map[string]any); ok && naive(f.Filter, m) {
				return true
			}
		}
		return false
	case *scim.Present:
		for _, v := range reach(f.Path, doc) {
			if v != nil && v != "" {
				return true
			}
		}
		return false
	case *scim.Compare:
		list := reach(f.Path, doc)
		if len(list) == 0 {
			list = []any{nil}
		}
		for _, v := range list {
			if f.Path.Attr == "emails" && f.Path.Sub == "" && f.Value.IsNull() && len(elements(doc["emails"])) > 0 {
				v = "an element is not null, whatever its value is"
			}
			if naiveCompare(f, v, f.Path.Attr == "externalId") {
				return true
			}
		}
	}
	return false
}

func elements(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func reach(p scim.Path, doc map[string]any) []any {
	var out []any
	for _, e := range elements(doc[p.Attr]) {
		m, ok := e.(map[string]any)
		switch {
		case !ok:
			out = append(out, e)
		case p.Filter != nil && !naive(p.Filter, m):
		case p.Sub != "":
			out = append(out, m[p.Sub])
		default:
			out = append(out, m["value"])
		}
	}
	return out
}

func naiveCompare(c *scim.Compare, v any, exact bool) bool {
	var want any
	if err := json.Unmarshal([]byte(c.Value.String()), &want); err != nil {
		panic(err)
	}
	if v == "" {
		v = nil
	}
	if v == nil {
		none := want == nil || want == ""
		return c.Op == scim.OpEq && none || c.Op == scim.OpNe && !none
	}
	s, isText := v.(string)
	w, wantText := want.(string)
	if !isText || !wantText {
		return c.Op == scim.OpEq && v == want || c.Op == scim.OpNe && v != want
	}
	if !exact {
		s, w = strings.ToLower(s), strings.ToLower(w)
	}
	return map[scim.Op]bool{
		scim.OpEq: s == w, scim.OpNe: s != w, scim.OpCo: strings.Contains(s, w), scim.OpSw: strings.HasPrefix(s, w),
		scim.OpEw: strings.HasSuffix(s, w), scim.OpGt: s > w, scim.OpGe: s >= w, scim.OpLt: s < w, scim.OpLe: s <= w,
	}[c.Op]
}

func TestMatchAgreesWithANaiveEvaluator(t *testing.T) {
	t.Parallel()
	word := rapid.SampledFrom([]string{"", "a", "A", "ab", "b", "Ba"})
	operand := rapid.OneOf(rapid.Map(word, scim.String), rapid.Just(scim.Null()), rapid.Map(rapid.Bool(), scim.Bool))
	var tree func(depth int, inner bool) *rapid.Generator[scim.Filter]
	tree = func(depth int, inner bool) *rapid.Generator[scim.Filter] {
		return rapid.Custom(func(t *rapid.T) scim.Filter {
			attrs := []string{"userName", "externalId", "active", "title", "nickName", "emails.value", "emails.type", "emails", `emails[type eq "a"].value`, "name.givenName"}
			if inner {
				attrs = []string{"value", "type", "display"}
			}
			p := scim.MustPath(rapid.SampledFrom(attrs).Draw(t, "attr"))
			kinds := 5
			if depth == 0 {
				kinds = 2
			}
			switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
			case 1:
				if p.Attr == "emails" && p.Sub == "" {
					p.Sub = "display"
				}
				return &scim.Present{Path: p}
			case 2:
				return &scim.Not{Term: tree(depth-1, inner).Draw(t, "term")}
			case 3:
				terms := rapid.SliceOfN(tree(depth-1, inner), 2, 3).Draw(t, "terms")
				if rapid.Bool().Draw(t, "and") {
					return &scim.And{Terms: terms}
				}
				return &scim.Or{Terms: terms}
			case 4:
				if !inner {
					return &scim.ValuePath{Path: scim.MustPath("emails"), Filter: tree(depth-1, true).Draw(t, "inner")}
				}
			}
			return &scim.Compare{Path: p, Op: ops().Draw(t, "op"), Value: operand.Draw(t, "operand")}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		doc := map[string]any{"userName": "x"}
		for _, n := range []string{"userName", "externalId", "title"} {
			doc[n] = word.Draw(t, n)
		}
		if rapid.Bool().Draw(t, "hasActive") {
			doc["active"] = rapid.Bool().Draw(t, "active")
		}
		doc["name"] = map[string]any{"givenName": word.Draw(t, "given"), "familyName": "f"}
		var emails []any
		for range rapid.IntRange(0, 3).Draw(t, "emails") {
			emails = append(emails, map[string]any{"value": word.Draw(t, "value"), "type": word.Draw(t, "type"), "primary": false})
		}
		doc["emails"] = emails
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		r, err := scim.ParseResource(data, scim.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		f := tree(3, false).Draw(t, "filter")
		// Round the text, as a server would get it.
		f, err = scim.ParseFilter(f.String(), scim.FilterLimits{MaxDepth: 100})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := scim.CoreSchemas().Match(scim.UserURN, f, r), naive(f, doc); got != want {
			t.Fatalf("%s on %s: %v, want %v", f, data, got, want)
		}
	})
}
