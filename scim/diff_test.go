// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/scim"
)

func TestDiffByCharacteristics(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, before, after string
		same                bool
	}{
		{"displayName", `null`, `""`, true},
		{"emails", `[]`, `null`, true},
		{"emails", `[{}]`, `null`, true},
		{"name", `{"givenName":""}`, `null`, true},
		{"displayName", `"Ada"`, `"ada"`, false},
		{"userName", `"A"`, `"a"`, false},
		{"active", `false`, `null`, false},
		{"active", `false`, `true`, false},
		{"name", `{"givenName":"A","familyName":"B"}`, `{"FamilyName":"B","givenName":"A","middleName":null}`, true},
		{"name", `{"givenName":"A"}`, `{"givenName":"A","familyName":"B"}`, false},
		{"emails", `[{"value":"a"},{"value":"b"}]`, `[{"value":"b"},{"value":"a"}]`, true},
		{"emails", `[{"value":"a"},{"value":"b"}]`, `[{"value":"b"}]`, false},
		{"emails", `[{"value":"a","type":"work"}]`, `[{"value":"a","type":"home"}]`, false},
		{"emails", `[{"value":"a","primary":true}]`, `[{"value":"a"}]`, false},
		{"emails", `[{"value":"a","primary":false}]`, `[{"value":"a"}]`, true},
		{"emails", `[{"value":"a"}]`, `{"value":"a"}`, true},
		{"emails", `[{"value":"a"},{"value":"a"}]`, `[{"value":"a"}]`, true},
		{"emails", `[{"value":"a","display":"A"}]`, `[{"value":"a"}]`, true},
		{"emails", `[{"value":"a","display":"A"}]`, `[{"value":"a","display":"B"}]`, false},
		{"members", `[{"value":"a","$ref":"x","display":"y","type":"User"}]`, `[{"value":"a"}]`, true},
		{"members", `[{"value":"a"}]`, `[{"value":"A"}]`, false},
		{"enterprise.manager", `{"value":"a","$ref":"x","displayName":"y"}`, `{"value":"a"}`, true},
		{"enterprise.manager", `{"value":"a","displayName":"x"}`, `{"value":"a","displayName":"y"}`, true},
		{"enterprise.manager", `{"value":"a"}`, `{"value":"b"}`, false},
		{"usher.startDate", `"2026-01-02T00:00:00Z"`, `"2026-01-02T01:00:00.000+01:00"`, true},
		{"usher.startDate", `"2026-01-02T00:00:00"`, `"2026-01-02T00:00:00Z"`, true},
		{"usher.startDate", `"2026-01-02T00:00:00Z"`, `"2026-01-02T00:00:01Z"`, false},
		{"usher.startDate", `"soon"`, `"later"`, false},
		{"usher", `{"startDate":"2026-01-02T00:00:00Z"}`, `{"startDate":"2026-01-02T01:00:00+01:00"}`, true},
		{"urn:x:y:2.0:Z:n", `1`, `1.0`, true},
		{"urn:x:y:2.0:Z:n", `[1,"a"]`, `["a",1.0]`, true},
		{"urn:x:y:2.0:Z:n", `"2026-01-02T00:00:00Z"`, `"2026-01-02T00:00:00.0Z"`, false},
	} {
		schema := scim.UserURN
		if c.path == "members" {
			schema = scim.GroupURN
		}
		p := path(t, c.path)
		make := func(text string) *scim.Resource {
			r := scim.NewResource(schema)
			o := &r.Object
			if v := value(t, text); p.URN == "" {
				o.Set(p.Attr, v)
			} else if p.Attr == "" {
				o.Set(p.URN, v)
			} else {
				var e scim.Object
				e.Set(p.Attr, v)
				o.Set(p.URN, scim.Complex(e))
			}
			return r
		}
		for range 2 {
			got := scim.Diff(scim.CoreSchemas(), schema, []scim.Path{p}, make(c.before), make(c.after))
			if (len(got) == 0) != c.same {
				t.Errorf("%s: %s and %s: %v", c.path, c.before, c.after, got)
			}
			c.before, c.after = c.after, c.before
		}
	}
}

func TestDiffLooksAtNamedPathsOnly(t *testing.T) {
	t.Parallel()
	u, v := user(t), user(t)
	v.Set("title", scim.String("x"))
	v.Set("nickName", scim.String("x"))
	got := scim.Diff(scim.CoreSchemas(), scim.UserURN, paths(t, "userName", "title"), u, v)
	if len(got) != 1 || got[0].Path.String() != "title" {
		t.Errorf("got %v", got)
	}
}

