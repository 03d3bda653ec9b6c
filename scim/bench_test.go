// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
)

var accountPaths = []string{
	"userName", "externalId", "displayName", "active", "title", "name.givenName", "name.familyName",
	`emails[type eq "work"].value`, `phoneNumbers[type eq "work"].value`, "enterprise.employeeNumber",
	"enterprise.department", "enterprise.manager.value",
}

func BenchmarkGet(b *testing.B) {
	u := user(b)
	b.ReportAllocs()
	for b.Loop() {
		u.Get("meta")
	}
}

func BenchmarkGetOtherCase(b *testing.B) {
	u := user(b)
	b.ReportAllocs()
	for b.Loop() {
		u.Get("META")
	}
}

func BenchmarkAt(b *testing.B) {
	u, p := user(b), path(b, `emails[type eq "home"].value`)
	b.ReportAllocs()
	for b.Loop() {
		u.At(p)
	}
}

func BenchmarkParseResource(b *testing.B) {
	data := userJSON(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := scim.ParseResource(data, scim.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshal(b *testing.B) {
	u := user(b)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = u.AppendJSON(buf[:0])
	}
}

func BenchmarkClone(b *testing.B) {
	u := user(b)
	b.ReportAllocs()
	for b.Loop() {
		u.Clone()
	}
}

func BenchmarkDiffSame(b *testing.B) {
	u, v, ps := user(b), user(b), paths(b, accountPaths...)
	set := scim.CoreSchemas()
	b.ReportAllocs()
	for b.Loop() {
		if got := scim.Diff(set, scim.UserURN, ps, u, v); got != nil {
			b.Fatal(got)
		}
	}
}

func BenchmarkDiffTwoChanges(b *testing.B) {
	u, v, ps := user(b), user(b), paths(b, accountPaths...)
	for _, p := range []string{`emails[type eq "work"].value`, "enterprise.department"} {
		if err := v.Put(path(b, p), scim.String("x")); err != nil {
			b.Fatal(err)
		}
	}
	set := scim.CoreSchemas()
	b.ReportAllocs()
	for b.Loop() {
		if got := scim.Diff(set, scim.UserURN, ps, u, v); len(got) != 2 {
			b.Fatal(got)
		}
	}
}

func BenchmarkParseFilter(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := scim.ParseFilter(`userName eq "ada@acme.example" and emails[type eq "work" and value co "@acme"]`, scim.FilterLimits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	u, set := user(b), scim.CoreSchemas()
	f, err := scim.ParseFilter(`active eq true and emails[type eq "home" and value ew "@home.example"]`, scim.FilterLimits{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !set.Match(scim.UserURN, f, u) {
			b.Fatal("no match")
		}
	}
}

func BenchmarkApply(b *testing.B) {
	u, set := user(b), scim.CoreSchemas()
	p, err := scim.ParsePatch(message(`[{"op":"replace","path":"active","value":false},{"op":"replace","path":"emails[type eq \"work\"].value","value":"x"}]`), scim.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Apply(set, scim.UserURN, u, scim.PatchRules{}); err != nil {
			b.Fatal(err)
		}
	}
}

// groupOf makes a group of n members.
func groupOf(n int) *scim.Resource {
	list := make([]scim.Value, n)
	for i := range list {
		var o scim.Object
		o.Set("value", scim.String(fmt.Sprintf("%026d", i)))
		o.Set("display", scim.String(fmt.Sprintf("Person %d", i)))
		list[i] = scim.Complex(o)
	}
	g := scim.NewResource(scim.GroupURN)
	g.Set("displayName", scim.String("Everybody"))
	g.Set("members", scim.List(list...))
	return g
}

// BenchmarkApplyMembers changes members of a group by one PATCH: adds in one
// operation, removals in one each.
func BenchmarkApplyMembers(b *testing.B) {
	set := scim.CoreSchemas()
	for _, n := range []int{2_000, 100_000} {
		g := groupOf(n)
		for _, c := range []struct {
			name string
			ops  func(i int) string
			many int
			list bool
		}{
			{"add/1", func(i int) string { return fmt.Sprintf(`{"value":"new%d"}`, i) }, 1, true},
			{"add/1000", func(i int) string { return fmt.Sprintf(`{"value":"new%d"}`, i) }, 1000, true},
			{"remove/1", func(i int) string { return fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%026d\"]"}`, i) }, 1, false},
			{"remove/1000", func(i int) string { return fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%026d\"]"}`, i) }, 1000, false},
		} {
			texts := make([]string, c.many)
			for i := range texts {
				texts[i] = c.ops(i)
			}
			ops := strings.Join(texts, ",")
			if c.list {
				ops = `{"op":"add","path":"members","value":[` + ops + `]}`
			}
			p, err := scim.ParsePatch(message("["+ops+"]"), scim.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/of=%d", c.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := p.Apply(set, scim.GroupURN, g, scim.PatchRules{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkDiffMembers(b *testing.B) {
	g, h := groupOf(2_000), groupOf(2_001)
	ps, set := paths(b, "members"), scim.CoreSchemas()
	b.ReportAllocs()
	for b.Loop() {
		if got := scim.Diff(set, scim.GroupURN, ps, g, h); len(got) != 1 {
			b.Fatal(got)
		}
	}
}

func BenchmarkParsePatch(b *testing.B) {
	data := message(`[{"op":"replace","path":"active","value":false},{"op":"replace","path":"emails[type eq \"work\"].value","value":"x"}]`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := scim.ParsePatch(data, scim.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseGroup(b *testing.B) {
	data := groupOf(2_000).AppendJSON(nil)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := scim.ParseResource(data, scim.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckFilter(b *testing.B) {
	set := scim.CoreSchemas()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (scim.FilterRules{}).Parse(set, scim.UserURN, `userName eq "ada@acme.example"`, scim.FilterLimits{}); err != nil {
			b.Fatal(err)
		}
	}
}
