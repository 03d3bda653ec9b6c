// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/usher-id/usher/scim"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	set := scim.CoreSchemas()
	for text, want := range map[string]struct {
		typ   scim.Type
		multi bool
		mut   scim.Mutability
	}{
		"userName":                     {scim.TypeString, false, scim.ReadWrite},
		"USERNAME":                     {scim.TypeString, false, scim.ReadWrite},
		"name":                         {scim.TypeComplex, false, scim.ReadWrite},
		"name.givenName":               {scim.TypeString, false, scim.ReadWrite},
		"emails":                       {scim.TypeComplex, true, scim.ReadWrite},
		`emails[type eq "work"].value`: {scim.TypeString, false, scim.ReadWrite},
		"emails.primary":               {scim.TypeBoolean, false, scim.ReadWrite},
		"password":                     {scim.TypeString, false, scim.WriteOnly},
		"groups.$ref":                  {scim.TypeReference, false, scim.ReadOnly},
		"id":                           {scim.TypeString, false, scim.ReadOnly},
		"meta.lastModified":            {scim.TypeDateTime, false, scim.ReadOnly},
		"x509Certificates.value":       {scim.TypeBinary, false, scim.ReadWrite},
		scim.UserURN + ":userName":     {scim.TypeString, false, scim.ReadWrite},
		"enterprise.manager.value":     {scim.TypeString, false, scim.ReadWrite},
		"enterprise":                   {scim.TypeComplex, false, scim.ReadWrite},
		"usher.startDate":              {scim.TypeDateTime, false, scim.ReadWrite},
		"usher.onLeave":                {scim.TypeBoolean, false, scim.ReadWrite},
	} {
		a, ok := set.Lookup(scim.UserURN, path(t, text))
		if !ok || a.Type != want.typ || a.MultiValued != want.multi || a.Mutability != want.mut {
			t.Errorf("%s: %+v %v", text, a, ok)
		}
	}
	for _, text := range []string{"department", "nope", "name.nope", "userName.x", "members", "enterprise.userName", scim.UserURN, "urn:x:y:2.0:Z"} {
		if a, ok := set.Lookup(scim.UserURN, path(t, text)); ok {
			t.Errorf("%s: %+v", text, a)
		}
	}
	if a, ok := set.Lookup(scim.GroupURN, path(t, "members.value")); !ok || a.Mutability != scim.Immutable {
		t.Error("members.value")
	}
}

// Definitions survive the way over the wire.
func TestSchemasRoundTrip(t *testing.T) {
	t.Parallel()
	all := scim.CoreSchemas().Schemas()
	if len(all) != 7 {
		t.Fatalf("%d schemas", len(all))
	}
	for _, s := range all {
		data, err := s.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		got, err := scim.ParseSchema(data, scim.Limits{})
		if err != nil {
			t.Errorf("%s: %v", s.ID, err)
			continue
		}
		again, err := scim.NewSchemaSet(got)
		if err != nil {
			t.Errorf("%s: %v", s.ID, err)
			continue
		}
		back, _ := again.Schema(s.ID)
		x, _ := back.MarshalJSON()
		if string(x) != string(data) {
			t.Errorf("%s: %s", s.ID, x)
		}
	}
	for _, rt := range scim.CoreResourceTypes() {
		data, _ := rt.MarshalJSON()
		got, err := scim.ParseResourceType(data, scim.Limits{})
		if err != nil || !reflect.DeepEqual(got, rt) {
			t.Errorf("%s: %+v, %v", rt.Name, got, err)
		}
	}
}

