// SPDX-License-Identifier: Apache-2.0

package mapping_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/scim"
)

// lines builds a mapping as a file would: path and expression, one line each.
func lines(pairs ...string) []config.Attribute {
	var out []config.Attribute
	for i := 0; i < len(pairs); i += 2 {
		path, unique, _ := strings.Cut(pairs[i], " unique ")
		out = append(out, config.Attribute{
			Path:   config.Text{Value: path, Pos: config.Position{File: "usher.yaml", Line: i/2 + 1, Column: 3}},
			Value:  config.Text{Value: pairs[i+1], Pos: config.Position{File: "usher.yaml", Line: i/2 + 1, Column: 30}},
			Unique: unique,
		})
	}
	return out
}

func hrMapping() []config.Attribute {
	return lines(
		"userName unique organisation", `slug(row.first_name) + "." + slug(row.last_name) + "@acme.example"`,
		"externalId", `row.id`,
		"name.givenName", `row.first_name`,
		"name.familyName", `row.last_name`,
		`emails[type eq "work"].value`, `slug(row.last_name) + "@acme.example"`,
		"title", `row["in"]`,
		"active", `row.active == "true"`,
		"enterprise.employeeNumber", `row.id`,
		"enterprise.department", `row.department`,
		"usher.startDate", `date(row.hire_date, ["M/d/yyyy", "MM-dd-yy"])`,
		"usher.endDate", `date(row.termdate, ["yyyy-MM-dd HH:mm:ss 'UTC'"])`,
	)
}

func TestMappingApply(t *testing.T) {
	t.Parallel()
	m, err := rowEnv(t).CompileMapping(scim.UserURN, hrMapping())
	if err != nil {
		t.Fatal(err)
	}
	r, failures := m.Apply(mapping.Input{Row: row()})
	if len(failures) > 0 {
		t.Fatal(failures)
	}
	got, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "apply", string(got)+"\n")
	if len(m.Paths()) != 11 || m.Rules[0].Path.String() > m.Rules[1].Path.String() {
		t.Errorf("Paths = %v", m.Paths())
	}
	if !slices.Contains(m.Reads(), "row.first_name") || len(m.Reads()) != 8 {
		t.Errorf("Reads = %v", m.Reads())
	}
}

func TestMappingApplyFailures(t *testing.T) {
	t.Parallel()
	m, err := rowEnv(t).CompileMapping(scim.UserURN, hrMapping())
	if err != nil {
		t.Fatal(err)
	}
	in := row()
	in[4] = "s3cret"
	r, failures := m.Apply(mapping.Input{Row: in})
	if len(failures) != 1 || failures[0].Path.Attr != "startDate" || strings.Contains(failures[0].Err.Error(), "s3cret") {
		t.Errorf("failures = %v", failures)
	}
	if v, ok := r.At(scim.MustPath("name.givenName")); !ok || !v.Equal(scim.String("Renée")) {
		t.Errorf("the other rules did not run: %v", r)
	}
}

