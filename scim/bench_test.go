// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
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