func TestSchemaSetRefuses(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]scim.Schema{
		"no id":        {Name: "x"},
		"there":        {ID: scim.UserURN},
		"other case":   {ID: "URN:IETF:params:scim:schemas:core:2.0:User"},
		"bad name":     {ID: "urn:x:y", Attributes: []scim.Attribute{{Name: "a b"}}},
		"twice":        {ID: "urn:x:y", Attributes: []scim.Attribute{{Name: "a"}, {Name: "A"}}},
		"type":         {ID: "urn:x:y", Attributes: []scim.Attribute{{Name: "a", Type: "colour"}}},
		"mutability":   {ID: "urn:x:y", Attributes: []scim.Attribute{{Name: "a", Mutability: "sometimes"}}},
		"returned":     {ID: "urn:x:y", Attributes: []scim.Attribute{{Name: "a", Returned: "sometimes"}}},
		"uniqueness":   {ID: "urn:x:y", Attributes: []scim.Attribute{{Name: "a", Uniqueness: "sometimes"}}},
		"nested":       {ID: "urn:x:y", Attributes: []scim.Attribute{{Name: "a", Type: scim.TypeComplex, SubAttributes: []scim.Attribute{{Name: "b", Type: scim.TypeComplex, SubAttributes: []scim.Attribute{{Name: "c"}}}}}}},
		"no subs":      {ID: "urn:x:y", Attributes: []scim.Attribute{{Name: "a", Type: scim.TypeComplex}}},
		"subs":         {ID: "urn:x:y", Attributes: []scim.Attribute{{Name: "a", SubAttributes: []scim.Attribute{{Name: "b"}}}}},
		"bad sub name": {ID: "urn:x:y", Attributes: []scim.Attribute{{Name: "a", Type: scim.TypeComplex, SubAttributes: []scim.Attribute{{Name: ""}}}}},
	} {
		if _, err := scim.CoreSchemas().With(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, text := range []string{`{}`, `{"id":"x","attributes":{}}`, `{"id":"x","attributes":[{}]}`, `{"id":"x","attributes":[{"name":"a","subAttributes":[1]}]}`} {
		if _, err := scim.ParseSchema([]byte(text), scim.Limits{}); err == nil {
			t.Errorf("%s: accepted", text)
		}
	}
}

func TestWithLeavesTheSetAlone(t *testing.T) {
	t.Parallel()
	mine := []scim.Attribute{{Name: "a"}}
	set, err := scim.CoreSchemas().With(scim.Schema{ID: "urn:x:y", Attributes: mine})
	if err != nil {
		t.Fatal(err)
	}
	mine[0].Name = "changed"
	if a, ok := set.Lookup(scim.UserURN, scim.Path{URN: "urn:x:y", Attr: "a"}); !ok || a.Type != scim.TypeString || a.Returned != scim.ReturnedDefault {
		t.Errorf("%+v %v", a, ok)
	}
	if _, ok := scim.CoreSchemas().Schema("urn:x:y"); ok {
		t.Error("the core set changed")
	}
	set, err = set.WithAlias("x", "urn:x:y")
	if err != nil || set.ResolveAlias("x.a") != "urn:x:y:a" || set.ResolveAlias("X") != "urn:x:y" || set.ResolveAlias("xy.a") != "xy.a" {
		t.Error("alias", err)
	}
	if len(scim.CoreSchemas().Aliases()) != 2 || len(set.Aliases()) != 3 {
		t.Error("aliases")
	}
	for _, bad := range [][2]string{{"x", "urn:x:y"}, {"a b", "urn:x:y"}, {"z", "urn:none:none"}} {
		if _, err := set.WithAlias(bad[0], bad[1]); err == nil {
			t.Errorf("%v: accepted", bad)
		}
	}
}

// What the RFC contradicts itself about, and what a foreign provider spells its own way.
func TestSchemasAsDecided(t *testing.T) {
	t.Parallel()
	set := scim.CoreSchemas()
	find := func(schema, text string) scim.Attribute {
		a, ok := set.Lookup(schema, path(t, text))
		if !ok {
			t.Errorf("no %s", text)
		}
		return a
	}
	if !find(scim.GroupURN, "displayName").Required {
		t.Error("a group has a displayName (RFC 7643 §4.2)")
	}
	for _, text := range []string{"id", "externalId", "schemas", "meta.location", "profileUrl", "photos.value", "x509Certificates.value", "groups.$ref", "groups.value", "enterprise.manager.value"} {
		if !find(scim.UserURN, text).CaseExact {
			t.Errorf("%s has letter case", text)
		}
	}
	for _, text := range []string{"members.value", "members.$ref"} {
		if a := find(scim.GroupURN, text); !a.CaseExact || a.Mutability != scim.Immutable {
			t.Errorf("%s: %+v", text, a)
		}
	}
	find(scim.GroupURN, "members.display")
	find(scim.UserURN, "addresses.primary")
	s, err := scim.ParseSchema([]byte(`{"id":"urn:x:y","attributes":[{"name":"a","type":"String","mutability":"READONLY","returned":"Always","uniqueness":"SERVER"},{"name":"b","type":"DateTime"}]}`), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Attributes[0]; a.Type != scim.TypeString || a.Mutability != scim.ReadOnly || a.Returned != scim.ReturnedAlways || a.Uniqueness != scim.UniqueServer {
		t.Errorf("%+v", a)
	}
	if s.Attributes[1].Type != scim.TypeDateTime {
		t.Errorf("%+v", s.Attributes[1])
	}
}

// encoding/json reads what the package writes; it must not leave anything empty.
func TestUnmarshal(t *testing.T) {
	t.Parallel()
	var all struct {
		User   scim.Resource
		Name   scim.Object
		Any    scim.Value
		Patch  scim.Patch
		List   scim.ListResponse
		Error  *scim.Error
		Schema scim.Schema
		Type   scim.ResourceType
		Attr   scim.Attribute
	}
	text := `{"User":{"schemas":["` + scim.UserURN + `"],"userName":"a"},"Name":{"givenName":"A"},"Any":[1.5],` +
		`"Patch":{"schemas":["` + scim.PatchOpURN + `"],"Operations":[{"op":"remove","path":"title"}]},` +
		`"List":{"schemas":["` + scim.ListResponseURN + `"],"totalResults":1,"Resources":[{"id":"1"}]},` +
		`"Error":{"schemas":["` + scim.ErrorURN + `"],"status":"404","detail":"gone"},` +
		`"Schema":{"schemas":["` + scim.SchemaURN + `"],"id":"urn:x","name":"X","attributes":[]},` +
		`"Type":{"schemas":["` + scim.ResourceTypeURN + `"],"name":"T","endpoint":"/Ts","schema":"urn:x","schemaExtensions":[]},` +
		`"Attr":{"name":"a","type":"string","multiValued":false,"required":false,"caseExact":false,"mutability":"readWrite","returned":"default","uniqueness":"none"}}`
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	if all.User.UserName() != "a" || all.Error.Status != 404 || len(all.Patch) != 1 || all.List.Resources[0].ID() != "1" || all.Attr.Returned != scim.ReturnedDefault {
		t.Errorf("%+v", all)
	}
	data, err := json.Marshal(&all)
	if err != nil || string(data) != text {
		t.Errorf("written as %s, %v", data, err)
	}
	for _, bad := range []string{`{"User":{"a":1,"A":2}}`, `{"User":[]}`, `{"Patch":{}}`, `{"List":{}}`, `{"Error":{}}`, `{"Schema":{}}`, `{"Type":{}}`, `{"Attr":{}}`, `{"Name":1}`} {
		if err := json.Unmarshal([]byte(bad), &all); err == nil {
			t.Errorf("%s: accepted", bad)
		}
	}
}
