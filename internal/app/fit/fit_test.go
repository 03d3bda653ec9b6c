// SPDX-License-Identifier: Apache-2.0

package fit_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/fit"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/scim"
)

// lines are a mapping of the attributes with these paths, one on each line.
func lines(t interface {
	Helper()
	Fatal(args ...any)
}, paths ...string,
) fit.Sent {
	t.Helper()
	set := scim.CoreSchemas()
	s := fit.Sent{Pos: config.Position{Line: 1}, ExternalID: true}
	for i, text := range paths {
		p, err := set.ParsePath(text)
		if err != nil {
			t.Fatal(err)
		}
		top := scim.Path{URN: p.URN, Attr: p.Attr}
		r := fit.Rule{Path: p, Written: text, At: config.Position{Line: i + 2}, From: config.Position{Line: i + 2, Column: 9}}
		r.Whole, _ = set.Lookup(scim.UserURN, top)
		top.Sub = p.Sub
		r.Part, _ = set.Lookup(scim.UserURN, top)
		s.Rules = append(s.Rules, r)
	}
	return s
}

func profile(t interface {
	Helper()
	Fatal(args ...any)
}, id string,
) app.Profile {
	t.Helper()
	p, err := app.ProfileByID(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var somePaths = rapid.SliceOfDistinct(rapid.SampledFrom([]string{
	"userName", "title", "displayName", "name.givenName", "name.familyName", `emails[type eq "work"].value`, `emails[type eq "work"].primary`,
	`emails[type eq "other" and primary eq true].value`, "emails", "externalId", "enterprise.department", "enterprise.manager.value", "usher.startDate", "active",
}), func(s string) string { return s })

var someResource = rapid.Custom(func(t *rapid.T) *scim.Resource {
	r := scim.NewResource(scim.UserURN)
	text := rapid.SampledFrom([]string{"", "a", "work", "2026-01-01T00:00:00Z", strings.Repeat("x", 300), "tom@home", "\x00"})
	for _, name := range []string{"userName", "title", "displayName"} {
		r.Set(name, scim.String(text.Draw(t, name)))
	}
	var name, email, extension scim.Object
	name.Set("givenName", scim.String(text.Draw(t, "givenName")))
	name.Set("familyName", scim.Bool(true))
	r.Set("name", scim.Complex(name))
	email.Set("value", scim.String(text.Draw(t, "email")))
	email.Set("type", scim.String("work"))
	email.Set("primary", scim.Integer(1))
	r.Set("emails", scim.List(scim.Complex(email), scim.String("odd"), scim.Null()))
	extension.Set("department", scim.List(scim.String("a")))
	r.Set(scim.EnterpriseUserURN, scim.Complex(extension))
	return r
})

// Whatever an app says, whatever is mapped and whoever it is about: there is an answer,
// in the order of the file, that can be shown, and that repeats no value.
func TestFindingsProperties(t *testing.T) {
	t.Parallel()
	profiles, err := app.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	const secret = "tom@home"
	rapid.Check(t, func(t *rapid.T) {
		d := someDiscovery.Draw(t, "discovery")
		p := rapid.SampledFrom(profiles).Draw(t, "profile")
		s := lines(t, somePaths.Draw(t, "paths")...)
		if rapid.Bool().Draw(t, "groups") {
			s.Groups = &config.Position{Line: 99}
		}
		if len(s.Rules) > 0 && rapid.Bool().Draw(t, "constant") {
			v := rapid.SampledFrom([]scim.Value{scim.Null(), scim.String(""), scim.String("x"), scim.Bool(true), scim.List(scim.String("y")), scim.Integer(3)}).Draw(t, "value")
			s.Rules[0].Constant = &v
		}
		found := fit.Mapping(p, d, s)
		of := fit.Resource(p, d, s, someResource.Draw(t, "person"))
		for _, list := range [][]fit.Finding{found, of} {
			if !slices.IsSortedFunc(list, func(a, b fit.Finding) int { return a.Pos.Line - b.Pos.Line }) {
				t.Fatalf("not in the order of the file: %v", list)
			}
			for _, f := range list {
				if f.Text == "" || f.Pos.Line == 0 || strings.Contains(f.Text+f.Fix, secret) {
					t.Fatalf("%+v", f)
				}
			}
		}
	})
}

// Of an app that tells nothing no attribute is said to be unknown, whatever is mapped.
func TestNothingToldIsNothingUnknown(t *testing.T) {
	t.Parallel()
	plain := profile(t, "generic-scim2")
	rapid.Check(t, func(t *rapid.T) {
		paths := append([]string{"userName"}, slices.DeleteFunc(somePaths.Draw(t, "paths"), func(s string) bool { return s == "userName" })...)
		for _, f := range fit.Mapping(plain, app.Discovery{}, lines(t, paths...)) {
			if f.Level != fit.Note {
				t.Fatalf("%+v", f)
			}
		}
	})
}

// A schema as vendors write them: no sub-attributes, types of their own, names in other
// letters. What it leaves open is not held against a mapping.
func TestALooseSchemaIsReadLoosely(t *testing.T) {
	t.Parallel()
	d := app.Discovery{
		Parts: map[app.Part]app.PartState{app.PartFeatures: app.PartTold, app.PartSchemas: app.PartTold, app.PartTypes: app.PartTold},
		Types: []scim.ResourceType{{Name: "user", Endpoint: "Users/", Schema: "urn:vendor:User"}},
		Schemas: []scim.Schema{{ID: "URN:VENDOR:USER", Attributes: []scim.Attribute{
			{Name: "USERNAME", Type: "Text", Required: true},
			{Name: "Active", Type: scim.TypeBoolean},
			{Name: "emails", Type: scim.TypeComplex, MultiValued: true},
			{Name: "name", Type: scim.TypeComplex},
		}}},
	}
	s := lines(t, "userName", "name.givenName", `emails[type eq "work"].value`, "externalId")
	if found := fit.Mapping(profile(t, "generic-scim2"), d, s); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	s = lines(t, "userName", "title")
	found := fit.Mapping(profile(t, "generic-scim2"), d, s)
	if len(found) != 1 || found[0].Pos.Line != 3 || found[0].Level != fit.Error {
		t.Errorf("%+v", found)
	}
}

// Where an app has an attribute elsewhere, the finding says where.
// What a profile requires in a schema of the app's own is missed, too.
func TestRequiredOfAnExtension(t *testing.T) {
	t.Parallel()
	const nickname = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User:mailNickname"
	p := profile(t, "entra-scim-api")
	s := lines(t, "userName", "displayName", "name.givenName", "name.familyName")
	missed := func(s fit.Sent) bool {
		return slices.ContainsFunc(fit.Mapping(p, app.Discovery{}, s), func(f fit.Finding) bool {
			return f.Level == fit.Error && strings.Contains(f.Text, "requires "+nickname)
		})
	}
	if !missed(s) {
		t.Error("it is not missed")
	}
	s.Rules = append(s.Rules, fit.Rule{Path: scim.MustPath(nickname), Written: nickname})
	if missed(s) {
		t.Error("it is missed where it is mapped")
	}
}

func TestTheFixSaysWhereItIs(t *testing.T) {
	t.Parallel()
	d := app.Discovery{
		Parts: map[app.Part]app.PartState{app.PartFeatures: app.PartTold, app.PartSchemas: app.PartTold, app.PartTypes: app.PartTold},
		Types: []scim.ResourceType{{Name: "User", Endpoint: "/Users", Schema: scim.UserURN, SchemaExtensions: []scim.SchemaExtension{{Schema: "urn:x:ext"}}}},
		Schemas: []scim.Schema{
			{ID: scim.UserURN, Attributes: []scim.Attribute{{Name: "userName"}, {Name: "active", Type: scim.TypeBoolean}}},
			{ID: "urn:x:ext", Attributes: []scim.Attribute{{Name: "Title"}}},
		},
	}
	found := fit.Mapping(profile(t, "generic-scim2"), d, lines(t, "userName", "title"))
	if len(found) != 1 || found[0].Fix != "it has Title in urn:x:ext" {
		t.Errorf("%+v", found)
	}
}

// What an app calls its attributes is cut, and cannot move a cursor.
func TestNamesOfAnAppAreBounded(t *testing.T) {
	t.Parallel()
	d := app.Discovery{
		Parts: map[app.Part]app.PartState{app.PartFeatures: app.PartTold, app.PartSchemas: app.PartTold, app.PartTypes: app.PartTold},
		Types: []scim.ResourceType{{Name: "User", Endpoint: "/Users", Schema: scim.UserURN}},
		Schemas: []scim.Schema{{ID: scim.UserURN, Attributes: []scim.Attribute{
			{Name: "userName"}, {Name: "active", Type: scim.TypeBoolean}, {Name: "\x1b[31m" + strings.Repeat("x", 60_000), Required: true},
		}}},
	}
	found := fit.Mapping(profile(t, "generic-scim2"), d, lines(t, "userName"))
	if len(found) != 1 || len(found[0].Text) > 1100 || strings.Contains(found[0].Text, "\x1b") || !strings.HasPrefix(found[0].Text, "the app requires [31mxxx") {
		t.Errorf("%d findings, the first of %d bytes: %.80q", len(found), len(found[0].Text), found[0].Text)
	}
}