func TestDiffBigGroups(t *testing.T) {
	t.Parallel()
	const n = 50_000
	members := func(from, step int) *scim.Resource {
		list := make([]scim.Value, n)
		for i := range n {
			var o scim.Object
			o.Set("value", scim.String(fmt.Sprint((from+i*step+n)%n)))
			if step < 0 {
				o.Set("display", scim.String("somebody"))
			}
			list[i] = scim.Complex(o)
		}
		g := scim.NewResource(scim.GroupURN)
		g.Set("members", scim.List(list...))
		return g
	}
	a, b := members(0, 1), members(n-1, -1)
	if got := scim.Diff(scim.CoreSchemas(), scim.GroupURN, paths(t, "members"), a, b); len(got) != 0 {
		t.Error("the same members in another order")
	}
	list, _ := a.Get("members")
	some, _ := list.AsList()
	b.Set("members", scim.List(some[1:]...))
	if got := scim.Diff(scim.CoreSchemas(), scim.GroupURN, paths(t, "members"), a, b); len(got) != 1 {
		t.Error("one member less")
	}
}

func TestToPatch(t *testing.T) {
	t.Parallel()
	before := resource(t, `{"schemas":["`+scim.UserURN+`"],"userName":"a","title":"t","emails":[{"type":"home","value":"h","display":"H"}]}`)
	after := resource(t, `{"schemas":["`+scim.UserURN+`"],"userName":"b","emails":[{"type":"work","value":"w","display":"W"}],"`+scim.EnterpriseUserURN+`":{"department":"D"}}`)
	changes := scim.Diff(scim.CoreSchemas(), scim.UserURN, paths(t, "userName", "title", "enterprise.department",
		`emails[type eq "work"].value`, `emails[type eq "work"].display`, `emails[type eq "home"].value`), before, after)
	got := string(scim.ToPatch(changes).AppendJSON(nil))
	want := `{"schemas":["` + scim.PatchOpURN + `"],"Operations":[` + strings.Join([]string{
		`{"op":"remove","path":"emails[type eq \"home\"].value"}`,
		`{"op":"add","path":"emails","value":[{"type":"work","value":"w","display":"W"}]}`,
		`{"op":"remove","path":"title"}`,
		`{"op":"replace","path":"` + scim.EnterpriseUserURN + `:department","value":"D"}`,
		`{"op":"replace","path":"userName","value":"b"}`,
	}, ",") + `]}`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What Diff and ToPatch send, Apply makes of it what was wanted.
func TestPatchReachesWhatWasWanted(t *testing.T) {
	t.Parallel()
	set := scim.CoreSchemas()
	all := paths(t, "displayName", "title", "active", "name.givenName", "name.familyName", `emails[type eq "work"].value`,
		`emails[type eq "work"].display`, `emails[type eq "home"].value`, "phoneNumbers", "enterprise.department", "enterprise.manager", "usher.startDate")
	someUser := rapid.Custom(func(t *rapid.T) *scim.Resource {
		r := scim.NewResource(scim.UserURN)
		r.Set("userName", scim.String("fixed"))
		for _, p := range all {
			v := rapid.SampledFrom([]scim.Value{scim.Null(), scim.String("a"), scim.String("b")}).Draw(t, p.String())
			switch p.String() {
			case "active":
				v = rapid.SampledFrom([]scim.Value{scim.Null(), scim.Bool(true), scim.Bool(false)}).Draw(t, "active")
			case "phoneNumbers":
				var o scim.Object
				o.Set("value", v)
				v = scim.List(scim.Complex(o))
			case scim.EnterpriseUserURN + ":manager":
				var o scim.Object
				o.Set("value", v)
				v = scim.Complex(o)
			case scim.UsherUserURN + ":startDate":
				v = rapid.SampledFrom([]scim.Value{scim.Null(), scim.String("2026-01-02T00:00:00Z")}).Draw(t, "date")
			}
			if err := r.Put(p, v); err != nil {
				t.Fatal(err)
			}
		}
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		before, after := someUser.Draw(t, "before"), someUser.Draw(t, "after")
		text := before.String()
		patch := scim.ToPatch(scim.Diff(set, scim.UserURN, all, before, after))
		if len(patch) > 0 {
			again, err := scim.ParsePatch(patch.AppendJSON(nil), scim.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			patch = again
		}
		got, err := patch.Apply(set, scim.UserURN, before, scim.PatchRules{})
		if err != nil {
			t.Fatalf("%s on %s: %v", patch.AppendJSON(nil), before, err)
		}
		if left := scim.Diff(set, scim.UserURN, all, got, after); len(left) > 0 {
			t.Fatalf("%s on\n%s gives\n%s, left %v", patch.AppendJSON(nil), before, got, left)
		}
		if before.String() != text {
			t.Fatal("Apply changed its input")
		}
	})
}

func TestDiffLongLists(t *testing.T) {
	t.Parallel()
	const n = 2000
	list := func(reverse bool, last float64) *scim.Resource {
		vs := make([]scim.Value, n)
		for i := range vs {
			var o scim.Object
			o.Set("n", scim.Integer(int64(i)))
			if reverse {
				o.Set("N", scim.Decimal(float64(i)))
			}
			o.Set("at", scim.Complex(func() (p scim.Object) { p.Set("text", scim.String(fmt.Sprint(i))); return }()))
			if i == n-1 {
				o.Set("n", scim.Decimal(last))
			}
			at := i
			if reverse {
				at = n - 1 - i
			}
			vs[at] = scim.Complex(o)
		}
		r := scim.NewResource(scim.UserURN)
		r.Set("things", scim.List(vs...))
		return r
	}
	for last, want := range map[float64]int{n - 1: 0, n: 1} {
		if got := scim.Diff(scim.CoreSchemas(), scim.UserURN, paths(t, "things"), list(false, n-1), list(true, last)); len(got) != want {
			t.Errorf("last %v: %d changes", last, len(got))
		}
	}
}

// Elements that are nothing but what a service provider fills in are told apart by
// that, and thousands of one value cost no more than others.
func TestElementsWithoutValue(t *testing.T) {
	t.Parallel()
	set := scim.CoreSchemas()
	group := func(members string) *scim.Resource {
		return resource(t, `{"schemas":["`+scim.GroupURN+`"],"members":`+members+`}`)
	}
	for pair, want := range map[[2]string]int{
		{`[{"$ref":"a"}]`, `[{"$ref":"b"}]`}:                            1,
		{`[{"$ref":"a"}]`, `[{"display":"a"}]`}:                         1,
		{`[{"$ref":"a"}]`, `[{"$ref":"a"}]`}:                            0,
		{`[{"$ref":"a"}]`, `[{"$ref":"a","display":"x"}]`}:              1,
		{`[{"value":"1","$ref":"a"}]`, `[{"value":"1","display":"x"}]`}: 0,
	} {
		if got := scim.Diff(set, scim.GroupURN, paths(t, "members"), group(pair[0]), group(pair[1])); len(got) != want {
			t.Errorf("%v: %v", pair, got)
		}
	}
	var same strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&same, `,{"value":"x","display":"%d"}`, i)
	}
	a, b := group("["+same.String()[1:]+"]"), group("["+same.String()[1:]+`,{"value":"y"}]`)
	if got := scim.Diff(set, scim.GroupURN, paths(t, "members"), a, b); len(got) != 1 {
		t.Error("one member more")
	}
	request := message(`[{"op":"add","path":"members","value":[` + same.String()[1:] + `]}]`)
	if _, err := patched(scim.PatchRules{}, request, group(`[]`)); err != nil {
		t.Error(err)
	}
}

// A complex attribute merges where it is replaced: what it lost is removed by itself.
func TestToPatchOfWholeComplexAttributes(t *testing.T) {
	t.Parallel()
	set := scim.CoreSchemas()
	a := resource(t, `{"userName":"u","name":{"givenName":"A","familyName":"B"},"`+scim.EnterpriseUserURN+`":{"department":"D","manager":{"value":"1","displayName":"M"}}}`)
	b := resource(t, `{"userName":"u","name":{"givenName":"C"},"`+scim.EnterpriseUserURN+`":{"division":"V","manager":{"value":"1"}}}`)
	p := scim.ToPatch(scim.Diff(set, scim.UserURN, paths(t, "name", "enterprise"), a, b))
	want := string(message(`[{"op":"replace","path":"name","value":{"givenName":"C"}},{"op":"remove","path":"name.familyName"},` +
		`{"op":"replace","path":"` + scim.EnterpriseUserURN + `","value":{"division":"V","manager":{"value":"1"}}},` +
		`{"op":"remove","path":"` + scim.EnterpriseUserURN + `:department"}]`))
	if got := string(p.AppendJSON(nil)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