func TestMappingPerson(t *testing.T) {
	t.Parallel()
	m, err := personEnv(t).CompileMapping(scim.UserURN, lines(
		"userName", `person.userName`,
		"name", `person.name`,
		"emails", `person.emails`,
		"nickName", `person.nickName`,
		"active", `person.active`,
		"phoneNumbers", `[]`,
	))
	if err != nil {
		t.Fatal(err)
	}
	p := person(t)
	before := p.Clone()
	r, failures := m.Apply(mapping.Input{Person: p})
	if len(failures) > 0 {
		t.Fatal(failures)
	}
	for _, path := range []string{"userName", "name", "emails", "active"} {
		got, _ := r.At(scim.MustPath(path))
		want, _ := p.At(scim.MustPath(path))
		if !got.Equal(want) {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
	if _, ok := r.At(scim.MustPath("nickName")); ok {
		t.Error("an absent attribute was assigned")
	}
	if !p.Equal(before.Object) {
		t.Error("the person was changed")
	}
}

func TestMappingErrors(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	for _, attrs := range [][]config.Attribute{
		lines("userNmae", `row.id`),
		lines("department", `row.id`),
		lines("enterprise.departement", `row.id`),
		lines("enterprise", `row.id`),
		lines("urn:nobody:has:it:x", `row.id`),
		lines("name.givenname.x", `row.id`),
		lines("name.givnName", `row.id`),
		lines("id", `row.id`, "meta.created", `row.id`, "groups", `[]`, "enterprise.manager.displayName", `row.id`),
		lines("userName", `row.id`, "USERNAME", `row.id`, scim.UserURN+":userName", `row.id`),
		lines("enterprise.department", `row.id`, scim.EnterpriseUserURN+":department", `row.id`),
		lines("name.familyName", `row.id`, "name", `null`),
		lines(`emails[type eq "work"].value`, `row.id`, "emails", `[]`),
		lines(`emails[type eq "work"].value`, `row.id`, `emails[type eq "home"].value`, `row.id`, `emails[type eq "work"].display`, `row.id`),
		lines("emails.value", `row.id`),
		lines(`emails[type ne "work"].value`, `row.id`),
		lines(`emails[kind eq "work"].value`, `row.id`),
		lines(`name[givenName eq "x"].familyName`, `row.id`),
		lines("active", `row.active`, "emails", `row.id`, "usher.startDate", `1`),
		lines("userName unique everywhere", `row.id`, "active unique app", `true`, "emails unique app", `[]`),
		lines("userName", `row.idd`, "title", `row.`, "nme", `row.id +`),
		lines("", `row.id`),
	} {
		for _, a := range attrs {
			fmt.Fprintf(&out, "%s: %s\n", a.Path, a.Value)
		}
		_, err := rowEnv(t).CompileMapping(scim.UserURN, attrs)
		var one *config.Error
		if err != nil && !errors.As(err, &one) {
			t.Errorf("no config.Error but %v", err)
		}
		fmt.Fprintf(&out, "  %s\n", strings.ReplaceAll(fmt.Sprint(err), "\n", "\n  "))
	}
	golden(t, "mapping-errors", out.String())
}

func TestMappingDigest(t *testing.T) {
	t.Parallel()
	digest := func(attrs []config.Attribute) [32]byte {
		m, err := rowEnv(t).CompileMapping(scim.UserURN, attrs)
		if err != nil {
			t.Fatal(err)
		}
		return m.Digest()
	}
	base := digest(hrMapping())
	turned := hrMapping()
	slices.Reverse(turned)
	if digest(turned) != base {
		t.Error("the digest depends on the order of the lines")
	}
	for i := range 3 {
		changed := hrMapping()
		switch i {
		case 0:
			changed[1].Value.Value = `row.id + ""`
		case 1:
			changed[0].Unique = ""
		case 2:
			changed = changed[1:]
		}
		if digest(changed) == base {
			t.Errorf("change %d does not change the digest", i)
		}
	}
	same := hrMapping()
	same[0].Path.Value = scim.UserURN + ":username"
	if digest(same) != base {
		t.Error("the digest depends on how a path is spelled")
	}
}

// What an app does not have is left out of the mapping, and the rest stays as it is.
func TestMappingWithout(t *testing.T) {
	t.Parallel()
	m, err := rowEnv(t).CompileMapping(scim.UserURN, hrMapping())
	if err != nil {
		t.Fatal(err)
	}
	if same := m.Without(func(scim.Path) bool { return false }); same != m {
		t.Error("a mapping that loses nothing is another one")
	}
	less := m.Without(func(p scim.Path) bool { return p.Attr == "emails" || p.Attr == "title" })
	if len(less.Paths()) != len(m.Paths())-2 || less.Digest() == m.Digest() {
		t.Errorf("%v", less.Paths())
	}
	all, _ := m.Apply(mapping.Input{Row: row()})
	all.Delete("emails")
	all.Delete("title")
	if got, failures := less.Apply(mapping.Input{Row: row()}); len(failures) > 0 || got.String() != all.String() {
		t.Errorf("%s, %v", got, failures)
	}
}
